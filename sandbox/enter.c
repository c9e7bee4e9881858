/* SPDX-License-Identifier: MIT */
/*
 * Entering a session.
 *
 * The user's identity comes before the user namespace: there is no moment at which root's own powers and something of
 * the session's meet. As owner of the user namespace the user can join it, and with what that gives all others, but for
 * the network, which is root's (sandbox/userns.c). The namespaces were opened by root, because PID 1 lets nobody else look.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsshell/cgroup.h"
#include "nsshell/enter.h"
#include "nsshell/limits.h"
#include "nsshell/sandbox.h"
#include "sandbox/namespace.h"

static int failed(struct nsh_err *err, const char *what)
{
	return nsh_err_sys(err, NSH_REASON_NAMESPACES, -errno, "%s", what);
}

static int open_namespace(struct nsh_door *door, int process, enum nsh_door_part i,
			  struct nsh_err *err)
{
	char path[16];
	int fd;

	snprintf(path, sizeof(path), "ns/%s", nsh_door_name(i));
	fd = openat(process, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return failed(err, path);
	/* Joining what a process is in already is refused for some and needs powers for others. */
	if (nsh_namespace_is_own(fd, nsh_door_name(i)))
		close(fd);
	else
		door->ways.part[i] = fd;
	return 0;
}

static int check_owner(const struct nsh_door *door, const struct nsh_user *user,
		       struct nsh_err *err)
{
	int own = door->ways.part[NSH_DOOR_USER];
	uid_t owner;

	if (own >= 0 && ioctl(own, NS_GET_OWNER_UID, &owner) == 0 && owner == user->uid)
		return 0;
	return nsh_err_set(err, NSH_REASON_NAMESPACES, -EPERM,
			   "this session has no user namespace of %s's", user->name);
}

int nsh_door_open(struct nsh_door *door, int process, pid_t pid, const struct nsh_user *user,
		  struct nsh_err *err)
{
	int ret = 0;

	*door = (struct nsh_door){.init = pid};
	nsh_ways_clear(&door->ways);
	for (int i = 0; i < NSH_DOOR_PARTS && ret == 0; i++)
		ret = open_namespace(door, process, i, err);
	if (ret == 0)
		ret = check_owner(door, user, err);
	return ret;
}

static rlim_t lower(rlim_t one, rlim_t other)
{
	return one < other ? one : other;
}

/* Those of PID 1, but for what is lower here. As the user, whom the kernel tells without further powers. */
static int take_limits(const struct nsh_door *door, struct nsh_err *err)
{
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		enum __rlimit_resource resource = (enum __rlimit_resource)i;
		struct rlimit theirs;
		struct rlimit own;

		if (getrlimit(resource, &own) < 0 ||
		    prlimit(door->init, resource, NULL, &theirs) < 0)
			return failed(err, "limits of the session");
		own.rlim_max = lower(own.rlim_max, theirs.rlim_max);
		own.rlim_cur = lower(own.rlim_max, theirs.rlim_cur);
		if (setrlimit(resource, &own) < 0)
			return failed(err, "take the session's limits");
	}
	return 0;
}

int nsh_door_enter(const struct nsh_door *door, const struct nsh_user *user, const char *cgroup,
		   struct nsh_err *err)
{
	int ret = cgroup ? nsh_cgroup_enter(cgroup, 0, err) : 0;

	if (ret == 0)
		ret = nsh_door_join(&door->ways, NSH_DOOR_NETWORK, err);
	if (ret == 0)
		ret = nsh_sandbox_become(user, err);
	if (ret == 0)
		ret = take_limits(door, err);
	if (ret == 0 && prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) < 0)
		ret = failed(err, "prctl");
	for (int i = 0; i < NSH_DOOR_PARTS && ret == 0; i++)
		if (i != NSH_DOOR_NETWORK)
			ret = nsh_door_join(&door->ways, (enum nsh_door_part)i, err);
	return ret;
}

int nsh_door_confine(const struct nsh_policy *policy, struct nsh_err *err)
{
	int mask = nsh_policy_number(policy, NSH_KEY_SHELL_UMASK);
	struct nsh_rlimits limits;
	int ret = nsh_privileges_drop(policy, err);

	umask(mask == NSH_UMASK_KEEP ? 022 : (mode_t)mask);
	if (ret < 0)
		return ret;
	nsh_rlimits_make(&limits, policy);
	ret = nsh_rlimits_apply(&limits);
	return ret < 0 ? nsh_err_sys(err, NSH_REASON_LIMITS, ret, "limits") : 0;
}
