/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl show --plan: the operations that a session is made of.
 */
#include <stdio.h>

#include "ctl/command.h"
#include "ctl/output.h"
#include "ctl/show.h"

static const char *stage_name(enum nsh_stage stage)
{
	static const char *const names[] = {
		[NSH_STAGE_WHOLE] = "whole",
		[NSH_STAGE_FRAME] = "frame",
		[NSH_STAGE_SHELL] = "shell",
	};

	return (size_t)stage < sizeof(names) / sizeof(*names) ? names[stage] : "";
}

/* What planning settles is settled in a process of its own, so the policy stays as it was written. */
int nsh_show_preview(struct nsh_shown *shown, struct nsh_preview *preview)
{
	enum nsh_form form = NSH_FORM_STANDALONE;
	struct nsh_err err;

	*preview = (struct nsh_preview){0};
	if (shown->verdict != NSH_SHOWN_FRAME && shown->verdict != NSH_SHOWN_SESSION)
		return NSH_CTL_OK;
	if (shown->login)
		form = shown->verdict == NSH_SHOWN_FRAME ? NSH_FORM_FRAME : NSH_FORM_FRAMED;
	if (nsh_preview_make(preview, &shown->policy, &shown->user, form, &err) < 0)
		return nsh_complain("there is no session: %s", err.text);
	return NSH_CTL_OK;
}

int nsh_show_plan(const struct nsh_preview *preview)
{
	static const char *const titles[] = {"STAGE", "WHAT", "PATH", "WITH"};
	struct nsh_table table = {.titles = titles, .n_columns = 4};

	putchar('\n');
	if (!preview->count) {
		puts("Nothing is made for it.");
		return NSH_CTL_OK;
	}
	for (size_t i = 0; i < preview->count; i++) {
		nsh_table_add(&table, stage_name(preview->ops[i].stage));
		nsh_table_add(&table, nsh_op_name(preview->ops[i].kind));
		nsh_table_add(&table, preview->ops[i].path);
		nsh_table_add(&table, preview->ops[i].detail);
	}
	return nsh_table_print(&table);
}

json_t *nsh_show_plan_json(const struct nsh_preview *preview)
{
	json_t *all = json_array();

	for (size_t i = 0; i < preview->count; i++) {
		const struct nsh_preview_op *op = &preview->ops[i];

		json_array_append_new(
			all, json_pack("{ss ss ss so so}", "stage", stage_name(op->stage), "kind",
				       nsh_op_name(op->kind), "help", nsh_op_help(op->kind), "path",
				       nsh_json_text(*op->path ? op->path : NULL), "with",
				       nsh_json_text(*op->detail ? op->detail : NULL)));
	}
	return all;
}
