/* SPDX-License-Identifier: MIT */
/*
 * The small pieces that plans are made of.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/build.h"
#include "sandbox/path.h"

void nsh_build_fail(struct builder *b, int code)
{
	if (b->ret == 0)
		b->ret = code;
}

void nsh_build_no_memory(struct builder *b)
{
	nsh_build_fail(b, nsh_err_sys(b->err, NSH_REASON_MACHINE, -ENOMEM, "plan"));
}

/* Returns a new operation, or one that is thrown away when there was an error. */
struct nsh_op *nsh_build_add(struct builder *b, enum nsh_op_kind kind)
{
	static struct nsh_op nowhere;
	struct nsh_plan *plan = b->plan;

	nowhere = (struct nsh_op){0};
	if (b->ret == 0 && plan->count == plan->room) {
		size_t room = plan->room ? plan->room * 2 : 128;
		struct nsh_op *grown = reallocarray(plan->ops, room, sizeof(*grown));

		if (grown) {
			plan->ops = grown;
			plan->room = room;
		} else {
			nsh_build_no_memory(b);
		}
	}
	if (b->ret < 0)
		return &nowhere;
	plan->ops[plan->count] = (struct nsh_op){.kind = kind};
	return &plan->ops[plan->count++];
}

/* Texts lie one after the other in pieces of memory: there are hundreds, and they go all at once. */
struct nsh_texts {
	struct nsh_texts *next;
	size_t room;
	size_t used;
	char text[];
};

#define TEXTS_ROOM (16 * 1024 - sizeof(struct nsh_texts))

static struct nsh_texts *more_texts(struct builder *b, size_t len)
{
	size_t room = len < TEXTS_ROOM ? TEXTS_ROOM : len + 1;
	struct nsh_texts *texts = malloc(sizeof(*texts) + room);

	if (!texts)
		return NULL;
	*texts = (struct nsh_texts){.next = b->plan->texts, .room = room};
	b->plan->texts = texts;
	return texts;
}

void nsh_build_free_texts(struct nsh_texts *texts)
{
	while (texts) {
		struct nsh_texts *next = texts->next;

		free(texts);
		texts = next;
	}
}

/* What does not fit is written once more, into a new piece. */
static int write_text(struct builder *b, char **field, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));

static int write_text(struct builder *b, char **field, const char *format, va_list args)
{
	struct nsh_texts *texts = b->plan->texts;
	size_t left = texts ? texts->room - texts->used : 0;
	va_list again;
	int len;

	va_copy(again, args);
	len = vsnprintf(texts ? texts->text + texts->used : NULL, left, format, args);
	if (len >= 0 && (size_t)len >= left) {
		texts = more_texts(b, (size_t)len);
		len = texts ? vsnprintf(texts->text, texts->room, format, again) : -1;
	}
	va_end(again);
	if (len < 0)
		return -1;
	*field = texts->text + texts->used;
	texts->used += (size_t)len + 1;
	return len;
}

/* Returns the length of the text, or -1 when there is none. */
static int make_text(struct builder *b, char **field, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));

static int make_text(struct builder *b, char **field, const char *format, va_list args)
{
	int len;

	if (b->ret < 0)
		return -1;
	len = write_text(b, field, format, args);
	if (len < 0)
		nsh_build_no_memory(b);
	return len;
}

/* Sets an operation's text field to a formatted text. */
void nsh_build_put(struct builder *b, char **field, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	make_text(b, field, format, args);
	va_end(args);
}

/* Sets what an operation writes: its text and the length of it. */
void nsh_build_text(struct builder *b, struct nsh_op *op, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = make_text(b, &op->text, format, args);
	va_end(args);
	if (len >= 0)
		op->len = (size_t)len;
}

struct nsh_op *nsh_build_path(struct builder *b, enum nsh_op_kind kind, const char *path)
{
	struct nsh_op *op = nsh_build_add(b, kind);

	nsh_build_put(b, &op->path, "%s", path);
	return op;
}

/* A path in the session's own file system. */
struct nsh_op *nsh_build_own(struct builder *b, enum nsh_op_kind kind, const char *name)
{
	struct nsh_op *op = nsh_build_add(b, kind);

