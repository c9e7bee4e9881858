/* SPDX-License-Identifier: MIT */
/*
 * The session's frame: what the PAM module has made for a login before any process of it is the
 * user's.
 *
 * It is a mount and a UTS namespace, and a network namespace if the policy asks for one. The host name is the
 * session's; sshd's own work (xauth(1) for X11 forwarding) and the shell agree on it. On NSH_FRAME_FOLDER is a
 * small read-only tmpfs of root's with
 *
 *	policy    the policy as it was resolved, in the form that it is written in
 *	account   the account, one line in the form of passwd(5)
 *	id        the session's id
 *	files     the files that the policy was made of, as they were (nsh_policy_write_files())
 *	login     what PAM has told: service, rhost and tty, in the form of nsshell/field.h
 *	presence  a named pipe, where the user's hub counts logins: each of their sessions has it open for writing
 *	user      a user namespace that the user owns, with the ids mapped by root (an nsfs mount)
 *	network   the network namespace, if the policy asks for one: one of root's (likewise)
 *	door-*    those of the PID 1 of a shared sandbox, which the login's shell joins, likewise (nsshell/door.h)
 *
 * No process outside sees it, the kernel lets nobody but the machine's root make it where logins
 * begin, and it is gone with the last process that is in it.
 */
#ifndef NSSHELL_FRAME_H
#define NSSHELL_FRAME_H

#include "nsshell/door.h"
#include "nsshell/err.h"
#include "nsshell/id.h"
#include "nsshell/policy.h"
#include "nsshell/user.h"

/* A frame as root has made it. The caller closes the fds. */
struct nsh_made_frame {
	int mount;    /* mount namespace, to be joined by the login */
	int uts;      /* UTS namespace, likewise */
	int network;  /* network namespace, likewise; the login's own if the policy asks for none */
	int user;     /* user namespace */
	int presence; /* NSH_FRAME_COUNTED: the reading end of the pipe; else -1 */
};

#define NSH_FRAME_PRESENCE "presence"

/*
 * Whether a line of /proc/self/mountinfo, with the mount point in it, is of one that covers a part of /proc. A mount
 * of a user's cannot be taken for a harmless one: only root can make those in the machine's namespace.
 */
bool nsh_frame_covers_proc(const char *line, const char *path);

/*
 * Has the calling process count as one of its login's sessions, for as long as *presence is open: -1 in a frame that is
 * not counted. Errors: -EPERM when the login does not count any more, as its process has ended and all of its sessions.
 */
int nsh_frame_attend(int *presence, struct nsh_err *err);

/* A frame as the user finds it. What is opened and allocated is the caller's. */
struct nsh_frame {
	int user;    /* user namespace, to be joined */
	bool shared; /* there is a sandbox to join: its namespaces, but those that the login has */
	struct nsh_ways ways;
	char id[NSH_ID_LEN + 1];
	struct nsh_policy policy;
	struct nsh_user account;
};

/*
 * Reads the frame that the calling process stands in. Returns 1, or 0 when it stands in none. Every
 * other thing on NSH_FRAME_FOLDER is an error: what is not root's, can be written, is no tmpfs, has
 * other than a user namespace of this user and right below the present one, or is for another user; and a
 * process that is not, or not any more, in the control group that has the login's limits.
 *
 * new: the way into its sandbox is not there yet, as it is the caller who makes that (nsshell/host.h).
 */
int nsh_frame_open(struct nsh_frame *frame, bool new, struct nsh_err *err);

#endif
