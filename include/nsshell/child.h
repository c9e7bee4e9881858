/* SPDX-License-Identifier: MIT */
/*
 * What is done with children in several places, safe after fork(2).
 */
#ifndef NSSHELL_CHILD_H
#define NSSHELL_CHILD_H

#include <sys/types.h>

/* Waits for a child's end. Returns its status as of waitpid(2), 0 when this process has no such child. */
int nsh_child_wait(pid_t pid);

/* The same for one that is killed first, if it has not ended. */
int nsh_child_end(pid_t pid);

/* In the child: every signal does what it does by default, and none is blocked. Else it would stay so in what is executed. */
void nsh_child_reset_signals(void);

/* In the child: standard streams are /dev/null, whatever they were. Returns -1 with errno set. */
int nsh_child_shut_streams(void);

#endif
