/* SPDX-License-Identifier: MIT */
/*
 * pasta(1) for a frame: it has to last as long as the frame has a process.
 *
 * Nobody is told when the last process of a mount namespace ends, but the frame's own tmpfs is then
 * gone, and inotify(7) tells that. So a process waits for it: the keeper, which is the user's, has no
 * capability, and stands outside of the frame. When it ends, pasta ends.
 *
 * Both have numbers in the machine's PID namespace, and the user's other frames see those (in no session of
 * nsshell's). What they could be a door to is seen to. The keeper cannot be looked into. pasta starts in a root with
 * nothing in it but what it needs, out of the frame's own view. It has the machine's network and must not be traced by
 * other processes of the user's: its user namespace is root's (sandbox/userns.c), and the program that is executed a copy
 * that only root may read. A process of such a program belongs, for those who want to trace it, to the machine's user
 * namespace (ptrace(2); would_dump() in the kernel's fs/exec.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <linux/nsfs.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "nsshell/paths.h"
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
	int userns; /* which owns the network namespace */
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
		nsh_cleanup_close(&fd);
		fd = -1;
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

static int run_steps(struct nsh_op *ops, size_t count, struct nsh_err *err)
{
	struct nsh_slot slot = {.tree = -1, .place = -1};
	struct nsh_plan plan = {.ops = ops, .count = count, .slots = &slot, .n_slots = 1};

	return nsh_plan_run(&plan, err);
}

static int make_root(const struct nsh_pasta_start *start, struct nsh_err *err)
{
	struct nsh_op ops[] = {
		step(NSH_OP_TMPFS, ROOT, "mode=0755"),
		step(NSH_OP_FOLDER, ROOT "/usr", NULL),
		step(NSH_OP_HOLD, "/usr", NULL),
		step(NSH_OP_SHOW, ROOT "/usr", NULL),
		step(NSH_OP_LINK, ROOT "/lib", "usr/lib"),
		step(NSH_OP_LINK, ROOT "/lib64", "usr/lib64"),
		step(NSH_OP_FOLDER, ROOT "/etc", NULL),
		step(NSH_OP_FILE, ROOT "/etc/resolv.conf", start->resolver->servers),
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
	};

	return run_steps(ops, sizeof(ops) / sizeof(*ops), err);
}

/* In the program's own place: by its name pasta knows what it is, and AppArmor its profile. */
static int cover_program(const char *program, const char *copy, struct nsh_err *err)
{
	char place[PATH_MAX] = "";
	struct nsh_op ops[] = {
		step(NSH_OP_FILE, copy, ""),
		step(NSH_OP_BIND, place, copy),
	};

	if (snprintf(place, sizeof(place), ROOT "%s", program) >= (int)sizeof(place))
		return nsh_err_sys(err, NSH_REASON_NAMESPACES, -ENAMETOOLONG, "%s", program);
	ops[0].source = (char *)program;
	ops[0].mode = 0711;
	return run_steps(ops, sizeof(ops) / sizeof(*ops), err);
}

/* It executes another one of itself where the processor can do more. */
static int cover_programs(struct nsh_err *err)
{
	char program[PATH_MAX];
	char faster[PATH_MAX + sizeof(".avx2")];
	int ret;

	if (!realpath(NSH_PASTA_PATH, program))
		return nsh_err_sys(err, NSH_REASON_NAMESPACES, -errno, NSH_PASTA_PATH);
	snprintf(faster, sizeof(faster), "%s.avx2", program);
	ret = cover_program(program, ROOT "/pasta", err);
	return ret < 0 || access(faster, F_OK) < 0 ? ret
						   : cover_program(faster, ROOT "/pasta.avx2", err);
}

/*
 * The groups are taken in the machine's user namespace, as all of them have no number in the other; the user id in that, where
 * the capabilities stay, as what is left behind is not its user id 0.
 */
static int become_user_of(const struct nsh_pasta_start *start, struct nsh_err *err)
{
	const struct nsh_user *user = start->user;

	if (setgroups(user->n_groups, user->groups) < 0 ||
	    setresgid(user->gid, user->gid, user->gid) < 0 ||
	    setns(start->userns, CLONE_NEWUSER) < 0 ||
	    setresuid(user->uid, user->uid, user->uid) < 0)
		return nsh_err_sys(err, NSH_REASON_NAMESPACES, -errno, "become the user");
	return nsh_keeper_hide(err);
}

/* A root of pasta's own, in a mount namespace that ends when pasta enters an empty one. */
static int prepare_pasta(const struct nsh_pasta_start *start, struct nsh_err *err)
{
	struct nsh_op last[] = {
		step(NSH_OP_SEAL, ROOT, NULL),
		step(NSH_OP_ENTER, ROOT, NULL),
	};
	int ret;

	if (unshare(CLONE_NEWNS) < 0)
		return nsh_err_sys(err, NSH_REASON_NAMESPACES, -errno, "unshare");
	ret = make_root(start, err);
	if (ret == 0)
		ret = cover_programs(err);
	if (ret == 0)
		ret = run_steps(last, sizeof(last) / sizeof(*last), err);
	return ret < 0 ? ret : become_user_of(start, err);
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

int nsh_nat_keep(const struct nsh_policy *policy, const struct nsh_user *user, int netns,
		 const struct nsh_origin *origin, struct nsh_err *err)
{
	NSH_CLOSE int frame = watch_frame(user, err);
	NSH_CLOSE int userns = ioctl(netns, NS_GET_USERNS);
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

	if (ret >= 0 && userns < 0)
		ret = nsh_err_sys(err, NSH_REASON_NAMESPACES, -errno,
				  "network.mode = nat: open a namespace");
	if (ret >= 0)
		ret = nsh_keeper_start(&process, err);
	return ret < 0 ? ret : 0;
}
