/* SPDX-License-Identifier: MIT */
/*
 * The life of a keeper: it must hold nothing of what it waits for, and tell nobody anything.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "sandbox/keeper.h"

/* What it tells the process that has started it. */
struct result {
	int code;
	struct nsh_err err;
};

int nsh_keeper_hide(struct nsh_err *err)
{
	if (prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "prctl");
	return 0;
}

static int shut_streams(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	return null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 ? -1 : null;
}

/* Returns where fd is now, beside which nothing is open but the streams. */
static int close_others(int fd)
{
	int keep = STDERR_FILENO + 1;

	if (shut_streams() < 0 || (fd != keep && dup3(fd, keep, O_CLOEXEC) < 0))
		return -1;
	return close_range((unsigned)keep + 1, ~0U, 0) < 0 ? -1 : keep;
}

/* All that it holds is closed, or it would be part of what it waits for. */
static void __attribute__((noreturn)) run(const struct nsh_keeper *keeper, int out)
{
	struct result result = {0};
	sigset_t all;
	int fd;

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

/* Whoever starts it lives on in nsshell's outer process, which is to have no other children. */
static void start(const struct nsh_keeper *keeper, int out)
{
	pid_t pid = keeper->alone ? fork() : 0;

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
	return result.code < 0 ? result.code : 0;
}

int nsh_keeper_start(const struct nsh_keeper *keeper, struct nsh_err *err)
{
	NSH_CLOSE int in = -1;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "pipe");
	in = ends[0];
	pid = fork();
	if (pid == 0)
		start(keeper, ends[1]);
	close(ends[1]);
	if (pid < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "fork");
	while (keeper->alone && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return await_result(keeper, in, err);
}
