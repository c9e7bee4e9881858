/* SPDX-License-Identifier: MIT */
/*
 * Where a login comes from, as [match] source says it.
 *
 * An address or ADDRESS/PREFIX of IPv4 or IPv6, or "local" for a login that does not come over a
 * network. IPv4 is compared in its mapped form (RFC 4291, 2.5.5.2), so that ::ffff:10.0.0.1, which a
 * server that listens on both sees, is in 10.0.0.0/8. A network of IPv6 has no address of IPv4 in it.
 */
#ifndef CONF_SOURCE_H
#define CONF_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nsshell/err.h"

struct nsh_source {
	bool local;
	uint8_t address[16]; /* network order */
	unsigned bits;       /* how many of them count, 0 to 128 */
};

/*
 * Parses an item of a policy, without its "!". -EINVAL, with the item in the text, when it is of
 * none of the forms, or has bits set behind its prefix, which hides a mistake.
 */
int nsh_source_parse(struct nsh_source *source, const char *text, size_t len, struct nsh_err *err);

/*
 * Makes a source of PAM_RHOST: "" is local. The zone of an IPv6 address ("%eth0") does not count. -EINVAL when it is
 * neither empty nor an address, as with "UseDNS yes" in sshd_config(5).
 */
int nsh_source_of_login(struct nsh_source *source, const char *rhost, struct nsh_err *err);

/* Whether the pattern has the source of a login in it. */
bool nsh_source_has(const struct nsh_source *pattern, const struct nsh_source *source);

#endif
