/* SPDX-License-Identifier: MIT */
/*
 * Makes the filters of one architecture: make-filters x86_64|aarch64, C text on standard output.
 *
 * Runs when nsshell is built, on the machine that builds. libseccomp's compiler knows the numbers of
 * all architectures, and what there is to check before one may look at them (CVE-2009-0835 and its
 * kin: the same number means another call in another table).
 *
 * The kernel uses 32 bits of most arguments, and a filter sees 64: all that is compared is compared under
 * a mask (CVE-2019-10063).
 */
#include <linux/audit.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sandbox/filter.h"
#include "sandbox/filters/lists.h"
#include "sandbox/filters/shrink.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define LOW_32 0xffffffffULL

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

struct machine {
	const char *name;
	uint32_t native;
	uint32_t others[2]; /* tables that the same kernel has; 0 for none */
};

static const struct machine machines[] = {
	{"x86_64", SCMP_ARCH_X86_64, {SCMP_ARCH_X86, SCMP_ARCH_X32}},
	{"aarch64", SCMP_ARCH_AARCH64, {SCMP_ARCH_ARM, 0}},
};

static void __attribute__((noreturn)) fail(const char *what, int code)
{
	fprintf(stderr, "make-filters: %s: %s\n", what, strerror(code < 0 ? -code : code));
	exit(1);
}

static void add(scmp_filter_ctx filter, uint32_t action, const char *name, unsigned n,
		const struct scmp_arg_cmp *tests)
{
	int number = seccomp_syscall_resolve_name(name);
	int ret;

	if (number == __NR_SCMP_ERROR)
		fail(name, ENOSYS);
	ret = seccomp_rule_add_array(filter, action, number, n, tests);
	if (ret < 0)
		fail(name, ret);
}

static void refuse(scmp_filter_ctx filter, const struct refused *calls, size_t count)
{
	for (size_t i = 0; i < count; i++)
		add(filter, SCMP_ACT_ERRNO((uint32_t)calls[i].error), calls[i].name, 0, NULL);
}

static void refuse_if(scmp_filter_ctx filter, const char *name, int error, unsigned argument,
		      uint64_t mask, uint64_t value)
{
	struct scmp_arg_cmp test = SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, mask, value);

	add(filter, SCMP_ACT_ERRNO((uint32_t)error), name, 1, &test);
}

static void refuse_namespaces(scmp_filter_ctx filter)
{
	static const uint64_t flags[] = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
					 CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};

	for (size_t i = 0; i < COUNT(flags); i++) {
		refuse_if(filter, "clone", EPERM, 0, flags[i], flags[i]);
		refuse_if(filter, "unshare", EPERM, 0, flags[i], flags[i]);
	}
	/* In clone's flags that bit is of the signal's number. */
	refuse_if(filter, "unshare", EPERM, 0, CLONE_NEWTIME, CLONE_NEWTIME);
}

/*
 * Typing for somebody else (CVE-2017-5226), pasting from a console (CVE-2023-28100), and line
 * disciplines, which are drivers that a terminal's owner could load and attach (CVE-2023-6546).
 */
static void refuse_terminals(scmp_filter_ctx filter)
{
	static const uint64_t requests[] = {TIOCSTI, TIOCLINUX, TIOCSETD};

	for (size_t i = 0; i < COUNT(requests); i++)
		refuse_if(filter, "ioctl", EPERM, 1, LOW_32, requests[i]);
}

static bool is_usual_family(unsigned family)
{
	return family == AF_UNSPEC || family == AF_UNIX || family == AF_INET ||
	       family == AF_INET6 || family == AF_NETLINK;
}

/* Routes, sockets, devices, and what families of messages there are: ip(8), ss(8), getaddrinfo(3), udev. */
static bool is_usual_netlink(unsigned protocol)
{
	return protocol == 0 || protocol == 4 || protocol == 15 || protocol == 16;
}

