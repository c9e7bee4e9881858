/* SPDX-License-Identifier: MIT */
/*
 * Errors and warnings about policy files.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/command.h"
#include "ctl/complaints.h"
#include "ctl/output.h"
#include "nsshell/printable.h"

static bool is_same_text(const char *one, const char *other)
{
	return one && other ? !strcmp(one, other) : one == other;
}

static bool is_same(const struct nsh_finding *one, const struct nsh_finding *other)
{
	return one->line == other->line && one->level == other->level &&
	       !strcmp(one->file, other->file) && is_same_text(one->key, other->key) &&
	       is_same_text(one->section, other->section) && !strcmp(one->text, other->text);
}

static void clear(struct nsh_finding *finding)
{
	free(finding->file);
	free(finding->section);
	free(finding->key);
	free(finding->text);
}

/* Takes the finding. */
static void add(struct nsh_findings *findings, struct nsh_finding *finding)
{
	struct nsh_finding *grown;

	for (size_t i = 0; i < findings->count; i++) {
		if (is_same(&findings->at[i], finding)) {
			clear(finding);
			return;
		}
	}
	grown = reallocarray(findings->at, findings->count + 1, sizeof(*grown));
	if (!grown) {
		findings->failed = true;
		clear(finding);
		return;
	}
	findings->at = grown;
	grown[findings->count++] = *finding;
	findings->errors += finding->level == NSH_LEVEL_ERROR;
}

void nsh_finding_add(struct nsh_findings *findings, enum nsh_level level,
		     const struct nsh_complaint *where, const char *format, ...)
{
	struct nsh_finding finding = {.level = level, .line = where->line};
	va_list args;

	finding.file = strdup(where->file);
	finding.section = where->section ? strdup(where->section) : NULL;
	finding.key = where->key ? strdup(where->key) : NULL;
	va_start(args, format);
	if (vasprintf(&finding.text, format, args) < 0)
		finding.text = NULL;
	va_end(args);
	if (finding.file && finding.text && !finding.section == !where->section &&
	    !finding.key == !where->key) {
		add(findings, &finding);
	} else {
		findings->failed = true;
		clear(&finding);
	}
}

bool nsh_finding_has(const struct nsh_findings *findings, const char *file, unsigned line,
		     const char *key)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct nsh_finding *finding = &findings->at[i];

		if (finding->level == NSH_LEVEL_ERROR && finding->line == line &&
		    !strcmp(finding->file, file) && is_same_text(finding->key, key))
			return true;
	}
	return false;
}

void nsh_finding_take(void *findings, const struct nsh_complaint *complaint)
{
	nsh_finding_add(findings, NSH_LEVEL_ERROR, complaint, "%s", complaint->text);
}

/* Files in the order in which they are read: nsshell.conf, match.d, users.d, which is that of no alphabet. */
static int rank(const char *file)
{
	if (strstr(file, "/match.d"))
		return 1;
	return strstr(file, "/users.d") ? 2 : 0;
}

static int by_place(const void *one, const void *other)
{
	const struct nsh_finding *a = one;
	const struct nsh_finding *b = other;
	int order = rank(a->file) - rank(b->file);

	if (!order)
		order = strcmp(a->file, b->file);
	if (!order)
		order = (a->line > b->line) - (a->line < b->line);
	return order ? order : strcmp(a->text, b->text);
}

static void sort(struct nsh_findings *findings)
{
	if (findings->count)
		qsort(findings->at, findings->count, sizeof(*findings->at), by_place);
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

static void print(FILE *out, const struct nsh_finding *finding)
{
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

void nsh_findings_print(struct nsh_findings *findings, FILE *out)
{
	sort(findings);
	for (size_t i = 0; i < findings->count; i++)
		print(out, &findings->at[i]);
}

json_t *nsh_findings_json(struct nsh_findings *findings)
{
	json_t *all = json_array();

	sort(findings);
	for (size_t i = 0; i < findings->count; i++) {
		const struct nsh_finding *at = &findings->at[i];
		json_t *line = at->line ? json_integer(at->line) : json_null();

		json_array_append_new(
			all, json_pack("{ss so so so so so}", "level",
				       at->level == NSH_LEVEL_ERROR ? "error" : "warning", "file",
				       nsh_json_text(at->file), "line", line, "section",
				       nsh_json_text(at->section), "key", nsh_json_text(at->key),
				       "text", nsh_json_text(at->text)));
	}
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
	for (size_t i = 0; i < findings->count; i++)
		clear(&findings->at[i]);
	free(findings->at);
	*findings = (struct nsh_findings){0};
}
