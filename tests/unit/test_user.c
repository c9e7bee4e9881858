/* SPDX-License-Identifier: MIT */
/*
 * Finding accounts in passwd and group texts, reading these, and which names may be used.
 *
 * The Makefile puts what is here in place of memmem(), to count the searches.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsshell/user.h"

void *__real_memmem(const void *text, size_t len, const void *wanted, size_t wanted_len);
void *__wrap_memmem(const void *text, size_t len, const void *wanted, size_t wanted_len);

static unsigned searches;

void *__wrap_memmem(const void *text, size_t len, const void *wanted, size_t wanted_len)
{
	searches++;
	return __real_memmem(text, len, wanted, wanted_len);
}

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
	assert_false(nsh_database_find(group, strlen(group), 4, 0, "", &found));
}

/* Two groups before the one that is wanted, of which each member's name begins as its name. */
static char *write_large(size_t n_members)
{
	size_t len;
	char *text = NULL;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	fputs("stud2:x:1999:stud\nstudents:x:2000:", out);
	for (size_t i = 0; i < n_members; i++)
		fprintf(out, "stud%05zu,", i);
	fputs("stud\nstud:x:2001:stud\nstud:x:2002:\n", out);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* A line costs one search, however many names it has: a login waits for it. */
static void test_large_group(void **state)
{
	char *text = write_large(50000);
	struct nsh_fields found;

	(void)state;
	searches = 0;
	assert_true(nsh_database_find(text, strlen(text), 4, 0, "stud", &found));
	assert_int_equal(found.len[2], 4);
	assert_memory_equal(found.text[2], "2001", 4);
	assert_int_equal(searches, 3);
	searches = 0;
	assert_false(nsh_database_find(text, strlen(text), 4, 0, "stu", &found));
	assert_int_equal(searches, 5);
	assert_true(nsh_database_find(text, strlen(text), 4, 2, "2002", &found));
	assert_memory_equal(found.text[0], "stud:", 5);
	assert_false(nsh_database_find(text, strlen(text), 4, 0, "stud00007", &found));
	free(text);
}

/* Names that stand in a line before, in part or in another field; and what nobody is called. */
static void test_near(void **state)
{
	static const char group[] = "a:x:1:b,bb\nbb:x:2:b\n:x:3:b\nb:x\nb\n\n+b:x:4:\nb:x:5:bb";
	struct nsh_fields found;

	(void)state;
	assert_true(nsh_database_find(group, strlen(group), 4, 0, "b", &found));
	assert_memory_equal(found.text[2], "5", 1);
	assert_true(nsh_database_find(group, strlen(group), 4, 2, "2", &found));
	assert_memory_equal(found.text[0], "bb:", 3);
	assert_false(nsh_database_find(group, strlen(group), 4, 0, "\n", &found));
	assert_false(nsh_database_find(group, strlen(group), 4, 0, "\nb", &found));
	assert_false(nsh_database_find(group, strlen(group), 4, 0, "b:x:5:bb", &found));
}

static void test_names(void **state)
{
	static const char *const good[] = {"a", "Ann.B_c", "host$", "x-y", "0123", "ann smith"};
	static const char *const bad[] = {"",   ".a",  "..",   "-a",  "a/b", "a ",
					  " a", "a:b", "a\nb", "a,b", "+a"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_true(nsh_user_name_ok(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(nsh_user_name_ok(bad[i]));
}

static int parse(struct nsh_user *user, const char *text, struct nsh_err *err)
{
	memset(user, 0xff, sizeof(*user));
	return nsh_user_parse(user, 1000, text, strlen(text), err);
}

static void test_parse(void **state)
{
	struct nsh_user user;
	struct nsh_err err = {0};

	(void)state;
	assert_int_equal(parse(&user, passwd, &err), 0);
	assert_int_equal(user.uid, 1000);
	assert_int_equal(user.gid, 100);
	assert_string_equal(user.name, "ann");
	assert_string_equal(user.home, "/home/ann");
	assert_string_equal(user.shell, "/bin/sh");
	assert_null(user.groups);
	assert_int_equal(user.n_groups, 0);
	nsh_user_free(&user);
	assert_null(user.name);
	/* The frame's account file: one line, home and shell may be empty. */
	assert_int_equal(parse(&user, "ann::1000:0:::\n", &err), 0);
	assert_int_equal(user.gid, 0);
	assert_string_equal(user.home, "");
	assert_string_equal(user.shell, "");
	nsh_user_free(&user);
	/* Fields behind the last are none of passwd(5)'s, and no part of the shell. */
	assert_int_equal(parse(&user, "ann:x:1000:100::/home/ann:/bin/sh:more", &err), 0);
	assert_string_equal(user.shell, "/bin/sh");
	nsh_user_free(&user);
}

static void test_parse_unknown(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		"ann",
		"ann:x:1000",
		"ann:x:1000:100:Ann:/home/ann",
		"ann:x:10000:100::/home/ann:/bin/sh",
		"ann:x:01000:100::/home/ann:/bin/sh",
		"ann:x: 1000:100::/home/ann:/bin/sh",
		"ann:x:100:1000:1000:/home/1000:1000",
		":x:1000:100::/home/ann:/bin/sh",
		"+ann:x:1000:100::/home/ann:/bin/sh",
		"-ann:x:1000:100::/home/ann:/bin/sh",
		"ann:x\n:1000:100::/home/ann:/bin/sh",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct nsh_user user;
		struct nsh_err err = {0};

		if (parse(&user, texts[i], &err) != -ENOENT)
			fail_msg("\"%s\" has an account", texts[i]);
		assert_says(&err, "no account has user id 1000");
		assert_int_equal(err.reason, NSH_REASON_ACCOUNT);
	}
}

/* A line that is the account's, and cannot be used. */
static void test_parse_refused(void **state)
{
	static const char *const texts[] = {
		"ann:x:1000:::/home/ann:/bin/sh",     "ann:x:1000:staff::/home/ann:/bin/sh",
		"ann:x:1000:100x::/home/ann:/bin/sh", "ann:x:1000:0x64::/home/ann:/bin/sh",
		" ann:x:1000:100::/home/ann:/bin/sh", "../ann:x:1000:100::/home/ann:/bin/sh",
		"a/b:x:1000:100::/home/ann:/bin/sh",  ".:x:1000:100::/home/ann:/bin/sh",
		"a,b:x:1000:100::/home/ann:/bin/sh",  "a\033b:x:1000:100::/home/ann:/bin/sh",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct nsh_user user;
		struct nsh_err err = {0};

		if (parse(&user, texts[i], &err) != -EINVAL)
			fail_msg("\"%s\" was taken", texts[i]);
		assert_says(&err, "user id 1000");
		assert_int_equal(err.reason, NSH_REASON_ACCOUNT);
		assert_null(user.name);
	}
}

/* No number is taken for another one: 2^32 is not group 0, and -1 is no group at all. */
static void test_parse_gid(void **state)
{
	static const char *const gids[] = {"4294967295",           "4294967296", "4294967396",
					   "18446744073709551616", "-1",         "-4294967295"};

	(void)state;
	for (size_t i = 0; i < sizeof(gids) / sizeof(*gids); i++) {
		struct nsh_user user;
		struct nsh_err err = {0};
		char text[128];

		snprintf(text, sizeof(text), "ann:x:1000:%s::/home/ann:/bin/sh", gids[i]);
		if (parse(&user, text, &err) != -EINVAL)
			fail_msg("group id \"%s\" was taken for %u", gids[i], user.gid);
	}
}

/* The first account with the user id is the one, though the next could be used. */
static void test_parse_first(void **state)
{
	struct nsh_user user;
	struct nsh_err err = {0};

	(void)state;
	assert_int_equal(parse(&user, "a/b:x:1000:1:::\nann:x:1000:2:::\n", &err), -EINVAL);
	assert_int_equal(parse(&user, "bob:x:1000:1:::\nann:x:1000:2:::\n", &err), 0);
	assert_string_equal(user.name, "bob");
	nsh_user_free(&user);
}

/* No account's line has a NUL, and nothing is to be read behind the copy that it would end. */
static void test_parse_nul(void **state)
{
	static const char *const texts[] = {
		"a\0n:x:1000:100::/home/ann:/bin/sh", "ann:\0:1000:100::/home/ann:/bin/sh",
		"ann:x:1000:100:\0:/home/ann:/bin/sh", "ann:x:1000:100::/ho\0e/ann:/bin/sh",
		"ann:x:1000:100::/home/ann:/bi\0/sh"};
	size_t len = strlen("ann:x:1000:100::/home/ann:/bin/sh");

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct nsh_user user;
		struct nsh_err err = {0};

		if (nsh_user_parse(&user, 1000, texts[i], len, &err) >= 0)
			fail_msg("text %zu was taken", i);
	}
}

/* Nothing is looked at behind the text. */
static void test_parse_end(void **state)
{
	static const char text[] = "ann:x:1000:100::/home/ann:/bin/sh";
	size_t len = strlen(text);

	(void)state;
	for (size_t n = 0; n <= len; n++) {
		struct nsh_user user;
		struct nsh_err err = {0};
		int ret = nsh_user_parse(&user, 1000, text, n, &err);

		/* From the last colon on there are seven fields. */
		assert_int_equal(ret, n < len - strlen("/bin/sh") ? -ENOENT : 0);
		if (ret == 0)
			assert_int_equal(strlen(user.shell), strlen("/bin/sh") - (len - n));
		nsh_user_free(&user);
	}
}

static void test_read(void **state)
{
	char path[] = "/tmp/nsh-unit-XXXXXX";
	struct nsh_err err = {0};
	char *text;
	size_t len;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(nsh_database_read(path, &text, &len, &err), 0);
	assert_int_equal(len, 0);
	free(text);
	assert_int_equal(write(fd, "a\0b\n", 4), 4);
	assert_int_equal(nsh_database_read(path, &text, &len, &err), 0);
	assert_int_equal(len, 4);
	assert_memory_equal(text, "a\0b\n", 4);
	free(text);
	assert_int_equal(ftruncate(fd, 100L * 1024 * 1024 + 1), 0);
	assert_int_equal(nsh_database_read(path, &text, &len, &err), -EFBIG);
	assert_says(&err, path);
	assert_null(text);
	close(fd);
	unlink(path);
}

static void test_read_nothing(void **state)
{
	char path[] = "/tmp/nsh-unit-XXXXXX";
	struct nsh_err err = {0};
	char *text;
	size_t len;

	(void)state;
	assert_non_null(mkdtemp(path));
	assert_int_equal(nsh_database_read(path, &text, &len, &err), -EISDIR);
	assert_says(&err, path);
	assert_null(text);
	rmdir(path);
	assert_int_equal(nsh_database_read(path, &text, &len, &err), -ENOENT);
	assert_says(&err, path);
	assert_int_equal(err.reason, NSH_REASON_ACCOUNT);
	assert_null(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passwd),        cmocka_unit_test(test_group),
		cmocka_unit_test(test_large_group),   cmocka_unit_test(test_near),
		cmocka_unit_test(test_names),         cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_unknown), cmocka_unit_test(test_parse_refused),
		cmocka_unit_test(test_parse_gid),     cmocka_unit_test(test_parse_first),
		cmocka_unit_test(test_parse_nul),     cmocka_unit_test(test_parse_end),
		cmocka_unit_test(test_read),          cmocka_unit_test(test_read_nothing),
	};

	return cmocka_run_group_tests_name("user", tests, NULL, NULL);
}
