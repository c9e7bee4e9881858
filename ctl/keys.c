/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl keys: the policy's keys, from the table.
 */
#include <string.h>

#include "ctl/command.h"
#include "ctl/commands.h"
#include "ctl/output.h"
#include "nsshell/keys.h"
#include "nsshell/list.h"

static const char *const types[] = {
	[NSH_TYPE_ENUM] = "choice",
	[NSH_TYPE_PATH] = "path",
	[NSH_TYPE_PATHS] = "paths",
	[NSH_TYPE_OPTIONAL_PATHS] = "paths",
	[NSH_TYPE_READ_ONLY] = "paths or system",
	[NSH_TYPE_BINDS] = "source:path[:ro] list",
	[NSH_TYPE_ROOT] = "path or /",
	[NSH_TYPE_PORTS] = "port[:port] list",
	[NSH_TYPE_COUNT] = "keep or count",
	[NSH_TYPE_SIZE] = "keep or size",
	[NSH_TYPE_MEMORY] = "keep, size or percent",
	[NSH_TYPE_PERCENT] = "keep or percent",
	[NSH_TYPE_NUMBER] = "none or number",
	[NSH_TYPE_TIME] = "none or time",
	[NSH_TYPE_UMASK] = "keep or octal",
	[NSH_TYPE_HOSTNAME] = "template",
	[NSH_TYPE_TEXT] = "text",
	[NSH_TYPE_NAMES] = "names",
	[NSH_TYPE_GROUPS] = "names",
	[NSH_TYPE_SOURCES] = "addresses",
	[NSH_TYPE_VARIABLES] = "variables",
	[NSH_TYPE_ASSIGNMENTS] = "name=value list",
	[NSH_TYPE_KEYS] = "keys",
};

struct options {
	bool json;
	const char *wanted; /* a section, or section.key */
};

static error_t parse(int option, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	switch (option) {
	case 'j':
		options->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (options->wanted)
			argp_usage(state);
		options->wanted = argument;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option option_list[] = {
	{"json", 'j', NULL, 0, "print JSON", 0},
	{0},
};

static const struct argp argp = {
	.options = option_list,
	.parser = parse,
	.args_doc = "[SECTION|SECTION.KEY]",
	.doc = "All keys that a policy can have, with their types and defaults."
	       "\vnsshell.conf(5) says what each of them does.",
};

static bool is_wanted(const struct nsh_key *key, const char *wanted)
{
	if (!wanted || !strcmp(wanted, key->section))
		return true;
	return nsh_key_of_item(&(struct nsh_item){wanted, strlen(wanted)}) == key;
}

static bool is_any(const char *wanted)
{
	for (int i = 0; i < NSH_KEY_COUNT; i++)
		if (is_wanted(&nsh_keys[i], wanted))
			return true;
	return false;
}

static json_t *describe(const struct nsh_key *key)
{
	json_t *value =
		json_pack("{ss ss ss ss ss}", "section", key->section, "key", key->key, "type",
			  types[key->type], "default", key->preset, "help", key->help);
	json_t *choices = key->type == NSH_TYPE_ENUM ? json_array() : NULL;

	for (const char *at = key->choices; choices && *at;) {
		size_t len = strcspn(at, "|");

		json_array_append_new(choices, json_stringn(at, len));
		at += len + (at[len] == '|');
	}
	if (choices)
		json_object_set_new(value, "choices", choices);
	return value;
}

static int print_json(const char *wanted)
{
	json_t *all = json_array();

	for (int i = 0; i < NSH_KEY_COUNT; i++)
		if (is_wanted(&nsh_keys[i], wanted))
			json_array_append_new(all, describe(&nsh_keys[i]));
	return nsh_json_print(json_pack("{so}", "keys", all));
}

static int print_table(const char *wanted)
{
	static const char *const titles[] = {"KEY", "DEFAULT", "TYPE", "WHAT IT SAYS"};
	struct nsh_table table = {.titles = titles, .n_columns = 4};

	for (int i = 0; i < NSH_KEY_COUNT; i++) {
		const struct nsh_key *key = &nsh_keys[i];

		if (!is_wanted(key, wanted))
			continue;
		nsh_table_addf(&table, "%s.%s", key->section, key->key);
		nsh_table_add(&table, key->preset);
		nsh_table_add(&table, key->type == NSH_TYPE_ENUM ? key->choices : types[key->type]);
		nsh_table_add(&table, key->help);
	}
	return nsh_table_print(&table);
}

static int run(int argc, char **argv)
{
	struct options options = {0};

	nsh_command_parse(&argp, argc, argv, false, &options);
	if (!is_any(options.wanted))
		return nsh_complain("there is no section or key \"%s\"", options.wanted);
	return options.json ? print_json(options.wanted) : print_table(options.wanted);
}

const struct command nsh_command_keys = {
	.name = "keys",
	.group = NSH_GROUP_POLICY,
	.summary = "all keys of a policy, with types and defaults",
	.argp = &argp,
	.run = run,
};
