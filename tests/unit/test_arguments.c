/* SPDX-License-Identifier: MIT */
/*
 * The arguments of pam_nsshell.so. An unknown or invalid one is an error (promise 1), but what the
 * others say is known all the same: the way back in, exempt_group, does not depend on it.
 */
#include "tests/unit/unit.h"

#include "pam_module/module_arguments.h"

#define MOST 4

static struct nsh_arguments read_list(const char *const list[MOST])
{
	struct nsh_arguments arguments;
	const char *argv[MOST + 1] = {NULL};
	int argc = 0;

	memset(&arguments, 0xff, sizeof(arguments));
	while (argc < MOST && list[argc]) {
		argv[argc] = list[argc];
		argc++;
	}
	nsh_arguments_read(&arguments, argc, argv);
	return arguments;
}

static void same_text(const char *text, const char *expected)
{
	if (expected)
		assert_string_equal(text, expected);
	else
		assert_null(text);
}

static void test_all(void **state)
{
	static const struct {
		const char *list[MOST];
		struct nsh_arguments expected;
	} samples[] = {
		{{NULL}, {.timeout = NSH_TIMEOUT_DEFAULT}},
		{{"debug"}, {.timeout = NSH_TIMEOUT_DEFAULT, .debug = true}},
		{{"timeout=1"}, {.timeout = 1}},
		{{"timeout=010"}, {.timeout = 10}},
		{{"timeout=600"}, {.timeout = NSH_TIMEOUT_MAX}},
		{{"exempt_group=a"}, {.timeout = NSH_TIMEOUT_DEFAULT, .exempt_group = "a"}},
		{{"exempt_group=a=b c"}, {.timeout = NSH_TIMEOUT_DEFAULT, .exempt_group = "a=b c"}},
		{{"debug", "exempt_group=wheel", "timeout=7"},
		 {.timeout = 7, .debug = true, .exempt_group = "wheel"}},
		{{"timeout=7", "exempt_group=wheel", "debug"},
		 {.timeout = 7, .debug = true, .exempt_group = "wheel"}},
		/* The last counts, as everywhere in PAM. */
		{{"timeout=7", "timeout=8", "exempt_group=a", "exempt_group=b"},
		 {.timeout = 8, .exempt_group = "b"}},
		/* The first invalid one is named, and what is behind it is read. */
		{{"x", "y", "exempt_group=wheel", "timeout=7"},
		 {.timeout = 7, .exempt_group = "wheel", .invalid = "x"}},
		{{"timeout=0", "exempt_group=wheel", "debug"},
		 {.timeout = NSH_TIMEOUT_DEFAULT,
		  .debug = true,
		  .exempt_group = "wheel",
		  .invalid = "timeout=0"}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
		struct nsh_arguments arguments = read_list(samples[i].list);

		same_text(arguments.exempt_group, samples[i].expected.exempt_group);
		same_text(arguments.invalid, samples[i].expected.invalid);
		assert_int_equal(arguments.timeout, samples[i].expected.timeout);
		assert_int_equal(arguments.debug, samples[i].expected.debug);
	}
}

static void test_invalid(void **state)
{
	static const char *const bads[] = {
		"",
		" ",
		"=",
		"debug=",
		"debug=1",
		"Debug",
		"debugs",
		"debu",
		" debug",
		"debug ",
		"nodebug",
		"timeout",
		"timeout=",
		"timeout=0",
		"timeout=000",
		"timeout=601",
		"timeout=999",
		"timeout=1000",
		"timeout=0001",
		"timeout=-1",
		"timeout=+1",
		"timeout= 1",
		"timeout=1 ",
		"timeout=1s",
		"timeout=0x1",
		"timeout=1.5",
		"timeout=1\n",
		"timeout=ten",
		"timeouts=1",
		"Timeout=1",
		"time=1",
		"exempt_group",
		"exempt_group=",
		"exempt-group=a",
		"exempt_groups=a",
		"Exempt_group=a",
		"group=a",
		"use_uid",
		"\xff",
		"%s%n",
		"timeout=4294967297",
		"timeout=18446744073709551617",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bads) / sizeof(*bads); i++) {
		const char *const list[MOST] = {"debug", bads[i]};
		struct nsh_arguments arguments = read_list(list);

		if (!arguments.invalid)
			fail_msg("\"%s\" was taken", bads[i]);
		assert_ptr_equal(arguments.invalid, bads[i]);
		assert_null(arguments.exempt_group);
		assert_in_range(arguments.timeout, 1, NSH_TIMEOUT_MAX);
		assert_true(arguments.debug);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_invalid),
	};

	return cmocka_run_group_tests_name("arguments", tests, NULL, NULL);
}
