/* SPDX-License-Identifier: MIT */
/*
 * Confining a login.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

#include "nsshell/login.h"
#include "sandbox/login_limits.h"

#ifndef NSH_SHELL_PATH
#define NSH_SHELL_PATH "/usr/bin/nsshell"
#endif

/*
 * Login shells that run nothing. Such an account can have sftp (ForceCommand internal-sftp) and
 * forwarding, which are sshd's own work, and the frame is all that there is to confine it.
 */
static const char *const no_shells[] = {"/usr/sbin/nologin", "/sbin/nologin", "/bin/false",
					"/usr/bin/false"};

/* By name also when the file is missing: then there is no session, rather than an open one. */
static int is_nsshell(const char *shell)
{
	struct stat theirs;
	struct stat ours;

	if (!strcmp(shell, NSH_SHELL_PATH))
		return 1;
	return stat(shell, &theirs) == 0 && stat(NSH_SHELL_PATH, &ours) == 0 &&
	       theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

enum nsh_login_kind nsh_login_kind(const char *shell)
{
	for (size_t i = 0; i < sizeof(no_shells) / sizeof(*no_shells); i++)
		if (!strcmp(shell, no_shells[i]))
			return NSH_LOGIN_NOTHING;
	return is_nsshell(shell) ? NSH_LOGIN_NSSHELL : NSH_LOGIN_OTHER;
}

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
