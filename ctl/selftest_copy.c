/* SPDX-License-Identifier: MIT */
/*
 * selftest: that the programs work which start a session on the other side. They are the machine's own, told to use
 * another program than ssh(1).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/selftest.h"
#include "nsshell/cleanup.h"

#define HOST "nsshell-selftest"

static bool is_ephemeral(const struct nsh_selftest *self)
{
	return nsh_policy_number(&self->trial->policy, NSH_KEY_VIEW_HOME) == NSH_HOME_EPHEMERAL;
}

/* What all of them need. PASS when it is there. */
static enum nsh_result check_needs(struct nsh_selftest *self, const char *program)
{
	char path[NSH_PROGRAM_MAX];

	if (!nsh_program_find(program, path))
		return nsh_test_none(self, "%s is not installed", program);
	if (!*self->folders.name)
		return nsh_test_none(self, "the home %.256s cannot be written to",
				     self->trial->user.home);
	return NSH_TEST_PASS;
}

static void own_path(const struct nsh_selftest *self, const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%.4000s/%s", self->folders.own, name);
}

/* Where the file with that name is for scp and rsync: below the home. */
static void far_path(const struct nsh_selftest *self, const char *name, char path[256])
{
	snprintf(path, 256, HOST ":%s/%s", self->folders.name, name);
}

/* Whether the file is what the seed is. Opened without links: the other side may have sent one. */
static bool is_seed(const struct nsh_selftest *self, const char *path)
{
	NSH_CLOSE int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	NSH_FREE unsigned char *bytes = malloc(NSH_SEED_SIZE + 1);
	size_t len = 0;
	ssize_t got = 0;

	while (fd >= 0 && bytes && len <= NSH_SEED_SIZE &&
	       (got = read(fd, bytes + len, NSH_SEED_SIZE + 1 - len)) > 0)
		len += (size_t)got;
	return bytes && got == 0 && len == NSH_SEED_SIZE && !memcmp(bytes, self->folders.seed, len);
}

/* What is to be sent: a file of root's with the same bytes. */
static bool make_local(struct nsh_selftest *self, char path[PATH_MAX])
{
	NSH_CLOSE int fd = -1;

	own_path(self, "local", path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd >= 0 && write(fd, self->folders.seed, NSH_SEED_SIZE) == NSH_SEED_SIZE)
		return true;
	nsh_test_fail(self, "%.512s: %s", path, strerror(errno));
	return false;
}

/* Fetches by the command, which ends with what is to be fetched and where to; compares. */
static enum nsh_result fetch(struct nsh_selftest *self, const char **argv, const char *name)
{
	char from[256];
	char to[PATH_MAX];
	size_t n = 0;

	far_path(self, name, from);
	own_path(self, "fetched", to);
	unlink(to);
	while (argv[n])
		n++;
	argv[n] = from;
	argv[n + 1] = to;
	if (nsh_test_program(self, argv, NULL) < 0)
		return NSH_TEST_FAIL;
	argv[n] = argv[n + 1] = NULL;
	if (is_seed(self, to))
		return NSH_TEST_PASS;
	return nsh_test_fail(self, "%s: what arrived is not what was sent", argv[0]);
}

/* There and back, with room for two words behind the command's. What is sent to an ephemeral home is gone again. */
static enum nsh_result copy(struct nsh_selftest *self, const char **argv)
{
	char to[256];
	char from[PATH_MAX];
	enum nsh_result result = fetch(self, argv, NSH_SEED);
	size_t n = 0;

	if (result != NSH_TEST_PASS || !make_local(self, from))
		return NSH_TEST_FAIL;
	far_path(self, argv[0], to);
	while (argv[n])
		n++;
	argv[n] = from;
	argv[n + 1] = to;
	if (nsh_test_program(self, argv, NULL) < 0)
		return NSH_TEST_FAIL;
	argv[n] = argv[n + 1] = NULL;
	return is_ephemeral(self) ? NSH_TEST_PASS : fetch(self, argv, argv[0]);
}

static enum nsh_result test_scp(struct nsh_selftest *self)
{
	const char *by_scp[] = {"scp", "-q", "-O", "-S", self->transport, NULL, NULL, NULL};
	const char *by_sftp[] = {"scp", "-q", "-S", self->transport, NULL, NULL, NULL};
	enum nsh_result result = check_needs(self, "scp");

	if (result == NSH_TEST_PASS)
		result = copy(self, by_scp);
	return result == NSH_TEST_PASS ? copy(self, by_sftp) : result;
}

static bool write_batch(struct nsh_selftest *self, char path[PATH_MAX])
{
	FILE *out;

	own_path(self, "batch", path);
	out = fopen(path, "we");
	if (!out)
		return false;
	fprintf(out,
		"cd %s\nls -l\nget " NSH_SEED " fetched-1\nput local sftp\nget sftp fetched-2\n",
		self->folders.name);
	return fclose(out) == 0;
}

/* One session, so an ephemeral home is the same all along. */
static enum nsh_result test_sftp(struct nsh_selftest *self)
{
	char batch[PATH_MAX];
	char local[PATH_MAX];
	char fetched[PATH_MAX];
	const char *argv[] = {"sftp", "-q", "-S", self->transport, "-b", batch, HOST, NULL};
	enum nsh_result result = check_needs(self, "sftp");

