/* SPDX-License-Identifier: MIT */
/*
 * Confining a login.
 *
 * One that shares a sandbox asks the user's hub first (nsshell/hub.h): either it joins what is there, and the hub has
 * its namespaces, or it makes the sandbox like any other login makes its frame, adds the PID 1 that all will
 * join, and hands it over to the hub.
 */
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "nsshell/hub.h"
#include "nsshell/login.h"
#include "sandbox/frame.h"
#include "sandbox/login_limits.h"

/* A frame's parts as the hub keeps them. */
enum { PART_MOUNT, PART_UTS, PART_NETWORK, PART_COUNT };

/* nsshell is to find the very same name, so the template is replaced by what it gave. */
static int settle_hostname(struct nsh_confined *confined, struct nsh_policy *policy,
			   const struct nsh_user *user, struct nsh_err *err)
{
	int ret = nsh_hostname_make(policy, user, confined->hostname, err);

	if (ret < 0)
		return ret;
	return nsh_policy_settle(policy, NSH_KEY_SESSION_HOSTNAME, confined->hostname, err);
}

/* hub is that of a sandbox that is to be shared, or NULL. */
static int make(struct nsh_confined *confined, struct nsh_policy *policy,
		const struct nsh_entrant *entrant, const struct nsh_hub *hub,
		enum nsh_frame_use use, struct nsh_err *err)
{
	int ret = settle_hostname(confined, policy, entrant->user, err);

	if (ret == 0)
		ret = nsh_limits_set(&confined->cgroup, policy, entrant->user, entrant->id,
				     entrant->process, hub ? hub->pid : 0, err);
	if (ret < 0)
		return ret;
	return nsh_frame_make(&confined->frame, policy, entrant->user, entrant->id, entrant->login,
			      confined->hostname, &confined->cgroup, use, err);
}

static int hand_over(const struct nsh_confined *confined, const struct nsh_host *host,
		     struct nsh_hub *hub, struct nsh_err *err)
{
	const int parts[PART_COUNT] = {
		[PART_MOUNT] = confined->frame.mount,
		[PART_UTS] = confined->frame.uts,
		[PART_NETWORK] = confined->frame.network,
	};
	const struct nsh_hub_made made = {
		.id = confined->id,
		.cgroup = confined->cgroup.path,
		.parts = parts,
		.n_parts = PART_COUNT,
		.init = host->init,
		.outer = host->outer,
	};

	return nsh_hub_made(hub, &made, err);
}

/*
 * A mount namespace can be shown only in an older one, and which is older the kernel tells by numbers that it has given
 * out in order on each processor, but since Linux 6.18 not from one to the other. So the frame's and PID 1's, which is to
 * be shown in it, are made on the same. PID 1 and its parent go where they like afterwards (nsh_host_leave_cpu()).
 */
static bool stay_on_cpu(cpu_set_t *before)
{
	int cpu = sched_getcpu();
	cpu_set_t one;

	if (cpu < 0 || cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof(*before), before) < 0)
		return false;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(0, sizeof(one), &one) == 0;
}

/* Without nsshell as login shell there is nobody to join a PID 1: what is shared is the frame. */
static int make_shared(struct nsh_confined *confined, struct nsh_policy *policy,
		       const struct nsh_entrant *entrant, struct nsh_hub *hub, struct nsh_err *err)
{
	struct nsh_host host = {.init = -1};
	cpu_set_t cpus;
	bool stays = stay_on_cpu(&cpus);
	int ret = make(confined, policy, entrant, hub,
		       entrant->has_shell ? NSH_FRAME_SHARED : NSH_FRAME_ALONE, err);

	nsh_ways_clear(&host.ways);
	if (ret == 0 && entrant->has_shell)
		ret = nsh_host_start(&host, entrant->user, confined->frame.network, err);
	if (stays)
		sched_setaffinity(0, sizeof(cpus), &cpus);
	if (ret == 0 && entrant->has_shell)
		ret = nsh_frame_open_door(&host.ways, err);
	if (ret == 0)
		ret = hand_over(confined, &host, hub, err);
	nsh_host_close(&host);
	return ret;
}

static int join(struct nsh_confined *confined, const struct nsh_entrant *entrant,
		struct nsh_hub *hub, struct nsh_err *err)
{
	confined->joined = true;
	memcpy(confined->id, hub->id, sizeof(confined->id));
	memcpy(confined->cgroup.path, hub->cgroup, sizeof(confined->cgroup.path));
	confined->frame.mount = hub->parts[PART_MOUNT];
	confined->frame.uts = hub->parts[PART_UTS];
	confined->frame.network = hub->parts[PART_NETWORK];
	for (int i = 0; i < PART_COUNT; i++) {
		if (hub->parts[i] < 0)
			return nsh_err_set(err, NSH_REASON_MACHINE, -EPROTO,
					   "the user's hub has handed out no frame");
		hub->parts[i] = -1;
	}
	return nsh_limits_join(&confined->cgroup, entrant->process, err);
}

/* A session can outlive the login's process: where sshd is gone, a shell without a terminal is told nothing. */
static int make_counted(struct nsh_confined *confined, struct nsh_policy *policy,
			const struct nsh_entrant *entrant, struct nsh_hub *hub, struct nsh_err *err)
{
	int ret = hub->started ? nsh_limits_set_apart(hub->pid, entrant->user, err) : 0;

	if (ret == 0)
		ret = make(confined, policy, entrant, NULL, NSH_FRAME_COUNTED, err);
	if (ret == 0)
		ret = nsh_hub_counted(hub, confined->frame.presence, err);
	return ret;
}

static int share(struct nsh_confined *confined, struct nsh_policy *policy,
		 const struct nsh_entrant *entrant, struct nsh_hub *hub, struct nsh_err *err)
{
	const struct nsh_hub_login login = {
		.place = {.uid = entrant->user->uid},
		.policy = policy,
		.user = entrant->user,
		.login = entrant->login,
		.process = entrant->process,
	};
	int ret = nsh_hub_enter(hub, &login, err);

	confined->stale = hub->stale;
	if (ret < 0)
		return ret;
	switch (hub->answer) {
	case NSH_HUB_COUNTED:
		return make_counted(confined, policy, entrant, hub, err);
	case NSH_HUB_MAKE:
		return make_shared(confined, policy, entrant, hub, err);
	case NSH_HUB_JOIN:
		break;
	}
	return join(confined, entrant, hub, err);
}

int nsh_login_confine(struct nsh_confined *confined, struct nsh_policy *policy,
		      const struct nsh_entrant *entrant, struct nsh_err *err)
{
	struct nsh_hub hub;
	int ret;

	*confined = (struct nsh_confined){
		.frame = {.mount = -1, .uts = -1, .network = -1, .user = -1, .presence = -1}};
	memcpy(confined->id, entrant->id, sizeof(confined->id));
	ret = nsh_frame_check(err);
	if (ret < 0)
		return ret;
	if (entrant->alone || !nsh_hub_is_needed(policy, false))
		return make(confined, policy, entrant, NULL, NSH_FRAME_ALONE, err);
	ret = share(confined, policy, entrant, &hub, err);
	nsh_hub_close(&hub);
	return ret;
}

int nsh_login_join(const struct nsh_confined *confined, struct nsh_err *err)
{
	if (setns(confined->frame.network, CLONE_NEWNET) < 0)
		return nsh_err_sys(err, NSH_REASON_FRAME, -errno, "join the frame's network");
	return 0;
}
