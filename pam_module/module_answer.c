/* SPDX-License-Identifier: MIT */
/*
 * The session helper's answer. Nothing of it is believed before all of it has been looked at.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "nsshell/pass.h"
#include "pam_module/module_answer.h"

static int wrong(struct nsh_err *err, const char *what)
{
	return nsh_err_set(err, NSH_REASON_FRAME, -EPROTO, "%s", what);
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

static bool is_sound(const struct nsh_reply *reply, size_t n_fds)
{
	return reply->protocol == NSH_PROTOCOL && reply->verdict >= NSH_VERDICT_IGNORE &&
	       reply->verdict <= NSH_VERDICT_CONFINE && is_text(reply->id, sizeof(reply->id)) &&
	       nsh_id_ok(reply->id) && is_text(reply->sentence, sizeof(reply->sentence)) &&
	       n_fds == (reply->verdict == NSH_VERDICT_CONFINE ? NSH_PART_COUNT : 0);
}

void nsh_answer_init(struct nsh_answer *answer)
{
	*answer = (struct nsh_answer){0};
	for (int i = 0; i < NSH_PART_COUNT; i++)
		answer->frame[i] = -1;
}

int nsh_answer_receive(struct nsh_answer *answer, int socket, struct nsh_err *err)
{
	int fds[NSH_PASS_MAX];
	size_t n_fds;
	int ret = nsh_pass_receive(socket, &answer->reply, sizeof(answer->reply), fds, &n_fds,
				   MSG_DONTWAIT, NULL);

	if (ret == 0)
		return wrong(err, "ended without an answer");
	if (ret < 0 && ret != -EPROTO)
		return nsh_err_sys(err, NSH_REASON_FRAME, ret, "receive the answer");
	if (ret < 0 || !is_sound(&answer->reply, n_fds)) {
		nsh_pass_close(fds, n_fds);
		return wrong(err, "gave an answer that is none");
	}
	memcpy(answer->frame, fds, n_fds * sizeof(int));
	return 0;
}

void nsh_answer_close(struct nsh_answer *answer)
{
	nsh_pass_close(answer->frame, NSH_PART_COUNT);
}
