/* SPDX-License-Identifier: MIT */
/*
 * The home, and the folders that hold homes.
 *
 * What covers a folder of homes is a skeleton: a folder of the session's own with nothing but the way to
 * the own home. In a [view] root a skeleton gives the home its place in the same way.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/build.h"
#include "sandbox/path.h"

bool nsh_homes_is_ephemeral(const struct builder *b)
{
	return nsh_policy_number(b->session->policy, NSH_KEY_VIEW_HOME) == NSH_HOME_EPHEMERAL;
}

/*
 * The home, looked up in the view of the machine. An account without a home, or with one that is
 * not there, has nothing to keep and starts in "/", as everywhere.
 */
static void find_home(struct builder *b)
{
	const char *home = b->session->user->home;
	int ret;

	if (home[0] != '/')
		return;
	nsh_path_tidy(home, b->home_name);
	ret = nsh_path_resolve("", home, b->home, b->err);
	/* In a frame it can also be that root may not read what the user may (a network file system). */
	if (ret == -ENOENT || ret == -ENOTDIR ||
	    (ret == -EACCES && b->session->stage != NSH_STAGE_FRAME))
		b->home[0] = '\0';
	else if (ret < 0)
		nsh_build_fail(b, nsh_err_context(b->err, ret, "the account's home"));
	if (!strcmp(b->home, "/"))
		b->home[0] = '\0';
}

static void take_cover(struct builder *b, const char *path, const struct nsh_item *name)
{
	struct cover *cover = &b->covers[b->n_covers];

	nsh_build_put(b, &cover->path, "%s", path);
	cover->name = *name;
	b->n_covers += b->ret == 0;
}

/*
 * A folder of homes that is not there, or that the user cannot even look up, shows nobody's home.
 */
static void find_cover(struct builder *b, const struct nsh_item *item)
{
	char path[PATH_MAX];
	char resolved[PATH_MAX];
	int ret;

	snprintf(path, sizeof(path), "%.*s", (int)item->len, item->text);
	ret = nsh_path_resolve("", path, resolved, b->err);
	if (ret == -ENOENT || ret == -EACCES)
		return;
	if (ret == 0)
		ret = nsh_path_held(resolved, b->session->user->uid, b->err);
	if (ret == 0 && !strcmp(resolved, b->home))
		ret = nsh_err_set(b->err, NSH_REASON_POLICY, -EINVAL,
				  "%s holds homes, and is the home of this account too", path);
	if (ret == 0) {
		take_cover(b, resolved, item);
		return;
	}
	b->err->reason = NSH_REASON_POLICY;
	nsh_build_fail(b, nsh_err_context(b->err, ret, "view.homes"));
}

/* The home is shown on top of what covers the folder around it, with all that is in it. */
static bool is_in_home(const struct builder *b, const char *path)
{
	return b->home_at[0] && nsh_path_below(b->home_at, path);
}

/* Of two that are the same the first one counts. */
static bool is_inner(const struct builder *b, size_t i)
{
	const char *path = b->covers[i].path;

	for (size_t j = 0; j < b->n_covers; j++) {
		const char *other = b->covers[j].path;
		bool shown = is_in_home(b, path) && nsh_path_below(other, b->home_at);

		if ((nsh_path_below(other, path) && !shown) || (j < i && !strcmp(other, path)))
			return true;
	}
	return false;
}

/* Of two folders where one is in the other, covering the outer one is enough, unless the home lies between them. */
static void choose_covers(struct builder *b)
{
	size_t chosen = 0;

	for (size_t i = 0; i < b->n_covers; i++)
		b->covers[i].inner = is_inner(b, i);
	for (size_t i = 0; i < b->n_covers; i++)
		if (!b->covers[i].inner)
			b->covers[chosen++] = b->covers[i];
	b->n_covers = chosen;
	for (size_t i = 0; i < chosen; i++)
		snprintf(b->covers[i].skeleton, sizeof(b->covers[i].skeleton), "%s/homes.%zu",
			 b->folder, i);
}

