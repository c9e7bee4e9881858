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

/* What the login came with, to go back to when it cannot go all the way. */
struct own {
	int uts;
	int network;
};

static int go(const struct own *own, const int frame[NSH_PART_COUNT])
{
	int code;

	if (setns(frame[NSH_PART_UTS], CLONE_NEWUTS) == 0 &&
	    setns(frame[NSH_PART_NETWORK], CLONE_NEWNET) == 0 &&
	    setns(frame[NSH_PART_MOUNT], CLONE_NEWNS) == 0)
		return 0;
	code = -errno;
	setns(own->uts, CLONE_NEWUTS);
	setns(own->network, CLONE_NEWNET);
	return code;
}

/* The mount namespace last: from it there is no way back. */
static int join(const int frame[NSH_PART_COUNT], struct nsh_err *err)
{
	NSH_CLOSE int uts = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
	NSH_CLOSE int network = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	const struct own own = {.uts = uts, .network = network};
	int code = uts < 0 || network < 0 ? -errno : go(&own, frame);

	return code < 0 ? explain(code, err) : 0;
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
