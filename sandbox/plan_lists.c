/* SPDX-License-Identifier: MIT */
/*
 * What [view] hide, read_only, writable and bind name.
 *
 * Paths are resolved here, once, and must be such that the user cannot put something else in their
 * place. What stays writable or is shown elsewhere is held before anything is covered or read-only. Then
 * all is shown in the order of the paths, so that what is inside of another comes after it. Hiding is
 * the end, and nothing is shown on top of it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sandbox/build.h"
#include "sandbox/path.h"

static bool is_at_or_around(const char *path, const char *folder)
{
	return nsh_path_around(path, folder) || nsh_path_around(folder, path);
}

bool nsh_lists_bind(const struct builder *b, const char *path)
{
	for (size_t i = 0; i < b->n_places; i++)
		if (b->places[i].key == NSH_KEY_VIEW_BIND &&
		    is_at_or_around(b->places[i].path, path))
			return true;
	return false;
}

/* The paths of a frame's policy are resolved. */
bool nsh_lists_frame_hides(const struct builder *b, const char *path)
{
	const char *list = nsh_policy_text(b->session->policy, NSH_KEY_VIEW_HIDE);
	struct nsh_item item;
	char hidden[PATH_MAX];

	while (b->session->stage == NSH_STAGE_SHELL && nsh_list_next(&list, &item)) {
		snprintf(hidden, sizeof(hidden), "%.*s", (int)item.len, item.text);
		if (nsh_path_around(hidden, path))
			return true;
	}
	return false;
}

bool nsh_lists_around(const struct builder *b, const char *path, bool frozen)
{
	for (size_t i = 0; i < b->n_places; i++)
		if ((!frozen || b->places[i].key == NSH_KEY_VIEW_READ_ONLY) &&
		    nsh_path_below(b->places[i].path, path))
			return true;
	return false;
}

/* Where nsshell itself looks things up inside. */
static bool is_needed(const char *path)
{
	return is_at_or_around(path, NSH_SESSION_FOLDER) || is_at_or_around(path, NSH_FRAME_FOLDER);
}

static int wrong(struct nsh_err *err, enum nsh_key_id key, int code)
{
	err->reason = NSH_REASON_POLICY;
	return nsh_err_context(err, code, "%s.%s", nsh_keys[key].section, nsh_keys[key].key);
}

/* Resolves a path below root. Returns 1, 0 when it may be absent and is, or -errno. */
static int resolve(const char *root, const struct nsh_item *item, bool optional, uid_t uid,
		   char out[PATH_MAX], struct nsh_err *err)
{
	char path[PATH_MAX];
	int ret;

	snprintf(path, sizeof(path), "%.*s", (int)item->len, item->text);
	ret = nsh_path_resolve(root, path, out, err);
	if (ret == -ENOENT && optional)
		return 0;
	if (ret == 0)
		ret = nsh_path_held(out, uid, err);
	return ret == 0 ? 1 : ret;
}

/* Hiding */

static bool changes_view(enum nsh_key_id key)
{
	return key == NSH_KEY_VIEW_BIND || key == NSH_KEY_VIEW_WRITABLE;
}

const char *nsh_plan_own_place(const struct nsh_policy *policy, enum nsh_key_id key,
			       const char *path, const char *user)
{
	bool machines_root = !nsh_policy_has_other_root(policy);

	if (nsh_path_around("/proc", path))
		return "/proc is the session's own";
	if (nsh_path_around("/dev", path) && !nsh_path_around("/dev/shm", path) &&
	    changes_view(key) && nsh_policy_number(policy, NSH_KEY_VIEW_DEV) == NSH_DEV_MINIMAL)
		return "/dev is the session's own, with view.dev = minimal";
	if (nsh_path_around("/dev/mqueue", path) && changes_view(key))
		return "the machine's queues are not shown";
	if (machines_root && nsh_path_around("/sys", path) &&
	    !nsh_path_around("/sys/fs/cgroup", path) &&
	    nsh_policy_number(policy, NSH_KEY_NETWORK_MODE) != NSH_NETWORK_HOST)
		return "/sys is that of the session's network";
	if (machines_root && key == NSH_KEY_VIEW_BIND && nsh_files_are_others(path) &&
	    !(user && nsh_files_is_mailbox(path, user)) &&
	    nsh_policy_number(policy, NSH_KEY_VIEW_OTHERS) == NSH_OTHERS_HIDDEN)
		return "the session has a folder of its own there, with view.others = hidden";
	return NULL;
}

