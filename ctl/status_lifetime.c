/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl status: how long the session lasts.
 *
 * PID 1 counts these times, and tells nobody; here they are worked out from what it counts with: when it has begun, and
 * when the terminals were read last. That one is a time of the machine's clock, which can be set, so what is said of
 * idle_max can be wrong for a while after that.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ctl/output.h"
#include "ctl/process.h"
#include "ctl/status_lifetime.h"
#include "nsshell/cleanup.h"
#include "nsshell/clock.h"
#include "nsshell/hub.h"
#include "nsshell/size.h"

const char *nsh_lifetime_name(int kind)
{
	static const char *const names[] = {
		[NSH_LIFETIME_SESSION] = "session",
		[NSH_LIFETIME_USER] = "user",
		[NSH_LIFETIME_LINGER] = "linger",
	};

	return kind < 0 || kind > NSH_LIFETIME_LINGER ? NULL : names[kind];
}

/* Whatever the clocks say: from 0 to max. */
static int64_t time_left(int64_t max, int64_t passed)
{
	return passed < 0 ? max : passed > max ? 0 : max - passed;
}

static bool read_process(struct nsh_process *process, pid_t pid)
{
	NSH_CLOSE int folder = nsh_process_open(pid);

	return folder >= 0 && nsh_process_read(process, folder);
}

static void read_runtime(struct nsh_time_limit *limit)
{
	struct nsh_process init;

	if (!limit->max || !read_process(&init, 1))
		return;
	limit->left = time_left(limit->max,
				nsh_boot_ms() - (int64_t)(nsh_ticks_seconds(init.start) * 1000));
}

/* When one of the user's terminals in the folder was read last, in seconds since the epoch; 0 without one. */
static time_t last_input(const char *path, const char *prefix)
{
	DIR *folder = opendir(path);
	const struct dirent *entry;
	size_t len = strlen(prefix);
	time_t last = 0;
	struct stat st;

	while (folder && (entry = readdir(folder)))
		if (!strncmp(entry->d_name, prefix, len) && entry->d_name[len] >= '0' &&
		    entry->d_name[len] <= '9' &&
		    fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISCHR(st.st_mode) && st.st_uid == getuid() && st.st_nlink > 0 &&
		    st.st_atime > last)
			last = st.st_atime;
	if (folder)
		closedir(folder);
	return last;
}

/* The session's own, those that logins have brought along, and a console. */
static void read_idle(struct nsh_time_limit *limit)
{
	static const char *const places[][2] = {
		{"/dev/pts", ""}, {"/dev", "login"}, {"/dev", "tty"}};
	time_t last = 0;

	for (size_t i = 0; limit->max && i < sizeof(places) / sizeof(*places); i++) {
		time_t at = last_input(places[i][0], places[i][1]);

		last = at > last ? at : last;
	}
	if (last)
		limit->left = time_left(limit->max, (int64_t)(time(NULL) - last) * 1000);
}

/* What stands in a shared sandbox without having begun there has come with a login, or with nsshellctl enter. */
static int count_shells(void)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	struct nsh_process process;
	int count = 0;

	while (proc && (entry = readdir(proc))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		count += pid > 1 && read_process(&process, pid) && process.parent == 0;
	}
	if (proc)
		closedir(proc);
	return count;
}

/* Standalone it is the user's own hub. Where it cannot be asked, as from another network, nothing is known. */
static void ask_hub(struct nsh_lifetime *lifetime, const char *id)
{
	const struct nsh_hub_place place = {.uid = getuid(), .standalone = true};
	struct nsh_hub_entry *entries;
	size_t count;
	struct nsh_err err;
	int logins = 0;
	bool known = false;

	if (nsh_hub_list(&place, &entries, &count, &err) < 0)
		count = 0;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(entries[i].id, id) != 0)
			continue;
		known = true;
		logins += entries[i].process != 0;
		if (!entries[i].process && entries[i].linger_end)
			lifetime->linger.left = time_left(
				lifetime->linger.max,
				lifetime->linger.max - (entries[i].linger_end - nsh_boot_ms()));
	}
	if (known)
		lifetime->logins = logins;
	free(entries);
}

static struct nsh_time_limit limit_of(const struct nsh_policy *policy, enum nsh_key_id id)
{
	return (struct nsh_time_limit){.max = nsh_time_of(nsh_policy_text(policy, id)), .left = -1};
}

void nsh_lifetime_read(struct nsh_lifetime *lifetime, const struct nsh_policy *policy,
		       const struct nsh_sight *sight)
{
	*lifetime = (struct nsh_lifetime){
		.kind = nsh_policy_number(policy, NSH_KEY_SESSION_LIFETIME),
		.logins = -1,
		.shells = -1,
		.runtime = limit_of(policy, NSH_KEY_SESSION_RUNTIME_MAX),
		.idle = limit_of(policy, NSH_KEY_SESSION_IDLE_MAX),
	};
	read_runtime(&lifetime->runtime);
	read_idle(&lifetime->idle);
	if (lifetime->kind == NSH_LIFETIME_SESSION) {
		lifetime->logins = 1;
		return;
	}
	lifetime->shells = count_shells();
	if (lifetime->kind == NSH_LIFETIME_LINGER)
		lifetime->linger = limit_of(policy, NSH_KEY_SESSION_LINGER_MAX);
	if (!sight->framed && !sight->login)
		ask_hub(lifetime, sight->id);
}

static void print_limit(const char *label, const struct nsh_time_limit *limit, const char *what)
{
	char max[NSH_SIZE_TEXT];
	char left[NSH_SIZE_TEXT];

	if (!limit->max)
		return;
	printf("  %-12s at most %s%s", label,
	       nsh_age_text(max, (unsigned long long)limit->max / 1000), what);
	if (limit->left >= 0)
		printf(", %s left", nsh_age_text(left, (unsigned long long)limit->left / 1000));
	putchar('\n');
}

void nsh_lifetime_print(const struct nsh_lifetime *lifetime)
{
	static const char *const ends[] = {
		[NSH_LIFETIME_SESSION] = "with its shell",
		[NSH_LIFETIME_USER] = "with the last of the account's logins, which share it",
		[NSH_LIFETIME_LINGER] = ("when the last of the account's logins, which share it, "
					 "has ended, and nothing runs in it"),
	};

	printf("  %-12s %s\n", "ends", ends[lifetime->kind]);
	if (lifetime->shells >= 0 && lifetime->logins >= 0)
		printf("  %-12s %d\n", "logins", lifetime->logins);
	else if (lifetime->shells >= 0)
		printf("  %-12s %d with a shell\n", "logins", lifetime->shells);
	print_limit("runtime", &lifetime->runtime, "");
	print_limit("idle", &lifetime->idle, " without input on a terminal");
	print_limit("linger", &lifetime->linger, " without a login");
}

static json_t *describe_limit(const struct nsh_time_limit *limit)
{
	if (!limit->max)
		return json_null();
	return json_pack("{sf so}", "max", (double)limit->max / 1000, "left",
			 limit->left < 0 ? json_null() : json_real((double)limit->left / 1000));
}

static json_t *describe_number(int number)
{
	return number < 0 ? json_null() : json_integer(number);
}

json_t *nsh_lifetime_describe(const struct nsh_lifetime *lifetime)
{
	return json_pack(
		"{ss so so so so so}", "kind", nsh_lifetime_name(lifetime->kind), "logins",
		describe_number(lifetime->logins), "shells", describe_number(lifetime->shells),
		"runtime", describe_limit(&lifetime->runtime), "idle",
		describe_limit(&lifetime->idle), "linger", describe_limit(&lifetime->linger));
}
