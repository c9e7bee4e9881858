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
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "nsshell/plan.h"
#include "nsshell/sandbox.h"
#include "sandbox/identity.h"
#include "nsshell/keeper.h"
#include "sandbox/nat_keep.h"
#include "sandbox/pasta.h"

struct keeper {
	const struct nsh_policy *policy;
	const struct nsh_user *user;
	const struct nsh_origin *origin;
	int userns;
	int netns;
	int frame; /* inotify fd */
	struct nsh_pasta pasta;
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

static int leave_frame(const struct nsh_origin *origin, struct nsh_err *err)
{
	if (setns(origin->mount, CLONE_NEWNS) < 0 || setns(origin->uts, CLONE_NEWUTS) < 0 ||
	    chdir("/") < 0)
		return nsh_err_sys(err, NSH_REASON_NAMESPACES, -errno, "leave the frame");
	return 0;
}

static int become_keeper(const struct keeper *keeper, struct nsh_err *err)
{
	int ret = leave_frame(keeper->origin, err);

	if (ret == 0)
		ret = nsh_sandbox_become(keeper->user, err);
	return ret < 0 ? ret : nsh_keeper_hide(err);
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
	return ret < 0 ? ret : nsh_sandbox_become(start->user, err);
}

/* The frame's end or pasta's, whichever is first. What else inotify has to say ends it as well. */
static void wait_for_end(void *data, int frame)
{
	const struct keeper *keeper = data;
	struct pollfd ends[] = {
		{.fd = frame, .events = POLLIN},
		{.fd = pidfd_open(keeper->pasta.pid, 0), .events = POLLIN},
	};

	if (ends[1].fd < 0)
		return;
	while (poll(ends, 2, -1) < 0 && errno == EINTR)
		;
}

/* The user's powers are taken on by both before pasta has been executed. */
static int start_pasta(void *data, struct nsh_err *err)
{
	struct keeper *keeper = data;
	struct nsh_pasta_start start = {
		.policy = keeper->policy,
		.resolver = &keeper->origin->resolver,
		.userns = keeper->userns,
		.netns = keeper->netns,
		.prepare = prepare_pasta,
		.user = keeper->user,
	};
	int ret = nsh_pasta_spawn(&keeper->pasta, &start, err);

	if (ret == 0)
		ret = become_keeper(keeper, err);
	if (ret == 0)
		ret = nsh_pasta_await(&keeper->pasta, err);
	return ret < 0 ? ret : keeper->frame;
}

int nsh_nat_keep(const struct nsh_policy *policy, const struct nsh_user *user, int userns,
		 int netns, const struct nsh_origin *origin, struct nsh_err *err)
{
	NSH_CLOSE int frame = watch_frame(user, err);
	struct keeper keeper = {.policy = policy,
				.user = user,
				.origin = origin,
				.userns = userns,
				.netns = netns,
				.frame = frame};
	const struct nsh_keeper process = {
		.what = "network.mode = nat: the keeper of pasta",
		.reason = NSH_REASON_NAMESPACES,
		.prepare = start_pasta,
		.wait = wait_for_end,
		.data = &keeper,
	};

	int ret = frame;

	if (ret >= 0)
		ret = nsh_keeper_start(&process, err);
	return ret < 0 ? ret : 0;
}
