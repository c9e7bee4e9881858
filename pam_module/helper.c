/* SPDX-License-Identifier: MIT */
/*
 * nsshell-session, the session helper: reads the policy and makes the session's frame.
 *
 * Started as root by pam_nsshell.so, never set-user-ID, with an empty environment and one socket open.
 * It answers one request and ends; the frame lives on in whoever has joined it. When it is killed at
 * any point the module has no answer, and there is no session.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "nsshell/hub.h"
#include "nsshell/pass.h"
#include "pam_module/helper_record.h"
#include "pam_module/helper_request.h"
#include "pam_module/helper_verdict.h"
#include "pam_module/protocol.h"

/*
 * Under su(1) and sudo(8) the limits of resources are the caller's: with little of one of them what is asked for the
 * account (getent(1) and the modules that it loads) could fail in a way that looks like an answer, and a shared sandbox
 * would give no signals, timers and locked memory to anybody who joins it. Root of a container may not raise hard
 * limits; they stay then.
 */
static void raise_limits(void)
{
	static const struct {
		int resource;
		rlim_t least;
	} needed[] = {
		{RLIMIT_AS, RLIM_INFINITY},   {RLIMIT_CPU, RLIM_INFINITY},
		{RLIMIT_DATA, RLIM_INFINITY}, {RLIMIT_FSIZE, RLIM_INFINITY},
		{RLIMIT_NOFILE, 1024},        {RLIMIT_STACK, 8 << 20},
		{RLIMIT_SIGPENDING, 1024},    {RLIMIT_MSGQUEUE, 819200},
		{RLIMIT_MEMLOCK, 8 << 20},
	};

	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		struct rlimit limit;

		if (getrlimit(needed[i].resource, &limit) < 0 || limit.rlim_cur >= needed[i].least)
			continue;
		limit.rlim_cur = limit.rlim_max;
		if (limit.rlim_max < needed[i].least)
			limit.rlim_cur = limit.rlim_max = needed[i].least;
		if (setrlimit(needed[i].resource, &limit) == 0 ||
		    getrlimit(needed[i].resource, &limit) < 0)
			continue;
		limit.rlim_cur = limit.rlim_max;
		setrlimit(needed[i].resource, &limit);
	}
}

/*
 * So are the caller's place in the queue for the processor, and among what is killed first when memory is short; and the
 * user's hub and shared sandbox, which are begun here, would have them for as long as they last. What root of a container
 * may not change stays.
 */
static void leave_places(void)
{
	static const struct sched_param usual;
	NSH_CLOSE int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	sched_setscheduler(0, SCHED_OTHER, &usual);
	setpriority(PRIO_PROCESS, 0, 0);
	syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_NONE, 0));
	dprintf(fd, "0");
}

/*
 * Under su(1) the real ids are still the caller's. All are root's from here on, and nobody may look
 * into this process, as a copy of it will hold a user namespace that a user owns.
 */
static int settle_process(struct nsh_err *err)
{
	umask(0);
	raise_limits();
	leave_places();
	if (setgroups(0, NULL) == 0 && setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0 &&
	    prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) == 0)
		return 0;
	return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "become root");
}

/* One message, with the frame's namespaces as its fds. */
static int reply(const struct verdict *verdict)
{
	struct nsh_reply answer = {.protocol = NSH_PROTOCOL, .verdict = verdict->kind};
	bool confines = verdict->kind == NSH_VERDICT_CONFINE;
	const int frame[] = {
		[NSH_PART_MOUNT] = verdict->confined.frame.mount,
		[NSH_PART_UTS] = verdict->confined.frame.uts,
		[NSH_PART_NETWORK] = verdict->confined.frame.network,
	};

	memcpy(answer.id, verdict->id, sizeof(answer.id));
	if (verdict->kind == NSH_VERDICT_DENY)
		snprintf(answer.sentence, sizeof(answer.sentence), "%s",
			 nsh_reason_sentence(verdict->err.reason));
	if (confines && verdict->confined.stale)
		snprintf(answer.sentence, sizeof(answer.sentence), "%s",
			 nsh_hub_stale_sentence(verdict->confined.joined ? NSH_HUB_JOIN
									 : NSH_HUB_MAKE));
	/* With one that is not open there are too few, which the module takes for no answer. */
	return nsh_pass_send(NSH_HELPER_FD, &answer, sizeof(answer), frame,
			     confines ? NSH_PART_COUNT : 0, 0) == 0
		       ? 0
		       : 1;
}

static bool is_asked(void)
{
	struct stat st;

	return fstat(NSH_HELPER_FD, &st) == 0 && S_ISSOCK(st.st_mode);
}

int main(int argc, char **argv)
{
	static struct request request = {.login = {.service = "", .source = "", .tty = ""}};
	static struct verdict verdict = {.kind = NSH_VERDICT_DENY};
	int ret;

	(void)argv;
	if (argc != 1 || !is_asked()) {
		fputs("nsshell-session is started by pam_nsshell.so; see pam_nsshell(8)\n", stderr);
		return 2;
	}
	nsh_record_open();
	nsh_id_make(verdict.id);
	if (settle_process(&verdict.err) == 0 &&
	    nsh_request_read(&request, NSH_HELPER_FD, &verdict.err) == 0)
		nsh_verdict_reach(&verdict, &request);
	/* The module waits for the end of this process too: nobody is in before the line is in the log. */
	ret = reply(&verdict);
	nsh_record(&verdict, &request);
	return ret;
}
