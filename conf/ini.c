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

static int keep_quiet(const char *format, ...)
{
	(void)format;
	return 0;
}

/* The library calls a section "section" and a key "section:key". */
static bool is_name_of(const char *name, const struct nsh_entry *entry)
{
	size_t len = strlen(entry->section);

	if (strncmp(name, entry->section, len) != 0)
		return false;
	return entry->key ? name[len] == ':' && !strcmp(name + len + 1, entry->key) : !name[len];
}

/*
 * Walks the dictionary itself: the library's own getters skip some of its entries. They mostly stand there as in
 * the file, so the search begins at *next, and leaves it behind what was found.
 */
static bool find(const dictionary *dict, const struct nsh_entry *entry, size_t *next,
		 const char **value)
{
	size_t size = (size_t)dict->size;

	for (size_t i = 0; i < size; i++) {
		size_t at = (*next + i) % size;

		if (dict->key[at] && is_name_of(dict->key[at], entry)) {
			*value = dict->val[at];
			*next = at + 1;
			return true;
		}
	}
	return false;
}

static int confirm_entry(const dictionary *dict, const struct nsh_entry *entry, size_t *next,
			 unsigned *line, struct nsh_err *err)
{
	const char *value;

	if (find(dict, entry, next, &value) &&
	    (!entry->key || (value && !strcmp(value, entry->value))))
		return 0;
	*line = entry->line;
	return nsh_err_set(err, NSH_REASON_POLICY, -EINVAL,
			   "read differently a second time; was the file just being written?");
}

static int confirm(const dictionary *dict, const struct nsh_scan *scan, unsigned *line,
		   struct nsh_err *err)
{
	size_t next = 0;

	if ((size_t)dict->n != scan->count)
		return nsh_err_set(err, NSH_REASON_POLICY, -EINVAL,
				   "has %zu entries at first, then %zu; was it just being written?",
				   scan->count, (size_t)dict->n);
	for (size_t i = 0; i < scan->count; i++) {
		int ret = confirm_entry(dict, &scan->entries[i], &next, line, err);

		if (ret < 0)
			return ret;
	}
	return 0;
}

int nsh_ini_confirm(int fd, const struct nsh_scan *scan, unsigned *line, struct nsh_err *err)
{
	char path[sizeof("/proc/self/fd/") + 3 * sizeof(fd)];
	dictionary *dict;
	int ret;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	/* Of what is no single line's. */
	*line = 1;
	iniparser_set_error_callback(keep_quiet);
	dict = iniparser_load(path);
	if (!dict)
		return nsh_err_set(err, NSH_REASON_POLICY, -EIO, "libiniparser cannot read it");
	ret = confirm(dict, scan, line, err);
	iniparser_freedict(dict);
	return ret;
}
