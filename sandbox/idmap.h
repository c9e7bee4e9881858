/* SPDX-License-Identifier: MIT */
/*
 * The ids of a user namespace that root maps for a user.
 */
#ifndef SANDBOX_IDMAP_H
#define SANDBOX_IDMAP_H

#include "nsshell/err.h"
#include "nsshell/policy.h"
#include "nsshell/user.h"

/* The kernel takes less than a page in one write, and at most 340 lines (user_namespaces(7)). */
#define NSH_IDMAP_MAX 4096

/* What is written to /proc/PID/uid_map and gid_map. */
struct nsh_idmap {
	char uids[NSH_IDMAP_MAX];
	char gids[NSH_IDMAP_MAX];
};

/*
 * Maps the user's id and group, as [identity] uid says, all supplementary groups to themselves and,
 * with [identity] subids = yes, the ranges of /etc/subuid and /etc/subgid to themselves. Groups for
 * which there is no room stay unmapped: they give access all the same, and have no name inside.
 */
int nsh_idmap_make(struct nsh_idmap *map, const struct nsh_policy *policy,
		   const struct nsh_user *user, struct nsh_err *err);

#endif
