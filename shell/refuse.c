/* SPDX-License-Identifier: MIT */
/*
 * Saying no: to the user in one line, to the administrator in the log.
 */
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "shell/refuse.h"

int nsh_refuse(int code, const char *id, const struct nsh_err *err)
{
	char text[NSH_ERR_MAX];

	memcpy(text, err->text, sizeof(text));
	nsh_err_make_printable(text);
	dprintf(STDERR_FILENO, "nsshell: no session: %s: %s [incident %s]\n",
		nsh_reason_sentence(err->reason), text, id);
	openlog("nsshell", LOG_PID, LOG_AUTHPRIV);
	syslog(LOG_NOTICE, "session refused: incident=%s uid=%u exit=%d reason=\"%s: %s\"", id,
	       getuid(), code, nsh_reason_sentence(err->reason), text);
	return code;
}
