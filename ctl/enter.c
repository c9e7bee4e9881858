/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl enter: a process of the administrator's in a session that there is.
 *
 *	nsshellctl       root, outside: passes on what is written, waits
 *	 \_ the opener   becomes the user, joins the session, is in its PID namespace's parent; waits
 *	     \_ command  in the session, confined as its shell is
 *
 * The two have nothing open that is of the machine: the session's side of a pseudo-terminal of the session's own, or
 * pipes. Whatever standard input and output of nsshellctl are stays with nsshellctl. Pipes are relayed even where a
 * file could be handed over, because any process of the user's in the session could reopen it (/proc/PID/fd).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/account.h"
#include "ctl/command.h"
#include "ctl/commands.h"
#include "ctl/live.h"
#include "ctl/pty.h"
#include "ctl/read.h"
#include "ctl/session.h"
#include "ctl/session_environment.h"
#include "nsshell/child.h"
#include "nsshell/cleanup.h"
#include "nsshell/enter.h"
#include "nsshell/environment.h"
#include "nsshell/pass.h"
#include "nsshell/plan.h"
#include "nsshell/sandbox.h"

#define NOT_EXECUTABLE 126
#define NOT_FOUND 127

struct options {
	const char *id;
	uint64_t shell; /* from 1 */
	char **command; /* NULL: a login shell */
};

struct entry {
	const struct nsh_live *live;
	struct nsh_user user;
	struct nsh_door door;
	char *const *command; /* NULL: the session's shell */
	char **environment;   /* as a login begins with */
	struct nsh_policy policy;
	bool terminal;
	int streams[3]; /* of the command; with a terminal all the same */
	int report;     /* the opener's end of a socket */
	pid_t parent;
};

/* What the opener says: the master of the pseudo-terminal comes with the first. */
enum said { SAID_READY, SAID_FAILED, SAID_ENDED };
struct message {
	enum said said;
	int status; /* of waitpid(2) */
	struct nsh_err err;
};

static error_t parse(int option, char *argument, struct argp_state *state)
{
	struct options *options = state->input;
	const char *at = argument;

	switch (option) {
	case 's':
		if (!nsh_take_number(&at, UINT32_MAX, '\0', &options->shell) || *at ||
		    !options->shell)
			argp_error(state, "\"%s\" is no shell: they are numbered from 1", argument);
		return 0;
	case ARGP_KEY_ARG:
		options->id = argument;
		if (state->next < state->argc)
			options->command = state->argv + state->next;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_usage(state);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option option_list[] = {
	{"shell", 's', "N", 0, "which shell of a session that has several; 1", 0},
	{0},
};

static const struct argp argp = {
	.options = option_list,
	.parser = parse,
	.args_doc = "ID [COMMAND [ARGUMENT...]]",
	.doc = "Runs a command, or the session's shell, in a session, as its user and confined as "
	       "the user is. ID may be "
	       "the beginning of one."
	       "\vThe user's own processes can trace what runs there: type no passwords. Ends as "
	       "the "
	       "command does, or with "
	       "125 when the session could not be entered.",
};

static int no_session(const struct nsh_err *err)
{
	nsh_complain_err(err);
	return NSH_CTL_NO_SESSION;
}

static int failed(struct nsh_err *err, const char *what)
{
	return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "%s", what);
}

static void say(const struct entry *entry, const struct message *message, int fd)
{
	nsh_pass_send(entry->report, message, sizeof(*message), &fd, 1, 0);
}

/* Returns the fd that came with it, or -1. */
static int hear(int in, struct message *message)
{
	int fds[NSH_PASS_MAX];
	size_t n_fds;
	int ret;

	do
		ret = nsh_pass_receive(in, message, sizeof(*message), fds, &n_fds, 0, NULL);
	while (ret == -EINTR);
	if (ret != 1) {
		*message = (struct message){.said = SAID_FAILED};
		nsh_err_set(&message->err, NSH_REASON_MACHINE, -EIO, "the session has ended");
	}
	if (!n_fds)
		return -1;
	nsh_pass_close(fds + 1, n_fds - 1);
	return fds[0];
}

/* As a login shell: its name with a "-" before it. */
static char *const *shell_words(const char *program)
{
	static char name[256];
	static char *words[2];
	const char *slash = strrchr(program, '/');

	snprintf(name, sizeof(name), "-%s", slash ? slash + 1 : program);
	words[0] = name;
	return words;
}

static int take_streams(const struct entry *entry)
{
	for (int i = 0; i < 3; i++)
		if (dup2(entry->streams[i], i) < 0)
			return -1;
	return close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
}

static int prepare_command(struct entry *entry, struct nsh_err *err)
{
	int ret;

	if (setsid() < 0 || take_streams(entry) < 0 ||
	    (entry->terminal && ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0))
		return failed(err, "the streams");
	/* Here and not before, as /proc is that of this PID namespace. */
	ret = nsh_policy_load_resolved(&entry->policy, NSH_SESSION_FOLDER "/policy", getuid(), err);
	if (ret < 0)
		return ret;
	entry->environment =
		nsh_environment_make(&entry->policy, entry->environment, entry->live->id);
	if (!entry->environment)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -ENOMEM, "environment");
	if (chdir(entry->user.home) < 0 && chdir("/") < 0)
		return failed(err, "/");
	ret = nsh_door_confine(&entry->policy, err);
	return ret < 0 ? ret : nsh_privileges_tie(err);
}

