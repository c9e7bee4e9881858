/* SPDX-License-Identifier: MIT */
/*
 * Standing between the administrator's terminal and a session.
 *
 * One loop moves bytes through channels, each from one fd to another. What is written to may be slow or stuck (a
 * program that reads nothing): a channel that is full is not read from, and the others go on. Standard output may be
 * slow or stuck like that, and it blocks: there is never more written to it than poll(2) has said that it takes.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "ctl/pty.h"
#include "nsshell/child.h"
#include "nsshell/cleanup.h"

/* How often a pseudo-terminal that nobody has open is looked at again: it may be opened anew. In milliseconds. */
#define HUNG_MS 50

#define ROOM 8192

/* Ctrl-], typed that often within that many seconds, ends it: what runs there may let go of nobody. */
#define ESCAPE 0x1d
#define ESCAPES 3
#define ESCAPE_SECONDS 1

/* The most that is shown after the end, in bytes: a pipe can hold that much, and what lives on can write for ever. */
#define REST (1 << 20)

struct channel {
	int from; /* -1: over */
	int to;
	bool of_master; /* from is a pseudo-terminal's master */
	bool closes;    /* to is closed at the end of from */
	bool hung;
	bool stopped; /* from is closed already */
	char bytes[ROOM];
	size_t len;
	int escapes;
	time_t first_escape;
};

struct relay {
	struct channel channels[3];
	size_t n_channels;
	int ended;
	int signals;
	int master; /* -1 with pipes */
	struct termios own;
	bool raw;
};

bool nsh_pty_wanted(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

void nsh_pty_copy_settings(int fd)
{
	struct termios settings;
	struct winsize size;

	if (tcgetattr(STDIN_FILENO, &settings) == 0)
		tcsetattr(fd, TCSANOW, &settings);
	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		ioctl(fd, TIOCSWINSZ, &size);
}

static int failed(struct nsh_err *err, const char *what)
{
	return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "%s", what);
}

/* The slave by TIOCGPTPEER: a name could lead to another /dev/pts. */
int nsh_pty_open(int *master, int *slave, struct nsh_err *err)
{
	NSH_CLOSE int made = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (made < 0 || grantpt(made) < 0 || unlockpt(made) < 0)
		return failed(err, "make a pseudo-terminal");
	*slave = ioctl(made, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*slave < 0)
		return failed(err, "open a pseudo-terminal");
	nsh_pty_copy_settings(*slave);
	*master = made;
	made = -1;
	return 0;
}

