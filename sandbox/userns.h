/* SPDX-License-Identifier: MIT */
/*
 * A user namespace that root makes for a user.
 */
#ifndef SANDBOX_USERNS_H
#define SANDBOX_USERNS_H

#include "nsshell/err.h"
#include "nsshell/user.h"
#include "sandbox/idmap.h"

/*
 * Makes a user namespace that the user owns, with these maps and setgroups(2) denied. The calling
 * process is root's, has one thread, is not dumpable, and stays where it is. Returns an fd for the
 * caller to close.
 */
int nsh_userns_make(const struct nsh_user *user, const struct nsh_idmap *map, struct nsh_err *err);

#endif
