/* SPDX-License-Identifier: MIT */
/*
 * Asking the session helper, with helpers of the test's own. Promise 1: no answer, a late one, a
 * wrong one and a helper that is not root's are all no session. And whatever the helper does, the
 * service that asks, which may be sshd, finds itself as it was.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pam_module/module_ask.h"
#include "tests/unit/ask_modes.h"
#include "tests/unit/scratch.h"

#define N_FILES 64
#define N_GROUPS 120000

/* Seconds for helpers that are to be in time, and for those that are not. */
#define LONG 10
#define SHORT 2

static const char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static int copy_self(const char *path)
{
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	char data[65536];
	ssize_t got = -1;

	while (from >= 0 && to >= 0 && (got = read(from, data, sizeof(data))) > 0)
		if (write(to, data, (size_t)got) != got)
			break;
	close(from);
	return close(to) == 0 && got == 0 ? 0 : -1;
}

static int link_modes(void)
{
	char self[256];

	snprintf(self, sizeof(self), "%s", path_of("self"));
	for (size_t i = 0; i < SIZE(modes); i++)
		for (size_t n = 0; n < modes[i].count; n++)
			if (link(self, path_of(modes[i].list[n].name)) < 0)
				return -1;
	return 0;
}

/* And goes there, so that there is a folder and a umask to be kept. */
static int make_folder(void **state)
{
	(void)state;
	umask(022);
	if (scratch_make() < 0 || chdir(folder) < 0 || copy_self(path_of("self")) < 0)
		return -1;
	umask(027);
	return link_modes();
}

static int remove_folder(void **state)
{
	return chdir("/") < 0 ? -1 : scratch_remove(state);
}

/* All parts of a frame or, as an answer must not have, some. */
static bool has_frame(const struct nsh_answer *answer)
{
	for (int i = 0; i < NSH_PART_COUNT; i++)
		if (answer->frame[i] >= 0)
			return true;
	return false;
}

static const gid_t few_groups[] = {1, 2, 3};
static gid_t many_groups[N_GROUPS];

static struct nsh_question ask_with(const gid_t *groups, size_t count)
{
	return (struct nsh_question){
		.uid = 1000,
		.gid = 100,
		.groups = groups,
		.n_groups = count,
		.texts = {"ann", "/home/ann", "/bin/sh", "sshd", "203.0.113.9", "ssh"},
	};
}

/* What the caller's process is and is to stay. */
struct host {
	char folder[PATH_MAX];
	mode_t umask;
	sigset_t mask;
	struct sigaction actions[N_SIGNALS];
	int files[N_FILES]; /* flags, or -1 */
	char **environment;
	char *variable;
};

static void look(struct host *host)
{
	memset(host, 0, sizeof(*host));
	if (!getcwd(host->folder, sizeof(host->folder)))
		strcpy(host->folder, "?");
	host->umask = umask(0);
	umask(host->umask);
	sigprocmask(SIG_SETMASK, NULL, &host->mask);
	for (int i = 1; i < N_SIGNALS; i++)
		sigaction(i, NULL, &host->actions[i]);
	for (int fd = 0; fd < N_FILES; fd++)
		host->files[fd] = fcntl(fd, F_GETFD);
	host->environment = environ;
	host->variable = environ[0];
}

/* libc adds SA_RESTORER, which is its own affair, whenever an action is set. */
static bool same_action(const struct sigaction *one, const struct sigaction *other)
{
	return one->sa_handler == other->sa_handler &&
	       ((one->sa_flags ^ other->sa_flags) & ~0x04000000) == 0 &&
	       memcmp(&one->sa_mask, &other->sa_mask, 8) == 0;
}

static const char *what_changed(const struct host *before, const struct host *after)
{
	for (int i = 1; i < N_SIGNALS; i++)
		if (!same_action(&before->actions[i], &after->actions[i]))
			return "the action of a signal";
	if (memcmp(&before->mask, &after->mask, sizeof(before->mask)) != 0)
		return "the blocked signals";
	if (memcmp(before->files, after->files, sizeof(before->files)) != 0)
		return "the open files";
	if (strcmp(before->folder, after->folder) != 0)
		return "the current folder";
	if (before->umask != after->umask)
		return "the umask";
	if (before->environment != after->environment || before->variable != after->variable)
		return "the environment";
	return NULL;
}

