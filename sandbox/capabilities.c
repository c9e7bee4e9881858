/* SPDX-License-Identifier: MIT */
/*
 * The capabilities of the calling process.
 */
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/capabilities.h"

int nsh_capabilities_get(struct nsh_capabilities *capabilities)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

	return (int)syscall(SYS_capget, &header, capabilities->words);
}

int nsh_capabilities_set(const struct nsh_capabilities *capabilities)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

	return (int)syscall(SYS_capset, &header, capabilities->words);
}
