/* SPDX-License-Identifier: MIT */
/*
 * Trees of mounts: held as a detached copy, shown elsewhere, made read-only.
 *
 * A copy is always of all that is mounted in a place: a part of it could show what the rest covers, and the
 * kernel refuses that to a user. What is read-only is also private, or what the machine mounts in it later
 * would come in writable.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "sandbox/identity.h"
#include "sandbox/path.h"
#include "sandbox/run.h"

#define OF_FD AT_EMPTY_PATH

/* A folder above the path may be the owner's: root's powers have no business there. */
static int open_place(struct run *run, const struct nsh_op *op)
{
	bool as_owner = run->owner && op->of_owner;
	int ret = as_owner ? nsh_identity_take(run->owner, run->err) : 0;
	int fd;

	if (ret < 0)
		return ret;
	fd = nsh_path_open(op->path, 0);
	if (as_owner && nsh_identity_give_back(run->err) < 0)
		return -EPERM;
	if (fd < 0 && !(fd == -ENOENT && op->optional))
		nsh_err_sys(run->err, NSH_REASON_VIEW, fd, "open %s", op->path);
	return fd;
}

static int copy_tree(int place)
{
	return open_tree(place, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | OF_FD);
}

static int make_read_only(int tree)
{
	struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY, .propagation = MS_PRIVATE};

	return mount_setattr(tree, "", AT_RECURSIVE | OF_FD, &attributes, sizeof(attributes));
}

int nsh_run_mark(struct run *run, const struct nsh_op *op)
{
	int fd = open_place(run, op);

	run->slots[op->slot].place = fd;
	return fd < 0 && !(fd == -ENOENT && op->optional) ? fd : 0;
}

int nsh_run_hold(struct run *run, const struct nsh_op *op)
{
	struct nsh_slot *slot = &run->slots[op->slot];
	int ret = nsh_run_mark(run, op);

	if (ret < 0 || slot->place < 0)
		return ret;
	slot->tree = copy_tree(slot->place);
	return slot->tree < 0 ? nsh_run_failed(run, "hold", op->path) : 0;
}

/* The path came from the user: whatever is wrong with it only means that there is no socket. */
int nsh_run_socket(struct run *run, const struct nsh_op *op)
{
	NSH_CLOSE int fd = nsh_path_open(op->path, 0);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_uid == getuid())
		run->slots[op->slot].tree = copy_tree(fd);
	return 0;
}

int nsh_run_freeze(struct run *run, const struct nsh_op *op)
{
	struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY, .propagation = MS_PRIVATE};

	(void)op;
	if (mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attributes, sizeof(attributes)) < 0)
		return nsh_run_failed(run, "make read-only", "/");
	return 0;
}

int nsh_run_thaw(struct run *run, const struct nsh_op *op)
{
	struct mount_attr attributes = {.attr_clr = MOUNT_ATTR_RDONLY};

	if (nsh_path_is_mount(AT_FDCWD, op->path, 0) != 1)
		return 0;
	if (mount_setattr(AT_FDCWD, op->path, 0, &attributes, sizeof(attributes)) < 0)
		return nsh_run_failed(run, "make writable", op->path);
	return 0;
}

int nsh_run_read_only(struct run *run, const struct nsh_op *op)
{
	NSH_CLOSE int place = open_place(run, op);
	NSH_CLOSE int tree = -1;

	if (place < 0)
		return place == -ENOENT && op->optional ? 0 : place;
	tree = copy_tree(place);
	if (tree < 0 || make_read_only(tree) < 0 ||
	    move_mount(tree, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return nsh_run_failed(run, "make read-only", op->path);
	return 0;
}

static void let_go(struct nsh_slot *slot)
{
	const int held[] = {slot->tree, slot->place};

	*slot = (struct nsh_slot){.tree = -1, .place = -1};
	for (size_t i = 0; i < sizeof(held) / sizeof(*held); i++)
		nsh_cleanup_close(&held[i]);
}

static int put_tree(const struct nsh_slot *slot, const struct nsh_op *op)
{
	/* A part of the path may be another user's, and is a link by now. */
	NSH_CLOSE int place = op->path ? nsh_path_open(op->path, 0) : -1;

	if (op->path && place < 0) {
		errno = -place;
		return -1;
	}
	if (op->read_only && make_read_only(slot->tree) < 0)
		return -1;
	return move_mount(slot->tree, "", op->path ? place : slot->place, "",
			  MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

/* A file that takes the place of the path, which is not there. */
static int put_elsewhere(const struct nsh_slot *slot, const struct nsh_op *op)
{
	struct nsh_op other = *op;

	other.path = op->source;
	return mknod(other.path, S_IFREG, 0) < 0 ? -1 : put_tree(slot, &other);
}

/* Without a path it is shown where it was. */
int nsh_run_show(struct run *run, const struct nsh_op *op)
{
	struct nsh_slot *slot = &run->slots[op->slot];
	int ret = 0;

	if (slot->tree < 0)
		return 0;
	if (put_tree(slot, op) < 0 &&
	    !(op->source && errno == ENOENT && put_elsewhere(slot, op) == 0))
		ret = nsh_run_failed(run, "show what is held on",
				     op->path ? op->path : "its place");
	let_go(slot);
	return ret;
}

/* The folder is made as sshd makes it, for its owner only. */
int nsh_run_reopen(struct run *run, const struct nsh_op *op)
{
	char folder[PATH_MAX];

	if (run->slots[op->slot].tree < 0)
		return 0;
	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(op->path, '/') - op->path),
		 op->path);
	if (mkdir(folder, 0700) < 0)
		return nsh_run_failed(run, "make the folder", folder);
	if (mknod(op->path, S_IFREG | 0600, 0) < 0)
		return nsh_run_failed(run, "make the file", op->path);
	return nsh_run_show(run, op);
}
