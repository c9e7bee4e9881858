/* SPDX-License-Identifier: MIT */
/*
 * resolv.conf(5): no resolver on the machine's loopback is left in a session behind pasta.
 */
#include <arpa/inet.h>

#include "sandbox/resolver.h"
#include "tests/fuzz/fuzz.h"

static bool is_loopback(const char *text)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, text, bytes) == 1)
		return bytes[0] == 127;
	return inet_pton(AF_INET6, text, bytes) == 1 &&
	       IN6_IS_ADDR_LOOPBACK((struct in6_addr *)(void *)bytes);
}

static void check_line(const char *line)
{
	char address[64];

	if (sscanf(line, "nameserver%*[ \t]%63[^ \t\r]", address) == 1)
		REQUIRE(!is_loopback(address));
}

static void check_lines(const char *text)
{
	char *copy = strdup(text);
	char *rest = copy;

	REQUIRE(copy);
	while (rest)
		check_line(strsep(&rest, "\n"));
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct nsh_resolver again;
	struct nsh_resolver made;

	REQUIRE(text && nsh_resolver_parse(&made, text) == 0);
	check_lines(made.text);
	REQUIRE(!made.ipv4 || strstr(made.text, NSH_RESOLVER_IPV4));
	REQUIRE(!made.ipv6 || strstr(made.text, NSH_RESOLVER_IPV6));
	REQUIRE(nsh_resolver_parse(&again, made.text) == 0);
	REQUIRE(!again.ipv4 && !again.ipv6 && !strcmp(again.text, made.text));
	nsh_resolver_free(&again);
	REQUIRE(nsh_resolver_parse(&again, made.servers) == 0);
	REQUIRE(again.ipv4 == made.ipv4 && again.ipv6 == made.ipv6);
	REQUIRE(!strcmp(again.servers, made.servers));
	nsh_resolver_free(&again);
	nsh_resolver_free(&made);
	free(text);
	return 0;
}
