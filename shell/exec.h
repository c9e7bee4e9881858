/* SPDX-License-Identifier: MIT */
/*
 * Starting the real shell.
 */
#ifndef SHELL_EXEC_H
#define SHELL_EXEC_H

#include <sys/types.h>

#include "nsshell/err.h"
#include "nsshell/limits.h"
#include "shell/command.h"
#include "shell/start.h"

/* How the shell is started as PID 1's child. */
struct launch {
	const struct start *start;
	const struct command *command;
	char **environment;
	const char *folder; /* to start in, by name; "" when it could not be told */
	int umask;          /* NSH_UMASK_KEEP or a mode */
	struct nsh_rlimits limits;
	int terminal; /* fd of the terminal to take for the shell's process group, or -1 */
};

/*
 * Replaces the calling process by the shell: the unconfined case, and nsshell inside a session.
 * Returns only on failure, with the exit code and err set.
 */
int nsh_exec_here(const struct start *start, const struct command *command, char **environment,
		  struct nsh_err *err);

/*
 * Starts the shell as a child in a process group of its own. Returns its process id. When it could
 * not be executed returns -NSH_EXIT_NOT_FOUND or -NSH_EXIT_NOT_EXECUTABLE, with err set.
 */
pid_t nsh_exec_child(const struct launch *launch, struct nsh_err *err);

#endif
