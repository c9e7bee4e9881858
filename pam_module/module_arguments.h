/* SPDX-License-Identifier: MIT */
/*
 * The module's arguments on its line in /etc/pam.d.
 */
#ifndef PAM_MODULE_MODULE_ARGUMENTS_H
#define PAM_MODULE_MODULE_ARGUMENTS_H

#include <stdbool.h>

/* Seconds that the session helper has, when the line does not say, and the bounds of what it says. */
#define NSH_TIMEOUT_DEFAULT 10
#define NSH_TIMEOUT_MAX 600

struct nsh_arguments {
	const char *exempt_group; /* members of it are never confined; or NULL */
	int timeout;              /* in seconds, 1 to NSH_TIMEOUT_MAX */
	bool debug;
	const char *invalid; /* the first argument that is not valid, or NULL */
};

/* Reads them all, also behind one that is not valid. The texts are borrowed. */
void nsh_arguments_read(struct nsh_arguments *arguments, int argc, const char **argv);

#endif
