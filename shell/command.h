/* SPDX-License-Identifier: MIT */
/*
 * The command line of the real shell, made from nsshell's own.
 */
#ifndef SHELL_COMMAND_H
#define SHELL_COMMAND_H

#include <stdbool.h>

#include "nsshell/err.h"

struct command {
	const char *program; /* borrowed */
	char **argv;         /* owned, with argv[0] */
	bool interactive;    /* by its arguments it will read commands from a terminal */
};

/*
 * Fills command for the program. A leading "-" of argv[0] and a first argument -l or --login make
 * it a login shell, by a leading "-" of its own argv[0], which every shell understands; all other
 * arguments are passed on as they are. argc may be 0.
 */
int nsh_command_make(struct command *command, const char *program, int argc, char **argv,
		     struct nsh_err *err);

/*
 * Checks that the program can be started and is not nsshell itself. Returns 0 or -errno, with an
 * error of NSH_REASON_SHELL.
 */
int nsh_command_verify(const char *program, struct nsh_err *err);

#endif
