/* SPDX-License-Identifier: MIT */
/*
 * What the outer process and PID 1 tell each other, over a socket pair that nobody else has.
 */
#ifndef SHELL_MESSAGE_H
#define SHELL_MESSAGE_H

#include <stdint.h>

enum message_kind {
	/* to PID 1 */
	MESSAGE_SIGNAL,   /* pass on the signal value */
	MESSAGE_HANGUP,   /* the terminal is gone: pass on SIGHUP, then end the session */
	MESSAGE_CONTINUE, /* continue the shell; value is 1 to hand it the terminal first */
	/* both ways, once, before all others */
	MESSAGE_NETWORK, /* the network namespace is to be connected; it is */
	/* to the outer process */
	MESSAGE_STOPPED, /* the shell was stopped by the signal value */
	MESSAGE_EXITED,  /* the shell ended, nothing is left; value is its wait status */
};

struct message {
	uint32_t kind;
	int32_t value;
};

#endif