/* What a policy says of a place that the session has of its own would not hold. Returns ret, or -EINVAL. */
static int check_own(struct builder *b, enum nsh_key_id key, const char *path, int ret)
{
	const struct nsh_session *session = b->session;
	const char *why = NULL;

	if (ret == 1)
		why = nsh_plan_own_place(session->policy, key, path, session->user->name);
	return why ? nsh_err_set(b->err, NSH_REASON_POLICY, -EINVAL, "%s: %s", path, why) : ret;
}

/* What a new /proc shows again after a frame has hidden it. */
static bool is_in_proc(const char *path)
{
	return nsh_path_around("/proc", path);
}

/*
 * What is in /proc is hidden by the shell, in its own /proc. The frame must not cover anything there:
 * the kernel would then refuse the shell's (mount_namespaces(7)). It shows processes only instead.
 */
static bool is_for_stage(struct builder *b, const char *hidden)
{
	bool in_proc = is_in_proc(hidden);

	if (b->session->stage == NSH_STAGE_WHOLE || b->root[0])
		return true;
	b->hides_in_proc |= in_proc;
	return in_proc == (b->session->stage == NSH_STAGE_SHELL);
}

static int resolve_hide(const char *root, const struct nsh_item *item, const struct nsh_user *user,
			char resolved[PATH_MAX], struct nsh_err *err)
{
	struct nsh_item path = *item;
	bool optional = nsh_item_is_optional(&path);
	int ret = resolve(root, &path, optional, user->uid, resolved, err);

	if (ret == 1 && is_needed(resolved + strlen(root)))
		ret = nsh_err_set(err, NSH_REASON_POLICY, -EINVAL,
				  "%.*s: cannot be hidden, nsshell needs what is there",
				  (int)path.len, path.text);
	return ret < 0 ? wrong(err, NSH_KEY_VIEW_HIDE, ret) : ret;
}

/* With a frame the list is settled: resolved already, and not all of it to be seen any more. */
static int find_hide(struct builder *b, const struct nsh_item *item, char resolved[PATH_MAX])
{
	if (b->session->stage == NSH_STAGE_WHOLE || b->root[0])
		return resolve_hide(b->root, item, b->session->user, resolved, b->err);
	snprintf(resolved, PATH_MAX, "%.*s", (int)item->len, item->text);
	return 1;
}

/* In folders of which the session has others, with less in them. */
static bool is_in_another(const char *path)
{
	return nsh_path_below("/dev", path) || nsh_path_below("/proc", path) ||
	       nsh_path_below("/sys", path) || nsh_files_are_others(path);
}

static bool is_hidden(const struct builder *b, const char *path)
{
	for (size_t i = 0; i < b->plan->count; i++)
		if (b->plan->ops[i].kind == NSH_OP_HIDE &&
		    nsh_path_below(b->plan->ops[i].path, path))
			return true;
	return false;
}

static void add_hidden(struct builder *b, const char *path)
{
	struct nsh_op *op;

	if (b->ret < 0 || is_hidden(b, path))
		return;
	op = nsh_build_path(b, NSH_OP_HIDE, path);
	nsh_build_put(b, &op->source, "%s/empty", b->folder);
	op->optional = nsh_homes_hide(b, path) || (!b->root[0] && is_in_another(path));
}

static void add_hide(struct builder *b, const struct nsh_item *item)
{
	char resolved[PATH_MAX];
	int ret = find_hide(b, item, resolved);

	if (ret < 0)
		nsh_build_fail(b, ret);
	else if (ret && is_for_stage(b, resolved))
		add_hidden(b, resolved);
}

/* In a frame nothing is done for another root. */
void nsh_lists_hide(struct builder *b)
{
	const struct nsh_policy *policy = b->session->policy;
	const char *list = nsh_policy_text(policy, NSH_KEY_VIEW_HIDE);
	struct nsh_item item;

	if (b->session->stage == NSH_STAGE_FRAME && nsh_policy_has_other_root(policy))
		return;
	while (b->ret == 0 && nsh_list_next(&list, &item))
		add_hide(b, &item);
}

