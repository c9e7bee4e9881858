/* SPDX-License-Identifier: MIT */
/*
 * The first pass over the bytes of a policy file.
 *
 * Why each rule is here, measured on libiniparser 4.1 and 4.2: section names are lower-cased and
 * merged; "[a:b] c" and "[a] b:c" are one key; a key twice is the last one, silently; a value ends
 * at ";" and "#", quotes vanish, a backslash joins lines, comments too; "[]" and keys before a section are taken;
 * long lines and NUL bytes end the load half way. Each of these is refused before it gets there.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "conf/report.h"
#include "conf/scan.h"

struct cursor {
	struct nsh_scan *scan;
	size_t room;
	const char *section; /* of the lines that follow, NULL at first */
	size_t first;        /* no entry before this index is of it */
	unsigned line;
	bool lost; /* the last section's line was wrong: whose the keys are is not known */
	struct nsh_err *err;
};

static int wrong(struct cursor *at, const char *what)
{
	return nsh_err_set(at->err, NSH_REASON_POLICY, -EINVAL, "%s", what);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static char *skip_blanks(char *text)
{
	while (is_blank(*text))
		text++;
	return text;
}

static void cut_blanks(char *start, char *end)
{
	while (end > start && is_blank(end[-1]))
		end--;
	*end = '\0';
}

/*
 * What each byte may be in. libiniparser takes quotes, backslash, ";" and "#" for more than a part of a value: they are in
 * comments only, as what is not ASCII. Names are lower case because it makes them so, and have no ":" because it splits
 * there.
 */
enum {
	PLAIN = 1, /* stands for itself everywhere */
	NAME = 2,
};

static const unsigned char uses[256] = {
	['\t'] = PLAIN,        [' '] = PLAIN,         ['!'] = PLAIN,
	['$' ... '&'] = PLAIN, ['(' ... '/'] = PLAIN, ['0' ... '9'] = PLAIN | NAME,
	[':'] = PLAIN,         ['<' ... '['] = PLAIN, [']' ... '^'] = PLAIN,
	['_'] = PLAIN | NAME,  ['`'] = PLAIN,         ['a' ... 'z'] = PLAIN | NAME,
	['{' ... '~'] = PLAIN,
};

static bool is_name(const char *text)
{
	const char *at = text;

	while (uses[(unsigned char)*at] & NAME)
		at++;
	return at > text && !*at;
}

/* Looks at all of them, as nearly always all are. */
static bool are_plain(const char *text, size_t len)
{
	unsigned char common = PLAIN;

#pragma GCC unroll 8
	for (size_t i = 0; i < len; i++)
		common &= uses[(unsigned char)text[i]];
	return common;
}

static int check_byte(struct cursor *at, unsigned char c, bool comment)
{
	if (c == '\r')
		return wrong(at, "the line ends with a carriage return (not a Unix text file)");
	if (c < ' ' || c == 0x7f)
		return wrong(at, "a control character");
	if (comment)
		return 0;
	if (c > 0x7f)
		return wrong(at, "a character that is not ASCII");
	return nsh_err_set(at->err, NSH_REASON_POLICY, -EINVAL,
			   "the character %c is allowed in comment lines only", c);
}

static int check_bytes(struct cursor *at, const char *text, size_t len)
{
	bool comment = *text == '#' || *text == ';';
	int ret = 0;

	if (are_plain(text, len))
		return 0;
	for (size_t i = 0; i < len && ret == 0; i++)
		if (!(uses[(unsigned char)text[i]] & PLAIN))
			ret = check_byte(at, (unsigned char)text[i], comment);
	return ret;
}

static int add_entry(struct cursor *at, const struct nsh_entry *entry)
{
	struct nsh_scan *scan = at->scan;

	if (scan->count == at->room) {
		size_t room = at->room ? at->room * 2 : 32;
		struct nsh_entry *grown = reallocarray(scan->entries, room, sizeof(*grown));

		if (!grown)
			return nsh_err_sys(at->err, NSH_REASON_MACHINE, -ENOMEM, "policy");
		scan->entries = grown;
		at->room = room;
	}
	scan->entries[scan->count++] = *entry;
	return 0;
}

static bool has_section(const struct nsh_scan *scan, const char *section)
{
	for (size_t i = 0; i < scan->count; i++) {
		const struct nsh_entry *entry = &scan->entries[i];

		if (!entry->key && entry->section[0] == section[0] &&
		    !strcmp(entry->section, section))
			return true;
	}
	return false;
}

static bool has_key(const struct cursor *at, const char *key)
{
	for (size_t i = at->first; i < at->scan->count; i++) {
		const struct nsh_entry *entry = &at->scan->entries[i];

		if (entry->key && entry->key[0] == key[0] && !strcmp(entry->key, key) &&
		    !strcmp(entry->section, at->section))
			return true;
	}
	return false;
}

static int scan_section(struct cursor *at, char *text)
{
	struct nsh_entry entry = {.line = at->line};
	char *close = strchr(text, ']');

	at->lost = true;
	if (!close || close[1])
		return wrong(at, "a section is [name] alone on its line");
	cut_blanks(text + 1, close);
	entry.section = skip_blanks(text + 1);
	if (!is_name(entry.section))
		return wrong(at, "a section's name has lower-case letters, digits and _ only");
	at->section = entry.section;
	at->lost = false;
	at->first = 0;
	if (has_section(at->scan, entry.section))
		return nsh_err_set(at->err, NSH_REASON_POLICY, -EINVAL,
				   "section [%s] stands here a second time", entry.section);
	at->first = at->scan->count;
	return add_entry(at, &entry);
}

static int scan_key(struct cursor *at, char *text)
{
	struct nsh_entry entry = {.line = at->line, .section = at->section, .key = text};
	char *equals = strchr(text, '=');

	if (!equals)
		return wrong(at, "neither [section], key = value nor a comment");
	if (at->lost)
		return 0;
	if (!at->section)
		return wrong(at, "a key before the first [section]");
	cut_blanks(text, equals);
	entry.value = skip_blanks(equals + 1);
	if (!is_name(entry.key))
		return wrong(at, "a key has lower-case letters, digits and _ only");
	if (has_key(at, entry.key))
		return nsh_err_set(at->err, NSH_REASON_POLICY, -EINVAL,
				   "%s.%s stands here a second time", entry.section, entry.key);
	return add_entry(at, &entry);
}

/* libiniparser would take the next line for a part of it. */
static int check_comment(struct cursor *at, const char *text)
{
	if (text[strlen(text) - 1] != '\\')
		return 0;
	return wrong(at, "a comment line ends with a backslash");
}

static int scan_line(struct cursor *at, char *text, size_t len)
{
	char *start = skip_blanks(text);
	int ret;

	if (len > NSH_LINE_MAX)
		return wrong(at, "the line is longer than 1000 bytes");
	ret = check_bytes(at, start, len - (size_t)(start - text));
	if (ret < 0)
		return ret;
	if (!*start)
		return 0;
	cut_blanks(start, text + len);
	if (*start == '#' || *start == ';')
		return check_comment(at, start);
	return *start == '[' ? scan_section(at, start) : scan_key(at, start);
}

/* path and report are NULL when the first error is the end. */
static int scan_lines(struct cursor *at, char *text, size_t len, const char *path,
		      struct nsh_report *report)
{
	char *end = text + len;
	int ret = 0;

	while (text < end && ret == 0) {
		char *newline = memchr(text, '\n', (size_t)(end - text));
		char *stop = newline ? newline : end;

		*stop = '\0';
		at->line++;
		ret = scan_line(at, text, (size_t)(stop - text));
		if (ret == -EINVAL && report)
			ret = nsh_report(report, ret,
					 &(struct nsh_complaint){.file = path, .line = at->line});
		text = stop + 1;
	}
	return ret;
}

int nsh_scan(struct nsh_scan *scan, char *text, size_t len, struct nsh_err *err)
{
	struct cursor at = {.scan = scan, .err = err};
	int ret;

	*scan = (struct nsh_scan){0};
	if (len > NSH_FILE_MAX)
		return nsh_err_set(err, NSH_REASON_POLICY, -E2BIG, "is larger than 64 KiB");
	ret = scan_lines(&at, text, len, NULL, NULL);
	if (ret == -EINVAL)
		nsh_err_context(err, ret, "%u", at.line);
	if (ret < 0)
		nsh_scan_free(scan);
	return ret;
}

int nsh_scan_file(struct nsh_scan *scan, char *text, size_t len, const char *path,
		  struct nsh_report *report)
{
	struct cursor at = {.scan = scan, .err = report->err};
	int ret;

	*scan = (struct nsh_scan){0};
	ret = scan_lines(&at, text, len, path, report);
	if (ret < 0)
		nsh_scan_free(scan);
	return ret;
}

void nsh_scan_free(struct nsh_scan *scan)
{
	free(scan->entries);
	*scan = (struct nsh_scan){0};
}
