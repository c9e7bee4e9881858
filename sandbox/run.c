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
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "nsshell/plan.h"
#include "sandbox/identity.h"
#include "sandbox/path.h"
#include "sandbox/proc.h"

struct run {
	int slots[NSH_SLOT_COUNT]; /* fds, -1 when there is nothing to restore */
	const struct nsh_user *owner;
	struct nsh_err *err;
};

typedef int op_fn(struct run *run, const struct nsh_op *op);

static int failed(struct run *run, const char *what, const char *path)
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
		return failed(run, "make a slave of", "/");
	return 0;
}

static int run_idmap(struct run *run, const struct nsh_op *op)
{
	char maps[2][64];

	for (int i = 0; i < 2; i++)
		snprintf(maps[i], sizeof(maps[i]), "%u %u 1", op->inside[i], op->outside[i]);
	return nsh_proc_map_ids("self", maps[0], maps[1], run->err);
}

/* A folder above the home may be the user's: root's powers have no business there. */
static int run_keep(struct run *run, const struct nsh_op *op)
{
	int ret = run->owner ? nsh_identity_take(run->owner, run->err) : 0;
	int fd = ret < 0 ? ret : nsh_path_open(op->path, O_DIRECTORY);

	if (ret == 0 && run->owner)
		ret = nsh_identity_give_back(run->err);
	if (ret < 0)
		return ret;
	if (fd < 0)
		return nsh_err_sys(run->err, NSH_REASON_VIEW, fd, "open %s", op->path);
	run->slots[op->slot] = fd;
	return 0;
}

/* The path came from the user: whatever is wrong with it only means that there is no socket. */
static int run_socket(struct run *run, const struct nsh_op *op)
{
	int fd = nsh_path_open(op->path, 0);
	struct stat st;

	if (fd < 0)
		return 0;
	if (fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode) || st.st_uid != getuid()) {
		close(fd);
		return 0;
	}
	run->slots[op->slot] = fd;
	return 0;
}

static int run_tmpfs(struct run *run, const struct nsh_op *op)
{
	if (mount("tmpfs", op->path, "tmpfs", MS_NOSUID | MS_NODEV, op->text) < 0)
		return failed(run, "mount a tmpfs on", op->path);
	return 0;
}

static int run_folder(struct run *run, const struct nsh_op *op)
{
	if (mkdir(op->path, op->mode) < 0 && errno != EEXIST)
		return failed(run, "make the folder", op->path);
	return 0;
}

