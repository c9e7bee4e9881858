/* SPDX-License-Identifier: MIT */
/*
 * The plan: an ordered list of operations that make a session's view, built from a policy before
 * the session's namespaces exist and carried out inside them.
 *
 * Building looks at the file system and allocates; carrying out allocates nothing and changes only
 * the new namespaces. The order of the operations matters; sandbox/plan.c says why for each.
 */
#ifndef NSSHELL_PLAN_H
#define NSSHELL_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "nsshell/cgroup.h"
#include "nsshell/err.h"
#include "nsshell/paths.h"
#include "nsshell/policy.h"
#include "nsshell/user.h"

/* Which part of a session's view a plan makes. */
enum nsh_stage {
	NSH_STAGE_WHOLE, /* all of it, by the user, in a user namespace of the user's */
	NSH_STAGE_FRAME, /* what must hold for sshd's own work too, by root, in the machine's */
	NSH_STAGE_SHELL, /* the rest of it, by the user, on top of a frame */
};

/* What a session is made from. All texts are borrowed and must outlive the plan. */
struct nsh_session {
	enum nsh_stage stage;
	const struct nsh_policy *policy;
	const struct nsh_user *user;
	gid_t gid;                     /* the group that the process runs with */
	const char *id;                /* NSH_ID_LEN digits */
	const struct nsh_login *login; /* NSH_STAGE_FRAME: what PAM knows, or NULL */
	const char *hostname;          /* valid, see nsshell/hostname.h */
	const char *agent_socket;      /* the user's SSH_AUTH_SOCK, not trusted, or NULL */
	const char *terminal;          /* name below /dev of the session's own terminal, or NULL */
	bool counted; /* the frame of a login that the user's hub counts (nsshell/frame.h) */
	bool shared; /* of several logins: their terminals are given names as they come (nsshell/door.h) */
	int userns; /* NSH_STAGE_FRAME: fd of the user namespace */
	int network; /* likewise of the network namespace, in which the plan is run; -1: the machine's */
	const struct nsh_cgroup *cgroup; /* NSH_STAGE_FRAME: what holds the login to its limits */
};

enum nsh_op_kind {
	NSH_OP_SLAVE,     /* nothing that is mounted from here on is seen outside */
	NSH_OP_IDMAP,     /* map one user and one group id; deny setgroups */
	NSH_OP_LOOPBACK,  /* bring up the loopback of the network namespace */
	NSH_OP_HOLD,      /* hold what is at path, with all mounts in it, in a slot */
	NSH_OP_MARK,      /* remember in a slot where path is, for NSH_OP_DEVICE */
	NSH_OP_SOCKET,    /* likewise the user's socket at path; none is no error */
	NSH_OP_FREEZE,    /* make all that is mounted read-only */
	NSH_OP_THAW,      /* make the one mount at path writable again; no error when it is none */
	NSH_OP_READ_ONLY, /* make path read-only, with all mounts in it */
	NSH_OP_TMPFS,     /* a new tmpfs on path, with options (text) */
	NSH_OP_FOLDER,    /* make the folder path with mode */
	NSH_OP_FILE,      /* make the file path with text, or (source) a copy after text */
	NSH_OP_PLACES, /* make number empty files that nobody can open, whose names begin with path */
	NSH_OP_LINK,   /* make path a symbolic link to text */
	NSH_OP_FIFO,   /* make the named pipe path with mode */
	NSH_OP_BIND,   /* show source on path; optional: unless path is not there */
	NSH_OP_DEVICE, /* show on path what has the name text in the folder in the slot */
	NSH_OP_HIDE,   /* cover the file or folder path with an empty one */
	NSH_OP_SHOW,   /* show what the slot holds on path */
	NSH_OP_REOPEN, /* make path's folder, and show on path what the slot holds */
	NSH_OP_OVERLAY, /* replace the folder in the slot by an overlay on it, with path-upper, -work */
	NSH_OP_PIN,     /* show the namespace fd on path */
	NSH_OP_SEAL,      /* make the file system on path read-only */
	NSH_OP_TERMINALS, /* new pseudo-terminals on path, of which number is not used */
	NSH_OP_SYS,       /* a new /sys of the network namespace */
	NSH_OP_PROC,      /* a new /proc of the PID namespace, with options (text) */
	NSH_OP_NO_USERNS, /* no further user namespaces in the present one; path is the sysctl's */
	NSH_OP_ENTER,     /* make path the root, and let go of the old one */
	NSH_OP_HOSTNAME   /* set the host name to text */
};

struct nsh_op {
	enum nsh_op_kind kind;
	char *path; /* the plan's, as are source and text; NULL where the kind has none */
	char *source;
	char *text;
	size_t len; /* of text */
	mode_t mode;
	unsigned slot;
	bool optional;  /* path may be absent */
	bool no_exec;   /* NSH_OP_BIND: nothing in it can be executed */
	bool read_only; /* NSH_OP_SHOW: with all mounts in it */
	bool of_owner;  /* path is below the owner's folders, or becomes the owner's */
	int number;     /* NSH_OP_TERMINALS: or -1; NSH_OP_PLACES */
	int fd;         /* borrowed */
	id_t inside[2]; /* NSH_OP_IDMAP: uid and gid inside and outside */
	id_t outside[2];
};

/* What is held on to before it is covered: fds, -1 when there is nothing. */
struct nsh_slot {
	int tree;  /* detached mounts of it */
	int place; /* where it was */
};

struct nsh_plan {
	struct nsh_op *ops; /* owned */
	size_t count;
	size_t room;
	struct nsh_slot *slots; /* owned; used while the plan is carried out */
	unsigned n_slots;
	struct nsh_texts *texts; /* owned; all texts are in these */
	const struct nsh_user
		*owner; /* whose powers the operations of_owner have; NULL: the caller's */
};

/*
 * Replaces what of the policy names places by what it means for this user on this machine now, so that
 * the shell in a frame need not, and could not, look them up again. Errors and powers as below.
 */
int nsh_plan_settle(struct nsh_policy *policy, const struct nsh_user *user, struct nsh_err *err);

/*
 * Says why read_only, writable or bind of [view] cannot name a path of the session's view: the session has a folder of its
 * own there, and it would not hold. NULL when it can. user is who the session is for, or NULL. Pure.
 */
const char *nsh_plan_own_place(const struct nsh_policy *policy, enum nsh_key_id key,
			       const char *path, const char *user);

/*
 * The folder that the path lies in of those that the session has of its own with [view] tmp = private, or NULL. What is
 * to be shown there has its place made. Pure.
 */
const char *nsh_plan_tmp_folder(const char *path);

/*
 * Builds the plan of a session. For NSH_STAGE_FRAME and NSH_STAGE_SHELL the policy must be settled.
 * Errors: -ENOMEM; -ENOENT and -EPERM for paths of the policy that are not there or cannot be held (the
 * reason is in *err); -EINVAL for a home that cannot be kept.
 * Paths are looked up with the powers of the calling process, which must be the user's.
 * On error nothing is to be freed.
 */
int nsh_plan_build(struct nsh_plan *plan, const struct nsh_session *session, struct nsh_err *err);

/*
 * Carries out the plan in the calling process, alone in new namespaces and with a umask of 0. With an
 * owner, as root: what lies at a path of the owner's is opened with the owner's powers only. Returns 0, or the fd
 * of NSH_OP_TERMINALS, which is to stay open as long as the session lasts.
 */
int nsh_plan_run(const struct nsh_plan *plan, struct nsh_err *err);

void nsh_plan_free(struct nsh_plan *plan);

#endif
