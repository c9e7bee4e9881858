/* SPDX-License-Identifier: MIT */
/*
 * runtime_max and idle_max by a clock of the test's own: warnings, input, a machine that slept, a wall clock that was set.
 *
 * The Makefile puts what is here in place of clock_gettime() and getuid(): the session's terminals are those that belong
 * to a user whom nobody else on this machine is.
 */
#include "tests/unit/unit.h"

#include <poll.h>
#include <pty.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "nsshell/policy.h"
#include "shell/time_limits.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

#define NOBODY_ELSE 54321

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
uid_t __real_getuid(void);
uid_t __wrap_getuid(void);

static int64_t boot; /* ms */
static int terminal;
static int keyboard; /* its other side */
static char seen[8192];

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	if (clock != CLOCK_BOOTTIME)
		return __real_clock_gettime(clock, now);
	*now = (struct timespec){.tv_sec = boot / 1000, .tv_nsec = boot % 1000 * 1000000};
	return 0;
}

uid_t __wrap_getuid(void)
{
	return __real_getuid() == 0 ? NOBODY_ELSE : __real_getuid();
}

static int begin(void **state)
{
	(void)state;
	boot = 1000 * HOUR;
	if (openpty(&keyboard, &terminal, NULL, NULL, NULL) < 0)
		return -1;
	return fchown(terminal, getuid(), (gid_t)-1);
}

static int end(void **state)
{
	(void)state;
	close(terminal);
	close(keyboard);
	return 0;
}

/* What the kernel does with the terminal's times when somebody types. The wall clock says that it is then. */
static void type_at(time_t when)
{
	const struct timespec times[] = {{.tv_sec = when}, {.tv_nsec = UTIME_OMIT}};

	assert_int_equal(futimens(terminal, times), 0);
}

/* What was written on the terminal since it was asked the last time. The kernel brings it here a moment later. */
static const char *screen(void)
{
	static const char mark[] = "[mark]";
	struct pollfd polled = {.fd = keyboard, .events = POLLIN};
	size_t len = 0;
	char *end;

	assert_int_equal(write(terminal, mark, strlen(mark)), strlen(mark));
	for (;;) {
		ssize_t got;

		seen[len] = '\0';
		end = strstr(seen, mark);
		if (end)
			break;
		assert_int_equal(poll(&polled, 1, 30000), 1);
		got = read(keyboard, seen + len, sizeof(seen) - 1 - len);
		assert_true(got > 0);
		len += (size_t)got;
	}
	*end = '\0';
	return seen;
}

static void assert_shows(const char *text)
{
	if (!strstr(screen(), text))
		fail_msg("\"%s\" does not say \"%s\"", seen, text);
}

static void assert_shows_nothing(void)
{
	assert_string_equal(screen(), "");
}

static void start(struct time_limits *limits, const char *runtime, const char *idle)
{
	static struct nsh_policy policy;

	policy.settings[NSH_KEY_SESSION_RUNTIME_MAX].text = (char *)runtime;
	policy.settings[NSH_KEY_SESSION_IDLE_MAX].text = (char *)idle;
	/* The machine's /dev has others' terminals too. */
	policy.settings[NSH_KEY_VIEW_DEV].number = NSH_DEV_HOST;
	nsh_time_limits_start(limits, &policy, NULL);
}

/* As PID 1 does, for so long at most. Returns whether the session was ended. */
static bool go_on(struct time_limits *limits, int64_t most)
{
	int64_t until = boot + most;

	while (boot < until) {
		int64_t wait = nsh_time_limits_wait(limits);

		if (wait < 0 || boot + wait > until)
			wait = until - boot;
		boot += wait;
		if (nsh_time_limits_are_over(limits))
			return true;
	}
	return false;
}

static void test_none(void **state)
{
	struct time_limits limits;

	(void)state;
	start(&limits, "none", "none");
	assert_int_equal(nsh_time_limits_wait(&limits), -1);
	assert_false(go_on(&limits, 1000 * HOUR));
	assert_shows_nothing();
}

