/* SPDX-License-Identifier: MIT */
/*
 * Paths that users might interfere with. Promise 4: never a user's link, never a way out.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/path.h"

static char folder[64];

static const char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static int make_tree(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/nsh-unit-XXXXXX");
	return mkdtemp(folder) && mkdir(path_of("real"), 0755) == 0 &&
			       mkdir(path_of("real/home"), 0755) == 0 &&
			       symlink("real", path_of("link")) == 0 &&
			       symlink("../real/./home", path_of("real/again")) == 0 &&
			       symlink("loop", path_of("loop")) == 0 &&
			       symlink("/", path_of("top")) == 0
		       ? 0
		       : -1;
}

static int remove_tree(void **state)
{
	static const char *const names[] = {"top",  "loop",      "real/again",
					    "link", "real/home", "real"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		remove(path_of(names[i]));
	return rmdir(folder);
}

static void expect(const char *name, const char *expected)
{
	char out[PATH_MAX];
	struct nsh_err err = {0};

	if (nsh_path_resolve("", path_of(name), out, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(out, strcmp(expected, "/") ? path_of(expected) : expected);
}

static void test_tidy(void **state)
{
	static const char *const cases[][2] = {
		{"/", "/"},
		{"//", "/"},
		{"/./", "/"},
		{"/a", "/a"},
		{"/a/", "/a"},
		{"//a///b//", "/a/b"},
		{"/./a/./b/.", "/a/b"},
		{"/a/../b", "/a/../b"},
		{"/.a/b./..c", "/.a/b./..c"},
	};
	char out[PATH_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		nsh_path_tidy(cases[i][0], out);
		assert_string_equal(out, cases[i][1]);
	}
}

/* Links are followed when they are root's, so this needs root, as make check has. */
static void test_resolve(void **state)
{
	(void)state;
	expect("real/home", "real/home");
	expect("link/home", "real/home");
	expect("link/again", "real/home");
	expect("./real//home/", "real/home");
	expect("top", "/");
	expect("top/..", "/");
}

/* What a process sees whose root the folder is: neither ".." nor an absolute link leaves it. */
static void test_resolve_in_root(void **state)
{
	char out[PATH_MAX];
	struct nsh_err err = {0};

	(void)state;
	assert_int_equal(nsh_path_resolve(folder, "/real/home", out, &err), 0);
	assert_string_equal(out, path_of("real/home"));
	assert_int_equal(nsh_path_resolve(folder, "/../../real/../link/home/..", out, &err), 0);
	assert_string_equal(out, path_of("real"));
	assert_int_equal(nsh_path_resolve(folder, "/top", out, &err), 0);
	assert_string_equal(out, folder);
	assert_int_equal(nsh_path_resolve(folder, "/top/top/real", out, &err), 0);
	assert_string_equal(out, path_of("real"));
	assert_int_equal(nsh_path_resolve(folder, "/etc/passwd", out, &err), -ENOENT);
}

static void test_refused(void **state)
{
	char out[PATH_MAX];
	struct nsh_err err = {0};
	char longest[PATH_MAX + 8];

	(void)state;
	assert_int_equal(nsh_path_resolve("", path_of("none"), out, &err), -ENOENT);
	assert_int_equal(nsh_path_resolve("", path_of("loop"), out, &err), -ELOOP);
	assert_int_equal(nsh_path_resolve("", "relative", out, &err), -EINVAL);
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(nsh_path_resolve("", longest, out, &err), -ENAMETOOLONG);
	longest[300] = '\0';
	assert_int_equal(nsh_path_resolve("", longest, out, &err), -ENAMETOOLONG);
	assert_int_equal(lchown(path_of("link"), 4711, 4711), 0);
	assert_int_equal(nsh_path_resolve("", path_of("link/home"), out, &err), -EPERM);
	assert_says(&err, "is a symbolic link that is not root's");
}

static void test_open(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(nsh_path_open(path_of("link/home"), 0), -ELOOP);
	fd = nsh_path_open(path_of("real/home"), 0);
	assert_true(fd >= 0);
	close(fd);
}

static void test_below(void **state)
{
	(void)state;
	assert_string_equal(nsh_path_below("/home", "/home/ann/x"), "ann/x");
	assert_string_equal(nsh_path_below("/", "/home"), "home");
	assert_null(nsh_path_below("/home", "/home"));
	assert_null(nsh_path_below("/home", "/home/"));
	assert_null(nsh_path_below("/home", "/homes/ann"));
	assert_null(nsh_path_below("/home/ann", "/home"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_tree, remove_tree)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tidy), TEST(test_resolve), TEST(test_resolve_in_root),
		TEST(test_refused),          TEST(test_open),    cmocka_unit_test(test_below),
	};

	return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}