static void refuse_families_of(scmp_filter_ctx filter, const char *name)
{
	for (unsigned family = 0; family < 32; family++)
		if (!is_usual_family(family))
			refuse_if(filter, name, EAFNOSUPPORT, 0, LOW_32, family);
	for (unsigned bit = 5; bit < 32; bit++)
		refuse_if(filter, name, EAFNOSUPPORT, 0, 1ULL << bit, 1ULL << bit);
}

/* The kernel has no more than 32 protocols of netlink(7). */
static void refuse_families(scmp_filter_ctx filter)
{
	refuse_families_of(filter, "socket");
	refuse_families_of(filter, "socketpair");
	for (unsigned protocol = 0; protocol < 32; protocol++) {
		struct scmp_arg_cmp tests[] = {
			SCMP_CMP(0, SCMP_CMP_MASKED_EQ, LOW_32, AF_NETLINK),
			SCMP_CMP(2, SCMP_CMP_MASKED_EQ, LOW_32, protocol),
		};

		if (!is_usual_netlink(protocol))
			add(filter, SCMP_ACT_ERRNO(EPROTONOSUPPORT), "socket", 2, tests);
	}
}

/*
 * Linux, and its 32-bit face; with addresses that do not move, as debuggers want it. All bits set is the
 * question for the present one; less than all with the highest one is no personality.
 */
static void refuse_personalities(scmp_filter_ctx filter)
{
	const uint64_t usual = PER_LINUX32 | UNAME26 | ADDR_NO_RANDOMIZE;
	const uint64_t top = 1ULL << 31;

	for (unsigned i = 0; i < 31; i++) {
		uint64_t bit = 1ULL << i;

		refuse_if(filter, "personality", EPERM, 0, top | bit, top);
		if (!(bit & usual))
			refuse_if(filter, "personality", EPERM, 0, top | bit, bit);
	}
}

/* A limit on processor time would kill PID 1, whose limits are its owner's to set. */
static void protect_init(scmp_filter_ctx filter)
{
	struct scmp_arg_cmp tests[] = {
		SCMP_CMP(0, SCMP_CMP_MASKED_EQ, LOW_32, 1),
		SCMP_CMP(2, SCMP_CMP_NE, 0),
	};

	add(filter, SCMP_ACT_ERRNO(EPERM), "prlimit64", 2, tests);
}

/* In 32-bit tables there is a second way to a socket, with arguments that a filter cannot look at. */
static void refuse_other_tables(scmp_filter_ctx filter, bool all)
{
	if (all)
		add(filter, SCMP_ACT_ERRNO(ENOSYS), "socketcall", 0, NULL);
	else
		refuse(filter, refused_natively, COUNT(refused_natively));
}

static void make_default(scmp_filter_ctx filter, bool nested, bool all)
{
	refuse(filter, refused, COUNT(refused));
	if (!nested) {
		refuse(filter, refused_unless_nested, COUNT(refused_unless_nested));
		refuse_namespaces(filter);
	}
	refuse_terminals(filter);
	refuse_families(filter);
	refuse_personalities(filter);
	protect_init(filter);
	refuse_other_tables(filter, all);
}

static void allow_refused(scmp_filter_ctx filter, const struct refused *calls, size_t count)
{
	for (size_t i = 0; i < count; i++)
		add(filter, SCMP_ACT_ALLOW, calls[i].name, 0, NULL);
}

/* What the filter under it knows is left to that, with its errors. */
static void make_strict(scmp_filter_ctx filter)
{
	for (size_t i = 0; i < COUNT(allowed); i++)
		add(filter, SCMP_ACT_ALLOW, allowed[i], 0, NULL);
	for (size_t i = 0; i < COUNT(allowed_if_known); i++)
		if (seccomp_syscall_resolve_name(allowed_if_known[i]) != __NR_SCMP_ERROR)
			add(filter, SCMP_ACT_ALLOW, allowed_if_known[i], 0, NULL);
	allow_refused(filter, refused, COUNT(refused));
	allow_refused(filter, refused_unless_nested, COUNT(refused_unless_nested));
	allow_refused(filter, refused_natively, COUNT(refused_natively));
}

