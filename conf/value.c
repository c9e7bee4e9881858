/* SPDX-License-Identifier: MIT */
/*
 * Strict checks of values, one small function a type.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "conf/hostname.h"
#include "conf/keys.h"
#include "conf/source.h"
#include "conf/text.h"
#include "conf/value.h"
#include "nsshell/item.h"
#include "nsshell/list.h"
#include "nsshell/size.h"

typedef int check_fn(const struct nsh_item *item, struct nsh_err *err);

static int invalid(struct nsh_err *err, const char *what, const struct nsh_item *item)
{
	return nsh_err_set(err, NSH_REASON_POLICY, -EINVAL, "\"%.*s\" %s", (int)item->len,
			   item->text, what);
}

static struct nsh_item whole(const char *text)
{
	return (struct nsh_item){.text = text, .len = strlen(text)};
}

static int check_enum(const struct nsh_key *key, const char *text, int *number, struct nsh_err *err)
{
	const char *choice = key->choices;
	size_t len = strlen(text);

	for (int i = 0;; i++) {
		const char *end = strchrnul(choice, '|');

		if ((size_t)(end - choice) == len && !memcmp(choice, text, len)) {
			*number = i;
			return 0;
		}
		if (!*end)
			break;
		choice = end + 1;
	}
	return nsh_err_set(err, NSH_REASON_POLICY, -EINVAL, "\"%s\" is not one of %s", text,
			   key->choices);
}

static int check_umask(const char *text, int *number, struct nsh_err *err)
{
	struct nsh_item item = whole(text);
	int value = 0;

	if (!strcmp(text, "keep")) {
		*number = NSH_UMASK_KEEP;
		return 0;
	}
	if (item.len < 3 || item.len > 4 || strspn(text, "01234567") != item.len)
		return invalid(err, "is neither keep nor three or four octal digits", &item);
	for (; *text; text++)
		value = value * 8 + (*text - '0');
	if (value > 0777)
		return invalid(err, "is more than 0777", &item);
	*number = value;
	return 0;
}

/* A component of a path that would make two spellings of one place, or leave it. */
static bool is_odd_component(const char *start, size_t len)
{
	return len == 0 || (len == 1 && start[0] == '.') ||
	       (len == 2 && start[0] == '.' && start[1] == '.');
}

static int check_path(const struct nsh_item *item, struct nsh_err *err)
{
	const char *at = item->text;
	const char *end = item->text + item->len;

	if (item->len < 2 || *at != '/')
		return invalid(err, "is not an absolute path below /", item);
	if (item->len >= PATH_MAX)
		return nsh_err_set(err, NSH_REASON_POLICY, -EINVAL,
				   "a path of %zu bytes is too long", item->len);
	while (at < end) {
		const char *name = at + 1;
		const char *slash = memchr(name, '/', (size_t)(end - name));

		at = slash ? slash : end;
		if (is_odd_component(name, (size_t)(at - name)))
			return invalid(err, "has \".\", \"..\", \"//\" or an ending \"/\"", item);
	}
	return 0;
}

static int check_optional_path(const struct nsh_item *item, struct nsh_err *err)
{
	struct nsh_item path = *item;

	nsh_item_is_optional(&path);
	return check_path(&path, err);
}

static int check_read_only(const struct nsh_item *item, struct nsh_err *err)
{
	return nsh_item_is(item, "system") ? 0 : check_optional_path(item, err);
}

static int check_bind(const struct nsh_item *item, struct nsh_err *err)
{
	struct nsh_bind bind;
	int ret;

	if (!nsh_bind_parse(&bind, item))
		return invalid(err, "is not of the form SOURCE:PATH or SOURCE:PATH:ro", item);
	ret = check_path(&bind.source, err);
	return ret < 0 ? ret : check_path(&bind.target, err);
}

static int check_port(const struct nsh_item *item, struct nsh_err *err)
{
	struct nsh_publish publish;

	if (nsh_publish_parse(&publish, item))
		return 0;
	return invalid(err, "is not PORT or PORT:PORT, each 1 to 65535", item);
}

static int check_name_without(const char *refused, const struct nsh_item *item, struct nsh_err *err)
{
	size_t start = item->len && item->text[0] == '!';

	if (item->len == start || strchr(" -+@%#.", item->text[start]))
		return invalid(err, "is not a name", item);
	if (item->text[start] == '*' && item->len == start + 1)
		return 0;
	if (memchr(item->text, '*', item->len))
		return invalid(err, "is not a name: a \"*\" stands alone, for all", item);
	/* Ends behind the item at the latest, with the list's comma or the end of the text. */
	if (start + strcspn(item->text + start, refused) < item->len)
		return invalid(err, "is not a name", item);
	return 0;
}

static int check_name(const struct nsh_item *item, struct nsh_err *err)
{
	return check_name_without(" \t/:!", item, err);
}

