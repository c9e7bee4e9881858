/* SPDX-License-Identifier: MIT */
/*
 * Joining the session's frame.
 */
#ifndef PAM_MODULE_MODULE_JOIN_H
#define PAM_MODULE_MODULE_JOIN_H

#include "nsshell/err.h"
#include "pam_module/protocol.h"

/*
 * Moves the calling process into the namespaces of a frame. Its current folder stays the same one if
 * that is to be seen there under the same name, and is / if not. -EINVAL for a process with threads, of
 * which one alone cannot be moved; on error nothing has changed.
 */
int nsh_join(const int frame[NSH_PART_COUNT], struct nsh_err *err);

#endif
