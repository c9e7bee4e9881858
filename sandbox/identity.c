/* SPDX-License-Identifier: MIT */
/*
 * Root taking a user's identity: for a while, to look at files with the user's powers and no more, or for good.
 *
 * All of it or none: uid, gid and groups go together and come back together (CVE-2010-3435 and the
 * like are helpers that restored one and forgot another).
 */
#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "nsshell/sandbox.h"
#include "sandbox/identity.h"

static int failed(struct nsh_err *err, const char *what)
{
	return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "%s", what);
}

int nsh_identity_take(const struct nsh_user *user, struct nsh_err *err)
{
	struct nsh_err ignored;
	int ret;

	if (setgroups(user->n_groups, user->groups) == 0 && setegid(user->gid) == 0 &&
	    seteuid(user->uid) == 0)
		return 0;
	ret = failed(err, "take the user's identity");
	nsh_identity_give_back(&ignored);
	return ret;
}

int nsh_identity_give_back(struct nsh_err *err)
{
	if (seteuid(0) == 0 && setegid(0) == 0 && setgroups(0, NULL) == 0)
		return 0;
	return failed(err, "give back the user's identity");
}

static bool has_uids(uid_t uid)
{
	uid_t uids[3];

	return getresuid(&uids[0], &uids[1], &uids[2]) == 0 && uids[0] == uid && uids[1] == uid &&
	       uids[2] == uid;
}

static bool has_gids(gid_t gid)
{
	gid_t gids[3];

	return getresgid(&gids[0], &gids[1], &gids[2]) == 0 && gids[0] == gid && gids[1] == gid &&
	       gids[2] == gid;
}

int nsh_sandbox_become(const struct nsh_user *user, struct nsh_err *err)
{
	if (user->uid != 0 && has_uids(user->uid))
		return 0;
	if (setgroups(user->n_groups, user->groups) < 0 ||
	    setresgid(user->gid, user->gid, user->gid) < 0 ||
	    setresuid(user->uid, user->uid, user->uid) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) < 0)
		return failed(err, "become the user");
	if (has_uids(user->uid) && has_gids(user->gid) && setresuid((uid_t)-1, 0, (uid_t)-1) < 0)
		return 0;
	return nsh_err_set(err, NSH_REASON_MACHINE, -EPERM, "become the user: it is not");
}
