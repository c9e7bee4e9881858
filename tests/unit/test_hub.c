/* SPDX-License-Identifier: MIT */
/*
 * The hub, as logins and PID 1 of a sandbox see it. Issue 7: "a login that arrives while the last one leaves gets a whole
 * sandbox, old or new", max_sessions, stale, linger.
 *
 * A hub of the test's own, in its standalone form. Logins are processes that do nothing; the test is PID 1 of the
 * sandboxes.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsshell/clock.h"
#include "nsshell/hub.h"
#include "nsshell/message.h"
#include "nsshell/pass.h"
#include "sandbox/hub_protocol.h"

#define ID "0123456789abcdef"
#define MANY 300

/* Longest time to anything, in milliseconds: a sanitizer or a busy machine takes its time. */
#define LONG_MS 30000

static struct nsh_hub_place place = {.standalone = true};
static struct nsh_user user = {.gid = 4711,
			       .name = (char *)"ann",
			       .home = (char *)"/home/ann",
			       .shell = (char *)"/bin/sh"};
static pid_t hub_process;

/* Policies */

static void set(struct nsh_policy *policy, enum nsh_key_id id, const char *text, int number)
{
	free(policy->settings[id].text);
	policy->settings[id] = (struct nsh_setting){.text = strdup(text), .number = number};
	assert_non_null(policy->settings[id].text);
}

static struct nsh_policy make_policy(int lifetime)
{
	struct nsh_policy policy = {0};

	for (int i = 0; i < NSH_KEY_COUNT; i++)
		set(&policy, i, nsh_keys[i].preset, 0);
	set(&policy, NSH_KEY_SESSION_LIFETIME, lifetime == NSH_LIFETIME_LINGER ? "linger" : "user",
	    lifetime);
	set(&policy, NSH_KEY_SESSION_STALE, "new", NSH_STALE_NEW);
	return policy;
}

/* Logins */

static pid_t start_process(void)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0L, 0L, 0L);
	for (;;)
		pause();
}

