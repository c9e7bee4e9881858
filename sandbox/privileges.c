/* SPDX-License-Identifier: MIT */
/*
 * Giving up what the first process of a session has.
 */
#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nsshell/sandbox.h"

/*
 * User id 0 means nothing to the capabilities, in either direction, and that cannot be changed
 * back: inside a session with [identity] uid = root an exec would otherwise give all of them, and
 * with them the power to unmount what hides things.
 */
#define SECURE                                                                                     \
	(SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |                           \
	 SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |   \
	 SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

	/* glibc has no wrapper for capset(2). */
	return (int)syscall(SYS_capset, &header, none);
}

void nsh_privileges_hide(void)
{
	prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
}

/* The signal for the parent's end is set last, because a change of credentials clears it. */
int nsh_privileges_drop(struct nsh_err *err)
{
	if (prctl(PR_SET_SECUREBITS, (unsigned long)SECURE, 0L, 0L, 0L) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) < 0 || drop_capabilities() < 0 ||
	    prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) < 0 ||
	    prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0L, 0L, 0L) < 0)
		return nsh_err_sys(err, NSH_REASON_NAMESPACES, -errno, "give up privileges");
	return 0;
}
