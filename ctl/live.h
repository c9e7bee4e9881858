/* SPDX-License-Identifier: MIT */
/*
 * The sessions that there are, as the kernel has them.
 *
 * A session is what has a frame or a session's folder mounted in the mount namespace of its processes; there is no
 * register. Only root can make a frame. What a user makes that looks like a session of a user is one of that user's, and
 * can neither be taken for another's nor change what is found of it.
 *
 * root finds all of them, others their own. A process that may not be looked at (PID 1 of a session and nsshell's outer
 * process) is found by its children; what has none of the user's shells (sftp, forwarding) is found by root only.
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

/* A shell of nsshell's: one PID namespace. */
struct nsh_live_shell {
	pid_t init;  /* PID 1 */
	pid_t outer; /* 0 when unknown */
	uint64_t pid_namespace;
	unsigned tty; /* of the outer process */
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
	double since;    /* seconds since the epoch */
	uint64_t memory; /* bytes */
	unsigned tty;    /* or 0 */
	bool has_users;  /* not only root's processes, as at the beginning and the end of a login */
};

struct nsh_lives {
	struct nsh_live *at; /* by their start; owned */
	size_t count;
};

/* Finds them all. What comes and goes meanwhile is no error. nsh_lives_free() after success. */
int nsh_lives_find(struct nsh_lives *lives, struct nsh_err *err);

void nsh_lives_free(struct nsh_lives *lives);

/*
 * The one whose id begins with that text. NULL with err set when there is none (-ENOENT) or several (-ENOTUNIQ); *ret is
 * that.
 */
const struct nsh_live *nsh_lives_by_id(const struct nsh_lives *lives, const char *id, int *ret,
				       struct nsh_err *err);

/* Whether the session is one of that user's, by name or user id. */
bool nsh_live_is_of(const struct nsh_live *live, const char *user);

/* Reads a number, or "max" as 0, from a file of the session's control group. False without one. */
bool nsh_live_cgroup(const struct nsh_live *live, const char *file, uint64_t *value);

#endif
