/* SPDX-License-Identifier: MIT */
/*
 * Saying no: to the user in one line, to the administrator in the log.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <syslog.h>
#include <unistd.h>

#include "shell/refuse.h"

void nsh_make_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

int nsh_refuse(int code, const struct nsh_err *err)
{
	char text[NSH_ERR_MAX];
	uint32_t incident = 0;

	if (getrandom(&incident, sizeof(incident), GRND_NONBLOCK) < 0)
		incident = (uint32_t)getpid();
	memcpy(text, err->text, sizeof(text));
	nsh_make_printable(text);
	dprintf(STDERR_FILENO, "nsshell: no session: %s: %s [incident %08x]\n",
		nsh_reason_sentence(err->reason), text, incident);
	openlog("nsshell", LOG_PID, LOG_AUTHPRIV);
	syslog(LOG_NOTICE, "session refused: incident=%08x uid=%u exit=%d reason=\"%s: %s\"",
	       incident, getuid(), code, nsh_reason_sentence(err->reason), text);
	return code;
}
