/* SPDX-License-Identifier: MIT */
/*
 * selftest: that the session's shell is what a login shell is.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ctl/selftest.h"

/* Before what is typed has its effect, in milliseconds. */
#define TYPING_MS 300

static void describe(int status, char text[64])
{
	if (WIFEXITED(status))
		snprintf(text, 64, "it ended with %d", WEXITSTATUS(status));
	else
		snprintf(text, 64, "signal %d ended it", WTERMSIG(status));
}

static enum nsh_result wrong_end(struct nsh_selftest *self, int status, const char *said)
{
	char how[64];
	const char *more = said ? said : "";

	describe(status, how);
	return nsh_test_fail(self, "%s%s%.300s", how, *more ? ": " : "", more);
}

static enum nsh_result test_exit(struct nsh_selftest *self)
{
	struct nsh_talk talk;
	enum nsh_result result = NSH_TEST_PASS;

	if (!nsh_talk_start(&talk, self, "exit 7", NSH_TALK_PIPES))
		return NSH_TEST_FAIL;
	if (!nsh_talk_end(&talk))
		result = nsh_test_fail(self, "it does not end");
	else if (!WIFEXITED(talk.said.status) || WEXITSTATUS(talk.said.status) != 7)
		result = wrong_end(self, talk.said.status, talk.said.text);
	nsh_talk_free(&talk);
	return result;
}

static enum nsh_result test_signal(struct nsh_selftest *self)
{
	struct nsh_talk talk;
	enum nsh_result result = NSH_TEST_PASS;

	if (!nsh_talk_run(&talk, self, "kill -9 $$", NSH_TALK_PIPES))
		return NSH_TEST_FAIL;
	if (!WIFSIGNALED(talk.said.status) || WTERMSIG(talk.said.status) != SIGKILL)
		result = wrong_end(self, talk.said.status, talk.said.text);
	nsh_talk_free(&talk);
	return result;
}

/* The folder is compared by name as the kernel has it: the home may be behind a link. */
static enum nsh_result check_login(struct nsh_selftest *self, const char *said)
{
	const char *program = nsh_policy_text(&self->trial->policy, NSH_KEY_SHELL_PROGRAM);
	char expected[3 * PATH_MAX];

	snprintf(expected, sizeof(expected), "@shell=-%s\n",
		 strrchr(program, '/') ? strrchr(program, '/') + 1 : program);
	if (!strstr(said, expected))
		return nsh_test_fail(self, "the shell is no login shell: %.300s", said);
	snprintf(expected, sizeof(expected), "@SHELL=%s\n", program);
	if (!strstr(said, expected))
		return nsh_test_fail(self, "SHELL is not %s: %.300s", program, said);
	snprintf(expected, sizeof(expected), "@USER=%s\n", self->trial->user.name);
	if (!strstr(said, expected))
		return nsh_test_fail(self, "USER is not %s", self->trial->user.name);
	if (!strstr(said, "@home=yes\n") && *self->folders.name)
		return nsh_test_fail(self, "it does not start in the home: %.300s", said);
	return NSH_TEST_PASS;
}

static enum nsh_result test_login(struct nsh_selftest *self)
{
	static const char script[] =
		"/bin/sh -c 'printf @shell=; tr \"\\0\" \"\\n\" < /proc/$PPID/cmdline | head -n 1; "
		"echo \"@SHELL=$SHELL\"; echo \"@USER=$USER\"; "
		"if [ \"$(pwd -P)\" = \"$(cd \"$HOME\" && pwd -P)\" ]; then echo @home=yes; fi'\n"
		"exit 0\n";
	struct nsh_talk talk;
	enum nsh_result result;

	if (!nsh_talk_start(&talk, self, NULL, NSH_TALK_PIPES))
		return NSH_TEST_FAIL;
	nsh_talk_say(&talk, script);
	if (nsh_talk_end(&talk))
		result = check_login(self, talk.said.text ? talk.said.text : "");
	else
		result = nsh_test_fail(self, "it does not end");
	nsh_talk_free(&talk);
	return result;
}

static enum nsh_result talk_of_terminal(struct nsh_selftest *self, struct nsh_talk *talk)
{
	const struct winsize size = {.ws_row = 30, .ws_col = 100};

