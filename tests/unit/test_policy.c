/* SPDX-License-Identifier: MIT */
/*
 * Policies from files: order, locks, matching, origins, and everything that makes one invalid.
 * Promise 1 (an invalid policy is no policy) and 2 (only the owner's files count).
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsshell/policy.h"

static char folder[64];

static struct nsh_user user = {.uid = 4711, .gid = 0, .name = (char *)"ann"};

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int make_folder(void **state)
{
	char path[128];

	(void)state;
	umask(022);
	strcpy(folder, "/tmp/nsh-unit-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	chmod(folder, 0755);
	snprintf(path, sizeof(path), "%s/match.d", folder);
	if (mkdir(path, 0755) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/users.d", folder);
	return mkdir(path, 0755);
}

static int remove_folder(void **state)
{
	(void)state;
	return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static const char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void put(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int load(struct nsh_policy *policy, struct nsh_err *err)
{
	struct nsh_place place = {.folder = folder, .owner = getuid()};

	return nsh_policy_load(policy, &place, &user, NULL, err);
}

static void refused(int code, const char *says)
{
	struct nsh_policy policy;
	struct nsh_err err = {0};

	assert_int_equal(load(&policy, &err), code);
	assert_says(&err, says);
}

static void test_defaults(void **state)
{
	struct nsh_policy policy;
	struct nsh_err err;

	(void)state;
	put("nsshell.conf", "");
	assert_int_equal(load(&policy, &err), 0);
	assert_string_equal(nsh_policy_text(&policy, NSH_KEY_SHELL_PROGRAM), "/bin/bash");
	assert_null(policy.settings[NSH_KEY_SHELL_PROGRAM].file);
	assert_int_equal(nsh_policy_number(&policy, NSH_KEY_SHELL_UMASK), NSH_UMASK_KEEP);
	nsh_policy_free(&policy);
}

static void test_order_and_origin(void **state)
{
	struct nsh_policy policy;
	struct nsh_err err;

	(void)state;
	put("nsshell.conf", "[shell]\nprogram = /1\numask = 077\n[view]\nhide = /a\n");
	put("match.d/20-b.conf", "[match]\nuser = ann\n[shell]\nprogram = /3\n[view]\nhide =\n");
	put("match.d/10-a.conf",
	    "[match]\nuser = *\n[shell]\nprogram = /2\n[identity]\nuid = root\n");
	put("match.d/30-c.conf", "[match]\nuser = bob\n[identity]\nuid = keep\n");
	put("match.d/40-d.conf~", "rubbish");
	put("match.d/.hidden.conf", "rubbish");
	put("users.d/ann.conf", "# mine\n\n[shell]\n\numask = 027\n");
	put("users.d/bob.conf", "rubbish");
	assert_int_equal(load(&policy, &err), 0);
	assert_string_equal(nsh_policy_text(&policy, NSH_KEY_SHELL_PROGRAM), "/3");
	assert_string_equal(policy.settings[NSH_KEY_SHELL_PROGRAM].file,
			    path_of("match.d/20-b.conf"));
	assert_int_equal(policy.settings[NSH_KEY_SHELL_PROGRAM].line, 4);
	assert_int_equal(nsh_policy_number(&policy, NSH_KEY_SHELL_UMASK), 027);
	assert_string_equal(policy.settings[NSH_KEY_SHELL_UMASK].file, path_of("users.d/ann.conf"));
	assert_int_equal(policy.settings[NSH_KEY_SHELL_UMASK].line, 5);
	assert_int_equal(nsh_policy_number(&policy, NSH_KEY_IDENTITY_UID), NSH_UID_ROOT);
	assert_string_equal(nsh_policy_text(&policy, NSH_KEY_VIEW_HIDE), "");
	assert_int_equal(policy.n_files, 4);
	nsh_policy_free(&policy);
}

static void test_locked(void **state)
{
	struct nsh_policy policy;
	struct nsh_err err;

	(void)state;
	put("nsshell.conf", "[policy]\nlocked = shell.umask\n[shell]\numask = 077\nprogram = /1\n");
	put("match.d/10.conf", "[match]\nuser = *\n[policy]\nlocked = shell.program, view.tmp\n"
			       "[shell]\nprogram = /2\numask = 000\n");
	put("users.d/ann.conf", "[shell]\nprogram = /3\numask = 000\n[view]\ntmp = host\n");
	assert_int_equal(load(&policy, &err), 0);
	assert_int_equal(nsh_policy_number(&policy, NSH_KEY_SHELL_UMASK), 077);
	assert_string_equal(nsh_policy_text(&policy, NSH_KEY_SHELL_PROGRAM), "/2");
	assert_int_equal(nsh_policy_number(&policy, NSH_KEY_VIEW_TMP), NSH_TMP_PRIVATE);
	nsh_policy_free(&policy);
}

static int umask_after_match(const char *match)
{
	struct nsh_policy policy;
	struct nsh_err err;
	char text[512];
	int number;

	snprintf(text, sizeof(text), "[match]\n%s\n[shell]\numask = 011\n", match);
	put("match.d/10.conf", text);
	if (load(&policy, &err) < 0)
		fail_msg("%s", err.text);
	number = nsh_policy_number(&policy, NSH_KEY_SHELL_UMASK);
	nsh_policy_free(&policy);
	return number;
}

static void test_match(void **state)
{
	gid_t groups[] = {1, 2};

	(void)state;
	put("nsshell.conf", "");
	user.groups = groups;
	user.n_groups = 2;
	assert_int_equal(umask_after_match("user = ann"), 011);
	assert_int_equal(umask_after_match("user = bob, ann"), 011);
	assert_int_equal(umask_after_match("user = bob"), NSH_UMASK_KEEP);
	assert_int_equal(umask_after_match("user = an"), NSH_UMASK_KEEP);
	assert_int_equal(umask_after_match("user = *, !ann"), NSH_UMASK_KEEP);
	assert_int_equal(umask_after_match("user = !ann, *"), NSH_UMASK_KEEP);
	assert_int_equal(umask_after_match("user = !bob"), 011);
	assert_int_equal(umask_after_match("group = root"), 011);
	assert_int_equal(umask_after_match("group = bin"), 011);
	assert_int_equal(umask_after_match("group = sys"), NSH_UMASK_KEEP);
	assert_int_equal(umask_after_match("group = *, !bin"), NSH_UMASK_KEEP);
	assert_int_equal(umask_after_match("group = no-such-group-here"), NSH_UMASK_KEEP);
	assert_int_equal(umask_after_match("user = ann\ngroup = sys"), NSH_UMASK_KEEP);
	assert_int_equal(umask_after_match("user = ann\ngroup = daemon"), 011);
	user.groups = NULL;
	user.n_groups = 0;
}

static void test_invalid(void **state)
{
	static const struct {
		const char *text;
		const char *says;
	} bads[] = {
		{"[session]\nhostnam = x\n",
		 "nsshell.conf:2: session.hostnam: unknown key, did you mean session.hostname?"},
		{"[shell]\nhostname = x\n", "did you mean session.hostname?"},
		{"[zzz]\n", "nsshell.conf:1: [zzz]: unknown section"},
		{"[session]\n\nconfine = maybe\n",
		 "nsshell.conf:3: session.confine: \"maybe\" is not one of auto|yes|no"},
		{"[match]\nuser = ann\n",
		 "nsshell.conf:2: match.user: is for files in match.d only"},
		{"[session]\nconfine\n", "nsshell.conf:2: neither"},
		{"[session]\nconfine = no ; x\n", "nsshell.conf:2: the character ;"},
		{"[policy]\nlocked = view\n",
		 "nsshell.conf:2: policy.locked: \"view\" is not a known"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bads) / sizeof(*bads); i++) {
		put("nsshell.conf", bads[i].text);
		refused(-EINVAL, bads[i].says);
	}
	put("nsshell.conf", "");
	put("match.d/10-x.conf", "[shell]\numask = 022\n");
	refused(-EINVAL, "match.d/10-x.conf:1: has no [match]");
	put("match.d/10-x.conf", "[match]\nuser = bob\n[shell]\numask = 9\n");
	refused(-EINVAL, "match.d/10-x.conf:4: shell.umask");
	put("match.d/10-x.conf", "[match]\nuser = ann\ngroup =\n");
	refused(-EINVAL, "match.d/10-x.conf:3: match.group: the list is empty");
}

static void test_files(void **state)
{
	char large[70000];

	(void)state;
	refused(-ENOENT, "nsshell.conf: No such file");
	assert_int_equal(mkdir(path_of("nsshell.conf"), 0755), 0);
	refused(-EPERM, "nsshell.conf: is not a regular file");
	rmdir(path_of("nsshell.conf"));
	assert_int_equal(mkfifo(path_of("nsshell.conf"), 0644), 0);
	refused(-EPERM, "nsshell.conf: is not a regular file");
	unlink(path_of("nsshell.conf"));
	assert_int_equal(symlink("/dev/null", path_of("nsshell.conf")), 0);
	refused(-EPERM, "nsshell.conf: is a symbolic link");
	unlink(path_of("nsshell.conf"));
	put("nsshell.conf", "");
	chmod(path_of("nsshell.conf"), 0664);
	refused(-EPERM, "nsshell.conf: can be written by others than its owner (mode 0664)");
	chmod(path_of("nsshell.conf"), 0646);
	refused(-EPERM, "can be written by others");
	memset(large, '\n', sizeof(large));
	large[sizeof(large) - 1] = '\0';
	put("nsshell.conf", large);
	chmod(path_of("nsshell.conf"), 0644);
	refused(-E2BIG, "nsshell.conf: is larger than 64 KiB");
	put("nsshell.conf", "");
	chmod(path_of("match.d"), 0775);
	refused(-EPERM, "match.d: can be written by others");
	chmod(path_of("match.d"), 0755);
	chmod(folder, 0777);
	refused(-EPERM, "can be written by others");
	chmod(folder, 0755);
}

static void test_owner(void **state)
{
	struct nsh_place place = {.folder = folder, .owner = getuid() + 1};
	struct nsh_policy policy;
	struct nsh_err err = {0};

	(void)state;
	put("nsshell.conf", "");
	assert_int_equal(nsh_policy_load(&policy, &place, &user, NULL, &err), -EPERM);
	assert_says(&err, "belongs to user id");
}

/* What is written reads back as the same policy. */
static void test_write_and_read(void **state)
{
	struct nsh_policy policy;
	struct nsh_policy again;
	struct nsh_err err = {0};
	size_t len;
	char *text;

	(void)state;
	put("nsshell.conf",
	    "[env]\nset = A=b c, D=\n[view]\nhide = /a, -/b\n[policy]\nlocked = env.set\n");
	assert_int_equal(load(&policy, &err), 0);
	text = nsh_policy_write(&policy, &len);
	assert_non_null(text);
	put("resolved", text);
	assert_int_equal(nsh_policy_load_resolved(&again, path_of("resolved"), getuid(), &err), 0);
	for (int i = 0; i < NSH_KEY_COUNT; i++) {
		assert_string_equal(policy.settings[i].text, again.settings[i].text);
		assert_int_equal(policy.settings[i].number, again.settings[i].number);
	}
	free(text);
	nsh_policy_free(&policy);
	nsh_policy_free(&again);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_defaults), TEST(test_order_and_origin), TEST(test_locked),
		TEST(test_match),    TEST(test_invalid),          TEST(test_files),
		TEST(test_owner),    TEST(test_write_and_read),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
