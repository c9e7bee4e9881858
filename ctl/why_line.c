/* SPDX-License-Identifier: MIT */
/*
 * One line of nsshell's in a log.
 */
#include <stdlib.h>
#include <string.h>

#include "ctl/why_line.h"
#include "nsshell/field.h"
#include "nsshell/id.h"

static const char *const keys[] = {
	[NSH_WHY_VERDICT] = "verdict",
	[NSH_WHY_USER] = "user",
	[NSH_WHY_UID] = "uid",
	[NSH_WHY_SERVICE] = "service",
	[NSH_WHY_RHOST] = "rhost",
	[NSH_WHY_TTY] = "tty",
	[NSH_WHY_LOGIN_SHELL] = "shell",
	[NSH_WHY_POLICY] = "policy",
	[NSH_WHY_CONFINED_BY] = "confined_by",
	[NSH_WHY_HOSTNAME] = "hostname",
	[NSH_WHY_JOINED] = "joined",
	[NSH_WHY_STALE] = "stale",
	[NSH_WHY_CGROUP] = "cgroup",
	[NSH_WHY_EXIT] = "exit",
	[NSH_WHY_KIND] = "kind",
	[NSH_WHY_REASON] = "reason",
};

const char *nsh_why_key_name(enum nsh_why_key key)
{
	return keys[key];
}

/* The module's lines begin with what pam_syslog(3) puts there, under the tag of the service. */
static bool find_writer(struct nsh_why_line *line, const char *tag, const char **message)
{
	static const char module[] = "pam_nsshell(";
	const char *end;

	if (!strcmp(tag, "nsshell-session")) {
		line->writer = NSH_WHY_HELPER;
		return true;
	}
	if (!strcmp(tag, "nsshell")) {
		line->writer = NSH_WHY_SHELL;
		return true;
	}
	line->writer = NSH_WHY_MODULE;
	if (strncmp(*message, module, strlen(module)) != 0)
		return false;
	end = *message + strcspn(*message, ")\"");
	if (strncmp(end, "): ", 3) != 0)
		return false;
	*message = end + 3;
	return true;
}

/* The first of its name counts. */
static void take_field(struct nsh_why_line *line, const struct nsh_field *field)
{
	for (int key = 0; key < NSH_WHY_COUNT; key++)
		if (nsh_field_is(field, keys[key]) && !line->fields[key])
			line->fields[key] = strndup(field->text, field->len);
}

static bool is_about(const char **message, const char *id)
{
	struct nsh_field field;

	return nsh_field_next(message, &field) == 1 && nsh_field_is(&field, "session") &&
	       field.len == NSH_ID_LEN && !memcmp(field.text, id, NSH_ID_LEN);
}

bool nsh_why_read_message(struct nsh_why_line *line, const char *tag, const char *message,
			  const char *id)
{
	struct nsh_field field;
	int ret;

	*line = (struct nsh_why_line){0};
	if (!find_writer(line, tag, &message) || !is_about(&message, id))
		return false;
	while ((ret = nsh_field_next(&message, &field)) == 1)
		take_field(line, &field);
	line->cut = ret < 0;
	if (line->fields[NSH_WHY_VERDICT])
		return true;
	nsh_why_free(line);
	return false;
}

/* Returns the length of the time at the beginning: "Nov 24 18:25:00" or one word that begins with a year; or 0. */
static size_t time_length(const char *text)
{
	static const char old[] = "Aaa dd dd:dd:dd ";

	if (strspn(text, "0123456789") == 4 && text[4] == '-')
		return strcspn(text, " ");
	for (size_t i = 0; old[i]; i++) {
		bool digit = text[i] >= '0' && text[i] <= '9';
		bool fits = old[i] == 'd'   ? digit || (i == 4 && text[i] == ' ')
			    : old[i] == 'A' ? text[i] >= 'A' && text[i] <= 'Z'
			    : old[i] == 'a' ? text[i] >= 'a' && text[i] <= 'z'
					    : text[i] == old[i];

		if (!fits)
			return 0;
	}
	return strlen(old) - 1;
}

/* "TAG[PID]: " */
static const char *cut_tag(const char *at, char tag[64])
{
	size_t len = strcspn(at, "[: ");

	if (len == 0 || len >= 64)
		return NULL;
	memcpy(tag, at, len);
	tag[len] = '\0';
	at += len;
	if (*at == '[') {
		at += 1 + strspn(at + 1, "0123456789");
		if (*at++ != ']')
			return NULL;
	}
	return strncmp(at, ": ", 2) == 0 ? at + 2 : NULL;
}

bool nsh_why_read_line(struct nsh_why_line *line, const char *text, const char *id)
{
	size_t time = time_length(text);
	const char *at = text + time;
	char tag[64];

	if (!time || *at++ != ' ')
		return false;
	at += strcspn(at, " "); /* the machine's name */
	if (*at++ != ' ')
		return false;
	at = cut_tag(at, tag);
	if (!at || !nsh_why_read_message(line, tag, at, id))
		return false;
	line->time = strndup(text, time);
	return true;
}

void nsh_why_free(struct nsh_why_line *line)
{
	free(line->time);
	free(line->source);
	for (int key = 0; key < NSH_WHY_COUNT; key++)
		free(line->fields[key]);
	*line = (struct nsh_why_line){0};
}

bool nsh_why_is_plain(const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789/._-";

	return *text && *text != '-' && !text[strspn(text, plain)];
}

/* "PATH:LINE:" or, as for a file that cannot be trusted, "PATH:", at the beginning or behind ": ". */
char *nsh_why_file(const char *reason)
{
	const char *at = reason;
	char *file;

	while (*at != '/') {
		at = strstr(at, ": ");
		if (!at)
			return NULL;
		at += 2;
	}
	file = strndup(at, strcspn(at, ":"));
	if (file && nsh_why_is_plain(file))
		return file;
	free(file);
	return NULL;
}
