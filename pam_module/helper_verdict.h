/* SPDX-License-Identifier: MIT */
/*
 * What is to happen with a login.
 */
#ifndef PAM_MODULE_HELPER_VERDICT_H
#define PAM_MODULE_HELPER_VERDICT_H

#include "nsshell/id.h"
#include "nsshell/login.h"
#include "pam_module/helper_request.h"
#include "pam_module/protocol.h"

struct verdict {
	enum nsh_verdict kind;
	char id[NSH_ID_LEN + 1];
	struct nsh_policy policy;     /* all 0 when there is none */
	const char *confined_by;      /* for the log */
	struct nsh_confined confined; /* for NSH_VERDICT_CONFINE */
	struct nsh_err err;           /* the reason, in any case */
};

/*
 * Resolves the policy, decides, and makes the frame if there is to be one. Whatever fails makes the
 * verdict a denial.
 */
void nsh_verdict_reach(struct verdict *verdict, const struct request *request);

#endif
