/* SPDX-License-Identifier: MIT */
/*
 * What an observer is told of a policy: every error, and every value with what overrode or locked it. The result is
 * that of a login, which has no observer.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsshell/policy.h"
#include "tests/unit/scratch.h"

#define MOST 64

static struct nsh_user user = {.uid = 4711, .gid = 0, .name = (char *)"ann"};

/* What was told, a line each, with paths below the folder. */
static struct {
	char complaints[MOST][512];
	size_t n_complaints;
	char settings[MOST][512];
	size_t n_settings;
} told;

static const char *short_name(const char *path)
{
	size_t len = strlen(folder);

	return !strncmp(path, folder, len) && path[len] == '/' ? path + len + 1 : path;
}

static void take_complaint(void *data, const struct nsh_complaint *complaint)
{
	assert_ptr_equal(data, &told);
	assert_true(told.n_complaints < MOST);
	snprintf(told.complaints[told.n_complaints++], 512, "%s:%u:%s.%s:%s",
		 short_name(complaint->file), complaint->line,
		 complaint->section ? complaint->section : "", complaint->key ? complaint->key : "",
		 complaint->text);
}

static void take_setting(void *data, const struct nsh_seen *seen)
{
	assert_ptr_equal(data, &told);
	assert_true(told.n_settings < MOST);
	snprintf(told.settings[told.n_settings++], 512, "%s:%u:%s.%s=%s:%s:%u",
		 short_name(seen->file), seen->line, nsh_keys[seen->id].section,
		 nsh_keys[seen->id].key, seen->text,
		 seen->lock_file ? short_name(seen->lock_file) : "", seen->lock_line);
}

static const struct nsh_observer observer = {
	.data = &told, .complaint = take_complaint, .setting = take_setting};

static const char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static int make_folder(void **state)
{
	(void)state;
	umask(022);
	memset(&told, 0, sizeof(told));
	return scratch_make() < 0 || mkdir(path_of("match.d"), 0755) < 0 ||
	       mkdir(path_of("users.d"), 0755) < 0;
}

