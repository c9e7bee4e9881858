/* SPDX-License-Identifier: MIT */
/*
 * Subordinate ids.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "conf/text.h"
#include "nsshell/cleanup.h"
#include "nsshell/subid.h"

struct reader {
	const char *path;
	const struct nsh_user *user;
	struct nsh_subid *ranges;
	int count;
	struct nsh_err *err;
};

static int wrong(const struct reader *reader, int code, const char *what)
{
	return nsh_err_set(reader->err, NSH_REASON_ACCOUNT, code, "%s: the entry of %s %s",
			   reader->path, reader->user->name, what);
}

static bool is_of_user(const struct nsh_user *user, const char *name, size_t len)
{
	char uid[3 * sizeof(user->uid) + 1];

	snprintf(uid, sizeof(uid), "%u", user->uid);
	return (len == strlen(user->name) && !memcmp(name, user->name, len)) ||
	       (len == strlen(uid) && !memcmp(name, uid, len));
}

static bool overlap(const struct nsh_subid *one, const struct nsh_subid *other)
{
	return one->start < other->start + other->count && other->start < one->start + one->count;
}

static bool is_within(const struct nsh_subid *inner, const struct nsh_subid *outer)
{
	return inner->start >= outer->start &&
	       inner->start + inner->count <= outer->start + outer->count;
}

/* An account can have the same range twice, by its name and by its id: the kernel takes it once. */
static int take_range(struct reader *reader, const char *text, size_t len)
{
	const char *colon = memchr(text, ':', len);
	struct nsh_subid range;

	if (!colon || !nsh_parse_id(text, (size_t)(colon - text), &range.start) ||
	    !nsh_parse_id(colon + 1, len - (size_t)(colon + 1 - text), &range.count))
		return wrong(reader, -EINVAL, "is not NAME:START:COUNT");
	if (!range.count)
		return 0;
	if (!range.start || range.count > UINT32_MAX - range.start)
		return wrong(reader, -EINVAL, "has id 0, or ids that are too high");
	for (int i = 0; i < reader->count; i++) {
		if (!overlap(&reader->ranges[i], &range))
			continue;
		if (is_within(&range, &reader->ranges[i]))
			return 0;
		return wrong(reader, -EINVAL, "has a part of another one's ids");
	}
	if (reader->count == NSH_SUBID_MAX)
		return wrong(reader, -E2BIG, "is one of too many");
	reader->ranges[reader->count++] = range;
	return 0;
}

static int take_line(struct reader *reader, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);

	if (!colon || !is_of_user(reader->user, line, (size_t)(colon - line)))
		return 0;
	return take_range(reader, colon + 1, len - (size_t)(colon + 1 - line));
}

int nsh_subid_read(const char *path, const struct nsh_user *user,
		   struct nsh_subid ranges[NSH_SUBID_MAX], struct nsh_err *err)
{
	struct reader reader = {.path = path, .user = user, .ranges = ranges, .err = err};
	NSH_FREE char *text = NULL;
	size_t len;
	int ret = nsh_database_read(path, &text, &len, err);

	if (ret == -ENOENT)
		return 0;
	for (size_t at = 0; ret == 0 && at < len;) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t length = end ? (size_t)(end - text) - at : len - at;

		ret = take_line(&reader, text + at, length);
		at += length + 1;
	}
	return ret < 0 ? ret : reader.count;
}
