/* SPDX-License-Identifier: MIT */
/*
 * What a process's mount namespace says of the session that it belongs to: looked at from outside, by root or by the
 * user, and without being held up or led astray by what the user has put there.
 */
#ifndef NSSHELL_SIGHT_H
#define NSSHELL_SIGHT_H

#include <stdbool.h>
#include <sys/types.h>

#include "nsshell/id.h"

/* Texts are owned, at most 64 KiB, and NULL where there is none. */
struct nsh_sight {
	bool framed; /* it was root's folder, NSH_FRAME_FOLDER, that says so; else the user's */
	uid_t owner; /* of that folder */
	char id[NSH_ID_LEN + 1];
	char *account; /* these as nsshell/frame.h has them */
	char *login;
	char *files;
	char *cgroup;
	char *hostname; /* ended by a newline, as /etc/hostname */
};

/*
 * For who is about to look at many processes: the kernel then has in its cache whether there are the folders on which
 * sessions mount theirs, as seen by the caller, and can say at once that there are none.
 */
void nsh_sight_prepare(void);

/*
 * Looks through process, an fd of /proc/PID. space is one of its mount namespace, or -1: with it newer kernels are asked
 * about two mounts and not about all. root is the user id that root has for the calling process. Returns 1 when
 * something of a session is seen, 0 when not, also when the process has ended or may not be looked at.
 */
int nsh_sight_take(struct nsh_sight *sight, int process, int space, uid_t root);

void nsh_sight_free(struct nsh_sight *sight);

/* Which of mountinfo's lines is the last that is mounted at path, if that is a read-only tmpfs: its id, or -1. Pure. */
long nsh_sight_find_mount(const char *mountinfo, const char *path);

#endif