static void make_raw(struct relay *relay)
{
	struct termios raw = relay->own;

	if (!relay->raw)
		return;
	cfmakeraw(&raw);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

/* Not when another has the terminal by now: that would stop this process, or spoil what runs there. */
static void make_usual(const struct relay *relay)
{
	if (relay->raw && tcgetpgrp(STDIN_FILENO) == getpgrp())
		tcsetattr(STDIN_FILENO, TCSADRAIN, &relay->own);
}

static void pass_size(const struct relay *relay)
{
	struct winsize size;

	if (relay->master >= 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		ioctl(relay->master, TIOCSWINSZ, &size);
}

/* Stopped from outside: the terminal is whole while this is in the background. */
static void stop(struct relay *relay)
{
	make_usual(relay);
	raise(SIGSTOP);
	make_raw(relay);
	pass_size(relay);
}

/* Returns the number of a signal that ends it. */
static int take_signal(struct relay *relay)
{
	struct signalfd_siginfo got;

	if (read(relay->signals, &got, sizeof(got)) != (ssize_t)sizeof(got))
		return 0;
	switch (got.ssi_signo) {
	case SIGWINCH:
		pass_size(relay);
		return 0;
	case SIGTSTP:
		stop(relay);
		return 0;
	case SIGCONT:
		make_raw(relay);
		pass_size(relay);
		return 0;
	}
	return (int)got.ssi_signo;
}

static void end_channel(struct channel *channel)
{
	channel->from = -1;
	if (channel->closes && !channel->len && channel->to >= 0) {
		close(channel->to);
		channel->to = -1;
	}
}

static bool escapes(struct channel *channel)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	for (size_t i = 0; i < channel->len; i++) {
		if (channel->bytes[i] != ESCAPE ||
		    now.tv_sec > channel->first_escape + ESCAPE_SECONDS)
			channel->escapes = 0;
		if (channel->bytes[i] != ESCAPE)
			continue;
		if (channel->escapes == 0)
			channel->first_escape = now.tv_sec;
		if (++channel->escapes == ESCAPES)
			return true;
	}
	return false;
}

/* Returns SIGHUP when the administrator's terminal is gone, or has enough of it. */
static int fill(struct channel *channel)
{
	ssize_t got = read(channel->from, channel->bytes, ROOM);

	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (got > 0) {
		channel->len = (size_t)got;
		return channel->from == STDIN_FILENO && !channel->closes && escapes(channel)
			       ? SIGHUP
			       : 0;
	}
	if (channel->of_master) {
		channel->hung = true;
		return 0;
	}
	if (channel->from == STDIN_FILENO && !channel->closes)
		return SIGHUP;
	end_channel(channel);
	return 0;
}

static void stop_reading(struct channel *channel)
{
	if (channel->from < 0)
		return;
	close(channel->from);
	channel->from = -1;
	channel->stopped = true;
}

/* Who does not read any more has lost it, and who writes to a pipe learns that. */
static void empty(struct channel *channel)
{
	ssize_t put = write(channel->to, channel->bytes,
			    channel->len < PIPE_BUF ? channel->len : PIPE_BUF);

	if (put < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (put < 0) {
		put = (ssize_t)channel->len;
		if (!channel->of_master && channel->from != STDIN_FILENO)
			stop_reading(channel);
	}
	channel->len -= (size_t)put;
	memmove(channel->bytes, channel->bytes + put, channel->len);
	if (channel->from < 0)
		end_channel(channel);
}

/* What a channel waits for: to be filled, or to be emptied. */
static struct pollfd waits_for(struct channel *channel)
{
	struct pollfd nothing = {.fd = -1};

	if (channel->len)
		return (struct pollfd){.fd = channel->to, .events = POLLOUT};
	if (channel->from < 0 || channel->hung)
		return nothing;
	return (struct pollfd){.fd = channel->from, .events = POLLIN};
}

static int move(struct channel *channel)
{
	if (channel->len) {
		empty(channel);
		return 0;
	}
	return fill(channel);
}

/* Returns the number of a signal that has ended the waiting, or 0. */
static int await_room(struct relay *relay, const struct channel *channel)
{
	struct pollfd fds[] = {{.fd = channel->to, .events = POLLOUT},
			       {.fd = relay->signals, .events = POLLIN}};
	int signal = 0;

	do
		if (poll(fds, 2, -1) > 0 && fds[1].revents)
			signal = take_signal(relay);
	while (!signal && !fds[0].revents);
	return signal;
}

static int drain(struct relay *relay, struct channel *channel)
{
	struct pollfd ready = {.fd = channel->from, .events = POLLIN};
	size_t rest = REST;

	channel->hung = false;
	for (;;) {
		while (channel->len) {
			int signal = await_room(relay, channel);

			if (signal)
				return signal;
			empty(channel);
		}
		if (channel->from < 0 || channel->hung || !rest || poll(&ready, 1, 0) <= 0)
			return 0;
		fill(channel);
		rest -= channel->len < rest ? channel->len : rest;
	}
}

static bool is_shown(const struct channel *channel)
{
	return channel->to == STDOUT_FILENO || channel->to == STDERR_FILENO;
}

/* Of what has ended: what is there to be shown now. Returns 0, or the number of a signal that has ended it. */
static int show_rest(struct relay *relay)
{
	int signal = 0;

	for (size_t i = 0; i < relay->n_channels && !signal; i++)
		if (is_shown(&relay->channels[i]))
			signal = drain(relay, &relay->channels[i]);
	return signal;
}

/* Both streams can be the same pipe, which has room for one of them. */
static int move_all(struct relay *relay, const struct pollfd *fds)
{
	bool shown = false;
	int signal = 0;

	for (size_t i = 0; i < relay->n_channels; i++) {
		struct channel *channel = &relay->channels[i];
		bool moves = fds[i].revents && !signal;
		bool shows = moves && channel->len && is_shown(channel);

		channel->hung = false;
		if (moves && !(shows && shown))
			signal = move(channel);
		shown |= shows;
	}
	return signal;
}

static bool is_hung(const struct relay *relay)
{
	for (size_t i = 0; i < relay->n_channels; i++)
		if (relay->channels[i].hung)
			return true;
	return false;
}

/* Returns 0 at the end, a signal's number, or -errno. */
static int run(struct relay *relay)
{
	for (;;) {
		struct pollfd fds[5] = {{.fd = relay->ended, .events = POLLIN},
					{.fd = relay->signals, .events = POLLIN}};
		int signal;

		for (size_t i = 0; i < relay->n_channels; i++)
			fds[2 + i] = waits_for(&relay->channels[i]);
		if (poll(fds, 2 + relay->n_channels, is_hung(relay) ? HUNG_MS : -1) < 0 &&
		    errno != EINTR)
			return -errno;
		signal = move_all(relay, fds + 2);
		if (fds[1].revents && !signal)
			signal = take_signal(relay);
		if (signal)
			return signal;
		if (fds[0].revents)
			return 0;
	}
}

/* Signals are taken in the loop, so that none comes between the terminal and its settings. */
static int catch_signals(struct relay *relay, sigset_t *before)
{
	static const int caught[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGWINCH, SIGTSTP, SIGCONT};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(caught) / sizeof(*caught); i++)
		sigaddset(&set, caught[i]);
	sigprocmask(SIG_BLOCK, &set, before);
	relay->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return relay->signals < 0 ? -errno : 0;
}

static void add(struct relay *relay, int from, int to, bool closes)
{
	struct channel *channel = &relay->channels[relay->n_channels++];

	channel->from = from;
	channel->to = to;
	channel->closes = closes;
	channel->of_master = from == relay->master;
}

/* A pipe that nobody reads must not stop the others; standard output is shared with other programs. */
static void make_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0)
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static int relay_until_end(struct relay *relay, struct nsh_err *err)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}; /* write(2) says it */
	struct sigaction pipe_before;
	sigset_t before;
	int ret = catch_signals(relay, &before);

	sigaction(SIGPIPE, &ignore, &pipe_before);
	if (ret == 0) {
		make_raw(relay);
		ret = run(relay);
		if (ret == 0)
			ret = show_rest(relay);
		make_usual(relay);
		close(relay->signals);
	}
	sigaction(SIGPIPE, &pipe_before, NULL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return ret < 0 ? nsh_err_sys(err, NSH_REASON_MACHINE, ret, "the terminal") : ret;
}

