/* SPDX-License-Identifier: MIT */
/*
 * File systems of the session's own, and its root.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "sandbox/capabilities.h"
#include "sandbox/identity.h"
#include "sandbox/run.h"

int nsh_run_tmpfs(struct run *run, const struct nsh_op *op)
{
	if (mount("tmpfs", op->path, "tmpfs", MS_NOSUID | MS_NODEV, op->text) < 0)
		return nsh_run_failed(run, "mount a tmpfs on", op->path);
	return 0;
}

int nsh_run_seal(struct run *run, const struct nsh_op *op)
{
	if (mount(NULL, op->path, NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) < 0)
		return nsh_run_failed(run, "make read-only", op->path);
	return 0;
}

static int mount_kernel(struct run *run, const char *type, const struct nsh_op *op,
			unsigned long flags)
{
	if (mount(type, op->path, type, MS_NOSUID | MS_NODEV | MS_NOEXEC | flags, op->text) == 0)
		return 0;
	if (errno == EPERM)
		return nsh_err_set(
			run->err, NSH_REASON_NAMESPACES, -EPERM,
			"mount %s: not permitted; parts of the machine's own %s are covered "
			"(mount_namespaces(7))",
			op->path, op->path);
	return nsh_run_failed(run, "mount", op->path);
}

int nsh_run_proc(struct run *run, const struct nsh_op *op)
{
	return mount_kernel(run, "proc", op, 0);
}

int nsh_run_sys(struct run *run, const struct nsh_op *op)
{
	return mount_kernel(run, "sysfs", op, MS_RDONLY);
}

/* Overlays of users keep their notes in attributes that a tmpfs has only had since Linux 6.6. */
static int check_attributes(struct run *run, const char *upper)
{
	static const char name[] = "user.overlay.opaque";

	if (setxattr(upper, name, "y", 1, 0) == 0 && removexattr(upper, name) == 0)
		return 0;
	if (errno == EOPNOTSUPP)
		return nsh_err_set(
			run->err, NSH_REASON_FRAME, -EOPNOTSUPP,
			"view.home = ephemeral needs pam_nsshell on this kernel, and this "
			"login did not come through it");
	return nsh_run_failed(run, "try attributes of", upper);
}

static int set(int context, const char *name, const char *value)
{
	return fsconfig(context, FSCONFIG_SET_STRING, name, value, 0);
}

static int set_folders(int context, const char *path, int lower)
{
	char value[PATH_MAX];

	snprintf(value, sizeof(value), "/proc/self/fd/%d", lower);
	if (set(context, "lowerdir", value) < 0)
		return -1;
	snprintf(value, sizeof(value), "%s-upper", path);
	if (set(context, "upperdir", value) < 0)
		return -1;
	snprintf(value, sizeof(value), "%s-work", path);
	return set(context, "workdir", value);
}

/* Returns an fd of the new mount, or -1 with errno set. */
static int make_overlay(const struct nsh_op *op, int lower, bool of_user)
{
	NSH_CLOSE int context = fsopen("overlay", FSOPEN_CLOEXEC);
	unsigned attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
	struct statvfs fs;

	if (context < 0 || fstatvfs(lower, &fs) < 0)
		return -1;
	if (fs.f_flag & ST_NOEXEC)
		attributes |= MOUNT_ATTR_NOEXEC;
	if (set_folders(context, op->path, lower) < 0 ||
	    (of_user ? fsconfig(context, FSCONFIG_SET_FLAG, "userxattr", NULL, 0)
		     : set(context, "redirect_dir", "on")) < 0 ||
	    fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	return fsmount(context, FSMOUNT_CLOEXEC, attributes);
}

/*
 * The overlay goes on with the powers that it was made with, after it has asked whether the one who uses it may
 * do what they want (overlayfs.rst). So root makes it as the owner, with just what it takes to copy a file with
 * its owner and mode, and to use its work folder, which is nobody's to use by its mode.
 */
static int make_as_owner(struct run *run, const struct nsh_op *op, int lower)
{
	static const int needed[] = {CAP_SYS_ADMIN, CAP_CHOWN, CAP_FOWNER, CAP_FSETID,
				     CAP_DAC_OVERRIDE};
	int fd = -1;
	int code;
	int ret = nsh_identity_take(run->owner, run->err);

	if (ret < 0)
		return ret;
	if (nsh_capabilities_raise(needed, sizeof(needed) / sizeof(*needed)) == 0)
		fd = make_overlay(op, lower, false);
	code = errno;
	if (nsh_identity_give_back(run->err) < 0)
		return -EPERM;
	errno = code;
	return fd;
}

int nsh_run_overlay(struct run *run, const struct nsh_op *op)
{
	struct nsh_slot *slot = &run->slots[op->slot];
	char upper[PATH_MAX];
	int fd;
	int ret;

	snprintf(upper, sizeof(upper), "%s-upper", op->path);
	ret = run->owner ? 0 : check_attributes(run, upper);
	if (ret < 0)
		return ret;
	fd = run->owner ? make_as_owner(run, op, slot->place) : make_overlay(op, slot->place, true);
	if (fd < -1)
		return fd;
	if (fd < 0)
		return nsh_run_failed(run, "make an overlay on", "the home");
	close(slot->tree);
	slot->tree = fd;
	return 0;
}

/* The machine has 4096 for all (sysctl kernel.pty.max): no one session is to take them away from others. */
#define TERMINALS_MAX 256

/* The highest number for which as many are opened; 64 take 10 ms. */
#define NUMBER_MAX 63

/* Files that are held lie between those of the terminals. */
static void close_terminals(int first, int last)
{
	unsigned number;

	for (int fd = first; fd < last; fd++)
		if (ioctl(fd, TIOCGPTN, &number) == 0)
			close(fd);
}

/*
 * Terminals get the lowest number that is free: those below are opened too, and closed again. Where the machine or the
 * process has too few for that none stays open (0), and the own terminal gets another name.
 */
static int use_up(int folder, int number)
{
	int last = folder;
	unsigned got = 0;
	bool done = true;

	for (int i = 0; i <= number && done; i++) {
		int fd = openat(folder, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);

		done = fd >= 0 && ioctl(fd, TIOCGPTN, &got) == 0 && got == (unsigned)i;
		last = fd < 0 ? last : fd;
	}
	close_terminals(STDERR_FILENO + 1, done ? last : last + 1);
	return done ? last : 0;
}

int nsh_run_terminals(struct run *run, const struct nsh_op *op)
{
	bool is_low = op->number >= 0 && op->number <= NUMBER_MAX;
	NSH_CLOSE int folder = -1;
	char options[64];

	snprintf(options, sizeof(options), "newinstance,ptmxmode=0666,mode=0620,max=%d",
		 (is_low ? op->number + 1 : 0) + TERMINALS_MAX);
	if (mount("devpts", op->path, "devpts", MS_NOSUID | MS_NOEXEC, options) < 0)
		return nsh_run_failed(run, "mount terminals on", op->path);
	if (!is_low)
		return 0;
	folder = open(op->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return nsh_run_failed(run, "open", op->path);
	run->terminal = use_up(folder, op->number);
	return 0;
}

/* Both at the same place: the old root is then mounted on the new one, and is taken off (pivot_root(2)). */
int nsh_run_enter(struct run *run, const struct nsh_op *op)
{
	/* glibc has no wrapper for pivot_root(2). */
	if (chdir(op->path) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return nsh_run_failed(run, "enter", op->path);
	return 0;
}
