/* SPDX-License-Identifier: MIT */
/*
 * What a machine's log has about one id.
 *
 * The machine's own programs look for it (journalctl, grep, zgrep and its like): they read what is large, compressed or
 * binary, and give back no more than lines that have the id. All of what they give is in doubt until why_line.c has read it.
 */
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ctl/spawn.h"
#include "ctl/why_log.h"
#include "nsshell/cleanup.h"
#include "nsshell/id.h"

#define LOG_FOLDER "/var/log"

/* Longest time for one of those programs, in seconds, and for all. */
#define SEARCH_SECONDS 20
#define ALL_SECONDS 60

/* The most lines of one file, or one question to the journal. */
#define MOST "32"

/* The facility of all that nsshell logs. The journal has an index of it, and none of words. */
#define AUTHPRIV "SYSLOG_FACILITY=10"

/* So many files of /var/log are read, the newest. */
#define FILES_MAX 64

struct search {
	struct nsh_why_log *log;
	const char *id;
	char wanted[sizeof("session=") + NSH_ID_LEN];
	time_t end;
};

/* What has not been looked at, or not to its end, may know more. The first is told. */
__attribute__((format(printf, 2, 3))) static void note(struct nsh_why_log *log, const char *format,
						       ...)
{
	va_list args;

	if (log->denied)
		return;
	va_start(args, format);
	if (vasprintf(&log->denied, format, args) < 0)
		log->denied = NULL;
	va_end(args);
}

/* Takes the line. The same line can be in the journal and in a file. */
static void add(struct nsh_why_log *log, struct nsh_why_line *line, const char *source)
{
	line->source = strdup(source);
	if (log->n_lines < NSH_WHY_MAX)
		log->lines[log->n_lines++] = *line;
	else
		nsh_why_free(line);
}

/*
 * One of the machine's programs finds (0), finds nothing (1) or fails. journalctl(1) fails with 1, too, and so does
 * zstdgrep(1) of a damaged file; but then they say something.
 */
static void note_failure(struct nsh_why_log *log, const struct nsh_output *output, const char *what)
{
	const char *said = output->text + strspn(output->text, "\n");

	if (output->status == 0 || (output->status == 1 && !*said))
		return;
	if (!*said)
		said = "it failed";
	note(log, "%s: %.*s", what, (int)strcspn(said, "\n"), said);
}

/* Its output, also that before a failure. NULL without any. */
static char *search_with(const struct search *search, const char *const *argv, const char *what)
{
	struct nsh_output output;
	struct nsh_err err;
	int ret;

	if (time(NULL) >= search->end) {
		note(search->log, "the search took longer than %d s", ALL_SECONDS);
		return NULL;
	}
	ret = nsh_spawn(&output, argv, SEARCH_SECONDS, &err);
	if (ret == -ETIMEDOUT)
		note(search->log, "%s took longer than %d s", what, SEARCH_SECONDS);
	else if (ret < 0)
		note(search->log, "%s: %s", what, err.text);
	if (ret < 0)
		return NULL;
	note_failure(search->log, &output, what);
	return output.text;
}

static const char *text_of(const json_t *entry, const char *key)
{
	const char *text = json_string_value(json_object_get(entry, key));

	return text ? text : "";
}

/* In local time, as syslogd has it. */
static char *time_of(const json_t *entry)
{
	char text[64];
	time_t seconds =
		(time_t)(strtoull(text_of(entry, "__REALTIME_TIMESTAMP"), NULL, 10) / 1000000);
	struct tm parts;

	if (!localtime_r(&seconds, &parts) || !strftime(text, sizeof(text), "%F %T", &parts))
		return NULL;
	return strdup(text);
}

/*
 * Fields that begin with "_" are the journal's own knowledge: the kernel told it (SO_PASSCRED). The program's name
 * is looked up later, and may be missing for one that has ended.
 */
static bool is_of_root(const json_t *entry, const struct nsh_why_line *line)
{
	const char *name = text_of(entry, "_COMM");

	if (strcmp(text_of(entry, "_UID"), "0") != 0 || line->writer == NSH_WHY_SHELL)
		return false;
	return line->writer == NSH_WHY_MODULE || !*name || !strcmp(name, "nsshell-session");
}

/* Both questions find what is of root. What is no entry is what journalctl says besides, of a file that it has left out. */
static void read_entry(struct nsh_why_log *log, const char *text, const char *id, bool of_root)
{
	json_t *entry = json_loads(text, 0, NULL);
	struct nsh_why_line line;

	if (!entry)
		note(log, "the journal: %s", text);
	if (entry && (of_root || strcmp(text_of(entry, "_UID"), "0") != 0) &&
	    nsh_why_read_message(&line, text_of(entry, "SYSLOG_IDENTIFIER"),
				 text_of(entry, "MESSAGE"), id)) {
		line.time = time_of(entry);
		line.verified = is_of_root(entry, &line);
		add(log, &line, "the journal");
	}
	json_decref(entry);
}

/*
 * What root has written is asked for apart, and with the id where nsshell puts it: others' lines, and those in which sshd
 * repeats what it was sent, cannot push it out, however many they are.
 */
