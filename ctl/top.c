/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl top: what sessions use, again and again.
 *
 * On a terminal the screen is painted anew and q or Ctrl-C ends it; elsewhere there is a block for each time.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "ctl/command.h"
#include "ctl/commands.h"
#include "ctl/live.h"
#include "ctl/output.h"
#include "ctl/pty.h"
#include "nsshell/cleanup.h"

#define INTERVAL_MAX 3600

struct options {
	double interval;     /* seconds */
	unsigned long count; /* 0: until it is ended */
};

/* What a session had used the last time. */
struct past {
	char id[NSH_ID_LEN + 1];
	uid_t uid;
	uint64_t cpu;
};

/* A session and what it has used since, in percent of one processor. */
struct row {
	const struct nsh_live *live;
	double percent;
};

struct top {
	struct past *past; /* owned */
	size_t n_past;
	double at; /* when that was */
	bool screen;
	int signals;
	struct termios own;
};

static error_t parse(int option, char *argument, struct argp_state *state)
{
	struct options *options = state->input;
	char *end = NULL;

	switch (option) {
	case 'i':
		options->interval = strtod(argument, &end);
		if (!*argument || *end ||
		    !(options->interval >= 0.1 && options->interval <= INTERVAL_MAX))
			argp_error(state, "\"%s\" is not from 0.1 to 3600 seconds", argument);
		return 0;
	case 'n':
		options->count = strtoul(argument, &end, 10);
		if (!*argument || *end || *argument == '-' || !options->count)
			argp_error(state, "\"%s\" is no number of times", argument);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option option_list[] = {
	{"interval", 'i', "SECONDS", 0, "between one time and the next; 2", 0},
	{"count", 'n', "N", 0, "so many times, and no more", 0},
	{0},
};

static const struct argp argp = {
	.options = option_list,
	.parser = parse,
	.doc = "What sessions use: processor time, memory, processes. Root sees all of them, "
	       "others "
	       "their own."
	       "\vOn a terminal q or Ctrl-C ends it. Elsewhere it prints a block each time, with "
	       "an "
	       "empty line after.",
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* What ends takes its time to its parent, and so the sum stays: programs that are over between two times count. */
static uint64_t cpu_of(const struct nsh_live *live)
{
	uint64_t cpu = 0;

	for (size_t i = 0; i < live->n_members; i++)
		cpu += live->members[i].process.cpu + live->members[i].process.reaped;
	return cpu;
}

/* Whose parent is outside of the session, or does not wait, has taken its time with it: that is not less than none. */
static double percent_of(const struct top *top, const struct nsh_live *live)
{
	double passed = now() - top->at;
	uint64_t cpu = cpu_of(live);

	for (size_t i = 0; i < top->n_past; i++)
		if (top->past[i].uid == live->uid && !strcmp(top->past[i].id, live->id))
			return cpu > top->past[i].cpu && passed > 0
				       ? 100 * nsh_ticks_seconds(cpu - top->past[i].cpu) / passed
				       : 0;
	return 0;
}

static void remember(struct top *top, const struct nsh_lives *lives)
{
	struct past *past = calloc(lives->count + 1, sizeof(*past));

	free(top->past);
	top->past = past;
	top->n_past = past ? lives->count : 0;
	top->at = now();
	for (size_t i = 0; i < top->n_past; i++) {
		memcpy(past[i].id, lives->at[i].id, sizeof(past[i].id));
		past[i].uid = lives->at[i].uid;
		past[i].cpu = cpu_of(&lives->at[i]);
	}
}

static int by_percent(const void *a, const void *b)
{
	const struct row *one = a;
	const struct row *other = b;

	if (one->percent != other->percent)
		return one->percent > other->percent ? -1 : 1;
	return one->live < other->live ? -1 : one->live > other->live;
}

static void add_row(struct nsh_table *table, const struct row *row)
{
	const struct nsh_live *live = row->live;
	double lasted = (double)time(NULL) - live->since;
	char text[NSH_SIZE_TEXT];

	nsh_table_add(table, live->id);
	nsh_table_add(table, live->user);
	nsh_table_addf(table, "%.1f", row->percent);
	nsh_table_add(table, nsh_size_text(text, live->memory));
	nsh_table_addf(table, "%zu", live->n_members);
	nsh_table_add(table, nsh_age_text(text, lasted > 0 ? (unsigned long long)lasted : 0));
	nsh_table_add(table, live->hostname);
}

/* As many as there is room for. */
static size_t lines_of(const struct top *top)
{
	struct winsize size;

	if (!top->screen)
		return SIZE_MAX;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row < 4)
		return 20;
	return size.ws_row - 3U;
}

static int print(struct top *top, const struct nsh_lives *lives)
{
	static const char *const titles[] = {"ID",    "USER", "CPU%",     "MEMORY",
					     "PROCS", "AGE",  "HOST NAME"};
	struct nsh_table table = {.titles = titles, .n_columns = 7};
	NSH_FREE struct row *rows = calloc(lives->count + 1, sizeof(*rows));
	size_t count = 0;

	if (!rows)
		return nsh_complain("out of memory");
	for (size_t i = 0; i < lives->count; i++)
		if (lives->at[i].has_users)
			rows[count++] = (struct row){
				.live = &lives->at[i],
				.percent = percent_of(top, &lives->at[i]),
			};
	if (count)
		qsort(rows, count, sizeof(*rows), by_percent);
	for (size_t i = 0; i < count && i < lines_of(top); i++)
		add_row(&table, &rows[i]);
	if (top->screen)
		fputs("\033[H\033[J", stdout);
	printf("%zu session%s\n", count, count == 1 ? "" : "s");
	return nsh_table_print(&table);
}

static void leave_screen(struct top *top)
{
	if (!top->screen)
		return;
	fputs("\033[?25h\033[?1049l", stdout);
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &top->own);
	top->screen = false;
}

static int show(struct top *top)
{
	struct nsh_lives lives;
	struct nsh_err err;
	int code;

	if (nsh_lives_find(&lives, &err) < 0) {
		leave_screen(top); /* what is said on it is gone with it */
		return nsh_complain_err(&err);
	}
	code = print(top, &lives);
	remember(top, &lives);
	nsh_lives_free(&lives);
	if (!top->screen)
		putchar('\n');
	return nsh_output_end(code);
}

/* Signals are taken here, so that none comes between the terminal and its settings. */
static void begin(struct top *top)
{
	struct termios raw;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	top->signals = -1;
	top->screen = nsh_pty_wanted() && tcgetattr(STDIN_FILENO, &top->own) == 0;
	if (!top->screen)
		return;
	sigprocmask(SIG_BLOCK, &set, NULL);
	top->signals = signalfd(-1, &set, SFD_CLOEXEC);
	raw = top->own;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VSUSP] = _POSIX_VDISABLE; /* it would stay like that on the screen */
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	fputs("\033[?1049h\033[?25l", stdout);
}

/* Returns true when it is to end. */
static bool rest(const struct top *top, double seconds)
{
	struct pollfd fds[] = {{.fd = top->screen ? STDIN_FILENO : -1, .events = POLLIN},
			       {.fd = top->signals, .events = POLLIN}};
	double until = now() + seconds;
	double left;
	char key;

	while ((left = until - now()) > 0) {
		if (poll(fds, 2, (int)(left * 1000) + 1) <= 0)
			continue;
		if (fds[1].revents)
			return true;
		if (fds[0].revents && (read(STDIN_FILENO, &key, 1) != 1 || key == 'q'))
			return true;
	}
	return false;
}

static int run(int argc, char **argv)
{
	struct options options = {.interval = 2};
	struct top top = {0};
	unsigned long shown = 0;
	int code;

	nsh_command_parse(&argp, argc, argv, false, &options);
	begin(&top);
	do
		code = show(&top);
	while (code == NSH_CTL_OK && ++shown != options.count && !rest(&top, options.interval));
	leave_screen(&top);
	free(top.past);
	return code;
}

const struct command nsh_command_top = {
	.name = "top",
	.group = NSH_GROUP_SESSIONS,
	.summary = "what sessions use, as a live list",
	.argp = &argp,
	.run = run,
};
