/* SPDX-License-Identifier: MIT */
/*
 * pasta(1) for a frame: it has to last as long as the frame has a process.
 *
 * Nobody is told when the last process of a mount namespace ends, but the frame's own tmpfs is then
 * gone, and inotify(7) tells that. So a process waits for it: the keeper, which is the user's, has no
 * capability, and stands outside of the frame. When it ends, pasta ends.
 *
 * Both have numbers in the machine's PID namespace, and the user's other frames see those (in no session of
 * nsshell's). What they could be a door to by /proc/PID/root is seen to: the keeper cannot be looked into, and
 * pasta, whose owner the user is, starts in a root with nothing in it but what it needs, out of the
 * frame's own view.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "nsshell/plan.h"
#include "sandbox/identity.h"
#include "sandbox/nat_keep.h"
#include "sandbox/pasta.h"

struct keeper {
	const struct nsh_policy *policy;
	const struct nsh_user *user;
	const struct nsh_origin *origin;
	int userns;
	int netns;
	int frame; /* inotify fd */
	int result;
};

/* What the keeper tells the process that has started it. */
struct result {
	int code;
	struct nsh_err err;
};

/* The number of inotify instances is limited for each user: it is the user's own that is used. */
static int watch_frame(const struct nsh_user *user, struct nsh_err *err)
{
	int ret = nsh_identity_take(user, err);
	int fd;

	if (ret < 0)
		return ret;
	fd = inotify_init1(IN_CLOEXEC);
	if (fd < 0 || inotify_add_watch(fd, NSH_FRAME_FOLDER, IN_DELETE_SELF | IN_ONLYDIR) < 0) {
		ret = nsh_err_sys(err, NSH_REASON_NAMESPACES, -errno,
				  "network.mode = nat: watch the frame (sysctl "
				  "fs.inotify.max_user_instances?)");
		if (fd >= 0)
			close(fd);
	}
	if (nsh_identity_give_back(err) < 0)
		return -EPERM;
	return ret < 0 ? ret : fd;
}

static int become_user(const struct nsh_user *user, struct nsh_err *err)
{
	if (setgroups(user->n_groups, user->groups) < 0 ||
	    setresgid(user->gid, user->gid, user->gid) < 0 ||
	    setresuid(user->uid, user->uid, user->uid) < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "become the user");
	return 0;
}

static int leave_frame(const struct nsh_origin *origin, struct nsh_err *err)
{
	if (setns(origin->mount, CLONE_NEWNS) < 0 || setns(origin->uts, CLONE_NEWUTS) < 0 ||
	    chdir("/") < 0 || setsid() < 0)
		return nsh_err_sys(err, NSH_REASON_NAMESPACES, -errno, "leave the frame");
	return 0;
}

static int become_keeper(const struct keeper *keeper, struct nsh_err *err)
{
	int ret = leave_frame(keeper->origin, err);

	if (ret == 0)
		ret = become_user(keeper->user, err);
	if (ret == 0 && prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) < 0)
		ret = nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "prctl");
	return ret;
}

/* Carrying out an operation changes none of its texts. */
static struct nsh_op step(enum nsh_op_kind kind, const char *path, const char *more)
{
	struct nsh_op op = {.kind = kind, .path = (char *)path, .mode = 0755};

	if (kind == NSH_OP_BIND)
		op.source = (char *)more;
	else
		op.text = (char *)more;
	if (kind == NSH_OP_FILE)
		op.len = strlen(more);
	op.read_only = kind == NSH_OP_SHOW;
	return op;
}

#define ROOT NSH_FRAME_FOLDER

