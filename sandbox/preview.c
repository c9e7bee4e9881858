/* SPDX-License-Identifier: MIT */
/*
 * Plans that are made to be looked at.
 *
 * A plan is made by looking at the user's files, which can be made to hang or to mislead: so it is made in
 * a process that has the user's powers only and that is not waited for longer than it takes. What comes back is
 * text. The user can end that process, and no more: it cannot be looked into.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "nsshell/child.h"
#include "nsshell/cleanup.h"
#include "nsshell/clock.h"
#include "nsshell/hostname.h"
#include "nsshell/id.h"
#include "nsshell/preview.h"
#include "nsshell/sandbox.h"

/* The most that is read, in bytes; a plan has some 10 KiB. */
#define TEXT_MAX (4 << 20)

/* What goes before the operations, and before each of them. An operation's two texts follow it, each with its NUL. */
struct head {
	int code;
	struct nsh_err err;
};
struct op_head {
	enum nsh_stage stage;
	enum nsh_op_kind kind;
};

struct job {
	struct nsh_policy *policy;
	const struct nsh_user *user;
	enum nsh_form form;
	char hostname[NSH_HOSTNAME_MAX];
};

static int write_op(FILE *out, const struct nsh_plan *plan, const struct nsh_op *op,
		    enum nsh_stage stage)
{
	struct op_head head = {.stage = stage, .kind = op->kind};
	NSH_FREE char *detail = nsh_op_detail(plan, op);

	if (!detail)
		return -ENOMEM;
	fwrite(&head, sizeof(head), 1, out);
	fwrite(op->path ? op->path : "", 1, op->path ? strlen(op->path) + 1 : 1, out);
	fwrite(detail, 1, strlen(detail) + 1, out);
	return 0;
}

static int write_stage(FILE *out, const struct job *job, enum nsh_stage stage, struct nsh_err *err)
{
	static const struct nsh_cgroup no_cgroup;
	char id[NSH_ID_LEN + 1];
	struct nsh_session session = {
		.stage = stage,
		.policy = job->policy,
		.user = job->user,
		.gid = job->user->gid,
		.id = id,
		.hostname = job->hostname,
		.userns = -1,
		.network = -1, /* a file more in the frame's folder */
		.cgroup = &no_cgroup,
	};
	struct nsh_plan plan;
	int ret;

	memset(id, '0', NSH_ID_LEN);
	id[NSH_ID_LEN] = '\0';
	ret = nsh_plan_build(&plan, &session, err);
	for (size_t i = 0; ret == 0 && i < plan.count; i++) {
		ret = write_op(out, &plan, &plan.ops[i], stage);
		if (ret < 0)
			nsh_err_sys(err, NSH_REASON_MACHINE, ret, "plan");
	}
	nsh_plan_free(&plan);
	return ret;
}

static int write_stages(FILE *out, const struct job *job, struct nsh_err *err)
{
	int ret = nsh_sandbox_become(job->user, err);

	if (ret == 0 && job->form == NSH_FORM_STANDALONE)
		return write_stage(out, job, NSH_STAGE_WHOLE, err);
	if (ret == 0)
		ret = nsh_plan_settle(job->policy, job->user, err);
	if (ret == 0)
		ret = write_stage(out, job, NSH_STAGE_FRAME, err);
	if (ret == 0 && job->form == NSH_FORM_FRAMED)
		ret = write_stage(out, job, NSH_STAGE_SHELL, err);
	return ret;
}

/*
 * The child. What cannot be written shows as a text that is too short. Nobody is to wait for the end of the caller's
 * output because of one that cannot be killed.
 */
static void __attribute__((noreturn)) run(const struct job *job, int fd)
{
	struct head head = {0};
	char *text = NULL;
	size_t len = 0;
	FILE *memory = open_memstream(&text, &len);
	FILE *out = fdopen(fd, "w");

	if (!memory || !out || nsh_child_shut_streams() < 0)
		_exit(1);
	head.code = write_stages(memory, job, &head.err);
	if (fclose(memory) == 0 && fwrite(&head, sizeof(head), 1, out) == 1 && head.code == 0)
		fwrite(text, 1, len, out);
	if (fclose(out) != 0)
		_exit(1);
	_exit(0);
}

