/* SPDX-License-Identifier: MIT */
/*
 * From a policy to a plan.
 *
 * Theory of operation. Everything that a session sees instead of the machine's own comes from two
 * file systems of its own, both tmpfs, both first mounted on NSH_SESSION_FOLDER:
 *
 *	one that the user may write: its folders are shown on /tmp and its like, and an ephemeral home
 *	is written there;
 *	one that ends up read-only: session id and policy, hosts and hostname, what ssh includes, /dev, the folders
 *	that are shown on the folders of homes, and the empty file and folder that hide things.
 *
 * The second one covers the first one's mount point, so no path leads to it but those. What is needed of
 * a place that gets covered or read-only (the home, what is writable, the terminal, the agent's socket)
 * is held before, as a detached copy of its mounts, and shown on top afterwards.
 *
 * With the PAM module the work is shared. The frame (root's) has both file systems on
 * NSH_FRAME_FOLDER, covers, hides and freezes, and names the host; the shell (the user's) adds on
 * NSH_SESSION_FOLDER what goes with its own PID namespace and its own terminal: /proc and /dev, and what
 * sshd's own work needs to the end. The network is root's too, and with it /sys. Standalone, one plan is the whole.
 *
 * A [view] root is made in its place in the machine's tree, with paths that begin with it, and entered
 * last; a frame leaves that to the shell.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/build.h"
#include "sandbox/path.h"

static void add_idmap(struct builder *b)
{
	const struct nsh_session *session = b->session;
	bool root = nsh_policy_number(session->policy, NSH_KEY_IDENTITY_UID) == NSH_UID_ROOT;
	struct nsh_op *op = nsh_build_add(b, NSH_OP_IDMAP);

	op->outside[0] = session->user->uid;
	op->outside[1] = session->gid;
	op->inside[0] = root ? 0 : session->user->uid;
	op->inside[1] = root ? 0 : session->gid;
}

static void add_hostname(struct builder *b)
{
	nsh_build_text(b, nsh_build_add(b, NSH_OP_HOSTNAME), "%s", b->session->hostname);
}

/* What is in it says which programs run, so it must not be the user's to change. */
static int check_root(const struct builder *b, const char *name)
{
	uid_t uid = b->session->user->uid;
	struct stat st;
	int ret = nsh_path_held(b->root, uid, b->err);

	if (ret < 0)
		return ret;
	if (stat(b->root, &st) < 0)
		return nsh_err_sys(b->err, NSH_REASON_POLICY, -errno, "%s", name);
	if (!S_ISDIR(st.st_mode))
		return nsh_err_sys(b->err, NSH_REASON_POLICY, -ENOTDIR, "%s", name);
	if (st.st_uid == uid || faccessat(AT_FDCWD, b->root, W_OK, AT_EACCESS) == 0)
		return nsh_err_set(b->err, NSH_REASON_POLICY, -EPERM,
				   "%s: the user can write to it", b->root);
	return 0;
}

static void find_root(struct builder *b)
{
	const char *root = nsh_policy_text(b->session->policy, NSH_KEY_VIEW_ROOT);
	int ret;

	if (!strcmp(root, "/"))
		return;
	ret = nsh_path_resolve("", root, b->root, b->err);
	if (ret == 0 && !strcmp(b->root, "/"))
		b->root[0] = '\0';
	else if (ret == 0)
		ret = check_root(b, root);
	if (ret == 0)
		return;
	b->err->reason = NSH_REASON_POLICY;
	nsh_build_fail(b, nsh_err_context(b->err, ret, "view.root"));
}

/*
 * The end of every plan. /proc comes after all that is reached through held fds, because from then
 * on it shows the session's processes only. Hiding comes last, so that nothing is shown on top of it.
 */
static void add_end(struct builder *b, const char *proc, const char *bare_proc)
{
	char path[PATH_MAX];
	size_t at;

	nsh_build_path(b, NSH_OP_SEAL, b->folder);
	if (!nsh_build_needed(b, "/proc", path))
		return;
	at = b->plan->count;
	nsh_build_path(b, NSH_OP_PROC, path);
	nsh_lists_hide(b);
	if (b->ret == 0)
		nsh_build_put(b, &b->plan->ops[at].text, "%s", b->hides_in_proc ? bare_proc : proc);
}

/*
 * What of /proc belongs to the session's namespaces could be written where user id 0 is the session's.
 * A covered part keeps the kernel from giving nested namespaces a /proc (mount_namespaces(7)), so where
 * these are wanted it is left as it is.
 */
static void add_end_of_shell(struct builder *b)
{
	char path[PATH_MAX];

	add_end(b, "", "");
	if (nsh_policy_number(b->session->policy, NSH_KEY_SECURITY_NESTED_USERNS) == NSH_NO) {
		snprintf(path, sizeof(path), "%s/proc/sys/user/max_user_namespaces", b->root);
		nsh_build_path(b, NSH_OP_NO_USERNS, path);
		snprintf(path, sizeof(path), "%s/proc/sys", b->root);
		nsh_build_path(b, NSH_OP_READ_ONLY, path);
	}
	if (b->root[0])
		nsh_build_path(b, NSH_OP_ENTER, b->root);
	add_hostname(b);
}

