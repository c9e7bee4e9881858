/* SPDX-License-Identifier: MIT */
/*
 * Templates of host names: nsshell/hostname.h says what is in them.
 */
#ifndef CONF_HOSTNAME_H
#define CONF_HOSTNAME_H

#include "nsshell/err.h"
#include "nsshell/hostname.h"

/* What the template's letters stand for. Borrowed texts, none NULL. */
struct nsh_hostname_words {
	const char *user;
	const char *host;
	const char *group;
	const char *uid;
};

/* Checks a template: -EINVAL when it is empty or has an unknown "%" letter. */
int nsh_hostname_check(const char *template, struct nsh_err *err);

/*
 * Expands a checked template. Characters that a host name cannot have become "-", too long names
 * are cut. -EINVAL when nothing valid is left.
 */
int nsh_hostname_expand(const char *template, const struct nsh_hostname_words *words,
			char name[NSH_HOSTNAME_MAX], struct nsh_err *err);

/* True when the template asks for that letter; what is costly to look up is looked up then only. */
int nsh_hostname_uses(const char *template, char letter);

#endif
