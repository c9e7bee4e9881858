/* SPDX-License-Identifier: MIT */
/*
 * Subordinate ids. Promise 1: what the administrator granted and nothing else, and no session
 * rather than a guess; id 0 is never granted.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsshell/subid.h"

static char folder[64];
static char file[96];

static const struct nsh_user user = {.uid = 1000, .gid = 100, .name = (char *)"ann"};

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/nsh-unit-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(file, sizeof(file), "%s/subuid", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	remove(file);
	return rmdir(folder);
}

static void put(const char *text, size_t len)
{
	FILE *out = fopen(file, "w");

	assert_non_null(out);
	assert_int_equal(fwrite(text, 1, len, out), len);
	assert_int_equal(fclose(out), 0);
}

static int read_text(const char *text, struct nsh_subid ranges[NSH_SUBID_MAX], struct nsh_err *err)
{
	put(text, strlen(text));
	return nsh_subid_read(file, &user, ranges, err);
}

static void test_granted(void **state)
{
	static const struct {
		const char *text;
		int count;
		struct nsh_subid ranges[3];
	} goods[] = {
		{"ann:100000:65536\n", 1, {{100000, 65536}}},
		{"1000:100000:65536\n", 1, {{100000, 65536}}},
		{"ann:100000:65536", 1, {{100000, 65536}}},
		{"ann:1:1\n", 1, {{1, 1}}},
		{"ann:0001:0001\n", 1, {{1, 1}}},
		/* The last id that there is; (uid_t)-1 is none. */
		{"ann:4294967294:1\n", 1, {{4294967294, 1}}},
		{"ann:1:4294967294\n", 1, {{1, 4294967294}}},
		{"ann:100000:0\n", 0, {{0}}},
		{"ann:0:0\n", 0, {{0}}},
		{"ann:1:2\nbob:100:5\n1000:10:3\n\nann:20:4", 3, {{1, 2}, {10, 3}, {20, 4}}},
		{"", 0, {{0}}},
		{"\n\n", 0, {{0}}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(goods) / sizeof(*goods); i++) {
		struct nsh_subid ranges[NSH_SUBID_MAX];
		struct nsh_err err = {0};
		int count = read_text(goods[i].text, ranges, &err);

		if (count != goods[i].count)
			fail_msg("\"%s\" gives %d: %s", goods[i].text, count, err.text);
		for (int n = 0; n < count; n++) {
			assert_int_equal(ranges[n].start, goods[i].ranges[n].start);
			assert_int_equal(ranges[n].count, goods[i].ranges[n].count);
		}
	}
}

/* Other accounts' lines, whatever stands in them, decide nothing. */
static void test_of_others(void **state)
{
	static const char *const others[] = {
		"bob:100000:65536\n",
		"anna:100000:65536\n",
		"an:100000:65536\n",
		"Ann:100000:65536\n",
		" ann:100000:65536\n",
		"ann :100000:65536\n",
		"#ann:100000:65536\n",
		"1001:100000:65536\n",
		"100:100000:65536\n",
		"10000:100000:65536\n",
		"01000:100000:1\n",
		"+1000:100000:1\n",
		"bob:ann:1000\n",
		"bob:1000:ann\n",
		":100000:65536\n",
		"root:0:4294967295\n",
		"bob:junk\n",
		"bob\n",
		"bob:99999999999999:1\n",
		":\n",
		"::\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		struct nsh_subid ranges[NSH_SUBID_MAX];
		struct nsh_err err = {0};
		int count = read_text(others[i], ranges, &err);

		if (count)
			fail_msg("\"%s\" gives %d: %s", others[i], count, err.text);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *text;
		const char *says;
	} bads[] = {
		{"ann:\n", "is not NAME:START:COUNT"},
		{"ann::\n", "is not NAME:START:COUNT"},
		{"ann:100000\n", "is not NAME:START:COUNT"},
		{"ann:100000:\n", "is not NAME:START:COUNT"},
		{"ann::65536\n", "is not NAME:START:COUNT"},
		{"ann:100000:65536:\n", "is not NAME:START:COUNT"},
		{"ann:100000:65536 \n", "is not NAME:START:COUNT"},
		{"ann: 100000:65536\n", "is not NAME:START:COUNT"},
		{"ann:100000:65536\r\n", "is not NAME:START:COUNT"},
		{"ann:+100000:65536\n", "is not NAME:START:COUNT"},
		{"ann:-1:65536\n", "is not NAME:START:COUNT"},
		{"ann:100000:-1\n", "is not NAME:START:COUNT"},
		{"ann:0x100:1\n", "is not NAME:START:COUNT"},
		{"ann:1e5:1\n", "is not NAME:START:COUNT"},
		{"ann:4294967295:1\n", "is not NAME:START:COUNT"},
		{"ann:4294967296:1\n", "is not NAME:START:COUNT"},
		{"ann:1:4294967296\n", "is not NAME:START:COUNT"},
		{"ann:9999999999:1\n", "is not NAME:START:COUNT"},
		{"ann:18446744073709551617:1\n", "is not NAME:START:COUNT"},
		{"ann:00000000001:1\n", "is not NAME:START:COUNT"},
		{"1000:junk:1\n", "is not NAME:START:COUNT"},
		{"ann:0:65536\n", "has id 0"},
		{"ann:0:1\n", "has id 0"},
		{"ann:0:4294967294\n", "has id 0"},
		{"ann:4294967294:2\n", "ids that are too high"},
		{"ann:4294901760:65536\n", "ids that are too high"},
		{"ann:2:4294967294\n", "ids that are too high"},
		/* A good line beside it does not help. */
		{"ann:100000:65536\nann:junk\n", "is not NAME:START:COUNT"},
		{"ann:junk\nann:100000:65536", "is not NAME:START:COUNT"},
		{"bob:1:1\nann:100000:65536\n1000:0:5", "has id 0"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bads) / sizeof(*bads); i++) {
		struct nsh_subid ranges[NSH_SUBID_MAX];
		struct nsh_err err = {0};

		if (read_text(bads[i].text, ranges, &err) != -EINVAL)
			fail_msg("\"%s\" was taken", bads[i].text);
		assert_says(&err, bads[i].says);
		assert_says(&err, file);
		assert_says(&err, "the entry of ann");
		assert_int_equal(err.reason, NSH_REASON_ACCOUNT);
	}
}

