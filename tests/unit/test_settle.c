/* SPDX-License-Identifier: MIT */
/*
 * What the machine makes of the policy before it is written into the frame. Promise 1: the session is
 * as the policy says, so nothing that a link leads to may become another path on the way.
 *
 * As root, as only root's links are followed; the helper makes plans with the user's effective id.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsshell/plan.h"
#include "tests/unit/scratch.h"

static int make_folder(void **state)
{
	(void)state;
	return scratch_make();
}

/* Makes a folder and /.../link to it. */
static void make_link(const char *name)
{
	char target[512];
	char link[128];

	snprintf(target, sizeof(target), "%s/%s", folder, name);
	snprintf(link, sizeof(link), "%s/link", folder);
	assert_int_equal(mkdir(target, 0755), 0);
	unlink(link);
	assert_int_equal(symlink(target, link), 0);
}

/* Settles "hide" as count times the link. Returns what it has become, malloc'ed, or NULL. */
static char *settle(int count, struct nsh_err *err)
{
	struct nsh_user user = {.uid = 4711, .gid = 4711, .name = (char *)"ann"};
	struct nsh_policy policy = {0};
	char list[1024] = "";
	char *text = NULL;

	for (int i = 0; i < count; i++)
		sprintf(list + strlen(list), "%s%s/link", i ? ", " : "", folder);
	policy.settings[NSH_KEY_VIEW_ROOT].text = strdup("/");
	policy.settings[NSH_KEY_VIEW_HIDE].text = strdup(list);
	assert_int_equal(seteuid(user.uid), 0);
	if (nsh_plan_settle(&policy, &user, err) == 0)
		text = strdup(nsh_policy_text(&policy, NSH_KEY_VIEW_HIDE));
	assert_int_equal(seteuid(0), 0);
	nsh_policy_free(&policy);
	return text;
}

static void test_link(void **state)
{
	struct nsh_err err = {0};
	char expected[128];
	char *text;

	(void)state;
	make_link("a b");
	text = settle(1, &err);
	if (!text)
		fail_msg("%s", err.text);
	snprintf(expected, sizeof(expected), "%s/a b", folder);
	assert_string_equal(text, expected);
	free(text);
}

static void test_odd_names(void **state)
{
	static const char *const names[] = {"a,b",  "a,",       "a ",  "a\t",  "a;b",
					    "a\nb", "\xc3\xa4", "a\\", "\"a\""};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct nsh_err err = {0};

		make_link(names[i]);
		if (settle(1, &err))
			fail_msg("\"%s\" is hidden as something else", names[i]);
		assert_says(&err, "view.hide");
	}
}

static void test_too_long(void **state)
{
	struct nsh_err err = {0};
	char name[200];

	(void)state;
	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	make_link(name);
	free(settle(4, &err));
	assert_null(settle(5, &err));
	assert_says(&err, "longer than 1000 bytes");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_link),
		TEST(test_odd_names),
		TEST(test_too_long),
	};

	return cmocka_run_group_tests_name("settle", tests, NULL, NULL);
}
