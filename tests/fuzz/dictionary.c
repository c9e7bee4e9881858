/* SPDX-License-Identifier: MIT */
/*
 * Prints a dictionary for libFuzzer: what the key table has, and what stands between.
 */
#include <stdio.h>
#include <string.h>

#include "nsshell/keys.h"

static void word(const char *text)
{
	putchar('"');
	for (; *text; text++)
		if (strchr("\"\\\n", *text))
			printf("\\x%02x", (unsigned char)*text);
		else
			putchar(*text);
	puts("\"");
}

static void print_choices(const char *choices)
{
	char copy[sizeof(nsh_keys[0].choices)];
	char *rest = copy;

	snprintf(copy, sizeof(copy), "%s", choices);
	while (rest && *rest)
		word(strsep(&rest, "|"));
}

int main(void)
{
	static const char *const others[] = {"\n===\n", ", ",   " = ", ":ro",   "/..",
					     "\\\n",    "/8",   "::1", "local", "keep",
					     "system",  "none", "90s", "7d"};
	char text[64];

	for (int i = 0; i < NSH_KEY_COUNT; i++) {
		snprintf(text, sizeof(text), "\n[%s]\n", nsh_keys[i].section);
		if (!i || strcmp(nsh_keys[i].section, nsh_keys[i - 1].section) != 0)
			word(text);
		snprintf(text, sizeof(text), "%s = %s\n", nsh_keys[i].key, nsh_keys[i].preset);
		word(text);
		snprintf(text, sizeof(text), "%s.%s", nsh_keys[i].section, nsh_keys[i].key);
		word(text);
		print_choices(nsh_keys[i].choices);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		word(others[i]);
	return 0;
}
