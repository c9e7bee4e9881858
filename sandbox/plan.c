/* SPDX-License-Identifier: MIT */
/*
 * From a policy to a plan.
 *
 * Theory of operation. Everything that a session sees instead of the machine's own comes from two
 * file systems of its own, both tmpfs, both first mounted on NSH_SESSION_FOLDER:
 *
 *	one that the user may write: its three folders are shown on /tmp, /var/tmp and /dev/shm;
 *	one that ends up read-only: session id and policy, hosts and hostname, the folders that are
 *	shown on the folders of homes, and the empty file and folder that hide things.
 *
 * The second one covers the first one's mount point, so no path leads to it but the three. What is
 * needed of a place that gets covered (the home, the agent's socket) is held by an O_PATH fd taken
 * inside the new mount namespace before, and shown again on top afterwards.
 *
 * With the PAM module the work is shared. The frame (root's) has both file systems on
 * NSH_FRAME_FOLDER, hides and covers, and names the host; the shell (the user's) adds on
 * NSH_SESSION_FOLDER what goes with its own PID namespace: /proc. Standalone, one plan is the whole.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "nsshell/cleanup.h"
#include "nsshell/id.h"
#include "nsshell/list.h"
#include "nsshell/plan.h"
#include "sandbox/path.h"

/* A limit, not what it takes: some small files and a copy of /etc/hosts, which can be large. */
#define SESSION_SIZE "64m"

/* A folder that will be covered, and the folder (skeleton) that will be shown there. */
struct cover {
	char *path;       /* resolved; owned */
	const char *name; /* as the policy says it, for what accounts say */
	size_t name_len;
	bool inner;              /* lies in another one */
	char skeleton[NAME_MAX]; /* below builder.folder */
};

struct builder {
	struct nsh_plan *plan;
	const struct nsh_session *session;
	struct nsh_err *err;
	struct cover *covers;
	size_t n_covers;
	const char *folder;  /* where the session's own file systems are mounted */
	bool hides_in_proc;  /* [view] hide has something below /proc */
	char home[PATH_MAX]; /* resolved, or "" */
	int ret;             /* the first error; all that follows does nothing */
};

static void fail(struct builder *b, int code)
{
	if (b->ret == 0)
		b->ret = code;
}

static void no_memory(struct builder *b)
{
	fail(b, nsh_err_sys(b->err, NSH_REASON_MACHINE, -ENOMEM, "plan"));
}

/* Returns a new operation, or one that is thrown away when there was an error. */
static struct nsh_op *add(struct builder *b, enum nsh_op_kind kind)
{
	static struct nsh_op nowhere;
	struct nsh_plan *plan = b->plan;

	nowhere = (struct nsh_op){0};
	if (b->ret == 0 && plan->count == plan->room) {
		size_t room = plan->room ? plan->room * 2 : 64;
		struct nsh_op *grown = reallocarray(plan->ops, room, sizeof(*grown));

		if (grown) {
			plan->ops = grown;
			plan->room = room;
		} else {
			no_memory(b);
		}
	}
	if (b->ret < 0)
		return &nowhere;
	plan->ops[plan->count] = (struct nsh_op){.kind = kind};
	return &plan->ops[plan->count++];
}

/* Sets an operation's text field to a formatted text. */
static void __attribute__((format(printf, 3, 4)))
put(struct builder *b, char **field, const char *format, ...)
{
	va_list args;

	if (b->ret < 0)
		return;
	va_start(args, format);
	if (vasprintf(field, format, args) < 0) {
		*field = NULL;
		no_memory(b);
	}
	va_end(args);
}

/* Sets what an operation writes: its text and the length of it. */
static void __attribute__((format(printf, 3, 4)))
put_text(struct builder *b, struct nsh_op *op, const char *format, ...)
{
	va_list args;
	int len;

	if (b->ret < 0)
		return;
	va_start(args, format);
	len = vasprintf(&op->text, format, args);
	if (len < 0) {
		op->text = NULL;
		no_memory(b);
	} else {
		op->len = (size_t)len;
	}
	va_end(args);
}

static struct nsh_op *add_path(struct builder *b, enum nsh_op_kind kind, const char *path)
{
	struct nsh_op *op = add(b, kind);

	put(b, &op->path, "%s", path);
	return op;
}

static void add_folder(struct builder *b, const char *path, mode_t mode)
{
	add_path(b, NSH_OP_FOLDER, path)->mode = mode;
}

static void add_bind(struct builder *b, const char *source, const char *path, bool optional)
{
	struct nsh_op *op = add_path(b, NSH_OP_BIND, path);

	put(b, &op->source, "%s", source);
	op->optional = optional;
}

