/* SPDX-License-Identifier: MIT */
/*
 * least HOME NAME PROGRAM ARG...: the least that a session with the sample policy can cost.
 *
 * The same namespaces, mounts and privileges as nsshell makes (sandbox/plan.c), in the same way, and
 * nothing else: no policy, no account, no environment, no terminal, no errors. HOME is in /home, and
 * NAME the host name. Any failure is exit status 125. Built statically with each C library that there is
 * (lib_setting.py), as the start of the library is a good part of what the least possible costs:
 * gcc -O2 -static -DSESSION='"/opt/.../session"' least.c
 *
 * Of the ways tried this is the fastest: PID 1 and the outer process share their memory, which saves
 * to copy it (-DOWN_MEMORY: they do not); the shell comes from vfork(2); its status comes back over a
 * pipe, before PID 1 ends.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_NEWCGROUP /* dietlibc's header does not know it */
#define CLONE_NEWCGROUP 0x02000000
#endif

#define NAMESPACES                                                                                 \
	(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP)

#ifdef OWN_MEMORY
#define MEMORY 0
#else
#define MEMORY CLONE_VM
#endif

/* All of the C libraries have it, and none a header that says so. */
int capset(struct __user_cap_header_struct *header, const struct __user_cap_data_struct *data);

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

/* What this machine may lack is passed over, as nsshell does. */
static void show_if_there(const char *source, const char *target)
{
	mount(source, target, NULL, MS_BIND, NULL);
}

static void make_private(const char *folder, const char *target)
{
	/* dietlibc has no name for the flags (statfs(2)): they are in the eleventh word. */
	long fs[16] = {0};
	int no_exec = statfs(target, (struct statfs *)fs) == 0 && (fs[10] & MS_NOEXEC);

	make_folder(folder, 01777);
	show_if_there(folder, target);
	if (no_exec)
		must(mount(NULL, target, NULL,
			   MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0);
}

static void make_empty_file(const char *path, mode_t mode)
{
	must(mknod(path, S_IFREG | mode, 0) == 0);
}

static void make_tmp(void)
{
	char path[4096];

	make_tmpfs("mode=0755,size=25%");
	make_private(SESSION "/tmp", "/tmp");
	make_private(SESSION "/var-tmp", "/var/tmp");
	make_private(SESSION "/shm", "/dev/shm");
	make_private(SESSION "/run-lock", "/run/lock");
	make_private(SESSION "/run-screen", "/run/screen");
	make_folder(SESSION "/run-user", 0755);
	sprintf(path, SESSION "/run-user/%u", uid);
	make_folder(path, 0700);
	show_if_there(SESSION "/run-user", "/run/user");
}

static void make_names(const char *name)
{
	char line[128];

	write_file(SESSION "/hosts", O_CREAT, line, sprintf(line, "127.0.1.1\t%s\n", name),
		   "/etc/hosts");
	write_file(SESSION "/hostname", O_CREAT, line, sprintf(line, "%s\n", name), NULL);
	show(SESSION "/hosts", "/etc/hosts");
	show(SESSION "/hostname", "/etc/hostname");
}

static void show_home(const char *home, int own)
{
	char path[4096];

	make_folder(SESSION "/home", 0755);
	sprintf(path, SESSION "%s", home);
	make_folder(path, 0755);
	show(SESSION "/home", "/home");
	sprintf(path, "/proc/self/fd/%d", own);
	must(mount(path, home, NULL, MS_BIND | MS_REC, NULL) == 0);
	close(own);
}

static void hide_rotated(void)
{
	DIR *folder = opendir("/var/log");
	struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		char path[512];

		if ((strncmp(entry->d_name, "wtmp", 4) && strncmp(entry->d_name, "btmp", 4)) ||
		    (entry->d_name[4] != '.' && entry->d_name[4] != '-'))
			continue;
		snprintf(path, sizeof(path), "/var/log/%s", entry->d_name);
		show_if_there(SESSION "/no-records", path);
	}
	if (folder)
		closedir(folder);
}

static void hide_others(void)
{
	static const char *const files[] = {"/run/utmp", "/var/log/wtmp", "/var/log/btmp",
					    "/var/log/lastlog", "/var/log/faillog"};
	static const char *const folders[] = {
		"/run/systemd/sessions", "/run/systemd/users",   "/run/systemd/transient",
		"/run/systemd/seats",    "/run/systemd/inhibit", "/run/dbus",
		"/run/faillock",         "/var/lib/lastlog",     "/var/lib/wtmpdb"};

	make_empty_file(SESSION "/no-records", 0444);
	make_folder(SESSION "/no-others", 0555);
	make_folder(SESSION "/mail", 0755);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		show_if_there(SESSION "/no-records", files[i]);
	hide_rotated();
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		show_if_there(SESSION "/no-others", folders[i]);
	show_if_there(SESSION "/mail", "/var/mail");
}

static void make_dev(void)
{
	static const char names[][8] = {"null", "zero", "full", "random", "urandom", "tty"};
	char source[64];
	char target[128];
	int shm = open("/dev/shm", O_PATH | O_DIRECTORY);
	int old = open("/dev", O_PATH | O_DIRECTORY);

	make_folder(SESSION "/dev", 0755);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		sprintf(target, SESSION "/dev/%s", names[i]);
		make_empty_file(target, 0);
	}
	must(symlink("pts/ptmx", SESSION "/dev/ptmx") == 0 &&
	     symlink("/proc/self/fd", SESSION "/dev/fd") == 0 &&
	     symlink("/proc/self/fd/0", SESSION "/dev/stdin") == 0 &&
	     symlink("/proc/self/fd/1", SESSION "/dev/stdout") == 0 &&
	     symlink("/proc/self/fd/2", SESSION "/dev/stderr") == 0);
	make_folder(SESSION "/dev/pts", 0755);
	make_folder(SESSION "/dev/shm", 0755);
	show(SESSION "/dev", "/dev");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		sprintf(source, "/proc/self/fd/%d/%s", old, names[i]);
		sprintf(target, "/dev/%s", names[i]);
		show(source, target);
	}
	sprintf(source, "/proc/self/fd/%d", shm);
	show(source, "/dev/shm");
	must(mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
		   "newinstance,ptmxmode=0666,mode=0620,max=256") == 0);
	close(shm);
	close(old);
}

static void make_proc(void)
{
	must(mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0);
	show("/proc/sys", "/proc/sys");
	must(mount(NULL, "/proc/sys", NULL,
		   MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0);
}

static void make_view(const char *home, const char *name)
{
	int own = open(home, O_PATH | O_DIRECTORY);

	make_tmp();
	make_tmpfs("mode=0755,size=64m");
	make_names(name);
	show_home(home, own);
	hide_others();
	make_dev();
	must(mount(NULL, SESSION, NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) == 0);
	make_proc();
}

static void drop_privileges(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

	must(prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) == 0);
	must(capset(&header, none) == 0);
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
