/* SPDX-License-Identifier: MIT */
/*
 * The outer process of a session: the one that sshd, login or a shell waits for.
 */
#ifndef SHELL_OUTER_H
#define SHELL_OUTER_H

#include <stdbool.h>
#include <sys/types.h>

#include "nsshell/err.h"
#include "shell/start.h"

/*
 * Watches over a session until it ends. inner is the outer process's end of the socket pair and pid the other end's:
 * PID 1, or (joined) the shell's parent in a sandbox of several logins. handed says that the shell takes the terminal at
 * its start. Never returns: ends the process as the shell ended, with its exit code or by the signal that killed it.
 */
void nsh_outer_run(const struct start *start, int inner, pid_t pid, bool joined, bool handed)
	__attribute__((noreturn));

#endif
