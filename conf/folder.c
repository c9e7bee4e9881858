/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <sys/types.h>

#include "nsshell/folder.h"

int nsh_folder_each(int fd, nsh_name_fn *act, void *data)
{
	union {
		struct dirent64 entry;
		char bytes[4096];
	} buffer;
	ssize_t got;

	while ((got = getdents64(fd, &buffer, sizeof(buffer))) > 0)
		for (ssize_t at = 0; at < got;) {
			const struct dirent64 *entry = (const struct dirent64 *)(buffer.bytes + at);
			int ret = act(entry->d_name, data);

			if (ret != 0)
				return ret;
			at += entry->d_reclen;
		}
	return got < 0 ? -errno : 0;
}
