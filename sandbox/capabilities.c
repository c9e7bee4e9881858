/* SPDX-License-Identifier: MIT */
/*
 * The capabilities of the calling process.
 */
#include <sys/prctl.h>
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

int nsh_capabilities_raise(const int *which, size_t count)
{
	struct nsh_capabilities own;

	if (nsh_capabilities_get(&own) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		own.words[CAP_TO_INDEX(which[i])].effective |= CAP_TO_MASK(which[i]);
	return nsh_capabilities_set(&own);
}

/* Inheritable first, ambient then: the kernel takes no other order (capabilities(7)). */
int nsh_capabilities_keep(const int *which, size_t count)
{
	struct nsh_capabilities own;

	if (nsh_capabilities_get(&own) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		own.words[CAP_TO_INDEX(which[i])].inheritable |= CAP_TO_MASK(which[i]);
	if (nsh_capabilities_set(&own) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (prctl(PR_CAP_AMBIENT, (unsigned long)PR_CAP_AMBIENT_RAISE,
			  (unsigned long)which[i], 0L, 0L) < 0)
			return -1;
	return 0;
}
