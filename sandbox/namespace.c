/* SPDX-License-Identifier: MIT */
/*
 * Facts about namespaces.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "nsshell/sandbox.h"
#include "sandbox/namespace.h"

static int open_of(const char *process, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/ns/%s", process, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

int nsh_namespace_open(const char *process, const char *name, struct nsh_err *err)
{
	int fd = open_of(process, name);

	return fd < 0 ? nsh_err_sys(err, NSH_REASON_NAMESPACES, -errno, "/proc/%s/ns/%s", process,
				    name)
		      : fd;
}

/* Both are open, and files of the same. */
static bool is_same(int one, int other)
{
	struct stat a;
	struct stat b;

	return one >= 0 && other >= 0 && fstat(one, &a) == 0 && fstat(other, &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool nsh_namespace_is_own(int namespace, const char *name)
{
	NSH_CLOSE int own = open_of("self", name);

	return is_same(namespace, own);
}

bool nsh_namespace_is_owned(int namespace, int user)
{
	NSH_CLOSE int owner = namespace < 0 ? -1 : ioctl(namespace, NS_GET_USERNS);

	return is_same(owner, user);
}

/* Files of other file systems, as a user's own, could answer these calls with anything. */
const char *nsh_namespace_flaw(int user)
{
	NSH_CLOSE int parent = -1;
	struct statfs fs;
	uid_t owner;

	if (fstatfs(user, &fs) < 0 || fs.f_type != NSFS_MAGIC ||
	    ioctl(user, NS_GET_NSTYPE) != CLONE_NEWUSER)
		return "no user namespace";
	if (ioctl(user, NS_GET_OWNER_UID, &owner) < 0 || owner != getuid())
		return "a user namespace of another user";
	parent = ioctl(user, NS_GET_PARENT);
	return nsh_namespace_is_own(parent, "user") ? NULL : "a user namespace from elsewhere";
}
