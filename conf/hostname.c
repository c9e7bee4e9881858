/* SPDX-License-Identifier: MIT */
/*
 * Host name template. The user's name may hold anything that the account's creator got past
 * useradd; what comes out is always a valid host name or an error.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conf/hostname.h"
#include "nsshell/cleanup.h"

struct name {
	char *text;
	size_t len;
};

int nsh_hostname_check(const char *template, struct nsh_err *err)
{
	if (!*template)
		return nsh_err_set(err, NSH_REASON_POLICY, -EINVAL, "the template is empty");
	for (const char *at = template; (at = strchr(at, '%')); at += 2)
		if (!at[1] || !strchr("uhgi%", at[1]))
			return nsh_err_set(err, NSH_REASON_POLICY, -EINVAL,
					   "\"%s\" has a %% that is not %%u, %%h, %%g, %%i or %%%%",
					   template);
	return 0;
}

int nsh_hostname_uses(const char *template, char letter)
{
	for (const char *at = template; (at = strchr(at, '%')) && at[1]; at += 2)
		if (at[1] == letter)
			return true;
	return false;
}

static const char *word_of(const struct nsh_hostname_words *words, char letter)
{
	switch (letter) {
	case 'u':
		return words->user;
	case 'h':
		return words->host;
	case 'g':
		return words->group;
	case 'i':
		return words->uid;
	default:
		return "%";
	}
}

static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static void strip(struct name *name)
{
	while (name->len && !is_alphanumeric(name->text[name->len - 1]))
		name->len--;
}

/* Keeps the name valid so far: a label neither begins with "-" nor is it empty. */
static void add(struct name *name, char c)
{
	bool label_start = !name->len || name->text[name->len - 1] == '.';

	if (name->len == NSH_HOSTNAME_MAX - 1)
		return;
	if (is_alphanumeric(c)) {
		name->text[name->len++] = c;
	} else if (c == '.') {
		strip(name);
		if (name->len && name->len < NSH_HOSTNAME_MAX - 1)
			name->text[name->len++] = '.';
	} else if (!label_start) {
		name->text[name->len++] = '-';
	}
}

int nsh_hostname_expand(const char *template, const struct nsh_hostname_words *words,
			char text[NSH_HOSTNAME_MAX], struct nsh_err *err)
{
	struct name name = {.text = text};

	for (const char *at = template; *at; at++) {
		if (*at != '%') {
			add(&name, *at);
			continue;
		}
		for (const char *word = word_of(words, *++at); *word; word++)
			add(&name, *word);
	}
	strip(&name);
	text[name.len] = '\0';
	if (name.len)
		return 0;
	return nsh_err_set(err, NSH_REASON_POLICY, -EINVAL,
			   "session.hostname: \"%s\" gives no valid host name", template);
}

int nsh_hostname_make(const struct nsh_policy *policy, const struct nsh_user *user,
		      char name[NSH_HOSTNAME_MAX], struct nsh_err *err)
{
	const char *template = nsh_policy_text(policy, NSH_KEY_SESSION_HOSTNAME);
	struct nsh_hostname_words words = {.user = user->name, .group = ""};
	char host[HOST_NAME_MAX + 1];
	char uid[3 * sizeof(uid_t) + 1];
	NSH_FREE char *group = NULL;
	int ret;

	if (gethostname(host, sizeof(host)) < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "gethostname");
	host[HOST_NAME_MAX] = '\0';
	snprintf(uid, sizeof(uid), "%u", user->uid);
	words.host = host;
	words.uid = uid;
	if (nsh_hostname_uses(template, 'g')) {
		ret = nsh_group_name(user->gid, &group, err);
		if (ret == -ENOENT)
			return nsh_err_set(err, NSH_REASON_ACCOUNT, ret,
					   "group id %u of %s has no name", user->gid, user->name);
		if (ret < 0)
			return ret;
		words.group = group;
	}
	return nsh_hostname_expand(template, &words, name, err);
}
