/* SPDX-License-Identifier: MIT */
/*
 * selftest: what a session sees, what it may take, and what it leaves.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <grp.h>

#include "ctl/selftest.h"
#include "ctl/why_line.h"
#include "nsshell/cgroup.h"
#include "nsshell/cleanup.h"
#include "nsshell/limits.h"
#include "nsshell/list.h"
#include "nsshell/size.h"

/* Runs a script that says "@ok" at its end when all is well, and why not when it is not. */
static enum nsh_result run_script(struct nsh_selftest *self, const char *script,
				  enum nsh_talk_kind kind)
{
	struct nsh_talk talk;
	enum nsh_result result = NSH_TEST_PASS;

	if (!nsh_talk_run(&talk, self, script, kind))
		return NSH_TEST_FAIL;
	if (!strstr(talk.said.text, "@ok"))
		result = nsh_test_fail(self, "%.400s",
				       *talk.said.text ? talk.said.text : "it says nothing");
	nsh_talk_free(&talk);
	return result;
}

static enum nsh_result test_names(struct nsh_selftest *self)
{
	char script[1024];

	if (!nsh_why_is_plain(self->trial->user.name))
		return nsh_test_none(self, "the user's name has odd characters");
	snprintf(script, sizeof(script),
		 "getent passwd %s > /dev/null || { echo getent passwd %s; exit 1; }; "
		 "getent hosts localhost > /dev/null || { echo getent hosts localhost; exit 1; }; "
		 "n=$(uname -n); getent hosts \"$n\" > /dev/null || { echo getent hosts \"$n\"; "
		 "exit 1; }; "
		 "echo @ok",
		 self->trial->user.name, self->trial->user.name);
	return run_script(self, script, NSH_TALK_PIPES);
}

/* Without a key in it ssh-add(1) ends with 1, and with 2 when no agent answers. */
static enum nsh_result test_agent(struct nsh_selftest *self)
{
	static const char script[] =
		"ssh-add -l; s=$?; d=${SSH_AUTH_SOCK%/*}; "
		"case \"$d\" in /tmp/ssh-*) rm -rf \"$d\" 2> /dev/null;; esac; "
		"[ $s -le 1 ] && echo @ok";
	char path[NSH_PROGRAM_MAX];

	if (!nsh_program_find("ssh-agent", path) || !nsh_program_find("ssh-add", path))
		return nsh_test_none(self, "ssh-agent is not installed");
	return run_script(self, script, NSH_TALK_AGENT);
}

/* The hard limit of a line in proc(5)'s limits; UINT64_MAX for "unlimited". */
static bool find_limit(const char *said, const char *title, uint64_t *hard)
{
	const char *line = strstr(said, title);
	char text[32];

	if (!line || sscanf(line + strlen(title), "%*s %31s", text) != 1)
		return false;
	*hard = strcmp(text, "unlimited") ? strtoull(text, NULL, 10) : UINT64_MAX;
	return true;
}

static enum nsh_result check_rlimits(struct nsh_selftest *self, const char *said)
{
	static const struct {
		const char *title;
		enum nsh_key_id key;
	} limits[] = {
		{"Max open files", NSH_KEY_LIMITS_NOFILE},
		{"Max processes", NSH_KEY_LIMITS_NPROC},
		{"Max core file size", NSH_KEY_LIMITS_CORE},
		{"Max file size", NSH_KEY_LIMITS_FSIZE},
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		uint64_t wanted;
		uint64_t hard;

		if (!nsh_size_parse(nsh_policy_text(&self->trial->policy, limits[i].key), &wanted))
			continue;
		if (!find_limit(said, limits[i].title, &hard) || hard > wanted)
			return nsh_test_fail(self, "limits.%s is not held",
					     nsh_keys[limits[i].key].key);
	}
	return NSH_TEST_PASS;
}

/* "SIZE" of df(1), in KiB. The kernel rounds to pages. */
static enum nsh_result check_tmp(struct nsh_selftest *self, const char *said)
{
	const struct nsh_policy *policy = &self->trial->policy;
	uint64_t wanted = nsh_memory_amount(nsh_policy_text(policy, NSH_KEY_VIEW_TMP_SIZE));
	const char *at = strstr(said, "@tmp ");
	unsigned long long size;
	char text[32];

