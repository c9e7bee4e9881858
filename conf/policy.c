/* SPDX-License-Identifier: MIT */
/*
 * From policy files to the policy of one user: which files, in which order, and what overrides what.
 *
 * Each file is first made into a layer (conf/layer.c) and only then laid over what the earlier files said.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/file.h"
#include "conf/layer.h"
#include "conf/match.h"
#include "conf/report.h"
#include "conf/setting.h"
#include "conf/value.h"
#include "nsshell/cleanup.h"
#include "nsshell/folder.h"
#include "nsshell/list.h"
#include "nsshell/policy.h"

/* Which file and line had a key locked first; no file when it is not. */
struct lock {
	const char *file; /* owned by the policy */
	unsigned line;
};

/* What a file asks for and cannot be told of the login. */
struct unknown {
	char *path; /* owned */
	unsigned line;
	enum nsh_key_id id;
};

struct loader {
	struct nsh_policy *policy;
	const struct nsh_place *place;
	const struct nsh_user *user;   /* NULL for a resolved policy */
	const struct nsh_login *login; /* NULL without PAM */
	struct nsh_report report;
	struct lock locks[NSH_KEY_COUNT];
	struct unknown *unknown; /* owned */
	size_t n_unknown;
};

/* Reports an error of a file, or of a folder, as a whole: its name is in the text. */
static int report_file(struct loader *loader, int code, const char *path)
{
	return nsh_report(&loader->report, code, &(struct nsh_complaint){.file = path});
}

static int report_key(struct loader *loader, int code, enum nsh_key_id id, const char *path,
		      unsigned line)
{
	return nsh_report(&loader->report, code,
			  &(struct nsh_complaint){.file = path,
						  .line = line,
						  .section = nsh_keys[id].section,
						  .key = nsh_keys[id].key});
}

/* Whether the file could have a say in it that somebody is not confined, and what then runs. */
static bool is_for_the_unconfined(const struct nsh_layer *layer)
{
	static const enum nsh_key_id ids[] = {NSH_KEY_POLICY_LOCKED, NSH_KEY_SESSION_CONFINE,
					      NSH_KEY_SHELL_PROGRAM};

	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++)
		if (layer->values[ids[i]].text)
			return true;
	return false;
}

static int report_unknown(struct loader *loader, const struct unknown *unknown)
{
	int ret = nsh_err_set(loader->report.err, NSH_REASON_POLICY, -EPERM,
			      "cannot be told for a login without the PAM module");

	return report_key(loader, ret, unknown->id, unknown->path, unknown->line);
}

/*
 * What only PAM tells cannot be guessed: the file could be what confines the user. Where without it confine = no, it does
 * not matter.
 */
static int needs_pam(struct loader *loader, const struct nsh_layer *layer, enum nsh_key_id id,
		     const char *path)
{
	struct unknown unknown = {.path = (char *)path, .line = layer->values[id].line, .id = id};
	struct unknown *grown;

	if (is_for_the_unconfined(layer))
		return report_unknown(loader, &unknown);
	grown = reallocarray(loader->unknown, loader->n_unknown + 1, sizeof(*grown));
	unknown.path = strdup(path);
	if (grown)
		loader->unknown = grown;
	if (!grown || !unknown.path) {
		free(unknown.path);
		return nsh_err_sys(loader->report.err, NSH_REASON_MACHINE, -ENOMEM, "%s", path);
	}
	loader->unknown[loader->n_unknown++] = unknown;
	return 0;
}

static int check_known(struct loader *loader)
{
	bool confines =
		nsh_policy_number(loader->policy, NSH_KEY_SESSION_CONFINE) != NSH_CONFINE_NO;
	int ret = 0;

	for (size_t i = 0; i < loader->n_unknown && confines && ret == 0; i++)
		ret = report_unknown(loader, &loader->unknown[i]);
	return ret;
}

static void forget_unknown(struct loader *loader)
{
	for (size_t i = 0; i < loader->n_unknown; i++)
		free(loader->unknown[i].path);
	free(loader->unknown);
}

