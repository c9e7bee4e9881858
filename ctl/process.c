/* SPDX-License-Identifier: MIT */
/*
 * A process as /proc tells of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "ctl/process.h"
#include "nsshell/cleanup.h"

/* As much of a command line as is shown. */
#define COMMAND_MAX 4096

/* The name can have blanks and parentheses in it: what follows the last one is the kernel's. */
bool nsh_process_parse_stat(struct nsh_process *process, const char *text)
{
	const char *begin = strchr(text, '(');
	const char *end = strrchr(text, ')');
	uint64_t user;
	uint64_t system;

	if (!begin || !end || end < begin || sscanf(text, "%d ", &process->pid) != 1 ||
	    sscanf(end + 1,
		   " %c %d %*d %*d %u %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
		   " %*d %*d %*d %*d %*d %*d %" SCNu64,
		   &process->state, &process->parent, &process->tty, &user, &system,
		   &process->start) != 6)
		return false;
	process->cpu = user + system;
	snprintf(process->name, sizeof(process->name), "%.*s", (int)(end - begin - 1), begin + 1);
	return true;
}

/* Lines begin with their key: the name, which comes first, has its newlines escaped. */
static const char *find_line(const char *text, const char *key)
{
	size_t len = strlen(key);

	while (text && *text) {
		if (!strncmp(text, key, len) && text[len] == ':')
			return text + len + 1;
		text = strchr(text, '\n');
		text += text ? 1 : 0;
	}
	return NULL;
}

static uint64_t kilobytes(const char *text, const char *key)
{
	const char *line = find_line(text, key);

	return line ? strtoull(line, NULL, 10) * 1024 : 0;
}

/* A number for each PID namespace, from that of /proc inwards. */
static bool parse_numbers(struct nsh_process *process, const char *at)
{
	process->depth = 0;
	while (at && (*at == '\t' || *at == ' ')) {
		char *end;

		process->inside = (pid_t)strtol(at, &end, 10);
		if (end == at)
			break;
		process->depth++;
		at = end;
	}
	return process->depth > 0;
}

bool nsh_process_parse_status(struct nsh_process *process, const char *text)
{
	const char *uid = find_line(text, "Uid");

	process->memory = kilobytes(text, "RssAnon") + kilobytes(text, "RssShmem") +
			  kilobytes(text, "VmSwap");
	return uid && sscanf(uid, "%u", &process->uid) == 1 &&
	       parse_numbers(process, find_line(text, "NSpid"));
}

int nsh_process_open(pid_t pid)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool read_small(int folder, const char *name, char *text, size_t size)
{
	NSH_CLOSE int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, size - 1);

	text[got > 0 ? got : 0] = '\0';
	return got > 0;
}

bool nsh_process_read(struct nsh_process *process, int folder)
{
	char text[8192];

	*process = (struct nsh_process){0};
	return read_small(folder, "stat", text, sizeof(text)) &&
	       nsh_process_parse_stat(process, text) &&
	       read_small(folder, "status", text, sizeof(text)) &&
	       nsh_process_parse_status(process, text);
}

char *nsh_process_command(const struct nsh_process *process)
{
	NSH_CLOSE int folder = nsh_process_open(process->pid);
	NSH_CLOSE int fd = folder < 0 ? -1 : openat(folder, "cmdline", O_RDONLY | O_CLOEXEC);
	char text[COMMAND_MAX];
	ssize_t got = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	char *named;

	while (got > 0 && !text[got - 1])
		got--;
	if (got > 0) {
		text[got] = '\0';
		for (ssize_t i = 0; i < got; i++)
			if (!text[i])
				text[i] = ' ';
		return strdup(text);
	}
	return asprintf(&named, "[%s]", process->name) < 0 ? NULL : named;
}

const char *nsh_tty_name(char name[NSH_TTY_NAME], unsigned tty)
{
	unsigned at = major(tty);
	unsigned number = minor(tty);

	name[0] = '\0';
	if (at >= 136 &&
	    at <= 143) /* Unix98 pseudo-terminals, Documentation/admin-guide/devices.txt */
		snprintf(name, NSH_TTY_NAME, "pts/%u", (at - 136) * 256 + number);
	else if (at == 4)
		snprintf(name, NSH_TTY_NAME, number < 64 ? "tty%u" : "ttyS%u",
			 number < 64 ? number : number - 64);
	else if (tty)
		snprintf(name, NSH_TTY_NAME, "%u:%u", at, number);
	return name;
}

double nsh_ticks_seconds(uint64_t ticks)
{
	return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

static double read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double nsh_process_since(const struct nsh_process *process)
{
	return read_clock(CLOCK_REALTIME) - read_clock(CLOCK_BOOTTIME) +
	       nsh_ticks_seconds(process->start);
}
