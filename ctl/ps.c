/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl ps: the processes of a session.
 */
#include <errno.h>
#include <stdlib.h>

#include "ctl/account.h"
#include "ctl/command.h"
#include "ctl/commands.h"
#include "ctl/output.h"
#include "ctl/tree.h"

/* Deeper than that is shown as that deep. */
#define INDENT_MAX 16

struct options {
	bool json;
	const char *id;
};

static error_t parse(int option, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	switch (option) {
	case 'j':
		options->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (options->id)
			argp_usage(state);
		options->id = argument;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_usage(state);
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
	.args_doc = "ID",
	.doc = "The processes of a session as a tree. ID may be the beginning of one."
	       "\vINSIDE is the number that a process has in the session. Processes of the login "
	       "itself (sshd's, and "
	       "nsshell's outer one) have none of their own there.",
};

static const char *command_text(char *text, size_t size, const struct nsh_leaf *leaf,
				const char *command)
{
	unsigned depth = leaf->depth < INDENT_MAX ? leaf->depth : INDENT_MAX;

	snprintf(text, size, "%*s%s", (int)(2 * depth), "", command);
	return text;
}

static void add_row(struct nsh_table *table, const struct nsh_leaf *leaf, const char *command)
{
	const struct nsh_process *process = &leaf->member->process;
	double cpu = nsh_ticks_seconds(process->cpu);
	char text[2 * INDENT_MAX + 4300];
	char tty[NSH_TTY_NAME];

	nsh_table_addf(table, "%d", process->pid);
	if (process->depth > 1)
		nsh_table_addf(table, "%d", process->inside);
	else
		nsh_table_add(table, NULL);
	nsh_table_add(table, nsh_account_name(process->uid));
	nsh_table_add(table, nsh_tty_name(tty, process->tty));
	nsh_table_addf(table, "%c", process->state);
	nsh_table_addf(table, "%.2f", cpu);
	nsh_table_add(table, nsh_size_text(tty, process->memory));
	nsh_table_add(table, command_text(text, sizeof(text), leaf, command));
}

static int print_table(const struct nsh_live *live, const struct nsh_leaf *leaves, char **commands)
{
	static const char *const titles[] = {"PID", "INSIDE", "USER",   "TTY",
					     "S",   "CPU",    "MEMORY", "COMMAND"};
	struct nsh_table table = {.titles = titles, .n_columns = 8};

	for (size_t i = 0; i < live->n_members; i++)
		add_row(&table, &leaves[i], commands[i]);
	return nsh_table_print(&table);
}

static json_t *describe(const struct nsh_leaf *leaf, const char *command)
{
	const struct nsh_process *process = &leaf->member->process;
	char state[2] = {process->state, '\0'};
	char tty[NSH_TTY_NAME];

	return json_pack("{si si si sI so so ss sf sI sf si so}", "pid", process->pid, "inside",
			 process->inside, "parent", process->parent, "uid",
			 (json_int_t)process->uid, "user",
			 nsh_json_text(nsh_account_name(process->uid)), "tty",
			 nsh_json_text(process->tty ? nsh_tty_name(tty, process->tty) : NULL),
			 "state", state, "cpu", nsh_ticks_seconds(process->cpu), "memory",
			 (json_int_t)process->memory, "since", nsh_process_since(process), "depth",
			 (int)leaf->depth, "command", nsh_json_text(command));
}

static int print_json(const struct nsh_live *live, const struct nsh_leaf *leaves, char **commands)
{
	json_t *processes = json_array();

	for (size_t i = 0; i < live->n_members; i++)
		json_array_append_new(processes, describe(&leaves[i], commands[i]));
	return nsh_json_print(json_pack("{ss so so}", "id", live->id, "user",
					nsh_json_text(live->user), "processes", processes));
}

static int print(const struct options *options, const struct nsh_live *live)
{
	struct nsh_leaf *leaves = nsh_tree_make(live);
	char **commands = leaves ? nsh_tree_commands(leaves, live->n_members) : NULL;
	int code;

	if (!commands)
		code = nsh_complain("out of memory");
	else
		code = options->json ? print_json(live, leaves, commands)
				     : print_table(live, leaves, commands);
	nsh_tree_commands_free(commands, live->n_members);
	free(leaves);
	return code;
}

static int run(int argc, char **argv)
{
	struct options options = {0};
	const struct nsh_live *live;
	struct nsh_lives lives;
	struct nsh_err err;
	int code;
	int ret;

	nsh_command_parse(&argp, argc, argv, false, &options);
	if (nsh_lives_find(&lives, &err) < 0)
		return nsh_complain_err(&err);
	live = nsh_lives_by_id(&lives, options.id, &ret, &err);
	if (live) {
		code = print(&options, live);
	} else {
		nsh_complain_err(&err);
		code = ret == -ENOENT ? NSH_CTL_WARN : NSH_CTL_FAILED;
	}
	nsh_lives_free(&lives);
	return code;
}

const struct command nsh_command_ps = {
	.name = "ps",
	.group = NSH_GROUP_SESSIONS,
	.summary = "the processes of a session",
	.argp = &argp,
	.run = run,
};
