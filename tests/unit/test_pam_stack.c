/* SPDX-License-Identifier: MIT */
/*
 * PAM's files as the doctor reads them. What it says of a stack has to be what libpam does with it.
 */
#include "tests/unit/unit.h"

#include <errno.h>

#include "ctl/pam_stack.h"
#include "tests/unit/scratch.h"

static struct nsh_pam_stack stack;

static int make(void **state)
{
	(void)state;
	return scratch_make();
}

static void put(const char *name, const char *text)
{
	char path[128];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	out = fopen(path, "w");
	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

static void read_stack(const char *text)
{
	struct nsh_err err;

	put("service", text);
	assert_int_equal(nsh_pam_read(&stack, folder, "service", &err), 0);
}

static void test_lines(void **state)
{
	(void)state;
	read_stack("# comment\n\nauth required pam_unix.so\n"
		   "session required pam_a.so one two # not three\n"
		   "-SESSION  [success=ok  default=bad]\t/lib/pam_b.so\n"
		   "session optional \\\npam_c.so x=1\n");
	assert_int_equal(stack.count, 3);
	assert_string_equal(stack.lines[0].module, "pam_a.so");
	assert_memory_equal(stack.lines[0].arguments, "one two", 7);
	assert_null(strstr(stack.lines[0].arguments, "three"));
	assert_int_equal(stack.lines[0].number, 4);
	assert_string_equal(stack.lines[1].control, "[success=ok  default=bad]");
	assert_int_equal(nsh_pam_find(&stack, 0, "pam_b.so"), 1);
	assert_string_equal(stack.lines[2].module, "pam_c.so");
	assert_int_equal(nsh_pam_find(&stack, 2, "pam_b.so"), 3);
}

static void test_included(void **state)
{
	(void)state;
	put("one", "session required pam_one.so\nauth required pam_no.so\n");
	put("two", "session include one\nsession required pam_two.so\n");
	read_stack("@include two\nsession substack one\nsession required pam_three.so\n");
	assert_int_equal(stack.count, 4);
	assert_string_equal(stack.lines[0].module, "pam_one.so");
	assert_string_equal(stack.lines[1].module, "pam_two.so");
	assert_int_equal(stack.lines[0].substack, 0);
	assert_int_not_equal(stack.lines[2].substack, 0);
	assert_non_null(strstr(stack.lines[2].file, "/one"));
	assert_int_equal(stack.lines[3].substack, 0);
}

static void test_cannot_be_read(void **state)
{
	struct nsh_err err;
	char text[NSH_PAM_LINES * 32] = "";

	(void)state;
	assert_int_equal(nsh_pam_read(&stack, folder, "missing", &err), -ENOENT);
	put("loop", "@include loop\n");
	assert_int_equal(nsh_pam_read(&stack, folder, "loop", &err), -EIO);
	put("hole", "session include missing\n");
	assert_int_equal(nsh_pam_read(&stack, folder, "hole", &err), -EIO);
	assert_says(&err, "missing");
	for (int i = 0; i <= NSH_PAM_LINES; i++)
		strcat(text, "session required pam_a.so\n");
	put("long", text);
	assert_int_equal(nsh_pam_read(&stack, folder, "long", &err), -EIO);
}

static void test_binding(void **state)
{
	static const struct {
		const char *control;
		bool binding;
	} cases[] = {
		{"required", true},
		{"Requisite", true},
		{"optional", false},
		{"sufficient", false},
		{"[success=ok default=bad]", true},
		{"[success=ok default=die]", true},
		{"[success=ok default=ignore]", false},
		{"[success=ok perm_denied=ignore default=bad]", false},
		{"[default=ignore perm_denied=die]", true},
		{"[success=ok]", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct nsh_pam_line line = {0};

		strcpy(line.control, cases[i].control);
		if (nsh_pam_is_binding(&line) != cases[i].binding)
			fail_msg("%s", cases[i].control);
	}
}

/* Which of the lines before the last can have it left out. */
static void assert_skips(const char *text, const char *wanted)
{
	char found[NSH_PAM_LINES + 1] = "";

	read_stack(text);
	for (size_t i = 0; i + 1 < stack.count; i++)
		found[i] = nsh_pam_skips(&stack, i, stack.count - 1) ? 'x' : '-';
	assert_string_equal(found, wanted);
}

static void test_skips(void **state)
{
	(void)state;
	put("sub", "session sufficient pam_s.so\n");
	/* Debian's common-session jumps over pam_deny, and no farther. */
	assert_skips("session [default=1] a\nsession requisite deny\nsession required permit\n"
		     "session required pam_nsshell.so\n",
		     "---");
	assert_skips("session [success=1 default=ignore] a\nsession required pam_nsshell.so\n",
		     "x");
	assert_skips("session [success=2 default=ignore] a\nsession required b\n"
		     "session required pam_nsshell.so\n",
		     "x-");
	assert_skips("session sufficient a\nsession required pam_nsshell.so\n", "x");
	assert_skips("session [success=done default=bad] a\nsession required pam_nsshell.so\n",
		     "x");
	assert_skips("session substack sub\nsession required pam_nsshell.so\n", "-");
	assert_skips("session include sub\nsession required pam_nsshell.so\n", "x");
}

/* A jump passes a substack as a whole, and what ends a substack ends those in it. */
static void test_skips_substacks(void **state)
{
	(void)state;
	put("confine", "session required pam_env.so\nsession required pam_nsshell.so\n");
	put("outer", "session sufficient pam_permit.so\nsession substack confine\n");
	put("two", "session required a\nsession required b\n");
	assert_skips("session [success=1 default=ignore] a\nsession substack confine\n", "x-");
	assert_skips("session [success=1 default=ignore] a\nsession substack two\n"
		     "session required pam_nsshell.so\n",
		     "---");
	assert_skips("session [success=2 default=ignore] a\nsession substack two\n"
		     "session required pam_nsshell.so\n",
		     "x--");
	assert_skips("session substack outer\n", "x-");
	assert_skips("session substack outer\nsession required pam_nsshell.so\n", "---");
	/* A comment ends with its line. */
	assert_skips("# was D:\\\nsession sufficient a\nsession required pam_nsshell.so\n", "x");
}

/* As _pam_tokenize() of libpam cuts them. */
static void test_arguments(void **state)
{
	static const char *const words[] = {"exempt_group=domain admins",
					    "timeout=5",
					    "a]b c",
					    "x[1]",
					    "next",
					    "open to the end"};
	char word[NSH_PAM_WORD];
	const char *at;

	(void)state;
	read_stack("session required pam_nsshell.so [exempt_group=domain admins]\ttimeout=5  "
		   "[a\\]b c] x[1] [next][open to the end\n");
	at = stack.lines[0].arguments;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		assert_true(nsh_pam_next_argument(&at, word));
		assert_string_equal(word, words[i]);
	}
	assert_false(nsh_pam_next_argument(&at, word));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lines, make, scratch_remove),
		cmocka_unit_test_setup_teardown(test_included, make, scratch_remove),
		cmocka_unit_test_setup_teardown(test_cannot_be_read, make, scratch_remove),
		cmocka_unit_test(test_binding),
		cmocka_unit_test_setup_teardown(test_skips, make, scratch_remove),
		cmocka_unit_test_setup_teardown(test_skips_substacks, make, scratch_remove),
		cmocka_unit_test_setup_teardown(test_arguments, make, scratch_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
