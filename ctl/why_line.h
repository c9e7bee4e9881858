/* SPDX-License-Identifier: MIT */
/*
 * One line of nsshell's in a log. Pure.
 *
 * Whoever is on the machine can write to the log (logger(1)), with any tag, and other programs' lines hold what
 * somebody chose. So a line counts only when the whole of it has the form that nsshell gives it, and it is a fact of
 * its own whether it is root's.
 */
#ifndef CTL_WHY_LINE_H
#define CTL_WHY_LINE_H

#include <stdbool.h>
#include <stddef.h>

/* Which program it says that it is of. */
enum nsh_why_writer {
	NSH_WHY_HELPER, /* nsshell-session */
	NSH_WHY_MODULE, /* pam_nsshell.so in a service */
	NSH_WHY_SHELL,  /* nsshell, as the user: never to be told from what the user writes */
};

/* The fields that are known; others may be there. */
enum nsh_why_key {
	NSH_WHY_VERDICT,
	NSH_WHY_USER,
	NSH_WHY_UID,
	NSH_WHY_SERVICE,
	NSH_WHY_RHOST,
	NSH_WHY_TTY,
	NSH_WHY_LOGIN_SHELL,
	NSH_WHY_POLICY,
	NSH_WHY_CONFINED_BY,
	NSH_WHY_HOSTNAME,
	NSH_WHY_JOINED,
	NSH_WHY_STALE,
	NSH_WHY_CGROUP,
	NSH_WHY_EXIT,
	NSH_WHY_KIND,
	NSH_WHY_REASON,
	NSH_WHY_COUNT,
};

/* A line, taken apart. Texts are owned; NULL for what it does not have. nsh_why_free(). */
struct nsh_why_line {
	char *time;   /* as the log has it */
	char *source; /* "the journal", or the file's path */
	enum nsh_why_writer writer;
	bool verified; /* the journal says that root has written it */
	bool cut;      /* it ends before its end */
	char *fields[NSH_WHY_COUNT];
};

/*
 * Takes a message apart that a program with this tag has logged. Fills writer, cut and fields. False, with nothing to
 * free, when it is not one of nsshell's about id.
 */
bool nsh_why_read_message(struct nsh_why_line *line, const char *tag, const char *message,
			  const char *id);

/* Likewise a line of a file, as syslogd(8) writes them: with its time, in either of the two forms. */
bool nsh_why_read_line(struct nsh_why_line *line, const char *text, const char *id);

void nsh_why_free(struct nsh_why_line *line);

/* The name of a field in JSON: as in the log. */
const char *nsh_why_key_name(enum nsh_why_key key);

/*
 * The file that a reason names ("/etc/nsshell/nsshell.conf:3: view.tmp: ..."), malloc'ed; NULL when it names none, or
 * one that could not be part of a command that somebody copies.
 */
char *nsh_why_file(const char *reason);

/* Whether a text is nothing but what can be part of such a command. */
bool nsh_why_is_plain(const char *text);

#endif
