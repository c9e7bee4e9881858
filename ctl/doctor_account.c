/* SPDX-License-Identifier: MIT */
/*
 * The doctor on an account: whether it is one that nsshell knows, and whether the machine has what its policy asks
 * for.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ctl/account.h"
#include "ctl/doctor.h"
#include "ctl/login_shell.h"
#include "ctl/read.h"
#include "ctl/spawn.h"
#include "nsshell/cgroup.h"
#include "nsshell/cleanup.h"
#include "nsshell/hostname.h"
#include "nsshell/limits.h"
#include "nsshell/login.h"
#include "nsshell/nat.h"
#include "nsshell/subid.h"
#include "nsshell/sandbox.h"

/* For what a user's home may keep from ending. */
#define LOOK_SECONDS 5

#define TUN "/dev/net/tun"

static bool is_same(const struct nsh_user *one, const struct nsh_user *other)
{
	return one->uid == other->uid && one->gid == other->gid &&
	       !strcmp(one->name, other->name) && !strcmp(one->home, other->home) &&
	       !strcmp(one->shell, other->shell);
}

/* nsshell is static and reads accounts its own way. */
static void check_names(struct nsh_doctor *doctor)
{
	const struct nsh_user *user = doctor->user;
	struct nsh_user found;
	struct nsh_err err;

	if (nsh_user_find(&found, user->uid, &err) < 0) {
		nsh_find(doctor, NSH_LEVEL_FAIL, "account", "nsshell does not find it: %s",
			 err.text);
		nsh_advise(doctor, "see that getent passwd %u answers", user->uid);
		return;
	}
	if (is_same(user, &found)) {
		nsh_find(doctor, NSH_LEVEL_OK, "account",
			 "%s has user id %u, for the name service "
			 "and for nsshell",
			 user->name, user->uid);
	} else {
		nsh_find(doctor, NSH_LEVEL_FAIL, "account",
			 "the first account with user id %u is %s (home %s, shell %s) for nsshell, "
			 "and %s (home %s, shell %s) for the name service",
			 user->uid, found.name, found.home, found.shell, user->name, user->home,
			 user->shell);
		nsh_advise(doctor,
			   "give each account a user id of its own, and the same everywhere");
	}
	nsh_user_free(&found);
}

/* nsshell has no frame then, and what the module went by it cannot tell. */
static void check_left_alone(struct nsh_doctor *doctor, enum nsh_doctor_level otherwise)
{
	struct nsh_err why;

	if (nsh_doctor_has_nsshell(doctor) &&
	    nsh_account_decide_alone(doctor->user, &why) == NSH_DECIDED_REFUSED) {
		nsh_find(doctor, NSH_LEVEL_FAIL, "login",
			 "session.confine = no, and as login shell nsshell refuses: %s", why.text);
		nsh_advise(doctor, "give the account an ordinary login shell, or remove that");
	} else {
		nsh_find(doctor, otherwise, "login", "session.confine = no: never confined");
		nsh_advise(doctor, "remove that from the policy if it shall be");
	}
}

static void check_login_shell(struct nsh_doctor *doctor)
{
	const struct nsh_user *user = doctor->user;
	int confine = nsh_doctor_number(doctor, NSH_KEY_SESSION_CONFINE, NSH_CONFINE_AUTO);
	enum nsh_login_kind kind = nsh_login_kind(user->shell);
	const char *shell = *user->shell ? user->shell : "/bin/sh";

	/* Whoever enables nsshell for somebody wants that login confined. */
	enum nsh_doctor_level otherwise = doctor->enables ? NSH_LEVEL_FAIL : NSH_LEVEL_WARN;

	if (confine == NSH_CONFINE_NO) {
		check_left_alone(doctor, otherwise);
	} else if (confine == NSH_CONFINE_DENY) {
		nsh_find(doctor, otherwise, "login", "session.confine = deny: no logins");
		nsh_advise(doctor, "remove that from the policy if there shall be some");
	} else if (kind == NSH_LOGIN_NSSHELL) {
		nsh_find(doctor, NSH_LEVEL_OK, "login", "the login shell is nsshell");
	} else if (kind == NSH_LOGIN_NOTHING && confine == NSH_CONFINE_YES) {
		nsh_find(doctor, NSH_LEVEL_OK, "login",
			 "%s runs nothing, and the frame confines the rest", shell);
	} else {
		nsh_find(doctor, NSH_LEVEL_WARN, "login", "the login shell is %s: %s", shell,
			 confine == NSH_CONFINE_YES ? "logins are refused, as session.confine = yes"
						    : "logins are not confined");
		nsh_advise(doctor, "nsshellctl enable %s", user->name);
	}
}

