/* SPDX-License-Identifier: MIT */
/*
 * least HOME NAME PROGRAM ARG...: the least that a session with the sample policy can cost.
 *
 * The same namespaces, mounts and privileges as nsshell makes (sandbox/plan.c), in the same way, and
 * nothing else: no policy, no account, no environment, no terminal, no errors. HOME is in /home, and
 * NAME the host name. Any failure is exit status 125. Built as nsshell is, statically with the same C
 * library: gcc -O2 -static -DSESSION='"/opt/.../session"' least.c
 *
 * Of the ways tried this is the fastest: PID 1 and the outer process share their memory, which saves
 * to copy it (-DOWN_MEMORY: they do not); the shell comes from vfork(2); its status comes back over a
 * pipe, before PID 1 ends.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAMESPACES                                                                                 \
	(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP)

#ifdef OWN_MEMORY
#define MEMORY 0
#else
#define MEMORY CLONE_VM
#endif

static char stack[64 * 1024] __attribute__((aligned(16)));
static char **argv;
static int ends[2];
static uid_t uid;
static gid_t gid;

static void must(int done)
{
	if (!done)
		_exit(125);
}

static void write_file(const char *path, int flags, const char *text, size_t len, const char *rest)
{
	int fd = open(path, O_WRONLY | flags, 0444);

	must(write(fd, text, len) == (ssize_t)len);
	if (rest) {
		int in = open(rest, O_RDONLY);

		must(sendfile(fd, in, NULL, 1 << 30) >= 0);
		close(in);
	}
	close(fd);
}

static void map_ids(void)
{
	char line[64];

	write_file("/proc/self/setgroups", 0, "deny", 4, NULL);
	write_file("/proc/self/uid_map", 0, line, sprintf(line, "%u %u 1", uid, uid), NULL);
	write_file("/proc/self/gid_map", 0, line, sprintf(line, "%u %u 1", gid, gid), NULL);
}

static void show(const char *source, const char *target)
{
	must(mount(source, target, NULL, MS_BIND, NULL) == 0);
}

static void make_tmpfs(const char *options)
{
	must(mount("tmpfs", SESSION, "tmpfs", MS_NOSUID | MS_NODEV, options) == 0);
}

static void make_folder(const char *path, mode_t mode)
{
	must(mkdir(path, mode) == 0);
}

static void make_private(const char *folder, const char *target)
{
	make_folder(folder, 01777);
	show(folder, target);
}

static void make_view(const char *home, const char *name)
{
	char path[4096];
	int own = open(home, O_PATH | O_DIRECTORY);

	make_tmpfs("mode=0755");
	make_private(SESSION "/tmp", "/tmp");
	make_private(SESSION "/var-tmp", "/var/tmp");
	make_private(SESSION "/shm", "/dev/shm");
	make_tmpfs("mode=0755,size=64m");
	write_file(SESSION "/hosts", O_CREAT, path, sprintf(path, "127.0.1.1\t%s\n", name),
		   "/etc/hosts");
	write_file(SESSION "/hostname", O_CREAT, path, sprintf(path, "%s\n", name), NULL);
	make_folder(SESSION "/home", 0755);
	sprintf(path, SESSION "%s", home);
	make_folder(path, 0755);
	show(SESSION "/home", "/home");
	sprintf(path, "/proc/self/fd/%d", own);
	must(mount(path, home, NULL, MS_BIND | MS_REC, NULL) == 0);
	close(own);
	show(SESSION "/hosts", "/etc/hosts");
	show(SESSION "/hostname", "/etc/hostname");
	must(mount(NULL, SESSION, NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) == 0);
	must(mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0);
}

static void drop_privileges(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

	must(prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) == 0);
	must(syscall(SYS_capset, &header, none) == 0);
	must(prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) == 0);
}

static int init(void *arg)
{
	const char *home = argv[1];
	const char *name = argv[2];
	size_t len = 0;
	int status;
	pid_t shell;

	(void)arg;
	while (name[len])
		len++;
	map_ids();
	make_view(home, name);
	must(sethostname(name, len) == 0);
	drop_privileges();
	must(chdir(home) == 0);
	shell = vfork();
	if (shell == 0) {
		execv(argv[3], argv + 4);
		_exit(125);
	}
	while (wait(&status) != shell)
		;
	write(ends[1], &status, sizeof(status));
	return 0;
}

int main(int argc, char **args)
{
	int status;

	argv = args;
	umask(0);
	uid = getuid();
	gid = getgid();
	must(argc > 4 && pipe2(ends, O_CLOEXEC) == 0);
	must(clone(init, stack + sizeof(stack), NAMESPACES | MEMORY | SIGCHLD, NULL) > 0);
	close(ends[1]);
	must(read(ends[0], &status, sizeof(status)) == sizeof(status));
	if (WIFSIGNALED(status))
		kill(getpid(), WTERMSIG(status));
	_exit(WEXITSTATUS(status));
}
