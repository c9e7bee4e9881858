/* SPDX-License-Identifier: MIT */
/*
 * A process as /proc tells of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "ctl/process.h"
#include "ctl/read.h"
#include "nsshell/cleanup.h"

/* As much of a command line as is shown. */
#define COMMAND_MAX 4096

/* Goes behind so many fields with a blank after each. */
static bool skip(const char **at, unsigned count)
{
	while (count--) {
		const char *blank = strchr(*at, ' ');

		if (!blank)
			return false;
		*at = blank + 1;
	}
	return true;
}

static bool take(const char **at, uint64_t *value)
{
	return nsh_take_number(at, UINT64_MAX, ' ', value);
}

/* What follows the name, from the state on. proc(5) numbers the fields. */
static bool parse_fields(struct nsh_process *process, const char *at)
{
	uint64_t parent;
	uint64_t tty;
	uint64_t user;
	uint64_t system;
	uint64_t children_user;
	uint64_t children_system;

	if (at[0] != ' ' || !at[1] || at[2] != ' ')
		return false;
	process->state = at[1];
	at += 3;
	if (!nsh_take_number(&at, INT32_MAX, ' ', &parent) || !skip(&at, 2) ||
	    !nsh_take_number(&at, UINT32_MAX, ' ', &tty) || !skip(&at, 6) || !take(&at, &user) ||
	    !take(&at, &system) || !take(&at, &children_user) || !take(&at, &children_system) ||
	    !skip(&at, 4) || !take(&at, &process->start))
		return false;
	process->parent = (pid_t)parent;
	process->tty = (unsigned)tty;
	process->cpu = user + system;
	process->reaped = children_user + children_system;
	return true;
}

/* The name can have blanks and parentheses in it: what follows the last one is the kernel's. */
bool nsh_process_parse_stat(struct nsh_process *process, const char *text)
{
	const char *begin = text;
	const char *end = strrchr(text, ')');
	uint64_t pid;

	if (!end || !nsh_take_number(&begin, INT32_MAX, ' ', &pid) || *begin != '(' ||
	    end < begin || !parse_fields(process, end + 1))
		return false;
	process->pid = (pid_t)pid;
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
	const char *at = find_line(text, "Uid");
	uint64_t uid;

	process->memory = kilobytes(text, "RssAnon") + kilobytes(text, "RssShmem") +
			  kilobytes(text, "VmSwap");
	if (!at || *at++ != '\t' || !nsh_take_number(&at, UINT32_MAX, '\0', &uid))
		return false;
	process->uid = (uid_t)uid;
	return parse_numbers(process, find_line(text, "NSpid"));
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

/* It names each group that the process is in, and there can be 65536: then it is longer than it ever is else. */
static bool read_status(struct nsh_process *process, int folder)
{
	NSH_FREE char *all = NULL;
	char text[8192];

	if (!read_small(folder, "status", text, sizeof(text)))
		return false;
	if (strlen(text) < sizeof(text) - 1)
		return nsh_process_parse_status(process, text);
	return nsh_read_at(folder, "status", &all) == 0 && nsh_process_parse_status(process, all);
}

bool nsh_process_read(struct nsh_process *process, int folder)
{
	char text[1024];

	*process = (struct nsh_process){0};
	return read_small(folder, "stat", text, sizeof(text)) &&
	       nsh_process_parse_stat(process, text) && read_status(process, folder);
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
