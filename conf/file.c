/* SPDX-License-Identifier: MIT */
/*
 * Opening policy files.
 *
 * Everything is checked on the opened file, so there is nothing to race with. O_NONBLOCK because a
 * fifo in the way would hang the login (CVE-2024-22365 is that mistake), O_NOFOLLOW because a link
 * can be swapped, the owner and the mode because whoever can write a policy decides it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/file.h"
#include "nsshell/policy.h"

static int not_trusted(struct nsh_err *err, const char *shown, const char *what)
{
	return nsh_err_set(err, NSH_REASON_POLICY, -EPERM, "%s: %s", shown, what);
}

static int check_trust(const struct stat *st, uid_t owner, const char *shown, struct nsh_err *err)
{
	if (owner == NSH_OWNER_ANY)
		return 0;
	if (st->st_uid != owner)
		return nsh_err_set(err, NSH_REASON_POLICY, -EPERM,
				   "%s: belongs to user id %u and not to %u", shown, st->st_uid,
				   owner);
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return nsh_err_set(err, NSH_REASON_POLICY, -EPERM,
				   "%s: can be written by others than its owner (mode %04o)", shown,
				   st->st_mode & 07777);
	return 0;
}

static int open_failed(struct nsh_err *err, int code, const char *shown)
{
	if (code == -ELOOP)
		return not_trusted(err, shown, "is a symbolic link");
	return nsh_err_sys(err, NSH_REASON_POLICY, code, "%s", shown);
}

int nsh_folder_open(int dirfd, const char *name, uid_t owner, const char *shown,
		    struct nsh_err *err)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int ret;

	if (fd < 0)
		return open_failed(err, -errno, shown);
	if (fstat(fd, &st) < 0)
		ret = open_failed(err, -errno, shown);
	else
		ret = check_trust(&st, owner, shown, err);
	if (ret < 0) {
		close(fd);
		return ret;
	}
	return fd;
}

/*
 * size is what fstat(2) gave. One more byte is asked for, to notice that the file has grown: who asked for it and got
 * the size alone has met the end, and need not ask again.
 */
static int read_all(struct nsh_file *file, size_t size, const char *shown, struct nsh_err *err)
{
	ssize_t got;

	do {
		got = read(file->fd, file->text + file->len, size + 1 - file->len);
		if (got < 0)
			return nsh_err_sys(err, NSH_REASON_POLICY, -errno, "%s", shown);
		file->len += (size_t)got;
	} while (got > 0 && file->len < size);
	file->text[file->len] = '\0';
	if (file->len <= size)
		return 0;
	return nsh_err_set(err, NSH_REASON_POLICY, -EAGAIN, "%s: was just being written", shown);
}

static int check_and_read(struct nsh_file *file, uid_t owner, const char *shown,
			  struct nsh_err *err)
{
	struct stat st;
	int ret;

	if (fstat(file->fd, &st) < 0)
		return open_failed(err, -errno, shown);
	if (!S_ISREG(st.st_mode))
		return not_trusted(err, shown, "is not a regular file");
	ret = check_trust(&st, owner, shown, err);
	if (ret < 0)
		return ret;
	if (st.st_size > NSH_FILE_MAX)
		return nsh_err_set(err, NSH_REASON_POLICY, -E2BIG, "%s: is larger than 64 KiB",
				   shown);
	file->stamp = (struct nsh_stamp){
		.inode = st.st_ino,
		.changed = (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec,
	};
	file->text = malloc((size_t)st.st_size + 2);
	if (!file->text)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -ENOMEM, "%s", shown);
	return read_all(file, (size_t)st.st_size, shown, err);
}

int nsh_file_read(struct nsh_file *file, int dirfd, const char *name, uid_t owner,
		  const char *shown, struct nsh_err *err)
{
	int ret;

	*file = (struct nsh_file){.fd = -1};
	file->fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (file->fd < 0)
		return open_failed(err, -errno, shown);
	ret = check_and_read(file, owner, shown, err);
	if (ret < 0)
		nsh_file_close(file);
	return ret;
}

void nsh_file_close(struct nsh_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	free(file->text);
	*file = (struct nsh_file){.fd = -1};
}
