/* SPDX-License-Identifier: MIT */
/*
 * Accounts, as the machine's name service has them. nsshellctl is linked dynamically and asks it directly.
 */
#ifndef CTL_ACCOUNT_H
#define CTL_ACCOUNT_H

#include <stdbool.h>

#include "nsshell/err.h"
#include "nsshell/login.h"
#include "nsshell/policy.h"
#include "nsshell/user.h"

/* A login over ssh from the machine itself: what is looked at where none is named. */
extern const struct nsh_login nsh_account_login;

/*
 * Fills user with the account of that name, or of that user id when no account is called so and it is a
 * number; with its groups. -ENOENT when there is none; nsh_user_free() after success.
 */
int nsh_account_find(struct nsh_user *user, const char *name, struct nsh_err *err);

/* Likewise by user id. */
int nsh_account_of(struct nsh_user *user, uid_t uid, struct nsh_err *err);

/* The machine's root here: in a session that has another user id, which is whose "/" is. */
uid_t nsh_account_root(void);

/* Whether this is root, and not that of a session ([identity] uid = root). */
bool nsh_account_am_root(void);

/* The name of a user id for people: the account's, or the number. Valid until the next call. */
const char *nsh_account_name(uid_t uid);

/* Whether the shell runs nothing (nologin and its like). "" is /bin/sh. */
bool nsh_account_runs_nothing(const char *shell);

/* Whether the shell is nsshell, by its name. */
bool nsh_account_has_nsshell(const char *shell);

/*
 * What nsshell, as the user's login shell, makes of a login that the PAM module has left alone, or not seen. An error of
 * the policy, as in one that asks for what only PAM tells, is a refusal.
 */
enum nsh_decision nsh_account_decide_alone(const struct nsh_user *user, struct nsh_err *why);

/* Whether the user is in the group of that name; the primary group counts. */
bool nsh_account_in_group(const struct nsh_user *user, const char *group);

/* Whether the path is below one of the folders of a list, as view.homes is one. */
bool nsh_account_is_below(const char *list, const char *path);

#endif
