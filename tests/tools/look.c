/* SPDX-License-Identifier: MIT */
/*
 * look -c WORDS: a shell for tests, which says where it stands.
 *
 * A shell of the ordinary kind needs processes, files and memory, and with few of them it says nothing.
 * This one takes one file at a time and no memory of its own, so that a session which is there although
 * nearly nothing is left can still be asked. WORDS are paths: of each it says with which error it can be
 * read and written. @N has it make a file in /tmp and wait for N milliseconds first, so that others have
 * the time to be seen.
 *
 * What fails is tried again, as tests make system calls fail on purpose. Exits with 7 after one write(2).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TRIES 3
#define LOOKED 7

/* What getdents64(2) gives; opendir(3) would take memory. */
struct entry {
	uint64_t inode;
	int64_t offset;
	unsigned short size;
	unsigned char type;
	char name[];
};

static char text[512 * 1024];
static size_t len;

static void __attribute__((format(printf, 1, 2))) say(const char *format, ...)
{
	va_list args;
	int more;

	va_start(args, format);
	more = vsnprintf(text + len, sizeof(text) - len, format, args);
	va_end(args);
	if (more > 0 && len + (size_t)more < sizeof(text))
		len += (size_t)more;
}

/* What is said of the path, and not of this process or this moment. */
static int is_final(int code)
{
	return code == ENOENT || code == EACCES || code == EROFS || code == ENXIO;
}

static int open_often(const char *path, int flags)
{
	int fd = -1;

	for (int i = 0; i < TRIES && fd < 0; i++) {
		fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
		if (fd < 0 && is_final(errno))
			break;
	}
	return fd;
}

static const char *try_to_open(const char *path, int flags)
{
	int fd = open_often(path, flags);

	if (fd < 0)
		return strerrorname_np(errno);
	close(fd);
	return "yes";
}

static void say_namespaces(void)
{
	static const char *const names[] = {"user", "pid", "uts", "ipc", "mnt", "cgroup", "net"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char path[64];
		char link[64] = "";
		ssize_t got = -1;

		snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
		for (int n = 0; n < TRIES && got < 0; n++)
			got = readlink(path, link, sizeof(link) - 1);
		say("ns %s\n", got > 0 ? link : strerrorname_np(errno));
	}
}

static void say_file(const char *path)
{
	int fd = open_often(path, O_RDONLY);
	int failed = 0;

	say("file %s\n", fd < 0 ? strerrorname_np(errno) : path);
	while (fd >= 0 && len < sizeof(text)) {
		ssize_t got = read(fd, text + len, sizeof(text) - len);

		if (got == 0 || (got < 0 && ++failed == TRIES))
			break;
		len += got > 0 ? (size_t)got : 0;
	}
	say("end\n");
	if (fd >= 0)
		close(fd);
}

static void say_entries(const char *data, long size)
{
	for (long at = 0; at < size;) {
		const struct entry *entry = (const void *)(data + at);

		say("%s\n", entry->name);
		at += entry->size;
	}
}

static void say_folder(const char *path)
{
	static char data[32 * 1024] __attribute__((aligned(8)));
	int fd = open_often(path, O_RDONLY | O_DIRECTORY);
	int failed = 0;
	long got = 1;

	say("folder %s %s\n", path, fd < 0 ? strerrorname_np(errno) : "");
	while (fd >= 0 && got) {
		got = syscall(SYS_getdents64, fd, data, sizeof(data));
		if (got < 0 && ++failed == TRIES)
			break;
		say_entries(data, got);
	}
	say("end\n");
	if (fd >= 0)
		close(fd);
}

static void wait_in_tmp(int milliseconds)
{
	char path[64];

	snprintf(path, sizeof(path), "/tmp/look.%d", getpid());
	close(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
	usleep((useconds_t)milliseconds * 1000);
}

static void take_word(const char *word)
{
	if (*word == '@')
		wait_in_tmp(atoi(word + 1));
	else
		say("open %s %s %s\n", word, try_to_open(word, O_RDONLY),
		    try_to_open(word, O_WRONLY));
}

int main(int argc, char **argv)
{
	static const char *const files[] = {"/proc/self/status", "/proc/self/mountinfo",
					    "/proc/self/uid_map", "/proc/self/gid_map",
					    "/proc/sys/kernel/hostname"};
	static const char *const folders[] = {"/home", "/tmp", "/dev", "/proc"};
	char *words = argc > 2 ? argv[2] : NULL;
	mode_t mask = umask(0);

	/* Their places are for the files that are looked at. */
	close(STDIN_FILENO);
	for (char *word = words ? strtok(words, " ") : NULL; word; word = strtok(NULL, " "))
		take_word(word);
	say_namespaces();
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		say_file(files[i]);
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		say_folder(folders[i]);
	say("umask %03o\nlooked\n", mask);
	for (int i = 0; i < TRIES; i++)
		if (write(STDOUT_FILENO, text, len) > 0)
			break;
	return LOOKED;
}