static bool has_child(void)
{
	return waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* How services have set SIGCHLD. */
static void on_child(int signal)
{
	(void)signal;
}

static const struct {
	void (*handler)(int);
	int flags;
	bool blocked;
} settings[] = {
	{SIG_DFL, 0, false},           {SIG_IGN, 0, false},
	{on_child, SA_RESTART, false}, {on_child, SA_NOCLDWAIT | SA_NOCLDSTOP, false},
	{SIG_DFL, SA_NOCLDWAIT, true}, {on_child, 0, true},
};

static void set_signals(size_t setting)
{
	struct sigaction action = {.sa_handler = settings[setting].handler,
				   .sa_flags = settings[setting].flags};
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGHUP);
	if (settings[setting].blocked)
		sigaddset(&mask, SIGCHLD);
	sigaddset(&action.sa_mask, SIGTERM);
	sigaction(SIGCHLD, &action, NULL);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, on_child);
	sigprocmask(SIG_SETMASK, &mask, NULL);
}

/* Each test starts with SIGCHLD as it is by default. */
static int settle(void **state)
{
	(void)state;
	set_signals(0);
	return 0;
}

struct attempt {
	struct nsh_helper helper;
	struct nsh_question question;
	int code;
	const char *says;
	bool takes_time; /* all of the timeout, and not much more */
};

static bool complain(const struct attempt *attempt, const char *what)
{
	fprintf(stderr, "%s: %s\n", attempt->helper.path, what);
	return false;
}

static bool check_error(const struct attempt *attempt, int code, const struct nsh_answer *answer,
			const struct nsh_err *err)
{
	if (code != attempt->code) {
		fprintf(stderr, "%s: code %d: %s\n", attempt->helper.path, code, err->text);
		return false;
	}
	if (code < 0 && has_frame(answer))
		return complain(attempt, "has a frame in spite of an error");
	if (code < 0 && err->reason != NSH_REASON_FRAME)
		return complain(attempt, "another reason");
	if (code < 0 && !strstr(err->text, attempt->helper.path))
		return complain(attempt, err->text);
	return code == 0 || strstr(err->text, attempt->says) || complain(attempt, err->text);
}

/* Half as much again would be the limit of another step. */
static bool is_in_time(const struct attempt *attempt, int64_t took)
{
	int64_t limit = (int64_t)attempt->helper.timeout * 1000;

	if (took >= limit - 100 && took <= limit + limit / 2)
		return true;
	fprintf(stderr, "%s: took %ld ms\n", attempt->helper.path, (long)took);
	return false;
}

/* Asks and checks everything but a right answer, whose frame it closes. */
static bool check(const struct attempt *attempt)
{
	struct host before;
	struct host after;
	struct nsh_answer answer;
	struct nsh_err err = {0};
	const char *changed;
	int64_t took = now_ms();
	int code;

	look(&before);
	memset(&answer, 0xff, sizeof(answer));
	code = nsh_ask(&attempt->helper, &attempt->question, &answer, &err);
	took = now_ms() - took;
	if (code == 0)
		nsh_answer_close(&answer);
	look(&after);
	changed = what_changed(&before, &after);
	if (changed)
		return complain(attempt, changed);
	if (has_child())
		return complain(attempt, "has left a child");
	if (attempt->takes_time && !is_in_time(attempt, took))
		return false;
	return check_error(attempt, code, &answer, &err);
}

static struct attempt attempt_of(const struct mode *mode)
{
	return (struct attempt){
		.helper = {.path = path_of(mode->name), .owner = geteuid(), .timeout = LONG},
		.question = ask_with(few_groups, 3),
		.code = mode->code,
		.says = mode->says,
	};
}

