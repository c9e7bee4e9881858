/* SPDX-License-Identifier: MIT */
/*
 * The request as the session helper reads it. An input is what comes over the socket.
 */
#include <sys/socket.h>

#include "pam_module/helper_request.h"
#include "pam_module/protocol.h"
#include "tests/fuzz/fuzz.h"

/* nsshell reads of the frame who the session is for: that must be the same account. */
static void check_account(const struct nsh_user *user)
{
	struct nsh_user again;
	struct nsh_err err = {0};
	char *line;
	int len = asprintf(&line, "%s:x:%u:%u::%s:%s\n", user->name, user->uid, user->gid,
			   user->home, user->shell);

	REQUIRE(len > 0);
	if (nsh_user_parse(&again, user->uid, line, (size_t)len, &err) < 0)
		fprintf(stderr, "%s\n", err.text);
	REQUIRE(again.name && !strcmp(again.name, user->name));
	REQUIRE(!strcmp(again.home, user->home) && !strcmp(again.shell, user->shell));
	REQUIRE(again.uid == user->uid && again.gid == user->gid);
	nsh_user_free(&again);
	free(line);
}

static void check(const struct request *request, size_t size)
{
	const struct nsh_user *user = &request->user;
	const char *end = request->data + size - sizeof(struct nsh_request_head);

	REQUIRE(user->uid != 0 && user->uid != (uid_t)-1 && user->gid != (gid_t)-1);
	REQUIRE(user->n_groups * sizeof(gid_t) <= size);
	for (size_t i = 0; i < user->n_groups; i++)
		REQUIRE(user->groups[i] != (gid_t)-1);
	REQUIRE(request->login.service >= request->data && request->login.service < end);
	REQUIRE(request->login.source > request->login.service && request->login.source < end);
	REQUIRE(request->login.tty > request->login.source &&
		request->login.tty + strlen(request->login.tty) < end);
	check_account(user);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nsh_request_head head = {0};
	struct request request;
	struct nsh_err err = {0};
	int ends[2];
	int ret;

	if (size > 64 * 1024)
		return -1; /* a socket's buffer does not take it at once */
	memcpy(&head, data, size < sizeof(head) ? size : sizeof(head));
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	REQUIRE(send(ends[0], data, size, MSG_DONTWAIT) == (ssize_t)size);
	shutdown(ends[0], SHUT_WR);
	memset(&request, 0xff, sizeof(request));
	ret = nsh_request_read(&request, ends[1], &err);
	if (ret < 0)
		fuzz_refused(ret, &err);
	else
		check(&request, head.size);
	nsh_user_free(&request.user);
	free(request.data);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

/* Most bytes of a head are wrong; half of the inputs get one that fits to what follows. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	struct nsh_request_head head;

	size = LLVMFuzzerMutate(data, size, max_size);
	if (seed % 2 || size < sizeof(head))
		return size;
	memcpy(&head, data, sizeof(head));
	head.protocol = NSH_PROTOCOL;
	head.size = (uint32_t)size;
	head.n_groups %= 8;
	memcpy(data, &head, sizeof(head));
	return size;
}
