/* SPDX-License-Identifier: MIT */
/*
 * User namespaces that root makes for a user's session.
 *
 * Who creates a user namespace owns it (user_namespaces(7)), and its owner may join it later without
 * any privilege. So it is created with the user's effective id. CAP_SYS_ADMIN is raised for that
 * moment: machines that keep user namespaces from their users (kernel.unprivileged_userns_clone,
 * kernel.apparmor_restrict_unprivileged_userns) grant them to those who have it.
 *
 * A child holds the namespace until it has its maps. It has this process's memory, so that must not be
 * dumpable: the user owns the namespace that it is in and could otherwise trace it. When ids change the kernel
 * makes it what fs.suid_dumpable says (prctl(2)), and with 1 there everybody's processes can be traced by who
 * they once were: then there is no session.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "nsshell/child.h"
#include "nsshell/sandbox.h"
#include "sandbox/capabilities.h"
#include "sandbox/proc.h"
#include "sandbox/userns.h"

/*
 * The child only waits; it uses a few words of its stack. It shares all other memory with this process, which saves to
 * copy it, and so does nothing that could change errno.
 */
static char stack[16 * 1024] __attribute__((aligned(16)));
static pid_t helper;

/* Ends with the helper, also when that was gone before the kernel could be asked to see to it. */
static int hold(void *arg)
{
	(void)arg;
	prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0L, 0L, 0L);
	while (getppid() == helper)
		pause();
	return 0;
}

/* The new namespaces of a process with the memory of this one, or (hold NULL) of this one itself. */
struct making {
	const char *what; /* "user namespace" */
	const char *kind; /* as sysctls name it */
	int namespaces;
	int (*hold)(void *arg);
};

static pid_t ask_kernel(const struct making *making)
{
	static const int admin[] = {CAP_SYS_ADMIN};

	if (nsh_capabilities_raise(admin, 1) < 0)
		return -1;
	if (!making->hold)
		return unshare(making->namespaces);
	return clone(making->hold, stack + sizeof(stack), making->namespaces | CLONE_VM | SIGCHLD,
		     NULL);
}

/* Returns as clone(2) and unshare(2), or -errno. */
static pid_t run_making(uid_t owner, const struct making *making, struct nsh_err *err)
{
	int dumpable = prctl(PR_GET_DUMPABLE, 0L, 0L, 0L, 0L);
	pid_t pid;

	if (dumpable < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "prctl");
	if (dumpable == 1)
		return nsh_err_set(err, NSH_REASON_MACHINE, -EPERM,
				   "fs.suid_dumpable is 1: the user could trace what prepares the "
				   "session (sysctl fs.suid_dumpable=0)");
	pid = ask_kernel(making);
	if (pid >= 0)
		return pid;
	return nsh_err_sys(err, NSH_REASON_NAMESPACES, -errno,
			   "make a %s (sysctl user.max_%s_namespaces and its like, of %s?)",
			   making->what, making->kind, owner ? "the user" : "root");
}

/* As owner, who is the creator, and for whom they count. */
static pid_t make_as(uid_t owner, const struct making *making, struct nsh_err *err)
{
	int code;
	pid_t pid;

	helper = getpid();
	if (seteuid(owner) < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "seteuid");
	pid = run_making(owner, making, err);
	if (seteuid(0) == 0)
		return pid;
	code = nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "seteuid");
	if (pid > 0)
		kill(pid, SIGKILL);
	return code;
}

/* Gives the holder's user namespace its ids, opens the one that is wanted, and ends the holder. */
static int take(pid_t pid, const char *uids, const char *gids, const char *wanted,
		struct nsh_err *err)
{
	char process[3 * sizeof(pid) + 1];
	int ret;

	snprintf(process, sizeof(process), "%d", pid);
	ret = nsh_proc_map_ids(process, uids, gids, err);
	if (ret == 0)
		ret = nsh_namespace_open(process, wanted, err);
	nsh_child_end(pid);
	return ret;
}

int nsh_userns_make(const struct nsh_user *user, const struct nsh_idmap *map, struct nsh_err *err)
{
	static const struct making making = {"user namespace", "user", CLONE_NEWUSER, hold};
	pid_t pid = make_as(user->uid, &making, err);

	return pid < 0 ? pid : take(pid, map->uids, map->gids, "user", err);
}

int nsh_unshare_for(const struct nsh_user *user, struct nsh_err *err)
{
	static const struct making making = {"mount and a UTS namespace", "mnt",
					     CLONE_NEWNS | CLONE_NEWUTS, NULL};

	return make_as(user->uid, &making, err);
}

int nsh_netns_make(const struct nsh_user *user, struct nsh_err *err)
{
	static const struct making making = {"network namespace", "net",
					     CLONE_NEWUSER | CLONE_NEWNET, hold};
	pid_t pid = make_as(0, &making, err);
	char uids[64];
	char gids[64];

	snprintf(uids, sizeof(uids), "%u %u 1", user->uid, user->uid);
	snprintf(gids, sizeof(gids), "%u %u 1", user->gid, user->gid);
	return pid < 0 ? pid : take(pid, uids, gids, "net", err);
}
