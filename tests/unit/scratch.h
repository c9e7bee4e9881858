/* SPDX-License-Identifier: MIT */
/*
 * A folder of the test program's own, for what has to lie in files.
 */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Its path, between the two functions. */
static char folder[64];

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* Others may look into it. Returns -1 on failure. */
static inline int scratch_make(void)
{
	strcpy(folder, "/tmp/nsh-unit-XXXXXX");
	return mkdtemp(folder) ? chmod(folder, 0755) : -1;
}

/* With all that is in it by now; a cmocka teardown function. */
static inline int scratch_remove(void **state)
{
	(void)state;
	return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
