/* SPDX-License-Identifier: MIT */
/*
 * Root looking at files with a user's powers and no more.
 */
#ifndef SANDBOX_IDENTITY_H
#define SANDBOX_IDENTITY_H

#include "nsshell/err.h"
#include "nsshell/user.h"

/*
 * Takes the user's effective ids and groups; the real and saved ids stay root's, and no capability
 * over files is left in effect. The process must not be dumpable. On error nothing has changed.
 */
int nsh_identity_take(const struct nsh_user *user, struct nsh_err *err);

/* Goes back to root with no supplementary groups. */
int nsh_identity_give_back(struct nsh_err *err);

#endif
