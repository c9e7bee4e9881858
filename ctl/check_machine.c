/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl check: what a policy names and the machine has not, and who could not log in under it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ctl/account.h"
#include "ctl/check.h"
#include "nsshell/cleanup.h"
#include "nsshell/item.h"
#include "nsshell/login.h"
#include "nsshell/paths.h"
#include "nsshell/plan.h"
#include "nsshell/preview.h"

/* As many names as a warning tells. */
#define NAMES_MAX 3

#define ADMITS " (\"-\" before it admits that)"

/* Paths */

static bool has_other_root(const struct nsh_check_file *file)
{
	const char *root = file->values[NSH_KEY_VIEW_ROOT].text;

	return root && strcmp(root, "/") != 0;
}

/* Then shells and paths are looked up in there, and what there is is not told by the machine's own. */
static bool may_have_other_root(const struct nsh_check *check, const struct nsh_check_file *file)
{
	return has_other_root(file) ||
	       (check->files[0].place == NSH_CHECK_MAIN && has_other_root(&check->files[0]));
}

/*
 * Whether there is such a path: 1, or 0 when that cannot be told from here, or -errno. A user's folder is not looked
 * into: root would wait for a file system of the user's that does not answer.
 */
static int look_up(const char *path)
{
	char part[PATH_MAX];
	const char *end = path;

	while (*end) {
		struct statx stx;

		end += 1 + strcspn(end + 1, "/");
		snprintf(part, sizeof(part), "%.*s", (int)(end - path), path);
		if (statx(AT_FDCWD, part,
			  AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC,
			  STATX_TYPE | STATX_UID, &stx) < 0)
			return errno == ENOENT || errno == ENOTDIR ? -errno : 0;
		if (stx.stx_uid != 0)
			return !*end;
	}
	return 1;
}

/* The login would be refused. */
static void check_path(struct nsh_check *check, const struct nsh_check_file *file,
		       enum nsh_key_id id, const struct nsh_item *item, const char *advice)
{
	char path[PATH_MAX];
	int ret;

	snprintf(path, sizeof(path), "%.*s", (int)item->len, item->text);
	ret = look_up(path);
	if (ret < 0)
		nsh_check_say(check, NSH_LEVEL_ERROR, file, id, "%s: %s%s", path,
			      strerrordesc_np(-ret), advice);
}

static bool any_says(const struct nsh_check *check, enum nsh_key_id id, const char *value)
{
	for (size_t i = 0; i < check->n_files; i++) {
		const char *text = check->files[i].values[id].text;

		if (text && !strcmp(text, value))
			return true;
	}
	return false;
}

/* Without a value of its own it is that of nsshell.conf, or of any file that is for the same people. */
static bool may_have_own_tmp(const struct nsh_check *check, const struct nsh_check_file *file)
{
	const char *own = file->values[NSH_KEY_VIEW_TMP].text;

	if (own)
		return !strcmp(own, "private");
	return check->files[0].place != NSH_CHECK_MAIN ||
	       !check->files[0].values[NSH_KEY_VIEW_TMP].text ||
	       any_says(check, NSH_KEY_VIEW_TMP, "private");
}

/*
 * What covers others' homes, and /tmp and its like, is the session's own: there the place for a bind is made. Whoever has
 * the list may set these too.
 */
static bool may_be_made(const struct nsh_check *check, const struct nsh_check_file *file,
			const char *path)
{
	const char *tmp = nsh_plan_tmp_folder(path);

	if (tmp && may_have_own_tmp(check, file))
		return look_up(tmp) >= 0;
	if (nsh_account_is_below(nsh_keys[NSH_KEY_VIEW_HOMES].preset, path))
		return true;
	for (size_t i = 0; i < check->n_files; i++) {
		const char *homes = check->files[i].values[NSH_KEY_VIEW_HOMES].text;

		if (homes && nsh_account_is_below(homes, path))
			return true;
	}
	return false;
}

