/* SPDX-License-Identifier: MIT */
/*
 * The filter of system calls (seccomp(2)) that [security] asks for.
 *
 * sandbox/filters/make.c makes the programs with libseccomp when nsshell is built, for one architecture
 * each; here they are data. What is refused, and why, is in sandbox/filters/lists.h.
 */
#ifndef SANDBOX_FILTER_H
#define SANDBOX_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

#include "nsshell/err.h"
#include "nsshell/policy.h"

/* The programs of an architecture, one after the other. */
enum nsh_filter {
	NSH_FILTER_DEFAULT, /* what a login session has no business with is refused */
	NSH_FILTER_DEFAULT_ALL,
	NSH_FILTER_NESTED, /* the same, but for namespaces and mounts */
	NSH_FILTER_NESTED_ALL,
	NSH_FILTER_STRICT, /* what is not on a list is refused; on top of one of the others */
	NSH_FILTER_STRICT_ALL,
	NSH_FILTER_COUNT,
	NSH_FILTER_ALL = 1, /* added for one that admits the machine's other system call tables */
};

/* Program i begins at[i] instructions into the code, and ends where the next begins. */
extern const struct sock_filter nsh_filter_x86_64[];
extern const uint16_t nsh_filter_x86_64_at[NSH_FILTER_COUNT + 1];
extern const struct sock_filter nsh_filter_aarch64[];
extern const uint16_t nsh_filter_aarch64_at[NSH_FILTER_COUNT + 1];

/*
 * Puts the calling process, and what it starts, under the filter that the policy asks for. It must
 * have no_new_privs, or CAP_SYS_ADMIN over its user namespace.
 */
int nsh_filter_load(const struct nsh_policy *policy, struct nsh_err *err);

/* Whether the policy's filter refuses the system calls of keyrings. */
bool nsh_filter_refuses_keys(const struct nsh_policy *policy);

#endif
