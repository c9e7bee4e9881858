/* SPDX-License-Identifier: MIT */
/*
 * Joining the session's frame.
 *
 * setns(2) sets root and current folder to the namespace's root. The folder is put back by its name: an
 * fd would be a door to what the frame hides. The name alone would not do either, as this is root and
 * whoever called su(1) may own a folder on the way: only the very same folder is entered again.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "pam_module/module_join.h"

static bool is_same(const struct stat *one, const struct stat *other)
{
	return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

static int explain(int code, struct nsh_err *err)
{
	if (code == -EINVAL)
		return nsh_err_set(err, NSH_REASON_FRAME, code,
				   "a service with several threads cannot join a mount namespace");
	return nsh_err_sys(err, NSH_REASON_FRAME, code, "join the frame");
}

/* The UTS namespace first: from it there is a way back. */
static int join(const int frame[NSH_PART_COUNT], struct nsh_err *err)
{
	NSH_CLOSE int own = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
	int code;

	if (own < 0 || setns(frame[NSH_PART_UTS], CLONE_NEWUTS) < 0)
		return explain(-errno, err);
	if (setns(frame[NSH_PART_MOUNT], CLONE_NEWNS) == 0)
		return 0;
	code = -errno;
	setns(own, CLONE_NEWUTS);
	return explain(code, err);
}

int nsh_join(const int frame[NSH_PART_COUNT], struct nsh_err *err)
{
	char name[PATH_MAX];
	struct stat before;
	struct stat now;
	bool known = getcwd(name, sizeof(name)) && name[0] == '/' && stat(".", &before) == 0;
	NSH_CLOSE int folder = -1;
	int ret = join(frame, err);

	if (ret < 0)
		return ret;
	if (known)
		folder = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (folder >= 0 && fstat(folder, &now) == 0 && is_same(&before, &now) &&
	    fchdir(folder) == 0)
		return 0;
	return chdir("/") < 0 ? nsh_err_sys(err, NSH_REASON_FRAME, -errno, "/") : 0;
}
