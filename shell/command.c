/* SPDX-License-Identifier: MIT */
/*
 * From nsshell's arguments to the real shell's.
 *
 * sshd starts "-nsshell" and "nsshell -c COMMAND"; login and su start "-nsshell" or "-su", su with
 * whatever arguments it was given. COMMAND is never looked into.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "shell/command.h"

/* As many scripts as the kernel lets interpret each other (execve(2)), and one more. */
#define SCRIPT_DEPTH 6

/* As many bytes of a script as the kernel looks at. */
#define FIRST_LINE 256

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

/*
 * The interpreter that a script names in its first line, or "". A file that cannot be read cannot
 * be a script that could be run.
 */
static void read_interpreter(const char *program, char interpreter[FIRST_LINE + 1])
{
	NSH_CLOSE int fd = open(program, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char line[FIRST_LINE + 1];
	ssize_t len = fd < 0 ? 0 : read(fd, line, FIRST_LINE);
	char *start = line + 2;

	interpreter[0] = '\0';
	if (len < 3 || line[0] != '#' || line[1] != '!')
		return;
	line[len] = '\0';
	start += strspn(start, " \t");
	start[strcspn(start, " \t\n")] = '\0';
	strcpy(interpreter, start);
}

static int check_file(const char *program, struct nsh_err *err)
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

/*
 * nsshell as the interpreter of its own shell would start itself for ever. What else is wrong with
 * an interpreter is for execve(2) to say.
 */
int nsh_command_verify(const char *program, struct nsh_err *err)
{
	char path[FIRST_LINE + 1];
	int ret = check_file(program, err);

	if (ret < 0)
		return ret;
	read_interpreter(program, path);
	for (int depth = 0; path[0] && depth < SCRIPT_DEPTH; depth++) {
		ret = check_file(path, err);
		if (ret == -ELOOP)
			return nsh_err_context(err, ret, "the interpreter of %s", program);
		if (ret < 0)
			return 0;
		read_interpreter(path, path);
	}
	return 0;
}
