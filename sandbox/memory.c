/* SPDX-License-Identifier: MIT */
/*
 * The memory of a process that mostly waits.
 *
 * Each session has two such processes for as long as it lasts, and on a machine with a thousand
 * sessions what they hold is what nsshell costs. Nothing here can fail in a way that matters:
 * what the kernel does not take back stays.
 */
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nsshell/memory.h"

/* The main stack of a process that has just started is within this many bytes. */
#define STACK_RANGE (256 * 1024)

/* What wait_idle() and its callers in this file have on it. */
#define FRAMES 2048

/* A child that is a copy of its parent needs a stack of its own; only what it uses is real. */
static char child_stack[STACK_RANGE] __attribute__((aligned(4096)));

/* What is to be given back. */
struct ranges {
	struct {
		uintptr_t start;
		uintptr_t end;
	} at[12];
	unsigned count;
};

void *nsh_memory_child_stack(void)
{
	return child_stack + sizeof(child_stack);
}

static uintptr_t page_mask(void)
{
	return ~((uintptr_t)getpagesize() - 1);
}

static uintptr_t round_up(uintptr_t at)
{
	return (at + (uintptr_t)getpagesize() - 1) & page_mask();
}

static void add(struct ranges *ranges, uintptr_t start, uintptr_t end)
{
	start &= page_mask();
	end &= page_mask();
	if (start >= end || ranges->count == sizeof(ranges->at) / sizeof(*ranges->at))
		return;
	ranges->at[ranges->count].start = start;
	ranges->at[ranges->count++].end = end;
}

/*
 * The program's own header, which is where a program that is position-independent begins. Not dl_iterate_phdr(3): it takes
 * a lock, in a page of which parent and child then have a copy each.
 */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

/* Writable segments hold relocated and changed data, which would be lost; the others do not. */
static void add_segments(struct ranges *ranges)
{
	uintptr_t header = (uintptr_t)&__ehdr_start;
	const ElfW(Phdr) *segments = (const void *)(header + __ehdr_start.e_phoff);

	for (int i = 0; i < __ehdr_start.e_phnum; i++) {
		uintptr_t start = header + segments[i].p_vaddr;

		if (segments[i].p_type == PT_LOAD && !(segments[i].p_flags & PF_W))
			add(ranges, start, round_up(start + segments[i].p_memsz));
	}
}

/* A static program's thread-local storage is at the heap's start: its page and the next one stay. */
static void add_heap(struct ranges *ranges)
{
	uintptr_t thread = (uintptr_t)__builtin_thread_pointer();
	uintptr_t end = (uintptr_t)sbrk(0);

	if (thread < end && end - thread < STACK_RANGE)
		add(ranges, thread + 2 * (uintptr_t)getpagesize(), end);
}

/*
 * Below a frame, with some room left for what is called from it; however large the frame itself is: where variables lie
 * in that is the compiler's business, and a sanitizer's frames have kilobytes. And above the base, up to what
 * the process was started with, which ps(1) shows.
 */
static void add_stacks(struct ranges *ranges, uintptr_t frame, uintptr_t base)
{
	uintptr_t child = (uintptr_t)child_stack;
	uintptr_t below = frame - FRAMES;
	uintptr_t end = (uintptr_t)program_invocation_name;

	if (frame < child || frame >= child + sizeof(child_stack)) {
		add(ranges, round_up(child), child + sizeof(child_stack));
		add(ranges, below - STACK_RANGE, below);
		if (base)
			add(ranges, round_up(base), end);
		return;
	}
	add(ranges, round_up(child), below); /* pages can be larger than what that is aligned to */
	if (base)
		add(ranges, end - STACK_RANGE, end);
}

/*
 * System calls without a function of the C library around them, which would be in other pages of the text than
 * what waits.
 */
#if defined(__x86_64__) && !defined(__ILP32__)
static inline __attribute__((always_inline)) long call(long number, long one, long two, long three)
{
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "0"(number), "D"(one), "S"(two), "d"(three)
			 : "rcx", "r11", "memory");
	return ret;
}

static inline __attribute__((always_inline)) int wait_for(struct pollfd *fds, nfds_t count,
							  int timeout)
{
	return (int)call(SYS_poll, (long)fds, (long)count, timeout);
}

static inline __attribute__((always_inline)) void give_back(uintptr_t start, uintptr_t end)
{
	call(SYS_madvise, (long)start, (long)(end - start), MADV_DONTNEED);
}
#else
static inline int wait_for(struct pollfd *fds, nfds_t count, int timeout)
{
	return poll(fds, count, timeout);
}

static inline void give_back(uintptr_t start, uintptr_t end)
{
	madvise((void *)start, end - start, MADV_DONTNEED);
}
#endif

/* All that is needed while waiting: one page of text. A signal is no event. */
static __attribute__((noinline, aligned(1024))) int
wait_idle(struct pollfd *fds, nfds_t count, int timeout, const struct ranges *ranges)
{
	int ready;

	for (unsigned i = 0; i < ranges->count; i++)
		give_back(ranges->at[i].start, ranges->at[i].end);
	ready = wait_for(fds, count, timeout);
	return ready < 0 ? 0 : ready;
}

/*
 * When a page of text is missing the kernel maps sixteen around it, but not beyond the mapping; other advice gives
 * this one a mapping of its own.
 */
static void set_apart(uintptr_t code)
{
	madvise((void *)(code & page_mask()), (size_t)getpagesize(), MADV_RANDOM);
}

static int be_idle(struct pollfd *fds, nfds_t count, int timeout, const struct nsh_idle *idle,
		   uintptr_t frame)
{
	struct ranges ranges = {.count = 0};

	set_apart((uintptr_t)wait_idle);
	if (idle->heap)
		add_heap(&ranges);
	add_stacks(&ranges, frame, (uintptr_t)idle->base);
	add_segments(&ranges);
	return wait_idle(fds, count, timeout, &ranges);
}

__attribute__((noinline)) int nsh_memory_poll(struct pollfd *fds, nfds_t count, int timeout,
					      struct nsh_idle *idle)
{
	bool is_long = timeout < 0 || timeout > NSH_IDLE_MS;
	int ready;

	if (!idle->idle) {
		ready = poll(fds, count, is_long ? NSH_IDLE_MS : timeout);
		idle->idle = ready == 0;
		if (ready != 0 || !is_long)
			return ready;
		timeout -= timeout < 0 ? 0 : NSH_IDLE_MS;
	}
	ready = be_idle(fds, count, timeout, idle, (uintptr_t)__builtin_frame_address(0));
	idle->idle = ready == 0;
	return ready;
}
