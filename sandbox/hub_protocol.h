/* SPDX-License-Identifier: MIT */
/*
 * What logins and hubs say to each other (nsshell/hub.h). Both are built together, but a hub can outlive an
 * update: it gives way to one of the version that it does not understand.
 */
#ifndef SANDBOX_HUB_PROTOCOL_H
#define SANDBOX_HUB_PROTOCOL_H

#include "nsshell/hub.h"

/* Another one with each change of what stands here, of struct nsh_hub_entry, and of nsshell/message.h. */
#define NSH_HUB_PROTOCOL 0x6e736803u

enum nsh_hub_question {
	NSH_HUB_ENTER =
		1, /* with a pidfd of the login; this number and its place are those of all versions */
	NSH_HUB_MADE, /* with the parts, and then the socket of PID 1 and a pidfd of its parent, if has_init */
	NSH_HUB_LIST,
	NSH_HUB_COUNT, /* after NSH_HUB_SAYS_COUNTED, with the reading end of a pipe that the login's sessions hold */
};

enum nsh_hub_reply_kind {
	NSH_HUB_SAYS_COUNTED = 1,
	NSH_HUB_SAYS_JOIN, /* with the parts */
	NSH_HUB_SAYS_MAKE,
	NSH_HUB_SAYS_TAKEN, /* to NSH_HUB_MADE */
	NSH_HUB_SAYS_FULL,
	NSH_HUB_SAYS_STALE,
	NSH_HUB_SAYS_LIST, /* with a file of all entries: there can be more than a socket holds */
};

/* What of the policy the hub acts on. Times in ms, 0 for none. */
struct nsh_hub_terms {
	uint64_t policy; /* tells policies apart */
	int64_t linger_ms;
	int64_t runtime_ms;
	uint32_t shared; /* NSH_KEY_SESSION_LIFETIME */
	uint32_t stale;  /* NSH_KEY_SESSION_STALE */
	uint32_t max_sessions;
};

struct nsh_hub_request {
	uint32_t protocol;
	uint32_t kind;
	struct nsh_hub_terms terms; /* NSH_HUB_ENTER, as the next two */
	int32_t process;
	char login[512];
	char id[NSH_ID_LEN + 1]; /* NSH_HUB_MADE, as the rest */
	char cgroup[NSH_CGROUP_MAX];
	uint32_t n_parts;
	uint32_t has_init;
};

struct nsh_hub_reply {
	uint32_t protocol;
	uint32_t kind;
	uint32_t stale;
	char id[NSH_ID_LEN + 1]; /* of the sandbox */
	char cgroup[NSH_CGROUP_MAX];
};

/* sandbox/hub_place.c: where hubs are */

/*
 * Longest time to a word from the hub, in milliseconds: another login may be making the sandbox. The module waits for ten
 * seconds by default, and the reason should be told before.
 */
#define NSH_HUB_WAIT_MS 8000

/*
 * Returns a socket to the user's hub, which waits for no longer than that; -ENOENT when there is none (or just not yet, or
 * not any more), or -errno with err set.
 */
int nsh_hub_connect(const struct nsh_hub_place *place, pid_t *hub, struct nsh_err *err);

/*
 * In a process that has nothing open but its standard streams and what is below NSH_HUB_FIRST_FD: a listening socket,
 * found by all from here on. -EBUSY when there is a hub.
 */
#define NSH_HUB_FIRST_FD 10
int nsh_hub_listen(const struct nsh_hub_place *place, struct nsh_err *err);

/* In the hub: it is not found any more. */
void nsh_hub_unlist(const struct nsh_hub_place *place);

/*
 * Whether who is to be asked for a sandbox, or has sent the answer, may hand one out: -EPERM for a process in a session,
 * -EAGAIN for one that has ended.
 */
int nsh_hub_check(const struct nsh_hub_place *place, pid_t hub, struct nsh_err *err);

/* Whether who has connected may speak to this hub. */
bool nsh_hub_may_speak(const struct nsh_hub_place *place, int socket);

/* Whether who has sent a message (nsshell/pass.h) may do more than ask what the hub knows: enter, or hand over a sandbox. */
bool nsh_hub_is_believed(const struct nsh_hub_place *place, pid_t sender);

/* sandbox/hub_run.c: the hub's life. Ends the process. */
void nsh_hub_run(const struct nsh_hub_place *place, int listener) __attribute__((noreturn));

#endif
