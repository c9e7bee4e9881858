/* SPDX-License-Identifier: MIT */
/*
 * The memory of a process that from now on only waits.
 *
 * Each session has two such processes for as long as it lasts, and on a machine with a thousand
 * sessions what they hold is what nsshell costs. Nothing here can fail in a way that matters:
 * what the kernel does not take back stays.
 */
#include <elf.h>
#include <link.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "nsshell/memory.h"

/* The main stack of a process that has just started is within this many bytes. */
#define STACK_RANGE (256 * 1024)

static uintptr_t page_mask(void)
{
	return ~((uintptr_t)getpagesize() - 1);
}

static void release(uintptr_t start, uintptr_t end)
{
	start &= page_mask();
	end &= page_mask();
	if (start < end)
		madvise((void *)start, end - start, MADV_DONTNEED);
}

/*
 * A page of text that is needed while waiting. When it is missing the kernel maps sixteen pages
 * around it, but not beyond the mapping; other advice gives these two a mapping of their own.
 */
static void set_apart(uintptr_t code)
{
	uintptr_t page = code & page_mask();

	madvise((void *)page, 2 * (size_t)getpagesize(), MADV_RANDOM);
}

/* The program's segments of text and constants. */
struct segments {
	struct {
		uintptr_t start;
		uintptr_t end;
	} at[8];
	int count;
};

/* Writable segments hold relocated and changed data, which would be lost; the others do not. */
static int find_segments(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct segments *segments = arg;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum && segments->count < 8; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + segment->p_vaddr;

		if (segment->p_type != PT_LOAD || segment->p_flags & PF_W)
			continue;
		segments->at[segments->count].start = start;
		segments->at[segments->count++].end = start + segment->p_memsz;
	}
	return 1; /* the first object is the program, and there is no other */
}

/* A static program's thread-local storage is at the heap's start: the first page stays. */
static void release_heap(uintptr_t thread)
{
	uintptr_t end = (uintptr_t)sbrk(0);

	if (thread < end && end - thread < STACK_RANGE)
		release(thread + 2 * (uintptr_t)getpagesize(), end);
}

const void *nsh_memory_unused(void)
{
	return (const char *)__builtin_frame_address(0) - getpagesize();
}

/* The text goes last, and from here on only what was set apart is called. */
void nsh_memory_release(void (*code)(void), const void *stack)
{
	uintptr_t top = (uintptr_t)stack;
	struct segments segments = {0};

	dl_iterate_phdr(find_segments, &segments);
	set_apart((uintptr_t)code);
	set_apart((uintptr_t)nsh_memory_release);
	set_apart((uintptr_t)poll);
	set_apart((uintptr_t)madvise);
	release(top - STACK_RANGE, top);
	for (int i = 0; i < segments.count; i++)
		release(segments.at[i].start, segments.at[i].end);
}

void nsh_memory_release_all(void (*code)(void), const void *stack)
{
	release_heap((uintptr_t)__builtin_thread_pointer());
	nsh_memory_release(code, stack);
}
