/* SPDX-License-Identifier: MIT */
/*
 * The last administrator. What is not certain counts as no: then an account is refused that could have had nsshell,
 * and nobody is locked out.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <shadow.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl/account.h"
#include "ctl/admins.h"
#include "ctl/read.h"
#include "ctl/spawn.h"
#include "ctl/sshd.h"
#include "nsshell/cleanup.h"
#include "nsshell/login.h"
#include "nsshell/paths.h"
#include "nsshell/sandbox.h"

#define ASK_SECONDS 10

/* Of how many accounts sudo is asked at most: that takes some ten milliseconds for each. */
#define ASK_MOST 500

/* The shortest hash that crypt(3) makes, DES's. */
#define LEAST_HASH 13

bool nsh_admin_remains(const struct nsh_admin *admin)
{
	bool can_come = admin->password || (admin->keys && admin->keys_count);

	return admin->real_shell && !admin->expired && !admin->refused && can_come &&
	       admin->power >= (admin->password ? NSH_POWER_ALL : NSH_POWER_UNASKED);
}

bool nsh_admins_need(const struct nsh_admin *admins, size_t count, uid_t uid)
{
	bool is_admin = false;

	for (size_t i = 0; i < count; i++) {
		if (admins[i].uid == uid)
			is_admin |= admins[i].power != NSH_POWER_NONE;
		else if (nsh_admin_remains(&admins[i]))
			return false;
	}
	return is_admin;
}

/* Tags and "ALL". What is no tag limits it, as to a time (NOTAFTER=). */
static bool has_all_commands(const char *at)
{
	size_t len;

	for (at += strspn(at, " "); len = strcspn(at, " \n"), at[len] == ' ';
	     at += strspn(at, " ")) {
		if (at[len - 1] != ':')
			return false;
		at += len;
	}
	return len == 3 && !strncmp(at, "ALL", len);
}

/* "    (ALL : ALL) NOPASSWD: ALL", and nothing behind it that takes something away. */
static bool is_all(const char *line, size_t len)
{
	size_t blanks = strspn(line, " \t");
	const char *whom = memchr(line, ')', len);

	if (blanks >= len || !whom)
		return false;
	line += blanks;
	len -= blanks;
	return (!strncmp(line, "(ALL)", 5) || !strncmp(line, "(ALL :", 6) ||
		!strncmp(line, "(root)", 6) || !strncmp(line, "(root :", 7)) &&
	       !memchr(line, ',', len) && !memchr(line, '!', len) && has_all_commands(whom + 1);
}

/* Defaults with which the password that sudo asks for is root's, or that of whom the command is run as. */
static bool asks_for_others(const char *defaults, size_t len)
{
	static const char *const names[] = {"targetpw", "rootpw", "runaspw"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *at = memmem(defaults, len, names[i], strlen(names[i]));

		if (at && (at == defaults || at[-1] != '!'))
			return true;
	}
	return false;
}

/* Of several lines that match sudo takes the last. */
enum nsh_power nsh_sudo_power(const char *text)
{
	const char *at = strstr(text, "may run the following commands");
	enum nsh_power power = NSH_POWER_SOME;
	enum nsh_power asked;

	if (!at)
		return strstr(text, "is not allowed to run sudo") ? NSH_POWER_NONE : NSH_POWER_SOME;
	asked = asks_for_others(text, (size_t)(at - text)) ? NSH_POWER_SOME : NSH_POWER_ALL;
	while (*(at += strcspn(at, "\n"))) {
		size_t len = strcspn(++at, "\n");

		if (is_all(at, len))
			power = memmem(at, len, "NOPASSWD:", 9) ? NSH_POWER_UNASKED : asked;
		else if (memchr(at, '!', len))
			power = NSH_POWER_SOME;
	}
	return power;
}

static enum nsh_power ask_sudo(const char *name)
{
	const char *argv[] = {"sudo", "-n", "-l", "-U", name, NULL};
	struct nsh_output output;
	enum nsh_power power;
	struct nsh_err err;

	if (nsh_spawn(&output, argv, ASK_SECONDS, &err) < 0)
		return NSH_POWER_SOME;
	power = nsh_sudo_power(output.text);
	free(output.text);
	return power;
}

static bool is_in_group_of_admins(const struct nsh_user *user)
{
	return nsh_account_in_group(user, "sudo") || nsh_account_in_group(user, "wheel") ||
	       nsh_account_in_group(user, "admin");
}

static enum nsh_power power_of(const struct nsh_user *user)
{
	char path[NSH_PROGRAM_MAX];

	if (user->uid == 0)
		return NSH_POWER_UNASKED;
	if (nsh_program_find("sudo", path)) {
		enum nsh_power power = ask_sudo(user->name);

		return power == NSH_POWER_NONE && is_in_group_of_admins(user) ? NSH_POWER_SOME
									      : power;
	}
	return is_in_group_of_admins(user) ? NSH_POWER_ALL : NSH_POWER_NONE;
}

/* shadow(5): days since 1970; -1 and 0 are none. */
static void take_shadow(struct nsh_admin *admin, const char *name)
{
	const struct spwd *shadow = getspnam(name);
	long today = (long)(time(NULL) / 86400);

	if (!shadow)
		return;
	admin->expired = shadow->sp_expire > 0 && today >= shadow->sp_expire;
	if (shadow->sp_max >= 0 && shadow->sp_inact >= 0 && shadow->sp_lstchg > 0 &&
	    today > shadow->sp_lstchg + shadow->sp_max + shadow->sp_inact)
		admin->expired = true;
	admin->password = shadow->sp_pwdp && !strchr("!*", shadow->sp_pwdp[0]) &&
			  strlen(shadow->sp_pwdp) >= LEAST_HASH;
}

