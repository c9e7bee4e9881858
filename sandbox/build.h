/* SPDX-License-Identifier: MIT */
/*
 * Building a plan: what the files sandbox/plan*.c share.
 *
 * After the first error all of these do nothing more; nsh_plan_build() returns it in the end.
 */
#ifndef SANDBOX_BUILD_H
#define SANDBOX_BUILD_H

#include <limits.h>

#include "nsshell/item.h"
#include "nsshell/plan.h"

/* A folder that will be covered, and the folder (skeleton) that will be shown there. */
struct cover {
	char *path;           /* resolved; the plan's, like all texts */
	struct nsh_item name; /* as it is called in the account database */
	bool inner;           /* lies in another one */
	char skeleton[NAME_MAX];
};

/* A path that [view] read_only, writable or bind names. */
struct place {
	enum nsh_key_id key;
	char *path;    /* resolved, as are all paths here */
	char *source;  /* of a bind */
	unsigned slot; /* that holds what will be shown */
	bool read_only;
	bool is_folder; /* the source is */
	bool made;      /* path is made in one of the session's own folders */
};

struct builder {
	struct nsh_plan *plan;
	const struct nsh_session *session;
	struct nsh_err *err;
	const char *folder;       /* where the session's own file systems are mounted */
	char root[PATH_MAX];      /* what the paths inside begin with: [view] root, or "" */
	char home[PATH_MAX];      /* on the machine or in the frame; or "" */
	char home_at[PATH_MAX];   /* where it is shown */
	char home_name[PATH_MAX]; /* as the account database has it, tidied up */
	bool private_tmp;
	bool frozen;        /* [view] read_only has "system" */
	bool hides_in_proc; /* [view] hide has something below /proc */
	struct cover *covers;
	size_t n_covers;
	struct place *places;
	size_t n_places;
	unsigned home_slot;
	unsigned terminal_slot;
	unsigned record_slot; /* the first of those */
	unsigned tmp_slot;    /* likewise */
	int ret;              /* the first error */
};

/* A folder of the session's own that is shown at a place of the machine's. */
struct tmp_folder {
	char name[12];
	char path[12];
	bool optional; /* not every machine has it */
};
#define NSH_TMP_FOLDERS 6
extern const struct tmp_folder nsh_tmp_folders[NSH_TMP_FOLDERS];

/* sandbox/build.c: operations */
void nsh_build_fail(struct builder *b, int code);
void nsh_build_no_memory(struct builder *b);
void nsh_build_free_texts(struct nsh_texts *texts);
struct nsh_op *nsh_build_add(struct builder *b, enum nsh_op_kind kind);
void nsh_build_put(struct builder *b, char **field, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void nsh_build_text(struct builder *b, struct nsh_op *op, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
struct nsh_op *nsh_build_path(struct builder *b, enum nsh_op_kind kind, const char *path);
struct nsh_op *nsh_build_own(struct builder *b, enum nsh_op_kind kind, const char *name);
void nsh_build_file(struct builder *b, const char *name, mode_t mode, const char *text, size_t len);
/* A copy of a file of the machine's. */
void nsh_build_copy(struct builder *b, const char *name, const char *source);
void nsh_build_folders(struct builder *b, const char *folder, const char *below, bool all);
struct nsh_op *nsh_build_bind(struct builder *b, const char *source, const char *path,
			      bool optional);
void nsh_build_bind_own(struct builder *b, const char *name, const char *path);
unsigned nsh_build_slot(struct builder *b);
void nsh_build_hold(struct builder *b, const char *path, unsigned slot, bool optional);
void nsh_build_show(struct builder *b, const char *path, unsigned slot);
/* Whether an error says that a path is not there, or is nothing that the user could look up either. */
bool nsh_build_is_absent(int code);
/* Resolves a path of the machine's. Returns false when it is not there, or after an error. */
bool nsh_build_find(struct builder *b, const char *path, char out[PATH_MAX]);
/* Finds a path of the session's view. Returns false when it is not there, in a [view] root. */
bool nsh_build_inside(struct builder *b, const char *path, char out[PATH_MAX]);
/* The same for one without which there is no session. */
bool nsh_build_needed(struct builder *b, const char *path, char out[PATH_MAX]);

/* sandbox/plan_homes.c: the home, and what is shown in place of a folder of homes */
void nsh_homes_find(struct builder *b);
/* Whether what is changed in the home ends with the session. */
bool nsh_homes_is_ephemeral(const struct builder *b);
void nsh_homes_hold(struct builder *b);
void nsh_homes_cover(struct builder *b);
void nsh_homes_show_in_place(struct builder *b);
bool nsh_homes_hide(const struct builder *b, const char *path);
bool nsh_homes_cover_path(const struct builder *b, const char *path);
void nsh_homes_free(struct builder *b);

/* sandbox/plan_lists.c: what the lists of [view] name */
void nsh_lists_find(struct builder *b);
bool nsh_lists_freeze(const struct nsh_policy *policy);
/* On top of a frame: whether that has hidden the path or what is around it. */
bool nsh_lists_frame_hides(const struct builder *b, const char *path);
/* Whether a folder around that path becomes read-only (frozen), or is shown anew in any way. */
bool nsh_lists_around(const struct builder *b, const char *path, bool frozen);
void nsh_lists_hold(struct builder *b);
void nsh_lists_show(struct builder *b, bool in_own);
/* Whether a bind of the policy's is at, in or around the path. */
bool nsh_lists_bind(const struct builder *b, const char *path);
void nsh_lists_hide(struct builder *b);
void nsh_lists_free(struct builder *b);

/* sandbox/plan_tmp.c: /tmp and its like */
bool nsh_tmp_is(const char *path);
bool nsh_tmp_has(const char *path);
bool nsh_tmp_is_agent(const char *path);
/* Whether the machine's own stay writable in a system that does not. */
bool nsh_tmp_is_thawed(const struct builder *b);
void nsh_tmp_hold(struct builder *b);
void nsh_tmp_make(struct builder *b);
void nsh_tmp_show_in_root(struct builder *b);

/* sandbox/plan_files.c: the files of the session's own */
/* Whether the path is or lies in a folder that tells of other users. */
bool nsh_files_are_others(const char *path);
/* Whether it is the user's own among them, which is shown again. */
bool nsh_files_is_mailbox(const char *path, const char *user);
void nsh_files_make(struct builder *b);
void nsh_files_make_frame(struct builder *b);
void nsh_files_guard_bus(struct builder *b);
void nsh_files_make_names(struct builder *b);
void nsh_files_hide_others(struct builder *b);
void nsh_files_hold_records(struct builder *b);
void nsh_files_show_records(struct builder *b);

/* sandbox/plan_ssh.c: the machine's configuration of ssh(1) */
void nsh_ssh_make(struct builder *b);

/* sandbox/plan_dev.c: /dev, and /sys of the session's network */
void nsh_dev_hold(struct builder *b);
void nsh_dev_make(struct builder *b);
void nsh_dev_make_sys(struct builder *b);

#endif
