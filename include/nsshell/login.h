/* SPDX-License-Identifier: MIT */
/*
 * Confining a login, as root: its host name, its limits and its frame, in the order that they need. For the
 * session helper, and for nsshellctl, which tries sessions without a login.
 */
#ifndef NSSHELL_LOGIN_H
#define NSSHELL_LOGIN_H

#include <sys/types.h>

#include "nsshell/cgroup.h"
#include "nsshell/err.h"
#include "nsshell/frame.h"
#include "nsshell/hostname.h"
#include "nsshell/policy.h"
#include "nsshell/user.h"

/* What a login shell means to nsshell. */
enum nsh_login_kind {
	NSH_LOGIN_OTHER,
	NSH_LOGIN_NSSHELL, /* by its name, also when the file is missing, or as the same file */
	NSH_LOGIN_NOTHING, /* nologin, false: the account can have what is sshd's own work */
};

/* "" is /bin/sh (passwd(5)). */
enum nsh_login_kind nsh_login_kind(const char *shell);

/* What becomes of a login that the PAM module has asked for. */
enum nsh_decision {
	NSH_DECIDED_OPEN,    /* it is left alone */
	NSH_DECIDED_REFUSED, /* there is no session */
	NSH_DECIDED_FRAME,   /* confined to the frame: no shell is run */
	NSH_DECIDED_NSSHELL, /* confined to the frame, and the login shell makes a session in it */
};

/*
 * Decides by the policy and the login shell. *why says in any case which line of the policy did it. User id 0 and the
 * module's exempt_group are not asked for.
 */
enum nsh_decision nsh_login_decide(const struct nsh_policy *policy, const struct nsh_user *user,
				   struct nsh_err *why);

/* What a session cannot have that is not in a frame is not left out silently: -EPERM, with err set. */
int nsh_login_check_standalone(const struct nsh_policy *policy, struct nsh_err *err);

/* What a login has that is confined. */
struct nsh_confined {
	char hostname[NSH_HOSTNAME_MAX];
	struct nsh_cgroup cgroup;
	struct nsh_made_frame frame;
};

/*
 * Confines a login of the user: settles the policy for this machine, puts process and the calling one, which is its
 * child or the same (0: unknown, which is an error only if there are limits), into a control group with the policy's limits, and makes the frame, into which the
 * calling process is moved (nsshell/frame.h says what it must be, and what is to be done after an error). login is noted
 * in the frame.
 */
int nsh_login_confine(struct nsh_confined *confined, struct nsh_policy *policy,
		      const struct nsh_user *user, const char *id, const struct nsh_login *login,
		      pid_t process, struct nsh_err *err);

/*
 * Joins what of the frame the calling process, which nsh_login_confine() has moved, is not in yet: the network. For
 * a process that is itself the login; the PAM module joins all of it.
 */
int nsh_login_join(const struct nsh_confined *confined, struct nsh_err *err);

#endif
