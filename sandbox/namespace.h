/* SPDX-License-Identifier: MIT */
/*
 * What the kernel says of namespaces, by open files of them (ioctl_nsfs(2)).
 */
#ifndef SANDBOX_NAMESPACE_H
#define SANDBOX_NAMESPACE_H

#include <stdbool.h>

/* Whether both are open, and files of the same. */
bool nsh_namespace_is_same(int one, int other);

/* Whether a namespace belongs to a user namespace. */
bool nsh_namespace_is_owned(int namespace, int user);

#endif
