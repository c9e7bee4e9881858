/* SPDX-License-Identifier: MIT */
/*
 * Sizes and shares.
 */
#include <string.h>

#include "nsshell/size.h"

#define PERCENT_MAX 100000

bool nsh_size_is_kept(const char *text)
{
	return !strcmp(text, "keep");
}

/* The digits at the start of text, as a number below 2^63; returns what follows, or NULL. */
static const char *parse_digits(const char *text, uint64_t *number)
{
	size_t len = strspn(text, "0123456789");

	*number = 0;
	if (!len || (len > 1 && text[0] == '0'))
		return NULL;
	for (size_t i = 0; i < len; i++) {
		if (*number > (INT64_MAX - 9) / 10)
			return NULL;
		*number = *number * 10 + (uint64_t)(text[i] - '0');
	}
	return text + len;
}

bool nsh_size_parse(const char *text, uint64_t *size)
{
	static const char units[] = "KMGT";
	const char *end = parse_digits(text, size);
	const char *unit;
	unsigned shift;

	if (!end || !*end)
		return end != NULL;
	unit = strchr(units, *end);
	if (!unit || end[1])
		return false;
	shift = 10 * (unsigned)(unit - units + 1);
	if (*size > (uint64_t)INT64_MAX >> shift)
		return false;
	*size <<= shift;
	return true;
}

bool nsh_percent_parse(const char *text, uint32_t *percent)
{
	uint64_t number;
	const char *end = parse_digits(text, &number);

	if (!end || strcmp(end, "%") != 0 || number < 1 || number > PERCENT_MAX)
		return false;
	*percent = (uint32_t)number;
	return true;
}
