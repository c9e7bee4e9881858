/* SPDX-License-Identifier: MIT */
/*
 * Finding keys by what a file calls them.
 */
#ifndef CONF_KEYS_H
#define CONF_KEYS_H

#include "nsshell/keys.h"

/* Returns the key of that section and name, or NULL. */
const struct nsh_key *nsh_key_find(const char *section, const char *key);

/* The same, looking first behind the last one that was found (NULL: none yet): files mostly have the table's order. */
const struct nsh_key *nsh_key_find_after(const struct nsh_key *last, const char *section,
					 const char *key);

/* Returns the key whose "section.key" is most like the given one, or NULL when none is near. */
const struct nsh_key *nsh_key_nearest(const char *section, const char *key);

#endif
