/* SPDX-License-Identifier: MIT */
/*
 * Messages with open files.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "nsshell/pass.h"

/* How long, in milliseconds, and how often. */
#define WAIT_MS 5000
#define STEP_MS 2

union control {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(NSH_PASS_MAX * sizeof(int))];
};

/*
 * As many of a user's files can be under way between processes as one process may have open (unix(7), ETOOMANYREFS); of
 * many logins at once they are all under way. Returns whether it is worth another attempt.
 */
static bool wait_for_others(unsigned *waited)
{
	const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};

	if (errno != ETOOMANYREFS || *waited >= WAIT_MS)
		return false;
	nanosleep(&step, NULL);
	*waited += STEP_MS;
	return true;
}

int nsh_pass_send(int socket, const void *data, size_t size, const int *fds, size_t n_fds,
		  int flags)
{
	union control control = {0};
	struct iovec part = {.iov_base = (void *)data, .iov_len = size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	int sent[NSH_PASS_MAX];
	size_t n_sent = 0;
	unsigned waited = 0;

	for (size_t i = 0; i < n_fds && n_sent < NSH_PASS_MAX; i++)
		if (fds[i] >= 0)
			sent[n_sent++] = fds[i];
	if (n_sent) {
		control.head.cmsg_len = CMSG_LEN(n_sent * sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.head), sent, n_sent * sizeof(int));
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(n_sent * sizeof(int));
	}
	while (sendmsg(socket, &message, MSG_NOSIGNAL | flags) < 0)
		if ((flags & MSG_DONTWAIT) || !wait_for_others(&waited))
			return -errno;
	return 0;
}

static size_t take_files(struct msghdr *message, int *fds)
{
	size_t count = 0;

	for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at; at = CMSG_NXTHDR(message, at)) {
		if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS)
			continue;
		count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(at), count * sizeof(int));
	}
	return count;
}

int nsh_pass_receive(int socket, void *data, size_t size, int *fds, size_t *n_fds, int flags)
{
	union control control = {0};
	struct iovec part = {.iov_base = data, .iov_len = size};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	ssize_t got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | flags);

	*n_fds = 0;
	if (got <= 0)
		return got < 0 ? -errno : 0;
	*n_fds = take_files(&message, fds);
	if (got == (ssize_t)size && !(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return 1;
	nsh_pass_close(fds, *n_fds);
	*n_fds = 0;
	return -EPROTO;
}

void nsh_pass_close(int *fds, size_t n_fds)
{
	for (size_t i = 0; i < n_fds; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}
