/* SPDX-License-Identifier: MIT */
/*
 * From policy files to the policy of one user.
 *
 * Each file is first made into a layer, every key of it checked, and only then laid over what the
 * earlier files said. A file that is for somebody else is checked all the same: an administrator's
 * mistake shows at once and not on the day that the right user logs in.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/file.h"
#include "conf/ini.h"
#include "conf/match.h"
#include "conf/scan.h"
#include "conf/value.h"
#include "nsshell/cleanup.h"
#include "nsshell/list.h"
#include "nsshell/policy.h"

/* What one file sets. Texts belong to the file's buffer. */
struct layer {
	struct {
		const char *text; /* NULL when the file does not set it */
		int number;
		unsigned line;
	} values[NSH_KEY_COUNT];
};

struct loader {
	struct nsh_policy *policy;
	const struct nsh_place *place;
	const struct nsh_user *user;   /* NULL for a resolved policy */
	const struct nsh_login *login; /* NULL without PAM */
	struct nsh_err *err;
	bool locked[NSH_KEY_COUNT];
};

/* A file's place in the order; what it may hold depends on it. */
enum kind { KIND_COMMON, KIND_MATCH };

static bool is_match_key(const struct nsh_key *key)
{
	return !strcmp(key->section, "match");
}

static int unknown_section(const char *section, struct nsh_err *err)
{
	for (int i = 0; i < NSH_KEY_COUNT; i++)
		if (!strcmp(nsh_keys[i].section, section))
			return 0;
	return nsh_err_set(err, NSH_REASON_POLICY, -EINVAL, "[%s]: unknown section", section);
}

static int unknown_key(const struct nsh_entry *entry, struct nsh_err *err)
{
	const struct nsh_key *nearest = nsh_key_nearest(entry->section, entry->key);

	if (!nearest)
		return nsh_err_set(err, NSH_REASON_POLICY, -EINVAL, "%s.%s: unknown key",
				   entry->section, entry->key);
	return nsh_err_set(err, NSH_REASON_POLICY, -EINVAL,
			   "%s.%s: unknown key, did you mean %s.%s?", entry->section, entry->key,
			   nearest->section, nearest->key);
}

static int take_key(struct layer *layer, const struct nsh_entry *entry, enum kind kind,
		    struct nsh_err *err)
{
	const struct nsh_key *key = nsh_key_find(entry->section, entry->key);
	int number;
	int ret;

	if (!key)
		return unknown_key(entry, err);
	if (is_match_key(key) && kind != KIND_MATCH)
		return nsh_err_set(err, NSH_REASON_POLICY, -EINVAL,
				   "%s.%s: is for files in match.d only", key->section, key->key);
	ret = nsh_value_check(key, entry->value, &number, err);
	if (ret < 0)
		return nsh_err_context(err, ret, "%s.%s", key->section, key->key);
	layer->values[key->id].text = entry->value;
	layer->values[key->id].number = number;
	layer->values[key->id].line = entry->line;
	return 0;
}

/* An unknown section with keys is reported at its first key, which may be known elsewhere. */
static int take_entry(struct layer *layer, const struct nsh_scan *scan, size_t i, enum kind kind,
		      struct nsh_err *err)
{
	const struct nsh_entry *entry = &scan->entries[i];
	bool has_keys = i + 1 < scan->count && scan->entries[i + 1].key;

	if (entry->key)
		return take_key(layer, entry, kind, err);
	return has_keys ? 0 : unknown_section(entry->section, err);
}

/* An empty list could be read as nobody and as everybody, so it is neither. */
static int check_match(const struct layer *layer, const char *path, struct nsh_err *err)
{
	static const enum nsh_key_id ids[] = {NSH_KEY_MATCH_USER, NSH_KEY_MATCH_GROUP,
					      NSH_KEY_MATCH_SERVICE, NSH_KEY_MATCH_SOURCE};
	bool found = false;

	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		const char *list = layer->values[ids[i]].text;

		found |= list != NULL;
		if (list && !*list)
			return nsh_err_set(err, NSH_REASON_POLICY, -EINVAL,
					   "%s:%u: %s.%s: the list is empty", path,
					   layer->values[ids[i]].line, nsh_keys[ids[i]].section,
					   nsh_keys[ids[i]].key);
	}
	if (found)
		return 0;
	return nsh_err_set(err, NSH_REASON_POLICY, -EINVAL,
			   "%s:1: has no [match] that says whom it is for", path);
}