static void check_hostname(struct nsh_doctor *doctor)
{
	char name[NSH_HOSTNAME_MAX];
	struct nsh_err err;

	if (!doctor->has_policy)
		return;
	if (nsh_hostname_make(&doctor->policy, doctor->user, name, &err) < 0) {
		nsh_find(doctor, NSH_LEVEL_FAIL, "login", "%s", err.text);
		nsh_advise(doctor, "change session.hostname");
	} else {
		nsh_find(doctor, NSH_LEVEL_OK, "login", "the session's host name is %s", name);
	}
}

void nsh_doctor_account(struct nsh_doctor *doctor)
{
	if (doctor->user->uid == 0) {
		nsh_find(doctor, NSH_LEVEL_FAIL, "account", "user id 0 is never confined");
		nsh_advise(doctor, "use another account");
		return;
	}
	check_names(doctor);
	check_login_shell(doctor);
	check_hostname(doctor);
}

/* In a child that is the user, who may have put anything in the way: prints what is wrong. */
static int look_at_home(void *data, struct nsh_err *err)
{
	const struct nsh_user *user = data;
	struct stat st;
	int ret = nsh_sandbox_become(user, err);

	if (ret == 0 && stat(user->home, &st) < 0)
		ret = -errno;
	if (ret < 0)
		printf("%s", strerror(-ret));
	else if (!S_ISDIR(st.st_mode))
		printf("it is no folder");
	else if (st.st_uid != user->uid)
		printf("it belongs to user id %u", st.st_uid);
	return 0;
}

/* Others' homes are hidden in the folders that view.homes names. */
static void check_homes(struct nsh_doctor *doctor)
{
	const char *list =
		doctor->has_policy ? nsh_policy_text(&doctor->policy, NSH_KEY_VIEW_HOMES) : "";
	const char *home = doctor->user->home;

	if (nsh_account_is_below(list, home)) {
		nsh_find(doctor, NSH_LEVEL_OK, "home", "%s is in one of view.homes (%s)", home,
			 list);
		return;
	}
	if (!doctor->has_policy)
		return;
	nsh_find(doctor, NSH_LEVEL_WARN, "home",
		 "%s is in none of view.homes (%s): homes beside it are not hidden", home, list);
	nsh_advise(doctor, "add the folder that it is in to view.homes");
}

void nsh_doctor_home(struct nsh_doctor *doctor)
{
	const struct nsh_user *user = doctor->user;
	struct nsh_output output;
	struct nsh_err err;

	if (geteuid() != 0 && geteuid() != user->uid) {
		nsh_find_unknown(doctor, "home", user->home, "only root and the user may");
		return;
	}
	if (user->home[0] != '/') {
		nsh_find(doctor, NSH_LEVEL_WARN, "home", "the account has none");
		nsh_advise(doctor, "usermod -d FOLDER %s", user->name);
		return;
	}
	if (nsh_spawn_function(&output, look_at_home, (void *)user, LOOK_SECONDS, &err) < 0) {
		nsh_find_unknown(doctor, "home", user->home, err.text);
		return;
	}
	if (*output.text) {
		nsh_find(doctor, NSH_LEVEL_WARN, "home", "%s: %s", user->home, output.text);
		nsh_advise(doctor, "mkhomedir_helper %s, or chown it", user->name);
	} else {
		nsh_find(doctor, NSH_LEVEL_OK, "home", "%s is the user's", user->home);
	}
	free(output.text);
	check_homes(doctor);
}

/* The file as the session will see it: below the root that the policy names. */
static int look_at_program(void *data, struct nsh_err *err)
{
	const struct nsh_doctor *doctor = data;
	const char *root = nsh_policy_text(&doctor->policy, NSH_KEY_VIEW_ROOT);
	const char *program = nsh_policy_text(&doctor->policy, NSH_KEY_SHELL_PROGRAM);
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
	char path[64];
	int fd;

	if (geteuid() == 0 && nsh_sandbox_become(&doctor->somebody, err) < 0)
		return 1;
	fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		fd = (int)syscall(SYS_openat2, fd, program, &how, sizeof(how));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd < 0 || access(path, X_OK) < 0)
		printf("%s", strerror(errno));
	return 0;
}

