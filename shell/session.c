/* SPDX-License-Identifier: MIT */
/*
 * A session in both its forms: in a frame, whose user namespace it joins, and standalone, where it
 * makes the user namespace itself, with the powers that every process has. And a login's part of a sandbox that
 * several share: that is joined, or made by a process that stays when the login leaves.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nsshell/child.h"
#include "nsshell/cleanup.h"
#include "nsshell/host.h"
#include "nsshell/hostname.h"
#include "nsshell/keeper.h"
#include "nsshell/limits.h"
#include "nsshell/login.h"
#include "nsshell/message.h"
#include "nsshell/pass.h"
#include "nsshell/nat.h"
#include "nsshell/plan.h"
#include "nsshell/sandbox.h"
#include "nsshell/environment.h"
#include "shell/init.h"
#include "nsshell/memory.h"
#include "shell/outer.h"
#include "shell/refuse.h"
#include "shell/session.h"

/* A current folder that was deleted, or is not below this root, has no name to start in. */
static void read_folder(char folder[PATH_MAX])
{
	if (!getcwd(folder, PATH_MAX) || folder[0] != '/')
		folder[0] = '\0';
}

/* The outer process of a framed session joins the frame's user namespace to make the others in it. */
static pid_t clone_framed(const struct init *init, nsh_child_fn *run, int userns,
			  struct nsh_err *err)
{
	int ret = nsh_sandbox_join(userns, err);

	close(userns);
	if (ret == 0)
		ret = nsh_privileges_bound(init->policy, err);
	return ret < 0 ? ret : nsh_sandbox_clone(run, (void *)init, 0, err);
}

/*
 * Standalone, it is the outer process that starts pasta, when PID 1 has made the rest, and that pasta ends
 * with. PID 1 waits for the answer. When there is no question it has refused.
 */
static int connect_network(const struct nsh_policy *policy, int inner, struct nsh_err *err)
{
	struct nsh_message message;
	int its[NSH_PASS_MAX];
	size_t n_its = 0;
	int ret;

	ret = nsh_pass_receive(inner, &message, sizeof(message), its, &n_its, 0, NULL);
	if (ret <= 0)
		return ret == 0 ? 0
				: nsh_err_sys(err, NSH_REASON_NAMESPACES, ret,
					      "network.mode = nat: hear of PID 1");
	ret = n_its == 2 ? nsh_nat_start(policy, its[0], its[1], err)
			 : nsh_err_set(err, NSH_REASON_NAMESPACES, -EPROTO,
				       "network.mode = nat: PID 1 did not say which network");
	nsh_pass_close(its, n_its);
	if (ret == 0)
		send(inner, &message, sizeof(message), MSG_NOSIGNAL);
	return ret;
}

/* init->outer is PID 1's from here on. */
static pid_t clone_standalone(struct init *init, nsh_child_fn *run, struct nsh_err *err)
{
	int mode = nsh_policy_number(init->policy, NSH_KEY_NETWORK_MODE);
	int more = CLONE_NEWUSER | (mode == NSH_NETWORK_HOST ? 0 : CLONE_NEWNET);
	pid_t pid;
	int ret;

	init->asks_network = mode == NSH_NETWORK_NAT;
	pid = nsh_sandbox_clone(run, init, more, err);
	close(init->outer);
	init->outer = -1;
	if (pid < 0 || !init->asks_network)
		return pid;
	ret = connect_network(init->policy, init->outer_own, err);
	if (ret == 0)
		return pid;
	nsh_child_end(pid);
	return ret;
}

static int make_socket(struct init *init, struct nsh_err *err)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "socketpair");
	init->outer = ends[1];
	init->outer_own = ends[0];
	return 0;
}

/* When the namespaces are there: gives up what they were made with, and watches. Returns only after an error. */
static int watch(const struct init *init, pid_t pid, bool has_powers, struct nsh_err *err)
{
	const int kept[] = {init->outer_own, init->presence};
	int ret = pid < 0 ? pid : nsh_privileges_drop_outside(init->policy, has_powers, err);

	if (init->outer >= 0)
		close(init->outer);
	if (ret == 0) {
		nsh_start_close_but(kept, 2);
		nsh_outer_run(init->launch.start, init->outer_own, pid, init->ways != NULL,
			      init->launch.terminal >= 0);
	}
	if (pid > 0)
		nsh_child_end(pid);
	close(init->outer_own);
	return ret;
}

