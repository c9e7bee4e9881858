/* SPDX-License-Identifier: MIT */
/*
 * What a session may take of the machine: [limits] and [view] tmp_size.
 *
 * nofile, nproc, core and fsize are limits of the shell and of what it starts (setrlimit(2)), in both
 * forms. memory_max, tasks_max and cpu_max are those of a control group, which the session helper sets
 * for all that belongs to the login; standalone they are refused.
 */
#ifndef NSSHELL_LIMITS_H
#define NSSHELL_LIMITS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "nsshell/policy.h"

/* Those of a process, by their order in sandbox/limits.c. */
#define NSH_RLIMIT_COUNT 5

struct nsh_rlimits {
	bool set[NSH_RLIMIT_COUNT];
	rlim_t value[NSH_RLIMIT_COUNT];
};

/* Takes them from the policy. */
void nsh_rlimits_make(struct nsh_rlimits *limits, const struct nsh_policy *policy);

/*
 * Lowers hard and soft limits of the calling process to them; what is lower stays. Returns 0 or
 * -errno. Safe after vfork(2).
 */
int nsh_rlimits_apply(const struct nsh_rlimits *limits);

/*
 * Raises the soft limit of the calling process's open files to the hard one. *before has what they were, for setrlimit(2).
 * Returns 0 or -errno.
 */
int nsh_rlimit_raise_files(struct rlimit *before);

/* What a control group is to hold. 0: as the machine has it. */
struct nsh_cgroup_limits {
	uint64_t memory; /* bytes */
	uint32_t tasks;
	uint32_t cpu; /* percent of one processor */
};

/* Takes them from the policy. Returns whether there is any. */
bool nsh_cgroup_limits_make(struct nsh_cgroup_limits *limits, const struct nsh_policy *policy);

/* The name of the first key that has set one. */
const char *nsh_cgroup_limits_key(const struct nsh_cgroup_limits *limits);

/*
 * What a valid value of NSH_TYPE_MEMORY comes to, in bytes: a share is one of the memory that the
 * machine has. 0 for "keep", NSH_MEMORY_UNKNOWN when the kernel does not say how much it has.
 */
#define NSH_MEMORY_UNKNOWN UINT64_MAX
uint64_t nsh_memory_amount(const char *text);

#endif
