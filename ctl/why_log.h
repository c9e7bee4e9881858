/* SPDX-License-Identifier: MIT */
/*
 * Where a machine's log is, and what of it is about one id.
 */
#ifndef CTL_WHY_LOG_H
#define CTL_WHY_LOG_H

#include "ctl/why_line.h"

/* More of one id than that only somebody makes who wants it. */
#define NSH_WHY_MAX 64

struct nsh_why_log {
	struct nsh_why_line lines[NSH_WHY_MAX];
	size_t n_lines;
	size_t n_read;       /* journals and files that could be looked at */
	char *denied;        /* one that could not, or not to its end, or NULL; owned */
	bool journal_partly; /* the journal shows this user their own lines only */
};

/*
 * Reads what there is about id: the journal, and auth.log, secure and messages of /var/log with those that have been
 * put aside; or, when there are any, only the files that are named. In bounded time and memory. What root has
 * certainly written comes first, and then what is oldest: whoever forges a line has to know the id first.
 * nsh_why_log_free() in any case.
 */
void nsh_why_log_read(struct nsh_why_log *log, const char *id, const char *const *files,
		      size_t n_files);

void nsh_why_log_free(struct nsh_why_log *log);

#endif
