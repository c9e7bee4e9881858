/* SPDX-License-Identifier: MIT */
/*
 * What the filters answer, for both architectures: the programs are run here, by a small interpreter of
 * the instructions that they consist of, with calls as the kernel would show them.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/socket.h>

#include "sandbox/filter.h"
#include "tests/unit/unit.h"

#define ALLOW SECCOMP_RET_ALLOW
#define REFUSE(error) (SECCOMP_RET_ERRNO | (error))
#define ANY                                                                                        \
	0xdeadbeef00000000ULL /* the upper half of an argument of which the kernel uses the lower */

struct program {
	const struct sock_filter *code;
	unsigned len;
};

static uint32_t load(const struct seccomp_data *data, uint32_t at)
{
	uint32_t word;

	assert_true(at % 4 == 0 && at <= sizeof(*data) - 4);
	memcpy(&word, (const char *)data + at, sizeof(word));
	return word;
}

static bool holds(const struct sock_filter *jump, uint32_t a)
{
	switch (BPF_OP(jump->code)) {
	case BPF_JEQ:
		return a == jump->k;
	case BPF_JGT:
		return a > jump->k;
	case BPF_JGE:
		return a >= jump->k;
	case BPF_JSET:
		return (a & jump->k) != 0;
	}
	fail_msg("jump %#x", jump->code);
	return false;
}

static uint32_t answer(const struct program *program, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (unsigned at = 0; at < program->len; at++) {
		const struct sock_filter *now = &program->code[at];

		switch (now->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			a = load(data, now->k);
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= now->k;
			break;
		case BPF_JMP | BPF_JA:
			at += now->k;
			break;
		case BPF_RET | BPF_K:
			return now->k;
		default:
			assert_int_equal(BPF_CLASS(now->code), BPF_JMP);
			at += holds(now, a) ? now->jt : now->jf;
		}
	}
	fail_msg("the program has no end");
	return 0;
}

enum machine { X86_64, AARCH64, MACHINES };

static struct program program_of(enum machine machine, enum nsh_filter filter)
{
	const struct sock_filter *code = machine == X86_64 ? nsh_filter_x86_64 : nsh_filter_aarch64;
	const uint16_t *at = machine == X86_64 ? nsh_filter_x86_64_at : nsh_filter_aarch64_at;

	return (struct program){.code = code + at[filter], .len = at[filter + 1] - at[filter]};
}

static const uint32_t audit_arch[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64};

/* A system call by its numbers in both tables; -1 where there is none. */
struct call {
	int number[MACHINES];
	uint64_t args[3];
	uint32_t answer;
};

static void check(enum nsh_filter filter, const struct call *calls, size_t count)
{
	for (int machine = 0; machine < MACHINES; machine++) {
		struct program program = program_of(machine, filter);

		for (size_t i = 0; i < count; i++) {
			struct seccomp_data data = {.nr = calls[i].number[machine],
						    .arch = audit_arch[machine]};

			if (data.nr < 0)
				continue;
			memcpy(data.args, calls[i].args, sizeof(calls[i].args));
			if (answer(&program, &data) != calls[i].answer)
				fail_msg(
					"filter %d, machine %d, call %d (%#llx, %#llx, %#llx): %#x",
					filter, machine, data.nr, (unsigned long long)data.args[0],
					(unsigned long long)data.args[1],
					(unsigned long long)data.args[2], answer(&program, &data));
		}
	}
}

#define CHECK(filter, calls) check(filter, calls, sizeof(calls) / sizeof(*(calls)))

/* The numbers, first of x86-64, then of arm64. */
#define READ                                                                                       \
	{                                                                                          \
		0, 63                                                                              \
	}
#define OPENAT                                                                                     \
	{                                                                                          \
		257, 56                                                                            \
	}
#define IOCTL                                                                                      \
	{                                                                                          \
		16, 29                                                                             \
	}
#define CLONE                                                                                      \
	{                                                                                          \
		56, 220                                                                            \
	}
#define CLONE3                                                                                     \
	{                                                                                          \
		435, 435                                                                           \
	}
#define UNSHARE                                                                                    \
	{                                                                                          \
		272, 97                                                                            \
	}
#define SETNS                                                                                      \
	{                                                                                          \
		308, 268                                                                           \
	}
#define MOUNT                                                                                      \
	{                                                                                          \
		165, 40                                                                            \
	}
#define UMOUNT2                                                                                    \
	{                                                                                          \
		166, 39                                                                            \
	}
#define MOVE_MOUNT                                                                                 \
	{                                                                                          \
		429, 429                                                                           \
	}
#define MOUNT_SETATTR                                                                              \
	{                                                                                          \
		442, 442                                                                           \
	}