static int start_own(struct init *init, int userns, struct nsh_err *err)
{
	pid_t pid;
	int ret = make_socket(init, err);

	if (ret < 0)
		return ret;
	pid = userns < 0 ? clone_standalone(init, nsh_init_run, err)
			 : clone_framed(init, nsh_init_run, userns, err);
	return watch(init, pid, userns >= 0, err);
}

static int start_joined(struct init *init, struct nsh_err *err)
{
	pid_t pid;
	int ret = make_socket(init, err);

	if (ret == 0)
		ret = nsh_door_unlock(init->ways, init->policy, err);
	if (ret < 0)
		return ret;
	pid = nsh_sandbox_start(nsh_init_run_joined, init, err);
	nsh_door_close_ways(init->ways);
	return watch(init, pid, true, err);
}

/* See shell/outer.c for when the shell gets the terminal. */
static int terminal_to_take(const struct start *start, const struct command *command)
{
	return start->foreground && (start->leader || command->interactive) ? start->terminal : -1;
}

/* Moves what is kept to the first places behind the standard streams. */
static int move_kept(int *kept[], int count)
{
	int first = STDERR_FILENO + 1;

	for (int i = 0; i < count; i++)
		if (*kept[i] < first + count) {
			*kept[i] = fcntl(*kept[i], F_DUPFD_CLOEXEC, first + count);
			if (*kept[i] < 0)
				return -errno;
		}
	for (int i = 0; i < count; i++) {
		if (dup3(*kept[i], first + i, O_CLOEXEC) < 0)
			return -errno;
		*kept[i] = first + i;
	}
	return 0;
}

/*
 * Nothing that was open before may reach the session: an open folder is a door (CVE-2024-21626).
 * Namespaces that are to be joined stay.
 */
static int close_inherited(int *userns, struct nsh_ways *ways, struct nsh_err *err)
{
	int *kept[NSH_DOOR_PARTS + 1];
	int count = 0;
	int ret;

	if (*userns >= 0)
		kept[count++] = userns;
	for (int i = 0; ways && i < NSH_DOOR_PARTS; i++)
		if (ways->part[i] >= 0)
			kept[count++] = &ways->part[i];
	ret = move_kept(kept, count);
	if (ret == 0 && close_range((unsigned)(STDERR_FILENO + 1 + count), ~0U, 0) < 0)
		ret = -errno;
	return ret < 0 ? nsh_err_sys(err, NSH_REASON_MACHINE, ret, "close what is open") : 0;
}

static int secure(const struct confinement *confinement, int *userns, int *presence,
		  struct nsh_err *err)
{
	int ret = nsh_start_check_streams(err);

	if (ret == 0)
		ret = close_inherited(userns, confinement->ways, err);
	if (ret == 0)
		ret = confinement->framed ? nsh_frame_attend(presence, err)
					  : nsh_login_check_standalone(confinement->policy, err);
	return ret;
}

static bool has_own_dev(const struct nsh_policy *policy)
{
	return nsh_policy_number(policy, NSH_KEY_VIEW_DEV) == NSH_DEV_MINIMAL;
}

int nsh_session_run(const struct start *start, const struct command *command,
		    const struct confinement *confinement, struct nsh_err *err)
{
	const struct nsh_policy *policy = confinement->policy;
	int userns = confinement->userns;
	char hostname[NSH_HOSTNAME_MAX];
	char folder[PATH_MAX];
	struct nsh_plan plan;
	struct nsh_session session = {
		.stage = confinement->framed ? NSH_STAGE_SHELL : NSH_STAGE_WHOLE,
		.policy = policy,
		.user = confinement->user,
		.gid = getegid(),
		.id = confinement->id,
		.hostname = hostname,
		.agent_socket = nsh_environment_get(start->environment, "SSH_AUTH_SOCK"),
		.terminal = start->terminal_name[0] ? start->terminal_name : NULL,
	};
	struct init init = {
		.policy = policy,
		.plan = &plan,
		.ways = confinement->ways,
		.terminal = has_own_dev(policy) ? session.terminal : NULL,
		.agent = has_own_dev(policy) && !confinement->framed ? session.agent_socket : NULL,
		.id = confinement->id,
		.presence = -1,
		.other_root = nsh_policy_has_other_root(policy),
		.launch = {.start = start,
			   .command = command,
			   .folder = folder,
			   .umask = nsh_policy_number(policy, NSH_KEY_SHELL_UMASK),
			   .terminal = terminal_to_take(start, command)},
	};
	int ret = secure(confinement, &userns, &init.presence, err);

	if (ret < 0)
		return ret;
	nsh_refuse_prepare();
	read_folder(folder);
	nsh_rlimits_make(&init.launch.limits, policy);
	init.launch.environment = nsh_environment_make(policy, start->environment, confinement->id);
	if (!init.launch.environment)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -ENOMEM, "environment");
	if (init.ways)
		return start_joined(&init, err);
	ret = nsh_hostname_make(policy, confinement->user, hostname, err);
	if (ret == 0)
		ret = nsh_plan_build(&plan, &session, err);
	return ret < 0 ? ret : start_own(&init, userns, err);
}

