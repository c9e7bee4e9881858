/* SPDX-License-Identifier: MIT */
/*
 * Confining a login, as root: its host name, its limits and its frame, in the order that they need. For the
 * session helper, and for nsshellctl, which tries sessions without a login.
 */
#ifndef NSSHELL_LOGIN_H
#define NSSHELL_LOGIN_H

#include <stdbool.h>
#include <sys/types.h>

#include "nsshell/cgroup.h"
#include "nsshell/err.h"
#include "nsshell/frame.h"
#include "nsshell/hostname.h"
#include "nsshell/id.h"
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

/*
 * Decides likewise what nsshell, as the user's login shell, makes of a login that has no frame. The policy is one that
 * was loaded without a login.
 */
enum nsh_decision nsh_login_decide_alone(const struct nsh_policy *policy,
					 const struct nsh_user *user, struct nsh_err *why);

/* What a session cannot have that is not in a frame is not left out silently: -EPERM, with err set. */
int nsh_login_check_standalone(const struct nsh_policy *policy, struct nsh_err *err);

/* Who is to be confined. Borrowed. */
struct nsh_entrant {
	const struct nsh_user *user;
	const struct nsh_login *login; /* noted in the frame */
	const char *id;
	/*
	 * What opens the session: the calling process or its parent; 0: it cannot be told, which is an error only if
	 * something of the policy is to hold for it as a whole.
	 */
	pid_t process;
	bool alone; /* it has a frame of its own, whatever [session] lifetime says, and is not counted */
	bool has_shell; /* nsshell is the login shell */
};

/* What a login has that is confined. */
struct nsh_confined {
	char id[NSH_ID_LEN + 1]; /* the entrant's, or that of the sandbox that it has joined */
	bool joined;             /* it stands in a frame that was there */
	bool stale; /* that is of another policy; or not joined: one of another policy is there too */
	char hostname[NSH_HOSTNAME_MAX];
	struct nsh_cgroup cgroup;
	struct nsh_made_frame frame;
};

/*
 * Confines a login: settles the policy for this machine, puts the process and the calling one into a control group with
 * the policy's limits, and makes the frame, into which the calling process is moved (nsshell/frame.h says what it
 * must be, and what is to be done after an error). With [session] lifetime = user or linger it makes the user's shared
 * sandbox, or joins it: then nothing of the policy was settled, and the calling process stays where it is.
 */
int nsh_login_confine(struct nsh_confined *confined, struct nsh_policy *policy,
		      const struct nsh_entrant *entrant, struct nsh_err *err);

/*
 * Joins what of the frame the calling process, which nsh_login_confine() has moved, is not in yet: the network. For
 * a process that is itself the login; the PAM module joins all of it.
 */
int nsh_login_join(const struct nsh_confined *confined, struct nsh_err *err);

#endif
