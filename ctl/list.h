/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl list: what is said of a session's logins, and of its end.
 */
#ifndef CTL_LIST_H
#define CTL_LIST_H

#include <jansson.h>

#include "ctl/live.h"
#include "ctl/live_policy.h"

/* How many there are, for people; NULL when unknown. */
#define NSH_LOGINS_TEXT 48
const char *nsh_list_logins_text(char text[NSH_LOGINS_TEXT], const struct nsh_live *live,
				 const struct nsh_policy_age *age);

/* Adds to the session's object: logins, login_count, current, lifetime, ends. */
void nsh_list_describe_logins(json_t *session, const struct nsh_live *live,
			      const struct nsh_policy_age *age);

#endif
