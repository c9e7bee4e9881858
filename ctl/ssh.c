/* SPDX-License-Identifier: MIT */
/*
 * What is asked of ssh(1).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ssh.h"

/* getopt(3) of ssh(1): with an argument, and without. */
#define WITH "BbcDEeFIiJLlmOoPpQRSWw"
#define WITHOUT "1246AaCfGgKkMNnqsTtVvXxYy"

/* One word of options, "-xl" "user". Returns how many words were used up, or -EINVAL. */
static int take_options(struct nsh_ssh_request *request, int left, char *const *argv)
{
	for (const char *at = argv[0] + 1; *at; at++) {
		const char *argument = at[1] ? at + 1 : left > 1 ? argv[1] : NULL;

		if (strchr(WITHOUT, *at)) {
			request->subsystem |= *at == 's';
			continue;
		}
		if (!strchr(WITH, *at) || !argument)
			return -EINVAL;
		if (*at == 'l')
			request->user = argument;
		return at[1] ? 1 : 2;
	}
	return 1;
}

/* Returns the index of the first word that is no option, or -EINVAL. "--" ends them, and is used up. */
static int skip_options(struct nsh_ssh_request *request, int first, int argc, char *const *argv)
{
	while (first < argc && argv[first][0] == '-' && argv[first][1]) {
		int used;

		if (!strcmp(argv[first], "--"))
			return first + 1;
		used = take_options(request, argc - first, argv + first);
		if (used < 0)
			return used;
		first += used;
	}
	return first;
}

char *nsh_ssh_join(int n_words, char *const *words)
{
	size_t room = 1;
	char *text;

	for (int i = 0; i < n_words; i++)
		room += strlen(words[i]) + 1;
	text = calloc(1, room);
	for (int i = 0; text && i < n_words; i++) {
		if (i)
			strcat(text, " ");
		strcat(text, words[i]);
	}
	return text;
}

/* "user@host": the last one, as a user's name may have one too. */
static void take_host(struct nsh_ssh_request *request, const char *word)
{
	const char *at = strrchr(word, '@');

	request->host = at ? at + 1 : word;
}

int nsh_ssh_parse(struct nsh_ssh_request *request, int argc, char *const *argv)
{
	int at;

	*request = (struct nsh_ssh_request){0};
	at = skip_options(request, 1, argc, argv);
	if (at < 0 || at >= argc)
		return -EINVAL;
	take_host(request, argv[at]);
	at++;
	/* Behind the host ssh looks for options once more. */
	if (at < argc && strcmp(argv[at - 2], "--") != 0)
		at = skip_options(request, at, argc, argv);
	if (at < 0 || (request->subsystem && at >= argc))
		return -EINVAL;
	if (at < argc)
		request->command = nsh_ssh_join(argc - at, argv + at);
	return at < argc && !request->command ? -ENOMEM : 0;
}
