/* SPDX-License-Identifier: MIT */
/*
 * nsshell-scope: has systemd hold a login to its limits.
 *
 *	nsshell-scope PROCESS USER ID MEMORY TASKS CPU HUB
 *	nsshell-scope UNIT PROCESS
 *	nsshell-scope hub USER PROCESS
 *
 * Started as root by nsshell-session, with an empty environment. PROCESS opens the PAM session of the user id
 * USER. MEMORY is in bytes, CPU in percent of one processor; 0 is no limit. It ends with 0, or with 1 and a
 * line on standard error.
 *
 * Where pam_systemd(8) has made a session for just this login, its scope is the login's, and gets the limits.
 * Else (su from root's own session, cron, a stack without pam_systemd) a scope is made for PROCESS and the
 * process that started this one, among the user's others.
 *
 * A sandbox that several logins share has a scope of its own in any case, with the user's hub in it (HUB, else 0): it is
 * to outlast the session that it was begun in. The second form has systemd move a login's process into that, the
 * third makes one for a hub that has no sandbox.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#define SYSTEMD "org.freedesktop.systemd1"
#define MANAGER SYSTEMD, "/org/freedesktop/systemd1", SYSTEMD ".Manager"
#define LOGIND "org.freedesktop.login1"

/* Longest time for one answer, in microseconds. The helper waits for a little longer. */
#define ANSWER_USEC 7000000

struct login {
	pid_t process;
	uid_t user;
	const char *id;
	uint64_t memory;
	uint64_t tasks;
	uint64_t cpu;
	uint64_t hub; /* a process, or 0 */
	sd_bus *bus;
	char unit[64];
	bool may_outlive; /* systemd knows OOMPolicy= of scopes */
	char *job;        /* the path of the one that is waited for; owned */
	char result[32];  /* how it ended, "" as long as it has not */
};

static int complain(const char *what, int code, const sd_bus_error *error)
{
	fprintf(stderr, "%s: %s\n", what,
		error && error->message ? error->message : strerror(-code));
	return -1;
}

/* The limits as properties of a unit. */
static int put_limits(sd_bus_message *call, const struct login *login)
{
	int ret = 0;

	if (login->memory)
		ret = sd_bus_message_append(call, "(sv)(sv)", "MemoryMax", "t", login->memory,
					    "MemorySwapMax", "t", (uint64_t)0);
	if (ret >= 0 && login->tasks)
		ret = sd_bus_message_append(call, "(sv)", "TasksMax", "t", login->tasks);
	if (ret >= 0 && login->cpu)
		ret = sd_bus_message_append(call, "(sv)", "CPUQuotaPerSecUSec", "t",
					    login->cpu * 10000);
	return ret;
}

/* The session's scope */

/* The process that a session began with, or 0. */
static uint32_t leader_of(sd_bus *bus, const char *session)
{
	sd_bus_message *answer = NULL;
	const char *object;
	uint32_t leader = 0;

	if (sd_bus_call_method(bus, LOGIND, "/org/freedesktop/login1", LOGIND ".Manager",
			       "GetSession", NULL, &answer, "s", session) >= 0 &&
	    sd_bus_message_read(answer, "o", &object) >= 0 &&
	    sd_bus_get_property_trivial(bus, LOGIND, object, LOGIND ".Session", "Leader", NULL, 'u',
					&leader) < 0)
		leader = 0;
	sd_bus_message_unref(answer);
	return leader;
}

/*
 * Tells whether the process's control group is that of a session of this user's that began with it. In an older
 * session of the user's own the limits would be those of others.
 */
static bool find_session(struct login *login)
{
	char *session = NULL;
	char *unit = NULL;
	uid_t user;
	bool found = sd_pid_get_session(login->process, &session) >= 0 &&
		     sd_session_get_uid(session, &user) >= 0 && user == login->user &&
		     sd_pid_get_unit(login->process, &unit) >= 0 &&
		     leader_of(login->bus, session) == (uint32_t)login->process;

	if (found)
		snprintf(login->unit, sizeof(login->unit), "%s", unit);
	free(session);
	free(unit);
	return found;
}

