/* SPDX-License-Identifier: MIT */
/* What a limit is in the files of a control group, and where a process is. */
#include <stdio.h>
#include <unistd.h>

#include "sandbox/cgroup.h"
#include "sandbox/path.h"
#include "tests/unit/unit.h"

static const struct nsh_cgroup_limits all = {.memory = 200 << 20, .tasks = 64, .cpu = 50};
static const struct nsh_cgroup_limits none = {0};

static size_t control(const char *file)
{
	for (size_t i = 0; i < NSH_CONTROLS; i++)
		if (!strcmp(nsh_controls[i].file, file))
			return i;
	fail_msg("%s is not written", file);
	return 0;
}

static void test_text(void **state)
{
	static const struct {
		const char *file;
		const char *text;
	} files[] = {
		{"memory.max", "209715200"},
		{"memory.swap.max", "0"},
		{"pids.max", "64"},
		{"cpu.max", "50000 100000"},
	};
	char text[NSH_CONTROL_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		size_t which = control(files[i].file);

		assert_true(nsh_control_text(text, which, &all));
		assert_string_equal(text, files[i].text);
		assert_true(nsh_control_holds(text, which, &all));
		assert_false(nsh_control_text(text, which, &none));
	}
}

static void test_holds(void **state)
{
	static const struct {
		const char *file;
		const char *text;
		bool holds;
	} cases[] = {
		{"memory.max", "209715200\n", true},
		{"memory.max", "4096\n", true},
		{"memory.max", "209715201\n", false},
		{"memory.max", "max\n", false},
		{"memory.max", "", false},
		{"memory.swap.max", "0\n", true},
		{"memory.swap.max", "4096\n", false},
		{"memory.swap.max", "max\n", false},
		{"pids.max", "64\n", true},
		{"pids.max", "65\n", false},
		{"pids.max", "max\n", false},
		{"cpu.max", "50000 100000\n", true},
		{"cpu.max", "5000 10000\n", true},
		{"cpu.max", "50001 100000\n", false},
		{"cpu.max", "50000 99999\n", false},
		{"cpu.max", "max 100000\n", false},
		{"cpu.max", "50000\n", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t which = control(cases[i].file);

		assert_int_equal(nsh_control_holds(cases[i].text, which, &all), cases[i].holds);
		assert_true(nsh_control_holds(cases[i].text, which, &none));
	}
}

static void test_has_word(void **state)
{
	static const char has[] = "cpuset cpu io memory hugetlb\n";

	(void)state;
	assert_true(nsh_cgroup_has_word(has, "cpu"));
	assert_true(nsh_cgroup_has_word(has, "cpuset"));
	assert_true(nsh_cgroup_has_word(has, "hugetlb"));
	assert_false(nsh_cgroup_has_word(has, "mem"));
	assert_false(nsh_cgroup_has_word(has, "pids"));
	assert_false(nsh_cgroup_has_word("\n", "cpu"));
	assert_false(nsh_cgroup_has_word("", "cpu"));
}

/* A name that only begins alike is another one. */
static void test_is_in(void **state)
{
	static const char scope[] = "/user.slice/user-1.slice/session-3.scope";

	(void)state;
	assert_true(nsh_path_around(scope, scope));
	assert_true(nsh_path_around(scope, "/user.slice/user-1.slice/session-3.scope/a/b"));
	assert_false(nsh_path_around(scope, "/user.slice/user-1.slice/session-3.scope2"));
	assert_false(nsh_path_around(scope, "/user.slice/user-1.slice/session-33.scope"));
	assert_false(nsh_path_around(scope, "/user.slice/user-1.slice"));
	assert_false(nsh_path_around(scope, "/"));
}

static void test_find(void **state)
{
	char path[NSH_CGROUP_MAX];
	struct nsh_err err;

	(void)state;
	assert_int_equal(nsh_cgroup_find(getpid(), path, &err), 0);
	assert_int_equal(path[0], '/');
	assert_null(strchr(path, '\n'));
	assert_true(nsh_cgroup_find(0x7ffffffe, path, &err) < 0);
	assert_int_equal(err.reason, NSH_REASON_LIMITS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),     cmocka_unit_test(test_holds),
		cmocka_unit_test(test_has_word), cmocka_unit_test(test_is_in),
		cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
