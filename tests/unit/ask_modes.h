/* SPDX-License-Identifier: MIT */
/*
 * Helpers for test_ask.c: the ways in which a session helper can behave, and what comes of each.
 *
 * The test program is its own helper. It is linked under the name of what it is to do and started
 * by nsh_ask() under that name, which is all that it is told.
 */
#ifndef TESTS_ASK_MODES_H
#define TESTS_ASK_MODES_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "pam_module/helper_request.h"
#include "pam_module/protocol.h"

/* The id that all of them answer with. */
#define ID "0123456789abcdef"

/* One more than the highest signal. */
#define N_SIGNALS 65

/* One way for a helper to behave, and what is to come of it. */
struct mode {
	const char *name;
	void (*run)(const struct mode *mode);
	int number;       /* for run() */
	const char *text; /* for run() */
	int code;         /* of nsh_ask() */
	const char *says; /* in its error */
};

static struct request request;

static void read_request(void)
{
	struct nsh_err err;

	if (nsh_request_read(&request, NSH_HELPER_FD, &err) < 0)
		_exit(99);
}

static struct nsh_reply make_reply(uint32_t verdict)
{
	return (struct nsh_reply){.protocol = NSH_PROTOCOL, .verdict = verdict, .id = ID};
}

static void send_bytes(const void *data, size_t size)
{
	if (send(NSH_HELPER_FD, data, size, MSG_NOSIGNAL) != (ssize_t)size)
		_exit(98);
}

/* Sends size bytes with so many fds, all of /dev/null. */
static void send_with_fds(const void *data, size_t size, int count)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(16 * sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = CMSG_SPACE((size_t)count * sizeof(int))};
	int fds[16];

	for (int i = 0; i < count; i++)
		fds[i] = open("/dev/null", O_RDWR);
	control.head.cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&control.head), fds, (size_t)count * sizeof(int));
	if (sendmsg(NSH_HELPER_FD, &message, MSG_NOSIGNAL) != (ssize_t)size)
		_exit(98);
}

static void send_reply(uint32_t verdict, int count)
{
	struct nsh_reply reply = make_reply(verdict);

	if (count)
		send_with_fds(&reply, sizeof(reply), count);
	else
		send_bytes(&reply, sizeof(reply));
}

static void end(const struct mode *mode)
{
	_exit(mode->number);
}

static void read_and_end(const struct mode *mode)
{
	read_request();
	_exit(mode->number);
}

static void read_and_die(const struct mode *mode)
{
	read_request();
	kill(getpid(), mode->number);
}

static void answer_and_end(const struct mode *mode)
{
	read_request();
	send_reply(NSH_VERDICT_IGNORE, 0);
	_exit(mode->number);
}

static void answer_and_die(const struct mode *mode)
{
	read_request();
	send_reply(NSH_VERDICT_IGNORE, 0);
	kill(getpid(), mode->number);
}

static void confine_and_end(const struct mode *mode)
{
	read_request();
	send_reply(NSH_VERDICT_CONFINE, NSH_PART_COUNT);
	_exit(mode->number);
}

static void answer_unread(const struct mode *mode)
{
	(void)mode;
	send_reply(NSH_VERDICT_IGNORE, 0);
}

static void give_verdict(const struct mode *mode)
{
	read_request();
	send_reply((uint32_t)mode->number, 0);
}

static void ignore_with_fds(const struct mode *mode)
{
	read_request();
	send_reply(NSH_VERDICT_IGNORE, mode->number);
}

static void deny_with_fds(const struct mode *mode)
{
	read_request();
	send_reply(NSH_VERDICT_DENY, mode->number);
}

static void confine_with_fds(const struct mode *mode)
{
	read_request();
	send_reply(NSH_VERDICT_CONFINE, mode->number);
}

static void give_protocol(const struct mode *mode)
{
	struct nsh_reply reply = make_reply(NSH_VERDICT_IGNORE);

	read_request();
	reply.protocol = (uint32_t)mode->number;
	send_bytes(&reply, sizeof(reply));
}

/* The text without its NUL where there is no room for that. */
static void give_id(const struct mode *mode)
{
	struct nsh_reply reply = make_reply(NSH_VERDICT_IGNORE);

	read_request();
	memset(reply.id, 0, sizeof(reply.id));
	memcpy(reply.id, mode->text, strnlen(mode->text, sizeof(reply.id)));
	send_bytes(&reply, sizeof(reply));
}

static void give_sentence(const struct mode *mode)
{
	struct nsh_reply reply = make_reply(NSH_VERDICT_DENY);

	read_request();
	snprintf(reply.sentence, sizeof(reply.sentence), "%s", mode->text);
	send_bytes(&reply, sizeof(reply));
}

