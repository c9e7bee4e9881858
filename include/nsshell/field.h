/* SPDX-License-Identifier: MIT */
/*
 * Lines for the log: key=value fields with a blank between them. Texts stand in double quotes and can
 * hold what somebody chose: a quote in them becomes a single one, and what a terminal or a log would
 * act on a "?", so that no text ends its field or its line.
 */
#ifndef NSSHELL_FIELD_H
#define NSSHELL_FIELD_H

#include <stdbool.h>
#include <stddef.h>

/* Longest line with its NUL, in bytes; what does not fit is cut. */
#define NSH_LOG_LINE_MAX 12288

/* Longest text of one field, in bytes; a longer one is cut. Ten of them fit in a line. */
#define NSH_FIELD_MAX 1024

/* A line under way. Starts as all 0. */
struct nsh_line {
	char text[NSH_LOG_LINE_MAX]; /* always ended by a NUL */
	size_t len;
};

/* Adds key="text". */
void nsh_field_text(struct nsh_line *line, const char *key, const char *text);

/* Adds key and a formatted value, which must have no blank and nothing that somebody chose. */
void nsh_field_plain(struct nsh_line *line, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A field as it is read: pieces of the line. The text has no quotes around it. */
struct nsh_field {
	const char *key;
	size_t key_len;
	const char *text;
	size_t len;
};

/*
 * Reads the next field of a line, which begins at *at and ends with a NUL; *at moves on. Returns 1; 0 at the end;
 * -EINVAL for what is not of the form that is written here, as where a line was cut: *at stays. Anything that follows
 * cannot be told from what somebody chose. Pure.
 */
int nsh_field_next(const char **at, struct nsh_field *field);

/* Whether the field's key is this one. */
bool nsh_field_is(const struct nsh_field *field, const char *key);

#endif
