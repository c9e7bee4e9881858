/* SPDX-License-Identifier: MIT */
/*
 * Running the system's own tools (usermod, sshd -T, journalctl): by absolute path and without a shell.
 */
#ifndef CTL_SPAWN_H
#define CTL_SPAWN_H

#include <stdbool.h>
#include <stddef.h>

#include "nsshell/err.h"

/* The most that is kept of an output, in bytes; what is more is read and thrown away. */
#define NSH_OUTPUT_MAX (1 << 20)

/* What a program has printed and how it ended. */
struct nsh_output {
	char *text; /* both streams' as they came; owned, ended by a NUL; NUL bytes in it become "?" */
	size_t len;
	int status; /* 0 to 255; 128 + N when it was killed by signal N */
};

/* Adds what was read, up to NSH_OUTPUT_MAX. Without memory it adds nothing. */
void nsh_output_keep(struct nsh_output *output, const char *text, size_t len);

/*
 * Finds a program in /usr/sbin, /usr/bin, /sbin and /bin, or where its name says if that begins with "/". path
 * has room for NSH_PROGRAM_MAX bytes. What the PATH of whoever runs this says does not count.
 */
#define NSH_PROGRAM_MAX 512
bool nsh_program_find(const char *name, char path[NSH_PROGRAM_MAX]);

/*
 * Runs argv[0], which is looked up like that, to its end with standard input from /dev/null, an environment
 * of PATH and LC_ALL=C, and no other open files. One that has not ended after timeout seconds is killed:
 * -ETIMEDOUT. -ENOENT when there is no such program. 0 otherwise, however it ended; the caller frees
 * output->text then.
 */
int nsh_spawn(struct nsh_output *output, const char *const *argv, int timeout, struct nsh_err *err);

/*
 * Runs function(data, err) likewise in a child of this process. What it returns is the status; below 0 that is 1, and the
 * error is the end of the output. It may become somebody else (nsh_sandbox_become) and execute something.
 */
typedef int nsh_spawn_fn(void *data, struct nsh_err *err);
int nsh_spawn_function(struct nsh_output *output, nsh_spawn_fn *function, void *data, int timeout,
		       struct nsh_err *err);

#endif
