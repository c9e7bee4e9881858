/* SPDX-License-Identifier: MIT */
/*
 * Comma lists, as values of the policy hold them: "a, b,c". Blanks around an item do not count.
 */
#ifndef NSSHELL_LIST_H
#define NSSHELL_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* A piece of a longer text; not ended by NUL, not owned. */
struct nsh_item {
	const char *text;
	size_t len;
};

/*
 * Takes the next item off *list, which starts as the whole list and ends as NULL. An empty list has
 * no items, and neither has what follows a last comma. Returns false when there is none left.
 */
bool nsh_list_next(const char **list, struct nsh_item *item);

/* How many items there are. */
size_t nsh_list_count(const char *list);

/* True when the item is exactly that text. */
bool nsh_item_is(const struct nsh_item *item, const char *text);

#endif
