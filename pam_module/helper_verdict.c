/* SPDX-License-Identifier: MIT */
/*
 * What is to happen with a login: what sandbox/login_decide.c says, and its frame.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "pam_module/helper_verdict.h"
#include "pam_module/protocol.h"

#ifndef NSH_POLICY_FOLDER
#define NSH_POLICY_FOLDER "/etc/nsshell"
#endif

static enum nsh_verdict decide(struct verdict *verdict, const struct nsh_user *user)
{
	switch (nsh_login_decide(&verdict->policy, user, &verdict->err)) {
	case NSH_DECIDED_OPEN:
		return NSH_VERDICT_IGNORE;
	case NSH_DECIDED_REFUSED:
		return NSH_VERDICT_DENY;
	case NSH_DECIDED_FRAME:
		verdict->confined_by = "frame";
		break;
	case NSH_DECIDED_NSSHELL:
		verdict->confined_by = "frame,nsshell";
		break;
	}
	return NSH_VERDICT_CONFINE;
}

/*
 * As long as it is the parent its number cannot become another process's. It made the socket too, so it has not
 * only inherited this process. 0 when it cannot be told.
 */
static pid_t asking_process(void)
{
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);
	pid_t parent = getppid();

	if (getsockopt(NSH_HELPER_FD, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return 0;
	return peer.pid == parent && parent > 1 ? parent : 0;
}

void nsh_verdict_reach(struct verdict *verdict, const struct request *request)
{
	struct nsh_place place = {.folder = NSH_POLICY_FOLDER};
	const struct nsh_user *user = &request->user;

	verdict->kind = NSH_VERDICT_DENY;
	if (nsh_policy_load(&verdict->policy, &place, user, &request->login, &verdict->err) < 0)
		return;
	verdict->kind = decide(verdict, user);
	if (verdict->kind == NSH_VERDICT_CONFINE &&
	    nsh_login_confine(&verdict->confined, &verdict->policy, user, verdict->id,
			      &request->login, asking_process(), &verdict->err) < 0)
		verdict->kind = NSH_VERDICT_DENY;
}
