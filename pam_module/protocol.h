/* SPDX-License-Identifier: MIT */
/*
 * What the module and the session helper say to each other, over a stream socket that nobody else
 * has: one request, then one reply, then the helper ends with 0. Both are built together; a version is
 * there so that a half-done update is noticed.
 */
#ifndef PAM_MODULE_PROTOCOL_H
#define PAM_MODULE_PROTOCOL_H

#include <stdint.h>

#include "nsshell/id.h"

#define NSH_PROTOCOL 0x6e736803u

/* Where the helper finds its end of the socket. */
#define NSH_HELPER_FD 3

/* The largest request in bytes: 65536 groups (NGROUPS_MAX) and some paths. */
#define NSH_REQUEST_MAX (512 * 1024)

/*
 * Followed by n_groups group ids of 32 bits and the texts of enum nsh_request_text, each with its NUL.
 * size counts everything.
 */
struct nsh_request_head {
	uint32_t protocol;
	uint32_t size;
	uint32_t uid;
	uint32_t gid;
	uint32_t n_groups;
};

enum nsh_request_text {
	NSH_TEXT_USER, /* the account, as the machine's name service has it */
	NSH_TEXT_HOME,
	NSH_TEXT_SHELL,
	NSH_TEXT_SERVICE, /* PAM_SERVICE */
	NSH_TEXT_RHOST,   /* PAM_RHOST, "" when there is none */
	NSH_TEXT_TTY,     /* PAM_TTY, likewise */
	NSH_TEXT_COUNT
};

enum nsh_verdict {
	NSH_VERDICT_IGNORE = 1, /* not to be confined */
	NSH_VERDICT_DENY,       /* sentence says why */
	NSH_VERDICT_CONFINE, /* the message has the fds of enum nsh_frame_part, in that order; sentence
				 * is what else there is to say, or "" */
};

/* The namespaces that make a frame. */
enum nsh_frame_part { NSH_PART_MOUNT, NSH_PART_UTS, NSH_PART_NETWORK, NSH_PART_COUNT };

/* Longest sentence for the user with its NUL, in bytes. */
#define NSH_SENTENCE_MAX 128

struct nsh_reply {
	uint32_t protocol;
	uint32_t verdict;
	char id[NSH_ID_LEN + 1]; /* of the session or incident, as in the log */
	char sentence[NSH_SENTENCE_MAX];
};

#endif
