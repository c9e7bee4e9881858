/* SPDX-License-Identifier: MIT */
/*
 * The processes of a session as a tree.
 */
#ifndef CTL_TREE_H
#define CTL_TREE_H

#include "ctl/live.h"

struct nsh_leaf {
	const struct nsh_member *member;
	unsigned depth; /* 0: its parent is not one of the session's */
};

/*
 * Orders a session's processes so that each comes after its parent and before what comes after that. The array is
 * malloc'ed, as long as there are processes; NULL without memory.
 */
struct nsh_leaf *nsh_tree_make(const struct nsh_live *live);

/*
 * The command lines of processes, in the same order; all are malloc'ed, NULL without memory. A process can have the
 * kernel wait for ever for a page of its command line: what takes longer than a moment is shown as [NAME].
 */
char **nsh_tree_commands(const struct nsh_leaf *leaves, size_t count);

void nsh_tree_commands_free(char **commands, size_t count);

#endif
