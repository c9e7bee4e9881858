/* SPDX-License-Identifier: MIT */
/*
 * A process that outlives the session helper, waits for something's end, and then ends.
 */
#ifndef SANDBOX_KEEPER_H
#define SANDBOX_KEEPER_H

#include <stdbool.h>

#include "nsshell/err.h"

struct nsh_keeper {
	const char *what; /* for errors */
	enum nsh_reason reason;
	/*
	 * It needs nothing that this process has open: all but standard streams on /dev/null is closed before it
	 * prepares, and what it opens then stays. It is nobody's child but the machine's init's.
	 */
	bool alone;
	/*
	 * What it does first. Returns what else it is to keep open while it waits, an fd that may be one of
	 * the helper's, or -errno with err set.
	 */
	int (*prepare)(void *data, struct nsh_err *err);
	void (*wait)(void *data, int fd);
	void *data;
};

/*
 * Starts it and waits for what prepare() says. It has all signals blocked, a session (setsid(2)) and / of
 * its own, and nobody can look into it.
 */
int nsh_keeper_start(const struct nsh_keeper *keeper, struct nsh_err *err);

/* To be called by prepare(), once the process has the ids that it stays with: they are a part of it. */
int nsh_keeper_hide(struct nsh_err *err);

#endif
