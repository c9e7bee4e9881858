/* SPDX-License-Identifier: MIT */
/*
 * What a policy makes of a login. Pure; what makes a frame is not linked with it.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "nsshell/limits.h"
#include "nsshell/login.h"
#include "nsshell/paths.h"

/*
 * Login shells that run nothing. Such an account can have sftp (ForceCommand internal-sftp) and
 * forwarding, which are sshd's own work, and the frame is all that there is to confine it.
 */
static const char *const no_shells[] = {"/usr/sbin/nologin", "/sbin/nologin", "/bin/false",
					"/usr/bin/false"};

/*
 * By name, also when the file is missing: then there is no session, rather than an open one. What another name leads to can
 * be something else by the time that it is run: a directory can let users choose their login shell.
 */
static bool is_nsshell(const char *shell)
{
	static const char path[] = NSH_SHELL_PATH;

	/* /bin is a link to /usr/bin. */
	return !strcmp(shell, path) || (!strncmp(path, "/usr/", 5) && !strcmp(shell, path + 4));
}

enum nsh_login_kind nsh_login_kind(const char *shell)
{
	for (size_t i = 0; i < sizeof(no_shells) / sizeof(*no_shells); i++)
		if (!strcmp(shell, no_shells[i]))
			return NSH_LOGIN_NOTHING;
	return is_nsshell(shell) ? NSH_LOGIN_NSSHELL : NSH_LOGIN_OTHER;
}

/* Says which line of which file decided. */
static void explain(struct nsh_err *why, const struct nsh_policy *policy, enum nsh_reason reason,
		    const char *more)
{
	const struct nsh_setting *setting = &policy->settings[NSH_KEY_SESSION_CONFINE];

	if (setting->file)
		nsh_err_set(why, reason, 0, "%s:%u: session.confine = %s%s", setting->file,
			    setting->line, setting->text, more);
	else
		nsh_err_set(why, reason, 0, "session.confine = %s by default%s", setting->text,
			    more);
}

static enum nsh_decision refuse_shell(const struct nsh_policy *policy, const struct nsh_user *user,
				      struct nsh_err *why)
{
	char more[NSH_ERR_MAX];

	snprintf(more, sizeof(more), ", but the login shell is %.256s: usermod -s %s %s",
		 *user->shell ? user->shell : "/bin/sh", NSH_SHELL_PATH, user->name);
	explain(why, policy, NSH_REASON_LOGIN_SHELL, more);
	return NSH_DECIDED_REFUSED;
}

enum nsh_decision nsh_login_decide(const struct nsh_policy *policy, const struct nsh_user *user,
				   struct nsh_err *why)
{
	enum nsh_login_kind kind = nsh_login_kind(user->shell);
	int confine = nsh_policy_number(policy, NSH_KEY_SESSION_CONFINE);

	if (confine == NSH_CONFINE_YES && kind == NSH_LOGIN_OTHER)
		return refuse_shell(policy, user, why);
	if (confine == NSH_CONFINE_DENY) {
		explain(why, policy, NSH_REASON_DENIED, "");
		return NSH_DECIDED_REFUSED;
	}
	if (confine == NSH_CONFINE_AUTO && kind != NSH_LOGIN_NSSHELL) {
		explain(why, policy, NSH_REASON_MACHINE, ", and the login shell is not nsshell");
		return NSH_DECIDED_OPEN;
	}
	explain(why, policy, NSH_REASON_MACHINE, "");
	if (confine == NSH_CONFINE_NO)
		return NSH_DECIDED_OPEN;
	return kind == NSH_LOGIN_NOTHING ? NSH_DECIDED_FRAME : NSH_DECIDED_NSSHELL;
}

static int check_limits(const struct nsh_policy *policy, struct nsh_err *err)
{
	struct nsh_cgroup_limits limits;

	if (!nsh_cgroup_limits_make(&limits, policy))
		return 0;
	return nsh_err_set(err, NSH_REASON_LIMITS, -EPERM,
			   "limits.%s needs pam_nsshell, and this login did not come through it",
			   nsh_cgroup_limits_key(&limits));
}

int nsh_login_check_standalone(const struct nsh_policy *policy, struct nsh_err *err)
{
	if (nsh_policy_number(policy, NSH_KEY_POLICY_REQUIRE_PAM) == NSH_YES)
		return nsh_err_set(err, NSH_REASON_FRAME, -EPERM,
				   "policy.require_pam = yes, and this login did not come through "
				   "pam_nsshell");
	if (nsh_policy_number(policy, NSH_KEY_IDENTITY_SUBIDS) == NSH_YES)
		return nsh_err_set(
			err, NSH_REASON_FRAME, -EPERM,
			"identity.subids = yes needs pam_nsshell, and this login did not "
			"come through it");
	return check_limits(policy, err);
}

enum nsh_decision nsh_login_decide_alone(const struct nsh_policy *policy,
					 const struct nsh_user *user, struct nsh_err *why)
{
	struct nsh_user with_nsshell = *user;
	enum nsh_decision decision;

	with_nsshell.shell = (char *)NSH_SHELL_PATH;
	decision = nsh_login_decide(policy, &with_nsshell, why);
	if (decision == NSH_DECIDED_NSSHELL && nsh_login_check_standalone(policy, why) < 0)
		return NSH_DECIDED_REFUSED;
	return decision;
}
