/* SPDX-License-Identifier: MIT */
/*
 * Changing login shells.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "ctl/account.h"
#include "ctl/login_shell.h"
#include "ctl/read.h"
#include "ctl/spawn.h"
#include "nsshell/cleanup.h"
#include "nsshell/field.h"
#include "nsshell/paths.h"
#include "nsshell/policy.h"

#define SHELLS "/etc/shells"

/* usermod waits for the lock of /etc/passwd, some 15 seconds. */
#define TOOL_SECONDS 60

static bool find_local(const struct nsh_user *user, char shell[NSH_LOGIN_SHELL_MAX])
{
	NSH_FREE char *text = NULL;
	struct nsh_fields fields;
	struct nsh_err err;
	char uid[16];
	size_t len;

	snprintf(uid, sizeof(uid), "%u", user->uid);
	if (nsh_database_read("/etc/passwd", &text, &len, &err) < 0 ||
	    !nsh_database_find(text, len, 7, 0, user->name, &fields))
		return false;
	snprintf(shell, NSH_LOGIN_SHELL_MAX, "%.*s", (int)fields.len[6], fields.text[6]);
	return fields.len[2] == strlen(uid) && !memcmp(fields.text[2], uid, fields.len[2]);
}

bool nsh_account_is_local(const struct nsh_user *user)
{
	char shell[NSH_LOGIN_SHELL_MAX];

	return find_local(user, shell);
}

static int run_tool(const char *const *argv, struct nsh_err *err)
{
	struct nsh_output output;
	int ret = nsh_spawn(&output, argv, TOOL_SECONDS, err);

	if (ret < 0)
		return ret;
	output.text[strcspn(output.text, "\n")] = '\0';
	if (output.status)
		ret = nsh_err_set(err, NSH_REASON_MACHINE, -EIO, "%s ended with %d: %s", argv[0],
				  output.status, output.text);
	free(output.text);
	return ret;
}

/* Who did it: the user id that the session began with, which sudo does not change (pam_loginuid(8)). */
static void put_author(struct nsh_line *log)
{
	long long uid;

	if (nsh_read_number("/proc/self/loginuid", &uid) && uid >= 0 && uid < 4294967295LL)
		nsh_field_plain(log, "by", "%lld", uid);
}

static void record(const struct nsh_user *user, const char *shell, const char *action, int code,
		   const struct nsh_err *err)
{
	struct nsh_line log = {0};

	nsh_field_plain(&log, "action", "%s", action);
	nsh_field_plain(&log, "result", "%s", code < 0 ? "failed" : "done");
	nsh_field_text(&log, "user", user->name);
	nsh_field_plain(&log, "uid", "%u", user->uid);
	nsh_field_text(&log, "from", user->shell);
	nsh_field_text(&log, "to", shell);
	put_author(&log);
	if (code < 0)
		nsh_field_text(&log, "reason", err->text);
	openlog("nsshellctl", LOG_PID, LOG_AUTHPRIV);
	syslog(LOG_NOTICE, "%s", log.text);
	closelog();
}

int nsh_login_shell_set(const struct nsh_user *user, const char *shell, const char *action,
			struct nsh_err *err)
{
	const char *argv[] = {"usermod", "-s", shell, "--", user->name, NULL};
	char now[NSH_LOGIN_SHELL_MAX] = "";
	int ret = run_tool(argv, err);

	if (ret == 0 && (!find_local(user, now) || strcmp(now, shell) != 0))
		ret = nsh_err_set(err, NSH_REASON_ACCOUNT, -EIO,
				  "usermod has left the login shell of %s at \"%s\"", user->name,
				  now);
	record(user, shell, action, ret, err);
	return ret;
}

bool nsh_login_shell_is_listed(const char *shell)
{
	const char *listed;
	bool found = false;

	setusershell();
	while (!found && (listed = getusershell()))
		found = !strcmp(listed, *shell ? shell : "/bin/sh");
	endusershell();
	return found;
}

/* In one write: whoever reads it meanwhile, or after a loss of power, finds all of the line or nothing. */
static int append_line(int fd)
{
	static const char line[] = "\n" NSH_SHELL_PATH "\n";
	char last = '\n';
	off_t size = lseek(fd, 0, SEEK_END);
	size_t skip;

	if (size < 0 || (size > 0 && pread(fd, &last, 1, size - 1) != 1))
		return -errno;
	skip = last == '\n';
	errno = EIO;
	return write(fd, line + skip, strlen(line + skip)) == (ssize_t)strlen(line + skip) &&
			       fsync(fd) == 0
		       ? 1
		       : -errno;
}

/* Only Debian has add-shell(8). A file that is not there is not made: without it the C library knows two shells. */
static int append(struct nsh_err *err)
{
	NSH_CLOSE int fd = open(SHELLS, O_RDWR | O_APPEND | O_NOCTTY | O_CLOEXEC);
	int ret = fd < 0 ? -errno : append_line(fd);

	if (ret == -ENOENT)
		return 0;
	return ret < 0 ? nsh_err_sys(err, NSH_REASON_MACHINE, ret, SHELLS) : ret;
}

int nsh_login_shell_list(struct nsh_err *err)
{
	static const char *const argv[] = {"add-shell", NSH_SHELL_PATH, NULL};
	char path[NSH_PROGRAM_MAX];
	int ret;

	if (nsh_login_shell_is_listed(NSH_SHELL_PATH))
		return 0;
	if (!nsh_program_find(argv[0], path))
		return append(err);
	ret = run_tool(argv, err);
	return ret < 0 ? ret : 1;
}

bool nsh_login_shell_is_used(void)
{
	NSH_FREE char *text = NULL;
	struct nsh_fields fields;
	struct nsh_err err;
	size_t len;

	return nsh_database_read("/etc/passwd", &text, &len, &err) < 0 ||
	       nsh_database_find(text, len, 7, 6, NSH_SHELL_PATH, &fields);
}

static bool is_usable(const char *shell)
{
	return !nsh_account_has_nsshell(shell) && access(*shell ? shell : "/bin/sh", X_OK) == 0;
}

/* The user's shell inside; NULL when the policy cannot be read, which must not matter here. */
static char *shell_of_policy(const struct nsh_user *user)
{
	const struct nsh_place place = {.folder = NSH_POLICY_FOLDER};
	const struct nsh_login login = {.service = "sshd", .source = ""};
	struct nsh_policy policy;
	struct nsh_err err;
	char *shell = NULL;

	if (nsh_policy_load(&policy, &place, user, &login, &err) < 0)
		return NULL;
	if (!nsh_policy_has_other_root(&policy))
		shell = strdup(nsh_policy_text(&policy, NSH_KEY_SHELL_PROGRAM));
	nsh_policy_free(&policy);
	if (shell && is_usable(shell) && nsh_login_shell_is_listed(shell))
		return shell;
	free(shell);
	return NULL;
}

char *nsh_login_shell_former(const struct nsh_user *user, const struct nsh_record *record_of,
			     const char **why)
{
	char *shell;

	*why = "as it was before";
	if (record_of && record_of->uid == user->uid && is_usable(record_of->shell))
		return strdup(record_of->shell);
	shell = shell_of_policy(user);
	*why = "the policy's shell.program, as no usable one is remembered";
	if (shell)
		return shell;
	*why = "as no usable one is remembered";
	return strdup(is_usable("/bin/bash") && nsh_login_shell_is_listed("/bin/bash") ? "/bin/bash"
										       : "/bin/sh");
}
