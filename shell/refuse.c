/* SPDX-License-Identifier: MIT */
/*
 * Saying no: to the user in one line, to the administrator in the log.
 */
#include <stdio.h>
#include <syslog.h>
#include <unistd.h>

#include "nsshell/field.h"
#include "nsshell/printable.h"
#include "shell/refuse.h"

static uid_t user;

void nsh_refuse_note_user(void)
{
	user = getuid();
}

static void open_log(int flags)
{
	openlog("nsshell", LOG_PID | flags, LOG_AUTHPRIV);
}

void nsh_refuse_prepare(void)
{
	open_log(LOG_NDELAY);
}

int nsh_refuse(int code, const char *id, const struct nsh_err *err)
{
	struct nsh_line line = {0};
	struct nsh_err why = *err;

	nsh_err_context(&why, 0, "%s", nsh_reason_sentence(err->reason));
	nsh_make_printable(why.text);
	dprintf(STDERR_FILENO, "nsshell: no session: %s [incident %s]\n", why.text, id);
	nsh_field_plain(&line, "session", "%s", id);
	nsh_field_plain(&line, "verdict", "deny");
	nsh_field_plain(&line, "uid", "%u", user);
	nsh_field_plain(&line, "exit", "%d", code);
	nsh_field_plain(&line, "kind", "%s", nsh_reason_name(err->reason));
	nsh_field_text(&line, "reason", why.text);
	open_log(0);
	syslog(LOG_NOTICE, "%s", line.text);
	return code;
}
