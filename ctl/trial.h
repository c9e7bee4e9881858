/* SPDX-License-Identifier: MIT */
/*
 * What session a user would have once nsshell is the login shell, under the installed policy or one that is not
 * installed yet: for try and selftest.
 */
#ifndef CTL_TRIAL_H
#define CTL_TRIAL_H

#include "nsshell/err.h"
#include "nsshell/policy.h"
#include "nsshell/user.h"

/* What may be said on the command line. NULL where nothing is. */
struct nsh_trial_options {
	const char *user; /* the default is who called sudo(8) */
	const char *
		policy; /* a file in place of the user's own, or a folder in place of /etc/nsshell */
	const char *service; /* "sshd" */
	const char *source;  /* "", a login that does not come over a network */
};

struct nsh_trial {
	struct nsh_user user;
	struct nsh_login login;
	struct nsh_policy policy;
};

/*
 * Finds the user and resolves the policy. Returns 1 when the policy confines the user; 0 when there would be no
 * confined session, with err->text a sentence that says which line says so; -errno. nsh_trial_free() unless < 0.
 */
int nsh_trial_make(struct nsh_trial *trial, const struct nsh_trial_options *options,
		   struct nsh_err *err);

void nsh_trial_free(struct nsh_trial *trial);

#endif
