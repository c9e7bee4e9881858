/* SPDX-License-Identifier: MIT */
/*
 * wayout [WAY:]CALL [ARG]... [, CALL]... [-- COMMAND...]: makes system calls as they come.
 *
 * Each is printed with what it returned or with the name of its error, and the first that fails is the
 * last: then the exit status is 1. After all of them COMMAND is executed.
 *
 * CALL	a name of the table below, or a number
 * WAY	native; on x86-64 also i386, the entry of 32-bit programs with their numbers; x32, native numbers with its bit
 * ARG	a number; @ or @N, what the last call or call N returned, the first being 0;
 *	s=TEXT, x=HEX, the address of these bytes, with zeros after them; o=HEX, likewise, and what is
 *	there afterwards is printed; v=ADDRESS, a struct iovec of eight bytes there
 *
 * The bytes are where 32-bit programs have theirs. A process that a call makes (fork and its kin) ends
 * at once.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define ARGS 6
#define CALLS 32
#define SLOT 4096
#define SLOTS 128

/* With the numbers of 32-bit programs; from 424 on all have the same. */
static const struct {
	const char *name;
	int native;
	int i386;
} names[] = {
	{"add_key", SYS_add_key, 286},
	{"chroot", SYS_chroot, 61},
	{"clone", SYS_clone, 120},
	{"clone3", 435, 435},
	{"close_range", 436, 436},
	{"fchdir", SYS_fchdir, 133},
	{"fsconfig", 431, 431},
	{"fsmount", 432, 432},
	{"fsopen", 430, 430},
	{"fspick", 433, 433},
	{"get_robust_list", SYS_get_robust_list, 312},
	{"getpriority", SYS_getpriority, 96},
	{"ioctl", SYS_ioctl, 54},
	{"ioprio_set", SYS_ioprio_set, 289},
	{"kcmp", SYS_kcmp, 349},
	{"keyctl", SYS_keyctl, 288},
	{"kill", SYS_kill, 37},
	{"mount", SYS_mount, 21},
	{"mount_setattr", 442, 442},
	{"move_mount", 429, 429},
	{"mq_open", SYS_mq_open, 277},
	{"mq_unlink", SYS_mq_unlink, 278},
	{"msgctl", SYS_msgctl, 402},
	{"msgget", SYS_msgget, 399},
	{"name_to_handle_at", SYS_name_to_handle_at, 341},
	{"open_by_handle_at", SYS_open_by_handle_at, 342},
	{"open_tree", 428, 428},
	{"openat", SYS_openat, 295},
	{"pidfd_getfd", 438, 438},
	{"pidfd_open", 434, 434},
	{"pidfd_send_signal", 424, 424},
	{"pivot_root", SYS_pivot_root, 217},
	{"prlimit64", SYS_prlimit64, 340},
	{"process_madvise", 440, 440},
	{"process_vm_readv", SYS_process_vm_readv, 347},
	{"process_vm_writev", SYS_process_vm_writev, 348},
	{"ptrace", SYS_ptrace, 26},
	{"request_key", SYS_request_key, 287},
	{"sched_setaffinity", SYS_sched_setaffinity, 241},
	{"semctl", SYS_semctl, 394},
	{"semget", SYS_semget, 393},
	{"setgroups", SYS_setgroups, 206},
	{"setns", SYS_setns, 346},
	{"setpriority", SYS_setpriority, 97},
	{"shmat", SYS_shmat, 397},
	{"shmctl", SYS_shmctl, 396},
	{"shmget", SYS_shmget, 395},
	{"tkill", SYS_tkill, 238},
	{"umount2", SYS_umount2, 52},
	{"unshare", SYS_unshare, 310},
};

static char *memory;
static int slots;
static long results[CALLS];
static int made;

struct call {
	const char *name;
	long arg[ARGS];
	char *shown[ARGS];
};

static void give_up(const char *what, const char *why)
{
	fprintf(stderr, "wayout: %s: %s\n", what, why);
	exit(2);
}

static char *new_slot(void)
{
	if (slots == SLOTS)
		give_up("arguments", "too many");
	return memory + SLOT * slots++;
}

static char *bytes_of(const char *hex)
{
	char *slot = new_slot();
	unsigned byte;

	for (size_t i = 0; i < SLOT && sscanf(hex + 2 * i, "%2x", &byte) == 1; i++) {
		slot[i] = (char)byte;
		if (!hex[2 * i + 1])
			break;
	}
	return slot;
}

