/* SPDX-License-Identifier: MIT */
/*
 * The one line that the log has of a session.
 */
#ifndef PAM_MODULE_HELPER_RECORD_H
#define PAM_MODULE_HELPER_RECORD_H

#include "pam_module/helper_request.h"
#include "pam_module/helper_verdict.h"

/* Connects to syslog, before a frame can hide it. */
void nsh_record_open(void);

/*
 * Writes it to syslog(3), facility authpriv; without a syslog it is lost and nothing else happens. The
 * fields (nsshell/field.h) are in an order that stays as it is; new ones come before the last, which is
 * the reason.
 */
void nsh_record(const struct verdict *verdict, const struct request *request);

#endif
