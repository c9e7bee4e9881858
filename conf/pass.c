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

/* With room for the credentials that come with each message where SO_PASSCRED is set. */
union control {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(NSH_PASS_MAX * sizeof(int))];
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

/* What there is room for; the kernel has already opened what there is none for. */
static size_t take_files(struct cmsghdr *from, int *fds, bool *fits)
{
	size_t count = (from->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	*fits = count <= NSH_PASS_MAX;
	for (size_t i = 0; i < count; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(from) + i * sizeof(fd), sizeof(fd));
		if (i < NSH_PASS_MAX)
			fds[i] = fd;
		else
			close(fd);
	}
	return *fits ? count : NSH_PASS_MAX;
}

static pid_t take_sender(struct cmsghdr *from)
{
	struct ucred sender;

	memcpy(&sender, CMSG_DATA(from), sizeof(sender));
	return sender.pid;
}

int nsh_pass_receive(int socket, void *data, size_t size, int *fds, size_t *n_fds, int flags,
		     pid_t *sender)
{
	union control control = {0};
	struct iovec part = {.iov_base = data, .iov_len = size};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	ssize_t got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | flags);
	bool fits = true;

	*n_fds = 0;
	if (sender)
		*sender = 0;
	if (got < 0)
		return -errno;
	for (struct cmsghdr *at = CMSG_FIRSTHDR(&message); at; at = CMSG_NXTHDR(&message, at)) {
		if (at->cmsg_level == SOL_SOCKET && at->cmsg_type == SCM_RIGHTS)
			*n_fds = take_files(at, fds, &fits);
		if (sender && at->cmsg_level == SOL_SOCKET && at->cmsg_type == SCM_CREDENTIALS)
			*sender = take_sender(at);
	}
	if (got == (ssize_t)size && fits && !(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return 1;
	nsh_pass_close(fds, *n_fds);
	*n_fds = 0;
	/* A message of no bytes is told from the end only by the files that can come with it. */
	return got == 0 ? 0 : -EPROTO;
}

void nsh_pass_close(int *fds, size_t n_fds)
{
	for (size_t i = 0; i < n_fds; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}
