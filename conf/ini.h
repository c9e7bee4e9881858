/* SPDX-License-Identifier: MIT */
/*
 * The one door to libiniparser.
 */
#ifndef CONF_INI_H
#define CONF_INI_H

#include "conf/scan.h"

/*
 * Loads the open file fd with libiniparser and compares: what the library read must be exactly the
 * sections, keys and values that the scan found, no more and no less. -EINVAL when it is not, as
 * when the file changed between the two passes; -EIO when the library cannot read it. *line is where then.
 */
int nsh_ini_confirm(int fd, const struct nsh_scan *scan, unsigned *line, struct nsh_err *err);

#endif