/* Directories have groups such as "domain users". */
static int check_group(const struct nsh_item *item, struct nsh_err *err)
{
	return check_name_without("\t/:!", item, err);
}

static int check_source(const struct nsh_item *item, struct nsh_err *err)
{
	struct nsh_source source;
	size_t start = item->len && item->text[0] == '!';

	if (item->len == start + 1 && item->text[start] == '*')
		return 0;
	return nsh_source_parse(&source, item->text + start, item->len - start, err);
}

static size_t variable_length(const struct nsh_item *item)
{
	size_t len = 0;

	if (item->len && item->text[0] >= '0' && item->text[0] <= '9')
		return 0;
	while (len < item->len && nsh_is_word(item->text[len]))
		len++;
	return len;
}

static int check_variable(const struct nsh_item *item, struct nsh_err *err)
{
	size_t len = variable_length(item);
	bool wild = len + 1 == item->len && item->text[len] == '*';

	if (wild || (len && len == item->len))
		return 0;
	return invalid(err, "is not the name of an environment variable", item);
}

static bool item_matches(const struct nsh_item *item, const char *name, size_t len)
{
	if (item->len && item->text[item->len - 1] == '*')
		return len >= item->len - 1 && !memcmp(item->text, name, item->len - 1);
	return item->len == len && !memcmp(item->text, name, len);
}

bool nsh_variables_have(const char *list, const char *name, size_t len)
{
	struct nsh_item item;

	while (nsh_list_next(&list, &item))
		if (item_matches(&item, name, len))
			return true;
	return false;
}

static int check_assignment(const struct nsh_item *item, struct nsh_err *err)
{
	struct nsh_item name = {.text = item->text, .len = variable_length(item)};

	if (!name.len || name.len == item->len || item->text[name.len] != '=')
		return invalid(err, "is not of the form NAME=value", item);
	if (nsh_variables_have(NSH_OWN_VARIABLES, name.text, name.len))
		return invalid(err, "sets a variable that nsshell sets itself", item);
	return 0;
}

