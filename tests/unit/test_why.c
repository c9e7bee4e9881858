/* SPDX-License-Identifier: MIT */
/*
 * Lines of a log: which are nsshell's, and what they say.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "ctl/why_line.h"

#define ID "0123456789abcdef"
#define OTHER "fedcba9876543210"
#define OLD "Nov  4 18:25:01 lab "
#define NEW "2026-11-04T18:25:01.123456+01:00 lab "
#define DENIED "session=" ID " verdict=deny user=\"ann\" kind=policy reason=\"/etc/a.conf:3: x\""

static void expect(const char *text, enum nsh_why_writer writer, const char *time)
{
	struct nsh_why_line line;

	if (!nsh_why_read_line(&line, text, ID))
		fail_msg("\"%s\" was not read", text);
	assert_int_equal(line.writer, writer);
	assert_string_equal(line.time, time);
	assert_string_equal(line.fields[NSH_WHY_VERDICT], "deny");
	assert_string_equal(line.fields[NSH_WHY_USER], "ann");
	assert_string_equal(line.fields[NSH_WHY_KIND], "policy");
	assert_false(line.verified || line.cut);
	nsh_why_free(&line);
}

static void test_lines(void **state)
{
	(void)state;
	expect(OLD "nsshell-session[12]: " DENIED, NSH_WHY_HELPER, "Nov  4 18:25:01");
	expect(NEW "nsshell-session[12]: " DENIED, NSH_WHY_HELPER,
	       "2026-11-04T18:25:01.123456+01:00");
	expect(OLD "nsshell[12]: " DENIED, NSH_WHY_SHELL, "Nov  4 18:25:01");
	expect(OLD "sshd[12]: pam_nsshell(sshd:session): " DENIED, NSH_WHY_MODULE,
	       "Nov  4 18:25:01");
	expect(OLD "su: pam_nsshell(su:session): " DENIED, NSH_WHY_MODULE, "Nov  4 18:25:01");
}

/* What other programs log holds what somebody chose. */
static void test_others(void **state)
{
	static const char *const texts[] = {
		"",
		DENIED,
		"nsshell-session[12]: " DENIED,
		OLD DENIED,
		OLD "nsshell-session[12]:" DENIED,
		OLD "nsshell-session[12]x: " DENIED,
		OLD "nsshell-session[x]: " DENIED,
		OLD "sshd[12]: " DENIED,
		OLD "sshd[12]: Invalid user nsshell-session[12]: " DENIED " from 192.0.2.1",
		OLD "sshd[12]: Invalid user x pam_nsshell(sshd:session): " DENIED,
		OLD "sshd[12]: pam_nsshell(sshd:session) " DENIED,
		OLD "nsshell-session[12]: x " DENIED,
		OLD "nsshell-session[12]: session=" OTHER " verdict=deny user=\"session=" ID "\"",
		OLD "nsshell-session[12]: session=" ID "0 verdict=deny",
		OLD "nsshell-session[12]: session=" ID,
		OLD "nsshell-session[12]: session=" ID " user=\"verdict=deny",
		"Nov  4 18:25:01",
		"Nov  4 18:25:01 lab",
		"2026-11",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct nsh_why_line line;

		if (nsh_why_read_line(&line, texts[i], ID))
			fail_msg("\"%s\" was taken", texts[i]);
	}
}

static void test_cut(void **state)
{
	struct nsh_why_line line;

	(void)state;
	assert_true(nsh_why_read_line(
		&line, OLD "nsshell[1]: session=" ID " verdict=deny reason=\"half of", ID));
	assert_true(line.cut);
	assert_null(line.fields[NSH_WHY_REASON]);
	nsh_why_free(&line);
}

static void expect_file(const char *reason, const char *expected)
{
	char *file = nsh_why_file(reason);

	if (expected) {
		assert_non_null(file);
		assert_string_equal(file, expected);
	} else {
		assert_null(file);
	}
	free(file);
}

static void test_file(void **state)
{
	(void)state;
	expect_file("/etc/nsshell/nsshell.conf:3: view.tmp: x", "/etc/nsshell/nsshell.conf");
	expect_file("the policy is not valid: /etc/a.conf: belongs to user id 7", "/etc/a.conf");
	expect_file("limits.memory_max: no cgroup v2", NULL);
	expect_file("/x;rm -rf /:3: x", NULL);
	expect_file("/x$(id):3: x", NULL);
	expect_file("", NULL);
	expect_file(": ", NULL);
}

static void test_plain(void **state)
{
	(void)state;
	assert_true(nsh_why_is_plain("ann.b-c_1"));
	assert_false(nsh_why_is_plain(""));
	assert_false(nsh_why_is_plain("-x"));
	assert_false(nsh_why_is_plain("a b"));
	assert_false(nsh_why_is_plain("a;b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines), cmocka_unit_test(test_others),
		cmocka_unit_test(test_cut),   cmocka_unit_test(test_file),
		cmocka_unit_test(test_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
