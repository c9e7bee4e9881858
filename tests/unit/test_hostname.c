/* SPDX-License-Identifier: MIT */
/*
 * Host names from templates: always valid, at most 63 characters, whatever the account is called.
 */
#include "tests/unit/unit.h"

#include "nsshell/hostname.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expansion),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_nothing_valid),
	};

	return cmocka_run_group_tests_name("hostname", tests, NULL, NULL);
}
