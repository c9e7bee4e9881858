/* SPDX-License-Identifier: MIT */
/*
 * The real shell's command line and environment. Promise 6: what sshd, su and login ask for is what
 * the shell gets.
 */
#include "tests/unit/environment.h"
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "shell/command.h"
#include "nsshell/environment.h"

struct sample {
	const char *given[6];
	const char *made[6];
	bool interactive;
};

static void test_arguments(void **state)
{
	static const struct sample samples[] = {
		{{"-nsshell"}, {"-bash"}, true},
		{{"-su"}, {"-bash"}, true},
		{{"nsshell"}, {"bash"}, true},
		{{"/usr/bin/nsshell", "-l"}, {"-bash"}, true},
		{{"nsshell", "--login", "-c", "x"}, {"-bash", "-c", "x"}, false},
		{{"nsshell", "-c", "-l"}, {"bash", "-c", "-l"}, false},
		{{"nsshell", "-c", "a b", "c", "-l"}, {"bash", "-c", "a b", "c", "-l"}, false},
		{{"-su", "-c", "x", "y"}, {"-bash", "-c", "x", "y"}, false},
		{{"nsshell", "-i"}, {"bash", "-i"}, true},
		{{"nsshell", "-lc", "x"}, {"bash", "-lc", "x"}, false},
		{{"nsshell", "script"}, {"bash", "script"}, false},
		{{"nsshell", ""}, {"bash", ""}, false},
		{{NULL}, {"bash"}, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
		struct command command;
		struct nsh_err err;
		int argc = 0;

		while (samples[i].given[argc])
			argc++;
		assert_int_equal(nsh_command_make(&command, "/usr/bin/bash", argc,
						  (char **)samples[i].given, &err),
				 0);
		for (int j = 0; samples[i].made[j]; j++) {
			assert_non_null(command.argv[j]);
			assert_string_equal(command.argv[j], samples[i].made[j]);
			if (!samples[i].made[j + 1])
				assert_null(command.argv[j + 1]);
		}
		assert_int_equal(command.interactive, samples[i].interactive);
		free(command.argv[0]);
		free(command.argv);
	}
}

static void test_check(void **state)
{
	struct nsh_err err;

	(void)state;
	assert_int_equal(nsh_command_verify("/bin/sh", &err), 0);
	assert_int_equal(nsh_command_verify("/no/such", &err), -2);
	assert_int_equal(nsh_command_verify("/tmp", &err), -21);
	assert_says(&err, "is a folder");
	assert_int_equal(nsh_command_verify("/etc/passwd", &err), -13);
	assert_int_equal(nsh_command_verify("/dev/null", &err), -13);
	assert_int_equal(nsh_command_verify("/proc/self/exe", &err), -40);
	assert_says(&err, "is nsshell itself");
}

static void set_text(struct nsh_policy *policy, enum nsh_key_id id, const char *text)
{
	policy->settings[id].text = (char *)text;
}

static void test_environment(void **state)
{
	static char *const outside[] = {
		(char *)"HOME=/home/ann",   (char *)"LANG=C",
		(char *)"LC_ALL=x",         (char *)"LD_PRELOAD=/x.so",
		(char *)"SECRET=1",         (char *)"SHELL=/evil",
		(char *)"container=docker", (char *)"NSSHELL_SESSION=forged",
		(char *)"novalue",          NULL,
	};
	struct nsh_policy policy = {0};
	char **made;

	(void)state;
	set_text(&policy, NSH_KEY_SHELL_PROGRAM, "/bin/zsh");
	set_text(&policy, NSH_KEY_ENV_KEEP, "LC_*, LD_*, LANG");
	set_text(&policy, NSH_KEY_ENV_UNSET, "LD_*");
	set_text(&policy, NSH_KEY_ENV_SET, "LANG=de, NEW=a=b");
	made = nsh_environment_make(&policy, outside, "0123456789abcdef");
	assert_non_null(made);
	assert_string_equal(nsh_environment_get(made, "HOME"), "/home/ann");
	assert_string_equal(nsh_environment_get(made, "LC_ALL"), "x");
	assert_null(nsh_environment_get(made, "LD_PRELOAD"));
	assert_null(nsh_environment_get(made, "SECRET"));
	assert_string_equal(nsh_environment_get(made, "LANG"), "de");
	assert_string_equal(nsh_environment_get(made, "NEW"), "a=b");
	assert_string_equal(nsh_environment_get(made, "SHELL"), "/bin/zsh");
	assert_string_equal(nsh_environment_get(made, "container"), "nsshell");
	assert_string_equal(nsh_environment_get(made, "NSSHELL_SESSION"), "0123456789abcdef");
	free_environment(made, outside);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_environment),
	};

	return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
