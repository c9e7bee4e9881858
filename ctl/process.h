/* SPDX-License-Identifier: MIT */
/*
 * A process as /proc tells of it.
 */
#ifndef CTL_PROCESS_H
#define CTL_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Longest name of a terminal below /dev, with its NUL. */
#define NSH_TTY_NAME 24

struct nsh_process {
	pid_t pid;
	pid_t parent;
	pid_t inside;    /* its number in its own PID namespace */
	unsigned depth;  /* how many PID namespaces it has a number in; 1: /proc's own only */
	uid_t uid;       /* real */
	char state;      /* R, S, D, T, t, Z, I */
	char name[65];   /* anything that the process likes */
	unsigned tty;    /* device number of the controlling terminal, or 0 */
	uint64_t start;  /* in clock ticks since the machine began */
	uint64_t cpu;    /* user and system, in clock ticks */
	uint64_t reaped; /* likewise, of all below it that has ended and been waited for */
	uint64_t memory; /* anonymous and shared memory and swap, in bytes */
};

/* Take what there is in the text of /proc/PID/stat and status. False when it is not of their form. Pure. */
bool nsh_process_parse_stat(struct nsh_process *process, const char *text);
bool nsh_process_parse_status(struct nsh_process *process, const char *text);

/* Opens /proc/PID. Whatever is read through it is of that process, and nothing when it has ended. -errno. */
int nsh_process_open(pid_t pid);

/* Reads it through such an fd. False when it has ended. */
bool nsh_process_read(struct nsh_process *process, int folder);

/* The command line with blanks between the words, or [NAME] when there is none; malloc'ed, NULL without memory. */
char *nsh_process_command(const struct nsh_process *process);

/* The name of a terminal below /dev, "" for none. */
const char *nsh_tty_name(char name[NSH_TTY_NAME], unsigned tty);

/* When a process began, in seconds since the epoch; ticks in seconds. */
double nsh_process_since(const struct nsh_process *process);
double nsh_ticks_seconds(uint64_t ticks);

#endif
