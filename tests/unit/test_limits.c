/* SPDX-License-Identifier: MIT */
/* Sizes, shares, times, and what a policy's limits come to. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsshell/limits.h"
#include "nsshell/size.h"
#include "tests/unit/unit.h"

static void test_size(void **state)
{
	static const struct {
		const char *text;
		uint64_t size;
	} good[] = {
		{"0", 0},
		{"1", 1},
		{"0K", 0},
		{"64K", 65536},
		{"3M", 3U << 20},
		{"2G", 2ULL << 30},
		{"1T", 1ULL << 40},
		{"9223372036854775799", 9223372036854775799ULL},
		{"8388607T", 8388607ULL << 40},
	};
	static const char *const bad[] = {
		"",
		"K",
		"-1",
		"+1",
		"1k",
		"1KB",
		"1 K",
		" 1",
		"1.5G",
		"010",
		"0x10",
		"00K",
		"1E",
		"1%",
		"9223372036854775808",
		"8388608T",
		"99999999999999999999999",
		"18446744073709551617",
	};
	uint64_t size;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_true(nsh_size_parse(good[i].text, &size));
		assert_int_equal(size, good[i].size);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(nsh_size_parse(bad[i], &size));
}

static void test_percent(void **state)
{
	static const char *const bad[] = {"",     "%",   "0%",  "100001%", "1",
					  "1.5%", "01%", "-1%", "1%%",     "1 %"};
	uint32_t percent;

	(void)state;
	assert_true(nsh_percent_parse("1%", &percent));
	assert_int_equal(percent, 1);
	assert_true(nsh_percent_parse("100000%", &percent));
	assert_int_equal(percent, 100000);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(nsh_percent_parse(bad[i], &percent));
}

static void test_time(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {
		{"1s", 1000},
		{"90s", 90000},
		{"30m", 1800000},
		{"8h", INT64_C(28800000)},
		{"7d", INT64_C(604800000)},
		{"3650d", INT64_C(315360000000)},
		{"87600h", INT64_C(315360000000)},
		{"5256000m", INT64_C(315360000000)},
		{"315360000s", INT64_C(315360000000)},
	};
	static const char *const bad[] = {
		"",
		"s",
		"0s",
		"0d",
		"1",
		"-1s",
		"+1s",
		" 1s",
		"1 s",
		"1S",
		"1ms",
		"1h30m",
		"1.5h",
		"08h",
		"0x1s",
		"1w",
		"1M",
		"none",
		"3651d",
		"87601h",
		"5256001m",
		"315360001s",
		"18446744073709551617s",
		"213503982335d", /* 2^64 ms and some */
		"99999999999999999999999s",
	};
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_true(nsh_time_parse(good[i].text, &ms));
		assert_int_equal(ms, good[i].ms);
		assert_int_equal(nsh_time_of(good[i].text), good[i].ms);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (nsh_time_parse(bad[i], &ms))
			fail_msg("\"%s\" was taken", bad[i]);
	assert_int_equal(nsh_time_of("none"), 0);
}

static void test_memory(void **state)
{
	struct sysinfo machine;
	uint64_t all;

	(void)state;
	sysinfo(&machine);
	all = (uint64_t)machine.totalram * machine.mem_unit;
	assert_int_equal(nsh_memory_amount("keep"), 0);
	assert_int_equal(nsh_memory_amount("16M"), 16U << 20);
	assert_int_equal(nsh_memory_amount("100%"), all / 100 * 100);
	assert_int_equal(nsh_memory_amount("1%"), all / 100);
}

static struct nsh_policy policy_of(const char *const texts[NSH_KEY_COUNT])
{
	struct nsh_policy policy = {0};

	for (int i = 0; i < NSH_KEY_COUNT; i++)
		policy.settings[i].text = (char *)(texts[i] ? texts[i] : nsh_keys[i].preset);
	return policy;
}

static void test_cgroup(void **state)
{
	const char *const some[NSH_KEY_COUNT] = {
		[NSH_KEY_LIMITS_MEMORY_MAX] = "1G",
		[NSH_KEY_LIMITS_TASKS_MAX] = "100",
		[NSH_KEY_LIMITS_CPU_MAX] = "150%",
	};
	const char *const none[NSH_KEY_COUNT] = {NULL};
	struct nsh_policy policy = policy_of(none);
	struct nsh_cgroup_limits limits;

	(void)state;
	assert_false(nsh_cgroup_limits_make(&limits, &policy));
	assert_int_equal(limits.memory + limits.tasks + limits.cpu, 0);
	policy = policy_of(some);
	assert_true(nsh_cgroup_limits_make(&limits, &policy));
	assert_int_equal(limits.memory, 1 << 30);
	assert_int_equal(limits.tasks, 100);
	assert_int_equal(limits.cpu, 150);
	assert_string_equal(nsh_cgroup_limits_key(&limits), "memory_max");
}

