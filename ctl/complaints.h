/* SPDX-License-Identifier: MIT */
/*
 * Errors and warnings about policy files, as check and show print them.
 *
 * In the form of compilers, "FILE:LINE: error: section.key: what is wrong", which editors know. What is wrong with a
 * file as a whole has no line.
 */
#ifndef CTL_COMPLAINTS_H
#define CTL_COMPLAINTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "nsshell/policy.h"

enum nsh_level { NSH_LEVEL_WARNING, NSH_LEVEL_ERROR };

struct nsh_finding {
	enum nsh_level level;
	unsigned line;
	char *file;    /* owned, as are the next three */
	char *section; /* or NULL */
	char *key;     /* or NULL */
	char *text;
};

/* Starts as all 0. */
struct nsh_findings {
	void *tree; /* owned */
	size_t count;
	size_t errors;
	bool failed; /* without memory */
};

/* Adds one, but not a second time the same. where->text is not used. */
void nsh_finding_add(struct nsh_findings *findings, enum nsh_level level,
		     const struct nsh_complaint *where, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Whether there is an error of that key in that line. */
bool nsh_finding_has(const struct nsh_findings *findings, const char *file, unsigned line,
		     const char *key);

/* For an observer, whose data they are: adds an error. */
void nsh_finding_take(void *findings, const struct nsh_complaint *complaint);

/* Calls function(finding, data) for each, in the order of files and lines. */
typedef void nsh_finding_fn(const struct nsh_finding *finding, void *data);
void nsh_findings_each(const struct nsh_findings *findings, nsh_finding_fn *function, void *data);

/* Prints them in that order, to standard output or standard error. */
void nsh_findings_print(const struct nsh_findings *findings, FILE *out);
json_t *nsh_findings_json(const struct nsh_findings *findings);

/* NSH_CTL_OK, NSH_CTL_WARN or NSH_CTL_FAILED. */
int nsh_findings_status(const struct nsh_findings *findings);

void nsh_findings_free(struct nsh_findings *findings);

#endif
