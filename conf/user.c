/* SPDX-License-Identifier: MIT */
/*
 * Users and groups without the name service's modules.
 *
 * A look-up is one search for the name or id through the file's bytes, in which a line that has it is taken apart
 * once: ten thousand accounts, or as many members of one group, cost microseconds. getent runs with an empty
 * environment, from a fixed path, with nothing of ours open.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/text.h"
#include "nsshell/cleanup.h"
#include "nsshell/user.h"

#define PASSWD_FIELDS 7
#define GROUP_FIELDS 4

/* An answer of getent has one line. That of a group with very many members is cut: what is wanted stands before them. */
#define ANSWER_MAX (1024 * 1024)

/* The largest /etc/passwd or /etc/group, in bytes. */
#define DATABASE_MAX (100L * 1024 * 1024)

#define GETENT "/usr/bin/getent"

struct answer {
	char *text;
	size_t len;
};

bool nsh_user_name_ok(const char *name)
{
	size_t len = strlen(name);

	if (!len || len > 255 || strchr(".-+# ", name[0]) || name[len - 1] == ' ')
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] < ' ' || name[i] == 0x7f || strchr("/:,", name[i]))
			return false;
	return true;
}

static bool split(const char *line, const char *end, size_t n_fields, struct nsh_fields *fields)
{
	fields->count = 0;
	if (memchr(line, '\0', (size_t)(end - line)))
		return false;
	while (fields->count < n_fields) {
		const char *colon = memchr(line, ':', (size_t)(end - line));
		const char *stop = colon ? colon : end;

		fields->text[fields->count] = line;
		fields->len[fields->count++] = (size_t)(stop - line);
		if (!colon)
			break;
		line = colon + 1;
	}
	return fields->count == n_fields;
}

static bool line_matches(const struct nsh_fields *fields, size_t field, const char *wanted)
{
	size_t len = strlen(wanted);

	/* Empty lines, comments, and where another source of names is asked (nsswitch.conf(5), compat). */
	if (!fields->len[0] || strchr("#+-", fields->text[0][0]))
		return false;
	return fields->len[field] == len && !memcmp(fields->text[field], wanted, len);
}

bool nsh_database_find(const char *text, size_t len, size_t n_fields, size_t field,
		       const char *wanted, struct nsh_fields *found)
{
	size_t wanted_len = strlen(wanted);
	const char *at = text;
	const char *end;

	if (!text || !wanted_len)
		return false;
	end = text + len;
	while ((at = memmem(at, (size_t)(end - at), wanted, wanted_len))) {
		const char *before = memrchr(text, '\n', (size_t)(at - text));
		const char *line = before ? before + 1 : text;
		const char *stop = memchr(at, '\n', (size_t)(end - at));

		if (split(line, stop ? stop : end, n_fields, found) &&
		    line_matches(found, field, wanted))
			return true;
		at = stop ? stop + 1 : end;
	}
	return false;
}

static bool find_in_text(const char *text, size_t len, size_t n_fields, size_t field,
			 const char *wanted, struct answer *line)
{
	struct nsh_fields found;
	const char *end;

	if (!nsh_database_find(text, len, n_fields, field, wanted, &found))
		return false;
	end = found.text[n_fields - 1] + found.len[n_fields - 1];
	line->len = (size_t)(end - found.text[0]);
	line->text = strndup(found.text[0], line->len);
	return true;
}

/* Reads a whole file. The accounts of a large machine take a megabyte, and never a hundred. */
static int read_file(int fd, char **text, size_t *len)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size > DATABASE_MAX)
		return -EFBIG;
	*text = malloc((size_t)st.st_size + 1);
	if (!*text)
		return -ENOMEM;
	while (*len < (size_t)st.st_size) {
		ssize_t got = read(fd, *text + *len, (size_t)st.st_size - *len);

		if (got <= 0)
			return got < 0 ? -errno : 0;
		*len += (size_t)got;
	}
	return 0;
}

int nsh_database_read(const char *path, char **text, size_t *len, struct nsh_err *err)
{
	NSH_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int ret = fd < 0 ? -errno : 0;

	*text = NULL;
	*len = 0;
	if (ret == 0)
		ret = read_file(fd, text, len);
	if (ret == 0)
		return 0;
	free(*text);
	*text = NULL;
	return nsh_err_sys(err, NSH_REASON_ACCOUNT, ret, "%s", path);
}

