/* SPDX-License-Identifier: MIT */
/*
 * Errors of policy files, with or without somebody who wants all of them.
 */
#include <stdio.h>
#include <string.h>

#include "conf/report.h"

static int add_place(struct nsh_err *err, int code, const struct nsh_complaint *where)
{
	if (!where->line)
		return code;
	if (where->key)
		return nsh_err_context(err, code, "%.900s:%u: %s.%s", where->file, where->line,
				       where->section, where->key);
	if (where->section)
		return nsh_err_context(err, code, "%.900s:%u: [%s]", where->file, where->line,
				       where->section);
	return nsh_err_context(err, code, "%.900s:%u", where->file, where->line);
}

/* Errors of whole files begin with "FILE: ". */
static const char *without_file(const char *text, const char *file)
{
	size_t len = strlen(file);

	return !strncmp(text, file, len) && !strncmp(text + len, ": ", 2) ? text + len + 2 : text;
}

static void tell(struct nsh_report *report, int code, const struct nsh_complaint *where)
{
	struct nsh_complaint complaint = *where;
	struct nsh_err bare = *report->err;

	complaint.text = without_file(bare.text, where->file);
	add_place(report->err, code, where);
	if (!report->count++) {
		report->first = *report->err;
		report->code = code;
	}
	report->observer->complaint(report->observer->data, &complaint);
}

int nsh_report(struct nsh_report *report, int code, const struct nsh_complaint *where)
{
	if (!report->observer)
		return add_place(report->err, code, where);
	tell(report, code, where);
	return 0;
}

int nsh_report_end(struct nsh_report *report, int ret)
{
	if (!report->count)
		return ret;
	*report->err = report->first;
	return report->code;
}
