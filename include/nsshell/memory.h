/* SPDX-License-Identifier: MIT */
/*
 * The memory of a process that mostly waits.
 */
#ifndef NSSHELL_MEMORY_H
#define NSSHELL_MEMORY_H

#include <poll.h>
#include <stdbool.h>

/* After this long without an event a process is taken to be idle, in milliseconds. */
#define NSH_IDLE_MS 1000

/*
 * What an idle process has no use for, besides program text (which comes back when it is needed) and the stack below
 * the caller's frame.
 */
struct nsh_idle {
	const void *
		base; /* where the frame of a function ends that never returns and uses nothing of those above
			 (__builtin_dwarf_cfa()), or NULL; __builtin_frame_address(0) is where it begins on arm64 */
	bool heap; /* nothing that malloc(3) has given is used again, and nor is malloc */
	bool idle; /* was in the last call; to be set to false before the first one */
};

/*
 * poll(2), with timeout in milliseconds or -1; but when nothing has happened for NSH_IDLE_MS what is idle is given
 * back to the kernel before it goes on waiting.
 */
int nsh_memory_poll(struct pollfd *fds, nfds_t count, int timeout, struct nsh_idle *idle);

/*
 * The upper end of a second stack, for a child that begins as a copy of this process (clone(2)); there is one. Who
 * runs on it and takes this for the base has no use for the main stack.
 */
void *nsh_memory_child_stack(void);

#endif