/* Where the first path is not there, and may be missing, the second is not looked for. */
static void check_bind(struct nsh_check *check, const struct nsh_check_file *file,
		       const struct nsh_item *item)
{
	struct nsh_bind bind;
	char path[PATH_MAX];

	if (!nsh_bind_parse(&bind, item))
		return;
	snprintf(path, sizeof(path), "%.*s", (int)bind.source.len, bind.source.text);
	if (bind.optional && look_up(path) < 0)
		return;
	if (!bind.optional)
		check_path(check, file, NSH_KEY_VIEW_BIND, &bind.source, ADMITS);
	snprintf(path, sizeof(path), "%.*s", (int)bind.target.len, bind.target.text);
	if (!may_have_other_root(check, file) && !may_be_made(check, file, path))
		check_path(check, file, NSH_KEY_VIEW_BIND, &bind.target,
			   ", and it is to be shown there (mkdir or touch makes the place)");
}

static void check_item(struct nsh_check *check, const struct nsh_check_file *file,
		       enum nsh_key_id id, const struct nsh_item *item)
{
	struct nsh_item path = *item;

	if (id == NSH_KEY_VIEW_BIND)
		check_bind(check, file, item);
	else if (!nsh_item_is(item, "system") && !nsh_item_is(item, "/") &&
		 !nsh_item_is_optional(&path))
		check_path(check, file, id, item, id == NSH_KEY_VIEW_ROOT ? "" : ADMITS);
}

/* What nsshellctl knows a session by is mounted on that folder, as far as a root has it. */
static void check_root(struct nsh_check *check, const struct nsh_check_file *file)
{
	const char *root = file->values[NSH_KEY_VIEW_ROOT].text;
	char path[2 * PATH_MAX];

	if (!has_other_root(file) || look_up(root) < 0)
		return;
	snprintf(path, sizeof(path), "%s%s", root, NSH_SESSION_FOLDER);
	if (look_up(path) < 0)
		nsh_check_say(check, NSH_LEVEL_WARNING, file, NSH_KEY_VIEW_ROOT,
			      "%s is not there: nsshellctl does not see what runs in that root",
			      path);
}

static void check_paths(struct nsh_check *check, const struct nsh_check_file *file)
{
	static const enum nsh_key_id ids[] = {NSH_KEY_VIEW_ROOT, NSH_KEY_VIEW_BIND,
					      NSH_KEY_VIEW_HIDE, NSH_KEY_VIEW_READ_ONLY,
					      NSH_KEY_VIEW_WRITABLE};
	size_t count = may_have_other_root(check, file) ? 2 : sizeof(ids) / sizeof(*ids);

	for (size_t i = 0; i < count; i++) {
		const char *list = file->values[ids[i]].text;
		struct nsh_item item;

		while (nsh_list_next(&list, &item))
			check_item(check, file, ids[i], &item);
	}
	check_root(check, file);
}

/* Shells */

/* Returns why a session cannot be had with the shell, or NULL. */
static const char *judge_program(const char *program)
{
	struct stat st;
	int ret = look_up(program);

	if (ret == 0)
		return NULL;
	if (ret < 0 || stat(program, &st) < 0)
		return strerrordesc_np(ret < 0 ? -ret : errno);
	if (!S_ISREG(st.st_mode) || !(st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)))
		return "cannot be executed";
	return nsh_account_has_nsshell(program) ? "is nsshell itself" : NULL;
}

static void check_program(struct nsh_check *check, const struct nsh_check_file *file)
{
	const char *program = file->values[NSH_KEY_SHELL_PROGRAM].text;
	const char *wrong;

	if (!program || may_have_other_root(check, file))
		return;
	wrong = judge_program(program);
	if (wrong)
		nsh_check_say(check, NSH_LEVEL_WARNING, file, NSH_KEY_SHELL_PROGRAM,
			      "%s: %s; there is no session then", program, wrong);
}

/* Login shells */

/* What a line of login.defs(5) says of an id, if it is the one of that name. */
static void read_uid(const char *line, const char *name, uid_t *uid)
{
	size_t len = strlen(name);
	char *end;
	unsigned long value;

	line += strspn(line, " \t");
	if (strncmp(line, name, len) != 0 || !line[len] || !strchr(" \t", line[len]))
		return;
	value = strtoul(line + len, &end, 10);
	if (end != line + len && value < (uid_t)-1)
		*uid = (uid_t)value;
}

