/* SPDX-License-Identifier: MIT */
/*
 * What is done with children, and waiting until a time: nothing of the parent's stays in a child that is not to, and no
 * signal cuts a wait short.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsshell/child.h"
#include "nsshell/clock.h"

/* Runs it in a child, whose status is returned. */
static int status_of(int (*function)(void))
{
	struct nsh_err err;
	int end = -1;
	pid_t pid = nsh_child_start(&end, &err);

	if (pid == 0)
		_exit(function());
	assert_true(pid > 0);
	close(end);
	return nsh_child_wait(pid);
}

static void test_pipe(void **state)
{
	struct nsh_err err;
	int end = -1;
	char text[8];
	pid_t pid = nsh_child_start(&end, &err);

	(void)state;
	if (pid == 0) {
		if (write(end, "hello", 5) == 5)
			pause();
		_exit(1);
	}
	assert_true(pid > 0);
	assert_int_equal(fcntl(end, F_GETFD), FD_CLOEXEC);
	assert_int_equal(read(end, text, sizeof(text)), 5);
	assert_memory_equal(text, "hello", 5);
	assert_int_equal(nsh_child_end(pid), SIGKILL);
	assert_int_equal(read(end, text, sizeof(text)), 0);
	assert_int_equal(nsh_child_wait(pid), 0);
	close(end);
}

static int is_reset(void)
{
	struct sigaction action = {.sa_handler = SIG_IGN};
	sigset_t set;

	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	sigaction(SIGPIPE, &action, NULL);
	sigaction(SIGRTMAX, &action, NULL);
	nsh_child_reset_signals();
	sigprocmask(SIG_SETMASK, NULL, &set);
	for (int signal = 1; signal < NSIG; signal++)
		if (sigismember(&set, signal) == 1 ||
		    (sigaction(signal, NULL, &action) == 0 && action.sa_handler != SIG_DFL))
			return signal;
	return 0;
}

static int is_shut(void)
{
	struct stat st;
	int next;

	close(STDIN_FILENO);
	if (nsh_child_shut_streams() < 0)
		return 1;
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fstat(fd, &st) < 0 || st.st_rdev != makedev(1, 3) || fcntl(fd, F_GETFD) != 0)
			return 2;
	next = dup(STDIN_FILENO);
	if (nsh_child_shut_streams() < 0)
		return 3;
	close(next);
	return dup(STDIN_FILENO) == next ? 0 : 4;
}

static void test_state(void **state)
{
	(void)state;
	assert_int_equal(status_of(is_reset), 0);
	assert_int_equal(status_of(is_shut), 0);
}

static int end_by_term(void)
{
	struct sigaction ignored = {.sa_handler = SIG_IGN};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGTERM, &ignored, NULL);
	nsh_child_end_alike(SIGTERM);
	return 1;
}

static int end_by_child(void)
{
	nsh_child_end_alike(SIGCHLD);
	return 7;
}

static void test_end_alike(void **state)
{
	(void)state;
	assert_int_equal(status_of(end_by_term), SIGTERM);
	assert_int_equal(WEXITSTATUS(status_of(end_by_child)), 7);
}

static void note(int signal)
{
	(void)signal;
}

static void test_await(void **state)
{
	struct sigaction noted = {.sa_handler = note};
	const struct itimerval often = {{0, 5000}, {0, 5000}};
	const struct itimerval never = {0};
	int64_t end = nsh_now_ms() + 60;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	sigaction(SIGALRM, &noted, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	assert_int_equal(nsh_await(ends[0], POLLIN, end), 0);
	setitimer(ITIMER_REAL, &never, NULL);
	assert_true(nsh_now_ms() >= end);
	assert_int_equal(write(ends[1], "", 1), 1);
	assert_int_equal(nsh_await(ends[0], POLLIN, end), 1);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_end_alike),
		cmocka_unit_test(test_await),
	};

	return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
