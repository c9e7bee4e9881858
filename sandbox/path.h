/* SPDX-License-Identifier: MIT */
/*
 * Paths that are looked up where a user might interfere.
 */
#ifndef SANDBOX_PATH_H
#define SANDBOX_PATH_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "nsshell/err.h"

/*
 * Resolves an absolute path to one without symbolic links, ".", ".." and "//". Only links that
 * belong to root are followed. root is "" or a resolved folder below "/": then the path is that of a
 * process whose root it is, and out begins with it. Errors: -EPERM for another's link, -ELOOP,
 * -ENAMETOOLONG, and what lstat(2) gives; err is set. out is at least "/".
 */
int nsh_path_resolve(const char *root, const char *path, char out[PATH_MAX], struct nsh_err *err);

/* The same path as a name, without "//", "/./" and a slash at the end; at least "/". path is absolute. */
void nsh_path_tidy(const char *path, char out[PATH_MAX]);

/*
 * Tells whether the user can put something else at a resolved path, because a folder above it is
 * writable for the calling process, which is the user's. Returns 0, or -EPERM with err set.
 */
int nsh_path_held(const char *path, uid_t uid, struct nsh_err *err);

/*
 * When path is inside folder returns what follows the folder and its slash, else NULL. A path is
 * not inside itself. Both must be resolved or at least without doubled slashes.
 */
const char *nsh_path_below(const char *folder, const char *path);

/* Whether path is the folder or inside of it. */
bool nsh_path_around(const char *folder, const char *path);

/* Opens a resolved path with O_PATH; a link anywhere in it is -ELOOP. Returns an fd or -errno. */
int nsh_path_open(const char *path, int flags);

/* Returns 1 when something is mounted below (not at) a resolved folder, 0, or -errno with err set. */
int nsh_path_has_mounts(const char *folder, struct nsh_err *err);

/*
 * Calls is_meant(line, path, data) for each mount of this process's mount namespace, until it returns true: line is
 * that of mountinfo (proc(5)). Returns 1 with path filled in, 0 when there is none, or -errno with err set.
 */
int nsh_path_find_mount(bool (*is_meant)(const char *line, const char *path, const void *data),
			const void *data, char path[PATH_MAX], struct nsh_err *err);

/*
 * Whether the kernel says at once (listmount(2), Linux 6.8) that below a mount point nothing is mounted, or only file systems
 * of these types, the last of which is NULL. false is no answer.
 */
bool nsh_path_only_has(const char *mount_point, const char *const *types);

/*
 * Returns 1 when something is mounted at the path below dirfd, 0 when not, or -errno. flags may have
 * AT_EMPTY_PATH.
 */
int nsh_path_is_mount(int dirfd, const char *path, int flags);

/* As root: makes a folder if need be. -EPERM with err set when not only root can change it. */
int nsh_path_secure_folder(const char *path, struct nsh_err *err);

#endif
