/* SPDX-License-Identifier: MIT */
/*
 * The clocks that time limits are measured by, and waiting until a time.
 */
#ifndef NSSHELL_CLOCK_H
#define NSSHELL_CLOCK_H

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <time.h>

/* Milliseconds of CLOCK_MONOTONIC: nobody sets it, and it stands still while the machine sleeps. */
static inline int64_t nsh_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Milliseconds since the machine was started, its sleep with them: nobody sets this one either. */
static inline int64_t nsh_boot_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Makes *next the sooner of two times on one clock, of which 0 is never. */
static inline void nsh_clock_sooner(int64_t *next, int64_t when)
{
	if (when && (!*next || when < *next))
		*next = when;
}

/*
 * Waits until fd has one of these events (poll(2)), whatever signals come meanwhile. Returns 1; 0 when nsh_now_ms() has
 * come to end before; -1 with errno set. What is there already is told also when the time is over.
 */
static inline int nsh_await(int fd, short events, int64_t end)
{
	struct pollfd waiting = {.fd = fd, .events = events};
	int ready;

	do {
		int64_t left = end - nsh_now_ms();

		ready = poll(&waiting, 1, left > 0 ? (int)left : 0);
	} while (ready < 0 && errno == EINTR);
	return ready;
}

#endif
