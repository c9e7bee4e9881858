/* SPDX-License-Identifier: MIT */
/*
 * Giving up what the first process of a session has.
 */
#include <errno.h>
#include <linux/keyctl.h>
#include <linux/securebits.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nsshell/sandbox.h"
#include "sandbox/capabilities.h"
#include "sandbox/filter.h"

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

static bool has_subids(const struct nsh_policy *policy)
{
	return nsh_policy_number(policy, NSH_KEY_IDENTITY_SUBIDS) == NSH_YES;
}

/* One question tells whether it is empty already; after the last capability there is none. */
static int empty_bounding_set(struct nsh_err *err)
{
	if (prctl(PR_CAPBSET_READ, 0L, 0L, 0L, 0L) == 0)
		return 0;
	for (unsigned long capability = 0;; capability++)
		if (prctl(PR_CAPBSET_DROP, capability, 0L, 0L, 0L) < 0)
			return errno == EINVAL && capability ? 0 : failed(err);
}

/* What is not in the bounding set cannot be made inheritable: PID 1 has to do that first. */
int nsh_privileges_bound(const struct nsh_policy *policy, struct nsh_err *err)
{
	return has_subids(policy) ? 0 : empty_bounding_set(err);
}

/* What an exec could give capabilities by. */
static int close_sources(struct nsh_err *err)
{
	int ret = empty_bounding_set(err);

	if (ret == 0 && prctl(PR_SET_SECUREBITS, (unsigned long)SECURE, 0L, 0L, 0L) < 0)
		ret = failed(err);
	return ret;
}

/*
 * A session keyring is handed on by fork(2), and what is in it can be used by all who have it. Keys are
 * counted for each user: where too many sessions have used them up, a filter that refuses the calls of
 * keyrings does as well.
 */
static int leave_keyring(const struct nsh_policy *policy, struct nsh_err *err)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) >= 0)
		return 0;
	/* A kernel without keys, or a filter around all of this, under which there are none either. */
	if (errno == ENOSYS || errno == EPERM)
		return 0;
	if (errno == EDQUOT && nsh_filter_refuses_keys(policy))
		return 0;
	return nsh_err_sys(err, NSH_REASON_NAMESPACES, -errno,
			   "make a session keyring (sysctl kernel.keys.maxkeys?)");
}

/*
 * The filter before the capabilities, one of which may be what allows to load it; and before those are gone nobody may
 * look into the process any more (namespaces that were joined can have changed that).
 */
static int drop_common(const struct nsh_policy *policy, bool new_privileges, uint32_t kept,
		       struct nsh_err *err)
{
	int ret;

	if (!new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) < 0)
		return failed(err);
	ret = nsh_filter_load(policy, err);
	if (ret < 0)
		return ret;
	if (prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) < 0 || keep_capabilities(kept) < 0)
		return failed(err);
	return 0;
}

int nsh_privileges_drop(const struct nsh_policy *policy, struct nsh_err *err)
{
	bool subids = has_subids(policy);
	bool new_privileges = nsh_policy_number(policy, NSH_KEY_SECURITY_NO_NEW_PRIVS) == NSH_NO;
	int ret = leave_keyring(policy, err);

	if (ret < 0)
		return ret;
	if (subids && nsh_capabilities_keep(for_subids, 2) < 0)
		return failed(err);
	ret = close_sources(err);
	return ret < 0 ? ret : drop_common(policy, new_privileges, subids ? SUBID_CAPS : 0, err);
}

int nsh_privileges_drop_outside(const struct nsh_policy *policy, bool joined, struct nsh_err *err)
{
	int ret = joined ? close_sources(err) : 0;

	return ret < 0 ? ret : drop_common(policy, false, 0, err);
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
