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

/*
 * Makes the host name that the policy gives the user on this machine. Characters that a host name cannot have become
 * "-", too long names are cut. Errors: -EINVAL when nothing valid is left; -ENOENT when the template has %g and the
 * group has no name.
 */
int nsh_hostname_make(const struct nsh_policy *policy, const struct nsh_user *user,
		      char name[NSH_HOSTNAME_MAX], struct nsh_err *err);

#endif