static int fill_properties(sd_bus_message *call, const struct login *login)
{
	int ret = sd_bus_message_append(call, "sb", login->unit, 1);

	if (ret >= 0)
		ret = sd_bus_message_open_container(call, 'a', "(sv)");
	if (ret >= 0)
		ret = put_limits(call, login);
	return ret < 0 ? ret : sd_bus_message_close_container(call);
}

static int set_properties(const struct login *login)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *call = NULL;
	int ret = sd_bus_message_new_method_call(login->bus, &call, MANAGER, "SetUnitProperties");

	if (ret >= 0)
		ret = fill_properties(call, login);
	if (ret >= 0)
		ret = sd_bus_call(login->bus, call, ANSWER_USEC, &error, NULL);
	if (ret < 0)
		ret = complain(login->unit, ret, &error);
	sd_bus_message_unref(call);
	sd_bus_error_free(&error);
	return ret;
}

/* A scope of our own */

/*
 * As logind has them for its sessions, so that shells end with the machine: before the network does, and what
 * homes can be mounted from.
 */
static int put_scope(sd_bus_message *call, const struct login *login)
{
	char slice[32];
	int ret;

	snprintf(slice, sizeof(slice), "user-%u.slice", login->user);
	ret = sd_bus_message_append(
		call, "(sv)(sv)(sv)(sv)(sv)", "Description", "s",
		login->hub ? "Sandbox of nsshell's" : "Login confined by nsshell", "Slice", "s",
		slice, "CollectMode", "s", "inactive-or-failed", "SendSIGHUP", "b", 1, "After",
		"as", 1, "systemd-user-sessions.service");
	/* Logins come later: systemd lets processes into a scope only if others manage what is in it. */
	if (ret >= 0 && login->process && login->hub)
		ret = sd_bus_message_append(call, "(sv)", "Delegate", "b", 1);
	if (ret >= 0 && !login->process)
		ret = sd_bus_message_append(call, "(sv)", "PIDs", "au", 1, (uint32_t)login->hub);
	else if (ret >= 0 && login->hub)
		ret = sd_bus_message_append(call, "(sv)", "PIDs", "au", 3, (uint32_t)login->process,
					    (uint32_t)getppid(), (uint32_t)login->hub);
	else if (ret >= 0)
		ret = sd_bus_message_append(call, "(sv)", "PIDs", "au", 2, (uint32_t)login->process,
					    (uint32_t)getppid());
	if (ret >= 0 && login->may_outlive)
		ret = sd_bus_message_append(call, "(sv)", "OOMPolicy", "s", "continue");
	return ret;
}

static int fill_scope(sd_bus_message *call, const struct login *login)
{
	int ret = sd_bus_message_append(call, "ss", login->unit, "replace");

	if (ret >= 0)
		ret = sd_bus_message_open_container(call, 'a', "(sv)");
	if (ret >= 0)
		ret = put_scope(call, login);
	if (ret >= 0)
		ret = put_limits(call, login);
	if (ret >= 0)
		ret = sd_bus_message_close_container(call);
	return ret < 0 ? ret : sd_bus_message_append(call, "a(sa(sv))", 0);
}

static int take_job(struct login *login, sd_bus_message *answer)
{
	const char *job;
	int ret = sd_bus_message_read(answer, "o", &job);

	if (ret < 0)
		return ret;
	login->job = strdup(job);
	return login->job ? 0 : -ENOMEM;
}

/* Returns the error's errno; what is unknown to an older systemd is left out the second time. */
static int start_scope(struct login *login, sd_bus_error *error)
{
	sd_bus_message *answer = NULL;
	sd_bus_message *call = NULL;
	int ret = sd_bus_message_new_method_call(login->bus, &call, MANAGER, "StartTransientUnit");

	if (ret >= 0)
		ret = fill_scope(call, login);
	if (ret >= 0)
		ret = sd_bus_call(login->bus, call, ANSWER_USEC, error, &answer);
	if (ret >= 0)
		ret = take_job(login, answer);
	sd_bus_message_unref(call);
	sd_bus_message_unref(answer);
	return ret;
}

