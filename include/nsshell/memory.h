/* SPDX-License-Identifier: MIT */
/*
 * The memory of a process that from now on only waits.
 */
#ifndef NSSHELL_MEMORY_H
#define NSSHELL_MEMORY_H

/* After this long without an event a process is taken to be waiting, in milliseconds. */
#define NSH_IDLE_MS 1000

/*
 * Where the part of the stack begins, downwards, that the caller does not use, with a page left for what it calls. However
 * large its own frame is: where variables lie in that is the compiler's business, and a sanitizer's frames have kilobytes.
 */
__attribute__((noinline)) const void *nsh_memory_unused(void);

/*
 * Gives back to the kernel what starting a session has used: program text (it comes back when it is
 * called), and the main stack below that place. code is the function that will be waiting.
 */
void nsh_memory_release(void (*code)(void), const void *stack);

/* The heap too. After this malloc(3) must not be used, nor anything that was allocated with it. */
void nsh_memory_release_all(void (*code)(void), const void *stack);

#endif
