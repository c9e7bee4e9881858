/* SPDX-License-Identifier: MIT */
/*
 * The life of a keeper: it must hold nothing of what it waits for, and tell nobody anything.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "nsshell/child.h"
#include "nsshell/cleanup.h"
#include "nsshell/host.h"
#include "nsshell/keeper.h"

/* What it tells the process that has started it. */
struct result {
	int code;
	pid_t pid;
	struct nsh_err err;
};

int nsh_keeper_hide(struct nsh_err *err)
{
	if (prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "prctl");
	return 0;
}

/* The kernel has the arguments in one piece (proc(5), cmdline). They are those of somebody's login. */
static void take_name(const char *name)
{
	NSH_CLOSE int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	char buffer[512];
	ssize_t got;

	prctl(PR_SET_NAME, name);
	while (fd >= 0 && (got = read(fd, buffer, sizeof(buffer))) > 0)
		len += (size_t)got;
	if (!len)
		return;
	memset(program_invocation_name, 0, len);
	snprintf(program_invocation_name, len, "%s", name);
}

/* Returns where fd is now, beside which nothing is open but the streams. */
static int close_others(int fd)
{
	int keep = STDERR_FILENO + 1;

	if (nsh_child_shut_streams() < 0 || (fd != keep && dup3(fd, keep, O_CLOEXEC) < 0))
		return -1;
	return close_range((unsigned)keep + 1, ~0U, 0) < 0 ? -1 : keep;
}

/* All that it holds is closed, or it would be part of what it waits for. */
static void __attribute__((noreturn)) run(const struct nsh_keeper *keeper, int out)
{
	struct result result = {.pid = getpid()};
	sigset_t all;
	int fd;

	if (keeper->name)
		take_name(keeper->name);
	/* Who starts it can have bound itself to one for the time of that (sandbox/login.c). */
	nsh_host_leave_cpu();
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	setsid();
	if (keeper->alone)
		out = close_others(out);
	if (out < 0 || (keeper->alone && chdir("/") < 0))
		_exit(1);
	result.code = fd = keeper->prepare(keeper->data, &result.err);
	if (write(out, &result, sizeof(result)) != (ssize_t)sizeof(result) || fd < 0)
		_exit(1);
	if (keeper->alone)
		close(out);
	else
		fd = close_others(fd);
	if (fd >= 0)
		keeper->wait(keeper->data, fd);
	_exit(0);
}

static void __attribute__((noreturn)) start(const struct nsh_keeper *keeper, int out)
{
	pid_t pid = keeper->orphan ? fork() : 0;

	if (pid == 0)
		run(keeper, out);
	_exit(pid < 0);
}

static int await_result(const struct nsh_keeper *keeper, int in, struct nsh_err *err)
{
	struct result result;

	if (read(in, &result, sizeof(result)) != (ssize_t)sizeof(result))
		return nsh_err_set(err, keeper->reason, -EIO, "%s ended", keeper->what);
	if (result.code < 0)
		*err = result.err;
	return result.code < 0 ? result.code : result.pid;
}

int nsh_keeper_start(const struct nsh_keeper *keeper, struct nsh_err *err)
{
	NSH_CLOSE int end = -1;
	pid_t pid = nsh_child_start(&end, err);

	if (pid == 0)
		start(keeper, end);
	if (pid < 0)
		return pid;
	if (keeper->orphan)
		nsh_child_wait(pid);
	return await_result(keeper, end, err);
}