static void __attribute__((noreturn)) run_command(struct entry *entry)
{
	struct nsh_err err;
	const char *program;

	if (prepare_command(entry, &err) < 0) {
		dprintf(STDERR_FILENO, "nsshellctl: %s\n", err.text);
		_exit(NSH_CTL_NO_SESSION);
	}
	nsh_child_reset_signals();
	environ = entry->environment;
	program = nsh_policy_text(&entry->policy, NSH_KEY_SHELL_PROGRAM);
	if (entry->command)
		execvp(entry->command[0], entry->command);
	else
		execv(program, shell_words(program));
	dprintf(STDERR_FILENO, "nsshellctl: %s: %s\n", entry->command ? entry->command[0] : program,
		strerror(errno));
	_exit(errno == ENOENT ? NOT_FOUND : NOT_EXECUTABLE);
}

/* One of the session's own /dev/pts. The master is for nsshellctl alone. */
static int open_terminal(struct entry *entry, int *master, struct nsh_err *err)
{
	int slave;

	*master = -1;
	if (!entry->terminal)
		return 0;
	*master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*master < 0 || unlockpt(*master) < 0)
		return failed(err, "make a pseudo-terminal in the session");
	slave = ioctl(*master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return failed(err, "open a pseudo-terminal in the session");
	for (int i = 0; i < 3; i++)
		entry->streams[i] = slave;
	return 0;
}

static int enter(struct entry *entry, struct nsh_err *err)
{
	int ret = nsh_door_enter(&entry->door, &entry->user, entry->live->cgroup, err);

	nsh_door_close_ways(&entry->door.ways);
	return ret;
}

static int open_session(struct entry *entry, pid_t *pid, struct nsh_err *err)
{
	struct message ready = {.said = SAID_READY};
	int master;
	/* Standard streams of the administrator's are not for this process, nor for what it starts. */
	int ret = nsh_child_shut_streams() < 0 ? failed(err, "/dev/null") : enter(entry, err);

	/* After the ids, as the kernel forgets it when they change. */
	if (ret == 0 && prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0L, 0L, 0L) < 0)
		ret = failed(err, "prctl");
	if (ret == 0 && getppid() != entry->parent)
		_exit(NSH_CTL_NO_SESSION);
	if (ret == 0)
		ret = open_terminal(entry, &master, err);
	if (ret < 0)
		return ret;
	say(entry, &ready, master);
	nsh_cleanup_close(&master);
	/* Its settings come from the administrator's terminal before anything runs. */
	if (entry->terminal && read(entry->report, &master, 1) != 1)
		_exit(NSH_CTL_NO_SESSION);
	*pid = fork();
	if (*pid == 0)
		run_command(entry);
	return *pid < 0 ? failed(err, "fork") : 0;
}

static void __attribute__((noreturn)) run_opener(struct entry *entry)
{
	/* It cannot read the session's own: all but the filter is the same in all, and this is the usual one. */
	static const struct nsh_policy usual = {0};
	struct message message = {.said = SAID_FAILED};
	pid_t pid;

	if (open_session(entry, &pid, &message.err) < 0) {
		say(entry, &message, -1);
		_exit(NSH_CTL_NO_SESSION);
	}
	for (int i = 0; i < 3; i++)
		if (entry->streams[i] > STDERR_FILENO)
			close(entry->streams[i]);
	if (nsh_privileges_drop_outside(&usual, true, &message.err) < 0)
		_exit(NSH_CTL_NO_SESSION);
	message.said = SAID_ENDED;
	message.status = nsh_child_wait(pid);
	say(entry, &message, -1);
	_exit(0);
}

/* However it ends, with what the opener has said last. */
static int finish(pid_t opener, int in, int relayed, const struct nsh_err *err)
{
	struct message message;

	if (relayed != 0)
		kill(opener, SIGKILL);
	nsh_child_wait(opener);
	if (relayed > 0)
		nsh_pty_die(relayed);
	if (relayed < 0)
		return no_session(err);
	hear(in, &message);
	if (message.said != SAID_ENDED)
		return no_session(&message.err);
	if (WIFEXITED(message.status))
		return WEXITSTATUS(message.status);
	prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
	nsh_pty_die(WTERMSIG(message.status));
}

