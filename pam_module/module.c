/* SPDX-License-Identifier: MIT */
/*
 * pam_nsshell.so: puts a login into its session's frame, or refuses it.
 *
 * Runs as root in sshd, login, su, sudo and cron. Everything that needs thought is done by the session
 * helper, a process of its own; what is done here is to say who is left alone, to ask, and to join.
 * Nothing depends on pam_close_session, which a killed sshd never calls.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <security/pam_modutil.h>

#include "nsshell/cleanup.h"
#include "nsshell/field.h"
#include "nsshell/paths.h"
#include "pam_module/module_arguments.h"
#include "pam_module/module_ask.h"
#include "pam_module/module_join.h"

/* libpam finds these two by their names; everything else stays hidden. */
#define ENTRY_POINT __attribute__((visibility("default")))

/*
 * The code of every refusal that is not a mistake in the stack. Not PAM_SESSION_ERR, though that is what it
 * was made for: sudo(8) takes it for a session that does not matter, and runs the command without one.
 */
#define NO_SESSION PAM_PERM_DENIED

/* Remembers the account in the PAM handle: a stack that has the module twice makes one frame. */
#define FRAMED "nsshell_framed"

struct login {
	pam_handle_t *pamh;
	int flags;
	struct nsh_arguments arguments;
	const char *user;
	const struct passwd *account; /* of libpam's */
	char id[NSH_ID_LEN + 1];
	struct nsh_err err;
};

static const char *item(const struct login *login, int type)
{
	const void *text = NULL;

	if (pam_get_item(login->pamh, type, &text) != PAM_SUCCESS || !text)
		return "";
	return text;
}

static void tell_user(const struct login *login, const char *sentence)
{
	if (!(login->flags & PAM_SILENT))
		pam_error(login->pamh, "nsshell: no session: %s [incident %s]", sentence,
			  login->id);
}

/* What the helper has said no to is in the log already; this is for what did not get that far. */
static int refuse(struct login *login, int code)
{
	struct nsh_line line = {0};

	if (!nsh_id_ok(login->id))
		nsh_id_make(login->id);
	nsh_field_plain(&line, "session", "%s", login->id);
	nsh_field_plain(&line, "verdict", "deny");
	nsh_field_text(&line, "user", login->user);
	nsh_field_text(&line, "service", item(login, PAM_SERVICE));
	nsh_field_text(&line, "rhost", item(login, PAM_RHOST));
	nsh_field_text(&line, "tty", item(login, PAM_TTY));
	nsh_field_plain(&line, "kind", "%s", nsh_reason_name(login->err.reason));
	nsh_field_text(&line, "reason", login->err.text);
	pam_syslog(login->pamh, LOG_NOTICE, "%s", line.text);
	tell_user(login, nsh_reason_sentence(login->err.reason));
	return code;
}

