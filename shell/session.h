/* SPDX-License-Identifier: MIT */
/*
 * A session, from a resolved policy to its end.
 */
#ifndef SHELL_SESSION_H
#define SHELL_SESSION_H

#include "nsshell/policy.h"
#include "shell/command.h"
#include "shell/start.h"

/* Whose session, and in which form. */
struct confinement {
	const struct nsh_policy *policy;
	const struct nsh_user *user;
	const char *id; /* nsshell/id.h */
	int userns;     /* the frame's (nsshell/frame.h), or -1: the session is standalone */
};

/*
 * Makes a session and watches over it; the process ends with it. Returns, with -errno and err set,
 * only when there is no session and nothing of one is left.
 */
int nsh_session_run(const struct start *start, const struct command *command,
		    const struct confinement *confinement, struct nsh_err *err);

#endif
