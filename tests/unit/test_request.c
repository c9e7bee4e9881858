/* SPDX-License-Identifier: MIT */
/*
 * The request as the session helper reads it. It comes from the module, but texts and numbers in it
 * are somebody else's; and the helper may have been started by somebody else. Promise 1: what is no
 * request gives no session.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pam_module/helper_request.h"
#include "pam_module/protocol.h"

#define GROUPS_MAX 65536

static const char *const common[NSH_TEXT_COUNT] = {
	[NSH_TEXT_USER] = "ann",     [NSH_TEXT_HOME] = "/home/ann",    [NSH_TEXT_SHELL] = "/bin/sh",
	[NSH_TEXT_SERVICE] = "sshd", [NSH_TEXT_RHOST] = "203.0.113.9", [NSH_TEXT_TTY] = "ssh",
};

/* A request under way. */
struct draft {
	char data[NSH_REQUEST_MAX + 64];
	size_t size;
};

static struct nsh_request_head *head_of(struct draft *draft)
{
	return (struct nsh_request_head *)draft->data;
}

static void append(struct draft *draft, const void *data, size_t size)
{
	assert_true(draft->size + size <= sizeof(draft->data));
	memcpy(draft->data + draft->size, data, size);
	draft->size += size;
}

/* A valid request of uid 1000 with groups 0, 1, 2, and so on. */
static struct draft *begin(uint32_t n_groups, const char *const texts[NSH_TEXT_COUNT])
{
	static struct draft draft;
	struct nsh_request_head head = {
		.protocol = NSH_PROTOCOL, .uid = 1000, .gid = 100, .n_groups = n_groups};

	draft.size = 0;
	append(&draft, &head, sizeof(head));
	for (uint32_t i = 0; i < n_groups; i++)
		append(&draft, &i, sizeof(i));
	for (int i = 0; i < NSH_TEXT_COUNT; i++)
		append(&draft, texts[i], strlen(texts[i]) + 1);
	head_of(&draft)->size = (uint32_t)draft.size;
	return &draft;
}

/* Sends from a process of its own, as a large request does not fit into a socket. */
static pid_t send_from_child(const struct draft *draft, const int ends[2])
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	close(ends[0]);
	for (size_t done = 0; done < draft->size;) {
		ssize_t sent = send(ends[1], draft->data + done, draft->size - done, MSG_NOSIGNAL);

		if (sent < 0)
			break;
		done += (size_t)sent;
	}
	_exit(0);
}

static void discard(struct request *request)
{
	nsh_user_free(&request->user);
	free(request->data);
}

