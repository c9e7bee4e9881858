/* SPDX-License-Identifier: MIT */
/*
 * Ids of sessions and incidents.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "nsshell/id.h"

void nsh_id_make(char id[NSH_ID_LEN + 1])
{
	struct timespec now;
	uint64_t value;

	if (getrandom(&value, sizeof(value), GRND_NONBLOCK) != (ssize_t)sizeof(value)) {
		clock_gettime(CLOCK_REALTIME, &now);
		value = (uint64_t)now.tv_sec << 32 ^ (uint64_t)now.tv_nsec << 8 ^
			(uint64_t)getpid();
	}
	snprintf(id, NSH_ID_LEN + 1, "%0*lx", NSH_ID_LEN, (unsigned long)value);
}

bool nsh_id_ok(const char *text)
{
	return strlen(text) == NSH_ID_LEN && strspn(text, "0123456789abcdef") == NSH_ID_LEN;
}
