/* SPDX-License-Identifier: MIT */
/*
 * [match]: whom a file of match.d is for.
 *
 * Groups are compared by id: what the kernel knows of the process and the account's primary group.
 * A group that does not exist has no members, so a file can name a group that is still to be made.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "conf/match.h"
#include "nsshell/list.h"

/* Returns 1 or 0 for whether the name fits, or -errno. */
typedef int fits_fn(const struct nsh_item *name, const struct nsh_user *user, struct nsh_err *err);

static int fits_user(const struct nsh_item *name, const struct nsh_user *user, struct nsh_err *err)
{
	(void)err;
	return nsh_item_is(name, user->name);
}

static bool has_group(const struct nsh_user *user, gid_t gid)
{
	if (user->gid == gid)
		return true;
	for (size_t i = 0; i < user->n_groups; i++)
		if (user->groups[i] == gid)
			return true;
	return false;
}

static int fits_group(const struct nsh_item *name, const struct nsh_user *user, struct nsh_err *err)
{
	char group[NAME_MAX + 1];
	gid_t gid;
	int ret;

	if (name->len >= sizeof(group))
		return 0;
	snprintf(group, sizeof(group), "%.*s", (int)name->len, name->text);
	ret = nsh_group_find(group, &gid, err);
	if (ret < 0)
		return ret == -ENOENT ? 0 : ret;
	return has_group(user, gid);
}

static int fits(const struct nsh_item *name, fits_fn *test, const struct nsh_user *user,
		struct nsh_err *err)
{
	return nsh_item_is(name, "*") ? 1 : test(name, user, err);
}

static int match(const char *list, fits_fn *test, const struct nsh_user *user, struct nsh_err *err)
{
	bool included = false;
	bool only_exclusions = true;
	struct nsh_item item;

	while (nsh_list_next(&list, &item)) {
		bool exclude = item.text[0] == '!';
		struct nsh_item name = {.text = item.text + exclude, .len = item.len - exclude};
		int ret = fits(&name, test, user, err);

		if (ret < 0)
			return ret;
		if (ret && exclude)
			return 0;
		included |= ret && !exclude;
		only_exclusions &= exclude;
	}
	return included || only_exclusions;
}

int nsh_match_user(const char *list, const struct nsh_user *user)
{
	return match(list, fits_user, user, NULL);
}

int nsh_match_group(const char *list, const struct nsh_user *user, struct nsh_err *err)
{
	return match(list, fits_group, user, err);
}
