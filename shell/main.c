/* SPDX-License-Identifier: MIT */
/*
 * nsshell, the login shell that gives every login a Linux of its own.
 *
 * Runs as the user and with no privilege from the first instruction on. This file decides which of
 * three things happens: inside a session, or for somebody who is not confined, the real shell is
 * executed and nsshell is gone; for everybody else there is a session, or a refusal.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsshell/frame.h"
#include "nsshell/host.h"
#include "nsshell/hub.h"
#include "nsshell/id.h"
#include "nsshell/paths.h"
#include "nsshell/plan.h"
#include "nsshell/policy.h"
#include "nsshell/sandbox.h"
#include "shell/command.h"
#include "shell/exec.h"
#include "shell/refuse.h"
#include "shell/session.h"
#include "shell/start.h"

static const char help[] =
	"usage: nsshell [-l] [-c COMMAND] [ARGUMENT...]\n"
	"\n"
	"Runs the shell that the policy names in a session of its own: with its own processes,\n"
	"host name and /tmp, and as much of the machine as the policy shows. All arguments are\n"
	"the shell's. Made to be a login shell:  usermod -s /usr/bin/nsshell USER\n"
	"\n"
	"  " NSH_POLICY_FOLDER "/nsshell.conf   the policy, see nsshell.conf(5)\n"
	"  exit status 125             there is no session; the reason is on standard error\n";

struct run {
	struct start start;
	int argc;
	char **argv;
	char id[NSH_ID_LEN + 1]; /* of the session, or of the incident when there is none */
	struct nsh_err err;
};

static int exec_shell(struct run *run, const char *program)
{
	struct command command;

	if (nsh_command_verify(program, &run->err) < 0 ||
	    nsh_command_make(&command, program, run->argc, run->argv, &run->err) < 0)
		return NSH_EXIT_REFUSED;
	return nsh_exec_here(&run->start, &command, run->start.environment, &run->err);
}

/* The session's own file says which shell; its owner is the user as seen inside. */
static int run_inside(struct run *run)
{
	struct nsh_policy policy;

	if (nsh_policy_load_resolved(&policy, NSH_SESSION_FOLDER "/policy", getuid(), &run->err) <
	    0)
		return NSH_EXIT_REFUSED;
	return exec_shell(run, nsh_policy_text(&policy, NSH_KEY_SHELL_PROGRAM));
}

/*
 * Root is never confined, and its way in does not depend on a policy that can be read. In a user
 * namespace that somebody made for themselves user id 0 is not the machine's root.
 */
static int run_root(struct run *run)
{
	const char *program = nsh_keys[NSH_KEY_SHELL_PROGRAM].preset;
	struct stat st;

	if (stat("/", &st) < 0 || st.st_uid != 0) {
		nsh_err_set(&run->err, NSH_REASON_ACCOUNT, -EPERM,
			    "user id 0 of a user namespace that is not the machine's");
		return NSH_EXIT_REFUSED;
	}
	return exec_shell(run, access(program, X_OK) == 0 ? program : "/bin/sh");
}

static int run_confined(struct run *run, const struct confinement *confinement)
{
	const char *program = nsh_policy_text(confinement->policy, NSH_KEY_SHELL_PROGRAM);
	bool other_root = nsh_policy_has_other_root(confinement->policy);
	struct command command;

	if ((!other_root && nsh_command_verify(program, &run->err) < 0) ||
	    nsh_command_make(&command, program, run->argc, run->argv, &run->err) < 0)
		return NSH_EXIT_REFUSED;
	nsh_session_run(&run->start, &command, confinement, &run->err);
	return NSH_EXIT_REFUSED;
}

/* Everything that there is to know is in the frame; the machine's policy is not read again. */
static int run_framed(struct run *run, struct nsh_frame *frame, bool hosts)
{
	struct confinement confinement = {
		.policy = &frame->policy,
		.user = &frame->account,
		.id = frame->id,
		.framed = true,
		.userns = frame->user,
	};

	if (hosts && nsh_session_host(&confinement, NSH_HOST_FD, &run->err) == 0)
		return 0;
	if (hosts)
		return NSH_EXIT_REFUSED;
	if (frame->shared) {
		frame->ways.part[NSH_DOOR_USER] = frame->user;
		confinement.ways = &frame->ways;
		confinement.userns = -1;
	}
	return run_confined(run, &confinement);
}

/* What is made is handed to the hub, and then joined like by all who come later. */
static int make_sandbox(struct nsh_ways *ways, const struct confinement *confinement,
			struct nsh_hub *hub, struct nsh_err *err)
{
	struct nsh_host host = {.init = -1};
	struct nsh_hub_made made = {.id = confinement->id, .cgroup = "", .n_parts = NSH_DOOR_PARTS};
	int ret;

	nsh_ways_clear(&host.ways);
	ret = nsh_session_make(&host, confinement, err);
	made.parts = host.ways.part;
	made.init = host.init;
	made.outer = host.outer;
	if (ret == 0)
		ret = nsh_hub_made(hub, &made, err);
	if (ret == 0) {
		*ways = host.ways;
		nsh_ways_clear(&host.ways);
	}
	nsh_host_close(&host);
	return ret;
}