/* More than 32 bits are not taken for less, or for none. */
static void test_many_tasks(void **state)
{
	static const char *const many[] = {"4194305", "4294967296", "4294967305", "8388607T"};

	(void)state;
	for (size_t i = 0; i < sizeof(many) / sizeof(*many); i++) {
		const char *const some[NSH_KEY_COUNT] = {[NSH_KEY_LIMITS_TASKS_MAX] = many[i]};
		struct nsh_policy policy = policy_of(some);
		struct nsh_cgroup_limits limits;

		assert_true(nsh_cgroup_limits_make(&limits, &policy));
		assert_int_equal(limits.tasks, 4194304);
		assert_string_equal(nsh_cgroup_limits_key(&limits), "tasks_max");
	}
}

static int take_and_check(const struct nsh_rlimits *limits)
{
	struct rlimit now;
	struct rlimit low = {.rlim_cur = 20, .rlim_max = 40};

	setrlimit(RLIMIT_FSIZE, &low);
	if (nsh_rlimits_apply(limits) < 0 || getrlimit(RLIMIT_NPROC, &now) < 0 ||
	    now.rlim_max != 64)
		return 1;
	if (getrlimit(RLIMIT_FSIZE, &now) < 0 || now.rlim_cur != 20 || now.rlim_max != 30)
		return 2;
	return 0;
}

/*
 * Limits are only ever lowered, and the soft one with the hard one. Not core files, of which sudo(8) leaves none, nor open
 * files, of which valgrind keeps some.
 */
static void test_rlimits(void **state)
{
	const char *const some[NSH_KEY_COUNT] = {
		[NSH_KEY_LIMITS_FSIZE] = "30",
		[NSH_KEY_LIMITS_NPROC] = "64",
	};
	struct nsh_policy policy = policy_of(some);
	struct nsh_rlimits limits;
	int status;
	pid_t pid;

	(void)state;
	nsh_rlimits_make(&limits, &policy);
	pid = fork();
	if (pid == 0)
		_exit(take_and_check(&limits));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	limits.value[3] = 1000; /* more than the process has */
	pid = fork();
	if (pid == 0)
		_exit(take_and_check(&limits) == 2 ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int take_realtime_and_check(const struct nsh_rlimits *limits, bool is_kept)
{
	struct rlimit high = {.rlim_cur = 5, .rlim_max = 9};
	struct rlimit now;

	/* Whoever may not raise it has 0 as a rule, which says nothing either way. */
	if (setrlimit(RLIMIT_RTPRIO, &high) < 0)
		return errno == EPERM ? 0 : 1;
	if (nsh_rlimits_apply(limits) < 0 || getrlimit(RLIMIT_RTPRIO, &now) < 0)
		return 2;
	if (is_kept)
		return now.rlim_cur == 5 && now.rlim_max == 9 ? 0 : 3;
	return now.rlim_cur == 0 && now.rlim_max == 0 ? 0 : 4;
}

/* A share of the processors is one of the time that real-time processes leave: with cpu_max there are none. */
static void test_realtime(void **state)
{
	static const char *const texts[] = {NULL, "150%"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		const char *const some[NSH_KEY_COUNT] = {[NSH_KEY_LIMITS_CPU_MAX] = texts[i]};
		struct nsh_policy policy = policy_of(some);
		struct nsh_rlimits limits;
		int status;
		pid_t pid;

		nsh_rlimits_make(&limits, &policy);
		assert_int_equal(limits.set[4], texts[i] != NULL);
		assert_int_equal(limits.value[4], 0);
		pid = fork();
		if (pid == 0)
			_exit(take_realtime_and_check(&limits, !texts[i]));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size),    cmocka_unit_test(test_percent),
		cmocka_unit_test(test_time),    cmocka_unit_test(test_memory),
		cmocka_unit_test(test_cgroup),  cmocka_unit_test(test_many_tasks),
		cmocka_unit_test(test_rlimits), cmocka_unit_test(test_realtime),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
