/* SPDX-License-Identifier: MIT */
/*
 * The doctor on the kernel: its version, its settings, its security modules, and whether it makes namespaces,
 * which is tried.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "ctl/doctor.h"
#include "ctl/read.h"
#include "ctl/spawn.h"
#include "nsshell/cleanup.h"
#include "nsshell/frame.h"
#include "nsshell/id.h"
#include "nsshell/login.h"
#include "nsshell/paths.h"
#include "nsshell/sandbox.h"

/* mount_setattr(2) is the newest call that there has to be; 6.1 the oldest kernel that the tests run on. */
#define LEAST_KERNEL 512
#define TESTED_KERNEL 601

/* For making a session, in seconds; pasta alone may take some. */
#define TRIAL_SECONDS 30

static void check_version(struct nsh_doctor *doctor)
{
	struct utsname name;
	const char *at = name.release;
	uint64_t major;
	uint64_t minor;
	uint64_t version;

	if (uname(&name) < 0 || !nsh_take_number(&at, 1000, '.', &major) ||
	    !nsh_take_number(&at, 99, '\0', &minor)) {
		nsh_find_unknown(doctor, "kernel", "the version", "uname does not say");
		return;
	}
	version = major * 100 + minor;
	if (version >= TESTED_KERNEL) {
		nsh_find(doctor, NSH_LEVEL_OK, "kernel", "Linux %s", name.release);
		return;
	}
	nsh_find(doctor, version < LEAST_KERNEL ? NSH_LEVEL_FAIL : NSH_LEVEL_WARN, "kernel",
		 "Linux %s is older than those that nsshell is tested with", name.release);
	nsh_advise(doctor, "use 6.1 or a later one");
}

/* The kernel has counts for each kind; a session takes one of each, and of networks where the policy says so. */
static void check_counts(struct nsh_doctor *doctor)
{
	static const char *const kinds[] = {"user", "mnt", "pid", "uts", "ipc", "cgroup", "net"};
	long long least = -1;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		char path[64];
		long long most;

		if (!strcmp(kinds[i], "net") && doctor->user &&
		    nsh_doctor_number(doctor, NSH_KEY_NETWORK_MODE, NSH_NETWORK_HOST) ==
			    NSH_NETWORK_HOST)
			continue;
		snprintf(path, sizeof(path), "/proc/sys/user/max_%s_namespaces", kinds[i]);
		if (!nsh_read_number(path, &most)) {
			nsh_find_unknown(doctor, "kernel", path, "it is not there");
			continue;
		}
		if (least < 0 || most < least)
			least = most;
		if (most >= 100)
			continue;
		nsh_find(doctor, most == 0 ? NSH_LEVEL_FAIL : NSH_LEVEL_WARN, "kernel",
			 "user.max_%s_namespaces is %lld: %s", kinds[i], most,
			 most == 0 ? "there can be no session" : "there can be few sessions");
		nsh_advise(doctor,
			   "sysctl user.max_%s_namespaces=10000, and a file in /etc/sysctl.d",
			   kinds[i]);
	}
	if (least >= 100)
		nsh_find(doctor, NSH_LEVEL_OK, "kernel",
			 "each user may have %lld namespaces or more", least);
}

/* Where AppArmor keeps user namespaces from programs without a profile that grants them, the package's grants them to nsshell. */
static bool apparmor_grants(void)
{
	static const char profile[] = "nsshell (unconfined)\n";
	NSH_FREE char *text = NULL;
	const char *found = NULL;
	long long restricted;

	if (nsh_read_number(NSH_APPARMOR_SWITCH, &restricted) && restricted &&
	    nsh_read("/sys/kernel/security/apparmor/profiles", &text) >= 0)
		found = strstr(text, profile);
	while (found && found != text && found[-1] != '\n')
		found = strstr(found + 1, profile);
	return found != NULL;
}