static void search_journal(struct search *search, bool of_root)
{
	char pattern[64 + sizeof(search->wanted)];
	const char *argv[] = {"journalctl",
			      "-q",
			      "--no-pager",
			      "-o",
			      "json",
			      "-n",
			      MOST,
			      "-g",
			      pattern,
			      AUTHPRIV,
			      of_root ? "_UID=0" : NULL,
			      NULL};
	char *found;
	char *rest;
	char *text;

	snprintf(pattern, sizeof(pattern), "^(pam_nsshell\\([^)\"]*\\): )?%s( |$)", search->wanted);
	rest = found = search_with(search, argv, "the journal");
	if (!found)
		return;
	search->log->n_read++;
	while ((text = strsep(&rest, "\n")))
		if (*text)
			read_entry(search->log, text, search->id, of_root);
	free(found);
}

static void read_journal(struct search *search)
{
	char path[NSH_PROGRAM_MAX];

	if (!nsh_program_find("journalctl", path) ||
	    (access("/var/log/journal", F_OK) < 0 && access("/run/log/journal", F_OK) < 0))
		return;
	search->log->journal_partly = geteuid() != 0;
	search_journal(search, true);
	search_journal(search, false);
}

/* What logrotate(8) compresses with, on one machine or another. Of a damaged file bzgrep(1) tells nothing. */
static const char *program_for(const char *path)
{
	static const char *const programs[][2] = {
		{".gz", "zgrep"}, {".xz", "xzgrep"}, {".zst", "zstdgrep"}, {".bz2", "xzgrep"}};
	const char *ending = strrchr(path, '.');

	for (size_t i = 0; ending && i < sizeof(programs) / sizeof(*programs); i++)
		if (!strcmp(ending, programs[i][0]))
			return programs[i][1];
	return "grep";
}

/* Not all of these programs know more options, or these in another order. */
static void read_file(struct search *search, const char *path)
{
	const char *argv[] = {program_for(path), "-a", "-m", MOST, "--",
			      search->wanted,    path, NULL};
	struct nsh_why_line line;
	char *found;
	char *rest;
	char *text;

	if (access(path, R_OK) < 0) {
		note(search->log, "%s: %s", path, strerror(errno));
		return;
	}
	rest = found = search_with(search, argv, path);
	search->log->n_read += found != NULL;
	while ((text = strsep(&rest, "\n")))
		if (nsh_why_read_line(&line, text, search->id))
			add(search->log, &line, path);
	free(found);
}

/* Those that logrotate(8) has put aside are called NAME.1, NAME.2.gz or NAME-20261124.xz. */
static int is_log(const struct dirent *entry)
{
	static const char *const names[] = {"auth.log", "secure", "messages"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		size_t len = strlen(names[i]);

		if (!strncmp(entry->d_name, names[i], len) &&
		    (!entry->d_name[len] || strchr(".-", entry->d_name[len])))
			return 1;
	}
	return 0;
}

struct file {
	char path[sizeof(LOG_FOLDER "/") + NAME_MAX];
	time_t changed;
};

static int newest_first(const void *a, const void *b)
{
	const struct file *one = a;
	const struct file *other = b;

	return (one->changed < other->changed) - (one->changed > other->changed);
}

static bool take_file(struct file *file, const char *name)
{
	struct stat st;

	snprintf(file->path, sizeof(file->path), "%s/%s", LOG_FOLDER, name);
	if (stat(file->path, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	file->changed = st.st_mtime;
	return true;
}

/* All of them, newest first; owned. */
static struct file *list_logs(struct nsh_why_log *log, size_t *count)
{
	struct dirent **entries = NULL;
	int found = scandir(LOG_FOLDER, &entries, is_log, NULL);
	struct file *files = found > 0 ? calloc((size_t)found, sizeof(*files)) : NULL;

	*count = 0;
	if ((found < 0 && errno != ENOENT) || (found > 0 && !files))
		note(log, "%s: %s", LOG_FOLDER, strerror(errno));
	for (int i = 0; i < found; i++) {
		*count += files && take_file(&files[*count], entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	if (files)
		qsort(files, *count, sizeof(*files), newest_first);
	return files;
}

static void read_machine(struct search *search)
{
	size_t count;
	NSH_FREE struct file *files = list_logs(search->log, &count);

	read_journal(search);
	for (size_t i = 0; i < count && i < FILES_MAX; i++)
		read_file(search, files[i].path);
	if (count > FILES_MAX)
		note(search->log, "%s: of %zu files only the newest %d are read", LOG_FOLDER, count,
		     FILES_MAX);
}

/* A time of one form only is compared: files of one machine have the same. */
static int by_trust(const void *a, const void *b)
{
	const struct nsh_why_line *one = a;
	const struct nsh_why_line *other = b;

	if (one->verified != other->verified)
		return other->verified - one->verified;
	if ((one->writer == NSH_WHY_SHELL) != (other->writer == NSH_WHY_SHELL))
		return (one->writer == NSH_WHY_SHELL) - (other->writer == NSH_WHY_SHELL);
	return strcmp(one->time ? one->time : "", other->time ? other->time : "");
}

void nsh_why_log_read(struct nsh_why_log *log, const char *id, const char *const *files,
		      size_t n_files)
{
	struct search search = {.log = log, .id = id, .end = time(NULL) + ALL_SECONDS};

	*log = (struct nsh_why_log){0};
	snprintf(search.wanted, sizeof(search.wanted), "session=%s", id);
	if (!n_files)
		read_machine(&search);
	for (size_t i = 0; i < n_files; i++)
		read_file(&search, files[i]);
	qsort(log->lines, log->n_lines, sizeof(*log->lines), by_trust);
}

void nsh_why_log_free(struct nsh_why_log *log)
{
	for (size_t i = 0; i < log->n_lines; i++)
		nsh_why_free(&log->lines[i]);
	free(log->denied);
	*log = (struct nsh_why_log){0};
}
