/* SPDX-License-Identifier: MIT */
/*
 * Records of changed login shells.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ctl/read.h"
#include "ctl/state.h"
#include "nsshell/cleanup.h"
#include "nsshell/paths.h"
#include "nsshell/user.h"

/* No account is called so: names have no "." at their beginning. */
#define NEW_FILE ".new"

/* How long another nsshellctl may take, in seconds: usermod may wait for a lock of its own. */
#define LOCK_SECONDS 60

/* The longest trial, in seconds, and times that cannot overflow with it. */
#define TRIAL_MAX (30 * 86400)
#define TIME_MAX (INT64_MAX / 2)

#define RECORD_MAX (NSH_LOGIN_SHELL_MAX + 512)

static int failed(struct nsh_err *err, int code, const char *name)
{
	return nsh_err_sys(err, NSH_REASON_MACHINE, code, NSH_STATE_FOLDER "%s%s", *name ? "/" : "",
			   name);
}

int nsh_moment_now(struct nsh_moment *now, struct nsh_err *err)
{
	static const char path[] = "/proc/sys/kernel/random/boot_id";
	NSH_FREE char *text = NULL;
	struct timespec up;
	struct timespec wall;
	int ret = nsh_read(path, &text);

	if (ret < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, ret, "%s", path);
	text[strcspn(text, "\n")] = '\0';
	clock_gettime(CLOCK_BOOTTIME, &up);
	clock_gettime(CLOCK_REALTIME, &wall);
	*now = (struct nsh_moment){.up = up.tv_sec, .wall = wall.tv_sec};
	snprintf(now->boot, sizeof(now->boot), "%s", text);
	return 0;
}

bool nsh_shell_trial_is_over(const struct nsh_shell_trial *trial, const struct nsh_moment *now)
{
	if (!trial->seconds)
		return false;
	if (!strcmp(trial->begin.boot, now->boot))
		return now->up >= trial->begin.up + trial->seconds;
	return now->wall < trial->begin.wall || now->wall >= trial->begin.wall + trial->seconds;
}

bool nsh_duration_parse(const char *text, int64_t *seconds)
{
	static const char units[] = "smhd";
	static const int64_t lengths[] = {1, 60, 3600, 86400};
	size_t digits = strspn(text, "0123456789");
	const char *unit;

	if (!digits || digits > 9 || !text[digits] || text[digits + 1])
		return false;
	unit = strchr(units, text[digits]);
	if (!unit)
		return false;
	*seconds = strtol(text, NULL, 10) * lengths[unit - units];
	return *seconds >= 1 && *seconds <= TRIAL_MAX;
}

static bool skip(const char **at, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(*at, word, len) != 0)
		return false;
	*at += len;
	return true;
}

/* "trial SECONDS BOOT UP WALL", and no more. */
static bool parse_trial(const char *at, struct nsh_shell_trial *trial)
{
	struct nsh_moment *begin = &trial->begin;
	uint64_t seconds;
	uint64_t up;
	uint64_t wall;
	size_t len;

	if (!skip(&at, "trial ") || !nsh_take_number(&at, TRIAL_MAX, ' ', &seconds) || !seconds)
		return false;
	len = strspn(at, "0123456789abcdef-");
	if (!len || len >= sizeof(begin->boot) || at[len] != ' ')
		return false;
	memcpy(begin->boot, at, len);
	begin->boot[len] = '\0';
	at += len + 1;
	if (!nsh_take_number(&at, TIME_MAX, ' ', &up) ||
	    !nsh_take_number(&at, TIME_MAX, '\n', &wall))
		return false;
	trial->seconds = (int64_t)seconds;
	begin->up = (int64_t)up;
	begin->wall = (int64_t)wall;
	return !*at;
}

/* Three lines: uid, shell, and, if it is one, the trial. */
bool nsh_record_parse(const char *text, struct nsh_record *record)
{
	const char *at = text;
	uint64_t uid;
	size_t len;

	*record = (struct nsh_record){0};
	if (!skip(&at, "uid ") || !nsh_take_number(&at, UINT32_MAX, '\n', &uid) ||
	    !skip(&at, "shell "))
		return false;
	record->uid = (uid_t)uid;
	len = strcspn(at, "\n");
	if (at[len] != '\n' || len >= sizeof(record->shell))
		return false;
	memcpy(record->shell, at, len);
	at += len + 1;
	return !*at || parse_trial(at, &record->trial);
}

