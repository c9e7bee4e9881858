/* SPDX-License-Identifier: MIT */
/*
 * The memory of a process that from now on only waits.
 */
#ifndef NSSHELL_MEMORY_H
#define NSSHELL_MEMORY_H

/* After this long without an event a process is taken to be waiting, in milliseconds. */
#define NSH_IDLE_MS 1000

/*
 * Gives back to the kernel what starting a session has used: program text (it comes back when it is
 * called), and the main stack below the object at stack. code is the function that will be waiting.
 */
void nsh_memory_release(void (*code)(void), const void *stack);

/* The heap too. After this malloc(3) must not be used, nor anything that was allocated with it. */
void nsh_memory_release_all(void (*code)(void), const void *stack);

#endif
