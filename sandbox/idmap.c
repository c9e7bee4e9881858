/* SPDX-License-Identifier: MIT */
/*
 * The ids of a user namespace that root maps for a user.
 *
 * What is mapped is what the user may be anyway: the account's id, the groups it is in, and the
 * subordinate ids that the machine's administrator has given to it.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nsshell/subid.h"
#include "sandbox/idmap.h"

#define SUBUID "/etc/subuid"
#define SUBGID "/etc/subgid"
#define LINES_MAX 340

/* A map under way. */
struct map {
	char *text;
	size_t len;
	int lines;
};

/* Returns false when the map is full. */
static bool add(struct map *map, uint32_t inside, uint32_t outside, uint32_t count)
{
	char line[64];
	size_t len = (size_t)snprintf(line, sizeof(line), "%u %u %u\n", inside, outside, count);

	if (map->lines == LINES_MAX || map->len + len >= NSH_IDMAP_MAX)
		return false;
	memcpy(map->text + map->len, line, len + 1);
	map->len += len;
	map->lines++;
	return true;
}

static bool has(const struct nsh_subid *ranges, int count, uint32_t id)
{
	for (int i = 0; i < count; i++)
		if (id - ranges[i].start < ranges[i].count)
			return true;
	return false;
}

/* The ranges come first: the kernel takes no id twice, and the room is theirs before the groups'. */
static int add_ranges(struct map *map, const char *path, const struct nsh_user *user, uint32_t own,
		      struct nsh_subid ranges[NSH_SUBID_MAX], struct nsh_err *err)
{
	int count = nsh_subid_read(path, user, ranges, err);

	if (count > 0 && has(ranges, count, own))
		return nsh_err_set(err, NSH_REASON_ACCOUNT, -EINVAL,
				   "%s: the entry of %s has the account's own id %u", path,
				   user->name, own);
	for (int i = 0; i < count; i++)
		add(map, ranges[i].start, ranges[i].start, ranges[i].count);
	return count;
}

static int by_id(const void *a, const void *b)
{
	gid_t x = *(const gid_t *)a;
	gid_t y = *(const gid_t *)b;

	return (x > y) - (x < y);
}

/* Groups whose ids follow each other share a line. */
static void add_groups(struct map *map, const gid_t *groups, size_t count)
{
	for (size_t i = 0, next; i < count; i = next) {
		next = i + 1;
		while (next < count && groups[next] == groups[i] + (next - i))
			next++;
		if (!add(map, groups[i], groups[i], (uint32_t)(next - i)))
			return;
	}
}

/* Leaves the groups, sorted, that are not mapped another way. Returns their number. */
static size_t choose_groups(gid_t *groups, const struct nsh_user *user, bool root,
			    const struct nsh_subid *ranges, int n_ranges)
{
	size_t count = 0;

	memcpy(groups, user->groups, user->n_groups * sizeof(*groups));
	qsort(groups, user->n_groups, sizeof(*groups), by_id);
	for (size_t i = 0; i < user->n_groups; i++) {
		bool twice = count && groups[count - 1] == groups[i];

		if (!twice && groups[i] != user->gid && !(root && groups[i] == 0) &&
		    !has(ranges, n_ranges, groups[i]))
			groups[count++] = groups[i];
	}
	return count;
}

static int make_gids(struct map *map, const struct nsh_user *user, bool root, bool subids,
		     struct nsh_err *err)
{
	struct nsh_subid ranges[NSH_SUBID_MAX];
	int n_ranges = 0;
	gid_t *groups;

	add(map, root ? 0 : user->gid, user->gid, 1);
	if (subids)
		n_ranges = add_ranges(map, SUBGID, user, user->gid, ranges, err);
	if (n_ranges < 0 || !user->n_groups)
		return n_ranges < 0 ? n_ranges : 0;
	groups = calloc(user->n_groups, sizeof(*groups));
	if (!groups)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -ENOMEM, "groups");
	add_groups(map, groups, choose_groups(groups, user, root, ranges, n_ranges));
	free(groups);
	return 0;
}

int nsh_idmap_make(struct nsh_idmap *idmap, const struct nsh_policy *policy,
		   const struct nsh_user *user, struct nsh_err *err)
{
	bool root = nsh_policy_number(policy, NSH_KEY_IDENTITY_UID) == NSH_UID_ROOT;
	bool subids = nsh_policy_number(policy, NSH_KEY_IDENTITY_SUBIDS) == NSH_YES;
	struct nsh_subid ranges[NSH_SUBID_MAX];
	struct map uids = {.text = idmap->uids};
	struct map gids = {.text = idmap->gids};
	int ret = 0;

	add(&uids, root ? 0 : user->uid, user->uid, 1);
	if (subids)
		ret = add_ranges(&uids, SUBUID, user, user->uid, ranges, err);
	return ret < 0 ? ret : make_gids(&gids, user, root, subids, err);
}
