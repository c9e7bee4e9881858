/* SPDX-License-Identifier: MIT */
/*
 * Entering a session that there is, as root who becomes its user.
 *
 * In this order, in a process of its own: nsh_door_open(), nsh_door_enter(), fork, and in the child, which is in the
 * session's PID namespace, nsh_door_confine(). What is executed then is confined as the session's shell is.
 */
#ifndef NSSHELL_ENTER_H
#define NSSHELL_ENTER_H

#include <sys/types.h>

#include "nsshell/door.h"
#include "nsshell/err.h"
#include "nsshell/policy.h"
#include "nsshell/user.h"

/* The way into a session: the namespaces of its PID 1. */
struct nsh_door {
	struct nsh_ways ways;
	pid_t init; /* outside */
};

/*
 * Opens the namespaces of a session's PID 1, as root. process is an fd of its /proc/PID. -EPERM when it has no user
 * namespace of that user's of its own. nsh_door_close_ways() in any case.
 */
int nsh_door_open(struct nsh_door *door, int process, pid_t pid, const struct nsh_user *user,
		  struct nsh_err *err);

/*
 * Takes the calling process, root's and of one thread, into the control group (NULL: none), becomes the user
 * for good, takes the limits of PID 1 and joins the namespaces. What it forks is in the PID namespace. It has every
 * capability over the session's user namespace then, its current folder is the root there, and it cannot be traced.
 */
int nsh_door_enter(const struct nsh_door *door, const struct nsh_user *user, const char *cgroup,
		   struct nsh_err *err);

/*
 * Gives up what the session's PID 1 has given up, and takes [limits] and the umask of [shell], by the session's own
 * policy. The process must be about to execute something.
 */
int nsh_door_confine(const struct nsh_policy *policy, struct nsh_err *err);

#endif
