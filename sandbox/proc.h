/* SPDX-License-Identifier: MIT */
/*
 * The files of /proc that give a user namespace its ids.
 */
#ifndef SANDBOX_PROC_H
#define SANDBOX_PROC_H

#include "nsshell/err.h"

/*
 * Denies setgroups(2) in the user namespace of /proc/PROCESS ("self" or a number) and writes its maps,
 * lines as user_namespaces(7) has them. -errno with NSH_REASON_NAMESPACES.
 */
int nsh_proc_map_ids(const char *process, const char *uids, const char *gids, struct nsh_err *err);

#endif
