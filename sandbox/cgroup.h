/* SPDX-License-Identifier: MIT */
/*
 * The tree of control groups, and what of it a limit is.
 */
#ifndef SANDBOX_CGROUP_H
#define SANDBOX_CGROUP_H

#include <limits.h>

#include "nsshell/cgroup.h"

/* Longest content of a file that is read or written here, with its NUL. */
#define NSH_CONTROL_MAX 64

/* A file of a control group. */
struct nsh_control {
	enum nsh_key_id key;
	char controller[8];
	char file[16];
	bool optional; /* not every kernel has it */
};

/* Memory, swap (none), processes, processor time. */
#define NSH_CONTROLS 4
extern const struct nsh_control nsh_controls[NSH_CONTROLS];

/* What is to be written to that file; false when nothing is. */
bool nsh_control_text(char text[NSH_CONTROL_MAX], size_t control,
		      const struct nsh_cgroup_limits *limits);

/* Tells whether what was read from that file is as strict as the limits. */
bool nsh_control_holds(const char *text, size_t control, const struct nsh_cgroup_limits *limits);

/* Finds where the tree is mounted. -EOPNOTSUPP when it is not. */
int nsh_cgroup_root(char path[PATH_MAX], struct nsh_err *err);

/* Tells whether a word is in a text of words. */
bool nsh_cgroup_has_word(const char *text, const char *word);

#endif
