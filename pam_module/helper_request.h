/* SPDX-License-Identifier: MIT */
/*
 * The module's request, as the session helper reads it.
 */
#ifndef PAM_MODULE_HELPER_REQUEST_H
#define PAM_MODULE_HELPER_REQUEST_H

#include "nsshell/err.h"
#include "nsshell/policy.h"
#include "nsshell/user.h"

struct request {
	char *data;           /* owned; holds the texts */
	struct nsh_user user; /* owned */
	struct nsh_login login;
};

/*
 * Reads one request from the socket. -EPROTO when it is none, -EINVAL for an account whose name or
 * paths cannot be told apart in passwd(5).
 */
int nsh_request_read(struct request *request, int socket, struct nsh_err *err);

#endif
