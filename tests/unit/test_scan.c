/* SPDX-License-Identifier: MIT */
/*
 * The first pass over a policy file. Each refusal here is a line of the table of what libiniparser
 * takes and should not (conf/scan.c); promise 1: an invalid policy is no policy.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conf/ini.h"
#include "conf/scan.h"

struct bad {
	const char *text;
	size_t len; /* 0 for strlen */
	const char *says;
};

static int scan(struct nsh_scan *out, const char *text, size_t len, struct nsh_err *err)
{
	static char copy[NSH_FILE_MAX + 16];

	memcpy(copy, text, len);
	copy[len] = '\0';
	return nsh_scan(out, copy, len, err);
}

static void test_good_file(void **state)
{
	static const char text[] =
		"# caf\xc3\xa9\n\n[session]\n  hostname =  %u-x \t\nconfine=yes\n"
		"; other\n[env]\nset = A=b, C=d=e\nunset =";
	struct nsh_scan out;
	struct nsh_err err;

	(void)state;
	assert_int_equal(scan(&out, text, strlen(text), &err), 0);
	assert_int_equal(out.count, 6);
	assert_string_equal(out.entries[0].section, "session");
	assert_null(out.entries[0].key);
	assert_int_equal(out.entries[0].line, 3);
	assert_string_equal(out.entries[1].key, "hostname");
	assert_string_equal(out.entries[1].value, "%u-x");
	assert_int_equal(out.entries[1].line, 4);
	assert_string_equal(out.entries[2].value, "yes");
	assert_string_equal(out.entries[4].value, "A=b, C=d=e");
	assert_string_equal(out.entries[5].value, "");
	assert_int_equal(out.entries[5].line, 9);
	nsh_scan_free(&out);
}

static void test_empty_file(void **state)
{
	struct nsh_scan out;
	struct nsh_err err;

	(void)state;
	assert_int_equal(scan(&out, "", 0, &err), 0);
	assert_int_equal(out.count, 0);
	nsh_scan_free(&out);
}

static void test_refused(void **state)
{
	static const struct bad bads[] = {
		{"[Session]\n", 0, "1: a section's name"},
		{"[a:b]\nc = 1\n", 0, "1: a section's name"},
		{"[a]\nb:c = 2\n", 0, "2: a key has"},
		{"[a]\nB = 2\n", 0, "2: a key has"},
		{"[a]\nk = 1\nk = 1\n", 0, "3: a.k stands here a second time"},
		{"[a]\n[b]\n[a]\n", 0, "3: section [a] stands here a second time"},
		{"[a]\nk = v ; y\n", 0, "2: the character ;"},
		{"[a]\nk = v # y\n", 0, "2: the character #"},
		{"[a]\nk = \"v\"\n", 0, "2: the character \""},
		{"[a]\nk = 'v'\n", 0, "2: the character '"},
		{"[a]\nk = v \\\nw\n", 0, "2: the character \\"},
		{"[]\n", 0, "1: a section's name"},
		{"[a] x\n", 0, "1: a section is [name] alone"},
		{"[a\n", 0, "1: a section is [name] alone"},
		{"k = 1\n", 0, "1: a key before the first [section]"},
		{"[a]\nk\n", 0, "2: neither [section]"},
		{"[a]\n = 1\n", 0, "2: a key has"},
		{"[a]\nk = \0v\n", 11, "2: a control character"},
		{"[a]\nk = \x01\n", 0, "2: a control character"},
		{"[a]\r\n", 0, "1: the line ends with a carriage return"},
		{"[a]\nk = \xc3\xa9\n", 0, "2: a character that is not ASCII"},
		{"# a path \\\n[a]\nk = v\n", 0, "1: a comment line ends with a backslash"},
		{"[a]\n ;x\\ \t\nk = v\n", 0, "2: a comment line ends with a backslash"},
		{"\xef\xbb\xbf[a]\n", 0, "1: a character that is not ASCII"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bads) / sizeof(*bads); i++) {
		struct nsh_scan out;
		struct nsh_err err;
		size_t len = bads[i].len ? bads[i].len : strlen(bads[i].text);

		assert_int_equal(scan(&out, bads[i].text, len, &err), -22);
		assert_says(&err, bads[i].says);
	}
}

static void test_long_line(void **state)
{
	char text[NSH_LINE_MAX + 2];
	struct nsh_scan out;
	struct nsh_err err;

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "# ", 2);
	assert_int_equal(scan(&out, text, NSH_LINE_MAX, &err), 0);
	assert_int_equal(scan(&out, text, NSH_LINE_MAX + 1, &err), -22);
	assert_says(&err, "1: the line is longer");
}

static void test_large_file(void **state)
{
	static char text[NSH_FILE_MAX + 1];
	struct nsh_scan out;
	struct nsh_err err;

	(void)state;
	memset(text, '\n', sizeof(text));
	assert_int_equal(scan(&out, text, NSH_FILE_MAX, &err), 0);
	assert_int_equal(scan(&out, text, NSH_FILE_MAX + 1, &err), -7);
}

/* What libiniparser makes of a file that had another text when it was scanned. */
static void check_confirm(const char *later, int expected, unsigned expected_line, const char *says)
{
	static const char text[] = "[a]\nk = 1\n\nl = 2\n";
	int fd = memfd_create("policy", MFD_CLOEXEC);
	struct nsh_err err = {0};
	struct nsh_scan out;
	unsigned line;

	assert_int_equal(write(fd, later, strlen(later)), strlen(later));
	assert_int_equal(scan(&out, text, strlen(text), &err), 0);
	assert_int_equal(nsh_ini_confirm(fd, &out, &line, &err), expected);
	if (expected < 0) {
		assert_int_equal(line, expected_line);
		assert_memory_equal(err.text, says, strlen(says));
	}
	nsh_scan_free(&out);
	close(fd);
}

static void test_confirm(void **state)
{
	(void)state;
	check_confirm("[a]\nk = 1\nl = 2\n", 0, 0, NULL);
	check_confirm("[a]\nk = 1\n\nl = 3\n", -EINVAL, 4, "read differently a second time");
	check_confirm("[a]\nk = 1\n\nl = 2\nm = 3\n", -EINVAL, 1, "has 3 entries at first");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_file),  cmocka_unit_test(test_empty_file),
		cmocka_unit_test(test_refused),    cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_large_file), cmocka_unit_test(test_confirm),
	};

	return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}
