/* SPDX-License-Identifier: MIT */
/*
 * Whether a session's policy is still the one that its user would get.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/account.h"
#include "ctl/live_policy.h"
#include "nsshell/cleanup.h"
#include "nsshell/field.h"
#include "nsshell/paths.h"
#include "nsshell/policy.h"
#include "nsshell/size.h"

const char *nsh_policy_state_name(enum nsh_policy_state state)
{
	static const char *const names[] = {
		[NSH_POLICY_UNKNOWN] = "unknown",
		[NSH_POLICY_CURRENT] = "current",
		[NSH_POLICY_CHANGED] = "changed",
		[NSH_POLICY_INVALID] = "invalid",
	};

	return names[state];
}

/* Takes the next line off the text. NULL at the end. */
static char *next_line(char **text)
{
	char *line = *text;
	size_t len = strcspn(line, "\n");

	if (!*line)
		return NULL;
	*text = line + len + (line[len] == '\n');
	line[len] = '\0';
	return line;
}

static char *path_of(const char *line)
{
	struct nsh_field field;

	while (nsh_field_next(&line, &field) == 1)
		if (nsh_field_is(&field, "path"))
			return strndup(field.text, field.len);
	return NULL;
}

static bool has_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	while (*text) {
		size_t end = strcspn(text, "\n");

		if (end == len && !memcmp(text, line, len))
			return true;
		text += end + (text[end] == '\n');
	}
	return false;
}

static struct nsh_policy_file *find_file(const struct nsh_policy_age *age, const char *path)
{
	for (size_t i = 0; i < age->n_files; i++)
		if (!strcmp(age->files[i].path, path))
			return &age->files[i];
	return NULL;
}

/* Takes path. */
static int add_file(struct nsh_policy_age *age, char *path, bool changed, bool is_new)
{
	struct nsh_policy_file *grown;

	if (!path)
		return -ENOMEM;
	grown = reallocarray(age->files, age->n_files + 1, sizeof(*grown));
	if (!grown) {
		free(path);
		return -ENOMEM;
	}
	age->files = grown;
	age->files[age->n_files++] =
		(struct nsh_policy_file){.path = path, .changed = changed, .is_new = is_new};
	return 0;
}

/* The session's own; now is NULL when there is no policy now: then each file is only as it was. */
static int add_then(struct nsh_policy_age *age, const char *then, const char *now)
{
	NSH_FREE char *copy = strdup(then);
	char *at = copy;
	char *line;
	int ret = copy ? 0 : -ENOMEM;

	while (ret == 0 && (line = next_line(&at))) {
		char *path = path_of(line);

		if (path)
			ret = add_file(age, path, now && !has_line(now, line), false);
	}
	return ret;
}

static int add_now(struct nsh_policy_age *age, const char *now)
{
	NSH_FREE char *copy = strdup(now);
	char *at = copy;
	char *line;
	int ret = copy ? 0 : -ENOMEM;

	while (ret == 0 && (line = next_line(&at))) {
		char *path = path_of(line);

		if (path && !find_file(age, path))
			ret = add_file(age, path, false, true);
		else
			free(path);
	}
	return ret;
}

/* What a login would get now. Its strings are those of the session that was asked about first. */
struct answer {
	const char *user;
	const char *service;
	const char *source;
	char *files; /* owned; NULL: none, for this reason */
	enum nsh_policy_state state;
	char reason[NSH_ERR_MAX];
	int lifetime;
	int64_t runtime_ms;
};

static bool is_same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static struct answer *find_answer(const struct nsh_policy_answers *answers,
				  const struct nsh_live *live)
{
	for (size_t i = answers->count; i-- > 0;) {
		struct answer *answer = &answers->at[i];

		if (is_same(answer->user, live->user) && is_same(answer->service, live->service) &&
		    is_same(answer->source, live->source))
			return answer;
	}
	return NULL;
}

