/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl doctor: is this machine fit, and would it hold for that user.
 *
 * It changes nothing. What it tries (namespaces, a session of the user's) it tries in processes of its own, which
 * are gone when it ends.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/account.h"
#include "ctl/command.h"
#include "ctl/commands.h"
#include "ctl/doctor.h"
#include "ctl/output.h"
#include "ctl/pam_stack.h"
#include "nsshell/limits.h"
#include "nsshell/paths.h"
#include "nsshell/printable.h"
#include "nsshell/sandbox.h"

static const char *const levels[] = {
	[NSH_LEVEL_OK] = "ok",
	[NSH_LEVEL_WARN] = "warn",
	[NSH_LEVEL_FAIL] = "fail",
};

/* In the order in which they are made and printed; later ones use what earlier ones have found. */
static const struct {
	void (*check)(struct nsh_doctor *doctor);
	bool of_user;
} checks[] = {
	{nsh_doctor_kernel, false},     {nsh_doctor_modules, false}, {nsh_doctor_proc, false},
	{nsh_doctor_files, false},      {nsh_doctor_shells, false},  {nsh_doctor_policy, false},
	{nsh_doctor_namespaces, false}, {nsh_doctor_pam, false},     {nsh_doctor_sshd, false},
	{nsh_doctor_unframed, true},    {nsh_doctor_account, true},  {nsh_doctor_home, true},
	{nsh_doctor_program, true},     {nsh_doctor_subids, true},   {nsh_doctor_limits, true},
	{nsh_doctor_network, true},     {nsh_doctor_jobs, true},     {nsh_doctor_processes, true},
	{nsh_doctor_groups, true},      {nsh_doctor_sudo, true},     {nsh_doctor_sockets, true},
	{nsh_doctor_keys, true},
};

static char *__attribute__((format(printf, 1, 0))) make_text(const char *format, va_list args)
{
	char *text;

	if (vasprintf(&text, format, args) < 0)
		return NULL;
	nsh_make_printable(text);
	return text;
}

void nsh_find(struct nsh_doctor *doctor, enum nsh_doctor_level level, const char *area,
	      const char *format, ...)
{
	struct nsh_doctor_finding *grown =
		reallocarray(doctor->findings, doctor->n_findings + 1, sizeof(*grown));
	va_list args;

	if (!grown) {
		doctor->out_of_memory = true;
		return;
	}
	doctor->findings = grown;
	grown += doctor->n_findings++;
	va_start(args, format);
	*grown = (struct nsh_doctor_finding){
		.level = level, .area = area, .text = make_text(format, args)};
	va_end(args);
	doctor->out_of_memory |= !grown->text;
}

void nsh_advise(struct nsh_doctor *doctor, const char *format, ...)
{
	struct nsh_doctor_finding *latest;
	va_list args;

	if (doctor->out_of_memory)
		return;
	latest = &doctor->findings[doctor->n_findings - 1];
	va_start(args, format);
	latest->advice = make_text(format, args);
	va_end(args);
	doctor->out_of_memory |= !latest->advice;
}

void nsh_find_unknown(struct nsh_doctor *doctor, const char *area, const char *what,
		      const char *why)
{
	nsh_find(doctor, NSH_LEVEL_WARN, area, "%s could not be looked at: %s", what, why);
}

int nsh_doctor_number(const struct nsh_doctor *doctor, enum nsh_key_id id, int preset)
{
	return doctor->has_policy ? nsh_policy_number(&doctor->policy, id) : preset;
}

bool nsh_doctor_has_nsshell(const struct nsh_doctor *doctor)
{
	return doctor->enables || nsh_account_has_nsshell(doctor->user->shell);
}

bool nsh_doctor_has_limits(const struct nsh_doctor *doctor)
{
	struct nsh_cgroup_limits limits;

	return doctor->has_policy && nsh_cgroup_limits_make(&limits, &doctor->policy);
}

/* That of a login over ssh from the machine itself. */
static void load_policy(struct nsh_doctor *doctor)
{
	const struct nsh_place place = {.folder = NSH_POLICY_FOLDER};

	doctor->somebody = (struct nsh_user){
		.uid = 65534,
		.gid = 65534,
		.name = (char *)"nobody",
		.home = (char *)"/nonexistent",
		.shell = (char *)"",
	};
	if (doctor->user)
		doctor->somebody = *doctor->user;
	doctor->has_policy = nsh_policy_load(&doctor->policy, &place, &doctor->somebody,
					     &nsh_account_login, &doctor->policy_error) == 0;
}

void nsh_doctor_examine(struct nsh_doctor *doctor)
{
	load_policy(doctor);
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++)
		if (doctor->user || !checks[i].of_user)
			checks[i].check(doctor);
}

void nsh_doctor_free(struct nsh_doctor *doctor)
{
	for (size_t i = 0; i < doctor->n_findings; i++) {
		free(doctor->findings[i].text);
		free(doctor->findings[i].advice);
	}
	free(doctor->findings);
	free(doctor->sshd_text);
	if (doctor->has_policy)
		nsh_policy_free(&doctor->policy);
}

