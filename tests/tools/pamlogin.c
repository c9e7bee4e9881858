/* SPDX-License-Identifier: MIT */
/*
 * pamlogin CONFDIR SERVICE USER RHOST TTY COMMAND...: what sshd does with a PAM session, without sshd.
 *
 * Opens a session with the PAM configuration CONFDIR/SERVICE, prints "pam CODE" and what the modules had
 * to say ("says TEXT") on standard error, and if the code is 0 runs COMMAND as the user, as sshd
 * would. Exits with the command's status, with 200 when there was no session, and with 201 when the
 * module has left something changed in this process. COMMAND - runs nothing.
 *
 * PAMLOGIN_DEAF=1 has SIGCHLD ignored until COMMAND is run, PAMLOGIN_TWICE=1 opens the session twice, PAMLOGIN_THREAD=1
 * with a second thread, PAMLOGIN_BARE=1 opens none: COMMAND is all that there is of the login.
 *
 * PAMLOGIN_COUNT=N: in N processes, which must all end with 0. PAMLOGIN_SLOTS=M: as many at a time, or else one;
 * PAMLOGIN_PAUSE=US: each begins after a random time of up to so many microseconds. When M is N and there is no such time
 * they wait for each other and then all begin at once.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include <security/pam_appl.h>

#define NO_SESSION 200
#define CHANGED 201

extern char **environ;

/* What the module must leave as it was. */
struct state {
	char folder[4096];
	mode_t umask;
	sigset_t blocked;
	struct sigaction actions[64];
	int files;
	char **environment;
};

static int count_files(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int count = 0;

	while (folder && readdir(folder))
		count++;
	closedir(folder);
	return count;
}

static void look(struct state *state)
{
	memset(state, 0, sizeof(*state));
	if (!getcwd(state->folder, sizeof(state->folder)))
		strcpy(state->folder, "?");
	state->umask = umask(0);
	umask(state->umask);
	sigprocmask(SIG_SETMASK, NULL, &state->blocked);
	for (int i = 1; i < 64; i++)
		sigaction(i, NULL, &state->actions[i]);
	state->files = count_files();
	state->environment = environ;
}

/* libc adds SA_RESTORER, which is its own affair, whenever an action is set. */
static int same_actions(const struct state *one, const struct state *other)
{
	for (int i = 1; i < 64; i++)
		if (one->actions[i].sa_handler != other->actions[i].sa_handler ||
		    (one->actions[i].sa_flags ^ other->actions[i].sa_flags) & 0x7bffffff ||
		    memcmp(&one->actions[i].sa_mask, &other->actions[i].sa_mask, 8) != 0)
			return 0;
	return 1;
}

static int same(const struct state *one, const struct state *other)
{
	const char *what = NULL;

	if (strcmp(one->folder, other->folder) != 0)
		what = "folder";
	if (one->umask != other->umask)
		what = "umask";
	if (memcmp(&one->blocked, &other->blocked, sizeof(one->blocked)) != 0)
		what = "blocked signals";
	if (!same_actions(one, other))
		what = "signal actions";
	if (one->files != other->files)
		what = "open files";
	if (one->environment != other->environment)
		what = "environment";
	if (what)
		fprintf(stderr, "changed %s\n", what);
	return !what;
}

static int converse(int count, const struct pam_message **messages, struct pam_response **responses,
		    void *data)
{
	(void)data;
	for (int i = 0; i < count; i++)
		fprintf(stderr, "says %s\n", messages[i]->msg);
	*responses = calloc((size_t)count, sizeof(**responses));
	return *responses ? PAM_SUCCESS : PAM_BUF_ERR;
}

static void *wait_for_ever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

/* What opens sessions has looked the account up before, and its groups: sshd, login, su. */
static void know(const char *name)
{
	const struct passwd *account = getpwnam(name);
	int count = 0;

	if (account)
		getgrouplist(name, account->pw_gid, NULL, &count);
}

