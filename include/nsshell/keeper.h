/* SPDX-License-Identifier: MIT */
/*
 * A process that outlives the one that starts it, waits for something's end, and then ends.
 */
#ifndef NSSHELL_KEEPER_H
#define NSSHELL_KEEPER_H

#include <stdbool.h>

#include "nsshell/err.h"

struct nsh_keeper {
	const char *what; /* for errors */
	enum nsh_reason reason;
	const char *name; /* as ps(1) shows it; NULL: that of its program */
	/* It is not the caller's child: for a caller that waits for children of its own, or does not end soon. */
	bool orphan;
	/*
	 * It needs nothing that the caller has open: all but standard streams on /dev/null is closed before it prepares,
	 * and what it opens then stays.
	 */
	bool alone;
	/*
	 * What it does first. Returns what else it is to keep open while it waits, an fd that may be one of
	 * the caller's, or -errno with err set.
	 */
	int (*prepare)(void *data, struct nsh_err *err);
	void (*wait)(void *data, int fd);
	void *data;
};

/*
 * Starts it and waits for what prepare() says. Returns its process id. It has all signals blocked, a session
 * (setsid(2)) and / of its own, and nobody can look into it.
 */
int nsh_keeper_start(const struct nsh_keeper *keeper, struct nsh_err *err);

/* To be called by prepare(), once the process has the ids that it stays with: they are a part of it. */
int nsh_keeper_hide(struct nsh_err *err);

#endif
