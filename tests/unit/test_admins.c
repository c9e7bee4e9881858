/* SPDX-License-Identifier: MIT */
/*
 * The last administrator who could log in. Accounts are made up; nothing of the machine's is asked.
 */
#include "tests/unit/unit.h"

#include "ctl/admins.h"

#define ALL .power = NSH_POWER_ALL
#define UNASKED .power = NSH_POWER_UNASKED
#define SHELL .real_shell = true
#define KEYS .keys = true, .keys_count = true

static const struct nsh_admin ann = {.uid = 1000, ALL, SHELL, .password = true};

static void test_remains(void **state)
{
	static const struct {
		const char *what;
		struct nsh_admin admin;
		bool remains;
	} cases[] = {
		{"password", {ALL, SHELL, .password = true}, true},
		{"keys", {UNASKED, SHELL, KEYS}, true},
		{"keys, and sudo asks for a password", {ALL, SHELL, KEYS}, false},
		{"neither", {UNASKED, SHELL}, false},
		{"keys that sshd does not take", {UNASKED, SHELL, .keys = true}, false},
		{"refused", {UNASKED, SHELL, .password = true, KEYS, .refused = true}, false},
		{"no shell", {ALL, .password = true, KEYS}, false},
		{"expired", {ALL, SHELL, .password = true, KEYS, .expired = true}, false},
		{"some commands", {.power = NSH_POWER_SOME, SHELL, .password = true, KEYS}, false},
		{"no administrator", {SHELL, .password = true, KEYS}, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (nsh_admin_remains(&cases[i].admin) != cases[i].remains)
			fail_msg("%s", cases[i].what);
}

static void test_needed(void **state)
{
	const struct nsh_admin locked_root = {.uid = 0, ALL, SHELL};
	const struct nsh_admin root = {.uid = 0, ALL, SHELL, .password = true};
	const struct nsh_admin ben = {.uid = 1001, UNASKED, SHELL, KEYS};
	const struct nsh_admin confined = {.uid = 1002, ALL, .password = true};
	const struct nsh_admin student = {.uid = 1003, SHELL, .password = true};

	(void)state;
	assert_true(nsh_admins_need((const struct nsh_admin[]){ann}, 1, 1000));
	assert_true(nsh_admins_need((const struct nsh_admin[]){locked_root, ann}, 2, 1000));
	assert_true(nsh_admins_need((const struct nsh_admin[]){ann, confined, student}, 3, 1000));
	assert_false(nsh_admins_need((const struct nsh_admin[]){root, ann}, 2, 1000));
	assert_false(nsh_admins_need((const struct nsh_admin[]){ann, ben, locked_root}, 3, 1000));
	assert_false(nsh_admins_need((const struct nsh_admin[]){ann, student}, 2, 1003));
	assert_false(nsh_admins_need(NULL, 0, 1000));
}

/* One with a few commands is not to be locked out either, however little is known of how they log in. */
static void test_needed_with_little_power(void **state)
{
	const struct nsh_admin some = {.uid = 1000, .power = NSH_POWER_SOME};

	(void)state;
	assert_true(nsh_admins_need(&some, 1, 1000));
	assert_false(nsh_admins_need(
		(const struct nsh_admin[]){some, {.uid = 1, UNASKED, SHELL, KEYS}}, 2, 1000));
}

/* The same account twice in the list is no other administrator. */
static void test_same_account(void **state)
{
	(void)state;
	assert_true(nsh_admins_need((const struct nsh_admin[]){ann, ann}, 2, 1000));
}

static void test_sudo(void **state)
{
#define RULES "User ann may run the following commands on lab:\n"
#define MAY "Matching Defaults\n\n" RULES
#define DEFAULTS(text) "Matching Defaults entries for ann on lab:\n    " text "\n\n" RULES
	static const struct {
		const char *text;
		enum nsh_power power;
	} cases[] = {
		{"User ann is not allowed to run sudo on lab.\n", NSH_POWER_NONE},
		{MAY "    (ALL : ALL) ALL\n", NSH_POWER_ALL},
		{MAY "    (ALL) NOPASSWD: ALL\n", NSH_POWER_UNASKED},
		{MAY "    (root) /usr/bin/apt\n    (root) ALL", NSH_POWER_ALL},
		{MAY "    (ALL : ALL) ALL\n    (ALL) NOPASSWD: ALL\n", NSH_POWER_UNASKED},
		{MAY "    (ALL) NOPASSWD: ALL\n    (ALL : ALL) ALL\n", NSH_POWER_ALL},
		{MAY "    (root) /usr/bin/apt\n", NSH_POWER_SOME},
		{MAY "    (ben) ALL\n", NSH_POWER_SOME},
		{MAY "    (ALL : ALL) ALL, !/usr/bin/su\n", NSH_POWER_SOME},
		{MAY "    (ALL : ALL) !/bin/sh, ALL\n", NSH_POWER_SOME},
		{MAY "    (ALL) ALL, !/bin/sh, !/usr/bin/bash,\n        !/usr/bin/su\n",
		 NSH_POWER_SOME},
		{MAY "    (ALL) ALL\n    (ALL) !ALL\n", NSH_POWER_SOME},
		{MAY "    (ALL) NOPASSWD: ALL\n    (root) !/bin/sh\n", NSH_POWER_SOME},
		{MAY "    (ALL) !ALL\n    (ALL) ALL\n", NSH_POWER_ALL},
		{MAY "    (ALL) NOTAFTER=20200101000000Z ALL\n", NSH_POWER_SOME},
		{MAY "    (ALL) NOEXEC: NOPASSWD: ALL\n", NSH_POWER_UNASKED},
		{MAY "    (ALL) NOPASSWD: /bin/ls ALL\n", NSH_POWER_SOME},
		{DEFAULTS("env_reset, targetpw") "    (ALL) ALL\n", NSH_POWER_SOME},
		{DEFAULTS("env_reset,\n    rootpw") "    (ALL) ALL\n", NSH_POWER_SOME},
		{DEFAULTS("targetpw") "    (ALL) NOPASSWD: ALL\n", NSH_POWER_UNASKED},
		{DEFAULTS("!targetpw, !rootpw, !runaspw") "    (ALL) ALL\n", NSH_POWER_ALL},
		{DEFAULTS("env_reset") "    (ALL) ALL\n", NSH_POWER_ALL},
		{MAY, NSH_POWER_SOME},
		{"sudo: error in /etc/sudoers\n", NSH_POWER_SOME},
		{"", NSH_POWER_SOME},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (nsh_sudo_power(cases[i].text) != cases[i].power)
			fail_msg("%s", cases[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_remains),
		cmocka_unit_test(test_needed),
		cmocka_unit_test(test_needed_with_little_power),
		cmocka_unit_test(test_same_account),
		cmocka_unit_test(test_sudo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
