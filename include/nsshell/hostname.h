/* SPDX-License-Identifier: MIT */
/*
 * Host names made from the policy's template.
 *
 * %u is the user's name, %h the machine's host name, %g the name of the user's primary group, %i
 * the user id, %% a percent sign. The result follows RFC 1123: labels of letters, digits and "-",
 * separated by ".", no "-" at a label's end. It has at most 63 characters, one less than the
 * kernel's limit (sethostname(2)), because 63 is what a DNS label may have.
 */
#ifndef NSSHELL_HOSTNAME_H
#define NSSHELL_HOSTNAME_H

#include "nsshell/err.h"
#include "nsshell/policy.h"
#include "nsshell/user.h"

/* Longest host name with its ending NUL, in bytes. */
#define NSH_HOSTNAME_MAX 64

/* What the template's letters stand for. Borrowed texts, none NULL. */
struct nsh_hostname_words {
	const char *user;
	const char *host;
	const char *group;
	const char *uid;
};

/* Checks a template: -EINVAL when it is empty or has an unknown "%" letter. */
int nsh_hostname_check(const char *template, struct nsh_err *err);

/*
 * Expands a checked template. Characters that a host name cannot have become "-", too long names
 * are cut. -EINVAL when nothing valid is left.
 */
int nsh_hostname_expand(const char *template, const struct nsh_hostname_words *words,
			char name[NSH_HOSTNAME_MAX], struct nsh_err *err);

/* True when the template asks for that letter; what is costly to look up is looked up then only. */
int nsh_hostname_uses(const char *template, char letter);

/*
 * Makes the host name that the policy gives the user on this machine. Errors: those of
 * nsh_hostname_expand(); -ENOENT when the template has %g and the group has no name.
 */
int nsh_hostname_make(const struct nsh_policy *policy, const struct nsh_user *user,
		      char name[NSH_HOSTNAME_MAX], struct nsh_err *err);

#endif