/* So many characters, which need not be followed by a NUL. */
static void give_long_sentence(const struct mode *mode)
{
	struct nsh_reply reply = make_reply(NSH_VERDICT_DENY);

	read_request();
	memset(reply.sentence, 'x', (size_t)mode->number);
	send_bytes(&reply, sizeof(reply));
}

/* A right answer with bytes more, or less, than it has. */
static void give_size(const struct mode *mode)
{
	char data[2 * sizeof(struct nsh_reply)] = {0};
	struct nsh_reply reply = make_reply(NSH_VERDICT_IGNORE);

	read_request();
	memcpy(data, &reply, sizeof(reply));
	send_bytes(data, (size_t)((int)sizeof(reply) + mode->number));
}

static void give_garbage(const struct mode *mode)
{
	char data[4096];

	read_request();
	memset(data, 0xa5, sizeof(data));
	send_bytes(data, (size_t)mode->number);
}

static void give_fd_with_garbage(const struct mode *mode)
{
	read_request();
	send_with_fds("x", 1, mode->number);
}

static void answer_in_two(const struct mode *mode)
{
	struct nsh_reply reply = make_reply(NSH_VERDICT_IGNORE);

	(void)mode;
	read_request();
	send_bytes(&reply, sizeof(reply) / 2);
	send_bytes((char *)&reply + sizeof(reply) / 2, sizeof(reply) - sizeof(reply) / 2);
}

/* A second answer, with so many fds. */
static void answer_twice(const struct mode *mode)
{
	read_request();
	send_reply(NSH_VERDICT_IGNORE, 0);
	send_reply(NSH_VERDICT_CONFINE, mode->number);
}

/* Goes on for as long as anybody takes it. */
static void answer_and_flood(const struct mode *mode)
{
	static const char data[65536];

	(void)mode;
	read_request();
	send_reply(NSH_VERDICT_IGNORE, 0);
	while (send(NSH_HELPER_FD, data, sizeof(data), MSG_NOSIGNAL) > 0)
		;
}

static void hang(const struct mode *mode)
{
	(void)mode;
	for (;;)
		pause();
}

static void read_and_hang(const struct mode *mode)
{
	read_request();
	hang(mode);
}

static void read_slowly(const struct mode *mode)
{
	static char data[32768];

	while (recv(NSH_HELPER_FD, data, sizeof(data), 0) > 0)
		poll(NULL, 0, mode->number);
}

static void answer_and_hang(const struct mode *mode)
{
	read_request();
	send_reply(NSH_VERDICT_IGNORE, 0);
	hang(mode);
}

static void confine_and_hang(const struct mode *mode)
{
	read_request();
	send_reply(NSH_VERDICT_CONFINE, NSH_PART_COUNT);
	hang(mode);
}

static void answer_close_and_hang(const struct mode *mode)
{
	read_request();
	send_reply(NSH_VERDICT_IGNORE, 0);
	close(NSH_HELPER_FD);
	hang(mode);
}

/* The child is gone when the other end of the socket is. */
static void answer_and_leave_child(const struct mode *mode)
{
	char byte;

	(void)mode;
	read_request();
	send_reply(NSH_VERDICT_IGNORE, 0);
	if (fork() == 0)
		_exit(recv(NSH_HELPER_FD, &byte, 1, 0) != 0);
}

static void answer_late(const struct mode *mode)
{
	read_request();
	poll(NULL, 0, mode->number);
	send_reply(NSH_VERDICT_IGNORE, 0);
}

/* Tells what the request was. */
static void echo(const struct mode *mode)
{
	struct nsh_reply reply = make_reply(NSH_VERDICT_DENY);
	const struct nsh_user *user = &request.user;
	unsigned sum = 0;

	(void)mode;
	read_request();
	for (size_t i = 0; i < user->n_groups; i++)
		sum = sum * 31 + user->groups[i];
	snprintf(reply.sentence, sizeof(reply.sentence), "%s|%s|%s|%s|%s|%s|%u|%u|%zu|%u",
		 user->name, user->home, user->shell, request.login.service, request.login.source,
		 request.login.tty, user->uid, user->gid, user->n_groups, sum);
	send_bytes(&reply, sizeof(reply));
}

static bool is_null(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3) &&
	       (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR;
}

