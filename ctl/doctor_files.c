/* SPDX-License-Identifier: MIT */
/*
 * The doctor on what is installed: programs, folders, /etc/shells, and the policy. What root starts or reads must be
 * root's alone, with every folder above it.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "ctl/account.h"
#include "ctl/doctor.h"
#include "ctl/login_shell.h"
#include "ctl/read.h"
#include "ctl/spawn.h"
#include "nsshell/cleanup.h"
#include "nsshell/paths.h"
#include "nsshell/sandbox.h"

/* For reading the policy, in seconds. */
#define READ_SECONDS 30

/* The first thing that is wrong with an installed file that is to have that mode, or NULL. */
static const char *fault_of(const char *path, mode_t mode)
{
	static char text[PATH_MAX + 64];
	char bad[PATH_MAX];
	struct stat st;

	if (lstat(path, &st) < 0)
		snprintf(text, sizeof(text), "%s", strerror(errno));
	else if (!S_ISREG(st.st_mode))
		snprintf(text, sizeof(text), "is no regular file");
	else if (st.st_mode & (S_ISUID | S_ISGID))
		snprintf(text, sizeof(text), "is set-user-ID or set-group-ID");
	else if (getxattr(path, "security.capability", NULL, 0) > 0)
		snprintf(text, sizeof(text), "has capabilities");
	else if ((mode & S_IXOTH) && !(st.st_mode & S_IXOTH))
		snprintf(text, sizeof(text), "cannot be executed by everybody");
	else if (!(mode & S_IROTH) && (st.st_mode & (S_IRGRP | S_IROTH)))
		snprintf(text, sizeof(text),
			 "can be read by users: while it starts, others of the user's processes "
			 "could change it");
	else if (!nsh_read_is_safe(path, bad))
		snprintf(text, sizeof(text), "%s is not root's, or can be written by others",
			 strcmp(bad, path) ? bad : "it");
	else
		return NULL;
	return text;
}

static bool check_file(struct nsh_doctor *doctor, const char *path, mode_t mode)
{
	const char *fault = fault_of(path, mode);

	if (!fault)
		return true;
	nsh_find(doctor, NSH_LEVEL_FAIL, "files", "%s: %s", path, fault);
	nsh_advise(doctor,
		   "install nsshell again (mode %o), and give folders above it to root, mode 755",
		   mode);
	return false;
}

static void check_installed(struct nsh_doctor *doctor)
{
	bool fine = check_file(doctor, NSH_SHELL_PATH, 0711);

	fine &= check_file(doctor, NSH_HELPER_PATH, 0755);
	fine &= check_file(doctor, NSH_SCOPE_PATH, 0755);
	fine &= check_file(doctor, NSH_MODULE_PATH, 0644);
	if (fine)
		nsh_find(doctor, NSH_LEVEL_OK, "files",
			 "nsshell, nsshell-session, nsshell-scope and pam_nsshell.so are there and "
			 "root's");
}

static void check_mount_point(struct nsh_doctor *doctor)
{
	char bad[PATH_MAX];
	struct stat st;

	if (lstat(NSH_SESSION_FOLDER, &st) < 0 || !S_ISDIR(st.st_mode) ||
	    !nsh_read_is_safe(NSH_SESSION_FOLDER, bad)) {
		nsh_find(doctor, NSH_LEVEL_FAIL, "files",
			 "%s, on which sessions have their files, is missing or not root's",
			 NSH_SESSION_FOLDER);
		nsh_advise(doctor, "install -d -m 755 %s", NSH_SESSION_FOLDER);
	} else {
		nsh_find(doctor, NSH_LEVEL_OK, "files", "%s is there", NSH_SESSION_FOLDER);
	}
}

/* It is made with the first login: then what is above it has to be there. */
static void check_frame_folder(struct nsh_doctor *doctor)
{
	char path[] = NSH_FRAME_FOLDER;
	char bad[PATH_MAX];
	struct stat st;
	char *slash = path + strlen(path);

	while (slash && lstat(path, &st) < 0) {
		slash = strrchr(path, '/');
		if (slash)
			*slash = '\0';
	}
	if (*path && S_ISDIR(st.st_mode) && nsh_read_is_safe(path, bad)) {
		nsh_find(doctor, NSH_LEVEL_OK, "files", "%s %s", NSH_FRAME_FOLDER,
			 strcmp(path, NSH_FRAME_FOLDER) ? "can be made" : "is there");
		return;
	}
	nsh_find(doctor, NSH_LEVEL_FAIL, "files",
		 "%s, on which frames are mounted, cannot be made: %s is no folder of root's alone",
		 NSH_FRAME_FOLDER, *path ? path : "/");
	nsh_advise(doctor, "rm -r %s", path);
}