static int source_matches(struct loader *loader, const struct nsh_layer *layer, const char *sources,
			  const char *path)
{
	int ret = nsh_match_source(sources, loader->login->source, loader->report.err);

	return ret >= 0 ? ret
			: report_key(loader, ret, NSH_KEY_MATCH_SOURCE, path,
				     layer->values[NSH_KEY_MATCH_SOURCE].line);
}

static int login_matches(struct loader *loader, const struct nsh_layer *layer, const char *path)
{
	const char *services = layer->values[NSH_KEY_MATCH_SERVICE].text;
	const char *sources = layer->values[NSH_KEY_MATCH_SOURCE].text;

	if (!loader->login && services)
		return needs_pam(loader, layer, NSH_KEY_MATCH_SERVICE, path);
	if (!loader->login && sources)
		return needs_pam(loader, layer, NSH_KEY_MATCH_SOURCE, path);
	if (services && !nsh_match_service(services, loader->login->service))
		return 0;
	return sources ? source_matches(loader, layer, sources, path) : 1;
}

static int group_matches(struct loader *loader, const struct nsh_layer *layer, const char *groups,
			 const char *path)
{
	int ret = nsh_match_group(groups, loader->user, loader->report.err);

	return ret >= 0 ? ret
			: report_key(loader, ret, NSH_KEY_MATCH_GROUP, path,
				     layer->values[NSH_KEY_MATCH_GROUP].line);
}

/* Returns 1 when the layer is for the user and the login, 0 when not, or -errno. */
static int layer_matches(struct loader *loader, const struct nsh_layer *layer, const char *path)
{
	const char *users = layer->values[NSH_KEY_MATCH_USER].text;
	const char *groups = layer->values[NSH_KEY_MATCH_GROUP].text;
	int ret = 1;

	if (users && !nsh_match_user(users, loader->user))
		return 0;
	if (groups)
		ret = group_matches(loader, layer, groups, path);
	return ret == 1 ? login_matches(loader, layer, path) : ret;
}

static const char *remember_file(struct nsh_policy *policy, const char *path,
				 const struct nsh_stamp *stamp)
{
	size_t count = policy->n_files + 1;
	char **files = reallocarray(policy->files, count, sizeof(*files));
	struct nsh_stamp *stamps = reallocarray(policy->stamps, count, sizeof(*stamps));
	char *copy = strdup(path);

	if (files)
		policy->files = files;
	if (stamps)
		policy->stamps = stamps;
	if (!files || !stamps || !copy) {
		free(copy);
		return NULL;
	}
	policy->stamps[policy->n_files] = *stamp;
	policy->files[policy->n_files++] = copy;
	return copy;
}

int nsh_setting_set(struct nsh_setting *setting, const char *text, int number, const char *file,
		    unsigned line)
{
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	free(setting->text);
	*setting = (struct nsh_setting){.text = copy, .number = number, .file = file, .line = line};
	return 0;
}

static void lock_keys(struct loader *loader, const char *list, const struct lock *lock)
{
	struct nsh_item item;

	while (nsh_list_next(&list, &item)) {
		const struct nsh_key *key = nsh_key_of_item(&item);

		if (key && !loader->locks[key->id].file)
			loader->locks[key->id] = *lock;
	}
}

static void tell_setting(const struct nsh_observer *observer, const struct nsh_layer *layer, int id,
			 const char *file, const struct lock *lock)
{
	const struct nsh_seen seen = {
		.id = (enum nsh_key_id)id,
		.text = layer->values[id].text,
		.file = file,
		.line = layer->values[id].line,
		.lock_file = lock->file,
		.lock_line = lock->line,
	};

	if (observer)
		observer->setting(observer->data, &seen);
}

static int apply_key(struct loader *loader, const struct nsh_layer *layer, int id, const char *file)
{
	tell_setting(loader->report.observer, layer, id, file, &loader->locks[id]);
	if (loader->locks[id].file)
		return 0;
	return nsh_setting_set(&loader->policy->settings[id], layer->values[id].text,
			       layer->values[id].number, file, layer->values[id].line);
}

