/* SPDX-License-Identifier: MIT */
/*
 * Freeing what nsh_environment_make() made; nsshell itself keeps it until it ends.
 */
#ifndef TESTS_ENVIRONMENT_H
#define TESTS_ENVIRONMENT_H

#include <stdbool.h>
#include <stdlib.h>

/* Some of its texts are those of the environment outside. */
static inline void free_environment(char **made, char *const *outside)
{
	for (char **at = made; *at; at++) {
		bool borrowed = false;

		for (char *const *from = outside; *from; from++)
			borrowed |= *from == *at;
		if (!borrowed)
			free(*at);
	}
	free(made);
}

#endif