/* Settings with one value that matters. */
static const struct setting {
	const char *name;
	const char *path;
	long long bad;
	const char *what;
	const char *advice;
	bool (*is_granted)(void); /* all the same, to nsshell */
} settings[] = {
	{"kernel.unprivileged_userns_clone", "/proc/sys/kernel/unprivileged_userns_clone", 0,
	 "only logins through the PAM module get sessions",
	 "see that every service that lets users in has pam_nsshell.so", NULL},
	{"kernel.apparmor_restrict_unprivileged_userns", NSH_APPARMOR_SWITCH, 1,
	 "only logins through the PAM module get sessions",
	 "see that every service that lets users in has pam_nsshell.so", apparmor_grants},
	{"fs.suid_dumpable", "/proc/sys/fs/suid_dumpable", 1,
	 "logins through the PAM module get no sessions, as users could trace what prepares them",
	 "sysctl fs.suid_dumpable=0, and a file in /etc/sysctl.d", NULL},
};

static void check_settings(struct nsh_doctor *doctor)
{
	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		const struct setting *setting = &settings[i];
		long long value;

		if (!nsh_read_number(setting->path, &value))
			continue;
		if (value != setting->bad) {
			nsh_find(doctor, NSH_LEVEL_OK, "kernel", "%s = %lld", setting->name, value);
			continue;
		}
		if (setting->is_granted && setting->is_granted()) {
			nsh_find(doctor, NSH_LEVEL_OK, "kernel",
				 "%s = %lld, and AppArmor's profile of nsshell grants them",
				 setting->name, value);
			continue;
		}
		nsh_find(doctor, NSH_LEVEL_WARN, "kernel", "%s = %lld: %s", setting->name, value,
			 setting->what);
		nsh_advise(doctor, "%s", setting->advice);
	}
}

/* Whether it matters depends on the policy: a filter refuses these calls. */
static void check_filtered(struct nsh_doctor *doctor)
{
	bool off = nsh_doctor_number(doctor, NSH_KEY_SECURITY_SECCOMP, NSH_SECCOMP_DEFAULT) ==
		   NSH_SECCOMP_OFF;
	long long value;

	if (!nsh_read_number("/proc/sys/dev/tty/legacy_tiocsti", &value))
		value = 1; /* before 6.2 there was no such switch */
	if (value && off) {
		nsh_find(doctor, NSH_LEVEL_WARN, "kernel",
			 "dev.tty.legacy_tiocsti is on and security.seccomp = off: a session can "
			 "type "
			 "into the terminal that it was started from");
		nsh_advise(doctor, "sysctl dev.tty.legacy_tiocsti=0 (Linux 6.2 and later)");
	} else {
		nsh_find(doctor, NSH_LEVEL_OK, "kernel", "typing into terminals (TIOCSTI) is %s",
			 value ? "refused by the filter" : "switched off");
	}
	if (nsh_read_number("/proc/sys/kernel/keys/maxkeys", &value) && value < 200 && off) {
		nsh_find(doctor, NSH_LEVEL_WARN, "kernel",
			 "kernel.keys.maxkeys = %lld: a user with as many keys gets no session",
			 value);
		nsh_advise(doctor, "sysctl kernel.keys.maxkeys=200");
	}
	if (nsh_read_number("/proc/sys/kernel/yama/ptrace_scope", &value))
		nsh_find(doctor, NSH_LEVEL_OK, "kernel",
			 "kernel.yama.ptrace_scope = %lld; nsshell's own processes are not traced "
			 "with "
			 "any value",
			 value);
}

void nsh_doctor_kernel(struct nsh_doctor *doctor)
{
	check_version(doctor);
	check_counts(doctor);
	check_settings(doctor);
	check_filtered(doctor);
}

