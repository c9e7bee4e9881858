/* SPDX-License-Identifier: MIT */
/*
 * [session] runtime_max and idle_max, as PID 1 of a session or shared sandbox sees to them.
 */
#ifndef SHELL_TIME_LIMITS_H
#define SHELL_TIME_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "nsshell/policy.h"

/* One of the two. Times in ms of nsh_boot_ms(). */
struct time_limit {
	const char *key; /* a constant; NULL: there is none */
	char text[16];   /* as the policy has it, which is not there any more when it is needed */
	int64_t length;
	int64_t end;
	unsigned warned; /* of the warnings in shell/time_limits.c, a bit each */
};

struct time_limits {
	struct time_limit runtime;
	struct time_limit idle;
	/* Name below /dev of a terminal that is no pseudo-terminal, or "". The kernel's have less than 64 bytes. */
	char terminal[64];
	bool shared_dev; /* the machine's, with others' terminals */
	uint64_t input;  /* changes with every input */
	int64_t next;    /* when to look again; 0: never */
};

/* They begin now. terminal: a name below /dev, or NULL. Nothing is borrowed. */
void nsh_time_limits_start(struct time_limits *limits, const struct nsh_policy *policy,
			   const char *terminal);

/* How long to wait at most until nsh_time_limits_are_over(), in ms for poll(2); -1: for ever. */
int nsh_time_limits_wait(const struct time_limits *limits);

/*
 * Looks at the clock and the terminals, and writes what is due on all of these. Returns whether the session is to be
 * ended. Allocates nothing.
 */
bool nsh_time_limits_are_over(struct time_limits *limits);

#endif
