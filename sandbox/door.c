/* SPDX-License-Identifier: MIT */
/*
 * Joining a shared sandbox.
 *
 * The terminal of a login is one of the machine's, and the sandbox has terminals of its own (sandbox/plan_dev.c). It is
 * held in a mount namespace before the sandbox's is joined, and shown at a free one of the places that the sandbox has
 * for it. A number among the sandbox's own, as in a session with one login, would be taken by then. The same with
 * the socket of a forwarded agent, where no frame has it in its /tmp.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "nsshell/door.h"
#include "nsshell/pass.h"
#include "nsshell/sandbox.h"
#include "sandbox/build.h"
#include "sandbox/namespace.h"
#include "sandbox/path.h"

/* How long a place is waited for, and how often it is tried, in milliseconds. */
#define LOCK_MS 1000
#define LOCK_STEP_MS 2

static const struct {
	char name[8];
	int type;
} parts[NSH_DOOR_PARTS] = {
	[NSH_DOOR_USER] = {"user", CLONE_NEWUSER},       [NSH_DOOR_UTS] = {"uts", CLONE_NEWUTS},
	[NSH_DOOR_IPC] = {"ipc", CLONE_NEWIPC},          [NSH_DOOR_NETWORK] = {"net", CLONE_NEWNET},
	[NSH_DOOR_CGROUP] = {"cgroup", CLONE_NEWCGROUP}, [NSH_DOOR_PID] = {"pid", CLONE_NEWPID},
	[NSH_DOOR_MOUNT] = {"mnt", CLONE_NEWNS},
};

const char *nsh_door_name(enum nsh_door_part part)
{
	return parts[part].name;
}

int nsh_door_open_own(struct nsh_ways *ways, struct nsh_err *err)
{
	for (int i = 0; i < NSH_DOOR_PARTS; i++) {
		ways->part[i] = nsh_namespace_open("self", parts[i].name, err);
		if (ways->part[i] < 0)
			return ways->part[i];
	}
	return 0;
}

void nsh_door_close_ways(struct nsh_ways *ways)
{
	nsh_pass_close(ways->part, NSH_DOOR_PARTS);
}

/* Where the sandbox has the machine's network there is none to be joined. */
static void drop_own_network(struct nsh_ways *ways)
{
	if (!nsh_namespace_is_own(ways->part[NSH_DOOR_NETWORK], parts[NSH_DOOR_NETWORK].name))
		return;
	close(ways->part[NSH_DOOR_NETWORK]);
	ways->part[NSH_DOOR_NETWORK] = -1;
}

int nsh_door_check(struct nsh_ways *ways, struct nsh_err *err)
{
	int user = ways->part[NSH_DOOR_USER];
	bool ok = !nsh_namespace_flaw(user);

	drop_own_network(ways);
	for (int i = NSH_DOOR_USER + 1; i < NSH_DOOR_PARTS; i++) {
		int part = ways->part[i];
		bool machines = i == NSH_DOOR_NETWORK && part < 0;

		ok &= machines || (ioctl(part, NS_GET_NSTYPE) == parts[i].type &&
				   nsh_namespace_is_owned(part, user));
	}
	return ok ? 0
		  : nsh_err_set(err, NSH_REASON_NAMESPACES, -EPERM,
				"what the user's hub has handed out is no sandbox of this user's");
}

int nsh_door_join(const struct nsh_ways *ways, enum nsh_door_part part, struct nsh_err *err)
{
	if (ways->part[part] < 0 || setns(ways->part[part], parts[part].type) == 0)
		return 0;
	return nsh_err_sys(err, NSH_REASON_NAMESPACES, -errno,
			   "join the session's namespace \"%s\"", parts[part].name);
}

int nsh_door_unlock(const struct nsh_ways *ways, const struct nsh_policy *policy,
		    struct nsh_err *err)
{
	int ret = nsh_door_join(ways, NSH_DOOR_USER, err);

	if (ret == 0)
		ret = nsh_privileges_bound(policy, err);
	return ret < 0 ? ret : nsh_door_join(ways, NSH_DOOR_PID, err);
}

/* Places for what logins bring along */

/*
 * Held while a place is looked for. By its mode what it is a lock on is opened by joining processes; and by the user who
 * makes a user namespace in the session, which the policy can allow: whoever holds it for long does not keep logins out.
 */
