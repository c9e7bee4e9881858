/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl check: a folder of policy files, and what is said about them.
 */
#ifndef CTL_CHECK_H
#define CTL_CHECK_H

#include <stdbool.h>

#include "ctl/complaints.h"
#include "nsshell/policy.h"

enum nsh_check_place { NSH_CHECK_MAIN, NSH_CHECK_MATCH, NSH_CHECK_USER };

/* A file of the folder, and what it sets; values with errors are missing. */
struct nsh_check_file {
	enum nsh_check_place place;
	char *path; /* owned, as are the texts */
	char *name; /* in its folder */
	struct {
		char *text; /* NULL when the file does not set it */
		unsigned line;
	} values[NSH_KEY_COUNT];
};

struct nsh_check {
	const char *folder;
	uid_t owner; /* NSH_OWNER_ANY: texts that are not installed here, so the machine is not asked */
	struct nsh_check_file *files; /* owned; in the order in which they are read */
	size_t n_files;
	struct nsh_findings findings;
};

/* ctl/check_files.c: finds, reads and checks all files of the folder, each by itself. */
void nsh_check_files(struct nsh_check *check);
void nsh_check_free(struct nsh_check *check);

/* Checks one file of anybody's; its folder's name says what it is. */
void nsh_check_file(struct nsh_check *check, const char *path);

/* Adds what is wrong with a key of a file, or (NSH_KEY_COUNT) with the file as a whole. */
void nsh_check_say(struct nsh_check *check, enum nsh_level level, const struct nsh_check_file *file,
		   enum nsh_key_id id, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* ctl/check_together.c: what the files come to, for users: combinations, and what is locked. */
void nsh_check_together(struct nsh_check *check);

/* ctl/check_names.c: names in [match] and names of files, against the machine's accounts. */
void nsh_check_names(struct nsh_check *check);

/* ctl/check_readable.c: files and folders that users cannot read. */
void nsh_check_readable(struct nsh_check *check);

/* ctl/check_machine.c: paths, shells and login shells. */
void nsh_check_machine(struct nsh_check *check);

/* Resolves the policy of a user, with the folder's files. observer can be NULL. Errors of nsh_policy_load(). */
int nsh_check_resolve(const struct nsh_check *check, const struct nsh_user *user,
		      const struct nsh_observer *observer, struct nsh_policy *policy);

/* Whether somebody of that very name has an account. user is to be freed if so. */
bool nsh_check_account(const struct nsh_check_file *file, struct nsh_user *user);

#endif
