/* SPDX-License-Identifier: MIT */
/*
 * What session a user would have.
 *
 * A policy that is tried may belong to whoever called sudo(8) instead of root, as it is written before it is
 * installed. Nobody else may be able to write it: who can, would decide what root does here.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/account.h"
#include "ctl/trial.h"
#include "nsshell/paths.h"

/* Who runs this, behind sudo(8): its variables can be trusted as far as root's whole environment. */
static uid_t caller(void)
{
	const char *text = getenv("SUDO_UID");
	char *end;
	unsigned long uid;

	if (!text || !*text)
		return 0;
	uid = strtoul(text, &end, 10);
	return *end || uid >= (uid_t)-1 ? 0 : (uid_t)uid;
}

/* Whose the policy has to be; that it is so is checked again on what is opened. */
static int find_owner(const char *path, struct stat *st, uid_t *owner, struct nsh_err *err)
{
	if (lstat(path, st) < 0)
		return nsh_err_sys(err, NSH_REASON_POLICY, -errno, "%s", path);
	*owner = st->st_uid == caller() ? caller() : 0;
	return 0;
}

static int find_place(struct nsh_place *place, const char *path, struct nsh_err *err)
{
	struct stat st;
	uid_t owner = 0;
	int ret;

	*place = (struct nsh_place){.folder = NSH_POLICY_FOLDER};
	if (!path)
		return 0;
	ret = find_owner(path, &st, &owner, err);
	if (ret < 0)
		return ret;
	if (S_ISDIR(st.st_mode)) {
		*place = (struct nsh_place){.folder = path, .owner = owner};
	} else {
		place->user_file = path;
		place->user_file_owner = owner;
	}
	return 0;
}

static int find_user(struct nsh_user *user, const char *name, struct nsh_err *err)
{
	if (!name)
		name = getenv("SUDO_USER");
	if (!name || !*name)
		return nsh_err_set(err, NSH_REASON_ACCOUNT, -EINVAL,
				   "whose session? USER is missing");
	return nsh_account_find(user, name, err);
}

/* The login shell is taken to be nsshell, so "auto" and "yes" are the same. */
static int decide(const struct nsh_trial *trial, struct nsh_err *err)
{
	const struct nsh_setting *setting = &trial->policy.settings[NSH_KEY_SESSION_CONFINE];
	const char *name = trial->user.name;

	if (trial->user.uid == 0)
		return nsh_err_set(err, NSH_REASON_ACCOUNT, 0,
				   "%s has user id 0, which is never confined", name);
	if (setting->number == NSH_CONFINE_NO)
		return nsh_err_set(err, NSH_REASON_POLICY, 0,
				   "%s:%u: session.confine = no: %s would have an ordinary session",
				   setting->file, setting->line, name);
	if (setting->number == NSH_CONFINE_DENY)
		return nsh_err_set(err, NSH_REASON_DENIED, 0,
				   "%s:%u: session.confine = deny: %s would have no session",
				   setting->file, setting->line, name);
	return 1;
}

int nsh_trial_make(struct nsh_trial *trial, const struct nsh_trial_options *options,
		   struct nsh_err *err)
{
	struct nsh_place place;
	int ret = find_user(&trial->user, options->user, err);

	trial->login = (struct nsh_login){
		.service = options->service ? options->service : "sshd",
		.source = options->source ? options->source : "",
	};
	if (ret < 0)
		return ret;
	ret = find_place(&place, options->policy, err);
	if (ret == 0)
		ret = nsh_policy_load(&trial->policy, &place, &trial->user, &trial->login, err);
	if (ret == 0)
		return decide(trial, err);
	nsh_user_free(&trial->user);
	return ret;
}

void nsh_trial_free(struct nsh_trial *trial)
{
	nsh_policy_free(&trial->policy);
	nsh_user_free(&trial->user);
}