static char *vector_of(const char *address)
{
	char *slot = new_slot();
	struct iovec vector = {
		.iov_base =
			(void *)strtoul(address, NULL, 0), // NOLINT: an address of somebody else's
		.iov_len = 8,
	};

	if (!vector.iov_base)
		vector.iov_base = new_slot();
	memcpy(slot, &vector, sizeof(vector));
	return slot;
}

static long result_of(const char *text)
{
	int number = *text ? atoi(text) : made - 1;

	if (number < 0 || number >= made)
		give_up(text, "no such call before");
	return results[number];
}

/* shown: set to memory that is to be printed after the call. */
static long value_of(const char *text, char **shown)
{
	*shown = NULL;
	if (*text == '@')
		return result_of(text + 1);
	if (!strncmp(text, "s=", 2))
		return (long)strncpy(new_slot(), text + 2, SLOT - 1);
	if (!strncmp(text, "x=", 2))
		return (long)bytes_of(text + 2);
	if (!strncmp(text, "o=", 2))
		return (long)(*shown = bytes_of(text + 2));
	if (!strncmp(text, "v=", 2))
		return (long)vector_of(text + 2);
	return (long)strtoull(text, NULL, 0);
}

static long number_of(const char *name, int i386)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(name, names[i].name))
			return i386 ? names[i].i386 : names[i].native;
	if (*name < '0' || *name > '9')
		give_up(name, "unknown");
	return strtol(name, NULL, 0);
}

#ifndef MAP_32BIT
#define MAP_32BIT 0
#endif

#ifdef __x86_64__
#define X32_BIT 0x40000000

/* Five arguments: the sixth would be the frame pointer. */
static long enter_i386(long number, const long *arg)
{
	int ret;

	asm volatile("int $0x80"
		     : "=a"(ret)
		     : "a"(number), "b"(arg[0]), "c"(arg[1]), "d"(arg[2]), "S"(arg[3]), "D"(arg[4])
		     : "memory", "cc", "r8", "r9", "r10", "r11");
	return ret;
}
#endif

static long enter(const char *way, const char *name, const long *arg)
{
	long ret;
	long number;

#ifdef __x86_64__
	if (!strcmp(way, "i386"))
		return enter_i386(number_of(name, 1), arg);
#endif
	number = number_of(name, 0);
#ifdef __x86_64__
	if (!strcmp(way, "x32"))
		number |= X32_BIT;
	else
#endif
		if (strcmp(way, "native") != 0)
		give_up(way, "this processor has no such way");
	ret = syscall(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
	return ret == -1 ? -errno : ret;
}

static void show(const char *bytes)
{
	size_t len = SLOT;

	while (len && !bytes[len - 1])
		len--;
	for (size_t i = 0; i < len; i++)
		printf("%02x", (unsigned char)bytes[i]);
	printf("\n");
}

/* words: WAY:NAME and arguments. */
static void make(int count, char **words)
{
	struct call call = {.name = words[0]};
	char *colon = strchr(words[0], ':');
	pid_t self = getpid();
	long ret;

	if (count > ARGS + 1 || made == CALLS)
		give_up(words[0], "too much");
	for (int i = 1; i < count; i++)
		call.arg[i - 1] = value_of(words[i], &call.shown[i - 1]);
	if (colon) {
		*colon = '\0';
		call.name = colon + 1;
	}
	ret = enter(colon ? words[0] : "native", call.name, call.arg);
	if (getpid() != self)
		_exit(0);
	if (ret < 0 && ret > -4096) {
		printf("%s %s\n", call.name, strerrorname_np((int)-ret));
		exit(1);
	}
	printf("%s %ld\n", call.name, ret);
	for (int i = 0; i < ARGS; i++)
		if (call.shown[i])
			show(call.shown[i]);
	results[made++] = ret;
}

static int is_end(const char *word)
{
	return !word || !strcmp(word, ",") || !strcmp(word, "--");
}

int main(int argc, char **argv)
{
	char **word = argv + 1;

	memory = mmap(NULL, (size_t)SLOT * SLOTS, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (argc < 2 || memory == MAP_FAILED)
		give_up("arguments", "none");
	for (; *word && strcmp(*word, "--") != 0; word += *word && !strcmp(*word, ",")) {
		int count = 0;

		while (!is_end(word[count]))
			count++;
		if (!count)
			give_up("call", "none");
		make(count, word);
		word += count;
	}
	fflush(stdout);
	if (!*word || !word[1])
		return 0;
	execvp(word[1], word + 1);
	give_up(word[1], strerror(errno));
}
