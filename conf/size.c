/* SPDX-License-Identifier: MIT */
/*
 * Sizes, shares and times.
 */
#include <string.h>

#include "nsshell/size.h"

#define PERCENT_MAX 100000

/* Ten years. */
#define TIME_MAX_MS (INT64_C(3650) * 86400 * 1000)

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

bool nsh_time_parse(const char *text, int64_t *ms)
{
	static const struct {
		char unit;
		int64_t ms;
	} units[] = {{'s', 1000}, {'m', 60 * 1000}, {'h', 3600 * 1000}, {'d', 86400 * 1000}};
	uint64_t number;
	const char *end = parse_digits(text, &number);

	if (!end || !*end || end[1] || number < 1)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (*end != units[i].unit)
			continue;
		if (number > (uint64_t)(TIME_MAX_MS / units[i].ms))
			return false;
		*ms = (int64_t)number * units[i].ms;
		return true;
	}
	return false;
}

int64_t nsh_time_of(const char *text)
{
	int64_t ms;

	return nsh_time_parse(text, &ms) ? ms : 0;
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
