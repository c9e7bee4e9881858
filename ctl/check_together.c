/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl check: what the files come to when they are laid one over another.
 *
 * That is different for each user. It is looked at for somebody who has no file of their own and is in no list, and
 * for everybody who has one. The login is one over ssh from this machine. Of keys that need others it is looked at for
 * each file of match.d too, alone on top of what is for everybody.
 */
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/account.h"
#include "ctl/check.h"
#include "nsshell/item.h"
#include "nsshell/list.h"
#include "nsshell/plan.h"

struct lock {
	const struct nsh_check_file *file;
	unsigned line;
};

static void say_locked(struct nsh_check *check, const struct nsh_complaint *where, const char *file,
		       unsigned line)
{
	nsh_finding_add(&check->findings, NSH_LEVEL_WARNING, where,
			"does not count: %s:%u has it locked", file, line);
}

static bool is_of_user(const struct nsh_check *check, const char *path)
{
	for (size_t i = 0; i < check->n_files; i++)
		if (check->files[i].place == NSH_CHECK_USER && !strcmp(check->files[i].path, path))
			return true;
	return false;
}

/* What is locked in files of match.d is another matter for each user, and told by the files' own order. */
static void take_setting(void *data, const struct nsh_seen *seen)
{
	struct nsh_check *check = data;
	const struct nsh_complaint where = {.file = seen->file,
					    .line = seen->line,
					    .section = nsh_keys[seen->id].section,
					    .key = nsh_keys[seen->id].key};

	if (seen->lock_file && is_of_user(check, seen->file))
		say_locked(check, &where, seen->lock_file, seen->lock_line);
}

static void take_complaint(void *data, const struct nsh_complaint *complaint)
{
	struct nsh_check *check = data;

	nsh_finding_take(&check->findings, complaint);
}

int nsh_check_resolve(const struct nsh_check *check, const struct nsh_user *user,
		      const struct nsh_observer *observer, struct nsh_policy *policy)
{
	const struct nsh_place place = {
		.folder = check->folder, .owner = check->owner, .observer = observer};
	struct nsh_err err;

	return nsh_policy_load(policy, &place, user, &nsh_account_login, &err);
}

/* The path of the session that an item of a list of [view] names, or false. */
static bool path_of(enum nsh_key_id id, struct nsh_item *item, char path[PATH_MAX])
{
	struct nsh_bind bind;

	if (id == NSH_KEY_VIEW_BIND) {
		if (!nsh_bind_parse(&bind, item))
			return false;
		*item = bind.target;
	}
	nsh_item_is_optional(item);
	snprintf(path, PATH_MAX, "%.*s", (int)item->len, item->text);
	return true;
}

/* Paths as they are written: a link that leads to such a place is found at the login. */
static void check_own_places(struct nsh_check *check, const struct nsh_policy *policy,
			     const struct nsh_user *user, enum nsh_key_id id)
{
	const struct nsh_setting *setting = &policy->settings[id];
	const struct nsh_complaint where = {.file = setting->file,
					    .line = setting->line,
					    .section = nsh_keys[id].section,
					    .key = nsh_keys[id].key};
	const char *list = nsh_policy_text(policy, id);
	struct nsh_item item;
	char path[PATH_MAX];

	while (setting->file && nsh_list_next(&list, &item)) {
		const char *why = path_of(id, &item, path)
					  ? nsh_plan_own_place(policy, id, path, user->name)
					  : NULL;

		if (why && !nsh_finding_has(&check->findings, where.file, where.line, where.key))
			nsh_finding_add(&check->findings, NSH_LEVEL_ERROR, &where, "%s: %s", path,
					why);
	}
}

static void check_view(struct nsh_check *check, const struct nsh_policy *policy,
		       const struct nsh_user *user)
{
	static const enum nsh_key_id ids[] = {NSH_KEY_VIEW_READ_ONLY, NSH_KEY_VIEW_WRITABLE,
					      NSH_KEY_VIEW_BIND};

	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++)
		check_own_places(check, policy, user, ids[i]);
}

