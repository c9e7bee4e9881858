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
#include "conf/source.h"
#include "nsshell/list.h"

/* What lists are compared with; a test looks at one of them. */
struct subject {
	const struct nsh_user *user;
	const char *service;
	struct nsh_source source;
	struct nsh_err *err;
};

/* Returns 1 or 0 for whether the name fits, or -errno. */
typedef int fits_fn(const struct nsh_item *name, const struct subject *subject);

static int fits_user(const struct nsh_item *name, const struct subject *subject)
{
	return nsh_item_is(name, subject->user->name);
}

static int fits_service(const struct nsh_item *name, const struct subject *subject)
{
	return nsh_item_is(name, subject->service);
}

/* The list's type has been checked, so its items are valid. */
static int fits_source(const struct nsh_item *name, const struct subject *subject)
{
	struct nsh_source pattern;

	return nsh_source_parse(&pattern, name->text, name->len, subject->err) == 0 &&
	       nsh_source_has(&pattern, &subject->source);
}

static int fits_group(const struct nsh_item *name, const struct subject *subject)
{
	char group[NAME_MAX + 1];
	gid_t gid;
	int ret;

	if (name->len >= sizeof(group))
		return 0;
	snprintf(group, sizeof(group), "%.*s", (int)name->len, name->text);
	ret = nsh_group_find(group, &gid, subject->err);
	if (ret < 0)
		return ret == -ENOENT ? 0 : ret;
	return nsh_user_has_group(subject->user, gid);
}

static int match(const char *list, fits_fn *test, const struct subject *subject)
{
	bool included = false;
	bool only_exclusions = true;
	struct nsh_item item;

	while (nsh_list_next(&list, &item)) {
		bool exclude = item.text[0] == '!';
		struct nsh_item name = {.text = item.text + exclude, .len = item.len - exclude};
		int ret = nsh_item_is(&name, "*") ? 1 : test(&name, subject);

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
	return match(list, fits_user, &(struct subject){.user = user});
}

int nsh_match_group(const char *list, const struct nsh_user *user, struct nsh_err *err)
{
	return match(list, fits_group, &(struct subject){.user = user, .err = err});
}

int nsh_match_service(const char *list, const char *service)
{
	return match(list, fits_service, &(struct subject){.service = service});
}

/* A name in place of an address came from the name service of whoever connects: it decides nothing. */
int nsh_match_source(const char *list, const char *source, struct nsh_err *err)
{
	struct subject subject = {.err = err};
	int ret = nsh_source_of_login(&subject.source, source, err);

	return ret < 0 ? ret : match(list, fits_source, &subject);
}
