/* SPDX-License-Identifier: MIT */
/*
 * Makes a filter's program shorter. The kernel compiles it for every session, twice, and that takes longer
 * than to make all the mounts: by each instruction.
 */
#ifndef SANDBOX_FILTERS_SHRINK_H
#define SANDBOX_FILTERS_SHRINK_H

#include <linux/filter.h>

/*
 * In place; returns the new length, of at most len instructions. The programs are libseccomp's: loads of words,
 * masks, jumps forward and answers.
 */
unsigned shrink(struct sock_filter *code, unsigned len);

/* Ends the process when two programs do not give the same answers; see there for the calls that are tried. */
void must_agree(const struct sock_filter *one, unsigned one_len, const struct sock_filter *other,
		unsigned other_len);

#endif
