/* SPDX-License-Identifier: MIT */
/*
 * A policy that has been made: settling values of it, and writing it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/scan.h"
#include "conf/setting.h"
#include "conf/value.h"
#include "nsshell/cleanup.h"
#include "nsshell/field.h"
#include "nsshell/printable.h"

/* What the machine has made of a value (a link's target, say) must be one that can be written and read. */
static int check_settled(const struct nsh_key *key, const char *text, struct nsh_err *err)
{
	NSH_FREE char *line = NULL;
	struct nsh_scan scan;
	int number;
	int len = asprintf(&line, "[%s]\n%s=%s\n", key->section, key->key, text);
	int ret = len < 0 ? nsh_err_sys(err, NSH_REASON_MACHINE, -ENOMEM, "policy")
			  : nsh_scan(&scan, line, (size_t)len, err);

	if (ret < 0)
		return ret;
	if (scan.count != 2 || strcmp(scan.entries[1].value, text) != 0)
		ret = nsh_err_set(err, NSH_REASON_POLICY, -EINVAL, "\"%s\" cannot be written",
				  text);
	else
		ret = nsh_value_check(key, text, &number, err);
	nsh_scan_free(&scan);
	return ret;
}

int nsh_policy_settle(struct nsh_policy *policy, enum nsh_key_id id, const char *text,
		      struct nsh_err *err)
{
	struct nsh_setting *setting = &policy->settings[id];
	int ret = check_settled(&nsh_keys[id], text, err);

	if (ret < 0)
		return nsh_err_context(err, ret, "%s.%s, as settled on this machine",
				       nsh_keys[id].section, nsh_keys[id].key);
	ret = nsh_setting_set(setting, text, setting->number, setting->file, setting->line);
	return ret < 0 ? nsh_err_sys(err, NSH_REASON_MACHINE, ret, "policy") : 0;
}

void nsh_policy_free(struct nsh_policy *policy)
{
	for (int i = 0; i < NSH_KEY_COUNT; i++)
		free(policy->settings[i].text);
	for (size_t i = 0; i < policy->n_files; i++)
		free(policy->files[i]);
	free(policy->files);
	free(policy->stamps);
	*policy = (struct nsh_policy){0};
}

/* The name of a file can have anything in it, and must stay a part of the comment. */
static void write_origin(FILE *out, const struct nsh_setting *setting)
{
	char file[NSH_LINE_MAX / 2];

	if (!setting->file) {
		fprintf(out, "# default\n");
		return;
	}
	snprintf(file, sizeof(file), "%s", setting->file);
	nsh_make_printable(file);
	fprintf(out, "# %s:%u\n", file, setting->line);
}

/* With the blanks a line that was just short enough would be too long to be read. */
static void write_setting(FILE *out, const struct nsh_key *key, const struct nsh_setting *setting)
{
	size_t len = strlen(key->key) + strlen(" = ") + strlen(setting->text);

	write_origin(out, setting);
	fprintf(out, "%s%s%s\n", key->key, len > NSH_LINE_MAX ? "=" : " = ", setting->text);
}

char *nsh_policy_write(const struct nsh_policy *policy, size_t *len)
{
	const char *section = "";
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	if (!out)
		return NULL;
	for (int i = 0; i < NSH_KEY_COUNT; i++) {
		if (nsh_key_is_match(&nsh_keys[i]))
			continue;
		if (strcmp(section, nsh_keys[i].section) != 0)
			fprintf(out, "[%s]\n", nsh_keys[i].section);
		section = nsh_keys[i].section;
		write_setting(out, &nsh_keys[i], &policy->settings[i]);
	}
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

static void write_file(FILE *out, const char *path, const struct nsh_stamp *stamp)
{
	struct nsh_line line = {0};

	nsh_field_plain(&line, "inode", "%" PRIu64, stamp->inode);
	nsh_field_plain(&line, "changed", "%" PRId64, stamp->changed);
	nsh_field_text(&line, "path", path);
	fprintf(out, "%s\n", line.text);
}

char *nsh_policy_write_files(const struct nsh_policy *policy, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	if (!out)
		return NULL;
	for (size_t i = 0; i < policy->n_files; i++)
		write_file(out, policy->files[i], &policy->stamps[i]);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

void nsh_login_write(struct nsh_line *line, const struct nsh_login *login)
{
	nsh_field_text(line, "service", login->service);
	nsh_field_text(line, "rhost", login->source);
	nsh_field_text(line, "tty", login->tty ? login->tty : "");
}