static void test_runtime_warnings(void **state)
{
	struct time_limits limits;

	(void)state;
	start(&limits, "1h", "none");
	assert_false(go_on(&limits, 55 * MINUTE - 1));
	assert_shows_nothing();
	assert_false(go_on(&limits, 1));
	assert_shows("nsshell: this session ends in 5 minutes: runtime_max = 1h");
	assert_false(go_on(&limits, 4 * MINUTE - 1));
	assert_shows_nothing();
	assert_false(go_on(&limits, 1));
	assert_shows("nsshell: this session ends in 1 minute: runtime_max = 1h");
	assert_false(go_on(&limits, MINUTE - 1));
	assert_shows_nothing();
	assert_true(go_on(&limits, 1));
	assert_shows("nsshell: this session ends now: runtime_max = 1h");
}

/* No warning before the session has begun, nor at its begin. */
static void test_short_runtime(void **state)
{
	struct time_limits limits;

	(void)state;
	start(&limits, "1m", "none");
	assert_false(go_on(&limits, MINUTE - 1));
	assert_shows_nothing();
	assert_true(go_on(&limits, 1));
	start(&limits, "5m", "none");
	screen();
	assert_false(go_on(&limits, 4 * MINUTE - 1));
	assert_shows_nothing();
	assert_false(go_on(&limits, 1));
	assert_shows("in 1 minute:");
	assert_true(go_on(&limits, MINUTE));
}

/* The machine slept beyond the end: there is still a minute. */
static void test_sleep_beyond_the_end(void **state)
{
	struct time_limits limits;

	(void)state;
	start(&limits, "1h", "none");
	assert_false(go_on(&limits, 10 * MINUTE));
	boot += 20 * HOUR;
	assert_int_equal(nsh_time_limits_wait(&limits), 0);
	assert_false(nsh_time_limits_are_over(&limits));
	assert_shows("in 1 minute:");
	assert_false(go_on(&limits, MINUTE - 1));
	assert_shows_nothing();
	assert_true(go_on(&limits, 1));
}

/* Sleep counts: a machine that slept into the last minutes warns of what is left. */
static void test_sleep_into_the_last_minutes(void **state)
{
	struct time_limits limits;

	(void)state;
	start(&limits, "1h", "none");
	boot += 57 * MINUTE;
	assert_false(nsh_time_limits_are_over(&limits));
	assert_shows("in 3 minutes:");
	assert_false(go_on(&limits, 2 * MINUTE));
	assert_shows("in 1 minute:");
	assert_true(go_on(&limits, MINUTE));
}

/* Who was warned and then slept was warned in time. */
static void test_sleep_after_the_last_warning(void **state)
{
	struct time_limits limits;

	(void)state;
	start(&limits, "1h", "none");
	assert_false(go_on(&limits, 59 * MINUTE));
	boot += HOUR;
	assert_true(nsh_time_limits_are_over(&limits));
}

/* A sleep is noticed soon, as poll(2) does not count it: no wait is longer than half a minute. */
static void test_waits_are_short(void **state)
{
	struct time_limits limits;

	(void)state;
	start(&limits, "365d", "none");
	assert_in_range(nsh_time_limits_wait(&limits), 1, 30 * SECOND);
	start(&limits, "none", "365d");
	assert_in_range(nsh_time_limits_wait(&limits), 1, 30 * SECOND);
}

static void test_idle(void **state)
{
	struct time_limits limits;

	(void)state;
	type_at(1000000);
	start(&limits, "none", "10m");
	assert_false(go_on(&limits, 6 * MINUTE));
	assert_shows("in 5 minutes: idle_max = 10m");
	assert_false(go_on(&limits, 4 * MINUTE - SECOND));
	assert_shows("in 1 minute:");
	/* Not before, and no later than by one look at the terminals and by what the kernel does not note. */
	assert_true(go_on(&limits, SECOND + 30 * SECOND + 8 * SECOND));
	assert_shows("this session ends now: idle_max = 10m");
}

static void test_idle_begins_anew_with_input(void **state)
{
	struct time_limits limits;

	(void)state;
	type_at(1000000);
	start(&limits, "none", "10m");
	for (int i = 1; i <= 20; i++) {
		assert_false(go_on(&limits, 9 * MINUTE + 40 * SECOND));
		assert_shows("in 1 minute:");
		type_at(1000000 + i);
	}
	/* And with it the warnings. */
	assert_false(go_on(&limits, 9 * MINUTE));
	assert_shows("in 5 minutes:");
	assert_true(go_on(&limits, 2 * MINUTE));
}

