/* SPDX-License-Identifier: MIT */
/*
 * Host names from templates: always valid, at most 63 characters, whatever the account is called.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "conf/hostname.h"

static const struct nsh_hostname_words words = {
	.user = "ann.b_c$", .host = "lab.example.org", .group = "-staff-", .uid = "1000"};

static void expect(const char *template, const char *expected)
{
	char name[NSH_HOSTNAME_MAX];
	struct nsh_err err;

	assert_int_equal(nsh_hostname_expand(template, &words, name, &err), 0);
	assert_string_equal(name, expected);
}

static void test_expansion(void **state)
{
	(void)state;
	expect("%u", "ann.b-c");
	expect("%u-%h", "ann.b-c--lab.example.org");
	expect("%i.%h", "1000.lab.example.org");
	expect("%g", "staff");
	expect("100%%", "100");
	expect("..a..b..", "a.b");
	expect("-a-.-b-", "a.b");
	expect("a b", "a-b");
}

static void test_length(void **state)
{
	char template[201];
	char name[NSH_HOSTNAME_MAX];
	struct nsh_err err;

	(void)state;
	memset(template, 'x', 200);
	template[200] = '\0';
	template[62] = '-';
	assert_int_equal(nsh_hostname_expand(template, &words, name, &err), 0);
	assert_int_equal(strlen(name), 62);
	template[62] = 'x';
	assert_int_equal(nsh_hostname_expand(template, &words, name, &err), 0);
	assert_int_equal(strlen(name), 63);
	template[62] = '.';
	assert_int_equal(nsh_hostname_expand(template, &words, name, &err), 0);
	assert_int_equal(strlen(name), 62);
}

static void test_nothing_valid(void **state)
{
	static const char *const templates[] = {"-", "...", "%%", "_-_"};

	(void)state;
	for (size_t i = 0; i < sizeof(templates) / sizeof(*templates); i++) {
		char name[NSH_HOSTNAME_MAX];
		struct nsh_err err;

		assert_int_equal(nsh_hostname_expand(templates[i], &words, name, &err), -22);
		assert_says(&err, "gives no valid host name");
	}
}

/* Makes the name that a policy with this template gives an account with that group. */
static int make(const char *template, gid_t gid, char name[NSH_HOSTNAME_MAX], struct nsh_err *err)
{
	struct nsh_policy policy = {0};
	struct nsh_user user = {.uid = 4711, .gid = gid, .name = (char *)"ann.b_c$"};
	char text[64];

	snprintf(text, sizeof(text), "%s", template);
	policy.settings[NSH_KEY_SESSION_HOSTNAME].text = text;
	return nsh_hostname_make(&policy, &user, name, err);
}

static void test_make(void **state)
{
	char name[NSH_HOSTNAME_MAX];
	char expected[NSH_HOSTNAME_MAX];
	struct nsh_hostname_words machine = words;
	struct utsname uts;
	struct nsh_err err = {0};

	(void)state;
	assert_int_equal(make("%u-%i", 0, name, &err), 0);
	assert_string_equal(name, "ann.b-c--4711");
	assert_int_equal(make("x-%g", 0, name, &err), 0);
	assert_string_equal(name, "x-root");
	assert_int_equal(uname(&uts), 0);
	machine.host = uts.nodename;
	assert_int_equal(nsh_hostname_expand("%h", &machine, expected, &err), 0);
	assert_int_equal(make("%h", 0, name, &err), 0);
	assert_string_equal(name, expected);
}

/* A group without a name is an error for who asks for its name, and not for anybody else. */
static void test_make_without_group(void **state)
{
	char name[NSH_HOSTNAME_MAX];
	struct nsh_err err = {0};

	(void)state;
	assert_int_equal(make("%u-%%g", 4294967290, name, &err), 0);
	assert_string_equal(name, "ann.b-c---g");
	assert_int_equal(make("%u-%g", 4294967290, name, &err), -ENOENT);
	assert_says(&err, "group id 4294967290 of ann.b_c$ has no name");
	assert_int_equal(err.reason, NSH_REASON_ACCOUNT);
	assert_int_equal(make("%%", 0, name, &err), -EINVAL);
	assert_says(&err, "gives no valid host name");
}

static void test_uses(void **state)
{
	(void)state;
	assert_true(nsh_hostname_uses("%u-%g", 'g'));
	assert_true(nsh_hostname_uses("%%%g", 'g'));
	assert_false(nsh_hostname_uses("%%g", 'g'));
	assert_false(nsh_hostname_uses("g%u", 'g'));
	assert_false(nsh_hostname_uses("%", 'g'));
	assert_false(nsh_hostname_uses("", 'g'));
}

/* What comes out is a template that gives itself, as the frame's policy has it. */
static void test_settled(void **state)
{
	static const char *const templates[] = {"%u-%h", "%u", "100%%", "%i.%h", "x-%g"};

	(void)state;
	for (size_t i = 0; i < sizeof(templates) / sizeof(*templates); i++) {
		char name[NSH_HOSTNAME_MAX];
		char again[NSH_HOSTNAME_MAX];
		struct nsh_err err;

		assert_int_equal(make(templates[i], 0, name, &err), 0);
		assert_int_equal(nsh_hostname_check(name, &err), 0);
		assert_int_equal(make(name, 4294967290, again, &err), 0);
		assert_string_equal(name, again);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expansion),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_nothing_valid),
		cmocka_unit_test(test_make),
		cmocka_unit_test(test_make_without_group),
		cmocka_unit_test(test_uses),
		cmocka_unit_test(test_settled),
	};

	return cmocka_run_group_tests_name("hostname", tests, NULL, NULL);
}