#define CHROOT                                                                                     \
	{                                                                                          \
		161, 51                                                                            \
	}
#define SOCKET                                                                                     \
	{                                                                                          \
		41, 198                                                                            \
	}
#define SOCKETPAIR                                                                                 \
	{                                                                                          \
		53, 199                                                                            \
	}
#define PERSONALITY                                                                                \
	{                                                                                          \
		135, 92                                                                            \
	}
#define PRLIMIT                                                                                    \
	{                                                                                          \
		302, 261                                                                           \
	}
#define PTRACE                                                                                     \
	{                                                                                          \
		101, 117                                                                           \
	}
#define KEYCTL                                                                                     \
	{                                                                                          \
		250, 219                                                                           \
	}
#define ADD_KEY                                                                                    \
	{                                                                                          \
		248, 217                                                                           \
	}
#define REQUEST_KEY                                                                                \
	{                                                                                          \
		249, 218                                                                           \
	}
#define BPF                                                                                        \
	{                                                                                          \
		321, 280                                                                           \
	}
#define PERF                                                                                       \
	{                                                                                          \
		298, 241                                                                           \
	}
#define USERFAULTFD                                                                                \
	{                                                                                          \
		323, 282                                                                           \
	}
#define IO_URING                                                                                   \
	{                                                                                          \
		425, 425                                                                           \
	}
#define KEXEC                                                                                      \
	{                                                                                          \
		246, 104                                                                           \
	}
#define KEXEC_FILE                                                                                 \
	{                                                                                          \
		320, 294                                                                           \
	}
#define INIT_MODULE                                                                                \
	{                                                                                          \
		175, 105                                                                           \
	}
#define FINIT_MODULE                                                                               \
	{                                                                                          \
		313, 273                                                                           \
	}
#define DELETE_MODULE                                                                              \
	{                                                                                          \
		176, 106                                                                           \
	}
#define REBOOT                                                                                     \
	{                                                                                          \
		169, 142                                                                           \
	}
#define OPEN_BY_HANDLE                                                                             \
	{                                                                                          \
		304, 265                                                                           \
	}
	{                                                                                          \
		154, -1                                                                            \
	}
#define UNKNOWN                                                                                    \
	{                                                                                          \
		900, 900                                                                           \
	}

static const struct call refused_always[] = {
	{KEYCTL, {0}, REFUSE(ENOSYS)},
	{ADD_KEY, {0}, REFUSE(ENOSYS)},
	{REQUEST_KEY, {0}, REFUSE(ENOSYS)},
	{BPF, {0}, REFUSE(EPERM)},
	{PERF, {0}, REFUSE(EACCES)},
	{USERFAULTFD, {0}, REFUSE(EPERM)},
	{IO_URING, {0}, REFUSE(ENOSYS)},
	{KEXEC, {0}, REFUSE(EPERM)},
	{KEXEC_FILE, {0}, REFUSE(EPERM)},
	{INIT_MODULE, {0}, REFUSE(EPERM)},
	{FINIT_MODULE, {0}, REFUSE(EPERM)},
	{DELETE_MODULE, {0}, REFUSE(EPERM)},
	{REBOOT, {0}, REFUSE(EPERM)},
	{OPEN_BY_HANDLE, {0}, REFUSE(EPERM)},
	{IOCTL, {0, TIOCSTI}, REFUSE(EPERM)},
	{IOCTL, {0, ANY | TIOCSTI}, REFUSE(EPERM)},
	{IOCTL, {0, ANY | TIOCLINUX}, REFUSE(EPERM)},
	{IOCTL, {0, ANY | TIOCSETD}, REFUSE(EPERM)},
	{SOCKET, {3, SOCK_DGRAM}, REFUSE(EAFNOSUPPORT)},
	{SOCKET, {ANY | 17, SOCK_RAW}, REFUSE(EAFNOSUPPORT)},
	{SOCKET, {38, SOCK_SEQPACKET}, REFUSE(EAFNOSUPPORT)}, /* AF_ALG */
	{SOCKET, {40, SOCK_STREAM}, REFUSE(EAFNOSUPPORT)},    /* AF_VSOCK */
	{SOCKET, {ANY | 30, SOCK_STREAM}, REFUSE(EAFNOSUPPORT)},
	{SOCKET, {0x80000001, SOCK_STREAM}, REFUSE(EAFNOSUPPORT)},
	{SOCKETPAIR, {30, SOCK_STREAM}, REFUSE(EAFNOSUPPORT)}, /* AF_TIPC */
	{SOCKET, {16, SOCK_RAW, 12}, REFUSE(EPROTONOSUPPORT)}, /* netfilter */
	{SOCKET, {ANY | 16, SOCK_RAW, ANY | 6}, REFUSE(EPROTONOSUPPORT)},
	{PERSONALITY, {READ_IMPLIES_EXEC}, REFUSE(EPERM)},
	{PERSONALITY, {ANY | MMAP_PAGE_ZERO}, REFUSE(EPERM)},
	{PERSONALITY, {ADDR_COMPAT_LAYOUT | ADDR_NO_RANDOMIZE}, REFUSE(EPERM)},
	{PERSONALITY, {0x80000000 | READ_IMPLIES_EXEC}, REFUSE(EPERM)},
	{PERSONALITY, {0x80000000}, REFUSE(EPERM)},
	{PERSONALITY, {0xfffffffe}, REFUSE(EPERM)},
	{PERSONALITY, {PER_BSD}, REFUSE(EPERM)},
	{PRLIMIT, {1, 0, 0x7fff0000}, REFUSE(EPERM)},
	{PRLIMIT, {ANY | 1, 0, 0x7fff0000}, REFUSE(EPERM)},
};

