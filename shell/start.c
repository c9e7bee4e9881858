/* SPDX-License-Identifier: MIT */
/*
 * How nsshell was started.
 *
 * The environment is taken away from the C library before anything looks at it: nothing that a user
 * can set (TZ, GLIBC_TUNABLES, LD_*, POSIXLY_CORRECT) may change what nsshell does.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "shell/start.h"

/* Without this the next file opened would become somebody's standard output. */
static int fill_streams(struct start *start)
{
	for (int fd = 0; fd < 3; fd++) {
		int got;

		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		got = open("/dev/null", O_RDWR | O_NOCTTY);
		if (got < 0)
			return -errno;
		if (got != fd)
			return -EBADF;
		start->closed[fd] = true;
	}
	return 0;
}

/* The first of the kernel's majors for pseudo-terminals, and the only one in use (devices.txt). */
#define PTS_MAJOR 136

/* Whether the name leads to the very same terminal, as ttyname(3) asks. */
static bool is_named(const struct stat *terminal, const char *path)
{
	struct stat named;

	return lstat(path, &named) == 0 && S_ISCHR(named.st_mode) &&
	       named.st_dev == terminal->st_dev && named.st_ino == terminal->st_ino;
}

/*
 * A pseudo-terminal says its number itself. The path that it was opened by can be of a mount namespace that
 * is gone, as sudo(8) opens one before the PAM session.
 */
static void read_terminal_name(struct start *start)
{
	char link[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
	char path[PATH_MAX] = "";
	struct stat st;

	if (fstat(start->terminal, &st) < 0)
		return;
	snprintf(path, sizeof(path), "/dev/pts/%u", minor(st.st_rdev));
	if (major(st.st_rdev) != PTS_MAJOR) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", start->terminal);
		memset(path, 0, sizeof(path));
		if (readlink(link, path, sizeof(path) - 1) < 0)
			return;
	}
	if (!strncmp(path, "/dev/", 5) && strlen(path) < sizeof(start->terminal_name) &&
	    is_named(&st, path))
		strcpy(start->terminal_name, path + 5);
}

static void read_terminal(struct start *start)
{
	start->terminal = -1;
	start->leader = getsid(0) == getpid();
	for (int fd = 0; fd < 3; fd++) {
		pid_t group = tcgetpgrp(fd);

		if (group < 0)
			continue;
		start->terminal = fd;
		start->foreground = group == getpgrp();
		read_terminal_name(start);
		return;
	}
}

int nsh_start_read(struct start *start, struct nsh_err *err)
{
	static char *nothing[] = {NULL};
	struct sigaction by_default = {.sa_handler = SIG_DFL};
	struct sigaction old;
	sigset_t all;
	int ret;

	*start = (struct start){.environment = environ};
	environ = nothing;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &start->mask);
	sigaction(SIGCHLD, &by_default, &old);
	start->chld_ignored = old.sa_handler == SIG_IGN;
	sigaction(SIGHUP, NULL, &old);
	start->hup_ignored = old.sa_handler == SIG_IGN;
	start->umask = umask(0);
	ret = fill_streams(start);
	if (ret < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, ret, "open /dev/null");
	read_terminal(start);
	return 0;
}

int nsh_start_check_streams(struct nsh_err *err)
{
	static const char names[][16] = {"standard input", "standard output", "standard error"};

	for (int fd = 0; fd < 3; fd++) {
		int flags = fcntl(fd, F_GETFL);
		struct stat st;

		if (flags < 0 || fstat(fd, &st) < 0)
			return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "%s", names[fd]);
		if (S_ISDIR(st.st_mode) || (flags & O_PATH))
			return nsh_err_set(err, NSH_REASON_VIEW, -EPERM,
					   "%s is an open folder or path, not a stream", names[fd]);
	}
	return 0;
}

/* The smallest of them that is not below that, or -1. */
static int next_kept(const int kept[], int count, int from)
{
	int next = -1;

	for (int i = 0; i < count; i++)
		if (kept[i] >= from && (next < 0 || kept[i] < next))
			next = kept[i];
	return next;
}

void nsh_start_close_but(const int kept[], int count)
{
	int from = 0;
	int next;

	while ((next = next_kept(kept, count, from)) >= 0) {
		if (next > from)
			close_range((unsigned)from, (unsigned)next - 1, 0);
		from = next + 1;
	}
	close_range((unsigned)from, ~0U, 0);
}

void nsh_start_restore(const struct start *start)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	umask(start->umask);
	if (start->chld_ignored)
		sigaction(SIGCHLD, &ignore, NULL);
	for (int fd = 0; fd < 3; fd++)
		if (start->closed[fd])
			close(fd);
	sigprocmask(SIG_SETMASK, &start->mask, NULL);
}