void nsh_doctor_files(struct nsh_doctor *doctor)
{
	check_installed(doctor);
	check_mount_point(doctor);
	check_frame_folder(doctor);
}

void nsh_doctor_shells(struct nsh_doctor *doctor)
{
	if (nsh_login_shell_is_listed(NSH_SHELL_PATH)) {
		nsh_find(doctor, NSH_LEVEL_OK, "shells", "%s is in /etc/shells", NSH_SHELL_PATH);
		return;
	}
	nsh_find(doctor, NSH_LEVEL_WARN, "shells",
		 "%s is not in /etc/shells: services with pam_shells, as some for FTP, refuse "
		 "whoever "
		 "has it",
		 NSH_SHELL_PATH);
	nsh_advise(doctor, "add-shell %s (nsshellctl enable does it with the first account)",
		   NSH_SHELL_PATH);
}

static void report_error(struct nsh_doctor *doctor)
{
	bool missing = access(NSH_POLICY_FOLDER "/nsshell.conf", F_OK) < 0 && errno == ENOENT;

	nsh_find(doctor, NSH_LEVEL_FAIL, "policy", "%s", doctor->policy_error.text);
	nsh_advise(doctor, "%s",
		   missing ? "nobody with nsshell can log in; install its nsshell.conf again "
			     "(Debian: apt-get install --reinstall "
			     "-o Dpkg::Options::=--force-confmiss nsshell)"
			   : "nobody whom this concerns can log in; mend it, and see "
			     "nsshell.conf(5)");
}

/* As nsshell does without the module. What root reads, umask 077 can have kept from everybody else. */
static int read_as_user(void *data, struct nsh_err *err)
{
	const struct nsh_doctor *doctor = data;
	const struct nsh_place place = {.folder = NSH_POLICY_FOLDER};
	struct nsh_policy policy;
	int ret = nsh_sandbox_become(&doctor->somebody, err);

	if (ret == 0)
		ret = nsh_policy_load(&policy, &place, &doctor->somebody, &nsh_account_login, err);
	return ret;
}

static void check_readable(struct nsh_doctor *doctor)
{
	bool required = nsh_doctor_number(doctor, NSH_KEY_POLICY_REQUIRE_PAM, NSH_NO) == NSH_YES;
	const char *whom = doctor->user ? doctor->user->name : "users";
	struct nsh_output output;
	struct nsh_err err;

	if (nsh_spawn_function(&output, read_as_user, doctor, READ_SECONDS, &err) < 0) {
		nsh_find_unknown(doctor, "policy", "what users can read", err.text);
		return;
	}
	if (output.status) {
		nsh_find(doctor, required ? NSH_LEVEL_WARN : NSH_LEVEL_FAIL, "policy",
			 "%s cannot read it, and nsshell without the PAM module refuses then: %s",
			 whom, output.text);
		nsh_advise(doctor, "chmod -R go+rX %s", NSH_POLICY_FOLDER);
	}
	free(output.text);
}

void nsh_doctor_policy(struct nsh_doctor *doctor)
{
	const char *whom = doctor->user ? doctor->user->name : "users in general";
	char bad[PATH_MAX];

	if (doctor->has_policy && geteuid() == 0 && doctor->somebody.uid != 0)
		check_readable(doctor);
	/* What is missing is told below. */
	if (!nsh_read_is_safe(NSH_POLICY_FOLDER, bad) && access(bad, F_OK) == 0) {
		nsh_find(doctor, NSH_LEVEL_FAIL, "policy",
			 "%s is not root's, or can be written by others, and so the policy can be "
			 "replaced",
			 bad);
		nsh_advise(doctor, "chown root:root %s; chmod go-w %s", bad, bad);
	}
	if (!doctor->has_policy && access(NSH_POLICY_FOLDER "/nsshell.conf", R_OK) < 0 &&
	    errno == EACCES)
		nsh_find_unknown(doctor, "policy", NSH_POLICY_FOLDER, strerror(EACCES));
	else if (!doctor->has_policy)
		report_error(doctor);
	else
		nsh_find(doctor, NSH_LEVEL_OK, "policy", "valid for %s; %zu file%s", whom,
			 doctor->policy.n_files, doctor->policy.n_files == 1 ? "" : "s");
}