/* Takes down what is wrong. */
static void resolve(struct nsh_check *check, const struct nsh_user *user)
{
	const struct nsh_observer observer = {
		.data = check, .complaint = take_complaint, .setting = take_setting};
	struct nsh_policy policy;
	int ret = nsh_check_resolve(check, user, &observer, &policy);

	if (ret == 0) {
		check_view(check, &policy, user);
		nsh_policy_free(&policy);
	} else if (ret == -ENOMEM) {
		check->findings.failed = true;
	}
}

bool nsh_check_account(const struct nsh_check_file *file, struct nsh_user *user)
{
	size_t len = strlen(file->name) - strlen(".conf");
	struct nsh_err err;
	char name[256];

	if (len >= sizeof(name))
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)len, file->name);
	if (!getpwnam(name) || nsh_account_find(user, name, &err) < 0)
		return false;
	if (!strcmp(user->name, name))
		return true;
	nsh_user_free(user);
	return false;
}

/* The account of users.d/NAME.conf; of that name and in no group when there is none, or none is asked for. */
static void resolve_owner(struct nsh_check *check, const struct nsh_check_file *file)
{
	struct nsh_user user;

	if (check->owner == NSH_OWNER_ANY || !nsh_check_account(file, &user)) {
		user = (struct nsh_user){.uid = (uid_t)-1, .gid = (gid_t)-1};
		user.name = strndup(file->name, strlen(file->name) - strlen(".conf"));
	}
	if (user.name)
		resolve(check, &user);
	nsh_user_free(&user);
}

/* Nobody can be called like that, nor can a file. */
static void resolve_nobody(struct nsh_check *check)
{
	char name[300];
	struct nsh_user user = {.uid = (uid_t)-1, .gid = (gid_t)-1, .name = name};

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	resolve(check, &user);
}

static bool is_everybody(const struct nsh_check_file *file)
{
	static const enum nsh_key_id ids[] = {NSH_KEY_MATCH_USER, NSH_KEY_MATCH_GROUP,
					      NSH_KEY_MATCH_SERVICE, NSH_KEY_MATCH_SOURCE};
	bool named = file->place == NSH_CHECK_MAIN;

	if (file->place == NSH_CHECK_USER)
		return false;
	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		const char *text = file->values[ids[i]].text;

		if (text && strcmp(text, "*") != 0)
			return false;
		named |= text != NULL;
	}
	return named;
}

static void lock(struct lock locks[NSH_KEY_COUNT], const struct nsh_check_file *file)
{
	const char *list = file->values[NSH_KEY_POLICY_LOCKED].text;
	struct nsh_item item;

	if (locks[NSH_KEY_POLICY_LOCKED].file)
		return;
	while (nsh_list_next(&list, &item)) {
		const struct nsh_key *key = nsh_key_of_item(&item);

		if (key && !locks[key->id].file)
			locks[key->id] =
				(struct lock){file, file->values[NSH_KEY_POLICY_LOCKED].line};
	}
}

/* What nsshell.conf, and files of match.d that are for everybody, have locked, no later one of match.d can set. */
static void check_locks(struct nsh_check *check)
{
	struct lock locks[NSH_KEY_COUNT] = {0};

	for (size_t i = 0; i < check->n_files; i++) {
		const struct nsh_check_file *file = &check->files[i];

		for (int id = 0; id < NSH_KEY_COUNT && file->place == NSH_CHECK_MATCH; id++)
			if (file->values[id].text && locks[id].file)
				nsh_check_say(check, NSH_LEVEL_WARNING, file, (enum nsh_key_id)id,
					      "does not count: %s:%u has it locked",
					      locks[id].file->path, locks[id].line);
		if (is_everybody(file))
			lock(locks, file);
	}
}

/* The value of a key, and which file has it; NULL for the default. */
struct laid {
	const struct nsh_check_file *file;
	const char *text;
};

/* What is for everybody, and one file more, or NULL. */
static void lay(const struct nsh_check *check, const struct nsh_check_file *more,
		struct laid laid[NSH_KEY_COUNT])
{
	struct lock locks[NSH_KEY_COUNT] = {0};

	for (int id = 0; id < NSH_KEY_COUNT; id++)
		laid[id] = (struct laid){.text = nsh_keys[id].preset};
	for (size_t i = 0; i < check->n_files; i++) {
		const struct nsh_check_file *file = &check->files[i];

		if (file != more && !is_everybody(file))
			continue;
		for (int id = 0; id < NSH_KEY_COUNT; id++)
			if (file->values[id].text && !locks[id].file)
				laid[id] = (struct laid){file, file->values[id].text};
		lock(locks, file);
	}
}

