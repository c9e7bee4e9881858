/* SPDX-License-Identifier: MIT */
/*
 * A session, from a resolved policy to its end.
 */
#ifndef SHELL_SESSION_H
#define SHELL_SESSION_H

#include <stdbool.h>

#include "nsshell/door.h"
#include "nsshell/host.h"
#include "nsshell/policy.h"
#include "shell/command.h"
#include "shell/start.h"

/* Whose session, and in which form. */
struct confinement {
	const struct nsh_policy *policy;
	const struct nsh_user *user;
	const char *id; /* nsshell/id.h */
	bool framed;    /* the PAM module has made a frame; else it is standalone */
	int userns;     /* the frame's (nsshell/frame.h), for what is made in it; or -1 */
	struct nsh_ways
		*ways; /* into the sandbox that is joined; NULL: the session has one of its own */
};

/*
 * Makes a session, or joins a sandbox, and watches over it; the process ends with it. Returns, with -errno and err set,
 * only when there is no session and nothing of one is left.
 */
int nsh_session_run(const struct start *start, const struct command *command,
		    const struct confinement *confinement, struct nsh_err *err);

/*
 * Makes the sandbox that logins are going to join, which PID 1 says over the socket (nsshell/host.h), and stays until
 * it ends. Returns 0 then, or -errno with err set. For a process that has nothing else open.
 */
int nsh_session_host(const struct confinement *confinement, int socket, struct nsh_err *err);

/* The same standalone, in a process of its own; host is for the caller to close. */
int nsh_session_make(struct nsh_host *host, const struct confinement *confinement,
		     struct nsh_err *err);

#endif