	if (nsh_policy_number(policy, NSH_KEY_VIEW_TMP) == NSH_TMP_HOST || !wanted)
		return NSH_TEST_PASS;
	if (!at || sscanf(at, "@tmp %*s %31s", text) != 1)
		return nsh_test_fail(self, "the size of /tmp cannot be told: %.300s", said);
	size = strtoull(text, NULL, 10);
	if (size > wanted / 1024 + 64)
		return nsh_test_fail(self, "/tmp has %llu KiB, and view.tmp_size is %llu", size,
				     (unsigned long long)wanted / 1024);
	return NSH_TEST_PASS;
}

static enum nsh_result check_cgroup(struct nsh_selftest *self, const struct nsh_talk *talk)
{
	struct nsh_cgroup_limits limits;
	char path[NSH_CGROUP_MAX];
	struct nsh_err err;

	if (!nsh_cgroup_limits_make(&limits, &self->trial->policy))
		return NSH_TEST_PASS;
	if (nsh_cgroup_find(talk->started.pid, path, &err) < 0 ||
	    nsh_cgroup_verify(path, &limits, &err) < 0)
		return nsh_test_fail(self, "%s", err.text);
	return NSH_TEST_PASS;
}

static enum nsh_result talk_of_limits(struct nsh_selftest *self, struct nsh_talk *talk)
{
	enum nsh_result result;

	if (!nsh_talk_await(talk, "@end"))
		return nsh_test_fail(self, "%.400s", talk->said.text);
	result = check_cgroup(self, talk);
	if (result == NSH_TEST_PASS)
		result = check_rlimits(self, talk->said.text);
	if (result == NSH_TEST_PASS)
		result = check_tmp(self, talk->said.text);
	nsh_talk_end(talk);
	return result;
}

static enum nsh_result test_limits(struct nsh_selftest *self)
{
	struct nsh_talk talk;
	enum nsh_result result;

	if (!nsh_talk_start(&talk, self,
			    "exec /bin/sh -c 'cat /proc/self/limits; printf \"@tmp \"; "
			    "df -P -k /tmp | tail -n 1; echo @end; read x'",
			    NSH_TALK_PIPES))
		return NSH_TEST_FAIL;
	result = talk_of_limits(self, &talk);
	nsh_talk_free(&talk);
	return result;
}

/* Whether a word is one of a line's. */
static bool has_word(const char *line, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = line; (at = strstr(at, word)); at += len)
		if ((at == line || at[-1] == ' ') && (!at[len] || strchr(" \n", at[len])))
			return true;
	return false;
}

static enum nsh_result check_groups(struct nsh_selftest *self, const char *names)
{
	const struct nsh_user *user = &self->trial->user;
	bool root = nsh_policy_number(&self->trial->policy, NSH_KEY_IDENTITY_UID) == NSH_UID_ROOT;

	for (size_t i = 0; i < user->n_groups; i++) {
		const struct group *group = getgrgid(user->groups[i]);

		if (!group || (root && user->groups[i] == user->gid))
			continue;
		if (!has_word(names, group->gr_name))
			return nsh_test_fail(self, "the group %s is not there: %.300s",
					     group->gr_name, names);
	}
	return NSH_TEST_PASS;
}

static enum nsh_result test_identity(struct nsh_selftest *self)
{
	bool root = nsh_policy_number(&self->trial->policy, NSH_KEY_IDENTITY_UID) == NSH_UID_ROOT;
	uid_t uid = root ? 0 : self->trial->user.uid;
	struct nsh_talk talk;
	enum nsh_result result;
	char expected[32];
	const char *names;

	if (!nsh_talk_run(&talk, self, "echo \"@uid=$(id -u).\"; echo \"@groups $(id -Gn)\"",
			  NSH_TALK_PIPES))
		return NSH_TEST_FAIL;
	snprintf(expected, sizeof(expected), "@uid=%u.", uid);
	names = strstr(talk.said.text, "@groups");
	if (!strstr(talk.said.text, expected) || !names)
		result = nsh_test_fail(self, "the user id is not %u: %.300s", uid, talk.said.text);
	else
		result = check_groups(self, names);
	nsh_talk_free(&talk);
	return result;
}

/* What the policy shows by name it is meant to show. */
static bool is_shown(const struct nsh_policy *policy, const char *path)
{
	static const enum nsh_key_id lists[] = {NSH_KEY_VIEW_BIND, NSH_KEY_VIEW_READ_ONLY,
						NSH_KEY_VIEW_WRITABLE};

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		if (strstr(nsh_policy_text(policy, lists[i]), path))
			return true;
	return false;
}

