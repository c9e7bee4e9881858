/* SPDX-License-Identifier: MIT */
/*
 * The limits that hold for all of a login.
 */
#ifndef SANDBOX_LOGIN_LIMITS_H
#define SANDBOX_LOGIN_LIMITS_H

#include "nsshell/cgroup.h"
#include "nsshell/policy.h"
#include "nsshell/user.h"

/*
 * Puts process, and this one, which is its child or the same, into a control group with the policy's limits, and
 * makes sure of them; -ESRCH when process is 0. Without any limit in the policy nothing is done and cgroup->path is
 * "". Needs the machine's /run and /sys, so it comes before the frame. Errors are NSH_REASON_LIMITS.
 *
 * hub: that of a shared sandbox, or 0. Where systemd runs it gets a control group in any case, which the hub is put
 * into too: the scope of a login ends with the login.
 */
int nsh_limits_set(struct nsh_cgroup *cgroup, const struct nsh_policy *policy,
		   const struct nsh_user *user, const char *id, pid_t process, pid_t hub,
		   struct nsh_err *err);

/*
 * Takes a user's hub that has no sandbox out of the scope of the login that has started it, where systemd runs: it is to
 * count logins for as long as there are any.
 */
int nsh_limits_set_apart(pid_t hub, const struct nsh_user *user, struct nsh_err *err);

/* Puts process into the control group of the sandbox that it joins, if that has one, and makes sure of it. */
int nsh_limits_join(const struct nsh_cgroup *cgroup, pid_t process, struct nsh_err *err);

#endif
