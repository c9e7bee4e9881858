/* SPDX-License-Identifier: MIT */
/*
 * The only file that includes libiniparser.
 *
 * The library is handed /proc/self/fd/N and never a path of its own: given a folder it answers with
 * an empty dictionary, and a path can be another file by the time that it is opened.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <iniparser/iniparser.h>

#include "conf/ini.h"

/* Longest "section:key"; a line has at most NSH_LINE_MAX bytes, a section was a line too. */
#define NAME_MAX_BYTES (2 * NSH_LINE_MAX + 2)

static int keep_quiet(const char *format, ...)
{
	(void)format;
	return 0;
}

/* Walks the dictionary itself: the library's own getters skip some of its entries. */
static const char *find(const dictionary *dict, const char *name, bool *found)
{
	for (ssize_t i = 0; i < (ssize_t)dict->size; i++) {
		if (dict->key[i] && !strcmp(dict->key[i], name)) {
			*found = true;
			return dict->val[i];
		}
	}
	*found = false;
	return NULL;
}

static int confirm_entry(const dictionary *dict, const struct nsh_entry *entry, struct nsh_err *err)
{
	char name[NAME_MAX_BYTES];
	const char *value;
	bool found;

	if (entry->key)
		snprintf(name, sizeof(name), "%s:%s", entry->section, entry->key);
	else
		snprintf(name, sizeof(name), "%s", entry->section);
	value = find(dict, name, &found);
	if (found && (!entry->key || (value && !strcmp(value, entry->value))))
		return 0;
	return nsh_err_set(err, NSH_REASON_POLICY, -EINVAL,
			   "%u: read differently a second time; was the file just being written?",
			   entry->line);
}

static int confirm(const dictionary *dict, const struct nsh_scan *scan, struct nsh_err *err)
{
	if ((size_t)dict->n != scan->count)
		return nsh_err_set(
			err, NSH_REASON_POLICY, -EINVAL,
			"1: has %zu entries at first, then %zu; was it just being written?",
			scan->count, (size_t)dict->n);
	for (size_t i = 0; i < scan->count; i++) {
		int ret = confirm_entry(dict, &scan->entries[i], err);

		if (ret < 0)
			return ret;
	}
	return 0;
}

int nsh_ini_confirm(int fd, const struct nsh_scan *scan, struct nsh_err *err)
{
	char path[sizeof("/proc/self/fd/") + 3 * sizeof(fd)];
	dictionary *dict;
	int ret;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	iniparser_set_error_callback(keep_quiet);
	dict = iniparser_load(path);
	if (!dict)
		return nsh_err_set(err, NSH_REASON_POLICY, -EIO, "1: libiniparser cannot read it");
	ret = confirm(dict, scan, err);
	iniparser_freedict(dict);
	return ret;
}
