/* SPDX-License-Identifier: MIT */
/*
 * Whether a session's policy is still the one that its user would get.
 */
#ifndef CTL_LIVE_POLICY_H
#define CTL_LIVE_POLICY_H

#include "ctl/live.h"

enum nsh_policy_state {
	NSH_POLICY_UNKNOWN, /* the session, or the account, does not say enough */
	NSH_POLICY_CURRENT,
	NSH_POLICY_CHANGED,
	NSH_POLICY_INVALID, /* a login now would be refused for it */
};

struct nsh_policy_file {
	char *path;   /* owned; as nsshell/field.h writes it */
	bool changed; /* since the session began, or gone */
	bool is_new;  /* was not there for the session, and would be for a login now */
};

struct nsh_policy_age {
	enum nsh_policy_state state;
	int lifetime;       /* NSH_LIFETIME_...; -1 when unknown, as when the policy has changed */
	int64_t runtime_ms; /* 0: none; likewise */
	char reason[NSH_ERR_MAX];      /* of invalid and unknown; else "" */
	struct nsh_policy_file *files; /* owned; NULL when unknown */
	size_t n_files;
};

/*
 * What has been resolved already: the same user, service and source get the same answer, once, however many sessions
 * there are. Starts as all 0; it borrows the sessions' strings, and must not outlive them.
 */
struct nsh_policy_answers {
	struct answer *at;
	size_t count;
};

void nsh_policy_answers_free(struct nsh_policy_answers *answers);

/* Finds out what such a login would get now, and compares. -ENOMEM. nsh_policy_age_free() in any case. */
int nsh_policy_age_find(struct nsh_policy_age *age, const struct nsh_live *live,
			struct nsh_policy_answers *answers);

void nsh_policy_age_free(struct nsh_policy_age *age);

const char *nsh_policy_state_name(enum nsh_policy_state state);

#endif
