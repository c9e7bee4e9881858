/* SPDX-License-Identifier: MIT */
/*
 * The first pass over a policy file: its bytes, its lines, and where each key stands.
 *
 * libiniparser takes much that it should not (facts in conf/scan.c), so nothing reaches it that this
 * pass has not found to be plain. The pass also remembers line numbers, which it does not.
 */
#ifndef CONF_SCAN_H
#define CONF_SCAN_H

#include <stddef.h>

#include "nsshell/err.h"

/* The largest policy file, in bytes. */
#define NSH_FILE_MAX 65536

/* The longest line without its newline, in bytes; libiniparser breaks somewhat above it. */
#define NSH_LINE_MAX 1000

/* One "key = value" or, with a NULL key, one "[section]". Texts are in the scanned buffer. */
struct nsh_entry {
	const char *section;
	const char *key;
	const char *value;
	unsigned line; /* from 1 */
};

struct nsh_scan {
	struct nsh_entry *entries; /* owned; nsh_scan_free() */
	size_t count;
};

/*
 * Scans text, which has len bytes and a NUL after them, and cuts it up in place. Errors are
 * -EINVAL (text begins with "LINE: "), -E2BIG and -ENOMEM. On error nothing is to be freed.
 */
int nsh_scan(struct nsh_scan *scan, char *text, size_t len, struct nsh_err *err);

/*
 * Likewise for a file, whose errors go to the report with its path. When that says so the scan goes on
 * behind what is wrong, and what the wrong lines set is missing.
 */
struct nsh_report;
int nsh_scan_file(struct nsh_scan *scan, char *text, size_t len, const char *path,
		  struct nsh_report *report);

void nsh_scan_free(struct nsh_scan *scan);

#endif
