/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl status: what a session is, for the user who is in it.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "ctl/account.h"
#include "ctl/command.h"
#include "ctl/commands.h"
#include "ctl/output.h"
#include "ctl/read.h"
#include "ctl/process.h"
#include "ctl/status_lifetime.h"
#include "ctl/status_words.h"
#include "nsshell/cleanup.h"
#include "nsshell/plan.h"
#include "nsshell/printable.h"
#include "nsshell/sandbox.h"
#include "nsshell/sight.h"

#define CONTACT_DEFAULT "the administrator of the machine"

/* What is used of something. */
struct use {
	bool known;
	uint64_t used;
	uint64_t max; /* 0: no limit */
};

struct status {
	struct nsh_sight sight;
	struct nsh_policy policy;
	char hostname[65];
	double since; /* 0 when unknown */
	struct nsh_lifetime lifetime;
	struct use memory;
	struct use tasks;
	struct use cpu; /* used in microseconds; max in percent of one processor */
	struct use tmp;
	struct use terminals;
};

static error_t parse(int option, char *argument, struct argp_state *state)
{
	(void)argument;
	if (option != 'j')
		return ARGP_ERR_UNKNOWN;
	*(bool *)state->input = true;
	return 0;
}

static const struct argp_option option_list[] = {
	{"json", 'j', NULL, 0, "print JSON", 0},
	{0},
};

static const struct argp argp = {
	.options = option_list,
	.parser = parse,
	.doc = "What the session is that this runs in: what is confined and how, how long it "
	       "lasts, "
	       "what is used and left of its limits, and whom to ask.",
};

static bool read_control(const struct status *status, const char *name, char text[256])
{
	char path[1024];
	NSH_CLOSE int fd = -1;
	ssize_t got;

	if (!status->sight.cgroup)
		return false;
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/%s", status->sight.cgroup, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? -1 : read(fd, text, 255);
	text[got > 0 ? got : 0] = '\0';
	return got > 0;
}

/* "max" is 0. */
static struct use read_use(const struct status *status, const char *used, const char *max)
{
	struct use use = {0};
	char text[256];

	if (!read_control(status, used, text))
		return use;
	use.known = true;
	use.used = strtoull(text, NULL, 10);
	if (read_control(status, max, text))
		use.max = strtoull(text, NULL, 10);
	return use;
}

static struct use read_cpu(const struct status *status)
{
	struct use use = {0};
	uint64_t quota;
	uint64_t period;
	char text[256];
	const char *at;

	if (!read_control(status, "cpu.stat", text) || !(at = strstr(text, "usage_usec ")))
		return use;
	use.known = true;
	use.used = strtoull(at + strlen("usage_usec "), NULL, 10);
	at = text;
	if (read_control(status, "cpu.max", text) &&
	    nsh_take_number(&at, UINT32_MAX, ' ', &quota) &&
	    nsh_take_number(&at, UINT32_MAX, '\0', &period) && period)
		use.max = quota * 100 / period;
	return use;
}

static struct use read_tmp(const struct status *status)
{
	struct statvfs fs;

	if (nsh_policy_number(&status->policy, NSH_KEY_VIEW_TMP) != NSH_TMP_PRIVATE ||
	    statvfs("/tmp", &fs) < 0)
		return (struct use){0};
	return (struct use){
		.known = true,
		.used = (uint64_t)(fs.f_blocks - fs.f_bfree) * fs.f_frsize,
		.max = (uint64_t)fs.f_blocks * fs.f_frsize,
	};
}

static struct use read_terminals(const struct status *status)
{
	struct use use = {0};
	const struct dirent *entry;
	DIR *folder;

	if (nsh_policy_number(&status->policy, NSH_KEY_VIEW_DEV) != NSH_DEV_MINIMAL)
		return use;
	folder = opendir("/dev/pts");
	use.known = folder != NULL;
	while (folder && (entry = readdir(folder)))
		use.used += entry->d_name[0] >= '0' && entry->d_name[0] <= '9';
	if (folder)
		closedir(folder);
	return use;
}

static void read_since(struct status *status)
{
	NSH_CLOSE int folder = nsh_process_open(1);
	struct nsh_process process;

	if (folder >= 0 && nsh_process_read(&process, folder))
		status->since = nsh_process_since(&process);
}

