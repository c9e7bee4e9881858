/* SPDX-License-Identifier: MIT */
/*
 * Reading lines of the log: the other side of conf/field.c, and no more lenient than that.
 */
#include <errno.h>
#include <string.h>

#include "nsshell/field.h"

#define KEY_CHARACTERS "abcdefghijklmnopqrstuvwxyz_"

/* What harmless() in conf/field.c lets through. */
static bool is_harmless(char c)
{
	return c != '"' && c != '\\' && (unsigned char)c >= ' ' && c != 0x7f;
}

/* Returns where it ends, or NULL. */
static const char *read_text(const char *at, struct nsh_field *field)
{
	field->text = at;
	while (is_harmless(*at))
		at++;
	field->len = (size_t)(at - field->text);
	return *at == '"' && field->len <= NSH_FIELD_MAX ? at + 1 : NULL;
}

static const char *read_plain(const char *at, struct nsh_field *field)
{
	field->text = at;
	while (is_harmless(*at) && *at != ' ')
		at++;
	field->len = (size_t)(at - field->text);
	return field->len ? at : NULL;
}

int nsh_field_next(const char **at, struct nsh_field *field)
{
	const char *end = *at;

	if (!*end)
		return 0;
	field->key = end;
	field->key_len = strspn(end, KEY_CHARACTERS);
	end += field->key_len;
	if (!field->key_len || *end++ != '=')
		return -EINVAL;
	end = *end == '"' ? read_text(end + 1, field) : read_plain(end, field);
	/* One blank between fields, and none at the end. */
	if (!end || (*end && *end != ' ') || (*end && !end[1]))
		return -EINVAL;
	*at = end + (*end == ' ');
	return 1;
}

bool nsh_field_is(const struct nsh_field *field, const char *key)
{
	return field->key_len == strlen(key) && !memcmp(field->key, key, field->key_len);
}
