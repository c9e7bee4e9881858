/* SPDX-License-Identifier: MIT */
/*
 * A real session of a user without a login.
 *
 * The child is root until the frame is made, then the user for good. In between it is not dumpable, and it tells
 * this process of an error through a pipe that closes when nsshell is executed. Up to there nothing of the user's has
 * run; after it nothing of root's is left in it: no id, no file, no capability.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ctl/session.h"
#include "ctl/session_environment.h"
#include "ctl/spawn.h"
#include "nsshell/child.h"
#include "nsshell/cleanup.h"
#include "nsshell/login.h"
#include "nsshell/paths.h"
#include "nsshell/sandbox.h"

/* As sshd makes it for a forwarded agent: nsshell looks for that form. */
#define AGENT_FOLDER "/tmp/ssh-XXXXXXXXXX"

/* Longest time for what is left of a session to end, in milliseconds. */
#define ORPHANS_MS 10000

/* Everything that the child needs, made before the fork. */
struct child {
	const struct nsh_wanted *wanted;
	const char *id;
	char **environment;
	gid_t tty;
	char agent[NSH_PROGRAM_MAX];
	pid_t parent;
};

/* What it tells when it could not. */
struct failure {
	int code;
	struct nsh_err err;
};

static int failed(struct nsh_err *err, const char *what)
{
	return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "%s", what);
}

/* As the session helper does it: see nsshell/frame.h for what makes a frame has to be. */
static int become_root(struct nsh_err *err)
{
	umask(0);
	if (setgroups(0, NULL) == 0 && setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0 &&
	    prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) == 0)
		return 0;
	return failed(err, "become root");
}

/* sshd(8) hands a terminal to the user and the group tty. */
static int take_terminal(const struct child *child, struct nsh_err *err)
{
	const struct nsh_wanted *wanted = child->wanted;

	if (setsid() < 0)
		return failed(err, "setsid");
	if (!wanted->terminal)
		return 0;
	if (fchown(wanted->streams[0], wanted->user->uid, child->tty) < 0 ||
	    fchmod(wanted->streams[0], 0620) < 0 || ioctl(wanted->streams[0], TIOCSCTTY, 0) < 0)
		return failed(err, "hand over the terminal");
	return 0;
}

static int confine(const struct child *child, struct nsh_err *err)
{
	const struct nsh_wanted *wanted = child->wanted;
	struct nsh_confined confined;
	const struct nsh_entrant entrant = {
		.user = wanted->user,
		.login = wanted->login,
		.id = child->id,
		.process = getpid(),
		.alone = true,
		.has_shell = true,
	};
	int ret = nsh_login_confine(&confined, wanted->policy, &entrant, err);

	return ret < 0 ? ret : nsh_login_join(&confined, err);
}

/* After the ids, as the kernel forgets it when they change (PR_SET_PDEATHSIG). */
static int tie(const struct child *child, struct nsh_err *err)
{
	if (prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0L, 0L, 0L) < 0)
		return failed(err, "prctl");
	if (getppid() != child->parent)
		_exit(NSH_CTL_NO_SESSION);
	return 0;
}