int nsh_pty_relay(int master, int ended, struct nsh_err *err)
{
	struct relay *relay = calloc(1, sizeof(*relay));
	int ret;

	if (!relay)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -ENOMEM, "the terminal");
	relay->ended = ended;
	relay->master = master;
	relay->raw = tcgetattr(STDIN_FILENO, &relay->own) == 0;
	make_nonblocking(master);
	pass_size(relay);
	add(relay, STDIN_FILENO, master, false);
	add(relay, master, STDOUT_FILENO, false);
	ret = relay_until_end(relay, err);
	free(relay);
	return ret;
}

static void close_pipes(const struct nsh_pipes *pipes, const struct relay *relay)
{
	/* The first may have been closed at its end, the others when nobody read any more. */
	if (pipes->in >= 0 && (!relay || relay->channels[0].to >= 0))
		close(pipes->in);
	if (pipes->out >= 0 && !(relay && relay->channels[1].stopped))
		close(pipes->out);
	if (pipes->err >= 0 && !(relay && relay->channels[2].stopped))
		close(pipes->err);
}

int nsh_pipes_make(struct nsh_pipes *pipes, int others[3], struct nsh_err *err)
{
	int *const own[] = {&pipes->in, &pipes->out, &pipes->err};

	for (int i = 0; i < 3; i++) {
		int ends[2];

		if (pipe2(ends, O_CLOEXEC) < 0)
			return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "pipe");
		*own[i] = ends[i == STDIN_FILENO];
		others[i] = ends[i != STDIN_FILENO];
	}
	return 0;
}

int nsh_pipes_relay(const struct nsh_pipes *pipes, int ended, struct nsh_err *err)
{
	struct relay *relay = calloc(1, sizeof(*relay));
	int ret;

	if (!relay) {
		close_pipes(pipes, NULL);
		return nsh_err_sys(err, NSH_REASON_MACHINE, -ENOMEM, "the streams");
	}
	relay->ended = ended;
	relay->master = -1;
	if (pipes->in >= 0)
		make_nonblocking(pipes->in);
	add(relay, pipes->in >= 0 ? STDIN_FILENO : -1, pipes->in, true);
	add(relay, pipes->out, STDOUT_FILENO, false);
	add(relay, pipes->err, STDERR_FILENO, false);
	ret = relay_until_end(relay, err);
	close_pipes(pipes, relay);
	free(relay);
	return ret;
}

void nsh_pty_die(int signal)
{
	nsh_child_end_alike(signal);
	_exit(128 + signal);
}
