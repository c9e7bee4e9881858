/* SPDX-License-Identifier: MIT */
/*
 * /tmp and the other folders that everybody may write to: the session has its own.
 *
 * They are folders of one tmpfs. What covers its mount point next leaves no other path to it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "nsshell/limits.h"
#include "sandbox/build.h"
#include "sandbox/path.h"

/* In /run/user is the account's runtime folder: its sockets lead to programs outside of the session. */
#define USER_FOLDERS "/run/user"

const struct tmp_folder nsh_tmp_folders[NSH_TMP_FOLDERS] = {
	{"tmp", "/tmp", false},
	{"var-tmp", "/var/tmp", true},
	{"shm", "/dev/shm", true},
	{"run-lock", "/run/lock", true},
	{"run-screen", "/run/screen", true},
	{"run-user", USER_FOLDERS, true},
};

bool nsh_tmp_is(const char *path)
{
	for (size_t i = 0; i < NSH_TMP_FOLDERS; i++)
		if (!strcmp(nsh_tmp_folders[i].path, path))
			return true;
	return false;
}

const char *nsh_plan_tmp_folder(const char *path)
{
	for (size_t i = 0; i < NSH_TMP_FOLDERS; i++)
		if (nsh_path_below(nsh_tmp_folders[i].path, path))
			return nsh_tmp_folders[i].path;
	return NULL;
}

bool nsh_tmp_has(const char *path)
{
	return nsh_plan_tmp_folder(path) != NULL;
}

/*
 * sshd puts a forwarded agent's socket into a folder of its own in /tmp. The environment names it,
 * and the environment is the user's, so only what looks as sshd makes it is brought along; that it
 * is the user's own socket is checked when it is opened.
 */
bool nsh_tmp_is_agent(const char *path)
{
	const char *folder = path ? nsh_path_below("/tmp", path) : NULL;
	const char *name = folder ? strchr(folder, '/') : NULL;

	return name && !strncmp(folder, "ssh-", 4) && !strncmp(name, "/agent.", 7) &&
	       !strchr(name + 1, '/') && strlen(path) < 100;
}

/* What is forbidden in the machine's folder is forbidden in the session's. */
static void bind_folder(struct builder *b, const struct tmp_folder *folder)
{
	char path[PATH_MAX];
	struct statvfs fs;

	snprintf(path, sizeof(path), "%s/%s", b->folder, folder->name);
	nsh_build_bind(b, path, folder->path, folder->optional)->no_exec =
		statvfs(folder->path, &fs) == 0 && (fs.f_flag & ST_NOEXEC);
}

static void add_folder(struct builder *b, const struct tmp_folder *folder)
{
	struct nsh_op *op = nsh_build_own(b, NSH_OP_FOLDER, folder->name);

	op->mode = 01777;
	if (!strcmp(folder->path, USER_FOLDERS)) {
		op->mode = 0555; /* standalone it is the user's */
		op = nsh_build_add(b, NSH_OP_FOLDER);
		nsh_build_put(b, &op->path, "%s/%s/%u", b->folder, folder->name,
			      b->session->user->uid);
		op->mode = 0700;
		op->of_owner = true;
	}
	bind_folder(b, folder);
}

/* The copy of an ephemeral home has its owner and mode. */
static void add_overlay(struct builder *b)
{
	struct nsh_op *op;
	struct stat st;

	if (b->ret < 0)
		return;
	if (stat(b->home, &st) < 0) {
		nsh_build_fail(b, nsh_err_sys(b->err, NSH_REASON_VIEW, -errno, "%s", b->home));
		return;
	}
	if (st.st_uid != b->session->user->uid) {
		nsh_build_fail(b, nsh_err_set(b->err, NSH_REASON_POLICY, -EPERM,
					      "view.home = ephemeral: %s is not the account's own",
					      b->home));
		return;
	}
	op = nsh_build_own(b, NSH_OP_FOLDER, "home-upper");
	op->mode = st.st_mode & 07777;
	op->of_owner = true;
	op = nsh_build_own(b, NSH_OP_FOLDER, "home-work");
	op->mode = 0700;
	op->of_owner = true;
	nsh_build_own(b, NSH_OP_OVERLAY, "home")->slot = b->home_slot;
}

