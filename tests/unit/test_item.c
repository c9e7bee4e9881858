/* SPDX-License-Identifier: MIT */
/*
 * Items with parts: what they are cut into.
 */
#include "tests/unit/unit.h"

#include "nsshell/item.h"

static struct nsh_item item_of(const char *text)
{
	return (struct nsh_item){.text = text, .len = strlen(text)};
}

static void test_bind(void **state)
{
	struct nsh_item item = item_of("-/a b:/c:ro");
	struct nsh_bind bind;

	(void)state;
	assert_true(nsh_bind_parse(&bind, &item));
	assert_true(bind.optional && bind.read_only);
	assert_true(nsh_item_is(&bind.source, "/a b") && nsh_item_is(&bind.target, "/c"));
	/* The item can be a piece of a longer text. */
	item = (struct nsh_item){.text = "/a:/b:ro", .len = 5};
	assert_true(nsh_bind_parse(&bind, &item));
	assert_false(bind.optional || bind.read_only);
	assert_true(nsh_item_is(&bind.target, "/b"));
}

static void test_bind_refused(void **state)
{
	static const char *const texts[] = {
		"", "-", "/a", "/a:/b:", "/a:/b:rw", "/a:/b:ro:", "/a:/b:ro "};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct nsh_item item = item_of(texts[i]);
		struct nsh_bind bind;

		if (nsh_bind_parse(&bind, &item))
			fail_msg("\"%s\" was taken", texts[i]);
	}
}

static void test_publish(void **state)
{
	struct nsh_item item = item_of("8080:80");
	struct nsh_publish publish;

	(void)state;
	assert_true(nsh_publish_parse(&publish, &item));
	assert_int_equal(publish.outside, 8080);
	assert_int_equal(publish.inside, 80);
	item = item_of("65535");
	assert_true(nsh_publish_parse(&publish, &item));
	assert_int_equal(publish.outside, 65535);
	assert_int_equal(publish.inside, 65535);
}

static void test_publish_refused(void **state)
{
	static const char *const texts[] = {"",     "0",    "01",  "65536", "4294967297",
					    "-1",   "+1",   "1:",  ":1",    "1:1:1",
					    "1: 1", "0x10", "a:1", "1:a",   "1:0"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct nsh_item item = item_of(texts[i]);
		struct nsh_publish publish;

		if (nsh_publish_parse(&publish, &item))
			fail_msg("\"%s\" was taken", texts[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bind),
		cmocka_unit_test(test_bind_refused),
		cmocka_unit_test(test_publish),
		cmocka_unit_test(test_publish_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
