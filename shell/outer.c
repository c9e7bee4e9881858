/* SPDX-License-Identifier: MIT */
/*
 * The outer process of a session.
 *
 * It has no power over the session but its socket to PID 1, and holds nothing of it open. Towards
 * its parent it stands for the shell: it stops when the shell stops, ends as the shell ends, and
 * what it is sent the shell gets. The shell has a process group of its own, because that of the
 * outer process has no number inside the PID namespace. The terminal follows: at once when this
 * process leads its session or the shell is interactive, else when the shell first asks for it (it
 * is stopped with SIGTTIN or SIGTTOU), so that in "nsshell -c command | less" less keeps it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsshell/child.h"
#include "nsshell/cleanup.h"
#include "nsshell/sandbox.h"
#include "nsshell/memory.h"
#include "nsshell/message.h"
#include "shell/outer.h"
#include "shell/refuse.h"

struct outer {
	bool leader; /* of its session */
	bool hup_ignored;
	int inner;
	int signals;
	pid_t pid;
	bool joined; /* pid is not PID 1, but the shell's parent in a sandbox of several logins */
	bool handed; /* the shell was given the terminal */
	struct nsh_idle idle;
};

static void tell(const struct outer *outer, enum nsh_message_kind kind, int value)
{
	struct nsh_message message = {.kind = kind, .value = value};

	send(outer->inner, &message, sizeof(message), MSG_NOSIGNAL);
}

static int open_terminal(void)
{
	return open("/dev/tty", O_RDWR | O_CLOEXEC);
}

static bool has_terminal(int terminal)
{
	return terminal >= 0 && tcgetpgrp(terminal) == getpgrp();
}

/*
 * Gives the terminal back to the group that had it. Returns whether the session had it until now.
 * All signals are blocked, SIGTTOU with them.
 */
static bool take_terminal_back(const struct outer *outer)
{
	NSH_CLOSE int terminal = -1;

	if (!outer->handed)
		return false;
	terminal = open_terminal();
	return terminal >= 0 && !has_terminal(terminal) && tcsetpgrp(terminal, getpgrp()) == 0;
}

/*
 * Ctrl-C and Ctrl-\ are for the whole group that has the terminal. While the shell's group had it in
 * place of ours, the rest of ours (a script that waits for us, the other side of a pipe) did not
 * get the signal that ended the shell; it gets it now.
 */
static void __attribute__((noreturn)) end(const struct outer *outer, int status)
{
	bool had_terminal = !outer->leader && take_terminal_back(outer);
	int signal;

	if (!WIFSIGNALED(status))
		_exit(WEXITSTATUS(status));
	signal = WTERMSIG(status);
	if (had_terminal && (signal == SIGINT || signal == SIGQUIT))
		kill(0, signal);
	/* The process cannot leave a core: nsh_privileges_drop_outside() has seen to that. */
	nsh_child_end_alike(signal);
	_exit(128 + signal);
}

/* PID 1 ended without a last word: it refused, or was killed and all of the session with it. */
static void __attribute__((noreturn)) end_with_init(const struct outer *outer)
{
	int status;

	while (waitpid(outer->pid, &status, 0) < 0)
		if (errno != EINTR)
			_exit(NSH_EXIT_REFUSED);
	end(outer, status);
}

/*
 * A session's end need not be waited for. But PID 1 of a shared sandbox waits in the kernel for every process of its
 * namespace to be reaped, and of that one only this process is the parent.
 */
static void __attribute__((noreturn)) end_with_shell(const struct outer *outer, int status)
{
	if (outer->joined)
		nsh_child_wait(outer->pid);
	end(outer, status);
}

/*
 * Stops as a process does that the signal's default action stops; returns when continued, or false at once where the
 * kernel does not stop it: its group is orphaned, and nobody could continue it. For Ctrl-Z what end() says of Ctrl-C
 * holds as well.
 */
static bool stop_by(const struct outer *outer, int signal)
{
	bool for_group = take_terminal_back(outer) && signal == SIGTSTP;
	struct timespec at_once = {0};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal);
	kill(for_group ? 0 : getpid(), signal);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGCONT);
	return sigtimedwait(&set, NULL, &at_once) == SIGCONT;
}

/*
 * What the kernel does not stop here it would not have stopped in the shell's place: then the shell goes on at once, and
 * when it has asked for the terminal it gets an error as in every orphaned group, and not the same signal again.
 * SIGSTOP stops everything, but what leads its session has nobody who would continue it: as the shell can
 * be continued from inside, this process goes on waiting.
 */
static void follow_stop(struct outer *outer, int signal)
{
	NSH_CLOSE int terminal = open_terminal();
	bool wants_terminal = signal == SIGTTIN || signal == SIGTTOU;
	bool has_stopped = true;
	bool hand_over;

	if (outer->leader && signal == SIGSTOP)
		return;
	if (!wants_terminal || !has_terminal(terminal))
		has_stopped = stop_by(outer, signal);
	hand_over = has_terminal(terminal);
	outer->handed |= hand_over;
	if (wants_terminal && !has_stopped && !hand_over)
		tell(outer, MESSAGE_ORPHANED, 0);
	tell(outer, MESSAGE_CONTINUE, hand_over);
}

/* Whether there is nobody any more at the other end, however much of what was sent is still to be read. */
static bool is_over(const struct outer *outer)
{
	struct pollfd fd = {.fd = outer->inner};

	return poll(&fd, 1, 0) > 0 && fd.revents & POLLHUP;
}

/* What has stopped before the end is not followed: nobody would continue this process. */
static void listen_inner(struct outer *outer)
{
	struct nsh_message message;
	ssize_t got = recv(outer->inner, &message, sizeof(message), MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got != (ssize_t)sizeof(message))
		end_with_init(outer);
	if (message.kind == MESSAGE_EXITED)
		end_with_shell(outer, message.value);
	if (message.kind == MESSAGE_STOPPED && !is_over(outer))
		follow_stop(outer, message.value);
}

static void pass_signal(const struct outer *outer)
{
	struct signalfd_siginfo info;

	if (read(outer->signals, &info, sizeof(info)) != (ssize_t)sizeof(info) ||
	    info.ssi_signo == SIGCHLD)
		return;
	if (info.ssi_signo == SIGHUP && outer->hup_ignored)
		return;
	if (info.ssi_signo == SIGHUP && info.ssi_code == SI_KERNEL)
		tell(outer, MESSAGE_HANGUP, 0);
	else
		tell(outer, MESSAGE_SIGNAL, (int)info.ssi_signo);
}

static void watch(struct outer *outer)
{
	struct pollfd fds[] = {
		{.fd = outer->inner, .events = POLLIN},
		{.fd = outer->signals, .events = POLLIN},
	};

	if (nsh_memory_poll(fds, 2, -1, &outer->idle) <= 0)
		return;
	if (fds[1].revents)
		pass_signal(outer);
	if (fds[0].revents)
		listen_inner(outer);
}

/* Signals that were ignored when nsshell was started stay ignored, here and in the shell. */
void nsh_outer_run(const struct start *start, int inner, pid_t pid, bool joined, bool handed)
{
	struct outer outer = {.leader = start->leader,
			      .hup_ignored = start->hup_ignored,
			      .inner = inner,
			      .pid = pid,
			      .joined = joined,
			      .handed = handed,
			      .idle = {.base = __builtin_dwarf_cfa(), .heap = true}};
	sigset_t all;

	sigfillset(&all);
	outer.signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (outer.signals < 0) {
		kill(pid, SIGKILL);
		end_with_init(&outer);
	}
	for (;;)
		watch(&outer);
}
