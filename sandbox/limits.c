/* SPDX-License-Identifier: MIT */
/*
 * From the policy's limits to the kernel's numbers.
 */
#include <errno.h>
#include <sys/sysinfo.h>

#include "nsshell/limits.h"
#include "nsshell/size.h"

/* No kernel has more process ids, and pids.max takes no larger number (PID_MAX_LIMIT). */
#define PIDS_MAX (4 << 20)

static const struct {
	int resource;
	enum nsh_key_id key;
} rlimits[NSH_RLIMIT_COUNT] = {
	{RLIMIT_NOFILE, NSH_KEY_LIMITS_NOFILE},
	{RLIMIT_NPROC, NSH_KEY_LIMITS_NPROC},
	{RLIMIT_CORE, NSH_KEY_LIMITS_CORE},
	{RLIMIT_FSIZE, NSH_KEY_LIMITS_FSIZE},
	/* A control group's share is of the time that real-time processes leave: there are none. */
	{RLIMIT_RTPRIO, NSH_KEY_LIMITS_CPU_MAX},
};

void nsh_rlimits_make(struct nsh_rlimits *limits, const struct nsh_policy *policy)
{
	for (size_t i = 0; i < NSH_RLIMIT_COUNT; i++) {
		uint64_t value = 0;

		const char *text = nsh_policy_text(policy, rlimits[i].key);

		if (rlimits[i].resource == RLIMIT_RTPRIO)
			limits->set[i] = !nsh_size_is_kept(text);
		else
			limits->set[i] = nsh_size_parse(text, &value);
		limits->value[i] = value;
	}
}

int nsh_rlimits_apply(const struct nsh_rlimits *limits)
{
	for (size_t i = 0; i < NSH_RLIMIT_COUNT; i++) {
		struct rlimit limit;

		if (!limits->set[i])
			continue;
		if (getrlimit(rlimits[i].resource, &limit) < 0)
			return -errno;
		if (limit.rlim_max > limits->value[i])
			limit.rlim_max = limits->value[i];
		if (limit.rlim_cur > limit.rlim_max)
			limit.rlim_cur = limit.rlim_max;
		if (setrlimit(rlimits[i].resource, &limit) < 0)
			return -errno;
	}
	return 0;
}

int nsh_rlimit_raise_files(struct rlimit *before)
{
	struct rlimit raised;

	if (getrlimit(RLIMIT_NOFILE, before) < 0)
		return -errno;
	raised = (struct rlimit){.rlim_cur = before->rlim_max, .rlim_max = before->rlim_max};
	return setrlimit(RLIMIT_NOFILE, &raised) < 0 ? -errno : 0;
}

bool nsh_cgroup_limits_make(struct nsh_cgroup_limits *limits, const struct nsh_policy *policy)
{
	uint64_t tasks;

	*limits = (struct nsh_cgroup_limits){
		.memory = nsh_memory_amount(nsh_policy_text(policy, NSH_KEY_LIMITS_MEMORY_MAX)),
	};
	if (nsh_size_parse(nsh_policy_text(policy, NSH_KEY_LIMITS_TASKS_MAX), &tasks))
		limits->tasks = tasks < PIDS_MAX ? (uint32_t)tasks : PIDS_MAX;
	nsh_percent_parse(nsh_policy_text(policy, NSH_KEY_LIMITS_CPU_MAX), &limits->cpu);
	return limits->memory || limits->tasks || limits->cpu;
}

const char *nsh_cgroup_limits_key(const struct nsh_cgroup_limits *limits)
{
	enum nsh_key_id id = limits->memory  ? NSH_KEY_LIMITS_MEMORY_MAX
			     : limits->tasks ? NSH_KEY_LIMITS_TASKS_MAX
					     : NSH_KEY_LIMITS_CPU_MAX;

	return nsh_keys[id].key;
}

uint64_t nsh_memory_amount(const char *text)
{
	struct sysinfo machine;
	uint32_t percent;
	uint64_t size;

	if (nsh_size_is_kept(text))
		return 0;
	if (!nsh_percent_parse(text, &percent))
		return nsh_size_parse(text, &size) ? size : 0;
	if (sysinfo(&machine) < 0)
		return NSH_MEMORY_UNKNOWN;
	return (uint64_t)machine.totalram * machine.mem_unit / 100 * percent;
}