/* One that whoever chose it means to hold the user to, and that [shell] program would take away. */
static bool is_restricted(const char *shell)
{
	static const char *const names[] = {"rbash", "rksh", "rzsh"};
	const char *name = strrchr(shell, '/');

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(name ? name + 1 : shell, names[i]))
			return true;
	return !nsh_login_shell_is_listed(shell);
}

static void check_former_shell(struct nsh_doctor *doctor, const char *program)
{
	const char *shell = *doctor->user->shell ? doctor->user->shell : "/bin/sh";

	if (!doctor->enables || !strcmp(shell, program) || !is_restricted(shell))
		return;
	nsh_find(doctor, NSH_LEVEL_FAIL, "shell", "%s would run %s in place of %s",
		 doctor->user->name, program, shell);
	nsh_advise(doctor, "[shell] program = %s in a file of users.d for %s, if it shall go on",
		   shell, doctor->user->name);
}

void nsh_doctor_program(struct nsh_doctor *doctor)
{
	struct nsh_output output;
	struct nsh_err err;
	const char *program;

	if (!doctor->has_policy)
		return;
	program = nsh_policy_text(&doctor->policy, NSH_KEY_SHELL_PROGRAM);
	if (nsh_spawn_function(&output, look_at_program, doctor, LOOK_SECONDS, &err) < 0) {
		nsh_find_unknown(doctor, "shell", program, err.text);
		return;
	}
	if (output.status || *output.text) {
		nsh_find(doctor, NSH_LEVEL_FAIL, "shell", "shell.program %s: %s", program,
			 *output.text ? output.text : "cannot be looked at as the user");
		nsh_advise(doctor, "install it, or change shell.program");
	} else {
		nsh_find(doctor, NSH_LEVEL_OK, "shell", "%s is there", program);
		check_former_shell(doctor, program);
	}
	free(output.text);
}

struct subids {
	struct nsh_doctor *doctor;
	const char *file;
	struct nsh_subid ranges[NSH_SUBID_MAX];
	int count;
	bool fine;
};

static const struct nsh_subid *overlapping(const struct subids *subids, uint64_t start,
					   uint64_t count)
{
	for (int i = 0; i < subids->count; i++) {
		const struct nsh_subid *range = &subids->ranges[i];

		if (start < (uint64_t)range->start + range->count && range->start < start + count)
			return range;
	}
	return NULL;
}

static void overlaps(struct subids *subids, const struct nsh_subid *range, const char *with)
{
	nsh_find(subids->doctor, NSH_LEVEL_FAIL, "subids", "%s: %u:%u overlaps with %s",
		 subids->file, range->start, range->count, with);
	nsh_advise(subids->doctor, "give each account ranges of its own in %s", subids->file);
	subids->fine = false;
}

/* "NAME:START:COUNT"; lines that are not of the form grant nothing. */
static bool parse_grant(const char *line, char name[256], uint64_t *start, uint64_t *count)
{
	const char *colon = strchr(line, ':');

	if (!colon)
		return false;
	snprintf(name, 256, "%.*s", (int)(colon - line), line);
	colon++;
	return nsh_take_number(&colon, UINT32_MAX, ':', start) &&
	       nsh_take_number(&colon, UINT32_MAX, '\0', count);
}

static void check_others(struct subids *subids, char *text)
{
	char number[16];
	char *saved;

	snprintf(number, sizeof(number), "%u", subids->doctor->user->uid);
	for (char *line = strtok_r(text, "\n", &saved); line; line = strtok_r(NULL, "\n", &saved)) {
		const struct nsh_subid *range;
		uint64_t start;
		uint64_t count;
		char name[256];
		char with[300];

		if (!parse_grant(line, name, &start, &count) ||
		    !strcmp(name, subids->doctor->user->name) || !strcmp(name, number))
			continue;
		range = overlapping(subids, start, count);
		snprintf(with, sizeof(with), "%s's", name);
		if (range)
			overlaps(subids, range, with);
	}
}

static void check_accounts(struct subids *subids)
{
	const struct passwd *account;

	setpwent();
	while ((account = getpwent())) {
		const struct nsh_subid *range = overlapping(subids, account->pw_uid, 1);
		char with[300];

		snprintf(with, sizeof(with), "the account %.255s", account->pw_name);
		if (range)
			overlaps(subids, range, with);
	}
	endpwent();
}

