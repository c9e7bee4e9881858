/* SPDX-License-Identifier: MIT */
/*
 * Root looking at files with a user's powers and no more.
 *
 * All of it or none: uid, gid and groups go together and come back together (CVE-2010-3435 and the
 * like are helpers that restored one and forgot another).
 */
#include <errno.h>
#include <grp.h>
#include <unistd.h>

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
