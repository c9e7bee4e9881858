/* SPDX-License-Identifier: MIT */
/*
 * Looking at a session from outside.
 *
 * In namespaces of their own users can mount what they like: file systems that answer late or never (fuse(4)), links,
 * fifos. So nothing is looked up before mountinfo, which is the kernel's own text, says that there is a tmpfs. What lies
 * on the way to it is then in the kernel's cache, or it would not be mounted, and root looks nowhere else (RESOLVE_CACHED).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "nsshell/plan.h"
#include "nsshell/sight.h"

/* More of mountinfo is not read: what a session has mounted comes before what its user adds. */
#define MOUNTS_MAX (4 << 20)

#define TEXT_MAX 65536

/* The cache can be in the middle of a change. */
#define TRIES 200

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

static char *read_mounts(int process)
{
	NSH_CLOSE int fd = openat(process, "mountinfo", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? NULL : read_text(fd, MOUNTS_MAX);
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
static int open_cached(int root, const char *path)
{
	uint64_t resolve = RESOLVE_IN_ROOT | (geteuid() == 0 ? RESOLVE_CACHED : 0);
	int fd = -1;

	for (int i = 0; i < TRIES; i++) {
		fd = open_at(root, path, O_PATH | O_DIRECTORY | O_NOFOLLOW, resolve);
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd;
}

static int open_folder(int process, const char *path, const char *mounts)
{
	NSH_CLOSE int root = -1;
	long mount = nsh_sight_find_mount(mounts, path);
	struct statx stx;
	int fd;

	if (mount < 0)
		return -1;
	root = openat(process, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = root < 0 ? -1 : open_cached(root, path);
	if (fd < 0)
		return -1;
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &stx) == 0 &&
	    (stx.stx_mask & STATX_MNT_ID) && stx.stx_mnt_id == (uint64_t)mount &&
	    (stx.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return fd;
	close(fd);
	return -1;
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
	return read_text(fd, TEXT_MAX);
}

static bool read_id(struct nsh_sight *sight, int folder)
{
	NSH_FREE char *id = read_file(folder, "id", sight->owner);

	if (!id || !nsh_id_ok(id))
		return false;
	memcpy(sight->id, id, sizeof(sight->id));
	return true;
}

/* Returns 1 when the folder is one of a session. */
static int read_folder(struct nsh_sight *sight, int folder, uid_t root)
{
	struct stat st;

	if (fstat(folder, &st) < 0 || sight->framed != (st.st_uid == root))
		return 0;
	sight->owner = st.st_uid;
	if (!read_id(sight, folder))
		return 0;
	sight->account = read_file(folder, "account", sight->owner);
	sight->login = read_file(folder, "login", sight->owner);
	sight->files = read_file(folder, "files", sight->owner);
	sight->cgroup = read_file(folder, "cgroup", sight->owner);
	sight->hostname = read_file(folder, "hostname", sight->owner);
	return 1;
}

static int look_at(struct nsh_sight *sight, int process, const char *mounts, bool framed,
		   uid_t root)
{
	NSH_CLOSE int folder =
		open_folder(process, framed ? NSH_FRAME_FOLDER : NSH_SESSION_FOLDER, mounts);

	*sight = (struct nsh_sight){.framed = framed};
	return folder < 0 ? 0 : read_folder(sight, folder, root);
}

/* Root's word first. */
int nsh_sight_take(struct nsh_sight *sight, int process, uid_t root)
{
	NSH_FREE char *mounts = read_mounts(process);

	*sight = (struct nsh_sight){0};
	if (!mounts)
		return 0;
	return look_at(sight, process, mounts, true, root) ||
	       look_at(sight, process, mounts, false, root);
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
