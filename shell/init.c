/* SPDX-License-Identifier: MIT */
/*
 * PID 1 of a session: makes the view, gives up all power, starts the shell, reaps what is orphaned,
 * passes on signals, and tells the outer process how the shell ended.
 *
 * It must never stop early: when it ends, for whatever reason, the kernel kills all that is left in
 * the session. All signals are blocked here, so nothing from inside can disturb it; there are no
 * handlers. It keeps none of the session's standard streams open, or their readers would not see
 * the end of what the shell wrote.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "nsshell/clock.h"
#include "nsshell/sandbox.h"
#include "shell/init.h"
#include "shell/memory.h"
#include "nsshell/message.h"
#include "shell/refuse.h"

/* How long what outlives the shell has between SIGTERM and SIGKILL, in milliseconds. */
#define GRACE_MS 1000

/* How long the shell has after its terminal is gone, in milliseconds. */
#define HANGUP_MS 2000

struct reaper {
	int outer;
	int children; /* a signalfd for SIGCHLD */
	pid_t shell;
	bool ended;    /* the shell has */
	int status;    /* then its wait status */
	bool empty;    /* no process is left */
	long deadline; /* in ms of CLOCK_MONOTONIC; 0 for none */
	bool busy;     /* something happened since memory was given back */
	const void
		*stack; /* an object of the outer process's, on the stack that is not used here */
};

static void tell(const struct reaper *reaper, enum nsh_message_kind kind, int value)
{
	struct nsh_message message = {.kind = kind, .value = value};

	send(reaper->outer, &message, sizeof(message), MSG_NOSIGNAL);
}

static void take_status(struct reaper *reaper, pid_t pid, int status)
{
	if (pid != reaper->shell || reaper->ended)
		return;
	if (WIFSTOPPED(status)) {
		tell(reaper, MESSAGE_STOPPED, WSTOPSIG(status));
		return;
	}
	reaper->ended = true;
	reaper->status = status;
}

/* One SIGCHLD can stand for many children. */
static void reap(struct reaper *reaper)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0)
		take_status(reaper, pid, status);
	reaper->empty = pid < 0 && errno == ECHILD;
}

/*
 * PID 1 stays in the process group that nsshell was started in. A signal for that whole group
 * (Ctrl-C while it has the terminal, kill -- -PGID) is therefore pending here too, sent from outside
 * and so with process id 0; then it is meant for the shell's whole group. Otherwise it was sent to
 * the outer process alone, and is for the shell alone. Either way it arrives once.
 */
static bool was_for_group(int signal)
{
	struct timespec at_once = {0};
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal);
	return sigtimedwait(&set, &info, &at_once) == signal && info.si_pid == 0;
}

static void pass_on(const struct reaper *reaper, int signal)
{
	if (reaper->ended || signal < 1 || signal > SIGRTMAX)
		return;
	if (was_for_group(signal) && getpgid(reaper->shell) == reaper->shell)
		kill(-reaper->shell, signal);
	else
		kill(reaper->shell, signal);
}

/* What stopped and continued the group of the outer process is pending here and is over now. */
static void drain(void)
{
	static const int signals[] = {SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU};

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		was_for_group(signals[i]);
}

static void continue_shell(const struct reaper *reaper, bool foreground)
{
	pid_t group = reaper->ended ? -1 : getpgid(reaper->shell);

	if (group <= 0)
		return;
	if (foreground) {
		NSH_CLOSE int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC);

		if (terminal >= 0)
			tcsetpgrp(terminal, group);
	}
	drain();
	kill(-group, SIGCONT);
}

static void obey(struct reaper *reaper, const struct nsh_message *message)
{
	switch (message->kind) {
	case MESSAGE_SIGNAL:
		pass_on(reaper, message->value);
		break;
	case MESSAGE_HANGUP:
		pass_on(reaper, SIGHUP);
		reaper->deadline = nsh_now_ms() + HANGUP_MS;
		break;
	case MESSAGE_CONTINUE:
		continue_shell(reaper, message->value);
		break;
	}
}

/* The end of the socket is the end of the outer process, and so of the session. */
static void listen_outer(struct reaper *reaper)
{
	struct nsh_message message;
	ssize_t got = recv(reaper->outer, &message, sizeof(message), MSG_DONTWAIT);

	if (got == (ssize_t)sizeof(message))
		obey(reaper, &message);
	else if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		_exit(NSH_EXIT_REFUSED);
}

