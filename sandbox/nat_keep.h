/* SPDX-License-Identifier: MIT */
/*
 * The way out of a frame's network.
 */
#ifndef SANDBOX_NAT_KEEP_H
#define SANDBOX_NAT_KEEP_H

#include "nsshell/err.h"
#include "nsshell/policy.h"
#include "nsshell/user.h"
#include "sandbox/resolver.h"

/* Namespaces that a process was in before it made a frame, and what it saw there. */
struct nsh_origin {
	int mount;
	int uts;
	struct nsh_resolver resolver; /* with network.mode = nat */
};

/*
 * As nsh_nat_start() (nsshell/nat.h), as root in the process that has made a frame: pasta is started by a
 * process of the user's that stands outside of the frame and waits for its end.
 */
int nsh_nat_keep(const struct nsh_policy *policy, const struct nsh_user *user, int netns,
		 const struct nsh_origin *origin, struct nsh_err *err);

#endif