/* Each mode with so many settings of SIGCHLD, which are taken in turn. */
static void check_list(const struct mode *list, size_t count, size_t n_settings)
{
	for (size_t i = 0; i < count * n_settings; i++) {
		const struct mode *mode = &list[i / n_settings];
		struct attempt attempt = attempt_of(mode);

		set_signals(i % SIZE(settings));
		if (!check(&attempt))
			fail_msg("%s, setting %zu", mode->name, i % SIZE(settings));
	}
}

/* All at once, each from a process of its own, as each takes its time. */
static void check_list_at_once(const struct mode *list, size_t count,
			       const struct nsh_question *question)
{
	pid_t pids[16];
	int failures = 0;

	assert_in_range(count, 1, SIZE(pids));
	for (size_t i = 0; i < count; i++) {
		struct attempt attempt = attempt_of(&list[i]);

		attempt.question = *question;
		attempt.helper.timeout = SHORT;
		attempt.takes_time = true;
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			set_signals(i % SIZE(settings));
			_exit(!check(&attempt));
		}
	}
	for (size_t i = 0; i < count; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		failures += status != 0;
	}
	assert_int_equal(failures, 0);
}

static void test_ends(void **state)
{
	(void)state;
	check_list(endings, SIZE(endings), SIZE(settings));
}

/* It may be gone before the request is sent, or after, and has read nothing of it. */
static void test_ends_at_once(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		struct attempt attempt = attempt_of(find_mode(i % 2 ? "at once" : "unread"));
		struct nsh_answer answer;
		struct nsh_err err = {0};
		int code = nsh_ask(&attempt.helper, &attempt.question, &answer, &err);

		if (code != -EPROTO && code != -EPIPE && code != -ECONNRESET)
			fail_msg("%d: %s", code, err.text);
		assert_false(has_frame(&answer));
		assert_false(has_child());
	}
}

/* It goes while the request is under way; no signal comes of it (SIGPIPE). */
static void test_ends_meanwhile(void **state)
{
	struct attempt attempt = attempt_of(find_mode("at once"));

	(void)state;
	attempt.question = ask_with(many_groups, N_GROUPS);
	attempt.code = -EPIPE;
	attempt.says = "ask: Broken pipe";
	assert_true(check(&attempt));
}

static void test_answers(void **state)
{
	(void)state;
	check_list(answers, SIZE(answers), 1);
}

static void test_hangs(void **state)
{
	struct nsh_question question = ask_with(few_groups, 3);

	(void)state;
	check_list_at_once(hanging, SIZE(hanging), &question);
}

/* The time limit is one for all of it, also when the helper does not take the request. */
static void test_does_not_read(void **state)
{
	struct nsh_question question = ask_with(many_groups, N_GROUPS);

	(void)state;
	check_list_at_once(not_reading, SIZE(not_reading), &question);
}

static void test_right(void **state)
{
	(void)state;
	check_list(right, SIZE(right), SIZE(settings));
}

/* Asks a helper whose answer is to be right. */
static struct nsh_answer ask(const char *name, const struct nsh_question *question)
{
	struct attempt attempt = attempt_of(find_mode(name));
	struct nsh_answer answer;
	struct nsh_err err = {0};

	if (nsh_ask(&attempt.helper, question, &answer, &err) < 0)
		fail_msg("%s: %s", name, err.text);
	assert_string_equal(answer.reply.id, ID);
	assert_int_equal(has_frame(&answer), answer.reply.verdict == NSH_VERDICT_CONFINE);
	return answer;
}

