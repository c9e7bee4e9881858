/* SPDX-License-Identifier: MIT */
/*
 * Messages of a fixed size, with open files, over a SOCK_SEQPACKET socket.
 */
#ifndef NSSHELL_PASS_H
#define NSSHELL_PASS_H

#include <stddef.h>

/* The most files of one message. */
#define NSH_PASS_MAX 10

/*
 * Sends a message with files. One of -1 is left out, and where it stood is not told: the message has to. flags are those
 * of sendmsg(2); there is never a SIGPIPE. Without MSG_DONTWAIT it waits for some seconds where too many of the user's files
 * are under way. 0 or -errno.
 */
int nsh_pass_send(int socket, const void *data, size_t size, const int *fds, size_t n_fds,
		  int flags);

/*
 * Receives one of just that size. fds has room for NSH_PASS_MAX; they are close-on-exec and the caller's, *n_fds of
 * them. Returns 1; 0 at the end of the other side; -errno, -EPROTO for what is of another size, and then no files.
 */
int nsh_pass_receive(int socket, void *data, size_t size, int *fds, size_t *n_fds, int flags);

/* Closes files, but for -1, and makes all of them that. */
void nsh_pass_close(int *fds, size_t n_fds);

#endif
