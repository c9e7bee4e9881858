/* SPDX-License-Identifier: MIT */
/*
 * What is done with children in several places, safe after fork(2).
 */
#ifndef NSSHELL_CHILD_H
#define NSSHELL_CHILD_H

#include <sys/types.h>

#include "nsshell/err.h"

/*
 * Starts a child (fork(2)) and a pipe from it to this process. Returns 0 in the child, where *end is the end to write to;
 * in this process its id, and *end is the one to read from. Both are closed by execve(2); until then the child has the
 * other one open too, so that no SIGPIPE ends it. -errno with err set.
 */
pid_t nsh_child_start(int *end, struct nsh_err *err);

/* Waits for a child's end. Returns its status as of waitpid(2), 0 when this process has no such child. */
int nsh_child_wait(pid_t pid);

/* The same for one that is killed first, if it has not ended. */
int nsh_child_end(pid_t pid);

/* Ends this process by the signal that has ended its child. Returns where nobody ends by that one. */
void nsh_child_end_alike(int signal);

/* In the child: every signal does what it does by default, and none is blocked. Else it would stay so in what is executed. */
void nsh_child_reset_signals(void);

/* In the child: standard streams are /dev/null, whatever they were. Returns -1 with errno set. */
int nsh_child_shut_streams(void);

#endif
