/* SPDX-License-Identifier: MIT */
/*
 * All processes, looked at by several threads at once.
 */
#ifndef CTL_CROWD_H
#define CTL_CROWD_H

#include <sys/types.h>

/* Looks at one process, in any thread: what it shares it locks. Returns 0 or -errno, which ends the walk. */
typedef int nsh_crowd_fn(void *data, pid_t pid);

/*
 * Calls look for each number that /proc has, in no order. Returns when all threads have ended: 0, the error of one that
 * look returned, -ENOMEM, or what opendir(3) gives.
 */
int nsh_crowd_walk(nsh_crowd_fn *look, void *data);

#endif