/* What a list cannot hold would hide something else. */
static int check_item(const struct nsh_item *item, const char *resolved, struct nsh_err *err)
{
	if (!strchr(resolved, ',') && !strchr(" \t", resolved[strlen(resolved) - 1]))
		return 0;
	nsh_err_set(err, NSH_REASON_POLICY, -EINVAL,
		    "%.*s: leads to \"%s\", which no list can name", (int)item->len, item->text,
		    resolved);
	return wrong(err, NSH_KEY_VIEW_HIDE, -EINVAL);
}

/* The list that hides what the policy's list hides, with no link and no absent path in it. */
static int settle_hides(FILE *out, const struct nsh_policy *policy, const struct nsh_user *user,
			struct nsh_err *err)
{
	const char *list = nsh_policy_text(policy, NSH_KEY_VIEW_HIDE);
	const char *separator = "";
	struct nsh_item item;

	while (nsh_list_next(&list, &item)) {
		char resolved[PATH_MAX];
		int ret = resolve_hide("", &item, user, resolved, err);

		if (ret > 0)
			ret = check_item(&item, resolved, err) < 0 ? -EINVAL : 1;
		if (ret < 0)
			return ret;
		if (ret == 0)
			continue;
		fprintf(out, "%s%s", separator, resolved);
		separator = ",";
	}
	return 0;
}

/* In another root nothing is hidden before that is entered. */
int nsh_plan_settle(struct nsh_policy *policy, const struct nsh_user *user, struct nsh_err *err)
{
	char *hides = NULL;
	size_t len;
	FILE *out;
	int ret;

	if (nsh_policy_has_other_root(policy))
		return 0;
	out = open_memstream(&hides, &len);
	ret = out ? settle_hides(out, policy, user, err) : 0;
	if (!out || fclose(out) != 0)
		ret = nsh_err_sys(err, NSH_REASON_MACHINE, -ENOMEM, "plan");
	if (ret == 0)
		ret = nsh_policy_settle(policy, NSH_KEY_VIEW_HIDE, hides, err);
	free(hides);
	return ret;
}

/* Read-only, writable, shown elsewhere */

/* As resolve(), of what the list of that key names in the session. */
static int resolve_inside(struct builder *b, enum nsh_key_id key, const struct nsh_item *item,
			  bool optional, char out[PATH_MAX])
{
	int ret = resolve(b->root, item, optional, b->session->user->uid, out, b->err);

	return check_own(b, key, out + strlen(b->root), ret);
}

static struct place *take_place(struct builder *b, enum nsh_key_id key, const char *path)
{
	struct place *place = &b->places[b->n_places];

	*place = (struct place){.key = key};
	nsh_build_put(b, &place->path, "%s", path);
	b->n_places += b->ret == 0;
	return place;
}

static void fail_place(struct builder *b, enum nsh_key_id key, int code)
{
	nsh_build_fail(b, wrong(b->err, key, code));
}

static void find_read_only(struct builder *b, const struct nsh_item *item)
{
	struct nsh_item path = *item;
	bool optional = nsh_item_is_optional(&path);
	char resolved[PATH_MAX];
	int ret;

	if (nsh_item_is(item, "system"))
		return;
	ret = resolve_inside(b, NSH_KEY_VIEW_READ_ONLY, &path, optional, resolved);
	if (ret < 0)
		fail_place(b, NSH_KEY_VIEW_READ_ONLY, ret);
	else if (ret && !nsh_homes_hide(b, resolved))
		take_place(b, NSH_KEY_VIEW_READ_ONLY, resolved);
}

/* What the session has of its own is writable, but where it is named itself. */
static bool is_frozen_in_own(const struct builder *b, const char *path)
{
	for (size_t i = 0; i < b->n_places; i++)
		if (b->places[i].key == NSH_KEY_VIEW_READ_ONLY &&
		    nsh_homes_cover_path(b, b->places[i].path) &&
		    nsh_path_below(b->places[i].path, path))
			return true;
	return false;
}

