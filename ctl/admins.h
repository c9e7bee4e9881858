/* SPDX-License-Identifier: MIT */
/*
 * Who administers this machine, and could log in to do it: nsshellctl enable leaves one of them outside of nsshell.
 *
 * An administrator is user id 0; whom sudo lets run commands; and, where there is no sudo, who is in the group sudo,
 * wheel or admin. One who remains has to be one beyond doubt: sudo lets them run all commands as root.
 */
#ifndef CTL_ADMINS_H
#define CTL_ADMINS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "nsshell/err.h"
#include "nsshell/user.h"

enum nsh_power {
	NSH_POWER_NONE,
	NSH_POWER_SOME,    /* some commands, or it could not be found out */
	NSH_POWER_ALL,     /* when the own password is given */
	NSH_POWER_UNASKED, /* root's own, and that of NOPASSWD */
};

struct nsh_admin {
	uid_t uid;
	enum nsh_power power;
	bool real_shell; /* one that is there, runs something, and is not nsshell */
	bool expired;    /* the account, or its password for good */
	bool refused;    /* the policy refuses its sessions */
	bool password;   /* there is one: on a console it is enough, for root too */
	bool keys;       /* ~/.ssh/authorized_keys has any without options */
	bool keys_count; /* sshd lets the account use them */
};

/* Whether that one can do the administrator's work. */
bool nsh_admin_remains(const struct nsh_admin *admin);

/*
 * Whether nobody would remain without the one with that user id. Not so if that one is no administrator. Pure.
 */
bool nsh_admins_need(const struct nsh_admin *admins, size_t count, uid_t uid);

/* What the output of "sudo -l -U" says. Pure. */
enum nsh_power nsh_sudo_power(const char *text);

/* Whether root could log in: with a password on a console, or with keys over ssh. As root only. */
bool nsh_admins_root_remains(void);

/*
 * Asks the machine whether the user is the last one. 1, 0, or -errno when it cannot be told, which is to be taken
 * as yes; *err then says why.
 */
int nsh_admins_last(const struct nsh_user *user, struct nsh_err *err);

#endif
