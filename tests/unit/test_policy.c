/* SPDX-License-Identifier: MIT */
/*
 * Policies from files: order, locks, matching, origins, and everything that makes one invalid.
 * Promise 1 (an invalid policy is no policy) and 2 (only the owner's files count).
 *
 * The Makefile puts what is here in place of posix_spawn(), which starts getent and nothing else.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsshell/policy.h"
#include "tests/unit/scratch.h"

int __real_posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attr, char *const argv[], char *const envp[]);
int __wrap_posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attr, char *const argv[], char *const envp[]);

static int spawn_fails; /* with this errno */

int __wrap_posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
	return spawn_fails ? spawn_fails : __real_posix_spawn(pid, path, actions, attr, argv, envp);
}

static struct nsh_user user = {.uid = 4711, .gid = 0, .name = (char *)"ann"};

static int make_folder(void **state)
{
	char path[128];

	(void)state;
	umask(022);
	if (scratch_make() < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/match.d", folder);
	if (mkdir(path, 0755) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/users.d", folder);
	return mkdir(path, 0755);
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

/* More names than the kernel tells of at once, each for everybody but every tenth; all have all their keys. */
static void test_many_match_files(void **state)
{
	struct nsh_policy policy;
	struct nsh_err err;

	(void)state;
	put("nsshell.conf", "");
	for (int i = 0; i < 300; i++) {
		char name[64];
		char text[128];

		snprintf(name, sizeof(name), "match.d/a-rather-long-name-%03d.conf", (i * 7) % 300);
		snprintf(text, sizeof(text), "[match]\nuser = %s\n[session]\nhostname = h%d\n",
			 (i * 7) % 300 % 10 ? "ann" : "bob", (i * 7) % 300);
		put(name, text);
	}
	assert_int_equal(load(&policy, &err), 0);
	assert_int_equal(policy.n_files, 271);
	assert_string_equal(policy.files[1], path_of("match.d/a-rather-long-name-001.conf"));
	assert_string_equal(policy.files[270], path_of("match.d/a-rather-long-name-299.conf"));
	assert_string_equal(nsh_policy_text(&policy, NSH_KEY_SESSION_HOSTNAME), "h299");
	nsh_policy_free(&policy);

	put("match.d/a-rather-long-name-010.conf", "[match]\nuser = bob\n[shell]\numask = 9\n");
	refused(-EINVAL, "match.d/a-rather-long-name-010.conf:4: shell.umask: ");
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

/* A group that cannot be asked for, as there is no getent, could be one that the user is denied by. */
static void test_match_unasked(void **state)
{
	static const int codes[][2] = {{ENOENT, -EIO}, {EACCES, -EACCES}, {EAGAIN, -EAGAIN}};

	(void)state;
	put("nsshell.conf", "");
	put("match.d/10.conf", "[match]\nuser = *\ngroup = root, no-such-group-here\n"
			       "[session]\nconfine = deny\n");
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		spawn_fails = codes[i][0];
		refused(codes[i][1], "match.d/10.conf:3: match.group: /usr/bin/getent group "
				     "no-such-group-here: ");
	}
	assert_int_equal(umask_after_match("group = root"), 011);
	spawn_fails = 0;
}

/* Returns the umask that a login gets, or the error of the load. */
static int umask_of_login(const struct nsh_login *login, struct nsh_err *err)
{
	struct nsh_place place = {.folder = folder, .owner = getuid()};
	struct nsh_policy policy;
	int number = nsh_policy_load(&policy, &place, &user, login, err);

	if (number < 0)
		return number;
	number = nsh_policy_number(&policy, NSH_KEY_SHELL_UMASK);
	nsh_policy_free(&policy);
	/* Apart from -EPERM. */
	return number == NSH_UMASK_KEEP ? 0 : number;
}

static void put_match(const char *match)
{
	char text[512];

	snprintf(text, sizeof(text), "[match]\n%s\n[shell]\numask = 011\n", match);
	put("match.d/10.conf", text);
}

static void test_match_login(void **state)
{
	static const struct {
		const char *match;
		struct nsh_login login;
		bool fits;
	} samples[] = {
		{"service = sshd", {"sshd", "", NULL}, true},
		{"service = sshd", {"ssh", "", NULL}, false},
		{"service = sshd", {"sshd2", "", NULL}, false},
		{"service = sshd", {"", "", NULL}, false},
		{"service = su, su-l", {"su-l", "", NULL}, true},
		{"service = *, !cron", {"sshd", "", NULL}, true},
		{"service = *, !cron", {"cron", "", NULL}, false},
		{"service = !cron", {"", "", NULL}, true},
		{"source = local", {"login", "", NULL}, true},
		{"source = local", {"sshd", "127.0.0.1", NULL}, false},
		{"source = !local", {"sshd", "127.0.0.1", NULL}, true},
		{"source = 10.0.0.0/8", {"sshd", "10.1.2.3", NULL}, true},
		{"source = 10.0.0.0/8", {"sshd", "::ffff:10.1.2.3", NULL}, true},
		{"source = 10.0.0.0/8", {"sshd", "11.1.2.3", NULL}, false},
		{"source = 10.0.0.0/8, !10.1.2.3", {"sshd", "10.1.2.3", NULL}, false},
		{"source = !10.1.2.3, 10.0.0.0/8", {"sshd", "10.1.2.3", NULL}, false},
		{"source = 10.0.0.0/8, !10.1.2.3", {"sshd", "10.1.2.4", NULL}, true},
		{"source = 2001:db8::/32, local", {"sshd", "2001:db8::1", NULL}, true},
		{"source = fe80::/10", {"sshd", "fe80::1%eth0", NULL}, true},
		{"source = *", {"sshd", "10.1.2.3", NULL}, true},
		{"source = *", {"login", "", NULL}, true},
		{"source = *, !local", {"login", "", NULL}, false},
		/* All that stands in [match] has to fit. */
		{"service = sshd\nsource = ::1", {"sshd", "::1", NULL}, true},
		{"service = sshd\nsource = ::1", {"sshd", "::2", NULL}, false},
		{"service = sshd\nsource = ::1", {"su", "::1", NULL}, false},
		{"user = ann\ngroup = root\nservice = sshd\nsource = ::1",
		 {"sshd", "::1", NULL},
		 true},
		{"user = bob\nservice = sshd", {"sshd", "::1", NULL}, false},
		{"group = sys\nsource = ::1", {"sshd", "::1", NULL}, false},
	};

	(void)state;
	put("nsshell.conf", "");
	for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
		struct nsh_err err = {0};
		int number;

		put_match(samples[i].match);
		number = umask_of_login(&samples[i].login, &err);
		if (number != (samples[i].fits ? 011 : 0))
			fail_msg("%s: %s from \"%s\": %d %s", samples[i].match,
				 samples[i].login.service, samples[i].login.source, number,
				 err.text);
	}
}

/* A name in place of the address is an error where the address decides, and nowhere else. */
static void test_match_unknown_source(void **state)
{
	static const struct nsh_login login = {"sshd", "trusted.example.org", NULL};
	struct nsh_err err = {0};

	(void)state;
	put("nsshell.conf", "");
	put_match("source = 10.0.0.0/8");
	assert_int_equal(umask_of_login(&login, &err), -EINVAL);
	assert_says(&err, "match.d/10.conf:2: match.source: the login comes from "
			  "\"trusted.example.org\", which is no address");
	put_match("service = sshd\nsource = !10.0.0.0/8");
	assert_int_equal(umask_of_login(&login, &err), -EINVAL);
	assert_says(&err, "match.d/10.conf:3: match.source");
	put_match("service = su\nsource = 10.0.0.0/8");
	assert_int_equal(umask_of_login(&login, &err), 0);
	put_match("user = bob\nsource = 10.0.0.0/8");
	assert_int_equal(umask_of_login(&login, &err), 0);
	put_match("service = sshd");
	assert_int_equal(umask_of_login(&login, &err), 011);
}

/* Without PAM nobody knows service and source, and the file could be what confines the user. */
static void test_match_without_pam(void **state)
{
	static const struct {
		const char *match;
		const char *says; /* NULL for a file that is not for the user anyway */
	} samples[] = {
		{"service = sshd", "10.conf:2: match.service: cannot be told for a login without"},
		{"service = *", "10.conf:2: match.service: cannot be told"},
		{"source = local", "10.conf:2: match.source: cannot be told"},
		{"source = *", "10.conf:2: match.source: cannot be told"},
		{"user = ann\nservice = sshd", "10.conf:3: match.service: cannot be told"},
		{"source = ::1\nuser = ann\ngroup = root", "10.conf:2: match.source: cannot"},
		{"user = bob\nservice = sshd", NULL},
		{"user = *, !ann\nsource = ::1", NULL},
		{"group = sys\nservice = sshd", NULL},
		{"group = no-such-group-here\nsource = ::1", NULL},
		{"user = ann\ngroup = sys\nservice = sshd\nsource = ::1", NULL},
	};

	(void)state;
	put("nsshell.conf", "");
	for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
		struct nsh_err err = {0};

		put_match(samples[i].match);
		assert_int_equal(umask_of_login(NULL, &err), samples[i].says ? -EPERM : 0);
		if (samples[i].says)
			assert_says(&err, samples[i].says);
	}
}

/* Whom the rest of the policy does not confine is not confined, unless the file has a say in that. */
static void test_unconfined_without_pam(void **state)
{
	static const struct {
		const char *more; /* of the match file */
		const char *user;
		int ret;
	} samples[] = {
		{"[view]\ntmp = host", "[session]\nconfine = no", 0},
		{"[view]\ntmp = host", "[session]\nconfine = auto", -EPERM},
		{"[view]\ntmp = host", "", -EPERM},
		{"[session]\nconfine = yes", "[session]\nconfine = no", -EPERM},
		{"[session]\nconfine = no", "", -EPERM},
		{"[shell]\nprogram = /bin/sh", "[session]\nconfine = no", -EPERM},
		{"[policy]\nlocked = session.confine", "[session]\nconfine = no", -EPERM},
	};

	(void)state;
	put("nsshell.conf", "");
	for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
		struct nsh_err err = {0};
		char text[256];

		snprintf(text, sizeof(text), "[match]\nservice = cron\n%s\n", samples[i].more);
		put("match.d/10.conf", text);
		put("users.d/ann.conf", samples[i].user);
		assert_int_equal(umask_of_login(NULL, &err), samples[i].ret);
		if (samples[i].ret)
			assert_says(&err, "10.conf:2: match.service: cannot be told");
	}
}

