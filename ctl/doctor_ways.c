/* SPDX-License-Identifier: MIT */
/*
 * The doctor on ways around: what this user can have running outside of every session, and what is as good as root.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/account.h"
#include "ctl/doctor.h"
#include "ctl/read.h"
#include "ctl/spawn.h"
#include "nsshell/cgroup.h"
#include "nsshell/cleanup.h"
#include "nsshell/item.h"
#include "nsshell/paths.h"
#include "nsshell/sandbox.h"

/* Debian's, and Fedora's. */
static const char *const cron_spools[] = {"/var/spool/cron/crontabs", "/var/spool/cron"};
static const char *const at_spools[] = {"/var/spool/cron/atjobs", "/var/spool/at"};

#define ASK_SECONDS 10

static bool has_line(const char *text, const char *wanted)
{
	size_t len = strlen(wanted);

	for (const char *at = text; (at = strstr(at, wanted)); at += len)
		if ((at == text || at[-1] == '\n') && (at[len] == '\n' || at[len] == '\0'))
			return true;
	return false;
}

/* crontab(1) and at(1): who is in allow, if there is one, and else who is not in deny. */
static bool is_allowed(const char *tool, const char *name)
{
	NSH_FREE char *allow = NULL;
	NSH_FREE char *deny = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/etc/%s.allow", tool);
	if (nsh_read(path, &allow) == 0)
		return has_line(allow, name);
	snprintf(path, sizeof(path), "/etc/%s.deny", tool);
	return nsh_read(path, &deny) < 0 || !has_line(deny, name);
}

static bool has_crontab(const char *name)
{
	char path[NSH_PROGRAM_MAX];
	bool found = false;
	struct stat st;

	for (size_t i = 0; i < sizeof(cron_spools) / sizeof(*cron_spools); i++)
		found |= snprintf(path, sizeof(path), "%s/%s", cron_spools[i], name) <
				 (int)sizeof(path) &&
			 lstat(path, &st) == 0 && S_ISREG(st.st_mode);
	return found;
}

/* The module confines what the jobs do; it is what they do without it that is a way around. */
static void check_cron(struct nsh_doctor *doctor)
{
	const char *name = doctor->user->name;
	char path[NSH_PROGRAM_MAX];

	if (!nsh_program_find("cron", path) && !nsh_program_find("crond", path)) {
		nsh_find(doctor, NSH_LEVEL_OK, "cron", "not installed");
	} else if (doctor->has_module[NSH_SERVICE_CRON]) {
		nsh_find(doctor, NSH_LEVEL_OK, "cron", "its jobs are in the frame");
	} else if (geteuid() != 0) {
		nsh_find_unknown(doctor, "cron", "the folder of its jobs", "only root can");
	} else if (has_crontab(name)) {
		nsh_find(doctor, NSH_LEVEL_WARN, "cron",
			 "%s has jobs, which run outside of sessions", name);
		nsh_advise(doctor, "pam_nsshell.so in PAM's file of cron, or crontab -r -u %s",
			   name);
	} else if (is_allowed("cron", name)) {
		nsh_find(doctor, NSH_LEVEL_WARN, "cron", "%s may have jobs run outside of sessions",
			 name);
		nsh_advise(doctor,
			   "pam_nsshell.so in PAM's file of cron, or a line in /etc/cron.deny");
	} else {
		nsh_find(doctor, NSH_LEVEL_OK, "cron", "%s may have no jobs", name);
	}
}

