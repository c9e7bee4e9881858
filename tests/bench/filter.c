/* SPDX-License-Identifier: MIT */
/* filter: writes the program of seccomp = default, as bwrap --seccomp reads it. */
#include <stdio.h>

#include "sandbox/filter.h"

#ifdef __aarch64__
#define CODE nsh_filter_aarch64
#define AT nsh_filter_aarch64_at
#else
#define CODE nsh_filter_x86_64
#define AT nsh_filter_x86_64_at
#endif

int main(void)
{
	size_t first = AT[NSH_FILTER_DEFAULT];
	size_t count = AT[NSH_FILTER_DEFAULT + 1] - first;

	return fwrite(CODE + first, sizeof(*CODE), count, stdout) != count;
}
