/* SPDX-License-Identifier: MIT */
/*
 * What the filters answer, for both architectures: the programs are run here, with calls as the kernel would
 * show them.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/socket.h>

#include "sandbox/filter.h"
#include "sandbox/filters/answer.h"
#include "tests/unit/unit.h"

#define ALLOW SECCOMP_RET_ALLOW
#define REFUSE(error) (SECCOMP_RET_ERRNO | (error))
#define ANY                                                                                        \
	0xdeadbeef00000000ULL /* the upper half of an argument of which the kernel uses the lower */

static uint32_t answer(const struct program *program, const struct seccomp_data *data)
{
	uint32_t loaded = 0;

	return program_answer(program, data, &loaded);
}

enum machine { X86_64, AARCH64, MACHINES };

static struct program program_of(enum machine machine, enum nsh_filter filter)
{
	const struct sock_filter *code = machine == X86_64 ? nsh_filter_x86_64 : nsh_filter_aarch64;
	const uint16_t *at = machine == X86_64 ? nsh_filter_x86_64_at : nsh_filter_aarch64_at;

	return (struct program){.code = code + at[filter], .len = at[filter + 1] - at[filter]};
}

static const uint32_t audit_arch[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64};

/* A system call by its numbers in the tables of x86-64 and arm64; -1 where there is none. */
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

static const struct call refused_always[] = {
	{{250, 219}, {0}, REFUSE(ENOSYS)},                            /* keyctl */
	{{248, 217}, {0}, REFUSE(ENOSYS)},                            /* add_key */
	{{249, 218}, {0}, REFUSE(ENOSYS)},                            /* request_key */
	{{321, 280}, {0}, REFUSE(EPERM)},                             /* bpf */
	{{298, 241}, {0}, REFUSE(EACCES)},                            /* perf_event_open */
	{{323, 282}, {0}, REFUSE(EPERM)},                             /* userfaultfd */
	{{425, 425}, {0}, REFUSE(ENOSYS)},                            /* io_uring_setup */
	{{246, 104}, {0}, REFUSE(EPERM)},                             /* kexec_load */
	{{320, 294}, {0}, REFUSE(EPERM)},                             /* kexec_file_load */
	{{175, 105}, {0}, REFUSE(EPERM)},                             /* init_module */
	{{313, 273}, {0}, REFUSE(EPERM)},                             /* finit_module */
	{{176, 106}, {0}, REFUSE(EPERM)},                             /* delete_module */
	{{169, 142}, {0}, REFUSE(EPERM)},                             /* reboot */
	{{304, 265}, {0}, REFUSE(EPERM)},                             /* open_by_handle_at */
	{{16, 29}, {0, TIOCSTI}, REFUSE(EPERM)},                      /* ioctl */
	{{16, 29}, {0, ANY | TIOCSTI}, REFUSE(EPERM)},                /* ioctl */
	{{16, 29}, {0, ANY | TIOCLINUX}, REFUSE(EPERM)},              /* ioctl */
	{{16, 29}, {0, ANY | TIOCSETD}, REFUSE(EPERM)},               /* ioctl */
	{{41, 198}, {3, SOCK_DGRAM}, REFUSE(EAFNOSUPPORT)},           /* socket */
	{{41, 198}, {ANY | 17, SOCK_RAW}, REFUSE(EAFNOSUPPORT)},      /* socket */
	{{41, 198}, {38, SOCK_SEQPACKET}, REFUSE(EAFNOSUPPORT)},      /* socket: AF_ALG */
	{{41, 198}, {40, SOCK_STREAM}, REFUSE(EAFNOSUPPORT)},         /* socket: AF_VSOCK */
	{{41, 198}, {ANY | 30, SOCK_STREAM}, REFUSE(EAFNOSUPPORT)},   /* socket */
	{{41, 198}, {0x80000001, SOCK_STREAM}, REFUSE(EAFNOSUPPORT)}, /* socket */
	{{53, 199}, {30, SOCK_STREAM}, REFUSE(EAFNOSUPPORT)},         /* socketpair: AF_TIPC */
	{{41, 198}, {16, SOCK_RAW, 12}, REFUSE(EPROTONOSUPPORT)},     /* socket: netfilter */
	{{41, 198}, {ANY | 16, SOCK_RAW, ANY | 6}, REFUSE(EPROTONOSUPPORT)},  /* socket */
	{{135, 92}, {READ_IMPLIES_EXEC}, REFUSE(EPERM)},                      /* personality */
	{{135, 92}, {ANY | MMAP_PAGE_ZERO}, REFUSE(EPERM)},                   /* personality */
	{{135, 92}, {ADDR_COMPAT_LAYOUT | ADDR_NO_RANDOMIZE}, REFUSE(EPERM)}, /* personality */
	{{135, 92}, {0x80000000 | READ_IMPLIES_EXEC}, REFUSE(EPERM)},         /* personality */
	{{135, 92}, {0x80000000}, REFUSE(EPERM)},                             /* personality */
	{{135, 92}, {0xfffffffe}, REFUSE(EPERM)},                             /* personality */
	{{135, 92}, {PER_BSD}, REFUSE(EPERM)},                                /* personality */
	{{302, 261}, {1, 0, 0x7fff0000}, REFUSE(EPERM)},                      /* prlimit64 */
	{{302, 261}, {ANY | 1, 0, 0x7fff0000}, REFUSE(EPERM)},                /* prlimit64 */
};

