/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl enable, disable, confirm, and expire, which ends trials: giving nsshell to an account and taking it away.
 *
 * The order is what matters. What brings the old shell back is on the disk, and what will run it is started, before
 * the shell is changed: whenever this is killed, or the machine stops, there is a way back.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/account.h"
#include "ctl/admins.h"
#include "ctl/command.h"
#include "ctl/commands.h"
#include "ctl/doctor.h"
#include "ctl/login_shell.h"
#include "ctl/pam_stack.h"
#include "ctl/state.h"
#include "ctl/expire_timer.h"
#include "nsshell/cleanup.h"
#include "nsshell/paths.h"

struct options {
	const char *name;
	int64_t seconds; /* of a trial, or 0 */
};

static error_t parse(int option, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	switch (option) {
	case 't':
		if (!nsh_duration_parse(argument, &options->seconds))
			argp_error(state,
				   "\"%s\" is no time: a number with s, m, h or d, up to 30d",
				   argument);
		return 0;
	case ARGP_KEY_ARG:
		if (options->name)
			argp_usage(state);
		options->name = argument;
		return 0;
	case ARGP_KEY_END:
		if (!options->name)
			argp_usage(state);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option enable_options[] = {
	{"try", 't', "TIME", 0, "change it back after that time unless confirmed (10m, 2h)", 0},
	{0},
};

static const struct argp enable_argp = {
	.options = enable_options,
	.parser = parse,
	.args_doc = "USER",
	.doc = "Makes nsshell the login shell of USER, if nsshellctl doctor finds no failure."
	       "\vThe old one is remembered. Not for user id 0, nor for the last administrator who "
	       "could "
	       "log in.",
};

static const struct argp disable_argp = {
	.parser = parse,
	.args_doc = "USER",
	.doc = "Gives USER the login shell back that nsshellctl enable has replaced.",
};

static const struct argp confirm_argp = {
	.parser = parse,
	.args_doc = "USER",
	.doc = "Ends the trial of USER, who keeps nsshell.",
};

static const struct argp expire_argp = {
	.doc = "Changes back the login shells whose trial is over. For systemd's timer, or cron.",
};

/* What all of them work on, with the lock held. */
struct work {
	int folder; /* -1: there is none that can be used */
	struct nsh_user user;
	struct nsh_record record;
	bool has_record;
};

/* A trial of the account's from when it had another name gets the one that it has now. */
static bool take_over(int folder, const char *name, void *data)
{
	const struct work *work = data;
	struct nsh_record record;
	struct nsh_user other;
	struct nsh_err err;
	int ret = nsh_record_read(folder, name, &record, &err);

	if (ret < 0 || !record.trial.seconds || record.uid != work->user.uid)
		return false;
	ret = nsh_account_find(&other, name, &err);
	if (ret == 0) {
		ret = other.uid == record.uid ? 0 : -ENOENT;
		nsh_user_free(&other);
	}
	return ret == -ENOENT && nsh_record_rename(folder, name, work->user.name, &err) == 0;
}

static void read_record(struct work *work)
{
	struct nsh_err err;
	int ret = -ENOENT;

	if (work->folder >= 0)
		ret = nsh_record_read(work->folder, work->user.name, &work->record, &err);
	if (work->folder >= 0 && ret == -ENOENT &&
	    nsh_records_walk(work->folder, take_over, work, &err) > 0)
		ret = nsh_record_read(work->folder, work->user.name, &work->record, &err);
	if (ret < 0 && ret != -ENOENT)
		nsh_complain_err(&err);
	work->has_record = ret == 0 && work->record.uid == work->user.uid;
}

/* The account is looked up when nobody else changes it. */
static int begin(struct work *work, const char *name, bool needs_folder)
{
	struct nsh_err err;

	*work = (struct work){0};
	work->folder = nsh_state_open(&err);
	if (work->folder < 0 && nsh_complain_err(&err) && needs_folder)
		return NSH_CTL_FAILED;
	if (work->folder < 0)
		work->folder = nsh_state_look(&err);
	if (nsh_account_find(&work->user, name, &err) < 0)
		return nsh_complain_err(&err);
	read_record(work);
	return NSH_CTL_OK;
}

static void end(struct work *work)
{
	nsh_user_free(&work->user);
	if (work->folder >= 0)
		close(work->folder);
}

static bool is_on_trial(int folder, const char *name, void *data)
{
	struct nsh_record record;
	struct nsh_err err;

	(void)data;
	return nsh_record_read(folder, name, &record, &err) == 0 && record.trial.seconds;
}

/* With the last trial its timer goes. */
static void stop_timer_if_idle(int folder)
{
	struct nsh_err err;

	if (folder >= 0 && nsh_records_walk(folder, is_on_trial, NULL, &err) == 0 &&
	    nsh_expire_timer_stop(&err) < 0)
		nsh_complain_err(&err);
}

static void forget(struct work *work)
{
	struct nsh_err err;

	if (work->folder >= 0 && nsh_record_remove(work->folder, work->user.name, &err) < 0)
		nsh_complain_err(&err);
	stop_timer_if_idle(work->folder);
}

static const char *shown(const char *shell)
{
	return *shell ? shell : "/bin/sh (none was named)";
}

/* How it would have to be done where the account comes from. */
static int complain_foreign(const struct nsh_user *user, const char *shell)
{
	return nsh_complain(
		"%s is not in /etc/passwd: set its login shell (loginShell in LDAP) to %s where "
		"the account comes from",
		user->name, shown(shell));
}

static void tell_program(const struct nsh_user *user, const char *program)
{
	if (strcmp(program, *user->shell ? user->shell : "/bin/sh") != 0)
		nsh_say("In sessions of %s the shell is %s, as [shell] program says.", user->name,
			program);
}

/* By name: what is known of the account can be old. */
static bool has_nsshell_now(const char *name)
{
	struct nsh_user user;
	struct nsh_err err;
	bool found;

	if (nsh_account_find(&user, name, &err) < 0)
		return false;
	found = nsh_account_has_nsshell(user.shell);
	nsh_user_free(&user);
	return found;
}

static bool is_fit(const struct nsh_user *user)
{
	struct nsh_doctor doctor = {
		.pam_folder = NSH_PAM_FOLDER, .sshd = "sshd", .user = user, .enables = true};
	bool fit;

	fit = nsh_doctor_finds_fit(&doctor);
	/* Another nsshellctl was faster, and the findings are of an account that is half the old one. */
	if (!fit && has_nsshell_now(user->name))
		fit = true;
	else if (!fit)
		nsh_doctor_print(&doctor, NSH_LEVEL_FAIL);
	else if (doctor.has_policy)
		tell_program(user, nsh_policy_text(&doctor.policy, NSH_KEY_SHELL_PROGRAM));
	nsh_doctor_free(&doctor);
	return fit;
}

/* Returns an exit status; what speaks against it is told. */
static int may_have_nsshell(const struct nsh_user *user)
{
	if (user->uid == 0)
		return nsh_complain("user id 0 is never confined");
	if (nsh_account_runs_nothing(user->shell))
		return nsh_complain(
			"%s has %s and could log in with nsshell: session.confine = yes confines "
			"what sshd does without a shell",
			user->name, user->shell);
	if (!nsh_account_is_local(user))
		return complain_foreign(user, NSH_SHELL_PATH);
	return NSH_CTL_OK;
}

/* What can take long: nobody else has to wait for it. */
static int examine(const char *name)
{
	struct nsh_user user;
	struct nsh_err err;
	bool has_it;
	int code;

	if (nsh_account_find(&user, name, &err) < 0)
		return nsh_complain_err(&err);
	has_it = nsh_account_has_nsshell(user.shell);
	code = has_it ? NSH_CTL_OK : may_have_nsshell(&user);
	if (code == NSH_CTL_OK && !has_it && !is_fit(&user))
		code = nsh_complain("%s keeps %s: mend that first", user.name, shown(user.shell));
	nsh_user_free(&user);
	return code;
}

/* With the lock held: of two administrators one stays. */
static int may_enable(const struct nsh_user *user)
{
	struct nsh_err err;
	int code = may_have_nsshell(user);
	int last;

	if (code != NSH_CTL_OK)
		return code;
	last = nsh_admins_last(user, &err);
	if (last < 0)
		return nsh_complain_err(&err);
	if (last)
		return nsh_complain(
			"%s is the last administrator who could log in: give somebody else "
			"an ordinary shell, sudo for all commands, and a password or keys",
			user->name);
	return NSH_CTL_OK;
}

static int prepare(struct work *work, int64_t seconds, struct nsh_err *err)
{
	struct nsh_record *record = &work->record;
	int ret = 0;

	*record = (struct nsh_record){.uid = work->user.uid};
	if (snprintf(record->shell, sizeof(record->shell), "%s", work->user.shell) >=
	    (int)sizeof(record->shell))
		return nsh_err_sys(err, NSH_REASON_ACCOUNT, -ENAMETOOLONG, "%s", work->user.shell);
	if (seconds) {
		record->trial.seconds = seconds;
		ret = nsh_expire_timer_start(err);
		if (ret == 0)
			ret = nsh_moment_now(&record->trial.begin, err);
	}
	return ret < 0 ? ret : nsh_record_write(work->folder, work->user.name, record, err);
}

static bool is_any(int folder, const char *name, void *data)
{
	(void)folder;
	(void)name;
	(void)data;
	return true;
}

/* Later on an administrator can have taken it out of /etc/shells, and that counts. */
static bool is_first(const struct work *work)
{
	struct nsh_err err;

	return !nsh_login_shell_is_used() &&
	       nsh_records_walk(work->folder, is_any, NULL, &err) == 0;
}

static int change(struct work *work, const struct options *options)
{
	struct nsh_err err;
	bool first = is_first(work);
	int listed = 0;
	int ret = prepare(work, options->seconds, &err);

	if (ret == 0 && first)
		ret = listed = nsh_login_shell_list(&err);
	if (listed > 0)
		nsh_say("%s is in /etc/shells now.", NSH_SHELL_PATH);
	if (ret >= 0)
		ret = nsh_login_shell_set(&work->user, NSH_SHELL_PATH,
					  options->seconds ? "try" : "enable", &err);
	if (ret < 0) {
		nsh_complain_err(&err);
		/* What changes login shells can fail when it has done so. */
		if (has_nsshell_now(work->user.name))
			return nsh_complain(
				"%s has nsshell all the same; what was before is remembered",
				work->user.name);
		forget(work);
		return NSH_CTL_FAILED;
	}
	nsh_say("The next login of %s is confined; the login shell was %s.", work->user.name,
		shown(work->record.shell));
	if (options->seconds)
		nsh_say("It is changed back in %" PRId64
			" s, unless you say: nsshellctl confirm %s",
			options->seconds, work->user.name);
	return NSH_CTL_OK;
}

static bool has_trial(const struct work *work)
{
	return work->has_record && work->record.trial.seconds;
}

/* Ends the trial of an account that has nsshell. */
static int keep(struct work *work)
{
	struct nsh_err err;

	work->record.trial = (struct nsh_shell_trial){0};
	if (nsh_record_write(work->folder, work->user.name, &work->record, &err) < 0)
		return nsh_complain_err(&err);
	stop_timer_if_idle(work->folder);
	nsh_say("%s keeps nsshell.", work->user.name);
	return NSH_CTL_OK;
}

/* Success means that what was asked for holds: nsshell for good, or the way back from it. */
static int enable_again(struct work *work, const struct options *options)
{
	if (options->seconds) {
		nsh_complain("no trial was begun: %s has nsshell already%s", work->user.name,
			     has_trial(work) ? ", on a trial that goes on as it was" : "");
		return NSH_CTL_WARN;
	}
	if (!has_trial(work)) {
		nsh_say("%s has nsshell already.", work->user.name);
		return NSH_CTL_OK;
	}
	nsh_say("%s has nsshell already; this ends the trial.", work->user.name);
	return keep(work);
}

static int enable(struct work *work, const struct options *options)
{
	int code;

	if (nsh_account_has_nsshell(work->user.shell))
		return enable_again(work, options);
	code = may_enable(&work->user);
	return code == NSH_CTL_OK ? change(work, options) : code;
}

static int run_enable(int argc, char **argv)
{
	struct options options = {0};
	struct work work;
	int code;

	nsh_command_parse(&enable_argp, argc, argv, false, &options);
	if (!nsh_needs_root("change login shells"))
		return NSH_CTL_FAILED;
	code = examine(options.name);
	if (code != NSH_CTL_OK)
		return code;
	code = begin(&work, options.name, true);
	if (code == NSH_CTL_OK)
		code = enable(&work, &options);
	end(&work);
	return code;
}

static int change_back(struct work *work, const char *action)
{
	const char *why;
	NSH_FREE char *shell =
		nsh_login_shell_former(&work->user, work->has_record ? &work->record : NULL, &why);
	struct nsh_err err;

	if (!shell)
		return nsh_complain("out of memory");
	if (!nsh_account_is_local(&work->user))
		return complain_foreign(&work->user, shell);
	if (nsh_login_shell_set(&work->user, shell, action, &err) < 0)
		return nsh_complain_err(&err);
	nsh_say("The login shell of %s is %s, %s.", work->user.name, shown(shell), why);
	return NSH_CTL_OK;
}

static int disable(struct work *work)
{
	int code = NSH_CTL_OK;

	if (nsh_account_has_nsshell(work->user.shell))
		code = change_back(work, "disable");
	else
		nsh_say("The login shell of %s is %s, not nsshell.", work->user.name,
			shown(work->user.shell));
	if (code == NSH_CTL_OK)
		forget(work);
	return code;
}

/* Nothing but an account that is not there keeps this from being done. */
static int run_disable(int argc, char **argv)
{
	struct options options = {0};
	struct work work;
	int code;

	nsh_command_parse(&disable_argp, argc, argv, false, &options);
	if (!nsh_needs_root("change login shells"))
		return NSH_CTL_FAILED;
	code = begin(&work, options.name, false);
	if (code == NSH_CTL_OK)
		code = disable(&work);
	end(&work);
	return code;
}

/* Of an account that is not on trial it asks for what holds already, or for what this does not do. */
static int confirm(struct work *work)
{
	bool has_it = nsh_account_has_nsshell(work->user.shell);

	if (has_it && has_trial(work))
		return keep(work);
	if (has_it) {
		nsh_say("%s has nsshell for good already.", work->user.name);
		return NSH_CTL_OK;
	}
	nsh_complain("%s is not on trial: the login shell is %s", work->user.name,
		     shown(work->user.shell));
	return NSH_CTL_WARN;
}

static int run_confirm(int argc, char **argv)
{
	struct options options = {0};
	struct work work;
	int code;

	nsh_command_parse(&confirm_argp, argc, argv, false, &options);
	if (!nsh_needs_root("confirm a trial"))
		return NSH_CTL_FAILED;
	code = begin(&work, options.name, true);
	if (code == NSH_CTL_OK)
		code = confirm(&work);
	end(&work);
	return code;
}

/* One trial. What could not be changed back stays, and is tried again. Returns whether that is so. */
static bool expire(int folder, const char *name, void *data)
{
	const struct nsh_moment *now = data;
	struct work work = {.folder = folder};
	struct nsh_err err;
	int code = NSH_CTL_OK;
	int ret = nsh_record_read(folder, name, &work.record, &err);

	if (ret < 0)
		nsh_complain_err(&err);
	if (ret < 0 || !nsh_shell_trial_is_over(&work.record.trial, now))
		return ret < 0;
	ret = nsh_account_find(&work.user, name, &err);
	/* The account can have another name by now, and another account its name. */
	if (ret == 0 && work.user.uid != work.record.uid) {
		nsh_user_free(&work.user);
		ret = -ENOENT;
	}
	if (ret == -ENOENT)
		ret = nsh_account_of(&work.user, work.record.uid, &err);
	if (ret < 0 && ret != -ENOENT)
		return nsh_complain_err(&err);
	work.has_record = true;
	if (ret == 0 && nsh_account_has_nsshell(work.user.shell))
		code = change_back(&work, "expire");
	if (code == NSH_CTL_OK && nsh_record_remove(folder, name, &err) < 0)
		code = nsh_complain_err(&err);
	nsh_user_free(&work.user);
	return code != NSH_CTL_OK;
}

static int run_expire(int argc, char **argv)
{
	struct nsh_moment now;
	struct nsh_err err;
	int folder;
	int left;

	nsh_command_parse(&expire_argp, argc, argv, false, NULL);
	if (!nsh_needs_root("change login shells"))
		return NSH_CTL_FAILED;
	folder = nsh_state_open(&err);
	if (folder < 0 || nsh_moment_now(&now, &err) < 0)
		return nsh_complain_err(&err);
	left = nsh_records_walk(folder, expire, &now, &err);
	if (left < 0)
		nsh_complain_err(&err);
	stop_timer_if_idle(folder);
	close(folder);
	return left ? NSH_CTL_FAILED : NSH_CTL_OK;
}

const struct command nsh_command_enable = {
	.name = "enable",
	.group = NSH_GROUP_ACCOUNTS,
	.summary = "make nsshell the login shell of a user, for a trial or for good",
	.argp = &enable_argp,
	.run = run_enable,
};

const struct command nsh_command_disable = {
	.name = "disable",
	.group = NSH_GROUP_ACCOUNTS,
	.summary = "give a user the old login shell back",
	.argp = &disable_argp,
	.run = run_disable,
};

const struct command nsh_command_confirm = {
	.name = "confirm",
	.group = NSH_GROUP_ACCOUNTS,
	.summary = "end a trial: the user keeps nsshell",
	.argp = &confirm_argp,
	.run = run_confirm,
};

const struct command nsh_command_expire = {
	.name = "expire",
	.group = NSH_GROUP_HIDDEN,
	.summary = "change back the login shells whose trial is over",
	.argp = &expire_argp,
	.run = run_expire,
};
