/* SPDX-License-Identifier: MIT */
/*
 * Which of a session's processes are nsshell's own: the two of each shell that has a PID namespace to itself, and of a
 * shared sandbox PID 1, its parent, and the two of each login's shell.
 *
 * What a user calls or starts inside makes nothing of it: a shell that has joined has a parent outside of the
 * sandbox's PID namespace, which nobody inside can have.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "ctl/live_make.h"
#include "nsshell/host.h"

/* ioctl_nsfs(2), Linux 6.11: the number here of what has that number there. */
#ifndef NS_GET_PID_FROM_PIDNS
#define NS_GET_PID_FROM_PIDNS _IOR(0xb7, 0x6, int)
#endif

static int add_shell(struct nsh_live *live, const struct nsh_live_shell *shell)
{
	struct nsh_live_shell *grown =
		reallocarray(live->shells, live->n_shells + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	live->shells = grown;
	live->shells[live->n_shells++] = *shell;
	return 0;
}

/*
 * Standalone the outer process is in no namespace of the session's, and users may look at neither it nor PID 1. It
 * is PID 1's parent, always: when it ends PID 1 is killed.
 */
static int add_hidden(struct walk *walk, struct nsh_live *live, pid_t pid, unsigned depth,
		      const struct nsh_member **found)
{
	const struct nsh_member *entry = nsh_walk_find(walk, pid);

	*found = nsh_live_member(live, pid);
	if (*found || !entry || entry->process.uid != live->uid || entry->process.depth != depth)
		return 0;
	if (nsh_live_add(live, entry) < 0)
		return -ENOMEM;
	live->members[live->n_members - 1].mount = 0; /* the machine's, if anything */
	*found = &live->members[live->n_members - 1];
	return 0;
}

/* Whether the PID namespace is one right below the login's, and not one that was made inside. */
static bool is_outermost(const struct walk *walk, const struct nsh_member *init)
{
	const struct space *space = nsh_space_find(walk, init->pid_namespace);
	const struct space *around =
		space && space->parent ? nsh_space_find(walk, space->parent) : NULL;

	return !around || around->session == NO_SESSION;
}

static bool has_shell(const struct nsh_live *live, pid_t init)
{
	for (size_t i = 0; i < live->n_shells; i++)
		if (live->shells[i].init == init)
			return true;
	return false;
}

static int add_shell_of(struct walk *walk, struct nsh_live *live, struct nsh_process init,
			uint64_t pid_namespace)
{
	struct nsh_live_shell shell = {
		.init = init.pid,
		.pid_namespace = pid_namespace,
		.shared = !strcmp(init.name, NSH_HOST_NAME),
	};
	const struct nsh_member *outer;
	int ret = add_hidden(walk, live, init.parent, init.depth - 1, &outer);

	if (ret == 0 && outer) {
		shell.outer = outer->process.pid;
		shell.tty = outer->process.tty;
	}
	return ret < 0 ? ret : add_shell(live, &shell);
}

/* For users: PID 1, or what has joined, is the parent of what may be looked at, and in the same PID namespace. */
static int add_by_child(struct walk *walk, struct nsh_live *live, const struct nsh_member *child)
{
	struct nsh_process process = child->process;
	uint64_t pid_namespace = child->pid_namespace;
	const struct nsh_member *parent = nsh_live_member(live, process.parent);
	struct nsh_process init;
	int ret;

	if (parent || process.depth < 2 || process.inside == 1)
		return 0;
	ret = add_hidden(walk, live, process.parent, process.depth, &parent);
	if (ret < 0 || !parent)
		return ret;
	live->members[live->n_members - 1].pid_namespace = pid_namespace;
	init = parent->process;
	if (init.inside != 1 || has_shell(live, init.pid))
		return 0;
	return add_shell_of(walk, live, init, pid_namespace);
}

static struct nsh_live_shell *find_shell(const struct nsh_live *live, uint64_t pid_namespace)
{
	for (size_t i = 0; pid_namespace && i < live->n_shells; i++)
		if (live->shells[i].pid_namespace == pid_namespace)
			return &live->shells[i];
	return NULL;
}

static bool is_taken(const struct walk *walk, pid_t pid)
{
	for (size_t i = 0; i < walk->lives->count; i++)
		if (nsh_live_member(&walk->lives->at[i], pid))
			return true;
	return false;
}

/* Where the kernel does not tell, the one that is left over, if it is the only one. */
static pid_t guess_init(const struct walk *walk, const struct nsh_member *member)
{
	pid_t found = 0;

	for (size_t i = 0; i < walk->count; i++) {
		const struct nsh_process *process = &walk->entries[i].process;

		if (process->inside != 1 || process->depth != member->process.depth ||
		    strcmp(process->name, NSH_HOST_NAME) != 0 || is_taken(walk, process->pid))
			continue;
		if (found)
			return 0;
		found = process->pid;
	}
	return found;
}

/* For users: PID 1 of a shared sandbox needs to be nobody's parent. */
static int add_by_namespace(struct walk *walk, struct nsh_live *live, struct nsh_member member)
{
	const struct space *space = nsh_space_find(walk, member.pid_namespace);
	const struct nsh_member *init;
	pid_t pid;
	int ret;

	if (member.process.depth < 2 || !space || find_shell(live, member.pid_namespace) ||
	    !is_outermost(walk, &member))
		return 0;
	pid = ioctl(space->fd, NS_GET_PID_FROM_PIDNS, 1);
	if (pid <= 0)
		pid = guess_init(walk, &member);
	ret = pid ? add_hidden(walk, live, pid, member.process.depth, &init) : 0;
	if (ret < 0 || !pid || !init)
		return ret;
	return add_shell_of(walk, live, init->process, member.pid_namespace);
}

static int add_hidden_shells(struct walk *walk, struct nsh_live *live)
{
	size_t n_seen = live->n_members;
	int ret = 0;

	for (size_t i = 0; i < n_seen && ret == 0; i++) {
		struct nsh_member member = live->members[i];

		ret = add_by_child(walk, live, &member);
	}
	for (size_t i = 0; i < n_seen && ret == 0; i++)
		ret = add_by_namespace(walk, live, live->members[i]);
	return ret;
}

static int add_joined(struct nsh_live *live, struct nsh_live_shell *shell,
		      const struct nsh_member *inner, const struct nsh_member *outer)
{
	struct nsh_live_joined *grown =
		reallocarray(live->joined, live->n_joined + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	live->joined = grown;
	shell->shared = true;
	live->joined[live->n_joined++] = (struct nsh_live_joined){
		.inner = inner->process.pid,
		.outer = outer->process.pid,
		.pid_namespace = inner->pid_namespace,
		.start = inner->process.start,
		.tty = outer->process.tty,
	};
	return 0;
}

/*
 * What nsshellctl enter has started has a parent outside, too; but that stands in the session's mounts, and is no
 * login's. To users what has joined is closed, and what was entered is not.
 */
static int add_if_joined(struct walk *walk, struct nsh_live *live, struct nsh_member member)
{
	struct nsh_live_shell *shell = find_shell(live, member.pid_namespace);
	const struct nsh_member *init = shell ? nsh_live_member(live, shell->init) : NULL;
	const struct nsh_member *parent = nsh_walk_find(walk, member.process.parent);
	const struct nsh_member *outer;
	int ret;

	if (!init || member.process.inside == 1 || member.process.depth != init->process.depth ||
	    !parent || parent->process.depth != member.process.depth - 1 ||
	    (walk->all ? parent->mount == member.mount : member.mount != 0))
		return 0;
	ret = add_hidden(walk, live, parent->process.pid, parent->process.depth, &outer);
	return ret < 0 || !outer ? ret : add_joined(live, shell, &member, outer);
}

int nsh_live_find_shells(struct walk *walk, struct nsh_live *live)
{
	size_t n_seen = live->n_members;
	int ret = 0;

	for (size_t i = 0; i < n_seen && ret == 0; i++) {
		struct nsh_member member = live->members[i]; /* the array can move */

		if (member.process.inside == 1 && member.process.depth > 1 &&
		    is_outermost(walk, &member))
			ret = add_shell_of(walk, live, member.process, member.pid_namespace);
	}
	if (ret == 0 && !walk->all)
		ret = add_hidden_shells(walk, live);
	n_seen = live->n_members;
	for (size_t i = 0; i < n_seen && ret == 0; i++)
		ret = add_if_joined(walk, live, live->members[i]);
	return ret;
}
