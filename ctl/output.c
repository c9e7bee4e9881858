/* SPDX-License-Identifier: MIT */
/*
 * Printing, for all subcommands.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ctl/command.h"
#include "ctl/output.h"
#include "nsshell/printable.h"

int nsh_output_width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return 0;
	return size.ws_col ? size.ws_col : 80;
}

/* The user's own output, so the user's own environment may decide. */
static bool has_colours(void)
{
	const char *term = getenv("TERM");
	const char *no_colour = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0 &&
	       !(no_colour && *no_colour);
}

void nsh_output_mark(enum nsh_mark mark, const char *text)
{
	static const char *const codes[] = {
		[NSH_MARK_NONE] = "",   [NSH_MARK_OK] = "32",    [NSH_MARK_WARN] = "33",
		[NSH_MARK_FAIL] = "31", [NSH_MARK_STRONG] = "1",
	};

	if (mark != NSH_MARK_NONE && has_colours())
		printf("\033[%sm%s\033[0m", codes[mark], text);
	else
		fputs(text, stdout);
}

int nsh_output_end(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	if (errno != EPIPE)
		nsh_complain("standard output: %s", strerror(errno));
	return NSH_CTL_FAILED;
}

/* Takes text. */
static void add(struct nsh_table *table, char *text)
{
	char **grown = reallocarray(table->cells, table->n_cells + 1, sizeof(*grown));

	if (grown)
		table->cells = grown;
	if (!grown || !text) {
		free(text);
		table->failed = true;
		return;
	}
	nsh_make_printable(text);
	table->cells[table->n_cells++] = text;
}

void nsh_table_add(struct nsh_table *table, const char *text)
{
	add(table, strdup(text && *text ? text : "-"));
}

void nsh_table_addf(struct nsh_table *table, const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	add(table, text);
}

/* Characters and not bytes; wide ones count as one. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static size_t column_width(const struct nsh_table *table, size_t column)
{
	size_t most = width_of(table->titles[column]);

	for (size_t i = column; i < table->n_cells; i += table->n_columns) {
		size_t width = width_of(table->cells[i]);

		most = width > most ? width : most;
	}
	return most;
}

static void pad(FILE *out, size_t columns)
{
	while (columns--)
		putc(' ', out);
}

/* Cuts after that many characters. */
static void cut(char *text, size_t most)
{
	for (; *text; text++)
		if (((unsigned char)*text & 0xc0) != 0x80 && most-- == 0)
			break;
	*text = '\0';
}

/* width is that of the terminal, or 0. */
static void print_row(const struct nsh_table *table, const size_t *widths, const char *const *texts,
		      size_t width, bool is_title)
{
	char *line = NULL;
	size_t len;
	FILE *out = open_memstream(&line, &len);

	for (size_t i = 0; out && i < table->n_columns; i++) {
		fputs(texts[i], out);
		if (i + 1 < table->n_columns)
			pad(out, widths[i] - width_of(texts[i]) + 2);
	}
	if (out && fclose(out) == 0) {
		if (width)
			cut(line, width);
		nsh_output_mark(is_title ? NSH_MARK_STRONG : NSH_MARK_NONE, line);
		putchar('\n');
	}
	free(line);
}

int nsh_table_print(struct nsh_table *table)
{
	size_t *widths = calloc(table->n_columns, sizeof(*widths));
	size_t width = (size_t)nsh_output_width();
	bool ok = widths && !table->failed;

	for (size_t i = 0; ok && i < table->n_columns; i++)
		widths[i] = column_width(table, i);
	if (ok)
		print_row(table, widths, table->titles, width, true);
	for (size_t i = 0; ok && i + table->n_columns <= table->n_cells; i += table->n_columns)
		print_row(table, widths, (const char *const *)table->cells + i, width, false);
	for (size_t i = 0; i < table->n_cells; i++)
		free(table->cells[i]);
	free(table->cells);
	free(widths);
	*table = (struct nsh_table){0};
	return ok ? NSH_CTL_OK : nsh_complain("out of memory");
}

json_t *nsh_json_text(const char *text)
{
	char *copy = text ? strdup(text) : NULL;
	json_t *value;

	if (!text)
		return json_null();
	if (!copy)
		return NULL;
	nsh_make_printable(copy);
	value = json_string(copy);
	free(copy);
	return value;
}

int nsh_json_print(json_t *value)
{
	int ret = value ? json_dumpf(value, stdout, JSON_INDENT(2)) : -1;

	json_decref(value);
	putchar('\n');
	return ret == 0 || ferror(stdout) ? NSH_CTL_OK : nsh_complain("out of memory");
}

const char *nsh_size_text(char *text, unsigned long long bytes)
{
	static const char units[] = "BKMGTPE";
	double value = (double)bytes;
	int unit = 0;

	while (value >= 1000 && units[unit + 1]) {
		value /= 1024;
		unit++;
	}
	snprintf(text, NSH_SIZE_TEXT, value < 10 && unit ? "%.1f%c" : "%.0f%c", value, units[unit]);
	return text;
}

const char *nsh_age_text(char *text, unsigned long long seconds)
{
	unsigned long long minutes = seconds / 60;
	unsigned long long hours = minutes / 60;

	if (hours >= 24)
		snprintf(text, NSH_SIZE_TEXT, "%llud%02lluh", hours / 24, hours % 24);
	else if (hours)
		snprintf(text, NSH_SIZE_TEXT, "%lluh%02llum", hours, minutes % 60);
	else if (minutes)
		snprintf(text, NSH_SIZE_TEXT, "%llum", minutes);
	else
		snprintf(text, NSH_SIZE_TEXT, "%llus", seconds);
	return text;
}
