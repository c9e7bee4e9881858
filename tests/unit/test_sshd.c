/* SPDX-License-Identifier: MIT */
/*
 * What sshd's configuration says, and whom it lets in by a key.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "ctl/sshd.h"

static const char usual[] = "port 22\npubkeyauthentication yes\npermitrootlogin without-password\n"
			    "authorizedkeysfile .ssh/authorized_keys .ssh/authorized_keys2\n"
			    "authenticationmethods any\n";

/* The group is one that every machine has. */
static gid_t groups[] = {0};
static const struct nsh_user ann = {
	.uid = 1000, .name = (char *)"ann", .groups = groups, .n_groups = 1};
static const struct nsh_user root = {
	.uid = 0, .name = (char *)"root", .groups = groups, .n_groups = 1};

static void test_next(void **state)
{
	static const char text[] = "ports 1\nPort 22\nport 2222\nport\n";
	const char *at = text;
	char value[8];

	(void)state;
	assert_true(nsh_sshd_next(&at, "port", value, sizeof(value)));
	assert_string_equal(value, "22");
	assert_true(nsh_sshd_next(&at, "port", value, sizeof(value)));
	assert_string_equal(value, "2222");
	assert_false(nsh_sshd_next(&at, "port", value, sizeof(value)));
	assert_true(nsh_sshd_is(text, "port", "22"));
	assert_false(nsh_sshd_is(text, "port", "2222"));
	assert_false(nsh_sshd_is("", "port", "22"));
}

/* Lines in front of the usual ones; the first of a keyword counts. */
static void test_keys(void **state)
{
	static const struct {
		const char *more;
		bool takes;
		bool takes_root;
	} cases[] = {
		{"", true, true},
		{"pubkeyauthentication no\n", false, false},
		{"permitrootlogin no\n", true, false},
		{"permitrootlogin forced-commands-only\n", true, false},
		{"permitrootlogin yes\n", true, true},
		{"authorizedkeysfile /etc/ssh/keys/%u\n", false, false},
		{"authorizedkeysfile none\n", false, false},
		{"authorizedkeysfile /etc/ssh/keys/%u %h/.ssh/authorized_keys\n", true, true},
		{"authenticationmethods publickey,password\n", false, false},
		{"authenticationmethods publickey,password publickey\n", true, true},
		{"allowusers ben\n", false, false},
		{"allowusers ben\nallowusers ann\n", true, false},
		{"allowusers a*\n", true, false},
		{"allowusers ann@192.0.2.7\n", false, false},
		{"allowusers !ben\n", false, false},
		{"denyusers ben\n", true, true},
		{"denyusers ann\n", false, true},
		{"denyusers ann@192.0.2.7\n", false, true},
		{"denyusers *\n", false, false},
		{"allowgroups root\n", true, true},
		{"allowgroups wheel\n", false, false},
		{"denygroups root\n", false, false},
		{"denygroups wheel\n", true, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[1024];

		snprintf(text, sizeof(text), "%s%s", cases[i].more, usual);
		if (nsh_sshd_takes_keys(text, &ann) != cases[i].takes ||
		    nsh_sshd_takes_keys(text, &root) != cases[i].takes_root)
			fail_msg("%s", cases[i].more);
	}
	assert_false(nsh_sshd_takes_keys("", &ann));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests_name("sshd", tests, NULL, NULL);
}
