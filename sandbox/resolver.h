/* SPDX-License-Identifier: MIT */
/*
 * The machine's resolv.conf(5), as a session behind pasta(1) needs it.
 *
 * A resolver on the machine's loopback is none in the session. pasta(1) answers for it under an address
 * of ours, but only for the first one of a family; others of that kind are left out.
 */
#ifndef SANDBOX_RESOLVER_H
#define SANDBOX_RESOLVER_H

#include <stdbool.h>

/* The addresses that pasta is to forward queries of. */
#define NSH_RESOLVER_IPV4 "169.254.1.1"
#define NSH_RESOLVER_IPV6 "fd00::53"

struct nsh_resolver {
	bool ipv4; /* the first IPv4 resolver is on the loopback, and is to be forwarded to */
	bool ipv6;
	char *text;    /* the session's resolv.conf; owned, as is the next */
	char *servers; /* the machine's, the first of each family, as pasta can read them */
};

/* text: a resolv.conf. Returns 0 or -ENOMEM; then nothing is to be freed. */
int nsh_resolver_parse(struct nsh_resolver *resolver, const char *text);

/* The same of the machine's file; one that is not there is an empty one. */
int nsh_resolver_read(struct nsh_resolver *resolver);

void nsh_resolver_free(struct nsh_resolver *resolver);

#endif
