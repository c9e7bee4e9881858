/* SPDX-License-Identifier: MIT */
/*
 * What is to happen with a login: the one place that decides it.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pam_module/helper_verdict.h"
#include "pam_module/protocol.h"

#ifndef NSH_POLICY_FOLDER
#define NSH_POLICY_FOLDER "/etc/nsshell"
#endif

#ifndef NSH_SHELL_PATH
#define NSH_SHELL_PATH "/usr/bin/nsshell"
#endif

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

	switch (nsh_login_kind(user->shell)) {
	case NSH_LOGIN_NSSHELL:
		verdict->confined_by = "frame,nsshell";
		break;
	case NSH_LOGIN_NOTHING:
		verdict->confined_by = "frame";
		break;
	case NSH_LOGIN_OTHER:
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
		if (nsh_login_kind(user->shell) == NSH_LOGIN_NSSHELL)
			break;
		explain(verdict, NSH_REASON_MACHINE, ", and the login shell is not nsshell");
		return NSH_VERDICT_IGNORE;
	}
	return decide_yes(verdict, user);
}

/*
 * As long as it is the parent its number cannot become another process's. It made the socket too, so it has not
 * only inherited this process. 0 when it cannot be told.
 */
static pid_t asking_process(void)
{
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);
	pid_t parent = getppid();

	if (getsockopt(NSH_HELPER_FD, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return 0;
	return peer.pid == parent && parent > 1 ? parent : 0;
}

void nsh_verdict_reach(struct verdict *verdict, const struct request *request)
{
	struct nsh_place place = {.folder = NSH_POLICY_FOLDER};
	const struct nsh_user *user = &request->user;

	verdict->kind = NSH_VERDICT_DENY;
	if (nsh_policy_load(&verdict->policy, &place, user, &request->login, &verdict->err) < 0)
		return;
	verdict->kind = decide(verdict, user);
	if (verdict->kind == NSH_VERDICT_CONFINE &&
	    nsh_login_confine(&verdict->confined, &verdict->policy, user, verdict->id,
			      &request->login, asking_process(), &verdict->err) < 0)
		verdict->kind = NSH_VERDICT_DENY;
}