static void put(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* Loads with and without an observer: code and text of the first error are the same. */
static int load(const struct nsh_login *login, struct nsh_err *err)
{
	struct nsh_place place = {.folder = folder, .owner = getuid()};
	struct nsh_policy policy;
	struct nsh_err alone = {0};
	int code = nsh_policy_load(&policy, &place, &user, login, &alone);
	int ret;

	if (code == 0)
		nsh_policy_free(&policy);
	place.observer = &observer;
	ret = nsh_policy_load(&policy, &place, &user, login, err);
	if (ret == 0)
		nsh_policy_free(&policy);
	assert_int_equal(ret, code);
	if (ret < 0)
		assert_string_equal(err->text, alone.text);
	return ret;
}

static void assert_told(char (*lines)[512], size_t count, const char *const *expected)
{
	for (size_t i = 0; i < count && expected[i]; i++)
		assert_string_equal(lines[i], expected[i]);
	assert_null(expected[count]);
}

/* All of a file, and of all files, in the order of reading. */
static void test_every_error(void **state)
{
	static const char *const expected[] = {
		"nsshell.conf:2:.:the character ; is allowed in comment lines only",
		"nsshell.conf:6:.:neither [section], key = value nor a comment",
		"nsshell.conf:4:session.confine:\"maybe\" is not one of auto|yes|no|deny",
		"nsshell.conf:7:zzz.:unknown section",
		"match.d/10.conf:1:.:has no [match] that says whom it is for",
		"match.d/20.conf:2:match.user:the list is empty",
		"match.d/20.conf:3:match.group:the list is empty",
		"users.d/ann.conf:2:match.user:is for files in match.d only",
		NULL};
	struct nsh_err err = {0};

	(void)state;
	put("nsshell.conf",
	    "[session]\nhostname = a;b\n\nconfine = maybe\n[view]\nrubbish\n[zzz]\n");
	put("match.d/10.conf", "[shell]\numask = 022\n");
	put("match.d/20.conf", "[match]\nuser =\ngroup =\n");
	put("users.d/ann.conf", "[match]\nuser = ann\n");
	put("users.d/bob.conf", "rubbish");
	assert_int_equal(load(NULL, &err), -EINVAL);
	assert_says(&err, "nsshell.conf:2: the character ;");
	assert_told(told.complaints, told.n_complaints, expected);
}

/* What follows a section that cannot be read belongs to nobody, and is not complained of. */
static void test_lost_section(void **state)
{
	static const char *const expected[] = {
		"nsshell.conf:1:.:a section is [name] alone on its line",
		"nsshell.conf:5:.:section [shell] stands here a second time",
		"nsshell.conf:6:.:shell.umask stands here a second time", NULL};
	struct nsh_err err = {0};

	(void)state;
	put("nsshell.conf",
	    "[session\nconfine = maybe\n[shell]\numask = 022\n[shell]\numask = 077\n");
	assert_int_equal(load(NULL, &err), -EINVAL);
	assert_told(told.complaints, told.n_complaints, expected);
}

/* A file whose owner or mode is wrong is read all the same, and so is what lies in such a folder. */
static void test_not_trusted(void **state)
{
	static const char *const expected[] = {
		"match.d:0:.:can be written by others than its owner (mode 0775)",
		"match.d/10.conf:2:match.users:unknown key, did you mean match.user?",
		"users.d/ann.conf:0:.:can be written by others than its owner (mode 0666)",
		"users.d/ann.conf:2:shell.umask:\"x\" is neither keep nor three or four octal "
		"digits",
		NULL};
	struct nsh_err err = {0};

	(void)state;
	put("nsshell.conf", "");
	put("match.d/10.conf", "[match]\nusers = ann\n");
	put("users.d/ann.conf", "[shell]\numask = x\n");
	chmod(path_of("match.d"), 0775);
	chmod(path_of("users.d/ann.conf"), 0666);
	assert_int_equal(load(NULL, &err), -EPERM);
	assert_told(told.complaints, told.n_complaints, expected);
}

static void test_missing(void **state)
{
	static const char *const expected[] = {"nsshell.conf:0:.:No such file or directory",
					       "match.d/10.conf:0:.:is a symbolic link", NULL};
	struct nsh_err err = {0};

	(void)state;
	assert_int_equal(symlink("/dev/null", path_of("match.d/10.conf")), 0);
	assert_int_equal(load(NULL, &err), -ENOENT);
	assert_told(told.complaints, told.n_complaints, expected);
}

/* Both combinations, though the first one alone refuses a login. */
static void test_together(void **state)
{
	static const char *const expected[] = {
		"nsshell.conf:2:network.publish:needs network.mode = nat",
		"nsshell.conf:4:identity.subids:needs security.nested_userns = yes", NULL};
	struct nsh_err err = {0};

	(void)state;
	put("nsshell.conf", "[network]\npublish = 8080\n[identity]\nsubids = yes\n");
	assert_int_equal(load(NULL, &err), -EINVAL);
	assert_told(told.complaints, told.n_complaints, expected);
}

/* A file of which it is not certain whom it is for sets nothing; the sound part of others counts. */
static void test_doubtful(void **state)
{
	static const char *const expected[] = {"nsshell.conf:3:view.tmp=host::0",
					       "match.d/30.conf:4:shell.umask=022::0", NULL};
	struct nsh_err err = {0};

	(void)state;
	put("nsshell.conf", "[view]\nhide = x\ntmp = host\n");
	put("match.d/10.conf", "[match]\nuser = a b c\n[shell]\numask = 011\n");
	put("match.d/20.conf", "rubbish\n[match]\nuser = ann\n[shell]\numask = 012\n");
	put("match.d/30.conf", "[match]\nuser = ann\n[shell]\numask = 022\nprogram = bash\n");
	put("match.d/40.conf", "[match]\nuser = bob\n[shell]\numask = 044\n");
	assert_int_equal(load(NULL, &err), -EINVAL);
	assert_told(told.settings, told.n_settings, expected);
	assert_int_equal(told.n_complaints, 4);
}

/* Each value in the order of the files, with what has locked its key first. */
static void test_settings(void **state)
{
	static const char *const expected[] = {
		"nsshell.conf:2:policy.locked=shell.umask::0",
		"nsshell.conf:5:shell.program=/1::0",
		"nsshell.conf:4:shell.umask=077::0",
		"match.d/10.conf:4:policy.locked=shell.program, shell.umask::0",
		"match.d/10.conf:6:shell.program=/2::0",
		"users.d/ann.conf:2:shell.program=/3:match.d/10.conf:4",
		"users.d/ann.conf:3:shell.umask=000:nsshell.conf:2",
		"users.d/ann.conf:5:view.tmp=host::0",
		NULL};
	struct nsh_err err = {0};

	(void)state;
	put("nsshell.conf", "[policy]\nlocked = shell.umask\n[shell]\numask = 077\nprogram = /1\n");
	put("match.d/10.conf", "[match]\nuser = *\n[policy]\nlocked = shell.program, shell.umask\n"
			       "[shell]\nprogram = /2\n");
	put("match.d/20.conf", "[match]\nuser = bob\n[shell]\nprogram = /9\n");
	put("users.d/ann.conf", "[shell]\nprogram = /3\numask = 000\n[view]\ntmp = host\n");
	assert_int_equal(load(NULL, &err), 0);
	assert_told(told.settings, told.n_settings, expected);
	assert_int_equal(told.n_complaints, 0);
}

/* What only the login decides is an error of each file that asks for it. */
static void test_login(void **state)
{
	static const struct nsh_login login = {"sshd", "host.example.org", NULL};
	static const char *const expected[] = {"match.d/10.conf:2:match.source:the login comes "
					       "from \"host.example.org\", which is "
					       "no address (sshd: UseDNS no)",
					       "match.d/20.conf:2:match.source:the login comes "
					       "from \"host.example.org\", which is "
					       "no address (sshd: UseDNS no)",
					       NULL};
	struct nsh_err err = {0};

	(void)state;
	put("nsshell.conf", "");
	put("match.d/10.conf", "[match]\nsource = ::1\n");
	put("match.d/20.conf", "[match]\nsource = ::2\n");
	assert_int_equal(load(&login, &err), -EINVAL);
	assert_told(told.complaints, told.n_complaints, expected);
	told.n_complaints = 0;
	assert_int_equal(load(NULL, &err), -EPERM);
	assert_int_equal(told.n_complaints, 2);
}

static int check(const char *name, enum nsh_file_kind kind, uid_t owner)
{
	const struct nsh_place place = {.owner = owner, .observer = &observer};
	struct nsh_err err = {0};

	memset(&told, 0, sizeof(told));
	return nsh_policy_check(&place, path_of(name), kind, &err);
}

/* One file by itself: what it may hold goes by its kind. */
static void test_check(void **state)
{
	(void)state;
	put("a.conf", "[match]\nuser = ann\n[shell]\numask = 022\n");
	assert_int_equal(check("a.conf", NSH_FILE_ANY, getuid()), 0);
	assert_int_equal(told.n_settings, 2);
	assert_string_equal(told.settings[0], "a.conf:2:match.user=ann::0");
	assert_int_equal(check("a.conf", NSH_FILE_MATCH, getuid()), 0);
	assert_int_equal(check("a.conf", NSH_FILE_COMMON, getuid()), -EINVAL);
	put("a.conf", "[shell]\numask = 022\n");
	assert_int_equal(check("a.conf", NSH_FILE_ANY, getuid()), 0);
	assert_int_equal(check("a.conf", NSH_FILE_MATCH, getuid()), -EINVAL);
	assert_int_equal(check("missing.conf", NSH_FILE_ANY, getuid()), -ENOENT);
	assert_int_equal(told.n_complaints, 1);
	chmod(path_of("a.conf"), 0666);
	assert_int_equal(check("a.conf", NSH_FILE_ANY, getuid()), -EPERM);
	assert_int_equal(check("a.conf", NSH_FILE_ANY, NSH_OWNER_ANY), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_error), TEST(test_lost_section), TEST(test_not_trusted),
		TEST(test_missing),     TEST(test_together),     TEST(test_doubtful),
		TEST(test_settings),    TEST(test_login),        TEST(test_check),
	};

	return cmocka_run_group_tests_name("observer", tests, NULL, NULL);
}
