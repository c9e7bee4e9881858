/* SPDX-License-Identifier: MIT */
/*
 * What one policy file says, each key of it checked, before it is laid over what others said.
 */
#ifndef CONF_LAYER_H
#define CONF_LAYER_H

#include <stdbool.h>

#include "conf/file.h"
#include "conf/report.h"
#include "conf/scan.h"
#include "nsshell/keys.h"
#include "nsshell/policy.h"

struct nsh_layer {
	struct {
		const char *text; /* NULL when the file does not set it; in the file's buffer */
		int number;
		unsigned line;
	} values[NSH_KEY_COUNT];
	const struct nsh_key *last; /* of those that have been taken */
	bool confirmed;             /* libiniparser has been asked, or need not be */
	bool doubtful; /* whom it is for is not certain, after errors that an observer was told */
	struct nsh_file file; /* owned, as is the next */
	struct nsh_scan scan;
};

/*
 * Reads and checks the file name below dirfd; path is what it is called in messages. nsh_layer_free() after
 * success. -ENOENT when there is no such file: err is set, and nothing has been reported. Other errors have been
 * reported; with an observer that is no error but of memory.
 */
int nsh_layer_read(struct nsh_layer *layer, int dirfd, const char *name, const char *path,
		   uid_t owner, enum nsh_file_kind kind, struct nsh_report *report);

/*
 * Has libiniparser read the file too: it must find the same. nsh_layer_read() does so itself, but without an observer
 * not for a file of match.d: most of them are for somebody else, and the library takes longer than all other steps
 * together. One that is about to be applied must be confirmed. Errors as above.
 */
int nsh_layer_confirm(struct nsh_layer *layer, const char *path, struct nsh_report *report);

void nsh_layer_free(struct nsh_layer *layer);

#endif
