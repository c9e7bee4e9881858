/* SPDX-License-Identifier: MIT */
/*
 * From nsshell's arguments to the real shell's.
 *
 * sshd starts "-nsshell" and "nsshell -c COMMAND"; login and su start "-nsshell" or "-su", su with
 * whatever arguments it was given. COMMAND is never looked into.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shell/command.h"

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_login_option(const char *argument)
{
	return !strcmp(argument, "-l") || !strcmp(argument, "--login");
}

/* Options like -i and -il leave a shell interactive; -c and a script's name do not. */
static bool is_interactive(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (argv[i][0] != '-' || (argv[i][1] != '-' && strchr(argv[i], 'c')))
			return false;
	return true;
}

int nsh_command_make(struct command *command, const char *program, int argc, char **argv,
		     struct nsh_err *err)
{
	bool login = argc > 0 && argv[0][0] == '-';
	int skip = argc > 0;

	if (argc > 1 && is_login_option(argv[1])) {
		login = true;
		skip++;
	}
	*command = (struct command){.program = program};
	command->interactive = is_interactive(argc - skip, argv + skip);
	command->argv = calloc((size_t)(argc - skip) + 2, sizeof(*command->argv));
	if (!command->argv ||
	    asprintf(&command->argv[0], "%s%s", login ? "-" : "", base_name(program)) < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -ENOMEM, "command line");
	memcpy(command->argv + 1, argv + skip, (size_t)(argc - skip) * sizeof(*argv));
	return 0;
}

static int cannot(struct nsh_err *err, int code, const char *program, const char *why)
{
	return nsh_err_set(err, NSH_REASON_SHELL, code, "%s: %s", program, why);
}

int nsh_command_check(const char *program, struct nsh_err *err)
{
	struct stat st;
	struct stat self;

	if (stat(program, &st) < 0)
		return nsh_err_sys(err, NSH_REASON_SHELL, -errno, "%s", program);
	if (S_ISDIR(st.st_mode))
		return cannot(err, -EISDIR, program, "is a folder");
	if (!S_ISREG(st.st_mode))
		return cannot(err, -EACCES, program, "is not a regular file");
	if (access(program, X_OK) < 0)
		return cannot(err, -EACCES, program, "may not be executed");
	if (stat("/proc/self/exe", &self) < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "/proc/self/exe");
	if (st.st_dev == self.st_dev && st.st_ino == self.st_ino)
		return cannot(err, -ELOOP, program, "is nsshell itself");
	return 0;
}
