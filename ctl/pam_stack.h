/* SPDX-License-Identifier: MIT */
/*
 * The session lines that PAM has for a service (pam.d(5)), with what is included.
 */
#ifndef CTL_PAM_STACK_H
#define CTL_PAM_STACK_H

#include <stdbool.h>
#include <stddef.h>

#include "nsshell/err.h"

/* Where PAM's files are, and the module as a line there has it. */
#define NSH_PAM_FOLDER "/etc/pam.d"
#define NSH_PAM_MODULE "pam_nsshell.so"

/* The most lines of a service, and the deepest that one file includes another. */
#define NSH_PAM_LINES 128
#define NSH_PAM_DEPTH 8

/* The arguments of a line, and so one of them, with the NUL. */
#define NSH_PAM_WORD 512

struct nsh_pam_line {
	char control[128]; /* a word, or "[...]" */
	char module[256];  /* as written */
	char arguments[NSH_PAM_WORD];
	char file[256];
	unsigned number; /* of the line in its file */
	unsigned
		substack; /* 0, or which substack it stands in: what ends that does not end the rest */
};

struct nsh_pam_stack {
	struct nsh_pam_line lines[NSH_PAM_LINES];
	size_t count;
	unsigned substacks;
	unsigned parents[NSH_PAM_LINES + 1]; /* in which substack, or 0, each of them stands */
};

/*
 * Reads them from folder/service; what NSH_PAM_FOLDER lacks /usr/lib/pam.d may have. -ENOENT when there is no such
 * file (then PAM takes "other"); -EIO with *err set when it, or what it includes, cannot be read, is too long or
 * includes itself.
 */
int nsh_pam_read(struct nsh_pam_stack *stack, const char *folder, const char *service,
		 struct nsh_err *err);

/* The first line from start on with that module, whatever its folder; stack->count when there is none. */
size_t nsh_pam_find(const struct nsh_pam_stack *stack, size_t start, const char *module);

/* Whether a refusal (PAM_PERM_DENIED) of the module in that line is one of the whole stack. */
bool nsh_pam_is_binding(const struct nsh_pam_line *line);

/*
 * Whether a line can have what comes after it left out up to and with another one: sufficient, done, or a jump.
 */
bool nsh_pam_skips(const struct nsh_pam_stack *stack, size_t line, size_t target);

/* Takes the next of the arguments off. One with blanks in it stands in [ ], where \] is a bracket. */
bool nsh_pam_next_argument(const char **at, char word[NSH_PAM_WORD]);

#endif
