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
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include "nsshell/plan.h"
#include "nsshell/sandbox.h"

bool nsh_sandbox_is_inside(void)
{
	struct statx stx;
	struct statfs fs;

	if (statx(AT_FDCWD, NSH_SESSION_FOLDER, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE,
		  &stx) < 0 ||
	    !(stx.stx_attributes_mask & stx.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return false;
	return statfs(NSH_SESSION_FOLDER, &fs) == 0 && fs.f_type == TMPFS_MAGIC &&
	       (fs.f_flags & ST_RDONLY);
}
