/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl, for the administrator (and, where it says so, the user).
 *
 * It has no power of its own: it is not set-user-ID, and what it shows and does is what the kernel lets
 * whoever runs it see and do. This file finds the subcommand; each is in a file of its own.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/command.h"
#include "ctl/commands.h"
#include "ctl/output.h"
#include "nsshell/paths.h"

static const struct command *const commands[] = {
#define X(name) &nsh_command_##name,
	NSH_COMMANDS(X)
#undef X
		NULL,
};

static const char *const groups[] = {
	[NSH_GROUP_POLICY] = "Policies and the machine",
	[NSH_GROUP_SESSIONS] = "Sessions",
	[NSH_GROUP_ACCOUNTS] = "Accounts",
	[NSH_GROUP_USER] = "For users",
};

static void list_commands(FILE *out)
{
	fputs("usage: nsshellctl COMMAND [ARGUMENT...]\n", out);
	for (size_t group = 0; group < NSH_GROUP_HIDDEN; group++) {
		fprintf(out, "\n%s\n", groups[group]);
		for (size_t i = 0; commands[i]; i++)
			if (commands[i]->group == group)
				fprintf(out, "  %-10s %s\n", commands[i]->name,
					commands[i]->summary);
	}
	fputs("\nnsshellctl COMMAND --help says more of each, nsshellctl(8) all of it.\n", out);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static int run(const struct command *command, int argc, char **argv)
{
	static char name[64];
	int code;

	snprintf(name, sizeof(name), "nsshellctl %s", command->name);
	argv[0] = name;
	code = command->run(argc, argv);
	return nsh_output_end(code);
}

/* "help COMMAND" is "COMMAND --help". */
static int help(int argc, char **argv)
{
	const struct command *command = argc > 1 ? find_command(argv[1]) : NULL;
	char *asked[] = {argv[0], (char *)"--help", NULL};

	if (command)
		return run(command, 2, asked);
	if (argc > 1)
		return nsh_complain("there is no command \"%s\"", argv[1]);
	list_commands(stdout);
	return nsh_output_end(NSH_CTL_OK);
}

/* What is opened next must not become one of the standard streams. */
static void fill_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_NOCTTY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	const struct command *command;

	fill_streams();
	signal(SIGPIPE, SIG_DFL); /* "nsshellctl list | head" ends like every other */
	signal(SIGCHLD, SIG_DFL);
	if (argc < 2) {
		list_commands(stderr);
		return NSH_CTL_FAILED;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-?") || !strcmp(argv[1], "help"))
		return help(argc - 1, argv + 1);
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("nsshellctl %s\n", NSH_VERSION);
		return nsh_output_end(NSH_CTL_OK);
	}
	command = find_command(argv[1]);
	if (!command)
		return nsh_complain("there is no command \"%s\"; see nsshellctl --help", argv[1]);
	return run(command, argc - 1, argv + 1);
}
