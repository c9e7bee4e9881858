/* SPDX-License-Identifier: MIT */
/*
 * Sizes, shares and times, as [limits], [session] and [view] tmp_size have them.
 */
#ifndef NSSHELL_SIZE_H
#define NSSHELL_SIZE_H

#include <stdbool.h>
#include <stdint.h>

/* Whether it is "keep", as the machine has it: of sizes, shares and counts. Times have "none". */
bool nsh_size_is_kept(const char *text);

/*
 * Digits without a leading 0, and an ending K, M, G or T for powers of 1024 or none, in bytes; less than 2^63.
 * Returns false when the text is not of that form.
 */
bool nsh_size_parse(const char *text, uint64_t *size);

/*
 * Digits without a leading 0, and an ending s, m, h or d, in milliseconds; 1s to 3650d. Returns false when the text
 * is not of that form.
 */
bool nsh_time_parse(const char *text, int64_t *ms);

/* The same of a checked value; 0 for "none". */
int64_t nsh_time_of(const char *text);

/* 1% to 100000%. Returns false when the text is not of that form. */
bool nsh_percent_parse(const char *text, uint32_t *percent);

#endif