static int lock_places(struct nsh_err *err)
{
	const struct timespec step = {.tv_nsec = LOCK_STEP_MS * 1000000L};
	int fd = open("/dev/" NSH_PLACE_LOCK, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return nsh_err_sys(err, NSH_REASON_VIEW, -errno, "/dev/%s", NSH_PLACE_LOCK);
	for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited += LOCK_STEP_MS) {
		if (errno != EWOULDBLOCK || waited >= LOCK_MS) {
			close(fd);
			return -EWOULDBLOCK;
		}
		nanosleep(&step, NULL);
	}
	return fd;
}

static bool is_same_file(const struct stat *one, const struct stat *other)
{
	return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

/*
 * A terminal or socket that is gone has no name any more; what was shown for it is in nobody's way but that of the next.
 */
static bool is_free(const char *path, int place, const struct stat *st)
{
	if (nsh_path_is_mount(place, "", AT_EMPTY_PATH) == 0)
		return true;
	return st->st_nlink == 0 && umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0;
}

/* Returns whether it is this one's place now. */
static bool take_place(const char *path, int tree, const struct stat *held)
{
	NSH_CLOSE int place = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (place < 0 || fstat(place, &st) < 0)
		return false;
	/* Two logins can have one terminal, as with su(1). A new terminal has the inode's number of one that is gone. */
	if (st.st_nlink > 0 && is_same_file(&st, held))
		return true;
	return is_free(path, place, &st) &&
	       move_mount(tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) == 0;
}

/* With more logins than places, or when nobody gets at them, it has no name: name is "". */
static int find_place(int tree, const char *prefix, char name[NSH_PLACE_NAME], struct nsh_err *err)
{
	NSH_CLOSE int lock = tree < 0 ? -1 : lock_places(err);
	struct stat held;

	name[0] = '\0';
	if (tree < 0 || lock == -EWOULDBLOCK)
		return 0;
	if (lock < 0)
		return lock;
	if (fstat(tree, &held) < 0)
		return nsh_err_sys(err, NSH_REASON_VIEW, -errno, "/dev/%s*", prefix);
	for (int i = 0; i < NSH_PLACES; i++) {
		char path[sizeof("/dev/") + NSH_PLACE_NAME];

		snprintf(name, NSH_PLACE_NAME, "%s%d", prefix, i);
		snprintf(path, sizeof(path), "/dev/%s", name);
		if (take_place(path, tree, &held))
			return 0;
	}
	name[0] = '\0';
	return 0;
}

static int hold_terminal(const char *terminal, struct nsh_err *err)
{
	char path[PATH_MAX];
	int tree;

	snprintf(path, sizeof(path), "/dev/%s", terminal);
	tree = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	return tree < 0 ? nsh_err_sys(err, NSH_REASON_VIEW, -errno, "hold %s", path) : tree;
}

/* The environment names it: what is no socket of the user's where sshd makes them is left where it is. */
static int hold_agent(const char *path)
{
	NSH_CLOSE int fd = nsh_tmp_is_agent(path) ? nsh_path_open(path, 0) : -1;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode) || st.st_uid != getuid())
		return -1;
	return open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
}

int nsh_door_step_in(const struct nsh_ways *ways, struct nsh_luggage *luggage, struct nsh_err *err)
{
	NSH_CLOSE int terminal = -1;
	NSH_CLOSE int agent = -1;
	int ret = 0;

	/* A mount namespace for that alone: there the powers over the sandbox's user namespace are enough. */
	if ((luggage->terminal || luggage->agent) && unshare(CLONE_NEWNS) < 0)
		return nsh_err_sys(err, NSH_REASON_NAMESPACES, -errno, "unshare");
	if (luggage->terminal)
		ret = terminal = hold_terminal(luggage->terminal, err);
	if (ret >= 0 && luggage->agent)
		agent = hold_agent(luggage->agent);
	for (int i = NSH_DOOR_UTS; i < NSH_DOOR_PARTS && ret >= 0; i++)
		if (i != NSH_DOOR_PID)
			ret = nsh_door_join(ways, i, err);
	if (ret >= 0)
		ret = find_place(terminal, NSH_PLACE_TERMINAL, luggage->terminal_name, err);
	if (ret >= 0)
		ret = find_place(agent, NSH_PLACE_AGENT, luggage->agent_name, err);
	return ret;
}
