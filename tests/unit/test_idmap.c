/* SPDX-License-Identifier: MIT */
/*
 * The id maps of a session's user namespace. What is mapped is what the user may be anyway; the
 * kernel takes a map whole or not at all (user_namespaces(7)), so each of them must be one that it
 * takes, whatever groups an account is in.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "sandbox/idmap.h"

#define LINES_MAX 340
#define BYTES_MAX 4095

struct line {
	uint32_t inside;
	uint32_t outside;
	uint32_t count;
};

struct map {
	struct line lines[LINES_MAX];
	size_t count;
};

static struct nsh_idmap make(const struct nsh_user *user, int uid, int subids)
{
	struct nsh_policy policy = {0};
	struct nsh_idmap idmap;
	struct nsh_err err = {0};

	memset(&idmap, 0xff, sizeof(idmap));
	policy.settings[NSH_KEY_IDENTITY_UID].number = uid;
	policy.settings[NSH_KEY_IDENTITY_SUBIDS].number = subids;
	if (nsh_idmap_make(&idmap, &policy, user, &err) < 0)
		fail_msg("%s", err.text);
	return idmap;
}

static struct nsh_user user_with(gid_t *groups, size_t count)
{
	return (struct nsh_user){.uid = 1000,
				 .gid = 100,
				 .name = (char *)"nsh-no-such-account",
				 .groups = groups,
				 .n_groups = count};
}

/* Reads a map as the kernel does, with all of its conditions. */
static struct map parse(const char *text)
{
	struct map map = {.count = 0};

	assert_in_range(strnlen(text, NSH_IDMAP_MAX), 1, BYTES_MAX);
	while (*text) {
		struct line *line = &map.lines[map.count++];
		char again[64];

		assert_in_range(map.count, 1, LINES_MAX);
		assert_int_equal(
			sscanf(text, "%u %u %u", &line->inside, &line->outside, &line->count), 3);
		snprintf(again, sizeof(again), "%u %u %u\n", line->inside, line->outside,
			 line->count);
		assert_memory_equal(text, again, strlen(again));
		text += strlen(again);
		assert_true(line->count > 0);
		assert_true(UINT32_MAX - line->inside >= line->count);
		assert_true(UINT32_MAX - line->outside >= line->count);
	}
	return map;
}

static bool overlaps(uint32_t one, uint32_t other, uint32_t n_one, uint32_t n_other)
{
	return other - one < n_one || one - other < n_other;
}

/* The kernel refuses a map that has an id twice. */
static struct map parse_gids(const struct nsh_idmap *idmap)
{
	struct map map = parse(idmap->gids);

	for (size_t i = 0; i < map.count; i++)
		for (size_t k = 0; k < i; k++) {
			const struct line *one = &map.lines[i];
			const struct line *other = &map.lines[k];

			assert_false(
				overlaps(one->inside, other->inside, one->count, other->count));
			assert_false(
				overlaps(one->outside, other->outside, one->count, other->count));
		}
	return map;
}

static bool has(const struct map *map, gid_t gid)
{
	for (size_t i = 0; i < map->count; i++)
		if (gid - map->lines[i].outside < map->lines[i].count)
			return true;
	return false;
}

struct sample {
	gid_t groups[8];
	size_t n_groups;
	const char *keep;
	const char *root;
};

