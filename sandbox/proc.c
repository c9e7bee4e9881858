/* SPDX-License-Identifier: MIT */
/*
 * The files of /proc that give a user namespace its ids.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "sandbox/proc.h"

static int write_file(const char *process, const char *name, const char *text, struct nsh_err *err)
{
	char path[64];
	size_t len = strlen(text);
	NSH_CLOSE int fd = -1;

	snprintf(path, sizeof(path), "/proc/%s/%s", process, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	/* These files take one write(2) or none. */
	if (fd >= 0 && write(fd, text, len) == (ssize_t)len)
		return 0;
	return nsh_err_sys(err, NSH_REASON_NAMESPACES, -errno, "write \"%.*s\" to %s",
			   (int)strcspn(text, "\n"), text, path);
}

/* setgroups is denied first: without that the kernel lets no user map a group (CVE-2014-8989). */
int nsh_proc_map_ids(const char *process, const char *uids, const char *gids, struct nsh_err *err)
{
	int ret = write_file(process, "setgroups", "deny", err);

	if (ret == 0)
		ret = write_file(process, "uid_map", uids, err);
	if (ret == 0)
		ret = write_file(process, "gid_map", gids, err);
	return ret;
}
