/* SPDX-License-Identifier: MIT */
/*
 * Subordinate ids (subuid(5), subgid(5)): the ranges of ids that an account may use as its own in
 * user namespaces.
 */
#ifndef NSSHELL_SUBID_H
#define NSSHELL_SUBID_H

#include <stddef.h>
#include <stdint.h>

#include "nsshell/err.h"
#include "nsshell/user.h"

/* The most ranges of one account; more are an error. */
#define NSH_SUBID_MAX 32

/* count ids from start on; no range has id 0, and none wraps around. */
struct nsh_subid {
	uint32_t start;
	uint32_t count;
};

/*
 * Reads the ranges that the file at path grants to the user, by name or by user id. Returns their
 * number, 0 also without such a file. A range that lies in an
 * earlier one is left out. -EINVAL for a line of the user's that is not of the form, that grants id 0, or
 * that overlaps an earlier one otherwise; -E2BIG for too many.
 */
int nsh_subid_read(const char *path, const struct nsh_user *user,
		   struct nsh_subid ranges[NSH_SUBID_MAX], struct nsh_err *err);

#endif
