/* SPDX-License-Identifier: MIT */
/*
 * What PID 1 of a session and the process that watches over it tell each other, over a socket pair that nobody else
 * has: the outer process of a session with a shell of its own, the hub (nsshell/hub.h) of a shared sandbox.
 */
#ifndef NSSHELL_MESSAGE_H
#define NSSHELL_MESSAGE_H

#include <stdint.h>

enum nsh_message_kind {
	/* from the outer process to what has started the shell */
	MESSAGE_SIGNAL,   /* pass on the signal value */
	MESSAGE_HANGUP,   /* the terminal is gone: pass on SIGHUP, then end the session */
	MESSAGE_CONTINUE, /* continue the shell; value is 1 to hand it the terminal first */
	MESSAGE_ORPHANED, /* the outer process's group is orphaned: the shell's is to be so too */
	/* both ways, once, before all others */
	MESSAGE_NETWORK, /* these (fds: the user and the network namespace) are to be connected; they are */
	/* to the outer process */
	MESSAGE_STOPPED, /* the shell was stopped by the signal value */
	MESSAGE_EXITED,  /* the shell ended; value is its wait status */
	/* from the hub to PID 1 of a shared sandbox */
	MESSAGE_ALONE, /* the last login has left a lingering sandbox, for the value-th time; 0: one has come */
	MESSAGE_END, /* end what runs, and then yourself */
	/* from it */
	MESSAGE_READY, /* the sandbox is made; with its namespaces as fds, in the order of enum nsh_door_part */
	MESSAGE_EMPTY, /* alone, for the value-th time, and no process is left */
	/* from what was to become it */
	MESSAGE_FAILED, /* it could not be executed; value is an errno */
};

struct nsh_message {
	uint32_t kind;
	int32_t value;
};

#endif