static void end_process(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static int enter(struct nsh_hub *hub, const struct nsh_policy *policy, pid_t process,
		 struct nsh_err *err)
{
	const struct nsh_hub_login login = {
		.place = place, .policy = policy, .user = &user, .process = process};

	return nsh_hub_enter(hub, &login, err);
}

/* A login that gets this answer. */
static pid_t come(const struct nsh_policy *policy, enum nsh_hub_answer answer, bool stale)
{
	pid_t process = start_process();
	struct nsh_err err = {0};
	struct nsh_hub hub;

	if (enter(&hub, policy, process, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(hub.answer, answer);
	assert_int_equal(hub.stale, stale);
	if (answer == NSH_HUB_JOIN)
		assert_true(fcntl(hub.parts[0], F_GETFD) >= 0);
	nsh_hub_close(&hub);
	return process;
}

/* Sandboxes, of which the test has PID 1's end of the socket */

struct made {
	pid_t login;
	pid_t outer;
	int init;
};

static struct made make(const struct nsh_policy *policy, const char *id, bool stale)
{
	struct made made = {.login = start_process(), .outer = start_process()};
	const int part = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct nsh_hub_made sandbox = {.id = id, .cgroup = "/x", .parts = &part, .n_parts = 1};
	struct nsh_err err = {0};
	struct nsh_hub hub;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(enter(&hub, policy, made.login, &err), 0);
	assert_int_equal(hub.answer, NSH_HUB_MAKE);
	assert_int_equal(hub.stale, stale);
	sandbox.init = ends[0];
	sandbox.outer = made.outer;
	assert_int_equal(nsh_hub_made(&hub, &sandbox, &err), 0);
	nsh_hub_close(&hub);
	close(ends[0]);
	close(part);
	made.init = ends[1];
	return made;
}

static struct nsh_message hear(const struct made *made)
{
	const struct timeval most = {.tv_sec = LONG_MS / 1000};
	struct nsh_message message = {0};
	int fds[NSH_PASS_MAX];
	size_t n_fds;

	setsockopt(made->init, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
	assert_int_equal(
		nsh_pass_receive(made->init, &message, sizeof(message), fds, &n_fds, 0, NULL), 1);
	return message;
}

static void say(const struct made *made, enum nsh_message_kind kind, int value)
{
	const struct nsh_message message = {.kind = kind, .value = value};

	assert_int_equal(nsh_pass_send(made->init, &message, sizeof(message), NULL, 0, 0), 0);
}

static void end_sandbox(const struct made *made)
{
	assert_int_equal(hear(made).kind, MESSAGE_END);
	close(made->init);
	end_process(made->outer);
}

/* Entries of the list, once there are so many. */
static struct nsh_hub_entry *await_entries(size_t wanted)
{
	const struct timespec step = {.tv_nsec = 1000000};
	int64_t end = nsh_now_ms() + LONG_MS;
	struct nsh_hub_entry *entries;
	struct nsh_err err = {0};
	size_t count;

	for (;;) {
		assert_int_equal(nsh_hub_list(&place, &entries, &count, &err), 0);
		if (count == wanted)
			return entries;
		free(entries);
		if (nsh_now_ms() > end)
			fail_msg("%zu entries, not %zu", count, wanted);
		nanosleep(&step, NULL);
	}
}

static void await_count(size_t wanted)
{
	free(await_entries(wanted));
}

/* Hubs */

static int start_hub(void **state)
{
	struct nsh_err err;
	int ready[2];
	char byte;

	(void)state;
	place.uid = getuid();
	if (pipe(ready) < 0)
		return -1;
	hub_process = fork();
	if (hub_process == 0) {
		int listener = nsh_hub_listen(&place, &err);

		if (listener < 0 || write(ready[1], "", 1) != 1)
			_exit(99);
		close(ready[0]);
		close(ready[1]);
		nsh_hub_run(&place, listener);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		return -1;
	return close(ready[0]);
}

/*
 * It ends by itself when there is nobody left, with nothing that a sanitizer has to say. What a failed test has left keeps
 * it from that.
 */
static int await_hub(void **state)
{
	const struct timespec step = {.tv_nsec = 1000000};
	int64_t end = nsh_now_ms() + LONG_MS;
	int status;
	pid_t got;

	(void)state;
	while ((got = waitpid(hub_process, &status, WNOHANG)) == 0 && nsh_now_ms() < end)
		nanosleep(&step, NULL);
	if (got == 0) {
		end_process(hub_process);
		return -1;
	}
	return got == hub_process && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

static void test_make_and_join(void **state)
{
	struct nsh_policy policy = make_policy(NSH_LIFETIME_USER);
	struct made made = make(&policy, ID, false);
	pid_t second = come(&policy, NSH_HUB_JOIN, false);
	struct nsh_hub_entry *entries = await_entries(3);

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_string_equal(entries[i].id, ID);
	assert_true(!entries[0].process && entries[0].open && entries[1].process == made.login &&
		    entries[2].process == second);
	free(entries);
	end_process(made.login);
	await_count(2);
	/* Nobody has told PID 1 anything yet. */
	end_process(second);
	end_sandbox(&made);
	nsh_policy_free(&policy);
}

/* More than the hub has room for at first, and than a socket holds of the list. */
static void test_many(void **state)
{
	struct nsh_policy policy = make_policy(NSH_LIFETIME_USER);
	struct made made = make(&policy, ID, false);
	pid_t processes[MANY];

	(void)state;
	for (int i = 0; i < MANY; i++)
		processes[i] = come(&policy, NSH_HUB_JOIN, false);
	end_process(made.login);
	await_count(MANY + 1);
	for (int i = 0; i < MANY; i++)
		end_process(processes[(i * 7) % MANY]);
	end_sandbox(&made);
	nsh_policy_free(&policy);
}

static void test_max_sessions(void **state)
{
	struct nsh_policy policy = make_policy(NSH_LIFETIME_SESSION);
	pid_t refused = start_process();
	struct nsh_err err = {0};
	struct nsh_hub hub;
	pid_t first;
	pid_t second;

	(void)state;
	set(&policy, NSH_KEY_SESSION_MAX_SESSIONS, "2", 0);
	first = come(&policy, NSH_HUB_COUNTED, false);
	second = come(&policy, NSH_HUB_COUNTED, false);
	assert_int_equal(enter(&hub, &policy, refused, &err), -EUSERS);
	assert_int_equal(err.reason, NSH_REASON_SESSIONS);
	nsh_hub_close(&hub);
	/* At once, though the hub may not have noted the end yet. */
	end_process(first);
	end_process(come(&policy, NSH_HUB_COUNTED, false));
	end_process(second);
	end_process(refused);
	nsh_policy_free(&policy);
}

/* Whoever makes the sandbox and fails leaves it to who waits. */
static void test_failing_maker(void **state)
{
	struct nsh_policy policy = make_policy(NSH_LIFETIME_USER);
	struct nsh_policy counted = make_policy(NSH_LIFETIME_SESSION);
	/* The hub would end in between without it. */
	pid_t bystander = come(&counted, NSH_HUB_COUNTED, false);
	pid_t process = start_process();
	struct nsh_err err = {0};
	struct nsh_hub hub;
	struct made made;
	pid_t waiting;
	int status;

	(void)state;
	assert_int_equal(enter(&hub, &policy, process, &err), 0);
	assert_int_equal(hub.answer, NSH_HUB_MAKE);
	waiting = fork();
	if (waiting == 0) {
		struct nsh_hub other;

		close(hub.socket);
		_exit(enter(&other, &policy, getpid(), &err) == 0 && other.answer == NSH_HUB_MAKE
			      ? 7
			      : 1);
	}
	nsh_hub_close(&hub);
	assert_int_equal(waitpid(waiting, &status, 0), waiting);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	end_process(process);
	made = make(&policy, ID, false);
	end_process(made.login);
	end_sandbox(&made);
	end_process(bystander);
	nsh_policy_free(&policy);
	nsh_policy_free(&counted);
}

static void test_stale(void **state)
{
	struct nsh_policy policy = make_policy(NSH_LIFETIME_USER);
	struct nsh_policy other = make_policy(NSH_LIFETIME_USER);
	struct made old = make(&policy, ID, false);
	pid_t refused = start_process();
	struct nsh_err err = {0};
	struct nsh_hub hub;
	struct made new;
	pid_t joined;

	(void)state;
	set(&other, NSH_KEY_VIEW_TMP, "host", NSH_TMP_HOST);
	set(&other, NSH_KEY_SESSION_STALE, "refuse", NSH_STALE_REFUSE);
	assert_int_equal(enter(&hub, &other, refused, &err), -ESTALE);
	assert_says(&err, ID);
	nsh_hub_close(&hub);
	end_process(refused);
	set(&other, NSH_KEY_SESSION_STALE, "join", NSH_STALE_JOIN);
	end_process(come(&other, NSH_HUB_JOIN, true));
	set(&other, NSH_KEY_SESSION_STALE, "new", NSH_STALE_NEW);
	new = make(&other, "fedcba9876543210", true);
	/* Each finds its own, and the account's change is a change too. */
	end_process(come(&other, NSH_HUB_JOIN, false));
	joined = come(&policy, NSH_HUB_JOIN, false);
	user.home = (char *)"/home/other";
	end_process(come(&policy, NSH_HUB_MAKE, true));
	user.home = (char *)"/home/ann";
	end_process(new.login);
	end_sandbox(&new);
	end_process(old.login);
	end_process(joined);
	end_sandbox(&old);
	nsh_policy_free(&policy);
	nsh_policy_free(&other);
}

/* What is a matter of the login, or of whom the file is for: the sandbox is the same. */
static bool is_of_login(enum nsh_key_id id)
{
	return id == NSH_KEY_SESSION_CONFINE || id == NSH_KEY_SESSION_CONTACT ||
	       id == NSH_KEY_SESSION_LINGER_MAX || id == NSH_KEY_SESSION_MAX_SESSIONS ||
	       !strcmp(nsh_keys[id].section, "policy") || !strcmp(nsh_keys[id].section, "match");
}

/* Each key alone; a text that is a time and begins with a number. The two that decide which sandbox it is are not changed. */
static void test_stale_by_each_key(void **state)
{
	struct nsh_policy policy = make_policy(NSH_LIFETIME_USER);
	struct made made = make(&policy, ID, false);
	int same = 0;

	(void)state;
	for (int i = 0; i < NSH_KEY_COUNT; i++) {
		struct nsh_policy other = make_policy(NSH_LIFETIME_USER);
		bool joins = is_of_login(i);

		if (i != NSH_KEY_SESSION_LIFETIME && i != NSH_KEY_SESSION_STALE) {
			print_message("# %s.%s\n", nsh_keys[i].section, nsh_keys[i].key);
			set(&other, i, "77h", 0);
			end_process(come(&other, joins ? NSH_HUB_JOIN : NSH_HUB_MAKE, !joins));
			same += joins;
		}
		nsh_policy_free(&other);
	}
	assert_true(same >= 4 && same < NSH_KEY_COUNT / 2);
	end_process(made.login);
	end_sandbox(&made);
	nsh_policy_free(&policy);
}

static void test_stale_by_the_account(void **state)
{
	struct nsh_policy policy = make_policy(NSH_LIFETIME_USER);
	struct made made = make(&policy, ID, false);
	const struct nsh_user before = user;

	(void)state;
	user.gid++;
	end_process(come(&policy, NSH_HUB_MAKE, true));
	user = before;
	user.shell = (char *)"/bin/other";
	end_process(come(&policy, NSH_HUB_MAKE, true));
	user = before;
	end_process(come(&policy, NSH_HUB_JOIN, false));
	end_process(made.login);
	end_sandbox(&made);
	nsh_policy_free(&policy);
}

static void test_linger(void **state)
{
	struct nsh_policy policy = make_policy(NSH_LIFETIME_LINGER);
	struct made made = make(&policy, ID, false);
	struct nsh_message message;
	pid_t login;

	(void)state;
	end_process(made.login);
	message = hear(&made);
	assert_true(message.kind == MESSAGE_ALONE && message.value == 1);
	login = come(&policy, NSH_HUB_JOIN, false);
	message = hear(&made);
	assert_true(message.kind == MESSAGE_ALONE && message.value == 0);
	/* While there is a login, and of a time before the last one, it means nothing. */
	say(&made, MESSAGE_EMPTY, 1);
	await_count(2);
	end_process(login);
	message = hear(&made);
	assert_true(message.kind == MESSAGE_ALONE && message.value == 2);
	say(&made, MESSAGE_EMPTY, 1);
	login = come(&policy, NSH_HUB_JOIN, false);
	end_process(login);
	assert_int_equal(hear(&made).value, 0);
	assert_int_equal(hear(&made).value, 3);
	say(&made, MESSAGE_EMPTY, 3);
	end_sandbox(&made);
	nsh_policy_free(&policy);
}

static void test_linger_max(void **state)
{
	struct nsh_policy policy = make_policy(NSH_LIFETIME_LINGER);
	struct made made;

	(void)state;
	/* Longer than it takes the hub to give its memory back. */
	set(&policy, NSH_KEY_SESSION_LINGER_MAX, "3s", 0);
	made = make(&policy, ID, false);
	end_process(made.login);
	assert_int_equal(hear(&made).kind, MESSAGE_ALONE);
	end_sandbox(&made);
	nsh_policy_free(&policy);
}

/* The time that was asked for by whoever has come last: here there was none before. */
static void test_linger_max_of_the_last(void **state)
{
	struct nsh_policy policy = make_policy(NSH_LIFETIME_LINGER);
	struct made made = make(&policy, ID, false);
	pid_t last;

	(void)state;
	set(&policy, NSH_KEY_SESSION_LINGER_MAX, "1s", 0);
	last = come(&policy, NSH_HUB_JOIN, false);
	end_process(made.login);
	end_process(last);
	assert_int_equal(hear(&made).kind, MESSAGE_ALONE);
	end_sandbox(&made);
	nsh_policy_free(&policy);
}

/* And here it was a shorter one. */
static void test_linger_max_grows(void **state)
{
	struct nsh_policy policy = make_policy(NSH_LIFETIME_LINGER);
	struct nsh_hub_entry *entries;
	struct made made;
	pid_t last;

	(void)state;
	set(&policy, NSH_KEY_SESSION_LINGER_MAX, "1h", 0);
	made = make(&policy, ID, false);
	set(&policy, NSH_KEY_SESSION_LINGER_MAX, "9h", 0);
	last = come(&policy, NSH_HUB_JOIN, false);
	end_process(made.login);
	end_process(last);
	assert_int_equal(hear(&made).kind, MESSAGE_ALONE);
	entries = await_entries(1);
	assert_true(entries[0].linger_end > nsh_boot_ms() + 8 * INT64_C(3600000));
	free(entries);
	say(&made, MESSAGE_EMPTY, 1);
	end_sandbox(&made);
	nsh_policy_free(&policy);
}

/* It lets go of whoever says something that it does not understand. */
static void say_to_hub(const void *text, size_t size)
{
	struct nsh_err err;
	char byte;
	pid_t hub;
	int socket = nsh_hub_connect(&place, &hub, &err);

	assert_true(socket >= 0 && hub == hub_process);
	assert_int_equal(send(socket, text, size, 0), (ssize_t)size);
	assert_int_equal(recv(socket, &byte, 1, 0), 0);
	close(socket);
}

/* To a login of another version it gives way, and to no question of one; it sees to what it has. */
static void test_other_version(void **state)
{
	struct nsh_policy policy = make_policy(NSH_LIFETIME_USER);
	struct made made = make(&policy, ID, false);
	struct nsh_err err = {0};
	const uint32_t question[] = {NSH_HUB_PROTOCOL + 1, NSH_HUB_LIST, 0};
	const uint32_t login[] = {NSH_HUB_PROTOCOL + 1, NSH_HUB_ENTER, 0};

	(void)state;
	say_to_hub("what", 4);
	say_to_hub(question, sizeof(question));
	say_to_hub(login, sizeof(login));
	assert_int_equal(nsh_hub_connect(&place, &(pid_t){0}, &err), -ENOENT);
	end_process(made.login);
	end_sandbox(&made);
	nsh_policy_free(&policy);
}

/* One list, by a process in a PID namespace of its own, as in a session. Without root it takes a user namespace too. */
static void __attribute__((noreturn)) list_inside(int listener)
{
	const struct nsh_hub_reply reply = {.protocol = NSH_HUB_PROTOCOL,
					    .kind = NSH_HUB_SAYS_LIST};
	struct nsh_hub_request request;
	int list = memfd_create("list", MFD_CLOEXEC);
	int client;

	if (unshare(geteuid() == 0 ? CLONE_NEWPID : CLONE_NEWUSER | CLONE_NEWPID) < 0)
		_exit(99);
	if (fork() != 0)
		_exit(wait(NULL) < 0);
	prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0L, 0L, 0L);
	client = accept(listener, NULL, NULL);
	if (recv(client, &request, sizeof(request), 0) == (ssize_t)sizeof(request))
		nsh_pass_send(client, &reply, sizeof(reply), &list, 1, 0);
	/* Until it has been looked at. */
	recv(client, &request, sizeof(request), 0);
	_exit(0);
}

/* Who has called listen(2) is outside: it is who answers that is not believed. */
static void test_list_of_a_session(void **state)
{
	struct nsh_hub_entry *entries;
	struct nsh_err err = {0};
	size_t count;
	int listener;
	pid_t inside;

	(void)state;
	place.uid = getuid();
	listener = nsh_hub_listen(&place, &err);
	inside = fork();
	if (inside == 0)
		list_inside(listener);
	close(listener);
	assert_int_equal(nsh_hub_list(&place, &entries, &count, &err), -EPERM);
	assert_says(&err, "in a session, has taken its name");
	assert_int_equal(count, 0);
	assert_int_equal(waitpid(inside, NULL, 0), inside);
}

int main(void)
{
#define WITH_HUB(test) cmocka_unit_test_setup_teardown(test, start_hub, await_hub)
	const struct CMUnitTest tests[] = {
		WITH_HUB(test_make_and_join),
		WITH_HUB(test_many),
		WITH_HUB(test_max_sessions),
		WITH_HUB(test_failing_maker),
		WITH_HUB(test_stale),
		WITH_HUB(test_linger),
		WITH_HUB(test_linger_max),
		WITH_HUB(test_other_version),
		cmocka_unit_test(test_list_of_a_session),
		WITH_HUB(test_stale_by_each_key),
		WITH_HUB(test_stale_by_the_account),
		WITH_HUB(test_linger_max_of_the_last),
		WITH_HUB(test_linger_max_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