/* The kernel notes no more than one input in eight seconds (tty_update_time): the last of them counts. */
static void test_input_that_is_not_noted(void **state)
{
	struct time_limits limits;

	(void)state;
	type_at(1000000);
	start(&limits, "none", "3s");
	assert_false(go_on(&limits, 2 * SECOND));
	type_at(1000008);
	/* Here the last key is pressed. */
	assert_false(go_on(&limits, 8 * SECOND - 1));
	assert_false(go_on(&limits, 3 * SECOND));
	assert_true(go_on(&limits, 2 * SECOND));
}

/* The wall clock is set back and forth, by days: what was typed then counts, and nothing ends early or goes on for ever. */
static void test_wall_clock(void **state)
{
	static const time_t times[] = {1000000, 900000, 2000000, 1, 2000000000, 1000000};
	struct time_limits limits;

	(void)state;
	type_at(1500000);
	start(&limits, "none", "10m");
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		assert_false(go_on(&limits, 9 * MINUTE));
		type_at(times[i]);
	}
	assert_false(go_on(&limits, 10 * MINUTE - SECOND));
	assert_true(go_on(&limits, MINUTE));
}

/* What programs print is no input, nor are our own warnings. */
static void test_output_is_no_input(void **state)
{
	struct time_limits limits;
	bool over = false;
	int minutes = 0;

	(void)state;
	type_at(1000000);
	start(&limits, "none", "10m");
	for (; minutes < 20 && !over; minutes++) {
		assert_int_equal(write(terminal, "output\n", 7), 7);
		over = go_on(&limits, MINUTE);
		screen();
	}
	assert_in_range(minutes, 10, 11);
}

/* There is none to miss. */
static void test_idle_without_a_terminal(void **state)
{
	struct time_limits limits;

	(void)state;
	assert_int_equal(fchown(terminal, 0, (gid_t)-1), 0);
	start(&limits, "none", "10m");
	assert_false(go_on(&limits, 24 * HOUR));
	assert_shows_nothing();
	/* One that is opened then is looked at from then on. */
	assert_int_equal(fchown(terminal, getuid(), (gid_t)-1), 0);
	assert_false(go_on(&limits, 9 * MINUTE));
	assert_true(go_on(&limits, 2 * MINUTE));
}

/* Whichever is first. */
static void test_both(void **state)
{
	struct time_limits limits;

	(void)state;
	start(&limits, "1h", "50m");
	assert_false(go_on(&limits, 49 * MINUTE));
	assert_shows("idle_max = 50m");
	assert_true(go_on(&limits, 2 * MINUTE));
	start(&limits, "1h", "50m");
	assert_false(go_on(&limits, 40 * MINUTE));
	type_at(3000000);
	assert_false(go_on(&limits, 20 * MINUTE - 1));
	assert_shows("runtime_max = 1h");
	assert_true(go_on(&limits, 1));
}

/* Somebody has stopped the terminal's output (Ctrl-S): nothing waits for that. */
static void test_stopped_terminal(void **state)
{
	struct time_limits limits;

	(void)state;
	start(&limits, "1h", "none");
	assert_int_equal(tcflow(terminal, TCOOFF), 0);
	alarm(10);
	assert_false(go_on(&limits, HOUR - 1));
	assert_true(go_on(&limits, 1));
	alarm(0);
	tcflow(terminal, TCOON);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_none),
		TEST(test_runtime_warnings),
		TEST(test_short_runtime),
		TEST(test_sleep_beyond_the_end),
		TEST(test_sleep_into_the_last_minutes),
		TEST(test_sleep_after_the_last_warning),
		TEST(test_waits_are_short),
		TEST(test_idle),
		TEST(test_idle_begins_anew_with_input),
		TEST(test_input_that_is_not_noted),
		TEST(test_wall_clock),
		TEST(test_output_is_no_input),
		TEST(test_idle_without_a_terminal),
		TEST(test_both),
		TEST(test_stopped_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
