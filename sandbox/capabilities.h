/* SPDX-License-Identifier: MIT */
/*
 * The capabilities of the calling process. glibc has no wrappers for capget(2) and capset(2).
 */
#ifndef SANDBOX_CAPABILITIES_H
#define SANDBOX_CAPABILITIES_H

#include <linux/capability.h>
#include <stddef.h>

/* A capability is in the word CAP_TO_INDEX() and has there the bit CAP_TO_MASK(). */
struct nsh_capabilities {
	struct __user_cap_data_struct words[_LINUX_CAPABILITY_U32S_3];
};

/* Both return 0, or -1 with errno set. */
int nsh_capabilities_get(struct nsh_capabilities *capabilities);
int nsh_capabilities_set(const struct nsh_capabilities *capabilities);

/* Makes permitted capabilities effective. Returns as above. */
int nsh_capabilities_raise(const int *which, size_t count);

/* Has permitted capabilities outlast an exec (they become inheritable and ambient). Returns as above. */
int nsh_capabilities_keep(const int *which, size_t count);

#endif
