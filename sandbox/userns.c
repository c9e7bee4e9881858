/* SPDX-License-Identifier: MIT */
/*
 * A user namespace that root makes for a user.
 *
 * Who creates a user namespace owns it (user_namespaces(7)), and its owner may join it later without
 * any privilege. So it is created with the user's effective id. CAP_SYS_ADMIN is raised for that
 * moment: machines that keep user namespaces from their users (kernel.unprivileged_userns_clone,
 * kernel.apparmor_restrict_unprivileged_userns) grant them to those who have it.
 *
 * A child holds the namespace until it has its maps. It is a copy of this process, so it must not be
 * dumpable: the user owns the namespace that it is in and could otherwise trace it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/capabilities.h"
#include "sandbox/proc.h"
#include "sandbox/userns.h"

/* The child only waits; it uses a few words of its stack. */
static char stack[16 * 1024] __attribute__((aligned(16)));

/* Ends with the helper, also when that was gone before the kernel could be asked to see to it. */
static int hold(void *arg)
{
	const pid_t *helper = arg;

	prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0L, 0L, 0L);
	while (getppid() == *helper)
		pause();
	return 0;
}

static int raise_admin(void)
{
	struct nsh_capabilities own;

	if (nsh_capabilities_get(&own) < 0)
		return -1;
	own.words[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective |= CAP_TO_MASK(CAP_SYS_ADMIN);
	return nsh_capabilities_set(&own);
}

static pid_t start_holder(const struct nsh_user *user, struct nsh_err *err)
{
	pid_t helper = getpid();
	int code = 0;
	pid_t pid = -1;

	if (seteuid(user->uid) < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "seteuid");
	if (raise_admin() == 0)
		pid = clone(hold, stack + sizeof(stack), CLONE_NEWUSER | SIGCHLD, &helper);
	code = -errno;
	if (pid < 0)
		nsh_err_sys(err, NSH_REASON_NAMESPACES, code,
			    "make a user namespace (sysctl user.max_user_namespaces?)");
	if (seteuid(0) < 0) {
		code = nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "seteuid");
		if (pid > 0)
			kill(pid, SIGKILL);
		return code;
	}
	return pid < 0 ? code : pid;
}

static int finish(pid_t pid, const struct nsh_idmap *map, struct nsh_err *err)
{
	char process[3 * sizeof(pid) + 1];
	char path[64];
	int fd;
	int ret;

	snprintf(process, sizeof(process), "%d", pid);
	ret = nsh_proc_map_ids(process, map->uids, map->gids, err);
	if (ret < 0)
		return ret;
	snprintf(path, sizeof(path), "/proc/%s/ns/user", process);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? nsh_err_sys(err, NSH_REASON_NAMESPACES, -errno, "%s", path) : fd;
}

int nsh_userns_make(const struct nsh_user *user, const struct nsh_idmap *map, struct nsh_err *err)
{
	pid_t pid = start_holder(user, err);
	int ret;

	if (pid < 0)
		return pid;
	ret = finish(pid, map, err);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return ret;
}