static int apply_layer(struct loader *loader, const struct nsh_layer *layer, const char *path)
{
	const char *file = remember_file(loader->policy, path, &layer->file.stamp);
	const char *locked = layer->values[NSH_KEY_POLICY_LOCKED].text;
	struct lock lock = {.file = file, .line = layer->values[NSH_KEY_POLICY_LOCKED].line};
	int ret = file ? 0 : -ENOMEM;

	for (int i = 0; i < NSH_KEY_COUNT && ret == 0; i++)
		if (layer->values[i].text && !nsh_key_is_match(&nsh_keys[i]))
			ret = apply_key(loader, layer, i, file);
	if (ret < 0)
		return nsh_err_sys(loader->report.err, NSH_REASON_MACHINE, ret, "%s", path);
	if (locked && !loader->locks[NSH_KEY_POLICY_LOCKED].file)
		lock_keys(loader, locked, &lock);
	return 0;
}

static int confirm_and_apply(struct loader *loader, struct nsh_layer *layer, const char *path)
{
	int ret = nsh_layer_confirm(layer, path, &loader->report);

	return ret < 0 ? ret : apply_layer(loader, layer, path);
}

static int apply_file_of(struct loader *loader, int dirfd, const char *name, uid_t owner,
			 enum nsh_file_kind kind, const char *path)
{
	struct nsh_layer layer;
	int ret = nsh_layer_read(&layer, dirfd, name, path, owner, kind, &loader->report);

	if (ret < 0)
		return ret;
	if (layer.doubtful)
		ret = 0;
	else
		ret = kind == NSH_FILE_MATCH ? layer_matches(loader, &layer, path) : 1;
	if (ret == 1)
		ret = confirm_and_apply(loader, &layer, path);
	nsh_layer_free(&layer);
	return ret;
}

/* Returns -ENOENT when there is no such file. path is the full path, its end the name below dirfd. */
static int apply_file(struct loader *loader, int dirfd, const char *name, enum nsh_file_kind kind,
		      const char *path)
{
	return apply_file_of(loader, dirfd, name, loader->place->owner, kind, path);
}

/* The same for one that has to be there. */
static int apply_needed(struct loader *loader, int dirfd, const char *name, enum nsh_file_kind kind,
			const char *path)
{
	int ret = apply_file(loader, dirfd, name, kind, path);

	return ret == -ENOENT ? report_file(loader, ret, path) : ret;
}