static const struct call refused_unless_nested[] = {
	{CLONE, {CLONE_NEWUSER | 17}, REFUSE(EPERM)},
	{CLONE, {ANY | CLONE_NEWNET}, REFUSE(EPERM)},
	{CLONE, {CLONE_NEWPID | CLONE_NEWNS}, REFUSE(EPERM)},
	{UNSHARE, {CLONE_NEWUSER}, REFUSE(EPERM)},
	{UNSHARE, {CLONE_FS | CLONE_NEWUTS}, REFUSE(EPERM)},
	{UNSHARE, {ANY | 0x80}, REFUSE(EPERM)}, /* CLONE_NEWTIME */
	{CLONE3, {0}, REFUSE(ENOSYS)},
	{SETNS, {0}, REFUSE(EPERM)},
	{MOUNT, {0}, REFUSE(EPERM)},
	{UMOUNT2, {0}, REFUSE(EPERM)},
	{MOVE_MOUNT, {0}, REFUSE(EPERM)},
	{MOUNT_SETATTR, {0}, REFUSE(EPERM)},
	{CHROOT, {0}, REFUSE(EPERM)},
};

static const struct call everyday[] = {
	{READ, {0}, ALLOW},
	{OPENAT, {0}, ALLOW},
	{CLONE, {CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD}, ALLOW},
	{CLONE, {CLONE_VM | CLONE_VFORK | 17}, ALLOW},
	{UNSHARE, {CLONE_FILES | CLONE_FS}, ALLOW},
	{IOCTL, {0, TIOCGWINSZ}, ALLOW},
	{IOCTL, {0, TIOCSCTTY}, ALLOW},
	{IOCTL, {0, ANY | TIOCSPGRP}, ALLOW},
	{SOCKET, {AF_UNIX, SOCK_STREAM}, ALLOW},
	{SOCKET, {AF_INET, SOCK_STREAM}, ALLOW},
	{SOCKET, {ANY | AF_INET6, SOCK_DGRAM}, ALLOW},
	{SOCKET, {AF_NETLINK, SOCK_RAW, 0}, ALLOW},
	{SOCKET, {AF_NETLINK, SOCK_RAW, 15}, ALLOW},
	{SOCKETPAIR, {AF_UNIX, SOCK_STREAM}, ALLOW},
	{PERSONALITY, {0xffffffff}, ALLOW},
	{PERSONALITY, {ANY | 0xffffffff}, ALLOW},
	{PERSONALITY, {0}, ALLOW},
	{PERSONALITY, {ADDR_NO_RANDOMIZE}, ALLOW},
	{PERSONALITY, {PER_LINUX32}, ALLOW},
	{PRLIMIT, {0, 0, 0x7fff0000}, ALLOW},
	{PRLIMIT, {1, 0, 0}, ALLOW},
	{PRLIMIT, {1234, 0, 0x7fff0000}, ALLOW},
};

static void test_default(void **state)
{
	static const struct call more[] = {
		{PTRACE, {0}, ALLOW},
		{UNKNOWN, {0}, ALLOW},
	};

	(void)state;
	for (int all = 0; all <= NSH_FILTER_ALL; all++) {
		CHECK(NSH_FILTER_DEFAULT + all, refused_always);
		CHECK(NSH_FILTER_DEFAULT + all, refused_unless_nested);
		CHECK(NSH_FILTER_DEFAULT + all, everyday);
		CHECK(NSH_FILTER_DEFAULT + all, more);
	}
}

