/* SPDX-License-Identifier: MIT */
/*
 * PID 1 of a session: makes the view, gives up all power, starts the shell, reaps what is orphaned,
 * passes on signals, and tells the outer process how the shell ended.
 *
 * In a sandbox that several logins share the same is done by two: PID 1, which answers to the hub, makes the view,
 * reaps and ends it all; and for each shell its parent, which starts it, passes on signals and tells how it
 * ended. What that shell leaves behind stays in the sandbox.
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
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "nsshell/clock.h"
#include "nsshell/host.h"
#include "nsshell/message.h"
#include "nsshell/pass.h"
#include "nsshell/sandbox.h"
#include "shell/init.h"
#include "nsshell/memory.h"
#include "shell/refuse.h"
#include "shell/time_limits.h"

/* How long what outlives the shell has between SIGTERM and SIGKILL, in milliseconds. */
#define GRACE_MS 1000

/* How long the shell has after its terminal is gone, or all have at the end of their time, in milliseconds. */
#define HANGUP_MS 2000

/*
 * How often PID 1 of a sandbox without a login looks whether anything is left, in milliseconds. It is told of the end of
 * its children, but not of the last of a login's that was begun by the outer process.
 */
#define ALONE_MS 1000

struct reaper {
	int outer;
	int children;  /* a signalfd for SIGCHLD */
	int terminal;  /* by which the login's own keeps its name (nsh_plan_run()), or -1 */
	bool joined;   /* not PID 1, but the shell's parent in a sandbox of several logins */
	pid_t shell;   /* 0: there is none */
	bool ended;    /* the shell has */
	int status;    /* then its wait status */
	bool empty;    /* no process is left */
	long deadline; /* in ms of CLOCK_MONOTONIC; 0 for none */
	bool ending;   /* the hub has asked for the end of it all */
	int alone;     /* not 0: no login is left, and the hub wants to know when nothing is */
	struct time_limits limits;
	struct nsh_idle idle;
};

