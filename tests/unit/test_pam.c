/* SPDX-License-Identifier: MIT */
/*
 * pam_nsshell.so through libpam, with a PAM configuration of the test's own: return codes, what the
 * user is told and what is logged. Promise 1: whoever is to be confined and cannot be has no
 * session.
 *
 * All of it is done as an ordinary user, so no helper is started: an account that is not left alone
 * gets as far as that the service is not root's.
 */
#include "tests/unit/unit.h"

#include <ctype.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <security/pam_appl.h>

#define SERVICE "nsh-unit"

/* An account that every Debian has, with a group of the same name as its primary one. */
#define ORDINARY "daemon"

/* As in <syslog.h>, which cannot be included beside what is below: LOG_AUTHPRIV | LOG_NOTICE. */
#define AUTHPRIV_NOTICE (10 << 3 | 5)

static int original = -1; /* the module as it was built */
static char folder[64];
static char module[128]; /* a copy of it there */

/* What libpam and the module have said first, and how often. */
static struct {
	char line[16384];
	int priority;
	int lines;
	char message[1024];
	int style;
	int messages;
} heard;

/* libpam's calls of syslog(3), whichever way it was compiled, come here. */
void __syslog_chk(int priority, int flag, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void syslog(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void hear(int priority, const char *format, va_list args)
{
	if (heard.lines++)
		return;
	heard.priority = priority;
	vsnprintf(heard.line, sizeof(heard.line), format, args);
}

void __syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list args;

	(void)flag;
	va_start(args, format);
	hear(priority, format, args);
	va_end(args);
}

void syslog(int priority, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	hear(priority, format, args);
	va_end(args);
}

static int converse(int count, const struct pam_message **messages, struct pam_response **responses,
		    void *data)
{
	(void)data;
	for (int i = 0; i < count; i++) {
		heard.messages++;
		heard.style = messages[i]->msg_style;
		snprintf(heard.message, sizeof(heard.message), "%s", messages[i]->msg);
	}
	*responses = calloc((size_t)count, sizeof(**responses));
	return *responses ? PAM_SUCCESS : PAM_BUF_ERR;
}

static int refuse_to_converse(int count, const struct pam_message **messages,
			      struct pam_response **responses, void *data)
{
	(void)count;
	(void)messages;
	(void)responses;
	(void)data;
	return PAM_CONV_ERR;
}

static const char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static int put(const char *name, const char *text)
{
	FILE *out = fopen(path_of(name), "w");

	if (!out)
		return -1;
	fputs(text, out);
	return fclose(out);
}

static int copy_module(void)
{
	int copy = open(module, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	char data[65536];
	ssize_t got = -1;

	while (copy >= 0 && (got = read(original, data, sizeof(data))) > 0)
		if (write(copy, data, (size_t)got) != got)
			break;
	return close(copy) == 0 && got == 0 ? 0 : -1;
}

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/nsh-unit-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(module, sizeof(module), "%s/pam_nsshell.so", folder);
	if (copy_module() < 0)
		return -1;
	/* Without it libpam complains; nothing comes of it. */
	return put("other", "");
}

static int remove_folder(void **state)
{
	(void)state;
	remove(module);
	remove(path_of("other"));
	remove(path_of(SERVICE));
	return rmdir(folder);
}

/* Begins a transaction with the module on one line of that type. */
static pam_handle_t *start_type(const char *type, const char *arguments, const char *user)
{
	static const struct pam_conv conversation = {.conv = converse};
	char line[sizeof(module) + 512];
	pam_handle_t *pamh;

	snprintf(line, sizeof(line), "%s required %s %s\n", type, module, arguments);
	assert_int_equal(put(SERVICE, line), 0);
	memset(&heard, 0, sizeof(heard));
	assert_int_equal(pam_start_confdir(SERVICE, user, &conversation, folder, &pamh),
			 PAM_SUCCESS);
	return pamh;
}

static pam_handle_t *start(const char *arguments, const char *user)
{
	return start_type("session", arguments, user);
}

/* Opens a session and returns the code. */
static int open_with(const char *arguments, const char *user, int flags)
{
	pam_handle_t *pamh = start(arguments, user);
	int code = pam_open_session(pamh, flags);

	pam_end(pamh, code);
	return code;
}

/* What a refusal is beside its code. An administrator looks for the line's fields with grep. */
static void expect_refusal(const char *sentence, const char *reason)
{
	static const char form[] =
		"^pam_nsshell\\(" SERVICE ":session\\): session=([0-9a-f]{16}) verdict=deny "
		"user=\"[^\"]*\" service=\"" SERVICE "\" rhost=\"[^\"]*\" tty=\"[^\"]*\" "
		"kind=[a-z]+ reason=\"([^\"]*)\"$";
	char expected[256];
	regmatch_t parts[3];
	regex_t regex;

	assert_int_equal(heard.lines, 1);
	assert_int_equal(heard.priority, AUTHPRIV_NOTICE);
	assert_int_equal(regcomp(&regex, form, REG_EXTENDED), 0);
	if (regexec(&regex, heard.line, 3, parts, 0) != 0)
		fail_msg("%s", heard.line);
	regfree(&regex);
	assert_non_null(strstr(heard.line + parts[2].rm_so, reason));
	assert_int_equal(heard.messages, 1);
	assert_int_equal(heard.style, PAM_ERROR_MSG);
	snprintf(expected, sizeof(expected), "nsshell: no session: %s [incident %.16s]", sentence,
		 heard.line + parts[1].rm_so);
	assert_string_equal(heard.message, expected);
}

static void expect_silence(void)
{
	if (heard.lines || heard.messages)
		fail_msg("\"%s\" \"%s\"", heard.line, heard.message);
}

static void test_ordinary(void **state)
{
	(void)state;
	assert_int_equal(open_with("", ORDINARY, 0), PAM_PERM_DENIED);
	expect_refusal("the frame of this login cannot be made or used",
		       "the service does not run as root");
	assert_int_equal(open_with("timeout=5", ORDINARY, 0), PAM_PERM_DENIED);
	expect_refusal("the frame of this login cannot be made or used", "does not run as root");
}

static void test_unknown_argument(void **state)
{
	static const char *const bads[] = {"nonsense", "nonsense debug", "debug nonsense",
					   "nonsense others", "nonsense timeout=5"};
	static const char *const invalid[] = {"timeout=0", "timeout=601",   "timeout=x",
					      "timeout",   "exempt_group=", "debug=1"};

	(void)state;
	for (size_t i = 0; i < sizeof(bads) / sizeof(*bads); i++) {
		assert_int_equal(open_with(bads[i], ORDINARY, 0), PAM_SERVICE_ERR);
		expect_refusal("the frame of this login cannot be made or used",
			       "pam_nsshell has an unknown or invalid argument: nonsense\"");
	}
	for (size_t i = 0; i < sizeof(invalid) / sizeof(*invalid); i++) {
		assert_int_equal(open_with(invalid[i], ORDINARY, 0), PAM_SERVICE_ERR);
		expect_refusal("the frame of this login cannot be made or used", invalid[i]);
	}
}

static void test_unknown_user(void **state)
{
	(void)state;
	assert_int_equal(open_with("", "nsh-no-such-account", 0), PAM_USER_UNKNOWN);
	expect_refusal("this account cannot be settled", "there is no such account");
	assert_non_null(strstr(heard.line, " user=\"nsh-no-such-account\" "));
	assert_int_equal(open_with("nonsense", "nsh-no-such-account", 0), PAM_USER_UNKNOWN);
	assert_int_equal(open_with("exempt_group=" ORDINARY, "nsh-no-such-account", 0),
			 PAM_USER_UNKNOWN);
	/* A number is no name. */
	assert_int_equal(open_with("", "0", 0), PAM_USER_UNKNOWN);
	assert_int_equal(open_with("", "root ", 0), PAM_USER_UNKNOWN);
	assert_int_equal(open_with("", "root:x:0:0", 0), PAM_USER_UNKNOWN);
}

static void test_no_user(void **state)
{
	(void)state;
	assert_int_equal(open_with("", NULL, 0), PAM_USER_UNKNOWN);
	expect_refusal("this account cannot be settled", "the login has no user");
	assert_int_equal(open_with("", "", 0), PAM_USER_UNKNOWN);
	expect_refusal("this account cannot be settled", "the login has no user");
}

/* User id 0 is never confined, and does not depend on how well the PAM line is written. */
static void test_root(void **state)
{
	static const char *const lines[] = {"", "nonsense", "timeout=0",
					    "exempt_group=nsh-no-such-group"};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		assert_int_equal(open_with(lines[i], "root", 0), PAM_SUCCESS);
		expect_silence();
	}
}

