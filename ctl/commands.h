/* SPDX-License-Identifier: MIT */
/*
 * All subcommands, in the order in which nsshellctl --help has them. To add one: its file, its line here,
 * docs/nsshellctl.8.scd, packaging/completion/nsshellctl. tests/lint/commands fails without them.
 */
#ifndef CTL_COMMANDS_H
#define CTL_COMMANDS_H

#include "ctl/command.h"

#define NSH_COMMANDS(X)                                                                            \
	X(check)                                                                                   \
	X(show)                                                                                    \
	X(keys)                                                                                    \
	X(doctor)                                                                                  \
	X(pam)                                                                                     \
	X(list)                                                                                    \
	X(ps)                                                                                      \
	X(kill)                                                                                    \
	X(enter)                                                                                   \
	X(top)                                                                                     \
	X(why)                                                                                     \
	X(enable)                                                                                  \
	X(disable)                                                                                 \
	X(confirm)                                                                                 \
	X(expire)                                                                                  \
	X(selftest)                                                                                \
	X(try)                                                                                     \
	X(status)                                                                                  \
	X(ssh_session)

#define X(name) extern const struct command nsh_command_##name;
NSH_COMMANDS(X)
#undef X

#endif