/* Somebody else's home: what of a folder of homes does not lead to the user's own. False when there is none. */
static bool find_other_home(const char *folder, const char *home, char path[PATH_MAX])
{
	DIR *entries = opendir(folder);
	size_t len = strlen(folder);
	const struct dirent *entry;
	bool found = false;

	while (entries && !found && (entry = readdir(entries))) {
		size_t name = strlen(entry->d_name);
		bool own = !strncmp(home, folder, len) && home[len] == '/' &&
			   !strncmp(home + len + 1, entry->d_name, name) &&
			   (!home[len + 1 + name] || home[len + 1 + name] == '/');

		found = !own && entry->d_name[0] != '.' && nsh_why_is_plain(entry->d_name);
		if (found)
			snprintf(path, PATH_MAX, "%.2000s/%s", folder, entry->d_name);
	}
	if (entries)
		closedir(entries);
	return found;
}

/* In another root there may be others' homes, of that one. */
static enum nsh_result check_homes(struct nsh_selftest *self)
{
	const char *list = nsh_policy_text(&self->trial->policy, NSH_KEY_VIEW_HOMES);
	bool other_root = nsh_policy_has_other_root(&self->trial->policy);
	struct nsh_item item;

	while (!other_root && nsh_list_next(&list, &item)) {
		NSH_FREE char *folder = strndup(item.text, item.len);
		char path[PATH_MAX];
		char script[2 * PATH_MAX];

		if (!folder || !nsh_why_is_plain(folder) ||
		    !find_other_home(folder, self->trial->user.home, path) ||
		    is_shown(&self->trial->policy, path))
			continue;
		snprintf(script, sizeof(script), "[ -e %s ] && echo %s can be seen || echo @ok",
			 path, path);
		if (run_script(self, script, NSH_TALK_PIPES) != NSH_TEST_PASS)
			return NSH_TEST_FAIL;
	}
	return NSH_TEST_PASS;
}

/* This program is a process of somebody else's that is certainly there. */
static enum nsh_result test_others(struct nsh_selftest *self)
{
	static const char script[] = "for i in /proc/[0-9]*; do read n < $i/comm; "
				     "case \"$n\" in nsshellctl) echo another process can be seen: "
				     "$i; exit 1;; esac; done; "
				     "echo @ok";

	if (run_script(self, script, NSH_TALK_PIPES) != NSH_TEST_PASS)
		return NSH_TEST_FAIL;
	return check_homes(self);
}

/* The number of a process in a namespace, or 0. */
static int find_in_namespace(const char *name)
{
	DIR *entries = opendir("/proc");
	const struct dirent *entry;
	int found = 0;

	while (entries && !found && (entry = readdir(entries))) {
		char path[NAME_MAX + 32];
		char link[64] = "";

		if (strspn(entry->d_name, "0123456789") != strlen(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/ns/pid", entry->d_name);
		if (readlink(path, link, sizeof(link) - 1) > 0 && !strcmp(link, name))
			found = (int)strtol(entry->d_name, NULL, 10);
	}
	if (entries)
		closedir(entries);
	return found;
}

static enum nsh_result test_end(struct nsh_selftest *self)
{
	struct nsh_talk talk;
	char name[64] = "";
	const char *at;
	int left;

	if (!nsh_talk_run(&talk, self,
			  "(setsid sleep 300 > /dev/null 2>&1 &); echo \"@$(readlink "
			  "/proc/self/ns/pid)\"",
			  NSH_TALK_PIPES))
		return NSH_TEST_FAIL;
	at = strstr(talk.said.text, "@pid:[");
	if (at)
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(at + 1, "\n"), at + 1);
	nsh_talk_free(&talk);
	if (!at)
		return nsh_test_fail(self, "its namespace cannot be told");
	left = find_in_namespace(name);
	return left ? nsh_test_fail(self, "process %d is left", left) : NSH_TEST_PASS;
}

const struct nsh_test nsh_tests_view[] = {
	{"names", "names of hosts and users", test_names},
	{"agent", "a forwarded ssh-agent", test_agent},
	{"limits", "the policy's limits", test_limits},
	{"identity", "user id and groups", test_identity},
	{"others", "others' processes and homes cannot be seen", test_others},
	{"end", "nothing is left of a session", test_end},
	{0},
};
