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
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
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
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	/* glibc has no wrappers for these two. */
	if (syscall(SYS_capget, &header, data) < 0)
		return -1;
	data[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective |= CAP_TO_MASK(CAP_SYS_ADMIN);
	return (int)syscall(SYS_capset, &header, data);
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

static int write_file(pid_t pid, const char *name, const char *text, struct nsh_err *err)
{
	char path[64];
	size_t len = strlen(text);
	NSH_CLOSE int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	/* These files take one write(2) or none. */
	if (fd >= 0 && write(fd, text, len) == (ssize_t)len)
		return 0;
	return nsh_err_sys(err, NSH_REASON_NAMESPACES, -errno, "write %s of the user namespace",
			   name);
}

static int finish(pid_t pid, const struct nsh_idmap *map, struct nsh_err *err)
{
	char path[64];
	int fd;
	int ret = write_file(pid, "setgroups", "deny", err);

	if (ret == 0)
		ret = write_file(pid, "uid_map", map->uids, err);
	if (ret == 0)
		ret = write_file(pid, "gid_map", map->gids, err);
	if (ret < 0)
		return ret;
	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
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
