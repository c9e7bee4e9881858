/* SPDX-License-Identifier: MIT */
/*
 * What is to happen with a login: what sandbox/login_decide.c says, and its frame.
 */
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nsshell/paths.h"
#include "pam_module/helper_verdict.h"
#include "pam_module/protocol.h"

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

static int confine(struct verdict *verdict, const struct request *request, bool has_shell)
{
	const struct nsh_entrant entrant = {
		.user = &request->user,
		.login = &request->login,
		.id = verdict->id,
		.process = asking_process(),
		.has_shell = has_shell,
	};
	/* Also where all is well it can hold what was looked for and need not be there. The verdict has its reason. */
	struct nsh_err err;
	int ret = nsh_login_confine(&verdict->confined, &verdict->policy, &entrant, &err);

	if (ret < 0)
		verdict->err = err;
	memcpy(verdict->id, verdict->confined.id, sizeof(verdict->id));
	return ret;
}

void nsh_verdict_reach(struct verdict *verdict, const struct request *request)
{
	struct nsh_place place = {.folder = NSH_POLICY_FOLDER};
	enum nsh_decision decision;

	verdict->kind = NSH_VERDICT_DENY;
	if (nsh_policy_load(&verdict->policy, &place, &request->user, &request->login,
			    &verdict->err) < 0)
		return;
	decision = nsh_login_decide(&verdict->policy, &request->user, &verdict->err);
	if (decision == NSH_DECIDED_OPEN)
		verdict->kind = NSH_VERDICT_IGNORE;
	if (decision != NSH_DECIDED_FRAME && decision != NSH_DECIDED_NSSHELL)
		return;
	verdict->confined_by = decision == NSH_DECIDED_FRAME ? "frame" : "frame,nsshell";
	if (confine(verdict, request, decision == NSH_DECIDED_NSSHELL) == 0)
		verdict->kind = NSH_VERDICT_CONFINE;
}
