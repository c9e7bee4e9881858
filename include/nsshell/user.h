/* SPDX-License-Identifier: MIT */
/*
 * Who a user id is.
 *
 * nsshell is linked statically, and static glibc cannot load the name service's modules. So the
 * local files are read first, and what they do not know is asked of getent(1), which can. The
 * answer never comes from the environment.
 */
#ifndef NSSHELL_USER_H
#define NSSHELL_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "nsshell/err.h"

struct nsh_user {
	uid_t uid;
	gid_t gid;  /* primary group of the account */
	char *name; /* owned, as are the next two; checked by nsh_user_name_ok() */
	char *home; /* "" when the account has none */
	char *shell;
	gid_t *groups; /* supplementary groups, owned; may be NULL */
	size_t n_groups;
};

/*
 * Fills user with the account of that user id, without groups. The first account that has the id
 * is taken, as getpwuid(3) does. -ENOENT when there is none.
 */
int nsh_user_find(struct nsh_user *user, uid_t uid, struct nsh_err *err);

/*
 * Fills user with the account of that user id from a text of passwd(5) lines. -ENOENT when there is
 * none.
 */
int nsh_user_parse(struct nsh_user *user, uid_t uid, const char *text, size_t len,
		   struct nsh_err *err);

void nsh_user_free(struct nsh_user *user);

/* The supplementary groups of this process. */
int nsh_user_take_groups(struct nsh_user *user, struct nsh_err *err);

/* Finds the id of a group by name. Returns 0, -ENOENT, or another -errno with *err set. */
int nsh_group_find(const char *name, gid_t *gid, struct nsh_err *err);

/* Whether it is the primary group or one of those that were taken. */
bool nsh_user_has_group(const struct nsh_user *user, gid_t gid);

/* Finds the name of a group by id; it is malloc'ed for the caller. Errors as above. */
int nsh_group_name(gid_t gid, char **name, struct nsh_err *err);

/*
 * True for names that can be part of a file's name, of a message and of passwd(5): no "/", ":" or ",", no
 * control characters, no blank at either end, no leading ".", "-", "#" or "+" (nis), at most 255 bytes.
 */
bool nsh_user_name_ok(const char *name);

/*
 * Reads a whole database file of the machine. *text is malloc'ed for the caller, without a NUL and with room for one.
 * -ENOENT when there is none, and other -errno; err is set.
 */
int nsh_database_read(const char *path, char **text, size_t *len, struct nsh_err *err);

/*
 * The parsers, pure. text has the form of passwd(5) or group(5), len bytes; nothing in it is
 * changed. They return true and the line's fields, cut from the text, when an account or a group
 * matches: for passwd field 2 (uid), for group field 0 (name) or 2 (gid). Lines that are not of
 * the form, and those of nis ("+" and "-"), are passed over.
 */
struct nsh_fields {
	const char *text[7];
	size_t len[7];
	size_t count;
};
bool nsh_database_find(const char *text, size_t len, size_t n_fields, size_t field,
		       const char *wanted, struct nsh_fields *found);

#endif
