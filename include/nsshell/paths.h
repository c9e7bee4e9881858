/* SPDX-License-Identifier: MIT */
/*
 * Where nsshell and what it needs are installed, and which version it is. The Makefile says it (PREFIX, SYSCONFDIR,
 * RUNDIR, STATEDIR); these are its defaults, for tools that compile a file without it.
 */
#ifndef NSSHELL_PATHS_H
#define NSSHELL_PATHS_H

/* As --version says it. */
#ifndef NSH_VERSION
#define NSH_VERSION "0"
#endif

/* nsshell, the login shell. */
#ifndef NSH_SHELL_PATH
#define NSH_SHELL_PATH "/usr/bin/nsshell"
#endif

/* nsshellctl, which ends trials (ctl/expire_timer.h). */
#ifndef NSH_CTL_PATH
#define NSH_CTL_PATH "/usr/bin/nsshellctl"
#endif

/* The session helper, which the PAM module starts. */
#ifndef NSH_HELPER_PATH
#define NSH_HELPER_PATH "/usr/lib/nsshell/nsshell-session"
#endif

/* What asks systemd for a control group. */
#ifndef NSH_SCOPE_PATH
#define NSH_SCOPE_PATH "/usr/lib/nsshell/nsshell-scope"
#endif

/* The PAM module. */
#ifndef NSH_MODULE_PATH
#define NSH_MODULE_PATH "/usr/lib/security/pam_nsshell.so"
#endif

/* passt's pasta(1), which the Makefile does not know. */
#ifndef NSH_PASTA_PATH
#define NSH_PASTA_PATH "/usr/bin/pasta"
#endif

/* nsshell.conf, match.d and users.d (nsshell/policy.h). */
#ifndef NSH_POLICY_FOLDER
#define NSH_POLICY_FOLDER "/etc/nsshell"
#endif

/*
 * The mount point of the session's own small file system. It is an empty folder that is installed
 * with nsshell and belongs to root; only inside a session is something mounted on it: policy, id and files, and
 * login on top of a frame, whose own these two are (nsshell/frame.h).
 */
#ifndef NSH_SESSION_FOLDER
#define NSH_SESSION_FOLDER "/usr/lib/nsshell/session"
#endif

/* Likewise that of a frame, see nsshell/frame.h. */
#ifndef NSH_FRAME_FOLDER
#define NSH_FRAME_FOLDER "/run/nsshell/session"
#endif

/* An empty file of root's for locks, by which hubs are found (nsshell/hub.h); it stays. */
#ifndef NSH_HUB_FILE
#define NSH_HUB_FILE "/run/nsshell/users"
#endif

/* The login shells that nsshellctl has replaced (ctl/state.h). */
#ifndef NSH_STATE_FOLDER
#define NSH_STATE_FOLDER "/var/lib/nsshell"
#endif

/* The units of systemd that come with nsshell. */
#ifndef NSH_UNIT_FOLDER
#define NSH_UNIT_FOLDER "/usr/lib/systemd/system"
#endif

#endif