static void test_what_was_said(void **state)
{
	struct nsh_question question = ask_with(few_groups, 3);
	struct nsh_answer answer;
	struct stat st;

	(void)state;
	assert_int_equal(ask("ignore", &question).reply.verdict, NSH_VERDICT_IGNORE);
	answer = ask("deny", &question);
	assert_int_equal(answer.reply.verdict, NSH_VERDICT_DENY);
	assert_string_equal(answer.reply.sentence, "");
	answer = ask("sentence", &question);
	assert_string_equal(answer.reply.sentence, "Once, \"here\" & ~there: 100%.");
	answer = ask("sentence long", &question);
	assert_int_equal(strlen(answer.reply.sentence), NSH_SENTENCE_MAX - 1);
	answer = ask("confine", &question);
	for (int i = 0; i < NSH_PART_COUNT; i++) {
		assert_int_equal(fstat(answer.frame[i], &st), 0);
		assert_int_equal(st.st_rdev, makedev(1, 3));
		assert_int_equal(fcntl(answer.frame[i], F_GETFD), FD_CLOEXEC);
	}
	nsh_answer_close(&answer);
}

/* An answer in two writes may come as one or be refused as too short, but is never another. */
static void test_in_two(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		struct attempt attempt = attempt_of(find_mode("in two"));
		struct nsh_answer answer;
		struct nsh_err err = {0};
		int code = nsh_ask(&attempt.helper, &attempt.question, &answer, &err);

		if (code == 0)
			assert_int_equal(answer.reply.verdict, NSH_VERDICT_IGNORE);
		else
			assert_int_equal(code, -EPROTO);
		assert_false(has_frame(&answer));
	}
}

static void expect_echo(const struct nsh_question *question)
{
	char expected[NSH_SENTENCE_MAX];
	struct nsh_answer answer = ask("echo", question);
	unsigned sum = 0;

	for (size_t i = 0; i < question->n_groups; i++)
		sum = sum * 31 + question->groups[i];
	snprintf(expected, sizeof(expected), "%s|%s|%s|%s|%s|%s|%u|%u|%zu|%u", question->texts[0],
		 question->texts[1], question->texts[2], question->texts[3], question->texts[4],
		 question->texts[5], question->uid, question->gid, question->n_groups, sum);
	assert_string_equal(answer.reply.sentence, expected);
}

/* What is asked arrives, all of it. */
static void test_what_was_asked(void **state)
{
	struct nsh_question question = ask_with(few_groups, 3);

	(void)state;
	expect_echo(&question);
	question = ask_with(many_groups, N_GROUPS);
	expect_echo(&question);
	question = ask_with(NULL, 0);
	question.uid = question.gid = 4294967294;
	for (int i = NSH_TEXT_HOME; i < NSH_TEXT_COUNT; i++)
		question.texts[i] = "";
	expect_echo(&question);
}

static void test_too_large(void **state)
{
	static gid_t groups[NSH_REQUEST_MAX / sizeof(gid_t)];
	static char text[NSH_REQUEST_MAX];
	struct attempt attempt = attempt_of(find_mode("ignore"));

	(void)state;
	attempt.code = -E2BIG;
	attempt.says = "has too many groups or too long names";
	attempt.question = ask_with(groups, SIZE(groups));
	assert_true(check(&attempt));
	memset(text, 'x', sizeof(text) - 1);
	attempt.question = ask_with(NULL, 0);
	attempt.question.texts[NSH_TEXT_RHOST] = text;
	assert_true(check(&attempt));
}

/* What the helper finds around it, whatever its caller has. */
static void test_surroundings(void **state)
{
	struct nsh_question question = ask_with(few_groups, 3);
	int fd = fcntl(STDIN_FILENO, F_DUPFD, 200);

	(void)state;
	assert_int_equal(setenv("LD_PRELOAD", "", 1), 0);
	for (size_t setting = 0; setting < SIZE(settings); setting++) {
		set_signals(setting);
		assert_string_equal(ask("inspect", &question).reply.sentence, "as it should be");
	}
	unsetenv("LD_PRELOAD");
	close(fd);
}

/* The file */

static void make_nothing(const char *path)
{
	unlink(path);
}

static void make_folder_there(const char *path)
{
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
}

static void make_fifo(const char *path)
{
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0755), 0);
}

static void make_socket(const char *path)
{
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mknod(path, S_IFSOCK | 0755, 0), 0);
}

static void make_link(const char *path)
{
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("ignore", path), 0);
}