static int relay(const struct entry *entry, pid_t opener, int in, const struct nsh_pipes *pipes,
		 struct nsh_err *err)
{
	NSH_CLOSE int ended = pidfd_open(opener, 0);
	struct message message;
	int master = hear(in, &message);
	int ret;

	if (message.said != SAID_READY || (entry->terminal && master < 0)) {
		finish(opener, in, 0, err);
		*err = message.err;
		return no_session(err);
	}
	if (entry->terminal) {
		nsh_pty_copy_settings(master);
		if (write(in, "", 1) != 1)
			return finish(opener, in, -EIO, err);
		ret = nsh_pty_relay(master, ended, err);
		close(master);
	} else {
		ret = nsh_pipes_relay(pipes, ended, err);
	}
	return finish(opener, in, ret, err);
}

static int start(struct entry *entry, struct nsh_err *err)
{
	struct nsh_pipes pipes = {-1, -1, -1};
	NSH_CLOSE int in = -1;
	int ends[2];
	pid_t opener;

	if (!entry->terminal && nsh_pipes_make(&pipes, entry->streams, err) < 0)
		return no_session(err);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
		failed(err, "socketpair");
		return no_session(err);
	}
	in = ends[0];
	entry->report = ends[1];
	entry->parent = getpid();
	fflush(NULL);
	opener = fork();
	if (opener == 0) {
		close(in);
		nsh_cleanup_close(&pipes.in);
		nsh_cleanup_close(&pipes.out);
		nsh_cleanup_close(&pipes.err);
		run_opener(entry);
	}
	close(ends[1]);
	for (int i = 0; i < 3 && !entry->terminal; i++)
		close(entry->streams[i]);
	if (opener < 0) {
		failed(err, "fork");
		return no_session(err);
	}
	return relay(entry, opener, in, &pipes, err);
}

static const struct nsh_member *find_init(const struct nsh_live *live, uint64_t shell,
					  struct nsh_err *err)
{
	if (!live->n_shells)
		nsh_err_set(err, NSH_REASON_MACHINE, -ENOENT,
			    "session %s has no shell of nsshell's", live->id);
	else if (shell > live->n_shells)
		nsh_err_set(err, NSH_REASON_MACHINE, -ENOENT, "session %s has %zu shells", live->id,
			    live->n_shells);
	for (size_t i = 0; i < live->n_members && shell <= live->n_shells; i++)
		if (live->members[i].process.pid == live->shells[shell - 1].init)
			return &live->members[i];
	return NULL;
}

/* What is open of it by now is that very process's. */
static int open_door(struct entry *entry, const struct nsh_member *init, struct nsh_err *err)
{
	NSH_CLOSE int folder = nsh_process_open(init->process.pid);
	struct nsh_process now;

	if (folder < 0 || !nsh_process_read(&now, folder) || now.start != init->process.start)
		return nsh_err_set(err, NSH_REASON_MACHINE, -ESRCH, "the session has ended");
	return nsh_door_open(&entry->door, folder, now.pid, &entry->user, err);
}

static int enter_live(const struct options *options, const struct nsh_live *live,
		      struct nsh_err *err)
{
	struct entry entry = {
		.live = live,
		.command = options->command,
		.terminal = nsh_pty_wanted(),
	};
	const struct nsh_member *init = find_init(live, options->shell, err);
	int code;

	nsh_ways_clear(&entry.door.ways);
	if (!init || nsh_account_of(&entry.user, live->uid, err) < 0)
		return no_session(err);
	entry.environment = nsh_session_environment(&entry.user, "/bin/sh");
	if (!entry.environment)
		code = nsh_complain("out of memory");
	else if (open_door(&entry, init, err) < 0)
		code = no_session(err);
	else
		code = start(&entry, err);
	nsh_door_close_ways(&entry.door.ways);
	nsh_session_environment_free(entry.environment);
	nsh_user_free(&entry.user);
	return code;
}

static int run(int argc, char **argv)
{
	struct options options = {.shell = 1};
	const struct nsh_live *live;
	struct nsh_lives lives;
	struct nsh_err err;
	int code;
	int ret;

	nsh_command_parse(&argp, argc, argv, true, &options);
	if (!nsh_needs_root("enter sessions"))
		return NSH_CTL_NO_SESSION;
	if (nsh_lives_find(&lives, &err) < 0)
		return no_session(&err);
	live = nsh_lives_by_id(&lives, options.id, &ret, &err);
	code = live ? enter_live(&options, live, &err) : no_session(&err);
	nsh_lives_free(&lives);
	return code;
}

const struct command nsh_command_enter = {
	.name = "enter",
	.group = NSH_GROUP_SESSIONS,
	.summary = "a shell or a command in a session, for the administrator",
	.argp = &argp,
	.run = run,
};