/* Neither do the members of exempt_group, who are the way back in. */
static void test_exempt(void **state)
{
	(void)state;
	assert_int_equal(open_with("exempt_group=" ORDINARY, ORDINARY, 0), PAM_SUCCESS);
	expect_silence();
	assert_int_equal(open_with("nonsense exempt_group=" ORDINARY, ORDINARY, 0), PAM_SUCCESS);
	expect_silence();
}

/* Whatever else exempt_group says exempts nobody. */
static void test_not_exempt(void **state)
{
	static const char *const lines[] = {
		"exempt_group=nsh-no-such-group",
		"exempt_group=bin",
		"exempt_group=root",
		"exempt_group=1",
		"exempt_group=*",
		"exempt_group=" ORDINARY "s",
		"exempt_group=Daemon",
		"exempt_group=" ORDINARY ",bin",
		"exempt_group=" ORDINARY " exempt_group=bin",
		"[exempt_group=" ORDINARY " ]",
		"[exempt_group= " ORDINARY "]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		if (open_with(lines[i], ORDINARY, 0) != PAM_PERM_DENIED)
			fail_msg("%s", lines[i]);
		expect_refusal("the frame of this login cannot be made or used",
			       "does not run as root");
	}
}

/* Takes each group of the machine that has members for an exempt one. */
static void test_exempt_members(void **state)
{
	const struct group *group;

	(void)state;
	setgrent();
	while ((group = getgrent())) {
		char line[512];

		snprintf(line, sizeof(line), "exempt_group=%s", group->gr_name);
		for (char **member = group->gr_mem; *member; member++)
			if (getpwnam(*member) && open_with(line, *member, 0) != PAM_SUCCESS)
				fail_msg("%s: %s", line, *member);
	}
	endgrent();
}

