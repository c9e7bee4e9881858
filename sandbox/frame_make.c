/* SPDX-License-Identifier: MIT */
/*
 * Making a session's frame, as root in the session helper.
 *
 * Everything is looked up with the user's powers and made with root's, in a mount namespace that nobody
 * is in yet. The user's own folders are opened once, and without links.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "nsshell/frame.h"
#include "nsshell/plan.h"
#include "nsshell/sandbox.h"
#include "sandbox/identity.h"
#include "sandbox/idmap.h"
#include "sandbox/nat_keep.h"
#include "sandbox/network.h"
#include "sandbox/path.h"
#include "sandbox/userns.h"

static int sys(struct nsh_err *err, const char *what)
{
	return nsh_err_sys(err, NSH_REASON_FRAME, -errno, "%s", what);
}

/* The folder that frames are mounted on. */
static int prepare_folder(struct nsh_err *err)
{
	char parent[] = NSH_FRAME_FOLDER;
	int ret;

	*strrchr(parent, '/') = '\0';
	ret = nsh_path_secure_folder(parent, err);
	if (ret == 0)
		ret = nsh_path_secure_folder(NSH_FRAME_FOLDER, err);
	if (ret == 0 && nsh_path_is_mount(AT_FDCWD, NSH_FRAME_FOLDER, 0) != 0)
		ret = nsh_err_set(err, NSH_REASON_FRAME, -EBUSY,
				  "%s: this process is in the frame of a session already",
				  NSH_FRAME_FOLDER);
	return ret;
}

static int open_namespace(const char *path, struct nsh_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? sys(err, path) : fd;
}

/* What "/" is: a folder, and the mount that it is seen through. */
static int look_at_root(struct statx *root, struct nsh_err *err)
{
	if (statx(AT_FDCWD, "/", 0, STATX_INO | STATX_MNT_ID, root) < 0)
		return sys(err, "look up the root");
	return 0;
}

/*
 * setns(2) leads to the namespace's root and so out of a chroot. That is noticed here, where it does
 * no harm, and not in the login's own process.
 */
static int check_root(struct nsh_err *err)
{
	NSH_CLOSE int namespace = open_namespace("/proc/self/ns/mnt", err);
	struct statx before = {0};
	struct statx after = {0};
	int ret = namespace < 0 ? namespace : look_at_root(&before, err);

	if (ret == 0 && setns(namespace, CLONE_NEWNS) < 0)
		ret = sys(err, "look up the root");
	if (ret == 0)
		ret = look_at_root(&after, err);
	if (ret < 0)
		return ret;
	if (before.stx_ino != after.stx_ino || before.stx_mnt_id != after.stx_mnt_id)
		return nsh_err_set(err, NSH_REASON_FRAME, -EPERM,
				   "the service runs in a chroot, where no frame can be made");
	return 0;
}

static int open_origin(struct nsh_origin *origin, const struct nsh_policy *policy,
		       struct nsh_err *err)
{
	int ret = origin->mount = open_namespace("/proc/self/ns/mnt", err);

	if (ret >= 0)
		ret = origin->uts = open_namespace("/proc/self/ns/uts", err);
	if (ret < 0)
		return ret;
	if (nsh_policy_number(policy, NSH_KEY_NETWORK_MODE) == NSH_NETWORK_NAT &&
	    nsh_resolver_read(&origin->resolver) < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -ENOMEM, "/etc/resolv.conf");
	return 0;
}

static int enter_namespaces(struct nsh_made_frame *frame, struct nsh_err *err)
{
	int ret;

	if (unshare(CLONE_NEWNS | CLONE_NEWUTS) < 0)
		return sys(err, "make a mount and a UTS namespace");
	ret = frame->mount = open_namespace("/proc/self/ns/mnt", err);
	if (ret >= 0)
		ret = frame->uts = open_namespace("/proc/self/ns/uts", err);
	return ret < 0 ? ret : 0;
}

/* In the frame's network for as long as it takes, with root's power over it. */
static int in_network(int network, int (*act)(struct nsh_err *err), struct nsh_err *err)
{
	NSH_CLOSE int own = open_namespace("/proc/self/ns/net", err);
	int ret;

	if (own < 0)
		return own;
	if (setns(network, CLONE_NEWNET) < 0)
		return sys(err, "enter the frame's network");
	ret = act(err);
	if (setns(own, CLONE_NEWNET) < 0)
		return sys(err, "leave the frame's network");
	return ret;
}

static int make_network(const struct nsh_made_frame *frame, const struct nsh_policy *policy,
			const struct nsh_user *user, const struct nsh_origin *origin,
			struct nsh_err *err)
{
	int mode = nsh_policy_number(policy, NSH_KEY_NETWORK_MODE);
	int ret = 0;

	if (mode != NSH_NETWORK_HOST)
		ret = in_network(frame->network, nsh_network_loopback, err);
	if (ret == 0 && mode == NSH_NETWORK_NAT)
		ret = nsh_nat_keep(policy, user, frame->user, frame->network, origin, err);
	if (ret == 0 && mode == NSH_NETWORK_NAT)
		ret = in_network(frame->network, nsh_sandbox_guard_network, err);
	return ret;
}

