/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl check: the files of a policy, each by itself.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/check.h"

/* Where what is read of a file goes. */
struct reading {
	struct nsh_check *check;
	struct nsh_check_file *file; /* NULL: nowhere */
};

void nsh_check_say(struct nsh_check *check, enum nsh_level level, const struct nsh_check_file *file,
		   enum nsh_key_id id, const char *format, ...)
{
	struct nsh_complaint where = {.file = file->path};
	char text[NSH_ERR_MAX];
	va_list args;

	if (id < NSH_KEY_COUNT) {
		where.line = file->values[id].line;
		where.section = nsh_keys[id].section;
		where.key = nsh_keys[id].key;
	}
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	nsh_finding_add(&check->findings, level, &where, "%s", text);
}

static void take_complaint(void *data, const struct nsh_complaint *complaint)
{
	const struct reading *reading = data;

	nsh_finding_take(&reading->check->findings, complaint);
}

static void take_setting(void *data, const struct nsh_seen *seen)
{
	const struct reading *reading = data;

	if (!reading->file)
		return;
	reading->file->values[seen->id].text = strdup(seen->text);
	reading->file->values[seen->id].line = seen->line;
	if (!reading->file->values[seen->id].text)
		reading->check->findings.failed = true;
}

static void read_file(struct nsh_check *check, struct nsh_check_file *file, const char *path,
		      enum nsh_file_kind kind)
{
	struct reading reading = {.check = check, .file = file};
	const struct nsh_observer observer = {
		.data = &reading, .complaint = take_complaint, .setting = take_setting};
	const struct nsh_place place = {.owner = check->owner, .observer = &observer};
	struct nsh_err err;

	if (nsh_policy_check(&place, path, kind, &err) == -ENOMEM)
		check->findings.failed = true;
}

static void add_file(struct nsh_check *check, enum nsh_check_place place, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct nsh_check_file *grown =
		reallocarray(check->files, check->n_files + 1, sizeof(*grown));

	if (!grown) {
		check->findings.failed = true;
		return;
	}
	check->files = grown;
	grown += check->n_files++;
	*grown = (struct nsh_check_file){
		.place = place, .path = strdup(path), .name = strdup(slash ? slash + 1 : path)};
	if (grown->path && grown->name) {
		read_file(check, grown, path,
			  place == NSH_CHECK_MATCH ? NSH_FILE_MATCH : NSH_FILE_COMMON);
		return;
	}
	check->findings.failed = true;
	free(grown->path);
	free(grown->name);
	check->n_files--;
}

static bool is_conf(const char *name)
{
	size_t len = strlen(name);

	return name[0] != '.' && len > 5 && !strcmp(name + len - 5, ".conf");
}

static bool is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/* In the folder itself other files are common; a policy there is one that was meant to be somewhere else. */
static bool is_odd(enum nsh_check_place place, const char *name)
{
	if (place == NSH_CHECK_MAIN)
		return is_conf(name) && strcmp(name, "nsshell.conf") != 0;
	return !is_conf(name) && !is_dots(name);
}

static void take_name(struct nsh_check *check, enum nsh_check_place place, const char *path,
		      const char *name)
{
	const struct nsh_complaint where = {.file = path};

	if (is_odd(place, name))
		nsh_finding_add(&check->findings, NSH_LEVEL_WARNING, &where, "is not read: %s",
				place == NSH_CHECK_MAIN
					? "it is neither nsshell.conf nor in match.d or users.d"
					: "the name is not of the form NAME.conf");
	else if (place == NSH_CHECK_MAIN ? !strcmp(name, "nsshell.conf") : is_conf(name))
		add_file(check, place, path);
}

/* A folder that is missing or cannot be read is told of when the policy is resolved. */
static void take_folder(struct nsh_check *check, enum nsh_check_place place, const char *folder)
{
	struct dirent **names = NULL;
	int count = scandir(folder, &names, NULL, NULL);
	char path[PATH_MAX];

	for (int i = 0; i < count; i++) {
		if (snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name) < PATH_MAX)
			take_name(check, place, path, names[i]->d_name);
		free(names[i]);
	}
	free(names);
}

static int by_order(const void *one, const void *other)
{
	const struct nsh_check_file *a = one;
	const struct nsh_check_file *b = other;

	return a->place != b->place ? (int)a->place - (int)b->place : strcmp(a->name, b->name);
}

void nsh_check_files(struct nsh_check *check)
{
	static const char *const folders[] = {[NSH_CHECK_MAIN] = "",
					      [NSH_CHECK_MATCH] = "/match.d",
					      [NSH_CHECK_USER] = "/users.d"};
	char path[PATH_MAX];

	for (int i = 0; i < 3; i++)
		if (snprintf(path, sizeof(path), "%s%s", check->folder, folders[i]) < PATH_MAX)
			take_folder(check, (enum nsh_check_place)i, path);
	if (check->n_files)
		qsort(check->files, check->n_files, sizeof(*check->files), by_order);
}

/* "match.d/x.conf", also when it is given from inside of its folder. */
static bool is_in(const char *path, const char *folder)
{
	char full[PATH_MAX];
	char *slash = realpath(path, full) ? strrchr(full, '/') : NULL;
	const char *name;

	if (!slash)
		return false;
	*slash = '\0';
	name = strrchr(full, '/');
	return name && !strcmp(name + 1, folder);
}

void nsh_check_file(struct nsh_check *check, const char *path)
{
	enum nsh_file_kind kind = NSH_FILE_ANY;

	if (is_in(path, "match.d"))
		kind = NSH_FILE_MATCH;
	else if (is_in(path, "users.d"))
		kind = NSH_FILE_COMMON;
	read_file(check, NULL, path, kind);
	check->n_files++;
}

void nsh_check_free(struct nsh_check *check)
{
	for (size_t i = 0; check->files && i < check->n_files; i++) {
		for (int id = 0; id < NSH_KEY_COUNT; id++)
			free(check->files[i].values[id].text);
		free(check->files[i].path);
		free(check->files[i].name);
	}
	free(check->files);
	nsh_findings_free(&check->findings);
	*check = (struct nsh_check){0};
}
