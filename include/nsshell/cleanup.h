/* SPDX-License-Identifier: MIT */
/*
 * Cleanup attributes for what a function owns only while it runs.
 */
#ifndef NSSHELL_CLEANUP_H
#define NSSHELL_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

static inline void nsh_cleanup_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void nsh_cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

#define NSH_CLOSE __attribute__((cleanup(nsh_cleanup_close)))
#define NSH_FREE __attribute__((cleanup(nsh_cleanup_free)))

#endif
