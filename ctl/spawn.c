/* SPDX-License-Identifier: MIT */
/*
 * Running the system's own tools.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ctl/spawn.h"
#include "nsshell/cleanup.h"
#include "nsshell/clock.h"

/* How long what was killed has to be gone, in milliseconds. */
#define KILL_MS 1000

/* The status of a child that could not begin. */
#define NSH_SPAWN_BROKEN 126

static const char *const folders[] = {"/usr/sbin", "/usr/bin", "/sbin", "/bin"};

bool nsh_program_find(const char *name, char path[NSH_PROGRAM_MAX])
{
	if (name[0] == '/')
		return snprintf(path, NSH_PROGRAM_MAX, "%s", name) < NSH_PROGRAM_MAX &&
		       access(path, X_OK) == 0;
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		if (snprintf(path, NSH_PROGRAM_MAX, "%s/%s", folders[i], name) < NSH_PROGRAM_MAX &&
		    access(path, X_OK) == 0)
			return true;
	return false;
}

static int start(const char *path, const char *const *argv, int out, pid_t *pid)
{
	static char *environment[] = {(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
				      (char *)"LC_ALL=C", NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t signals;
	int ret;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
	posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
	posix_spawnattr_init(&attributes);
	sigemptyset(&signals);
	posix_spawnattr_setsigmask(&attributes, &signals);
	sigfillset(&signals);
	posix_spawnattr_setsigdefault(&attributes, &signals);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	ret = posix_spawn(pid, path, &actions, &attributes, (char *const *)argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return -ret;
}

void nsh_output_keep(struct nsh_output *output, const char *text, size_t len)
{
	size_t most = NSH_OUTPUT_MAX - output->len;
	char *grown;

	len = len < most ? len : most;
	grown = realloc(output->text, output->len + len + 1);
	if (!grown)
		return;
	output->text = grown;
	for (size_t i = 0; i < len; i++)
		grown[output->len++] = (char)(text[i] ? text[i] : '?');
	grown[output->len] = '\0';
}

/* Until the end of the output; false when it does not come in time. */
static bool read_all(struct nsh_output *output, int in, int64_t end)
{
	char text[4096];
	ssize_t got;

	while (nsh_await(in, POLLIN, end) > 0 && (got = read(in, text, sizeof(text))) >= 0) {
		if (got == 0)
			return true;
		nsh_output_keep(output, text, (size_t)got);
	}
	return false;
}

/* A program can close its output and live on: that is waited for too. */
static bool await_end(pid_t pid, int *status, int64_t end)
{
	const struct timespec step = {.tv_nsec = 2000000};
	pid_t ended;

	while ((ended = waitpid(pid, status, WNOHANG)) == 0 && nsh_now_ms() < end)
		nanosleep(&step, NULL);
	return ended == pid;
}

static int finish(struct nsh_output *output, pid_t pid, int in, int timeout)
{
	int64_t end = nsh_now_ms() + (int64_t)timeout * 1000;
	int status = 0;
	bool ended = read_all(output, in, end) && await_end(pid, &status, end);

	if (!ended) {
		/* One that waits for a file system of a user's is left to the end of that. */
		kill(pid, SIGKILL);
		await_end(pid, &status, nsh_now_ms() + KILL_MS);
		return -ETIMEDOUT;
	}
	output->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return output->text ? 0 : -ENOMEM;
}

/* One of both is to be run. */
struct job {
	const char *path;
	const char *const *argv;
	nsh_spawn_fn *function;
	void *data;
};

static void __attribute__((noreturn)) be_child(const struct job *job, int out, pid_t parent)
{
	int null = open("/dev/null", O_RDONLY);
	struct nsh_err err;
	int status;

	if (prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0L, 0L, 0L) < 0 ||
	    getppid() != parent || dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(out, STDERR_FILENO) < 0 || close_range(STDERR_FILENO + 1, ~0U, 0) < 0)
		_exit(NSH_SPAWN_BROKEN);
	status = job->function(job->data, &err);
	if (status < 0)
		fputs(err.text, stdout);
	fflush(stdout);
	_exit(status < 0 ? 1 : status);
}

static int begin(const struct job *job, int out, pid_t *pid)
{
	pid_t parent = getpid();

	if (job->path)
		return start(job->path, job->argv, out, pid);
	fflush(stdout);
	*pid = fork();
	if (*pid == 0)
		be_child(job, out, parent);
	return *pid < 0 ? -errno : 0;
}

static int run(struct nsh_output *output, const struct job *job, int timeout)
{
	NSH_CLOSE int in = -1;
	int ends[2];
	pid_t pid;
	int ret;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	in = ends[0];
	nsh_output_keep(output, "", 0);
	ret = begin(job, ends[1], &pid);
	close(ends[1]);
	if (ret == 0)
		ret = finish(output, pid, in, timeout);
	if (ret == 0)
		return 0;
	free(output->text);
	*output = (struct nsh_output){0};
	return ret;
}

int nsh_spawn(struct nsh_output *output, const char *const *argv, int timeout, struct nsh_err *err)
{
	char path[NSH_PROGRAM_MAX];
	const struct job job = {.path = path, .argv = argv};
	int ret;

	*output = (struct nsh_output){0};
	if (!nsh_program_find(argv[0], path))
		return nsh_err_sys(err, NSH_REASON_MACHINE, -ENOENT, "%s", argv[0]);
	ret = run(output, &job, timeout);
	return ret < 0 ? nsh_err_sys(err, NSH_REASON_MACHINE, ret, "%s", path) : 0;
}

int nsh_spawn_function(struct nsh_output *output, nsh_spawn_fn *function, void *data, int timeout,
		       struct nsh_err *err)
{
	const struct job job = {.function = function, .data = data};
	int ret;

	*output = (struct nsh_output){0};
	ret = run(output, &job, timeout);
	return ret < 0 ? nsh_err_sys(err, NSH_REASON_MACHINE, ret, "child process") : 0;
}