static void load(struct answer *answer, const struct nsh_user *user)
{
	struct nsh_place place = {.folder = NSH_POLICY_FOLDER, .owner = nsh_account_root()};
	struct nsh_login login = {.service = answer->service, .source = answer->source};
	struct nsh_policy policy;
	struct nsh_err err;
	size_t len;
	int ret = nsh_policy_load(&policy, &place, user, answer->source ? &login : NULL, &err);

	if (ret < 0) {
		/* What this user may not read the module does. */
		answer->state =
			err.reason == NSH_REASON_POLICY && !(ret == -EACCES && answer->source)
				? NSH_POLICY_INVALID
				: NSH_POLICY_UNKNOWN;
		snprintf(answer->reason, sizeof(answer->reason), "%s", err.text);
		return;
	}
	answer->files = nsh_policy_write_files(&policy, &len);
	answer->lifetime = nsh_policy_number(&policy, NSH_KEY_SESSION_LIFETIME);
	answer->runtime_ms = nsh_time_of(nsh_policy_text(&policy, NSH_KEY_SESSION_RUNTIME_MAX));
	nsh_policy_free(&policy);
}

/* Resolves what is not known yet. NULL without memory. */
static const struct answer *resolve(struct nsh_policy_answers *answers, const struct nsh_live *live)
{
	struct answer *answer = find_answer(answers, live);
	struct answer *grown;
	struct nsh_user user;
	struct nsh_err err;

	if (answer)
		return answer;
	grown = reallocarray(answers->at, answers->count + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	answers->at = grown;
	answer = &answers->at[answers->count++];
	*answer = (struct answer){
		.user = live->user, .service = live->service, .source = live->source};
	if (nsh_account_find(&user, live->user, &err) < 0) {
		snprintf(answer->reason, sizeof(answer->reason), "%s", err.text);
		return answer;
	}
	load(answer, &user);
	nsh_user_free(&user);
	return answer;
}

void nsh_policy_answers_free(struct nsh_policy_answers *answers)
{
	for (size_t i = 0; i < answers->count; i++)
		free(answers->at[i].files);
	free(answers->at);
	*answers = (struct nsh_policy_answers){0};
}

/* Of the same files the same policy is made. */
static void compare(struct nsh_policy_age *age, const struct answer *answer, const char *then)
{
	age->state = answer->state;
	snprintf(age->reason, sizeof(age->reason), "%s", answer->reason);
	if (!answer->files)
		return;
	age->state = strcmp(then, answer->files) ? NSH_POLICY_CHANGED : NSH_POLICY_CURRENT;
	if (age->state == NSH_POLICY_CHANGED)
		return;
	age->lifetime = answer->lifetime;
	age->runtime_ms = answer->runtime_ms;
}

int nsh_policy_age_find(struct nsh_policy_age *age, const struct nsh_live *live,
			struct nsh_policy_answers *answers)
{
	const struct answer *answer;
	int ret;

	*age = (struct nsh_policy_age){.state = NSH_POLICY_UNKNOWN, .lifetime = -1};
	if (!live->files || (live->framed && !(live->service && live->source))) {
		snprintf(age->reason, sizeof(age->reason),
			 "the session does not say what its policy was made of");
		return 0;
	}
	/* User id 0 is never confined: it is what [identity] uid = root shows inside. */
	if (!live->framed && live->uid == 0) {
		snprintf(age->reason, sizeof(age->reason), "the session does not say whose it is");
		return 0;
	}
	answer = resolve(answers, live);
	if (!answer)
		return -ENOMEM;
	compare(age, answer, live->files);
	ret = add_then(age, live->files, answer->files);
	return ret == 0 && answer->files ? add_now(age, answer->files) : ret;
}

void nsh_policy_age_free(struct nsh_policy_age *age)
{
	for (size_t i = 0; i < age->n_files; i++)
		free(age->files[i].path);
	free(age->files);
	*age = (struct nsh_policy_age){0};
}
