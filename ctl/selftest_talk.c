/* SPDX-License-Identifier: MIT */
/*
 * Talking with sessions, and running the programs that do.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "ctl/pty.h"
#include "ctl/selftest.h"
#include "nsshell/child.h"
#include "nsshell/clock.h"

/* Longest time for one session, and for one program with its sessions. */
#define TALK_MS 20000
#define PROGRAM_MS 30000

/* Largest file that a program here may write: what the other side sends is not to fill the disk. */
#define FILE_MAX (16 << 20)

enum nsh_result nsh_test_fail(struct nsh_selftest *self, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(self->detail, sizeof(self->detail), format, args);
	va_end(args);
	return NSH_TEST_FAIL;
}

enum nsh_result nsh_test_none(struct nsh_selftest *self, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(self->detail, sizeof(self->detail), format, args);
	va_end(args);
	return NSH_TEST_NONE;
}

/* Waits for more. False at the end, or when the time is up. */
static bool hear(struct nsh_output *said, int out, int64_t end)
{
	char text[4096];
	ssize_t got = nsh_await(out, POLLIN, end) > 0 ? read(out, text, sizeof(text)) : -1;

	if (got > 0)
		nsh_output_keep(said, text, (size_t)got);
	return got > 0;
}

/* Returns the ends that the session gets. */
static bool open_streams(struct nsh_talk *talk, int streams[3], struct nsh_err *err)
{
	int in[2];
	int out[2];

	if (talk->terminal) {
		const struct winsize size = {.ws_row = 24, .ws_col = 80};

		if (nsh_pty_open(&talk->in, &streams[0], err) < 0)
			return false;
		ioctl(talk->in, TIOCSWINSZ, &size);
		talk->out = talk->in;
		streams[1] = streams[2] = streams[0];
		return true;
	}
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0) {
		nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "pipe");
		return false;
	}
	talk->in = in[1];
	talk->out = out[0];
	streams[0] = in[0];
	streams[1] = streams[2] = out[1];
	return true;
}

bool nsh_talk_start(struct nsh_talk *talk, struct nsh_selftest *self, const char *command,
		    enum nsh_talk_kind kind)
{
	struct nsh_wanted wanted = {
		.user = &self->trial->user,
		.login = &self->trial->login,
		.policy = &self->trial->policy,
		.command = command,
		.terminal = kind == NSH_TALK_TERMINAL,
		.agent = kind == NSH_TALK_AGENT,
	};
	struct nsh_err err;
	int ret;

	*talk = (struct nsh_talk){.in = -1, .out = -1, .terminal = wanted.terminal};
	nsh_output_keep(&talk->said, "", 0);
	talk->end = nsh_now_ms() + TALK_MS;
	if (!open_streams(talk, wanted.streams, &err)) {
		nsh_test_fail(self, "%s", err.text);
		return false;
	}
	ret = nsh_session_start(&talk->started, &wanted, &err);
	close(wanted.streams[0]);
	if (!talk->terminal)
		close(wanted.streams[1]);
	if (ret == 0)
		return true;
	nsh_test_fail(self, "no session: %s", err.text);
	nsh_talk_free(talk);
	return false;
}

void nsh_talk_say(struct nsh_talk *talk, const char *text)
{
	if (write(talk->in, text, strlen(text)) < 0)
		nsh_output_keep(&talk->said, "",
				0); /* it does not listen: what is waited for does not come */
}

bool nsh_talk_await(struct nsh_talk *talk, const char *text)
{
	while (!strstr(talk->said.text ? talk->said.text : "", text))
		if (!hear(&talk->said, talk->out, talk->end))
			return false;
	return true;
}

static void close_in(struct nsh_talk *talk)
{
	if (talk->in >= 0 && talk->in != talk->out)
		close(talk->in);
	if (!talk->terminal)
		talk->in = -1;
}

/* Waiting by steps, as it is the status that is wanted and the output may be held open. */
bool nsh_talk_end(struct nsh_talk *talk)
{
	int ready;

	close_in(talk);
	while (hear(&talk->said, talk->out, talk->end))
		;
	ready = nsh_await(talk->started.pidfd, POLLIN, talk->end);
	talk->said.status = nsh_session_end(&talk->started);
	return ready > 0;
}

