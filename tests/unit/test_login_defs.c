/* SPDX-License-Identifier: MIT */
/*
 * login.defs(5): where the PATH of a login comes from.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "ctl/session_environment.h"

static void expect(const char *text, const char *value)
{
	char *found = nsh_login_defs_find(text, "ENV_PATH");

	if (value) {
		assert_non_null(found);
		assert_string_equal(found, value);
	} else {
		assert_null(found);
	}
	free(found);
}

static void test_find(void **state)
{
	(void)state;
	expect("ENV_PATH\tPATH=/bin\n", "PATH=/bin");
	expect("# ENV_PATH PATH=/a\nENV_SUPATH PATH=/b\n  ENV_PATH  PATH=/c # no comment\n",
	       "PATH=/c");
	expect("ENV_PATH PATH=/a", "PATH=/a");
	expect("ENV_PATH \n", "");
}

static void test_none(void **state)
{
	static const char *const texts[] = {
		"", "\n\n", "ENV_PATH", "ENV_PATH\n/a", "ENV_PATHS /a", "#ENV_PATH /a"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		expect(texts[i], NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
