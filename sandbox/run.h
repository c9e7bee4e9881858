/* SPDX-License-Identifier: MIT */
/*
 * Carrying out a plan: what the files sandbox/run*.c share.
 */
#ifndef SANDBOX_RUN_H
#define SANDBOX_RUN_H

#include "nsshell/plan.h"

struct run {
	struct nsh_slot *slots;
	const struct nsh_user *owner;
	struct nsh_err *err;
	int terminal; /* open as long as the session lasts; 0: none */
};

typedef int nsh_run_fn(struct run *run, const struct nsh_op *op);

/* Sets the error to errno's. Returns it, negative. */
int nsh_run_failed(struct run *run, const char *what, const char *path);

/* sandbox/run_tree.c: mounts that are held, shown, and made read-only */
nsh_run_fn nsh_run_hold;
nsh_run_fn nsh_run_mark;
nsh_run_fn nsh_run_socket;
nsh_run_fn nsh_run_freeze;
nsh_run_fn nsh_run_thaw;
nsh_run_fn nsh_run_read_only;
nsh_run_fn nsh_run_show;
nsh_run_fn nsh_run_reopen;

/* sandbox/run_mount.c: file systems of the session's own, and its root */
nsh_run_fn nsh_run_tmpfs;
nsh_run_fn nsh_run_overlay;
nsh_run_fn nsh_run_terminals;
nsh_run_fn nsh_run_sys;
nsh_run_fn nsh_run_proc;
nsh_run_fn nsh_run_seal;
nsh_run_fn nsh_run_enter;

#endif
