/* SPDX-License-Identifier: MIT */
/*
 * Making the session's namespaces.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "nsshell/memory.h"
#include "nsshell/sandbox.h"

#define NAMESPACES (CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP)

/* What switches namespaces off when it is 0, and can be read by users; of=0 is for what every session has. */
static const struct {
	const char *name;
	int of;
} switches[] = {
	{"kernel/unprivileged_userns_clone", 0}, {"user/max_user_namespaces", 0},
	{"user/max_pid_namespaces", 0},          {"user/max_mnt_namespaces", 0},
	{"user/max_uts_namespaces", 0},          {"user/max_ipc_namespaces", 0},
	{"user/max_cgroup_namespaces", 0},       {"user/max_net_namespaces", CLONE_NEWNET},
};

static bool is_off(const char *name)
{
	char path[64];
	char value[2] = "";
	NSH_CLOSE int fd = -1;

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, value, sizeof(value)) == sizeof(value) && value[0] == '0' &&
	       value[1] == '\n';
}

static int explain_switch(int code, int flags, struct nsh_err *err)
{
	for (size_t i = 0; i < sizeof(switches) / sizeof(*switches); i++) {
		const char *name = switches[i].name;
		const char *slash = strchr(name, '/');

		if ((switches[i].of & ~flags) == 0 && is_off(name))
			return nsh_err_sys(err, NSH_REASON_NAMESPACES, code,
					   "namespaces are switched off (sysctl %.*s.%s = 0)",
					   (int)(slash - name), name, slash + 1);
	}
	return 0;
}

/* flags: those that clone(2) was given. */
static int explain(int code, int flags, struct nsh_err *err)
{
	const char *why = "clone";

	if ((code == -EPERM || code == -ENOSPC || code == -EUSERS) &&
	    explain_switch(code, flags, err) < 0)
		return code;
	switch (code) {
	case -ENOSPC:
	case -EUSERS:
		why = "a limit on namespaces is reached (sysctl user.max_user_namespaces "
		      "and its like)";
		break;
	case -EPERM:
		why = "user namespaces are switched off for users (sysctl "
		      "kernel.apparmor_restrict_unprivileged_userns, or a chroot)";
		break;
	case -EACCES:
		why = "a security module keeps user namespaces from this program (an AppArmor "
		      "profile without \"userns,\", or kernel.apparmor_restrict_"
		      "unprivileged_userns = 1)";
		break;
	case -EAGAIN:
		why = "the user has too many processes (RLIMIT_NPROC or a cgroup's pids.max)";
		break;
	case -EINVAL:
		why = "this kernel lacks one of the user, PID, mount, UTS, IPC and cgroup "
		      "namespaces";
		break;
	}
	return nsh_err_sys(err, NSH_REASON_NAMESPACES, code, "%s", why);
}

int nsh_sandbox_join(int userns, struct nsh_err *err)
{
	if (setns(userns, CLONE_NEWUSER) == 0)
		return 0;
	return nsh_err_sys(err, NSH_REASON_NAMESPACES, -errno, "join the frame's user namespace");
}

pid_t nsh_sandbox_start(nsh_child_fn *child, void *arg, struct nsh_err *err)
{
	pid_t pid = clone(child, nsh_memory_child_stack(), SIGCHLD, arg);

	if (pid >= 0)
		return pid;
	/* That is what the kernel says of a PID namespace without a PID 1 (pid_namespaces(7)). */
	if (errno == ENOMEM)
		return nsh_err_set(err, NSH_REASON_ENDED, -ESRCH, "its first process is gone");
	return explain(-errno, 0, err);
}

pid_t nsh_sandbox_clone(nsh_child_fn *child, void *arg, int more, struct nsh_err *err)
{
	int flags = NAMESPACES | more | SIGCHLD;
	pid_t pid = clone(child, nsh_memory_child_stack(), flags, arg);

	return pid < 0 ? explain(-errno, flags, err) : pid;
}