/* A root of pasta's own, in a mount namespace that ends when pasta enters an empty one. */
static int prepare_pasta(const struct nsh_pasta_start *start, struct nsh_err *err)
{
	struct nsh_slot slot = {.tree = -1, .place = -1};
	struct nsh_op ops[] = {
		step(NSH_OP_TMPFS, ROOT, "mode=0755"),
		step(NSH_OP_FOLDER, ROOT "/usr", NULL),
		step(NSH_OP_HOLD, "/usr", NULL),
		step(NSH_OP_SHOW, ROOT "/usr", NULL),
		step(NSH_OP_LINK, ROOT "/lib", "usr/lib"),
		step(NSH_OP_LINK, ROOT "/lib64", "usr/lib64"),
		step(NSH_OP_FOLDER, ROOT "/etc", NULL),
		step(NSH_OP_FILE, ROOT "/etc/resolv.conf", start->resolver->original),
		step(NSH_OP_FOLDER, ROOT "/dev", NULL),
		step(NSH_OP_FOLDER, ROOT "/dev/net", NULL),
		step(NSH_OP_FILE, ROOT "/dev/null", ""),
		step(NSH_OP_BIND, ROOT "/dev/null", "/dev/null"),
		step(NSH_OP_FILE, ROOT "/dev/net/tun", ""),
		step(NSH_OP_BIND, ROOT "/dev/net/tun", "/dev/net/tun"),
		/* It makes its empty root there. */
		step(NSH_OP_FOLDER, ROOT "/tmp", NULL),
		step(NSH_OP_FOLDER, ROOT "/proc", NULL),
		step(NSH_OP_PROC, ROOT "/proc", "hidepid=invisible"),
		step(NSH_OP_SEAL, ROOT, NULL),
		step(NSH_OP_ENTER, ROOT, NULL),
	};
	struct nsh_plan plan = {
		.ops = ops, .count = sizeof(ops) / sizeof(*ops), .slots = &slot, .n_slots = 1};
	int ret;

	if (unshare(CLONE_NEWNS) < 0)
		return nsh_err_sys(err, NSH_REASON_NAMESPACES, -errno, "unshare");
	ret = nsh_plan_run(&plan, err);
	return ret < 0 ? ret : become_user(start->user, err);
}

/* The frame's end or pasta's, whichever is first. What else inotify has to say ends it as well. */
static void wait_for_end(int frame, pid_t pasta)
{
	struct pollfd ends[] = {
		{.fd = frame, .events = POLLIN},
		{.fd = pidfd_open(pasta, 0), .events = POLLIN},
	};

	if (ends[1].fd < 0)
		return;
	while (poll(ends, 2, -1) < 0 && errno == EINTR)
		;
}

/* All that it holds is closed, or it would be part of what it waits for. */
static int close_others(const struct keeper *keeper)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int keep = STDERR_FILENO + 1;

	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 ||
	    (keeper->frame != keep && dup3(keeper->frame, keep, O_CLOEXEC) < 0))
		return -1;
	return close_range((unsigned)keep + 1, ~0U, 0) < 0 ? -1 : keep;
}

/* The user's powers are taken on by both before pasta has been executed. */
static int start_pasta(const struct keeper *keeper, struct nsh_pasta *pasta, struct nsh_err *err)
{
	struct nsh_pasta_start start = {
		.policy = keeper->policy,
		.resolver = &keeper->origin->resolver,
		.userns = keeper->userns,
		.netns = keeper->netns,
		.prepare = prepare_pasta,
		.user = keeper->user,
	};
	int ret = nsh_pasta_spawn(pasta, &start, err);

	if (ret == 0)
		ret = become_keeper(keeper, err);
	return ret < 0 ? ret : nsh_pasta_await(pasta, err);
}

static void run_keeper(const struct keeper *keeper)
{
	struct result result = {0};
	struct nsh_pasta pasta;
	sigset_t all;
	int frame;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	result.code = start_pasta(keeper, &pasta, &result.err);
	if (write(keeper->result, &result, sizeof(result)) != (ssize_t)sizeof(result) ||
	    result.code < 0)
		_exit(1);
	frame = close_others(keeper);
	if (frame >= 0)
		wait_for_end(frame, pasta.pid);
	_exit(0);
}

static int await_result(int fd, struct nsh_err *err)
{
	struct result result;

	if (read(fd, &result, sizeof(result)) != (ssize_t)sizeof(result))
		return nsh_err_set(err, NSH_REASON_NAMESPACES, -EIO,
				   "network.mode = nat: the keeper of pasta ended");
	if (result.code < 0)
		*err = result.err;
	return result.code < 0 ? result.code : 0;
}

int nsh_nat_keep(const struct nsh_policy *policy, const struct nsh_user *user, int userns,
		 int netns, const struct nsh_origin *origin, struct nsh_err *err)
{
	struct keeper keeper = {
		.policy = policy, .user = user, .origin = origin, .userns = userns, .netns = netns};
	NSH_CLOSE int frame = watch_frame(user, err);
	NSH_CLOSE int in = -1;
	int ends[2];
	pid_t pid;

	if (frame < 0)
		return frame;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "pipe");
	in = ends[0];
	keeper.frame = frame;
	keeper.result = ends[1];
	pid = fork();
	if (pid == 0)
		run_keeper(&keeper);
	close(ends[1]);
	if (pid < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "fork");
	return await_result(in, err);
}