static void check_file(struct nsh_doctor *doctor, const char *file)
{
	struct subids subids = {.doctor = doctor, .file = file, .fine = true};
	struct nsh_err err;
	char *text;
	size_t len;

	subids.count = nsh_subid_read(file, doctor->user, subids.ranges, &err);
	if (subids.count < 0) {
		nsh_find(doctor, NSH_LEVEL_FAIL, "subids", "%s", err.text);
		nsh_advise(doctor, "mend that line; see subuid(5)");
		return;
	}
	if (subids.count == 0) {
		nsh_find(doctor, NSH_LEVEL_WARN, "subids",
			 "identity.subids = yes, and %s has no range for %s", file,
			 doctor->user->name);
		nsh_advise(doctor, "usermod --add-subuids and --add-subgids");
		return;
	}
	if (nsh_database_read(file, &text, &len, &err) < 0) {
		nsh_find_unknown(doctor, "subids", file, err.text);
		return;
	}
	text[len] = '\0'; /* there is room for it */
	check_others(&subids, text);
	free(text);
	if (!strcmp(file, "/etc/subuid"))
		check_accounts(&subids);
	if (subids.fine)
		nsh_find(doctor, NSH_LEVEL_OK, "subids", "%s: ranges that nobody else has", file);
}

void nsh_doctor_subids(struct nsh_doctor *doctor)
{
	if (nsh_doctor_number(doctor, NSH_KEY_IDENTITY_SUBIDS, NSH_NO) != NSH_YES)
		return;
	check_file(doctor, "/etc/subuid");
	check_file(doctor, "/etc/subgid");
}

void nsh_doctor_limits(struct nsh_doctor *doctor)
{
	struct nsh_cgroup_limits limits;
	struct nsh_err err;

	if (!doctor->has_policy || !nsh_cgroup_limits_make(&limits, &doctor->policy))
		return;
	if (nsh_cgroup_check(&limits, &err) < 0) {
		nsh_find(doctor, NSH_LEVEL_FAIL, "limits", "%s", err.text);
		nsh_advise(doctor, "mount cgroup v2 with that controller, or remove the key");
	} else {
		nsh_find(doctor, NSH_LEVEL_OK, "limits", "the machine has what limits.%s needs",
			 nsh_cgroup_limits_key(&limits));
	}
	if (doctor->has_module[NSH_SERVICE_SSHD])
		return;
	nsh_find(doctor, NSH_LEVEL_FAIL, "limits",
		 "limits.%s needs the PAM module, which sshd lacks: logins are refused",
		 nsh_cgroup_limits_key(&limits));
	nsh_advise(doctor, "at the end of %s/sshd: %s", doctor->pam_folder, nsh_doctor_pam_line());
}

/* pasta is the user. */
static int look_at_tun(void *data, struct nsh_err *err)
{
	return nsh_sandbox_become(data, err) < 0 || access(TUN, R_OK | W_OK) < 0;
}

static void check_tun(struct nsh_doctor *doctor)
{
	struct nsh_output output;
	struct nsh_err err;

	if (geteuid() != 0 && geteuid() != doctor->user->uid) {
		nsh_find_unknown(doctor, "network", TUN, "only root and the user can");
		return;
	}
	if (nsh_spawn_function(&output, look_at_tun, (void *)doctor->user, LOOK_SECONDS, &err) <
	    0) {
		nsh_find_unknown(doctor, "network", TUN, err.text);
		return;
	}
	if (output.status) {
		nsh_find(doctor, NSH_LEVEL_FAIL, "network",
			 "network.mode = nat: %s cannot be opened by %s", TUN, doctor->user->name);
		nsh_advise(doctor, "modprobe tun; chmod 666 %s (udev does it)", TUN);
	}
	free(output.text);
}

void nsh_doctor_network(struct nsh_doctor *doctor)
{
	const char *argv[] = {NSH_PASTA_PATH, "--version", NULL};
	struct nsh_output output;
	struct nsh_err err;

	if (nsh_doctor_number(doctor, NSH_KEY_NETWORK_MODE, NSH_NETWORK_HOST) != NSH_NETWORK_NAT)
		return;
	if (nsh_spawn(&output, argv, LOOK_SECONDS, &err) < 0) {
		nsh_find(doctor, NSH_LEVEL_FAIL, "network", "network.mode = nat: %s", err.text);
		nsh_advise(doctor, "apt-get install passt");
		return;
	}
	output.text[strcspn(output.text, "\n")] = '\0';
	nsh_find(doctor, output.status ? NSH_LEVEL_FAIL : NSH_LEVEL_OK, "network", "%s: %s",
		 NSH_PASTA_PATH, output.text);
	if (output.status)
		nsh_advise(doctor, "install passt again");
	free(output.text);
	check_tun(doctor);
}