/* The user ids of people. */
static void read_uids(uid_t *least, uid_t *most)
{
	FILE *in = fopen("/etc/login.defs", "re");
	NSH_FREE char *line = NULL;
	size_t room = 0;

	*least = 1000;
	*most = 60000;
	while (in && getline(&line, &room, in) > 0) {
		read_uid(line, "UID_MIN", least);
		read_uid(line, "UID_MAX", most);
	}
	if (in)
		fclose(in);
}

/* Accounts that one line of a policy keeps out. */
struct refused {
	char *file; /* owned */
	unsigned line;
	size_t count;
	char names[256];
};

struct refusals {
	struct refused *at; /* owned */
	size_t count;
};

/* What of all that says whether a login is confined counts: the last that is not locked. */
struct confine {
	bool yes;
	unsigned line;
	char file[PATH_MAX];
};

static void take_confine(void *data, const struct nsh_seen *seen)
{
	struct confine *confine = data;

	if (seen->id != NSH_KEY_SESSION_CONFINE || seen->lock_file)
		return;
	confine->yes = !strcmp(seen->text, "yes");
	confine->line = seen->line;
	snprintf(confine->file, sizeof(confine->file), "%s", seen->file);
}

static void ignore_complaint(void *data, const struct nsh_complaint *complaint)
{
	(void)data;
	(void)complaint;
}

static struct refused *find_refused(struct refusals *all, const struct confine *confine)
{
	struct refused *grown;

