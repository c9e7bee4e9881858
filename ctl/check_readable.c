/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl check: whether users can read the policy, as nsshell does with their powers where the PAM module has not
 * done it. Root, who writes it, does not notice.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "ctl/check.h"

/* What an access control list gives is not told by the mode. */
static bool has_list(const char *path)
{
	return getxattr(path, "system.posix_acl_access", NULL, 0) > 0;
}

/* The file of one user can be for a group of that user's alone. */
static bool is_for_group(const struct nsh_check_file *file, const struct stat *st)
{
	struct nsh_user user;
	bool found;

	if (file->place != NSH_CHECK_USER || !(st->st_mode & S_IRGRP) ||
	    !nsh_check_account(file, &user))
		return false;
	found = nsh_user_has_group(&user, st->st_gid);
	nsh_user_free(&user);
	return found;
}

/* With policy.require_pam = yes there is no session without the module in any case. */
static void say_unreadable(struct nsh_check *check, const char *path, const char *mode)
{
	const struct nsh_complaint where = {.file = path};
	const char *required = check->n_files && check->files[0].place == NSH_CHECK_MAIN
				       ? check->files[0].values[NSH_KEY_POLICY_REQUIRE_PAM].text
				       : NULL;

	nsh_finding_add(
		&check->findings,
		required && !strcmp(required, "yes") ? NSH_LEVEL_WARNING : NSH_LEVEL_ERROR, &where,
		"users cannot read it: nsshell without the PAM module refuses them (chmod o+%s)",
		mode);
}

static void check_file(struct nsh_check *check, const struct nsh_check_file *file)
{
	struct stat st;

	if (stat(file->path, &st) == 0 && S_ISREG(st.st_mode) && !(st.st_mode & S_IROTH) &&
	    !is_for_group(file, &st) && !has_list(file->path))
		say_unreadable(check, file->path, "r");
}

static void check_folder(struct nsh_check *check, const char *path)
{
	const mode_t needed = S_IROTH | S_IXOTH;
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & needed) != needed &&
	    !has_list(path))
		say_unreadable(check, path, "rx");
}

void nsh_check_readable(struct nsh_check *check)
{
	static const char *const folders[] = {"", "/match.d", "/users.d"};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		if (snprintf(path, sizeof(path), "%s%s", check->folder, folders[i]) < PATH_MAX)
			check_folder(check, path);
	for (size_t i = 0; i < check->n_files; i++)
		check_file(check, &check->files[i]);
}
