/* SPDX-License-Identifier: MIT */
/*
 * Whether a file of match.d is for a user and a login.
 */
#ifndef CONF_MATCH_H
#define CONF_MATCH_H

#include "nsshell/err.h"
#include "nsshell/user.h"

/*
 * Lists of names: a user fits when one item names them (or "*" does, or all items exclude) and none
 * excludes them. Returns 1, 0 or -errno.
 */
int nsh_match_user(const char *list, const struct nsh_user *user);
int nsh_match_group(const char *list, const struct nsh_user *user, struct nsh_err *err);

/* Likewise for the name of a PAM service, and for where a login comes from (conf/source.h). */
int nsh_match_service(const char *list, const char *service);
int nsh_match_source(const char *list, const char *source, struct nsh_err *err);

#endif
