/* SPDX-License-Identifier: MIT */
/*
 * Starting the PID 1 of a shared sandbox, which has no shell of its own.
 *
 * It is nsshell's to be that: with the name NSH_HOST_NAME and a socket of root's as NSH_HOST_FD it makes what is its
 * part of the sandbox, says MESSAGE_READY (nsshell/message.h), and stays as PID 1's parent.
 */
#ifndef NSSHELL_HOST_H
#define NSSHELL_HOST_H

#include <stdbool.h>
#include <sys/types.h>

#include "nsshell/door.h"
#include "nsshell/err.h"
#include "nsshell/user.h"

/* What both processes are called, in ps(1) too. */
#define NSH_HOST_NAME "nsshell-sandbox"
#define NSH_HOST_FD 3

struct nsh_host {
	pid_t outer; /* a child of the caller's */
	int init;    /* socket to PID 1, as is what follows for the caller to close */
	struct nsh_ways ways;
};

/*
 * In nsshell: tells whether root has started it to be that, by who is at the other end of a socket. A user can have one with a
 * daemon of root's there, and get a PID 1 in namespaces of their own, whose ways that daemon would be handed, and no shell.
 */
bool nsh_host_is_asked(const char *name);

/* Waits for the word of a PID 1 that it is ready. -EIO when it ends. */
int nsh_host_await(int init, struct nsh_ways *ways, struct nsh_err *err);

/* In PID 1: says it. ways are its own namespaces, which are closed. */
int nsh_host_is_ready(int socket, struct nsh_ways *ways, struct nsh_err *err);

/* In PID 1 and in its parent: they need not stay on the processor that nsh_host_start() was called on. */
void nsh_host_leave_cpu(void);

void nsh_host_close(struct nsh_host *host);

#endif