static const struct call refused_unless_nested[] = {
	{{56, 220}, {CLONE_NEWUSER | 17}, REFUSE(EPERM)},         /* clone */
	{{56, 220}, {ANY | CLONE_NEWNET}, REFUSE(EPERM)},         /* clone */
	{{56, 220}, {CLONE_NEWPID | CLONE_NEWNS}, REFUSE(EPERM)}, /* clone */
	{{272, 97}, {CLONE_NEWUSER}, REFUSE(EPERM)},              /* unshare */
	{{272, 97}, {CLONE_FS | CLONE_NEWUTS}, REFUSE(EPERM)},    /* unshare */
	{{272, 97}, {ANY | 0x80}, REFUSE(EPERM)},                 /* unshare: CLONE_NEWTIME */
	{{435, 435}, {0}, REFUSE(ENOSYS)},                        /* clone3 */
	{{308, 268}, {0}, REFUSE(EPERM)},                         /* setns */
	{{165, 40}, {0}, REFUSE(EPERM)},                          /* mount */
	{{166, 39}, {0}, REFUSE(EPERM)},                          /* umount2 */
	{{429, 429}, {0}, REFUSE(EPERM)},                         /* move_mount */
	{{442, 442}, {0}, REFUSE(EPERM)},                         /* mount_setattr */
	{{161, 51}, {0}, REFUSE(EPERM)},                          /* chroot */
};

static const struct call everyday[] = {
	{{0, 63}, {0}, ALLOW},   /* read */
	{{257, 56}, {0}, ALLOW}, /* openat */
	{{56, 220},
	 {CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD},
	 ALLOW},                                           /* clone */
	{{56, 220}, {CLONE_VM | CLONE_VFORK | 17}, ALLOW}, /* clone */
	{{272, 97}, {CLONE_FILES | CLONE_FS}, ALLOW},      /* unshare */
	{{16, 29}, {0, TIOCGWINSZ}, ALLOW},                /* ioctl */
	{{16, 29}, {0, TIOCSCTTY}, ALLOW},                 /* ioctl */
	{{16, 29}, {0, ANY | TIOCSPGRP}, ALLOW},           /* ioctl */
	{{41, 198}, {AF_UNIX, SOCK_STREAM}, ALLOW},        /* socket */
	{{41, 198}, {AF_INET, SOCK_STREAM}, ALLOW},        /* socket */
	{{41, 198}, {ANY | AF_INET6, SOCK_DGRAM}, ALLOW},  /* socket */
	{{41, 198}, {AF_NETLINK, SOCK_RAW, 0}, ALLOW},     /* socket */
	{{41, 198}, {AF_NETLINK, SOCK_RAW, 15}, ALLOW},    /* socket */
	{{53, 199}, {AF_UNIX, SOCK_STREAM}, ALLOW},        /* socketpair */
	{{135, 92}, {0xffffffff}, ALLOW},                  /* personality */
	{{135, 92}, {ANY | 0xffffffff}, ALLOW},            /* personality */
	{{135, 92}, {0}, ALLOW},                           /* personality */
	{{135, 92}, {ADDR_NO_RANDOMIZE}, ALLOW},           /* personality */
	{{135, 92}, {PER_LINUX32}, ALLOW},                 /* personality */
	{{302, 261}, {0, 0, 0x7fff0000}, ALLOW},           /* prlimit64 */
	{{302, 261}, {1, 0, 0}, ALLOW},                    /* prlimit64 */
	{{302, 261}, {1234, 0, 0x7fff0000}, ALLOW},        /* prlimit64 */
};

static void test_default(void **state)
{
	static const struct call more[] = {
		{{101, 117}, {0}, ALLOW}, /* ptrace */
		{{900, 900}, {0}, ALLOW}, /* not known to anybody */
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
		{{101, 117}, {0}, REFUSE(ENOSYS)}, /* ptrace */
		{{310, 270}, {0}, REFUSE(ENOSYS)}, /* process_vm_readv */
		{{438, 438}, {0}, REFUSE(ENOSYS)}, /* pidfd_getfd */
		{{900, 900}, {0}, REFUSE(ENOSYS)}, /* not known to anybody */
		{{250, 219}, {0}, ALLOW},          /* keyctl */
		{{165, 40}, {0}, ALLOW},           /* mount */
		{{16, 29}, {0, TIOCSTI}, ALLOW},   /* ioctl */
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