static enum nsh_doctor_level find_worst(const struct nsh_doctor *doctor)
{
	enum nsh_doctor_level worst = NSH_LEVEL_OK;

	for (size_t i = 0; i < doctor->n_findings; i++)
		if (doctor->findings[i].level > worst)
			worst = doctor->findings[i].level;
	return worst;
}

bool nsh_doctor_finds_fit(struct nsh_doctor *doctor)
{
	nsh_doctor_examine(doctor);
	return !doctor->out_of_memory && find_worst(doctor) != NSH_LEVEL_FAIL;
}

void nsh_doctor_print(const struct nsh_doctor *doctor, enum nsh_doctor_level least)
{
	static const enum nsh_mark marks[] = {
		[NSH_LEVEL_OK] = NSH_MARK_OK,
		[NSH_LEVEL_WARN] = NSH_MARK_WARN,
		[NSH_LEVEL_FAIL] = NSH_MARK_FAIL,
	};

	for (size_t i = 0; i < doctor->n_findings; i++) {
		const struct nsh_doctor_finding *finding = &doctor->findings[i];

		if (finding->level < least)
			continue;
		nsh_output_mark(marks[finding->level], levels[finding->level]);
		printf("%*s%s: %s\n", 6 - (int)strlen(levels[finding->level]), "", finding->area,
		       finding->text);
		if (finding->advice)
			printf("      -> %s\n", finding->advice);
	}
}

struct options {
	bool json;
	bool quiet;
	const char *user;
	struct nsh_doctor *doctor;
};

enum { PAM_FOLDER = 1, SSHD, SSHD_CONFIG };

static error_t parse(int option, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	switch (option) {
	case 'j':
		options->json = true;
		return 0;
	case 'q':
		options->quiet = true;
		return 0;
	case PAM_FOLDER:
		options->doctor->pam_folder = argument;
		return 0;
	case SSHD:
		options->doctor->sshd = argument;
		return 0;
	case SSHD_CONFIG:
		options->doctor->sshd_config = argument;
		return 0;
	case ARGP_KEY_ARG:
		if (options->user)
			argp_usage(state);
		options->user = argument;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option option_list[] = {
	{"json", 'j', NULL, 0, "print JSON", 0},
	{"quiet", 'q', NULL, 0, "warnings and failures only", 0},
	{"pam-folder", PAM_FOLDER, "FOLDER", 0, "where PAM's files are (" NSH_PAM_FOLDER ")", 0},
	{"sshd", SSHD, "PATH", 0, "which sshd to ask", 0},
	{"sshd-config", SSHD_CONFIG, "FILE", 0, "its configuration", 0},
	{0},
};

static const struct argp argp = {
	.options = option_list,
	.parser = parse,
	.args_doc = "[USER]",
	.doc = "Is this machine fit, and would it hold for that user."
	       "\vExit status 0: nothing to complain of, 1: warnings, 2: failures. Run it as root: "
	       "what "
	       "it cannot look at is a warning.",
};

static int print_json(const struct nsh_doctor *doctor, enum nsh_doctor_level least)
{
	json_t *findings = json_array();

	for (size_t i = 0; i < doctor->n_findings; i++) {
		const struct nsh_doctor_finding *finding = &doctor->findings[i];

		if (finding->level >= least)
			json_array_append_new(
				findings,
				json_pack("{ss ss so so}", "level", levels[finding->level], "area",
					  finding->area, "text", nsh_json_text(finding->text),
					  "advice", nsh_json_text(finding->advice)));
	}
	return nsh_json_print(json_pack("{so ss so}", "user",
					nsh_json_text(doctor->user ? doctor->user->name : NULL),
					"worst", levels[find_worst(doctor)], "findings", findings));
}

static int report(struct nsh_doctor *doctor, const struct options *options)
{
	enum nsh_doctor_level least = options->quiet ? NSH_LEVEL_WARN : NSH_LEVEL_OK;
	int code = (int)find_worst(doctor);

	if (doctor->out_of_memory)
		return nsh_complain("out of memory");
	if (!options->json)
		nsh_doctor_print(doctor, least);
	else if (print_json(doctor, least) != NSH_CTL_OK)
		return NSH_CTL_FAILED;
	return code;
}

static int run(int argc, char **argv)
{
	struct nsh_doctor doctor = {.pam_folder = NSH_PAM_FOLDER, .sshd = "sshd"};
	struct options options = {.doctor = &doctor};
	struct nsh_user user = {0};
	struct nsh_err err;
	int code;

	nsh_command_parse(&argp, argc, argv, false, &options);
	if (nsh_sandbox_is_inside())
		return nsh_complain("this is in a session, which does not show the machine");
	if (options.user && nsh_account_find(&user, options.user, &err) < 0)
		return nsh_complain_err(&err);
	doctor.user = options.user ? &user : NULL;
	nsh_doctor_examine(&doctor);
	code = report(&doctor, &options);
	nsh_doctor_free(&doctor);
	nsh_user_free(&user);
	return code;
}

const struct command nsh_command_doctor = {
	.name = "doctor",
	.group = NSH_GROUP_POLICY,
	.summary = "is this machine fit, and would it hold for a user",
	.argp = &argp,
	.run = run,
};