static bool has_file(const char *folder, uid_t uid)
{
	DIR *spool = opendir(folder);
	const struct dirent *entry;
	bool found = false;
	struct stat st;

	while (spool && !found && (entry = readdir(spool)))
		found = fstatat(dirfd(spool), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			S_ISREG(st.st_mode) && st.st_uid == uid && entry->d_name[0] != '.';
	if (spool)
		closedir(spool);
	return found;
}

/* Jobs of at are files of their users'. */
static bool has_at_job(uid_t uid)
{
	bool found = false;

	for (size_t i = 0; i < sizeof(at_spools) / sizeof(*at_spools); i++)
		found |= has_file(at_spools[i], uid);
	return found;
}

static void check_at(struct nsh_doctor *doctor)
{
	const char *name = doctor->user->name;
	char path[NSH_PROGRAM_MAX];

	if (!nsh_program_find("atd", path)) {
		nsh_find(doctor, NSH_LEVEL_OK, "at", "not installed");
	} else if (doctor->has_module[NSH_SERVICE_ATD]) {
		nsh_find(doctor, NSH_LEVEL_OK, "at", "its jobs are in the frame");
	} else if (geteuid() != 0) {
		nsh_find_unknown(doctor, "at", "the folder of its jobs", "only root can");
	} else if (has_at_job(doctor->user->uid)) {
		nsh_find(doctor, NSH_LEVEL_WARN, "at", "%s has jobs, which run outside of sessions",
			 name);
		nsh_advise(doctor, "pam_nsshell.so in PAM's file of atd, or remove them (atrm)");
	} else if (is_allowed("at", name)) {
		nsh_find(doctor, NSH_LEVEL_WARN, "at", "%s may have jobs run outside of sessions",
			 name);
		nsh_advise(doctor,
			   "pam_nsshell.so in PAM's file of atd, or a line in /etc/at.deny");
	} else {
		nsh_find(doctor, NSH_LEVEL_OK, "at", "%s may have no jobs", name);
	}
}

static void check_systemd(struct nsh_doctor *doctor)
{
	const struct nsh_user *user = doctor->user;
	bool shows = nsh_doctor_number(doctor, NSH_KEY_VIEW_TMP, NSH_TMP_PRIVATE) == NSH_TMP_HOST;
	char path[300];

	if (doctor->has_module[NSH_SERVICE_SYSTEMD_USER]) {
		nsh_find(doctor, NSH_LEVEL_OK, "systemd", "systemd --user is in a frame");
		return;
	}
	snprintf(path, sizeof(path), "/var/lib/systemd/linger/%s", user->name);
	if (access(path, F_OK) == 0) {
		nsh_find(doctor, NSH_LEVEL_WARN, "systemd",
			 "%s lingers: systemd --user runs, outside of sessions, from the machine's "
			 "start",
			 user->name);
		nsh_advise(doctor, "loginctl disable-linger %s", user->name);
		return;
	}
	snprintf(path, sizeof(path), "/run/user/%u/systemd", user->uid);
	if (!nsh_systemd_runs()) {
		nsh_find(doctor, NSH_LEVEL_OK, "systemd", "does not run here");
	} else if (access(path, F_OK) == 0) {
		nsh_find(doctor, NSH_LEVEL_WARN, "systemd",
			 "systemd --user runs for %s, outside of sessions", user->name);
		nsh_advise(doctor, "systemctl stop user@%u.service", user->uid);
	} else if (shows) {
		nsh_find(
			doctor, NSH_LEVEL_WARN, "systemd",
			"view.tmp = host: sessions see the sockets of systemd --user in /run/user");
		nsh_advise(doctor, "view.tmp = private");
	} else {
		nsh_find(doctor, NSH_LEVEL_OK, "systemd", "no linger, and no systemd --user now");
	}
}

/*
 * With the module a lingering sandbox is in a scope of its own. Without, its processes stay in that of the login, and
 * logind says what becomes of them.
 */
static void check_lingering(struct nsh_doctor *doctor)
{
	static const char *const argv[] = {"busctl",
					   "get-property",
					   "org.freedesktop.login1",
					   "/org/freedesktop/login1",
					   "org.freedesktop.login1.Manager",
					   "KillUserProcesses",
					   NULL};
	struct nsh_output output;
	struct nsh_err err;

	if (nsh_doctor_number(doctor, NSH_KEY_SESSION_LIFETIME, NSH_LIFETIME_SESSION) !=
		    NSH_LIFETIME_LINGER ||
	    doctor->has_module[NSH_SERVICE_SSHD] || !nsh_systemd_runs())
		return;
	if (nsh_spawn(&output, argv, ASK_SECONDS, &err) < 0) {
		nsh_find_unknown(doctor, "linger", "KillUserProcesses of logind", err.text);
		return;
	}
	if (!strncmp(output.text, "b true", 6)) {
		nsh_find(doctor, NSH_LEVEL_WARN, "linger",
			 "session.lifetime = linger: systemd ends what lingers with the login "
			 "(KillUserProcesses=yes)");
		nsh_advise(doctor, "pam_nsshell.so in PAM's file of sshd, or KillUserProcesses=no "
				   "in logind.conf");
	} else if (!strncmp(output.text, "b false", 7)) {
		nsh_find(doctor, NSH_LEVEL_OK, "linger",
			 "systemd leaves it (KillUserProcesses=no)");
	} else {
		nsh_find_unknown(doctor, "linger", "KillUserProcesses of logind", "it is not told");
	}
	free(output.text);
}

void nsh_doctor_jobs(struct nsh_doctor *doctor)
{
	check_lingering(doctor);
	check_cron(doctor);
	check_at(doctor);
	check_systemd(doctor);
}

/*
 * The mounts of a process that is in a frame or in a session have one of nsshell's folders among them, however many there
 * are. One that has ended, and that nobody has taken note of yet, has none (EINVAL).
 */
static bool is_outside(const char *pid)
{
	NSH_FREE char *line = NULL;
	bool outside = true;
	size_t room = 0;
	char path[64];
	FILE *mounts;

	snprintf(path, sizeof(path), "/proc/%.20s/mountinfo", pid);
	mounts = fopen(path, "re");
	if (!mounts)
		return errno != EINVAL && errno != ENOENT && errno != ESRCH;
	while (outside && getline(&line, &room, mounts) > 0)
		outside = !strstr(line, " " NSH_FRAME_FOLDER " ") &&
			  !strstr(line, " " NSH_SESSION_FOLDER " ");
	fclose(mounts);
	return outside;
}

/* The process that stands for a session outside is nsshell's, and closed to everybody. */
static bool is_nsshell(const char *pid)
{
	char program[sizeof(NSH_SHELL_PATH) + 1];
	char path[64];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%.20s/exe", pid);
	len = readlink(path, program, sizeof(program));
	return len == (ssize_t)sizeof(NSH_SHELL_PATH) - 1 &&
	       !memcmp(program, NSH_SHELL_PATH, sizeof(NSH_SHELL_PATH) - 1);
}

static unsigned count_outside(DIR *proc, uid_t uid, char example[24])
{
	const struct dirent *entry;
	unsigned count = 0;
	struct stat st;

	while ((entry = readdir(proc))) {
		if (entry->d_name[strspn(entry->d_name, "0123456789")] ||
		    fstatat(dirfd(proc), entry->d_name, &st, 0) < 0 || st.st_uid != uid ||
		    is_nsshell(entry->d_name) || !is_outside(entry->d_name))
			continue;
		snprintf(example, 24, "%.20s", entry->d_name);
		count++;
	}
	return count;
}

/*
 * Who makes mounts in a user namespace of theirs can look as if in a session: this finds what was forgotten, and nobody
 * who hides.
 */
void nsh_doctor_processes(struct nsh_doctor *doctor)
{
	const struct nsh_user *user = doctor->user;
	DIR *proc = geteuid() == 0 ? opendir("/proc") : NULL;
	char example[24];
	unsigned count;

	if (!proc) {
		nsh_find_unknown(doctor, "processes", "where the user's are",
				 geteuid() == 0 ? strerror(errno) : "only root can");
		return;
	}
	count = count_outside(proc, user->uid, example);
	closedir(proc);
	if (!count) {
		nsh_find(doctor, NSH_LEVEL_OK, "processes", "none of %s's is outside of a session",
			 user->name);
		return;
	}
	nsh_find(doctor, NSH_LEVEL_WARN, "processes",
		 "%u of %s's outside of every session (%s): a door for sftp and forwarding", count,
		 user->name, example);
	nsh_advise(doctor, "end what began before nsshell was there: pkill -u %s", user->name);
}

static const struct power {
	const char *group;
	const char *what;
} powers[] = {
	{"root", "can write much of what is root's"},
	{"sudo", "is the administrators'"},
	{"wheel", "is the administrators'"},
	{"admin", "is the administrators'"},
	{"docker", "is as good as root, by Docker's socket"},
	{"podman", "is as good as root, by podman's socket"},
	{"lxd", "is as good as root, by LXD's socket"},
	{"incus-admin", "is as good as root, by Incus's socket"},
	{"incus", "can start containers"},
	{"libvirt", "is as good as root, by libvirt's socket"},
	{"libvirt-qemu", "can reach virtual machines"},
	{"disk", "can write the disks"},
	{"shadow", "can read the hashes of passwords"},
	{"kmem", "can read the kernel's memory"},
	{"kvm", "can make virtual machines"},
	{"systemd-journal", "can read all logs"},
	{"adm", "can read logs"},
};

void nsh_doctor_groups(struct nsh_doctor *doctor)
{
	bool found = false;

	for (size_t i = 0; i < sizeof(powers) / sizeof(*powers); i++) {
		if (!nsh_account_in_group(doctor->user, powers[i].group))
			continue;
		found = true;
		nsh_find(doctor, NSH_LEVEL_WARN, "groups", "%s is in %s, which %s",
			 doctor->user->name, powers[i].group, powers[i].what);
		nsh_advise(doctor, "gpasswd -d %s %s", doctor->user->name, powers[i].group);
	}
	if (!found)
		nsh_find(doctor, NSH_LEVEL_OK, "groups", "in none that is as good as root");
}

void nsh_doctor_sudo(struct nsh_doctor *doctor)
{
	const char *argv[] = {"sudo", "-n", "-l", "-U", doctor->user->name, NULL};
	char path[NSH_PROGRAM_MAX];
	struct nsh_output output;
	struct nsh_err err;

	if (access("/usr/lib/polkit-1/polkitd", F_OK) == 0)
		nsh_find_unknown(doctor, "polkit", "what it lets users do",
				 "its rules are programs; see /etc/polkit-1");
	if (!nsh_program_find("sudo", path)) {
		nsh_find(doctor, NSH_LEVEL_OK, "sudo", "not installed");
		return;
	}
	if (geteuid() != 0 || nsh_spawn(&output, argv, ASK_SECONDS, &err) < 0) {
		nsh_find_unknown(doctor, "sudo", "its rules",
				 geteuid() ? "only root can" : err.text);
		return;
	}
	if (strstr(output.text, "may run the following commands")) {
		nsh_find(doctor, NSH_LEVEL_WARN, "sudo",
			 "%s may run commands; not in sessions, where sudo gains nothing",
			 doctor->user->name);
		nsh_advise(doctor, "sudo -l -U %s shows which", doctor->user->name);
	} else if (strstr(output.text, "is not allowed to run sudo")) {
		nsh_find(doctor, NSH_LEVEL_OK, "sudo", "%s may run nothing", doctor->user->name);
	} else {
		output.text[strcspn(output.text, "\n")] = '\0';
		nsh_find_unknown(doctor, "sudo", "its rules", output.text);
	}
	free(output.text);
}

static const char *const sockets[] = {
	"/run/docker.sock",
	"/run/podman/podman.sock",
	"/run/containerd/containerd.sock",
	"/run/crio/crio.sock",
	"/var/lib/incus/unix.socket",
	"/var/lib/lxd/unix.socket",
	"/var/snap/lxd/common/lxd/unix.socket",
	"/run/libvirt/libvirt-sock",
};

/* As the user: one line for each that can be connected to. */
static int look_at_sockets(void *data, struct nsh_err *err)
{
	if (nsh_sandbox_become(data, err) < 0)
		return 1;
	for (size_t i = 0; i < sizeof(sockets) / sizeof(*sockets); i++)
		if (access(sockets[i], W_OK) == 0)
			printf("%s\n", sockets[i]);
	return 0;
}

/* Items can begin with "-". */
bool nsh_doctor_hides(const struct nsh_doctor *doctor, const char *path)
{
	const char *list =
		doctor->has_policy ? nsh_policy_text(&doctor->policy, NSH_KEY_VIEW_HIDE) : "";
	struct nsh_item item;

	while (nsh_list_next(&list, &item)) {
		nsh_item_is_optional(&item);
		if (item.len && !strncmp(item.text, path, item.len) &&
		    (path[item.len] == '/' || path[item.len] == '\0'))
			return true;
	}
	return false;
}

static void report_sockets(struct nsh_doctor *doctor, char *text)
{
	bool found = false;
	char *saved;

	for (char *path = strtok_r(text, "\n", &saved); path; path = strtok_r(NULL, "\n", &saved)) {
		if (nsh_doctor_hides(doctor, path))
			continue;
		found = true;
		nsh_find(doctor, NSH_LEVEL_WARN, "sockets",
			 "%s can connect to %s, and so become root", doctor->user->name, path);
		nsh_advise(doctor,
			   "take the user out of the socket's group; [view] hide = -%s holds until "
			   "what listens there is started again",
			   path);
	}
	if (!found)
		nsh_find(doctor, NSH_LEVEL_OK, "sockets",
			 "none of a container engine's is open to %s", doctor->user->name);
}

/* Runs function as the user, which root and that user can. False, with a finding, when it cannot be. */
static bool ask_as_user(struct nsh_doctor *doctor, const char *area, const char *what,
			nsh_spawn_fn *function, struct nsh_output *output)
{
	struct nsh_err err;

	if (geteuid() != 0 && geteuid() != doctor->user->uid) {
		nsh_find_unknown(doctor, area, what, "only root and the user can");
		return false;
	}
	if (nsh_spawn_function(output, function, (void *)doctor->user, ASK_SECONDS, &err) < 0) {
		nsh_find_unknown(doctor, area, what, err.text);
		return false;
	}
	if (output->status == 0)
		return true;
	nsh_find_unknown(doctor, area, what, "it failed");
	free(output->text);
	return false;
}

void nsh_doctor_sockets(struct nsh_doctor *doctor)
{
	struct nsh_output output;

	if (!ask_as_user(doctor, "sockets", "those of container engines", look_at_sockets, &output))
		return;
	report_sockets(doctor, output.text);
	free(output.text);
}

/* As the user, whose file it is. */
static int look_at_keys(void *data, struct nsh_err *err)
{
	const struct nsh_user *user = data;
	NSH_FREE char *text = NULL;

	if (nsh_sandbox_become(user, err) < 0 || chdir(user->home) < 0 ||
	    nsh_read(".ssh/authorized_keys", &text) < 0)
		return 0;
	for (char *at = text; (at = strcasestr(at, "environment=\"")); at++)
		putchar('e');
	for (char *at = text; (at = strcasestr(at, "command=\"")); at++)
		putchar('c');
	return 0;
}

/* The user chooses what stands there; none of it leads out by itself. */
void nsh_doctor_keys(struct nsh_doctor *doctor)
{
	struct nsh_output output;

	if (!ask_as_user(doctor, "keys", "~/.ssh/authorized_keys", look_at_keys, &output))
		return;
	if (strchr(output.text, 'e'))
		nsh_find(doctor, NSH_LEVEL_OK, "keys",
			 "authorized_keys has environment=, of which sshd takes what "
			 "PermitUserEnvironment "
			 "lets it");
	if (strchr(output.text, 'c'))
		nsh_find(doctor, NSH_LEVEL_OK, "keys",
			 "authorized_keys has command=, which the login shell runs in a session, "
			 "but for "
			 "internal-sftp");
	free(output.text);
}
