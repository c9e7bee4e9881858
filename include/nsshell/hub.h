/* SPDX-License-Identifier: MIT */
/*
 * The hub: a process that knows a user's logins while there is one, and by whom they come to stand in one sandbox.
 *
 * There is one for each user whose policy needs it: [session] lifetime, max_sessions, and runtime_max for what has no
 * shell of nsshell's. It is started by the first login that asks and ends with the last, and everything that it knows
 * goes with it. A login is a process, known by a pidfd: sshd's monitor, su, login, or standalone the outer process.
 *
 *	login                                   hub
 *	  nsh_hub_enter ---------------------->  is there room? is there a sandbox, of the same policy?
 *	      NSH_HUB_COUNTED, NSH_HUB_JOIN <--  the login is known from here on
 *	      NSH_HUB_MAKE <-------------------  this one makes it; whoever comes meanwhile waits
 *	  nsh_hub_made ----------------------->  there is a sandbox; PID 1 answers to the hub
 *
 * What decides whether a sandbox still takes logins is the hub alone, one event after the other, so a login never gets
 * one that is about to end.
 *
 * With PAM the hub is root's, with no capability but CAP_KILL, and nobody but root can speak to it: it listens in a file
 * system that is mounted nowhere, and is found by its lock on the byte of the user's id in NSH_HUB_FILE, which the kernel
 * takes away with it. Nothing has to be cleaned up. Standalone it is the user's, and listens under an abstract name.
 */
#ifndef NSSHELL_HUB_H
#define NSSHELL_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "nsshell/cgroup.h"
#include "nsshell/err.h"
#include "nsshell/id.h"
#include "nsshell/paths.h"
#include "nsshell/policy.h"
#include "nsshell/user.h"

/* What the process is called. */
#define NSH_HUB_NAME "nsshell-hub"

/* What a sandbox is joined by: namespaces as fds. */
#define NSH_HUB_PARTS 8

/* Who speaks to whose hub. */
struct nsh_hub_place {
	uid_t uid;
	bool standalone;
};

struct nsh_hub_login {
	struct nsh_hub_place place;
	const struct nsh_policy *policy; /* resolved, and not settled yet */
	const struct nsh_user *user;     /* a sandbox is of an account as it was, too */
	const struct nsh_login *login;   /* or NULL */
	pid_t process;                   /* the login, which lives at least as long as the call */
};

enum nsh_hub_answer {
	NSH_HUB_COUNTED, /* it has a sandbox of its own (nsh_hub_counted()) */
	NSH_HUB_JOIN,    /* it joins the one that is there */
	NSH_HUB_MAKE,    /* it makes one for all */
};

struct nsh_hub {
	enum nsh_hub_answer answer;
	bool started;            /* by this login */
	bool stale;              /* joins one of another policy, or makes one beside it */
	int socket;              /* until nsh_hub_close() */
	pid_t pid;               /* of the hub */
	char id[NSH_ID_LEN + 1]; /* NSH_HUB_JOIN: the sandbox's, as are the next */
	char cgroup[NSH_CGROUP_MAX];
	int parts[NSH_HUB_PARTS]; /* for the caller to close; -1 for what is not there */
};

/* Whether the policy asks for a hub. */
bool nsh_hub_is_needed(const struct nsh_policy *policy, bool standalone);

/*
 * Makes the login known to the user's hub, which is started if there is none: the calling process has one thread. Errors:
 * -EUSERS with NSH_REASON_SESSIONS when there are as many logins as there may be, -ESTALE with NSH_REASON_STALE for
 * a sandbox of another policy, -EPERM when somebody else is where the hub should be, -ETIMEDOUT. nsh_hub_close() in
 * any case.
 */
int nsh_hub_enter(struct nsh_hub *hub, const struct nsh_hub_login *login, struct nsh_err *err);

/* A sandbox that was made. Borrowed. */
struct nsh_hub_made {
	const char *id;
	const char *cgroup; /* or "" */
	const int *parts;
	size_t n_parts;
	int init; /* the hub's end of the socket to PID 1 (nsshell/message.h), or -1 for a frame without one */
	pid_t outer; /* PID 1's parent, which ends with it and the other way round */
};

/* After NSH_HUB_MAKE. When this is not reached another login makes the sandbox. */
int nsh_hub_made(struct nsh_hub *hub, const struct nsh_hub_made *made, struct nsh_err *err);

/*
 * After NSH_HUB_COUNTED: the login counts until its process has ended and nobody has that pipe open for writing. presence
 * is its reading end, which does not block; borrowed. Errors: -errno.
 */
int nsh_hub_counted(struct nsh_hub *hub, int presence, struct nsh_err *err);

/* A sentence for the person whose login has joined, or made (NSH_HUB_MAKE), a sandbox beside one of another policy. */
const char *nsh_hub_stale_sentence(enum nsh_hub_answer answer);

void nsh_hub_close(struct nsh_hub *hub);

/* What the hub says of a login, or of a sandbox (process 0). Times as nsh_boot_ms(). */
struct nsh_hub_entry {
	pid_t process;
	int32_t lifetime; /* of a sandbox: NSH_LIFETIME_... */
	bool open;        /* of a sandbox: logins of its policy can join it */
	bool stale;       /* of a login: it joined a sandbox of another policy */
	int64_t since;
	int64_t end;             /* when linger_max or runtime_max ends it; 0: never */
	int64_t linger_end;      /* of a sandbox: when linger_max does */
	char id[NSH_ID_LEN + 1]; /* of the sandbox, "" when the hub knows of none */
	char login[512];         /* of a login: as the frame has it (nsshell/frame.h) */
};

/*
 * Asks the user's hub for all entries, malloc'ed; 0 of them when there is no hub. -EPERM when somebody else is where the
 * hub should be. From inside a session a process of another session's is not told from the hub.
 */
int nsh_hub_list(const struct nsh_hub_place *place, struct nsh_hub_entry **entries, size_t *count,
		 struct nsh_err *err);

#endif
