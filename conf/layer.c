/* SPDX-License-Identifier: MIT */
/*
 * From one policy file to a layer.
 *
 * A file is scanned, read once more by libiniparser, and every key of it is checked. A file that is
 * for somebody else is checked all the same: an administrator's mistake shows at once and not on the day
 * that the right user logs in.
 */
#include <errno.h>
#include <string.h>

#include "conf/ini.h"
#include "conf/keys.h"
#include "conf/layer.h"
#include "conf/value.h"

static int wrong(struct nsh_report *report, const char *what)
{
	return nsh_err_set(report->err, NSH_REASON_POLICY, -EINVAL, "%s", what);
}

static bool is_section(const char *section)
{
	for (int i = 0; i < NSH_KEY_COUNT; i++)
		if (!strcmp(nsh_keys[i].section, section))
			return true;
	return false;
}

static int unknown_key(struct nsh_report *report, const struct nsh_entry *entry)
{
	const struct nsh_key *nearest = nsh_key_nearest(entry->section, entry->key);

	if (!nearest)
		return wrong(report, "unknown key");
	return nsh_err_set(report->err, NSH_REASON_POLICY, -EINVAL,
			   "unknown key, did you mean %s.%s?", nearest->section, nearest->key);
}

static int take_key(struct nsh_layer *layer, const struct nsh_entry *entry, enum nsh_file_kind kind,
		    struct nsh_report *report)
{
	const struct nsh_key *key = nsh_key_find_after(layer->last, entry->section, entry->key);
	int number;
	int ret;

	if (!key)
		return unknown_key(report, entry);
	if (kind != NSH_FILE_MATCH && nsh_key_is_match(key))
		return wrong(report, "is for files in match.d only");
	ret = nsh_value_check(key, entry->value, &number, report->err);
	if (ret < 0)
		return ret;
	layer->last = key;
	layer->values[key->id].text = entry->value;
	layer->values[key->id].number = number;
	layer->values[key->id].line = entry->line;
	return 0;
}

/* An unknown section with keys is reported at its first key, which may be known elsewhere. */
static int take_entry(struct nsh_layer *layer, size_t i, enum nsh_file_kind kind,
		      struct nsh_report *report)
{
	const struct nsh_entry *entry = &layer->scan.entries[i];
	bool has_keys = i + 1 < layer->scan.count && layer->scan.entries[i + 1].key;

	if (entry->key)
		return take_key(layer, entry, kind, report);
	return has_keys || is_section(entry->section) ? 0 : wrong(report, "unknown section");
}

static int take_entries(struct nsh_layer *layer, enum nsh_file_kind kind, const char *path,
			struct nsh_report *report)
{
	for (size_t i = 0; i < layer->scan.count; i++) {
		const struct nsh_entry *entry = &layer->scan.entries[i];
		int ret = take_entry(layer, i, kind, report);

		if (ret == 0)
			continue;
		layer->doubtful |= !strcmp(entry->section, "match");
		ret = nsh_report(report, ret,
				 &(struct nsh_complaint){.file = path,
							 .line = entry->line,
							 .section = entry->section,
							 .key = entry->key});
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int empty_list(struct nsh_layer *layer, enum nsh_key_id id, const char *path,
		      struct nsh_report *report)
{
	layer->doubtful = true;
	return nsh_report(report, wrong(report, "the list is empty"),
			  &(struct nsh_complaint){.file = path,
						  .line = layer->values[id].line,
						  .section = nsh_keys[id].section,
						  .key = nsh_keys[id].key});
}

/* An empty list could be read as nobody and as everybody, so it is neither. */
static int check_match(struct nsh_layer *layer, const char *path, struct nsh_report *report)
{
	static const enum nsh_key_id ids[] = {NSH_KEY_MATCH_USER, NSH_KEY_MATCH_GROUP,
					      NSH_KEY_MATCH_SERVICE, NSH_KEY_MATCH_SOURCE};
	bool found = layer->doubtful;

	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		const char *list = layer->values[ids[i]].text;
		int ret = 0;

		found |= list != NULL;
		if (list && !*list)
			ret = empty_list(layer, ids[i], path, report);
		if (ret < 0)
			return ret;
	}
	if (found)
		return 0;
	layer->doubtful = true;
	return nsh_report(report, wrong(report, "has no [match] that says whom it is for"),
			  &(struct nsh_complaint){.file = path, .line = 1});
}

int nsh_layer_confirm(struct nsh_layer *layer, const char *path, struct nsh_report *report)
{
	unsigned line = 0;
	int ret = layer->confirmed
			  ? 0
			  : nsh_ini_confirm(layer->file.fd, &layer->scan, &line, report->err);

	layer->confirmed = true;
	if (ret == 0)
		return 0;
	layer->doubtful = true;
	return nsh_report(report, ret, &(struct nsh_complaint){.file = path, .line = line});
}

static bool has_match(const struct nsh_scan *scan)
{
	for (size_t i = 0; i < scan->count; i++)
		if (!strcmp(scan->entries[i].section, "match"))
			return true;
	return false;
}

/* After wrong lines libiniparser would read something else, and one of them may have been of [match]. */
static int read_text(struct nsh_layer *layer, const char *path, enum nsh_file_kind kind,
		     struct nsh_report *report)
{
	unsigned before = report->count;
	int ret = nsh_scan_file(&layer->scan, layer->file.text, layer->file.len, path, report);

	layer->doubtful = report->count != before;
	/* What nsshell writes has nothing that libiniparser would read otherwise. */
	layer->confirmed = layer->doubtful || kind == NSH_FILE_RESOLVED;
	if (ret == 0 && (kind != NSH_FILE_MATCH || report->observer))
		ret = nsh_layer_confirm(layer, path, report);
	if (kind == NSH_FILE_ANY)
		kind = has_match(&layer->scan) ? NSH_FILE_MATCH : NSH_FILE_COMMON;
	if (ret == 0)
		ret = take_entries(layer, kind, path, report);
	if (ret == 0 && kind == NSH_FILE_MATCH)
		ret = check_match(layer, path, report);
	layer->doubtful &= kind == NSH_FILE_MATCH;
	return ret;
}

int nsh_layer_read(struct nsh_layer *layer, int dirfd, const char *name, const char *path,
		   uid_t owner, enum nsh_file_kind kind, struct nsh_report *report)
{
	int ret;

	*layer = (struct nsh_layer){0};
	ret = nsh_file_read(&layer->file, dirfd, name, owner, path, report->err);
	if (ret == -ENOENT)
		return ret;
	if (ret < 0) {
		ret = nsh_report(report, ret, &(struct nsh_complaint){.file = path});
		layer->doubtful = true;
		if (ret < 0 ||
		    nsh_file_read(&layer->file, dirfd, name, NSH_OWNER_ANY, path, report->err) < 0)
			return ret;
	}
	ret = read_text(layer, path, kind, report);
	if (ret < 0)
		nsh_layer_free(layer);
	return ret;
}

void nsh_layer_free(struct nsh_layer *layer)
{
	nsh_scan_free(&layer->scan);
	nsh_file_close(&layer->file);
}