static int find_in_file(const char *path, size_t n_fields, size_t field, const char *wanted,
			struct answer *line, struct nsh_err *err)
{
	struct answer file;
	bool found;
	int ret = nsh_database_read(path, &file.text, &file.len, err);

	if (ret < 0)
		return ret;
	found = find_in_text(file.text, file.len, n_fields, field, wanted, line);
	free(file.text);
	if (found && !line->text)
		return nsh_err_sys(err, NSH_REASON_ACCOUNT, -ENOMEM, "%s", path);
	return found ? 0 : -ENOENT;
}

/* Returns 1 when there is more of it. */
static int read_answer(int fd, struct answer *answer)
{
	answer->text = malloc(ANSWER_MAX + 1);
	if (!answer->text)
		return -ENOMEM;
	while (answer->len < ANSWER_MAX) {
		ssize_t got = read(fd, answer->text + answer->len, ANSWER_MAX - answer->len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : 0;
		answer->len += (size_t)got;
	}
	return 1;
}

static int spawn_getent(const char *database, const char *wanted, int out, pid_t *pid)
{
	char *argv[] = {(char *)"getent", (char *)"--", (char *)database, (char *)wanted, NULL};
	char *envp[] = {NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	int ret;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
	ret = posix_spawn(pid, GETENT, &actions, &attr, argv, envp);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return -ret;
}

/* getent answers 2 when the name service knows no such key. */
static int getent_status(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
		return -ENOENT;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

static int ask_getent(const char *database, const char *wanted, struct answer *answer)
{
	int ends[2];
	pid_t pid;
	int status;
	int ret;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	ret = spawn_getent(database, wanted, ends[1], &pid);
	close(ends[1]);
	if (ret < 0) {
		close(ends[0]);
		/* That there is no getent is no answer. */
		return ret == -ENOENT ? -EIO : ret;
	}
	ret = read_answer(ends[0], answer);
	/* It need not write the rest. */
	close(ends[0]);
	status = getent_status(pid);
	return ret == 0 ? status : ret < 0 ? ret : 0;
}

/* Where names of any case are one account's or group's, the answer has the name as it is written there. */
static bool take_other_case(const struct answer *answer, size_t n_fields, const char *wanted,
			    struct answer *line)
{
	const char *newline = memchr(answer->text, '\n', answer->len);
	const char *end = newline ? newline : answer->text + answer->len;
	struct nsh_fields fields;

	if (!split(answer->text, end, n_fields, &fields) || fields.len[0] != strlen(wanted) ||
	    strncasecmp(fields.text[0], wanted, fields.len[0]) != 0)
		return false;
	line->len = (size_t)(end - answer->text);
	line->text = strndup(answer->text, line->len);
	return true;
}

/* What the files do not know. Returns the one line that was asked for. */
static int find_with_getent(const char *database, size_t n_fields, size_t field, const char *wanted,
			    struct answer *line, struct nsh_err *err)
{
	struct answer answer = {0};
	int ret = ask_getent(database, wanted, &answer);

	if (ret == 0 && !find_in_text(answer.text, answer.len, n_fields, field, wanted, line) &&
	    (field != 0 || !take_other_case(&answer, n_fields, wanted, line)))
		ret = -ENOENT;
	if (ret == 0 && !line->text)
		ret = -ENOMEM;
	free(answer.text);
	if (ret < 0 && ret != -ENOENT)
		return nsh_err_sys(err, NSH_REASON_ACCOUNT, ret, "%s %s %s", GETENT, database,
				   wanted);
	return ret;
}

static int find(const char *path, const char *database, size_t n_fields, size_t field,
		const char *wanted, struct answer *line, struct nsh_err *err)
{
	int ret = find_in_file(path, n_fields, field, wanted, line, err);

	if (ret == -ENOENT)
		ret = find_with_getent(database, n_fields, field, wanted, line, err);
	return ret;
}

static int fill_user(struct nsh_user *user, const struct answer *line, struct nsh_err *err)
{
	struct nsh_fields fields;

	split(line->text, line->text + line->len, PASSWD_FIELDS, &fields);
	if (!nsh_parse_id(fields.text[3], fields.len[3], &user->gid))
		return nsh_err_set(err, NSH_REASON_ACCOUNT, -EINVAL,
				   "the account of user id %u has no group id", user->uid);
	user->name = strndup(fields.text[0], fields.len[0]);
	user->home = strndup(fields.text[5], fields.len[5]);
	user->shell = strndup(fields.text[6], fields.len[6]);
	if (!user->name || !user->home || !user->shell)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -ENOMEM, "account");
	if (!nsh_user_name_ok(user->name))
		return nsh_err_set(err, NSH_REASON_ACCOUNT, -EINVAL,
				   "the name of the account with user id %u cannot be used",
				   user->uid);
	return 0;
}

/* Takes the line's text. */
static int take_user(struct nsh_user *user, struct answer *line, struct nsh_err *err)
{
	int ret = fill_user(user, line, err);

	free(line->text);
	if (ret < 0)
		nsh_user_free(user);
	return ret;
}

static int no_such_user(uid_t uid, struct nsh_err *err)
{
	return nsh_err_set(err, NSH_REASON_ACCOUNT, -ENOENT, "no account has user id %u", uid);
}

int nsh_user_find(struct nsh_user *user, uid_t uid, struct nsh_err *err)
{
	struct answer line = {0};
	char wanted[3 * sizeof(uid) + 1];
	int ret;

	*user = (struct nsh_user){.uid = uid};
	snprintf(wanted, sizeof(wanted), "%u", uid);
	ret = find("/etc/passwd", "passwd", PASSWD_FIELDS, 2, wanted, &line, err);
	if (ret == -ENOENT)
		return no_such_user(uid, err);
	return ret < 0 ? ret : take_user(user, &line, err);
}

int nsh_user_parse(struct nsh_user *user, uid_t uid, const char *text, size_t len,
		   struct nsh_err *err)
{
	struct answer line = {0};
	char wanted[3 * sizeof(uid) + 1];

	*user = (struct nsh_user){.uid = uid};
	snprintf(wanted, sizeof(wanted), "%u", uid);
	if (!find_in_text(text, len, PASSWD_FIELDS, 2, wanted, &line))
		return no_such_user(uid, err);
	if (!line.text)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -ENOMEM, "account");
	return take_user(user, &line, err);
}

void nsh_user_free(struct nsh_user *user)
{
	free(user->name);
	free(user->home);
	free(user->shell);
	free(user->groups);
	*user = (struct nsh_user){0};
}

int nsh_user_take_groups(struct nsh_user *user, struct nsh_err *err)
{
	int n = getgroups(0, NULL);

	if (n <= 0)
		return n < 0 ? nsh_err_sys(err, NSH_REASON_ACCOUNT, -errno, "groups") : 0;
	user->groups = calloc((size_t)n, sizeof(*user->groups));
	if (!user->groups)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -ENOMEM, "groups");
	n = getgroups(n, user->groups);
	if (n < 0)
		return nsh_err_sys(err, NSH_REASON_ACCOUNT, -errno, "groups");
	user->n_groups = (size_t)n;
	return 0;
}