	nsh_build_put(b, &op->path, "%s/%s", b->folder, name);
	return op;
}

void nsh_build_file(struct builder *b, const char *name, mode_t mode, const char *text, size_t len)
{
	struct nsh_op *op = nsh_build_own(b, NSH_OP_FILE, name);

	nsh_build_text(b, op, "%.*s", (int)len, text);
	op->mode = mode;
}

void nsh_build_copy(struct builder *b, const char *name, const char *source)
{
	struct nsh_op *op = nsh_build_own(b, NSH_OP_FILE, name);

	nsh_build_text(b, op, "%s", "");
	nsh_build_put(b, &op->source, "%s", source);
	op->mode = 0444;
}

/* Makes every folder of below inside folder; the last one only when all is true. */
void nsh_build_folders(struct builder *b, const char *folder, const char *below, bool all)
{
	const char *end = below;
	struct nsh_op *op;

	while (*end) {
		end += strspn(end, "/");
		end += strcspn(end, "/");
		if (!*end && !all)
			return;
		op = nsh_build_add(b, NSH_OP_FOLDER);
		nsh_build_put(b, &op->path, "%s/%.*s", folder, (int)(end - below), below);
		op->mode = 0755;
	}
}

struct nsh_op *nsh_build_bind(struct builder *b, const char *source, const char *path,
			      bool optional)
{
	struct nsh_op *op = nsh_build_path(b, NSH_OP_BIND, path);

	nsh_build_put(b, &op->source, "%s", source);
	op->optional = optional;
	return op;
}

/* Shows a file of the session's own where the session's view has such a file. */
void nsh_build_bind_own(struct builder *b, const char *name, const char *path)
{
	char source[PATH_MAX];
	char target[PATH_MAX];

	snprintf(source, sizeof(source), "%s/%s", b->folder, name);
	if (nsh_build_inside(b, path, target))
		nsh_build_bind(b, source, target, true);
}

unsigned nsh_build_slot(struct builder *b)
{
	return b->plan->n_slots++;
}

void nsh_build_hold(struct builder *b, const char *path, unsigned slot, bool optional)
{
	struct nsh_op *op = nsh_build_path(b, NSH_OP_HOLD, path);

	op->slot = slot;
	op->optional = optional;
}

void nsh_build_show(struct builder *b, const char *path, unsigned slot)
{
	nsh_build_path(b, NSH_OP_SHOW, path)->slot = slot;
}

bool nsh_build_is_absent(int code)
{
	return code == -ENOENT || code == -ENOTDIR || code == -EACCES;
}

/* Where the kernel has no memory to look, what is to be covered may be there all the same. */
bool nsh_build_find(struct builder *b, const char *path, char out[PATH_MAX])
{
	struct nsh_err err;
	int ret;

	if (b->ret < 0)
		return false;
	ret = nsh_path_resolve("", path, out, &err);
	if (ret < 0 && !nsh_build_is_absent(ret)) {
		*b->err = err;
		nsh_build_fail(b, ret);
	}
	return ret == 0;
}

/* Returns 1, 0 when it is not there, or -errno. An error that there was before stays the first. */
static int find_inside(struct builder *b, const char *path, char out[PATH_MAX])
{
	struct nsh_err err;
	int ret;

	if (b->ret < 0)
		return b->ret;
	if (!b->root[0]) {
		snprintf(out, PATH_MAX, "%s", path);
		return 1;
	}
	ret = nsh_path_resolve(b->root, path, out, &err);
	if (ret == 0)
		return 1;
	err.reason = NSH_REASON_POLICY;
	*b->err = err;
	nsh_err_context(b->err, ret, "view.root");
	return ret == -ENOENT ? 0 : ret;
}

bool nsh_build_inside(struct builder *b, const char *path, char out[PATH_MAX])
{
	int ret = find_inside(b, path, out);

	if (ret < 0)
		nsh_build_fail(b, ret);
	return ret == 1;
}

bool nsh_build_needed(struct builder *b, const char *path, char out[PATH_MAX])
{
	int ret = find_inside(b, path, out);

	if (ret < 1)
		nsh_build_fail(b, ret < 0 ? ret : -ENOENT);
	return ret == 1;
}
