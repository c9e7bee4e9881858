/* SPDX-License-Identifier: MIT */
/*
 * Pure helpers on text. The ctype functions follow the locale; these do not.
 */
#include <string.h>

#include "conf/text.h"
#include "nsshell/list.h"

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

size_t nsh_distance(const char *a, const char *b)
{
	size_t row[NSH_DISTANCE_TEXT_MAX + 1];
	size_t width = strnlen(b, NSH_DISTANCE_TEXT_MAX);
	size_t height = strnlen(a, NSH_DISTANCE_TEXT_MAX);

	for (size_t x = 0; x <= width; x++)
		row[x] = x;
	for (size_t y = 0; y < height; y++) {
		size_t corner = row[0];

		row[0] = y + 1;
		for (size_t x = 0; x < width; x++) {
			size_t above = row[x + 1];

			row[x + 1] = min3(above + 1, row[x] + 1, corner + (a[y] != b[x]));
			corner = above;
		}
	}
	return row[width];
}

bool nsh_is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

bool nsh_list_next(const char **list, struct nsh_item *item)
{
	const char *start = *list;
	const char *end;

	if (!start || !*start)
		return false;
	end = strchrnul(start, ',');
	*list = *end ? end + 1 : NULL;
	while (start < end && is_blank(*start))
		start++;
	while (end > start && is_blank(end[-1]))
		end--;
	item->text = start;
	item->len = (size_t)(end - start);
	return true;
}

size_t nsh_list_count(const char *list)
{
	struct nsh_item item;
	size_t count = 0;

	while (nsh_list_next(&list, &item))
		count++;
	return count;
}

bool nsh_item_is(const struct nsh_item *item, const char *text)
{
	return strlen(text) == item->len && !memcmp(item->text, text, item->len);
}

bool nsh_parse_id(const char *text, size_t len, uint32_t *id)
{
	uint64_t sum = 0;

	if (!len || len > 10)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		sum = sum * 10 + (uint64_t)(text[i] - '0');
	}
	*id = (uint32_t)sum;
	return sum < UINT32_MAX;
}
