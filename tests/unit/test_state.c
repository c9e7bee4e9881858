/* SPDX-License-Identifier: MIT */
/*
 * Trials of login shells: when they are over, and that a record is what was written or nothing.
 */
#include "tests/unit/unit.h"

#include <inttypes.h>
#include <stdio.h>

#include "ctl/state.h"

#define BOOT "6f9a1c3e-0000-4000-8000-0123456789ab"
#define OTHER "11111111-0000-4000-8000-0123456789ab"

static const struct nsh_shell_trial trial = {.begin = {BOOT, 1000, 1700000000}, .seconds = 600};

static void test_over(void **state)
{
	static const struct {
		struct nsh_moment now;
		bool over;
	} cases[] = {
		{{BOOT, 1000, 1700000000}, false},
		{{BOOT, 1599, 1700000599}, false},
		{{BOOT, 1600, 1700000600}, true},
		/* The clock was set: it does not count. */
		{{BOOT, 1599, 1900000000}, false},
		{{BOOT, 1600, 1000}, true},
		/* Another start of the machine: it does, and "up" does not. */
		{{OTHER, 10, 1700000599}, false},
		{{OTHER, 99999, 1700000599}, false},
		{{OTHER, 10, 1700000600}, true},
		/* A clock that lost the time: at once. */
		{{OTHER, 10, 1699999999}, true},
		{{OTHER, 10, 0}, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (nsh_shell_trial_is_over(&trial, &cases[i].now) != cases[i].over)
			fail_msg("case %zu", i);
}

static void test_no_trial(void **state)
{
	const struct nsh_shell_trial none = {0};
	const struct nsh_moment now = {BOOT, 1000, 1700000000};

	(void)state;
	assert_false(nsh_shell_trial_is_over(&none, &now));
}

static void test_durations(void **state)
{
	static const char *const bads[] = {
		"",   "10",  "m",   "10x", "-1m", "10mm",         "1.5h",
		"0s", "31d", " 1m", "1m ", "1 m", "99999999999d", "0x1m"};
	int64_t seconds;

	(void)state;
	assert_true(nsh_duration_parse("1s", &seconds) && seconds == 1);
	assert_true(nsh_duration_parse("10m", &seconds) && seconds == 600);
	assert_true(nsh_duration_parse("2h", &seconds) && seconds == 7200);
	assert_true(nsh_duration_parse("30d", &seconds) && seconds == 2592000);
	for (size_t i = 0; i < sizeof(bads) / sizeof(*bads); i++)
		if (nsh_duration_parse(bads[i], &seconds))
			fail_msg("\"%s\"", bads[i]);
}

static void assert_same(const struct nsh_record *record)
{
	struct nsh_record read;
	char text[2048];

	assert_in_range(nsh_record_format(record, text, sizeof(text)), 1, sizeof(text) - 1);
	assert_true(nsh_record_parse(text, &read));
	assert_int_equal(read.uid, record->uid);
	assert_string_equal(read.shell, record->shell);
	assert_int_equal(read.trial.seconds, record->trial.seconds);
	assert_string_equal(read.trial.begin.boot, record->trial.begin.boot);
	assert_int_equal(read.trial.begin.up, record->trial.begin.up);
	assert_int_equal(read.trial.begin.wall, record->trial.begin.wall);
}

static void test_records(void **state)
{
	struct nsh_record record = {.uid = 1001, .shell = "/bin/bash"};

	(void)state;
	assert_same(&record);
	record.trial = trial;
	assert_same(&record);
	strcpy(record.shell, "");
	assert_same(&record);
	strcpy(record.shell, "/opt/a shell with\ttrial 5");
	assert_same(&record);
	memset(record.shell, 'x', sizeof(record.shell) - 1);
	assert_same(&record);
}

/* Cut at any byte it is none: then the shell is not taken for another. */
static void test_cut_records(void **state)
{
	struct nsh_record record = {.uid = 1001, .shell = "/bin/bash", .trial = trial};
	struct nsh_record read;
	char text[2048];
	size_t len = nsh_record_format(&record, text, sizeof(text));
	size_t without_trial = (size_t)(strstr(text, "trial") - text);

	(void)state;
	for (size_t cut = 0; cut < len; cut++) {
		char part[2048] = "";

		memcpy(part, text, cut);
		if (nsh_record_parse(part, &read) != (cut == without_trial))
			fail_msg("cut after %zu bytes", cut);
	}
	strcat(text, "x");
	assert_false(nsh_record_parse(text, &read));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_over),        cmocka_unit_test(test_no_trial),
		cmocka_unit_test(test_durations),   cmocka_unit_test(test_records),
		cmocka_unit_test(test_cut_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
