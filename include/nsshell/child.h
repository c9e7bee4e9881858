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

#endif
