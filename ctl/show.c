/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl show: what the policy is for a user, and why.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/account.h"
#include "ctl/command.h"
#include "ctl/commands.h"
#include "ctl/output.h"
#include "ctl/show.h"
#include "nsshell/printable.h"

struct options {
	const char *user;
	const char *other;
	struct nsh_login login;
	bool login_given;
	bool no_pam;
	bool all;
	bool plan;
	bool json;
};

enum { OPTION_PLAN = 256, OPTION_DIFF, OPTION_NO_PAM };

static void check_options(const struct options *options, struct argp_state *state)
{
	if (!options->user)
		argp_usage(state);
	if (options->no_pam && options->login_given)
		argp_error(state, "without PAM there is no service and no source");
	if (options->other && (options->plan || options->all))
		argp_error(state, "--diff is not with --plan or --all");
}

static error_t parse(int option, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	switch (option) {
	case 'j':
		options->json = true;
		return 0;
	case 'a':
		options->all = true;
		return 0;
	case OPTION_PLAN:
		options->plan = true;
		return 0;
	case OPTION_DIFF:
		options->other = argument;
		return 0;
	case OPTION_NO_PAM:
		options->no_pam = true;
		return 0;
	case 's':
		options->login.service = argument;
		options->login_given = true;
		return 0;
	case 'f':
		options->login.source = argument;
		options->login_given = true;
		return 0;
	case ARGP_KEY_ARG:
		if (options->user)
			argp_usage(state);
		options->user = argument;
		return 0;
	case ARGP_KEY_END:
		check_options(options, state);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option option_list[] = {
	{"service", 's', "SERVICE", 0, "the PAM service of the login (sshd)", 0},
	{"source", 'f', "ADDRESS", 0,
	 "where the login comes from (127.0.0.1 for sshd, else this machine)", 0},
	{"no-pam", OPTION_NO_PAM, NULL, 0, "a login that does not come through the PAM module", 0},
	{"all", 'a', NULL, 0, "keys that no file sets, too", 0},
	{"plan", OPTION_PLAN, NULL, 0, "the operations that the session is made of, too", 0},
	{"diff", OPTION_DIFF, "USER2", 0, "what is different for another user", 0},
	{"json", 'j', NULL, 0, "print JSON", 0},
	{0},
};

static const struct argp argp = {
	.options = option_list,
	.parser = parse,
	.args_doc = "USER",
	.doc = "The policy that a login of the user would get, and where each value comes from."
	       "\vA value that overrode others, or that others could not override because the key "
	       "is "
	       "locked, has them below it.",
};

static void print_text(const char *text)
{
	char *copy = strdup(text);

	if (copy)
		nsh_make_printable(copy);
	fputs(copy ? copy : "?", stdout);
	free(copy);
}

static void print_line(const char *title, const char *text)
{
	printf("%-10s ", title);
	print_text(text);
	putchar('\n');
}

static void print_login(const struct nsh_shown *shown)
{
	char text[1024];

	if (!shown->login)
		snprintf(text, sizeof(text), "without the PAM module");
	else
		snprintf(text, sizeof(text), "%s, from %s", shown->login->service,
			 *shown->login->source ? shown->login->source : "this machine");
	print_line("login", text);
}

static void print_words(const struct nsh_shown *shown)
{
	static const char *const verdicts[] = {
		[NSH_SHOWN_OPEN] = "no",
		[NSH_SHOWN_REFUSED] = "there is no session",
		[NSH_SHOWN_FRAME] = "yes, to the frame; no shell is run",
		[NSH_SHOWN_SESSION] = "yes",
	};
	char text[1024];

	snprintf(text, sizeof(text), "%s, user id %u", shown->user.name, shown->user.uid);
	print_line("user", text);
	print_login(shown);
	print_line("confined", verdicts[shown->verdict]);
	print_line("because", shown->why);
	if (shown->verdict == NSH_SHOWN_FRAME || shown->verdict == NSH_SHOWN_SESSION)
		print_line("host name", shown->hostname);
	for (size_t i = 0; i < shown->policy.n_files; i++)
		print_line(i ? "" : "files", shown->policy.files[i]);
}

/* Which of the values of a key are told below it. */
static const char *relation(const struct nsh_shown *shown, size_t i)
{
	if (shown->values[i].lock_file)
		return "  not";
	return shown->values[i].id == NSH_KEY_POLICY_LOCKED ? "  and" : "  overrides";
}

static void add_others(struct nsh_table *table, const struct nsh_shown *shown, int id)
{
	for (size_t i = 0; i < shown->n_values; i++) {
		const struct nsh_shown_value *value = &shown->values[i];

		if ((int)value->id != id || nsh_shown_is_last(shown, i))
			continue;
		nsh_table_add(table, relation(shown, i));
		nsh_table_addf(table, "%s:%u", nsh_shown_file(value->file), value->line);
		if (value->lock_file)
			nsh_table_addf(table, "%s (locked by %s:%u)", value->text,
				       nsh_shown_file(value->lock_file), value->lock_line);
		else
			nsh_table_add(table, value->text);
	}
}

static bool is_told(const struct nsh_shown *shown, int id)
{
	for (size_t i = 0; i < shown->n_values; i++)
		if ((int)shown->values[i].id == id)
			return true;
	return false;
}

/* The value comes last, as it is what a narrow terminal cuts. */
static int print_keys(const struct nsh_shown *shown, bool all)
{
	static const char *const titles[] = {"KEY", "FROM", "VALUE"};
	struct nsh_table table = {.titles = titles, .n_columns = 3};
	unsigned left = 0;
	int ret;

	for (int id = 0; id < NSH_KEY_COUNT; id++) {
		const struct nsh_setting *setting = &shown->policy.settings[id];

		if (nsh_key_is_match(&nsh_keys[id]))
			continue;
		if (!all && !is_told(shown, id)) {
			left++;
			continue;
		}
		nsh_table_addf(&table, "%s.%s", nsh_keys[id].section, nsh_keys[id].key);
		if (setting->file)
			nsh_table_addf(&table, "%s:%u", nsh_shown_file(setting->file),
				       setting->line);
		else
			nsh_table_add(&table, "default");
		nsh_table_add(&table, setting->text);
		add_others(&table, shown, id);
	}
	putchar('\n');
	ret = table.n_cells ? nsh_table_print(&table) : NSH_CTL_OK;
	if (left)
		printf("%s%u keys have their defaults; --all shows them.\n",
		       left + 4 < NSH_KEY_COUNT ? "\n" : "", left);
	return ret;
}

static int show(struct nsh_shown *shown, const struct options *options)
{
	struct nsh_preview preview = {0};
	int ret = options->plan ? nsh_show_preview(shown, &preview) : NSH_CTL_OK;

	if (ret != NSH_CTL_OK)
		return ret;
	if (options->json) {
		json_t *value = nsh_show_json(shown);

		if (options->plan)
			json_object_set_new(value, "plan", nsh_show_plan_json(&preview));
		ret = nsh_json_print(value);
	} else {
		print_words(shown);
		ret = print_keys(shown, options->all);
		if (options->plan && ret == NSH_CTL_OK)
			ret = nsh_show_plan(&preview);
	}
	nsh_preview_free(&preview);
	return ret;
}

static int run(int argc, char **argv)
{
	struct options options = {.login = {.service = nsh_account_login.service}};
	struct nsh_shown one = {0};
	struct nsh_shown other = {0};
	const struct nsh_login *login;
	int ret;

	nsh_command_parse(&argp, argc, argv, false, &options);
	if (!options.login.source)
		options.login.source = strcmp(options.login.service, nsh_account_login.service)
					       ? ""
					       : nsh_account_login.source;
	login = options.no_pam ? NULL : &options.login;
	ret = nsh_shown_make(&one, options.user, login);
	if (ret == NSH_CTL_OK && options.other)
		ret = nsh_shown_make(&other, options.other, login);
	if (ret == NSH_CTL_OK)
		ret = options.other ? nsh_show_diff(&one, &other, options.json)
				    : show(&one, &options);
	nsh_shown_free(&one);
	nsh_shown_free(&other);
	return ret;
}

const struct command nsh_command_show = {
	.name = "show",
	.group = NSH_GROUP_POLICY,
	.summary = "the policy that a user would get, and why",
	.argp = &argp,
	.run = run,
};