static void make_link_to_nothing(const char *path)
{
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("nothing", path), 0);
}

static void make_group_writable(const char *path)
{
	assert_int_equal(chmod(path, 0775), 0);
}

static void make_all_writable(const char *path)
{
	assert_int_equal(chmod(path, 0757), 0);
}

static void make_not_executable(const char *path)
{
	assert_int_equal(chmod(path, 0644), 0);
}

static void write_file(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

static void make_empty(const char *path)
{
	write_file(path, "");
}

static void make_text(const char *path)
{
	write_file(path, "exit 0\n");
}

static void make_script_of_nothing(const char *path)
{
	write_file(path, "#!/no/such/interpreter\n");
}

static void test_file(void **state)
{
	static const struct {
		const char *name;
		void (*make)(const char *path);
		int code;
		const char *says;
	} files[] = {
		{"nothing", make_nothing, -ENOENT, "look up the session helper"},
		{"folder", make_folder_there, -EPERM, "is not a regular file"},
		{"fifo", make_fifo, -EPERM, "is not a regular file"},
		{"socket", make_socket, -EPERM, "is not a regular file"},
		{"link", make_link, -EPERM, "is not a regular file"},
		{"link to nothing", make_link_to_nothing, -EPERM, "is not a regular file"},
		{"group can write", make_group_writable, -EPERM, "only root can write to"},
		{"all can write", make_all_writable, -EPERM, "only root can write to"},
		{"not executable", make_not_executable, -EACCES, "start the session helper"},
		{"empty", make_empty, -ENOEXEC, "start the session helper"},
		{"text", make_text, -ENOEXEC, "start the session helper"},
		{"script", make_script_of_nothing, -ENOENT, "start the session helper"},
	};

	(void)state;
	for (size_t i = 0; i < SIZE(files); i++) {
		struct attempt attempt = attempt_of(find_mode("ignore"));
		char path[256];

		snprintf(path, sizeof(path), "%s", path_of(files[i].name));
		assert_int_equal(copy_self(path), 0);
		attempt.helper.path = path;
		attempt.code = files[i].code;
		attempt.says = files[i].says;
		files[i].make(path);
		set_signals(i % SIZE(settings));
		if (!check(&attempt))
			fail_msg("%s", files[i].name);
		remove(path);
	}
}

static void test_owner(void **state)
{
	struct attempt attempt = attempt_of(find_mode("ignore"));

	(void)state;
	attempt.helper.owner = geteuid() + 1;
	attempt.code = -EPERM;
	attempt.says = "only root can write to";
	assert_true(check(&attempt));
}

static void test_odd_paths(void **state)
{
	static char endless[2 * PATH_MAX];
	struct attempt attempt = attempt_of(find_mode("ignore"));

	(void)state;
	attempt.says = "look up the session helper";
	attempt.helper.path = "";
	attempt.code = -ENOENT;
	assert_true(check(&attempt));
	attempt.helper.path = "/dev/null/helper";
	attempt.code = -ENOTDIR;
	assert_true(check(&attempt));
	/* Longer than an error can be. */
	memset(endless, '/', sizeof(endless) - 1);
	attempt.helper.path = endless;
	assert_int_equal(nsh_ask(&attempt.helper, &attempt.question, &(struct nsh_answer){0},
				 &(struct nsh_err){0}),
			 -ENAMETOOLONG);
}

/* The caller */

/* Runs check() in a process of its own, after what else is to be done there. */
static void check_apart(void (*prepare)(int number), int number, const struct attempt *attempt)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prepare(number);
		_exit(!check(attempt));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void close_first(int count)
{
	close_range(0, (unsigned)count - 1, 0);
}

/* A service may have closed its standard streams, and the socket gets their numbers. */
static void test_closed_streams(void **state)
{
	static const char *const names[] = {"ignore", "confine", "a byte more", "confine, end 1"};

	(void)state;
	for (size_t i = 0; i < SIZE(names); i++)
		for (int count = 1; count <= 6; count++) {
			struct attempt attempt = attempt_of(find_mode(names[i]));

			check_apart(close_first, count, &attempt);
		}
}

/* Leaves room for so many more files. */
static void leave_room(int count)
{
	struct rlimit limit = {.rlim_cur = 64, .rlim_max = 64};
	int last = -1;
	int fd;

	setrlimit(RLIMIT_NOFILE, &limit);
	while ((fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		last = fd;
	for (int i = 0; i < count; i++)
		close(last - i);
}

/*
 * Without room for a file that it needs there is no answer. It needs five: one end of the socket, the
 * process, and the three parts of the frame, one of which takes the place of the other end. What the kernel had to leave
 * out of an answer makes it none, also where the rest would do.
 */
static void test_no_room_for_files(void **state)
{
	static const struct {
		const char *mode;
		int room;
		int code;
	} samples[] = {
		{"confine", 0, -EMFILE},
		{"confine", 1, -EMFILE},
		{"confine", 2, -EPROTO},
		{"confine", 3, -EPROTO},
		{"confine", 4, -EPROTO},
		{"confine", 5, 0},
		{"confine with 4", 5, -EPROTO},
		{"ignore with 1", 2, -EPROTO},
		{"ignore", 2, 0},
	};

	(void)state;
	for (size_t i = 0; i < SIZE(samples); i++) {
		struct attempt attempt = attempt_of(find_mode(samples[i].mode));

		attempt.code = samples[i].code;
		attempt.says = "";
		check_apart(leave_room, samples[i].room, &attempt);
	}
}

static void on_alarm(int signal)
{
	(void)signal;
}

/* Signals of the service's own do not disturb it. */
static void test_interrupted(void **state)
{
	struct sigaction action = {.sa_handler = on_alarm};
	struct sigaction kept;
	struct itimerval often = {{0, 500}, {0, 500}};
	struct itimerval never = {0};
	struct nsh_question question = ask_with(many_groups, N_GROUPS);

	(void)state;
	sigaction(SIGALRM, &action, &kept);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < 5; i++)
		expect_echo(&question);
	ask("late", &question);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &kept, NULL);
}

/* Returns a child that ends after that time. */
static pid_t start_child(int ms)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	poll(NULL, 0, ms);
	_exit(7);
}

