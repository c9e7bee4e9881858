/* SPDX-License-Identifier: MIT */
/*
 * The variables that a login begins with.
 */
#ifndef CTL_SESSION_ENVIRONMENT_H
#define CTL_SESSION_ENVIRONMENT_H

#include "nsshell/user.h"

/*
 * Those of login(1): HOME, USER, LOGNAME, SHELL, the PATH of login.defs(5), and of this process' own TERM and what
 * sshd takes over by default, LANG and LC_*. NULL without memory; nsh_session_environment_free().
 */
char **nsh_session_environment(const struct nsh_user *user, const char *shell);

void nsh_session_environment_free(char **environment);

/*
 * Finds NAME in a text of login.defs(5) lines, "NAME VALUE". Pure. Returns the value, malloc'ed, or NULL.
 */
char *nsh_login_defs_find(const char *text, const char *name);

#endif
