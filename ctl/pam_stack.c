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
#include "nsshell/cleanup.h"

struct reading {
	struct nsh_pam_stack *stack;
	const char *folder;
	struct nsh_err *err;
};

/* Where one file is read for. */
struct place {
	const char *file;
	unsigned number;
	unsigned substack;
	unsigned depth;
};

static int read_file(struct reading *reading, const char *name, unsigned substack, unsigned depth);

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

static int add_line(struct reading *reading, const struct place *place, const char *control,
		    char *rest)
{
	struct nsh_pam_stack *stack = reading->stack;
	struct nsh_pam_line *line = &stack->lines[stack->count];
	const char *module = take_word(&rest);

	if (stack->count == NSH_PAM_LINES)
		return nsh_err_sys(reading->err, NSH_REASON_MACHINE, -E2BIG, "%s", place->file);
	rest += strspn(rest, " \t");
	*line = (struct nsh_pam_line){.number = place->number, .substack = place->substack};
	if (snprintf(line->control, sizeof(line->control), "%s", control) >=
		    (int)sizeof(line->control) ||
	    snprintf(line->module, sizeof(line->module), "%s", module) >=
		    (int)sizeof(line->module) ||
	    snprintf(line->arguments, sizeof(line->arguments), "%s", rest) >=
		    (int)sizeof(line->arguments))
		return nsh_err_sys(reading->err, NSH_REASON_MACHINE, -E2BIG, "%s:%u", place->file,
				   place->number);
	snprintf(line->file, sizeof(line->file), "%s", place->file);
	stack->count++;
	return 0;
}

/* "type control module arguments", with a "-" before the type of a module that may be missing. */
static int take_line(struct reading *reading, const struct place *place, char *text)
{
	const char *type = take_word(&text);
	const char *control;

	if (!strcmp(type, "@include"))
		return read_file(reading, take_word(&text), place->substack, place->depth + 1);
	if (strcasecmp(type + (*type == '-'), "session") != 0)
		return 0;
	control = take_word(&text);
	if (!strcasecmp(control, "include"))
		return read_file(reading, take_word(&text), place->substack, place->depth + 1);
	if (!strcasecmp(control, "substack"))
		return read_file(reading, take_word(&text), ++reading->stack->substacks,
				 place->depth + 1);
	return add_line(reading, place, control, text);
}

/* Cuts the next line off; those that end in "\" go on. Comments go to the end of what is so put together. */
static char *next_line(char **text, unsigned *number)
{
	char *line = *text;
	char *end = line;

	for (;;) {
		end += strcspn(end, "\n");
		(*number)++;
		if (*end == '\0' || end == line || end[-1] != '\\')
			break;
		end[-1] = *end = ' ';
	}
	*text = end + (*end != '\0');
	*end = '\0';
	line[strcspn(line, "#")] = '\0';
	return line;
}

static int read_file(struct reading *reading, const char *name, unsigned substack, unsigned depth)
{
	char path[256];
	struct place place = {.file = path, .substack = substack, .depth = depth};
	NSH_FREE char *text = NULL;
	char *at;
	int ret;

	if (depth > NSH_PAM_DEPTH)
		return nsh_err_sys(reading->err, NSH_REASON_MACHINE, -ELOOP, "%s", name);
	if (snprintf(path, sizeof(path), "%s%s%s", name[0] == '/' ? "" : reading->folder,
		     name[0] == '/' ? "" : "/", name) >= (int)sizeof(path))
		return nsh_err_sys(reading->err, NSH_REASON_MACHINE, -ENAMETOOLONG, "%s", name);
	ret = nsh_read(path, &text);
	if (ret < 0)
		return nsh_err_sys(reading->err, NSH_REASON_MACHINE, ret, "%s", path);
	for (at = text; ret == 0 && *at;) {
		char *line = next_line(&at, &place.number);

		if (line[strspn(line, " \t\r")])
			ret = take_line(reading, &place, line);
	}
	return ret;
}

int nsh_pam_read(struct nsh_pam_stack *stack, const char *folder, const char *service,
		 struct nsh_err *err)
{
	struct reading reading = {.stack = stack, .folder = folder, .err = err};
	char path[PATH_MAX];

	stack->count = 0;
	stack->substacks = 0;
	snprintf(path, sizeof(path), "%s/%s", folder, service);
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -ENOENT, "%s", path);
	return read_file(&reading, path, 0, 0) < 0 ? -EIO : 0;
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

/* What "[... result=action ...]" has for that result, or for all others. "" when it says nothing. */
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
	if (!*action && strcmp(result, "default") != 0)
		action_for(control, "default", action);
}

bool nsh_pam_is_binding(const struct nsh_pam_line *line)
{
	char action[16];

	if (line->control[0] != '[')
		return !strcasecmp(line->control, "required") ||
		       !strcasecmp(line->control, "requisite");
	action_for(line->control, "perm_denied", action);
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

bool nsh_pam_skips(const struct nsh_pam_stack *stack, size_t line, size_t target)
{
	const struct nsh_pam_line *from = &stack->lines[line];
	long jump = jump_of(from->control);

	if (line >= target || (from->substack && from->substack != stack->lines[target].substack))
		return false;
	return jump < 0 || line + (size_t)jump >= target;
}

const char *nsh_pam_argument(const struct nsh_pam_line *line, const char *name, char value[128])
{
	size_t len = strlen(name);

	for (const char *at = line->arguments; *at;) {
		size_t word = strcspn(at, " \t");

		if (word > len && !strncmp(at, name, len) && at[len] == '=') {
			snprintf(value, 128, "%.*s", (int)(word - len - 1), at + len + 1);
			return value;
		}
		at += word;
		at += strspn(at, " \t");
	}
	return NULL;
}
