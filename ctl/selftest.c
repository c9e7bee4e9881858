/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl selftest: sessions of a user's, before the login shell is changed.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/command.h"
#include "ctl/commands.h"
#include "ctl/output.h"
#include "ctl/selftest.h"
#include "nsshell/printable.h"

struct options {
	struct nsh_trial_options trial;
	bool json;
	const char *only;
};

#define N_PARTS 3
static const struct nsh_test *const parts[N_PARTS] = {nsh_tests_shell, nsh_tests_copy,
						      nsh_tests_view};

static error_t parse(int option, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	switch (option) {
	case 'j':
		options->json = true;
		return 0;
	case 'o':
		options->only = argument;
		return 0;
	case 'p':
		options->trial.policy = argument;
		return 0;
	case ARGP_KEY_ARG:
		if (options->trial.user)
			argp_usage(state);
		options->trial.user = argument;
		return 0;
	case ARGP_KEY_END:
		if (!options->trial.user)
			argp_usage(state);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option option_list[] = {
	{"json", 'j', NULL, 0, "print JSON", 0},
	{"only", 'o', "NAME", 0, "one test alone", 0},
	{"policy", 'p', "FILE", 0, "as for try", 0},
	{0},
};

static const struct argp argp = {
	.options = option_list,
	.parser = parse,
	.args_doc = "USER",
	.doc = "Starts sessions as USER would have them with nsshell as login shell, and tells "
	       "what works in "
	       "them. Nothing on the machine is changed; files are made in one folder of the home "
	       "and one of "
	       "/tmp, and removed.",
};

static const char *const names[] = {
	[NSH_TEST_PASS] = "pass",
	[NSH_TEST_FAIL] = "fail",
	[NSH_TEST_NONE] = "none",
};

static void print_result(const struct nsh_test *test, enum nsh_result result, char *detail)
{
	static const enum nsh_mark marks[] = {
		[NSH_TEST_PASS] = NSH_MARK_OK,
		[NSH_TEST_FAIL] = NSH_MARK_FAIL,
		[NSH_TEST_NONE] = NSH_MARK_WARN,
	};

	nsh_output_mark(marks[result], names[result]);
	printf("  %-11s %s", test->name, test->about);
	if (result != NSH_TEST_PASS) {
		for (char *at = detail; *at; at++)
			if (*at == '\n' || *at == '\r')
				*at = ' ';
		nsh_make_printable(detail);
		printf(": %s", detail);
	}
	putchar('\n');
	fflush(stdout);
}

static json_t *describe(const struct nsh_test *test, enum nsh_result result, const char *detail)
{
	return json_pack("{ss ss ss so}", "name", test->name, "about", test->about, "result",
			 names[result], "detail",
			 nsh_json_text(result == NSH_TEST_PASS ? NULL : detail));
}

/* Returns an exit status. list is NULL for people. */
static int run_test(struct nsh_selftest *self, const struct nsh_test *test, json_t *list)
{
	enum nsh_result result;

	self->detail[0] = '\0';
	result = test->run(self);
	if (list)
		json_array_append_new(list, describe(test, result, self->detail));
	else
		print_result(test, result, self->detail);
	return result == NSH_TEST_PASS   ? NSH_CTL_OK
	       : result == NSH_TEST_NONE ? NSH_CTL_WARN
					 : NSH_CTL_FAILED;
}

static int run_tests(struct nsh_selftest *self, const char *only, json_t *list)
{
	int worst = NSH_CTL_OK;

	for (size_t part = 0; part < N_PARTS; part++)
		for (const struct nsh_test *test = parts[part]; test->name; test++) {
			int code = only && strcmp(only, test->name) != 0
					   ? NSH_CTL_OK
					   : run_test(self, test, list);

			worst = code > worst ? code : worst;
		}
	return worst;
}

static bool is_test(const char *name)
{
	for (size_t part = 0; part < N_PARTS; part++)
		for (const struct nsh_test *test = parts[part]; test->name; test++)
			if (!strcmp(test->name, name))
				return true;
	return false;
}

/* Puts text in single quotes for sh(1). */
static void put_quoted(FILE *out, const char *text)
{
	fputc('\'', out);
	for (; *text; text++)
		if (*text == '\'')
			fputs("'\\''", out);
		else
			fputc(*text, out);
	fputc('\'', out);
}

static void write_transport(const struct nsh_selftest *self, const char *program,
			    const char *policy, FILE *out)
{
	fputs("#!/bin/sh\nexec ", out);
	put_quoted(out, program);
	fputs(" ssh-session --user=", out);
	put_quoted(out, self->trial->user.name);
	if (policy) {
		fputs(" --policy=", out);
		put_quoted(out, policy);
	}
	fputs(" -- \"$@\"\n", out);
	fchmod(fileno(out), 0700);
}

/* scp and sftp take a program without arguments, so it is a script that has them. */
static int make_transport(struct nsh_selftest *self, const char *policy, struct nsh_err *err)
{
	char program[PATH_MAX] = "";
	FILE *out;

	snprintf(self->transport, sizeof(self->transport), "%.4000s/ssh", self->folders.own);
	if (readlink("/proc/self/exe", program, sizeof(program) - 1) < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -EIO, "/proc/self/exe");
	out = fopen(self->transport, "wxe");
	if (!out)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -EIO, "%s", self->transport);
	write_transport(self, program, policy, out);
	if (fclose(out) == 0)
		return 0;
	return nsh_err_sys(err, NSH_REASON_MACHINE, -EIO, "%s", self->transport);
}

static int run_in_folders(struct nsh_selftest *self, const struct options *options,
			  struct nsh_err *err)
{
	json_t *list = options->json ? json_array() : NULL;
	int code;

	if (make_transport(self, options->trial.policy, err) < 0)
		return nsh_complain_err(err);
	code = run_tests(self, options->only, list);
	if (list &&
	    nsh_json_print(json_pack("{so so}", "user", nsh_json_text(self->trial->user.name),
				     "tests", list)) != NSH_CTL_OK)
		code = NSH_CTL_FAILED;
	return code;
}

static int run_all(struct nsh_trial *trial, const struct options *options, struct nsh_err *err)
{
	struct nsh_selftest *self = calloc(1, sizeof(*self));
	int code;

	if (!self)
		return nsh_complain("out of memory");
	self->trial = trial;
	if (nsh_folders_make(&self->folders, &trial->user, err) < 0) {
		free(self);
		return nsh_complain_err(err);
	}
	code = run_in_folders(self, options, err);
	nsh_folders_remove(&self->folders);
	free(self);
	return code;
}

/* Programs are run in another folder. Links are not followed: a policy that is one is refused. */
static const char *make_absolute(const char *path, char absolute[PATH_MAX])
{
	char folder[PATH_MAX];

	if (!path || *path == '/' || !getcwd(folder, sizeof(folder)) ||
	    snprintf(absolute, PATH_MAX, "%s/%s", folder, path) >= PATH_MAX)
		return path;
	return absolute;
}

static int run(int argc, char **argv)
{
	struct options options = {0};
	char policy[PATH_MAX];
	struct nsh_trial trial;
	struct nsh_err err;
	int code;
	int ret;

	nsh_command_parse(&argp, argc, argv, false, &options);
	if (options.only && !is_test(options.only))
		return nsh_complain("there is no test \"%s\"", options.only);
	if (!nsh_needs_root("start a session of another user"))
		return NSH_CTL_FAILED;
	options.trial.policy = make_absolute(options.trial.policy, policy);
	ret = nsh_trial_make(&trial, &options.trial, &err);
	if (ret < 0)
		return nsh_complain_err(&err);
	signal(SIGPIPE, SIG_IGN); /* a session that does not listen */
	code = ret == 0 ? nsh_complain_err(&err) : run_all(&trial, &options, &err);
	nsh_trial_free(&trial);
	return code;
}

const struct command nsh_command_selftest = {
	.name = "selftest",
	.group = NSH_GROUP_ACCOUNTS,
	.summary = "what works in a user's sessions",
	.argp = &argp,
	.run = run,
};
