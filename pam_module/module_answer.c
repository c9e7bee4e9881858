/* SPDX-License-Identifier: MIT */
/*
 * The session helper's answer. Nothing of it is believed before all of it has been looked at.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "nsshell/cleanup.h"
#include "pam_module/module_answer.h"

static int wrong(struct nsh_err *err, const char *what)
{
	return nsh_err_set(err, NSH_REASON_FRAME, -EPROTO, "%s", what);
}

/* Takes the message's fds; one too many is closed. Returns how many there were. */
static int take_fds(struct msghdr *message, int frame[NSH_PART_COUNT])
{
	int count = 0;

	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part;
	     part = CMSG_NXTHDR(message, part)) {
		size_t n = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(part) + i * sizeof(fd), sizeof(fd));
			if (count < NSH_PART_COUNT)
				frame[count] = fd;
			else
				close(fd);
			count++;
		}
	}
	return count;
}

static bool is_text(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (!text[i])
			return true;
		if (text[i] < ' ' || text[i] > '~')
			return false;
	}
	return false;
}

static bool is_sound(const struct nsh_answer *answer, ssize_t size, int fds)
{
	const struct nsh_reply *reply = &answer->reply;

	return size == (ssize_t)sizeof(*reply) && reply->protocol == NSH_PROTOCOL &&
	       reply->verdict >= NSH_VERDICT_IGNORE && reply->verdict <= NSH_VERDICT_CONFINE &&
	       is_text(reply->id, sizeof(reply->id)) && nsh_id_ok(reply->id) &&
	       is_text(reply->sentence, sizeof(reply->sentence)) &&
	       fds == (reply->verdict == NSH_VERDICT_CONFINE ? NSH_PART_COUNT : 0);
}

void nsh_answer_init(struct nsh_answer *answer)
{
	*answer = (struct nsh_answer){0};
	for (int i = 0; i < NSH_PART_COUNT; i++)
		answer->frame[i] = -1;
}

int nsh_answer_receive(struct nsh_answer *answer, int socket, struct nsh_err *err)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec data = {.iov_base = &answer->reply, .iov_len = sizeof(answer->reply)};
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	int fds;

	if (size < 0)
		return nsh_err_sys(err, NSH_REASON_FRAME, -errno, "receive the answer");
	fds = take_fds(&message, answer->frame);
	if (size == 0)
		return wrong(err, "ended without an answer");
	if (!is_sound(answer, size, fds) || (message.msg_flags & MSG_CTRUNC))
		return wrong(err, "gave an answer that is none");
	return 0;
}

void nsh_answer_close(struct nsh_answer *answer)
{
	for (int i = 0; i < NSH_PART_COUNT; i++) {
		nsh_cleanup_close(&answer->frame[i]);
		answer->frame[i] = -1;
	}
}
