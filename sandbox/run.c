/* SPDX-License-Identifier: MIT */
/*
 * Carrying out a plan, inside the new namespaces.
 *
 * Runs between clone(2) and the shell, with all capabilities over the new user namespace and none
 * over the machine; or, for a frame, as root in the session helper. It allocates nothing and looks up
 * no names. The first operation that fails ends it: a session is made as asked or not at all.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "sandbox/network.h"
#include "sandbox/path.h"
#include "sandbox/proc.h"
#include "sandbox/run.h"

int nsh_run_failed(struct run *run, const char *what, const char *path)
{
	return nsh_err_sys(run->err, NSH_REASON_VIEW, -errno, "%s %s", what, path);
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t done = write(fd, text, len);

		if (done < 0)
			return -errno;
		text += done;
		len -= (size_t)done;
	}
	return 0;
}

/* Slave and not private: what the machine mounts later (automounted homes) is to be seen. */
static int run_slave(struct run *run, const struct nsh_op *op)
{
	(void)op;
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return nsh_run_failed(run, "make a slave of", "/");
	return 0;
}

/*
 * The maps of a process that cannot be looked into are root's. It can be meanwhile, by processes of the user's that are
 * in no frame and so are not confined by anything.
 */
static int run_idmap(struct run *run, const struct nsh_op *op)
{
	char maps[2][64];
	int ret;

	for (int i = 0; i < 2; i++)
		snprintf(maps[i], sizeof(maps[i]), "%u %u 1", op->inside[i], op->outside[i]);
	if (prctl(PR_SET_DUMPABLE, 1L, 0L, 0L, 0L) < 0)
		return nsh_run_failed(run, "map ids in", "/proc/self");
	ret = nsh_proc_map_ids("self", maps[0], maps[1], run->err);
	if (prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) < 0 && ret == 0)
		ret = nsh_run_failed(run, "map ids in", "/proc/self");
	return ret;
}

static int run_loopback(struct run *run, const struct nsh_op *op)
{
	(void)op;
	return nsh_network_loopback(run->err);
}

/* mkdir(2) sets no set-group-ID bit, and what becomes another's loses it. */
static int run_folder(struct run *run, const struct nsh_op *op)
{
	if (mkdir(op->path, op->mode) < 0 && errno != EEXIST)
		return nsh_run_failed(run, "make the folder", op->path);
	if (!op->of_owner)
		return 0;
	if ((run->owner && lchown(op->path, run->owner->uid, run->owner->gid) < 0) ||
	    chmod(op->path, op->mode) < 0)
		return nsh_run_failed(run, "hand over the folder", op->path);
	return 0;
}

