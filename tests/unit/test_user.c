/* SPDX-License-Identifier: MIT */
/*
 * Finding accounts in passwd and group texts, and which names may be used.
 */
#include "tests/unit/unit.h"

#include "nsshell/user.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/bash\n"
			     "trap:x:5:1000:,1000,:/home/1000:/bin/1000\n"
			     "short:x:1000\n"
			     "+nis:x:1000:1:::\n"
			     "\n"
			     "ann:x:1000:100:Ann:/home/ann:/bin/sh\n"
			     "twin:x:1000:100::/home/twin:/bin/sh";

static void test_passwd(void **state)
{
	struct nsh_fields found;

	(void)state;
	assert_true(nsh_database_find(passwd, strlen(passwd), 7, 2, "1000", &found));
	assert_int_equal(found.len[0], 3);
	assert_memory_equal(found.text[0], "ann", 3);
	assert_memory_equal(found.text[5], "/home/ann", found.len[5]);
	assert_int_equal(found.len[6], 7);
	assert_true(nsh_database_find(passwd, strlen(passwd), 7, 2, "0", &found));
	assert_memory_equal(found.text[0], "root", 4);
	assert_false(nsh_database_find(passwd, strlen(passwd), 7, 2, "100", &found));
	assert_false(nsh_database_find(passwd, strlen(passwd), 7, 2, "10", &found));
	assert_false(nsh_database_find("", 0, 7, 2, "10", &found));
}

static void test_group(void **state)
{
	static const char group[] = "staff:x:50:staff2,x\nstaff2:x:51:\n";
	struct nsh_fields found;

	(void)state;
	assert_true(nsh_database_find(group, strlen(group), 4, 0, "staff2", &found));
	assert_memory_equal(found.text[2], "51", 2);
	assert_false(nsh_database_find(group, strlen(group), 4, 0, "x", &found));
}

static void test_names(void **state)
{
	static const char *const good[] = {"a", "Ann.B_c", "host$", "x-y", "0123"};
	static const char *const bad[] = {"", ".a", "..", "-a", "a/b", "a b", "a:b", "a\nb", "a,b"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_true(nsh_user_name_ok(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(nsh_user_name_ok(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passwd),
		cmocka_unit_test(test_group),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("user", tests, NULL, NULL);
}
