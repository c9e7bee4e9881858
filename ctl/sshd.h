/* SPDX-License-Identifier: MIT */
/*
 * What sshd's own configuration says of a user: sshd -T.
 */
#ifndef CTL_SSHD_H
#define CTL_SSHD_H

#include <stdbool.h>
#include <stddef.h>

#include "ctl/spawn.h"
#include "nsshell/err.h"
#include "nsshell/user.h"

/*
 * Runs it, for a login of the user from this machine. config can be NULL, for sshd's own, and user, for nobody's.
 * As nsh_spawn().
 */
int nsh_sshd_ask(struct nsh_output *output, const char *sshd, const char *config,
		 const struct nsh_user *user, struct nsh_err *err);

/* The value in the next line with that keyword after *at, which moves on; cut into value. Pure. */
bool nsh_sshd_next(const char **at, const char *keyword, char *value, size_t size);

/* Whether the first value of that keyword is this one. Pure. */
bool nsh_sshd_is(const char *text, const char *keyword, const char *wanted);

/*
 * Whether a key in ~/.ssh/authorized_keys is enough for the user to log in. No where that is not certain, as with a host
 * in AllowUsers.
 */
bool nsh_sshd_takes_keys(const char *text, const struct nsh_user *user);

#endif