/* The sandbox's own part, with nothing of a login's in it. */
static int make_shared(struct init *init, struct nsh_plan *plan,
		       const struct confinement *confinement, int userns, struct nsh_err *err)
{
	char hostname[NSH_HOSTNAME_MAX];
	struct nsh_session session = {
		.stage = confinement->framed ? NSH_STAGE_SHELL : NSH_STAGE_WHOLE,
		.policy = confinement->policy,
		.user = confinement->user,
		.gid = getegid(),
		.id = confinement->id,
		.hostname = hostname,
		.shared = true,
	};
	pid_t pid;
	int ret = nsh_hostname_make(confinement->policy, confinement->user, hostname, err);

	*init = (struct init){.policy = confinement->policy,
			      .plan = plan,
			      .id = confinement->id,
			      .outer = init->outer,
			      .outer_own = init->outer_own,
			      .presence = -1};
	if (ret == 0)
		ret = nsh_plan_build(plan, &session, err);
	if (ret < 0)
		return ret;
	pid = userns < 0 ? clone_standalone(init, nsh_init_run_shared, err)
			 : clone_framed(init, nsh_init_run_shared, userns, err);
	ret = pid < 0 ? pid : nsh_privileges_drop_outside(init->policy, userns >= 0, err);
	if (ret < 0 && pid > 0)
		nsh_child_end(pid);
	return ret < 0 ? ret : pid;
}

/* process is a pidfd of it, or an error. */
static void wait_for(int process, pid_t pid)
{
	struct pollfd end = {.fd = process, .events = POLLIN};
	struct nsh_idle idle = {.heap = true};

	while (process >= 0 && nsh_memory_poll(&end, 1, -1, &idle) <= 0)
		;
	nsh_child_wait(pid);
}

int nsh_session_host(const struct confinement *confinement, int socket, struct nsh_err *err)
{
	struct init init = {.outer = socket, .outer_own = -1};
	struct nsh_plan plan;
	pid_t pid;

	prctl(PR_SET_NAME, NSH_HOST_NAME);
	pid = make_shared(&init, &plan, confinement, confinement->userns, err);
	if (pid < 0)
		return pid;
	nsh_host_leave_cpu();
	close_range(0, ~0U, 0);
	wait_for(pidfd_open(pid, 0), pid);
	/* Nothing that was there before is any more. */
	_exit(0);
}

/* Standalone: a process that stays when this login leaves is PID 1's parent, and has pasta. */

struct making {
	const struct confinement *confinement;
	struct init init;
	struct nsh_plan plan;
	pid_t pid;
};

/* It stays with the identity that it has, and holds nothing but its own end. */
static int begin(void *data, struct nsh_err *err)
{
	struct making *making = data;

	if (chdir("/") < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "/");
	making->pid = make_shared(&making->init, &making->plan, making->confinement, -1, err);
	return making->pid < 0 ? making->pid : pidfd_open(making->pid, 0);
}

static void stay(void *data, int process)
{
	const struct making *making = data;

	wait_for(process, making->pid);
}

int nsh_session_make(struct nsh_host *host, const struct confinement *confinement,
		     struct nsh_err *err)
{
	struct making making = {.confinement = confinement};
	const struct nsh_keeper keeper = {
		.what = "the sandbox's first process",
		.reason = NSH_REASON_NAMESPACES,
		.name = NSH_HOST_NAME,
		.orphan = true,
		.prepare = begin,
		.wait = stay,
		.data = &making,
	};
	int ret = make_socket(&making.init, err);

	if (ret < 0)
		return ret;
	host->init = making.init.outer_own;
	ret = host->outer = nsh_keeper_start(&keeper, err);
	close(making.init.outer);
	return ret < 0 ? ret : nsh_host_await(host->init, &host->ways, err);
}
