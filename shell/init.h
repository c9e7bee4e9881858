/* SPDX-License-Identifier: MIT */
/*
 * What runs inside: PID 1 of a session or of a shared sandbox, and the shell's parent in a shared sandbox.
 */
#ifndef SHELL_INIT_H
#define SHELL_INIT_H

#include <stdbool.h>

#include "nsshell/door.h"
#include "nsshell/plan.h"
#include "shell/exec.h"

struct init {
	const struct nsh_policy *policy;
	const struct nsh_plan *plan; /* NULL in a sandbox that is joined */
	struct nsh_ways *ways;       /* that one's, to be joined; or NULL */
	const char *terminal;        /* below /dev; or NULL, as with the machine's /dev */
	const char *agent;           /* socket to be brought along; or NULL */
	const char *id;              /* the session's */
	bool other_root;   /* the plan enters another root, in which the shell is looked up */
	bool asks_network; /* the outer process is asked to connect the network */
	struct launch launch;
	int outer;     /* PID 1's end of the socket pair, owned */
	int outer_own; /* the other end, to be closed here */
	int presence;  /* the outer process's too (nsshell/frame.h), or -1 */
};

/* All of these are a nsh_child_fn, the whole life of a process, and return its exit code. */

/* PID 1 of a session, with the session's shell as its child. */
int nsh_init_run(void *init);

/* PID 1 of a shared sandbox, which has no shell: outer is the hub's end (nsshell/hub.h), once it is ready. */
int nsh_init_run_shared(void *init);

/* The shell's parent in a sandbox that a login has joined. It is PID 1's to reap what the shell leaves behind. */
int nsh_init_run_joined(void *init);

#endif
