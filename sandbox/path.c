/* SPDX-License-Identifier: MIT */
/*
 * Paths that are looked up where a user might interfere.
 *
 * The home is a name in the account database, but folders below it are the user's, and a link there
 * could lead a mount to another's home (CVE-2010-3853 is of this kind). So no link is followed that
 * is not root's, and what was resolved is opened with links forbidden altogether.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "sandbox/path.h"
#include "sandbox/statmount.h"

/* As many links as the kernel follows (path_resolution(7)). */
#define LINKS_MAX 40

/* With more mounts it is quicker to read them all. */
#define ONLY_MAX 16

struct walk {
	const char *path; /* as asked, for messages */
	char *out;
	size_t root; /* length of the root in out, which no step leaves */
	char rest[PATH_MAX];
	int links;
	struct nsh_err *err;
};

static int failed(const struct walk *walk, int code)
{
	return nsh_err_sys(walk->err, NSH_REASON_VIEW, code, "%s", walk->path);
}

static void go_up(char *out, size_t root)
{
	char *slash = strrchr(out + root, '/');

	if (slash)
		*slash = '\0';
}

static int follow(struct walk *walk, const char *name, const char *rest)
{
	char target[PATH_MAX];
	char joined[PATH_MAX];
	ssize_t len = readlink(walk->out, target, sizeof(target) - 1);

	if (len < 0)
		return failed(walk, -errno);
	if (++walk->links > LINKS_MAX)
		return failed(walk, -ELOOP);
	target[len] = '\0';
	if (snprintf(joined, sizeof(joined), "%s/%s", target, rest) >= (int)sizeof(joined))
		return failed(walk, -ENAMETOOLONG);
	if (target[0] == '/')
		walk->out[walk->root] = '\0';
	else
		walk->out[strlen(walk->out) - strlen(name) - 1] = '\0';
	memcpy(walk->rest, joined, sizeof(joined));
	return 0;
}

static int step(struct walk *walk, const char *name, const char *rest)
{
	size_t used = strlen(walk->out);
	struct statx st;

	if (!*name || !strcmp(name, "."))
		return 1;
	if (!strcmp(name, "..")) {
		go_up(walk->out, walk->root);
		return 1;
	}
	if (used + 1 + strlen(name) >= PATH_MAX)
		return failed(walk, -ENAMETOOLONG);
	sprintf(walk->out + used, "/%s", name);
	/* What the machine knows already will do: a server that does not answer is not waited for. */
	if (statx(AT_FDCWD, walk->out, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC,
		  STATX_TYPE | STATX_UID, &st) < 0)
		return failed(walk, -errno);
	if (!S_ISLNK(st.stx_mode))
		return 1;
	if (st.stx_uid != 0)
		return nsh_err_set(walk->err, NSH_REASON_VIEW, -EPERM,
				   "%s: %s is a symbolic link that is not root's", walk->path,
				   walk->out);
	return follow(walk, name, rest);
}

/* Takes one component off walk->rest. Returns 0 when there is none left. */
static int next(struct walk *walk)
{
	char name[NAME_MAX + 1];
	char *start = walk->rest + strspn(walk->rest, "/");
	size_t len = strcspn(start, "/");
	int ret;

	if (!len)
		return 0;
	if (len > NAME_MAX)
		return failed(walk, -ENAMETOOLONG);
	memcpy(name, start, len);
	name[len] = '\0';
	ret = step(walk, name, start + len);
	if (ret == 1)
		memmove(walk->rest, start + len, strlen(start + len) + 1);
	return ret < 0 ? ret : 1;
}

int nsh_path_resolve(const char *root, const char *path, char out[PATH_MAX], struct nsh_err *err)
{
	struct walk walk = {.path = path, .out = out, .root = strlen(root), .err = err};
	int ret;

	if (path[0] != '/' || strlen(path) >= PATH_MAX || walk.root >= PATH_MAX)
		return failed(&walk, path[0] == '/' ? -ENAMETOOLONG : -EINVAL);
	strcpy(out, root);
	strcpy(walk.rest, path);
	do {
		ret = next(&walk);
	} while (ret > 0);
	if (ret == 0 && !out[0])
		strcpy(out, "/");
	return ret;
}

/* A sticky folder lets only owners rename what is in it. */
static bool can_replace(const char *folder, const char *entry, uid_t uid)
{
	struct stat st;

	if (stat(folder, &st) < 0 || st.st_uid == uid)
		return true;
	if (faccessat(AT_FDCWD, folder, W_OK, AT_EACCESS) < 0)
		return errno != EACCES && errno != EROFS;
	return !(st.st_mode & S_ISVTX) || lstat(entry, &st) < 0 || st.st_uid == uid;
}

int nsh_path_held(const char *path, uid_t uid, struct nsh_err *err)
{
	char entry[PATH_MAX];
	char folder[PATH_MAX];

	strcpy(folder, path);
	while (strcmp(folder, "/") != 0) {
		char *slash = strrchr(folder, '/');

		strcpy(entry, folder);
		slash[slash == folder] = '\0';
		if (can_replace(folder, entry, uid))
			return nsh_err_set(err, NSH_REASON_VIEW, -EPERM,
					   "%s: cannot be held, because the user can write to %s",
					   path, folder);
	}
	return 0;
}