void nsh_talk_free(struct nsh_talk *talk)
{
	close_in(talk);
	if (talk->out >= 0)
		close(talk->out);
	if (talk->started.pid > 0)
		nsh_session_end(&talk->started);
	free(talk->said.text);
	*talk = (struct nsh_talk){.in = -1, .out = -1};
}

bool nsh_talk_run(struct nsh_talk *talk, struct nsh_selftest *self, const char *script,
		  enum nsh_talk_kind kind)
{
	char *command = NULL;
	bool started;

	if (asprintf(&command, "exec /bin/sh -c '%s'", script) < 0) {
		nsh_test_fail(self, "out of memory");
		return false;
	}
	started = nsh_talk_start(talk, self, command, kind);
	free(command);
	if (!started || nsh_talk_end(talk))
		return started;
	nsh_test_fail(self, "it does not end");
	nsh_talk_free(talk);
	return false;
}

static void limit_files(void)
{
	const struct rlimit limit = {FILE_MAX, FILE_MAX};

	setrlimit(RLIMIT_FSIZE, &limit);
}

/* GIT_*: nothing of root's own settings, and no hooks. */
static _Noreturn void run_program(const struct nsh_selftest *self, const char *path,
				  const char *const *argv, int out)
{
	char home[PATH_MAX + 8];
	char transport[PATH_MAX + 16];
	char *environment[] = {(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
			       (char *)"LC_ALL=C",
			       (char *)"GIT_CONFIG_NOSYSTEM=1",
			       (char *)"GIT_CONFIG_GLOBAL=/dev/null",
			       (char *)"GIT_SSH_VARIANT=ssh",
			       (char *)"GIT_TERMINAL_PROMPT=0",
			       home,
			       transport,
			       NULL};
	int null = open("/dev/null", O_RDONLY);

	snprintf(home, sizeof(home), "HOME=%s", self->folders.own);
	snprintf(transport, sizeof(transport), "GIT_SSH=%s", self->transport);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0L, 0L, 0L);
	signal(SIGPIPE, SIG_DFL);
	limit_files();
	if (chdir(self->folders.own) < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0 ||
	    close_range(STDERR_FILENO + 1, ~0U, 0) < 0)
		_exit(127);
	execve(path, (char *const *)argv, environment);
	_exit(127);
}

static pid_t start_program(const struct nsh_selftest *self, const char *path,
			   const char *const *argv, int *end)
{
	struct nsh_err err;
	pid_t pid;

	fflush(NULL);
	pid = nsh_child_start(end, &err);
	if (pid == 0)
		run_program(self, path, argv, *end);
	return pid;
}

/* The last line that it has printed, for the detail. */
static const char *last_line(char *text)
{
	size_t len = strlen(text);
	char *line;

	while (len && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		text[--len] = '\0';
	line = strrchr(text, '\n');
	return line ? line + 1 : text;
}

static int wait_program(struct nsh_selftest *self, const char *name, pid_t pid, int in,
			struct nsh_output *said)
{
	int64_t end = nsh_now_ms() + PROGRAM_MS;
	int status;

	while (hear(said, in, end))
		;
	if (nsh_now_ms() >= end)
		kill(-pid, SIGKILL);
	status = nsh_child_wait(pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (nsh_now_ms() >= end)
		nsh_test_fail(self, "%s does not end", name);
	else
		nsh_test_fail(self, "%s: %s", name,
			      last_line(said->text ? said->text : (char *)""));
	return -1;
}

int nsh_test_program(struct nsh_selftest *self, const char *const *argv, char **output)
{
	struct nsh_output said = {0};
	char path[NSH_PROGRAM_MAX];
	int ret = -1;
	pid_t pid;
	int in;

	nsh_output_keep(&said, "", 0);
	pid = nsh_program_find(argv[0], path) ? start_program(self, path, argv, &in) : -1;
	if (pid > 0) {
		ret = wait_program(self, argv[0], pid, in, &said);
		close(in);
	} else {
		nsh_test_fail(self, "%s cannot be started", argv[0]);
	}
	if (output)
		*output = said.text;
	else
		free(said.text);
	return ret;
}
