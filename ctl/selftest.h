/* SPDX-License-Identifier: MIT */
/*
 * The parts of nsshellctl selftest: what each test is, and what they share.
 *
 * Everything that a test hears comes from a session of the user's, and may be made to look like anything: it decides
 * no more than "pass" or "fail".
 */
#ifndef CTL_SELFTEST_H
#define CTL_SELFTEST_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctl/selftest_folder.h"
#include "ctl/session.h"
#include "ctl/spawn.h"
#include "ctl/trial.h"

enum nsh_result {
	NSH_TEST_PASS,
	NSH_TEST_FAIL,
	NSH_TEST_NONE, /* it could not be looked at; detail says why */
};

struct nsh_selftest {
	struct nsh_trial *trial;
	struct nsh_folders folders;
	char transport[PATH_MAX]; /* stands in for ssh(1) */
	char detail[NSH_ERR_MAX]; /* why not, of the test that runs */
};

struct nsh_test {
	const char *name;
	const char *about; /* a phrase that is true when it passes */
	enum nsh_result (*run)(struct nsh_selftest *self);
};

/* All tests, in order, ended by one without a name. */
extern const struct nsh_test nsh_tests_shell[];
extern const struct nsh_test nsh_tests_copy[];
extern const struct nsh_test nsh_tests_view[];

/* Sets detail. Returns NSH_TEST_FAIL. */
enum nsh_result nsh_test_fail(struct nsh_selftest *self, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Likewise; NSH_TEST_NONE. */
enum nsh_result nsh_test_none(struct nsh_selftest *self, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A session that is talked with. */
struct nsh_talk {
	struct nsh_started started;
	int in;  /* to it; -1 when closed */
	int out; /* both of its output streams; the same as in with a terminal */
	bool terminal;
	int64_t end;            /* when its time is up */
	struct nsh_output said; /* so far; status is that of waitpid(2) when it has ended */
};

enum nsh_talk_kind { NSH_TALK_PIPES, NSH_TALK_TERMINAL, NSH_TALK_AGENT };

/* Starts it; false with the reason in detail. command as for struct nsh_wanted. */
bool nsh_talk_start(struct nsh_talk *talk, struct nsh_selftest *self, const char *command,
		    enum nsh_talk_kind kind);

void nsh_talk_say(struct nsh_talk *talk, const char *text);

/* Waits for a text in what it says; false when its time is up or it has ended before. */
bool nsh_talk_await(struct nsh_talk *talk, const char *text);

/* Closes its input (with a terminal: does not), hears it to its end, and ends it. False when its time is up. */
bool nsh_talk_end(struct nsh_talk *talk);

void nsh_talk_free(struct nsh_talk *talk);

/* All of that, for a script that has no single quote and that /bin/sh runs in the shell's place. */
bool nsh_talk_run(struct nsh_talk *talk, struct nsh_selftest *self, const char *script,
		  enum nsh_talk_kind kind);

/*
 * Runs one of the machine's programs, in root's folder and with the transport, to its end: the client's side. Returns
 * 0 when it says that it has done it; sets detail else. Its output is in *output, to be freed, unless NULL.
 */
int nsh_test_program(struct nsh_selftest *self, const char *const *argv, char **output);

#endif