size_t nsh_record_format(const struct nsh_record *record, char *text, size_t size)
{
	const struct nsh_moment *begin = &record->trial.begin;
	int len = snprintf(text, size, "uid %u\nshell %s\n", record->uid, record->shell);

	if (record->trial.seconds && (size_t)len < size)
		len += snprintf(text + len, size - (size_t)len,
				"trial %" PRId64 " %s %" PRId64 " %" PRId64 "\n",
				record->trial.seconds, begin->boot, begin->up, begin->wall);
	return (size_t)len;
}

static int wait_for_lock(int folder)
{
	const struct timespec step = {.tv_nsec = 50000000};

	for (int i = 0; i < LOCK_SECONDS * 20; i++) {
		if (flock(folder, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		nanosleep(&step, NULL);
	}
	return -ETIMEDOUT;
}

int nsh_state_look(struct nsh_err *err)
{
	struct stat st;
	int folder;
	int ret = 0;

	if (mkdir(NSH_STATE_FOLDER, 0700) < 0 && errno != EEXIST)
		return failed(err, -errno, "");
	folder = open(NSH_STATE_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0 || fstat(folder, &st) < 0)
		ret = -errno;
	else if (st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)))
		ret = -EPERM;
	if (ret == 0)
		return folder;
	if (folder >= 0)
		close(folder);
	return failed(err, ret, "");
}

int nsh_state_open(struct nsh_err *err)
{
	int folder = nsh_state_look(err);
	int ret = folder < 0 ? folder : wait_for_lock(folder);

	if (ret == 0)
		return folder;
	if (folder < 0)
		return ret;
	close(folder);
	return failed(err, ret, "");
}

int nsh_record_read(int folder, const char *name, struct nsh_record *record, struct nsh_err *err)
{
	NSH_CLOSE int fd =
		openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char text[RECORD_MAX];
	ssize_t got;

	if (fd < 0)
		return failed(err, -errno, name);
	got = read(fd, text, sizeof(text) - 1);
	if (got < 0)
		return failed(err, -errno, name);
	text[got] = '\0';
	if (strlen(text) == (size_t)got && nsh_record_parse(text, record))
		return 0;
	return nsh_err_set(err, NSH_REASON_MACHINE, -EINVAL,
			   NSH_STATE_FOLDER "/%s: is not of the form that nsshellctl writes", name);
}

static int write_new(int folder, const char *text, size_t len)
{
	NSH_CLOSE int fd = -1;

	unlinkat(folder, NEW_FILE, 0);
	fd = openat(folder, NEW_FILE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, text, len) != (ssize_t)len)
		return errno ? -errno : -EIO;
	return fsync(fd) < 0 ? -errno : 0;
}

int nsh_record_write(int folder, const char *name, const struct nsh_record *record,
		     struct nsh_err *err)
{
	char text[RECORD_MAX];
	size_t len = nsh_record_format(record, text, sizeof(text));
	int ret = len < sizeof(text) ? 0 : -ENAMETOOLONG;

	errno = 0;
	if (ret == 0)
		ret = write_new(folder, text, len);
	if (ret == 0 && (renameat(folder, NEW_FILE, folder, name) < 0 || fsync(folder) < 0))
		ret = -errno;
	return ret < 0 ? failed(err, ret, name) : 0;
}

int nsh_record_rename(int folder, const char *name, const char *new_name, struct nsh_err *err)
{
	if (renameat(folder, name, folder, new_name) == 0 && fsync(folder) == 0)
		return 0;
	return failed(err, -errno, name);
}

int nsh_record_remove(int folder, const char *name, struct nsh_err *err)
{
	if ((unlinkat(folder, name, 0) == 0 || errno == ENOENT) && fsync(folder) == 0)
		return 0;
	return failed(err, -errno, name);
}

int nsh_records_walk(int folder, bool (*function)(int folder, const char *name, void *data),
		     void *data, struct nsh_err *err)
{
	struct dirent **entries;
	int total = scandirat(folder, ".", &entries, NULL, alphasort);
	int count = 0;

	if (total < 0)
		return failed(err, -errno, "");
	for (int i = 0; i < total; i++) {
		if (nsh_user_name_ok(entries[i]->d_name))
			count += function(folder, entries[i]->d_name, data);
		free(entries[i]);
	}
	free(entries);
	return count;
}
