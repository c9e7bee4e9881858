/* SPDX-License-Identifier: MIT */
/*
 * The session's own network: its loopback, and what keeps the machine's out of reach.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "nsshell/sandbox.h"
#include "sandbox/network.h"

static int failed(struct nsh_err *err, const char *what)
{
	return nsh_err_sys(err, NSH_REASON_NAMESPACES, -errno, "%s", what);
}

int nsh_network_loopback(struct nsh_err *err)
{
	NSH_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return failed(err, "bring up the loopback of the session's network");
	return 0;
}

struct route {
	struct nlmsghdr head;
	struct rtmsg route;
	char attributes[64];
};

static void add_attribute(struct route *route, unsigned short type, const void *data, size_t len)
{
	struct rtattr *attribute =
		(struct rtattr *)((char *)route + NLMSG_ALIGN(route->head.nlmsg_len));

	attribute->rta_type = type;
	attribute->rta_len = (unsigned short)RTA_LENGTH(len);
	memcpy(RTA_DATA(attribute), data, len);
	route->head.nlmsg_len = NLMSG_ALIGN(route->head.nlmsg_len) + RTA_ALIGN(attribute->rta_len);
}

static int ask(int fd, const struct route *route)
{
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		char rest[256];
	} answer;

	if (send(fd, route, route->head.nlmsg_len, 0) < 0 ||
	    recv(fd, &answer, sizeof(answer), 0) < (ssize_t)NLMSG_LENGTH(sizeof(answer.error)))
		return -1;
	if (answer.head.nlmsg_type == NLMSG_ERROR && answer.error.error == 0)
		return 0;
	errno = answer.head.nlmsg_type == NLMSG_ERROR ? -answer.error.error : EPROTO;
	return -1;
}

/* As "ip route add local ADDRESS/LENGTH dev INTERFACE table local". */
static int add_local(int fd, unsigned char family, const void *address, size_t size,
		     unsigned char length, unsigned interface)
{
	struct route route = {
		.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(route.route)),
			 .nlmsg_type = RTM_NEWROUTE,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_APPEND},
		.route = {.rtm_family = family,
			  .rtm_dst_len = length,
			  .rtm_table = RT_TABLE_LOCAL,
			  .rtm_protocol = RTPROT_BOOT,
			  .rtm_scope = RT_SCOPE_HOST,
			  .rtm_type = RTN_LOCAL},
	};

	add_attribute(&route, RTA_DST, address, size);
	add_attribute(&route, RTA_OIF, &interface, sizeof(interface));
	return ask(fd, &route);
}

static int guard(int fd, unsigned interface, struct nsh_err *err)
{
	static const unsigned char loopback[] = {127, 0, 0, 0};

	if (add_local(fd, AF_INET, loopback, sizeof(loopback), 8, interface) < 0)
		return failed(err, "keep 127.0.0.0/8 in the session");
	/* Where there is no IPv6, or none on this interface, nothing can be sent by it. */
	if (add_local(fd, AF_INET6, &in6addr_loopback, sizeof(in6addr_loopback), 128, interface) <
		    0 &&
	    errno != EAFNOSUPPORT && errno != EOPNOTSUPP && errno != EACCES)
		return failed(err, "keep ::1 in the session");
	return 0;
}

/*
 * Makes the loopback addresses local on every other interface too. Whoever binds a socket to an interface
 * (SO_BINDTODEVICE) could otherwise send to 127.0.0.1 through it, and older pasta passes that on.
 */
int nsh_sandbox_guard_network(struct nsh_err *err)
{
	NSH_CLOSE int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct if_nameindex *all = fd < 0 ? NULL : if_nameindex();
	int ret = all ? 0 : failed(err, "list the interfaces of the session's network");

	for (struct if_nameindex *at = all; all && ret == 0 && at->if_index; at++)
		if (strcmp(at->if_name, "lo") != 0)
			ret = guard(fd, at->if_index, err);
	if (all)
		if_freenameindex(all);
	return ret;
}
