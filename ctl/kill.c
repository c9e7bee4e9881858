/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl kill: ends sessions, and waits until nothing of them is left.
 *
 * What is ended is what is of the session in each round: what has been started meanwhile too. First as at a logout,
 * HUP and TERM, and CONT for what is stopped, to what runs in it; nsshell's own and sshd's end by that, when
 * they have told how it ended. Root's processes of the login (sshd's monitor, su) are never signalled: they end when
 * the user's have. After the time-out it is KILL, for PID 1 first, with which the kernel kills all of its namespace.
 * What is in none is stopped before, so that it cannot start others faster than they are found.
 *
 * Of a shared sandbox that is all logins, and what lingers in it. The user's hub holds its namespaces, and lets go of
 * them when PID 1 is gone; it is left alone, and may have others to look after.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ctl/account.h"
#include "ctl/command.h"
#include "ctl/commands.h"
#include "ctl/live.h"
#include "ctl/read.h"
#include "nsshell/cleanup.h"
#include "nsshell/clock.h"
#include "nsshell/hub.h"

#define TIMEOUT_DEFAULT 5
#define TIMEOUT_MAX 86400

/* Longest time between SIGKILL and the end, in milliseconds: for sshd's monitor, and for what writes to a slow disk. */
#define KILL_MS 10000

/* Of that, how long nsshell's processes outside have to end by themselves. */
#define SPARE_MS 2000

/* Rounds, in milliseconds. */
#define STEP_MIN_MS 10
#define STEP_MAX_MS 200

/* How often what is new is stopped before all is killed. */
#define STOPS_MAX 20

struct options {
	const char *which; /* an id or a user */
	int timeout;
	int signal; /* 0: as at a logout */
};

struct wanted {
	char id[NSH_ID_LEN + 1];
	uid_t uid;
	bool framed;
	char *cgroup; /* owned, or NULL */
};

struct known {
	pid_t pid;
	uint64_t start;
};

/* Processes that something has been done with; owned. */
struct noted {
	struct known *at;
	size_t count;
};

struct killing {
	struct wanted *wanted; /* owned */
	size_t n_wanted;
	struct noted asked;  /* to end, or stopped */
	struct noted inits;  /* each PID 1 */
	struct noted outers; /* of what has joined a sandbox */
	int64_t spare;       /* nsh_now_ms() until when these are left alone */
	int signal;
};

static int parse_signal(const char *text)
{
	if (!strncasecmp(text, "SIG", 3))
		text += 3;
	for (int i = 1; i < NSIG; i++) {
		const char *name = sigabbrev_np(i);
		char number[12];

		snprintf(number, sizeof(number), "%d", i);
		if ((name && !strcasecmp(name, text)) || !strcmp(number, text))
			return i;
	}
	return 0;
}

static int parse_timeout(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	return isdigit((unsigned char)*text) && !*end && value <= TIMEOUT_MAX ? (int)value : -1;
}

