/* SPDX-License-Identifier: MIT */
/*
 * A pasta(1) that is being started.
 */
#ifndef SANDBOX_PASTA_H
#define SANDBOX_PASTA_H

#include <sys/types.h>

#include "nsshell/err.h"
#include "nsshell/policy.h"
#include "sandbox/resolver.h"

struct nsh_pasta_start {
	const struct nsh_policy *policy;
	const struct nsh_resolver *resolver; /* of the machine */
	int userns;                          /* which owns the network namespace */
	int netns;
	/* What its process does first, to be the user's and to stand where it should, userns too; or NULL. */
	int (*prepare)(const struct nsh_pasta_start *start, struct nsh_err *err);
	const struct nsh_user *user; /* for prepare */
};

struct nsh_pasta {
	pid_t pid;
	int said; /* what it says comes from here, until nsh_pasta_await() */
};

/* Starts it, as a child that ends with this process. */
int nsh_pasta_spawn(struct nsh_pasta *pasta, const struct nsh_pasta_start *start,
		    struct nsh_err *err);

/* Waits until it has configured the network. When it does not it is ended, and the error has its words. */
int nsh_pasta_await(const struct nsh_pasta *pasta, struct nsh_err *err);

#endif
