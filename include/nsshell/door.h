/* SPDX-License-Identifier: MIT */
/*
 * The way into a sandbox that is there: the namespaces of its PID 1, as fds.
 *
 * For a login that joins a shared sandbox, as the user who owns its user namespace. nsshell/enter.h is for root.
 */
#ifndef NSSHELL_DOOR_H
#define NSSHELL_DOOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "nsshell/err.h"
#include "nsshell/policy.h"

/* In the order in which they are joined. */
enum nsh_door_part {
	NSH_DOOR_USER, /* first, as it is what allows the rest */
	NSH_DOOR_UTS,
	NSH_DOOR_IPC,
	NSH_DOOR_NETWORK,
	NSH_DOOR_CGROUP,
	NSH_DOOR_PID,
	NSH_DOOR_MOUNT, /* when no other is looked up any more */
	NSH_DOOR_PARTS
};

/* -1 where it is the same as the joining process's. */
struct nsh_ways {
	int part[NSH_DOOR_PARTS];
};

static inline void nsh_ways_clear(struct nsh_ways *ways)
{
	for (int i = 0; i < NSH_DOOR_PARTS; i++)
		ways->part[i] = -1;
}

/* What it is called in /proc/PID/ns. */
const char *nsh_door_name(enum nsh_door_part part);

/* Opens those of the calling process, all of them, to be handed on. */
int nsh_door_open_own(struct nsh_ways *ways, struct nsh_err *err);

void nsh_door_close_ways(struct nsh_ways *ways);

/*
 * Checks namespaces that do not come from root: that all belong to a user namespace of this user's that is right below
 * the present one. Only a process outside of every sandbox can have made them. A network that the process is in already
 * is left out. -EPERM.
 */
int nsh_door_check(struct nsh_ways *ways, struct nsh_err *err);

/* Joins one of them, if it is there. */
int nsh_door_join(const struct nsh_ways *ways, enum nsh_door_part part, struct nsh_err *err);

/*
 * What the calling process, which has one thread and owns the user namespace or is in it, starts is in the PID
 * namespace from here on; and it has every capability over the user namespace, to be given up with
 * nsh_privileges_drop_outside(). policy: the bounding set is emptied if that allows.
 */
int nsh_door_unlock(const struct nsh_ways *ways, const struct nsh_policy *policy,
		    struct nsh_err *err);

/*
 * The places in a shared sandbox's /dev where what logins bring along is shown: /dev/login0 and so on for their terminals,
 * /dev/agent0 for the sockets of forwarded agents. More at a time have no name. In a sandbox of one login /dev/login0 is
 * the own terminal where that cannot have its name.
 */
#define NSH_PLACES 128
#define NSH_PLACE_TERMINAL "login"
#define NSH_PLACE_AGENT "agent"
#define NSH_PLACE_LOCK ".login"

/* Longest name of a place, with its NUL. */
#define NSH_PLACE_NAME 16

/* What a login brings along; NULL where the sandbox has it already, as with the machine's /dev or a frame's /tmp. */
struct nsh_luggage {
	const char *terminal;               /* its name below /dev */
	const char *agent;                  /* path of a socket, not trusted; none is no error */
	char terminal_name[NSH_PLACE_NAME]; /* of its place, "" when it has none */
	char agent_name[NSH_PLACE_NAME];
};

/*
 * In a process that was started after that: joins the other namespaces, and shows there what the login brings along. The
 * current folder is the root then.
 */
int nsh_door_step_in(const struct nsh_ways *ways, struct nsh_luggage *luggage, struct nsh_err *err);

#endif