static int copy_into(struct run *run, int out, const char *source)
{
	NSH_CLOSE int in = open(source, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t done;

	if (in < 0)
		return errno == ENOENT ? 0 : failed(run, "open", source);
	while ((done = sendfile(out, in, NULL, SSIZE_MAX >> 1)) > 0)
		;
	return done < 0 ? failed(run, "copy", source) : 0;
}

static int run_file(struct run *run, const struct nsh_op *op)
{
	NSH_CLOSE int fd = open(op->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, op->mode);
	int ret;

	if (fd < 0)
		return failed(run, "make the file", op->path);
	ret = write_all(fd, op->text, op->len);
	if (ret < 0)
		return nsh_err_sys(run->err, NSH_REASON_VIEW, ret, "write %s", op->path);
	if (op->source)
		ret = copy_into(run, fd, op->source);
	return ret;
}

static int run_link(struct run *run, const struct nsh_op *op)
{
	return symlink(op->text, op->path) < 0 ? failed(run, "make the link", op->path) : 0;
}

static int run_bind(struct run *run, const struct nsh_op *op)
{
	if (mount(op->source, op->path, NULL, MS_BIND, NULL) == 0)
		return 0;
	if (errno == ENOENT && op->optional)
		return 0;
	return failed(run, "bind a folder or file of the session's on", op->path);
}

/* It was there when the plan was made. What is not in the session's view now is hidden already. */
static int run_hide(struct run *run, const struct nsh_op *op)
{
	char source[PATH_MAX];
	struct stat st;

	if (stat(op->path, &st) < 0)
		return errno == ENOENT ? 0 : failed(run, "hide", op->path);
	snprintf(source, sizeof(source), "%s-%s", op->source,
		 S_ISDIR(st.st_mode) ? "folder" : "file");
	return mount(source, op->path, NULL, MS_BIND, NULL) < 0 ? failed(run, "hide", op->path) : 0;
}

static int bind_fd(int fd, const char *path, unsigned long flags)
{
	char source[sizeof("/proc/self/fd/") + 3 * sizeof(fd)];

	snprintf(source, sizeof(source), "/proc/self/fd/%d", fd);
	return mount(source, path, NULL, MS_BIND | flags, NULL);
}

/* Recursive: what is mounted in the home comes along, and the kernel refuses to uncover it. */
static int run_restore(struct run *run, const struct nsh_op *op)
{
	if (run->slots[op->slot] < 0)
		return 0;
	if (bind_fd(run->slots[op->slot], op->path, MS_REC) < 0)
		return failed(run, "bind the user's own", op->path);
	close(run->slots[op->slot]);
	run->slots[op->slot] = -1;
	return 0;
}

/* The folder is made as sshd makes it, for its owner only. */
static int run_reopen(struct run *run, const struct nsh_op *op)
{
	char folder[PATH_MAX];
	int fd;

	if (run->slots[op->slot] < 0)
		return 0;
	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(op->path, '/') - op->path),
		 op->path);
	if (mkdir(folder, 0700) < 0)
		return failed(run, "make the folder", folder);
	fd = open(op->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return failed(run, "make the file", op->path);
	close(fd);
	return run_restore(run, op);
}

static int run_pin(struct run *run, const struct nsh_op *op)
{
	if (bind_fd(op->fd, op->path, 0) < 0)
		return failed(run, "bind the user namespace on", op->path);
	return 0;
}

static int run_seal(struct run *run, const struct nsh_op *op)
{
	if (mount(NULL, op->path, NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) < 0)
		return failed(run, "make read-only", op->path);
	return 0;
}

static int run_proc(struct run *run, const struct nsh_op *op)
{
	if (mount("proc", op->path, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, op->text) == 0)
		return 0;
	if (errno == EPERM)
		return nsh_err_set(
			run->err, NSH_REASON_NAMESPACES, -EPERM,
			"mount %s: not permitted; parts of the machine's own %s are covered "
			"(mount_namespaces(7))",
			op->path, op->path);
	return failed(run, "mount", op->path);
}

static int run_hostname(struct run *run, const struct nsh_op *op)
{
	return sethostname(op->text, op->len) < 0 ? failed(run, "set the host name", op->text) : 0;
}

static op_fn *const functions[] = {
	[NSH_OP_SLAVE] = run_slave,     [NSH_OP_IDMAP] = run_idmap,
	[NSH_OP_KEEP] = run_keep,       [NSH_OP_SOCKET] = run_socket,
	[NSH_OP_TMPFS] = run_tmpfs,     [NSH_OP_FOLDER] = run_folder,
	[NSH_OP_FILE] = run_file,       [NSH_OP_LINK] = run_link,
	[NSH_OP_BIND] = run_bind,       [NSH_OP_HIDE] = run_hide,
	[NSH_OP_RESTORE] = run_restore, [NSH_OP_REOPEN] = run_reopen,
	[NSH_OP_PIN] = run_pin,         [NSH_OP_SEAL] = run_seal,
	[NSH_OP_PROC] = run_proc,       [NSH_OP_HOSTNAME] = run_hostname,
};

int nsh_plan_run(const struct nsh_plan *plan, struct nsh_err *err)
{
	struct run run = {.slots = {-1, -1}, .owner = plan->owner, .err = err};

	for (size_t i = 0; i < plan->count; i++) {
		int ret = functions[plan->ops[i].kind](&run, &plan->ops[i]);

		if (ret < 0)
			return ret;
	}
	return 0;
}