/* Returns the length of what there is until the end, or -errno. One more byte is a NUL. */
static ssize_t read_all(int fd, char **text)
{
	int64_t last = nsh_now_ms() + NSH_PREVIEW_SECONDS * 1000LL;
	size_t len = 0;

	*text = malloc(TEXT_MAX + 1);
	if (!*text)
		return -ENOMEM;
	while (len < TEXT_MAX) {
		int ret = nsh_await(fd, POLLIN, last);
		ssize_t got = ret > 0 ? read(fd, *text + len, TEXT_MAX - len) : 0;

		if (ret == 0)
			return -ETIMEDOUT;
		if (ret < 0 || got < 0)
			return -errno;
		if (got == 0)
			break;
		len += (size_t)got;
	}
	(*text)[len] = '\0';
	return (ssize_t)len;
}

/* Takes a text and its NUL from what is left. Returns NULL when there is none. */
static const char *take_text(const char **at, const char *end)
{
	const char *text = *at;
	const char *stop = memchr(text, '\0', (size_t)(end - text));

	if (stop)
		*at = stop + 1;
	return stop ? text : NULL;
}

static int add(struct nsh_preview *preview, const char **at, const char *end)
{
	struct nsh_preview_op *grown;
	struct nsh_preview_op op;
	struct op_head head;

	if ((size_t)(end - *at) < sizeof(head))
		return -EPROTO;
	memcpy(&head, *at, sizeof(head));
	*at += sizeof(head);
	op = (struct nsh_preview_op){.stage = head.stage, .kind = head.kind};
	op.path = take_text(at, end);
	op.detail = op.path ? take_text(at, end) : NULL;
	if (!op.detail)
		return -EPROTO;
	grown = reallocarray(preview->ops, preview->count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	preview->ops = grown;
	grown[preview->count++] = op;
	return 0;
}

static int take_all(struct nsh_preview *preview, ssize_t len, struct nsh_err *err)
{
	const char *at = preview->text + sizeof(struct head);
	struct head head;
	int ret = len < (ssize_t)sizeof(head) ? -EPROTO : 0;

	if (ret == 0) {
		memcpy(&head, preview->text, sizeof(head));
		if (head.code < 0) {
			*err = head.err;
			err->text[sizeof(err->text) - 1] = '\0';
			return head.code;
		}
	}
	while (ret == 0 && at < preview->text + len)
		ret = add(preview, &at, preview->text + len);
	return ret < 0 ? nsh_err_sys(err, NSH_REASON_MACHINE, ret, "make the plan") : 0;
}

/*
 * Who waits for a file system that does not answer cannot always be killed (FUSE waits a request out): that is left to
 * init, when the calling process has ended.
 */
static void end_child(pid_t pid, bool answered)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, answered ? 0 : WNOHANG) < 0 && errno == EINTR)
		;
}

static int await(struct nsh_preview *preview, pid_t pid, int in, struct nsh_err *err)
{
	ssize_t len = read_all(in, &preview->text);

	end_child(pid, len >= 0);
	if (len < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, (int)len, "make the plan");
	return take_all(preview, len, err);
}

static int start(struct nsh_preview *preview, const struct job *job, struct nsh_err *err)
{
	NSH_CLOSE int end = -1;
	pid_t pid = nsh_child_start(&end, err);

	if (pid == 0)
		run(job, end);
	return pid < 0 ? pid : await(preview, pid, end, err);
}

int nsh_preview_make(struct nsh_preview *preview, struct nsh_policy *policy,
		     const struct nsh_user *user, enum nsh_form form, struct nsh_err *err)
{
	struct job job = {.policy = policy, .user = user, .form = form};
	int ret;

	*preview = (struct nsh_preview){0};
	if (geteuid() != 0 && geteuid() != user->uid)
		return nsh_err_set(err, NSH_REASON_MACHINE, -EPERM,
				   "only root can see the plan of another user");
	ret = nsh_hostname_make(policy, user, job.hostname, err);
	if (ret == 0)
		ret = start(preview, &job, err);
	if (ret < 0)
		nsh_preview_free(preview);
	return ret;
}

void nsh_preview_free(struct nsh_preview *preview)
{
	free(preview->ops);
	free(preview->text);
	*preview = (struct nsh_preview){0};
}
