/* SPDX-License-Identifier: MIT */
/*
 * Facts about namespaces.
 */
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "sandbox/namespace.h"

bool nsh_namespace_is_same(int one, int other)
{
	struct stat a;
	struct stat b;

	return one >= 0 && other >= 0 && fstat(one, &a) == 0 && fstat(other, &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool nsh_namespace_is_owned(int namespace, int user)
{
	NSH_CLOSE int owner = namespace < 0 ? -1 : ioctl(namespace, NS_GET_USERNS);

	return nsh_namespace_is_same(owner, user);
}