static bool is_conf(const char *name)
{
	size_t len = strlen(name);

	return name[0] != '.' && len > 5 && !strcmp(name + len - 5, ".conf");
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct names {
	char **at; /* owned, with what it holds */
	size_t count;
};

static int add_name(const char *name, void *data)
{
	struct names *names = data;
	char **grown;

	if (!is_conf(name))
		return 0;
	grown = reallocarray(names->at, names->count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	names->at = grown;
	names->at[names->count] = strdup(name);
	return names->at[names->count++] ? 0 : -ENOMEM;
}

static int apply_names(struct loader *loader, int dirfd, const struct names *names)
{
	char path[PATH_MAX];
	size_t len;
	int ret = 0;

	if (names->count)
		qsort(names->at, names->count, sizeof(*names->at), by_name);
	snprintf(path, sizeof(path), "%s/match.d/", loader->place->folder);
	len = strlen(path);
	for (size_t i = 0; i < names->count && ret == 0; i++) {
		snprintf(path + len, sizeof(path) - len, "%s", names->at[i]);
		ret = apply_needed(loader, dirfd, names->at[i], NSH_FILE_MATCH, path);
	}
	return ret;
}

static int failed_folder(struct loader *loader, int code)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/match.d", loader->place->folder);
	nsh_err_sys(loader->report.err, NSH_REASON_POLICY, code, "%s", path);
	return report_file(loader, code, path);
}

static int apply_match_files(struct loader *loader, int fd)
{
	struct names names = {0};
	int ret = nsh_folder_each(fd, add_name, &names);

	ret = ret < 0 ? failed_folder(loader, ret) : apply_names(loader, fd, &names);
	for (size_t i = 0; i < names.count; i++)
		free(names.at[i]);
	free(names.at);
	return ret;
}

/*
 * Opens a folder: *fd is -1 when there is none, which is for the caller to judge. What an observer is told is not
 * to be trusted is looked into all the same.
 */
static int open_folder(struct loader *loader, int dirfd, const char *name, const char *path,
		       int *fd)
{
	struct nsh_err *err = loader->report.err;
	int ret = nsh_folder_open(dirfd, name, loader->place->owner, path, err);

	*fd = ret;
	if (ret >= 0 || ret == -ENOENT)
		return ret < 0 ? ret : 0;
	ret = report_file(loader, ret, path);
	if (ret == 0)
		*fd = nsh_folder_open(dirfd, name, NSH_OWNER_ANY, path, err);
	return ret;
}

/* Opens a folder that may be missing: then *fd is -1. */
static int open_subfolder(struct loader *loader, int dirfd, const char *name, int *fd)
{
	char path[PATH_MAX];
	int ret;

	snprintf(path, sizeof(path), "%s/%s", loader->place->folder, name);
	ret = open_folder(loader, dirfd, name, path, fd);
	return ret == -ENOENT ? 0 : ret;
}

static int apply_match_folder(struct loader *loader, int dirfd)
{
	NSH_CLOSE int fd = -1;
	int ret = open_subfolder(loader, dirfd, "match.d", &fd);

	return ret < 0 || fd < 0 ? ret : apply_match_files(loader, fd);
}

static int apply_user_file(struct loader *loader, int dirfd)
{
	const struct nsh_place *place = loader->place;
	NSH_CLOSE int fd = -1;
	char name[NAME_MAX + 1];
	char path[PATH_MAX];
	int ret;

	if (place->user_file) {
		ret = apply_file_of(loader, AT_FDCWD, place->user_file, place->user_file_owner,
				    NSH_FILE_COMMON, place->user_file);
		return ret == -ENOENT ? report_file(loader, ret, place->user_file) : ret;
	}
	ret = open_subfolder(loader, dirfd, "users.d", &fd);
	if (ret < 0 || fd < 0)
		return ret;
	if (snprintf(name, sizeof(name), "%s.conf", loader->user->name) >= (int)sizeof(name))
		return 0; /* no file can have that name */
	snprintf(path, sizeof(path), "%s/users.d/%s", loader->place->folder, name);
	ret = apply_file(loader, fd, name, NSH_FILE_COMMON, path);
	return ret == -ENOENT ? 0 : ret;
}

static int apply_below(struct loader *loader, int fd)
{
	char path[PATH_MAX];
	int ret;

	snprintf(path, sizeof(path), "%s/nsshell.conf", loader->place->folder);
	ret = apply_needed(loader, fd, "nsshell.conf", NSH_FILE_COMMON, path);
	if (ret == 0)
		ret = apply_match_folder(loader, fd);
	if (ret == 0)
		ret = apply_user_file(loader, fd);
	return ret;
}

static int apply_all(struct loader *loader)
{
	const char *folder = loader->place->folder;
	NSH_CLOSE int fd = -1;
	int ret = open_folder(loader, AT_FDCWD, folder, folder, &fd);

	if (ret == -ENOENT)
		return report_file(loader, ret, folder);
	return ret < 0 || fd < 0 ? ret : apply_below(loader, fd);
}

static int apply_presets(struct nsh_policy *policy, struct nsh_err *err)
{
	for (int i = 0; i < NSH_KEY_COUNT; i++) {
		int number;
		int ret = nsh_value_check(&nsh_keys[i], nsh_keys[i].preset, &number, err);

		if (ret == 0)
			ret = nsh_setting_set(&policy->settings[i], nsh_keys[i].preset, number,
					      NULL, 0);
		if (ret < 0)
			return nsh_err_set(err, NSH_REASON_MACHINE, ret, "default of %s.%s",
					   nsh_keys[i].section, nsh_keys[i].key);
	}
	return 0;
}

/* The key has a value that means nothing without that of another one. It is not the default. */
static int report_need(struct loader *loader, const struct nsh_key_need *need)
{
	const struct nsh_setting *setting = &loader->policy->settings[need->id];
	const struct nsh_key *other = &nsh_keys[need->other];
	int ret = nsh_err_set(loader->report.err, NSH_REASON_POLICY, -EINVAL, "needs %s.%s = %s",
			      other->section, other->key, need->value);

	return report_key(loader, ret, need->id, setting->file, setting->line);
}

/* What only means something together with another key. */
static int check_together(struct loader *loader)
{
	const struct nsh_policy *policy = loader->policy;
	int ret = 0;

	for (size_t i = 0; i < NSH_KEY_NEEDS && ret == 0; i++) {
		const struct nsh_key_need *need = &nsh_key_needs[i];

		if (nsh_key_need_fails(need, nsh_policy_text(policy, need->id),
				       nsh_policy_text(policy, need->other)))
			ret = report_need(loader, need);
	}
	return ret;
}

int nsh_policy_load(struct nsh_policy *policy, const struct nsh_place *place,
		    const struct nsh_user *user, const struct nsh_login *login, struct nsh_err *err)
{
	struct loader loader = {
		.policy = policy,
		.place = place,
		.user = user,
		.login = login,
		.report = {.observer = place->observer, .err = err},
	};
	int ret;

	*policy = (struct nsh_policy){0};
	ret = apply_presets(policy, err);
	if (ret == 0)
		ret = apply_all(&loader);
	if (ret == 0)
		ret = check_known(&loader);
	forget_unknown(&loader);
	if (ret == 0)
		ret = check_together(&loader);
	ret = nsh_report_end(&loader.report, ret);
	if (ret < 0)
		nsh_policy_free(policy);
	return ret;
}

static void tell_all(const struct nsh_observer *observer, const struct nsh_layer *layer,
		     const char *path)
{
	static const struct lock unlocked;

	for (int i = 0; i < NSH_KEY_COUNT; i++)
		if (layer->values[i].text)
			tell_setting(observer, layer, i, path, &unlocked);
}

int nsh_policy_check(const struct nsh_place *place, const char *path, enum nsh_file_kind kind,
		     struct nsh_err *err)
{
	struct nsh_report report = {.observer = place->observer, .err = err};
	struct nsh_layer layer;
	int ret = nsh_layer_read(&layer, AT_FDCWD, path, path, place->owner, kind, &report);

	if (ret == 0) {
		tell_all(place->observer, &layer, path);
		nsh_layer_free(&layer);
	}
	if (ret == -ENOENT)
		ret = nsh_report(&report, ret, &(struct nsh_complaint){.file = path});
	return nsh_report_end(&report, ret);
}

/* A policy that was written whole and is read with a part missing is not the one that was meant. */
static int check_whole(const struct nsh_policy *policy, const char *path, struct nsh_err *err)
{
	for (int i = 0; i < NSH_KEY_COUNT; i++)
		if (!policy->settings[i].file && !nsh_key_is_match(&nsh_keys[i]))
			return nsh_err_set(err, NSH_REASON_POLICY, -EINVAL,
					   "%s:1: %s.%s: is missing", path, nsh_keys[i].section,
					   nsh_keys[i].key);
	return 0;
}

int nsh_policy_load_resolved(struct nsh_policy *policy, const char *path, uid_t owner,
			     struct nsh_err *err)
{
	struct nsh_place place = {.owner = owner};
	struct loader loader = {.policy = policy, .place = &place, .report = {.err = err}};
	int ret;

	*policy = (struct nsh_policy){0};
	ret = apply_presets(policy, err);
	if (ret == 0)
		ret = apply_file(&loader, AT_FDCWD, path, NSH_FILE_RESOLVED, path);
	if (ret == 0)
		ret = check_whole(policy, path, err);
	if (ret < 0)
		nsh_policy_free(policy);
	return ret;
}
