/* SPDX-License-Identifier: MIT */
/*
 * Reading of PAM's files. They are root's; what is odd in them is passed over as libpam passes over it, but for
 * what cannot be followed, which is an error.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/pam_stack.h"
#include "ctl/read.h"

/* A file that is read, and where. */
struct open_file {
	char path[256];
	char *text; /* owned */
	char *at;
	unsigned number;
	unsigned substack;
};

/* The files that include one another, the innermost last. */
struct reading {
	struct nsh_pam_stack *stack;
	const char *folder;
	struct open_file files[NSH_PAM_DEPTH];
	size_t depth;
	struct nsh_err *err;
};

static int failed(struct reading *reading, int code, const char *what)
{
	return nsh_err_sys(reading->err, NSH_REASON_MACHINE, code, "%s", what);
}

/* Takes a word, or what is in brackets, off the text. */
static char *take_word(char **text)
{
	char *word = *text + strspn(*text, " \t");
	char *end = word + (*word == '[' ? strcspn(word, "]") : strcspn(word, " \t"));

	if (*end == ']')
		end++;
	*text = end + (*end != '\0');
	*end = '\0';
	return word;
}

/* Where libpam looks for what is not in the administrator's folder. */
static const char *vendor_of(const char *folder)
{
	return strcmp(folder, NSH_PAM_FOLDER) ? folder : "/usr/lib/pam.d";
}

static int read_from(struct open_file *file, const char *folder, const char *name)
{
	bool whole = name[0] == '/';

	if (snprintf(file->path, sizeof(file->path), "%s%s%s", whole ? "" : folder,
		     whole ? "" : "/", name) >= (int)sizeof(file->path))
		return -ENAMETOOLONG;
	return nsh_read(file->path, &file->text);
}

static int open_file(struct reading *reading, const char *name, unsigned substack)
{
	struct open_file *file = &reading->files[reading->depth];
	int ret;

	if (reading->depth == NSH_PAM_DEPTH)
		return failed(reading, -ELOOP, name);
	*file = (struct open_file){.substack = substack};
	ret = read_from(file, reading->folder, name);
	if (ret == -ENOENT)
		ret = read_from(file, vendor_of(reading->folder), name);
	if (ret < 0)
		return failed(reading, ret, file->path);
	file->at = file->text;
	reading->depth++;
	return 0;
}

static int add_line(struct reading *reading, const char *control, char *rest)
{
	const struct open_file *file = &reading->files[reading->depth - 1];
	struct nsh_pam_stack *stack = reading->stack;
	const char *module = take_word(&rest);
	struct nsh_pam_line *line;

	if (stack->count == NSH_PAM_LINES)
		return failed(reading, -E2BIG, file->path);
	line = &stack->lines[stack->count];
	rest += strspn(rest, " \t");
	*line = (struct nsh_pam_line){.number = file->number, .substack = file->substack};
	if (snprintf(line->control, sizeof(line->control), "%s", control) >=
		    (int)sizeof(line->control) ||
	    snprintf(line->module, sizeof(line->module), "%s", module) >=
		    (int)sizeof(line->module) ||
	    snprintf(line->arguments, sizeof(line->arguments), "%s", rest) >=
		    (int)sizeof(line->arguments))
		return failed(reading, -E2BIG, file->path);
	snprintf(line->file, sizeof(line->file), "%s", file->path);
	stack->count++;
	return 0;
}

/* libpam counts a substack as one module in a jump, and what ends it does not end the rest. */
static int open_substack(struct reading *reading, const char *name, unsigned parent)
{
	struct nsh_pam_stack *stack = reading->stack;

	if (stack->substacks == NSH_PAM_LINES)
		return failed(reading, -E2BIG, name);
	stack->parents[++stack->substacks] = parent;
	return open_file(reading, name, stack->substacks);
}

/* "type control module arguments", with a "-" before the type of a module that may be missing. */
static int take_line(struct reading *reading, char *text)
{
	unsigned substack = reading->files[reading->depth - 1].substack;
	const char *type = take_word(&text);
	const char *control;

	if (!strcmp(type, "@include"))
		return open_file(reading, take_word(&text), substack);
	if (strcasecmp(type + (*type == '-'), "session") != 0)
		return 0;
	control = take_word(&text);
	if (!strcasecmp(control, "include"))
		return open_file(reading, take_word(&text), substack);
	if (!strcasecmp(control, "substack"))
		return open_substack(reading, take_word(&text), substack);
	return add_line(reading, control, text);
}

/* Cuts the next line off; those that end in "\" go on, but for comments. */
static char *next_line(char **text, unsigned *number)
{
	char *line = *text;
	char *end = line;

	for (;;) {
		end += strcspn(end, "\n");
		(*number)++;
		if (*end == '\0' || end == line || end[-1] != '\\' ||
		    memchr(line, '#', (size_t)(end - line)))
			break;
		end[-1] = *end = ' ';
	}
	*text = end + (*end != '\0');
	*end = '\0';
	line[strcspn(line, "#")] = '\0';
	return line;
}

