/* SPDX-License-Identifier: MIT */
/*
 * Reading the frame that a login stands in, as the user in nsshell.
 *
 * Nothing is believed for standing under the right name: what decides are facts of the kernel's that
 * only the machine's root can bring about where logins begin.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "nsshell/limits.h"
#include "nsshell/plan.h"
#include "sandbox/frame.h"
#include "sandbox/namespace.h"
#include "sandbox/path.h"

/* A line of passwd(5) with two paths in it. */
#define ACCOUNT_MAX (3 * PATH_MAX)

static int sys(struct nsh_err *err, const char *name)
{
	return nsh_err_sys(err, NSH_REASON_FRAME, -errno, "%s%s", NSH_FRAME_FOLDER, name);
}

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
		return sys(err, "");
	if (nsh_path_is_mount(folder, "", AT_EMPTY_PATH) != 1 || fs.f_type != TMPFS_MAGIC)
		return wrong(err, "is no file system of a session");
	if (st.st_uid != 0 || root.st_uid != 0)
		return wrong(err, "is not root's");
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) || !(fs.f_flags & ST_RDONLY))
		return wrong(err, "can be written to");
	return 0;
}

static int check_userns(int fd, struct nsh_err *err)
{
	const char *flaw = nsh_namespace_flaw(fd);

	return flaw ? nsh_err_set(err, NSH_REASON_FRAME, -EPERM, "%s: has %s", NSH_FRAME_FOLDER,
				  flaw)
		    : 0;
}

/* The network that the policy asks for is the frame's. */
static int check_network(const struct nsh_frame *frame, int folder, struct nsh_err *err)
{
	NSH_CLOSE int network = -1;

	if (nsh_policy_number(&frame->policy, NSH_KEY_NETWORK_MODE) == NSH_NETWORK_HOST)
		return 0;
	network = openat(folder, "network", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (!nsh_namespace_is_own(network, "net"))
		return wrong(err, "is not for the network that this process is in");
	return 0;
}

static int read_small(int folder, const char *name, char *text, size_t size, struct nsh_err *err)
{
	NSH_CLOSE int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	ssize_t got;

	if (fd < 0 || fstat(fd, &st) < 0)
		return nsh_err_sys(err, NSH_REASON_FRAME, -errno, "%s/%s", NSH_FRAME_FOLDER, name);
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

	if (ret < 0)
		return ret;
	ret = nsh_user_parse(&frame->account, getuid(), text, strlen(text), err);
	return ret == -ENOENT ? wrong(err, "is for another user") : ret;
}

/*
 * pam_systemd(8) moves the process that opens the session into another control group, and away from the
 * limits when it comes after pam_nsshell.
 */
static int check_cgroup(const struct nsh_frame *frame, int folder, struct nsh_err *err)
{
	struct nsh_cgroup_limits limits;
	char group[NSH_CGROUP_MAX];
	char own[NSH_CGROUP_MAX];
	int ret;

	if (!nsh_cgroup_limits_make(&limits, &frame->policy))
		return 0;
	ret = read_small(folder, "cgroup", group, sizeof(group), err);
	if (ret == 0)
		ret = nsh_cgroup_find(getpid(), own, err);
	if (ret < 0)
		return ret;
	if (nsh_path_around(group, own))
		return 0;
	return nsh_err_set(
		err, NSH_REASON_LIMITS, -EPERM,
		"the limits are those of the control group %s, and this process is in %s: "
		"in the PAM stack pam_nsshell has to stand behind pam_systemd",
		group, own);
}

/* The way into the sandbox, if there is one for this frame: then all of it, and of the frame's user namespace. */
static int open_door(struct nsh_frame *frame, int folder, struct nsh_err *err)
{
	char name[24];

	for (int i = 0; i < NSH_DOOR_PARTS; i++) {
		snprintf(name, sizeof(name), "door-%s", nsh_door_name(i));
		if (!nsh_frame_has_door(i))
			continue;
		frame->ways.part[i] =
			openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (frame->ways.part[i] < 0 && errno == ENOENT && !frame->shared)
			return 0;
		if (!nsh_namespace_is_owned(frame->ways.part[i], frame->user))
			return wrong(err, "has no way into its sandbox");
		frame->shared = true;
	}
	return 0;
}

static int read_all(struct nsh_frame *frame, int folder, bool new, struct nsh_err *err)
{
	int ret = read_account(frame, folder, err);

	if (ret == 0)
		ret = read_small(folder, "id", frame->id, sizeof(frame->id), err);
	if (ret == 0 && !nsh_id_ok(frame->id))
		ret = wrong(err, "has no id");
	if (ret < 0)
		return ret;
	frame->user = openat(folder, "user", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (frame->user < 0)
		return sys(err, "/user");
	ret = check_userns(frame->user, err);
	if (ret == 0 && !new)
		ret = open_door(frame, folder, err);
	if (ret == 0)
		ret = nsh_user_take_groups(&frame->account, err);
	if (ret == 0)
		ret = nsh_policy_load_resolved(&frame->policy, NSH_FRAME_FOLDER "/policy", 0, err);
	if (ret == 0)
		ret = check_network(frame, folder, err);
	if (ret == 0)
		ret = check_cgroup(frame, folder, err);
	return ret;
}

static void clear(struct nsh_frame *frame)
{
	*frame = (struct nsh_frame){.user = -1};
	nsh_ways_clear(&frame->ways);
}

static void close_frame(struct nsh_frame *frame)
{
	if (frame->user >= 0)
		close(frame->user);
	nsh_user_free(&frame->account);
	nsh_policy_free(&frame->policy);
	nsh_door_close_ways(&frame->ways);
	clear(frame);
}

int nsh_frame_open(struct nsh_frame *frame, bool new, struct nsh_err *err)
{
	NSH_CLOSE int folder = -1;
	int ret = nsh_path_is_mount(AT_FDCWD, NSH_FRAME_FOLDER, 0);

	if (ret == 0 || ret == -ENOENT)
		return 0;
	folder = nsh_path_open(NSH_FRAME_FOLDER, O_DIRECTORY);
	if (folder < 0)
		return nsh_err_sys(err, NSH_REASON_FRAME, folder, "%s", NSH_FRAME_FOLDER);
	clear(frame);
	ret = check_folder(folder, err);
	if (ret == 0)
		ret = read_all(frame, folder, new, err);
	if (ret < 0)
		close_frame(frame);
	return ret < 0 ? ret : 1;
}

int nsh_frame_attend(int *presence, struct nsh_err *err)
{
	static const char path[] = NSH_FRAME_FOLDER "/" NSH_FRAME_PRESENCE;

	*presence = open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (*presence >= 0 || errno == ENOENT)
		return 0;
	if (errno == ENXIO)
		return wrong(err, "is that of a login that has ended");
	return nsh_err_sys(err, NSH_REASON_FRAME, -errno, "%s", path);
}