static int take_entries(struct layer *layer, const struct nsh_scan *scan, enum kind kind,
			const char *path, struct nsh_err *err)
{
	for (size_t i = 0; i < scan->count; i++) {
		int ret = take_entry(layer, scan, i, kind, err);

		if (ret < 0)
			return nsh_err_context(err, ret, "%s:%u", path, scan->entries[i].line);
	}
	return kind == KIND_MATCH ? check_match(layer, path, err) : 0;
}

/* Scanning and confirming begin their texts with "LINE: ". */
static int at_path(struct nsh_err *err, int code, const char *path)
{
	char inner[NSH_ERR_MAX];

	memcpy(inner, err->text, sizeof(inner));
	return nsh_err_set(err, err->reason, code, "%s:%.900s", path, inner);
}

/* What only PAM tells cannot be guessed: the file could be what confines the user. */
static int needs_pam(const struct loader *loader, const struct layer *layer, enum nsh_key_id id,
		     const char *path)
{
	return nsh_err_set(loader->err, NSH_REASON_POLICY, -EPERM,
			   "%s:%u: %s.%s: cannot be told for a login without the PAM module", path,
			   layer->values[id].line, nsh_keys[id].section, nsh_keys[id].key);
}

static int login_matches(const struct loader *loader, const struct layer *layer, const char *path)
{
	const char *services = layer->values[NSH_KEY_MATCH_SERVICE].text;
	const char *sources = layer->values[NSH_KEY_MATCH_SOURCE].text;
	int ret;

	if (!loader->login && services)
		return needs_pam(loader, layer, NSH_KEY_MATCH_SERVICE, path);
	if (!loader->login && sources)
		return needs_pam(loader, layer, NSH_KEY_MATCH_SOURCE, path);
	if (services && !nsh_match_service(services, loader->login->service))
		return 0;
	if (!sources)
		return 1;
	ret = nsh_match_source(sources, loader->login->source, loader->err);
	if (ret < 0)
		nsh_err_context(loader->err, ret, "%s:%u: match.source", path,
				layer->values[NSH_KEY_MATCH_SOURCE].line);
	return ret;
}

/* Returns 1 when the layer is for the user and the login, 0 when not, or -errno. */
static int layer_matches(const struct loader *loader, const struct layer *layer, const char *path)
{
	const char *users = layer->values[NSH_KEY_MATCH_USER].text;
	const char *groups = layer->values[NSH_KEY_MATCH_GROUP].text;
	int ret = 1;

	if (users && !nsh_match_user(users, loader->user))
		return 0;
	if (groups)
		ret = nsh_match_group(groups, loader->user, loader->err);
	return ret == 1 ? login_matches(loader, layer, path) : ret;
}

static const char *remember_file(struct nsh_policy *policy, const char *path)
{
	char **grown = reallocarray(policy->files, policy->n_files + 1, sizeof(*grown));
	char *copy = strdup(path);

	if (grown)
		policy->files = grown;
	if (!grown || !copy) {
		free(copy);
		return NULL;
	}
	policy->files[policy->n_files++] = copy;
	return copy;
}

static int set(struct nsh_setting *setting, const char *text, int number, const char *file,
	       unsigned line)
{
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	free(setting->text);
	*setting = (struct nsh_setting){.text = copy, .number = number, .file = file, .line = line};
	return 0;
}

static void lock_keys(struct loader *loader, const char *list)
{
	struct nsh_item item;

	while (nsh_list_next(&list, &item)) {
		for (int i = 0; i < NSH_KEY_COUNT; i++) {
			size_t len = strlen(nsh_keys[i].section);

			if (item.len > len && !memcmp(item.text, nsh_keys[i].section, len) &&
			    item.text[len] == '.' &&
			    item.len - len - 1 == strlen(nsh_keys[i].key) &&
			    !memcmp(item.text + len + 1, nsh_keys[i].key, item.len - len - 1))
				loader->locked[i] = true;
		}
	}
}