static int check_list(const char *text, check_fn *check, struct nsh_err *err)
{
	size_t len = strlen(text);
	struct nsh_item item;
	int ret;

	if (len && text[len - 1] == ',')
		return nsh_err_set(err, NSH_REASON_POLICY, -EINVAL, "the list ends with a comma");
	while (nsh_list_next(&text, &item)) {
		if (!item.len)
			return nsh_err_set(err, NSH_REASON_POLICY, -EINVAL,
					   "the list has an empty item");
		ret = check(&item, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* Of two with one name programs take this or that one. */
static int check_doubles(const char *text, struct nsh_err *err)
{
	struct nsh_item item;
	struct nsh_item other;

	while (nsh_list_next(&text, &item)) {
		size_t name_len = variable_length(&item) + 1;
		const char *rest = text;

		while (nsh_list_next(&rest, &other))
			if (other.len >= name_len && !memcmp(item.text, other.text, name_len))
				return invalid(err, "sets a variable that the list sets before",
					       &other);
	}
	return 0;
}

static int check_assignments(const char *text, struct nsh_err *err)
{
	int ret = check_list(text, check_assignment, err);

	return ret < 0 ? ret : check_doubles(text, err);
}

static int check_key_name(const struct nsh_item *item, struct nsh_err *err)
{
	char section[NSH_DISTANCE_TEXT_MAX] = "";
	const char *dot = memchr(item->text, '.', item->len);
	const struct nsh_key *nearest;
	const char *key = "";

	if (item->len < sizeof(section)) {
		memcpy(section, item->text, item->len);
		section[item->len] = '\0';
		if (dot) {
			section[dot - item->text] = '\0';
			key = section + (dot - item->text) + 1;
		}
	}
	if (!strcmp(section, "match"))
		return invalid(err, "is a condition, which nothing can lock", item);
	if (nsh_key_find(section, key))
		return 0;
	nearest = nsh_key_nearest(section, key);
	if (!nearest)
		return invalid(err, "is not a known section.key", item);
	return nsh_err_set(err, NSH_REASON_POLICY, -EINVAL,
			   "\"%.*s\" is not a known section.key, did you mean %s.%s?",
			   (int)item->len, item->text, nearest->section, nearest->key);
}

static int check_count(const char *text, struct nsh_err *err)
{
	struct nsh_item item = whole(text);
	uint64_t count;

	/* The kernel's own limits are below 2^31. */
	if (nsh_size_is_kept(text) ||
	    (strspn(text, "0123456789") == item.len && nsh_size_parse(text, &count) &&
	     count >= NSH_COUNT_MIN && count <= INT_MAX))
		return 0;
	return invalid(err, "is neither keep nor a number of at least 8", &item);
}

/* Where the ending is missing it has been forgotten: nobody means so many bytes. */
static bool is_size(const char *text, uint64_t *size)
{
	return nsh_size_parse(text, size) && (!*size || text[strspn(text, "0123456789")] != '\0');
}

static int check_size(const char *text, struct nsh_err *err)
{
	struct nsh_item item = whole(text);
	uint64_t size;

	if (nsh_size_is_kept(text) || is_size(text, &size))
		return 0;
	return invalid(err, "is neither keep nor a size such as 0, 64K, 10M, 2G", &item);
}

static int check_percent(const char *text, struct nsh_err *err)
{
	struct nsh_item item = whole(text);
	uint32_t percent;

	if (nsh_size_is_kept(text) || nsh_percent_parse(text, &percent))
		return 0;
	return invalid(err, "is neither keep nor a share of 1% to 100000%", &item);
}

static int check_number(const char *text, struct nsh_err *err)
{
	struct nsh_item item = whole(text);
	uint64_t number;

	if (!strcmp(text, "none") ||
	    (strspn(text, "0123456789") == item.len && nsh_size_parse(text, &number) &&
	     number >= 1 && number <= NSH_NUMBER_MAX))
		return 0;
	return invalid(err, "is neither none nor a number from 1 to 9999", &item);
}

static int check_time(const char *text, struct nsh_err *err)
{
	struct nsh_item item = whole(text);
	int64_t ms;

	if (!strcmp(text, "none") || nsh_time_parse(text, &ms))
		return 0;
	return invalid(err, "is neither none nor a time such as 90s, 30m, 8h, 7d", &item);
}

static int check_memory(const char *text, struct nsh_err *err)
{
	struct nsh_item item = whole(text);
	uint32_t percent;
	uint64_t size;

	if (nsh_size_is_kept(text) || (nsh_percent_parse(text, &percent) && percent <= 100) ||
	    (is_size(text, &size) && size >= NSH_MEMORY_MIN))
		return 0;
	return invalid(err, "is neither keep, nor a size of at least 16M, nor 1% to 100%", &item);
}

static int check_one_path(const char *text, struct nsh_err *err)
{
	struct nsh_item item = whole(text);

	return check_path(&item, err);
}

/* It is shown to users, on a terminal. */
static int check_text(const char *text, struct nsh_err *err)
{
	struct nsh_item item = whole(text);

	for (size_t i = 0; i < item.len; i++)
		if (text[i] < ' ' || text[i] > '~')
			return invalid(err, "has a character that is not printable ASCII", &item);
	return item.len <= NSH_TEXT_MAX ? 0 : invalid(err, "is longer than 256 bytes", &item);
}

static int check_root(const char *text, struct nsh_err *err)
{
	return strcmp(text, "/") ? check_one_path(text, err) : 0;
}

int nsh_value_check(const struct nsh_key *key, const char *text, int *number, struct nsh_err *err)
{
	*number = 0;
	switch (key->type) {
	case NSH_TYPE_ENUM:
		return check_enum(key, text, number, err);
	case NSH_TYPE_UMASK:
		return check_umask(text, number, err);
	case NSH_TYPE_HOSTNAME:
		return nsh_hostname_check(text, err);
	case NSH_TYPE_TEXT:
		return check_text(text, err);
	case NSH_TYPE_PATH:
		return check_one_path(text, err);
	case NSH_TYPE_PATHS:
		return check_list(text, check_path, err);
	case NSH_TYPE_OPTIONAL_PATHS:
		return check_list(text, check_optional_path, err);
	case NSH_TYPE_READ_ONLY:
		return check_list(text, check_read_only, err);
	case NSH_TYPE_BINDS:
		return check_list(text, check_bind, err);
	case NSH_TYPE_ROOT:
		return check_root(text, err);
	case NSH_TYPE_PORTS:
		return check_list(text, check_port, err);
	case NSH_TYPE_COUNT:
		return check_count(text, err);
	case NSH_TYPE_SIZE:
		return check_size(text, err);
	case NSH_TYPE_MEMORY:
		return check_memory(text, err);
	case NSH_TYPE_PERCENT:
		return check_percent(text, err);
	case NSH_TYPE_NUMBER:
		return check_number(text, err);
	case NSH_TYPE_TIME:
		return check_time(text, err);
	case NSH_TYPE_NAMES:
		return check_list(text, check_name, err);
	case NSH_TYPE_GROUPS:
		return check_list(text, check_group, err);
	case NSH_TYPE_SOURCES:
		return check_list(text, check_source, err);
	case NSH_TYPE_VARIABLES:
		return check_list(text, check_variable, err);
	case NSH_TYPE_ASSIGNMENTS:
		return check_assignments(text, err);
	case NSH_TYPE_KEYS:
		return check_list(text, check_key_name, err);
	}
	return nsh_err_set(err, NSH_REASON_MACHINE, -EINVAL, "a type without a check");
}