	for (size_t i = 0; i < all->count; i++)
		if (all->at[i].line == confine->line && !strcmp(all->at[i].file, confine->file))
			return &all->at[i];
	grown = reallocarray(all->at, all->count + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	all->at = grown;
	grown += all->count;
	*grown = (struct refused){.file = strdup(confine->file), .line = confine->line};
	if (!grown->file)
		return NULL;
	all->count++;
	return grown;
}

static void take_refused(struct refusals *all, const struct confine *confine, const char *name)
{
	struct refused *refused = find_refused(all, confine);
	size_t used;

	if (!refused || refused->count++ >= NAMES_MAX)
		return;
	used = strlen(refused->names);
	snprintf(refused->names + used, sizeof(refused->names) - used, "%s%.64s", used ? ", " : "",
		 name);
}

static bool has_file(const struct nsh_check *check, const char *name)
{
	for (size_t i = 0; i < check->n_files; i++)
		if (check->files[i].place == NSH_CHECK_USER &&
		    !strncmp(check->files[i].name, name, strlen(name)) &&
		    !strcmp(check->files[i].name + strlen(name), ".conf"))
			return true;
	return false;
}

struct people {
	uid_t *uids; /* owned */
	size_t count;
};

/* Those who could log in, with another shell than nsshell: people, and whoever has a file. */
static void list_people(const struct nsh_check *check, struct people *people)
{
	const struct passwd *account;
	uid_t least;
	uid_t most;

	read_uids(&least, &most);
	setpwent();
	while ((account = getpwent())) {
		bool is_person = account->pw_uid >= least && account->pw_uid <= most;
		uid_t *grown;

		if (account->pw_uid == 0 || (!is_person && !has_file(check, account->pw_name)) ||
		    nsh_login_kind(account->pw_shell) != NSH_LOGIN_OTHER)
			continue;
		grown = reallocarray(people->uids, people->count + 1, sizeof(*grown));
		if (!grown)
			break;
		people->uids = grown;
		grown[people->count++] = account->pw_uid;
	}
	endpwent();
}

static void say_refused(struct nsh_check *check, const struct refused *refused)
{
	const struct nsh_complaint where = {.file = refused->file,
					    .line = refused->line,
					    .section = "session",
					    .key = "confine"};
	bool one = refused->count == 1;

	nsh_finding_add(&check->findings, NSH_LEVEL_WARNING, &where,
			"%zu account%s whose login shell is not %s cannot log in: %s%s",
			refused->count, one ? "" : "s", NSH_SHELL_PATH, refused->names,
			refused->count > NAMES_MAX ? " and others" : "");
}

/* By what each of them would get, so that what another file makes of it counts; also under a policy with errors. */
static void judge_account(const struct nsh_check *check, struct refusals *all, uid_t uid)
{
	struct confine confine = {.yes = false};
	const struct nsh_observer observer = {
		.data = &confine, .complaint = ignore_complaint, .setting = take_confine};
	struct nsh_policy policy;
	struct nsh_user user;
	struct nsh_err err;

	if (nsh_account_of(&user, uid, &err) < 0)
		return;
	if (nsh_check_resolve(check, &user, &observer, &policy) == 0)
		nsh_policy_free(&policy);
	if (confine.yes)
		take_refused(all, &confine, user.name);
	nsh_user_free(&user);
}

static void check_login_shells(struct nsh_check *check)
{
	struct refusals all = {0};
	struct people people = {0};

	if (!any_says(check, NSH_KEY_SESSION_CONFINE, "yes"))
		return;
	list_people(check, &people);
	for (size_t i = 0; i < people.count; i++)
		judge_account(check, &all, people.uids[i]);
	for (size_t i = 0; i < all.count; i++) {
		say_refused(check, &all.at[i]);
		free(all.at[i].file);
	}
	free(all.at);
	free(people.uids);
}

/* Whole sessions */

/* Errors of a plan begin with the key whose value cannot be had. */
static const struct nsh_key *key_of(const char *text)
{
	const struct nsh_item name = {text, strcspn(text, ":")};

	return !strncmp(text + name.len, ": ", 2) ? nsh_key_of_item(&name) : NULL;
}

static void say_unplanned(struct nsh_check *check, const struct nsh_check_file *file,
			  const struct nsh_policy *policy, const struct nsh_user *user,
			  const char *text)
{
	const struct nsh_key *key = key_of(text);
	const struct nsh_setting *setting = key ? &policy->settings[key->id] : NULL;
	struct nsh_complaint where = {.file = file->path};

	if (setting && setting->file) {
		where = (struct nsh_complaint){.file = setting->file,
					       .line = setting->line,
					       .section = key->section,
					       .key = key->key};
		text += strlen(key->section) + strlen(key->key) + 3;
		if (nsh_finding_has(&check->findings, where.file, where.line, where.key))
			return;
	}
	nsh_finding_add(&check->findings, NSH_LEVEL_ERROR, &where, "for %s: %s", user->name, text);
}

static void plan(struct nsh_check *check, const struct nsh_check_file *file,
		 struct nsh_policy *policy, const struct nsh_user *user)
{
	enum nsh_form form = NSH_FORM_FRAMED;
	struct nsh_preview preview;
	struct nsh_err err;

	switch (nsh_login_decide(policy, user, &err)) {
	case NSH_DECIDED_OPEN:
	case NSH_DECIDED_REFUSED:
		return;
	case NSH_DECIDED_FRAME:
		form = NSH_FORM_FRAME;
		break;
	case NSH_DECIDED_NSSHELL:
		break;
	}
	if (nsh_preview_make(&preview, policy, user, form, &err) < 0)
		say_unplanned(check, file, policy, user, err.text);
	else
		nsh_preview_free(&preview);
}

/* What only the user's own view of the files shows: as root, who can have it. */
static void check_plan(struct nsh_check *check, const struct nsh_check_file *file)
{
	struct nsh_policy policy;
	struct nsh_user user;

	if (file->place != NSH_CHECK_USER || !nsh_account_am_root() ||
	    !nsh_check_account(file, &user))
		return;
	if (user.uid != 0 && nsh_check_resolve(check, &user, NULL, &policy) == 0) {
		plan(check, file, &policy, &user);
		nsh_policy_free(&policy);
	}
	nsh_user_free(&user);
}

void nsh_check_machine(struct nsh_check *check)
{
	for (size_t i = 0; i < check->n_files; i++) {
		check_paths(check, &check->files[i]);
		check_program(check, &check->files[i]);
	}
	check_login_shells(check);
	for (size_t i = 0; i < check->n_files; i++)
		check_plan(check, &check->files[i]);
}
