/* SPDX-License-Identifier: MIT */
/*
 * The control group that holds a login to memory_max, tasks_max and cpu_max (cgroups(7), version 2).
 *
 * A control group is named by its path as /proc/PID/cgroup has it. Where systemd runs it is a unit of
 * systemd's, and nothing here writes to it; elsewhere it is made here, below the folder "nsshell" of
 * the tree's root.
 *
 * All errors are NSH_REASON_LIMITS and name the key that cannot be enforced.
 */
#ifndef NSSHELL_CGROUP_H
#define NSSHELL_CGROUP_H

#include <stdbool.h>
#include <sys/types.h>

#include "nsshell/err.h"
#include "nsshell/limits.h"

/* Longest path with its NUL, in bytes. */
#define NSH_CGROUP_MAX 512

struct nsh_cgroup {
	char path[NSH_CGROUP_MAX]; /* "" when the policy asks for no such limit */
	bool of_systemd;
};

/* Whether systemd runs on this machine (sd_booted(3)). */
bool nsh_systemd_runs(void);

/* Tells whether the machine has what it takes. 0, or -EOPNOTSUPP. */
int nsh_cgroup_check(const struct nsh_cgroup_limits *limits, struct nsh_err *err);

/* Finds the control group of a process. */
int nsh_cgroup_find(pid_t process, char path[NSH_CGROUP_MAX], struct nsh_err *err);

/*
 * Reads whether the kernel holds the control group to the limits, or to less. 0; -EOPNOTSUPP when it
 * does not.
 */
int nsh_cgroup_verify(const char *path, const struct nsh_cgroup_limits *limits,
		      struct nsh_err *err);

/*
 * Makes a control group for a login, as root, and moves process and then the calling one into it.
 * A process stays that removes it when its last process has ended. Those that nobody has removed, because
 * such a process was killed, are removed by the next call.
 */
int nsh_cgroup_make(pid_t process, const char *id, const struct nsh_cgroup_limits *limits,
		    struct nsh_err *err);

/*
 * Moves a process, or the calling one (0), into one that there is, as root. Not for a login where systemd looks after
 * them.
 */
int nsh_cgroup_enter(const char *path, pid_t process, struct nsh_err *err);

#endif
