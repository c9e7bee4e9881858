/* SPDX-License-Identifier: MIT */
/*
 * From processes and namespaces to sessions.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utmpx.h>

#include "ctl/live_make.h"
#include "nsshell/cleanup.h"

/* PID namespaces can be nested 32 deep (pid_namespaces(7)). */
#define DEPTH_MAX 32

/* As far up as a login's own processes are looked for. */
#define ANCESTORS_MAX 64

static int compare(pid_t a, pid_t b)
{
	return (a > b) - (a < b);
}

static int by_pid(const void *a, const void *b)
{
	return compare(((const struct nsh_member *)a)->process.pid,
		       ((const struct nsh_member *)b)->process.pid);
}

struct nsh_member *nsh_walk_find(const struct walk *walk, pid_t pid)
{
	struct nsh_member wanted = {.process.pid = pid};

	return walk->count ? bsearch(&wanted, walk->entries, walk->count, sizeof(wanted), by_pid)
			   : NULL;
}

static int session_of_mount(const struct walk *walk, const struct nsh_member *member)
{
	const struct space *space = member->mount ? nsh_space_find(walk, member->mount) : NULL;

	return space ? space->session : NO_SESSION;
}

/* A PID namespace without one around it that is a session's is that of its PID 1. */
static void claim(struct walk *walk)
{
	for (size_t i = 0; i < walk->count; i++) {
		const struct nsh_member *member = &walk->entries[i];
		struct space *space = member->pid_namespace && member->process.inside == 1 &&
						      member->process.depth > 1
					      ? nsh_space_find(walk, member->pid_namespace)
					      : NULL;

		if (space && space->session == NO_SESSION)
			space->session = session_of_mount(walk, member);
	}
}

/* The outermost that is a session's decides for all in it. */
static int settle(const struct walk *walk, const struct space *space)
{
	int session = NO_SESSION;

	for (int depth = 0; space && depth < DEPTH_MAX; depth++) {
		if (space->session != NO_SESSION)
			session = space->session;
		space = space->parent ? nsh_space_find(walk, space->parent) : NULL;
	}
	return session;
}

static int session_of(const struct walk *walk, const struct nsh_member *member)
{
	const struct space *space =
		member->pid_namespace ? nsh_space_find(walk, member->pid_namespace) : NULL;
	int session = space ? settle(walk, space) : NO_SESSION;

	return session == NO_SESSION ? session_of_mount(walk, member) : session;
}

