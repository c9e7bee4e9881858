/* SPDX-License-Identifier: MIT */
/*
 * The environment of the session's shell.
 *
 * The parts of an input: the values of [env] set, unset and keep, and the environment outside, a
 * variable a line.
 */
#include "conf/value.h"
#include "nsshell/list.h"
#include "nsshell/environment.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/environment.h"

#define MOST 32

static const enum nsh_key_id keys[] = {NSH_KEY_ENV_SET, NSH_KEY_ENV_UNSET, NSH_KEY_ENV_KEEP};

static size_t count_of(char *const *environment, const char *name)
{
	size_t len = strlen(name);
	size_t count = 0;

	for (; *environment; environment++)
		count += !strncmp(*environment, name, len) &&
			 ((*environment)[len] == '=' || !(*environment)[len]);
	return count;
}

/* What the policy sets is there as it says, and nothing else has that name. */
static void check_set(char *const *environment, const char *list)
{
	struct nsh_item item;

	while (nsh_list_next(&list, &item)) {
		bool found = false;

		for (char *const *at = environment; *at; at++)
			found |= nsh_item_is(&item, *at);
		REQUIRE(found);
	}
}

/* Without patterns, and where it is neither set nor one that nsshell sets. */
static void check_unset(char *const *environment, char *const *outside,
			const struct nsh_policy *policy)
{
	const char *list = nsh_policy_text(policy, NSH_KEY_ENV_UNSET);
	struct nsh_item item;

	while (nsh_list_next(&list, &item))
		for (; *outside; outside++)
			if (strlen(*outside) > item.len && (*outside)[item.len] == '=' &&
			    !memcmp(*outside, item.text, item.len))
				for (char *const *at = environment; *at; at++)
					REQUIRE(*at != *outside);
}

static void check(const struct nsh_policy *policy, char *const *outside)
{
	char **made = nsh_environment_make(policy, outside, "0123456789abcdef");

	REQUIRE(made);
	REQUIRE(count_of(made, "SHELL") == 1 && count_of(made, "container") == 1);
	REQUIRE(count_of(made, "NSSHELL_SESSION") == 1);
	REQUIRE(!strcmp(nsh_environment_get(made, "NSSHELL_SESSION"), "0123456789abcdef"));
	REQUIRE(!strcmp(nsh_environment_get(made, "SHELL"), "/bin/sh"));
	check_set(made, nsh_policy_text(policy, NSH_KEY_ENV_SET));
	check_unset(made, outside, policy);
	free_environment(made, outside);
}

/* Only values that the type admits come this far. */
static bool take(struct nsh_policy *policy, struct fuzz_input *input)
{
	bool valid = true;

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		struct nsh_setting *setting = &policy->settings[keys[i]];
		struct nsh_err err;

		setting->text = fuzz_text(input, FUZZ_SEPARATOR);
		valid &= nsh_value_check(&nsh_keys[keys[i]], setting->text, &setting->number,
					 &err) == 0;
	}
	return valid;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = fuzz_input(data, size);
	struct nsh_policy policy = {0};
	char *outside[MOST + 1] = {NULL};
	bool valid = take(&policy, &input);

	policy.settings[NSH_KEY_SHELL_PROGRAM].text = strdup("/bin/sh");
	for (int n = 0; n < MOST && input.at; n++)
		outside[n] = fuzz_text(&input, "\n");
	if (valid)
		check(&policy, outside);
	nsh_policy_free(&policy);
	for (int i = 0; outside[i]; i++)
		free(outside[i]);
	return 0;
}
