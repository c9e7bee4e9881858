/* SPDX-License-Identifier: MIT */
/*
 * Making a frame (nsshell/frame.h), and a shared sandbox in it: as root, in the order in which these stand here.
 */
#ifndef SANDBOX_FRAME_H
#define SANDBOX_FRAME_H

#include "nsshell/cgroup.h"
#include "nsshell/frame.h"
#include "nsshell/host.h"

enum nsh_frame_use {
	NSH_FRAME_ALONE,   /* of one login */
	NSH_FRAME_COUNTED, /* likewise, and its sessions count as long as they last */
	NSH_FRAME_SHARED,  /* with a way into a sandbox (nsh_frame_open_door()) */
};

/*
 * Checks, as root and in a process of one thread, that the calling process can have a frame: -EBUSY when it stands in one
 * already, -EPERM in a chroot. Its current folder may be the root then.
 */
int nsh_frame_check(struct nsh_err *err);

/*
 * Makes a frame, after that check, as root and in a process of one thread that is moved into it. hostname is valid
 * (nsshell/hostname.h); what in the policy names places is settled here. Errors are those of the plan and of the
 * system calls. After an error the process should end: what had been made goes with it.
 */
int nsh_frame_make(struct nsh_made_frame *frame, struct nsh_policy *policy,
		   const struct nsh_user *user, const char *id, const struct nsh_login *login,
		   const char *hostname, const struct nsh_cgroup *cgroup, enum nsh_frame_use use,
		   struct nsh_err *err);

/*
 * As root and in the frame, whose network is network: starts the PID 1 of a shared sandbox as the user, and waits until
 * it is ready. nsh_host_close() in any case.
 */
int nsh_host_start(struct nsh_host *host, const struct nsh_user *user, int network,
		   struct nsh_err *err);

/*
 * In the frame, as root: shows in it the way into its sandbox. The parts that the login has already are not used. The
 * frame must be NSH_FRAME_SHARED.
 */
int nsh_frame_open_door(const struct nsh_ways *ways, struct nsh_err *err);

/* Whether it is in the frame: the user namespace has a name of its own there, and the network is the frame's. */
static inline bool nsh_frame_has_door(enum nsh_door_part part)
{
	return part != NSH_DOOR_USER && part != NSH_DOOR_NETWORK;
}

#endif
