/* SPDX-License-Identifier: MIT */
/*
 * Reading small files.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/read.h"
#include "nsshell/cleanup.h"

static int read_all(int fd, char *text)
{
	size_t len = 0;

	for (;;) {
		ssize_t got = read(fd, text + len, NSH_READ_MAX - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		len += (size_t)got;
		text[len] = '\0';
		if (got == 0)
			return 0;
		if (len == NSH_READ_MAX)
			return -EFBIG;
	}
}

int nsh_read_at(int folder, const char *path, char **text)
{
	NSH_CLOSE int fd = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int ret;

	*text = NULL;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	*text = malloc(NSH_READ_MAX + 1);
	if (!*text)
		return -ENOMEM;
	ret = read_all(fd, *text);
	if (ret == 0)
		return 0;
	free(*text);
	*text = NULL;
	return ret;
}

int nsh_read(const char *path, char **text)
{
	return nsh_read_at(AT_FDCWD, path, text);
}

bool nsh_read_number(const char *path, long long *value)
{
	NSH_FREE char *text = NULL;
	char *end;

	if (nsh_read(path, &text) < 0 || !text || !*text)
		return false;
	errno = 0;
	*value = strtoll(text, &end, 10);
	return errno == 0 && end != text && (*end == '\n' || *end == '\0');
}

bool nsh_take_number(const char **at, uint64_t most, char end, uint64_t *value)
{
	size_t digits = strspn(*at, "0123456789");
	unsigned long long number;

	errno = 0;
	number = strtoull(*at, NULL, 10);
	if (!digits || errno || number > most || (end && (*at)[digits] != end))
		return false;
	*at += digits + (end != '\0');
	*value = number;
	return true;
}

static bool is_safe(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && st.st_uid == 0 &&
	       (S_ISLNK(st.st_mode) || !(st.st_mode & (S_IWGRP | S_IWOTH)));
}

static bool is_chain_safe(const char *path, char *bad)
{
	for (size_t len = 1; len <= strlen(path); len++) {
		if (len > 1 && path[len] != '/' && path[len] != '\0')
			continue;
		snprintf(bad, PATH_MAX, "%.*s", (int)len, path);
		if (!is_safe(bad))
			return false;
	}
	return true;
}

/* A link's own folders count as much as those of what it leads to. */
bool nsh_read_is_safe(const char *path, char *bad)
{
	char real[PATH_MAX];

	if (!is_chain_safe(path, bad))
		return false;
	snprintf(bad, PATH_MAX, "%s", path);
	return realpath(path, real) && is_chain_safe(real, bad);
}