/* Returns 1 in a session, 0 outside, -errno. */
static int find_status(struct status *status, struct nsh_err *err)
{
	NSH_CLOSE int self = nsh_process_open(getpid());
	struct stat root;
	int ret;

	if (!nsh_sandbox_is_inside() || self < 0 || stat("/", &root) < 0 ||
	    !nsh_sight_take(&status->sight, self, -1, root.st_uid))
		return 0;
	ret = nsh_policy_load_resolved(&status->policy, NSH_SESSION_FOLDER "/policy", getuid(),
				       err);
	if (ret < 0)
		return ret;
	gethostname(status->hostname, sizeof(status->hostname) - 1);
	read_since(status);
	nsh_lifetime_read(&status->lifetime, &status->policy, &status->sight);
	status->memory = read_use(status, "memory.current", "memory.max");
	status->tasks = read_use(status, "pids.current", "pids.max");
	status->cpu = read_cpu(status);
	status->tmp = read_tmp(status);
	status->terminals = read_terminals(status);
	return 1;
}

static const char *contact_of(const struct status *status)
{
	const char *contact = nsh_policy_text(&status->policy, NSH_KEY_SESSION_CONTACT);

	return *contact ? contact : CONTACT_DEFAULT;
}

static const char *form_of(const struct status *status)
{
	return status->sight.framed || status->sight.login ? "framed" : "standalone";
}

static const struct {
	int resource;
	const char *name;
	bool is_size;
} rlimits[] = {
	{RLIMIT_NOFILE, "nofile", false},
	{RLIMIT_NPROC, "nproc", false},
	{RLIMIT_CORE, "core", true},
	{RLIMIT_FSIZE, "fsize", true},
};
#define N_RLIMITS (sizeof(rlimits) / sizeof(*rlimits))

static void print_heading(const char *text)
{
	putchar('\n');
	nsh_output_mark(NSH_MARK_STRONG, text);
	putchar('\n');
}

static void print_tamed(const char *label, const char *text)
{
	char *copy = strdup(text);

	if (copy)
		nsh_make_printable(copy);
	printf("  %-12s %s\n", label, copy ? copy : "");
	free(copy);
}

static void print_use(const char *label, const struct use *use, bool is_size)
{
	char used[NSH_SIZE_TEXT];
	char max[NSH_SIZE_TEXT];
	char left[NSH_SIZE_TEXT];
	uint64_t rest = use->max > use->used ? use->max - use->used : 0;

	if (!use->known)
		return;
	if (is_size) {
		nsh_size_text(used, use->used);
		nsh_size_text(max, use->max);
		nsh_size_text(left, rest);
	} else {
		snprintf(used, sizeof(used), "%llu", (unsigned long long)use->used);
		snprintf(max, sizeof(max), "%llu", (unsigned long long)use->max);
		snprintf(left, sizeof(left), "%llu", (unsigned long long)rest);
	}
	if (use->max)
		printf("  %-12s %s used of %s, %s left\n", label, used, max, left);
	else
		printf("  %-12s %s used\n", label, used);
}

static void print_cpu(const struct use *cpu)
{
	if (!cpu->known)
		return;
	printf("  %-12s %.1f s used", "cpu", (double)cpu->used / 1e6);
	if (cpu->max)
		printf(", at most %llu%% of one processor", (unsigned long long)cpu->max);
	putchar('\n');
}

static void print_rlimits(void)
{
	for (size_t i = 0; i < N_RLIMITS; i++) {
		char text[NSH_SIZE_TEXT];
		struct rlimit limit;

		if (getrlimit((__rlimit_resource_t)rlimits[i].resource, &limit) < 0 ||
		    limit.rlim_cur == RLIM_INFINITY)
			continue;
		if (rlimits[i].is_size)
			nsh_size_text(text, limit.rlim_cur);
		else
			snprintf(text, sizeof(text), "%llu", (unsigned long long)limit.rlim_cur);
		printf("  %-12s %s\n", rlimits[i].name, text);
	}
}

