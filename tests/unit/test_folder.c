/* SPDX-License-Identifier: MIT */
/* The names in a folder. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "nsshell/folder.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

/* More than one buffer of the kernel's. */
#define MANY 1000

struct seen {
	bool at[MANY];
	int files;
	int others;
	int most; /* ends with ETXTBSY then; 0 for none */
};

static int make_scratch(void **state)
{
	(void)state;
	return scratch_make();
}

static int see(const char *name, void *data)
{
	struct seen *seen = data;
	int number;

	if (sscanf(name, "a-file-with-a-name-that-is-not-short-%d", &number) == 1) {
		assert_in_range(number, 0, MANY - 1);
		assert_false(seen->at[number]);
		seen->at[number] = true;
		seen->files++;
	} else {
		seen->others++;
	}
	return seen->most && seen->files == seen->most ? ETXTBSY : 0;
}

static int look(struct seen *seen)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int ret;

	assert_true(fd >= 0);
	ret = nsh_folder_each(fd, see, seen);
	assert_return_code(close(fd), errno);
	return ret;
}

static void make_many(void)
{
	char path[128];

	for (int i = 0; i < MANY; i++) {
		int fd;

		snprintf(path, sizeof(path), "%s/a-file-with-a-name-that-is-not-short-%d", folder,
			 i);
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		assert_true(fd >= 0);
		close(fd);
	}
}

static void test_none(void **state)
{
	struct seen seen = {0};

	(void)state;
	assert_int_equal(look(&seen), 0);
	assert_int_equal(seen.files, 0);
	assert_int_equal(seen.others, 2);
}

static void test_each_once(void **state)
{
	struct seen seen = {0};

	(void)state;
	make_many();
	assert_int_equal(look(&seen), 0);
	assert_int_equal(seen.files, MANY);
	assert_int_equal(seen.others, 2);
}

static void test_until(void **state)
{
	struct seen seen = {.most = 3};

	(void)state;
	make_many();
	assert_int_equal(look(&seen), ETXTBSY);
	assert_int_equal(seen.files, 3);
}

static void test_no_folder(void **state)
{
	struct seen seen = {0};
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(nsh_folder_each(fd, see, &seen), -ENOTDIR);
	close(fd);
	assert_int_equal(nsh_folder_each(fd, see, &seen), -EBADF);
	assert_int_equal(seen.others, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_scratch, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_none),
		TEST(test_each_once),
		TEST(test_until),
		cmocka_unit_test(test_no_folder),
	};

	return cmocka_run_group_tests_name("folder", tests, NULL, NULL);
}
