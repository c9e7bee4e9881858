/* SPDX-License-Identifier: MIT */
/*
 * How nsshell's functions say no.
 *
 * A function returns a value >= 0, or -errno and fills the struct nsh_err that it was given. The
 * text names, outside in, what was attempted, on which object, and why. The buffer is fixed, so an
 * error can be made after fork and when memory has run out. Nothing below a main() prints or logs.
 */
#ifndef NSSHELL_ERR_H
#define NSSHELL_ERR_H

/* Longest text with its ending NUL, in bytes; a longer one is cut. Two paths fit. */
#define NSH_ERR_MAX 1024

/* The kinds of refusal that a user is told apart. */
enum nsh_reason {
	NSH_REASON_MACHINE,     /* something failed that should not */
	NSH_REASON_POLICY,      /* the administrator's policy is not valid */
	NSH_REASON_ACCOUNT,     /* who the user is, or where their home is, cannot be settled */
	NSH_REASON_SHELL,       /* the policy's shell cannot be run */
	NSH_REASON_NAMESPACES,  /* the kernel refused the namespaces */
	NSH_REASON_VIEW,        /* the view of the files could not be made as asked */
	NSH_REASON_FRAME,       /* the PAM module's frame cannot be made, joined or trusted */
	NSH_REASON_DENIED,      /* the policy allows no session */
	NSH_REASON_LOGIN_SHELL, /* the policy asks for a login shell that the account has not */
	NSH_REASON_LIMITS,      /* the machine cannot hold the login to its limits */
	NSH_REASON_SESSIONS,    /* the user has as many logins as the policy allows */
	NSH_REASON_STALE,       /* the user's shared sandbox is of another policy */
	NSH_REASON_ENDED,       /* the user's shared sandbox has ended */
};

struct nsh_err {
	enum nsh_reason reason;
	char text[NSH_ERR_MAX];
};

/* Sets reason and text. Returns code, which must be a negative errno, so it can be returned. */
int nsh_err_set(struct nsh_err *err, enum nsh_reason reason, int code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* As nsh_err_set(), with ": " and the description of the errno -code added to the text. */
int nsh_err_sys(struct nsh_err *err, enum nsh_reason reason, int code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Puts "context: " before the text that is there. Returns code. */
int nsh_err_context(struct nsh_err *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A sentence without details for the person who logs in. Never NULL, never freed. */
const char *nsh_reason_sentence(enum nsh_reason reason);

/* A word for the log, which keeps its meaning. Likewise. */
const char *nsh_reason_name(enum nsh_reason reason);

#endif
