/* SPDX-License-Identifier: MIT */
/*
 * A session in both its forms: in a frame, whose user namespace it joins, and standalone, where it
 * makes the user namespace itself, with the powers that every process has.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "nsshell/hostname.h"
#include "nsshell/limits.h"
#include "nsshell/login.h"
#include "nsshell/nat.h"
#include "nsshell/plan.h"
#include "nsshell/sandbox.h"
#include "nsshell/environment.h"
#include "shell/init.h"
#include "nsshell/message.h"
#include "shell/outer.h"
#include "shell/session.h"

/* A current folder that was deleted, or is not below this root, has no name to start in. */
static void read_folder(char folder[PATH_MAX])
{
	if (!getcwd(folder, PATH_MAX) || folder[0] != '/')
		folder[0] = '\0';
}

static void kill_init(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* The outer process of a framed session joins the frame's user namespace to make the others in it. */
static pid_t clone_framed(struct init *init, int userns, struct nsh_err *err)
{
	pid_t pid;
	int ret = nsh_sandbox_join(userns, err);

	close(userns);
	if (ret == 0)
		ret = nsh_privileges_bound(init->policy, err);
	pid = ret < 0 ? ret : nsh_sandbox_clone(nsh_init_run, init, 0, err);
	close(init->outer);
	return pid;
}

static int open_namespace(pid_t pid, const char *name, struct nsh_err *err)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? nsh_err_sys(err, NSH_REASON_NAMESPACES, -errno, "%s", path) : fd;
}

/*
 * Standalone, it is the outer process that starts pasta, when PID 1 has made the rest, and that pasta ends
 * with. PID 1 waits for the answer. When there is no question it has refused.
 */
static int connect_network(const struct nsh_policy *policy, pid_t pid, int inner,
			   struct nsh_err *err)
{
	struct nsh_message message;
	NSH_CLOSE int user = -1;
	NSH_CLOSE int network = -1;
	int ret;

	if (recv(inner, &message, sizeof(message), 0) != (ssize_t)sizeof(message))
		return 0;
	ret = user = open_namespace(pid, "user", err);
	if (ret >= 0)
		ret = network = open_namespace(pid, "net", err);
	if (ret >= 0)
		ret = nsh_nat_start(policy, user, network, err);
	if (ret < 0)
		return ret;
	send(inner, &message, sizeof(message), MSG_NOSIGNAL);
	return 0;
}

static pid_t clone_standalone(struct init *init, const struct nsh_policy *policy, int inner,
			      struct nsh_err *err)
{
	int mode = nsh_policy_number(policy, NSH_KEY_NETWORK_MODE);
	int more = CLONE_NEWUSER | (mode == NSH_NETWORK_HOST ? 0 : CLONE_NEWNET);
	pid_t pid;
	int ret;

	init->asks_network = mode == NSH_NETWORK_NAT;
	pid = nsh_sandbox_clone(nsh_init_run, init, more, err);
	close(init->outer);
	if (pid < 0 || !init->asks_network)
		return pid;
	ret = connect_network(policy, pid, inner, err);
	if (ret == 0)
		return pid;
	kill_init(pid);
	return ret;
}

static int start_init(struct init *init, const struct nsh_policy *policy, int userns,
		      struct nsh_err *err)
{
	int ends[2];
	pid_t pid;
	int ret;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "socketpair");
	init->outer = ends[1];
	init->outer_own = ends[0];
	pid = userns < 0 ? clone_standalone(init, policy, ends[0], err)
			 : clone_framed(init, userns, err);
	ret = pid < 0 ? pid : nsh_privileges_drop_outside(policy, userns >= 0, err);
	if (ret < 0) {
		if (pid > 0)
			kill_init(pid);
		close(ends[0]);
		return ret;
	}
	nsh_outer_run(init->launch.start, ends[0], pid, init->launch.terminal >= 0);
}

/* See shell/outer.c for when the shell gets the terminal. */
static int terminal_to_take(const struct start *start, const struct command *command)
{
	return start->foreground && (start->leader || command->interactive) ? start->terminal : -1;
}

/*
 * Nothing that was open before may reach the session: an open folder is a door (CVE-2024-21626).
 * The frame's user namespace is moved to the one place that stays open.
 */
static int close_inherited(int *userns, struct nsh_err *err)
{
	int first = STDERR_FILENO + 1;

	if (*userns >= 0) {
		if (*userns != first && dup3(*userns, first, O_CLOEXEC) < 0)
			return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "dup");
		*userns = first++;
	}
	if (close_range((unsigned)first, ~0U, 0) < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "close_range");
	return 0;
}

static int secure(const struct confinement *confinement, int *userns, struct nsh_err *err)
{
	int ret = nsh_start_check_streams(err);

	if (ret == 0)
		ret = close_inherited(userns, err);
	if (ret == 0 && *userns < 0)
		ret = nsh_login_check_standalone(confinement->policy, err);
	return ret;
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
		.stage = userns < 0 ? NSH_STAGE_WHOLE : NSH_STAGE_SHELL,
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
		.id = confinement->id,
		.other_root = strcmp(nsh_policy_text(policy, NSH_KEY_VIEW_ROOT), "/") != 0,
		.launch = {.start = start,
			   .command = command,
			   .folder = folder,
			   .umask = nsh_policy_number(policy, NSH_KEY_SHELL_UMASK),
			   .terminal = terminal_to_take(start, command)},
	};
	int ret = secure(confinement, &userns, err);

	if (ret == 0)
		ret = nsh_hostname_make(policy, confinement->user, hostname, err);
	if (ret < 0)
		return ret;
	read_folder(folder);
	nsh_rlimits_make(&init.launch.limits, policy);
	init.launch.environment = nsh_environment_make(policy, start->environment, confinement->id);
	if (!init.launch.environment)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -ENOMEM, "environment");
	ret = nsh_plan_build(&plan, &session, err);
	return ret < 0 ? ret : start_init(&init, policy, userns, err);
}