static void find_writable(struct builder *b, const struct nsh_item *item)
{
	struct nsh_item path = *item;
	bool optional = nsh_item_is_optional(&path);
	char resolved[PATH_MAX];
	int ret = resolve_inside(b, NSH_KEY_VIEW_WRITABLE, &path, optional, resolved);

	if (ret == 1 && nsh_homes_hide(b, resolved))
		ret = nsh_err_set(b->err, NSH_REASON_POLICY, -EINVAL,
				  "%s: is not shown in the session; view.bind can do that",
				  resolved);
	if (ret < 0)
		fail_place(b, NSH_KEY_VIEW_WRITABLE, ret);
	else if (ret && (!nsh_homes_cover_path(b, resolved) || is_frozen_in_own(b, resolved)))
		take_place(b, NSH_KEY_VIEW_WRITABLE, resolved);
}

/*
 * A place for a bind: one that is there, or one in a folder of the session's own, where it is made.
 * Returns 1, or -errno.
 */
static int find_target(struct builder *b, const struct nsh_bind *bind, char out[PATH_MAX],
		       bool *made)
{
	const struct nsh_item *target = &bind->target;

	if (snprintf(out, PATH_MAX, "%s%.*s", b->root, (int)target->len, target->text) >= PATH_MAX)
		return nsh_err_sys(b->err, NSH_REASON_POLICY, -ENAMETOOLONG, "the second path");
	*made = nsh_homes_hide(b, out);
	return *made ? 1 : resolve_inside(b, NSH_KEY_VIEW_BIND, target, false, out);
}

/* A file cannot be shown on a folder, nor a folder on a file. */
static int check_kinds(struct builder *b, const struct place *place)
{
	struct stat st;

	if (place->made)
		return 0;
	if (lstat(place->path, &st) < 0)
		return nsh_err_sys(b->err, NSH_REASON_POLICY, -errno, "%s", place->path);
	if (!S_ISDIR(st.st_mode) == !place->is_folder)
		return 0;
	return nsh_err_set(b->err, NSH_REASON_POLICY, -EINVAL,
			   "%s and %s: one is a folder and the other is not", place->source,
			   place->path);
}

static int find_both(struct builder *b, const struct nsh_bind *bind)
{
	char source[PATH_MAX];
	char target[PATH_MAX];
	struct place *place;
	struct stat st;
	bool made;
	int ret = resolve("", &bind->source, bind->optional, b->session->user->uid, source, b->err);

	if (ret <= 0)
		return ret;
	ret = find_target(b, bind, target, &made);
	if (ret < 0)
		return ret;
	if (lstat(source, &st) < 0)
		return nsh_err_sys(b->err, NSH_REASON_POLICY, -errno, "%s", source);
	place = take_place(b, NSH_KEY_VIEW_BIND, target);
	nsh_build_put(b, &place->source, "%s", source);
	place->read_only = bind->read_only;
	place->is_folder = S_ISDIR(st.st_mode);
	place->made = made;
	return b->ret < 0 ? 0 : check_kinds(b, place);
}

static void find_bind(struct builder *b, const struct nsh_item *item)
{
	struct nsh_bind bind;
	int ret = nsh_bind_parse(&bind, item) ? find_both(b, &bind) : -EINVAL;

	if (ret < 0)
		fail_place(b, NSH_KEY_VIEW_BIND, ret);
}

static void find_list(struct builder *b, enum nsh_key_id key,
		      void (*find)(struct builder *b, const struct nsh_item *item))
{
	const char *list = nsh_policy_text(b->session->policy, key);
	struct nsh_item item;

	while (b->ret == 0 && nsh_list_next(&list, &item))
		find(b, &item);
}

static size_t count_items(const struct builder *b)
{
	static const enum nsh_key_id keys[] = {NSH_KEY_VIEW_READ_ONLY, NSH_KEY_VIEW_WRITABLE,
					       NSH_KEY_VIEW_BIND};
	size_t count = 0;

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		count += nsh_list_count(nsh_policy_text(b->session->policy, keys[i]));
	return count;
}

/* A folder comes before what is in it: "/" is less than whatever else a name could have. */
static int by_path(const void *one, const void *other)
{
	const unsigned char *a = (const unsigned char *)((const struct place *)one)->path;
	const unsigned char *b = (const unsigned char *)((const struct place *)other)->path;

	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (*a == '/' ? 1 : *a + (*a != 0)) - (*b == '/' ? 1 : *b + (*b != 0));
}

