/* SPDX-License-Identifier: MIT */
/*
 * Standing between the administrator's terminal and a session.
 *
 * What runs in a session never holds that terminal: it could type into it (TIOCSTI in ioctl_tty(2)), change its
 * settings or read what is meant for others. It has a pseudo-terminal of its own, or pipes, and this passes on what is
 * written. Neither knows where the other end was made: a pseudo-terminal may be one of the session's own /dev/pts.
 */
#ifndef CTL_PTY_H
#define CTL_PTY_H

#include <stdbool.h>

#include "nsshell/err.h"

/* Whether standard input and output are terminals: what is started then is to have a terminal too. */
bool nsh_pty_wanted(void);

/*
 * A new pseudo-terminal of this machine's /dev/pts, with the settings and size of the one that standard input is.
 * Both fds are close-on-exec, the caller closes them. slave belongs to this process' user still.
 */
int nsh_pty_open(int *master, int *slave, struct nsh_err *err);

/* Gives the pseudo-terminal the settings and the size of the one that standard input is. Any of its fds will do. */
void nsh_pty_copy_settings(int fd);

/*
 * Passes on between the terminal and the master of a pseudo-terminal until the fd ended can be read (a pidfd of what
 * runs there), and then what is left to be shown. The terminal is raw meanwhile, so Ctrl-C and Ctrl-Z are the
 * session's; its size is passed on when it changes. Ctrl-] typed three times within a second counts as a SIGHUP. However
 * this ends the terminal has its own settings again.
 *
 * Returns 0, or the number of the signal (SIGHUP, SIGINT, SIGQUIT, SIGTERM) that this process has got: the caller ends
 * what runs and then itself with nsh_pty_die(). SIGHUP also when the terminal is gone. -errno with err set.
 */
int nsh_pty_relay(int master, int ended, struct nsh_err *err);

/*
 * Likewise between standard streams and pipes: in is written to and closed at the end of standard input; out and err
 * are read. -1 for those that are not to be passed on. Takes the fds.
 */
struct nsh_pipes {
	int in;
	int out;
	int err;
};
int nsh_pipes_relay(const struct nsh_pipes *pipes, int ended, struct nsh_err *err);

/*
 * Makes three of them, close-on-exec, and sets the other ends, for what is started. Files that standard streams lead to
 * are not handed on themselves: who has them in a session can open them again, read and cut them. 0 or -errno with err set.
 */
int nsh_pipes_make(struct nsh_pipes *pipes, int others[3], struct nsh_err *err);

/* Ends this process by a signal. */
void __attribute__((noreturn)) nsh_pty_die(int signal);

#endif
