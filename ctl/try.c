/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl try: a session as it would be, before anything is changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/command.h"
#include "ctl/commands.h"
#include "ctl/pty.h"
#include "ctl/session.h"
#include "ctl/ssh.h"
#include "ctl/trial.h"

struct options {
	struct nsh_trial_options trial;
	char **command; /* NULL: a login shell */
	int n_words;
};

static error_t parse(int option, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	switch (option) {
	case 'p':
		options->trial.policy = argument;
		return 0;
	case 's':
		options->trial.service = argument;
		return 0;
	case 'f':
		options->trial.source = argument;
		return 0;
	case ARGP_KEY_ARG:
		if (options->trial.user)
			argp_usage(state);
		options->trial.user = argument;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option option_list[] = {
	{"policy", 'p', "FILE", 0,
	 "in place of the user's own file; or a folder in place of the whole policy", 0},
	{"service", 's', "NAME", 0, "the PAM service that the login is taken to come through; sshd",
	 0},
	{"source", 'f', "ADDRESS", 0, "where it is taken to come from", 0},
	{0},
};

static const struct argp argp = {
	.options = option_list,
	.parser = parse,
	.args_doc = "[USER] [-- COMMAND...]",
	.doc = "Starts a session as USER would have it with nsshell as login shell, under the "
	       "installed "
	       "policy or one that is not installed yet. Nothing on the machine is changed."
	       "\vWithout USER it is the one who called sudo(8). Ends as the command does, or with "
	       "125 when "
	       "there was no session.",
};

/* What follows "--" is the command's, however it looks. */
static int cut_command(struct options *options, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") != 0)
			continue;
		options->command = argv + i + 1;
		options->n_words = argc - i - 1;
		argv[i] = NULL;
		return i;
	}
	return argc;
}

static int no_session(const struct nsh_err *err)
{
	nsh_complain_err(err);
	return NSH_CTL_NO_SESSION;
}

/* A relay that a signal has ended ends all of this: whoever sent it means the session too. */
static int finish(struct nsh_started *started, int ret, const struct nsh_err *err)
{
	int status = nsh_session_end(started);

	if (ret > 0)
		nsh_pty_die(ret);
	if (ret < 0)
		return no_session(err);
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L); /* the core is the session's, if there is any */
	nsh_pty_die(WTERMSIG(status));
}

static int run_on_terminal(struct nsh_wanted *wanted, struct nsh_err *err)
{
	struct nsh_started started;
	int master;
	int slave;
	int ret;

	if (nsh_pty_open(&master, &slave, err) < 0)
		return no_session(err);
	for (int i = 0; i < 3; i++)
		wanted->streams[i] = slave;
	wanted->terminal = true;
	ret = nsh_session_start(&started, wanted, err);
	close(slave);
	if (ret == 0) {
		ret = nsh_pty_relay(master, started.pidfd, err);
		close(master);
		return finish(&started, ret, err);
	}
	close(master);
	return no_session(err);
}

static int run_on_pipes(struct nsh_wanted *wanted, struct nsh_err *err)
{
	struct nsh_started started;
	struct nsh_pipes pipes;
	int ret;

	if (nsh_pipes_make(&pipes, wanted->streams, err) < 0)
		return no_session(err);
	ret = nsh_session_start(&started, wanted, err);
	for (int i = 0; i < 3; i++)
		close(wanted->streams[i]);
	if (ret < 0)
		return no_session(err);
	return finish(&started, nsh_pipes_relay(&pipes, started.pidfd, err), err);
}

static int run_session(const struct options *options, struct nsh_trial *trial, struct nsh_err *err)
{
	struct nsh_wanted wanted = {
		.user = &trial->user,
		.login = &trial->login,
		.policy = &trial->policy,
	};
	char *command = options->n_words ? nsh_ssh_join(options->n_words, options->command) : NULL;
	int code;

	if (options->n_words && !command)
		return nsh_complain("out of memory");
	wanted.command = command;
	code = nsh_pty_wanted() ? run_on_terminal(&wanted, err) : run_on_pipes(&wanted, err);
	free(command);
	return code;
}

static int run(int argc, char **argv)
{
	struct options options = {0};
	struct nsh_trial trial;
	struct nsh_err err;
	int ret;
	int code;

	argc = cut_command(&options, argc, argv);
	nsh_command_parse(&argp, argc, argv, false, &options);
	if (!nsh_needs_root("start a session of another user"))
		return NSH_CTL_NO_SESSION;
	ret = nsh_trial_make(&trial, &options.trial, &err);
	if (ret < 0)
		return no_session(&err);
	code = ret == 0 ? no_session(&err) : run_session(&options, &trial, &err);
	nsh_trial_free(&trial);
	return code;
}

const struct command nsh_command_try = {
	.name = "try",
	.group = NSH_GROUP_ACCOUNTS,
	.summary = "a session under a policy that is not installed yet",
	.argp = &argp,
	.run = run,
};
