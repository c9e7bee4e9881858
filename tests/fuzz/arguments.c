/* SPDX-License-Identifier: MIT */
/*
 * Arguments, one a line: nsshell's own, of which it makes the real shell's, and those of the PAM module.
 */
#include "pam_module/module_arguments.h"
#include "shell/command.h"
#include "tests/fuzz/fuzz.h"

#define MOST 32

#define PROGRAM "/opt/shells/sh-el"
#define NAME "sh-el"

static bool is_login_option(const char *argument)
{
	return !strcmp(argument, "-l") || !strcmp(argument, "--login");
}

/* No argument is lost, changed or made up; what stands before the first decides on a login shell. */
static void check_command(int argc, char **argv)
{
	bool option = argc > 1 && is_login_option(argv[1]);
	bool login = option || (argc > 0 && argv[0][0] == '-');
	struct command command;
	struct nsh_err err;
	int n = 1;

	REQUIRE(nsh_command_make(&command, PROGRAM, argc, argv, &err) == 0);
	REQUIRE(!strcmp(command.program, PROGRAM));
	REQUIRE(!strcmp(command.argv[0], login ? "-" NAME : NAME));
	for (int i = 1 + option; i < argc; i++)
		REQUIRE(command.argv[n++] == argv[i]);
	REQUIRE(!command.argv[n]);
	for (int i = 1 + option; i < argc; i++)
		if (!strcmp(argv[i], "-c"))
			REQUIRE(!command.interactive);
	free(command.argv[0]);
	free(command.argv);
}

static bool is_of(const char *text, int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (text >= argv[i] && text <= argv[i] + strlen(argv[i]))
			return true;
	return false;
}

static void check_module(int argc, char **argv)
{
	struct nsh_arguments arguments;
	bool debug = false;

	memset(&arguments, 0xff, sizeof(arguments));
	nsh_arguments_read(&arguments, argc, (const char **)argv);
	REQUIRE(arguments.timeout >= 1 && arguments.timeout <= NSH_TIMEOUT_MAX);
	REQUIRE(!arguments.invalid || is_of(arguments.invalid, argc, argv));
	for (int i = 0; i < argc; i++)
		debug |= !strcmp(argv[i], "debug");
	REQUIRE(arguments.debug == debug);
	/* The way back in is not lost behind what is wrong. */
	for (int i = 0; i < argc; i++)
		if (!strncmp(argv[i], "exempt_group=", 13) && argv[i][13])
			REQUIRE(arguments.exempt_group && *arguments.exempt_group &&
				is_of(arguments.exempt_group, argc, argv));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = fuzz_input(data, size);
	char *argv[MOST + 1] = {NULL};
	int argc = 0;

	while (argc < MOST && input.at && size)
		argv[argc++] = fuzz_text(&input, "\n");
	check_command(argc, argv);
	check_module(argc, argv);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
	return 0;
}