static bool has_other_files(void)
{
	for (int fd = NSH_HELPER_FD + 1; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			return true;
	return false;
}

static bool has_signals_set(void)
{
	sigset_t mask;
	struct sigaction action;

	sigprocmask(SIG_SETMASK, NULL, &mask);
	for (int i = 1; i < N_SIGNALS; i++) {
		if (sigismember(&mask, i) == 1)
			return true;
		if (sigaction(i, NULL, &action) == 0 && action.sa_handler != SIG_DFL)
			return true;
	}
	return false;
}

static const char *look_around(void)
{
	char folder[PATH_MAX];
	struct stat st;

	if (environ && environ[0])
		return "has an environment";
	if (!getcwd(folder, sizeof(folder)) || strcmp(folder, "/") != 0)
		return "is not in /";
	for (int fd = 0; fd < NSH_HELPER_FD; fd++)
		if (!is_null(fd))
			return "has other standard streams than /dev/null";
	if (fstat(NSH_HELPER_FD, &st) < 0 || !S_ISSOCK(st.st_mode))
		return "has no socket";
	if (has_other_files())
		return "has other files open";
	if (has_signals_set())
		return "has signals blocked or ignored";
	return getsid(0) == getpid() ? "as it should be" : "is in the session of the caller";
}

static void inspect(const struct mode *mode)
{
	struct nsh_reply reply = make_reply(NSH_VERDICT_DENY);

	(void)mode;
	snprintf(reply.sentence, sizeof(reply.sentence), "%s", look_around());
	read_request();
	send_bytes(&reply, sizeof(reply));
}

/* What comes of it: nsh_ask()'s code and a part of its error. */
#define FINE 0, ""
#define NO_ANSWER -EPROTO, "ended without an answer"
#define WRONG_ANSWER -EPROTO, "gave an answer that is none"
#define TOO_MUCH -EPROTO, "says more than an answer"
#define WRONG_END -EPROTO, "did not end well"
#define UNREAD -ETIMEDOUT, "does not take the request"
#define LATE_ANSWER -ETIMEDOUT, "gave no answer in time"
#define LATE_END -ETIMEDOUT, "did not end in time"

/* What they are to do and what is to come of it */

static const struct mode endings[] = {
	{"end 0", read_and_end, 0, NULL, NO_ANSWER},
	{"end 3", read_and_end, 3, NULL, NO_ANSWER},
	{"killed", read_and_die, SIGKILL, NULL, NO_ANSWER},
	{"terminated", read_and_die, SIGTERM, NULL, NO_ANSWER},
	{"answer, end 1", answer_and_end, 1, NULL, WRONG_END},
	{"answer, end 255", answer_and_end, 255, NULL, WRONG_END},
	{"answer, killed", answer_and_die, SIGKILL, NULL, WRONG_END},
	{"answer, broken pipe", answer_and_die, SIGPIPE, NULL, WRONG_END},
	{"confine, end 1", confine_and_end, 1, NULL, WRONG_END},
};

static const struct mode answers[] = {
	{"verdict none", give_verdict, 0, NULL, WRONG_ANSWER},
	{"verdict unknown", give_verdict, 4, NULL, WRONG_ANSWER},
	{"verdict negative", give_verdict, -1, NULL, WRONG_ANSWER},
	{"protocol none", give_protocol, 0, NULL, WRONG_ANSWER},
	{"protocol old", give_protocol, NSH_PROTOCOL - 1, NULL, WRONG_ANSWER},
	{"protocol new", give_protocol, NSH_PROTOCOL + 1, NULL, WRONG_ANSWER},
	{"id none", give_id, 0, "", WRONG_ANSWER},
	{"id short", give_id, 0, "0123456789abcde", WRONG_ANSWER},
	{"id long", give_id, 0, ID "0", WRONG_ANSWER},
	{"id upper", give_id, 0, "0123456789ABCDEF", WRONG_ANSWER},
	{"id odd", give_id, 0, "0123456789abcde\"", WRONG_ANSWER},
	{"id control", give_id, 0, "0123456789abcde\n", WRONG_ANSWER},
	{"sentence endless", give_long_sentence, NSH_SENTENCE_MAX, NULL, WRONG_ANSWER},
	{"sentence lines", give_sentence, 0, "one\ntwo", WRONG_ANSWER},
	{"sentence escape", give_sentence, 0, "\033[2J", WRONG_ANSWER},
	{"sentence DEL", give_sentence, 0, "\x7f", WRONG_ANSWER},
	{"sentence 8 bits", give_sentence, 0, "\x9b[2J", WRONG_ANSWER},
	{"a byte", give_size, 1 - (int)sizeof(struct nsh_reply), NULL, WRONG_ANSWER},
	{"a byte less", give_size, -1, NULL, WRONG_ANSWER},
	{"a byte more", give_size, 1, NULL, TOO_MUCH},
	{"as much again", give_size, sizeof(struct nsh_reply), NULL, TOO_MUCH},
	{"garbage 1", give_garbage, 1, NULL, WRONG_ANSWER},
	{"garbage like it", give_garbage, sizeof(struct nsh_reply), NULL, WRONG_ANSWER},
	{"garbage much", give_garbage, 4096, NULL, WRONG_ANSWER},
	{"twice", answer_twice, 0, NULL, TOO_MUCH},
	{"twice with fd", answer_twice, 1, NULL, TOO_MUCH},
	{"twice with fds", answer_twice, 16, NULL, TOO_MUCH},
	{"flood", answer_and_flood, 0, NULL, TOO_MUCH},
	{"confine without", give_verdict, NSH_VERDICT_CONFINE, NULL, WRONG_ANSWER},
	{"confine with 1", confine_with_fds, 1, NULL, WRONG_ANSWER},
	{"confine with 2", confine_with_fds, 2, NULL, WRONG_ANSWER},
	{"confine with 4", confine_with_fds, 4, NULL, WRONG_ANSWER},
	{"confine with 5", confine_with_fds, 5, NULL, WRONG_ANSWER},
	{"confine with 16", confine_with_fds, 16, NULL, WRONG_ANSWER},
	{"ignore with 1", ignore_with_fds, 1, NULL, WRONG_ANSWER},
	{"ignore with 16", ignore_with_fds, 16, NULL, WRONG_ANSWER},
	{"deny with 1", deny_with_fds, 1, NULL, WRONG_ANSWER},
	{"garbage with 1", give_fd_with_garbage, 1, NULL, WRONG_ANSWER},
	{"garbage with 16", give_fd_with_garbage, 16, NULL, WRONG_ANSWER},
};

static const struct mode hanging[] = {
	{"hang", hang, 0, NULL, LATE_ANSWER},
	{"hang later", read_and_hang, 0, NULL, LATE_ANSWER},
	{"stop", read_and_die, SIGSTOP, NULL, LATE_ANSWER},
	{"answer, hang", answer_and_hang, 0, NULL, LATE_END},
	{"answer, close", answer_close_and_hang, 0, NULL, LATE_END},
	{"answer, stop", answer_and_die, SIGSTOP, NULL, LATE_END},
	{"confine, hang", confine_and_hang, 0, NULL, LATE_END},
	{"leave child", answer_and_leave_child, 0, NULL, LATE_END},
};

/* With the largest request, which does not fit into a socket. */
static const struct mode not_reading[] = {
	{"never read", hang, 0, NULL, UNREAD},
	{"read slowly", read_slowly, 600, NULL, UNREAD},
};

static const struct mode right[] = {
	{"ignore", give_verdict, NSH_VERDICT_IGNORE, NULL, FINE},
	{"deny", give_verdict, NSH_VERDICT_DENY, NULL, FINE},
	{"confine", confine_with_fds, NSH_PART_COUNT, NULL, FINE},
};

static const struct mode others[] = {
	{"at once", end, 0, NULL, FINE},
	{"unread", answer_unread, 0, NULL, FINE},
	{"sentence", give_sentence, 0, "Once, \"here\" & ~there: 100%.", FINE},
	{"sentence long", give_long_sentence, NSH_SENTENCE_MAX - 1, NULL, FINE},
	{"in two", answer_in_two, 0, NULL, FINE},
	{"late", answer_late, 100, NULL, FINE},
	{"echo", echo, 0, NULL, FINE},
	{"inspect", inspect, 0, NULL, FINE},
};

#define SIZE(list) (sizeof(list) / sizeof(*(list)))

static const struct {
	const struct mode *list;
	size_t count;
} modes[] = {
	{endings, SIZE(endings)},         {answers, SIZE(answers)}, {hanging, SIZE(hanging)},
	{not_reading, SIZE(not_reading)}, {right, SIZE(right)},     {others, SIZE(others)},
};

static const struct mode *find_mode(const char *name)
{
	for (size_t i = 0; i < SIZE(modes); i++)
		for (size_t n = 0; n < modes[i].count; n++)
			if (!strcmp(modes[i].list[n].name, name))
				return &modes[i].list[n];
	return NULL;
}

static int be_helper(void)
{
	char path[PATH_MAX] = "";
	const struct mode *mode;

	/* Whatever the test forgets. */
	alarm(60);
	if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0)
		return 97;
	mode = find_mode(basename(path));
	if (!mode)
		return 96;
	mode->run(mode);
	return 0;
}

#endif
