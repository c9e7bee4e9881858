/* SPDX-License-Identifier: MIT */
/*
 * What all subcommands share.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/account.h"
#include "ctl/command.h"
#include "nsshell/printable.h"

void nsh_command_parse(const struct argp *argp, int argc, char **argv, bool in_order, void *input)
{
	argp_err_exit_status = NSH_CTL_FAILED;
	if (argp_parse(argp, argc, argv, in_order ? ARGP_IN_ORDER : 0, NULL, input) != 0)
		exit(NSH_CTL_FAILED);
}

static void print(FILE *out, const char *begin, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));

static void print(FILE *out, const char *begin, const char *format, va_list args)
{
	char text[2 * NSH_ERR_MAX];

	vsnprintf(text, sizeof(text), format, args);
	nsh_make_printable(text);
	fprintf(out, "%s%s\n", begin, text);
}

void nsh_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print(stdout, "", format, args);
	va_end(args);
}

int nsh_complain(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	va_start(args, format);
	print(stderr, "nsshellctl: ", format, args);
	va_end(args);
	return NSH_CTL_FAILED;
}

int nsh_complain_err(const struct nsh_err *err)
{
	return nsh_complain("%s", err->text);
}

bool nsh_needs_root(const char *what)
{
	if (nsh_account_am_root())
		return true;
	nsh_complain("only root can %s", what);
	return false;
}