static void tell_stale(const struct run *run, const struct nsh_hub *hub)
{
	if (hub->stale && run->start.terminal >= 0)
		dprintf(STDERR_FILENO, "nsshell: %s\n", nsh_hub_stale_sentence(hub->answer));
}

/*
 * Standalone, with the user's hub. What it hands out is looked at: it could be anybody's that has the same user id, and
 * confined less. What is the shell's own (its program, limits, filter) is as the policy has it now, also where the sandbox
 * is of an older one.
 */
static int run_shared(struct run *run, struct confinement *confinement)
{
	const struct nsh_hub_login login = {
		.place = {.uid = getuid(), .standalone = true},
		.policy = confinement->policy,
		.user = confinement->user,
		.process = getpid(),
	};
	struct nsh_ways ways;
	struct nsh_hub hub;
	int ret = nsh_hub_enter(&hub, &login, &run->err);

	nsh_ways_clear(&ways);
	if (ret == 0)
		tell_stale(run, &hub);
	if (ret == 0 && hub.answer == NSH_HUB_MAKE)
		ret = make_sandbox(&ways, confinement, &hub, &run->err);
	if (ret == 0 && hub.answer == NSH_HUB_JOIN) {
		memcpy(ways.part, hub.parts, sizeof(ways.part));
		memcpy(run->id, hub.id, sizeof(run->id));
		for (int i = 0; i < NSH_HUB_PARTS; i++)
			hub.parts[i] = -1;
	}
	if (ret == 0 && hub.answer != NSH_HUB_COUNTED)
		ret = nsh_door_check(&ways, &run->err);
	confinement->ways = hub.answer == NSH_HUB_COUNTED ? NULL : &ways;
	nsh_hub_close(&hub);
	if (ret < 0)
		return NSH_EXIT_REFUSED;
	return run_confined(run, confinement);
}

static int run_user(struct run *run)
{
	struct nsh_place place = {.folder = NSH_POLICY_FOLDER, .owner = 0};
	struct nsh_policy policy;
	struct nsh_user user;
	struct confinement confinement = {
		.policy = &policy, .user = &user, .id = run->id, .userns = -1};

	if (nsh_user_find(&user, getuid(), &run->err) < 0 ||
	    nsh_user_take_groups(&user, &run->err) < 0 ||
	    nsh_policy_load(&policy, &place, &user, NULL, &run->err) < 0)
		return NSH_EXIT_REFUSED;
	switch (nsh_policy_number(&policy, NSH_KEY_SESSION_CONFINE)) {
	case NSH_CONFINE_NO:
		return exec_shell(run, nsh_policy_text(&policy, NSH_KEY_SHELL_PROGRAM));
	case NSH_CONFINE_DENY:
		nsh_err_set(&run->err, NSH_REASON_DENIED, -EPERM, "session.confine = deny");
		return NSH_EXIT_REFUSED;
	}
	return nsh_hub_is_needed(&policy, true) ? run_shared(run, &confinement)
						: run_confined(run, &confinement);
}

/*
 * Until the shell runs this process is the user's, outside of the session that it makes, or in it with more powers than
 * the shell: no other process of the user's is to look into it or write to its memory. The kernel sees to that from
 * execve(2) on where users cannot read the program's file (mode 0711); prctl(2) does from here on in any case.
 */
static int run_all(struct run *run)
{
	struct nsh_frame frame;
	bool hosts;
	int framed;

	if (prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) < 0) {
		nsh_err_sys(&run->err, NSH_REASON_MACHINE, -errno, "prctl");
		return NSH_EXIT_REFUSED;
	}
	if (nsh_start_read(&run->start, &run->err) < 0)
		return NSH_EXIT_REFUSED;
	if (getuid() != geteuid() || getgid() != getegid()) {
		nsh_err_set(&run->err, NSH_REASON_ACCOUNT, -EPERM,
			    "real and effective ids differ; nsshell must not be set-user-ID");
		return NSH_EXIT_REFUSED;
	}
	if (nsh_sandbox_is_inside())
		return run_inside(run);
	if (getuid() == 0)
		return run_root(run);
	hosts = nsh_host_is_asked(run->argc == 1 ? run->argv[0] : NULL);
	framed = nsh_frame_open(&frame, hosts, &run->err);
	if (framed < 0)
		return NSH_EXIT_REFUSED;
	if (!framed)
		return run_user(run);
	memcpy(run->id, frame.id, sizeof(run->id));
	return run_framed(run, &frame, hosts);
}

static int print(const char *text)
{
	return fputs(text, stdout) < 0 || fflush(stdout) < 0;
}

int main(int argc, char **argv)
{
	struct run run = {.argc = argc, .argv = argv};

	if (argc == 2 && !strcmp(argv[1], "--help"))
		return print(help);
	if (argc == 2 && !strcmp(argv[1], "--version"))
		return print("nsshell " NSH_VERSION "\n");
	nsh_id_make(run.id);
	nsh_refuse_note_user();
	return nsh_refuse(run_all(&run), run.id, &run.err);
}