/* Never waits: where the outer process is stopped and has hundreds to read, time limits hold all the same. */
static void tell(const struct reaper *reaper, enum nsh_message_kind kind, int value)
{
	struct nsh_message message = {.kind = kind, .value = value};

	send(reaper->outer, &message, sizeof(message), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void take_status(struct reaper *reaper, pid_t pid, int status)
{
	if (pid != reaper->shell || !pid || reaper->ended)
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
	if (reaper->ended || !reaper->shell || signal < 1 || signal > SIGRTMAX)
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
	pid_t group = reaper->ended || !reaper->shell ? -1 : getpgid(reaper->shell);

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
	case MESSAGE_ORPHANED:
		/* A group is orphaned when no parent of it is in another group of its session (setpgid(2)). */
		setsid();
		break;
	case MESSAGE_ALONE:
		reaper->alone = message->value;
		break;
	case MESSAGE_END:
		reaper->ending = true;
		break;
	}
}

/*
 * The end of the socket is the end of the outer process or of the hub, and so of PID 1 and all it has. In a shared sandbox
 * it is like the end of a login shell's parent: the shell is told, and what does not mind stays.
 */
static void __attribute__((noreturn)) end_without_outer(const struct reaper *reaper)
{
	if (reaper->joined && reaper->shell > 0 && !reaper->ended) {
		kill(reaper->shell, SIGHUP);
		kill(reaper->shell, SIGCONT);
	}
	_exit(NSH_EXIT_REFUSED);
}

static void listen_outer(struct reaper *reaper)
{
	struct nsh_message message;
	ssize_t got = recv(reaper->outer, &message, sizeof(message), MSG_DONTWAIT);

	if (got == (ssize_t)sizeof(message))
		obey(reaper, &message);
	else if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		end_without_outer(reaper);
}

/* The sooner of two times to wait, of which -1 is for ever. */
static int sooner(int one, int other)
{
	return one < 0 || (other >= 0 && other < one) ? other : one;
}

static int until_deadline(const struct reaper *reaper)
{
	long left = reaper->deadline - nsh_now_ms();

	if (!reaper->deadline)
		return -1;
	return left > 0 ? (int)left : 0;
}

static int time_left(const struct reaper *reaper)
{
	int left = sooner(until_deadline(reaper), nsh_time_limits_wait(&reaper->limits));

	if (reaper->alone)
		left = sooner(left, ALONE_MS);
	return left;
}

static void wait_once(struct reaper *reaper)
{
	struct pollfd fds[] = {
		{.fd = reaper->children, .events = POLLIN},
		{.fd = reaper->outer, .events = POLLIN},
	};
	struct signalfd_siginfo info;

	if (nsh_memory_poll(fds, 2, time_left(reaper), &reaper->idle) <= 0)
		return;
	if (fds[0].revents && read(reaper->children, &info, sizeof(info)) > 0)
		reap(reaper);
	if (fds[1].revents)
		listen_outer(reaper);
}

static bool timed_out(const struct reaper *reaper)
{
	return until_deadline(reaper) == 0;
}

/*
 * Of a session all processes are PID 1's children in the end. Those that logins have begun in a shared sandbox are
 * their outer processes'.
 */
static bool is_empty(const struct reaper *reaper)
{
	return reaper->empty && (reaper->shell || (kill(-1, 0) < 0 && errno == ESRCH));
}

/* Waits until no process is left, but no longer than that. */
static void await_empty(struct reaper *reaper, long most)
{
	reaper->limits.next = 0;
	reaper->deadline = nsh_now_ms() + most;
	while (!is_empty(reaper) && !timed_out(reaper))
		wait_once(reaper);
}

/*
 * kill(-1) from PID 1 reaches every process of the session but itself. One that even SIGKILL does
 * not end soon hangs in the kernel (on a dead file server, say); the login need not hang with it.
 */
static void end_the_rest(struct reaper *reaper)
{
	if (is_empty(reaper))
		return;
	kill(-1, SIGHUP);
	kill(-1, SIGTERM);
	kill(-1, SIGCONT);
	await_empty(reaper, GRACE_MS);
	if (is_empty(reaper))
		return;
	kill(-1, SIGKILL);
	await_empty(reaper, GRACE_MS);
}

/* Their time is over: first what a terminal that is gone would do. */
static void hang_up_all(struct reaper *reaper)
{
	kill(-1, SIGHUP);
	kill(-1, SIGCONT);
	await_empty(reaper, HANGUP_MS);
}

/* What is left of the shell's end when the message does not arrive: never a success that was none. */
static int last_word(const struct reaper *reaper)
{
	int status = reaper->ended ? reaper->status : SIGHUP;

	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int supervise(struct reaper *reaper)
{
	bool over = false;

	while (!reaper->ended && !over && !timed_out(reaper)) {
		wait_once(reaper);
		over = nsh_time_limits_are_over(&reaper->limits);
	}
	if (over)
		hang_up_all(reaper);
	end_the_rest(reaper);
	tell(reaper, MESSAGE_EXITED, reaper->ended ? reaper->status : SIGHUP);
	return last_word(reaper);
}

/* The hub decides, as a login could be coming. */
static void tell_if_empty(struct reaper *reaper)
{
	if (!reaper->alone || !is_empty(reaper))
		return;
	tell(reaper, MESSAGE_EMPTY, reaper->alone);
	reaper->alone = 0;
}

static int supervise_shared(struct reaper *reaper)
{
	bool over = false;

	reaper->empty = true;
	while (!reaper->ending && !over) {
		tell_if_empty(reaper);
		wait_once(reaper);
		over = nsh_time_limits_are_over(&reaper->limits);
	}
	if (over)
		hang_up_all(reaper);
	end_the_rest(reaper);
	return 0;
}

static int supervise_joined(struct reaper *reaper)
{
	while (!reaper->ended && !timed_out(reaper))
		wait_once(reaper);
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

/* The outer process, which may not look at this one, says why there is none, and ends it. */
static int ask_for_network(const struct reaper *reaper, struct nsh_err *err)
{
	struct nsh_message message = {.kind = MESSAGE_NETWORK};
	NSH_CLOSE int user = nsh_namespace_open("self", "user", err);
	NSH_CLOSE int network = user < 0 ? -1 : nsh_namespace_open("self", "net", err);
	const int own[] = {user, network};
	int ret;

	if (network < 0)
		return user < 0 ? user : network;
	ret = nsh_pass_send(reaper->outer, &message, sizeof(message), own, 2, 0);
	if (ret < 0)
		return nsh_err_sys(err, NSH_REASON_NAMESPACES, ret, "ask for the network");
	if (recv(reaper->outer, &message, sizeof(message), 0) != (ssize_t)sizeof(message) ||
	    message.kind != MESSAGE_NETWORK)
		_exit(NSH_EXIT_REFUSED);
	return nsh_sandbox_guard_network(err);
}

/* What follows the making or joining of namespaces, for all of them. */
static int settle(const struct init *init, struct reaper *reaper, struct nsh_err *err)
{
	if (chdir("/") < 0)
		return nsh_err_sys(err, NSH_REASON_VIEW, -errno, "/");
	reaper->children = open_children();
	if (reaper->children < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "signalfd");
	return nsh_privileges_drop(init->policy, err);
}

static int make_view(const struct init *init, struct reaper *reaper, struct nsh_err *err)
{
	int ret = nsh_plan_run(init->plan, err);

	if (ret > 0)
		reaper->terminal = ret;
	return ret < 0 ? ret : 0;
}

static int prepare(const struct init *init, struct reaper *reaper, struct nsh_err *err)
{
	int ret = make_view(init, reaper, err);

	if (ret == 0 && init->other_root)
		ret = nsh_command_verify(init->launch.command->program, err);
	if (ret == 0 && init->asks_network)
		ret = ask_for_network(reaper, err);
	if (ret == 0)
		ret = settle(init, reaper, err);
	return ret < 0 ? ret : nsh_privileges_tie(err);
}

/* Its namespaces are opened while it may still look at itself. */
static int prepare_shared(const struct init *init, struct reaper *reaper, struct nsh_err *err)
{
	struct nsh_ways own;
	int ret = nsh_door_open_own(&own, err);

	if (ret == 0)
		ret = prepare(init, reaper, err);
	if (ret == 0)
		ret = nsh_privileges_drop_kept(err);
	if (ret < 0)
		return ret;
	nsh_host_leave_cpu();
	nsh_time_limits_start(&reaper->limits, init->policy, NULL);
	return nsh_host_is_ready(reaper->outer, &own, err);
}

/* What the environment says of something that the login has brought along is that it is at its place. */
static void name_place(const struct launch *launch, const char *variable, const char *place,
		       char text[64])
{
	size_t len = strlen(variable);

	snprintf(text, 64, "%s=/dev/%s", variable, place);
	for (char **at = launch->environment; *place && *at; at++)
		if (!strncmp(*at, text, len + 1))
			*at = text;
}

/* Where the terminal could not keep its name. */
static void name_terminal(const struct init *init)
{
	static const char name[] = NSH_PLACE_TERMINAL "0";
	static char text[64];

	if (access("/dev/" NSH_PLACE_TERMINAL "0", F_OK) == 0)
		name_place(&init->launch, "SSH_TTY", name, text);
}

static int prepare_joined(const struct init *init, struct reaper *reaper, struct nsh_err *err)
{
	static char terminal[64];
	static char agent[64];
	struct nsh_luggage luggage = {.terminal = init->terminal, .agent = init->agent};
	int ret = nsh_door_step_in(init->ways, &luggage, err);

	nsh_door_close_ways(init->ways);
	if (ret == 0 && init->other_root)
		ret = nsh_command_verify(init->launch.command->program, err);
	if (ret < 0)
		return ret;
	name_place(&init->launch, "SSH_TTY", luggage.terminal_name, terminal);
	name_place(&init->launch, "SSH_AUTH_SOCK", luggage.agent_name, agent);
	return settle(init, reaper, err);
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

/* The log and the login's streams with them. */
static void close_others(const struct reaper *reaper)
{
	const int kept[] = {reaper->outer, reaper->children, reaper->terminal};

	nsh_start_close_but(kept, 3);
}

/* Returns an exit code when there is none. */
static int begin(const struct init *init, struct reaper *reaper)
{
	struct nsh_err err;

	reaper->shell = start_shell(init, &err);
	if (reaper->shell < 0)
		return nsh_refuse(-reaper->shell, init->id, &err);
	close_others(reaper);
	return 0;
}

/* While it waits nothing is used but the reaper. */
static struct reaper make_reaper(const struct init *init)
{
	close(init->outer_own);
	if (init->presence >= 0)
		close(init->presence);
	return (struct reaper){.outer = init->outer,
			       .terminal = -1,
			       .idle = {.base = nsh_memory_child_stack(), .heap = true}};
}

int nsh_init_run(void *arg)
{
	const struct init *init = arg;
	struct reaper reaper = make_reaper(init);
	struct nsh_err err;
	int code;

	if (prepare(init, &reaper, &err) < 0)
		return nsh_refuse(NSH_EXIT_REFUSED, init->id, &err);
	name_terminal(init);
	code = begin(init, &reaper);
	if (code)
		return code;
	nsh_time_limits_start(&reaper.limits, init->policy, init->terminal);
	return supervise(&reaper);
}

/* What has started it has more open: a connection to the hub, say. */
static int keep_outer(struct reaper *reaper, struct nsh_err *err)
{
	int first = STDERR_FILENO + 1;

	if ((reaper->outer != first && dup3(reaper->outer, first, O_CLOEXEC) < 0) ||
	    close_range((unsigned)first + 1, ~0U, 0) < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "close what is open");
	reaper->outer = first;
	return 0;
}

int nsh_init_run_shared(void *arg)
{
	const struct init *init = arg;
	struct reaper reaper = make_reaper(init);
	struct nsh_err err;

	if (keep_outer(&reaper, &err) < 0)
		return nsh_refuse(NSH_EXIT_REFUSED, init->id, &err);
	nsh_refuse_prepare();
	if (prepare_shared(init, &reaper, &err) < 0)
		return nsh_refuse(NSH_EXIT_REFUSED, init->id, &err);
	close_others(&reaper);
	return supervise_shared(&reaper);
}

int nsh_init_run_joined(void *arg)
{
	const struct init *init = arg;
	struct reaper reaper = make_reaper(init);
	struct nsh_err err;
	int code;

	reaper.joined = true;
	if (prepare_joined(init, &reaper, &err) < 0)
		return nsh_refuse(NSH_EXIT_REFUSED, init->id, &err);
	code = begin(init, &reaper);
	if (code)
		return code;
	return supervise_joined(&reaper);
}
