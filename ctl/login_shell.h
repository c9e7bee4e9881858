/* SPDX-License-Identifier: MIT */
/*
 * Changing login shells, with the system's own tools and a line in the log for each.
 */
#ifndef CTL_LOGIN_SHELL_H
#define CTL_LOGIN_SHELL_H

#include <stdbool.h>

#include "ctl/state.h"
#include "nsshell/err.h"
#include "nsshell/user.h"

/* Whether the account stands in /etc/passwd, with that user id: others are changed where they come from. */
bool nsh_account_is_local(const struct nsh_user *user);

/*
 * usermod -s, and sees that it was done. action is a word for the log.
 */
int nsh_login_shell_set(const struct nsh_user *user, const char *shell, const char *action,
			struct nsh_err *err);

/* Has nsshell in /etc/shells, if there is such a file. 1 when it has been added, 0 when nothing was to be done. */
int nsh_login_shell_list(struct nsh_err *err);

/* Whether an account of /etc/passwd has nsshell. So, too, when that cannot be read. */
bool nsh_login_shell_is_used(void);

/* Whether a shell stands in /etc/shells; "" is /bin/sh. */
bool nsh_login_shell_is_listed(const char *shell);

/*
 * The shell to go back to: the remembered one if it can be executed, else what the policy has the user run, else
 * /bin/bash, else /bin/sh. record may be NULL. *why says which in a phrase. The text is the caller's to free; NULL
 * without memory.
 */
char *nsh_login_shell_former(const struct nsh_user *user, const struct nsh_record *record,
			     const char **why);

#endif
