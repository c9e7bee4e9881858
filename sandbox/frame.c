/* SPDX-License-Identifier: MIT */
/*
 * The session's frame: made by root, read by the user.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "nsshell/frame.h"
#include "nsshell/plan.h"
#include "sandbox/identity.h"
#include "sandbox/idmap.h"
#include "sandbox/path.h"
#include "sandbox/userns.h"

/* A line of passwd(5) with two paths in it. */
#define ACCOUNT_MAX (3 * PATH_MAX)

static int sys(struct nsh_err *err, const char *what)
{
	return nsh_err_sys(err, NSH_REASON_FRAME, -errno, "%s", what);
}

/* Whether something is mounted at the path. */
static int is_mount(int dirfd, const char *path, int flags)
{
	struct statx stx;

	if (statx(dirfd, path, flags | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &stx) < 0)
		return -errno;
	return !!(stx.stx_attributes_mask & stx.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

/* Making it */

/* A folder that only root can change, made if need be. */
static int secure_folder(const char *path, struct nsh_err *err)
{
	struct stat st;

	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return sys(err, path);
	if (lstat(path, &st) < 0)
		return sys(err, path);
	if (!S_ISDIR(st.st_mode) || st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return nsh_err_set(err, NSH_REASON_FRAME, -EPERM,
				   "%s: is not a folder that only root can write to", path);
	return 0;
}

static int prepare_folder(struct nsh_err *err)
{
	char parent[] = NSH_FRAME_FOLDER;
	int ret;

	*strrchr(parent, '/') = '\0';
	ret = secure_folder(parent, err);
	if (ret == 0)
		ret = secure_folder(NSH_FRAME_FOLDER, err);
	if (ret == 0 && is_mount(AT_FDCWD, NSH_FRAME_FOLDER, 0) != 0)
		ret = nsh_err_set(err, NSH_REASON_FRAME, -EBUSY,
				  "%s: this process is in the frame of a session already",
				  NSH_FRAME_FOLDER);
	return ret;
}

/*
 * setns(2) leads to the namespace's root and so out of a chroot. That is noticed here, where it does
 * no harm, and not in the login's own process.
 */
static int check_root(int namespace, struct nsh_err *err)
{
	struct stat before;
	struct stat after;

	if (stat("/", &before) < 0 || setns(namespace, CLONE_NEWNS) < 0 || stat("/", &after) < 0)
		return sys(err, "look up the root");
	if (before.st_dev != after.st_dev || before.st_ino != after.st_ino)
		return nsh_err_set(err, NSH_REASON_FRAME, -EPERM,
				   "the service runs in a chroot, where no frame can be made");
	return 0;
}

static int enter_namespace(struct nsh_err *err)
{
	int fd;
	int ret;

	if (unshare(CLONE_NEWNS) < 0)
		return sys(err, "make a mount namespace");
	fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return sys(err, "/proc/self/ns/mnt");
	ret = check_root(fd, err);
	if (ret < 0)
		close(fd);
	return ret < 0 ? ret : fd;
}

/* The kernel's own, which cover nothing. */
static bool is_harmless(const char *line)
{
	const char *type = strstr(line, " - ");

	return type && (!strncmp(type, " - autofs ", 10) || !strncmp(type, " - binfmt_misc ", 15));
}

/*
 * The frame has a new /proc, and that would show what the machine (or the container that this is) has
 * covered in its own. The kernel refuses the like to users and lets root do it (mount_namespaces(7)).
 */
static int check_proc(struct nsh_err *err)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	NSH_FREE char *line = NULL;
	size_t room = 0;
	int ret = 0;

	if (!mounts)
		return sys(err, "/proc/self/mountinfo");
	while (ret == 0 && getline(&line, &room, mounts) > 0) {
		char path[PATH_MAX];

		if (sscanf(line, "%*s %*s %*s %*s %4095s", path) == 1 &&
		    nsh_path_below("/proc", path) && !is_harmless(line))
			ret = nsh_err_set(
				err, NSH_REASON_FRAME, -EPERM,
				"%s covers a part of the machine's own /proc, which a new "
				"one would show",
				path);
	}
	fclose(mounts);
	return ret;
}

/* The view is planned with the user's own powers, so that it promises what the user can see. */
static int plan_as_user(struct nsh_plan *plan, struct nsh_policy *policy,
			const struct nsh_session *session, struct nsh_err *err)
{
	struct nsh_err lost;
	int ret = nsh_identity_take(session->user, err);

	if (ret < 0)
		return ret;
	ret = nsh_plan_settle(policy, session->user, err);
	if (ret == 0)
		ret = nsh_plan_build(plan, session, err);
	if (nsh_identity_give_back(&lost) == 0)
		return ret;
	*err = lost;
	return -EPERM;
}

static int fill_namespace(const struct nsh_session *session, struct nsh_policy *policy,
			  struct nsh_err *err)
{
	struct nsh_plan plan;
	int ret = plan_as_user(&plan, policy, session, err);

	if (ret < 0)
		return ret;
	ret = nsh_plan_run(&plan, err);
	nsh_plan_free(&plan);
	return ret;
}

int nsh_frame_make(struct nsh_made_frame *frame, struct nsh_policy *policy,
		   const struct nsh_user *user, const char *id, struct nsh_err *err)
{
	struct nsh_session session = {
		.stage = NSH_STAGE_FRAME,
		.policy = policy,
		.user = user,
		.gid = user->gid,
		.id = id,
	};
	struct nsh_idmap map = {0};
	int ret = prepare_folder(err);

	if (ret == 0)
		ret = check_proc(err);
	*frame = (struct nsh_made_frame){.mount = -1, .user = -1};
	if (ret == 0)
		ret = nsh_idmap_make(&map, policy, user, err);
	if (ret == 0)
		ret = frame->user = nsh_userns_make(user, &map, err);
	if (ret < 0)
		return ret;
	ret = frame->mount = enter_namespace(err);
	if (ret < 0)
		return ret;
	session.userns = frame->user;
	return fill_namespace(&session, policy, err);
}

/* Reading it */

static int wrong(struct nsh_err *err, const char *what)
{
	return nsh_err_set(err, NSH_REASON_FRAME, -EPERM, "%s: %s", NSH_FRAME_FOLDER, what);
}

/* st_uid is root's only where user id 0 is the machine's: "/" tells. */
static int check_folder(int folder, struct nsh_err *err)
{
	struct statfs fs;
	struct stat root;
	struct stat st;

	if (fstat(folder, &st) < 0 || fstatfs(folder, &fs) < 0 || stat("/", &root) < 0)
		return sys(err, NSH_FRAME_FOLDER);
	if (is_mount(folder, "", AT_EMPTY_PATH) != 1 || fs.f_type != TMPFS_MAGIC)
		return wrong(err, "is no file system of a session");
	if (st.st_uid != 0 || root.st_uid != 0)
		return wrong(err, "is not root's");
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) || !(fs.f_flags & ST_RDONLY))
		return wrong(err, "can be written to");
	return 0;
}