static void expect_end_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

/* The service's own children are the service's to wait for. */
static void test_other_children(void **state)
{
	static const size_t usable[] = {0, 2, 5};
	struct nsh_question question = ask_with(few_groups, 3);

	(void)state;
	for (size_t i = 0; i < SIZE(usable); i++) {
		pid_t before;
		pid_t meanwhile;
		pid_t later;

		set_signals(usable[i]);
		before = start_child(0);
		meanwhile = start_child(30);
		later = start_child(300);
		waitid(P_PID, (id_t)before, &(siginfo_t){0}, WEXITED | WNOWAIT);
		ask("late", &question);
		expect_end_of(before);
		expect_end_of(meanwhile);
		expect_end_of(later);
	}
}

#define TEST(name) cmocka_unit_test_setup(name, settle)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ends),
		TEST(test_ends_at_once),
		TEST(test_ends_meanwhile),
		TEST(test_answers),
		TEST(test_hangs),
		TEST(test_does_not_read),
		TEST(test_right),
		TEST(test_what_was_said),
		TEST(test_in_two),
		TEST(test_what_was_asked),
		TEST(test_too_large),
		TEST(test_surroundings),
		TEST(test_file),
		TEST(test_owner),
		TEST(test_odd_paths),
		TEST(test_closed_streams),
		TEST(test_no_room_for_files),
		TEST(test_interrupted),
		TEST(test_other_children),
	};

	if (argc == 1 && !strcmp(argv[0], "nsshell-session"))
		return be_helper();
	for (size_t i = 0; i < N_GROUPS; i++)
		many_groups[i] = (gid_t)(i * 3);
	return cmocka_run_group_tests_name("ask", tests, make_folder, remove_folder);
}
