/* SPDX-License-Identifier: MIT */
/*
 * Starting the PID 1 of a shared sandbox.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nsshell/child.h"
#include "nsshell/cleanup.h"
#include "nsshell/message.h"
#include "nsshell/pass.h"
#include "nsshell/paths.h"
#include "nsshell/sandbox.h"
#include "sandbox/frame.h"

/* Longest time to make it, in seconds. */
#define READY_S 15

static int failed(struct nsh_err *err, const char *what)
{
	return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "the sandbox's first process: %s",
			   what);
}

/* Why it is no process of nsshell's yet: later it logs such a thing itself. */
static void __attribute__((noreturn)) tell_and_end(int socket, int code)
{
	const struct nsh_message message = {.kind = MESSAGE_FAILED, .value = code};

	nsh_pass_send(socket, &message, sizeof(message), NULL, 0, 0);
	_exit(1);
}

/* Nothing of the helper's is left in it but one end of the socket. */
static void __attribute__((noreturn)) run(const struct nsh_user *user, int network, int socket)
{
	static char name[] = NSH_HOST_NAME;
	char *argv[] = {name, NULL};
	char *envp[] = {NULL};
	struct nsh_err err;

	if (nsh_child_shut_streams() < 0 || setsid() < 0 || chdir("/") < 0 ||
	    setns(network, CLONE_NEWNET) < 0)
		tell_and_end(socket, errno);
	if (nsh_sandbox_become(user, &err) < 0)
		tell_and_end(socket, EPERM);
	if (socket == NSH_HOST_FD ? fcntl(socket, F_SETFD, 0) < 0 : dup2(socket, NSH_HOST_FD) < 0)
		tell_and_end(socket, errno);
	if (close_range(NSH_HOST_FD + 1, ~0U, 0) == 0)
		execve(NSH_SHELL_PATH, argv, envp);
	tell_and_end(NSH_HOST_FD, errno);
}

int nsh_host_await(int init, struct nsh_ways *ways, struct nsh_err *err)
{
	const struct timeval most = {.tv_sec = READY_S};
	struct nsh_message message;
	int fds[NSH_PASS_MAX];
	size_t n_fds = 0;
	int ret = 0;

	if (setsockopt(init, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most)) < 0)
		return failed(err, "setsockopt");
	ret = nsh_pass_receive(init, &message, sizeof(message), fds, &n_fds, 0, NULL);
	if (ret == 1 && message.kind == MESSAGE_READY && n_fds == NSH_DOOR_PARTS) {
		memcpy(ways->part, fds, sizeof(ways->part));
		return 0;
	}
	nsh_pass_close(fds, n_fds);
	if (ret == 1 && message.kind == MESSAGE_FAILED)
		return nsh_err_sys(err, NSH_REASON_NAMESPACES, -message.value,
				   "start the sandbox's first process");
	return nsh_err_set(err, NSH_REASON_NAMESPACES, -EIO, "the sandbox's first process %s",
			   ret < 0 ? "is not ready in time"
				   : "has ended; it has logged why (nsshell, at the same time)");
}

int nsh_host_is_ready(int socket, struct nsh_ways *ways, struct nsh_err *err)
{
	const struct nsh_message message = {.kind = MESSAGE_READY};
	int ret = nsh_pass_send(socket, &message, sizeof(message), ways->part, NSH_DOOR_PARTS, 0);

	nsh_door_close_ways(ways);
	return ret < 0 ? nsh_err_sys(err, NSH_REASON_MACHINE, ret, "say that the sandbox is ready")
		       : 0;
}

void nsh_host_leave_cpu(void)
{
	cpu_set_t all;

	memset(&all, 0xff, sizeof(all));
	sched_setaffinity(0, sizeof(all), &all);
}

int nsh_host_start(struct nsh_host *host, const struct nsh_user *user, int network,
		   struct nsh_err *err)
{
	int ends[2];
	int ret;

	*host = (struct nsh_host){.init = -1};
	nsh_ways_clear(&host->ways);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return failed(err, "socketpair");
	host->init = ends[0];
	host->outer = fork();
	if (host->outer == 0)
		run(user, network, ends[1]);
	close(ends[1]);
	if (host->outer < 0)
		return failed(err, "fork");
	ret = nsh_host_await(host->init, &host->ways, err);
	if (ret < 0)
		nsh_child_end(host->outer);
	return ret;
}

void nsh_host_close(struct nsh_host *host)
{
	nsh_cleanup_close(&host->init);
	host->init = -1;
	nsh_door_close_ways(&host->ways);
}

bool nsh_host_is_asked(const char *name)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return name && !strcmp(name, NSH_HOST_NAME) &&
	       getsockopt(NSH_HOST_FD, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == 0;
}
