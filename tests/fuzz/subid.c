/* SPDX-License-Identifier: MIT */
/*
 * /etc/subuid, and the maps that are made of it for a user namespace.
 *
 * The parts of an input: "UID GID root|keep GROUP..." of the user ann, and the file.
 */
#include <fcntl.h>

#include "nsshell/subid.h"
#include "sandbox/idmap.h"
#include "tests/fuzz/fuzz.h"

#define GROUPS 64

/* The file stands for both of the machine's. */
int __real_nsh_database_read(const char *path, char **text, size_t *len, struct nsh_err *err);
int __wrap_nsh_database_read(const char *path, char **text, size_t *len, struct nsh_err *err);

static const char *file(void)
{
	static char path[192];

	snprintf(path, sizeof(path), "%s/subid", fuzz_folder());
	return path;
}

int __wrap_nsh_database_read(const char *path, char **text, size_t *len, struct nsh_err *err)
{
	(void)path;
	return __real_nsh_database_read(file(), text, len, err);
}

struct range {
	uint64_t inside;
	uint64_t outside;
	uint64_t count;
};

static bool overlap(uint64_t a, uint64_t n, uint64_t b, uint64_t m)
{
	return a < b + m && b < a + n;
}

static void check_ranges(const struct nsh_subid *ranges, int count)
{
	REQUIRE(count <= NSH_SUBID_MAX);
	for (int i = 0; i < count; i++) {
		REQUIRE(ranges[i].start && ranges[i].count);
		REQUIRE((uint64_t)ranges[i].start + ranges[i].count <= UINT32_MAX);
		for (int j = 0; j < i; j++)
			REQUIRE(!overlap(ranges[i].start, ranges[i].count, ranges[j].start,
					 ranges[j].count));
	}
}

static bool is_own(const struct nsh_user *user, uint64_t id)
{
	bool own = id == user->gid;

	for (size_t i = 0; i < user->n_groups; i++)
		own |= user->groups[i] == id;
	return own;
}

/* What the kernel would refuse (user_namespaces(7)), and what root must not give away: id 0. */
static void check_map(const char *map, const struct nsh_user *user, bool groups)
{
	struct range at[400];
	int count = 0;
	int read = 0;

	REQUIRE(strlen(map) < NSH_IDMAP_MAX);
	for (; *map; map += read, count++) {
		REQUIRE(count < 340);
		REQUIRE(sscanf(map, "%lu %lu %lu\n%n", &at[count].inside, &at[count].outside,
			       &at[count].count, &read) == 3);
		REQUIRE(at[count].count && at[count].inside + at[count].count <= UINT32_MAX &&
			at[count].outside + at[count].count <= UINT32_MAX);
		REQUIRE(at[count].outside || (groups && is_own(user, 0)));
		for (int i = 0; i < count; i++)
			REQUIRE(!overlap(at[i].inside, at[i].count, at[count].inside,
					 at[count].count) &&
				!overlap(at[i].outside, at[i].count, at[count].outside,
					 at[count].count));
	}
	REQUIRE(count && at[0].count == 1);
	REQUIRE(at[0].outside == (groups ? user->gid : user->uid));
}

static void check_idmap(const struct nsh_user *user, bool root)
{
	static struct nsh_idmap map;
	struct nsh_policy policy = {0};
	struct nsh_err err = {0};
	int ret;

	policy.settings[NSH_KEY_IDENTITY_UID].number = root ? NSH_UID_ROOT : NSH_UID_KEEP;
	policy.settings[NSH_KEY_IDENTITY_SUBIDS].number = NSH_YES;
	memset(&map, 0xff, sizeof(map));
	ret = nsh_idmap_make(&map, &policy, user, &err);
	if (ret < 0) {
		fuzz_refused(ret, &err);
		return;
	}
	check_map(map.uids, user, false);
	check_map(map.gids, user, true);
}

static void read_all(const struct nsh_user *user, bool root)
{
	struct nsh_subid ranges[NSH_SUBID_MAX];
	struct nsh_err err = {0};
	int count = nsh_subid_read(file(), user, ranges, &err);

	if (count < 0)
		fuzz_refused(count, &err);
	else
		check_ranges(ranges, count);
	check_idmap(user, root);
}

/* Ids as a valid request has them. */
static uint32_t read_id(const char *text, uint32_t otherwise)
{
	uint32_t id = text ? (uint32_t)strtoul(text, NULL, 10) : otherwise;

	return id == UINT32_MAX ? otherwise : id;
}

static bool read_user(struct nsh_user *user, char *line)
{
	uint32_t uid = read_id(strsep(&line, " "), 1000);
	const char *mode;

	user->uid = uid ? uid : 1000;
	user->gid = read_id(strsep(&line, " "), 100);
	mode = strsep(&line, " ");
	while (line && user->n_groups < GROUPS)
		user->groups[user->n_groups++] = read_id(strsep(&line, " "), 0);
	return mode && !strcmp(mode, "root");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = fuzz_input(data, size);
	char *line = fuzz_text(&input, FUZZ_SEPARATOR);
	gid_t groups[GROUPS];
	struct nsh_user user = {.name = (char *)"ann", .groups = groups};
	bool root = read_user(&user, line);
	int fd = open(file(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	REQUIRE(fd >= 0);
	if (input.at && input.len)
		REQUIRE(write(fd, input.at, input.len) == (ssize_t)input.len);
	close(fd);
	read_all(&user, root);
	free(line);
	return 0;
}
