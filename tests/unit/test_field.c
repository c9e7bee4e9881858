/* SPDX-License-Identifier: MIT */
/*
 * Lines of the log: what is written is what is read, and nothing that somebody chose becomes a field.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "nsshell/field.h"

static void expect(const char **at, const char *key, const char *text)
{
	struct nsh_field field;

	assert_int_equal(nsh_field_next(at, &field), 1);
	assert_true(nsh_field_is(&field, key));
	assert_int_equal(field.len, strlen(text));
	assert_memory_equal(field.text, text, field.len);
}

static void test_round_trip(void **state)
{
	struct nsh_line line = {0};
	const char *at = line.text;
	struct nsh_field field;

	(void)state;
	nsh_field_plain(&line, "session", "%s", "0123456789abcdef");
	nsh_field_text(&line, "user", "x\" verdict=confine y=\"\n\\\x7f z\xc3\xa9\xc2\x9b \xff");
	nsh_field_text(&line, "rhost", "");
	nsh_field_plain(&line, "uid", "%u", 1000U);
	expect(&at, "session", "0123456789abcdef");
	expect(&at, "user", "x' verdict=confine y='??? z\xc3\xa9?? ?");
	expect(&at, "rhost", "");
	expect(&at, "uid", "1000");
	assert_int_equal(nsh_field_next(&at, &field), 0);
}

/* Whatever the length of a text, it is read as it was written, or not at all. */
static void test_long(void **state)
{
	static char text[2 * NSH_FIELD_MAX];
	struct nsh_line line = {0};
	struct nsh_field field;
	const char *at = line.text;
	int ret;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	for (int i = 0; i < 20; i++)
		nsh_field_text(&line, "key", text);
	while ((ret = nsh_field_next(&at, &field)) == 1)
		assert_int_equal(field.len, NSH_FIELD_MAX);
	assert_int_equal(ret, -EINVAL);
}

static void test_refused(void **state)
{
	static const char *const texts[] = {
		" a=1",      "a=1 ",   "a",          "a=",           "=1",
		"a = 1",     "A=1",    "a=\"",       "a=\"x",        "a=\"x\"y",
		"a=\"x\\\"", "a=x\ny", "a=\"x\ny\"", "a=\"x\"  b=1", "a1=1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		const char *at = texts[i];
		struct nsh_field field;
		int ret;

		while ((ret = nsh_field_next(&at, &field)) == 1)
			;
		if (ret != -EINVAL)
			fail_msg("\"%s\" was taken", texts[i]);
	}
}

static void test_key(void **state)
{
	struct nsh_field field = {.key = "users=", .key_len = 4};

	(void)state;
	assert_true(nsh_field_is(&field, "user"));
	assert_false(nsh_field_is(&field, "users"));
	assert_false(nsh_field_is(&field, "use"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
