/* SPDX-License-Identifier: MIT */
/*
 * The environment of the session's shell.
 */
#ifndef NSSHELL_ENVIRONMENT_H
#define NSSHELL_ENVIRONMENT_H

#include "nsshell/policy.h"

/* The value of a variable in an environment, or NULL. */
const char *nsh_environment_get(char *const *environment, const char *name);

/*
 * Makes the session's environment from the one outside: what [env] keep names of it (and always
 * HOME, LOGNAME, PATH, TERM and USER), without what unset names, with what set sets, and with
 * SHELL, container and NSSHELL_SESSION. Returns a malloc'ed array that borrows most of its texts, or
 * NULL without memory.
 */
char **nsh_environment_make(const struct nsh_policy *policy, char *const *outside,
			    const char *session_id);

#endif