static bool fails(const struct nsh_key_need *need, const struct laid laid[NSH_KEY_COUNT])
{
	return nsh_key_need_fails(need, laid[need->id].text, laid[need->other].text);
}

/* Whether who has the one file can have the other, of which that is not known of everybody. */
static bool may_meet(const struct nsh_check_file *file, const struct nsh_check_file *other)
{
	const char *users = file->values[NSH_KEY_MATCH_USER].text;
	size_t len = strlen(other->name) - strlen(".conf");
	struct nsh_item item;

	if (other->place != NSH_CHECK_USER)
		return other != file && !is_everybody(other);
	while (nsh_list_next(&users, &item))
		if (item.len == len && !memcmp(item.text, other->name, len))
			return true;
	return false;
}

static bool may_mend(const struct nsh_check_file *file, const struct nsh_key_need *need)
{
	const char *text = file->values[need->id].text;
	const char *other = file->values[need->other].text;

	return (text && !strcmp(text, need->harmless)) || (other && !strcmp(other, need->value));
}

static bool may_be_mended(const struct nsh_check *check, const struct nsh_check_file *file,
			  const struct nsh_key_need *need)
{
	for (size_t i = 0; i < check->n_files; i++)
		if (may_meet(file, &check->files[i]) && may_mend(&check->files[i], need))
			return true;
	return false;
}

/* At what the file says, which is one of the two, or both. */
static void say_need(struct nsh_check *check, const struct nsh_check_file *file,
		     const struct nsh_key_need *need, const struct laid *needing)
{
	const struct nsh_key *key = &nsh_keys[need->id];
	const struct nsh_key *other = &nsh_keys[need->other];

	if (needing->file == file)
		nsh_check_say(check, NSH_LEVEL_ERROR, file, need->id, "needs %s.%s = %s",
			      other->section, other->key, need->value);
	else
		nsh_check_say(check, NSH_LEVEL_ERROR, file, need->other,
			      "%s.%s of %s:%u needs %s.%s = %s", key->section, key->key,
			      needing->file->path, needing->file->values[need->id].line,
			      other->section, other->key, need->value);
}

/* Everybody whom such a file is for is refused, unless another one is for them too that makes up for it. */
static void check_needs(struct nsh_check *check, const struct laid everybodys[NSH_KEY_COUNT],
			const struct nsh_check_file *file)
{
	struct laid laid[NSH_KEY_COUNT];

	if (file->place != NSH_CHECK_MATCH || is_everybody(file))
		return;
	lay(check, file, laid);
	for (size_t i = 0; i < NSH_KEY_NEEDS; i++) {
		const struct nsh_key_need *need = &nsh_key_needs[i];

		if (fails(need, laid) && !fails(need, everybodys) &&
		    !may_be_mended(check, file, need))
			say_need(check, file, need, &laid[need->id]);
	}
}

/* Who is left alone and has nsshell has no frame, in which nsshell would see what the file is for. */
static void check_left_alone(struct nsh_check *check, const struct nsh_check_file *file)
{
	const char *confine = file->values[NSH_KEY_SESSION_CONFINE].text;
	const char *by = file->values[NSH_KEY_MATCH_SERVICE].text  ? "service"
			 : file->values[NSH_KEY_MATCH_SOURCE].text ? "source"
								   : NULL;

	if (by && confine && !strcmp(confine, "no"))
		nsh_check_say(
			check, NSH_LEVEL_WARNING, file, NSH_KEY_SESSION_CONFINE,
			"an account whose login shell is nsshell is refused by this, as nsshell "
			"cannot see match.%s then",
			by);
}

void nsh_check_together(struct nsh_check *check)
{
	struct laid everybodys[NSH_KEY_COUNT];

	resolve_nobody(check);
	for (size_t i = 0; i < check->n_files; i++)
		if (check->files[i].place == NSH_CHECK_USER)
			resolve_owner(check, &check->files[i]);
	check_locks(check);
	lay(check, NULL, everybodys);
	for (size_t i = 0; i < check->n_files; i++) {
		check_needs(check, everybodys, &check->files[i]);
		check_left_alone(check, &check->files[i]);
	}
}