/* A path in the session's own file system. */
static struct nsh_op *add_own(struct builder *b, enum nsh_op_kind kind, const char *name)
{
	struct nsh_op *op = add(b, kind);

	put(b, &op->path, "%s/%s", b->folder, name);
	return op;
}

static void add_text(struct builder *b, const char *name, mode_t mode, const char *text, size_t len)
{
	struct nsh_op *op = add_own(b, NSH_OP_FILE, name);

	put_text(b, op, "%.*s", (int)len, text);
	op->mode = mode;
}

static void add_tmpfs(struct builder *b, const char *path, const char *options)
{
	struct nsh_op *op = add_path(b, NSH_OP_TMPFS, path);

	put(b, &op->text, "%s", options);
}

static void add_idmap(struct builder *b)
{
	const struct nsh_session *session = b->session;
	bool root = nsh_policy_number(session->policy, NSH_KEY_IDENTITY_UID) == NSH_UID_ROOT;
	struct nsh_op *op = add(b, NSH_OP_IDMAP);

	op->outside[0] = session->user->uid;
	op->outside[1] = session->gid;
	op->inside[0] = root ? 0 : session->user->uid;
	op->inside[1] = root ? 0 : session->gid;
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
	ret = nsh_path_resolve(home, b->home, b->err);
	if (ret == -ENOENT || ret == -ENOTDIR || ret == -EACCES)
		b->home[0] = '\0';
	else if (ret < 0)
		fail(b, nsh_err_context(b->err, ret, "the account's home"));
	if (!strcmp(b->home, "/"))
		b->home[0] = '\0';
}

static bool is_at_or_around(const char *path, const char *folder)
{
	return !strcmp(path, folder) || nsh_path_below(path, folder) ||
	       nsh_path_below(folder, path);
}

/* Where nsshell itself looks things up inside. */
static bool is_needed(const char *path)
{
	return is_at_or_around(path, NSH_SESSION_FOLDER) || is_at_or_around(path, NSH_FRAME_FOLDER);
}

/* What a new /proc shows again after a frame has hidden it. */
static bool is_in_proc(const char *path)
{
	return !strcmp(path, "/proc") || nsh_path_below("/proc", path);
}

/*
 * What is in /proc is hidden by the shell, in its own /proc. The frame must not cover anything there:
 * the kernel would then refuse the shell's (mount_namespaces(7)). It shows processes only instead.
 */
static bool is_for_stage(struct builder *b, const char *hidden)
{
	bool in_proc = is_in_proc(hidden);

	if (b->session->stage == NSH_STAGE_WHOLE)
		return true;
	b->hides_in_proc |= in_proc;
	return in_proc == (b->session->stage == NSH_STAGE_SHELL);
}

/* Resolves an item of [view] hide. Returns 1, 0 when it may be absent and is, or -errno. */
static int resolve_hide(const struct nsh_item *item, const struct nsh_user *user,
			char resolved[PATH_MAX], struct nsh_err *err)
{
	bool optional = item->text[0] == '-';
	char path[PATH_MAX];
	int ret;

	snprintf(path, sizeof(path), "%.*s", (int)item->len - optional, item->text + optional);
	ret = nsh_path_resolve(path, resolved, err);
	if (ret == -ENOENT && optional)
		return 0;
	if (ret == 0)
		ret = nsh_path_held(resolved, user->uid, err);
	if (ret == 0 && is_needed(resolved))
		ret = nsh_err_set(err, NSH_REASON_POLICY, -EINVAL,
				  "%s: cannot be hidden, nsshell needs what is there", path);
	if (ret == 0)
		return 1;
	err->reason = NSH_REASON_POLICY;
	return nsh_err_context(err, ret, "view.hide");
}

/* With a frame the list is settled: resolved already, and not all of it to be seen any more. */
static int find_hide(struct builder *b, const struct nsh_item *item, char resolved[PATH_MAX])
{
	if (b->session->stage == NSH_STAGE_WHOLE)
		return resolve_hide(item, b->session->user, resolved, b->err);
	snprintf(resolved, PATH_MAX, "%.*s", (int)item->len, item->text);
	return 1;
}

static void add_hide(struct builder *b, const struct nsh_item *item)
{
	char resolved[PATH_MAX];
	int ret = find_hide(b, item, resolved);

	if (ret < 0)
		fail(b, ret);
	else if (ret && is_for_stage(b, resolved))
		put(b, &add_path(b, NSH_OP_HIDE, resolved)->source, "%s/empty", b->folder);
}