static int open_session(char **argv)
{
	static const struct pam_conv conversation = {.conv = converse};
	pam_handle_t *pamh;
	int ret = pam_start_confdir(argv[2], argv[3], &conversation, argv[1], &pamh);

	if (ret != PAM_SUCCESS)
		return ret;
	if (*argv[4])
		pam_set_item(pamh, PAM_RHOST, argv[4]);
	if (*argv[5])
		pam_set_item(pamh, PAM_TTY, argv[5]);
	ret = pam_open_session(pamh, 0);
	if (ret == PAM_SUCCESS && getenv("PAMLOGIN_TWICE"))
		ret = pam_open_session(pamh, 0);
	return ret;
}

static void become(const char *name)
{
	struct passwd *account = getpwnam(name);

	if (!account || initgroups(name, account->pw_gid) < 0 || setgid(account->pw_gid) < 0 ||
	    setuid(account->pw_uid) < 0) {
		perror(name);
		_exit(CHANGED);
	}
	if (chdir(account->pw_dir) < 0 && chdir("/") < 0)
		_exit(CHANGED);
}

static int run(char **argv)
{
	int status;
	pid_t pid;

	if (!strcmp(argv[6], "-"))
		return 0;
	signal(SIGCHLD, SIG_DFL);
	pid = fork();
	if (pid == 0) {
		become(argv[3]);
		execv(argv[6], argv + 6);
		perror(argv[6]);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int login(char **argv)
{
	struct state before;
	struct state after;
	int ret;

	if (getenv("PAMLOGIN_BARE"))
		return run(argv);
	know(argv[3]);
	look(&before);
	ret = open_session(argv);
	look(&after);
	fprintf(stderr, "pam %d\n", ret);
	if (!same(&before, &after))
		return CHANGED;
	return ret == PAM_SUCCESS ? run(argv) : NO_SESSION;
}

static long setting(const char *name, long otherwise)
{
	const char *text = getenv(name);

	return text ? atol(text) : otherwise;
}

/* gate, a pipe, is closed when it is time to begin. */
static pid_t start_login(const int gate[2], long pause, char **argv)
{
	pid_t pid = fork();
	char byte;

	if (pid != 0)
		return pid;
	srandom((unsigned)getpid());
	if (pause)
		usleep((useconds_t)(random() % pause));
	close(gate[1]);
	if (read(gate[0], &byte, 1) < 0)
		_exit(CHANGED);
	close(gate[0]);
	_exit(login(argv));
}

static int await_login(long number)
{
	int status = 0;
	pid_t pid = wait(&status);

	if (pid > 0 && status == 0)
		return 0;
	fprintf(stderr, "login %ld: process %d, wait status %#x\n", number, pid, status);
	return 1;
}

/* Each in a process of its own, as sshd has one for each connection. After a failure no more are started. */
static int login_often(long count, char **argv)
{
	long slots = setting("PAMLOGIN_SLOTS", 1);
	long pause = setting("PAMLOGIN_PAUSE", 0);
	bool together = slots == count && !pause;
	long started = 0;
	int failed = 0;
	int gate[2];

	if (pipe2(gate, O_CLOEXEC) < 0)
		return CHANGED;
	if (!together)
		close(gate[1]);
	for (long ended = 0; ended < started || (started < count && !failed);) {
		if (started < count && !failed && started - ended < slots) {
			if (start_login(gate, pause, argv) < 0)
				return CHANGED;
			if (++started == count && together)
				close(gate[1]);
			continue;
		}
		failed |= await_login(++ended);
	}
	return failed;
}

int main(int argc, char **argv)
{
	long count = setting("PAMLOGIN_COUNT", 0);
	pthread_t thread;

	if (argc < 7)
		return 2;
	/* Something to be put back. */
	signal(SIGCHLD, getenv("PAMLOGIN_DEAF") ? SIG_IGN : SIG_DFL);
	signal(SIGUSR1, SIG_IGN);
	umask(027);
	/* libpam opens the log when it first has something to say. */
	openlog("pamlogin", LOG_NDELAY, LOG_AUTHPRIV);
	if (getenv("PAMLOGIN_THREAD"))
		pthread_create(&thread, NULL, wait_for_ever, NULL);
	return count ? login_often(count, argv) : login(argv);
}