static void test_nested(void **state)
{
	struct call calls[sizeof(refused_unless_nested) / sizeof(*refused_unless_nested)];

	(void)state;
	memcpy(calls, refused_unless_nested, sizeof(calls));
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		calls[i].answer = ALLOW;
	for (int all = 0; all <= NSH_FILTER_ALL; all++) {
		CHECK(NSH_FILTER_NESTED + all, refused_always);
		CHECK(NSH_FILTER_NESTED + all, calls);
		CHECK(NSH_FILTER_NESTED + all, everyday);
	}
}

/* Whatever the filter under it refuses is left to that. */
static void test_strict(void **state)
{
	static const struct call more[] = {
		{PTRACE, {0}, REFUSE(ENOSYS)},
		{{310, 270}, {0}, REFUSE(ENOSYS)}, /* process_vm_readv */
		{{438, 438}, {0}, REFUSE(ENOSYS)}, /* pidfd_getfd */
		{UNKNOWN, {0}, REFUSE(ENOSYS)},
		{KEYCTL, {0}, ALLOW},
		{MOUNT, {0}, ALLOW},
		{IOCTL, {0, TIOCSTI}, ALLOW},
	};

	(void)state;
	for (int all = 0; all <= NSH_FILTER_ALL; all++) {
		CHECK(NSH_FILTER_STRICT + all, everyday);
		CHECK(NSH_FILTER_STRICT + all, more);
	}
}

static uint32_t answer_in(enum machine machine, enum nsh_filter filter, uint32_t arch, int number,
			  uint64_t second)
{
	struct program program = program_of(machine, filter);
	struct seccomp_data data = {.nr = number, .arch = arch, .args = {0, second}};

	return answer(&program, &data);
}

#define X32 0x40000000

/* The other tables: as if the kernel had none, or with the same refusals by their own numbers. */
static void test_architectures(void **state)
{
	(void)state;
	for (int filter = 0; filter < NSH_FILTER_COUNT; filter += 2) {
		assert_int_equal(answer_in(X86_64, filter, AUDIT_ARCH_I386, 3, 0), REFUSE(ENOSYS));
		assert_int_equal(answer_in(X86_64, filter, AUDIT_ARCH_X86_64, X32 | 0, 0),
				 REFUSE(ENOSYS));
		assert_int_equal(answer_in(X86_64, filter, AUDIT_ARCH_AARCH64, 63, 0),
				 REFUSE(ENOSYS));
		assert_int_equal(answer_in(AARCH64, filter, AUDIT_ARCH_ARM, 3, 0), REFUSE(ENOSYS));
		assert_int_equal(answer_in(AARCH64, filter, AUDIT_ARCH_X86_64, 0, 0),
				 REFUSE(ENOSYS));
		filter |= NSH_FILTER_ALL;
		assert_int_equal(answer_in(X86_64, filter, AUDIT_ARCH_I386, 3, 0), ALLOW);
		assert_int_equal(answer_in(X86_64, filter, AUDIT_ARCH_X86_64, X32 | 0, 0), ALLOW);
		assert_int_equal(answer_in(AARCH64, filter, AUDIT_ARCH_ARM, 3, 0), ALLOW);
		filter &= ~NSH_FILTER_ALL;
	}
	/* ioctl, mount and socketcall of i386, ioctl and mount of x32, ioctl of arm */
	assert_int_equal(answer_in(X86_64, NSH_FILTER_DEFAULT_ALL, AUDIT_ARCH_I386, 54, TIOCSTI),
			 REFUSE(EPERM));
	assert_int_equal(answer_in(X86_64, NSH_FILTER_DEFAULT_ALL, AUDIT_ARCH_I386, 21, 0),
			 REFUSE(EPERM));
	assert_int_equal(answer_in(X86_64, NSH_FILTER_DEFAULT_ALL, AUDIT_ARCH_I386, 102, 0),
			 REFUSE(ENOSYS));
	assert_int_equal(
		answer_in(X86_64, NSH_FILTER_DEFAULT_ALL, AUDIT_ARCH_X86_64, X32 | 514, TIOCSTI),
		REFUSE(EPERM));
	assert_int_equal(answer_in(X86_64, NSH_FILTER_DEFAULT_ALL, AUDIT_ARCH_X86_64, X32 | 165, 0),
			 REFUSE(EPERM));
	assert_int_equal(answer_in(AARCH64, NSH_FILTER_DEFAULT_ALL, AUDIT_ARCH_ARM, 54, TIOCSTI),
			 REFUSE(EPERM));
	assert_int_equal(answer_in(X86_64, NSH_FILTER_DEFAULT, AUDIT_ARCH_X86_64, 154, 0),
			 REFUSE(ENOSYS));
	assert_int_equal(answer_in(X86_64, NSH_FILTER_DEFAULT_ALL, AUDIT_ARCH_X86_64, 154, 0),
			 ALLOW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_strict),
		cmocka_unit_test(test_architectures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