static void debug(const struct login *login, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void debug(const struct login *login, const char *format, ...)
{
	va_list args;

	if (!login->arguments.debug)
		return;
	va_start(args, format);
	pam_vsyslog(login->pamh, LOG_DEBUG, format, args);
	va_end(args);
}

/* User id 0 comes before everything that can fail, and the way back in before the policy. */
static bool is_left_alone(const struct login *login)
{
	const char *group = login->arguments.exempt_group;

	if (login->account->pw_uid == 0) {
		debug(login, "user id 0 is left alone");
		return true;
	}
	if (!group || pam_modutil_user_in_group_nam_nam(login->pamh, login->user, group) != 1)
		return false;
	debug(login, "%s is left alone as a member of %s", login->user, group);
	return true;
}

static int find_account(struct login *login)
{
	login->user = item(login, PAM_USER);
	if (!*login->user) {
		nsh_err_set(&login->err, NSH_REASON_ACCOUNT, -ENOENT, "the login has no user");
		return refuse(login, PAM_USER_UNKNOWN);
	}
	login->account = pam_modutil_getpwnam(login->pamh, login->user);
	if (login->account)
		return PAM_SUCCESS;
	nsh_err_set(&login->err, NSH_REASON_ACCOUNT, -ENOENT, "there is no such account");
	return refuse(login, PAM_USER_UNKNOWN);
}

/* Returns the account's groups, malloc'ed, or NULL without memory. */
static gid_t *find_groups(const struct login *login, size_t *count)
{
	const struct passwd *account = login->account;
	int room = 32;

	for (;;) {
		gid_t *groups = calloc((size_t)room, sizeof(*groups));
		int wanted = room;

		if (!groups)
			return NULL;
		if (getgrouplist(account->pw_name, account->pw_gid, groups, &wanted) >= 0) {
			*count = (size_t)wanted;
			return groups;
		}
		free(groups);
		room = wanted > room ? wanted : room * 2;
	}
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

static int ask(struct login *login, struct nsh_answer *answer)
{
	const struct passwd *account = login->account;
	struct nsh_helper helper = {.path = NSH_HELPER_PATH, .timeout = login->arguments.timeout};
	struct nsh_question question = {
		.uid = account->pw_uid,
		.gid = account->pw_gid,
		.texts = {[NSH_TEXT_USER] = or_empty(account->pw_name),
			  [NSH_TEXT_HOME] = or_empty(account->pw_dir),
			  [NSH_TEXT_SHELL] = or_empty(account->pw_shell),
			  [NSH_TEXT_SERVICE] = item(login, PAM_SERVICE),
			  [NSH_TEXT_RHOST] = item(login, PAM_RHOST),
			  [NSH_TEXT_TTY] = item(login, PAM_TTY)},
	};
	NSH_FREE gid_t *groups = find_groups(login, &question.n_groups);

	if (!groups)
		return nsh_err_sys(&login->err, NSH_REASON_MACHINE, -ENOMEM, "groups");
	question.groups = groups;
	return nsh_ask(&helper, &question, answer, &login->err);
}

static int join(struct login *login, struct nsh_answer *answer)
{
	int ret = nsh_join(answer->frame, &login->err);

	nsh_answer_close(answer);
	if (ret < 0)
		return refuse(login, NO_SESSION);
	if (answer->reply.sentence[0] && !(login->flags & PAM_SILENT))
		pam_info(login->pamh, "nsshell: %s", answer->reply.sentence);
	debug(login, "joined the frame of session %s", login->id);
	return pam_set_data(login->pamh, FRAMED, (void *)(uintptr_t)login->account->pw_uid, NULL);
}

static int obey(struct login *login, struct nsh_answer *answer)
{
	memcpy(login->id, answer->reply.id, sizeof(login->id));
	switch (answer->reply.verdict) {
	case NSH_VERDICT_IGNORE:
		debug(login, "session %s is not confined", login->id);
		return PAM_SUCCESS;
	case NSH_VERDICT_CONFINE:
		return join(login, answer);
	}
	tell_user(login, answer->reply.sentence);
	return NO_SESSION;
}

static bool is_framed(const struct login *login)
{
	const void *account;

	return pam_get_data(login->pamh, FRAMED, &account) == PAM_SUCCESS &&
	       (uintptr_t)account == login->account->pw_uid;
}

static int open_session(struct login *login)
{
	struct nsh_answer answer = {0};

	if (login->arguments.invalid) {
		nsh_err_set(&login->err, NSH_REASON_FRAME, -EINVAL,
			    "pam_nsshell has an unknown or invalid argument: %s",
			    login->arguments.invalid);
		return refuse(login, PAM_SERVICE_ERR);
	}
	if (geteuid() != 0) {
		nsh_err_set(&login->err, NSH_REASON_FRAME, -EPERM,
			    "the service does not run as root, and cannot open a session");
		return refuse(login, NO_SESSION);
	}
	if (ask(login, &answer) < 0)
		return refuse(login, NO_SESSION);
	return obey(login, &answer);
}

ENTRY_POINT int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct login login = {.pamh = pamh, .flags = flags};
	int ret;

	nsh_arguments_read(&login.arguments, argc, argv);
	ret = find_account(&login);
	if (ret != PAM_SUCCESS)
		return ret;
	if (is_left_alone(&login) || is_framed(&login))
		return PAM_SUCCESS;
	return open_session(&login);
}

/* The session ends with its last process, and takes all of itself along. */
ENTRY_POINT int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh;
	(void)flags;
	(void)argc;
	(void)argv;
	return PAM_SUCCESS;
}
