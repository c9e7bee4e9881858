/* SPDX-License-Identifier: MIT */
/*
 * What sshd's own configuration says of a user.
 */
#include <fnmatch.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ctl/sshd.h"

#define ASK_SECONDS 10

/* The longest value, with its NUL. */
#define VALUE_MAX 512

int nsh_sshd_ask(struct nsh_output *output, const char *sshd, const char *config,
		 const struct nsh_user *user, struct nsh_err *err)
{
	char whom[300];
	const char *argv[8] = {sshd, "-T"};
	size_t count = 2;

	if (config) {
		argv[count++] = "-f";
		argv[count++] = config;
	}
	if (user) {
		snprintf(whom, sizeof(whom), "user=%s,host=localhost,addr=127.0.0.1", user->name);
		argv[count++] = "-C";
		argv[count++] = whom;
	}
	return nsh_spawn(output, argv, ASK_SECONDS, err);
}

bool nsh_sshd_next(const char **at, const char *keyword, char *value, size_t size)
{
	size_t len = strlen(keyword);

	while (**at) {
		const char *line = *at;
		size_t end = strcspn(line, "\n");

		*at = line + end + (line[end] == '\n');
		if (end > len && !strncasecmp(line, keyword, len) && line[len] == ' ') {
			snprintf(value, size, "%.*s", (int)(end - len - 1), line + len + 1);
			return true;
		}
	}
	return false;
}

bool nsh_sshd_is(const char *text, const char *keyword, const char *wanted)
{
	char value[VALUE_MAX];

	return nsh_sshd_next(&text, keyword, value, sizeof(value)) && !strcasecmp(value, wanted);
}

/* Whether the word is one of those of the value. */
static bool has_word(const char *text, const char *keyword, const char *wanted)
{
	char value[VALUE_MAX];
	char *saved;

	if (!nsh_sshd_next(&text, keyword, value, sizeof(value)))
		return false;
	for (char *word = strtok_r(value, " ", &saved); word; word = strtok_r(NULL, " ", &saved))
		if (!strcmp(word, wanted))
			return true;
	return false;
}

/* One name or pattern a line, "!" before it turns it round, and a user's can have "@HOST" behind. */
static bool is_listed(const char *text, const char *keyword, const char *name, bool surely)
{
	char pattern[VALUE_MAX];

	while (nsh_sshd_next(&text, keyword, pattern, sizeof(pattern))) {
		char *host = strrchr(pattern, '@');
		bool turned = pattern[0] == '!';

		if (surely && (host || turned))
			continue;
		if (host)
			*host = '\0';
		if (fnmatch(pattern + turned, name, 0) == 0)
			return true;
	}
	return false;
}

static bool is_group_listed(const char *text, const char *keyword, const struct nsh_user *user,
			    bool surely)
{
	for (size_t i = 0; i < user->n_groups; i++) {
		const struct group *group = getgrgid(user->groups[i]);

		if (group && is_listed(text, keyword, group->gr_name, surely))
			return true;
	}
	return false;
}

static bool is_set(const char *text, const char *keyword)
{
	char value[VALUE_MAX];

	return nsh_sshd_next(&text, keyword, value, sizeof(value));
}

static bool is_let_in(const char *text, const struct nsh_user *user)
{
	if (is_listed(text, "denyusers", user->name, false) ||
	    is_group_listed(text, "denygroups", user, false))
		return false;
	return (!is_set(text, "allowusers") || is_listed(text, "allowusers", user->name, true)) &&
	       (!is_set(text, "allowgroups") || is_group_listed(text, "allowgroups", user, true));
}

/* With "no" and "forced-commands-only" root's keys are no way in. */
static bool is_root_let_in(const char *text)
{
	return nsh_sshd_is(text, "permitrootlogin", "yes") ||
	       nsh_sshd_is(text, "permitrootlogin", "prohibit-password") ||
	       nsh_sshd_is(text, "permitrootlogin", "without-password");
}

bool nsh_sshd_takes_keys(const char *text, const struct nsh_user *user)
{
	return nsh_sshd_is(text, "pubkeyauthentication", "yes") &&
	       (has_word(text, "authorizedkeysfile", ".ssh/authorized_keys") ||
		has_word(text, "authorizedkeysfile", "%h/.ssh/authorized_keys")) &&
	       (has_word(text, "authenticationmethods", "any") ||
		has_word(text, "authenticationmethods", "publickey")) &&
	       (user->uid != 0 || is_root_let_in(text)) && is_let_in(text, user);
}