static int copy_into(struct run *run, int out, const char *source)
{
	NSH_CLOSE int in = open(source, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t done;

	if (in < 0)
		return errno == ENOENT ? 0 : nsh_run_failed(run, "open", source);
	while ((done = sendfile(out, in, NULL, SSIZE_MAX >> 1)) > 0)
		;
	return done < 0 ? nsh_run_failed(run, "copy", source) : 0;
}

static int run_file(struct run *run, const struct nsh_op *op)
{
	NSH_CLOSE int fd = -1;
	int ret;

	if (!op->len && !op->source)
		return mknod(op->path, S_IFREG | op->mode, 0) < 0
			       ? nsh_run_failed(run, "make the file", op->path)
			       : 0;
	fd = open(op->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, op->mode);
	if (fd < 0)
		return nsh_run_failed(run, "make the file", op->path);
	ret = write_all(fd, op->text, op->len);
	if (ret < 0)
		return nsh_err_sys(run->err, NSH_REASON_VIEW, ret, "write %s", op->path);
	if (op->source)
		ret = copy_into(run, fd, op->source);
	return ret;
}

/* One file with many names is enough to mount on. */
static int run_places(struct run *run, const struct nsh_op *op)
{
	char path[PATH_MAX];
	char first[PATH_MAX];

	snprintf(first, sizeof(first), "%s0", op->path);
	if (mknod(first, S_IFREG | op->mode, 0) < 0)
		return nsh_run_failed(run, "make the file", first);
	for (int i = 1; i < op->number; i++) {
		snprintf(path, sizeof(path), "%s%d", op->path, i);
		if (link(first, path) < 0)
			return nsh_run_failed(run, "make the file", path);
	}
	return 0;
}

static int run_link(struct run *run, const struct nsh_op *op)
{
	if (symlink(op->text, op->path) < 0)
		return nsh_run_failed(run, "make the link", op->path);
	return 0;
}

static int run_fifo(struct run *run, const struct nsh_op *op)
{
	if (mkfifo(op->path, op->mode) < 0)
		return nsh_run_failed(run, "make the named pipe", op->path);
	return 0;
}

static int run_bind(struct run *run, const struct nsh_op *op)
{
	const unsigned long forbidden = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	if (mount(op->source, op->path, NULL, MS_BIND, NULL) < 0)
		return errno == ENOENT && op->optional
			       ? 0
			       : nsh_run_failed(run, "bind a folder or file of the session's on",
						op->path);
	if (!op->no_exec ||
	    mount(NULL, op->path, NULL, MS_REMOUNT | MS_BIND | forbidden, NULL) == 0)
		return 0;
	return nsh_run_failed(run, "forbid to execute what is in", op->path);
}

/*
 * It was there when the plan was made. What is gone by now could come back. mount(2) would follow a link that
 * another user has put there since, and cover what that leads to.
 */
static int run_hide(struct run *run, const struct nsh_op *op)
{
	NSH_CLOSE int place = nsh_path_open(op->path, 0);
	NSH_CLOSE int cover = -1;
	char source[PATH_MAX];
	struct stat st;

	if (place < 0 || fstat(place, &st) < 0) {
		if (place == -ENOENT && op->optional)
			return 0;
		return nsh_err_sys(run->err, NSH_REASON_VIEW, place < 0 ? place : -errno, "hide %s",
				   op->path);
	}
	snprintf(source, sizeof(source), "%s-%s", op->source,
		 S_ISDIR(st.st_mode) ? "folder" : "file");
	cover = open_tree(AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (cover < 0 ||
	    move_mount(cover, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return nsh_run_failed(run, "hide", op->path);
	return 0;
}

/* What is below a held fd, on a path. */
static int bind_fd(int fd, const char *name, const char *path)
{
	char source[PATH_MAX];

	snprintf(source, sizeof(source), "/proc/self/fd/%d%s%s", fd, *name ? "/" : "", name);
	return mount(source, path, NULL, MS_BIND, NULL);
}

static int run_device(struct run *run, const struct nsh_op *op)
{
	if (bind_fd(run->slots[op->slot].place, op->text, op->path) < 0)
		return nsh_run_failed(run, "show the device", op->path);
	return 0;
}

static int run_pin(struct run *run, const struct nsh_op *op)
{
	if (bind_fd(op->fd, "", op->path) < 0)
		return nsh_run_failed(run, "bind a namespace on", op->path);
	return 0;
}

/*
 * The limit is one of the user namespace that the writer is in, and takes a capability over it to be
 * raised again (user_namespaces(7)): no filter has to hold for it. Other namespaces take a capability
 * too, and so a user namespace.
 */
static int run_no_userns(struct run *run, const struct nsh_op *op)
{
	NSH_CLOSE int fd = open(op->path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "0", 1) != 1)
		return nsh_run_failed(run, "write 0 to", op->path);
	return 0;
}

static int run_hostname(struct run *run, const struct nsh_op *op)
{
	if (sethostname(op->text, op->len) < 0)
		return nsh_run_failed(run, "set the host name", op->text);
	return 0;
}

static nsh_run_fn *const functions[] = {
	[NSH_OP_SLAVE] = run_slave,
	[NSH_OP_IDMAP] = run_idmap,
	[NSH_OP_LOOPBACK] = run_loopback,
	[NSH_OP_HOLD] = nsh_run_hold,
	[NSH_OP_MARK] = nsh_run_mark,
	[NSH_OP_SOCKET] = nsh_run_socket,
	[NSH_OP_FREEZE] = nsh_run_freeze,
	[NSH_OP_THAW] = nsh_run_thaw,
	[NSH_OP_READ_ONLY] = nsh_run_read_only,
	[NSH_OP_TMPFS] = nsh_run_tmpfs,
	[NSH_OP_FOLDER] = run_folder,
	[NSH_OP_FILE] = run_file,
	[NSH_OP_PLACES] = run_places,
	[NSH_OP_LINK] = run_link,
	[NSH_OP_FIFO] = run_fifo,
	[NSH_OP_BIND] = run_bind,
	[NSH_OP_DEVICE] = run_device,
	[NSH_OP_HIDE] = run_hide,
	[NSH_OP_SHOW] = nsh_run_show,
	[NSH_OP_REOPEN] = nsh_run_reopen,
	[NSH_OP_OVERLAY] = nsh_run_overlay,
	[NSH_OP_PIN] = run_pin,
	[NSH_OP_SEAL] = nsh_run_seal,
	[NSH_OP_TERMINALS] = nsh_run_terminals,
	[NSH_OP_SYS] = nsh_run_sys,
	[NSH_OP_PROC] = nsh_run_proc,
	[NSH_OP_NO_USERNS] = run_no_userns,
	[NSH_OP_ENTER] = nsh_run_enter,
	[NSH_OP_HOSTNAME] = run_hostname,
};

static void let_go(const struct nsh_plan *plan)
{
	for (unsigned i = 0; i < plan->n_slots; i++) {
		nsh_cleanup_close(&plan->slots[i].tree);
		nsh_cleanup_close(&plan->slots[i].place);
	}
}

int nsh_plan_run(const struct nsh_plan *plan, struct nsh_err *err)
{
	struct run run = {.slots = plan->slots, .owner = plan->owner, .err = err};
	int ret = 0;

	for (size_t i = 0; i < plan->count && ret == 0; i++)
		ret = functions[plan->ops[i].kind](&run, &plan->ops[i]);
	let_go(plan);
	return ret < 0 ? ret : run.terminal;
}
