/* SPDX-License-Identifier: MIT */
/*
 * What has "nsshellctl expire" run while login shells are on trial: a timer of systemd's where that runs, else a line of
 * cron's. Both go on after the machine was started anew.
 */
#ifndef CTL_EXPIRE_TIMER_H
#define CTL_EXPIRE_TIMER_H

#include "nsshell/err.h"

/* Starts it, or finds it started. Without systemd and without a cron that runs: -EOPNOTSUPP. */
int nsh_expire_timer_start(struct nsh_err *err);

/* Ends it, for when no trial is left. */
int nsh_expire_timer_stop(struct nsh_err *err);

#endif
