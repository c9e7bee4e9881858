/* SPDX-License-Identifier: MIT */
/*
 * The way out of a session's own network: passt's pasta(1), for [network] mode = nat.
 *
 * pasta runs as the user, outside of the session and in the machine's network, with no more power than
 * CAP_NET_ADMIN and CAP_SYS_ADMIN over the session's user namespace. It ends when the process that started it
 * ends, however that happens. For a frame sandbox/nat_keep.h does the same.
 */
#ifndef NSSHELL_NAT_H
#define NSSHELL_NAT_H

#include "nsshell/err.h"
#include "nsshell/paths.h"
#include "nsshell/policy.h"

/*
 * Starts pasta for the network namespace netns, which the user namespace userns owns, and waits until it has
 * configured it. The calling process is the user's and stands where connections are to come from. Both fds stay
 * the caller's. Errors are NSH_REASON_NAMESPACES: -ENOENT when it is not installed, -EIO with what it says.
 */
int nsh_nat_start(const struct nsh_policy *policy, int userns, int netns, struct nsh_err *err);

#endif
