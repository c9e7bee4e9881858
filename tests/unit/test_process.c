/* SPDX-License-Identifier: MIT */
/*
 * What /proc says of a process, and of where a session's folder is mounted; whatever processes call themselves. Looking at
 * all of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctl/crowd.h"
#include "ctl/process.h"
#include "nsshell/sight.h"
#include "tests/unit/scratch.h"

#define REST " 10 42 42 34816 42 4194304 1 2 3 4 50 7 8 9 20 0 1 0 123456 1 2 3\n"

static void test_stat(void **state)
{
	struct nsh_process process = {0};

	(void)state;
	assert_true(nsh_process_parse_stat(&process, "42 (bash) S" REST));
	assert_int_equal(process.pid, 42);
	assert_int_equal(process.parent, 10);
	assert_int_equal(process.state, 'S');
	assert_int_equal(process.tty, 34816);
	assert_int_equal(process.cpu, 57);
	assert_int_equal(process.reaped, 17);
	assert_int_equal(process.start, 123456);
	assert_string_equal(process.name, "bash");
}

static void test_hostile_name(void **state)
{
	struct nsh_process process = {0};

	(void)state;
	assert_true(nsh_process_parse_stat(&process, "42 (a) R 1 1 (\n b) S" REST));
	assert_string_equal(process.name, "a) R 1 1 (\n b");
	assert_int_equal(process.parent, 10);
	assert_int_equal(process.state, 'S');
}

static void test_no_stat(void **state)
{
	static const char *const texts[] = {
		"", "42", "42 (bash", "42 bash) S" REST, ")(", "x (a) S 1", "42 (bash) S 10 42"};
	struct nsh_process process;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_false(nsh_process_parse_stat(&process, texts[i]));
}

static void test_status(void **state)
{
	struct nsh_process process = {0};

	(void)state;
	assert_true(nsh_process_parse_status(
		&process,
		"Name:\tUid:\\n\nUid:\t1000\t1001\t1002\t1003\nNSpid:\t500\t7\t1\n"
		"RssAnon:\t      10 kB\nRssFile:\t 99 kB\nRssShmem:\t 2 kB\nVmSwap:\t 1 kB\n"));
	assert_int_equal(process.uid, 1000);
	assert_int_equal(process.depth, 3);
	assert_int_equal(process.inside, 1);
	assert_int_equal(process.memory, 13 * 1024);
	assert_false(nsh_process_parse_status(&process, "Uid:\t1\n"));
	assert_false(nsh_process_parse_status(&process, "NSpid:\t1\n"));
	assert_false(nsh_process_parse_status(&process, ""));
	assert_true(nsh_process_parse_status(&process, "Uid:\t1\nNSpid:\t9\n"));
	assert_int_equal(process.memory, 0);
	assert_int_equal(process.depth, 1);
}

static void put(const char *name, const char *before, size_t groups, const char *behind)
{
	char path[128];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs(before, out);
	for (size_t i = 0; i < groups; i++)
		fprintf(out, " %zu", 4294900000 + i);
	fputs(behind, out);
	assert_int_equal(fclose(out), 0);
}

/* The most that the kernel has, with numbers of the greatest length; and lengths about that of a page or two. */
static void test_groups(void **state)
{
	static const size_t counts[] = {0, 1, 360, 370, 740, 741, 742, 743, 744, 745, 1000, 65536};
	int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct nsh_process process;

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		put("stat", "42 (bash) S" REST, 0, "");
		put("status", "Uid:\t1000\t1000\t1000\t1000\nGroups:\t", counts[i],
		    "\nNSpid:\t500\t123\nRssAnon:\t 10 kB\n");
		assert_true(nsh_process_read(&process, fd));
		assert_int_equal(process.inside, 123);
		assert_int_equal(process.memory, 10 * 1024);
	}
	close(fd);
}

static int make_folder(void **state)
{
	(void)state;
	return scratch_make();
}