static void find_covers(struct builder *b)
{
	const char *list = nsh_policy_text(b->session->policy, NSH_KEY_VIEW_HOMES);
	struct nsh_item item;

	while (b->ret == 0 && nsh_list_next(&list, &item))
		find_cover(b, &item);
}

static void no_place(struct builder *b, const char *folder)
{
	if (b->ret == 0)
		b->ret =
			nsh_err_set(b->err, NSH_REASON_POLICY, -ENOENT,
				    "view.root: %s has no folder %s for the home", b->root, folder);
}

/* In another root the home has its account's name, in a folder that is there already. */
static void find_place_in_root(struct builder *b)
{
	const char *home = b->home_name;
	const char *slash = strrchr(home, '/');
	struct nsh_item folder = {.text = home, .len = (size_t)(slash - home)};
	char path[PATH_MAX];
	char found[PATH_MAX];

	snprintf(path, sizeof(path), "%.*s", (int)folder.len, home);
	if (!folder.len || nsh_tmp_has(home)) {
		if (!folder.len && !nsh_build_inside(b, home, found))
			no_place(b, home);
		snprintf(b->home_at, PATH_MAX, "%s%s", b->root, home);
		return;
	}
	if (!nsh_build_inside(b, path, found)) {
		no_place(b, path);
		return;
	}
	if (snprintf(b->home_at, PATH_MAX, "%s%s", found, slash) >= PATH_MAX)
		nsh_build_fail(b, nsh_err_sys(b->err, NSH_REASON_VIEW, -ENAMETOOLONG, "%s", home));
	take_cover(b, found, &folder);
}

void nsh_homes_find(struct builder *b)
{
	find_home(b);
	if (b->ret < 0)
		return;
	b->covers =
		calloc(nsh_list_count(nsh_policy_text(b->session->policy, NSH_KEY_VIEW_HOMES)) + 1,
		       sizeof(*b->covers));
	if (!b->covers) {
		nsh_build_no_memory(b);
		return;
	}
	memcpy(b->home_at, b->home, sizeof(b->home_at));
	if (!b->root[0])
		find_covers(b);
	else if (b->home[0] && b->ret == 0)
		find_place_in_root(b);
	if (b->ret == 0)
		choose_covers(b);
}

static bool is_covered(const struct builder *b, const char *path)
{
	for (size_t i = 0; i < b->n_covers; i++)
		if (nsh_path_around(b->covers[i].path, path))
			return true;
	return b->private_tmp && nsh_tmp_has(path + strlen(b->root));
}

static bool is_shown_anew(const struct builder *b)
{
	return b->home[0] && (b->root[0] || b->frozen || is_covered(b, b->home) ||
			      nsh_lists_around(b, b->home, true) ||
			      (nsh_homes_is_ephemeral(b) && b->session->stage != NSH_STAGE_SHELL));
}

/* What has been there all along needs no path that the session could look up. */
static bool is_in_place(const struct builder *b)
{
	return !b->root[0] && !is_covered(b, b->home_at);
}

/* Whether a folder of homes or one of the session's own is in the home, and the path in that. */
static bool is_covered_in_home(const struct builder *b, const char *path)
{
	for (size_t i = 0; i < b->n_covers; i++)
		if (is_in_home(b, b->covers[i].path) && nsh_path_around(b->covers[i].path, path))
			return true;
	for (size_t i = 0; i < NSH_TMP_FOLDERS && b->private_tmp && !b->root[0]; i++)
		if (is_in_home(b, nsh_tmp_folders[i].path) &&
		    nsh_path_below(nsh_tmp_folders[i].path, path))
			return true;
	return false;
}

static bool is_home(const struct builder *b, const char *path)
{
	return b->home_at[0] && nsh_path_around(b->home_at, path) && !is_covered_in_home(b, path);
}

/* Whether the path is not what it is on the machine, because one of the session's own folders is there. */
bool nsh_homes_hide(const struct builder *b, const char *path)
{
	return is_covered(b, path) && !is_home(b, path);
}