static error_t parse(int option, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	switch (option) {
	case 't':
		options->timeout = parse_timeout(argument);
		if (options->timeout < 0)
			argp_error(state, "\"%s\" is no number of seconds", argument);
		return 0;
	case 's':
		options->signal = parse_signal(argument);
		if (!options->signal)
			argp_error(state, "there is no signal \"%s\"", argument);
		return 0;
	case ARGP_KEY_ARG:
		if (options->which)
			argp_usage(state);
		options->which = argument;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_usage(state);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option option_list[] = {
	{"timeout", 't', "SECONDS", 0, "how long there is to end before SIGKILL; 5", 0},
	{"signal", 's', "SIGNAL", 0, "what is sent first, in place of HUP, TERM and CONT", 0},
	{0},
};

static const struct argp argp = {
	.options = option_list,
	.parser = parse,
	.args_doc = "ID|USER",
	.doc = "Ends a session, or all sessions of a user, and waits until nothing of them is "
	       "left. ID may be the "
	       "beginning of one. Root ends all sessions, others their own."
	       "\vExit status 0: they are gone. 1: there is none. 2: something is left.",
};

static bool is_same(const struct nsh_member *member)
{
	NSH_CLOSE int folder = nsh_process_open(member->process.pid);
	struct nsh_process now;
	struct stat st;

	if (folder < 0 || !nsh_process_read(&now, folder) || now.start != member->process.start ||
	    now.uid != member->process.uid)
		return false;
	/* What may not be looked at is known by its start and by whose it is. */
	return !member->pid_namespace || fstatat(folder, "ns/pid", &st, 0) < 0 ||
	       st.st_ino == member->pid_namespace;
}

/* The number is looked at again when the pidfd is open: by now it could be another's. */
static bool send_signals(const struct nsh_member *member, const int *signals, size_t count)
{
	NSH_CLOSE int process = pidfd_open(member->process.pid, 0);

	if (process < 0 || member->process.pid == getpid() || !is_same(member))
		return false;
	for (size_t i = 0; i < count; i++)
		pidfd_send_signal(process, signals[i], NULL, 0);
	return true;
}

static bool is_noted(const struct noted *noted, const struct nsh_process *process)
{
	for (size_t i = 0; i < noted->count; i++)
		if (noted->at[i].pid == process->pid && noted->at[i].start == process->start)
			return true;
	return false;
}

/* Without memory it is not known the next time. */
static void note(struct noted *noted, const struct nsh_process *process)
{
	struct known *grown;

	if (is_noted(noted, process))
		return;
	grown = reallocarray(noted->at, noted->count + 1, sizeof(*grown));
	if (!grown)
		return;
	noted->at = grown;
	noted->at[noted->count++] = (struct known){.pid = process->pid, .start = process->start};
}

static void forget(struct noted *noted)
{
	free(noted->at);
	*noted = (struct noted){0};
}

static void ask(struct killing *killing, const struct nsh_member *member)
{
	static const int logout[] = {SIGHUP, SIGTERM, SIGCONT};

	if (is_noted(&killing->asked, &member->process))
		return;
	if (killing->signal)
		send_signals(member, &killing->signal, 1);
	else
		send_signals(member, logout, 3);
	note(&killing->asked, &member->process);
}

static bool comes_from(const struct nsh_live *live, pid_t pid, const struct nsh_member *ancestor)
{
	const struct nsh_member *at = nsh_live_member(live, pid);

	for (int depth = 0; at && depth < 64; depth++) {
		if (at == ancestor)
			return true;
		at = nsh_live_member(live, at->process.parent);
	}
	return false;
}

/* nsshell's own, and what it was started by: these end when what runs in the session has. */
static bool carries_shell(const struct nsh_live *live, const struct nsh_member *member)
{
	for (size_t i = 0; i < live->n_shells; i++)
		if (comes_from(live, live->shells[i].init, member))
			return true;
	for (size_t i = 0; i < live->n_joined; i++)
		if (comes_from(live, live->joined[i].inner, member))
			return true;
	return false;
}

static void ask_session(struct killing *killing, const struct nsh_live *live)
{
	bool any = false;

	for (size_t i = 0; i < live->n_members; i++)
		if (live->members[i].is_users && !carries_shell(live, &live->members[i])) {
			ask(killing, &live->members[i]);
			any = true;
		}
	/* A session that is just beginning, or whose shell is gone. */
	for (size_t i = 0; i < live->n_members && !any; i++)
		if (live->members[i].is_users)
			ask(killing, &live->members[i]);
}

/*
 * What has joined a sandbox has its parent outside, which has to take note of its end before PID 1 is gone. It does,
 * and ends too; what does not in time is killed like the rest.
 */
static bool is_spared(const struct killing *killing, const struct nsh_member *member)
{
	return nsh_now_ms() < killing->spare && is_noted(&killing->outers, &member->process);
}

static void kill_session(const struct killing *killing, const struct nsh_live *live)
{
	static const int end = SIGKILL;

	for (size_t i = 0; i < live->n_shells; i++) {
		const struct nsh_member *init = nsh_live_member(live, live->shells[i].init);

		if (init)
			send_signals(init, &end, 1);
	}
	for (size_t i = 0; i < live->n_members; i++)
		if (live->members[i].is_users && !is_spared(killing, &live->members[i]))
			send_signals(&live->members[i], &end, 1);
}

/* Returns how many were not stopped before. */
static size_t stop_session(struct killing *killing, const struct nsh_live *live)
{
	static const int stop = SIGSTOP;
	size_t count = 0;

	for (size_t i = 0; i < live->n_members; i++) {
		const struct nsh_member *member = &live->members[i];

		if (!member->is_users || member->process.depth > 1 || is_spared(killing, member) ||
		    is_noted(&killing->asked, &member->process))
			continue;
		send_signals(member, &stop, 1);
		note(&killing->asked, &member->process);
		count++;
	}
	return count;
}

static bool is_wanted(const struct killing *killing, const struct nsh_live *live)
{
	for (size_t i = 0; i < killing->n_wanted; i++)
		if (killing->wanted[i].uid == live->uid && !strcmp(killing->wanted[i].id, live->id))
			return true;
	return false;
}

/* The hub stays where the sandbox was made that it was started for, and can have others by now. */
static bool has_hub_alone(const char *cgroup)
{
	char path[1100];
	NSH_FREE char *text = NULL;
	char *end;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	if (nsh_read(path, &text) < 0 || !*text)
		return false;
	for (char *at = text; *at; at = end) {
		NSH_CLOSE int folder = nsh_process_open((pid_t)strtol(at, &end, 10));
		struct nsh_process process;

		if (end == at || folder < 0 || !nsh_process_read(&process, folder) ||
		    process.uid != 0 || strcmp(process.name, NSH_HUB_NAME) != 0)
			return false;
		end += *end == '\n';
	}
	return true;
}

/* A session is gone when its control group is, too: root alone can tell. */
static bool has_cgroup(const struct wanted *wanted)
{
	char path[1024];

	if (!wanted->cgroup || geteuid() != 0)
		return false;
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s", wanted->cgroup);
	return access(path, F_OK) == 0 && !has_hub_alone(path);
}

static bool is_in_hub(const struct wanted *wanted)
{
	const struct nsh_hub_place place = {.uid = wanted->uid, .standalone = !wanted->framed};
	struct nsh_hub_entry *entries = NULL;
	size_t count = 0;
	struct nsh_err err;
	bool found = false;

	if (nsh_hub_list(&place, &entries, &count, &err) == 0)
		for (size_t i = 0; i < count; i++)
			found |= !strcmp(entries[i].id, wanted->id);
	free(entries);
	return found;
}

/* Likewise while the hub holds on to it. Whose hub may not be asked tells nothing. */
static bool is_held(const struct wanted *wanted)
{
	return wanted->framed == (geteuid() == 0) && is_in_hub(wanted);
}

/* PID 1 loses its mounts first, and ends when all that was in its namespace has been taken note of. */
static bool has_init(const struct known *init)
{
	NSH_CLOSE int folder = nsh_process_open(init->pid);
	struct nsh_process now;

	return folder >= 0 && nsh_process_read(&now, folder) && now.start == init->start &&
	       now.state != 'Z';
}

static bool is_left(const struct killing *killing)
{
	for (size_t i = 0; i < killing->n_wanted; i++)
		if (has_cgroup(&killing->wanted[i]) || is_held(&killing->wanted[i]))
			return true;
	for (size_t i = 0; i < killing->inits.count; i++)
		if (has_init(&killing->inits.at[i]))
			return true;
	return false;
}

static void note_member(struct noted *noted, const struct nsh_live *live, pid_t pid)
{
	const struct nsh_member *member = nsh_live_member(live, pid);

	if (member)
		note(noted, &member->process);
}

static void note_shells(struct killing *killing, const struct nsh_live *live)
{
	for (size_t i = 0; i < live->n_shells; i++)
		note_member(&killing->inits, live, live->shells[i].init);
	for (size_t i = 0; i < live->n_joined; i++)
		note_member(&killing->outers, live, live->joined[i].outer);
}

enum round { ASK, STOP, KILL, LOOK };

/* One round. Returns how many there still were, of sessions or (STOP) of processes; -errno. */
static int do_round(struct killing *killing, enum round round, struct nsh_err *err)
{
	struct nsh_lives lives;
	int count = 0;
	int ret = nsh_lives_find(&lives, err);

	if (ret < 0)
		return ret;
	for (size_t i = 0; i < lives.count; i++) {
		const struct nsh_live *live = &lives.at[i];

		if (!is_wanted(killing, live))
			continue;
		note_shells(killing, live);
		if (round == ASK)
			ask_session(killing, live);
		if (round == KILL)
			kill_session(killing, live);
		count += round == STOP ? (int)stop_session(killing, live) : 1;
	}
	nsh_lives_free(&lives);
	return count;
}

/* Until nothing is left, or the time is over: then it is more than 0. -errno. */
static int do_rounds(struct killing *killing, enum round round, int64_t ms, struct nsh_err *err)
{
	int64_t end = nsh_now_ms() + ms;
	long step = STEP_MIN_MS;
	int ret;

	do {
		struct timespec wait = {.tv_nsec = step * 1000000};

		ret = do_round(killing, round, err);
		if (ret < 0 || (ret == 0 && !is_left(killing)))
			return ret;
		nanosleep(&wait, NULL);
		step = step < STEP_MAX_MS / 2 ? 2 * step : STEP_MAX_MS;
	} while (nsh_now_ms() < end);
	ret = do_round(killing, LOOK, err);
	return ret == 0 && is_left(killing) ? 1 : ret;
}

static void continue_stopped(const struct killing *killing)
{
	for (size_t i = 0; i < killing->asked.count; i++) {
		const struct known *known = &killing->asked.at[i];
		NSH_CLOSE int process = pidfd_open(known->pid, 0);
		NSH_CLOSE int folder = nsh_process_open(known->pid);
		struct nsh_process now;

		if (process >= 0 && folder >= 0 && nsh_process_read(&now, folder) &&
		    now.start == known->start)
			pidfd_send_signal(process, SIGCONT, NULL, 0);
	}
}

/* What is stopped is killed, or goes on, also when this is to end meanwhile: no login may be left frozen. */
static int stop_and_kill(struct killing *killing, struct nsh_err *err)
{
	static const int enders[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT, SIGTSTP};
	sigset_t held;
	sigset_t before;
	int ret = 1;

	sigemptyset(&held);
	for (size_t i = 0; i < sizeof(enders) / sizeof(*enders); i++)
		sigaddset(&held, enders[i]);
	sigprocmask(SIG_BLOCK, &held, &before);
	for (int i = 0; i < STOPS_MAX && ret > 0; i++)
		ret = do_round(killing, STOP, err);
	ret = do_round(killing, KILL, err);
	if (ret < 0)
		continue_stopped(killing);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return ret;
}

static int kill_all(struct killing *killing, struct nsh_err *err)
{
	int ret;

	forget(&killing->asked);
	killing->spare = nsh_now_ms() + SPARE_MS;
	ret = stop_and_kill(killing, err);
	return ret < 0 ? ret : do_rounds(killing, KILL, KILL_MS, err);
}

/* What is left when no process stands in the session any more. */
static void complain_more(const struct killing *killing)
{
	for (size_t i = 0; i < killing->n_wanted; i++) {
		const struct wanted *wanted = &killing->wanted[i];

		if (has_cgroup(wanted))
			nsh_complain("session %s is not gone: control group %s", wanted->id,
				     wanted->cgroup);
		if (is_held(wanted))
			nsh_complain("session %s is not gone: the user's hub has it", wanted->id);
	}
	for (size_t i = 0; i < killing->inits.count; i++)
		if (has_init(&killing->inits.at[i]))
			nsh_complain("process %d is not gone: PID 1 of a session",
				     killing->inits.at[i].pid);
}

static int complain_left(struct killing *killing, struct nsh_err *err)
{
	struct nsh_lives lives;

	if (nsh_lives_find(&lives, err) < 0)
		return nsh_complain_err(err);
	for (size_t i = 0; i < lives.count; i++)
		for (size_t j = 0; is_wanted(killing, &lives.at[i]) && j < lives.at[i].n_members;
		     j++)
			nsh_complain("session %s is not gone: process %d (%s, user id %u)",
				     lives.at[i].id, lives.at[i].members[j].process.pid,
				     lives.at[i].members[j].process.name,
				     lives.at[i].members[j].process.uid);
	nsh_lives_free(&lives);
	complain_more(killing);
	return NSH_CTL_FAILED;
}

static int want(struct killing *killing, const struct nsh_live *live)
{
	struct wanted *grown = reallocarray(killing->wanted, killing->n_wanted + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	killing->wanted = grown;
	grown += killing->n_wanted++;
	*grown = (struct wanted){.uid = live->uid, .framed = live->framed};
	memcpy(grown->id, live->id, sizeof(grown->id));
	grown->cgroup = live->cgroup ? strdup(live->cgroup) : NULL;
	return 0;
}

/* Whether it is a user: who has no session is no session of another's whose id begins like the name. */
static bool is_user(const char *which)
{
	struct nsh_user user;
	struct nsh_err err;

	if (strlen(which) == NSH_ID_LEN || nsh_account_find(&user, which, &err) < 0)
		return false;
	nsh_user_free(&user);
	return true;
}

/*
 * A user's name before the beginning of an id, which anybody can make look like it. What is a user and a whole id is a
 * question and not a command.
 */
static int choose(struct killing *killing, const char *which, struct nsh_err *err)
{
	struct nsh_lives lives;
	const struct nsh_live *one;
	int found = 0;
	int ret = nsh_lives_find(&lives, err);

	if (ret < 0)
		return ret;
	for (size_t i = 0; i < lives.count && ret == 0; i++)
		if (nsh_live_is_of(&lives.at[i], which))
			ret = want(killing, &lives.at[i]);
	one = nsh_lives_by_id(&lives, which, &found, err);
	if (ret < 0)
		ret = nsh_err_sys(err, NSH_REASON_MACHINE, ret, "sessions");
	else if (killing->n_wanted && found != -ENOENT && strlen(which) == NSH_ID_LEN)
		ret = nsh_err_set(err, NSH_REASON_MACHINE, -ENOTUNIQ,
				  "\"%s\" is a user and a session's id", which);
	else if (!killing->n_wanted && one && is_user(which))
		ret = nsh_err_set(err, NSH_REASON_MACHINE, -ENOENT, "%s has no session", which);
	else if (!killing->n_wanted)
		ret = one ? want(killing, one) : found;
	nsh_lives_free(&lives);
	return ret;
}

static int end_all(struct killing *killing, const struct options *options, struct nsh_err *err)
{
	int ret = 1;

	if (options->signal != SIGKILL)
		ret = do_rounds(killing, ASK, (int64_t)options->timeout * 1000, err);
	if (ret > 0)
		ret = kill_all(killing, err);
	if (ret < 0)
		return nsh_complain_err(err);
	return ret == 0 ? NSH_CTL_OK : complain_left(killing, err);
}

static int run(int argc, char **argv)
{
	struct options options = {.timeout = TIMEOUT_DEFAULT};
	struct killing killing = {0};
	struct nsh_err err;
	int code;
	int ret;

	nsh_command_parse(&argp, argc, argv, false, &options);
	killing.signal = options.signal;
	ret = choose(&killing, options.which, &err);
	if (ret < 0) {
		nsh_complain_err(&err);
		code = ret == -ENOENT ? NSH_CTL_WARN : NSH_CTL_FAILED;
	} else {
		code = end_all(&killing, &options, &err);
	}
	for (size_t i = 0; i < killing.n_wanted; i++)
		free(killing.wanted[i].cgroup);
	free(killing.wanted);
	forget(&killing.asked);
	forget(&killing.inits);
	forget(&killing.outers);
	return code;
}

const struct command nsh_command_kill = {
	.name = "kill",
	.group = NSH_GROUP_SESSIONS,
	.summary = "end sessions, and wait until they are gone",
	.argp = &argp,
	.run = run,
};
