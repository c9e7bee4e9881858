/* SPDX-License-Identifier: MIT */
/*
 * What each type of value admits. Strict on purpose: libiniparser's own conversions take "yellow"
 * for true and "12abc" for 12.
 */
#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "nsshell/err.h"
#include "nsshell/keys.h"

/* The variables that nsshell itself sets in every session: a list. */
#define NSH_OWN_VARIABLES "SHELL, container, NSSHELL_SESSION"

/* Whether a list of variables has that name, of len bytes; an item that ends with "*" has all that begin like it. */
bool nsh_variables_have(const char *list, const char *name, size_t len);

/*
 * Checks text against the type of key. On success *number is the value of an enum (its index in
 * the choices) or of a umask (0 to 0777, or NSH_UMASK_KEEP), and 0 for the other types.
 * On -EINVAL the error says what is wrong with the value, without naming the key.
 */
int nsh_value_check(const struct nsh_key *key, const char *text, int *number, struct nsh_err *err);

#endif