/* The profile that a line of the kernel's list is about: "NAME (MODE)". */
static bool concerns_logins(const char *line, size_t len)
{
	static const char *const names[] = {"nsshell", "sshd", "pam_nsshell"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (memmem(line, len, names[i], strlen(names[i])))
			return memmem(line, len, "(enforce)", 9) != NULL;
	return false;
}

static void check_profiles(struct nsh_doctor *doctor)
{
	NSH_FREE char *text = NULL;
	int ret = nsh_read("/sys/kernel/security/apparmor/profiles", &text);
	const char *line = text;
	bool found = false;

	if (ret < 0) {
		nsh_find_unknown(doctor, "apparmor", "its profiles", strerror(-ret));
		nsh_advise(doctor, "run this as root, with securityfs mounted");
		return;
	}
	while (*line) {
		size_t len = strcspn(line, "\n");

		if (concerns_logins(line, len)) {
			found = true;
			nsh_find(doctor, NSH_LEVEL_WARN, "apparmor", "profile %.*s", (int)len,
				 line);
			nsh_advise(doctor,
				   "see that it allows mounts, namespaces and CAP_SYS_ADMIN");
		}
		line += len + (line[len] == '\n');
	}
	if (!found)
		nsh_find(doctor, NSH_LEVEL_OK, "apparmor",
			 "on, with no profile that confines sshd or nsshell");
}

static void check_apparmor(struct nsh_doctor *doctor)
{
	NSH_FREE char *text = NULL;

	if (nsh_read("/sys/module/apparmor/parameters/enabled", &text) < 0 || text[0] != 'Y')
		nsh_find(doctor, NSH_LEVEL_OK, "apparmor", "off");
	else
		check_profiles(doctor);
}

static void check_selinux(struct nsh_doctor *doctor)
{
	long long enforcing;

	if (!nsh_read_number("/sys/fs/selinux/enforce", &enforcing)) {
		nsh_find(doctor, NSH_LEVEL_OK, "selinux", "off");
	} else if (!enforcing) {
		nsh_find(doctor, NSH_LEVEL_OK, "selinux", "permissive");
	} else {
		nsh_find(doctor, NSH_LEVEL_WARN, "selinux",
			 "enforcing, and nsshell has no module of its policy");
		nsh_advise(doctor, "try a login, and look for refusals with ausearch -m avc");
	}
}

static void check_filters(struct nsh_doctor *doctor)
{
	int mode = prctl(PR_GET_SECCOMP, 0L, 0L, 0L, 0L);

	if (mode == 0) {
		nsh_find(doctor, NSH_LEVEL_OK, "seccomp", "no filter around this process");
	} else if (mode < 0) {
		nsh_find_unknown(doctor, "seccomp", "filters around us", strerror(errno));
	} else {
		nsh_find(
			doctor, NSH_LEVEL_WARN, "seccomp",
			"there is a filter around this process, as in a container; what it refuses "
			"may be missing");
		nsh_advise(doctor, "run this where sshd runs");
	}
}

void nsh_doctor_modules(struct nsh_doctor *doctor)
{
	check_apparmor(doctor);
	check_selinux(doctor);
	check_filters(doctor);
}

/* Whether the line is of a whole /proc in another place, of a chroot say, that shows everybody's processes. */
static bool is_other_proc(const char *line, const char *root, const char *point)
{
	return strstr(line, " - proc ") && !strstr(line, "hidepid=") && !strcmp(root, "/") &&
	       strcmp(point, "/proc") != 0;
}

static void check_proc_mount(struct nsh_doctor *doctor, const char *line)
{
	char root[256];
	char point[256];

	if (sscanf(line, "%*s %*s %*s %255s %255s", root, point) != 2)
		return;
	if (nsh_frame_covers_proc(line, point)) {
		nsh_find(doctor, NSH_LEVEL_FAIL, "proc",
			 "%s covers a part of /proc: no session can have its own", point);
		nsh_advise(doctor, "umount %s, or start this container without masked paths",
			   point);
	} else if (is_other_proc(line, root, point) && !nsh_doctor_hides(doctor, point)) {
		nsh_find(doctor, NSH_LEVEL_WARN, "proc",
			 "%s shows sessions the processes of everybody", point);
		nsh_advise(doctor, "[view] hide = -%s, or umount it", point);
	}
}

void nsh_doctor_proc(struct nsh_doctor *doctor)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	size_t before = doctor->n_findings;
	char line[8192];

	if (!mounts) {
		nsh_find_unknown(doctor, "proc", "/proc/self/mountinfo", strerror(errno));
		return;
	}
	while (fgets(line, sizeof(line), mounts))
		check_proc_mount(doctor, line);
	fclose(mounts);
	if (doctor->n_findings == before)
		nsh_find(doctor, NSH_LEVEL_OK, "proc", "nothing covers a part of /proc");
}

static int end_at_once(void *data)
{
	(void)data;
	return 0;
}

