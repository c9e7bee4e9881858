/* SPDX-License-Identifier: MIT */
/*
 * Holding a login to memory_max, tasks_max and cpu_max.
 *
 * It is the process that opens the PAM session that gets them, as everything of the login will be its child.
 * Where systemd runs it owns the tree of control groups, and it is asked by a program of its own
 * (nsshell-scope), so that this one stays static and no library of systemd's is needed for logins without limits.
 * Whoever has set them, what counts is what the kernel says afterwards.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "nsshell/child.h"
#include "nsshell/cleanup.h"
#include "nsshell/clock.h"
#include "nsshell/paths.h"
#include "nsshell/printable.h"
#include "sandbox/login_limits.h"
#include "sandbox/path.h"

/* Longest time for systemd to do it, in milliseconds. */
#define SCOPE_MS 8000

/* systemd says that it is done before it has written to the control group. */
#define SETTLE_MS 2000
#define SETTLE_STEP_MS 2

/* The arguments of nsshell-scope. */
enum { NAME, PROCESS, USER, ID, MEMORY, TASKS, CPU, HUB, N_TEXTS };

static void __attribute__((noreturn)) run_scope(char *const argv[], int out, pid_t parent)
{
	char *envp[] = {NULL};

	if (prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0L, 0L, 0L) < 0 ||
	    getppid() != parent || dup2(out, STDERR_FILENO) < 0 ||
	    close_range(STDERR_FILENO + 1, ~0U, 0) < 0)
		_exit(1);
	execve(NSH_SCOPE_PATH, argv, envp);
	dprintf(STDERR_FILENO, "%s", strerror(errno));
	_exit(1);
}

/* What it says until it ends; false when it does not. */
static bool read_answer(int in, char *text, size_t size)
{
	int64_t end = nsh_now_ms() + SCOPE_MS;
	size_t len = 0;
	ssize_t got;

	while (nsh_await(in, POLLIN, end) > 0 &&
	       (got = read(in, text + len, size - 1 - len)) >= 0) {
		len += (size_t)got;
		text[len] = '\0';
		if (got == 0)
			return true;
	}
	return false;
}