/* As many files as pages, which is what the kernel lets a tmpfs have in all (tmpfs(5)). */
static void add_tmpfs(struct builder *b)
{
	const char *size = nsh_policy_text(b->session->policy, NSH_KEY_VIEW_TMP_SIZE);
	uint64_t bytes = nsh_memory_amount(size);
	struct nsh_op *op = nsh_build_path(b, NSH_OP_TMPFS, b->folder);

	if (bytes == NSH_MEMORY_UNKNOWN && b->ret == 0)
		nsh_build_fail(b, nsh_err_sys(b->err, NSH_REASON_MACHINE, -EIO,
					      "view.tmp_size: the machine's memory"));
	if (bytes)
		nsh_build_put(b, &op->text, "mode=0755,size=%" PRIu64 ",nr_inodes=%" PRIu64, bytes,
			      bytes / 4096);
	else
		nsh_build_put(b, &op->text, "mode=0755");
}

static void add_folders(struct builder *b)
{
	for (size_t i = 0; i < NSH_TMP_FOLDERS; i++)
		add_folder(b, &nsh_tmp_folders[i]);
	for (size_t i = 0; i < NSH_TMP_FOLDERS; i++) {
		const char *path = nsh_tmp_folders[i].path;
		const char *below = b->home[0] ? nsh_path_below(path, b->home) : NULL;

		if (below)
			nsh_build_folders(b, path, below, true);
	}
}

/* In another root they are shown as they are. */
bool nsh_tmp_is_thawed(const struct builder *b)
{
	return b->frozen && !b->private_tmp && !b->root[0] && b->session->stage != NSH_STAGE_SHELL;
}

void nsh_tmp_hold(struct builder *b)
{
	char path[PATH_MAX];

	if (!nsh_tmp_is_thawed(b))
		return;
	b->tmp_slot = b->plan->n_slots;
	for (unsigned i = 0; i < NSH_TMP_FOLDERS; i++) {
		unsigned slot = nsh_build_slot(b);

		if (nsh_build_find(b, nsh_tmp_folders[i].path, path))
			nsh_build_hold(b, path, slot, true);
	}
}

static void show_thawed(struct builder *b)
{
	for (unsigned i = 0; i < NSH_TMP_FOLDERS && nsh_tmp_is_thawed(b); i++)
		nsh_build_add(b, NSH_OP_SHOW)->slot = b->tmp_slot + i;
}

void nsh_tmp_make(struct builder *b)
{
	bool ephemeral = b->home[0] && nsh_homes_is_ephemeral(b);
	bool agent = b->private_tmp && nsh_tmp_is_agent(b->session->agent_socket);
	unsigned slot = agent ? nsh_build_slot(b) : 0;

	if (agent)
		nsh_build_path(b, NSH_OP_SOCKET, b->session->agent_socket)->slot = slot;
	if (b->private_tmp || ephemeral)
		add_tmpfs(b);
	if (ephemeral)
		add_overlay(b);
	show_thawed(b);
	nsh_homes_show_in_place(b);
	if (b->private_tmp)
		add_folders(b);
	if (agent)
		nsh_build_path(b, NSH_OP_REOPEN, b->session->agent_socket)->slot = slot;
}

/* What is there by now, the session's own or the machine's, is there in another root too. */
void nsh_tmp_show_in_root(struct builder *b)
{
	for (size_t i = 0; i < NSH_TMP_FOLDERS; i++) {
		const struct tmp_folder *folder = &nsh_tmp_folders[i];
		char found[PATH_MAX];
		char path[PATH_MAX];
		unsigned slot;

		if (nsh_path_below("/dev", folder->path))
			continue;
		if (folder->optional ? !nsh_build_inside(b, folder->path, path)
				     : !nsh_build_needed(b, folder->path, path))
			continue;
		slot = nsh_build_slot(b);
		if (nsh_build_find(b, folder->path, found))
			nsh_build_hold(b, found, slot, true);
		nsh_build_show(b, path, slot);
	}
}
