/* SPDX-License-Identifier: MIT */
/*
 * Whether a session's policy is still the one that its user would get.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/account.h"
#include "ctl/live_policy.h"
#include "nsshell/cleanup.h"
#include "nsshell/field.h"
#include "nsshell/policy.h"
#include "nsshell/size.h"

#ifndef NSH_POLICY_FOLDER
#define NSH_POLICY_FOLDER "/etc/nsshell"
#endif

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

/* Inside a session root's files are those of whom "/" is: its user id is not mapped there. */
static uid_t root_here(void)
{
	struct stat st;

	return stat("/", &st) == 0 ? st.st_uid : 0;
}

/* Of the same files the same policy is made. */
static void take_terms(struct nsh_policy_age *age, const struct nsh_policy *policy,
		       const struct nsh_live *live, const char *files)
{
	if (!files || strcmp(files, live->files) != 0)
		return;
	age->lifetime = nsh_policy_number(policy, NSH_KEY_SESSION_LIFETIME);
	age->runtime_ms = nsh_time_of(nsh_policy_text(policy, NSH_KEY_SESSION_RUNTIME_MAX));
}

/* Those of a login now, or NULL with the state and its reason set. */
static char *resolve(struct nsh_policy_age *age, const struct nsh_live *live)
{
	struct nsh_place place = {.folder = NSH_POLICY_FOLDER, .owner = root_here()};
	struct nsh_login login = {.service = live->service, .source = live->source};
	struct nsh_policy policy;
	struct nsh_user user;
	struct nsh_err err;
	char *text = NULL;
	size_t len;

	if (nsh_account_find(&user, live->user, &err) < 0) {
		snprintf(age->reason, sizeof(age->reason), "%s", err.text);
		return NULL;
	}
	if (nsh_policy_load(&policy, &place, &user, live->source ? &login : NULL, &err) == 0) {
		text = nsh_policy_write_files(&policy, &len);
		take_terms(age, &policy, live, text);
		nsh_policy_free(&policy);
	} else {
		age->state =
			err.reason == NSH_REASON_POLICY ? NSH_POLICY_INVALID : NSH_POLICY_UNKNOWN;
		snprintf(age->reason, sizeof(age->reason), "%s", err.text);
	}
	nsh_user_free(&user);
	return text;
}

int nsh_policy_age_find(struct nsh_policy_age *age, const struct nsh_live *live)
{
	NSH_FREE char *now = NULL;
	int ret;

	*age = (struct nsh_policy_age){.state = NSH_POLICY_UNKNOWN, .lifetime = -1};
	if (!live->files || (live->framed && !(live->service && live->source))) {
		snprintf(age->reason, sizeof(age->reason),
			 "the session does not say what its policy was made of");
		return 0;
	}
	now = resolve(age, live);
	ret = add_then(age, live->files, now);
	if (ret == 0 && now)
		ret = add_now(age, now);
	if (now)
		age->state = strcmp(live->files, now) ? NSH_POLICY_CHANGED : NSH_POLICY_CURRENT;
	return ret;
}

void nsh_policy_age_free(struct nsh_policy_age *age)
{
	for (size_t i = 0; i < age->n_files; i++)
		free(age->files[i].path);
	free(age->files);
	*age = (struct nsh_policy_age){0};
}
