/* SPDX-License-Identifier: MIT */
/*
 * Items of lists that have parts.
 */
#include <string.h>

#include "conf/text.h"
#include "nsshell/item.h"

bool nsh_item_is_optional(struct nsh_item *item)
{
	if (!item->len || item->text[0] != '-')
		return false;
	item->text++;
	item->len--;
	return true;
}

/* Cuts the item at its first colon. Returns false when there is none; then part is all of it. */
static bool cut(struct nsh_item *rest, struct nsh_item *part)
{
	const char *colon = memchr(rest->text, ':', rest->len);

	*part = *rest;
	if (!colon)
		return false;
	part->len = (size_t)(colon - rest->text);
	rest->text = colon + 1;
	rest->len -= part->len + 1;
	return true;
}

bool nsh_bind_parse(struct nsh_bind *bind, const struct nsh_item *item)
{
	struct nsh_item rest = *item;

	*bind = (struct nsh_bind){.optional = nsh_item_is_optional(&rest)};
	if (!cut(&rest, &bind->source))
		return false;
	bind->read_only = cut(&rest, &bind->target);
	return !bind->read_only || nsh_item_is(&rest, "ro");
}

static bool parse_port(uint16_t *port, const struct nsh_item *item)
{
	uint32_t number;

	if (!item->len || item->text[0] == '0' || !nsh_parse_id(item->text, item->len, &number) ||
	    number > UINT16_MAX)
		return false;
	*port = (uint16_t)number;
	return true;
}

bool nsh_publish_parse(struct nsh_publish *publish, const struct nsh_item *item)
{
	struct nsh_item inside = *item;
	struct nsh_item outside;
	bool both = cut(&inside, &outside);

	return parse_port(&publish->outside, &outside) &&
	       parse_port(&publish->inside, both ? &inside : &outside);
}