/* Sends the draft and the end, and returns what nsh_request_read() makes of it. */
static int read_draft(const struct draft *draft, struct request *request, struct nsh_err *err)
{
	int ends[2];
	pid_t pid;
	int ret;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	pid = send_from_child(draft, ends);
	close(ends[1]);
	memset(request, 0xff, sizeof(*request));
	ret = nsh_request_read(request, ends[0], err);
	close(ends[0]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return ret;
}

static void test_valid(void **state)
{
	static const uint32_t counts[] = {0, 1, 3, 1000, GROUPS_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		struct request request;
		struct nsh_err err = {0};

		if (read_draft(begin(counts[i], common), &request, &err) < 0)
			fail_msg("%s", err.text);
		assert_int_equal(request.user.uid, 1000);
		assert_int_equal(request.user.gid, 100);
		assert_string_equal(request.user.name, "ann");
		assert_string_equal(request.user.home, "/home/ann");
		assert_string_equal(request.user.shell, "/bin/sh");
		assert_string_equal(request.login.service, "sshd");
		assert_string_equal(request.login.source, "203.0.113.9");
		assert_string_equal(request.login.tty, "ssh");
		assert_int_equal(request.user.n_groups, counts[i]);
		for (uint32_t n = 0; n < counts[i]; n++)
			assert_int_equal(request.user.groups[n], n);
		discard(&request);
	}
}

/* What PAM does not know is empty, and so may home and shell be in passwd(5). */
static void test_empty_texts(void **state)
{
	static const char *const texts[NSH_TEXT_COUNT] = {"ann", "", "", "", "", ""};
	struct request request;
	struct nsh_err err = {0};

	(void)state;
	assert_int_equal(read_draft(begin(0, texts), &request, &err), 0);
	assert_string_equal(request.user.home, "");
	assert_string_equal(request.user.shell, "");
	assert_string_equal(request.login.service, "");
	assert_string_equal(request.login.source, "");
	assert_string_equal(request.login.tty, "");
	discard(&request);
}

/* The texts can be logged, whatever became of the request. */
static void expect_no_request(const struct draft *draft, const char *what)
{
	struct request request;
	struct nsh_err err = {0};
	int ret = read_draft(draft, &request, &err);

	if (ret != -EPROTO)
		fail_msg("%s: %d", what, ret);
	assert_says(&err, "is started by pam_nsshell.so and by nobody else");
	assert_int_equal(err.reason, NSH_REASON_FRAME);
	assert_non_null(request.login.service);
	assert_non_null(request.login.source);
	assert_non_null(request.login.tty);
	assert_null(request.user.name);
	discard(&request);
}

/* Each length that is too short, among them that of nothing at all. */
static void test_truncated(void **state)
{
	struct draft *draft = begin(3, common);
	size_t whole = draft->size;

	(void)state;
	for (draft->size = 0; draft->size < whole; draft->size++)
		expect_no_request(draft, "truncated");
}

/* The head says what is not so. size and data are changes to those of a valid request. */
static void test_lying_head(void **state)
{
	static const struct {
		const char *what;
		uint32_t protocol;
		int size;
		uint32_t n_groups;
	} lies[] = {
		{"no protocol", 0, 0, 3},
		{"older protocol", NSH_PROTOCOL - 1, 0, 3},
		{"newer protocol", NSH_PROTOCOL + 1, 0, 3},
		{"other byte order", 0x0168736eu, 0, 3},
		{"larger than it is", NSH_PROTOCOL, 1, 3},
		{"smaller than it is", NSH_PROTOCOL, -1, 3},
		{"without the last text", NSH_PROTOCOL, -4, 3},
		{"one group less", NSH_PROTOCOL, 0, 2},
		{"no groups", NSH_PROTOCOL, 0, 0},
		{"groups over the texts", NSH_PROTOCOL, 0, 8},
		{"groups over all of it", NSH_PROTOCOL, 0, 1000},
		{"groups over the end", NSH_PROTOCOL, 0, 15},
		{"as many groups as can be", NSH_PROTOCOL, 0, UINT32_MAX},
		{"groups that wrap to none", NSH_PROTOCOL, 0, 0x40000000u},
		{"groups that wrap to three", NSH_PROTOCOL, 0, 0x40000003u},
		{"negative groups", NSH_PROTOCOL, 0, 0xfffffffdu},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		struct draft *draft = begin(3, common);
		struct nsh_request_head *head = head_of(draft);

		head->protocol = lies[i].protocol;
		head->size += (uint32_t)lies[i].size;
		head->n_groups = lies[i].n_groups;
		expect_no_request(draft, lies[i].what);
	}
}

static void test_sizes(void **state)
{
	static const uint32_t sizes[] = {
		0,
		1,
		sizeof(struct nsh_request_head) - 1,
		sizeof(struct nsh_request_head),
		sizeof(struct nsh_request_head) + 3 * sizeof(gid_t),
		sizeof(struct nsh_request_head) + 3 * sizeof(gid_t) + NSH_TEXT_COUNT - 1,
		NSH_REQUEST_MAX + 1,
		0x7fffffff,
		0x80000000u,
		UINT32_MAX,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct draft *draft = begin(3, common);

		head_of(draft)->size = sizes[i];
		expect_no_request(draft, "size");
	}
}

/* The largest request is read, and the next larger is not, though all of it is there. */
static void test_largest(void **state)
{
	static char tty[NSH_REQUEST_MAX];
	const char *texts[NSH_TEXT_COUNT];
	struct request request;
	struct nsh_err err = {0};
	struct draft *draft;

	(void)state;
	memcpy(texts, common, sizeof(texts));
	texts[NSH_TEXT_TTY] = "";
	memset(tty, 'x', NSH_REQUEST_MAX - begin(3, texts)->size);
	texts[NSH_TEXT_TTY] = tty;
	draft = begin(3, texts);
	assert_int_equal(draft->size, NSH_REQUEST_MAX);
	assert_int_equal(read_draft(draft, &request, &err), 0);
	assert_string_equal(request.login.tty, tty);
	discard(&request);
	tty[strlen(tty)] = 'x';
	expect_no_request(begin(3, texts), "one byte more");
}

/* Exactly six texts end exactly at the end. */
static void test_ends_of_texts(void **state)
{
	struct draft *draft = begin(0, common);

	(void)state;
	draft->data[draft->size - 1] = 'x';
	expect_no_request(draft, "no end of the last text");
	draft = begin(0, common);
	for (size_t i = sizeof(struct nsh_request_head); i < draft->size; i++)
		if (!draft->data[i])
			draft->data[i] = 'x';
	expect_no_request(draft, "no ends at all");
	draft = begin(0, common);
	draft->data[sizeof(struct nsh_request_head)] = '\0';
	expect_no_request(draft, "one end too many");
	draft = begin(0, common);
	append(draft, "", 1);
	head_of(draft)->size++;
	expect_no_request(draft, "an empty text more");
	draft = begin(0, common);
	append(draft, "x", 1);
	head_of(draft)->size++;
	expect_no_request(draft, "a byte more");
}

struct account {
	const char *name;
	const char *home;
	const char *shell;
};

static int read_account(const struct account *account, uint32_t uid, struct nsh_err *err)
{
	const char *texts[NSH_TEXT_COUNT];
	struct request request;
	struct draft *draft;
	int ret;

	memcpy(texts, common, sizeof(texts));
	texts[NSH_TEXT_USER] = account->name;
	texts[NSH_TEXT_HOME] = account->home;
	texts[NSH_TEXT_SHELL] = account->shell;
	draft = begin(1, texts);
	head_of(draft)->uid = uid;
	ret = read_draft(draft, &request, err);
	/* A refused account is in the log too. */
	assert_string_equal(request.user.name, account->name);
	assert_string_equal(request.login.service, "sshd");
	discard(&request);
	return ret;
}

static void test_accounts_refused(void **state)
{
	static const struct account bads[] = {
		{"", "/home/ann", "/bin/sh"},
		{"a:b", "/home/ann", "/bin/sh"},
		{"a/b", "/home/ann", "/bin/sh"},
		{"../ann", "/home/ann", "/bin/sh"},
		{".", "/home/ann", "/bin/sh"},
		{".ann", "/home/ann", "/bin/sh"},
		{"-ann", "/home/ann", "/bin/sh"},
		{"+ann", "/home/ann", "/bin/sh"},
		{"a,b", "/home/ann", "/bin/sh"},
		{"a ", "/home/ann", "/bin/sh"},
		{"a\nb", "/home/ann", "/bin/sh"},
		{"a\033[2J", "/home/ann", "/bin/sh"},
		{"a\x7f", "/home/ann", "/bin/sh"},
		{"ann", "/home/a:b", "/bin/sh"},
		{"ann", "/home/a\nroot:x:0:0::/root:/bin/sh", "/bin/sh"},
		{"ann", "\n", "/bin/sh"},
		{"ann", ":", "/bin/sh"},
		{"ann", "/home/ann", "/bin/a:b"},
		{"ann", "/home/ann", "/bin/sh\nroot:x:0:0::/root:/bin/sh"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bads) / sizeof(*bads); i++) {
		struct nsh_err err = {0};

		if (read_account(&bads[i], 1000, &err) != -EINVAL)
			fail_msg("%s:%s:%s was taken", bads[i].name, bads[i].home, bads[i].shell);
		assert_says(&err, "of user id 1000 cannot be used");
		assert_int_equal(err.reason, NSH_REASON_ACCOUNT);
	}
}

static void test_accounts_taken(void **state)
{
	static const struct account goods[] = {
		{"Ann.B_c", "/home/Ann B", "/bin/sh"},
		{"host$", "relative", ""},
		{"0123", "/", "/bin/a b"},
		{"\xc3\xa4nn", "/home/\xc3\xa4nn", "/bin/sh"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(goods) / sizeof(*goods); i++) {
		struct nsh_err err = {0};

		if (read_account(&goods[i], 1000, &err) < 0)
			fail_msg("%s: %s", goods[i].name, err.text);
	}
}

/* setresuid(2) and its like take (uid_t)-1 for "as it is": the helper would stay root. */
static void test_no_ids(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct draft *draft = begin(1, common);
		struct request request;
		struct nsh_err err = {0};

		memset(i == 0   ? (char *)&head_of(draft)->uid
		       : i == 1 ? (char *)&head_of(draft)->gid
				: draft->data + sizeof(struct nsh_request_head),
		       0xff, sizeof(uint32_t));
		assert_int_equal(read_draft(draft, &request, &err), -EINVAL);
		assert_says(&err, "is no id");
		discard(&request);
	}
}

/* The module never asks for user id 0, so whoever does is not the module. */
static void test_root(void **state)
{
	struct nsh_err err = {0};

	(void)state;
	assert_int_equal(read_account(&(struct account){"root", "/root", "/bin/sh"}, 0, &err),
			 -EINVAL);
	assert_says(&err, "user id 0 is never confined");
	assert_int_equal(read_account(&(struct account){"ann", "/home/ann", "/bin/sh"}, 0, &err),
			 -EINVAL);
}

/* Returns what comes of an account with one text (an enum nsh_request_text) of that length. */
static int read_long(int which, size_t len, struct nsh_err *err)
{
	static char text[8192];
	struct account account = {"ann", "/home/ann", "/bin/sh"};

	memset(text, 0, sizeof(text));
	memset(text, 'x', len);
	if (which == NSH_TEXT_USER)
		account.name = text;
	if (which == NSH_TEXT_HOME)
		account.home = text;
	if (which == NSH_TEXT_SHELL)
		account.shell = text;
	return read_account(&account, 1000, err);
}

static void test_long_texts(void **state)
{
	struct nsh_err err = {0};

	(void)state;
	assert_int_equal(read_long(NSH_TEXT_USER, 255, &err), 0);
	assert_int_equal(read_long(NSH_TEXT_USER, 256, &err), -EINVAL);
	assert_int_equal(read_long(NSH_TEXT_HOME, 4095, &err), 0);
	assert_int_equal(read_long(NSH_TEXT_HOME, 4096, &err), -EINVAL);
	assert_int_equal(read_long(NSH_TEXT_SHELL, 4095, &err), 0);
	assert_int_equal(read_long(NSH_TEXT_SHELL, 4096, &err), -EINVAL);
}

/* No socket at all, as when somebody starts the helper by hand. */
static void test_no_socket(void **state)
{
	struct request request;
	struct nsh_err err = {0};

	(void)state;
	assert_int_equal(nsh_request_read(&request, -1, &err), -EPROTO);
	assert_string_equal(request.login.tty, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid),          cmocka_unit_test(test_empty_texts),
		cmocka_unit_test(test_truncated),      cmocka_unit_test(test_lying_head),
		cmocka_unit_test(test_sizes),          cmocka_unit_test(test_largest),
		cmocka_unit_test(test_ends_of_texts),  cmocka_unit_test(test_accounts_refused),
		cmocka_unit_test(test_accounts_taken), cmocka_unit_test(test_no_ids),
		cmocka_unit_test(test_root),           cmocka_unit_test(test_long_texts),
		cmocka_unit_test(test_no_socket),
	};

	return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