/* The machine's tree, or that of another root, as it was before anything is shown in it. */
static void add_base(struct builder *b)
{
	if (b->root[0])
		nsh_build_path(b, NSH_OP_READ_ONLY, b->root);
	else if (b->frozen)
		nsh_build_add(b, NSH_OP_FREEZE);
	else
		return;
	/* sshd changes the owners of terminals; writing to devices does not need it. */
	if (b->session->stage == NSH_STAGE_FRAME ||
	    nsh_policy_number(b->session->policy, NSH_KEY_VIEW_DEV) == NSH_DEV_HOST) {
		nsh_build_path(b, NSH_OP_THAW, "/dev");
		nsh_build_path(b, NSH_OP_THAW, "/dev/pts");
	}
}

static void hold_all(struct builder *b)
{
	nsh_homes_find(b);
	nsh_lists_find(b);
	nsh_homes_hold(b);
	nsh_lists_hold(b);
	nsh_tmp_hold(b);
}

/* In another root this is asked for by name there, but the folder may be missing. */
static void show_session_folder(struct builder *b)
{
	char path[PATH_MAX];

	if (b->root[0] && nsh_build_inside(b, NSH_SESSION_FOLDER, path))
		nsh_build_bind(b, b->folder, path, true);
}

static void add_whole(struct builder *b)
{
	add_idmap(b);
	if (nsh_policy_number(b->session->policy, NSH_KEY_NETWORK_MODE) != NSH_NETWORK_HOST)
		nsh_build_add(b, NSH_OP_LOOPBACK);
	find_root(b);
	if (b->ret < 0)
		return;
	hold_all(b);
	nsh_dev_hold(b);
	add_base(b);
	nsh_lists_show(b, false);
	nsh_tmp_make(b);
	nsh_files_make(b);
	nsh_files_make_names(b);
	nsh_ssh_make(b);
	if (b->root[0])
		nsh_tmp_show_in_root(b);
	nsh_homes_cover(b);
	nsh_lists_show(b, true);
	nsh_files_hide_others(b);
	nsh_dev_make(b);
	nsh_dev_make_sys(b);
	show_session_folder(b);
	add_end_of_shell(b);
}

/*
 * sshd's own processes are in the machine's PID namespace: its /proc hides what is not the user's. In the
 * frame nothing is done for another root but what that has of the machine's: /tmp and the home.
 */
static void add_frame(struct builder *b)
{
	bool other_root = nsh_policy_has_other_root(b->session->policy);

	nsh_build_add(b, NSH_OP_SLAVE);
	nsh_homes_find(b);
	if (!other_root)
		nsh_lists_find(b);
	nsh_homes_hold(b);
	nsh_lists_hold(b);
	nsh_tmp_hold(b);
	nsh_files_hold_records(b);
	add_base(b);
	nsh_lists_show(b, false);
	nsh_files_show_records(b);
	nsh_tmp_make(b);
	nsh_files_make(b);
	nsh_files_make_frame(b);
	nsh_files_make_names(b);
	nsh_homes_cover(b);
	nsh_lists_show(b, true);
	nsh_dev_make_sys(b);
	nsh_files_guard_bus(b);
	add_end(b, "hidepid=invisible", "hidepid=invisible,subset=pid");
	add_hostname(b);
}

static void add_shell(struct builder *b)
{
	find_root(b);
	if (b->ret < 0)
		return;
	if (b->root[0])
		hold_all(b);
	else
		b->frozen = nsh_lists_freeze(b->session->policy);
	nsh_dev_hold(b);
	if (b->root[0]) {
		add_base(b);
		nsh_lists_show(b, false);
	}
	nsh_files_make(b);
	nsh_ssh_make(b);
	if (b->root[0]) {
		nsh_files_make_names(b);
		nsh_tmp_show_in_root(b);
		nsh_homes_cover(b);
		nsh_lists_show(b, true);
	}
	nsh_files_hide_others(b);
	nsh_dev_make(b);
	show_session_folder(b);
	add_end_of_shell(b);
}

static int make_slots(struct nsh_plan *plan, struct nsh_err *err)
{
	plan->slots = calloc(plan->n_slots + 1, sizeof(*plan->slots));
	if (!plan->slots)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -ENOMEM, "plan");
	for (unsigned i = 0; i < plan->n_slots; i++)
		plan->slots[i] = (struct nsh_slot){.tree = -1, .place = -1};
	return 0;
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
	b.private_tmp = nsh_policy_number(session->policy, NSH_KEY_VIEW_TMP) == NSH_TMP_PRIVATE;
	*plan = (struct nsh_plan){0};
	stages[session->stage](&b);
	if (session->stage == NSH_STAGE_FRAME)
		plan->owner = session->user;
	nsh_homes_free(&b);
	nsh_lists_free(&b);
	if (b.ret == 0)
		b.ret = make_slots(plan, err);
	if (b.ret < 0)
		nsh_plan_free(plan);
	return b.ret;
}

void nsh_plan_free(struct nsh_plan *plan)
{
	nsh_build_free_texts(plan->texts);
	free(plan->ops);
	free(plan->slots);
	*plan = (struct nsh_plan){0};
}
