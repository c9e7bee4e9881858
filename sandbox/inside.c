/* SPDX-License-Identifier: MIT */
/*
 * Knowing that one is inside.
 *
 * A login starts in the mount namespace of sshd, login or su. There NSH_SESSION_FOLDER is an empty
 * folder of root's, and to mount something on it takes the machine's CAP_SYS_ADMIN. A user can mount
 * there in a user namespace of their own making, but whoever does stands outside of every session
 * already, and gains a shell that they could have started without nsshell.
 */
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include "nsshell/plan.h"
#include "nsshell/sandbox.h"
#include "sandbox/path.h"

bool nsh_sandbox_is_inside(void)
{
	struct statfs fs;

	if (nsh_path_is_mount(AT_FDCWD, NSH_SESSION_FOLDER, 0) != 1)
		return false;
	return statfs(NSH_SESSION_FOLDER, &fs) == 0 && fs.f_type == TMPFS_MAGIC &&
	       (fs.f_flags & ST_RDONLY);
}
