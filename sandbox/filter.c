/* SPDX-License-Identifier: MIT */
/*
 * Loading the filter of system calls.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include "sandbox/filter.h"

#if defined(__x86_64__) && !defined(__ILP32__)
#define CODE nsh_filter_x86_64
#define AT nsh_filter_x86_64_at
#elif defined(__aarch64__)
#define CODE nsh_filter_aarch64
#define AT nsh_filter_aarch64_at
#endif

static int load(enum nsh_filter filter, struct nsh_err *err)
{
#ifdef CODE
	struct sock_fprog program = {
		.len = (unsigned short)(AT[filter + 1] - AT[filter]),
		.filter = (struct sock_filter *)CODE + AT[filter],
	};

	if (prctl(PR_SET_SECCOMP, (unsigned long)SECCOMP_MODE_FILTER, &program, 0L, 0L) == 0)
		return 0;
	return nsh_err_sys(err, NSH_REASON_NAMESPACES, -errno, "security.seccomp: load the filter");
#else
	(void)filter;
	return nsh_err_set(err, NSH_REASON_POLICY, -ENOSYS,
			   "security.seccomp: there is no filter for this machine's processor; "
			   "only off can be had");
#endif
}

bool nsh_filter_refuses_keys(const struct nsh_policy *policy)
{
	return nsh_policy_number(policy, NSH_KEY_SECURITY_SECCOMP) != NSH_SECCOMP_OFF;
}

/* The kernel asks all filters and takes the answer that allows least. */
int nsh_filter_load(const struct nsh_policy *policy, struct nsh_err *err)
{
	int mode = nsh_policy_number(policy, NSH_KEY_SECURITY_SECCOMP);
	bool nested = nsh_policy_number(policy, NSH_KEY_SECURITY_NESTED_USERNS) == NSH_YES;
	int all = nsh_policy_number(policy, NSH_KEY_SECURITY_ARCHITECTURES) == NSH_ARCHITECTURES_ALL
			  ? NSH_FILTER_ALL
			  : 0;
	int ret;

	if (mode == NSH_SECCOMP_OFF)
		return 0;
	ret = load((nested ? NSH_FILTER_NESTED : NSH_FILTER_DEFAULT) + all, err);
	if (ret == 0 && mode == NSH_SECCOMP_STRICT)
		ret = load(NSH_FILTER_STRICT + all, err);
	return ret;
}
