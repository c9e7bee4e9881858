/* SPDX-License-Identifier: MIT */
/*
 * The folders of selftest.
 *
 * What removes them is started first, as a process that is nobody's child: it waits for the end of a pipe that only
 * selftest holds. So it works the same after the last test, Ctrl-C and SIGKILL. rm(1) does it, which follows no links,
 * and in the home it has the user's powers only: whatever the user has put there instead is theirs.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ctl/selftest_folder.h"
#include "ctl/state.h"
#include "nsshell/child.h"
#include "nsshell/cleanup.h"
#include "nsshell/id.h"
#include "nsshell/sandbox.h"
#include "nsshell/paths.h"

/* Longest time for one thing done in a home, which may be far away, in milliseconds. */
#define HOME_MS 10000

/* What is dying there still can make files. */
#define TRIES 5

static int sys(struct nsh_err *err, const char *what)
{
	return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "%s", what);
}

/* Waits for a child; kills it when it takes too long. Returns whether it ended well. */
static bool await(pid_t pid)
{
	const struct timespec step = {.tv_nsec = 2000000};
	int status = -1;

	for (int ms = 0; ms < HOME_MS; ms += 2) {
		if (waitpid(pid, &status, WNOHANG) != 0)
			return status == 0;
		nanosleep(&step, NULL);
	}
	kill(pid, SIGKILL);
	return false;
}

/* Removes a folder with all that is in it, as the user unless NULL. False when something is left. */
static bool remove_folder(const char *path, const struct nsh_user *user)
{
	char *argv[] = {(char *)"rm", (char *)"-rf", (char *)"--", (char *)path, NULL};
	char *environment[] = {(char *)"LC_ALL=C", NULL};
	struct nsh_err err;
	pid_t pid = fork();

	if (pid == 0) {
		nsh_child_shut_streams();
		if (!user || nsh_sandbox_become(user, &err) == 0)
			execve("/bin/rm", argv, environment);
		_exit(1);
	}
	return pid > 0 && await(pid);
}

static void remove_both(const char *own, const char *home, const struct nsh_user *user)
{
	const struct timespec pause = {.tv_nsec = 100000000};

	for (int i = 0; i < TRIES; i++) {
		bool own_gone = remove_folder(own, NULL);

		if (remove_folder(home, user) && own_gone)
			return;
		nanosleep(&pause, NULL);
	}
}

static _Noreturn void run_remover(const char *own, const char *home, const struct nsh_user *user,
				  int stop, int ended)
{
	struct pollfd waiting = {.fd = stop, .events = POLLIN};
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	setsid();
	if (fork() != 0)
		_exit(0);
	nsh_child_shut_streams();
	dup3(stop, 3, O_CLOEXEC);
	dup3(ended, 4, O_CLOEXEC);
	close_range(5, ~0U, 0);
	waiting.fd = 3;
	while (poll(&waiting, 1, -1) < 0)
		;
	remove_both(own, home, user);
	_exit(0);
}

/* The ends of the pipes that the remover has must be no others than 3 and 4 when they are moved there. */
static int move_up(int fd)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, 10);

	close(fd);
	return moved;
}

static int start_remover(struct nsh_folders *folders, const char *home, const struct nsh_user *user,
			 struct nsh_err *err)
{
	int stop[2];
	int ended[2];
	pid_t pid;

	if (pipe2(stop, O_CLOEXEC) < 0 || pipe2(ended, O_CLOEXEC) < 0)
		return sys(err, "pipe");
	for (int i = 0; i < 2; i++) {
		stop[i] = move_up(stop[i]);
		ended[i] = move_up(ended[i]);
	}
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(stop[1]);
		close(ended[0]);
		run_remover(folders->own, home, user, stop[0], ended[1]);
	}
	close(stop[0]);
	close(ended[1]);
	folders->stop = stop[1];
	folders->ended = ended[0];
	if (pid < 0)
		return sys(err, "fork");
	waitpid(pid, NULL, 0);
	return 0;
}

static _Noreturn void make_in_home(const char *path, const struct nsh_folders *folders,
				   const struct nsh_user *user)
{
	struct nsh_err err;
	int folder;
	int file;

	umask(077);
	if (nsh_sandbox_become(user, &err) < 0 || mkdir(path, 0700) < 0)
		_exit(1);
	folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	file = openat(folder, NSH_SEED, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	_exit(write(file, folders->seed, NSH_SEED_SIZE) == NSH_SEED_SIZE ? 0 : 1);
}

static void name_folder(struct nsh_folders *folders)
{
	char id[NSH_ID_LEN + 1];

	nsh_id_make(id);
	snprintf(folders->name, sizeof(folders->name), ".nsshell-selftest-%s", id);
}

/* No place for records: what begins with "." is none. Programs can be run there, as they often cannot in /tmp. */
static int make_own(struct nsh_folders *folders, struct nsh_err *err)
{
	int state = nsh_state_look(err);

	if (state < 0)
		return state;
	close(state);
	snprintf(folders->own, sizeof(folders->own), NSH_STATE_FOLDER "/.selftest-XXXXXX");
	return mkdtemp(folders->own) ? 0 : sys(err, NSH_STATE_FOLDER);
}

int nsh_folders_make(struct nsh_folders *folders, const struct nsh_user *user, struct nsh_err *err)
{
	NSH_FREE char *home = NULL;
	pid_t pid;
	int ret;

	*folders = (struct nsh_folders){.stop = -1, .ended = -1};
	name_folder(folders);
	if (getrandom(folders->seed, NSH_SEED_SIZE, 0) < 0 ||
	    asprintf(&home, "%s/%s", user->home, folders->name) < 0)
		return sys(err, "make a temporary folder");
	ret = make_own(folders, err);
	if (ret < 0)
		return ret;
	ret = start_remover(folders, home, user, err);
	if (ret < 0) {
		rmdir(folders->own);
		return ret;
	}
	pid = fork();
	if (pid == 0)
		make_in_home(home, folders, user);
	if (pid < 0 || user->home[0] != '/' || !await(pid))
		folders->name[0] = '\0';
	return 0;
}

void nsh_folders_remove(struct nsh_folders *folders)
{
	struct pollfd ended = {.fd = folders->ended, .events = POLLIN};

	close(folders->stop);
	poll(&ended, 1, 3 * TRIES * HOME_MS);
	close(folders->ended);
}