	if (result != NSH_TEST_PASS)
		return result;
	if (!make_local(self, local) || !write_batch(self, batch))
		return NSH_TEST_FAIL;
	if (nsh_test_program(self, argv, NULL) < 0)
		return NSH_TEST_FAIL;
	for (int i = 1; i <= 2; i++) {
		own_path(self, i == 1 ? "fetched-1" : "fetched-2", fetched);
		if (!is_seed(self, fetched))
			return nsh_test_fail(self, "what arrived is not what was sent");
	}
	return NSH_TEST_PASS;
}

static enum nsh_result test_rsync(struct nsh_selftest *self)
{
	const char *argv[] = {"rsync", "-t", "-e", self->transport, NULL, NULL, NULL};
	enum nsh_result result = check_needs(self, "rsync");

	return result == NSH_TEST_PASS ? copy(self, argv) : result;
}

static bool run_git(struct nsh_selftest *self, const char *const *words, char **output)
{
	const char *argv[16] = {"git",
				"-c",
				"core.hooksPath=/dev/null",
				"-c",
				"user.name=nsshell",
				"-c",
				"user.email=nsshell@localhost"};
	size_t n = 7;

	while (*words && n < 15)
		argv[n++] = *words++;
	return nsh_test_program(self, argv, output) == 0;
}

/* Whether the commit that is fetched is the one that was pushed: its name is a digest of what is in it. */
static enum nsh_result compare_commits(struct nsh_selftest *self)
{
	static const char *const ours[] = {"-C", "work", "rev-parse", "HEAD", NULL};
	static const char *const theirs[] = {"-C", "clone", "rev-parse", "HEAD", NULL};
	NSH_FREE char *one = NULL;
	NSH_FREE char *other = NULL;

	if (!run_git(self, ours, &one) || !run_git(self, theirs, &other))
		return NSH_TEST_FAIL;
	if (one && other && *one && !strcmp(one, other))
		return NSH_TEST_PASS;
	return nsh_test_fail(self, "what was cloned is not what was pushed");
}

static enum nsh_result push_and_clone(struct nsh_selftest *self)
{
	char far[256];
	const char *const init[] = {"init", "-q", "--template=", "work", NULL};
	const char *const add[] = {"-C", "work", "add", ".", NULL};
	const char *const commit[] = {"-C", "work", "commit", "-q", "-m", "selftest", NULL};
	const char *const push[] = {"-C", "work", "push", "-q", far, "HEAD:refs/heads/master",
				    NULL};
	const char *const clone[] = {"clone", "-q", "--bare", "--template=", far, "clone", NULL};
	char local[PATH_MAX];
	char work[PATH_MAX];

	far_path(self, "repository", far);
	own_path(self, "work/file", work);
	if (!run_git(self, init, NULL) || !make_local(self, local))
		return NSH_TEST_FAIL;
	if (rename(local, work) < 0)
		return nsh_test_fail(self, "%.512s: %s", work, strerror(errno));
	if (!run_git(self, add, NULL) || !run_git(self, commit, NULL) ||
	    !run_git(self, push, NULL) || !run_git(self, clone, NULL))
		return NSH_TEST_FAIL;
	return compare_commits(self);
}

static enum nsh_result test_git(struct nsh_selftest *self)
{
	struct nsh_talk talk;
	char script[256];
	enum nsh_result result = check_needs(self, "git");

	if (result != NSH_TEST_PASS)
		return result;
	if (is_ephemeral(self))
		return nsh_test_none(self, "the home is ephemeral: a repository does not stay");
	snprintf(script, sizeof(script),
		 "git init -q --bare %s/repository && "
		 "git -C %s/repository symbolic-ref HEAD refs/heads/master",
		 self->folders.name, self->folders.name);
	if (!nsh_talk_run(&talk, self, script, NSH_TALK_PIPES))
		return NSH_TEST_FAIL;
	if (talk.said.status != 0)
		result = nsh_test_fail(self, "git init: %.300s", talk.said.text);
	nsh_talk_free(&talk);
	return result == NSH_TEST_PASS ? push_and_clone(self) : result;
}

static enum nsh_result test_tmux(struct nsh_selftest *self)
{
	static const char script[] =
		"t=\"tmux -L nsshell-selftest -f /dev/null\"; "
		"$t new-session -d -x 80 -y 24 \"echo tmux-is-here; sleep 60\" || exit 1; "
		"for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do "
		"case \"$($t capture-pane -p)\" in *tmux-is-here*) $t kill-server; exit 0;; esac; "
		"sleep 0.2; done; $t kill-server; exit 2";
	char path[NSH_PROGRAM_MAX];
	struct nsh_talk talk;
	enum nsh_result result = NSH_TEST_PASS;

	if (!nsh_program_find("tmux", path))
		return nsh_test_none(self, "tmux is not installed");
	if (!nsh_talk_run(&talk, self, script, NSH_TALK_PIPES))
		return NSH_TEST_FAIL;
	if (talk.said.status != 0)
		result = nsh_test_fail(self, "%.300s",
				       *talk.said.text ? talk.said.text : "its window stays empty");
	nsh_talk_free(&talk);
	return result;
}

const struct nsh_test nsh_tests_copy[] = {
	{"scp", "scp there and back, by both its protocols", test_scp},
	{"sftp", "sftp with an sftp-server that the login shell starts", test_sftp},
	{"rsync", "rsync there and back", test_rsync},
	{"git", "git push and clone", test_git},
	{"tmux", "tmux with a window", test_tmux},
	{0},
};
