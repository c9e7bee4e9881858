/* SPDX-License-Identifier: MIT */
/*
 * The two folders in which selftest makes files: one of root's and one in the user's home, made and removed as the
 * user, whose home may not be root's to write to.
 *
 * A process that belongs to nobody removes both when selftest has ended, however that was.
 */
#ifndef CTL_SELFTEST_FOLDER_H
#define CTL_SELFTEST_FOLDER_H

#include <limits.h>

#include "nsshell/err.h"
#include "nsshell/user.h"

/* Longest name of the folder in the home. */
#define NSH_FOLDER_NAME 64

/* The file that lies in the folder of the user's from the beginning on. */
#define NSH_SEED "seed"
#define NSH_SEED_SIZE 100000

struct nsh_folders {
	char own[PATH_MAX]; /* root's */
	char name
		[NSH_FOLDER_NAME]; /* the user's, in their home; "" when that cannot be written to */
	unsigned char seed[NSH_SEED_SIZE];
	int stop;  /* closed: they are to be removed */
	int ended; /* its end: they have been */
};

/* As root, before any session. */
int nsh_folders_make(struct nsh_folders *folders, const struct nsh_user *user, struct nsh_err *err);

/* Removes them and waits until that is done. */
void nsh_folders_remove(struct nsh_folders *folders);

#endif
