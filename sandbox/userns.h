/* SPDX-License-Identifier: MIT */
/*
 * A user namespace that root makes for a user.
 */
#ifndef SANDBOX_USERNS_H
#define SANDBOX_USERNS_H

#include <stdbool.h>

#include "nsshell/err.h"
#include "nsshell/user.h"
#include "sandbox/idmap.h"

/* fds for the caller to close; -1 for what is not there. */
struct nsh_userns {
	int user;
	int network;
};

/*
 * Makes a user namespace that the user owns, with these maps and setgroups(2) denied, and if asked a network
 * namespace that belongs to it. The calling process is root's, has one thread, is not dumpable, and stays
 * where it is.
 */
int nsh_userns_make(struct nsh_userns *made, const struct nsh_user *user, bool network,
		    const struct nsh_idmap *map, struct nsh_err *err);

#endif
