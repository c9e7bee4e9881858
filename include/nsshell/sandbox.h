/* SPDX-License-Identifier: MIT */
/*
 * The session's namespaces, and what its first process gives up.
 */
#ifndef NSSHELL_SANDBOX_H
#define NSSHELL_SANDBOX_H

#include <stdbool.h>
#include <sys/types.h>

#include "nsshell/err.h"

/* What the first process of a session runs. Its return value is its exit code. */
typedef int nsh_child_fn(void *arg);

/*
 * Starts child(arg) in new user, PID, mount, UTS, IPC and cgroup namespaces, as a copy of the
 * calling process that must have one thread. Returns its process id; the caller waits for it.
 * Errors are those of clone(2); the texts name the limit or the switch that is in the way.
 */
pid_t nsh_sandbox_clone(nsh_child_fn *child, void *arg, struct nsh_err *err);

/*
 * Gives up, for good and for all that is started later: every capability, the powers of user id 0,
 * and what set-user-ID programs and file capabilities could give. Makes the process unreadable to
 * ptrace(2), and has the kernel kill it when its parent ends.
 */
int nsh_privileges_drop(struct nsh_err *err);

/* Makes this process unreadable to ptrace(2) and /proc/PID for all but the machine's root. */
void nsh_privileges_hide(void);

/*
 * Whether the calling process stands inside a session. What decides is a mount of the kernel's that
 * nobody without the machine's root can make in the namespaces where logins begin.
 */
bool nsh_sandbox_is_inside(void);

#endif
