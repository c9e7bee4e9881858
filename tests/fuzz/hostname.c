/* SPDX-License-Identifier: MIT */
/*
 * Whatever the template, the account and the machine are called, the host name is one (RFC 1123).
 *
 * The lines of an input: template, user, host, group, user id.
 */
#include "conf/hostname.h"
#include "tests/fuzz/fuzz.h"

static void check_label(const char *label, size_t len)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";

	REQUIRE(len && strspn(label, allowed) >= len);
	REQUIRE(label[0] != '-' && label[len - 1] != '-');
}

static void check_name(const char *name)
{
	REQUIRE(strlen(name) < NSH_HOSTNAME_MAX);
	for (;;) {
		size_t len = strcspn(name, ".");

		check_label(name, len);
		if (!name[len])
			return;
		name += len + 1;
	}
}

/* A name that is one is its own template: nsshell expands what the session helper has settled. */
static void check_again(const char *name, const struct nsh_hostname_words *words)
{
	char again[NSH_HOSTNAME_MAX];
	struct nsh_err err = {0};

	REQUIRE(nsh_hostname_check(name, &err) == 0);
	REQUIRE(nsh_hostname_expand(name, words, again, &err) == 0);
	REQUIRE(!strcmp(name, again));
}

static void expand(const char *template, const struct nsh_hostname_words *words)
{
	char name[NSH_HOSTNAME_MAX];
	struct nsh_err err = {0};
	int ret = nsh_hostname_check(template, &err);

	if (ret == 0)
		ret = nsh_hostname_expand(template, words, name, &err);
	if (ret < 0) {
		REQUIRE(ret == -EINVAL);
		fuzz_refused(ret, &err);
		return;
	}
	check_name(name);
	check_again(name, words);
	if (!nsh_hostname_uses(template, 'u') && !nsh_hostname_uses(template, 'g')) {
		struct nsh_hostname_words others = *words;
		char other[NSH_HOSTNAME_MAX];

		others.user = others.group = "other";
		REQUIRE(nsh_hostname_expand(template, &others, other, &err) == 0);
		REQUIRE(!strcmp(name, other));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = fuzz_input(data, size);
	char *texts[5];

	for (int i = 0; i < 5; i++)
		texts[i] = fuzz_text(&input, "\n");
	expand(texts[0],
	       &(struct nsh_hostname_words){
		       .user = texts[1], .host = texts[2], .group = texts[3], .uid = texts[4]});
	for (int i = 0; i < 5; i++)
		free(texts[i]);
	return 0;
}
