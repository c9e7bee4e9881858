/* SPDX-License-Identifier: MIT */
/*
 * What all subcommands print with: colours and widths of a terminal, tables, JSON.
 *
 * Whatever comes from a session, an account, a file or a log can have been made by somebody hostile. It is
 * printed through these, which leave nothing in it that a terminal would act on.
 */
#ifndef CTL_OUTPUT_H
#define CTL_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum nsh_mark { NSH_MARK_NONE, NSH_MARK_OK, NSH_MARK_WARN, NSH_MARK_FAIL, NSH_MARK_STRONG };

/* Columns of the terminal that is standard output; 0 when it is none, and lines may be of any length. */
int nsh_output_width(void);

/* Prints text in the colour of the mark: on a terminal only, and not with NO_COLOR set or TERM=dumb. */
void nsh_output_mark(enum nsh_mark mark, const char *text);

/* Ends a command: flushes, and when that fails says so. Returns code, or NSH_CTL_FAILED. */
int nsh_output_end(int code);

/* A table under way: rows of texts, all tamed copies. Starts as all 0, nsh_table_print() frees it. */
struct nsh_table {
	const char *const *titles; /* n_columns; borrowed */
	size_t n_columns;
	char **cells;
	size_t n_cells;
	bool failed; /* without memory */
};

/* Adds the next cell; NULL is "-". Rows are as long as there are columns. */
void nsh_table_add(struct nsh_table *table, const char *text);
void nsh_table_addf(struct nsh_table *table, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Prints it with titles. On a terminal rows are cut to its width. Returns an exit status. */
int nsh_table_print(struct nsh_table *table);

/* A JSON string of a text that may be anything, tamed like above; NULL is null. */
json_t *nsh_json_text(const char *text);

/* Prints the value and drops the reference. Returns an exit status. NULL is a failure: no memory. */
int nsh_json_print(json_t *value);

/* Bytes as people read them, "1.5G"; text has room for NSH_SIZE_TEXT bytes. */
#define NSH_SIZE_TEXT 16
const char *nsh_size_text(char *text, unsigned long long bytes);

/* Seconds likewise: "45s", "12m", "3h05m", "2d04h". */
const char *nsh_age_text(char *text, unsigned long long seconds);

#endif