/* A line that is neither empty nor a comment. As the user, in whose home that is. */
static int look_for_keys(void *data, struct nsh_err *err)
{
	const struct nsh_user *user = data;
	NSH_FREE char *text = NULL;
	const char *at;

	if ((user->uid && nsh_sandbox_become(user, err) < 0) || chdir(user->home) < 0 ||
	    nsh_read(".ssh/authorized_keys", &text) < 0)
		return 1;
	for (at = text; *at; at += strcspn(at, "\n"), at += *at == '\n') {
		at += strspn(at, " \t");
		if (*at != '#' && *at != '\n' && strcspn(at, "\n") > 32)
			return 0;
	}
	return 1;
}

static bool has_keys(struct nsh_user *user)
{
	struct nsh_output output;
	struct nsh_err err;
	bool found;

	if (nsh_spawn_function(&output, look_for_keys, user, ASK_SECONDS, &err) < 0)
		return false;
	found = output.status == 0;
	free(output.text);
	return found;
}

static bool sshd_takes_keys(const struct nsh_user *user)
{
	struct nsh_output output;
	struct nsh_err err;
	bool takes;

	if (nsh_sshd_ask(&output, "sshd", NULL, user, &err) < 0)
		return false;
	takes = output.status == 0 && nsh_sshd_takes_keys(output.text, user);
	free(output.text);
	return takes;
}

static bool is_real_shell(const char *shell)
{
	return !nsh_account_runs_nothing(shell) && !nsh_account_has_nsshell(shell) &&
	       access(*shell ? shell : "/bin/sh", X_OK) == 0;
}

/* Where the module is in sshd's stack such an account has no session. */
static bool is_refused(const struct nsh_user *user)
{
	static const struct nsh_place place = {.folder = NSH_POLICY_FOLDER};
	struct nsh_policy policy;
	struct nsh_err err;
	bool refused;

	if (user->uid == 0)
		return false;
	if (nsh_policy_load(&policy, &place, user, &nsh_account_login, &err) < 0)
		return true;
	refused = nsh_login_decide(&policy, user, &err) == NSH_DECIDED_REFUSED;
	nsh_policy_free(&policy);
	return refused;
}

/* What costs most comes last, and only when it can still change the answer. */
static void examine(struct nsh_admin *admin, struct nsh_user *user)
{
	*admin = (struct nsh_admin){.uid = user->uid, .real_shell = is_real_shell(user->shell)};
	take_shadow(admin, user->name);
	if (!admin->real_shell || admin->expired)
		return;
	admin->refused = is_refused(user);
	if (admin->refused)
		return;
	if (!admin->password) {
		admin->keys = has_keys(user);
		admin->keys_count = admin->keys && sshd_takes_keys(user);
	}
	if (admin->password || admin->keys_count)
		admin->power = power_of(user);
}

/* The accounts that the name service lists, read before others of its calls move on in them. */
static int list_accounts(uid_t **uids, size_t *count)
{
	const struct passwd *account;

	setpwent();
	while ((account = getpwent())) {
		uid_t *grown = reallocarray(*uids, *count + 1, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		*uids = grown;
		grown[(*count)++] = account->pw_uid;
	}
	endpwent();
	return 0;
}

struct known {
	struct nsh_admin admins[ASK_MOST + 1]; /* the one who is asked about is the first */
	size_t count;
};

/* Looks at another account. Returns whether to go on. */
static bool look_at(struct known *known, uid_t uid)
{
	struct nsh_admin *admin = &known->admins[known->count];
	struct nsh_user user;
	struct nsh_err err;

	if (uid == known->admins[0].uid || nsh_account_of(&user, uid, &err) < 0)
		return true;
	if (is_real_shell(user.shell)) {
		examine(admin, &user);
		known->count++;
	}
	nsh_user_free(&user);
	return known->count <= ASK_MOST && !nsh_admin_remains(admin);
}

bool nsh_admins_root_remains(void)
{
	struct nsh_admin admin;
	struct nsh_user root;
	struct nsh_err err;

	if (geteuid() != 0 || nsh_account_of(&root, 0, &err) < 0)
		return false;
	examine(&admin, &root);
	nsh_user_free(&root);
	return nsh_admin_remains(&admin);
}

int nsh_admins_last(const struct nsh_user *user, struct nsh_err *err)
{
	static struct known known;
	NSH_FREE uid_t *uids = NULL;
	size_t count = 0;
	bool more;

	known.count = 1;
	known.admins[0] = (struct nsh_admin){.uid = user->uid, .power = power_of(user)};
	if (known.admins[0].power == NSH_POWER_NONE)
		return 0;
	if (list_accounts(&uids, &count) < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -ENOMEM, "accounts");
	more = look_at(&known, 0);
	for (size_t i = 0; i < count && more; i++)
		more = uids[i] == 0 || look_at(&known, uids[i]);
	if (nsh_admins_need(known.admins, known.count, user->uid) && known.count > ASK_MOST)
		return nsh_err_set(
			err, NSH_REASON_MACHINE, -E2BIG,
			"no other administrator who can log in is among the first %d accounts",
			ASK_MOST);
	return nsh_admins_need(known.admins, known.count, user->uid);
}