static void check_doubles(struct builder *b)
{
	for (size_t i = 1; i < b->n_places && b->ret == 0; i++) {
		const struct place *one = &b->places[i - 1];
		const struct place *other = &b->places[i];

		if (strcmp(one->path, other->path) != 0 ||
		    (one->key == other->key && one->key != NSH_KEY_VIEW_BIND))
			continue;
		nsh_build_fail(b, nsh_err_set(b->err, NSH_REASON_POLICY, -EINVAL,
					      "%s is named by view.%s and by view.%s", one->path,
					      nsh_keys[one->key].key, nsh_keys[other->key].key));
	}
}

/* In what another bind shows nothing is made: that would be made where it comes from. */
static void check_made(struct builder *b)
{
	for (size_t i = 0; i < b->n_places; i++)
		for (size_t j = 0; j < i && b->places[i].made; j++)
			if (b->places[j].key == NSH_KEY_VIEW_BIND &&
			    nsh_path_below(b->places[j].path, b->places[i].path))
				b->places[i].made = false;
}

bool nsh_lists_freeze(const struct nsh_policy *policy)
{
	const char *list = nsh_policy_text(policy, NSH_KEY_VIEW_READ_ONLY);
	struct nsh_item item;

	while (nsh_list_next(&list, &item))
		if (nsh_item_is(&item, "system"))
			return true;
	return false;
}

void nsh_lists_find(struct builder *b)
{
	size_t count = count_items(b);

	b->frozen = nsh_lists_freeze(b->session->policy);
	if (!count || b->ret < 0)
		return;
	b->places = calloc(count, sizeof(*b->places));
	if (!b->places) {
		nsh_build_no_memory(b);
		return;
	}
	find_list(b, NSH_KEY_VIEW_READ_ONLY, find_read_only);
	find_list(b, NSH_KEY_VIEW_WRITABLE, find_writable);
	find_list(b, NSH_KEY_VIEW_BIND, find_bind);
	if (b->n_places)
		qsort(b->places, b->n_places, sizeof(*b->places), by_path);
	check_doubles(b);
	check_made(b);
}

/* What stays writable in what a bind shows is that of where it comes from. */
static void find_source(struct builder *b, size_t i)
{
	struct place *place = &b->places[i];

	for (size_t j = i; j-- > 0 && !place->source;) {
		const struct place *bind = &b->places[j];
		const char *below = nsh_path_below(bind->path, place->path);

		if (bind->key == NSH_KEY_VIEW_BIND && below)
			nsh_build_put(b, &place->source, "%s/%s", bind->source, below);
	}
}

void nsh_lists_hold(struct builder *b)
{
	for (size_t i = 0; i < b->n_places; i++) {
		struct place *place = &b->places[i];

		if (place->key == NSH_KEY_VIEW_READ_ONLY)
			continue;
		if (place->key == NSH_KEY_VIEW_WRITABLE)
			find_source(b, i);
		place->slot = nsh_build_slot(b);
		nsh_build_hold(b, place->source ? place->source : place->path, place->slot, false);
	}
}

/* The folders on the way to it, and the folder or the empty file itself. */
static void make_target(struct builder *b, const struct place *place)
{
	nsh_build_folders(b, "", place->path + 1, place->is_folder);
	if (!place->is_folder)
		nsh_build_path(b, NSH_OP_FILE, place->path)->mode = 0444;
}

static void show(struct builder *b, const struct place *place)
{
	struct nsh_op *op;

	if (place->key == NSH_KEY_VIEW_READ_ONLY) {
		nsh_build_path(b, NSH_OP_READ_ONLY, place->path);
		return;
	}
	if (place->made)
		make_target(b, place);
	op = nsh_build_path(b, NSH_OP_SHOW, place->path);
	op->slot = place->slot;
	op->read_only = place->read_only;
}

/*
 * What is shown of the machine comes before what covers a part of it, or it would uncover that: writable
 * = /var has the session's /var/tmp. Only what lies in the session's own folders comes after them.
 */
void nsh_lists_show(struct builder *b, bool in_own)
{
	for (size_t i = 0; i < b->n_places; i++)
		if (nsh_homes_cover_path(b, b->places[i].path) == in_own)
			show(b, &b->places[i]);
}

void nsh_lists_free(struct builder *b)
{
	free(b->places);
}