bool nsh_user_has_group(const struct nsh_user *user, gid_t gid)
{
	if (user->gid == gid)
		return true;
	for (size_t i = 0; i < user->n_groups; i++)
		if (user->groups[i] == gid)
			return true;
	return false;
}

int nsh_group_find(const char *name, gid_t *gid, struct nsh_err *err)
{
	struct answer line = {0};
	struct nsh_fields fields;
	int ret = find("/etc/group", "group", GROUP_FIELDS, 0, name, &line, err);

	if (ret < 0)
		return ret;
	split(line.text, line.text + line.len, GROUP_FIELDS, &fields);
	if (!nsh_parse_id(fields.text[2], fields.len[2], gid))
		ret = nsh_err_set(err, NSH_REASON_ACCOUNT, -EINVAL, "group %s has no group id",
				  name);
	free(line.text);
	return ret;
}

int nsh_group_name(gid_t gid, char **name, struct nsh_err *err)
{
	char wanted[3 * sizeof(gid) + 1];
	struct answer line = {0};
	int ret;

	snprintf(wanted, sizeof(wanted), "%u", gid);
	ret = find("/etc/group", "group", GROUP_FIELDS, 2, wanted, &line, err);
	if (ret < 0 || !line.text)
		return ret < 0 ? ret : -ENOENT;
	*strchrnul(line.text, ':') = '\0';
	*name = line.text;
	return 0;
}
