/* SPDX-License-Identifier: MIT */
/*
 * Error texts. Works after fork and without memory: no allocation, no locale, no global state.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "nsshell/err.h"

int nsh_err_set(struct nsh_err *err, enum nsh_reason reason, int code, const char *format, ...)
{
	va_list args;

	err->reason = reason;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return code;
}

static void append(struct nsh_err *err, const char *separator, const char *text)
{
	size_t used = strlen(err->text);

	snprintf(err->text + used, sizeof(err->text) - used, "%s%s", separator, text);
}

int nsh_err_sys(struct nsh_err *err, enum nsh_reason reason, int code, const char *format, ...)
{
	const char *why = strerrordesc_np(-code);
	va_list args;

	err->reason = reason;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	append(err, ": ", why ? why : "unknown error");
	return code;
}

int nsh_err_context(struct nsh_err *err, int code, const char *format, ...)
{
	char inner[NSH_ERR_MAX];
	va_list args;

	memcpy(inner, err->text, sizeof(inner));
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	append(err, ": ", inner);
	return code;
}

const char *nsh_reason_name(enum nsh_reason reason)
{
	static const char *const names[] = {
		[NSH_REASON_MACHINE] = "machine",
		[NSH_REASON_POLICY] = "policy",
		[NSH_REASON_ACCOUNT] = "account",
		[NSH_REASON_SHELL] = "shell",
		[NSH_REASON_NAMESPACES] = "namespaces",
		[NSH_REASON_VIEW] = "view",
		[NSH_REASON_FRAME] = "frame",
		[NSH_REASON_DENIED] = "denied",
		[NSH_REASON_LOGIN_SHELL] = "login_shell",
		[NSH_REASON_LIMITS] = "limits",
		[NSH_REASON_SESSIONS] = "sessions",
		[NSH_REASON_STALE] = "stale",
		[NSH_REASON_ENDED] = "ended",
	};

	return names[reason];
}

const char *nsh_reason_sentence(enum nsh_reason reason)
{
	switch (reason) {
	case NSH_REASON_POLICY:
		return "the policy for this account is not valid";
	case NSH_REASON_ACCOUNT:
		return "this account cannot be settled";
	case NSH_REASON_SHELL:
		return "the shell for this account cannot be run";
	case NSH_REASON_NAMESPACES:
		return "this machine does not allow the session's namespaces";
	case NSH_REASON_VIEW:
		return "the session's view of the files cannot be made";
	case NSH_REASON_FRAME:
		return "the frame of this login cannot be made or used";
	case NSH_REASON_DENIED:
		return "the policy allows this account no session here";
	case NSH_REASON_LOGIN_SHELL:
		return "this account has to be confined and is not set up for it";
	case NSH_REASON_SESSIONS:
		return "this account has as many sessions as it may have";
	case NSH_REASON_STALE:
		return "this account's sandbox is of an older policy, and has to end first";
	case NSH_REASON_ENDED:
		return "this account's sandbox has ended; log in once more";
	case NSH_REASON_LIMITS:
		return "this machine cannot hold this account to its limits";
	case NSH_REASON_MACHINE:
		break;
	}
	return "something failed on this machine";
}
