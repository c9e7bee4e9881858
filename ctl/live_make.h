/* SPDX-License-Identifier: MIT */
/*
 * From processes and namespaces to sessions: what ctl/live.c and ctl/live_make.c share.
 */
#ifndef CTL_LIVE_MAKE_H
#define CTL_LIVE_MAKE_H

#include <pthread.h>

#include "ctl/live.h"

#define BUCKETS 4096
#define NO_SESSION (-1)

/* A namespace, held open. */
struct space {
	uint64_t inode;
	uint64_t parent; /* PID namespaces: of the one around it if that can be a session's, or 0 */
	int fd;          /* -1 when it is not held */
	int session;     /* index, or NO_SESSION */
	bool is_empty;   /* has been looked at and is of no session */
	struct space *next;
};

struct walk {
	pthread_mutex_t lock; /* of what follows, while there are threads */
	struct nsh_lives *lives;
	struct space *buckets[BUCKETS];
	struct nsh_member *entries; /* all processes */
	size_t count;
	size_t room;
	uint64_t own_mount;
	uint64_t own_numbers; /* the own PID namespace, if /proc is that one's; else 0 */
	int most;             /* file descriptors from here on hold no namespace */
	uid_t uid;
	uid_t root;
	bool all; /* the machine's root asks */
};

struct space *nsh_space_find(const struct walk *walk, uint64_t inode);

/* What a frame's "login" says (nsshell/frame.h); what is known already stays. Owned. */
void nsh_live_take_login(const char *login, char **service, char **source, char **tty);

/* The process of that number, when the walk has met it, or NULL. */
struct nsh_member *nsh_walk_find(const struct walk *walk, pid_t pid);

/* Adds a process to a session's. -ENOMEM. */
int nsh_live_add(struct nsh_live *live, const struct nsh_member *member);

/* Finds a session's shells among its processes, and adds what of them is in none of its namespaces. -ENOMEM. */
int nsh_live_find_shells(struct walk *walk, struct nsh_live *live);

/* Gives processes to sessions and sorts both. Sessions that have none are dropped. -ENOMEM. */
int nsh_lives_make(struct walk *walk);

void nsh_live_free(struct nsh_live *live);

/* ctl/live_logins.c: part of that. */
void nsh_live_free_logins(struct nsh_live *live);

#endif