/* One of them may stand where another has to. */
static int take_streams(const struct nsh_wanted *wanted, struct nsh_err *err)
{
	int copies[3];

	for (int i = 0; i < 3; i++) {
		copies[i] = fcntl(wanted->streams[i], F_DUPFD_CLOEXEC, 10);
		if (copies[i] < 0)
			return failed(err, "the streams");
	}
	for (int i = 0; i < 3; i++)
		if (dup2(copies[i], i) < 0)
			return failed(err, "the streams");
	if (close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return failed(err, "close_range");
	return 0;
}

/* By name, as the user and in the frame. What sshd does where that fails. */
static void enter_home(const struct nsh_user *user)
{
	if ((!*user->home || chdir(user->home) < 0) && chdir("/") < 0)
		_exit(NSH_CTL_NO_SESSION);
}

/* Returns only when it fails. */
static int exec_shell(const struct child *child, struct nsh_err *err)
{
	const char *command = child->wanted->command;
	char *argv[] = {(char *)(command ? "nsshell" : "-nsshell"), (char *)(command ? "-c" : NULL),
			(char *)command, NULL};

	umask(022);
	nsh_child_reset_signals();
	execve(NSH_SHELL_PATH, argv, child->environment);
	return failed(err, NSH_SHELL_PATH);
}

/* ssh-agent(1) executes the command that follows, and is a process beside it. */
static int exec_with_agent(const struct child *child, struct nsh_err *err)
{
	char folder[] = AGENT_FOLDER;
	char path[sizeof(folder) + 16];
	char *argv[] = {(char *)"ssh-agent",
			(char *)"-a",
			path,
			(char *)NSH_SHELL_PATH,
			(char *)"-c",
			(char *)child->wanted->command,
			NULL};

	umask(022);
	if (!mkdtemp(folder))
		return failed(err, folder);
	snprintf(path, sizeof(path), "%s/agent.%d", folder, getpid());
	nsh_child_reset_signals();
	execve(child->agent, argv, child->environment);
	return failed(err, child->agent);
}

static int run(const struct child *child, struct nsh_err *err)
{
	const struct nsh_wanted *wanted = child->wanted;
	int ret = become_root(err);

	if (ret == 0)
		ret = take_terminal(child, err);
	if (ret == 0)
		ret = confine(child, err);
	if (ret == 0)
		ret = nsh_sandbox_become(wanted->user, err);
	if (ret == 0)
		ret = tie(child, err);
	if (ret == 0)
		ret = take_streams(wanted, err);
	if (ret < 0)
		return ret;
	enter_home(wanted->user);
	return child->agent[0] ? exec_with_agent(child, err) : exec_shell(child, err);
}

static void __attribute__((noreturn)) run_child(const struct child *child, int out)
{
	struct failure failure = {0};

	failure.code = run(child, &failure.err);
	while (write(out, &failure, sizeof(failure)) < 0 && errno == EINTR)
		;
	_exit(NSH_CTL_NO_SESSION);
}

static int await_exec(int in, struct nsh_err *err)
{
	struct failure failure;
	ssize_t got;

	do
		got = read(in, &failure, sizeof(failure));
	while (got < 0 && errno == EINTR);
	if (got == 0)
		return 0;
	if (got != (ssize_t)sizeof(failure))
		return failed(err, "read");
	*err = failure.err;
	return failure.code;
}

static int start(struct nsh_started *started, const struct child *child, struct nsh_err *err)
{
	NSH_CLOSE int end = -1;
	int ret;

	prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L);
	fflush(NULL);
	started->pid = nsh_child_start(&end, err);
	if (started->pid == 0)
		run_child(child, end);
	if (started->pid < 0)
		return started->pid;
	started->pidfd = pidfd_open(started->pid, 0);
	ret = started->pidfd < 0 ? failed(err, "pidfd_open") : await_exec(end, err);
	if (ret < 0)
		nsh_session_end(started);
	return ret;
}

static int prepare(struct child *child, const struct nsh_wanted *wanted, struct nsh_err *err)
{
	const struct group *tty = getgrnam("tty");

	child->tty = tty ? tty->gr_gid : wanted->user->gid;
	if (wanted->user->uid == 0)
		return nsh_err_set(err, NSH_REASON_ACCOUNT, -EINVAL, "user id 0 is never confined");
	if (wanted->agent && !nsh_program_find("ssh-agent", child->agent))
		return nsh_err_sys(err, NSH_REASON_MACHINE, -ENOENT, "ssh-agent");
	child->environment = nsh_session_environment(wanted->user, NSH_SHELL_PATH);
	return child->environment ? 0 : nsh_err_sys(err, NSH_REASON_MACHINE, -ENOMEM, "session");
}

int nsh_session_start(struct nsh_started *started, const struct nsh_wanted *wanted,
		      struct nsh_err *err)
{
	struct child child = {.wanted = wanted, .parent = getpid()};
	int ret;

	*started = (struct nsh_started){.pidfd = -1};
	nsh_id_make(started->id);
	child.id = started->id;
	ret = prepare(&child, wanted, err);
	if (ret == 0)
		ret = start(started, &child, err);
	nsh_session_environment_free(child.environment);
	return ret;
}

/* ssh-agent(1) would look for the end of its command every ten seconds. Keepers have that signal blocked. */
static void end_children(void)
{
	char path[64];
	char number[16];
	FILE *in;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	in = fopen(path, "re");
	while (in && fscanf(in, "%15s", number) == 1)
		kill((pid_t)strtol(number, NULL, 10),
		     SIGTERM); /* a child that is not waited for keeps its number */
	if (in)
		fclose(in);
}

/* The kernel has handed on to this process what nsshell has left: it ends by itself, PID 1 with all of its session. */
static void await_orphans(void)
{
	const struct timespec step = {.tv_nsec = 1000000};
	pid_t pid;

	for (int tries = 0; tries < ORPHANS_MS; tries++) {
		do
			pid = waitpid(-1, NULL, WNOHANG);
		while (pid > 0);
		if (pid < 0)
			return;
		if (tries == 0)
			end_children();
		nanosleep(&step, NULL);
	}
}

int nsh_session_end(struct nsh_started *started)
{
	int status = 0;

	if (waitpid(started->pid, &status, WNOHANG) == 0)
		status = nsh_child_end(started->pid);
	await_orphans();
	if (started->pidfd >= 0)
		close(started->pidfd);
	*started = (struct nsh_started){.pidfd = -1};
	return status;
}
