/* SPDX-License-Identifier: MIT */
/*
 * The session's namespaces, and what its first process gives up.
 */
#ifndef NSSHELL_SANDBOX_H
#define NSSHELL_SANDBOX_H

#include <stdbool.h>
#include <sys/types.h>

#include "nsshell/err.h"
#include "nsshell/policy.h"
#include "nsshell/user.h"

/* What the first process of a session runs. Its return value is its exit code. */
typedef int nsh_child_fn(void *arg);

/*
 * Joins a user namespace that the user owns (nsshell/frame.h). From here on the process has every
 * capability over it, to be given up with nsh_privileges_drop().
 */
int nsh_sandbox_join(int userns, struct nsh_err *err);

/*
 * Becomes the user, with the account's groups and for good: nothing is left that root's could come back by, and nobody
 * looks into what the process still has in its memory. Does nothing for whoever is that user already. 0 or -errno.
 */
int nsh_sandbox_become(const struct nsh_user *user, struct nsh_err *err);

/*
 * Starts child(arg) in new PID, mount, UTS, IPC and cgroup namespaces, and those that more names: CLONE_NEWUSER
 * unless one was joined, CLONE_NEWNET. It is a copy of the calling process, which must have one thread.
 * Returns its process id; the caller waits for it. Errors are those of clone(2); the texts name the limit or the
 * switch that is in the way.
 */
pid_t nsh_sandbox_clone(nsh_child_fn *child, void *arg, int more, struct nsh_err *err);

/*
 * Starts child(arg) in the PID namespace that was joined (nsshell/door.h), likewise. -ESRCH with NSH_REASON_ENDED when
 * that has ended.
 */
pid_t nsh_sandbox_start(nsh_child_fn *child, void *arg, struct nsh_err *err);

/* Opens a namespace of a process: both by their names in /proc/PROCESS/ns, so that the process can be "self". */
int nsh_namespace_open(const char *process, const char *name, struct nsh_err *err);

/*
 * In PID 1 of a session that is behind pasta (nsshell/nat.h), when that is ready and before powers are given up:
 * keeps what is sent to loopback addresses in the session.
 */
int nsh_sandbox_guard_network(struct nsh_err *err);

/*
 * Gives up, for good and for all that is started later, what PID 1 of a session has: every capability, in
 * all sets, the powers of user id 0, what set-user-ID programs and file capabilities could give, the system calls
 * that the policy's filter refuses, and the keys of the session keyring (keyrings(7)). Makes the process
 * unreadable to ptrace(2). With [identity] subids, CAP_SETUID and CAP_SETGID over the session's own user
 * namespace are kept for what is executed: they are what lets newuidmap(1) use the ids that are mapped
 * there, and no more. With no_new_privs = no that one is left.
 */
int nsh_privileges_drop(const struct nsh_policy *policy, struct nsh_err *err);

/* Gives up what was kept, when the shell has been started. */
int nsh_privileges_drop_kept(struct nsh_err *err);

/*
 * As nsh_privileges_drop(), for the outer process, which executes nothing: with no_new_privs in any case. It has
 * capabilities only when it has joined a frame's user namespace; without any, securebits and the
 * bounding set are not its to change, and give it nothing.
 */
int nsh_privileges_drop_outside(const struct nsh_policy *policy, bool joined, struct nsh_err *err);

/*
 * Empties the bounding set of a process that has joined a user namespace, before the first one is made
 * there, which then has none either; unless that is to keep some.
 */
int nsh_privileges_bound(const struct nsh_policy *policy, struct nsh_err *err);

/* Has the kernel kill this process when its parent ends. */
int nsh_privileges_tie(struct nsh_err *err);

/*
 * Whether the calling process stands inside a session. What decides is a mount of the kernel's that
 * nobody without the machine's root can make in the namespaces where logins begin.
 */
bool nsh_sandbox_is_inside(void);

#endif
