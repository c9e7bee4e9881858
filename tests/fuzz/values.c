/* SPDX-License-Identifier: MIT */
/*
 * One text as the value of every key of the table.
 */
#include "conf/hostname.h"
#include "conf/keys.h"
#include "conf/source.h"
#include "conf/value.h"
#include "nsshell/item.h"
#include "nsshell/size.h"
#include "tests/fuzz/fuzz.h"

static void check_enum(const struct nsh_key *key, const char *text, int number)
{
	char choices[sizeof(key->choices)];
	char *rest = choices;
	char *choice = NULL;

	strcpy(choices, key->choices);
	for (int i = 0; i <= number; i++)
		choice = strsep(&rest, "|");
	REQUIRE(number >= 0 && choice && !strcmp(choice, text));
}

static void check_umask(const char *text, int number)
{
	if (number == NSH_UMASK_KEEP)
		REQUIRE(!strcmp(text, "keep"));
	else
		REQUIRE(number >= 0 && number <= 0777 && strtol(text, NULL, 8) == number);
}

/* What is taken is within what whoever uses it counts with. */
static void check_number(const char *text)
{
	unsigned long number = strtoul(text, NULL, 10);

	REQUIRE(!strcmp(text, "none") || (number >= 1 && number <= NSH_NUMBER_MAX));
}

static void check_time(const char *text)
{
	int64_t ms = nsh_time_of(text);

	REQUIRE(!strcmp(text, "none") ? ms == 0 : ms >= 1000 && ms <= INT64_C(3650) * 86400 * 1000);
}

/* A path has one spelling, and does not leave what it begins with. */
static void check_path(const struct nsh_item *item)
{
	char *text = strndup(item->text, item->len);

	REQUIRE(text && item->len > 1 && text[0] == '/' && text[item->len - 1] != '/');
	REQUIRE(!strstr(text, "//") && !strstr(text, "/./") && !strstr(text, "/../"));
	REQUIRE(strcmp(strrchr(text, '/'), "/.") != 0 && strcmp(strrchr(text, '/'), "/..") != 0);
	free(text);
}

static void check_optional_path(const struct nsh_item *item)
{
	struct nsh_item path = *item;

	nsh_item_is_optional(&path);
	check_path(&path);
}

static void check_read_only(const struct nsh_item *item)
{
	if (!nsh_item_is(item, "system"))
		check_optional_path(item);
}

static void check_bind(const struct nsh_item *item)
{
	struct nsh_bind bind;

	REQUIRE(nsh_bind_parse(&bind, item));
	check_path(&bind.source);
	check_path(&bind.target);
	REQUIRE(!memchr(bind.target.text, ':', bind.target.len));
}

static void check_port(const struct nsh_item *item)
{
	struct nsh_publish publish;

	REQUIRE(nsh_publish_parse(&publish, item));
	REQUIRE(publish.outside && publish.inside);
}

/* A network has its own address in it. */
static void check_source(const struct nsh_item *item)
{
	size_t start = item->text[0] == '!';
	struct nsh_source source;
	struct nsh_err err;

	if (item->text[start] == '*')
		return;
	REQUIRE(nsh_source_parse(&source, item->text + start, item->len - start, &err) == 0);
	REQUIRE(source.bits <= 128 && nsh_source_has(&source, &source));
}

static void check_assignment(const struct nsh_item *item)
{
	const char *equals = memchr(item->text, '=', item->len);
	struct nsh_item name = {.text = item->text};

	REQUIRE(equals && equals > item->text);
	name.len = (size_t)(equals - item->text);
	REQUIRE(!nsh_item_is(&name, "SHELL") && !nsh_item_is(&name, "NSSHELL_SESSION"));
}

static void check_key_name(const struct nsh_item *item)
{
	char *text = strndup(item->text, item->len);
	char *key = text;
	const char *section;

	REQUIRE(text);
	section = strsep(&key, ".");
	REQUIRE(key && nsh_key_find(section, key));
	free(text);
}

typedef void check_fn(const struct nsh_item *item);

/* What is checked of each item of a list; of other types nothing more is known. */
static check_fn *check_of(enum nsh_type type)
{
	switch (type) {
	case NSH_TYPE_PATHS:
		return check_path;
	case NSH_TYPE_OPTIONAL_PATHS:
		return check_optional_path;
	case NSH_TYPE_READ_ONLY:
		return check_read_only;
	case NSH_TYPE_BINDS:
		return check_bind;
	case NSH_TYPE_PORTS:
		return check_port;
	case NSH_TYPE_SOURCES:
		return check_source;
	case NSH_TYPE_ASSIGNMENTS:
		return check_assignment;
	case NSH_TYPE_KEYS:
		return check_key_name;
	default:
		return NULL;
	}
}

/* Each item is valid alone, too: nothing depends on what stands beside it. */
static void check_list(const struct nsh_key *key, const char *list, check_fn *check)
{
	struct nsh_item item;

	while (nsh_list_next(&list, &item)) {
		char *alone = strndup(item.text, item.len);
		struct nsh_err err;
		int number;

		REQUIRE(alone && item.len);
		REQUIRE(nsh_value_check(key, alone, &number, &err) == 0);
		free(alone);
		check(&item);
	}
}

static void check_taken(const struct nsh_key *key, const char *text, int number)
{
	struct nsh_item item = {.text = text, .len = strlen(text)};
	check_fn *check = check_of(key->type);
	struct nsh_err err;

	if (key->type == NSH_TYPE_ENUM)
		check_enum(key, text, number);
	else if (key->type == NSH_TYPE_UMASK)
		check_umask(text, number);
	else if (key->type == NSH_TYPE_NUMBER)
		check_number(text);
	else if (key->type == NSH_TYPE_TIME)
		check_time(text);
	else if (key->type == NSH_TYPE_PATH || (key->type == NSH_TYPE_ROOT && strcmp(text, "/")))
		check_path(&item);
	else if (key->type == NSH_TYPE_HOSTNAME)
		REQUIRE(nsh_hostname_check(text, &err) == 0);
	if (check)
		check_list(key, text, check);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);

	REQUIRE(text);
	for (int i = 0; i < NSH_KEY_COUNT; i++) {
		struct nsh_err err = {0};
		int number = -2;
		int ret = nsh_value_check(&nsh_keys[i], text, &number, &err);

		REQUIRE(ret == 0 || ret == -EINVAL);
		if (ret < 0)
			fuzz_refused(ret, &err);
		else
			check_taken(&nsh_keys[i], text, number);
	}
	free(text);
	return 0;
}
