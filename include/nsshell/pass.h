/* SPDX-License-Identifier: MIT */
/*
 * Messages of a fixed size, with open files, over a SOCK_SEQPACKET socket, or a stream that carries one message.
 */
#ifndef NSSHELL_PASS_H
#define NSSHELL_PASS_H

#include <stddef.h>
#include <sys/types.h>

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
 * them. Returns 1; 0 at the end of the other side, and for a message of no bytes; -errno, -EPROTO for what is of another
 * size, and then no files.
 *
 * sender, if it is not NULL, is who has sent it: its process id, or 0 for one that has no number here and where the socket
 * has no SO_PASSCRED (unix(7)). Who has connected or listened (SO_PEERCRED) can have ended long ago, and its number be
 * another's.
 */
int nsh_pass_receive(int socket, void *data, size_t size, int *fds, size_t *n_fds, int flags,
		     pid_t *sender);

/* Closes files, but for -1, and makes all of them that. */
void nsh_pass_close(int *fds, size_t n_fds);

#endif