static int time_left(const struct reaper *reaper)
{
	long left;

	if (!reaper->deadline)
		return reaper->busy ? NSH_IDLE_MS : -1;
	left = reaper->deadline - nsh_now_ms();
	return left > 0 ? (int)left : 0;
}

static void wait_once(struct reaper *reaper)
{
	struct pollfd fds[] = {
		{.fd = reaper->children, .events = POLLIN},
		{.fd = reaper->outer, .events = POLLIN},
	};
	struct signalfd_siginfo info;
	int ready = poll(fds, 2, time_left(reaper));

	if (ready == 0)
		nsh_memory_release((void (*)(void))wait_once, reaper->stack);
	reaper->busy = ready != 0;
	if (ready <= 0)
		return;
	if (fds[0].revents && read(reaper->children, &info, sizeof(info)) > 0)
		reap(reaper);
	if (fds[1].revents)
		listen_outer(reaper);
}

static bool timed_out(const struct reaper *reaper)
{
	return reaper->deadline && time_left(reaper) == 0;
}

/* Waits until no process is left, but no longer than that. */
static void await_empty(struct reaper *reaper)
{
	reaper->deadline = nsh_now_ms() + GRACE_MS;
	while (!reaper->empty && !timed_out(reaper))
		wait_once(reaper);
}

/*
 * kill(-1) from PID 1 reaches every process of the session but itself. One that even SIGKILL does
 * not end soon hangs in the kernel (on a dead file server, say); the login need not hang with it.
 */
static void end_the_rest(struct reaper *reaper)
{
	if (reaper->empty)
		return;
	kill(-1, SIGHUP);
	kill(-1, SIGTERM);
	kill(-1, SIGCONT);
	await_empty(reaper);
	if (reaper->empty)
		return;
	kill(-1, SIGKILL);
	await_empty(reaper);
}

/* What is left of the shell's end when the message does not arrive: never a success that was none. */
static int last_word(const struct reaper *reaper)
{
	int status = reaper->ended ? reaper->status : SIGHUP;

	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int supervise(struct reaper *reaper)
{
	while (!reaper->ended && !timed_out(reaper))
		wait_once(reaper);
	end_the_rest(reaper);
	tell(reaper, MESSAGE_EXITED, reaper->ended ? reaper->status : SIGHUP);
	return last_word(reaper);
}

static int open_children(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* The outer process says why there is none, and ends this one. */
static int ask_for_network(const struct reaper *reaper, struct nsh_err *err)
{
	struct nsh_message message;

	tell(reaper, MESSAGE_NETWORK, 0);
	if (recv(reaper->outer, &message, sizeof(message), 0) != (ssize_t)sizeof(message))
		_exit(NSH_EXIT_REFUSED);
	return nsh_sandbox_guard_network(err);
}

static int prepare(const struct init *init, struct reaper *reaper, struct nsh_err *err)
{
	int ret = nsh_plan_run(init->plan, err);

	if (ret == 0 && init->other_root)
		ret = nsh_command_verify(init->launch.command->program, err);
	if (ret == 0 && init->asks_network)
		ret = ask_for_network(reaper, err);
	if (ret < 0)
		return ret;
	if (chdir("/") < 0)
		return nsh_err_sys(err, NSH_REASON_VIEW, -errno, "/");
	reaper->children = open_children();
	if (reaper->children < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "signalfd");
	ret = nsh_privileges_drop(init->policy, err);
	return ret < 0 ? ret : nsh_privileges_tie(err);
}

/* What the shell may have and PID 1 must not is given up as soon as the shell has it. */
static pid_t start_shell(const struct init *init, struct nsh_err *err)
{
	pid_t shell = nsh_exec_child(&init->launch, err);

	if (shell > 0 && nsh_policy_number(init->policy, NSH_KEY_IDENTITY_SUBIDS) == NSH_YES &&
	    nsh_privileges_drop_kept(err) < 0)
		return -NSH_EXIT_REFUSED;
	return shell;
}

int nsh_init_run(void *arg)
{
	const struct init *init = arg;
	struct reaper reaper = {.outer = init->outer, .busy = true, .stack = init};
	struct nsh_err err;

	close(init->outer_own);
	if (prepare(init, &reaper, &err) < 0)
		return nsh_refuse(NSH_EXIT_REFUSED, init->id, &err);
	reaper.shell = start_shell(init, &err);
	if (reaper.shell < 0)
		return nsh_refuse(-reaper.shell, init->id, &err);
	close_range(STDIN_FILENO, STDERR_FILENO, 0);
	return supervise(&reaper);
}
