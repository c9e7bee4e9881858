/* SPDX-License-Identifier: MIT */
/*
 * What the sanitizers' runtimes are told, linked into all that make check-sanitize makes: nsshell and
 * nsshell-session are started with an environment of somebody else's, or none.
 *
 * Reports of the two go to a folder that the tests look at, as standard error is the user's.
 *
 * ASan is for the unit tests alone. It takes the main thread's stack for the only one: where PID 1,
 * which has a stack of its own (sandbox/clone.c), calls a function that does not return, it unpoisons
 * everything between the two, and dies of it. It has no handlers here, as test_ask looks at those that
 * a helper begins with; without them a crash is one all the same.
 */
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

const char *__asan_default_options(void)
{
	return "handle_segv=0:handle_sigbus=0:handle_sigfpe=0";
}

const char *__ubsan_default_options(void)
{
	return "print_stacktrace=1:exitcode=99:log_path=" NSH_REPORTS "/report";
}
