/* SPDX-License-Identifier: MIT */
/*
 * Items of lists that have parts, as [view] and [network] have them.
 */
#ifndef NSSHELL_ITEM_H
#define NSSHELL_ITEM_H

#include <stdbool.h>
#include <stdint.h>

#include "nsshell/list.h"

/* Takes a leading "-" off the item: what it names may be absent. Returns whether there was one. */
bool nsh_item_is_optional(struct nsh_item *item);

/* [-]SOURCE:TARGET[:ro] */
struct nsh_bind {
	bool optional;
	bool read_only;
	struct nsh_item source; /* texts, not checked to be paths */
	struct nsh_item target;
};

/* Returns false when the item is not of that form. */
bool nsh_bind_parse(struct nsh_bind *bind, const struct nsh_item *item);

/* PORT[:PORT]: 1 to 65535, decimal digits without a leading 0. */
struct nsh_publish {
	uint16_t outside;
	uint16_t inside;
};

/* Returns false when the item is not of that form. */
bool nsh_publish_parse(struct nsh_publish *publish, const struct nsh_item *item);

#endif