static void add_hides(struct builder *b)
{
	const char *list = nsh_policy_text(b->session->policy, NSH_KEY_VIEW_HIDE);
	struct nsh_item item;

	while (b->ret == 0 && nsh_list_next(&list, &item))
		add_hide(b, &item);
}

static bool is_covered(const struct builder *b, const char *path)
{
	for (size_t i = 0; i < b->n_covers; i++)
		if (!strcmp(b->covers[i].path, path) || nsh_path_below(b->covers[i].path, path))
			return true;
	return false;
}

/*
 * A folder of homes that is not there, or that the user cannot even look up, shows nobody's home.
 */
static void find_cover(struct builder *b, const struct nsh_item *item)
{
	struct cover *cover = &b->covers[b->n_covers];
	char path[PATH_MAX];
	char resolved[PATH_MAX];
	int ret;

	snprintf(path, sizeof(path), "%.*s", (int)item->len, item->text);
	ret = nsh_path_resolve(path, resolved, b->err);
	if (ret == -ENOENT || ret == -EACCES)
		return;
	if (ret == 0)
		ret = nsh_path_held(resolved, b->session->user->uid, b->err);
	if (ret == 0 && !strcmp(resolved, b->home))
		ret = nsh_err_set(b->err, NSH_REASON_POLICY, -EINVAL,
				  "%s holds homes, and is the home of this account too", path);
	if (ret < 0) {
		b->err->reason = NSH_REASON_POLICY;
		fail(b, nsh_err_context(b->err, ret, "view.homes"));
		return;
	}
	put(b, &cover->path, "%s", resolved);
	cover->name = item->text;
	cover->name_len = item->len;
	b->n_covers += b->ret == 0;
}

/* Of two that are the same the first one counts. */
static bool is_inner(const struct cover *covers, size_t count, size_t i)
{
	for (size_t j = 0; j < count; j++)
		if (nsh_path_below(covers[j].path, covers[i].path) ||
		    (j < i && !strcmp(covers[j].path, covers[i].path)))
			return true;
	return false;
}

/* Of two folders where one is in the other, covering the outer one is enough. */
static void choose_covers(struct builder *b)
{
	size_t chosen = 0;

	for (size_t i = 0; i < b->n_covers; i++)
		b->covers[i].inner = is_inner(b->covers, b->n_covers, i);
	for (size_t i = 0; i < b->n_covers; i++) {
		if (b->covers[i].inner)
			free(b->covers[i].path);
		else
			b->covers[chosen++] = b->covers[i];
	}
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
	if (b->ret == 0)
		choose_covers(b);
}

/* Makes every folder of below inside folder; the last one only when all is true. */
static void add_folders(struct builder *b, const char *folder, const char *below, bool all)
{
	char path[PATH_MAX];

	for (const char *at = below; at; at = strchr(at, '/')) {
		const char *end;

		at += at != below;
		end = strchr(at, '/');
		if (!end && !all)
			return;
		snprintf(path, sizeof(path), "%s/%.*s", folder,
			 (int)((end ? end : at + strlen(at)) - below), below);
		add_folder(b, path, 0755);
		at = end ? end : at + strlen(at);
		if (!*at)
			return;
	}
}

/*
 * The name of the home in the account database must lead to it although the folder that holds the
 * name is covered, also when that name is a link of root's to another place.
 */
static void add_home_link(struct builder *b, const struct cover *cover)
{
	const char *home = b->session->user->home;
	char folder[PATH_MAX];
	const char *real = nsh_path_below(cover->path, b->home);
	const char *below;
	struct nsh_op *op;

	snprintf(folder, sizeof(folder), "%.*s", (int)cover->name_len, cover->name);
	below = nsh_path_below(folder, home);
	if (!below || (real && !strcmp(below, real)))
		return;
	add_folders(b, cover->skeleton, below, false);
	op = add(b, NSH_OP_LINK);
	put(b, &op->path, "%s/%s", cover->skeleton, below);
	put(b, &op->text, "%s", b->home);
}

static void add_skeleton(struct builder *b, const struct cover *cover)
{
	const char *below = b->home[0] ? nsh_path_below(cover->path, b->home) : NULL;

	add_folder(b, cover->skeleton, 0755);
	if (below)
		add_folders(b, cover->skeleton, below, true);
	if (b->home[0])
		add_home_link(b, cover);
}

static void add_homes(struct builder *b)
{
	for (size_t i = 0; i < b->n_covers; i++)
		add_bind(b, b->covers[i].skeleton, b->covers[i].path, false);
}