/* The keys that only the PAM module and its helper use. */
static void test_pam_keys(void **state)
{
	static const struct {
		const char *text;
		enum nsh_key_id id;
		int number;
	} samples[] = {
		{"", NSH_KEY_SESSION_CONFINE, NSH_CONFINE_AUTO},
		{"[session]\nconfine = deny\n", NSH_KEY_SESSION_CONFINE, NSH_CONFINE_DENY},
		{"", NSH_KEY_POLICY_REQUIRE_PAM, NSH_NO},
		{"[policy]\nrequire_pam = yes\n", NSH_KEY_POLICY_REQUIRE_PAM, NSH_YES},
		{"[policy]\nrequire_pam = yes\nlocked = policy.require_pam\n",
		 NSH_KEY_POLICY_REQUIRE_PAM, NSH_YES},
		{"", NSH_KEY_IDENTITY_SUBIDS, NSH_NO},
		{"[identity]\nsubids = yes\n[security]\nnested_userns = yes\n",
		 NSH_KEY_IDENTITY_SUBIDS, NSH_YES},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
		struct nsh_policy policy;
		struct nsh_err err;

		put("nsshell.conf", samples[i].text);
		assert_int_equal(load(&policy, &err), 0);
		assert_int_equal(nsh_policy_number(&policy, samples[i].id), samples[i].number);
		nsh_policy_free(&policy);
	}
	put("nsshell.conf", "[identity]\nsubids = yes\n");
	refused(-EINVAL, "nsshell.conf:2: identity.subids: needs security.nested_userns = yes");
	put("nsshell.conf", "[match]\nsource = local\n");
	refused(-EINVAL, "nsshell.conf:2: match.source: is for files in match.d only");
	put("nsshell.conf", "");
	put("match.d/10.conf", "[match]\nsource =\n");
	refused(-EINVAL, "match.d/10.conf:2: match.source: the list is empty");
	put("match.d/10.conf", "[match]\nuser = bob\nsource = 10.0.0.1/8\n");
	refused(-EINVAL, "match.d/10.conf:3: match.source: \"10.0.0.1/8\" has bits set behind");
}

