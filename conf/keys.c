/* SPDX-License-Identifier: MIT */
/*
 * The key table and look-ups in it.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "conf/keys.h"
#include "conf/text.h"
#include "nsshell/list.h"

const struct nsh_key nsh_keys[NSH_KEY_COUNT] = {
#define X(id_, section_, key_, type_, preset_, choices_, help_)                                    \
	[NSH_KEY_##id_] = {                                                                        \
		.id = NSH_KEY_##id_,                                                               \
		.type = NSH_TYPE_##type_,                                                          \
		.section = section_,                                                               \
		.key = key_,                                                                       \
		.preset = preset_,                                                                 \
		.choices = choices_,                                                               \
		.help = help_,                                                                     \
	},
	NSH_KEYS(X)
#undef X
};

const struct nsh_key_need nsh_key_needs[NSH_KEY_NEEDS] = {
	{NSH_KEY_NETWORK_PUBLISH, "", NSH_KEY_NETWORK_MODE, "nat"},
	{NSH_KEY_IDENTITY_SUBIDS, "no", NSH_KEY_SECURITY_NESTED_USERNS, "yes"},
};

bool nsh_key_need_fails(const struct nsh_key_need *need, const char *text, const char *other)
{
	return strcmp(text, need->harmless) != 0 && strcmp(other, need->value) != 0;
}

bool nsh_key_is_match(const struct nsh_key *key)
{
	return !strcmp(key->section, "match");
}

static bool is_name_of(const struct nsh_item *item, const struct nsh_key *key)
{
	size_t section = strlen(key->section);
	size_t len = strlen(key->key);

	return item->len == section + 1 + len && !memcmp(item->text, key->section, section) &&
	       item->text[section] == '.' && !memcmp(item->text + section + 1, key->key, len);
}

const struct nsh_key *nsh_key_of_item(const struct nsh_item *item)
{
	for (int i = 0; i < NSH_KEY_COUNT; i++)
		if (is_name_of(item, &nsh_keys[i]))
			return &nsh_keys[i];
	return NULL;
}

static const struct nsh_key *find_between(const struct nsh_key *start, const struct nsh_key *end,
					  const char *section, const char *key)
{
	for (const struct nsh_key *at = start; at < end; at++)
		if (at->key[0] == key[0] && !strcmp(at->key, key) && !strcmp(at->section, section))
			return at;
	return NULL;
}

const struct nsh_key *nsh_key_find_after(const struct nsh_key *last, const char *section,
					 const char *key)
{
	const struct nsh_key *end = nsh_keys + NSH_KEY_COUNT;
	const struct nsh_key *start = last ? last + 1 : nsh_keys;
	const struct nsh_key *found = find_between(start, end, section, key);

	return found ? found : find_between(nsh_keys, start, section, key);
}

const struct nsh_key *nsh_key_find(const char *section, const char *key)
{
	return nsh_key_find_after(NULL, section, key);
}

/* The right key in the wrong section is nearer than any misspelling. */
static const struct nsh_key *find_elsewhere(const char *key)
{
	for (int i = 0; i < NSH_KEY_COUNT; i++)
		if (!strcmp(nsh_keys[i].key, key))
			return &nsh_keys[i];
	return NULL;
}

const struct nsh_key *nsh_key_nearest(const char *section, const char *key)
{
	const struct nsh_key *nearest = find_elsewhere(key);
	size_t least = NSH_DISTANCE_FAR;
	char wanted[NSH_DISTANCE_TEXT_MAX];
	char name[NSH_DISTANCE_TEXT_MAX];

	if (nearest)
		return nearest;
	snprintf(wanted, sizeof(wanted), "%s.%s", section, key);
	for (int i = 0; i < NSH_KEY_COUNT; i++) {
		snprintf(name, sizeof(name), "%s.%s", nsh_keys[i].section, nsh_keys[i].key);
		size_t distance = nsh_distance(wanted, name);
		if (distance < least) {
			least = distance;
			nearest = &nsh_keys[i];
		}
	}
	return nearest;
}
