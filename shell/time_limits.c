/* SPDX-License-Identifier: MIT */
/*
 * Limits in time.
 *
 * The clock is one that nobody can set and that goes on while the machine sleeps (CLOCK_BOOTTIME). Whether there was
 * input is told by the times of access that the kernel notes for terminals (tty_update_time). Those are of a clock that
 * can be set, so they are not compared with it: a time that is another than before is input, just now. The kernel notes
 * no more than one in eight seconds, so that long after it there can have been more. So a session can last longer than
 * idle_max by that time and the one from one look to the next, and never ends before.
 *
 * Whatever has happened to the machine meanwhile, nobody is put out without a warning a minute before.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "nsshell/clock.h"
#include "nsshell/door.h"
#include "nsshell/folder.h"
#include "nsshell/size.h"
#include "shell/time_limits.h"

#define MINUTE_MS (60 * 1000)

/* poll(2) does not count while the machine sleeps, so this is how late its waking is noticed. */
#define LOOK_MAX_MS (30 * 1000)
#define LOOK_MIN_MS 1000

/* What is typed in these times of the wall clock is noted once. */
#define NOTED_MS (8 * 1000)

/* A warning that is late by no more than this still tells the time. */
#define LATE_MS (10 * 1000)

static const int64_t warnings[] = {MINUTE_MS, 5 * MINUTE_MS};
#define N_WARNINGS (sizeof(warnings) / sizeof(*warnings))

typedef void terminal_fn(int dev, const char *name, const struct stat *st, void *data);

/*
 * In a /dev of the session's own all terminals are the session's, also one that somebody else has brought (su(1)); in the
 * machine's those of the user.
 */
