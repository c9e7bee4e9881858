/* SPDX-License-Identifier: MIT */
/*
 * A real session of a user without a login: what sshd and the PAM module would do, done by root in a process of its
 * own. The user's shell on the machine does not count: nsshell, the installed one, is started as if it was.
 *
 * When nsshellctl ends, by whatever, the kernel kills the session with all that is in it.
 */
#ifndef CTL_SESSION_H
#define CTL_SESSION_H

#include <stdbool.h>
#include <sys/types.h>

#include "nsshell/err.h"
#include "nsshell/id.h"
#include "nsshell/policy.h"
#include "nsshell/user.h"

/* Exit status when there is no session. */
#define NSH_CTL_NO_SESSION 125

/* What is to be started. Everything is borrowed. */
struct nsh_wanted {
	const struct nsh_user *user; /* with its groups; not user id 0 */
	const struct nsh_login *login;
	struct nsh_policy *policy; /* resolved, and one that confines */
	const char *command;       /* as for nsshell -c; NULL is a login shell */
	int streams[3];            /* handed to the session */
	bool terminal;             /* streams[0] is a terminal, which becomes its controlling one */
	bool agent;                /* with an ssh-agent in the frame */
};

/* A session under way. */
struct nsh_started {
	pid_t pid; /* of the outer nsshell, a child of this process */
	int pidfd;
	char id[NSH_ID_LEN + 1];
};

/*
 * Starts it, as root and in a process of one thread. Returns when nsshell is executed, or with the reason why there
 * is no session; nsshell itself can still refuse (exit status 125, with its reason on streams[2]).
 * nsh_session_end() after success.
 */
int nsh_session_start(struct nsh_started *started, const struct nsh_wanted *wanted,
		      struct nsh_err *err);

/*
 * Kills it, if it has not ended, and waits until it and all of its session have. Returns its status as of waitpid(2).
 * This process must have no other children: what is left of the session becomes its own, and all are waited for.
 */
int nsh_session_end(struct nsh_started *started);

#endif
