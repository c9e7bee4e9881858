/* SPDX-License-Identifier: MIT */
/*
 * What the kernel says of namespaces, by open files of them (ioctl_nsfs(2)).
 */
#ifndef SANDBOX_NAMESPACE_H
#define SANDBOX_NAMESPACE_H

#include <stdbool.h>

/* Whether it is the one that the calling process is in; name is that of its kind in /proc/PID/ns. */
bool nsh_namespace_is_own(int namespace, const char *name);

/* Whether a namespace belongs to a user namespace. */
bool nsh_namespace_is_owned(int namespace, int user);

/*
 * What an open file is in place of a user namespace that is this user's and right below the present one, in words that
 * stand behind "has"; NULL when it is that.
 */
const char *nsh_namespace_flaw(int user);

#endif
