/* SPDX-License-Identifier: MIT */
/*
 * The sessions that there are, as the kernel has them.
 *
 * A session is what has a frame or a session's folder mounted in the mount namespace of its processes; there is no
 * register. Only root can make a frame. What a user makes that looks like a session of a user is one of that user's, and
 * can neither be taken for another's nor change what is found of it.
 *
 * root finds all of them, others their own. A process that may not be looked at (PID 1 of a session, nsshell's outer
 * process, and what starts the shell in a shared sandbox) is found by its children; what has none of the user's shells
 * (sftp, forwarding) is found by root only.
 */
#ifndef CTL_LIVE_H
#define CTL_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ctl/process.h"
#include "nsshell/err.h"
#include "nsshell/id.h"

/* A process and where it stands. Namespaces are their inode numbers, 0 when they may not be looked at. */
struct nsh_member {
	struct nsh_process process;
	uint64_t mount;
	uint64_t pid_namespace;
	bool is_users; /* the user's, in a PID namespace of the session, or begun by one of those */
};

/* One PID namespace: a shell of nsshell's, or a shared sandbox. */
struct nsh_live_shell {
	pid_t init;  /* PID 1 */
	pid_t outer; /* its parent; 0 when unknown */
	uint64_t pid_namespace;
	unsigned tty; /* of the outer process */
	bool shared;  /* PID 1 has no shell of its own: logins join it */
};

/* A login's shell that has joined a shared sandbox. */
struct nsh_live_joined {
	pid_t inner; /* has the shell as its child */
	pid_t outer; /* its parent, outside */
	uint64_t pid_namespace;
	uint64_t start; /* in clock ticks since the machine began */
	unsigned tty;   /* of the outer process */
};

/* A login, as the user's hub knows it (nsshell/hub.h). */
struct nsh_live_login {
	pid_t process; /* which has opened it */
	int64_t since; /* nsh_boot_ms() */
	int64_t end;   /* when it is ended, likewise; 0: never */
	bool stale;    /* it has joined a sandbox of another policy */
	char *service; /* owned, as are the next; NULL when unknown */
	char *source;
	char *tty;
};

struct nsh_live {
	char id[NSH_ID_LEN + 1];
	bool framed;
	uid_t uid;
	char *user;                 /* its name; owned, as is all that follows */
	char *hostname;             /* "" when unknown */
	char *service;              /* NULL when standalone */
	char *source;               /* likewise; "" for a login that does not come over a network */
	char *login_tty;            /* what PAM was told; likewise */
	char *from;                 /* for people, or NULL */
	char *files;                /* NULL when unknown */
	char *cgroup;               /* NULL without limits of the login */
	struct nsh_member *members; /* by their start */
	size_t n_members;
	struct nsh_live_shell *shells; /* likewise */
	size_t n_shells;
	struct nsh_live_joined *joined; /* likewise */
	size_t n_joined;
	double since;    /* seconds since the epoch */
	uint64_t memory; /* bytes */
	unsigned tty;    /* or 0 */

	/* After nsh_lives_ask(). */
	bool asked;   /* the user's hub could be asked, or there is none */
	bool in_hub;  /* it is a sandbox that the hub knows */
	bool is_open; /* then: logins join it */
	int lifetime; /* then: NSH_LIFETIME_... */
	int64_t end;  /* then: when linger_max or runtime_max ends it (nsh_boot_ms()), or 0 */
	struct nsh_live_login *logins; /* by their beginning; owned */
	size_t n_logins;

	bool has_users; /* not only root's processes, as at the beginning and the end of a login */
};

struct nsh_lives {
	struct nsh_live *at; /* by their start; owned */
	size_t count;
	bool all; /* everybody's, as the machine's root asks */
};

/* Finds them all. What comes and goes meanwhile is no error. nsh_lives_free() after success. */
int nsh_lives_find(struct nsh_lives *lives, struct nsh_err *err);

void nsh_lives_free(struct nsh_lives *lives);

/*
 * Asks the hub of each user whose sessions these are, once, as far as it may be asked: root asks about those with a
 * frame, others about their own without. What cannot be asked stays unknown. Returns -errno of the last that failed.
 */
int nsh_lives_ask(struct nsh_lives *lives, struct nsh_err *err);

/* How many logins stand in the session, or -1 when that is not known. */
int nsh_live_count_logins(const struct nsh_live *live);

/*
 * The one whose id begins with that text. NULL with err set when there is none (-ENOENT) or several (-ENOTUNIQ); *ret is
 * that.
 */
const struct nsh_live *nsh_lives_by_id(const struct nsh_lives *lives, const char *id, int *ret,
				       struct nsh_err *err);

/* One of the session's processes, or NULL. */
const struct nsh_member *nsh_live_member(const struct nsh_live *live, pid_t pid);

/* Whether the session is one of that user's, by name or user id. */
bool nsh_live_is_of(const struct nsh_live *live, const char *user);

/* Reads a number, or "max" as 0, from a file of the session's control group. False without one. */
bool nsh_live_cgroup(const struct nsh_live *live, const char *file, uint64_t *value);

#endif