int nsh_doctor_try_namespaces(struct nsh_err *err)
{
	int ret = nsh_sandbox_clone(end_at_once, NULL, CLONE_NEWUSER, err);

	return ret < 0 ? ret : 0;
}

static int try_namespaces(void *data, struct nsh_err *err)
{
	int ret = nsh_sandbox_become(data, err);

	return ret < 0 ? ret : nsh_doctor_try_namespaces(err);
}

/* As in a login: root makes the frame, and the user starts the installed nsshell in it. */
static int try_session(void *data, struct nsh_err *err)
{
	struct nsh_doctor *doctor = data;
	const struct nsh_login login = {.service = "nsshellctl", .source = ""};
	struct nsh_confined confined;
	char id[NSH_ID_LEN + 1];
	const struct nsh_entrant entrant = {
		.user = &doctor->somebody,
		.login = &login,
		.id = id,
		.process = getpid(),
		.alone = true,
		.has_shell = true,
	};
	int ret;

	nsh_id_make(id);
	ret = nsh_login_confine(&confined, &doctor->policy, &entrant, err);
	if (ret == 0)
		ret = nsh_login_join(&confined, err);
	if (ret == 0 && chdir("/") < 0)
		ret = nsh_err_sys(err, NSH_REASON_ACCOUNT, -errno, "/");
	if (ret == 0)
		ret = nsh_sandbox_become(&doctor->somebody, err);
	if (ret == 0) {
		execle(NSH_SHELL_PATH, "nsshell", "-c", "true", (char *)NULL,
		       (char *[]){(char *)"PATH=/usr/bin:/bin", NULL});
		ret = nsh_err_sys(err, NSH_REASON_SHELL, -errno, "%s", NSH_SHELL_PATH);
	}
	return ret;
}

static bool works(struct nsh_output *output, nsh_spawn_fn *function, void *data)
{
	struct nsh_err err;

	if (nsh_spawn_function(output, function, data, TRIAL_SECONDS, &err) < 0) {
		output->text = strdup(err.text);
		return false;
	}
	output->text[strcspn(output->text, "\n")] = '\0';
	return output->status == 0;
}

static void check_framed(struct nsh_doctor *doctor)
{
	struct nsh_output output = {0};
	const char *whose = doctor->user ? doctor->user->name : "a user";

	if (geteuid() != 0) {
		nsh_find_unknown(doctor, "namespaces", "a session through the PAM module",
				 "only root can make one");
		return;
	}
	if (!doctor->has_policy) {
		nsh_find_unknown(doctor, "namespaces", "a session through the PAM module",
				 "there is no valid policy");
		return;
	}
	if (works(&output, try_session, doctor)) {
		nsh_find(doctor, NSH_LEVEL_OK, "namespaces",
			 "a session as through the PAM module was made for %s", whose);
	} else {
		nsh_find(doctor, NSH_LEVEL_FAIL, "namespaces",
			 "no session as through the PAM module for %s: %s", whose,
			 output.text ? output.text : "no memory");
		nsh_advise(doctor, "mend that first; what nsshell itself refused is in the log");
	}
	free(output.text);
}

static void check_standalone(struct nsh_doctor *doctor)
{
	struct nsh_output output = {0};
	struct nsh_user self = {.uid = geteuid(), .gid = getegid(), .name = (char *)"this user"};
	struct nsh_user *user = geteuid() == 0 ? &doctor->somebody : &self;

	if (user->uid == 0)
		return;
	if (works(&output, try_namespaces, user)) {
		nsh_find(doctor, NSH_LEVEL_OK, "namespaces",
			 "users can make them: nsshell works "
			 "without the PAM module too");
	} else if (apparmor_grants()) {
		nsh_find(doctor, NSH_LEVEL_OK, "namespaces",
			 "users cannot make them, but nsshell can, by its profile of AppArmor");
	} else {
		nsh_find(
			doctor, NSH_LEVEL_WARN, "namespaces",
			"users cannot make them, and nsshell without the PAM module no session: %s",
			output.text ? output.text : "no memory");
		nsh_advise(doctor, "see that every service that lets users in has pam_nsshell.so");
	}
	free(output.text);
}

void nsh_doctor_namespaces(struct nsh_doctor *doctor)
{
	check_framed(doctor);
	check_standalone(doctor);
}
