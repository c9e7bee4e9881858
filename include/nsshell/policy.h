/* SPDX-License-Identifier: MIT */
/*
 * The policy of one user: for every key its value and where that came from.
 *
 * The text is read from a folder, /etc/nsshell in production:
 *
 *	nsshell.conf         must be there
 *	match.d/NAME.conf    in strcmp(3) order of the names; applied when [match] fits the user
 *	users.d/USER.conf    one open(2), however many users there are
 *
 * Later files override earlier ones key by key, but never a key that an earlier file lists in
 * [policy] locked. Folders and files must belong to the owner and be writable by nobody else; files
 * must be regular and at most 64 KiB. Whatever is unknown, doubled or malformed is an error, and
 * there is no policy then.
 */
#ifndef NSSHELL_POLICY_H
#define NSSHELL_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include "nsshell/err.h"
#include "nsshell/keys.h"
#include "nsshell/user.h"

struct nsh_setting {
	char *text;       /* as written, never NULL; owned by the policy */
	int number;       /* of enums (index of the choice) and umasks; else 0 */
	const char *file; /* full path, or NULL for the default; owned by the policy */
	unsigned line;    /* from 1; 0 for the default */
};

/* What tells whether a file is still the one that was read: of the opened file, before it was read. */
struct nsh_stamp {
	uint64_t inode;
	int64_t changed; /* ctime, in ns since the epoch */
};

struct nsh_policy {
	struct nsh_setting settings[NSH_KEY_COUNT]; /* by enum nsh_key_id */
	char **files;             /* paths of the files that were applied, in order; owned */
	struct nsh_stamp *stamps; /* of each of them; owned */
	size_t n_files;
};

/* What is wrong with a file. Borrowed texts, valid during the call. */
struct nsh_complaint {
	const char *file;    /* full path */
	unsigned line;       /* from 1; 0 for the file as a whole */
	const char *section; /* or NULL */
	const char *key;     /* or NULL; not with a NULL section */
	const char *text;    /* a phrase without any of these */
};

/* A value as a file sets it, whether it is the one that holds in the end or not. Borrowed likewise. */
struct nsh_seen {
	enum nsh_key_id id;
	const char *text;
	const char *file;
	unsigned line;
	const char *
		lock_file; /* the file that had locked the key: the value does not count; or NULL */
	unsigned lock_line;
};

/*
 * For those who want to know more than the first error and the last values. Reading then goes on after an
 * error with the next line or the next file, and each is told; of a file with errors the rest is used, but
 * not if it is uncertain whom it is for.
 */
struct nsh_observer {
	void *data;
	void (*complaint)(void *data, const struct nsh_complaint *complaint);
	void (*setting)(void *data, const struct nsh_seen *seen);
};

/* As an owner: files of anybody's, whoever can write to them. For texts that are not in use yet. */
#define NSH_OWNER_ANY ((uid_t)(-1))

/* Where policies are. owner is 0 but for those who check files of their own. */
struct nsh_place {
	const char *folder;
	uid_t owner;
	const struct nsh_observer *observer; /* NULL for a login: the first error is the end */
	const char *user_file; /* read in place of users.d/USER.conf, and must be there; or NULL */
	uid_t user_file_owner;
};

/*
 * What PAM knows of a login, for [match] service and source, and for the frame. Borrowed texts, never NULL but tty:
 * source is PAM_RHOST, "" for a login that does not come over a network.
 */
struct nsh_login {
	const char *service;
	const char *source;
	const char *tty; /* PAM_TTY, for people only; NULL or "" when there is none */
};

/* Writes it as fields of a line (nsshell/field.h): service, rhost, tty. */
struct nsh_line;
void nsh_login_write(struct nsh_line *line, const struct nsh_login *login);

/*
 * Resolves the policy of a user. Groups are those in user->groups and the account's primary one.
 * login is NULL for a login without PAM: a file of match.d that would be for the user, but asks for
 * a service or source, is then an error (-EPERM), as nobody can tell whether it is.
 * Errors: -ENOENT (no nsshell.conf), -EPERM (not to be trusted), -EINVAL (not valid), -E2BIG, and
 * what open(2) and read(2) give. The text is "FILE:LINE: section.key: what is wrong" as far as
 * there is a line. On error nothing is to be freed.
 */
int nsh_policy_load(struct nsh_policy *policy, const struct nsh_place *place,
		    const struct nsh_user *user, const struct nsh_login *login,
		    struct nsh_err *err);

/* What a file may hold. */
enum nsh_file_kind {
	NSH_FILE_COMMON,   /* nsshell.conf, users.d */
	NSH_FILE_MATCH,    /* match.d */
	NSH_FILE_ANY,      /* as match.d if it has a section [match] */
	NSH_FILE_RESOLVED, /* as nsshell.conf; nsshell itself has written it: nsh_policy_write() */
};

/*
 * Checks one file by itself. The place's observer, which must be there, is told of all errors and values,
 * [match] among them; its folder is not used. Returns 0, or the first error as above.
 */
int nsh_policy_check(const struct nsh_place *place, const char *path, enum nsh_file_kind kind,
		     struct nsh_err *err);

/* Reads a policy that nsh_policy_write() wrote: one file that sets every key, -EINVAL when not. */
int nsh_policy_load_resolved(struct nsh_policy *policy, const char *path, uid_t owner,
			     struct nsh_err *err);

/*
 * Replaces the value of a key by one that was made of it, as the host name of its template. The
 * text must be of the key's type and one that a policy can hold: else -EINVAL. -ENOMEM.
 */
int nsh_policy_settle(struct nsh_policy *policy, enum nsh_key_id id, const char *text,
		      struct nsh_err *err);

void nsh_policy_free(struct nsh_policy *policy);

/* The value of a key as text; never NULL. */
static inline const char *nsh_policy_text(const struct nsh_policy *policy, enum nsh_key_id id)
{
	return policy->settings[id].text;
}

/* The value of an enum or umask key. */
static inline int nsh_policy_number(const struct nsh_policy *policy, enum nsh_key_id id)
{
	return policy->settings[id].number;
}

/* Whether the session's root is another than the machine's. */
static inline bool nsh_policy_has_other_root(const struct nsh_policy *policy)
{
	return strcmp(nsh_policy_text(policy, NSH_KEY_VIEW_ROOT), "/") != 0;
}

/*
 * Writes the policy in the form that it is read in, every key with its value and its origin as a
 * comment, but no [match]. Returns the text, malloc'ed, with its length in *len; NULL without memory.
 */
char *nsh_policy_write(const struct nsh_policy *policy, size_t *len);

/*
 * Writes which files it was made of, a line each in the form of nsshell/field.h: inode, changed, path. Two
 * policies that were made of the same files, in the same state, give the same text. Returned as above.
 */
char *nsh_policy_write_files(const struct nsh_policy *policy, size_t *len);

#endif