void nsh_path_tidy(const char *path, char out[PATH_MAX])
{
	size_t at = 0;

	while (*path) {
		size_t len = strcspn(path, "/");

		if (len && !(len == 1 && *path == '.') && at + 1 + len < PATH_MAX) {
			out[at++] = '/';
			memcpy(out + at, path, len);
			at += len;
		}
		path += len + (path[len] == '/');
	}
	if (!at)
		out[at++] = '/';
	out[at] = '\0';
}

const char *nsh_path_below(const char *folder, const char *path)
{
	size_t len = strcmp(folder, "/") ? strlen(folder) : 0;

	if (strncmp(folder, path, len) != 0 || path[len] != '/' || !path[len + 1])
		return NULL;
	return path + len + 1;
}

bool nsh_path_around(const char *folder, const char *path)
{
	return !strcmp(folder, path) || nsh_path_below(folder, path);
}

int nsh_path_open(const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)(O_PATH | O_CLOEXEC | flags),
		.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	/* glibc has no wrapper for openat2(2) before 2.42. */
	long fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

int nsh_path_is_mount(int dirfd, const char *path, int flags)
{
	struct statx stx;

	if (statx(dirfd, path, flags | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &stx) < 0)
		return -errno;
	return !!(stx.stx_attributes_mask & stx.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

static bool is_of_type(uint64_t mount, const char *const *types)
{
	const struct nsh_mount_question question = {
		.size = sizeof(question), .mount = mount, .wanted = NSH_STATMOUNT_FS_TYPE};
	struct nsh_mount_answer answer = {0};

	if (syscall(SYS_statmount, &question, &answer, sizeof(answer), 0) < 0 ||
	    !(answer.given & NSH_STATMOUNT_FS_TYPE) || answer.type >= sizeof(answer.texts))
		return false;
	answer.texts[sizeof(answer.texts) - 1] = '\0';
	while (*types && strcmp(*types, answer.texts + answer.type) != 0)
		types++;
	return *types != NULL;
}

bool nsh_path_only_has(const char *mount_point, const char *const *types)
{
	struct nsh_mount_question question = {.size = sizeof(question)};
	uint64_t mounts[ONLY_MAX];
	struct statx stx;
	long count;

	if (statx(AT_FDCWD, mount_point, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_MNT_ID_UNIQUE,
		  &stx) < 0 ||
	    !(stx.stx_mask & STATX_MNT_ID_UNIQUE) || !(stx.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return false;
	question.mount = stx.stx_mnt_id;
	count = syscall(SYS_listmount, &question, mounts, ONLY_MAX, 0);
	if (count < 0 || count == ONLY_MAX)
		return false;
	for (long i = 0; i < count; i++)
		if (!is_of_type(mounts[i], types))
			return false;
	return true;
}

int nsh_path_find_mount(bool (*is_meant)(const char *line, const char *path, const void *data),
			const void *data, char path[PATH_MAX], struct nsh_err *err)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	NSH_FREE char *line = NULL;
	size_t room = 0;
	int ret = 0;

	if (!mounts)
		return nsh_err_sys(err, NSH_REASON_VIEW, -errno, "/proc/self/mountinfo");
	while (ret == 0 && getline(&line, &room, mounts) > 0)
		ret = sscanf(line, "%*s %*s %*s %*s %4095s", path) == 1 &&
		      is_meant(line, path, data);
	if (ret == 0 && ferror(mounts))
		ret = nsh_err_sys(err, NSH_REASON_VIEW, -errno, "/proc/self/mountinfo");
	fclose(mounts);
	return ret;
}

/* mountinfo writes blanks and the like as \040: a path that has some is taken as it would stand there. */
static void escape(const char *path, char out[4 * PATH_MAX])
{
	for (; *path; path++)
		out += strchr(" \t\n\\", *path) ? sprintf(out, "\\%03o", *path)
						: sprintf(out, "%c", *path);
	*out = '\0';
}

static bool is_below(const char *line, const char *path, const void *folder)
{
	(void)line;
	return nsh_path_below(folder, path) != NULL;
}

int nsh_path_has_mounts(const char *folder, struct nsh_err *err)
{
	char escaped[4 * PATH_MAX] = "";
	char path[PATH_MAX];

	escape(folder, escaped);
	return nsh_path_find_mount(is_below, escaped, path, err);
}

int nsh_path_secure_folder(const char *path, struct nsh_err *err)
{
	struct stat st;

	if ((mkdir(path, 0755) < 0 && errno != EEXIST) || lstat(path, &st) < 0)
		return nsh_err_sys(err, NSH_REASON_FRAME, -errno, "%s", path);
	if (!S_ISDIR(st.st_mode) || st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return nsh_err_set(err, NSH_REASON_FRAME, -EPERM,
				   "%s: is not a folder that only root can write to", path);
	return 0;
}
