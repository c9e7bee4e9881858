/* SPDX-License-Identifier: MIT */
/*
 * Reading of control groups.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "sandbox/cgroup.h"
#include "sandbox/path.h"

/* The kernel's own default for cpu.max, in microseconds. */
#define CPU_PERIOD 100000

/* A limit of memory that lets the session swap instead is none for the others. */
const struct nsh_control nsh_controls[NSH_CONTROLS] = {
	{NSH_KEY_LIMITS_MEMORY_MAX, "memory", "memory.max", false},
	{NSH_KEY_LIMITS_MEMORY_MAX, "memory", "memory.swap.max", true},
	{NSH_KEY_LIMITS_TASKS_MAX, "pids", "pids.max", false},
	{NSH_KEY_LIMITS_CPU_MAX, "cpu", "cpu.max", false},
};
enum { MEMORY, SWAP, TASKS, CPU };

static uint64_t amount(size_t control, const struct nsh_cgroup_limits *limits)
{
	const uint64_t amounts[NSH_CONTROLS] = {
		[MEMORY] = limits->memory,
		[SWAP] = limits->memory,
		[TASKS] = limits->tasks,
		[CPU] = limits->cpu,
	};

	return amounts[control];
}

bool nsh_control_text(char text[NSH_CONTROL_MAX], size_t control,
		      const struct nsh_cgroup_limits *limits)
{
	uint64_t value = amount(control, limits);

	if (!value)
		return false;
	if (control == CPU)
		snprintf(text, NSH_CONTROL_MAX, "%" PRIu64 " %d", value * (CPU_PERIOD / 100),
			 CPU_PERIOD);
	else
		snprintf(text, NSH_CONTROL_MAX, "%" PRIu64, control == SWAP ? 0 : value);
	return true;
}

/* A number at the start, after blanks, as the kernel writes it. Returns what follows, or NULL. */
static const char *take_number(const char *text, uint64_t *number)
{
	char *end;

	text += strspn(text, " ");
	if (*text < '0' || *text > '9')
		return NULL;
	errno = 0;
	*number = strtoull(text, &end, 10);
	return errno ? NULL : end;
}

/* Without a limit the text is "max" in place of the first number. */
bool nsh_control_holds(const char *text, size_t control, const struct nsh_cgroup_limits *limits)
{
	uint64_t value = amount(control, limits);
	uint64_t period;
	uint64_t set;

	if (!value)
		return true;
	text = take_number(text, &set);
	if (control == CPU)
		return text && take_number(text, &period) && set * 100 <= value * period;
	return text && set <= (control == SWAP ? 0 : value);
}

static const char *key_of(size_t control)
{
	return nsh_keys[nsh_controls[control].key].key;
}

static int read_text(const char *path, char *text, size_t size)
{
	NSH_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, size - 1);

	if (got < 0)
		return -errno;
	text[got] = '\0';
	return 0;
}

/* Only the whole tree will do: of a part the paths would not be those of /proc/PID/cgroup. */
static bool is_tree(const char *line, const char *path, const void *data)
{
	char root[3] = "";

	(void)path;
	(void)data;
	return strstr(line, " - cgroup2 ") && sscanf(line, "%*s %*s %*s %2s", root) == 1 &&
	       !strcmp(root, "/");
}

int nsh_cgroup_root(char path[PATH_MAX], struct nsh_err *err)
{
	int ret = nsh_path_find_mount(is_tree, NULL, path, err);

	if (ret == 0)
		return nsh_err_set(err, NSH_REASON_LIMITS, -EOPNOTSUPP,
				   "this machine has no cgroup v2");
	err->reason = NSH_REASON_LIMITS;
	return ret < 0 ? ret : 0;
}

bool nsh_cgroup_has_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	while (*(text += strspn(text, " \n"))) {
		size_t this = strcspn(text, " \n");

		if (this == len && !memcmp(text, word, len))
			return true;
		text += this;
	}
	return false;
}