bool nsh_frame_covers_proc(const char *line, const char *path)
{
	/* What has its place in folders that the kernel keeps empty covers nothing. */
	static const char *const harmless[] = {" - autofs ", " - binfmt_misc ", " - nfsd "};

	for (size_t i = 0; i < sizeof(harmless) / sizeof(*harmless); i++)
		if (strstr(line, harmless[i]))
			return false;
	return nsh_path_below("/proc", path) != NULL;
}

static bool covers_proc(const char *line, const char *path, const void *data)
{
	(void)data;
	return nsh_frame_covers_proc(line, path);
}

/*
 * The frame has a new /proc, and that would show what the machine (or the container that this is) has
 * covered in its own. The kernel refuses the like to users and lets root do it (mount_namespaces(7)).
 */
static int check_proc(struct nsh_err *err)
{
	char path[PATH_MAX];
	int ret = nsh_path_find_mount(covers_proc, NULL, path, err);

	if (ret < 0)
		err->reason = NSH_REASON_FRAME;
	if (ret <= 0)
		return ret;
	return nsh_err_set(err, NSH_REASON_FRAME, -EPERM,
			   "%s covers a part of the machine's own /proc, which a new "
			   "one would show",
			   path);
}

/* The view is planned with the user's own powers, so that it promises what the user can see. */
static int plan_as_user(struct nsh_plan *plan, struct nsh_policy *policy,
			const struct nsh_session *session, struct nsh_err *err)
{
	struct nsh_err lost;
	int ret = nsh_identity_take(session->user, err);

	if (ret < 0)
		return ret;
	ret = nsh_plan_settle(policy, session->user, err);
	if (ret == 0)
		ret = nsh_plan_build(plan, session, err);
	if (nsh_identity_give_back(&lost) == 0)
		return ret;
	*err = lost;
	return -EPERM;
}

static int fill_namespace(const struct nsh_session *session, struct nsh_policy *policy,
			  struct nsh_err *err)
{
	struct nsh_plan plan;
	int ret = plan_as_user(&plan, policy, session, err);

	if (ret < 0)
		return ret;
	ret = nsh_plan_run(&plan, err);
	nsh_plan_free(&plan);
	return ret;
}

/* Without a network of its own the frame's is the one that the login has. */
static int make_users(struct nsh_made_frame *frame, const struct nsh_policy *policy,
		      const struct nsh_user *user, struct nsh_err *err)
{
	bool network = nsh_policy_number(policy, NSH_KEY_NETWORK_MODE) != NSH_NETWORK_HOST;
	struct nsh_userns made = {.user = -1, .network = -1};
	struct nsh_idmap map = {0};
	int ret = nsh_idmap_make(&map, policy, user, err);

	if (ret == 0)
		ret = nsh_userns_make(&made, user, network, &map, err);
	if (ret == 0 && !network)
		ret = made.network = open_namespace("/proc/self/ns/net", err);
	frame->user = made.user;
	frame->network = made.network;
	return ret < 0 ? ret : 0;
}

int nsh_frame_check(struct nsh_err *err)
{
	int ret = prepare_folder(err);

	return ret < 0 ? ret : check_root(err);
}

int nsh_frame_make(struct nsh_made_frame *frame, struct nsh_policy *policy,
		   const struct nsh_user *user, const char *id, const struct nsh_login *login,
		   const char *hostname, const struct nsh_cgroup *cgroup, bool shared,
		   struct nsh_err *err)
{
	struct nsh_session session = {
		.stage = NSH_STAGE_FRAME,
		.policy = policy,
		.user = user,
		.gid = user->gid,
		.id = id,
		.login = login,
		.hostname = hostname,
		.cgroup = cgroup,
		.shared = shared,
	};
	struct nsh_origin origin = {.mount = -1, .uts = -1};
	int ret = check_proc(err);

	*frame = (struct nsh_made_frame){.mount = -1, .uts = -1, .network = -1, .user = -1};
	if (ret == 0)
		ret = open_origin(&origin, policy, err);
	if (ret == 0)
		ret = enter_namespaces(frame, err);
	if (ret == 0)
		ret = make_users(frame, policy, user, err);
	if (ret < 0)
		return ret;
	session.userns = frame->user;
	ret = fill_namespace(&session, policy, err);
	return ret < 0 ? ret : make_network(frame, policy, user, &origin, err);
}

int nsh_frame_open_door(const struct nsh_ways *ways, struct nsh_err *err)
{
	struct nsh_slot slot = {.tree = -1, .place = -1};
	char paths[NSH_DOOR_PARTS][sizeof(NSH_FRAME_FOLDER) + 16];
	struct nsh_op ops[NSH_DOOR_PARTS] = {0};
	struct nsh_plan plan = {.ops = ops, .slots = &slot};

	for (int i = 0; i < NSH_DOOR_PARTS; i++) {
		if (!nsh_frame_has_door(i))
			continue;
		snprintf(paths[i], sizeof(paths[i]), NSH_FRAME_FOLDER "/door-%s", nsh_door_name(i));
		ops[plan.count++] =
			(struct nsh_op){.kind = NSH_OP_PIN, .path = paths[i], .fd = ways->part[i]};
	}
	return nsh_plan_run(&plan, err);
}