static int apply_layer(struct loader *loader, const struct layer *layer, const char *path)
{
	const char *file = remember_file(loader->policy, path);
	const char *locked = layer->values[NSH_KEY_POLICY_LOCKED].text;
	int ret = file ? 0 : -ENOMEM;

	for (int i = 0; i < NSH_KEY_COUNT && ret == 0; i++)
		if (layer->values[i].text && !loader->locked[i] && !is_match_key(&nsh_keys[i]))
			ret = set(&loader->policy->settings[i], layer->values[i].text,
				  layer->values[i].number, file, layer->values[i].line);
	if (ret < 0)
		return nsh_err_sys(loader->err, NSH_REASON_MACHINE, ret, "%s", path);
	if (locked && !loader->locked[NSH_KEY_POLICY_LOCKED])
		lock_keys(loader, locked);
	return 0;
}

static int apply_text(struct loader *loader, struct nsh_file *file, enum kind kind,
		      const char *path)
{
	struct layer layer = {0};
	struct nsh_scan scan;
	int ret = nsh_scan(&scan, file->text, file->len, loader->err);

	if (ret < 0)
		return at_path(loader->err, ret, path);
	ret = nsh_ini_confirm(file->fd, &scan, loader->err);
	if (ret < 0)
		ret = at_path(loader->err, ret, path);
	else
		ret = take_entries(&layer, &scan, kind, path, loader->err);
	if (ret == 0 && kind == KIND_MATCH)
		ret = layer_matches(loader, &layer, path);
	else if (ret == 0)
		ret = 1;
	if (ret == 1)
		ret = apply_layer(loader, &layer, path);
	nsh_scan_free(&scan);
	return ret;
}

static int apply_file_of(struct loader *loader, int dirfd, const char *name, uid_t owner,
			 enum kind kind, const char *path)
{
	struct nsh_file file;
	int ret = nsh_file_read(&file, dirfd, name, owner, path, loader->err);

	if (ret < 0)
		return ret;
	ret = apply_text(loader, &file, kind, path);
	nsh_file_close(&file);
	return ret;
}

