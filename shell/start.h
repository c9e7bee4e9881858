/* SPDX-License-Identifier: MIT */
/*
 * How nsshell was started, remembered so that the real shell starts the same way.
 */
#ifndef SHELL_START_H
#define SHELL_START_H

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "nsshell/err.h"

struct start {
	char **environment; /* as it was given; nsshell itself runs with none */
	sigset_t mask;      /* blocked signals */
	bool chld_ignored;  /* SIGCHLD was ignored */
	bool hup_ignored;   /* likewise SIGHUP, as by nohup(1) */
	mode_t umask;
	bool closed[3]; /* standard streams that were closed; /dev/null holds their place */
	int terminal;   /* one of 0 to 2 that is the controlling terminal, or -1 */
	char terminal_name[NAME_MAX]; /* of it, below /dev; or "" when it has none there */
	bool foreground;              /* this process group has that terminal */
	bool leader;                  /* this process leads its session: sshd or login started it */
};

/*
 * Takes note of it all, blocks every signal, makes SIGCHLD mean what waitpid(2) needs, and sets the
 * umask to 0, so that what is made for the session has the modes it is made with. Must be
 * called first, while there is one thread. -errno when the standard streams cannot be secured.
 */
int nsh_start_read(struct start *start, struct nsh_err *err);

/*
 * Checks that the standard streams, which the session gets, open nothing else: a folder, or a file
 * opened by O_PATH, would be a door to the machine's view. Returns 0 or -EPERM with err set.
 */
int nsh_start_check_streams(struct nsh_err *err);

/* Closes what is open, but for these; negative ones are none. For a process of nsshell's that stays. */
void nsh_start_close_but(const int kept[], int count);

/* Puts signals, umask and standard streams back as they were. Safe after vfork(2). */
void nsh_start_restore(const struct start *start);

#endif
