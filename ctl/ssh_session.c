/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl ssh-session: stands in for ssh(1) where selftest runs scp, sftp, rsync and git. What would be another
 * machine is a session of the user's on this one.
 */
#include <signal.h>
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

/* What ssh(1) ends with when it is the one that failed. */
#define FAILED 255

/* Where sshd_config(5) has "Subsystem sftp" on the distributions that there are. */
static const char *const sftp_servers[] = {"/usr/lib/openssh/sftp-server",
					   "/usr/libexec/openssh/sftp-server",
					   "/usr/lib/ssh/sftp-server", "/usr/libexec/sftp-server"};

static error_t parse(int option, char *argument, struct argp_state *state)
{
	struct nsh_trial_options *options = state->input;

	switch (option) {
	case 'u':
		options->user = argument;
		return 0;
	case 'p':
		options->policy = argument;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option option_list[] = {
	{"user", 'u', "USER", 0, "whose session it is, whatever the rest says", 0},
	{"policy", 'p', "FILE", 0, "as for selftest", 0},
	{0},
};

static const struct argp argp = {
	.options = option_list,
	.parser = parse,
	.args_doc = "-- WORD...",
	.doc = "Stands in for ssh(1) in tests: WORD... is what ssh would be given.",
};

static const char *command_of(const struct nsh_ssh_request *request)
{
	if (!request->subsystem)
		return request->command;
	for (size_t i = 0; i < sizeof(sftp_servers) / sizeof(*sftp_servers); i++)
		if (!strcmp(request->command, "sftp") && access(sftp_servers[i], X_OK) == 0)
			return sftp_servers[i];
	return NULL;
}

static int run_session(struct nsh_trial *trial, const char *command)
{
	const struct nsh_wanted wanted = {
		.user = &trial->user,
		.login = &trial->login,
		.policy = &trial->policy,
		.command = command,
		.streams = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO},
	};
	const struct nsh_pipes none = {-1, -1, -1};
	struct nsh_started started;
	struct nsh_err err;
	int signal;
	int status;

	if (nsh_session_start(&started, &wanted, &err) < 0) {
		nsh_complain_err(&err);
		return FAILED;
	}
	signal = nsh_pipes_relay(&none, started.pidfd, &err);
	status = nsh_session_end(&started);
	return signal == 0 && WIFEXITED(status) ? WEXITSTATUS(status) : FAILED;
}

static int stand_in(const struct nsh_trial_options *options, struct nsh_ssh_request *request)
{
	const char *command = command_of(request);
	struct nsh_trial trial;
	struct nsh_err err;
	int code = FAILED;
	int ret;

	if (!command && request->command) {
		nsh_complain("there is no %s", request->command);
		return FAILED;
	}
	ret = nsh_trial_make(&trial, options, &err);
	if (ret <= 0)
		nsh_complain_err(&err);
	else
		code = run_session(&trial, command);
	if (ret >= 0)
		nsh_trial_free(&trial);
	return code;
}

/* It ends with the program that has started it. */
static int run(int argc, char **argv)
{
	struct nsh_trial_options options = {0};
	struct nsh_ssh_request request;
	int own = 1;
	int code = FAILED;

	while (own < argc && strcmp(argv[own], "--") != 0)
		own++;
	if (own == argc || nsh_ssh_parse(&request, argc - own, argv + own) < 0)
		return nsh_complain("this is no command line of ssh's");
	argv[own] = NULL;
	nsh_command_parse(&argp, own, argv, false, &options);
	prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0L, 0L, 0L);
	if (nsh_needs_root("start a session of another user"))
		code = stand_in(&options, &request);
	free(request.command);
	return code;
}

const struct command nsh_command_ssh_session = {
	.name = "ssh-session",
	.group = NSH_GROUP_HIDDEN,
	.summary = "stands in for ssh in tests",
	.argp = &argp,
	.run = run,
};
