/* SPDX-License-Identifier: MIT */
/*
 * How many logins stand in a session: what a hub says, what is seen without one, and what nobody knows.
 */
#include "tests/unit/unit.h"

#include "ctl/live.h"

static struct nsh_live_shell own = {.init = 2};
static struct nsh_live_shell shared = {.init = 2, .shared = true};

static struct nsh_live with(struct nsh_live_shell *shells, bool framed)
{
	return (struct nsh_live){.framed = framed, .shells = shells, .n_shells = shells ? 1 : 0};
}

static void test_known_by_a_hub(void **state)
{
	struct nsh_live live = with(&shared, true);

	(void)state;
	live.asked = live.in_hub = true;
	assert_int_equal(nsh_live_count_logins(&live), 0);
	live.n_logins = 3;
	assert_int_equal(nsh_live_count_logins(&live), 3);
}

/* A hub of another version hangs up, as if there was none. */
static void test_shared_and_unknown(void **state)
{
	struct nsh_live live = with(&shared, true);

	(void)state;
	assert_int_equal(nsh_live_count_logins(&live), -1);
	live.asked = true;
	assert_int_equal(nsh_live_count_logins(&live), -1);
	live = with(&shared, false);
	live.n_joined = 2;
	assert_int_equal(nsh_live_count_logins(&live), 2);
}

static void test_of_one_login(void **state)
{
	struct nsh_live live = with(&own, true);

	(void)state;
	assert_int_equal(nsh_live_count_logins(&live), 1);
	live = with(&own, false);
	assert_int_equal(nsh_live_count_logins(&live), 1);
	live = with(NULL, true);
	assert_int_equal(nsh_live_count_logins(&live), -1);
	live.asked = true;
	assert_int_equal(nsh_live_count_logins(&live), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_by_a_hub),
		cmocka_unit_test(test_shared_and_unknown),
		cmocka_unit_test(test_of_one_login),
	};

	return cmocka_run_group_tests_name("live", tests, NULL, NULL);
}
