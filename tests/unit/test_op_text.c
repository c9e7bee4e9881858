/* SPDX-License-Identifier: MIT */
/*
 * Operations in words: each kind has a name of its own and says what it does.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "nsshell/preview.h"

static void test_every_kind(void **state)
{
	(void)state;
	for (int kind = 0; kind <= NSH_OP_HOSTNAME; kind++) {
		assert_true(*nsh_op_name((enum nsh_op_kind)kind));
		assert_true(*nsh_op_help((enum nsh_op_kind)kind));
		for (int other = 0; other < kind; other++)
			assert_string_not_equal(nsh_op_name((enum nsh_op_kind)kind),
						nsh_op_name((enum nsh_op_kind)other));
	}
	assert_string_equal(nsh_op_name((enum nsh_op_kind)(NSH_OP_HOSTNAME + 1)), "");
}

/* What is shown is what was held in the same slot before. */
static void test_detail(void **state)
{
	struct nsh_op ops[] = {
		{.kind = NSH_OP_HOLD, .path = (char *)"/home/ann", .slot = 1},
		{.kind = NSH_OP_HOLD, .path = (char *)"/srv", .slot = 2},
		{.kind = NSH_OP_SHOW, .path = (char *)"/mnt", .slot = 1, .read_only = true},
		{.kind = NSH_OP_FILE, .path = (char *)"/x", .mode = 0444, .len = 3},
		{.kind = NSH_OP_BIND,
		 .path = (char *)"/y",
		 .source = (char *)"/z",
		 .optional = true},
	};
	static const char *const expected[] = {"", "", "/home/ann, read-only", "mode 0444, 3 bytes",
					       "/z (if it is there)"};
	const struct nsh_plan plan = {.ops = ops, .count = sizeof(ops) / sizeof(*ops)};

	(void)state;
	for (size_t i = 0; i < plan.count; i++) {
		char *detail = nsh_op_detail(&plan, &ops[i]);

		assert_non_null(detail);
		assert_string_equal(detail, expected[i]);
		free(detail);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_kind),
		cmocka_unit_test(test_detail),
	};

	return cmocka_run_group_tests_name("op_text", tests, NULL, NULL);
}