	if (!nsh_talk_await(talk, "@end"))
		return nsh_test_fail(self, "it says nothing: %.300s", talk->said.text);
	if (!strstr(talk->said.text, "/dev/pts/"))
		return nsh_test_fail(self, "there is no terminal: %.300s", talk->said.text);
	if (!strstr(talk->said.text, "24 80"))
		return nsh_test_fail(self, "its size is not 24 80: %.300s", talk->said.text);
	ioctl(talk->in, TIOCSWINSZ, &size);
	nsh_talk_say(talk, "\n");
	if (!nsh_talk_await(talk, "30 100"))
		return nsh_test_fail(self, "a change of size does not arrive: %.300s",
				     talk->said.text);
	if (!nsh_talk_end(talk))
		return nsh_test_fail(self, "it does not end");
	return NSH_TEST_PASS;
}

static enum nsh_result test_terminal(struct nsh_selftest *self)
{
	struct nsh_talk talk;
	enum nsh_result result;

	if (!nsh_talk_start(&talk, self,
			    "exec /bin/sh -c 'tty; stty size; echo @end; read x; stty size'",
			    NSH_TALK_TERMINAL))
		return NSH_TEST_FAIL;
	result = talk_of_terminal(self, &talk);
	nsh_talk_free(&talk);
	return result;
}

static void pause_ms(long ms)
{
	const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&pause, NULL);
}

/* A mark that is not in what was typed, which the terminal shows too. */
static bool ask_mark(struct nsh_talk *talk, int number)
{
	char typed[64];
	char mark[64];

	snprintf(typed, sizeof(typed), "echo ma''rk-%d\r", number);
	snprintf(mark, sizeof(mark), "mark-%d", number);
	nsh_talk_say(talk, typed);
	return nsh_talk_await(talk, mark);
}

/* Types a command that would take long, and then a key. */
static void type_key(struct nsh_talk *talk, const char *command, const char *key)
{
	nsh_talk_say(talk, command);
	pause_ms(TYPING_MS);
	nsh_talk_say(talk, key);
	pause_ms(TYPING_MS / 3);
}

static enum nsh_result talk_of_jobs(struct nsh_selftest *self, struct nsh_talk *talk)
{
	/* What is typed here is not to be in the user's history. */
	nsh_talk_say(talk, " unset HISTFILE\r");
	if (!ask_mark(talk, 1))
		return nsh_test_fail(self, "the shell does not answer: %.300s", talk->said.text);
	type_key(talk, "sleep 300\r", "\003");
	if (!ask_mark(talk, 2))
		return nsh_test_fail(self, "Ctrl-C does not end a command");
	type_key(talk, "sleep 300\r", "\032");
	if (!ask_mark(talk, 3))
		return nsh_test_fail(self, "Ctrl-Z does not stop a command");
	type_key(talk, "fg\r", "\003");
	if (!ask_mark(talk, 4))
		return nsh_test_fail(self, "fg does not continue a command");
	nsh_talk_say(talk, "exit 3\r");
	if (!nsh_talk_end(talk))
		return nsh_test_fail(self, "it does not end");
	if (!WIFEXITED(talk->said.status) || WEXITSTATUS(talk->said.status) != 3)
		return wrong_end(self, talk->said.status, NULL);
	return NSH_TEST_PASS;
}

static enum nsh_result test_jobs(struct nsh_selftest *self)
{
	struct nsh_talk talk;
	enum nsh_result result;

	if (!nsh_talk_start(&talk, self, NULL, NSH_TALK_TERMINAL))
		return NSH_TEST_FAIL;
	result = talk_of_jobs(self, &talk);
	nsh_talk_free(&talk);
	return result;
}

/* A process in the background keeps the streams open: sshd would wait for it. */
static enum nsh_result test_background(struct nsh_selftest *self)
{
	struct nsh_talk talk;
	enum nsh_result result = NSH_TEST_PASS;

	if (!nsh_talk_run(&talk, self, "sleep 300 & exit 4", NSH_TALK_PIPES))
		return NSH_TEST_FAIL;
	if (!WIFEXITED(talk.said.status) || WEXITSTATUS(talk.said.status) != 4)
		result = wrong_end(self, talk.said.status, talk.said.text);
	nsh_talk_free(&talk);
	return result;
}

const struct nsh_test nsh_tests_shell[] = {
	{"exit", "the exit status of a command arrives", test_exit},
	{"signal", "the signal that ends the shell arrives", test_signal},
	{"login", "the login shell, its environment and folder", test_login},
	{"terminal", "a terminal, and changes of its size", test_terminal},
	{"jobs", "Ctrl-C, Ctrl-Z and fg", test_jobs},
	{"background", "a job in the background does not keep a login from ending",
	 test_background},
	{0},
};
