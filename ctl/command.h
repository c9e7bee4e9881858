/* SPDX-License-Identifier: MIT */
/*
 * The subcommands of nsshellctl: each is a file of its own with one struct command, which stands in the
 * table of ctl/main.c. Options are parsed with argp(3), which also makes --help of what the command's
 * struct argp says.
 */
#ifndef CTL_COMMAND_H
#define CTL_COMMAND_H

#include <argp.h>
#include <stdbool.h>

#include "nsshell/err.h"

/*
 * Exit statuses. What a command was asked and found out is in the first two, so that a script can tell a
 * machine that is not fit from a question that could not be put.
 */
enum {
	NSH_CTL_OK = 0, /* done; found nothing to complain of */
	NSH_CTL_WARN =
		1, /* check, doctor: warnings only; else: the answer is no, or there is none */
	NSH_CTL_FAILED = 2, /* errors found; could not be done; wrong usage */
};

enum nsh_command_group {
	NSH_GROUP_POLICY,
	NSH_GROUP_SESSIONS,
	NSH_GROUP_ACCOUNTS,
	NSH_GROUP_USER,
	NSH_GROUP_HIDDEN, /* not for people; not in the list */
};

struct command {
	const char *name;
	enum nsh_command_group group;
	const char *summary; /* a phrase for the list of commands */
	const struct argp *argp;
	/* argv[0] is "nsshellctl NAME". Returns an exit status. */
	int (*run)(int argc, char **argv);
};

/* Parses with the struct argp; options stop at the first argument if in_order. Ends the process on --help and wrong usage. */
void nsh_command_parse(const struct argp *argp, int argc, char **argv, bool in_order, void *input);

/* A line of text on standard output, which is made safe for a terminal (nsshell/printable.h). */
void nsh_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "nsshellctl: TEXT" on standard error, likewise. Returns NSH_CTL_FAILED. */
int nsh_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Likewise with an error's text. */
int nsh_complain_err(const struct nsh_err *err);

/* For commands that need root, and not the one of a session: complains and returns false without. what is a phrase, "end sessions of others". */
bool nsh_needs_root(const char *what);

#endif