/* Whether it is, or lies in, what the session has in a place of the machine's. */
bool nsh_homes_cover_path(const struct builder *b, const char *path)
{
	const char *inside = path + strlen(b->root);
	bool is_tmp = (b->private_tmp || nsh_tmp_is_thawed(b)) &&
		      (nsh_tmp_is(inside) || nsh_tmp_has(inside));

	return is_covered(b, path) || is_tmp || (is_shown_anew(b) && is_home(b, path));
}

/*
 * An overlay shows what mounts in the home have covered, and the kernel makes none where it cannot see
 * to that itself. So there must be none.
 */
static void check_mounts(struct builder *b)
{
	int ret = nsh_path_has_mounts(b->home, b->err);

	if (ret > 0)
		ret = nsh_err_set(b->err, NSH_REASON_POLICY, -EBUSY,
				  "view.home = ephemeral: something is mounted in %s", b->home);
	if (ret < 0)
		nsh_build_fail(b, ret);
}

void nsh_homes_hold(struct builder *b)
{
	if (!is_shown_anew(b))
		return;
	if (nsh_homes_is_ephemeral(b) && b->session->stage != NSH_STAGE_SHELL)
		check_mounts(b);
	b->home_slot = nsh_build_slot(b);
	nsh_build_hold(b, b->home, b->home_slot, false);
	if (b->ret == 0)
		b->plan->ops[b->plan->count - 1].of_owner = true;
}

/*
 * The name of the home in the account database must lead to it although the folder that holds the
 * name is covered, also when that name is a link of root's to another place.
 */
static void add_home_link(struct builder *b, const struct cover *cover)
{
	const char *home = b->home_name;
	const char *real = nsh_path_below(cover->path, b->home_at);
	char folder[PATH_MAX];
	const char *below;
	struct nsh_op *op;

	snprintf(folder, sizeof(folder), "%.*s", (int)cover->name.len, cover->name.text);
	below = nsh_path_below(folder, home);
	if (!below || (real && !strcmp(below, real)))
		return;
	nsh_build_folders(b, cover->skeleton, below, false);
	op = nsh_build_add(b, NSH_OP_LINK);
	nsh_build_put(b, &op->path, "%s/%s", cover->skeleton, below);
	nsh_build_put(b, &op->text, "%s", b->home_at);
}

static void add_skeleton(struct builder *b, const struct cover *cover)
{
	const char *below = b->home[0] ? nsh_path_below(cover->path, b->home_at) : NULL;

	nsh_build_path(b, NSH_OP_FOLDER, cover->skeleton)->mode = 0755;
	if (below)
		nsh_build_folders(b, cover->skeleton, below, true);
	if (b->home[0])
		add_home_link(b, cover);
}

/* Before what covers a part of it: with a home of /srv that is /srv/homes, with one of /var the session's /var/tmp. */
void nsh_homes_show_in_place(struct builder *b)
{
	if (!is_shown_anew(b) || !is_in_place(b))
		return;
	/* Its place is below what has been shown around it. */
	if (nsh_lists_around(b, b->home, false) || (nsh_tmp_is_thawed(b) && nsh_tmp_has(b->home)))
		nsh_build_show(b, b->home_at, b->home_slot);
	else
		nsh_build_add(b, NSH_OP_SHOW)->slot = b->home_slot;
}

static void cover(struct builder *b, bool in_home)
{
	for (size_t i = 0; i < b->n_covers; i++)
		if (is_in_home(b, b->covers[i].path) == in_home)
			nsh_build_bind(b, b->covers[i].skeleton, b->covers[i].path, false);
}

void nsh_homes_cover(struct builder *b)
{
	for (size_t i = 0; i < b->n_covers; i++)
		add_skeleton(b, &b->covers[i]);
	cover(b, false);
	if (is_shown_anew(b) && !is_in_place(b))
		nsh_build_show(b, b->home_at, b->home_slot);
	cover(b, true);
}

void nsh_homes_free(struct builder *b)
{
	free(b->covers);
}