static void test_locked_require_pam(void **state)
{
	struct nsh_policy policy;
	struct nsh_err err;

	(void)state;
	put("nsshell.conf", "[policy]\nrequire_pam = yes\nlocked = policy.require_pam\n");
	put("users.d/ann.conf", "[policy]\nrequire_pam = no\n[session]\nconfine = deny\n");
	assert_int_equal(load(&policy, &err), 0);
	assert_int_equal(nsh_policy_number(&policy, NSH_KEY_POLICY_REQUIRE_PAM), NSH_YES);
	assert_int_equal(nsh_policy_number(&policy, NSH_KEY_SESSION_CONFINE), NSH_CONFINE_DENY);
	nsh_policy_free(&policy);
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

/* A file that is not installed, in place of the user's own. */
static void test_user_file(void **state)
{
	struct nsh_place place = {.folder = folder, .owner = getuid(), .user_file_owner = getuid()};
	struct nsh_policy policy;
	struct nsh_err err = {0};
	char path[256];

	(void)state;
	put("nsshell.conf", "[policy]\nlocked = view.tmp\n[shell]\numask = 022\n");
	put("users.d/ann.conf", "[shell]\nprogram = /bin/installed\numask = 027\n");
	put("tried", "[view]\ntmp = host\n[shell]\nprogram = /bin/tried\n");
	snprintf(path, sizeof(path), "%s", path_of("tried"));
	place.user_file = path;
	assert_int_equal(nsh_policy_load(&policy, &place, &user, NULL, &err), 0);
	assert_string_equal(nsh_policy_text(&policy, NSH_KEY_SHELL_PROGRAM), "/bin/tried");
	assert_int_equal(nsh_policy_number(&policy, NSH_KEY_SHELL_UMASK), 022);
	assert_string_equal(nsh_policy_text(&policy, NSH_KEY_VIEW_TMP), "private");
	assert_string_equal(policy.settings[NSH_KEY_SHELL_PROGRAM].file, path);
	nsh_policy_free(&policy);

	place.user_file_owner = getuid() + 1;
	assert_int_equal(nsh_policy_load(&policy, &place, &user, NULL, &err), -EPERM);
	assert_says(&err, "belongs to user id");
	place.user_file_owner = getuid();
	chmod(path, 0664);
	assert_int_equal(nsh_policy_load(&policy, &place, &user, NULL, &err), -EPERM);
	assert_says(&err, "can be written by others");
	unlink(path);
	assert_int_equal(nsh_policy_load(&policy, &place, &user, NULL, &err), -ENOENT);
	assert_says(&err, "tried: No such file");
}

static void write_and_read(const struct nsh_policy *policy, struct nsh_policy *again)
{
	struct nsh_err err = {0};
	size_t len;
	char *text = nsh_policy_write(policy, &len);

	assert_non_null(text);
	put("resolved", text);
	free(text);
	if (nsh_policy_load_resolved(again, path_of("resolved"), getuid(), &err) < 0)
		fail_msg("%s", err.text);
}

/* What is written reads back as the same policy. */
static void test_write_and_read(void **state)
{
	struct nsh_policy policy;
	struct nsh_policy again;
	struct nsh_err err = {0};

	(void)state;
	put("nsshell.conf",
	    "[env]\nset = A=b c, D=\n[view]\nhide = /a, -/b\n[policy]\nlocked = env.set\n");
	assert_int_equal(load(&policy, &err), 0);
	write_and_read(&policy, &again);
	for (int i = 0; i < NSH_KEY_COUNT; i++) {
		assert_string_equal(policy.settings[i].text, again.settings[i].text);
		assert_int_equal(policy.settings[i].number, again.settings[i].number);
	}
	nsh_policy_free(&policy);
	nsh_policy_free(&again);
}

/* What is read from lines of the greatest length can be written and read again. */
static void test_write_long_line(void **state)
{
	char text[1100] = "[view]\nhide=/";
	struct nsh_policy policy;
	struct nsh_policy again;
	struct nsh_err err = {0};

	(void)state;
	for (int line = 998; line <= 1000; line++) {
		memset(text + 13, 'a', (size_t)line - 6);
		memcpy(text + 7 + line, "\n", 2);
		put("nsshell.conf", text);
		assert_int_equal(load(&policy, &err), 0);
		write_and_read(&policy, &again);
		assert_string_equal(nsh_policy_text(&again, NSH_KEY_VIEW_HIDE),
				    nsh_policy_text(&policy, NSH_KEY_VIEW_HIDE));
		nsh_policy_free(&again);
		nsh_policy_free(&policy);
	}
}

/* The name of a file stays in its comment, whatever is in it. */
static void test_write_odd_name(void **state)
{
	struct nsh_policy policy;
	struct nsh_policy again;
	struct nsh_err err = {0};

	(void)state;
	put("nsshell.conf", "");
	put("match.d/a\n[env]\nset = X=y\n\033.conf", "[match]\nuser = *\n[view]\nhide = /a\n");
	assert_int_equal(load(&policy, &err), 0);
	write_and_read(&policy, &again);
	assert_string_equal(nsh_policy_text(&again, NSH_KEY_VIEW_HIDE), "/a");
	assert_string_equal(nsh_policy_text(&again, NSH_KEY_ENV_SET), "");
	nsh_policy_free(&again);
	nsh_policy_free(&policy);
}

/* What a policy cannot hold is an error where it is made, and not in the session that reads it. */
static void test_settle_refused(void **state)
{
	static const char *const bads[] = {"a\nb", "a;b", "a ", "\xc3\xa4", "", "%x", "a\\"};
	char lengthy[1100];
	struct nsh_policy policy;
	struct nsh_err err = {0};

	(void)state;
	memset(lengthy, 'a', sizeof(lengthy));
	lengthy[sizeof(lengthy) - 1] = '\0';
	put("nsshell.conf", "");
	assert_int_equal(load(&policy, &err), 0);
	for (size_t i = 0; i < sizeof(bads) / sizeof(*bads); i++) {
		assert_int_equal(
			nsh_policy_settle(&policy, NSH_KEY_SESSION_HOSTNAME, bads[i], &err), -22);
		assert_says(&err, "session.hostname, as settled on this machine: ");
	}
	assert_int_equal(nsh_policy_settle(&policy, NSH_KEY_SESSION_HOSTNAME, lengthy, &err), -22);
	assert_string_equal(nsh_policy_text(&policy, NSH_KEY_SESSION_HOSTNAME), "%u-%h");
	nsh_policy_free(&policy);
}

/* A settled value keeps its origin, changes no other, and is what the frame's policy says. */
static void test_settle(void **state)
{
	struct nsh_policy policy;
	struct nsh_policy again;
	struct nsh_err err = {0};
	const struct nsh_setting *setting = &policy.settings[NSH_KEY_SESSION_HOSTNAME];
	size_t len;
	char *text;

	(void)state;
	put("nsshell.conf", "[session]\n\nhostname = %u-%g\nconfine = yes\n");
	assert_int_equal(load(&policy, &err), 0);
	assert_int_equal(nsh_policy_settle(&policy, NSH_KEY_SESSION_HOSTNAME, "ann-root", &err), 0);
	assert_string_equal(setting->text, "ann-root");
	assert_string_equal(setting->file, path_of("nsshell.conf"));
	assert_int_equal(setting->line, 3);
	assert_int_equal(nsh_policy_number(&policy, NSH_KEY_SESSION_CONFINE), NSH_CONFINE_YES);
	/* Once more, with its own text. */
	assert_int_equal(nsh_policy_settle(&policy, NSH_KEY_SESSION_HOSTNAME, setting->text, &err),
			 0);
	assert_string_equal(setting->text, "ann-root");
	text = nsh_policy_write(&policy, &len);
	assert_non_null(text);
	put("resolved", text);
	free(text);
	assert_int_equal(nsh_policy_load_resolved(&again, path_of("resolved"), getuid(), &err), 0);
	assert_string_equal(nsh_policy_text(&again, NSH_KEY_SESSION_HOSTNAME), "ann-root");
	nsh_policy_free(&again);
	nsh_policy_free(&policy);
}

/* So does a default, which stays one. */
static void test_settle_default(void **state)
{
	struct nsh_policy policy;
	struct nsh_err err = {0};

	(void)state;
	put("nsshell.conf", "");
	assert_int_equal(load(&policy, &err), 0);
	assert_int_equal(nsh_policy_settle(&policy, NSH_KEY_SESSION_HOSTNAME, "x", &err), 0);
	assert_string_equal(nsh_policy_text(&policy, NSH_KEY_SESSION_HOSTNAME), "x");
	assert_null(policy.settings[NSH_KEY_SESSION_HOSTNAME].file);
	assert_int_equal(policy.settings[NSH_KEY_SESSION_HOSTNAME].line, 0);
	nsh_policy_free(&policy);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_defaults),
		TEST(test_order_and_origin),
		TEST(test_many_match_files),
		TEST(test_locked),
		TEST(test_match),
		TEST(test_match_unasked),
		TEST(test_match_login),
		TEST(test_match_unknown_source),
		TEST(test_match_without_pam),
		TEST(test_unconfined_without_pam),
		TEST(test_pam_keys),
		TEST(test_locked_require_pam),
		TEST(test_invalid),
		TEST(test_files),
		TEST(test_owner),
		TEST(test_user_file),
		TEST(test_write_and_read),
		TEST(test_write_long_line),
		TEST(test_write_odd_name),
		TEST(test_settle_refused),
		TEST(test_settle),
		TEST(test_settle_default),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
