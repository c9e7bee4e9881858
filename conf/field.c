/* SPDX-License-Identifier: MIT */
/*
 * Lines for the log.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "nsshell/field.h"
#include "nsshell/printable.h"

static void put(struct nsh_line *line, char c)
{
	if (line->len < sizeof(line->text) - 1)
		line->text[line->len++] = c;
}

static void put_key(struct nsh_line *line, const char *key)
{
	if (line->len)
		put(line, ' ');
	while (*key)
		put(line, *key++);
	put(line, '=');
}

/* Of what is printable. */
static char harmless(char c)
{
	if (c == '"')
		return '\'';
	if (c == '\\')
		return '?';
	return c;
}

void nsh_field_text(struct nsh_line *line, const char *key, const char *text)
{
	char printable[NSH_FIELD_MAX + 1];

	snprintf(printable, sizeof(printable), "%s", text);
	nsh_make_printable(printable);
	put_key(line, key);
	put(line, '"');
	for (const char *at = printable; *at; at++)
		put(line, harmless(*at));
	put(line, '"');
}

void nsh_field_plain(struct nsh_line *line, const char *key, const char *format, ...)
{
	char value[128];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	put_key(line, key);
	for (const char *at = value; *at; at++)
		put(line, *at);
}