static int await_scope(pid_t pid, int in, struct nsh_err *err)
{
	char text[NSH_ERR_MAX / 2] = "";
	bool ended = read_answer(in, text, sizeof(text));
	int status = ended ? nsh_child_wait(pid) : nsh_child_end(pid);

	if (ended && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	nsh_make_printable(text);
	if (!*text)
		snprintf(text, sizeof(text), "%s", ended ? "failed" : "gave no answer in time");
	return nsh_err_set(err, NSH_REASON_LIMITS, -EIO, "limits through systemd: %s: %s",
			   NSH_SCOPE_PATH, text);
}

static int start_scope(char *const argv[], struct nsh_err *err)
{
	NSH_CLOSE int end = -1;
	pid_t parent = getpid();
	pid_t pid = nsh_child_start(&end, err);

	if (pid == 0)
		run_scope(argv, end, parent);
	return pid < 0 ? pid : await_scope(pid, end, err);
}

static int ask_systemd(pid_t process, const struct nsh_user *user, const char *id,
		       const struct nsh_cgroup_limits *limits, pid_t hub, struct nsh_err *err)
{
	char texts[N_TEXTS][24] = {"nsshell-scope"};
	char *argv[N_TEXTS + 1] = {NULL};

	snprintf(texts[PROCESS], sizeof(texts[PROCESS]), "%d", process);
	snprintf(texts[USER], sizeof(texts[USER]), "%u", user->uid);
	snprintf(texts[ID], sizeof(texts[ID]), "%s", id);
	snprintf(texts[MEMORY], sizeof(texts[MEMORY]), "%" PRIu64, limits->memory);
	snprintf(texts[TASKS], sizeof(texts[TASKS]), "%u", limits->tasks);
	snprintf(texts[CPU], sizeof(texts[CPU]), "%u", limits->cpu);
	snprintf(texts[HUB], sizeof(texts[HUB]), "%d", hub);
	for (int i = 0; i < N_TEXTS; i++)
		argv[i] = texts[i];
	return start_scope(argv, err);
}

bool nsh_systemd_runs(void)
{
	struct stat st;

	return lstat("/run/systemd/system", &st) == 0 && S_ISDIR(st.st_mode);
}

static int settle(struct nsh_cgroup *cgroup, pid_t process, const struct nsh_cgroup_limits *limits,
		  struct nsh_err *err)
{
	const struct timespec step = {.tv_nsec = SETTLE_STEP_MS * 1000000L};
	int64_t end = nsh_now_ms() + (cgroup->of_systemd ? SETTLE_MS : 0);
	int ret = nsh_cgroup_find(process, cgroup->path, err);

	if (ret < 0)
		return ret;
	while ((ret = nsh_cgroup_verify(cgroup->path, limits, err)) < 0 && nsh_now_ms() < end)
		nanosleep(&step, NULL);
	return ret;
}

static int set(struct nsh_cgroup *cgroup, pid_t process, const struct nsh_user *user,
	       const char *id, const struct nsh_cgroup_limits *limits, pid_t hub,
	       struct nsh_err *err)
{
	bool limited = limits->memory || limits->tasks || limits->cpu;
	int ret = limited ? nsh_cgroup_check(limits, err) : 0;

	cgroup->of_systemd = nsh_systemd_runs();
	if (ret == 0)
		ret = cgroup->of_systemd ? ask_systemd(process, user, id, limits, hub, err)
					 : nsh_cgroup_make(process, id, limits, err);
	if (ret == 0)
		ret = settle(cgroup, process, limits, err);
	if (ret == 0 && process != getpid() && getppid() != process)
		ret = nsh_err_set(err, NSH_REASON_LIMITS, -ESRCH,
				  "limits: the process that opens the session has ended");
	return ret;
}

int nsh_limits_set(struct nsh_cgroup *cgroup, const struct nsh_policy *policy,
		   const struct nsh_user *user, const char *id, pid_t process, pid_t hub,
		   struct nsh_err *err)
{
	struct nsh_cgroup_limits limits;
	int ret;

	*cgroup = (struct nsh_cgroup){0};
	if (!nsh_cgroup_limits_make(&limits, policy) && !(hub && nsh_systemd_runs()))
		return 0;
	if (limits.memory == NSH_MEMORY_UNKNOWN)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -EIO,
				   "limits.memory_max: the machine's memory");
	if (process <= 0)
		return nsh_err_set(err, NSH_REASON_LIMITS, -ESRCH,
				   "limits: the process that opens the session cannot be told");
	ret = set(cgroup, process, user, id, &limits, hub, err);
	if (ret < 0)
		cgroup->path[0] = '\0';
	return ret;
}

/* nsshell-scope hub USER PROCESS */
int nsh_limits_set_apart(pid_t hub, const struct nsh_user *user, struct nsh_err *err)
{
	char name[] = "nsshell-scope";
	char form[] = "hub";
	char number[24];
	char owner[24];
	char *argv[] = {name, form, owner, number, NULL};

	if (!nsh_systemd_runs())
		return 0;
	snprintf(owner, sizeof(owner), "%u", user->uid);
	snprintf(number, sizeof(number), "%d", hub);
	return start_scope(argv, err);
}

/* nsshell-scope UNIT PROCESS */
static int attach(const char *path, pid_t process, struct nsh_err *err)
{
	char name[] = "nsshell-scope";
	char unit[NSH_CGROUP_MAX];
	char number[24];
	char *argv[] = {name, unit, number, NULL};

	snprintf(unit, sizeof(unit), "%s", strrchr(path, '/') + 1);
	snprintf(number, sizeof(number), "%d", process);
	return start_scope(argv, err);
}

int nsh_limits_join(const struct nsh_cgroup *cgroup, pid_t process, struct nsh_err *err)
{
	char own[NSH_CGROUP_MAX];
	int ret;

	if (!strchr(cgroup->path, '/'))
		return 0;
	ret = nsh_systemd_runs() ? attach(cgroup->path, process, err)
				 : nsh_cgroup_enter(cgroup->path, process, err);
	if (ret == 0)
		ret = nsh_cgroup_find(process, own, err);
	if (ret == 0 && !nsh_path_around(cgroup->path, own))
		ret = nsh_err_set(err, NSH_REASON_LIMITS, -EIO,
				  "the control group %s of the sandbox cannot be joined",
				  cgroup->path);
	return ret;
}