static void test_terminals(void **state)
{
	char name[NSH_TTY_NAME];

	(void)state;
	assert_string_equal(nsh_tty_name(name, (unsigned)makedev(136, 3)), "pts/3");
	assert_string_equal(nsh_tty_name(name, (unsigned)makedev(136, 300)), "pts/300");
	assert_string_equal(nsh_tty_name(name, (unsigned)makedev(4, 1)), "tty1");
	assert_string_equal(nsh_tty_name(name, (unsigned)makedev(4, 64)), "ttyS0");
	assert_string_equal(nsh_tty_name(name, (unsigned)makedev(5, 1)), "5:1");
	assert_string_equal(nsh_tty_name(name, 0), "");
}

#define BEFORE "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"

static void test_mounts(void **state)
{
	static const struct {
		const char *text;
		long id;
	} cases[] = {
		{BEFORE, -1},
		{BEFORE "30 21 0:5 / /s ro,nosuid - tmpfs none rw\n", 30},
		{BEFORE "30 21 0:5 / /s rw,nosuid master:1 - tmpfs none ro,size=1\n", 30},
		{BEFORE "30 21 0:5 / /s rw,nosuid - tmpfs none rw,size=1\n", -1},
		{BEFORE "30 21 0:5 / /s ro - fuse none ro\n", -1},
		{BEFORE "30 21 0:5 / /s ro - tmpfs2 none ro\n", -1},
		{BEFORE "30 21 0:5 / /s/t ro - tmpfs none ro\n", -1},
		{BEFORE "30 21 0:5 / /s rw - tmpfs ro rw\n", -1},
		{BEFORE "30 21 0:5 / /s rw - tmpfs \n31 21 0:6 / /x ro - tmpfs none ro\n", -1},
		{BEFORE "30 21 0:5 / /s rw - tmpfs none rw\n31 30 0:6 / /s ro - tmpfs none ro\n",
		 31},
		{BEFORE "30 21 0:5 / /s ro - tmpfs none ro\n31 30 0:6 / /s rw - fuse x rw\n", -1},
		{"30 21 0:5 / /s ro", -1},
		{"30\n/s ro - tmpfs none ro\n", -1},
		{"", -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(nsh_sight_find_mount(cases[i].text, "/s"), cases[i].id);
}

#define CHILDREN 300

struct looks {
	pthread_mutex_t lock;
	pid_t children[CHILDREN];
	int seen[CHILDREN];
	int code;
};

static int look(void *data, pid_t pid)
{
	struct looks *looks = data;

	pthread_mutex_lock(&looks->lock);
	for (size_t i = 0; i < CHILDREN; i++)
		looks->seen[i] += looks->children[i] == pid;
	pthread_mutex_unlock(&looks->lock);
	return looks->code;
}

/* More than one thread takes on; each process is looked at once. */
static void test_crowd(void **state)
{
	struct looks looks = {.lock = PTHREAD_MUTEX_INITIALIZER};

	(void)state;
	for (size_t i = 0; i < CHILDREN; i++) {
		looks.children[i] = fork();
		assert_true(looks.children[i] >= 0);
		if (looks.children[i] == 0) {
			pause();
			_exit(0);
		}
	}
	assert_int_equal(nsh_crowd_walk(look, &looks), 0);
	for (size_t i = 0; i < CHILDREN; i++)
		assert_int_equal(looks.seen[i], 1);
	looks.code = -ENODATA;
	assert_int_equal(nsh_crowd_walk(look, &looks), -ENODATA);
	for (size_t i = 0; i < CHILDREN; i++) {
		kill(looks.children[i], SIGKILL);
		waitpid(looks.children[i], NULL, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stat),
		cmocka_unit_test(test_hostile_name),
		cmocka_unit_test(test_no_stat),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_terminals),
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_crowd),
		cmocka_unit_test_setup_teardown(test_groups, make_folder, scratch_remove),
	};

	return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