static void add_keep_home(struct builder *b)
{
	add_path(b, NSH_OP_KEEP, b->home)->slot = NSH_SLOT_HOME;
}

static void add_restore_home(struct builder *b)
{
	add_path(b, NSH_OP_RESTORE, b->home)->slot = NSH_SLOT_HOME;
}

/*
 * sshd puts a forwarded agent's socket into a folder of its own in /tmp. The environment names it,
 * and the environment is the user's, so only what looks as sshd makes it is brought along; that it
 * is the user's own socket is checked when it is opened.
 */
static bool is_agent_socket(const char *path)
{
	const char *folder = path ? nsh_path_below("/tmp", path) : NULL;
	const char *name = folder ? strchr(folder, '/') : NULL;

	return name && !strncmp(folder, "ssh-", 4) && !strncmp(name, "/agent.", 7) &&
	       !strchr(name + 1, '/') && strlen(path) < 100;
}

static void add_private_tmp(struct builder *b)
{
	static const char names[][8] = {"tmp", "var-tmp", "shm"};
	static const char paths[][9] = {"/tmp", "/var/tmp", "/dev/shm"};
	bool agent = is_agent_socket(b->session->agent_socket);
	char folder[PATH_MAX];

	if (agent)
		add_path(b, NSH_OP_SOCKET, b->session->agent_socket)->slot = NSH_SLOT_AGENT;
	add_tmpfs(b, b->folder, "mode=0755");
	for (size_t i = 0; i < 3; i++) {
		snprintf(folder, sizeof(folder), "%s/%s", b->folder, names[i]);
		add_folder(b, folder, 01777);
		add_bind(b, folder, paths[i], false);
	}
	if (agent)
		add_path(b, NSH_OP_REOPEN, b->session->agent_socket)->slot = NSH_SLOT_AGENT;
	for (size_t i = 0; i < 3; i++) {
		const char *below = b->home[0] ? nsh_path_below(paths[i], b->home) : NULL;

		if (below)
			add_folders(b, paths[i], below, true);
	}
}

static bool is_in_tmp(const char *path)
{
	return nsh_path_below("/tmp", path) || nsh_path_below("/var/tmp", path) ||
	       nsh_path_below("/dev/shm", path);
}

/* The name first, so that it wins over what the machine's own file says of it. */
static void add_hosts(struct builder *b)
{
	const char *name = b->session->hostname;
	int label = (int)strcspn(name, ".");
	struct nsh_op *op = add_own(b, NSH_OP_FILE, "hosts");

	if (name[label])
		put_text(b, op, "127.0.1.1\t%s %.*s\n", name, label, name);
	else
		put_text(b, op, "127.0.1.1\t%s\n", name);
	put(b, &op->source, "/etc/hosts");
	op->mode = 0444;
	op = add_own(b, NSH_OP_FILE, "hostname");
	put_text(b, op, "%s\n", name);
	op->mode = 0444;
}

/* What says of a session what it is, for those who are in it. */
static void add_session_files(struct builder *b)
{
	size_t len;
	char *policy = nsh_policy_write(b->session->policy, &len);

	add_tmpfs(b, b->folder, "mode=0755,size=" SESSION_SIZE);
	if (!policy)
		no_memory(b);
	else
		add_text(b, "policy", 0444, policy, len);
	free(policy);
	add_text(b, "id", 0444, b->session->id, NSH_ID_LEN);
	if (*nsh_policy_text(b->session->policy, NSH_KEY_VIEW_HIDE)) {
		add_text(b, "empty-file", 0, "", 0);
		add_own(b, NSH_OP_FOLDER, "empty-folder")->mode = 0;
	}
}

static void add_names(struct builder *b)
{
	char source[PATH_MAX];

	add_hosts(b);
	snprintf(source, sizeof(source), "%s/hosts", b->folder);
	add_bind(b, source, "/etc/hosts", true);
	snprintf(source, sizeof(source), "%s/hostname", b->folder);
	add_bind(b, source, "/etc/hostname", true);
}

/* Who the session is for, in the form of passwd(5), and the user namespace that it is to be in. */
static void add_frame_files(struct builder *b)
{
	const struct nsh_user *user = b->session->user;
	struct nsh_op *op = add_own(b, NSH_OP_FILE, "account");

	put_text(b, op, "%s:x:%u:%u::%s:%s\n", user->name, user->uid, user->gid, user->home,
		 user->shell);
	op->mode = 0444;
	add_text(b, "user", 0444, "", 0);
	add_own(b, NSH_OP_PIN, "user")->fd = b->session->userns;
	add_names(b);
}

