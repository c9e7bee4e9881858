/* SPDX-License-Identifier: MIT */
/*
 * Setting a key of a policy.
 */
#ifndef CONF_SETTING_H
#define CONF_SETTING_H

#include "nsshell/policy.h"

/* Replaces what the setting has. The text is copied, the file's name is not. -ENOMEM. */
int nsh_setting_set(struct nsh_setting *setting, const char *text, int number, const char *file,
		    unsigned line);

#endif
