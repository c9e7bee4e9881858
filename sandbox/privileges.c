/* SPDX-License-Identifier: MIT */
/*
 * Giving up what the first process of a session has.
 */
#include <errno.h>
#include <linux/securebits.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>

#include "nsshell/sandbox.h"
#include "sandbox/capabilities.h"

/*
 * User id 0 means nothing to the capabilities, in either direction, and that cannot be changed
 * back: inside a session with [identity] uid = root an exec would otherwise give all of them, and
 * with them the power to unmount what hides things.
 */
#define SECURE                                                                                     \
	(SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |                           \
	 SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |   \
	 SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

/* What newuidmap(1) and newgidmap(1) need. */
static const int for_subids[] = {CAP_SETUID, CAP_SETGID};
#define SUBID_CAPS (CAP_TO_MASK(CAP_SETUID) | CAP_TO_MASK(CAP_SETGID))

/* Both are below 32, and so in the first of the two words. */
static int keep_capabilities(uint32_t kept)
{
	struct nsh_capabilities own = {
		{{.effective = kept, .permitted = kept, .inheritable = kept}}};

	return nsh_capabilities_set(&own);
}

static int failed(struct nsh_err *err)
{
	return nsh_err_sys(err, NSH_REASON_NAMESPACES, -errno, "give up privileges");
}

void nsh_privileges_hide(void)
{
	prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
}

int nsh_privileges_drop(bool subids, struct nsh_err *err)
{
	if ((subids && nsh_capabilities_keep(for_subids, 2) < 0) ||
	    prctl(PR_SET_SECUREBITS, (unsigned long)SECURE, 0L, 0L, 0L) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) < 0 ||
	    keep_capabilities(subids ? SUBID_CAPS : 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) < 0)
		return failed(err);
	return 0;
}

int nsh_privileges_drop_kept(struct nsh_err *err)
{
	return keep_capabilities(0) < 0 ? failed(err) : 0;
}

/* To be called last, because a change of credentials clears it. */
int nsh_privileges_tie(struct nsh_err *err)
{
	if (prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0L, 0L, 0L) < 0)
		return failed(err);
	return 0;
}
