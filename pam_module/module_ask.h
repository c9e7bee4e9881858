/* SPDX-License-Identifier: MIT */
/*
 * Asking the session helper.
 */
#ifndef PAM_MODULE_MODULE_ASK_H
#define PAM_MODULE_MODULE_ASK_H

#include <sys/types.h>

#include "nsshell/err.h"
#include "pam_module/module_answer.h"

/* What is to be started, and what it must be. */
struct nsh_helper {
	const char *path;
	uid_t owner; /* 0 but for those who test with files of their own */
	int timeout; /* in seconds, for all of it */
};

/* Who logs in. Borrowed. */
struct nsh_question {
	uid_t uid;
	gid_t gid;
	const gid_t *groups;
	size_t n_groups;
	const char *texts[NSH_TEXT_COUNT]; /* none NULL */
};

/*
 * Starts the helper and waits for its answer and its end. The helper has an empty environment, / as
 * its folder, no signal blocked or ignored, /dev/null as standard streams and nothing else open.
 * SIGCHLD is blocked for that time, and not ignored; both are put back.
 *
 * Errors: -EPERM for a helper that is not a regular file of the owner's, or can be written by others;
 * -ETIMEDOUT; -EPROTO for an answer that is none, or a helper that did not end with 0; and those of
 * the system calls. On error the helper has ended, unless not even SIGKILL ends it.
 */
int nsh_ask(const struct nsh_helper *helper, const struct nsh_question *question,
	    struct nsh_answer *answer, struct nsh_err *err);

#endif