static int check_controllers(const char *root, const struct nsh_cgroup_limits *limits,
			     struct nsh_err *err)
{
	char path[PATH_MAX];
	char has[256];
	int ret;

	if (snprintf(path, sizeof(path), "%s/cgroup.controllers", root) >= (int)sizeof(path))
		return nsh_err_sys(err, NSH_REASON_LIMITS, -ENAMETOOLONG, "%s", root);
	ret = read_text(path, has, sizeof(has));
	if (ret < 0)
		return nsh_err_sys(err, NSH_REASON_LIMITS, ret, "%s", path);
	for (size_t i = 0; i < NSH_CONTROLS; i++)
		if (amount(i, limits) && !nsh_cgroup_has_word(has, nsh_controls[i].controller))
			return nsh_err_set(err, NSH_REASON_LIMITS, -EOPNOTSUPP,
					   "limits.%s: this machine has no cgroup v2 with the %s "
					   "controller",
					   key_of(i), nsh_controls[i].controller);
	return 0;
}

int nsh_cgroup_check(const struct nsh_cgroup_limits *limits, struct nsh_err *err)
{
	char root[PATH_MAX];
	int ret = nsh_cgroup_root(root, err);

	if (ret < 0)
		return nsh_err_context(err, ret, "limits.%s", nsh_cgroup_limits_key(limits));
	return check_controllers(root, limits, err);
}

/* The line of version 2 begins with "0::". */
static char *find_line(char *text)
{
	char *line = !strncmp(text, "0::", 3) ? text : strstr(text, "\n0::");

	if (!line)
		return NULL;
	line = strstr(line, "0::") + 3;
	line[strcspn(line, "\n")] = '\0';
	return line;
}

int nsh_cgroup_find(pid_t process, char path[NSH_CGROUP_MAX], struct nsh_err *err)
{
	char name[64];
	char text[4096];
	char *line;
	int ret;

	snprintf(name, sizeof(name), "/proc/%d/cgroup", process);
	ret = read_text(name, text, sizeof(text));
	if (ret < 0)
		return nsh_err_sys(err, NSH_REASON_LIMITS, ret, "%s", name);
	line = find_line(text);
	if (!line || line[0] != '/' || strlen(line) >= NSH_CGROUP_MAX)
		return nsh_err_set(err, NSH_REASON_LIMITS, -EOPNOTSUPP,
				   "%s: has no control group of version 2 that can be used", name);
	strcpy(path, line);
	return 0;
}

static int verify_one(const char *root, const char *group, size_t control,
		      const struct nsh_cgroup_limits *limits, struct nsh_err *err)
{
	const struct nsh_control *which = &nsh_controls[control];
	char path[PATH_MAX + NSH_CGROUP_MAX];
	char text[NSH_CONTROL_MAX];
	int ret;

	snprintf(path, sizeof(path), "%s%s/%s", root, group, which->file);
	ret = read_text(path, text, sizeof(text));
	if (ret == -ENOENT && which->optional)
		return 0;
	if (ret < 0)
		return nsh_err_sys(err, NSH_REASON_LIMITS, ret, "limits.%s: %s", key_of(control),
				   path);
	if (nsh_control_holds(text, control, limits))
		return 0;
	text[strcspn(text, "\n")] = '\0';
	return nsh_err_set(err, NSH_REASON_LIMITS, -EOPNOTSUPP,
			   "limits.%s: %s has \"%s\" after it was set", key_of(control), path,
			   text);
}

int nsh_cgroup_verify(const char *path, const struct nsh_cgroup_limits *limits, struct nsh_err *err)
{
	char root[PATH_MAX];
	int ret = nsh_cgroup_root(root, err);

	for (size_t i = 0; i < NSH_CONTROLS && ret == 0; i++)
		if (amount(i, limits))
			ret = verify_one(root, path, i, limits, err);
	return ret;
}