/* An unknown table is one whose calls the kernel does not have. */
static scmp_filter_ctx begin(const struct machine *machine, uint32_t action, bool all)
{
	scmp_filter_ctx filter = seccomp_init(action);

	if (!filter)
		fail("seccomp_init", ENOMEM);
	if (machine->native != seccomp_arch_native() &&
	    (seccomp_arch_add(filter, machine->native) < 0 ||
	     seccomp_arch_remove(filter, SCMP_ARCH_NATIVE) < 0))
		fail(machine->name, EINVAL);
	for (size_t i = 0; all && i < COUNT(machine->others); i++)
		if (machine->others[i] && seccomp_arch_add(filter, machine->others[i]) < 0)
			fail(machine->name, EINVAL);
	if (seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS)) < 0 ||
	    seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) < 0)
		fail("seccomp_attr_set", EINVAL);
	return filter;
}

static scmp_filter_ctx make(const struct machine *machine, enum nsh_filter which)
{
	bool all = which & NSH_FILTER_ALL;
	bool strict = (which & ~NSH_FILTER_ALL) == NSH_FILTER_STRICT;
	scmp_filter_ctx filter =
		begin(machine, strict ? SCMP_ACT_ERRNO(ENOSYS) : SCMP_ACT_ALLOW, all);

	if (strict)
		make_strict(filter);
	else
		make_default(filter, (which & ~NSH_FILTER_ALL) == NSH_FILTER_NESTED, all);
	return filter;
}

static unsigned export(scmp_filter_ctx filter, struct sock_filter code[BPF_MAXINSNS])
{
	int fd = memfd_create("filter", MFD_CLOEXEC);
	int ret = fd < 0 ? -errno : seccomp_export_bpf(filter, fd);
	ssize_t size;

	if (ret < 0)
		fail("export", ret);
	size = pread(fd, code, BPF_MAXINSNS * sizeof(*code), 0);
	close(fd);
	if (size <= 0 || size == (ssize_t)(BPF_MAXINSNS * sizeof(*code)))
		fail("the filter's length", E2BIG);
	return (unsigned)size / sizeof(*code);
}

/* Prints the instructions and returns their number. */
static unsigned print(scmp_filter_ctx filter)
{
	static struct sock_filter made[BPF_MAXINSNS];
	static struct sock_filter code[BPF_MAXINSNS];
	unsigned made_len = export(filter, made);
	unsigned len;

	memcpy(code, made, sizeof(code));
	len = shrink(code, made_len);
	must_agree(made, made_len, code, len);
	for (unsigned i = 0; i < len; i++)
		printf("\t{0x%02x, %u, %u, 0x%08x},\n", code[i].code, code[i].jt, code[i].jf,
		       code[i].k);
	return len;
}

static void print_all(const struct machine *machine)
{
	unsigned at = 0;
	unsigned ends[NSH_FILTER_COUNT];

	printf("/* Made by sandbox/filters/make.c. */\n#include \"sandbox/filter.h\"\n\n");
	printf("const struct sock_filter nsh_filter_%s[] = {\n", machine->name);
	for (unsigned i = 0; i < NSH_FILTER_COUNT; i++) {
		scmp_filter_ctx filter = make(machine, i);

		at += print(filter);
		ends[i] = at;
		seccomp_release(filter);
	}
	printf("};\n\nconst uint16_t nsh_filter_%s_at[NSH_FILTER_COUNT + 1] = {0", machine->name);
	for (unsigned i = 0; i < NSH_FILTER_COUNT; i++)
		printf(", %u", ends[i]);
	printf("};\n");
	if (at > UINT16_MAX)
		fail("the filters' length", E2BIG);
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < COUNT(machines); i++)
		if (!strcmp(machines[i].name, argv[1])) {
			print_all(&machines[i]);
			return fflush(stdout) == 0 ? 0 : 1;
		}
	fprintf(stderr, "usage: make-filters x86_64|aarch64\n");
	return 2;
}
