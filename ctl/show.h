/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl show: the policy of a user, and how it came about.
 */
#ifndef CTL_SHOW_H
#define CTL_SHOW_H

#include <jansson.h>
#include <stdbool.h>

#include "nsshell/hostname.h"
#include "nsshell/policy.h"
#include "nsshell/preview.h"
#include "nsshell/user.h"

/* A value that a file sets, as struct nsh_seen; a copy. */
struct nsh_shown_value {
	enum nsh_key_id id;
	char *text; /* owned, as are the files */
	char *file;
	unsigned line;
	char *lock_file; /* or NULL */
	unsigned lock_line;
};

enum nsh_shown_verdict {
	NSH_SHOWN_OPEN,    /* not confined */
	NSH_SHOWN_REFUSED, /* no session */
	NSH_SHOWN_FRAME,
	NSH_SHOWN_SESSION,
};

struct nsh_shown {
	struct nsh_user user;
	const struct nsh_login *login; /* NULL without PAM */
	struct nsh_policy policy;
	struct nsh_shown_value *values; /* in the order of the files; owned */
	size_t n_values;
	bool failed; /* without memory */
	enum nsh_shown_verdict verdict;
	char why[NSH_ERR_MAX];
	char hostname[NSH_HOSTNAME_MAX]; /* "" when there is none to be had */
};

/* Resolves. What is wrong is printed. Returns NSH_CTL_OK or NSH_CTL_FAILED; nsh_shown_free() in any case. */
int nsh_shown_make(struct nsh_shown *shown, const char *name, const struct nsh_login *login);
void nsh_shown_free(struct nsh_shown *shown);

/* "open", "refused", "frame" or "session". */
const char *nsh_shown_verdict_name(enum nsh_shown_verdict verdict);

/* A file's name below the folder of policies, or all of it. */
const char *nsh_shown_file(const char *file);

/* The last value of a key that counts is the one that it has: whether this is it. */
bool nsh_shown_is_last(const struct nsh_shown *shown, size_t i);

/* ctl/show_plan.c: its operations. preview is empty when nothing is made. Prints what is wrong. */
int nsh_show_preview(struct nsh_shown *shown, struct nsh_preview *preview);
int nsh_show_plan(const struct nsh_preview *preview);
json_t *nsh_show_plan_json(const struct nsh_preview *preview);

/* ctl/show_json.c */
json_t *nsh_show_json(const struct nsh_shown *shown);
json_t *nsh_show_value_json(const struct nsh_setting *setting);

/* ctl/show_diff.c */
int nsh_show_diff(const struct nsh_shown *one, const struct nsh_shown *other, bool json);

#endif
