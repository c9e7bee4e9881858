/* SPDX-License-Identifier: MIT */
/*
 * Where a login comes from.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/source.h"

#define MAPPED_BITS 96

static const uint8_t mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static int invalid(struct nsh_err *err, const char *text, size_t len, const char *what)
{
	return nsh_err_set(err, NSH_REASON_POLICY, -EINVAL, "\"%.*s\" %s", (int)len, text, what);
}

/* Returns the number of the address's bits that its own form has, 32 or 128, or 0. */
static unsigned parse_address(uint8_t address[16], const char *text)
{
	if (inet_pton(AF_INET6, text, address) == 1)
		return 128;
	memcpy(address, mapped, sizeof(mapped));
	return inet_pton(AF_INET, text, address + sizeof(mapped)) == 1 ? 32 : 0;
}

/* Returns a number of at most max, written without sign and leading zeros, or -1. */
static int parse_prefix(const char *text, unsigned max)
{
	unsigned value = 0;
	size_t len = strspn(text, "0123456789");

	if (!len || len > 3 || text[len] || (len > 1 && text[0] == '0'))
		return -1;
	for (; *text; text++)
		value = value * 10 + (unsigned)(*text - '0');
	return value <= max ? (int)value : -1;
}

static bool bit(const uint8_t address[16], unsigned i)
{
	return address[i / 8] >> (7 - i % 8) & 1;
}

static bool is_clear_behind(const struct nsh_source *source)
{
	for (unsigned i = source->bits; i < 128; i++)
		if (bit(source->address, i))
			return false;
	return true;
}

int nsh_source_parse(struct nsh_source *source, const char *text, size_t len, struct nsh_err *err)
{
	char copy[INET6_ADDRSTRLEN + sizeof("/128")];
	unsigned width;
	char *slash;
	int prefix;

	*source = (struct nsh_source){0};
	if (len >= sizeof(copy))
		return invalid(err, text, len, "is no address");
	snprintf(copy, sizeof(copy), "%.*s", (int)len, text);
	if (!strcmp(copy, "local")) {
		source->local = true;
		return 0;
	}
	slash = strchr(copy, '/');
	if (slash)
		*slash = '\0';
	width = parse_address(source->address, copy);
	if (!width)
		return invalid(err, text, len, "is neither an address, ADDRESS/PREFIX nor local");
	prefix = slash ? parse_prefix(slash + 1, width) : (int)width;
	if (prefix < 0)
		return invalid(err, text, len, "has no valid prefix length");
	source->bits = (unsigned)prefix + (width == 32 ? MAPPED_BITS : 0);
	if (!is_clear_behind(source))
		return invalid(err, text, len, "has bits set behind its prefix");
	return 0;
}

int nsh_source_of_login(struct nsh_source *source, const char *rhost, struct nsh_err *err)
{
	char copy[INET6_ADDRSTRLEN];
	size_t len = strcspn(rhost, "%");
	unsigned width = 0;

	*source = (struct nsh_source){.local = !*rhost, .bits = 128};
	if (source->local)
		return 0;
	if (len < sizeof(copy)) {
		snprintf(copy, sizeof(copy), "%.*s", (int)len, rhost);
		width = parse_address(source->address, copy);
	}
	if (width == 128 || (width && !rhost[len]))
		return 0;
	return nsh_err_set(err, NSH_REASON_POLICY, -EINVAL,
			   "the login comes from \"%.64s\", which is no address (sshd: UseDNS no)",
			   rhost);
}

static bool is_ipv4(const struct nsh_source *source)
{
	return source->bits >= MAPPED_BITS && !memcmp(source->address, mapped, sizeof(mapped));
}

bool nsh_source_has(const struct nsh_source *pattern, const struct nsh_source *source)
{
	if (pattern->local || source->local)
		return pattern->local && source->local;
	if (is_ipv4(pattern) != is_ipv4(source))
		return false;
	for (unsigned i = 0; i < pattern->bits; i++)
		if (bit(pattern->address, i) != bit(source->address, i))
			return false;
	return true;
}
