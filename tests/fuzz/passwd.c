/* SPDX-License-Identifier: MIT */
/*
 * Look-ups in /etc/passwd and /etc/group, compared with the plainest way to do them.
 *
 * The first line of an input is what is looked for, the rest is the database.
 */
#include "nsshell/user.h"
#include "tests/fuzz/fuzz.h"

/* Cuts the line's fields; the last of them ends at a further colon, as a line may have more. */
static bool split(const char *line, size_t len, size_t n_fields, struct nsh_fields *fields)
{
	const char *end = line + len;

	for (size_t i = 0; i < n_fields; i++) {
		const char *colon = line < end ? memchr(line, ':', (size_t)(end - line)) : NULL;

		fields->text[i] = line;
		fields->len[i] = (size_t)((colon ? colon : end) - line);
		if (!colon && i + 1 < n_fields)
			return false;
		line = colon ? colon + 1 : end;
	}
	return !memchr(fields->text[0], '\0', len);
}

static bool is_meant(const struct nsh_fields *fields, size_t field, const char *wanted)
{
	return fields->len[0] && !strchr("#+-", fields->text[0][0]) &&
	       fields->len[field] == strlen(wanted) &&
	       !memcmp(fields->text[field], wanted, fields->len[field]);
}

/* The first line that is meant, or NULL. */
static const char *find_plainly(struct fuzz_input rest, size_t n_fields, size_t field,
				const char *wanted)
{
	struct fuzz_input line;
	struct nsh_fields fields;

	while (fuzz_cut(&rest, "\n", &line))
		if (line.len && split(line.at, line.len, n_fields, &fields) &&
		    is_meant(&fields, field, wanted))
			return line.at;
	return NULL;
}

static void check_find(const struct fuzz_input *text, size_t n_fields, size_t field,
		       const char *wanted)
{
	struct nsh_fields found;
	const char *line = find_plainly(*text, n_fields, field, wanted);
	bool ret = nsh_database_find(text->at, text->len, n_fields, field, wanted, &found);

	/* Nothing has an empty name, and nobody asks for it. */
	if (!*wanted) {
		REQUIRE(!ret);
		return;
	}
	REQUIRE(ret == (line != NULL));
	if (!ret)
		return;
	REQUIRE(found.text[0] == line && found.count == n_fields);
	for (size_t i = 0; i < n_fields; i++) {
		REQUIRE(found.text[i] + found.len[i] <= text->at + text->len);
		REQUIRE(!memchr(found.text[i], ':', found.len[i]));
		REQUIRE(!memchr(found.text[i], '\n', found.len[i]));
	}
}

static void check_user(const struct fuzz_input *text, uid_t uid)
{
	struct nsh_user user;
	struct nsh_err err = {0};
	int ret = nsh_user_parse(&user, uid, text->at, text->len, &err);

	if (ret < 0) {
		REQUIRE(ret == -ENOENT || ret == -EINVAL);
		fuzz_refused(ret, &err);
		return;
	}
	REQUIRE(user.uid == uid && user.gid != (gid_t)-1 && !user.n_groups);
	REQUIRE(nsh_user_name_ok(user.name) && !strpbrk(user.name, "/:\n"));
	REQUIRE(!strpbrk(user.home, ":\n") && !strpbrk(user.shell, ":\n"));
	nsh_user_free(&user);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = fuzz_input(data, size);
	char *wanted = fuzz_text(&input, "\n");
	struct fuzz_input text = {.at = input.at ? input.at : "", .len = input.at ? input.len : 0};

	check_find(&text, 7, 2, wanted);
	check_find(&text, 7, 0, wanted);
	check_find(&text, 4, 0, wanted);
	check_find(&text, 4, 2, wanted);
	check_user(&text, (uid_t)strtoul(wanted, NULL, 10));
	free(wanted);
	return 0;
}
