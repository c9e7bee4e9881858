/* SPDX-License-Identifier: MIT */
/*
 * A session in its standalone form: nsshell makes the user namespace itself, with the powers that
 * every process has.
 */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "nsshell/hostname.h"
#include "nsshell/plan.h"
#include "nsshell/sandbox.h"
#include "shell/environment.h"
#include "shell/init.h"
#include "shell/outer.h"
#include "shell/session.h"

static int make_id(char id[NSH_SESSION_ID_LEN + 1], struct nsh_err *err)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "getrandom");
	snprintf(id, NSH_SESSION_ID_LEN + 1, "%0*lx", NSH_SESSION_ID_LEN, (unsigned long)random);
	return 0;
}

static int make_hostname(const struct nsh_policy *policy, const struct nsh_user *user,
			 char name[NSH_HOSTNAME_MAX], struct nsh_err *err)
{
	const char *template = nsh_policy_text(policy, NSH_KEY_SESSION_HOSTNAME);
	struct nsh_hostname_words words = {.user = user->name, .group = ""};
	char host[HOST_NAME_MAX + 1];
	char uid[3 * sizeof(uid_t) + 1];
	NSH_FREE char *group = NULL;
	int ret;

	if (gethostname(host, sizeof(host)) < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "gethostname");
	host[HOST_NAME_MAX] = '\0';
	snprintf(uid, sizeof(uid), "%u", user->uid);
	words.host = host;
	words.uid = uid;
	if (nsh_hostname_uses(template, 'g')) {
		ret = nsh_group_name(user->gid, &group, err);
		if (ret == -ENOENT)
			return nsh_err_set(err, NSH_REASON_ACCOUNT, ret,
					   "group id %u of %s has no name", user->gid, user->name);
		if (ret < 0)
			return ret;
		words.group = group;
	}
	return nsh_hostname_expand(template, &words, name, err);
}

/* A current folder that was deleted, or is not below this root, has no name to start in. */
static void read_folder(char folder[PATH_MAX])
{
	if (!getcwd(folder, PATH_MAX) || folder[0] != '/')
		folder[0] = '\0';
}

static int start_init(struct init *init, struct nsh_err *err)
{
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "socketpair");
	init->outer = ends[1];
	init->outer_own = ends[0];
	pid = nsh_sandbox_clone(nsh_init_run, init, err);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return pid;
	}
	nsh_outer_run(init->launch.start, ends[0], pid, init->launch.terminal >= 0);
}

/* See shell/outer.c for when the shell gets the terminal. */
static int terminal_to_take(const struct start *start, const struct command *command)
{
	return start->foreground && (start->leader || command->interactive) ? start->terminal : -1;
}

/* Nothing that was open before may reach the session: an open folder is a door (CVE-2024-21626). */
static int close_inherited(struct nsh_err *err)
{
	if (close_range(STDERR_FILENO + 1, ~0U, 0) < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "close_range");
	return 0;
}

int nsh_session_run(const struct start *start, const struct command *command,
		    const struct nsh_policy *policy, const struct nsh_user *user,
		    struct nsh_err *err)
{
	char id[NSH_SESSION_ID_LEN + 1];
	char hostname[NSH_HOSTNAME_MAX];
	char folder[PATH_MAX];
	struct nsh_plan plan;
	struct nsh_session session = {
		.policy = policy,
		.user = user,
		.gid = getegid(),
		.id = id,
		.hostname = hostname,
		.agent_socket = nsh_environment_get(start->environment, "SSH_AUTH_SOCK"),
	};
	struct init init = {
		.plan = &plan,
		.launch = {.start = start,
			   .command = command,
			   .folder = folder,
			   .umask = nsh_policy_number(policy, NSH_KEY_SHELL_UMASK),
			   .terminal = terminal_to_take(start, command)},
	};
	int ret = nsh_start_check_streams(err);

	if (ret == 0)
		ret = close_inherited(err);
	if (ret == 0)
		ret = make_id(id, err);
	if (ret == 0)
		ret = make_hostname(policy, user, hostname, err);
	if (ret < 0)
		return ret;
	read_folder(folder);
	init.launch.environment = nsh_environment_make(policy, start->environment, id);
	if (!init.launch.environment)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -ENOMEM, "environment");
	ret = nsh_plan_build(&plan, &session, err);
	return ret < 0 ? ret : start_init(&init, err);
}