/* A NUL ends nothing, as it is not the end of a line. */
static void test_nul(void **state)
{
	static const char of_ann[] = "ann:1:1\0000\n";
	static const char of_nobody[] = "ann\0:1:1\nann:5:6\n";
	struct nsh_subid ranges[NSH_SUBID_MAX];
	struct nsh_err err = {0};

	(void)state;
	put(of_ann, sizeof(of_ann) - 1);
	assert_int_equal(nsh_subid_read(file, &user, ranges, &err), -EINVAL);
	put(of_nobody, sizeof(of_nobody) - 1);
	assert_int_equal(nsh_subid_read(file, &user, ranges, &err), 1);
	assert_int_equal(ranges[0].start, 5);
}

/* Returns what comes of that many ranges in lines of their own. */
static int read_many(int lines, struct nsh_err *err)
{
	struct nsh_subid ranges[NSH_SUBID_MAX];
	FILE *out = fopen(file, "w");

	assert_non_null(out);
	for (int i = 0; i < lines; i++)
		fprintf(out, "bob:%d:1\nann:%d:10\nann:%d:0\n", i, (i + 1) * 100000, i);
	assert_int_equal(fclose(out), 0);
	return nsh_subid_read(file, &user, ranges, err);
}

static void test_many(void **state)
{
	struct nsh_err err = {0};

	(void)state;
	assert_int_equal(read_many(NSH_SUBID_MAX, &err), NSH_SUBID_MAX);
	assert_int_equal(read_many(NSH_SUBID_MAX + 1, &err), -E2BIG);
	assert_says(&err, file);
	assert_says(&err, "the entry of ann is one of too many");
}

/* A machine with a hundred thousand accounts, and a line without an end. */
static void test_large(void **state)
{
	struct nsh_subid ranges[NSH_SUBID_MAX];
	struct nsh_err err = {0};
	FILE *out = fopen(file, "w");

	(void)state;
	assert_non_null(out);
	for (int i = 0; i < 100000; i++)
		fprintf(out, "user%d:%d:1\n", i, 100000 + i);
	fprintf(out, "ann:7:8\n");
	for (int i = 0; i < 1000000; i++)
		fputc('a', out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(nsh_subid_read(file, &user, ranges, &err), 1);
	assert_int_equal(ranges[0].start, 7);
}

/* Without the file nobody has ranges; a file that cannot be read is an error. */
static void test_no_file(void **state)
{
	struct nsh_subid ranges[NSH_SUBID_MAX];
	struct nsh_err err = {0};

	(void)state;
	assert_int_equal(nsh_subid_read(file, &user, ranges, &err), 0);
	assert_int_equal(nsh_subid_read("/no/such/folder/subuid", &user, ranges, &err), 0);
	assert_int_equal(mkdir(file, 0755), 0);
	assert_int_equal(nsh_subid_read(file, &user, ranges, &err), -EISDIR);
	assert_says(&err, file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_granted), TEST(test_of_others), TEST(test_refused), TEST(test_nul),
		TEST(test_many),    TEST(test_large),     TEST(test_no_file),
	};

	return cmocka_run_group_tests_name("subid", tests, NULL, NULL);
}
