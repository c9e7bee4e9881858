/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl show --json.
 */
#include "ctl/output.h"
#include "ctl/show.h"

static json_t *line_json(unsigned line)
{
	return line ? json_integer(line) : json_null();
}

json_t *nsh_show_value_json(const struct nsh_setting *setting)
{
	return json_pack("{so sb so so}", "value", nsh_json_text(setting->text), "default",
			 setting->file == NULL, "file", nsh_json_text(setting->file), "line",
			 line_json(setting->line));
}

static json_t *earlier_json(const struct nsh_shown_value *value)
{
	json_t *made = json_pack("{so so so}", "value", nsh_json_text(value->text), "file",
				 nsh_json_text(value->file), "line", line_json(value->line));

	if (value->lock_file)
		json_object_set_new(made, "locked_by",
				    json_pack("{so so}", "file", nsh_json_text(value->lock_file),
					      "line", line_json(value->lock_line)));
	return made;
}

static json_t *key_json(const struct nsh_shown *shown, const struct nsh_key *key)
{
	json_t *made = nsh_show_value_json(&shown->policy.settings[key->id]);
	json_t *overrode = json_array();
	json_t *locked_out = json_array();

	for (size_t i = 0; i < shown->n_values; i++) {
		const struct nsh_shown_value *value = &shown->values[i];

		if (value->id == key->id && !nsh_shown_is_last(shown, i))
			json_array_append_new(value->lock_file ? locked_out : overrode,
					      earlier_json(value));
	}
	json_object_set_new(made, "section", json_string(key->section));
	json_object_set_new(made, "key", json_string(key->key));
	json_object_set_new(made, "overrode", overrode);
	json_object_set_new(made, "locked_out", locked_out);
	return made;
}

static json_t *login_json(const struct nsh_login *login)
{
	if (!login)
		return json_null();
	return json_pack("{so so}", "service", nsh_json_text(login->service), "source",
			 nsh_json_text(login->source));
}

json_t *nsh_show_json(const struct nsh_shown *shown)
{
	const char *hostname = *shown->hostname ? shown->hostname : NULL;
	json_t *keys = json_array();
	json_t *files = json_array();

	for (int i = 0; i < NSH_KEY_COUNT; i++)
		if (!nsh_key_is_match(&nsh_keys[i]))
			json_array_append_new(keys, key_json(shown, &nsh_keys[i]));
	for (size_t i = 0; i < shown->policy.n_files; i++)
		json_array_append_new(files, nsh_json_text(shown->policy.files[i]));
	return json_pack("{so sI so s{ss so} so so so}", "user", nsh_json_text(shown->user.name),
			 "uid", (json_int_t)shown->user.uid, "login", login_json(shown->login),
			 "confined", "verdict", nsh_shown_verdict_name(shown->verdict), "why",
			 nsh_json_text(shown->why), "hostname", nsh_json_text(hostname), "files",
			 files, "keys", keys);
}
