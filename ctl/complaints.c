/* SPDX-License-Identifier: MIT */
/*
 * Errors and warnings about policy files.
 *
 * There can be some for each account that a machine has ever had: so they are in a tree (tsearch(3)).
 */
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/command.h"
#include "ctl/complaints.h"
#include "ctl/output.h"
#include "nsshell/printable.h"

/* Files in the order in which they are read: nsshell.conf, match.d, users.d, which is that of no alphabet. */
static int rank(const char *file)
{
	if (strstr(file, "/match.d"))
		return 1;
	return strstr(file, "/users.d") ? 2 : 0;
}

static int compare_text(const char *one, const char *other)
{
	return strcmp(one ? one : "", other ? other : "");
}

/* All but section and text. */
static int by_place(const void *one, const void *other)
{
	const struct nsh_finding *a = one;
	const struct nsh_finding *b = other;
	int order = rank(a->file) - rank(b->file);

	if (!order)
		order = strcmp(a->file, b->file);
	if (!order)
		order = (a->line > b->line) - (a->line < b->line);
	if (!order)
		order = compare_text(a->key, b->key);
	return order ? order : (int)b->level - (int)a->level;
}

static int by_all(const void *one, const void *other)
{
	const struct nsh_finding *a = one;
	const struct nsh_finding *b = other;
	int order = by_place(a, b);

	if (!order)
		order = compare_text(a->section, b->section);
	return order ? order : strcmp(a->text, b->text);
}

static void drop(void *data)
{
	struct nsh_finding *finding = data;

	free(finding->file);
	free(finding->section);
	free(finding->key);
	free(finding->text);
	free(finding);
}

/* Takes the finding. */
static void add(struct nsh_findings *findings, struct nsh_finding *finding)
{
	struct nsh_finding **place = tsearch(finding, &findings->tree, by_all);

	if (place && *place == finding) {
		findings->count++;
		findings->errors += finding->level == NSH_LEVEL_ERROR;
		return;
	}
	findings->failed |= !place;
	drop(finding);
}

void nsh_finding_add(struct nsh_findings *findings, enum nsh_level level,
		     const struct nsh_complaint *where, const char *format, ...)
{
	struct nsh_finding *finding = calloc(1, sizeof(*finding));
	va_list args;

	if (!finding) {
		findings->failed = true;
		return;
	}
	finding->level = level;
	finding->line = where->line;
	finding->file = strdup(where->file);
	finding->section = where->section ? strdup(where->section) : NULL;
	finding->key = where->key ? strdup(where->key) : NULL;
	va_start(args, format);
	if (vasprintf(&finding->text, format, args) < 0)
		finding->text = NULL;
	va_end(args);
	if (finding->file && finding->text && !finding->section == !where->section &&
	    !finding->key == !where->key) {
		add(findings, finding);
	} else {
		findings->failed = true;
		drop(finding);
	}
}

bool nsh_finding_has(const struct nsh_findings *findings, const char *file, unsigned line,
		     const char *key)
{
	const struct nsh_finding wanted = {
		.level = NSH_LEVEL_ERROR, .line = line, .file = (char *)file, .key = (char *)key};

	return tfind(&wanted, &findings->tree, by_place) != NULL;
}

struct walk {
	nsh_finding_fn *function;
	void *data;
};

static void visit(const void *node, VISIT when, void *data)
{
	const struct nsh_finding *const *finding = node;
	const struct walk *walk = data;

	if (when == postorder || when == leaf)
		walk->function(*finding, walk->data);
}

void nsh_findings_each(const struct nsh_findings *findings, nsh_finding_fn *function, void *data)
{
	struct walk walk = {function, data};

	twalk_r(findings->tree, visit, &walk);
}

void nsh_finding_take(void *findings, const struct nsh_complaint *complaint)
{
	nsh_finding_add(findings, NSH_LEVEL_ERROR, complaint, "%s", complaint->text);
}

/* A file's name and a text can have anything in them. */
static void print_tamed(FILE *out, const char *text)
{
	char *copy = strdup(text);

	if (copy)
		nsh_make_printable(copy);
	fputs(copy ? copy : "?", out);
	free(copy);
}

/* Coloured on standard output only. */
static void print_level(FILE *out, enum nsh_level level)
{
	const char *name = level == NSH_LEVEL_ERROR ? "error" : "warning";

	if (out == stdout)
		nsh_output_mark(level == NSH_LEVEL_ERROR ? NSH_MARK_FAIL : NSH_MARK_WARN, name);
	else
		fputs(name, out);
}

static void print(const struct nsh_finding *finding, void *data)
{
	FILE *out = data;

	print_tamed(out, finding->file);
	if (finding->line)
		fprintf(out, ":%u", finding->line);
	fputs(": ", out);
	print_level(out, finding->level);
	fputs(": ", out);
	if (finding->key)
		fprintf(out, "%s.%s: ", finding->section, finding->key);
	else if (finding->section)
		fprintf(out, "[%s]: ", finding->section);
	print_tamed(out, finding->text);
	fputc('\n', out);
}

void nsh_findings_print(const struct nsh_findings *findings, FILE *out)
{
	nsh_findings_each(findings, print, out);
}

static void describe(const struct nsh_finding *finding, void *all)
{
	json_t *line = finding->line ? json_integer(finding->line) : json_null();

	json_array_append_new(
		all, json_pack("{ss so so so so so}", "level",
			       finding->level == NSH_LEVEL_ERROR ? "error" : "warning", "file",
			       nsh_json_text(finding->file), "line", line, "section",
			       nsh_json_text(finding->section), "key", nsh_json_text(finding->key),
			       "text", nsh_json_text(finding->text)));
}

json_t *nsh_findings_json(const struct nsh_findings *findings)
{
	json_t *all = json_array();

	nsh_findings_each(findings, describe, all);
	return all;
}

int nsh_findings_status(const struct nsh_findings *findings)
{
	if (findings->errors || findings->failed)
		return NSH_CTL_FAILED;
	return findings->count ? NSH_CTL_WARN : NSH_CTL_OK;
}

void nsh_findings_free(struct nsh_findings *findings)
{
	tdestroy(findings->tree, drop);
	*findings = (struct nsh_findings){0};
}
