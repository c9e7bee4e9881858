/* SPDX-License-Identifier: MIT */
/*
 * Children. Nothing here allocates.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsshell/child.h"

pid_t nsh_child_start(int *end, struct nsh_err *err)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "pipe");
	pid = fork();
	if (pid < 0)
		pid = nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "fork");
	else
		*end = ends[pid == 0];
	if (pid != 0)
		close(ends[1]);
	if (pid < 0)
		close(ends[0]);
	return pid;
}

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

void nsh_child_end_alike(int signal)
{
	struct sigaction by_default = {.sa_handler = SIG_DFL};
	sigset_t set;

	sigaction(signal, &by_default, NULL);
	sigemptyset(&set);
	sigaddset(&set, signal);
	kill(getpid(), signal);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

void nsh_child_reset_signals(void)
{
	struct sigaction by_default = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int signal = 1; signal < NSIG; signal++)
		sigaction(signal, &by_default, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int nsh_child_shut_streams(void)
{
	/* Where none of the three was open it is one of them, and dup2() leaves it as it is. */
	int null = open("/dev/null", O_RDWR);
	int ret = null;

	for (int fd = 0; fd <= STDERR_FILENO && ret >= 0; fd++)
		ret = dup2(null, fd);
	if (null > STDERR_FILENO)
		close(null);
	return ret < 0 ? -1 : 0;
}
