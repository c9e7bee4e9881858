/* SPDX-License-Identifier: MIT */
/*
 * What nsshellctl remembers of the accounts whose login shell it has changed: one small file each, below a folder
 * that only root can look into. Written so that after a loss of power there is the old or the new one.
 */
#ifndef CTL_STATE_H
#define CTL_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "nsshell/err.h"

/* Longest path of a shell with its NUL. */
#define NSH_LOGIN_SHELL_MAX 1024

/* A boot id of the kernel's with its NUL. */
#define NSH_BOOT_ID_MAX 40

/* The kernel's clocks, in seconds. */
struct nsh_moment {
	char boot[NSH_BOOT_ID_MAX]; /* which start of the machine */
	int64_t up;                 /* since then, sleep included (CLOCK_BOOTTIME) */
	int64_t wall;               /* CLOCK_REALTIME, which can be set */
};

struct nsh_shell_trial {
	struct nsh_moment begin;
	int64_t seconds; /* 0: no trial */
};

struct nsh_record {
	uid_t uid;
	char shell[NSH_LOGIN_SHELL_MAX]; /* the old one, as in passwd(5) */
	struct nsh_shell_trial trial;
};

/* Reads the clocks. */
int nsh_moment_now(struct nsh_moment *now, struct nsh_err *err);

/*
 * Whether a trial is over. In the same start of the machine the time since then counts, whatever was done to the
 * clock; after another the clock does, and one that stands before the beginning of the trial is not believed.
 */
bool nsh_shell_trial_is_over(const struct nsh_shell_trial *trial, const struct nsh_moment *now);

/* A number with s, m, h or d, 1s to 30d. */
bool nsh_duration_parse(const char *text, int64_t *seconds);

/* The form of the file. Parsing returns false for anything but that. */
bool nsh_record_parse(const char *text, struct nsh_record *record);
size_t nsh_record_format(const struct nsh_record *record, char *text, size_t size);

/*
 * Opens the folder, which is made if it is not there, and waits until no other nsshellctl has it. Returns an fd that
 * the caller closes.
 */
int nsh_state_open(struct nsh_err *err);

/* Likewise, but does not wait: another one can be changing what is there. */
int nsh_state_look(struct nsh_err *err);

/* name is nsh_user_name_ok(). -ENOENT when there is none, -EINVAL when it is not of the form. */
int nsh_record_read(int folder, const char *name, struct nsh_record *record, struct nsh_err *err);
int nsh_record_write(int folder, const char *name, const struct nsh_record *record,
		     struct nsh_err *err);

/* That account is called new_name by now. */
int nsh_record_rename(int folder, const char *name, const char *new_name, struct nsh_err *err);

/* No error when there is none. */
int nsh_record_remove(int folder, const char *name, struct nsh_err *err);

/* Calls function with the name of each; it may remove that one. Returns how many it returned true for, or -errno. */
int nsh_records_walk(int folder, bool (*function)(int folder, const char *name, void *data),
		     void *data, struct nsh_err *err);

#endif
