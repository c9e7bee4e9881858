/* SPDX-License-Identifier: MIT */
/*
 * Starting the real shell.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsshell/child.h"
#include "nsshell/keys.h"
#include "nsshell/printable.h"
#include "shell/exec.h"
#include "shell/refuse.h"

static int cannot_exec(const struct command *command, int code, struct nsh_err *err)
{
	nsh_err_sys(err, NSH_REASON_SHELL, -code, "%s", command->program);
	return code == ENOENT ? NSH_EXIT_NOT_FOUND : NSH_EXIT_NOT_EXECUTABLE;
}

int nsh_exec_here(const struct start *start, const struct command *command, char **environment,
		  struct nsh_err *err)
{
	nsh_start_restore(start);
	execve(command->program, command->argv, environment);
	return cannot_exec(command, errno, err);
}

/*
 * The current folder is looked up again by name, as the user and inside the session: an inherited
 * one would be a door to what lies behind the covers. Not the home but "/" where that fails,
 * because a command like "rm -r *" was meant for another place.
 */
static void enter_folder(const char *folder)
{
	char shown[NSH_ERR_MAX];

	if (folder[0] && chdir(folder) == 0)
		return;
	if (chdir("/") < 0)
		_exit(NSH_EXIT_REFUSED);
	snprintf(shown, sizeof(shown), "the current folder%s%s", folder[0] ? " " : "", folder);
	nsh_make_printable(shown);
	dprintf(STDERR_FILENO, "nsshell: %s cannot be seen in the session; starting in /\n", shown);
}

/*
 * Runs in PID 1's memory until the exec: it sets what belongs to the process and nothing else. What may take long comes
 * first: whoever has the terminal can be stopped from there, and with it PID 1, which waits for the exec.
 */
static int run_child(const struct launch *launch)
{
	int ret;

	enter_folder(launch->folder);
	ret = nsh_rlimits_apply(&launch->limits);
	if (ret < 0)
		return -ret;
	setpgid(0, 0);
	if (launch->terminal >= 0)
		tcsetpgrp(launch->terminal, getpid());
	nsh_start_restore(launch->start);
	if (launch->umask != NSH_UMASK_KEEP)
		umask((mode_t)launch->umask);
	execve(launch->command->program, launch->command->argv, launch->environment);
	return errno;
}

pid_t nsh_exec_child(const struct launch *launch, struct nsh_err *err)
{
	volatile int code = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		code = run_child(launch);
		_exit(NSH_EXIT_NOT_EXECUTABLE);
	}
	if (pid < 0) {
		nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "fork");
		return -NSH_EXIT_REFUSED;
	}
	if (!code)
		return pid;
	nsh_child_wait(pid);
	return -cannot_exec(launch->command, code, err);
}
