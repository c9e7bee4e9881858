/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl status: how long the session lasts, as far as that can be told from inside.
 */
#ifndef CTL_STATUS_LIFETIME_H
#define CTL_STATUS_LIFETIME_H

#include <jansson.h>
#include <stdint.h>

#include "nsshell/policy.h"
#include "nsshell/sight.h"

/* A time limit in milliseconds. */
struct nsh_time_limit {
	int64_t max;  /* 0: none */
	int64_t left; /* -1 when it is not known, or does not run */
};

struct nsh_lifetime {
	int kind;   /* NSH_LIFETIME_... */
	int logins; /* -1 when unknown */
	int shells; /* of logins that have joined; -1 when it is not shared */
	struct nsh_time_limit runtime;
	struct nsh_time_limit idle;
	struct nsh_time_limit linger;
};

/* As [session] lifetime has it; NULL for what is no kind. */
const char *nsh_lifetime_name(int kind);

/* In the session whose policy that is. */
void nsh_lifetime_read(struct nsh_lifetime *lifetime, const struct nsh_policy *policy,
		       const struct nsh_sight *sight);

void nsh_lifetime_print(const struct nsh_lifetime *lifetime);
json_t *nsh_lifetime_describe(const struct nsh_lifetime *lifetime);

#endif
