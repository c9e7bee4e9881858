/* SPDX-License-Identifier: MIT */
/*
 * What is to happen with a login: the one place that decides it.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "pam_module/helper_limits.h"
#include "pam_module/helper_verdict.h"

#ifndef NSH_POLICY_FOLDER
#define NSH_POLICY_FOLDER "/etc/nsshell"
#endif

#ifndef NSH_SHELL_PATH
#define NSH_SHELL_PATH "/usr/bin/nsshell"
#endif

/*
 * Login shells that run nothing. Such an account can have sftp (ForceCommand internal-sftp) and
 * forwarding, which are sshd's own work, and the frame is all that there is to confine it.
 */
static const char *const no_shells[] = {"/usr/sbin/nologin", "/sbin/nologin", "/bin/false",
					"/usr/bin/false"};

static bool is_no_shell(const char *shell)
{
	for (size_t i = 0; i < sizeof(no_shells) / sizeof(*no_shells); i++)
		if (!strcmp(shell, no_shells[i]))
			return true;
	return false;
}

/* By name also when the file is missing: then there is no session, rather than an open one. */
static bool is_nsshell(const char *shell)
{
	struct stat theirs;
	struct stat ours;

	if (!strcmp(shell, NSH_SHELL_PATH))
		return true;
	return stat(shell, &theirs) == 0 && stat(NSH_SHELL_PATH, &ours) == 0 &&
	       theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

/* Says which line of which file decided. */
static void explain(struct verdict *verdict, enum nsh_reason reason, const char *more)
{
	const struct nsh_setting *setting = &verdict->policy.settings[NSH_KEY_SESSION_CONFINE];

	if (setting->file)
		nsh_err_set(&verdict->err, reason, 0, "%s:%u: session.confine = %s%s",
			    setting->file, setting->line, setting->text, more);
	else
		nsh_err_set(&verdict->err, reason, 0, "session.confine = %s by default%s",
			    setting->text, more);
}

static enum nsh_verdict decide_yes(struct verdict *verdict, const struct nsh_user *user)
{
	char more[NSH_ERR_MAX];

	if (is_nsshell(user->shell)) {
		verdict->confined_by = "frame,nsshell";
	} else if (is_no_shell(user->shell)) {
		verdict->confined_by = "frame";
	} else {
		snprintf(more, sizeof(more), ", but the login shell is %.256s: usermod -s %s %s",
			 *user->shell ? user->shell : "/bin/sh", NSH_SHELL_PATH, user->name);
		explain(verdict, NSH_REASON_LOGIN_SHELL, more);
		return NSH_VERDICT_DENY;
	}
	explain(verdict, NSH_REASON_MACHINE, "");
	return NSH_VERDICT_CONFINE;
}

static enum nsh_verdict decide(struct verdict *verdict, const struct nsh_user *user)
{
	switch (nsh_policy_number(&verdict->policy, NSH_KEY_SESSION_CONFINE)) {
	case NSH_CONFINE_NO:
		explain(verdict, NSH_REASON_MACHINE, "");
		return NSH_VERDICT_IGNORE;
	case NSH_CONFINE_DENY:
		explain(verdict, NSH_REASON_DENIED, "");
		return NSH_VERDICT_DENY;
	case NSH_CONFINE_AUTO:
		if (is_nsshell(user->shell))
			break;
		explain(verdict, NSH_REASON_MACHINE, ", and the login shell is not nsshell");
		return NSH_VERDICT_IGNORE;
	}
	return decide_yes(verdict, user);
}

/* nsshell is to find the very same name, so the template is replaced by what it gave. */
static int settle_hostname(struct verdict *verdict, const struct nsh_user *user)
{
	int ret = nsh_hostname_make(&verdict->policy, user, verdict->hostname, &verdict->err);

	if (ret < 0)
		return ret;
	return nsh_policy_settle(&verdict->policy, NSH_KEY_SESSION_HOSTNAME, verdict->hostname,
				 &verdict->err);
}

static int confine(struct verdict *verdict, const struct nsh_user *user)
{
	int ret = settle_hostname(verdict, user);

	if (ret == 0)
		ret = nsh_limits_set(&verdict->cgroup, &verdict->policy, user, verdict->id,
				     &verdict->err);
	if (ret < 0)
		return ret;
	return nsh_frame_make(&verdict->frame, &verdict->policy, user, verdict->id,
			      verdict->hostname, &verdict->cgroup, &verdict->err);
}

void nsh_verdict_reach(struct verdict *verdict, const struct request *request)
{
	struct nsh_place place = {.folder = NSH_POLICY_FOLDER};
	const struct nsh_user *user = &request->user;

	verdict->kind = NSH_VERDICT_DENY;
	verdict->frame = (struct nsh_made_frame){.mount = -1, .uts = -1, .network = -1, .user = -1};
	if (nsh_policy_load(&verdict->policy, &place, user, &request->login, &verdict->err) < 0)
		return;
	verdict->kind = decide(verdict, user);
	if (verdict->kind == NSH_VERDICT_CONFINE && confine(verdict, user) < 0)
		verdict->kind = NSH_VERDICT_DENY;
}