static int on_removed(sd_bus_message *message, void *data, sd_bus_error *error)
{
	struct login *login = data;
	const char *result;
	const char *unit;
	const char *job;
	uint32_t number;

	(void)error;
	if (sd_bus_message_read(message, "uoss", &number, &job, &unit, &result) >= 0 &&
	    login->job && !strcmp(job, login->job))
		snprintf(login->result, sizeof(login->result), "%s", result);
	return 0;
}

/* A signal that came before the answer to the call is still in the queue. */
static int await_job(struct login *login)
{
	while (!login->result[0]) {
		int ret = sd_bus_process(login->bus, NULL);

		if (ret == 0)
			ret = sd_bus_wait(login->bus, ANSWER_USEC);
		if (ret == 0)
			ret = -ETIMEDOUT;
		if (ret < 0 && ret != -EINTR)
			return complain(login->unit, ret, NULL);
	}
	if (!strcmp(login->result, "done"))
		return 0;
	fprintf(stderr, "%s: its start ended with \"%s\"\n", login->unit, login->result);
	return -1;
}

static int make_scope(struct login *login)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int ret = sd_bus_match_signal(login->bus, NULL, MANAGER, "JobRemoved", on_removed, login);

	if (login->id)
		snprintf(login->unit, sizeof(login->unit), "nsshell-%s.scope", login->id);
	else
		snprintf(login->unit, sizeof(login->unit), "nsshell-hub-%u-%u.scope", login->user,
			 (unsigned)login->hub);
	login->may_outlive = true;
	if (ret >= 0)
		ret = start_scope(login, &error);
	if (sd_bus_error_has_name(&error, SD_BUS_ERROR_PROPERTY_READ_ONLY)) {
		sd_bus_error_free(&error);
		login->may_outlive = false;
		ret = start_scope(login, &error);
	}
	if (ret < 0)
		ret = complain(login->unit, ret, &error);
	sd_bus_error_free(&error);
	return ret < 0 ? ret : await_job(login);
}

static bool read_number(const char *text, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && errno == 0;
}

static bool read_arguments(struct login *login, char **argv)
{
	uint64_t process;
	uint64_t user;

	if (!read_number(argv[1], &process) || !read_number(argv[2], &user) ||
	    !read_number(argv[4], &login->memory) || !read_number(argv[5], &login->tasks) ||
	    !read_number(argv[6], &login->cpu) || !read_number(argv[7], &login->hub))
		return false;
	login->process = (pid_t)process;
	login->user = (uid_t)user;
	login->id = argv[3];
	return true;
}

/* One that is in use: it is there until the sandbox ends. */
static int attach(sd_bus *bus, const char *unit, uint64_t process)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int ret = sd_bus_call_method(bus, MANAGER, "AttachProcessesToUnit", &error, NULL, "ssau",
				     unit, "", 1, (uint32_t)process);

	if (ret < 0)
		ret = complain(unit, ret, &error);
	sd_bus_error_free(&error);
	return ret;
}

static int act(struct login *login, int argc, char **argv)
{
	uint64_t number;

	if (argc == 3)
		return read_number(argv[2], &number) ? attach(login->bus, argv[1], number) : -1;
	if (argc == 4) {
		if (!read_number(argv[2], &number) || !read_number(argv[3], &login->hub))
			return -1;
		login->user = (uid_t)number;
		return make_scope(login);
	}
	if (!read_arguments(login, argv))
		return -1;
	return !login->hub && find_session(login) ? set_properties(login) : make_scope(login);
}

int main(int argc, char **argv)
{
	struct login login = {0};
	int ret;

	if (argc != 3 && argc != 4 && argc != 8) {
		fputs("nsshell-scope is started by nsshell-session; see pam_nsshell(8)\n", stderr);
		return 2;
	}
	ret = sd_bus_open_system(&login.bus);
	if (ret < 0)
		return complain("the system bus", ret, NULL) < 0;
	ret = act(&login, argc, argv);
	sd_bus_unref(login.bus);
	free(login.job);
	return ret < 0;
}