static void print_who(const struct status *status)
{
	char text[NSH_SIZE_TEXT];
	double lasted = (double)time(NULL) - status->since;

	print_tamed("session", status->sight.id);
	print_tamed("user", nsh_account_name(getuid()));
	print_tamed("host name", status->hostname);
	print_tamed("form", form_of(status));
	if (status->since > 0)
		print_tamed("since",
			    nsh_age_text(text, lasted > 0 ? (unsigned long long)lasted : 0));
	print_tamed("ask", contact_of(status));
}

static int print_text(const struct status *status)
{
	struct nsh_words words = {0};

	nsh_words_make(&words, &status->policy);
	nsh_output_mark(NSH_MARK_STRONG, "This session");
	putchar('\n');
	print_who(status);
	print_heading("What is confined");
	for (size_t i = 0; i < words.count; i++)
		print_tamed(i && !strcmp(words.at[i].area, words.at[i - 1].area) ? ""
										 : words.at[i].area,
			    words.at[i].text);
	print_heading("Lifetime");
	nsh_lifetime_print(&status->lifetime);
	print_heading("Limits");
	print_use("memory", &status->memory, true);
	print_use("tasks", &status->tasks, false);
	print_cpu(&status->cpu);
	print_use("/tmp", &status->tmp, true);
	print_use("terminals", &status->terminals, false);
	print_rlimits();
	nsh_words_free(&words);
	return NSH_CTL_OK;
}

static json_t *describe_use(const struct use *use)
{
	if (!use->known)
		return json_null();
	return json_pack("{sI so}", "used", (json_int_t)use->used, "max",
			 use->max ? json_integer((json_int_t)use->max) : json_null());
}

static json_t *describe_rlimits(void)
{
	json_t *value = json_object();

	for (size_t i = 0; i < N_RLIMITS; i++) {
		struct rlimit limit;

		if (getrlimit((__rlimit_resource_t)rlimits[i].resource, &limit) == 0)
			json_object_set_new(value, rlimits[i].name,
					    limit.rlim_cur == RLIM_INFINITY
						    ? json_null()
						    : json_integer((json_int_t)limit.rlim_cur));
	}
	return value;
}

static int print_json(const struct status *status)
{
	struct nsh_words words = {0};
	json_t *confined = json_array();

	nsh_words_make(&words, &status->policy);
	for (size_t i = 0; i < words.count; i++)
		json_array_append_new(confined, json_pack("{ss so}", "area", words.at[i].area,
							  "text", nsh_json_text(words.at[i].text)));
	nsh_words_free(&words);
	return nsh_json_print(json_pack(
		"{sb ss so sI so ss so so so so s{so so so so so so}}", "inside", true, "id",
		status->sight.id, "user", nsh_json_text(nsh_account_name(getuid())), "uid",
		(json_int_t)getuid(), "hostname", nsh_json_text(status->hostname), "form",
		form_of(status), "since",
		status->since > 0 ? json_real(status->since) : json_null(), "contact",
		nsh_json_text(contact_of(status)), "confined", confined, "lifetime",
		nsh_lifetime_describe(&status->lifetime), "limits", "memory",
		describe_use(&status->memory), "tasks", describe_use(&status->tasks), "cpu",
		describe_use(&status->cpu), "tmp", describe_use(&status->tmp), "terminals",
		describe_use(&status->terminals), "rlimits", describe_rlimits()));
}

static int print_outside(bool json)
{
	if (json && nsh_json_print(json_pack("{sb}", "inside", false)) != NSH_CTL_OK)
		return NSH_CTL_FAILED;
	if (!json)
		puts("This is not in a session of nsshell's.");
	return NSH_CTL_WARN;
}

static int run(int argc, char **argv)
{
	struct status status = {0};
	struct nsh_err err;
	bool json = false;
	int ret;
	int code;

	nsh_command_parse(&argp, argc, argv, false, &json);
	ret = find_status(&status, &err);
	if (ret < 0)
		code = nsh_complain_err(&err);
	else if (ret == 0)
		code = print_outside(json);
	else
		code = json ? print_json(&status) : print_text(&status);
	if (ret > 0)
		nsh_policy_free(&status.policy);
	nsh_sight_free(&status.sight);
	return code;
}

const struct command nsh_command_status = {
	.name = "status",
	.group = NSH_GROUP_USER,
	.summary = "what is confined in this session, and what is left of its limits",
	.argp = &argp,
	.run = run,
};
