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
#include "nsshell/plan.h"
#include "nsshell/sandbox.h"
#include "sandbox/frame.h"
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

static int enter_namespaces(struct nsh_made_frame *frame, const struct nsh_user *user,
			    struct nsh_err *err)
{
	int ret = nsh_unshare_for(user, err);

	if (ret == 0)
		ret = frame->mount = open_namespace("/proc/self/ns/mnt", err);
	if (ret >= 0)
		ret = frame->uts = open_namespace("/proc/self/ns/uts", err);
	return ret < 0 ? ret : 0;
}

/* In the frame's network for as long as it takes, with root's power over it. */
static int in_network(int network, int (*act)(void *data, struct nsh_err *err), void *data,
		      struct nsh_err *err)
{
	NSH_CLOSE int own = open_namespace("/proc/self/ns/net", err);
	int ret;

	if (own < 0)
		return own;
	if (setns(network, CLONE_NEWNET) < 0)
		return sys(err, "enter the frame's network");
	ret = act(data, err);
	if (setns(own, CLONE_NEWNET) < 0)
		return sys(err, "leave the frame's network");
	return ret;
}

static int raise_loopback(void *data, struct nsh_err *err)
{
	(void)data;
	return nsh_network_loopback(err);
}

static int guard_network(void *data, struct nsh_err *err)
{
	(void)data;
	return nsh_sandbox_guard_network(err);
}

static int make_network(const struct nsh_made_frame *frame, const struct nsh_policy *policy,
			const struct nsh_user *user, const struct nsh_origin *origin,
			struct nsh_err *err)
{
	int mode = nsh_policy_number(policy, NSH_KEY_NETWORK_MODE);
	int ret = 0;

	if (mode != NSH_NETWORK_HOST)
		ret = in_network(frame->network, raise_loopback, NULL, err);
	if (ret == 0 && mode == NSH_NETWORK_NAT)
		ret = nsh_nat_keep(policy, user, frame->network, origin, err);
	if (ret == 0 && mode == NSH_NETWORK_NAT)
		ret = in_network(frame->network, guard_network, NULL, err);
	return ret;
}

/* What has its place in folders that the kernel keeps empty covers nothing, nor what is shown again in a new /sys. */
static const char *const proc_types[] = {"autofs", "binfmt_misc", "nfsd", NULL};
static const char *const sys_types[] = {"cgroup",   "cgroup2", "securityfs", "debugfs", "tracefs",
					"configfs", "pstore",  "bpf",        "fusectl", "selinuxfs",
					"efivarfs", "resctrl", "smackfs",    NULL};

/* Whether a line of mountinfo (proc(5)) is of a file system of one of those types. */
static bool has_type(const char *line, const char *const *types)
{
	const char *type = strstr(line, " - ");

	for (; type && *types; types++) {
		size_t len = strlen(*types);

		if (!strncmp(type + 3, *types, len) && type[3 + len] == ' ')
			return true;
	}
	return false;
}

bool nsh_frame_covers_proc(const char *line, const char *path)
{
	return nsh_path_below("/proc", path) && !has_type(line, proc_types);
}

static bool covers_proc(const char *line, const char *path, const void *data)
{
	(void)data;
	return nsh_frame_covers_proc(line, path);
}

static bool covers_sys(const char *line, const char *path, const void *data)
{
	(void)data;
	return nsh_path_below("/sys", path) && !nsh_path_around("/sys/fs/cgroup", path) &&
	       !has_type(line, sys_types);
}

/*
 * The frame has a new /proc, and one with a network a new /sys, and these would show what the machine (or the container that
 * this is) has covered in its own. The kernel refuses the like to users and lets root do it (mount_namespaces(7)).
 */
