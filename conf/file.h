/* SPDX-License-Identifier: MIT */
/*
 * Opening what the administrator wrote, and nobody else.
 */
#ifndef CONF_FILE_H
#define CONF_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "conf/scan.h"
#include "nsshell/err.h"
#include "nsshell/policy.h"

/* A policy file in memory. */
struct nsh_file {
	char *text; /* len bytes and a NUL; owned */
	size_t len;
	int fd; /* owned, or -1 */
	struct nsh_stamp stamp;
};

/*
 * Opens the folder name below dirfd (or AT_FDCWD). It must be a folder, no link, owner's, and not
 * writable by group or others. Returns an fd for openat() and getdents, which the caller closes;
 * -ENOENT when there is none; -EPERM when it is not trusted. shown is how messages name it.
 */
int nsh_folder_open(int dirfd, const char *name, uid_t owner, const char *shown,
		    struct nsh_err *err);

/*
 * Reads the file name below dirfd, under the same conditions and at most NSH_FILE_MAX bytes.
 * -ENOENT when there is none, with *err set all the same. nsh_file_close() after success.
 */
int nsh_file_read(struct nsh_file *file, int dirfd, const char *name, uid_t owner,
		  const char *shown, struct nsh_err *err);

void nsh_file_close(struct nsh_file *file);

#endif
