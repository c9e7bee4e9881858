/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl show --diff: where the policies of two users differ.
 */
#include <string.h>

#include "ctl/command.h"
#include "ctl/output.h"
#include "ctl/show.h"

static bool differs(const struct nsh_shown *one, const struct nsh_shown *other, int id)
{
	return !nsh_key_is_match(&nsh_keys[id]) &&
	       strcmp(one->policy.settings[id].text, other->policy.settings[id].text) != 0;
}

static json_t *difference(const struct nsh_shown *one, const struct nsh_shown *other, int id)
{
	return json_pack("{ss ss s[oo]}", "section", nsh_keys[id].section, "key", nsh_keys[id].key,
			 "values", nsh_show_value_json(&one->policy.settings[id]),
			 nsh_show_value_json(&other->policy.settings[id]));
}

static void add_side(struct nsh_table *table, const struct nsh_shown *shown, int id, bool first)
{
	const struct nsh_setting *setting = &shown->policy.settings[id];

	if (first)
		nsh_table_addf(table, "%s.%s", nsh_keys[id].section, nsh_keys[id].key);
	else
		nsh_table_add(table, " ");
	nsh_table_add(table, shown->user.name);
	if (setting->file)
		nsh_table_addf(table, "%s:%u", nsh_shown_file(setting->file), setting->line);
	else
		nsh_table_add(table, "default");
	nsh_table_add(table, setting->text);
}

static int print_json(const struct nsh_shown *one, const struct nsh_shown *other)
{
	json_t *found = json_array();

	for (int id = 0; id < NSH_KEY_COUNT; id++)
		if (differs(one, other, id))
			json_array_append_new(found, difference(one, other, id));
	return nsh_json_print(json_pack("{s[oo] so}", "users", nsh_json_text(one->user.name),
					nsh_json_text(other->user.name), "differences", found));
}

static int print_table(const struct nsh_shown *one, const struct nsh_shown *other)
{
	static const char *const titles[] = {"KEY", "USER", "FROM", "VALUE"};
	struct nsh_table table = {.titles = titles, .n_columns = 4};

	for (int id = 0; id < NSH_KEY_COUNT; id++) {
		if (!differs(one, other, id))
			continue;
		add_side(&table, one, id, true);
		add_side(&table, other, id, false);
	}
	return table.n_cells ? nsh_table_print(&table) : NSH_CTL_OK;
}

int nsh_show_diff(const struct nsh_shown *one, const struct nsh_shown *other, bool json)
{
	int ret = json ? print_json(one, other) : print_table(one, other);
	bool same = true;

	for (int id = 0; id < NSH_KEY_COUNT; id++)
		same &= !differs(one, other, id);
	if (ret != NSH_CTL_OK)
		return ret;
	return same ? NSH_CTL_OK : NSH_CTL_WARN;
}
