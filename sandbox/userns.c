/* SPDX-License-Identifier: MIT */
/*
 * A user namespace that root makes for a user.
 *
 * Who creates a user namespace owns it (user_namespaces(7)), and its owner may join it later without
 * any privilege. So it is created with the user's effective id. CAP_SYS_ADMIN is raised for that
 * moment: machines that keep user namespaces from their users (kernel.unprivileged_userns_clone,
 * kernel.apparmor_restrict_unprivileged_userns) grant them to those who have it.
 *
 * A child holds the namespace until it has its maps. It has this process's memory, so that must not be
 * dumpable: the user owns the namespace that it is in and could otherwise trace it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

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

static pid_t start_holder(const struct nsh_user *user, bool network, struct nsh_err *err)
{
	static const int admin[] = {CAP_SYS_ADMIN};
	int flags = CLONE_NEWUSER | (network ? CLONE_NEWNET : 0) | CLONE_VM | SIGCHLD;
	int code = 0;
	pid_t pid = -1;

	helper = getpid();
	if (seteuid(user->uid) < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "seteuid");
	if (nsh_capabilities_raise(admin, 1) == 0)
		pid = clone(hold, stack + sizeof(stack), flags, NULL);
	code = -errno;
	if (pid < 0)
		nsh_err_sys(err, NSH_REASON_NAMESPACES, code,
			    "make a %s (sysctl user.max_user_namespaces and its like?)",
			    network ? "user and a network namespace" : "user namespace");
	if (seteuid(0) < 0) {
		code = nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "seteuid");
		if (pid > 0)
			kill(pid, SIGKILL);
		return code;
	}
	return pid < 0 ? code : pid;
}

static int open_namespace(const char *process, const char *name, struct nsh_err *err)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/ns/%s", process, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? nsh_err_sys(err, NSH_REASON_NAMESPACES, -errno, "%s", path) : fd;
}

static int finish(struct nsh_userns *made, pid_t pid, bool network, const struct nsh_idmap *map,
		  struct nsh_err *err)
{
	char process[3 * sizeof(pid) + 1];
	int ret;

	snprintf(process, sizeof(process), "%d", pid);
	ret = nsh_proc_map_ids(process, map->uids, map->gids, err);
	if (ret == 0)
		ret = made->user = open_namespace(process, "user", err);
	if (ret >= 0 && network)
		ret = made->network = open_namespace(process, "net", err);
	return ret < 0 ? ret : 0;
}

int nsh_userns_make(struct nsh_userns *made, const struct nsh_user *user, bool network,
		    const struct nsh_idmap *map, struct nsh_err *err)
{
	pid_t pid = start_holder(user, network, err);
	int ret;

	*made = (struct nsh_userns){.user = -1, .network = -1};
	if (pid < 0)
		return pid;
	ret = finish(made, pid, network, map, err);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return ret;
}
