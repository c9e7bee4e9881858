/* SPDX-License-Identifier: MIT */
/*
 * A control group of our own, where no systemd looks after them.
 *
 * Below the root of the tree is the folder "nsshell", and in it one control group for each login that
 * has limits, named by the session's id. Only root can open that folder, as a lock on it would keep others
 * from logging in.
 *
 * Nobody removes a control group when its last process has ended, so a keeper waits for that. It is
 * outside of it, keeps user id 0, which the folder belongs to, and has no capability. When it was killed
 * the next login removes what is empty. What a login has just made, and has no process in it yet, is
 * told apart by a lock: shared by who makes one, exclusive for who removes.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "nsshell/id.h"
#include "sandbox/capabilities.h"
#include "sandbox/cgroup.h"
#include "nsshell/keeper.h"

#define FOLDER "nsshell"

struct group {
	const char *id;
	int folder;
	int group;
};

static int failed(struct nsh_err *err, const char *what, const char *on)
{
	return nsh_err_sys(err, NSH_REASON_LIMITS, -errno, "control group: %s %s", what, on);
}

/* These files take one write(2) or none. */
static int write_text(int folder, const char *name, const char *text)
{
	NSH_CLOSE int fd = openat(folder, name, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
}

/* From the start of the file, each time. Returns -1 with errno set. */
static int read_text(int fd, char *text, size_t size)
{
	ssize_t got = pread(fd, text, size - 1, 0);

	if (got >= 0)
		text[got] = '\0';
	return got < 0 ? -1 : 0;
}

static int open_folder(int folder, const char *name, struct nsh_err *err)
{
	int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? failed(err, "open", name) : fd;
}

/* The control groups in this one are to have the controllers that the limits need. */
static int enable(int folder, const struct nsh_cgroup_limits *limits, struct nsh_err *err)
{
	static const char name[] = "cgroup.subtree_control";
	NSH_CLOSE int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	char text[NSH_CONTROL_MAX];
	char has[256];

	if (fd < 0 || read_text(fd, has, sizeof(has)) < 0)
		return failed(err, "read", name);
	for (size_t i = 0; i < NSH_CONTROLS; i++) {
		const char *controller = nsh_controls[i].controller;

		if (!nsh_control_text(text, i, limits) || nsh_cgroup_has_word(has, controller))
			continue;
		snprintf(text, sizeof(text), "+%s", controller);
		if (write_text(folder, name, text) < 0)
			return failed(err, "enable the controller", controller);
	}
	return 0;
}

/* Returns an fd of the folder "nsshell". */
static int open_top(const struct nsh_cgroup_limits *limits, struct nsh_err *err)
{
	char root[PATH_MAX];
	NSH_CLOSE int top = -1;
	int folder;
	int ret = nsh_cgroup_root(root, err);

	if (ret == 0)
		ret = top = open_folder(AT_FDCWD, root, err);
	if (ret >= 0)
		ret = enable(top, limits, err);
	if (ret == 0 && mkdirat(top, FOLDER, 0711) < 0 && errno != EEXIST)
		ret = failed(err, "make", FOLDER);
	if (ret < 0)
		return ret;
	folder = open_folder(top, FOLDER, err);
	if (folder < 0)
		return folder;
	ret = enable(folder, limits, err);
	if (ret < 0)
		close(folder);
	return ret < 0 ? ret : folder;
}

static bool is_empty(int events)
{
	char text[NSH_CONTROL_MAX];

	return read_text(events, text, sizeof(text)) == 0 && strstr(text, "populated 0") != NULL;
}

static void remove_if_empty(int folder, const char *name)
{
	char path[NAME_MAX + 16];
	NSH_CLOSE int events = -1;

	snprintf(path, sizeof(path), "%s/cgroup.events", name);
	events = openat(folder, path, O_RDONLY | O_CLOEXEC);
	if (events >= 0 && is_empty(events))
		unlinkat(folder, name, AT_REMOVEDIR);
}

/* Only while nobody makes one: the next login will do. */
static void sweep(int folder)
{
	const struct dirent *entry;
	DIR *entries;

	if (flock(folder, LOCK_EX | LOCK_NB) < 0)
		return;
	entries = fdopendir(openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	while (entries && (entry = readdir(entries)))
		if (nsh_id_ok(entry->d_name))
			remove_if_empty(folder, entry->d_name);
	if (entries)
		closedir(entries);
}

static int set_limits(int group, const struct nsh_cgroup_limits *limits, struct nsh_err *err)
{
	char text[NSH_CONTROL_MAX];

	for (size_t i = 0; i < NSH_CONTROLS; i++) {
		const struct nsh_control *control = &nsh_controls[i];

		if (!nsh_control_text(text, i, limits))
			continue;
		if (write_text(group, control->file, text) < 0 &&
		    !(errno == ENOENT && control->optional))
			return failed(err, "set", control->file);
	}
	return 0;
}

static int move(int group, pid_t process, struct nsh_err *err)
{
	char text[3 * sizeof(process) + 1];

	snprintf(text, sizeof(text), "%d", process);
	return write_text(group, "cgroup.procs", text) < 0 ? failed(err, "move process", text) : 0;
}

/* Returns what tells it of the control group's end. */
static int become_keeper(void *data, struct nsh_err *err)
{
	const struct group *own = data;
	const struct nsh_capabilities none = {0};
	int events = openat(own->group, "cgroup.events", O_RDONLY | O_CLOEXEC);

	if (events < 0 || fchdir(own->folder) < 0 || nsh_capabilities_set(&none) < 0)
		return failed(err, "watch", own->id);
	return nsh_keeper_hide(err) < 0 ? -EPERM : events;
}

static void wait_for_end(void *data, int events)
{
	const struct group *own = data;
	struct pollfd changed = {.fd = events, .events = POLLPRI};

	while (!is_empty(events) || unlinkat(AT_FDCWD, own->id, AT_REMOVEDIR) < 0) {
		if (faccessat(AT_FDCWD, own->id, F_OK, 0) < 0)
			return;
		poll(&changed, 1, -1);
	}
}

/* The keeper is started when there is a process for it to wait for, and outside of what it waits for. */
static int fill(struct group *own, pid_t process, const struct nsh_cgroup_limits *limits,
		struct nsh_err *err)
{
	const struct nsh_keeper keeper = {
		.what = "the keeper of the control group",
		.reason = NSH_REASON_LIMITS,
		.prepare = become_keeper,
		.wait = wait_for_end,
		.data = own,
	};
	int ret = set_limits(own->group, limits, err);

	if (ret == 0)
		ret = move(own->group, process, err);
	if (ret == 0)
		ret = nsh_keeper_start(&keeper, err);
	return ret < 0 ? ret : move(own->group, getpid(), err);
}

int nsh_cgroup_make(pid_t process, const char *id, const struct nsh_cgroup_limits *limits,
		    struct nsh_err *err)
{
	struct group own = {.id = id};
	NSH_CLOSE int folder = open_top(limits, err);
	NSH_CLOSE int group = -1;
	int ret;

	if (folder < 0)
		return folder;
	sweep(folder);
	if (flock(folder, LOCK_SH) < 0 || mkdirat(folder, id, 0755) < 0)
		return failed(err, "make", id);
	ret = group = open_folder(folder, id, err);
	own.folder = folder;
	own.group = group;
	if (ret >= 0)
		ret = fill(&own, process, limits, err);
	/* With a process in it, it is the keeper's or the next login's to remove. */
	if (ret < 0)
		unlinkat(folder, id, AT_REMOVEDIR);
	return ret;
}

int nsh_cgroup_enter(const char *path, pid_t process, struct nsh_err *err)
{
	char root[PATH_MAX];
	NSH_CLOSE int top = -1;
	NSH_CLOSE int group = -1;
	int ret = nsh_cgroup_root(root, err);

	if (ret == 0)
		ret = top = open_folder(AT_FDCWD, root, err);
	if (ret >= 0)
		ret = group = open_folder(top, path + strspn(path, "/"), err);
	return ret < 0 ? ret : move(group, process, err);
}
