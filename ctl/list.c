/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl list: the sessions that there are.
 */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl/command.h"
#include "ctl/commands.h"
#include "ctl/list.h"
#include "ctl/output.h"

struct options {
	bool json;
	char *const *users; /* NULL: everybody */
	int n_users;
};

static error_t parse(int option, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	(void)argument;
	switch (option) {
	case 'j':
		options->json = true;
		return 0;
	case ARGP_KEY_ARGS:
		options->users = state->argv + state->next;
		options->n_users = state->argc - state->next;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option option_list[] = {
	{"json", 'j', NULL, 0, "print JSON", 0},
	{0},
};

static const struct argp argp = {
	.options = option_list,
	.parser = parse,
	.args_doc = "[USER...]",
	.doc = "The sessions that there are, read from the kernel; of these users only, by name or "
	       "user id. Root "
	       "sees all of them, others their own."
	       "\vLOGINS is how many stand in it, 0 when it lingers; so many of them are stale as "
	       "have joined a sandbox of another policy. POLICY is current; changed when a login "
	       "now would be made of other files, or of "
	       "files that have been "
	       "changed; invalid when it would be refused.",
};

static bool is_wanted(const struct options *options, const struct nsh_live *live)
{
	if (!live->has_users)
		return false;
	for (int i = 0; i < options->n_users; i++)
		if (nsh_live_is_of(live, options->users[i]))
			return true;
	return !options->n_users;
}

static int add_row(struct nsh_table *table, const struct nsh_live *live,
		   struct nsh_policy_answers *answers)
{
	struct nsh_policy_age age;
	char tty[NSH_TTY_NAME];
	char text[NSH_SIZE_TEXT];
	char logins[NSH_LOGINS_TEXT];
	double lasted = (double)time(NULL) - live->since;
	int ret = nsh_policy_age_find(&age, live, answers);

	nsh_table_add(table, live->id);
	nsh_table_add(table, live->user);
	nsh_table_add(table, nsh_age_text(text, lasted > 0 ? (unsigned long long)lasted : 0));
	nsh_table_add(table, nsh_tty_name(tty, live->tty));
	nsh_table_add(table, nsh_list_logins_text(logins, live, &age));
	nsh_table_addf(table, "%zu", live->n_members);
	nsh_table_add(table, nsh_size_text(text, live->memory));
	nsh_table_add(table,
		      age.state == NSH_POLICY_UNKNOWN ? NULL : nsh_policy_state_name(age.state));
	nsh_table_add(table, live->from);
	nsh_table_add(table, live->hostname);
	nsh_policy_age_free(&age);
	return ret < 0 ? nsh_complain("out of memory") : NSH_CTL_OK;
}

/* What can be of any length comes last: on a terminal it is what is cut. */
static int print_table(const struct options *options, const struct nsh_lives *lives)
{
	static const char *const titles[] = {"ID",    "USER",   "AGE",    "TTY",  "LOGINS",
					     "PROCS", "MEMORY", "POLICY", "FROM", "HOST NAME"};
	struct nsh_table table = {.titles = titles, .n_columns = 10};
	struct nsh_policy_answers answers = {0};
	int code = NSH_CTL_OK;

	for (size_t i = 0; i < lives->count && code == NSH_CTL_OK; i++)
		if (is_wanted(options, &lives->at[i]))
			code = add_row(&table, &lives->at[i], &answers);
	nsh_policy_answers_free(&answers);
	return code == NSH_CTL_OK ? nsh_table_print(&table) : code;
}

static json_t *describe_policy(const struct nsh_policy_age *age)
{
	json_t *files = json_array();

	for (size_t i = 0; i < age->n_files; i++)
		json_array_append_new(files, json_pack("{so sb sb}", "path",
						       nsh_json_text(age->files[i].path), "changed",
						       age->files[i].changed, "new",
						       age->files[i].is_new));
	return json_pack("{ss so so}", "state", nsh_policy_state_name(age->state), "reason",
			 nsh_json_text(*age->reason ? age->reason : NULL), "files", files);
}

static json_t *describe_tty(unsigned tty)
{
	char name[NSH_TTY_NAME];

	return nsh_json_text(tty ? nsh_tty_name(name, tty) : NULL);
}

/* Those that have joined it. */
static json_t *describe_joined(const struct nsh_live *live, const struct nsh_live_shell *shell)
{
	json_t *joined = json_array();

	for (size_t i = 0; i < live->n_joined; i++) {
		const struct nsh_live_joined *one = &live->joined[i];

		if (one->pid_namespace == shell->pid_namespace)
			json_array_append_new(joined,
					      json_pack("{si si so}", "inner", one->inner, "outer",
							one->outer, "tty", describe_tty(one->tty)));
	}
	return joined;
}

static json_t *describe_shells(const struct nsh_live *live)
{
	json_t *shells = json_array();

	for (size_t i = 0; i < live->n_shells; i++) {
		const struct nsh_live_shell *shell = &live->shells[i];

		json_array_append_new(
			shells, json_pack("{si so sI so sb so}", "init", shell->init, "outer",
					  shell->outer ? json_integer(shell->outer) : json_null(),
					  "pid_namespace", (json_int_t)shell->pid_namespace, "tty",
					  describe_tty(shell->tty), "shared", shell->shared,
					  "joined", describe_joined(live, shell)));
	}
	return shells;
}

/* Every number once, in the order in which it is met. */
static void add_number(json_t *numbers, uint64_t number)
{
	size_t i;
	json_t *known;

	json_array_foreach(numbers, i,
			   known) if (json_integer_value(known) == (json_int_t)number) return;
	if (number)
		json_array_append_new(numbers, json_integer((json_int_t)number));
}

static json_t *describe_limits(const struct nsh_live *live)
{
	static const struct {
		const char *file;
		const char *name;
	} limits[] = {{"memory.max", "memory_max"},
		      {"memory.current", "memory"},
		      {"pids.max", "tasks_max"},
		      {"pids.current", "tasks"}};
	json_t *value = live->cgroup ? json_object() : json_null();
	uint64_t number;

	for (size_t i = 0; live->cgroup && i < sizeof(limits) / sizeof(*limits); i++)
		json_object_set_new(value, limits[i].name,
				    nsh_live_cgroup(live, limits[i].file, &number) && number
					    ? json_integer((json_int_t)number)
					    : json_null());
	if (live->cgroup)
		json_object_set_new(value, "cgroup", nsh_json_text(live->cgroup));
	return value;
}

static json_t *describe(const struct nsh_live *live)
{
	json_t *pids = json_array();
	json_t *mounts = json_array();

	for (size_t i = 0; i < live->n_members; i++) {
		json_array_append_new(pids, json_integer(live->members[i].process.pid));
		add_number(mounts, live->members[i].mount);
	}
	return json_pack(
		"{ss so sI so ss so so so so so sf so sI so so so}", "id", live->id, "user",
		nsh_json_text(live->user), "uid", (json_int_t)live->uid, "hostname",
		nsh_json_text(live->hostname && *live->hostname ? live->hostname : NULL), "form",
		live->framed ? "framed" : "standalone", "service", nsh_json_text(live->service),
		"source", nsh_json_text(live->source), "login_tty", nsh_json_text(live->login_tty),
		"from", nsh_json_text(live->from), "tty", describe_tty(live->tty), "since",
		live->since, "pids", pids, "memory", (json_int_t)live->memory, "shells",
		describe_shells(live), "mount_namespaces", mounts, "limits", describe_limits(live));
}

static json_t *describe_all(const struct nsh_live *live, struct nsh_policy_answers *answers)
{
	struct nsh_policy_age age;
	json_t *session = describe(live);
	int ret = nsh_policy_age_find(&age, live, answers);

	nsh_list_describe_logins(session, live, &age);
	json_object_set_new(session, "policy", describe_policy(&age));
	nsh_policy_age_free(&age);
	if (ret == 0)
		return session;
	json_decref(session);
	return NULL;
}

static int print_json(const struct options *options, const struct nsh_lives *lives)
{
	struct nsh_policy_answers answers = {0};
	json_t *sessions = json_array();

	for (size_t i = 0; i < lives->count; i++)
		if (is_wanted(options, &lives->at[i]))
			json_array_append_new(sessions, describe_all(&lives->at[i], &answers));
	nsh_policy_answers_free(&answers);
	return nsh_json_print(json_pack("{so}", "sessions", sessions));
}

static int run(int argc, char **argv)
{
	struct options options = {0};
	struct nsh_lives lives;
	struct nsh_err err;
	int code;

	nsh_command_parse(&argp, argc, argv, false, &options);
	if (nsh_lives_find(&lives, &err) < 0)
		return nsh_complain_err(&err);
	/* All else is known without. */
	if (nsh_lives_ask(&lives, &err) < 0)
		nsh_complain_err(&err);
	code = options.json ? print_json(&options, &lives) : print_table(&options, &lives);
	nsh_lives_free(&lives);
	return code;
}

const struct command nsh_command_list = {
	.name = "list",
	.group = NSH_GROUP_SESSIONS,
	.summary = "the sessions that there are",
	.argp = &argp,
	.run = run,
};
