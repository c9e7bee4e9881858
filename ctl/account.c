/* SPDX-License-Identifier: MIT */
/*
 * Accounts, as the machine's name service has them.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/account.h"
#include "nsshell/list.h"
#include "nsshell/paths.h"
#include "nsshell/sandbox.h"

const struct nsh_login nsh_account_login = {.service = "sshd", .source = "127.0.0.1"};

static int no_memory(struct nsh_err *err)
{
	return nsh_err_sys(err, NSH_REASON_MACHINE, -ENOMEM, "account");
}

static int take_groups(struct nsh_user *user, struct nsh_err *err)
{
	int room = 32;
	int count;

	do {
		gid_t *grown = reallocarray(user->groups, (size_t)room, sizeof(*grown));

		if (!grown)
			return no_memory(err);
		user->groups = grown;
		count = room;
		room *= 2;
	} while (getgrouplist(user->name, user->gid, user->groups, &count) < 0);
	user->n_groups = (size_t)count;
	return 0;
}

static int take(struct nsh_user *user, const struct passwd *account, struct nsh_err *err)
{
	int ret;

	*user = (struct nsh_user){
		.uid = account->pw_uid,
		.gid = account->pw_gid,
		.name = strdup(account->pw_name),
		.home = strdup(account->pw_dir ? account->pw_dir : ""),
		.shell = strdup(account->pw_shell ? account->pw_shell : ""),
	};
	ret = user->name && user->home && user->shell ? take_groups(user, err) : no_memory(err);
	if (ret == 0 && !nsh_user_name_ok(user->name))
		ret = nsh_err_set(err, NSH_REASON_ACCOUNT, -EINVAL,
				  "the name of the account with user id %u cannot be used",
				  user->uid);
	if (ret < 0)
		nsh_user_free(user);
	return ret;
}

/* The name service says 0, or one of several errors, when it knows no such account (getpwnam(3)). */
static int failed(int code, const char *name, struct nsh_err *err)
{
	if (code == 0 || code == ENOENT || code == ESRCH || code == EBADF || code == EPERM)
		return nsh_err_set(err, NSH_REASON_ACCOUNT, -ENOENT, "no account is called \"%s\"",
				   name);
	return nsh_err_sys(err, NSH_REASON_ACCOUNT, -code, "account \"%s\"", name);
}

int nsh_account_of(struct nsh_user *user, uid_t uid, struct nsh_err *err)
{
	char name[3 * sizeof(uid) + 1];
	struct passwd *account;

	errno = 0;
	account = getpwuid(uid);
	snprintf(name, sizeof(name), "%u", uid);
	return account ? take(user, account, err) : failed(errno, name, err);
}

/* A whole number below (uid_t)-1. */
static bool is_id(const char *text, uid_t *uid)
{
	unsigned long long value;

	if (!*text || strlen(text) > 10 || text[strspn(text, "0123456789")])
		return false;
	value = strtoull(text, NULL, 10);
	*uid = (uid_t)value;
	return value < (uid_t)-1;
}

int nsh_account_find(struct nsh_user *user, const char *name, struct nsh_err *err)
{
	struct passwd *account;
	uid_t uid;

	errno = 0;
	account = getpwnam(name);
	if (account)
		return take(user, account, err);
	return is_id(name, &uid) ? nsh_account_of(user, uid, err) : failed(errno, name, err);
}

uid_t nsh_account_root(void)
{
	struct stat st;

	return nsh_sandbox_is_inside() && stat("/", &st) == 0 ? st.st_uid : 0;
}

bool nsh_account_am_root(void)
{
	return geteuid() == 0 && nsh_account_root() == 0;
}

const char *nsh_account_name(uid_t uid)
{
	static char number[3 * sizeof(uid) + 1];
	const struct passwd *account = getpwuid(uid);

	if (account)
		return account->pw_name;
	snprintf(number, sizeof(number), "%u", uid);
	return number;
}

bool nsh_account_runs_nothing(const char *shell)
{
	return nsh_login_kind(shell) == NSH_LOGIN_NOTHING;
}

bool nsh_account_has_nsshell(const char *shell)
{
	return nsh_login_kind(shell) == NSH_LOGIN_NSSHELL;
}

enum nsh_decision nsh_account_decide_alone(const struct nsh_user *user, struct nsh_err *why)
{
	const struct nsh_place place = {.folder = NSH_POLICY_FOLDER, .owner = nsh_account_root()};
	struct nsh_policy policy;
	enum nsh_decision decision;

	if (nsh_policy_load(&policy, &place, user, NULL, why) < 0)
		return NSH_DECIDED_REFUSED;
	decision = nsh_login_decide_alone(&policy, user, why);
	nsh_policy_free(&policy);
	return decision;
}

bool nsh_account_in_group(const struct nsh_user *user, const char *name)
{
	const struct group *group = getgrnam(name);

	for (size_t i = 0; group && i < user->n_groups; i++)
		if (user->groups[i] == group->gr_gid)
			return true;
	return group && user->gid == group->gr_gid;
}

bool nsh_account_is_below(const char *list, const char *path)
{
	struct nsh_item item;

	while (nsh_list_next(&list, &item))
		if (item.len && !strncmp(path, item.text, item.len) && path[item.len] == '/')
			return true;
	return false;
}
