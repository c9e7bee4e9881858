/* SPDX-License-Identifier: MIT */
/*
 * A policy in plain words, for whom it confines.
 */
#ifndef CTL_STATUS_WORDS_H
#define CTL_STATUS_WORDS_H

#include <stddef.h>

#include "nsshell/policy.h"

#define NSH_WORDS_MAX 32

struct nsh_words {
	struct {
		const char *area; /* files, network, processes, system calls, limits */
		char *text;       /* owned; a phrase */
	} at[NSH_WORDS_MAX];
	size_t count;
};

/* Adds what the policy says, in the order of the areas. Without memory something is missing. Pure. */
void nsh_words_make(struct nsh_words *words, const struct nsh_policy *policy);

void nsh_words_free(struct nsh_words *words);

#endif
