/* SPDX-License-Identifier: MIT */
/*
 * What a terminal or a log would act on.
 */
#include <stddef.h>

#include "nsshell/printable.h"

/* The length of the valid UTF-8 sequence at text, or 0. C1 controls are none that is wanted. */
static size_t sequence(const unsigned char *text)
{
	size_t len = text[0] < 0x80   ? 1
		     : text[0] < 0xc2 ? 0
		     : text[0] < 0xe0 ? 2
		     : text[0] < 0xf0 ? 3
		     : text[0] < 0xf5 ? 4
				      : 0;

	if (len == 1)
		return text[0] >= ' ' && text[0] != 0x7f;
	for (size_t i = 1; i < len; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	if ((text[0] == 0xc2 && text[1] < 0xa0) || (text[0] == 0xe0 && text[1] < 0xa0) ||
	    (text[0] == 0xed && text[1] > 0x9f) || (text[0] == 0xf0 && text[1] < 0x90) ||
	    (text[0] == 0xf4 && text[1] > 0x8f))
		return 0;
	/* Marks that turn around what follows them (U+202A to U+202E, U+2066 to U+2069). */
	if (len == 3 && text[0] == 0xe2 &&
	    ((text[1] == 0x80 && text[2] >= 0xaa && text[2] <= 0xae) ||
	     (text[1] == 0x81 && text[2] >= 0xa6 && text[2] <= 0xa9)))
		return 0;
	return len;
}

void nsh_make_printable(char *text)
{
	while (*text) {
		size_t len = sequence((const unsigned char *)text);

		if (!len)
			*text++ = '?';
		text += len;
	}
}
