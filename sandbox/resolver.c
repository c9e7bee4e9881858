/* SPDX-License-Identifier: MIT */
/*
 * The machine's resolv.conf(5) for a session behind pasta(1).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "sandbox/resolver.h"

#define BLANKS " \t"
#define FILE_MAX (64 * 1024)

/* What is known of one family while its lines are read. */
struct family {
	int number;
	const char *ours;
	bool seen;
	bool *forwarded;
	FILE *out; /* the first one, for pasta */
};

static bool is_loopback(int family, const void *address)
{
	const unsigned char *bytes = address;

	return family == AF_INET ? bytes[0] == 127
				 : IN6_IS_ADDR_LOOPBACK((struct in6_addr *)address);
}

/* Returns whether the line is a nameserver of the family; then it is written, or left out. */
static bool take_server(FILE *out, const char *address, struct family *family)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	if (inet_pton(family->number, address, bytes) != 1)
		return false;
	if (!is_loopback(family->number, bytes))
		fprintf(out, "nameserver %s\n", address);
	else if (!family->seen)
		fprintf(out, "nameserver %s\n", family->ours);
	if (!family->seen)
		fprintf(family->out, "nameserver %s\n", address);
	*family->forwarded |= !family->seen && is_loopback(family->number, bytes);
	family->seen = true;
	return true;
}

static void take_line(FILE *out, const char *line, struct family families[2])
{
	char address[INET6_ADDRSTRLEN + 1];
	const char *rest = line + strlen("nameserver");

	if (strncmp(line, "nameserver", strlen("nameserver")) != 0 || !strchr(BLANKS, *rest)) {
		fprintf(out, "%s\n", line);
		return;
	}
	rest += strspn(rest, BLANKS);
	snprintf(address, sizeof(address), "%.*s", (int)strcspn(rest, BLANKS "\r"), rest);
	if (!take_server(out, address, &families[0]) && !take_server(out, address, &families[1]))
		fprintf(out, "%s\n", line);
}

/* Returns false without memory. */
static bool write_text(FILE *out, const char *text, struct family families[2])
{
	while (*text) {
		size_t length = strcspn(text, "\n");
		NSH_FREE char *line = strndup(text, length);

		if (!line)
			return false;
		take_line(out, line, families);
		text += length + (text[length] == '\n');
	}
	return true;
}

int nsh_resolver_parse(struct nsh_resolver *resolver, const char *text)
{
	struct family families[] = {
		{.number = AF_INET, .ours = NSH_RESOLVER_IPV4, .forwarded = &resolver->ipv4},
		{.number = AF_INET6, .ours = NSH_RESOLVER_IPV6, .forwarded = &resolver->ipv6},
	};
	bool done = false;
	size_t len;
	FILE *servers;
	FILE *out;

	*resolver = (struct nsh_resolver){0};
	out = open_memstream(&resolver->text, &len);
	servers = open_memstream(&resolver->servers, &len);
	families[0].out = families[1].out = servers;
	if (out && servers)
		done = write_text(out, text, families);
	if (out)
		done &= fclose(out) == 0;
	if (servers)
		done &= fclose(servers) == 0;
	if (done)
		return 0;
	nsh_resolver_free(resolver);
	return -ENOMEM;
}

int nsh_resolver_read(struct nsh_resolver *resolver)
{
	NSH_CLOSE int fd = open("/etc/resolv.conf", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char text[FILE_MAX];
	ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	text[len < 0 ? 0 : len] = '\0';
	return nsh_resolver_parse(resolver, text);
}

void nsh_resolver_free(struct nsh_resolver *resolver)
{
	free(resolver->text);
	free(resolver->servers);
	*resolver = (struct nsh_resolver){0};
}