/* Returns -ENOENT when there is no such file. path is the full path, its end the name below dirfd. */
static int apply_file(struct loader *loader, int dirfd, const char *name, enum kind kind,
		      const char *path)
{
	return apply_file_of(loader, dirfd, name, loader->place->owner, kind, path);
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

static int apply_match_entry(struct loader *loader, int dirfd, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/match.d/%s", loader->place->folder, name);
	return apply_file(loader, dirfd, name, KIND_MATCH, path);
}

struct names {
	char **at; /* owned, with what it holds */
	size_t count;
};

static int add_name(struct names *names, const char *name)
{
	char **grown = reallocarray(names->at, names->count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	names->at = grown;
	names->at[names->count] = strdup(name);
	return names->at[names->count++] ? 0 : -ENOMEM;
}

static int list_conf_files(DIR *folder, struct names *names)
{
	const struct dirent *entry;
	int ret = 0;

	do {
		errno = 0; /* readdir(3) returns NULL for the end and for errors */
		entry = readdir(folder);
		if (!entry)
			return -errno;
		if (is_conf(entry->d_name))
			ret = add_name(names, entry->d_name);
	} while (ret == 0);
	return ret;
}

static int apply_names(struct loader *loader, int dirfd, const struct names *names)
{
	int ret = 0;

	if (names->count)
		qsort(names->at, names->count, sizeof(*names->at), by_name);
	for (size_t i = 0; i < names->count && ret == 0; i++)
		ret = apply_match_entry(loader, dirfd, names->at[i]);
	return ret;
}

/* Takes fd. */
static int apply_match_files(struct loader *loader, int fd)
{
	DIR *folder = fdopendir(fd);
	struct names names = {0};
	int ret = folder ? list_conf_files(folder, &names) : -errno;

	if (ret < 0)
		nsh_err_sys(loader->err, NSH_REASON_POLICY, ret, "%s/match.d",
			    loader->place->folder);
	else
		ret = apply_names(loader, fd, &names);
	for (size_t i = 0; i < names.count; i++)
		free(names.at[i]);
	free(names.at);
	if (folder)
		closedir(folder);
	else
		close(fd);
	return ret;
}

/* Opens a folder that may be missing: then *fd is -1. */
static int open_subfolder(struct loader *loader, int dirfd, const char *name, int *fd)
{
	char path[PATH_MAX];
	int ret;

	snprintf(path, sizeof(path), "%s/%s", loader->place->folder, name);
	ret = nsh_folder_open(dirfd, name, loader->place->owner, path, loader->err);
	*fd = ret < 0 ? -1 : ret;
	return ret < 0 && ret != -ENOENT ? ret : 0;
}

static int apply_match_folder(struct loader *loader, int dirfd)
{
	int fd = -1;
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

	if (place->user_file)
		return apply_file_of(loader, AT_FDCWD, place->user_file, place->user_file_owner,
				     KIND_COMMON, place->user_file);
	ret = open_subfolder(loader, dirfd, "users.d", &fd);
	if (ret < 0 || fd < 0)
		return ret;
	if (snprintf(name, sizeof(name), "%s.conf", loader->user->name) >= (int)sizeof(name))
		return 0; /* no file can have that name */
	snprintf(path, sizeof(path), "%s/users.d/%s", loader->place->folder, name);
	ret = apply_file(loader, fd, name, KIND_COMMON, path);
	return ret == -ENOENT ? 0 : ret;
}

static int apply_all(struct loader *loader)
{
	const struct nsh_place *place = loader->place;
	char path[PATH_MAX];
	NSH_CLOSE int fd =
		nsh_folder_open(AT_FDCWD, place->folder, place->owner, place->folder, loader->err);
	int ret;

	if (fd < 0)
		return fd;
	snprintf(path, sizeof(path), "%s/nsshell.conf", place->folder);
	ret = apply_file(loader, fd, "nsshell.conf", KIND_COMMON, path);
	if (ret == 0)
		ret = apply_match_folder(loader, fd);
	if (ret == 0)
		ret = apply_user_file(loader, fd);
	return ret;
}

static int apply_presets(struct nsh_policy *policy, struct nsh_err *err)
{
	for (int i = 0; i < NSH_KEY_COUNT; i++) {
		int number;
		int ret = nsh_value_check(&nsh_keys[i], nsh_keys[i].preset, &number, err);

		if (ret == 0)
			ret = set(&policy->settings[i], nsh_keys[i].preset, number, NULL, 0);
		if (ret < 0)
			return nsh_err_set(err, NSH_REASON_MACHINE, ret, "default of %s.%s",
					   nsh_keys[i].section, nsh_keys[i].key);
	}
	return 0;
}

/* The key has a value that means nothing without that of another one. It is not the default. */
static int needs(const struct nsh_policy *policy, enum nsh_key_id id, const char *what,
		 struct nsh_err *err)
{
	const struct nsh_setting *setting = &policy->settings[id];

	return nsh_err_set(err, NSH_REASON_POLICY, -EINVAL, "%s:%u: %s.%s: needs %s", setting->file,
			   setting->line, nsh_keys[id].section, nsh_keys[id].key, what);
}

/* What only means something together with another key. */
static int check_together(const struct nsh_policy *policy, struct nsh_err *err)
{
	if (*nsh_policy_text(policy, NSH_KEY_NETWORK_PUBLISH) &&
	    nsh_policy_number(policy, NSH_KEY_NETWORK_MODE) != NSH_NETWORK_NAT)
		return needs(policy, NSH_KEY_NETWORK_PUBLISH, "network.mode = nat", err);
	if (nsh_policy_number(policy, NSH_KEY_IDENTITY_SUBIDS) == NSH_YES &&
	    nsh_policy_number(policy, NSH_KEY_SECURITY_NESTED_USERNS) == NSH_NO)
		return needs(policy, NSH_KEY_IDENTITY_SUBIDS, "security.nested_userns = yes", err);
	return 0;
}

int nsh_policy_load(struct nsh_policy *policy, const struct nsh_place *place,
		    const struct nsh_user *user, const struct nsh_login *login, struct nsh_err *err)
{
	struct loader loader = {
		.policy = policy, .place = place, .user = user, .login = login, .err = err};
	int ret;

	*policy = (struct nsh_policy){0};
	ret = apply_presets(policy, err);
	if (ret == 0)
		ret = apply_all(&loader);
	if (ret == 0)
		ret = check_together(policy, err);
	if (ret < 0)
		nsh_policy_free(policy);
	return ret;
}

/* A policy that was written whole and is read with a part missing is not the one that was meant. */
static int check_whole(const struct nsh_policy *policy, const char *path, struct nsh_err *err)
{
	for (int i = 0; i < NSH_KEY_COUNT; i++)
		if (!policy->settings[i].file && !is_match_key(&nsh_keys[i]))
			return nsh_err_set(err, NSH_REASON_POLICY, -EINVAL,
					   "%s:1: %s.%s: is missing", path, nsh_keys[i].section,
					   nsh_keys[i].key);
	return 0;
}

int nsh_policy_load_resolved(struct nsh_policy *policy, const char *path, uid_t owner,
			     struct nsh_err *err)
{
	struct nsh_place place = {.owner = owner};
	struct loader loader = {.policy = policy, .place = &place, .err = err};
	int ret;

	*policy = (struct nsh_policy){0};
	ret = apply_presets(policy, err);
	if (ret == 0)
		ret = apply_file(&loader, AT_FDCWD, path, KIND_COMMON, path);
	if (ret == 0)
		ret = check_whole(policy, path, err);
	if (ret < 0)
		nsh_policy_free(policy);
	return ret;
}

/* What the machine has made of a value (a link's target, say) must be one that can be written and read. */
static int check_settled(const struct nsh_key *key, const char *text, struct nsh_err *err)
{
	NSH_FREE char *line = NULL;
	struct nsh_scan scan;
	int number;
	int len = asprintf(&line, "[%s]\n%s=%s\n", key->section, key->key, text);
	int ret = len < 0 ? nsh_err_sys(err, NSH_REASON_MACHINE, -ENOMEM, "policy")
			  : nsh_scan(&scan, line, (size_t)len, err);

	if (ret < 0)
		return ret;
	if (scan.count != 2 || strcmp(scan.entries[1].value, text) != 0)
		ret = nsh_err_set(err, NSH_REASON_POLICY, -EINVAL, "\"%s\" cannot be written",
				  text);
	else
		ret = nsh_value_check(key, text, &number, err);
	nsh_scan_free(&scan);
	return ret;
}

int nsh_policy_settle(struct nsh_policy *policy, enum nsh_key_id id, const char *text,
		      struct nsh_err *err)
{
	struct nsh_setting *setting = &policy->settings[id];
	int ret = check_settled(&nsh_keys[id], text, err);

	if (ret < 0)
		return nsh_err_context(err, ret, "%s.%s, as settled on this machine",
				       nsh_keys[id].section, nsh_keys[id].key);
	ret = set(setting, text, setting->number, setting->file, setting->line);
	return ret < 0 ? nsh_err_sys(err, NSH_REASON_MACHINE, ret, "policy") : 0;
}

void nsh_policy_free(struct nsh_policy *policy)
{
	for (int i = 0; i < NSH_KEY_COUNT; i++)
		free(policy->settings[i].text);
	for (size_t i = 0; i < policy->n_files; i++)
		free(policy->files[i]);
	free(policy->files);
	*policy = (struct nsh_policy){0};
}

/* The name of a file can have anything in it, and must stay a part of the comment. */
static void write_origin(FILE *out, const struct nsh_setting *setting)
{
	char file[NSH_LINE_MAX / 2];

	if (!setting->file) {
		fprintf(out, "# default\n");
		return;
	}
	snprintf(file, sizeof(file), "%s", setting->file);
	nsh_err_make_printable(file);
	fprintf(out, "# %s:%u\n", file, setting->line);
}

/* With the blanks a line that was just short enough would be too long to be read. */
static void write_setting(FILE *out, const struct nsh_key *key, const struct nsh_setting *setting)
{
	size_t len = strlen(key->key) + strlen(" = ") + strlen(setting->text);

	write_origin(out, setting);
	fprintf(out, "%s%s%s\n", key->key, len > NSH_LINE_MAX ? "=" : " = ", setting->text);
}

char *nsh_policy_write(const struct nsh_policy *policy, size_t *len)
{
	const char *section = "";
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	if (!out)
		return NULL;
	for (int i = 0; i < NSH_KEY_COUNT; i++) {
		if (is_match_key(&nsh_keys[i]))
			continue;
		if (strcmp(section, nsh_keys[i].section) != 0)
			fprintf(out, "[%s]\n", nsh_keys[i].section);
		section = nsh_keys[i].section;
		write_setting(out, &nsh_keys[i], &policy->settings[i]);
	}
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
