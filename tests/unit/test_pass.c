/* SPDX-License-Identifier: MIT */
/*
 * Messages with open files. Whoever may connect to a hub or to PID 1 chooses what comes: nothing of it stays open that was
 * not asked for.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nsshell/pass.h"

/* Room for more than is taken. */
#define MANY 14

static int ends[2];

static void make_ends(int type)
{
	assert_int_equal(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
}

static void close_ends(void)
{
	close(ends[0]);
	close(ends[1]);
}

/* The number that the next fd will have: what is left open makes it another one. */
static int next_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

static void send_files(const void *data, size_t size, size_t n_fds)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(MANY * sizeof(int))];
	} control = {.head = {.cmsg_len = CMSG_LEN(n_fds * sizeof(int)),
			      .cmsg_level = SOL_SOCKET,
			      .cmsg_type = SCM_RIGHTS}};
	struct iovec part = {.iov_base = (void *)data, .iov_len = size};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = CMSG_SPACE(n_fds * sizeof(int))};
	int fds[MANY];

	assert_in_range(n_fds, 1, MANY);
	for (int i = 0; i < MANY; i++)
		fds[i] = ends[0];
	memcpy(CMSG_DATA(&control.head), fds, n_fds * sizeof(int));
	assert_int_equal(sendmsg(ends[0], &message, 0), size);
}

/* What is expected of 4 bytes, and that nothing but what was told is open. */
static void check_receive(int expected, size_t expected_fds)
{
	int before = next_fd();
	int fds[NSH_PASS_MAX];
	size_t n_fds = 99;
	char data[4];

	assert_int_equal(
		nsh_pass_receive(ends[1], data, sizeof(data), fds, &n_fds, MSG_DONTWAIT, NULL),
		expected);
	assert_int_equal(n_fds, expected_fds);
	nsh_pass_close(fds, n_fds);
	assert_int_equal(next_fd(), before);
}

static void test_files(void **state)
{
	(void)state;
	make_ends(SOCK_SEQPACKET);
	check_receive(-EAGAIN, 0);
	assert_int_equal(nsh_pass_send(ends[0], "text", 4, (int[]){0, -1, 0}, 3, 0), 0);
	check_receive(1, 2);
	send_files("text", 4, NSH_PASS_MAX);
	check_receive(1, NSH_PASS_MAX);
	close(ends[0]);
	check_receive(0, 0);
	close(ends[1]);
}

/* It looks like the end of the other side, but for what comes with it. */
static void test_empty_message(void **state)
{
	(void)state;
	make_ends(SOCK_SEQPACKET);
	send_files("", 0, 1);
	check_receive(0, 0);
	send_files("", 0, NSH_PASS_MAX);
	check_receive(0, 0);
	send_files("", 0, MANY);
	check_receive(0, 0);
	close_ends();
}

static void test_wrong(void **state)
{
	static const int types[] = {SOCK_SEQPACKET, SOCK_STREAM};

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		make_ends(types[i]);
		send_files("tex", 3, 2);
		check_receive(-EPROTO, 0);
		send_files("text", 4, NSH_PASS_MAX + 1);
		check_receive(-EPROTO, 0);
		send_files("text", 4, MANY);
		check_receive(-EPROTO, 0);
		close_ends();
	}
	make_ends(SOCK_SEQPACKET);
	send_files("texts", 5, 2);
	check_receive(-EPROTO, 0);
	close_ends();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_empty_message),
		cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
