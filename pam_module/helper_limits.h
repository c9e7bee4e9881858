/* SPDX-License-Identifier: MIT */
/*
 * The limits that hold for all of a login.
 */
#ifndef PAM_MODULE_HELPER_LIMITS_H
#define PAM_MODULE_HELPER_LIMITS_H

#include "nsshell/cgroup.h"
#include "nsshell/policy.h"
#include "nsshell/user.h"

/*
 * Puts the process that has asked, and this one, into a control group with the policy's limits, and makes
 * sure of them. Without any limit in the policy nothing is done and cgroup->path is "". Needs the machine's
 * /run and /sys, so it comes before the frame. Errors are NSH_REASON_LIMITS.
 */
int nsh_limits_set(struct nsh_cgroup *cgroup, const struct nsh_policy *policy,
		   const struct nsh_user *user, const char *id, struct nsh_err *err);

#endif
