/* SPDX-License-Identifier: MIT */
/*
 * load KIND MOST [FOLDER]: takes as much of the machine as it gets, up to MOST, says how much that was and
 * what ended it ("KIND NUMBER TEXT"), and holds it until it is killed:
 *
 *	fork        processes, all of which go on forking
 *	memory      megabytes; the process that takes them is killed, and followed by another
 *	fill        megabytes of files in FOLDER
 *	namespaces  user namespaces, and then UTS namespaces in the last of them
 *	inotify     watches, on folders that are made in FOLDER, and then instances: a line for each
 *	signals     pending signals
 *	timers      POSIX timers
 *	ptys        pseudo-terminals
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MEGABYTE (1 << 20)

static const char *kind;
static long most;
static const char *folder = ".";

static void __attribute__((noreturn)) hold(long count, const char *why)
{
	printf("%s %ld %s\n", kind, count, why);
	fflush(stdout);
	for (;;)
		pause();
}

static void __attribute__((noreturn)) end(long count)
{
	hold(count, strerror(errno));
}

static void __attribute__((noreturn)) go_on_forking(void)
{
	for (;;)
		if (fork() < 0)
			usleep(10000);
}

/* Without a limit the bomb is not set off. */
static void take_processes(void)
{
	long count = 0;

	while (count < most) {
		pid_t pid = fork();

		if (pid < 0)
			break;
		if (pid == 0) {
			pause();
			_exit(0);
		}
		count++;
	}
	if (count == most)
		hold(count, "enough");
	printf("%s %ld %s\n", kind, count, strerror(errno));
	fflush(stdout);
	for (long i = 0; i < 8; i++)
		if (fork() == 0)
			go_on_forking();
	go_on_forking();
}

static void take_memory(volatile long *count)
{
	for (*count = 0; *count < most; ++*count) {
		void *got = mmap(NULL, MEGABYTE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (got == MAP_FAILED)
			_exit(1);
		memset(got, 1, MEGABYTE);
	}
	pause();
}

/* The largest process is the one that is killed. */
static void take_memory_again(void)
{
	volatile long *count = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = 0;

	for (int times = 0;; times++) {
		pid_t pid = fork();

		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			take_memory(count);
		}
		while (pid > 0 && *count < most && waitpid(pid, &status, WNOHANG) == 0)
			usleep(10000);
		if (*count == most)
			hold(*count, "enough");
		if (times == 0)
			printf("%s %ld %s\n", kind, *count,
			       WIFSIGNALED(status) ? "Killed" : "ended");
		fflush(stdout);
	}
}

static void take_disk(void)
{
	static char block[MEGABYTE];
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/fill", folder);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		end(0);
	/* The last one may be cut before there is an error. */
	for (long bytes = 0; bytes < most * MEGABYTE;) {
		ssize_t written = write(fd, block, sizeof(block));

		if (written < 0)
			end(bytes / MEGABYTE);
		bytes += written;
	}
	hold(most, "enough");
}

/* A user namespace ends with its last process or fd, so each one's fd is kept. */
static void take_namespaces(void)
{
	long count = 0;

	while (count < most && unshare(CLONE_NEWUSER) == 0 &&
	       open("/proc/self/ns/user", O_RDONLY) >= 0)
		count++;
	if (count == 0)
		end(0);
	while (count < most) {
		if (unshare(CLONE_NEWUTS) < 0 || open("/proc/self/ns/uts", O_RDONLY) < 0)
			end(count);
		count++;
	}
	hold(count, "enough");
}

static long take_watches(int fd)
{
	char path[4096];
	long count = 0;

	while (fd >= 0 && count < most) {
		snprintf(path, sizeof(path), "%s/%ld", folder, count);
		if (mkdir(path, 0700) < 0 || inotify_add_watch(fd, path, IN_ALL_EVENTS) < 0)
			break;
		count++;
	}
	return count;
}

/* Watches first, as they take an instance. */
static void take_inotify(void)
{
	long count = take_watches(inotify_init1(0));

	printf("watches %ld %s\n", count, count == most ? "enough" : strerror(errno));
	kind = "instances";
	for (count = 0; count < most; count++)
		if (inotify_init1(0) < 0)
			end(count);
	hold(most, "enough");
}

static void block_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
}

static void take_signals(void)
{
	const union sigval value = {0};

	block_signals();
	for (long count = 0; count < most; count++)
		if (sigqueue(getpid(), SIGRTMIN, value) < 0)
			end(count);
	hold(most, "enough");
}

static void take_timers(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
	timer_t timer;

	block_signals();
	for (long count = 0; count < most; count++)
		if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0)
			end(count);
	hold(most, "enough");
}

static void take_terminals(void)
{
	for (long count = 0; count < most; count++)
		if (open("/dev/ptmx", O_RDWR | O_NOCTTY) < 0)
			end(count);
	hold(most, "enough");
}

static const struct {
	const char *name;
	void (*take)(void);
} kinds[] = {
	{"fork", take_processes},        {"memory", take_memory_again}, {"fill", take_disk},
	{"namespaces", take_namespaces}, {"inotify", take_inotify},     {"signals", take_signals},
	{"timers", take_timers},         {"ptys", take_terminals},
};

/* Soft limits are no obstacle to anybody. */
static void raise_limits(void)
{
	static const int which[] = {RLIMIT_NOFILE, RLIMIT_NPROC, RLIMIT_SIGPENDING, RLIMIT_MEMLOCK};

	for (size_t i = 0; i < sizeof(which) / sizeof(*which); i++) {
		struct rlimit limit;

		getrlimit(which[i], &limit);
		limit.rlim_cur = limit.rlim_max;
		setrlimit(which[i], &limit);
	}
}

int main(int argc, char **argv)
{
	if (argc > 3)
		folder = argv[3];
	if (argc > 2) {
		kind = argv[1];
		most = atol(argv[2]);
		raise_limits();
		for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
			if (!strcmp(argv[1], kinds[i].name))
				kinds[i].take();
	}
	fputs("usage: load KIND MOST [FOLDER]\n", stderr);
	return 2;
}
