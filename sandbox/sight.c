/* SPDX-License-Identifier: MIT */
/*
 * Looking at a session from outside.
 *
 * In namespaces of their own users can mount what they like: file systems that answer late or never (fuse(4)), links,
 * fifos. So nothing is read before the kernel itself says that there is a tmpfs, and root looks nowhere but in the kernel's
 * cache (RESOLVE_CACHED), in which all that lies on the way to a mount is.
 *
 * Newer kernels say it of the one mount that is asked about (statmount(2)). Where they do not, or the cache does not tell
 * whether there is something, mountinfo does, which takes 1.5 us for each mount that there is in the namespace.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/nsfs.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "nsshell/plan.h"
#include "nsshell/sight.h"
#include "sandbox/statmount.h"

/* More of mountinfo is not read: what a session has mounted comes before what its user adds. */
#define MOUNTS_MAX (4 << 20)

#define TEXT_MAX 65536

/* The cache can be in the middle of a change. */
#define TRIES 200

/* Where mountinfo can be read instead. */
#define QUICK_TRIES 3

/* Linux 6.11: newer than Debian 12's headers. */
#ifndef NS_GET_MNTNS_ID
#define NS_GET_MNTNS_ID _IOR(0xb7, 0x5, uint64_t)
#endif
#define SUPER_READ_ONLY 1U /* SB_RDONLY */

/* What is looked at, and what has been found out about it. */
struct view {
	int process;     /* /proc/PID */
	int root;        /* -1 until it is needed */
	uint64_t space;  /* number of the mount namespace for statmount(2), 0: mountinfo must do */
	char *mountinfo; /* NULL until it is needed */
	uid_t owner;     /* of the folder that was opened last */
};

/* The words of a line of mountinfo, from 0; the type comes after a "-" (proc(5)). */
enum { WORD_ID = 0, WORD_PATH = 4, WORD_OPTIONS = 5 };

static const char *word(const char *line, int n)
{
	while (n--) {
		line += strcspn(line, " \n");
		line += *line == ' ';
	}
	return line;
}

static bool is_word(const char *at, const char *text)
{
	size_t len = strlen(text);

	return !strncmp(at, text, len) && strchr(" \n,", at[len]);
}

static bool is_read_only_tmpfs(const char *line)
{
	const char *end = line + strcspn(line, "\n");
	const char *type = strstr(word(line, WORD_OPTIONS), " - ");
	const char *super;

	if (!type || type > end || !is_word(type + 3, "tmpfs"))
		return false;
	super = word(type + 3, 2);
	return is_word(word(line, WORD_OPTIONS), "ro") || (super < end && is_word(super, "ro"));
}

