/* SPDX-License-Identifier: MIT */
/*
 * The stand-in for ssh(1): the command lines of the programs that use one.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/ssh.h"

#define WORDS_MAX 32

/* A command line with blanks between its words. */
static int parse(struct nsh_ssh_request *request, const char *line)
{
	static char text[1024];
	char *argv[WORDS_MAX];
	char *rest = text;
	int argc = 0;

	snprintf(text, sizeof(text), "ssh %s", line);
	while (rest && argc < WORDS_MAX)
		argv[argc++] = strsep(&rest, " ");
	return nsh_ssh_parse(request, argc, argv);
}

static void expect(const char *line, const char *host, const char *user, bool subsystem,
		   const char *command)
{
	struct nsh_ssh_request request;

	if (parse(&request, line) != 0)
		fail_msg("\"%s\" was not understood", line);
	assert_string_equal(request.host, host);
	assert_int_equal(request.subsystem, subsystem);
	if (user)
		assert_string_equal(request.user, user);
	else
		assert_null(request.user);
	if (command)
		assert_string_equal(request.command, command);
	else
		assert_null(request.command);
	free(request.command);
}

/* As scp, sftp, rsync and git of Debian 12 and 13 say it. */
static void test_programs(void **state)
{
	(void)state;
	expect("-x -oPermitLocalCommand=no -oClearAllForwardings=yes -oRemoteCommand=none "
	       "-oRequestTTY=no -oForwardAgent=no -l ann -- host scp -t a/b",
	       "host", "ann", false, "scp -t a/b");
	expect("-x -oPermitLocalCommand=no -oForwardAgent=no -q -s -- host sftp", "host", NULL,
	       true, "sftp");
	expect("-oForwardX11=no -oPermitLocalCommand=no -oClearAllForwardings=yes -l ann -s -- "
	       "host sftp",
	       "host", "ann", true, "sftp");
	expect("-l ann host rsync --server -logDtpre.iLsfxCIvu . to", "host", "ann", false,
	       "rsync --server -logDtpre.iLsfxCIvu . to");
	expect("-o SendEnv=GIT_PROTOCOL ann@host git-upload-pack 'repo'", "host", NULL, false,
	       "git-upload-pack 'repo'");
	expect("-p 22 host git-receive-pack '/a'", "host", NULL, false, "git-receive-pack '/a'");
}

static void test_forms(void **state)
{
	(void)state;
	expect("host", "host", NULL, false, NULL);
	expect("-xlann host", "host", "ann", false, NULL);
	expect("host -l ann cmd -l ben", "host", "ann", false, "cmd -l ben");
	expect("a@b@host -- -x", "host", NULL, false, "-x");
	expect("-- host -l x", "host", NULL, false, "-l x");
	expect("-4qTo A=b -- host a  b", "host", NULL, false, "a  b");
}

static void test_refused(void **state)
{
	static const char *const lines[] = {"-l", "-x",      "-l ann", "-Z host",
					    "--", "-s host", "-o",     "--help host"};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct nsh_ssh_request request;

		if (parse(&request, lines[i]) != -EINVAL)
			fail_msg("\"%s\" was taken", lines[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_programs),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
