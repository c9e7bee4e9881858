/* SPDX-License-Identifier: MIT */
/*
 * Reading what the machine keeps in small files: settings of the kernel, configurations, lists.
 */
#ifndef CTL_READ_H
#define CTL_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The most that is read of a file, in bytes. */
#define NSH_READ_MAX (1 << 20)

/*
 * Reads a regular file without waiting for anybody: no FIFO, no terminal, no device. The text is malloc'ed for
 * the caller and ended by a NUL. Returns 0 or -errno; -EFBIG for larger ones, -EINVAL for what is none.
 */
int nsh_read(const char *path, char **text);

/* Likewise, of a path in a folder (openat(2)). */
int nsh_read_at(int folder, const char *path, char **text);

/* A number that stands alone in a file of the kernel's. Returns whether there is one. */
bool nsh_read_number(const char *path, long long *value);

/*
 * Takes a number off a text, digits only and at most most, and the character end behind it if that is not NUL. False,
 * with *at as it was, when there is none.
 */
bool nsh_take_number(const char **at, uint64_t most, char end, uint64_t *value);

/*
 * Whether path and each folder above it, links followed, are root's and writable by nobody else.
 * If not, bad (of PATH_MAX bytes) is the first that is not, or that cannot be looked at.
 */
bool nsh_read_is_safe(const char *path, char *bad);

#endif
