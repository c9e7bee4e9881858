/* SPDX-License-Identifier: MIT */
/*
 * Asking the session helper.
 *
 * Runs in the address space of sshd, login, su, sudo and cron: it parses nothing, mounts nothing, and
 * leaves signals, files, folder, umask and environment as they were. It does not trust the helper to
 * answer, to answer in time, or to make sense.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "nsshell/clock.h"
#include "pam_module/module_ask.h"

/* How long a killed helper has to be gone, in milliseconds. */
#define KILL_MS 1000

struct call {
	const struct nsh_helper *helper;
	int socket;
	pid_t pid;
	int process; /* pidfd */
	int64_t deadline;
	struct nsh_err *err;
};

static int failed(struct call *call, const char *what)
{
	return nsh_err_sys(call->err, NSH_REASON_FRAME, -errno, "%s: %s", call->helper->path, what);
}

static int wrong(struct call *call, int code, const char *what)
{
	return nsh_err_set(call->err, NSH_REASON_FRAME, code, "%s: %s", call->helper->path, what);
}

/* The request */

static size_t request_size(const struct nsh_question *question)
{
	size_t size = sizeof(struct nsh_request_head) + question->n_groups * sizeof(uint32_t);

	for (int i = 0; i < NSH_TEXT_COUNT; i++)
		size += strlen(question->texts[i]) + 1;
	return size;
}

static char *make_request(const struct nsh_question *question, size_t size)
{
	struct nsh_request_head head = {
		.protocol = NSH_PROTOCOL,
		.size = (uint32_t)size,
		.uid = question->uid,
		.gid = question->gid,
		.n_groups = (uint32_t)question->n_groups,
	};
	char *request = malloc(size);
	char *at = request;

	if (!request)
		return NULL;
	at = mempcpy(at, &head, sizeof(head));
	if (question->n_groups)
		at = mempcpy(at, question->groups, question->n_groups * sizeof(uint32_t));
	for (int i = 0; i < NSH_TEXT_COUNT; i++)
		at = stpcpy(at, question->texts[i]) + 1;
	return request;
}

/* A helper that does not read, or reads a byte a minute, must not hold the login. */
static int send_all(struct call *call, const char *request, size_t size)
{
	while (size) {
		int ready = nsh_await(call->socket, POLLOUT, call->deadline);
		ssize_t sent;

		if (ready <= 0)
			return ready < 0 ? failed(call, "wait")
					 : wrong(call, -ETIMEDOUT, "does not take the request");
		sent = send(call->socket, request, size, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno != EINTR && errno != EAGAIN)
			return failed(call, "ask");
		request += sent > 0 ? sent : 0;
		size -= sent > 0 ? (size_t)sent : 0;
	}
	return 0;
}

static int send_request(struct call *call, const struct nsh_question *question)
{
	size_t size = request_size(question);
	NSH_FREE char *request = NULL;

	if (size > NSH_REQUEST_MAX)
		return wrong(call, -E2BIG, "the account has too many groups or too long names");
	request = make_request(question, size);
	return request ? send_all(call, request, size) : failed(call, "ask");
}

/* The reply */

static int await_answer(struct call *call, struct nsh_answer *answer)
{
	int ready = nsh_await(call->socket, POLLIN, call->deadline);
	int ret;

	if (ready == 0)
		return wrong(call, -ETIMEDOUT, "gave no answer in time");
	if (ready < 0)
		return failed(call, "wait");
	ret = nsh_answer_receive(answer, call->socket, call->err);
	return ret < 0 ? nsh_err_context(call->err, ret, "%s", call->helper->path) : 0;
}

/* Behind the answer there is the end and nothing else. */
static int await_end(struct call *call)
{
	char byte;
	int ready = nsh_await(call->socket, POLLIN, call->deadline);

	if (ready > 0 && recv(call->socket, &byte, 1, MSG_DONTWAIT) != 0)
		return wrong(call, -EPROTO, "says more than an answer");
	if (ready > 0)
		ready = nsh_await(call->process, POLLIN, call->deadline);
	return ready > 0 ? 0 : wrong(call, -ETIMEDOUT, "did not end in time");
}

/* The process */

