/* SPDX-License-Identifier: MIT */
/*
 * The way out of a session's own network: passt's pasta(1), for [network] mode = nat.
 *
 * pasta runs as the user, outside of the session and in the machine's network, with no more power than
 * CAP_NET_ADMIN and CAP_SYS_ADMIN over the session's user namespace. It ends when the process that started it
 * ends, however that happens.
 */
#ifndef NSSHELL_NAT_H
#define NSSHELL_NAT_H

#include <sys/types.h>

#include "nsshell/err.h"
#include "nsshell/policy.h"
#include "nsshell/user.h"

#ifndef NSH_PASTA_PATH
#define NSH_PASTA_PATH "/usr/bin/pasta"
#endif

/*
 * Starts pasta for the network namespace netns, which the user namespace userns owns, and waits until it has
 * configured it. The calling process is the user's and stands where connections are to come from. Both fds stay
 * the caller's. Returns pasta's process id. Errors are NSH_REASON_NAMESPACES: -ENOENT when it is not
 * installed, -EADDRINUSE and others with what it says.
 */
pid_t nsh_nat_start(const struct nsh_policy *policy, int userns, int netns, struct nsh_err *err);

/* Namespaces that a process was in before it made a frame. */
struct nsh_origin {
	int mount;
	int uts;
};

/*
 * As nsh_nat_start(), for a frame, as root in the process that has made it: pasta is started by a process of
 * the user's that stands outside of the frame and waits for its end.
 */
int nsh_nat_keep(const struct nsh_policy *policy, const struct nsh_user *user, int userns,
		 int netns, const struct nsh_origin *origin, struct nsh_err *err);

#endif