static void test_few_groups(void **state)
{
	static const struct sample samples[] = {
		{{0}, 0, "100 100 1\n", "0 100 1\n"},
		{{100}, 1, "100 100 1\n", "0 100 1\n"},
		{{100, 100}, 2, "100 100 1\n", "0 100 1\n"},
		{{50}, 1, "100 100 1\n50 50 1\n", "0 100 1\n50 50 1\n"},
		{{300, 50, 200},
		 3,
		 "100 100 1\n50 50 1\n200 200 1\n300 300 1\n",
		 "0 100 1\n50 50 1\n200 200 1\n300 300 1\n"},
		{{203, 201, 202}, 3, "100 100 1\n201 201 3\n", "0 100 1\n201 201 3\n"},
		{{201, 203},
		 2,
		 "100 100 1\n201 201 1\n203 203 1\n",
		 "0 100 1\n201 201 1\n203 203 1\n"},
		{{7, 7, 8, 7, 8}, 5, "100 100 1\n7 7 2\n", "0 100 1\n7 7 2\n"},
		/* The primary group parts its neighbours. */
		{{101, 99, 100},
		 3,
		 "100 100 1\n99 99 1\n101 101 1\n",
		 "0 100 1\n99 99 1\n101 101 1\n"},
		/* Inside, 0 is the account's own group; the machine's group 0 has no number left. */
		{{0}, 1, "100 100 1\n0 0 1\n", "0 100 1\n"},
		{{0, 1}, 2, "100 100 1\n0 0 2\n", "0 100 1\n1 1 1\n"},
		{{4294967294, 4294967293},
		 2,
		 "100 100 1\n4294967293 4294967293 2\n",
		 "0 100 1\n4294967293 4294967293 2\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
		gid_t groups[8];
		struct nsh_user user = user_with(groups, samples[i].n_groups);
		struct nsh_idmap keep;
		struct nsh_idmap root;

		memcpy(groups, samples[i].groups, sizeof(groups));
		keep = make(&user, NSH_UID_KEEP, NSH_NO);
		root = make(&user, NSH_UID_ROOT, NSH_NO);
		assert_string_equal(keep.uids, "1000 1000 1\n");
		assert_string_equal(root.uids, "0 1000 1\n");
		assert_string_equal(keep.gids, samples[i].keep);
		assert_string_equal(root.gids, samples[i].root);
		parse_gids(&keep);
		parse_gids(&root);
		/* The account is left as it was. */
		assert_memory_equal(groups, samples[i].groups, sizeof(groups));
	}
}

static void test_primary_group_0(void **state)
{
	gid_t groups[] = {0, 1, 100};
	struct nsh_user user = user_with(groups, 3);
	struct nsh_idmap idmap;

	(void)state;
	user.gid = 0;
	idmap = make(&user, NSH_UID_KEEP, NSH_NO);
	assert_string_equal(idmap.gids, "0 0 1\n1 1 1\n100 100 1\n");
	idmap = make(&user, NSH_UID_ROOT, NSH_NO);
	assert_string_equal(idmap.gids, "0 0 1\n1 1 1\n100 100 1\n");
}

static void test_highest_ids(void **state)
{
	struct nsh_user user = user_with(NULL, 0);
	struct nsh_idmap idmap;

	(void)state;
	user.uid = 4294967294;
	user.gid = 4294967294;
	idmap = make(&user, NSH_UID_KEEP, NSH_NO);
	assert_string_equal(idmap.uids, "4294967294 4294967294 1\n");
	assert_string_equal(idmap.gids, "4294967294 4294967294 1\n");
}

/* count groups from first on, step apart, in an order of no use. */
static gid_t *many(size_t count, gid_t first, gid_t step)
{
	gid_t *groups = calloc(count, sizeof(*groups));

	assert_non_null(groups);
	for (size_t i = 0; i < count; i++)
		groups[(i * 7919) % count] = first + (gid_t)i * step;
	return groups;
}

static void test_many_groups(void **state)
{
	/* Numbers of groups that 7919, a prime, does not divide. */
	static const struct {
		size_t count;
		gid_t first;
		gid_t step;
		size_t lines; /* of the map; 0 when the bytes are what ends it */
	} samples[] = {
		{65536, 1000, 1, 2}, /* NGROUPS_MAX */
		{65536, 0, 1, 3},        {339, 1000, 2, 340},    {340, 1000, 2, 340},
		{5000, 2, 2, 0},         {5000, 10000000, 2, 0}, {5000, 4000000000, 2, 0},
		{65536, 1000, 65537, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
		gid_t *groups = many(samples[i].count, samples[i].first, samples[i].step);
		struct nsh_user user = user_with(groups, samples[i].count);

		for (int uid = NSH_UID_KEEP; uid <= NSH_UID_ROOT; uid++) {
			struct nsh_idmap idmap = make(&user, uid, NSH_NO);
			struct map map = parse_gids(&idmap);

			assert_int_equal(map.lines[0].outside, 100);
			assert_int_equal(map.lines[0].inside, uid == NSH_UID_ROOT ? 0 : 100);
			assert_int_equal(map.lines[0].count, 1);
			if (samples[i].lines)
				assert_int_equal(map.count, samples[i].lines);
			else
				assert_true(map.count == LINES_MAX ||
					    strlen(idmap.gids) > BYTES_MAX - 32);
		}
		free(groups);
	}
}

/* 340 lines of 4096 bytes in all would be: one byte too many for the kernel. */
static void test_last_byte(void **state)
{
	gid_t groups[339];
	struct nsh_user user = user_with(groups, 339);
	struct nsh_idmap idmap;

	(void)state;
	for (gid_t i = 0; i < 330; i++)
		groups[i] = 1000 + 2 * i;
	for (gid_t i = 330; i < 339; i++)
		groups[i] = 10000 + 2 * i;
	idmap = make(&user, NSH_UID_KEEP, NSH_NO);
	assert_int_equal(parse_gids(&idmap).count, 339);
	assert_int_equal(strlen(idmap.gids), 4096 - strlen("10676 10676 1\n"));
}

/* Whatever the map has no room for is left out whole: no group is there that the user is not in. */
static void test_nothing_else_mapped(void **state)
{
	gid_t *groups = many(5000, 1000, 3);
	struct nsh_user user = user_with(groups, 5000);
	struct nsh_idmap idmap = make(&user, NSH_UID_KEEP, NSH_NO);
	struct map map = parse_gids(&idmap);

	(void)state;
	for (gid_t gid = 0; gid < 20000; gid++)
		if (has(&map, gid))
			assert_true(gid == 100 || (gid >= 1000 && gid % 3 == 1000 % 3));
	free(groups);
}

/* subids = yes grants an account that the machine's files do not know nothing. */
static void test_no_subids(void **state)
{
	gid_t groups[] = {50};
	struct nsh_user user = user_with(groups, 1);
	struct nsh_idmap idmap;

	(void)state;
	user.uid = 4294967290;
	idmap = make(&user, NSH_UID_ROOT, NSH_YES);
	assert_string_equal(idmap.uids, "0 4294967290 1\n");
	assert_string_equal(idmap.gids, "0 100 1\n50 50 1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_few_groups),  cmocka_unit_test(test_primary_group_0),
		cmocka_unit_test(test_highest_ids), cmocka_unit_test(test_many_groups),
		cmocka_unit_test(test_last_byte),   cmocka_unit_test(test_nothing_else_mapped),
		cmocka_unit_test(test_no_subids),
	};

	return cmocka_run_group_tests_name("idmap", tests, NULL, NULL);
}