static int check_file(struct call *call)
{
	struct stat st;

	if (lstat(call->helper->path, &st) < 0)
		return failed(call, "look up the session helper");
	if (!S_ISREG(st.st_mode) || st.st_uid != call->helper->owner ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)))
		return wrong(
			call, -EPERM,
			"the session helper is not a regular file that only root can write to");
	return 0;
}

/*
 * The socket is the first thing to be put in its place, whatever number it has now: what stands there or
 * at a standard stream's place in this process is replaced in the helper only. An fd that is in place
 * already loses its close-on-exec there (posix_spawn_file_actions_adddup2(3)).
 */
static int spawn(struct call *call, int theirs)
{
	char *argv[] = {(char *)"nsshell-session", NULL};
	char *envp[] = {NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	sigset_t all;
	int ret;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
						POSIX_SPAWN_SETSID);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, theirs, NSH_HELPER_FD);
	for (int fd = 0; fd < NSH_HELPER_FD; fd++)
		posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
	posix_spawn_file_actions_addclosefrom_np(&actions, NSH_HELPER_FD + 1);
	posix_spawn_file_actions_addchdir_np(&actions, "/");
	ret = posix_spawn(&call->pid, call->helper->path, &actions, &attr, argv, envp);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return -ret;
}

static int start(struct call *call)
{
	int ends[2];
	int ret;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return failed(call, "socketpair");
	call->socket = ends[0];
	ret = spawn(call, ends[1]);
	close(ends[1]);
	if (ret < 0)
		return nsh_err_sys(call->err, NSH_REASON_FRAME, ret, "%s: start the session helper",
				   call->helper->path);
	call->process = pidfd_open(call->pid, 0);
	return call->process < 0 ? failed(call, "pidfd_open") : 0;
}

/* Reaps the helper, which has ended or is made to. Returns its wait status, or -1. */
static int reap(struct call *call, bool kill_it)
{
	int status = -1;

	if (kill_it) {
		kill(call->pid, SIGKILL);
		/* One that hangs in the kernel is left behind rather than waited for. */
		if (call->process >= 0 &&
		    nsh_await(call->process, POLLIN, nsh_now_ms() + KILL_MS) <= 0)
			return -1;
	}
	while (waitpid(call->pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

static int converse(struct call *call, const struct nsh_question *question,
		    struct nsh_answer *answer)
{
	int ret = start(call);

	if (ret == 0)
		ret = send_request(call, question);
	if (ret == 0)
		ret = await_answer(call, answer);
	if (ret == 0)
		ret = await_end(call);
	if (call->pid > 0 && reap(call, ret < 0) != 0 && ret == 0)
		ret = wrong(call, -EPROTO, "did not end well");
	return ret;
}

/* What the service has set for the end of its children. */
struct child_signal {
	struct sigaction action;
	sigset_t mask;
};

/*
 * A handler must not run, or it would reap the helper; the end of a child of the service's own is told to
 * it afterwards. Where children are not to be waited for, the helper must be an exception.
 */
static void set_aside(struct child_signal *kept)
{
	struct sigaction by_default = {.sa_handler = SIG_DFL};
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	pthread_sigmask(SIG_BLOCK, &child, &kept->mask);
	sigaction(SIGCHLD, NULL, &kept->action);
	if (kept->action.sa_handler == SIG_IGN || (kept->action.sa_flags & SA_NOCLDWAIT))
		sigaction(SIGCHLD, &by_default, NULL);
}

static void put_back(const struct child_signal *kept)
{
	sigaction(SIGCHLD, &kept->action, NULL);
	pthread_sigmask(SIG_SETMASK, &kept->mask, NULL);
}

int nsh_ask(const struct nsh_helper *helper, const struct nsh_question *question,
	    struct nsh_answer *answer, struct nsh_err *err)
{
	struct call call = {
		.helper = helper,
		.socket = -1,
		.process = -1,
		.deadline = nsh_now_ms() + (int64_t)helper->timeout * 1000,
		.err = err,
	};
	struct child_signal kept;
	int ret = check_file(&call);

	nsh_answer_init(answer);
	if (ret < 0)
		return ret;
	set_aside(&kept);
	ret = converse(&call, question, answer);
	put_back(&kept);
	nsh_cleanup_close(&call.socket);
	nsh_cleanup_close(&call.process);
	if (ret < 0)
		nsh_answer_close(answer);
	return ret;
}