int nsh_live_add(struct nsh_live *live, const struct nsh_member *member)
{
	struct nsh_member *grown = reallocarray(live->members, live->n_members + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	live->members = grown;
	live->members[live->n_members++] = *member;
	return 0;
}

static bool began_by_users(const struct nsh_live *live, const struct nsh_member *member)
{
	for (int i = 0; member && i < ANCESTORS_MAX; i++) {
		if (member->process.depth > 1 || member->process.uid == live->uid)
			return true;
		member = nsh_live_member(live, member->process.parent);
	}
	return false;
}

static int by_start(const void *a, const void *b)
{
	const struct nsh_process *one = &((const struct nsh_member *)a)->process;
	const struct nsh_process *other = &((const struct nsh_member *)b)->process;

	if (one->start != other->start)
		return one->start < other->start ? -1 : 1;
	return compare(one->pid, other->pid);
}

static int shells_by_init(const void *a, const void *b)
{
	return compare(((const struct nsh_live_shell *)a)->init,
		       ((const struct nsh_live_shell *)b)->init);
}

static int joined_by_start(const void *a, const void *b)
{
	const struct nsh_live_joined *one = a;
	const struct nsh_live_joined *other = b;

	if (one->start != other->start)
		return one->start < other->start ? -1 : 1;
	return compare(one->inner, other->inner);
}

static void find_tty(struct nsh_live *live)
{
	for (size_t i = 0; i < live->n_shells && !live->tty; i++)
		live->tty = live->shells[i].tty;
	for (size_t i = 0; i < live->n_joined && !live->tty; i++)
		live->tty = live->joined[i].tty;
	for (size_t i = 0; i < live->n_members && !live->tty; i++)
		if (live->members[i].process.uid == live->uid &&
		    live->members[i].process.depth == 1)
			live->tty = live->members[i].process.tty;
}

/* Processes that may not be looked into by a user may be read in this. */
static bool is_ancestor(pid_t ancestor, pid_t of)
{
	struct nsh_process process;

	for (int i = 0; of > 1 && i < ANCESTORS_MAX; i++) {
		NSH_CLOSE int folder = nsh_process_open(of);

		if (of == ancestor)
			return true;
		if (folder < 0 || !nsh_process_read(&process, folder))
			return false;
		of = process.parent;
	}
	return false;
}

/* Standalone the record of the login on its terminal says it, if it is of a process that this one comes from. */
static char *find_record(const struct nsh_live *live)
{
	char name[NSH_TTY_NAME];
	const struct utmpx *record;
	char *from = NULL;

	if (!live->tty || !live->n_members || !*nsh_tty_name(name, live->tty))
		return NULL;
	setutxent();
	while (!from && (record = getutxent()))
		if (record->ut_type == USER_PROCESS &&
		    !strncmp(record->ut_line, name, sizeof(record->ut_line)) &&
		    is_ancestor(record->ut_pid, live->members[0].process.pid))
			from = strndup(record->ut_host, sizeof(record->ut_host));
	endutxent();
	return from;
}

static void find_from(struct nsh_live *live)
{
	if (live->source)
		live->from = *live->source ? strdup(live->source) : NULL;
	else if (!live->framed)
		live->from = find_record(live);
}

bool nsh_live_cgroup(const struct nsh_live *live, const char *file, uint64_t *value)
{
	char path[1024];
	char text[64] = "";
	NSH_CLOSE int fd = -1;

	if (!live->cgroup || live->cgroup[0] != '/')
		return false;
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/%s", live->cgroup, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return false;
	*value = strtoull(text, NULL, 10);
	return true;
}

static void find_memory(struct nsh_live *live)
{
	if (nsh_live_cgroup(live, "memory.current", &live->memory))
		return;
	for (size_t i = 0; i < live->n_members; i++)
		live->memory += live->members[i].process.memory;
}

static int finish(struct walk *walk, struct nsh_live *live)
{
	int ret = nsh_live_find_shells(walk, live);

	if (ret < 0)
		return ret;
	qsort(live->members, live->n_members, sizeof(*live->members), by_start);
	if (live->n_shells)
		qsort(live->shells, live->n_shells, sizeof(*live->shells), shells_by_init);
	if (live->n_joined)
		qsort(live->joined, live->n_joined, sizeof(*live->joined), joined_by_start);
	for (size_t i = 0; i < live->n_members; i++) {
		live->members[i].is_users = began_by_users(live, &live->members[i]);
		live->has_users |= live->members[i].is_users;
	}
	live->since = nsh_process_since(&live->members[0].process);
	find_tty(live);
	find_from(live);
	find_memory(live);
	return 0;
}

static int lives_by_since(const void *a, const void *b)
{
	const struct nsh_live *one = a;
	const struct nsh_live *other = b;

	if (one->members[0].process.start != other->members[0].process.start)
		return one->members[0].process.start < other->members[0].process.start ? -1 : 1;
	return strcmp(one->id, other->id);
}

static int finish_all(struct walk *walk)
{
	struct nsh_lives *lives = walk->lives;
	size_t kept = 0;
	int ret = 0;

	for (size_t i = 0; i < lives->count && ret == 0; i++)
		if (lives->at[i].n_members)
			ret = finish(walk, &lives->at[i]);
	if (ret < 0)
		return ret;
	for (size_t i = 0; i < lives->count; i++) {
		if (lives->at[i].n_members)
			lives->at[kept++] = lives->at[i];
		else
			nsh_live_free(&lives->at[i]);
	}
	lives->count = kept;
	if (kept)
		qsort(lives->at, kept, sizeof(*lives->at), lives_by_since);
	return 0;
}

int nsh_lives_make(struct walk *walk)
{
	if (walk->count)
		qsort(walk->entries, walk->count, sizeof(*walk->entries), by_pid);
	claim(walk);
	for (size_t i = 0; i < walk->count; i++) {
		int session = session_of(walk, &walk->entries[i]);

		if (session != NO_SESSION &&
		    nsh_live_add(&walk->lives->at[session], &walk->entries[i]) < 0)
			return -ENOMEM;
	}
	return finish_all(walk);
}

void nsh_live_free(struct nsh_live *live)
{
	free(live->user);
	free(live->hostname);
	free(live->service);
	free(live->source);
	free(live->login_tty);
	free(live->from);
	free(live->files);
	free(live->cgroup);
	nsh_live_free_logins(live);
	free(live->members);
	free(live->shells);
	free(live->joined);
	*live = (struct nsh_live){0};
}

void nsh_lives_free(struct nsh_lives *lives)
{
	for (size_t i = 0; i < lives->count; i++)
		nsh_live_free(&lives->at[i]);
	free(lives->at);
	*lives = (struct nsh_lives){0};
}

const struct nsh_live *nsh_lives_by_id(const struct nsh_lives *lives, const char *id, int *ret,
				       struct nsh_err *err)
{
	const struct nsh_live *found = NULL;

	*ret = 0;
	for (size_t i = 0; i < lives->count; i++) {
		if (!*id || strncmp(lives->at[i].id, id, strlen(id)) != 0)
			continue;
		if (found)
			*ret = nsh_err_set(
				err, NSH_REASON_MACHINE, -ENOTUNIQ,
				"more than one session has an id that begins with \"%s\"", id);
		found = &lives->at[i];
	}
	if (!found)
		*ret = nsh_err_set(err, NSH_REASON_MACHINE, -ENOENT, "no such session: \"%s\"", id);
	return *ret < 0 ? NULL : found;
}

const struct nsh_member *nsh_live_member(const struct nsh_live *live, pid_t pid)
{
	for (size_t i = 0; i < live->n_members; i++)
		if (live->members[i].process.pid == pid)
			return &live->members[i];
	return NULL;
}

bool nsh_live_is_of(const struct nsh_live *live, const char *user)
{
	char number[3 * sizeof(uid_t) + 1];

	snprintf(number, sizeof(number), "%u", live->uid);
	return !strcmp(user, number) || !strcmp(user, live->user);
}