static bool is_same(int one, int other)
{
	struct stat a;
	struct stat b;

	return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static int check_userns(int fd, struct nsh_err *err)
{
	NSH_CLOSE int parent = -1;
	NSH_CLOSE int present = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
	struct statfs fs;
	uid_t owner;

	if (fstatfs(fd, &fs) < 0 || fs.f_type != NSFS_MAGIC ||
	    ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWUSER)
		return wrong(err, "has no user namespace");
	if (ioctl(fd, NS_GET_OWNER_UID, &owner) < 0 || owner != getuid())
		return wrong(err, "has a user namespace of another user");
	parent = ioctl(fd, NS_GET_PARENT);
	if (present < 0 || parent < 0 || !is_same(parent, present))
		return wrong(err, "has a user namespace from elsewhere");
	return 0;
}

static int read_small(int folder, const char *name, char *text, size_t size, struct nsh_err *err)
{
	NSH_CLOSE int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	ssize_t got;

	if (fd < 0 || fstat(fd, &st) < 0)
		return sys(err, name);
	if (!S_ISREG(st.st_mode) || st.st_uid != 0)
		return wrong(err, "has a file that is not root's");
	got = read(fd, text, size);
	if (got < 0 || got == (ssize_t)size)
		return wrong(err, "has a file that is not of its form");
	text[got] = '\0';
	return 0;
}

static int read_account(struct nsh_frame *frame, int folder, struct nsh_err *err)
{
	char text[ACCOUNT_MAX];
	int ret = read_small(folder, "account", text, sizeof(text), err);

	if (ret == 0)
		ret = nsh_user_parse(&frame->account, getuid(), text, strlen(text), err);
	if (ret == -ENOENT)
		return wrong(err, "is for another user");
	return ret;
}

static int read_all(struct nsh_frame *frame, int folder, struct nsh_err *err)
{
	int ret = read_account(frame, folder, err);

	if (ret == 0)
		ret = read_small(folder, "id", frame->id, sizeof(frame->id), err);
	if (ret == 0 && !nsh_id_ok(frame->id))
		ret = wrong(err, "has no id");
	if (ret < 0)
		return ret;
	frame->user = openat(folder, "user", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (frame->user < 0)
		return sys(err, "user");
	ret = check_userns(frame->user, err);
	if (ret == 0)
		ret = nsh_user_take_groups(&frame->account, err);
	if (ret == 0)
		ret = nsh_policy_load_resolved(&frame->policy, NSH_FRAME_FOLDER "/policy", 0, err);
	return ret;
}

int nsh_frame_open(struct nsh_frame *frame, struct nsh_err *err)
{
	NSH_CLOSE int folder = -1;
	int ret = is_mount(AT_FDCWD, NSH_FRAME_FOLDER, 0);

	if (ret == 0 || ret == -ENOENT)
		return 0;
	folder = nsh_path_open(NSH_FRAME_FOLDER, O_DIRECTORY);
	if (folder < 0)
		return nsh_err_sys(err, NSH_REASON_FRAME, folder, "%s", NSH_FRAME_FOLDER);
	*frame = (struct nsh_frame){.user = -1};
	ret = check_folder(folder, err);
	if (ret == 0)
		ret = read_all(frame, folder, err);
	if (ret < 0)
		nsh_frame_close(frame);
	return ret < 0 ? ret : 1;
}

void nsh_frame_close(struct nsh_frame *frame)
{
	if (frame->user >= 0)
		close(frame->user);
	nsh_user_free(&frame->account);
	nsh_policy_free(&frame->policy);
	*frame = (struct nsh_frame){.user = -1};
}
