/* SPDX-License-Identifier: MIT */
/*
 * The answer as the PAM module reads it, which does not believe the session helper.
 *
 * The first byte of an input is how many fds come with it, the rest is the message.
 */
#include <sys/socket.h>

#include "pam_module/module_answer.h"
#include "tests/fuzz/fuzz.h"

/* More than there is room for. */
#define FDS_MAX 12

static void send_message(int socket, const uint8_t *data, size_t size, size_t fds)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control = {.head = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	struct iovec part = {.iov_base = (void *)data, .iov_len = size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	int numbers[FDS_MAX];

	for (size_t i = 0; i < FDS_MAX; i++)
		numbers[i] = socket;
	if (fds) {
		control.head.cmsg_len = CMSG_LEN(fds * sizeof(int));
		memcpy(CMSG_DATA(&control.head), numbers, fds * sizeof(int));
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(fds * sizeof(int));
	}
	REQUIRE(sendmsg(socket, &message, MSG_DONTWAIT) == (ssize_t)size);
}

static bool is_text(const char *text, size_t size)
{
	const char *end = memchr(text, '\0', size);

	for (const char *at = text; end && at < end; at++)
		if (*at < ' ' || *at > '~')
			return false;
	return end;
}

static void check(const struct nsh_answer *answer, size_t size, size_t fds)
{
	const struct nsh_reply *reply = &answer->reply;
	bool confine = reply->verdict == NSH_VERDICT_CONFINE;

	REQUIRE(size >= sizeof(*reply) && reply->protocol == NSH_PROTOCOL);
	REQUIRE(confine || reply->verdict == NSH_VERDICT_IGNORE ||
		reply->verdict == NSH_VERDICT_DENY);
	REQUIRE(nsh_id_ok(reply->id) && is_text(reply->sentence, sizeof(reply->sentence)));
	REQUIRE(fds == (confine ? NSH_PART_COUNT : 0));
	for (int i = 0; i < NSH_PART_COUNT; i++)
		REQUIRE((answer->frame[i] >= 0) == confine);
}

/* The number that the next fd will have: what is left open makes it another one. */
static int next_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t fds = size ? data[0] % (FDS_MAX + 1) : 0;
	struct nsh_answer answer;
	struct nsh_err err = {0};
	int before = next_fd();
	int ends[2];
	int ret;

	if (size < 2 || size > 4096)
		return -1;
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	send_message(ends[0], data + 1, size - 1, fds);
	nsh_answer_init(&answer);
	ret = nsh_answer_receive(&answer, ends[1], &err);
	if (ret < 0)
		fuzz_refused(ret, &err);
	else
		check(&answer, size - 1, fds);
	nsh_answer_close(&answer);
	close(ends[0]);
	close(ends[1]);
	REQUIRE(next_fd() == before);
	return 0;
}

/* Half of the inputs get what every answer has. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	struct nsh_reply reply;

	size = LLVMFuzzerMutate(data, size, max_size);
	if (seed % 2 || max_size < 1 + sizeof(reply))
		return size;
	if (size < 1 + sizeof(reply)) {
		memset(data + size, 0, 1 + sizeof(reply) - size);
		size = 1 + sizeof(reply);
	}
	memcpy(&reply, data + 1, sizeof(reply));
	reply.protocol = NSH_PROTOCOL;
	reply.verdict %= 4;
	memcpy(data + 1, &reply, sizeof(reply));
	return size;
}
