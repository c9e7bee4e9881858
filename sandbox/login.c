/* SPDX-License-Identifier: MIT */
/*
 * Confining a login.
 */
#include <errno.h>
#include <sched.h>

#include "nsshell/login.h"
#include "sandbox/login_limits.h"

/* nsshell is to find the very same name, so the template is replaced by what it gave. */
static int settle_hostname(struct nsh_confined *confined, struct nsh_policy *policy,
			   const struct nsh_user *user, struct nsh_err *err)
{
	int ret = nsh_hostname_make(policy, user, confined->hostname, err);

	if (ret < 0)
		return ret;
	return nsh_policy_settle(policy, NSH_KEY_SESSION_HOSTNAME, confined->hostname, err);
}

int nsh_login_confine(struct nsh_confined *confined, struct nsh_policy *policy,
		      const struct nsh_user *user, const char *id, const struct nsh_login *login,
		      pid_t process, struct nsh_err *err)
{
	int ret;

	*confined =
		(struct nsh_confined){.frame = {.mount = -1, .uts = -1, .network = -1, .user = -1}};
	ret = settle_hostname(confined, policy, user, err);
	if (ret == 0)
		ret = nsh_limits_set(&confined->cgroup, policy, user, id, process, err);
	if (ret < 0)
		return ret;
	return nsh_frame_make(&confined->frame, policy, user, id, login, confined->hostname,
			      &confined->cgroup, err);
}

int nsh_login_join(const struct nsh_confined *confined, struct nsh_err *err)
{
	if (setns(confined->frame.network, CLONE_NEWNET) < 0)
		return nsh_err_sys(err, NSH_REASON_FRAME, -errno, "join the frame's network");
	return 0;
}
