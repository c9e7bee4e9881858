/* SPDX-License-Identifier: MIT */
/*
 * What a session would be made of, without making one.
 */
#ifndef NSSHELL_PREVIEW_H
#define NSSHELL_PREVIEW_H

#include <stddef.h>

#include "nsshell/err.h"
#include "nsshell/plan.h"
#include "nsshell/policy.h"
#include "nsshell/user.h"

/* The name of a kind of operation: a word. Never NULL. */
const char *nsh_op_name(enum nsh_op_kind kind);

/* What the kind does, a phrase. Never NULL. */
const char *nsh_op_help(enum nsh_op_kind kind);

/* What an operation of the plan works with beside its path, for people; malloc'ed, NULL without memory. */
char *nsh_op_detail(const struct nsh_plan *plan, const struct nsh_op *op);

struct nsh_preview_op {
	enum nsh_stage stage;
	enum nsh_op_kind kind;
	const char *path;   /* "" when it has none; can have anything in it, as can detail */
	const char *detail; /* "" likewise */
};

struct nsh_preview {
	struct nsh_preview_op *ops; /* owned */
	size_t count;
	char *text; /* owned */
};

/* In which form a login would be. */
enum nsh_form {
	NSH_FORM_STANDALONE, /* one plan for the whole */
	NSH_FORM_FRAME,      /* that of the frame */
	NSH_FORM_FRAMED,     /* that of the frame and then the shell's */
};

/*
 * Makes the plans of a login, in a process of its own that has the user's powers and no more, and nothing is
 * changed. What the shell would look up in its frame is looked up on the machine. Called by root, or by the
 * user. Errors: those of nsh_plan_settle() and nsh_plan_build(); -EPERM for others; -ETIMEDOUT when it takes
 * longer than NSH_PREVIEW_SECONDS, as with a file system that does not answer. nsh_preview_free() after success.
 */
#define NSH_PREVIEW_SECONDS 10
int nsh_preview_make(struct nsh_preview *preview, struct nsh_policy *policy,
		     const struct nsh_user *user, enum nsh_form form, struct nsh_err *err);

void nsh_preview_free(struct nsh_preview *preview);

#endif