static void test_silent(void **state)
{
	(void)state;
	assert_int_equal(open_with("", ORDINARY, PAM_SILENT), PAM_PERM_DENIED);
	assert_int_equal(heard.messages, 0);
	assert_int_equal(heard.lines, 1);
	assert_int_equal(open_with("nonsense", ORDINARY, PAM_SILENT), PAM_SERVICE_ERR);
	assert_int_equal(heard.messages, 0);
	assert_int_equal(open_with("", NULL, PAM_SILENT), PAM_USER_UNKNOWN);
	assert_int_equal(heard.messages, 0);
}

/* No two refusals have the same incident. */
static void test_incidents(void **state)
{
	char before[sizeof(heard.message)] = "";

	(void)state;
	for (int i = 0; i < 10; i++) {
		open_with("", ORDINARY, 0);
		assert_string_not_equal(heard.message, before);
		strcpy(before, heard.message);
	}
}

/* A user who cannot be told is refused all the same. */
static void test_no_conversation(void **state)
{
	static const struct pam_conv deaf = {.conv = refuse_to_converse};
	pam_handle_t *pamh = start("", ORDINARY);

	(void)state;
	assert_int_equal(pam_set_item(pamh, PAM_CONV, &deaf), PAM_SUCCESS);
	assert_int_equal(pam_open_session(pamh, 0), PAM_PERM_DENIED);
	assert_non_null(strstr(heard.line, "verdict=deny"));
	pam_end(pamh, PAM_PERM_DENIED);
}

