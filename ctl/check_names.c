/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl check: names in [match] and names of files that nobody has.
 *
 * All of it is legal, as an account or a group can be made later: so these are warnings.
 */
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/check.h"
#include "ctl/pam_stack.h"
#include "nsshell/cleanup.h"
#include "nsshell/list.h"
#include "nsshell/user.h"

struct names {
	gid_t *primary; /* groups that are somebody's primary one; owned */
	size_t n_primary;
};

/* Returns what is wrong with a name, or NULL. */
typedef const char *judge_fn(const struct names *names, const char *name);

static void take_primary_groups(struct names *names)
{
	const struct passwd *account;

	setpwent();
	while ((account = getpwent())) {
		gid_t *grown = reallocarray(names->primary, names->n_primary + 1, sizeof(*grown));

		if (!grown)
			break;
		names->primary = grown;
		grown[names->n_primary++] = account->pw_gid;
	}
	endpwent();
}

/* Directories can know no small and capital letters, where [match] does. Valid until the next call. */
static const char *judge_spelling(const char *what, const char *real, const char *name)
{
	static char text[300];

	if (!strcmp(real, name))
		return NULL;
	snprintf(text, sizeof(text), "the %s is called \"%s\", and not", what, real);
	return text;
}

static const char *judge_user(const struct names *names, const char *name)
{
	const struct passwd *account = getpwnam(name);

	(void)names;
	return account ? judge_spelling("account", account->pw_name, name) : "there is no account";
}

/* getent(1), which nsshell asks, takes a number for an id. /etc/group it reads itself. */
static bool is_id_to_getent(const char *name)
{
	NSH_FREE char *text = NULL;
	struct nsh_fields fields;
	struct nsh_err err;
	size_t len;

	return !name[strspn(name, "0123456789")] &&
	       (nsh_database_read("/etc/group", &text, &len, &err) < 0 ||
		!nsh_database_find(text, len, 4, 0, name, &fields));
}

static const char *judge_group(const struct names *names, const char *name)
{
	const struct group *group = getgrnam(name);

	if (!group)
		return "there is no group";
	if (strcmp(group->gr_name, name) != 0)
		return judge_spelling("group", group->gr_name, name);
	if (is_id_to_getent(name))
		return "getent(1) takes for the id of a group, and finds none of the name";
	if (group->gr_mem && group->gr_mem[0])
		return NULL;
	for (size_t i = 0; i < names->n_primary; i++)
		if (names->primary[i] == group->gr_gid)
			return NULL;
	return "nobody is in the group";
}

/* What is not installed here has no file; these are no typing errors. */
static bool is_known_service(const char *name)
{
	static const char *const known[] = {"sshd",   "login", "su",    "su-l", "sudo",
					    "sudo-i", "cron",  "crond", "atd"};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(name, known[i]))
			return true;
	return false;
}

static const char *judge_service(const struct names *names, const char *name)
{
	static const char *const folders[] = {NSH_PAM_FOLDER, "/usr/lib/pam.d"};
	char path[512];

	(void)names;
	if (is_known_service(name))
		return NULL;
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		if (snprintf(path, sizeof(path), "%s/%s", folders[i], name) < (int)sizeof(path) &&
		    access(path, F_OK) == 0)
			return NULL;
	return "there is no PAM service";
}

/* Each name that nobody has, and whether any is left whom the list could mean. */
static void check_list(struct nsh_check *check, const struct nsh_check_file *file,
		       enum nsh_key_id id, judge_fn *judge, const struct names *names)
{
	const char *list = file->values[id].text;
	bool meant = false;
	bool only_exclusions = true;
	struct nsh_item item;

	if (!list)
		return;
	while (nsh_list_next(&list, &item)) {
		bool exclude = item.text[0] == '!';
		const char *wrong;
		char name[256];

		snprintf(name, sizeof(name), "%.*s", (int)(item.len - exclude),
			 item.text + exclude);
		wrong = !strcmp(name, "*") ? NULL : judge(names, name);
		if (wrong)
			nsh_check_say(check, NSH_LEVEL_WARNING, file, id, "%s \"%s\"", wrong, name);
		meant |= !exclude && !wrong;
		only_exclusions &= exclude;
	}
	if (!meant && !only_exclusions)
		nsh_check_say(check, NSH_LEVEL_WARNING, file, id, "the file is for nobody");
}

static void check_owner(struct nsh_check *check, const struct nsh_check_file *file)
{
	struct nsh_user user;

	if (!nsh_check_account(file, &user)) {
		nsh_check_say(check, NSH_LEVEL_WARNING, file, NSH_KEY_COUNT,
			      "there is no account of that name");
		return;
	}
	if (user.uid == 0)
		nsh_check_say(check, NSH_LEVEL_WARNING, file, NSH_KEY_COUNT,
			      "user id 0 is never confined");
	nsh_user_free(&user);
}

void nsh_check_names(struct nsh_check *check)
{
	struct names names = {0};

	take_primary_groups(&names);
	for (size_t i = 0; i < check->n_files; i++) {
		const struct nsh_check_file *file = &check->files[i];

		check_list(check, file, NSH_KEY_MATCH_USER, judge_user, &names);
		check_list(check, file, NSH_KEY_MATCH_GROUP, judge_group, &names);
		check_list(check, file, NSH_KEY_MATCH_SERVICE, judge_service, &names);
		if (file->place == NSH_CHECK_USER)
			check_owner(check, file);
	}
	free(names.primary);
}
