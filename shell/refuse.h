/* SPDX-License-Identifier: MIT */
/*
 * Saying no.
 */
#ifndef SHELL_REFUSE_H
#define SHELL_REFUSE_H

#include "nsshell/err.h"

/* The exit codes of nsshell's own: of a refusal, and of a shell that could not be executed. */
#define NSH_EXIT_REFUSED 125
#define NSH_EXIT_NOT_EXECUTABLE 126
#define NSH_EXIT_NOT_FOUND 127

/* Takes note of whose login it is, for the log: who is in the session's user namespace has another user id, or none. */
void nsh_refuse_note_user(void);

/*
 * Opens the log, for who is about to leave the machine's /dev, and for a child that is a copy of this process: syslog(3)
 * keeps what it knows in pages that parent and child share until one of them opens or closes a log. It is
 * therefore not closed but by nsh_start_close_but() (shell/start.h), after which nobody may refuse, and by execve(2).
 */
void nsh_refuse_prepare(void);

/*
 * Writes one line for the user to standard error and one with the same id (nsshell/id.h) to syslog
 * (authpriv). Returns code, for the caller to exit with.
 */
int nsh_refuse(int code, const char *id, const struct nsh_err *err);

#endif