/*
 * /tmp and its like, homes and the session's files. The home is held before anything can cover it.
 */
static void add_covers(struct builder *b, void (*add_more)(struct builder *b))
{
	bool private_tmp =
		nsh_policy_number(b->session->policy, NSH_KEY_VIEW_TMP) == NSH_TMP_PRIVATE;
	bool covered;

	find_home(b);
	find_covers(b);
	covered = b->home[0] && (is_covered(b, b->home) || (private_tmp && is_in_tmp(b->home)));
	if (covered)
		add_keep_home(b);
	if (private_tmp)
		add_private_tmp(b);
	add_session_files(b);
	add_more(b);
	for (size_t i = 0; i < b->n_covers; i++)
		add_skeleton(b, &b->covers[i]);
	add_homes(b);
	if (covered)
		add_restore_home(b);
}

/*
 * The end of every plan. /proc comes after all that is reached through held fds, because from then
 * on it shows the session's processes only. Hiding comes last, so that nothing is shown on top of it.
 */
static void add_end(struct builder *b, const char *proc, const char *bare_proc)
{
	size_t at;

	add_path(b, NSH_OP_SEAL, b->folder);
	at = b->plan->count;
	add_path(b, NSH_OP_PROC, "/proc");
	add_hides(b);
	if (b->ret == 0)
		put(b, &b->plan->ops[at].text, "%s", b->hides_in_proc ? bare_proc : proc);
}

static void add_hostname(struct builder *b)
{
	put_text(b, add(b, NSH_OP_HOSTNAME), "%s", b->session->hostname);
}

static void add_whole(struct builder *b)
{
	add_idmap(b);
	add_covers(b, add_names);
	add_end(b, "", "");
	add_hostname(b);
}

/* sshd's own processes are in the machine's PID namespace: its /proc hides what is not the user's. */
static void add_frame(struct builder *b)
{
	add(b, NSH_OP_SLAVE);
	add_covers(b, add_frame_files);
	add_end(b, "hidepid=invisible", "hidepid=invisible,subset=pid");
	add_hostname(b);
}

static void add_shell(struct builder *b)
{
	add_session_files(b);
	add_end(b, "", "");
	add_hostname(b);
}

static size_t count_homes(const struct nsh_policy *policy)
{
	const char *list = nsh_policy_text(policy, NSH_KEY_VIEW_HOMES);
	struct nsh_item item;
	size_t count = 0;

	while (nsh_list_next(&list, &item))
		count++;
	return count;
}

static void free_covers(struct builder *b)
{
	for (size_t i = 0; i < b->n_covers; i++)
		free(b->covers[i].path);
	free(b->covers);
}

int nsh_plan_build(struct nsh_plan *plan, const struct nsh_session *session, struct nsh_err *err)
{
	static void (*const stages[])(struct builder *) = {
		[NSH_STAGE_WHOLE] = add_whole,
		[NSH_STAGE_FRAME] = add_frame,
		[NSH_STAGE_SHELL] = add_shell,
	};
	struct builder b = {.plan = plan, .session = session, .err = err};

	b.folder = session->stage == NSH_STAGE_FRAME ? NSH_FRAME_FOLDER : NSH_SESSION_FOLDER;
	*plan = (struct nsh_plan){0};
	b.covers = calloc(count_homes(session->policy) + 1, sizeof(*b.covers));
	if (!b.covers)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -ENOMEM, "plan");
	stages[session->stage](&b);
	if (session->stage == NSH_STAGE_FRAME)
		plan->owner = session->user;
	free_covers(&b);
	if (b.ret < 0)
		nsh_plan_free(plan);
	return b.ret;
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
		int ret = resolve_hide(&item, user, resolved, err);

		if (ret < 0)
			return ret;
		if (ret == 0)
			continue;
		fprintf(out, "%s%s", separator, resolved);
		separator = ", ";
	}
	return 0;
}

int nsh_plan_settle(struct nsh_policy *policy, const struct nsh_user *user, struct nsh_err *err)
{
	NSH_FREE char *hides = NULL;
	size_t len;
	FILE *out = open_memstream(&hides, &len);
	int ret = out ? settle_hides(out, policy, user, err) : -ENOMEM;

	if (!out || fclose(out) != 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -ENOMEM, "plan");
	return ret < 0 ? ret : nsh_policy_settle(policy, NSH_KEY_VIEW_HIDE, hides, err);
}

void nsh_plan_free(struct nsh_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		free(plan->ops[i].path);
		free(plan->ops[i].source);
		free(plan->ops[i].text);
	}
	free(plan->ops);
	*plan = (struct nsh_plan){0};
}