static int check_covers(const char *mount_point, const char *const *types,
			bool (*covers)(const char *line, const char *path, const void *data),
			const char *what, struct nsh_err *err)
{
	char path[PATH_MAX];
	int ret = nsh_path_only_has(mount_point, types)
			  ? 0
			  : nsh_path_find_mount(covers, NULL, path, err);

	if (ret < 0)
		err->reason = NSH_REASON_FRAME;
	if (ret <= 0)
		return ret;
	return nsh_err_set(err, NSH_REASON_FRAME, -EPERM,
			   "%s covers a part of the machine's own %s would show", path, what);
}

static int check_machine(const struct nsh_policy *policy, struct nsh_err *err)
{
	int ret = check_covers("/proc", proc_types, covers_proc, "/proc, which a new one", err);

	if (ret == 0 && nsh_policy_number(policy, NSH_KEY_NETWORK_MODE) != NSH_NETWORK_HOST)
		ret = check_covers("/sys", sys_types, covers_sys,
				   "/sys, which that of the session's network", err);
	return ret;
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

static int run_plan(void *plan, struct nsh_err *err)
{
	return nsh_plan_run(plan, err);
}

/* /sys is that of the network in which it is mounted. */
static int fill_namespace(const struct nsh_session *session, struct nsh_policy *policy,
			  struct nsh_err *err)
{
	struct nsh_plan plan;
	int ret = plan_as_user(&plan, policy, session, err);

	if (ret < 0)
		return ret;
	ret = session->network < 0 ? run_plan(&plan, err)
				   : in_network(session->network, run_plan, &plan, err);
	nsh_plan_free(&plan);
	return ret;
}

/* Without a network of its own the frame's is the one that the login has. */
static int make_users(struct nsh_made_frame *frame, const struct nsh_policy *policy,
		      const struct nsh_user *user, struct nsh_err *err)
{
	struct nsh_idmap map = {0};
	int ret = nsh_idmap_make(&map, policy, user, err);

	if (ret == 0)
		ret = frame->user = nsh_userns_make(user, &map, err);
	if (ret < 0)
		return ret;
	if (nsh_policy_number(policy, NSH_KEY_NETWORK_MODE) == NSH_NETWORK_HOST)
		ret = frame->network = open_namespace("/proc/self/ns/net", err);
	else
		ret = frame->network = nsh_netns_make(user, err);
	return ret < 0 ? ret : 0;
}

static int open_presence(struct nsh_made_frame *frame, struct nsh_err *err)
{
	frame->presence =
		open(NSH_FRAME_FOLDER "/" NSH_FRAME_PRESENCE, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return frame->presence < 0 ? sys(err, NSH_FRAME_FOLDER "/" NSH_FRAME_PRESENCE) : 0;
}

int nsh_frame_check(struct nsh_err *err)
{
	int ret = prepare_folder(err);

	return ret < 0 ? ret : check_root(err);
}

int nsh_frame_make(struct nsh_made_frame *frame, struct nsh_policy *policy,
		   const struct nsh_user *user, const char *id, const struct nsh_login *login,
		   const char *hostname, const struct nsh_cgroup *cgroup, enum nsh_frame_use use,
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
		.shared = use == NSH_FRAME_SHARED,
		.counted = use == NSH_FRAME_COUNTED,
		.network = -1,
	};
	struct nsh_origin origin = {.mount = -1, .uts = -1};
	int ret = check_machine(policy, err);

	*frame = (struct nsh_made_frame){
		.mount = -1, .uts = -1, .network = -1, .user = -1, .presence = -1};
	if (ret == 0)
		ret = open_origin(&origin, policy, err);
	if (ret == 0)
		ret = enter_namespaces(frame, user, err);
	if (ret == 0)
		ret = make_users(frame, policy, user, err);
	if (ret < 0)
		return ret;
	session.userns = frame->user;
	if (nsh_policy_number(policy, NSH_KEY_NETWORK_MODE) != NSH_NETWORK_HOST)
		session.network = frame->network;
	ret = fill_namespace(&session, policy, err);
	if (ret == 0 && session.counted)
		ret = open_presence(frame, err);
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
