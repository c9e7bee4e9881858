/* SPDX-License-Identifier: MIT */
/*
 * PID 1 of a session.
 */
#ifndef SHELL_INIT_H
#define SHELL_INIT_H

#include <stdbool.h>

#include "nsshell/plan.h"
#include "shell/exec.h"

struct init {
	const struct nsh_policy *policy;
	const struct nsh_plan *plan;
	const char *id;    /* the session's */
	bool other_root;   /* the plan enters another root, in which the shell is looked up */
	bool asks_network; /* the outer process is asked to connect the network */
	struct launch launch;
	int outer;     /* PID 1's end of the socket pair, owned */
	int outer_own; /* the other end, to be closed here */
};

/* The whole life of PID 1; a nsh_child_fn. Returns its exit code. */
int nsh_init_run(void *init);

#endif
