/* SPDX-License-Identifier: MIT */
/*
 * From policy files to a policy and back: what nsh_policy_write() writes is read as the same policy.
 *
 * The parts of an input: nsshell.conf, match.d/10.conf, users.d/ann.conf, match.d/20.conf, and the
 * service and the source of a login. Without the last two the login is one without PAM.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "conf/value.h"
#include "nsshell/policy.h"
#include "tests/fuzz/fuzz.h"

#define SIZE_MAX_OF_PATH 192

static struct nsh_user user = {.uid = 4711, .gid = 100, .name = (char *)"ann"};

/* In place of the machine's groups: "a" is the user's, "!" and "?" are those that cannot be found. */
int __wrap_nsh_group_find(const char *name, gid_t *gid, struct nsh_err *err);

int __wrap_nsh_group_find(const char *name, gid_t *gid, struct nsh_err *err)
{
	*gid = name[0] == 'a' ? 100 : 200;
	if (name[0] == '?')
		return nsh_err_sys(err, NSH_REASON_ACCOUNT, -EIO, "group");
	return name[0] == 'x' ? -ENOENT : 0;
}

static const char *path_of(const char *name)
{
	static char path[SIZE_MAX_OF_PATH];

	snprintf(path, sizeof(path), "%s/%s", fuzz_folder(), name);
	return path;
}

static void put(const char *name, const char *text, size_t len)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	REQUIRE(fd >= 0 && write(fd, text, len) == (ssize_t)len);
	close(fd);
}

static void put_part(struct fuzz_input *input, const char *name)
{
	struct fuzz_input part;

	if (fuzz_cut(input, FUZZ_SEPARATOR, &part))
		put(name, part.at, part.len);
	else
		unlink(path_of(name));
}

/* Each value is what its type admits, and comes from one of the files or is the default. */
static void check_setting(const struct nsh_policy *policy, int id)
{
	const struct nsh_setting *setting = &policy->settings[id];
	bool found = !setting->file;
	struct nsh_err err;
	int number;

	REQUIRE(nsh_value_check(&nsh_keys[id], setting->text, &number, &err) == 0);
	REQUIRE(number == setting->number);
	REQUIRE(setting->file || !strcmp(setting->text, nsh_keys[id].preset));
	REQUIRE(!setting->file == !setting->line);
	for (size_t i = 0; i < policy->n_files; i++)
		found |= policy->files[i] == setting->file;
	REQUIRE(found);
}

static void check_same(const struct nsh_policy *one, const struct nsh_policy *other)
{
	for (int i = 0; i < NSH_KEY_COUNT; i++) {
		if (nsh_key_is_match(&nsh_keys[i]))
			continue;
		REQUIRE(!strcmp(one->settings[i].text, other->settings[i].text));
		REQUIRE(one->settings[i].number == other->settings[i].number);
	}
}

/* Writes the policy and reads that. Returns what was written. */
static char *write_and_read(const struct nsh_policy *policy, struct nsh_policy *again)
{
	struct nsh_err err = {0};
	size_t len;
	char *text = nsh_policy_write(policy, &len);

	REQUIRE(text && strlen(text) == len);
	put("resolved", text, len);
	if (nsh_policy_load_resolved(again, path_of("resolved"), getuid(), &err) < 0)
		fprintf(stderr, "%s\n", err.text);
	REQUIRE(again->n_files == 1);
	return text;
}

/* Twice: from the second time on it is the same byte by byte, the origins in the comments too. */
static void check_writing(const struct nsh_policy *policy)
{
	struct nsh_policy again = {0};
	struct nsh_policy more = {0};
	char *second;
	char *third;
	size_t len;

	free(write_and_read(policy, &again));
	check_same(policy, &again);
	second = write_and_read(&again, &more);
	third = nsh_policy_write(&more, &len);
	REQUIRE(third && !strcmp(second, third));
	free(second);
	free(third);
	nsh_policy_free(&again);
	nsh_policy_free(&more);
}

/* What is wrong with a file is told with its name and a line. */
static void check_refusal(int code, const struct nsh_err *err)
{
	static const int codes[] = {-ENOENT, -EPERM, -EINVAL, -E2BIG, -EIO};
	bool known = false;

	fuzz_refused(code, err);
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		known |= codes[i] == code;
	REQUIRE(known);
	if (code == -EINVAL)
		REQUIRE(!strncmp(err->text, fuzz_folder(), strlen(fuzz_folder())));
}

static void count_complaint(void *data, const struct nsh_complaint *complaint)
{
	REQUIRE(!strncmp(complaint->file, fuzz_folder(), strlen(fuzz_folder())));
	REQUIRE(*complaint->text && (complaint->section || !complaint->key));
	++*(unsigned *)data;
}

static void check_seen(void *data, const struct nsh_seen *seen)
{
	struct nsh_err err;
	int number;

	(void)data;
	REQUIRE(nsh_value_check(&nsh_keys[seen->id], seen->text, &number, &err) == 0);
	REQUIRE(seen->line && !seen->lock_file == !seen->lock_line);
}

/* With an observer the result is the same, and each error has been told. */
static void observe(const struct nsh_login *login, int code, const struct nsh_err *first)
{
	unsigned count = 0;
	const struct nsh_observer observer = {
		.data = &count, .complaint = count_complaint, .setting = check_seen};
	struct nsh_place place = {
		.folder = fuzz_folder(), .owner = getuid(), .observer = &observer};
	struct nsh_policy policy;
	struct nsh_err err = {0};
	int ret = nsh_policy_load(&policy, &place, &user, login, &err);

	REQUIRE(ret == code && !count == !code);
	if (ret < 0)
		REQUIRE(!strcmp(err.text, first->text));
	else
		nsh_policy_free(&policy);
}

static void load(const struct nsh_login *login)
{
	struct nsh_place place = {.folder = fuzz_folder(), .owner = getuid()};
	struct nsh_policy policy;
	struct nsh_err err = {0};
	int ret = nsh_policy_load(&policy, &place, &user, login, &err);

	observe(login, ret, &err);
	if (ret < 0) {
		check_refusal(ret, &err);
		return;
	}
	for (int i = 0; i < NSH_KEY_COUNT; i++)
		check_setting(&policy, i);
	check_writing(&policy);
	nsh_policy_free(&policy);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	umask(022);
	REQUIRE(mkdir(path_of("match.d"), 0755) == 0 && mkdir(path_of("users.d"), 0755) == 0);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = fuzz_input(data, size);
	bool framed;
	char *service;
	char *source;

	put_part(&input, "nsshell.conf");
	put_part(&input, "match.d/10.conf");
	put_part(&input, "users.d/ann.conf");
	put_part(&input, "match.d/20.conf");
	framed = input.at != NULL;
	service = fuzz_text(&input, FUZZ_SEPARATOR);
	source = fuzz_text(&input, FUZZ_SEPARATOR);
	load(framed ? &(struct nsh_login){.service = service, .source = source} : NULL);
	free(service);
	free(source);
	return 0;
}
