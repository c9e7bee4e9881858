/* SPDX-License-Identifier: MIT */
/*
 * What is found in policies: once each, in the order of files and lines, however much it is.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl/command.h"
#include "ctl/complaints.h"

#define MANY 100000
#define MANY_SECONDS 100

static void add(struct nsh_findings *findings, enum nsh_level level, const char *file,
		unsigned line, const char *key, const char *text)
{
	const struct nsh_complaint where = {
		.file = file, .line = line, .section = key ? "view" : NULL, .key = key};

	nsh_finding_add(findings, level, &where, "%s", text);
}

static void test_order(void **state)
{
	struct nsh_findings findings = {0};
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	add(&findings, NSH_LEVEL_WARNING, "/e/users.d/a", 3, "tmp", "w");
	add(&findings, NSH_LEVEL_ERROR, "/e/users.d/a", 3, "tmp", "w");
	add(&findings, NSH_LEVEL_ERROR, "/e/users.d/a", 3, "dev", "x");
	add(&findings, NSH_LEVEL_ERROR, "/e/users.d/a", 3, "tmp", "b");
	add(&findings, NSH_LEVEL_ERROR, "/e/users.d/a", 0, NULL, "whole");
	add(&findings, NSH_LEVEL_ERROR, "/e/users.d/a", 20, NULL, "late");
	add(&findings, NSH_LEVEL_ERROR, "/e/match.d/z", 1, NULL, "m");
	add(&findings, NSH_LEVEL_WARNING, "/e/z", 1, NULL, "c");
	nsh_findings_print(&findings, out);
	fclose(out);
	assert_string_equal(text, "/e/z:1: warning: c\n"
				  "/e/match.d/z:1: error: m\n"
				  "/e/users.d/a: error: whole\n"
				  "/e/users.d/a:3: error: view.dev: x\n"
				  "/e/users.d/a:3: error: view.tmp: b\n"
				  "/e/users.d/a:3: error: view.tmp: w\n"
				  "/e/users.d/a:3: warning: view.tmp: w\n"
				  "/e/users.d/a:20: error: late\n");
	assert_int_equal(findings.count, 8);
	assert_int_equal(findings.errors, 6);
	free(text);
	nsh_findings_free(&findings);
}

static void test_has(void **state)
{
	struct nsh_findings findings = {0};

	(void)state;
	assert_false(nsh_finding_has(&findings, "/e/a", 3, "tmp"));
	add(&findings, NSH_LEVEL_WARNING, "/e/a", 3, "tmp", "w");
	assert_false(nsh_finding_has(&findings, "/e/a", 3, "tmp"));
	assert_int_equal(nsh_findings_status(&findings), NSH_CTL_WARN);
	add(&findings, NSH_LEVEL_ERROR, "/e/a", 3, "tmp", "x");
	assert_true(nsh_finding_has(&findings, "/e/a", 3, "tmp"));
	assert_false(nsh_finding_has(&findings, "/e/a", 4, "tmp"));
	assert_false(nsh_finding_has(&findings, "/e/a", 3, "dev"));
	assert_false(nsh_finding_has(&findings, "/e/b", 3, "tmp"));
	assert_int_equal(nsh_findings_status(&findings), NSH_CTL_FAILED);
	nsh_findings_free(&findings);
}

/* One in the file of each account that is gone. */
static void test_many(void **state)
{
	struct nsh_findings findings = {0};
	char file[32];

	(void)state;
	alarm(MANY_SECONDS);
	for (int i = 0; i < 2 * MANY; i++) {
		snprintf(file, sizeof(file), "/e/users.d/%d.conf", i % MANY);
		add(&findings, NSH_LEVEL_ERROR, file, 1, "tmp", "x");
		assert_true(nsh_finding_has(&findings, file, 1, "tmp"));
	}
	alarm(0);
	assert_int_equal(findings.count, MANY);
	assert_int_equal(findings.errors, MANY);
	nsh_findings_free(&findings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_has),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests_name("complaints", tests, NULL, NULL);
}
