/* SPDX-License-Identifier: MIT */
/*
 * User namespaces that root makes for a user's session.
 */
#ifndef SANDBOX_USERNS_H
#define SANDBOX_USERNS_H

#include "nsshell/err.h"
#include "nsshell/user.h"
#include "sandbox/idmap.h"

/*
 * Makes a user namespace that the user owns, with these maps and setgroups(2) denied. Returns an fd of it, for the caller to
 * close, or -errno. The calling process is root's, has one thread, is not dumpable, and stays where it is.
 */
int nsh_userns_make(const struct nsh_user *user, const struct nsh_idmap *map, struct nsh_err *err);

/*
 * Moves the calling process into a new mount and UTS namespace. They count for the user and not for root, whose are
 * everybody's: a user can keep them as long as anything of a session is open anywhere. The process as above; -errno.
 */
int nsh_unshare_for(const struct nsh_user *user, struct nsh_err *err);

/*
 * Likewise a network namespace. It belongs to a user namespace of root's, which has the user's ids and is nobody's to join:
 * who owns the user namespace of a network has all power over that, from wherever the machine's own user namespace is.
 */
int nsh_netns_make(const struct nsh_user *user, struct nsh_err *err);

#endif
