/* SPDX-License-Identifier: MIT */
/*
 * leaves SOURCE TARGET COMMAND...: runs COMMAND as root, and says what it leaves behind.
 *
 * COMMAND runs in a mount namespace of its own in which SOURCE is shown in place of the file TARGET and
 * everything is shared, as systemd has it, so that a mount which gets out would be seen. SOURCE - shows
 * nothing. When COMMAND has ended its orphans have some seconds to end too; then "left TEXT" is printed
 * on standard error for
 *
 *	each process that is still there, which is killed,
 *	each child of COMMAND's own that was never waited for, if it led a session, as a helper does,
 *	a mount table that is not what it was.
 *
 * Exits as COMMAND did, with 128 and more for a signal, or with 2 when it could not be run.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FAILED 2
#define GRACE_MS 20000

/* What /proc/PID/stat says of a process, zombies too. */
struct process {
	char name[64];
	int session;
};

static char mounts[2][256 * 1024];

static void give_up(const char *what)
{
	perror(what);
	_exit(FAILED);
}

static void read_mounts(char *text, size_t size)
{
	int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t got;

	if (fd < 0)
		give_up("/proc/self/mountinfo");
	while (len < size - 1 && (got = read(fd, text + len, size - 1 - len)) > 0)
		len += (size_t)got;
	text[len] = '\0';
	close(fd);
}

static void prepare(const char *source, const char *target)
{
	if (prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L) < 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		give_up("mount namespace");
	if (strcmp(source, "-") != 0 && mount(source, target, NULL, MS_BIND, NULL) < 0)
		give_up(target);
	if (mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) < 0)
		give_up("/");
}

static pid_t start(char **argv)
{
	pid_t pid = fork();

	if (pid < 0)
		give_up("fork");
	if (pid == 0) {
		execv(argv[0], argv);
		give_up(argv[0]);
	}
	return pid;
}

static void look(pid_t pid, struct process *process)
{
	char path[32];
	FILE *file;

	*process = (struct process){.name = "?"};
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fscanf(file, "%*d (%63[^)]) %*c %*d %*d %d", process->name, &process->session) != 2)
		process->session = 0;
	fclose(file);
}

/* Waits for one child. Returns its pid, 0 when none has ended, -1 when there is none. */
static pid_t take(int flags, int *status, struct process *process)
{
	siginfo_t info = {.si_pid = 0};

	if (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT | flags) < 0)
		return -1;
	if (info.si_pid == 0)
		return 0;
	look(info.si_pid, process);
	return waitpid(info.si_pid, status, 0);
}

static int await(pid_t command)
{
	struct process process;
	int status = 0;

	for (;;) {
		pid_t pid = take(0, &status, &process);

		if (pid < 0)
			give_up("wait");
		if (pid == command)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A leader of a session that ends up here as a zombie was COMMAND's own child. */
static void await_orphans(void)
{
	long deadline = now_ms() + GRACE_MS;
	const struct timespec moment = {.tv_nsec = 500000};
	struct process process;
	pid_t pid;

	while ((pid = take(WNOHANG, NULL, &process)) >= 0 && now_ms() < deadline) {
		if (pid > 0 && process.session == pid)
			fprintf(stderr, "left zombie %s\n", process.name);
		if (pid == 0)
			nanosleep(&moment, NULL);
	}
}

/* What gets here in place of a killed one is killed as well. */
static void end_orphans(void)
{
	char line[4096];
	struct process process;
	FILE *file;

	while ((file = fopen("/proc/thread-self/children", "re"))) {
		int found = fgets(line, sizeof(line), file) && atoi(line) > 0;

		fclose(file);
		if (!found)
			return;
		look(atoi(line), &process);
		fprintf(stderr, "left process %s\n", process.name);
		kill(atoi(line), SIGKILL);
		waitpid(atoi(line), NULL, 0);
	}
}

int main(int argc, char **argv)
{
	int code;

	if (argc < 4)
		return FAILED;
	prepare(argv[1], argv[2]);
	read_mounts(mounts[0], sizeof(mounts[0]));
	code = await(start(argv + 3));
	await_orphans();
	end_orphans();
	read_mounts(mounts[1], sizeof(mounts[1]));
	if (strcmp(mounts[0], mounts[1]) != 0)
		fprintf(stderr, "left mounts\n");
	return code;
}
