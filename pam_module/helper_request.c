/* SPDX-License-Identifier: MIT */
/*
 * The module's request.
 *
 * It comes from root, but what is in it does not: the name service knows the account from a directory,
 * the address and the terminal come from whoever logs in.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "pam_module/helper_request.h"
#include "pam_module/protocol.h"

static int no_request(struct nsh_err *err)
{
	return nsh_err_set(err, NSH_REASON_FRAME, -EPROTO,
			   "the session helper is started by pam_nsshell.so and by nobody else");
}

static int receive(int socket, void *data, size_t size, struct nsh_err *err)
{
	ssize_t got = recv(socket, data, size, MSG_WAITALL);

	return got == (ssize_t)size ? 0 : no_request(err);
}

/* Cuts the texts off the data. All of it must be used up. */
static bool cut_texts(const char *at, const char *end, const char *texts[NSH_TEXT_COUNT])
{
	for (int i = 0; i < NSH_TEXT_COUNT; i++) {
		const char *stop = at < end ? memchr(at, '\0', (size_t)(end - at)) : NULL;

		if (!stop)
			return false;
		texts[i] = at;
		at = stop + 1;
	}
	return at == end;
}

/* The frame's account file has the form of passwd(5). */
static bool fits_passwd(const char *text)
{
	return !text[strcspn(text, ":\n")] && strlen(text) < 4096;
}

/* To system calls (uid_t)-1 says "as it is": for root, root. */
static bool has_ids(const struct nsh_user *user)
{
	bool valid = user->uid != (uid_t)-1 && user->gid != (gid_t)-1;

	for (size_t i = 0; i < user->n_groups; i++)
		valid &= user->groups[i] != (gid_t)-1;
	return valid;
}

static int take_user(struct nsh_user *user, const struct nsh_request_head *head, const char *groups,
		     const char *const texts[NSH_TEXT_COUNT], struct nsh_err *err)
{
	*user = (struct nsh_user){
		.uid = head->uid,
		.gid = head->gid,
		.name = strdup(texts[NSH_TEXT_USER]),
		.home = strdup(texts[NSH_TEXT_HOME]),
		.shell = strdup(texts[NSH_TEXT_SHELL]),
		.groups = calloc(head->n_groups + 1, sizeof(gid_t)),
		.n_groups = head->n_groups,
	};
	if (!user->name || !user->home || !user->shell || !user->groups)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -ENOMEM, "account");
	memcpy(user->groups, groups, head->n_groups * sizeof(gid_t));
	if (head->uid == 0)
		return nsh_err_set(err, NSH_REASON_ACCOUNT, -EINVAL, "user id 0 is never confined");
	if (!has_ids(user))
		return nsh_err_set(err, NSH_REASON_ACCOUNT, -EINVAL,
				   "user id %u, or one of its groups, is no id", head->uid);
	if (!nsh_user_name_ok(user->name) || !fits_passwd(user->home) || !fits_passwd(user->shell))
		return nsh_err_set(err, NSH_REASON_ACCOUNT, -EINVAL,
				   "the name, home or shell of user id %u cannot be used",
				   head->uid);
	return 0;
}

static int read_rest(struct request *request, const struct nsh_request_head *head, int socket,
		     struct nsh_err *err)
{
	const char *texts[NSH_TEXT_COUNT];
	size_t groups = head->n_groups * sizeof(gid_t);
	size_t size = head->size - sizeof(*head);
	int ret;

	request->data = malloc(size);
	if (!request->data)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -ENOMEM, "request");
	ret = receive(socket, request->data, size, err);
	if (ret < 0)
		return ret;
	if (!cut_texts(request->data + groups, request->data + size, texts))
		return no_request(err);
	request->login.service = texts[NSH_TEXT_SERVICE];
	request->login.source = texts[NSH_TEXT_RHOST];
	request->login.tty = texts[NSH_TEXT_TTY];
	return take_user(&request->user, head, request->data, texts, err);
}

int nsh_request_read(struct request *request, int socket, struct nsh_err *err)
{
	struct nsh_request_head head;
	int ret = receive(socket, &head, sizeof(head), err);

	*request = (struct request){.login = {.service = "", .source = "", .tty = ""}};
	if (ret < 0)
		return ret;
	if (head.protocol != NSH_PROTOCOL || head.size > NSH_REQUEST_MAX ||
	    head.n_groups > NSH_REQUEST_MAX / sizeof(gid_t) ||
	    head.size < sizeof(head) + head.n_groups * sizeof(gid_t) + NSH_TEXT_COUNT)
		return no_request(err);
	return read_rest(request, &head, socket, err);
}