static void look_at(const struct time_limits *limits, int dev, const char *name, terminal_fn *act,
		    void *data)
{
	struct stat st;

	/* One that is gone can still be shown. */
	if (fstatat(dev, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(st.st_mode) &&
	    (!limits->shared_dev || st.st_uid == getuid()) && st.st_nlink > 0)
		act(dev, name, &st, data);
}

/* What is done to the terminals of a folder. */
struct visit {
	const struct time_limits *limits;
	int folder;
	terminal_fn *act;
	void *data;
};

static int look_at_number(const char *name, void *data)
{
	const struct visit *visit = data;

	if (strspn(name, "0123456789") == strlen(name))
		look_at(visit->limits, visit->folder, name, visit->act, visit->data);
	return 0;
}

static void look_at_folder(const struct time_limits *limits, int dev, terminal_fn *act, void *data)
{
	NSH_CLOSE int folder = openat(dev, "pts", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct visit visit = {.limits = limits, .folder = folder, .act = act, .data = data};

	if (folder >= 0)
		nsh_folder_each(folder, look_at_number, &visit);
}

/* The session's own, and those that logins have brought along. */
static void each_terminal(const struct time_limits *limits, terminal_fn *act, void *data)
{
	NSH_CLOSE int dev = open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char name[NSH_PLACE_NAME];

	if (dev < 0)
		return;
	look_at_folder(limits, dev, act, data);
	if (limits->terminal[0])
		look_at(limits, dev, limits->terminal, act, data);
	for (int i = 0; i < NSH_PLACES; i++) {
		snprintf(name, sizeof(name), NSH_PLACE_TERMINAL "%d", i);
		if (faccessat(dev, name, F_OK, 0) < 0)
			return;
		look_at(limits, dev, name, act, data);
	}
}

/* In no order: a sum. A terminal that comes or goes changes it too. */
static void add_times(int dev, const char *name, const struct stat *st, void *data)
{
	uint64_t *sum = data;
	uint64_t one = (uint64_t)st->st_atim.tv_sec * 1000000007U + (uint64_t)st->st_atim.tv_nsec;

	(void)dev;
	(void)name;
	*sum += (one ^ ((uint64_t)st->st_rdev << 32)) * UINT64_C(0x9e3779b97f4a7c15);
}

static void write_on(int dev, const char *name, const struct stat *st, void *data)
{
	NSH_CLOSE int fd =
		openat(dev, name, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	const char *text = data;

	(void)st;
	/* Who has stopped the output of a terminal does without. */
	if (fd >= 0 && write(fd, text, strlen(text)) < 0)
		return;
}

static void tell(const struct time_limits *limits, const struct time_limit *limit, int64_t left)
{
	int minutes = (int)((left + MINUTE_MS / 2) / MINUTE_MS);
	char when[32] = "now";
	char text[160];

	if (minutes > 0)
		snprintf(when, sizeof(when), "in %d minute%s", minutes, minutes == 1 ? "" : "s");
	snprintf(text, sizeof(text), "\r\n\ansshell: this session ends %s: %s = %s\r\n", when,
		 limit->key, limit->text);
	each_terminal(limits, write_on, text);
}

/* Returns whether it is over. */
static bool is_over(const struct time_limits *limits, struct time_limit *limit, int64_t now)
{
	for (size_t i = 0; limit->key && i < N_WARNINGS; i++) {
		if (limit->end - now > warnings[i] || limit->length <= warnings[i] ||
		    limit->warned & (1U << i))
			continue;
		if (i == 0 && limit->end - now < warnings[0] - LATE_MS)
			limit->end = now + warnings[0];
		tell(limits, limit, limit->end - now);
		/* The earlier ones are of no use any more. */
		limit->warned |= ~0U << i;
		break;
	}
	return limit->key && now >= limit->end;
}

/* The next warning, or the end. */
static void find_next(int64_t *next, const struct time_limit *limit)
{
	int64_t when = limit->end;

	for (size_t i = N_WARNINGS; i-- > 0;)
		if (limit->length > warnings[i] && !(limit->warned & (1U << i))) {
			when = limit->end - warnings[i];
			break;
		}
	if (limit->key && when < *next)
		*next = when;
}

static void look_for_input(struct time_limits *limits, int64_t now)
{
	uint64_t input = 0;

	each_terminal(limits, add_times, &input);
	/* Where there is no terminal nobody fails to type. */
	if (input && input == limits->input)
		return;
	limits->input = input;
	limits->idle.end = now + limits->idle.length + NOTED_MS;
	limits->idle.warned = 0;
}

static void set_next(struct time_limits *limits, int64_t now)
{
	limits->next = now + LOOK_MAX_MS;
	if (limits->idle.key && limits->idle.length / 10 < LOOK_MAX_MS)
		limits->next =
			now + (limits->idle.length / 10 > LOOK_MIN_MS ? limits->idle.length / 10
								      : LOOK_MIN_MS);
	find_next(&limits->next, &limits->runtime);
	find_next(&limits->next, &limits->idle);
}

static void start(struct time_limit *limit, const struct nsh_policy *policy, enum nsh_key_id id,
		  int64_t now)
{
	*limit = (struct time_limit){.length = nsh_time_of(nsh_policy_text(policy, id))};
	snprintf(limit->text, sizeof(limit->text), "%s", nsh_policy_text(policy, id));
	limit->end = now + limit->length;
	if (limit->length)
		limit->key = nsh_keys[id].key;
}

void nsh_time_limits_start(struct time_limits *limits, const struct nsh_policy *policy,
			   const char *terminal)
{
	int64_t now = nsh_boot_ms();

	*limits = (struct time_limits){.shared_dev = nsh_policy_number(policy, NSH_KEY_VIEW_DEV) ==
						     NSH_DEV_HOST};
	if (terminal && !strchr(terminal, '/') && strlen(terminal) < sizeof(limits->terminal))
		strcpy(limits->terminal, terminal);
	start(&limits->runtime, policy, NSH_KEY_SESSION_RUNTIME_MAX, now);
	start(&limits->idle, policy, NSH_KEY_SESSION_IDLE_MAX, now);
	if (limits->runtime.key || limits->idle.key)
		set_next(limits, now);
}

int nsh_time_limits_wait(const struct time_limits *limits)
{
	int64_t left = limits->next - nsh_boot_ms();

	if (!limits->next)
		return -1;
	return left > 0 ? (int)left : 0;
}

bool nsh_time_limits_are_over(struct time_limits *limits)
{
	int64_t now = nsh_boot_ms();
	struct time_limit *over = NULL;

	if (!limits->next || now < limits->next)
		return false;
	if (limits->idle.key)
		look_for_input(limits, now);
	if (is_over(limits, &limits->runtime, now))
		over = &limits->runtime;
	else if (is_over(limits, &limits->idle, now))
		over = &limits->idle;
	if (over)
		tell(limits, over, 0);
	set_next(limits, now);
	return over != NULL;
}
