/* SPDX-License-Identifier: MIT */
/*
 * What becomes of an error in a policy file: the end of reading, or one of many that an observer is told.
 */
#ifndef CONF_REPORT_H
#define CONF_REPORT_H

#include "nsshell/err.h"
#include "nsshell/policy.h"

/* One for each reading. Starts as all 0 but for the first two; first is not used without an observer. */
struct nsh_report {
	const struct nsh_observer *observer; /* or NULL */
	struct nsh_err *err;                 /* the caller's, in which errors are made */
	unsigned count;                      /* of errors that an observer was told */
	int code;                            /* of the first of them */
	struct nsh_err first;
};

/*
 * Reports the error whose bare text is in report->err: puts before it where it is. With line 0 the text has
 * the file's name already, as those of conf/file.h have. where->text is not used.
 * Returns code, or 0 when there is an observer and reading is to go on.
 */
int nsh_report(struct nsh_report *report, int code, const struct nsh_complaint *where);

/*
 * The end of reading, of which ret is the result. Returns what the whole of it has come to, with
 * report->err filled in.
 */
int nsh_report_end(struct nsh_report *report, int ret);

#endif
