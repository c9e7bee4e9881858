/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl pam: the module in what PAM's files have in common.
 *
 * What writes there is the distribution's pam-auth-update(8), with the profile that the package brings. This command adds what
 * that does not know: who would be refused, with the module and without it.
 */
#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/account.h"
#include "ctl/check.h"
#include "ctl/command.h"
#include "ctl/commands.h"
#include "ctl/doctor.h"
#include "ctl/pam_stack.h"
#include "ctl/spawn.h"
#include "nsshell/paths.h"

#define COMMON "common-session"
#define PROFILE "nsshell"
#define PROFILE_PATH "/usr/share/pam-configs/" PROFILE

#define UPDATE_SECONDS 120

enum { OPTION_ENABLE = 'e', OPTION_DISABLE = 'd' };

static const struct argp_option argp_options[] = {
	{"enable", OPTION_ENABLE, NULL, 0, "Put the module there", 0},
	{"disable", OPTION_DISABLE, NULL, 0, "Take it out", 0},
	{0},
};

static error_t parse(int option, char *argument, struct argp_state *state)
{
	int *wanted = state->input;

	(void)argument;
	if (option != OPTION_ENABLE && option != OPTION_DISABLE)
		return ARGP_ERR_UNKNOWN;
	if (*wanted && *wanted != option)
		argp_error(state, "--enable and --disable exclude each other");
	*wanted = option;
	return 0;
}

static const struct argp argp = {
	.options = argp_options,
	.parser = parse,
	.doc = "Says whether " COMMON " has the PAM module, or changes that.",
};

/* -1 with err set when that cannot be read. */
static int has_module(struct nsh_err *err)
{
	static struct nsh_pam_stack stack;
	int ret = nsh_pam_read(&stack, NSH_PAM_FOLDER, COMMON, err);

	if (ret == -ENOENT)
		nsh_err_sys(err, NSH_REASON_MACHINE, ret, NSH_PAM_FOLDER "/" COMMON);
	if (ret < 0)
		return -1;
	return nsh_pam_find(&stack, 0, NSH_PAM_MODULE) < stack.count;
}

static void say(bool has)
{
	nsh_say(NSH_PAM_FOLDER "/" COMMON " has %s" NSH_PAM_MODULE, has ? "" : "no ");
}

/* Returns an exit status. */
static int update(const char *option, bool wanted)
{
	const char *argv[] = {"pam-auth-update", option, PROFILE, NULL};
	struct nsh_output output;
	struct nsh_err err;
	int has;

	if (nsh_spawn(&output, argv, UPDATE_SECONDS, &err) < 0)
		return nsh_complain_err(&err);
	has = has_module(&err);
	if (has < 0)
		nsh_complain_err(&err);
	else if (has != wanted)
		nsh_complain("pam-auth-update %s " PROFILE " has not done it, as where " COMMON
			     " is not as it made it: %s",
			     option, output.text);
	free(output.text);
	return has == wanted ? NSH_CTL_OK : NSH_CTL_FAILED;
}

/* With an error in the policy only root and the exempt group would have sessions. */
static bool policy_is_valid(void)
{
	struct nsh_check check = {.folder = NSH_POLICY_FOLDER};
	bool valid;

	nsh_check_files(&check);
	nsh_check_together(&check);
	valid = !check.findings.errors && !check.findings.failed;
	if (!valid)
		nsh_findings_print(&check.findings, stderr);
	nsh_check_free(&check);
	return valid;
}

static bool is_fit(void)
{
	struct nsh_doctor doctor = {.pam_folder = NSH_PAM_FOLDER, .sshd = "sshd"};
	bool fit = nsh_doctor_finds_fit(&doctor);

	if (!fit)
		nsh_doctor_print(&doctor, NSH_LEVEL_FAIL);
	nsh_doctor_free(&doctor);
	return fit;
}

static int enable(void)
{
	if (!policy_is_valid())
		return nsh_complain(
			"the policy has errors, and with the module it would refuse everybody but "
			"root and the exempt group: nothing is changed");
	if (!is_fit())
		return nsh_complain("the machine is not fit: nothing is changed");
	if (update("--enable", true) != NSH_CTL_OK)
		return NSH_CTL_FAILED;
	if (!is_fit()) {
		update("--disable", false);
		return nsh_complain(
			"with the module the machine is not fit: it is taken out again");
	}
	say(true);
	return NSH_CTL_OK;
}

static bool is_refused_alone(const struct passwd *account)
{
	struct nsh_user user;
	struct nsh_err err;
	bool refused;

	if (!nsh_account_has_nsshell(account->pw_shell) ||
	    nsh_account_find(&user, account->pw_name, &err) < 0)
		return false;
	refused = nsh_account_decide_alone(&user, &err) == NSH_DECIDED_REFUSED;
	if (refused)
		nsh_complain("%s would be refused: %s", user.name, err.text);
	nsh_user_free(&user);
	return refused;
}

/* Of those that can be listed. */
static bool are_refused_alone(void)
{
	const struct passwd *account;
	bool refused = false;

	setpwent();
	while ((account = getpwent()))
		refused |= is_refused_alone(account);
	endpwent();
	return refused;
}

static int disable(void)
{
	if (are_refused_alone())
		return nsh_complain("not without the module: nothing is changed");
	if (update("--disable", false) != NSH_CTL_OK)
		return NSH_CTL_FAILED;
	say(false);
	return NSH_CTL_OK;
}

static int change(bool wanted)
{
	struct nsh_err err;
	int has;

	if (!nsh_needs_root("change PAM's files"))
		return NSH_CTL_FAILED;
	if (access(PROFILE_PATH, R_OK) < 0)
		return nsh_complain(PROFILE_PATH
				    " is not there, which pam-auth-update(8) of Debian would need: "
				    "see pam_nsshell(8) for the line, and where it stands");
	has = has_module(&err);
	if (has < 0)
		return nsh_complain_err(&err);
	if (has != wanted)
		return wanted ? enable() : disable();
	say(wanted);
	return NSH_CTL_OK;
}

static int tell(void)
{
	struct nsh_err err;
	int has = has_module(&err);

	if (has < 0)
		return nsh_complain_err(&err);
	say(has);
	return has ? NSH_CTL_OK : NSH_CTL_WARN;
}

static int run(int argc, char **argv)
{
	int wanted = 0;

	nsh_command_parse(&argp, argc, argv, false, &wanted);
	return wanted ? change(wanted == OPTION_ENABLE) : tell();
}

const struct command nsh_command_pam = {
	.name = "pam",
	.group = NSH_GROUP_POLICY,
	.summary = "whether PAM has the module, and to change that",
	.argp = &argp,
	.run = run,
};
