/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl check: everything that is wrong with policies, and what is legal but surely not meant.
 *
 * Without arguments it is the machine's own policy, and the machine is asked: accounts, groups, paths, shells. With
 * arguments only what the texts say is judged, so that it says the same wherever it runs.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/account.h"
#include "ctl/check.h"
#include "ctl/command.h"
#include "ctl/commands.h"
#include "ctl/output.h"
#include "nsshell/paths.h"

struct options {
	bool json;
	char **paths; /* up to a NULL */
};

static error_t parse(int option, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	(void)argument;
	switch (option) {
	case 'j':
		options->json = true;
		return 0;
	case ARGP_KEY_ARGS:
		options->paths = state->argv + state->next;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option option_list[] = {
	{"json", 'j', NULL, 0, "print JSON", 0},
	{0},
};

static const struct argp argp = {
	.options = option_list,
	.parser = parse,
	.args_doc = "[FILE|FOLDER...]",
	.doc = "Everything that is wrong with the machine's policy, or with what is given."
	       "\vWithout arguments all of " NSH_POLICY_FOLDER
	       " is checked as at a login, and what "
	       "it names is looked for on this machine. Files and folders that are given are "
	       "checked "
	       "for what they say alone, and can be anybody's: a file in a folder match.d or "
	       "users.d "
	       "is one of that kind, another one is if it has a section [match].\n\n"
	       "Exit status: 0 nothing found, 1 warnings, 2 errors.",
};

/* What has been found so far, of all arguments. */
struct total {
	struct nsh_findings findings;
	size_t n_files;
};

static void add(const struct nsh_finding *finding, void *findings)
{
	const struct nsh_complaint where = {.file = finding->file,
					    .line = finding->line,
					    .section = finding->section,
					    .key = finding->key};

	nsh_finding_add(findings, finding->level, &where, "%s", finding->text);
}

static void take(struct total *total, struct nsh_check *check)
{
	nsh_findings_each(&check->findings, add, &total->findings);
	total->findings.failed |= check->findings.failed;
	total->n_files += check->n_files;
	nsh_check_free(check);
}

static void check_machine(struct total *total)
{
	struct nsh_check check = {.folder = NSH_POLICY_FOLDER, .owner = nsh_account_root()};

	nsh_check_files(&check);
	nsh_check_together(&check);
	nsh_check_names(&check);
	nsh_check_readable(&check);
	nsh_check_machine(&check);
	take(total, &check);
}

static void check_given(struct total *total, char *path)
{
	struct nsh_check check = {.folder = path, .owner = NSH_OWNER_ANY};
	struct stat st;

	for (size_t len = strlen(path); len > 1 && path[len - 1] == '/'; len--)
		path[len - 1] = '\0';
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		nsh_check_files(&check);
		nsh_check_together(&check);
	} else {
		nsh_check_file(&check, path);
	}
	take(total, &check);
}

static int print_json(struct total *total)
{
	size_t warnings = total->findings.count - total->findings.errors;
	json_t *found = nsh_findings_json(&total->findings);

	return nsh_json_print(json_pack("{sI sI sI so}", "files", (json_int_t)total->n_files,
					"errors", (json_int_t)total->findings.errors, "warnings",
					(json_int_t)warnings, "findings", found));
}

/* For people: not into what a program reads. */
static void print_summary(const struct total *total)
{
	size_t errors = total->findings.errors;
	size_t warnings = total->findings.count - errors;

	if (!total->findings.count && !isatty(STDOUT_FILENO))
		return;
	fflush(stdout);
	fprintf(stderr, "%zu error%s, %zu warning%s in %zu file%s\n", errors,
		errors == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s", total->n_files,
		total->n_files == 1 ? "" : "s");
}

static int print(struct total *total, bool json)
{
	if (total->findings.failed)
		return nsh_complain("out of memory");
	if (json)
		return print_json(total);
	nsh_findings_print(&total->findings, stdout);
	print_summary(total);
	return NSH_CTL_OK;
}

static int run(int argc, char **argv)
{
	struct options options = {0};
	struct total total = {0};
	int status;
	int ret;

	nsh_command_parse(&argp, argc, argv, false, &options);
	if (!options.paths)
		check_machine(&total);
	for (char **path = options.paths; path && *path; path++)
		check_given(&total, *path);
	status = nsh_findings_status(&total.findings);
	ret = print(&total, options.json);
	nsh_findings_free(&total.findings);
	return ret == NSH_CTL_OK ? status : ret;
}

const struct command nsh_command_check = {
	.name = "check",
	.group = NSH_GROUP_POLICY,
	.summary = "everything that is wrong with a policy",
	.argp = &argp,
	.run = run,
};