/* The innermost file's next line; at its end the one that has included it goes on. */
static int read_next(struct reading *reading)
{
	struct open_file *file = &reading->files[reading->depth - 1];
	char *line;

	if (!*file->at) {
		free(file->text);
		reading->depth--;
		return 0;
	}
	line = next_line(&file->at, &file->number);
	return line[strspn(line, " \t\r")] ? take_line(reading, line) : 0;
}

static bool has_service(const char *folder, const char *service)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder, service);
	return access(path, F_OK) == 0 || errno != ENOENT;
}

int nsh_pam_read(struct nsh_pam_stack *stack, const char *folder, const char *service,
		 struct nsh_err *err)
{
	struct reading reading = {.stack = stack, .folder = folder, .err = err};
	int ret;

	stack->count = 0;
	stack->substacks = 0;
	if (!has_service(folder, service) && !has_service(vendor_of(folder), service))
		return nsh_err_sys(err, NSH_REASON_MACHINE, -ENOENT, "%s", service);
	ret = open_file(&reading, service, 0);
	while (ret == 0 && reading.depth)
		ret = read_next(&reading);
	while (reading.depth)
		free(reading.files[--reading.depth].text);
	return ret < 0 ? -EIO : 0;
}

size_t nsh_pam_find(const struct nsh_pam_stack *stack, size_t start, const char *module)
{
	for (size_t i = start; i < stack->count; i++) {
		const char *slash = strrchr(stack->lines[i].module, '/');

		if (!strcmp(slash ? slash + 1 : stack->lines[i].module, module))
			return i;
	}
	return stack->count;
}

/* What "[... result=action ...]" has for that result. "" when it says nothing. */
static void action_for(const char *control, const char *result, char action[16])
{
	size_t len = strlen(result);

	*action = '\0';
	for (const char *at = control + 1; *at && *at != ']';) {
		size_t word;

		at += strspn(at, " \t");
		word = strcspn(at, " \t]");
		if (word > len + 1 && !strncasecmp(at, result, len) && at[len] == '=')
			snprintf(action, 16, "%.*s", (int)(word - len - 1), at + len + 1);
		at += word;
	}
}

bool nsh_pam_is_binding(const struct nsh_pam_line *line)
{
	char action[16];

	if (line->control[0] != '[')
		return !strcasecmp(line->control, "required") ||
		       !strcasecmp(line->control, "requisite");
	action_for(line->control, "perm_denied", action);
	if (!*action)
		action_for(line->control, "default", action);
	return !strcasecmp(action, "bad") || !strcasecmp(action, "die");
}

/* The farthest that any action of the control jumps; -1 for the end. */
static long jump_of(const char *control)
{
	long most = 0;

	if (control[0] != '[')
		return strcasecmp(control, "sufficient") ? 0 : -1;
	for (const char *at = control; (at = strchr(at, '='));) {
		at++;
		if (!strncasecmp(at, "done", 4))
			return -1;
		if (isdigit((unsigned char)*at) && strtol(at, NULL, 10) > most)
			most = strtol(at, NULL, 10);
	}
	return most;
}

/*
 * Which unit of that substack the line is a part of: the substack itself for its own lines, or the one right below in which
 * the line stands. -1 when it is not in there.
 */
static long unit_of(const struct nsh_pam_stack *stack, size_t line, unsigned substack)
{
	unsigned at = stack->lines[line].substack;

	while (at && at != substack && stack->parents[at] != substack)
		at = stack->parents[at];
	return at || !substack ? (long)at : -1;
}

bool nsh_pam_skips(const struct nsh_pam_stack *stack, size_t line, size_t target)
{
	const struct nsh_pam_line *from = &stack->lines[line];
	long jump = jump_of(from->control);
	long before = (long)from->substack;
	long units = 0;

	if (line >= target || unit_of(stack, target, from->substack) < 0)
		return false;
	for (size_t i = line + 1; i <= target; i++) {
		long unit = unit_of(stack, i, from->substack);

		units += unit == (long)from->substack || unit != before;
		before = unit;
	}
	return jump < 0 || jump >= units;
}

bool nsh_pam_next_argument(const char **at, char word[NSH_PAM_WORD])
{
	const char *from = *at + strspn(*at, " \t\r");
	bool bracketed = *from == '[';
	size_t len = 0;

	if (!*from)
		return false;
	for (from += bracketed; *from; from++) {
		if (bracketed ? *from == ']' : strchr(" \t\r", *from) != NULL)
			break;
		if (bracketed && from[0] == '\\' && from[1] == ']')
			from++;
		if (len < NSH_PAM_WORD - 1)
			word[len++] = *from;
	}
	word[len] = '\0';
	*at = from + (bracketed && *from);
	return true;
}
