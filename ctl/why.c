/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl why: what the log knows of an incident, and what to do about it.
 */
#include <stdlib.h>
#include <string.h>

#include "ctl/command.h"
#include "ctl/commands.h"
#include "ctl/output.h"
#include "ctl/why_log.h"
#include "nsshell/id.h"
#include "nsshell/printable.h"
#include "nsshell/paths.h"

#define FILES_MAX 64

struct options {
	bool json;
	const char *id;
	const char *files[FILES_MAX];
	size_t n_files;
};

static error_t parse(int option, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	switch (option) {
	case 'j':
		options->json = true;
		return 0;
	case 'l':
		if (options->n_files == FILES_MAX)
			argp_error(state, "too many files");
		options->files[options->n_files++] = argument;
		return 0;
	case ARGP_KEY_ARG:
		if (options->id)
			argp_usage(state);
		options->id = argument;
		return 0;
	case ARGP_KEY_END:
		if (!options->id)
			argp_usage(state);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option option_list[] = {
	{"json", 'j', NULL, 0, "print JSON", 0},
	{"log", 'l', "FILE", 0, "look in this file, and nowhere else; can be given again", 0},
	{0},
};

static const struct argp argp = {
	.options = option_list,
	.parser = parse,
	.args_doc = "ID",
	.doc = "What the log knows of a refused or a confined session, and what to do next. ID is "
	       "what the "
	       "user was shown: [incident ID], or NSSHELL_SESSION in a session.",
};

/* What a kind of refusal (nsh_reason_name) calls for. "%s" is the user, or the file. */
static const struct advice {
	const char *kind;
	const char *command; /* with the file or the user as its last word, or NULL */
	bool takes_file;
	const char *words;
} advices[] = {
	{"policy", "nsshellctl check", true, "shows all that is wrong in the policy"},
	{"account", "getent passwd", false,
	 "shows the account: its name and home have to be usable"},
	{"shell", "nsshellctl show", false, "shows which file sets shell.program"},
	{"namespaces", "nsshellctl doctor", false, "says what this machine does not allow"},
	{"view", "nsshellctl try", false, "repeats it; the reason names the path"},
	{"frame", "nsshellctl doctor", false, "looks at the PAM stacks, and at what a frame needs"},
	{"denied", "nsshellctl show", false, "shows which file sets session.confine = deny"},
	{"login_shell", "nsshellctl enable", false, "makes nsshell the login shell"},
	{"limits", "nsshellctl doctor", false, "says which limits this machine can hold"},
	{"machine", "nsshellctl doctor", false, "looks for what fails on this machine"},
	{"sessions", "nsshellctl list", false,
	 "shows the sessions that there are; session.max_sessions says how many there may be"},
	{"stale", "nsshellctl list", false,
	 "shows the sandbox of the older policy; nsshellctl kill ends it"},
	{"ended", "nsshellctl list", false,
	 "shows whether there is another sandbox; the next login makes one"},
};

/* For lines of before there was a kind. */
static const struct advice no_kind = {"", "nsshellctl doctor", false,
				      "looks for what is in the way"};

/* check reads a policy as a login with the module does, and finds nothing. */
static const struct advice without_module = {
	"policy", "nsshellctl show --no-pam", false,
	"shows it; the reason names what only the module tells"};

static const struct advice *find_advice(const struct nsh_why_line *line)
{
	const char *kind = line->fields[NSH_WHY_KIND];
	const char *reason = line->fields[NSH_WHY_REASON];

	if (kind && reason && !strcmp(kind, "policy") && strstr(reason, "without the PAM module"))
		return &without_module;
	for (size_t i = 0; kind && i < sizeof(advices) / sizeof(*advices); i++)
		if (!strcmp(advices[i].kind, kind))
			return &advices[i];
	return &no_kind;
}

/*
 * The file that check is to be told, malloc'ed. None of those that are installed: alone, and whoever they belong to, they
 * can be right although they were refused.
 */
static char *file_to_check(const char *reason)
{
	static const char folder[] = NSH_POLICY_FOLDER;
	const size_t len = sizeof(folder) - 1;
	char *file = reason ? nsh_why_file(reason) : NULL;

	if (!file || strncmp(file, folder, len) != 0 || (file[len] && file[len] != '/'))
		return file;
	free(file);
	return NULL;
}

/*
 * What to do next, malloc'ed; NULL when there is nothing to do. It may be copied into a root shell, so nothing
 * of the line gets into it that could be more than a word.
 */
static char *advise(const struct nsh_why_line *line)
{
	const struct advice *advice = find_advice(line);
	const char *user =
		line->fields[NSH_WHY_USER] ? line->fields[NSH_WHY_USER] : line->fields[NSH_WHY_UID];
	const char *reason = line->fields[NSH_WHY_REASON];
	char *file = advice->takes_file ? file_to_check(reason) : NULL;
	const char *object = advice->takes_file ? file : user;
	char *text = NULL;

	if (!object || !nsh_why_is_plain(object))
		object = advice->takes_file ? "" : "USER";
	if (strcmp(line->fields[NSH_WHY_VERDICT], "deny") == 0 &&
	    asprintf(&text, "%s%s%s: %s", advice->command, *object ? " " : "", object,
		     advice->words) < 0)
		text = NULL;
	free(file);
	return text;
}

static const char *outcome(const struct nsh_why_line *line)
{
	const char *verdict = line->fields[NSH_WHY_VERDICT];

	if (!strcmp(verdict, "deny"))
		return "deny: there was no session";
	if (!strcmp(verdict, "confine"))
		return "confine: there was a confined session";
	if (!strcmp(verdict, "ignore"))
		return "ignore: there was an ordinary session, not confined";
	return verdict;
}

/* Of [session] lifetime. */
static const char *sandbox(const struct nsh_why_line *line)
{
	const char *joined = line->fields[NSH_WHY_JOINED];
	bool is_stale = line->fields[NSH_WHY_STALE] != NULL;

	if (joined && !strcmp(joined, "yes"))
		return is_stale ? "joined one that was there, of another policy"
				: "joined one that was there";
	return is_stale ? "a new one, beside one of another policy" : NULL;
}

static const char *trust(const struct nsh_why_line *line)
{
	if (line->verified)
		return "written by root";
	if (line->writer == NSH_WHY_SHELL)
		return "unverified: written by the user's own process";
	return strcmp(line->source, "the journal")
		       ? "unverified: a file does not tell who has written it"
		       : "unverified: not written by root";
}

static void print_part(const char *title, const char *text)
{
	char *copy = text && *text ? strdup(text) : NULL;

	if (!copy)
		return;
	nsh_make_printable(copy);
	printf("  %-9s %s\n", title, copy);
	free(copy);
}

static void print_line(const struct nsh_why_line *line, const char *id)
{
	bool denied = !strcmp(line->fields[NSH_WHY_VERDICT], "deny");
	char *next = advise(line);

	nsh_output_mark(denied ? NSH_MARK_FAIL : NSH_MARK_OK, denied ? "incident" : "session");
	printf(" %s\n", id);
	print_part("when", line->time);
	print_part("who", line->fields[NSH_WHY_USER]);
	print_part("user id", line->fields[NSH_WHY_UID]);
	print_part("service", line->fields[NSH_WHY_SERVICE]);
	print_part("from", line->fields[NSH_WHY_RHOST]);
	print_part("terminal", line->fields[NSH_WHY_TTY]);
	print_part("shell", line->fields[NSH_WHY_LOGIN_SHELL]);
	print_part("verdict", outcome(line));
	print_part("reason", line->cut && !line->fields[NSH_WHY_REASON]
				     ? "the line is cut before it"
				     : line->fields[NSH_WHY_REASON]);
	print_part("policy", line->fields[NSH_WHY_POLICY]);
	print_part("host name", line->fields[NSH_WHY_HOSTNAME]);
	print_part("sandbox", sandbox(line));
	print_part("cgroup", line->fields[NSH_WHY_CGROUP]);
	print_part("found in", line->source);
	printf("  %-9s ", "");
	nsh_output_mark(line->verified ? NSH_MARK_OK : NSH_MARK_WARN, trust(line));
	putchar('\n');
	print_part("next", next);
	free(next);
}

static void print_text(const struct nsh_why_log *log, const char *id)
{
	for (size_t i = 0; i < log->n_lines; i++) {
		if (i)
			putchar('\n');
		print_line(&log->lines[i], id);
	}
	if (log->n_lines > 1)
		puts("\nThere is more than one line about it. What root has written comes first; "
		     "of others "
		     "the oldest is the likeliest.");
}

static json_t *describe(const struct nsh_why_line *line)
{
	char *next = advise(line);
	json_t *value = json_pack("{so so sb sb so}", "time", nsh_json_text(line->time), "source",
				  nsh_json_text(line->source), "verified", line->verified, "cut",
				  line->cut, "next", nsh_json_text(next));

	free(next);
	for (enum nsh_why_key key = 0; value && key < NSH_WHY_COUNT; key++)
		if (line->fields[key])
			json_object_set_new(value, nsh_why_key_name(key),
					    nsh_json_text(line->fields[key]));
	return value;
}

static int print_json(const struct nsh_why_log *log, const char *id)
{
	json_t *lines = json_array();

	for (size_t i = 0; i < log->n_lines; i++)
		json_array_append_new(lines, describe(&log->lines[i]));
	return nsh_json_print(json_pack("{ss so}", "id", id, "lines", lines));
}

/* "Unknown" may only be said of what could be looked at. */
static int not_found(const struct nsh_why_log *log, const char *id)
{
	if (log->denied)
		return nsh_complain("the log cannot be read: %s", log->denied);
	if (log->journal_partly)
		return nsh_complain(
			"the journal shows this user nothing of %s, and perhaps root more", id);
	if (!log->n_read)
		return nsh_complain("there is no log: neither a journal nor auth.log, secure or "
				    "messages in /var/log");
	nsh_complain("the log knows nothing of %s", id);
	return NSH_CTL_WARN;
}

static int run(int argc, char **argv)
{
	struct options options = {0};
	struct nsh_why_log *log;
	int code;

	nsh_command_parse(&argp, argc, argv, false, &options);
	if (!nsh_id_ok(options.id))
		return nsh_complain(
			"\"%s\" is no id of a session or an incident: %d hexadecimal digits",
			options.id, NSH_ID_LEN);
	log = calloc(1, sizeof(*log));
	if (!log)
		return nsh_complain("out of memory");
	nsh_why_log_read(log, options.id, options.files, options.n_files);
	code = NSH_CTL_OK;
	if (!log->n_lines)
		code = not_found(log, options.id);
	else if (options.json)
		code = print_json(log, options.id);
	else
		print_text(log, options.id);
	nsh_why_log_free(log);
	free(log);
	return code;
}

const struct command nsh_command_why = {
	.name = "why",
	.group = NSH_GROUP_SESSIONS,
	.summary = "what the log knows of a refused session",
	.argp = &argp,
	.run = run,
};
