/* SPDX-License-Identifier: MIT */
/*
 * Children. Nothing here allocates.
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "nsshell/child.h"

int nsh_child_wait(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

int nsh_child_end(pid_t pid)
{
	kill(pid, SIGKILL);
	return nsh_child_wait(pid);
}
