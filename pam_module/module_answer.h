/* SPDX-License-Identifier: MIT */
/*
 * The session helper's answer, as the module takes it from the socket.
 */
#ifndef PAM_MODULE_MODULE_ANSWER_H
#define PAM_MODULE_MODULE_ANSWER_H

#include "nsshell/err.h"
#include "pam_module/protocol.h"

struct nsh_answer {
	struct nsh_reply reply;    /* checked: a known verdict, texts that end */
	int frame[NSH_PART_COUNT]; /* for NSH_VERDICT_CONFINE, nsh_answer_close(); else -1 */
};

/* Makes it one without a verdict and without namespaces. */
void nsh_answer_init(struct nsh_answer *answer);

/*
 * Reads one message, which must be there. -EPROTO when it is no answer, and what recvmsg(2) gives. The
 * answer must be initialised, and is to be closed on error too.
 */
int nsh_answer_receive(struct nsh_answer *answer, int socket, struct nsh_err *err);

/* Closes the frame's namespaces. */
void nsh_answer_close(struct nsh_answer *answer);

#endif