/* What somebody chose ends no field and no line, and no line is too long for its fields. */
static void test_hostile_texts(void **state)
{
	static const char *const texts[] = {
		"x\" verdict=confine y=\"",
		"\nsshd[1]: Accepted password for root",
		"\033[2J\a\r",
		"back\\slash\\",
		"%s%n%1000000d",
	};
	char longest[1500]; /* libpam writes all of them into one audit record of 8 KiB */

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	for (size_t i = 0; i <= sizeof(texts) / sizeof(*texts); i++) {
		const char *text = i < sizeof(texts) / sizeof(*texts) ? texts[i] : longest;
		pam_handle_t *pamh = start("", text);

		pam_set_item(pamh, PAM_RHOST, text);
		pam_set_item(pamh, PAM_TTY, text);
		if (pam_open_session(pamh, 0) != PAM_USER_UNKNOWN)
			fail_msg("%s: %s", text, heard.line);
		expect_refusal("this account cannot be settled", "there is no such account");
		for (const char *at = heard.line; *at; at++)
			assert_true(isprint((unsigned char)*at));
		pam_end(pamh, PAM_USER_UNKNOWN);
	}
}

static void test_debug(void **state)
{
	(void)state;
	assert_int_equal(open_with("debug", "root", 0), PAM_SUCCESS);
	assert_non_null(strstr(heard.line, "user id 0 is left alone"));
	assert_int_equal(heard.messages, 0);
	assert_int_equal(open_with("debug exempt_group=" ORDINARY, ORDINARY, 0), PAM_SUCCESS);
	assert_non_null(strstr(heard.line, ORDINARY " is left alone as a member of " ORDINARY));
	assert_int_equal(heard.messages, 0);
}

/* The end of a session is none of the module's business. */
static void test_close(void **state)
{
	static const char *const lines[] = {"", "nonsense", "exempt_group=" ORDINARY};
	static const char *const users[] = {ORDINARY, "root", "nsh-no-such-account", NULL};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		for (size_t n = 0; n < sizeof(users) / sizeof(*users); n++) {
			pam_handle_t *pamh = start(lines[i], users[n]);

			assert_int_equal(pam_close_session(pamh, 0), PAM_SUCCESS);
			assert_int_equal(pam_close_session(pamh, PAM_SILENT), PAM_SUCCESS);
			expect_silence();
			pam_end(pamh, PAM_SUCCESS);
		}
}

/* On a line of another type it lets nobody in. */
static void test_other_types(void **state)
{
	static const struct {
		const char *type;
		int (*call)(pam_handle_t *pamh, int flags);
	} calls[] = {
		{"auth", pam_authenticate},
		{"auth", pam_setcred},
		{"account", pam_acct_mgmt},
		{"password", pam_chauthtok},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		pam_handle_t *pamh = start_type(calls[i].type, "", "root");

		assert_int_not_equal(calls[i].call(pamh, 0), PAM_SUCCESS);
		pam_end(pamh, PAM_SUCCESS);
	}
}

/*
 * Opens the module of the same build: this is BUILD/tests/unit/test_pam. An ordinary user may not
 * be able to go there.
 */
static int open_module(void)
{
	char path[PATH_MAX] = "";

	if (readlink("/proc/self/exe", path, sizeof(path) - 32) < 0)
		return -1;
	for (int i = 0; i < 3; i++) {
		char *slash = strrchr(path, '/');

		if (!slash)
			return -1;
		*slash = '\0';
	}
	strcat(path, "/pam_nsshell.so");
	original = open(path, O_RDONLY | O_CLOEXEC);
	return original;
}

static int become_ordinary(void)
{
	const struct passwd *account = getpwnam("nobody");

	if (geteuid() != 0)
		return 0;
	if (!account || setgroups(0, NULL) < 0 ||
	    setresgid(account->pw_gid, account->pw_gid, account->pw_gid) < 0)
		return -1;
	return setresuid(account->pw_uid, account->pw_uid, account->pw_uid);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ordinary),
		TEST(test_unknown_argument),
		TEST(test_unknown_user),
		TEST(test_no_user),
		TEST(test_root),
		TEST(test_exempt),
		TEST(test_not_exempt),
		TEST(test_exempt_members),
		TEST(test_silent),
		TEST(test_incidents),
		TEST(test_no_conversation),
		TEST(test_hostile_texts),
		TEST(test_debug),
		TEST(test_close),
		TEST(test_other_types),
	};

	if (open_module() < 0 || become_ordinary() < 0) {
		perror("test_pam");
		return 1;
	}
	return cmocka_run_group_tests_name("pam", tests, make_folder, remove_folder);
}