long nsh_sight_find_mount(const char *mountinfo, const char *path)
{
	long found = -1;

	for (const char *line = mountinfo; *line;) {
		if (is_word(word(line, WORD_PATH), path))
			found = is_read_only_tmpfs(line) ? strtol(line, NULL, 10) : -1;
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return found;
}

/* Up to most bytes, as a text. NULL when it cannot be read. */
static char *read_text(int fd, size_t most)
{
	size_t room = 8192;
	char *text = malloc(room);
	size_t len = 0;
	ssize_t got = 0;

	while (text && len < most && (got = read(fd, text + len, room - 1 - len)) > 0) {
		len += (size_t)got;
		if (len == room - 1) {
			char *grown = realloc(text, room *= 2);

			if (!grown)
				free(text);
			text = grown;
		}
	}
	if (text && got < 0) {
		free(text);
		return NULL;
	}
	if (text)
		text[len] = '\0';
	return text;
}

static const char *mounts_of(struct view *view)
{
	NSH_CLOSE int fd = -1;

	if (!view->mountinfo) {
		fd = openat(view->process, "mountinfo", O_RDONLY | O_CLOEXEC);
		view->mountinfo = fd < 0 ? NULL : read_text(fd, MOUNTS_MAX);
	}
	return view->mountinfo ? view->mountinfo : "";
}

static int root_of(struct view *view)
{
	if (view->root < 0)
		view->root = openat(view->process, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return view->root;
}

static int open_at(int dirfd, const char *path, int flags, uint64_t resolve)
{
	struct open_how how = {
		.flags = (unsigned)(flags | O_CLOEXEC),
		.resolve = resolve | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

/* Users hold up nobody but themselves, and what they may look at may not be cached for them. */
static int open_cached(int root, const char *path, int tries)
{
	uint64_t resolve = RESOLVE_IN_ROOT | (geteuid() == 0 ? RESOLVE_CACHED : 0);
	int fd = -1;

	for (int i = 0; i < tries; i++) {
		fd = open_at(root, path, O_PATH | O_DIRECTORY | O_NOFOLLOW, resolve);
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd;
}

/*
 * Of the cache, too: nothing is asked for that a file system would have to be asked, and of a tmpfs the owner is told all
 * the same. Returns false when fd is not where something is mounted.
 */
static bool find_mount_of(struct view *view, int fd, unsigned kind, uint64_t *mount)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, kind, &stx) < 0 ||
	    !(stx.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return false;
	view->owner = stx.stx_uid;
	*mount = (stx.stx_mask & kind) && (stx.stx_mask & STATX_UID) ? stx.stx_mnt_id : 0;
	return true;
}

/* Returns 1 when the mount is a read-only tmpfs, 0 when not, -EAGAIN when the kernel does not say. */
static int ask_mount(const struct view *view, uint64_t mount)
{
	const struct nsh_mount_question question = {
		.size = sizeof(question),
		.mount = mount,
		.wanted = NSH_STATMOUNT_SB_BASIC | NSH_STATMOUNT_MNT_BASIC,
		.mounts = view->space,
	};
	struct nsh_mount_answer answer = {0};

	if (!mount || syscall(SYS_statmount, &question, &answer, sizeof(answer), 0) < 0 ||
	    (answer.given & question.wanted) != question.wanted)
		return -EAGAIN;
	return answer.magic == TMPFS_MAGIC &&
	       ((answer.attributes & MOUNT_ATTR_RDONLY) || (answer.super & SUPER_READ_ONLY));
}

/* As below; -EAGAIN when it does not tell. */
static int open_quickly(struct view *view, const char *path)
{
	uint64_t mount;
	int ret = 0;
	int fd;

	if (!view->space || root_of(view) < 0)
		return -EAGAIN;
	fd = open_cached(view->root, path, QUICK_TRIES);
	if (fd < 0)
		return -errno;
	if (find_mount_of(view, fd, STATX_MNT_ID_UNIQUE, &mount))
		ret = ask_mount(view, mount);
	if (ret == 1)
		return fd;
	close(fd);
	return ret < 0 ? ret : -ENOENT;
}

static int open_by_mountinfo(struct view *view, const char *path)
{
	long wanted = nsh_sight_find_mount(mounts_of(view), path);
	uint64_t mount;
	int fd;

	if (wanted < 0 || root_of(view) < 0)
		return -ENOENT;
	fd = open_cached(view->root, path, TRIES);
	if (fd < 0)
		return -errno;
	if (find_mount_of(view, fd, STATX_MNT_ID, &mount) && mount == (uint64_t)wanted)
		return fd;
	close(fd);
	return -ENOENT;
}

/* The folder at path if a read-only tmpfs is mounted there, or -errno. */
static int open_folder(struct view *view, const char *path)
{
	int fd = open_quickly(view, path);

	return fd == -EAGAIN ? open_by_mountinfo(view, path) : fd;
}

/* A file of that size. */
static char *read_whole(int fd, size_t size)
{
	char *text = malloc(size + 1);
	ssize_t got = text ? read(fd, text, size) : -1;

	if (got < 0) {
		free(text);
		return NULL;
	}
	text[got] = '\0';
	return text;
}

/* The folder is that of a tmpfs, on which nothing is waited for, and nothing that is mounted in it is looked at. */
static char *read_file(int folder, const char *name, uid_t owner)
{
	NSH_CLOSE int fd = open_at(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
				   RESOLVE_BENEATH | RESOLVE_NO_XDEV);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != owner ||
	    st.st_size >= TEXT_MAX)
		return NULL;
	return read_whole(fd, (size_t)st.st_size);
}

/* Standalone the files are the user's, who could have whoever opens them wait or fail (fcntl(2), F_SETLEASE). */
static bool read_id_link(struct nsh_sight *sight, int folder)
{
	ssize_t len = readlinkat(folder, "session", sight->id, sizeof(sight->id));

	if (len != NSH_ID_LEN)
		return false;
	sight->id[len] = '\0';
	return nsh_id_ok(sight->id);
}

static bool read_id(struct nsh_sight *sight, int folder)
{
	NSH_FREE char *id = sight->framed ? read_file(folder, "id", sight->owner) : NULL;

	if (!sight->framed)
		return read_id_link(sight, folder);
	if (!id || !nsh_id_ok(id))
		return false;
	memcpy(sight->id, id, sizeof(sight->id));
	return true;
}

/* Returns 1 when the folder is one of a session. */
static int read_folder(struct nsh_sight *sight, int folder, uid_t owner, uid_t root)
{
	if (sight->framed != (owner == root))
		return 0;
	sight->owner = owner;
	if (!read_id(sight, folder))
		return 0;
	sight->account = sight->framed ? read_file(folder, "account", sight->owner) : NULL;
	sight->login = read_file(folder, "login", sight->owner);
	sight->files = read_file(folder, "files", sight->owner);
	sight->cgroup = sight->framed ? read_file(folder, "cgroup", sight->owner) : NULL;
	sight->hostname = read_file(folder, "hostname", sight->owner);
	return 1;
}

static int look_at(struct nsh_sight *sight, struct view *view, bool framed, uid_t root)
{
	NSH_CLOSE int folder = open_folder(view, framed ? NSH_FRAME_FOLDER : NSH_SESSION_FOLDER);

	*sight = (struct nsh_sight){.framed = framed};
	return folder < 0 ? 0 : read_folder(sight, folder, view->owner, root);
}

void nsh_sight_prepare(void)
{
	struct stat st;

	(void)!stat(NSH_FRAME_FOLDER, &st);
	(void)!stat(NSH_SESSION_FOLDER, &st);
}

/* Root's word first. */
int nsh_sight_take(struct nsh_sight *sight, int process, int space, uid_t root)
{
	struct view view = {.process = process, .root = -1};
	int ret;

	if (space < 0 || ioctl(space, NS_GET_MNTNS_ID, &view.space) < 0)
		view.space = 0;
	ret = look_at(sight, &view, true, root) || look_at(sight, &view, false, root);
	if (view.root >= 0)
		close(view.root);
	free(view.mountinfo);
	return ret;
}

void nsh_sight_free(struct nsh_sight *sight)
{
	free(sight->account);
	free(sight->login);
	free(sight->files);
	free(sight->cgroup);
	free(sight->hostname);
	*sight = (struct nsh_sight){0};
}
