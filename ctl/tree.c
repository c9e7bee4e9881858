/* SPDX-License-Identifier: MIT */
/*
 * The processes of a session as a tree.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/tree.h"
#include "nsshell/child.h"
#include "nsshell/cleanup.h"

/* Longest time for one command line, in milliseconds, and how often it is tried to go on after that. */
#define COMMAND_MS 300
#define HANGS_MAX 3

/* With its length before it. */
#define COMMAND_MAX 4200

static const struct nsh_member *parent_of(const struct nsh_live *live,
					  const struct nsh_member *member)
{
	for (size_t i = 0; i < live->n_members; i++)
		if (live->members[i].process.pid == member->process.parent)
			return &live->members[i];
	return NULL;
}

/* Behind the last that its parent has, or at the end. */
static void add(struct nsh_leaf *leaves, size_t count, const struct nsh_member *member,
		const struct nsh_member *parent)
{
	size_t at = 0;
	unsigned depth = 0;

	while (parent && at < count && leaves[at].member != parent)
		at++;
	if (parent && at < count) {
		depth = leaves[at++].depth + 1;
		while (at < count && leaves[at].depth >= depth)
			at++;
	} else {
		at = count;
	}
	memmove(leaves + at + 1, leaves + at, (count - at) * sizeof(*leaves));
	leaves[at] = (struct nsh_leaf){.member = member, .depth = depth};
}

/*
 * Parents are older than their children, and so there already; one that is not has a number that was used again
 * meanwhile, and is none.
 */
struct nsh_leaf *nsh_tree_make(const struct nsh_live *live)
{
	struct nsh_leaf *leaves = calloc(live->n_members + 1, sizeof(*leaves));

	for (size_t i = 0; leaves && i < live->n_members; i++)
		add(leaves, i, &live->members[i], parent_of(live, &live->members[i]));
	return leaves;
}

/* In a process of its own. */
static _Noreturn void tell(const struct nsh_leaf *leaves, size_t begin, size_t count, int out)
{
	for (size_t i = begin; i < count; i++) {
		char *command = nsh_process_command(&leaves[i].member->process);

		/* With the NUL, which is what ends it for who reads; a pipe takes that much at once. */
		if (!command || write(out, command, strlen(command) + 1) < 0)
			_exit(1);
		free(command);
	}
	_exit(0);
}

/* Reads up to a NUL. False when it does not come in time. */
static bool hear(int in, char text[COMMAND_MAX])
{
	struct pollfd ready = {.fd = in, .events = POLLIN};
	size_t len = 0;

	while (len < COMMAND_MAX) {
		if (poll(&ready, 1, COMMAND_MS) <= 0 || read(in, text + len, 1) != 1)
			return false;
		if (!text[len++])
			return true;
	}
	return false;
}

/* From one on until the end or one that hangs, whose index is returned. */
static size_t hear_from(const struct nsh_leaf *leaves, char **commands, size_t begin, size_t count)
{
	char text[COMMAND_MAX];
	NSH_CLOSE int end = -1;
	struct nsh_err err;
	pid_t pid;

	fflush(NULL);
	pid = nsh_child_start(&end, &err);
	if (pid == 0)
		tell(leaves, begin, count, end);
	while (pid > 0 && begin < count && hear(end, text))
		commands[begin++] = strdup(text);
	if (pid > 0)
		nsh_child_end(pid);
	return begin;
}

char **nsh_tree_commands(const struct nsh_leaf *leaves, size_t count)
{
	char **commands = calloc(count + 1, sizeof(*commands));
	size_t begin = 0;
	bool whole = true;

	for (int i = 0; commands && i < HANGS_MAX && begin < count; i++) {
		begin = hear_from(leaves, commands, begin, count);
		begin += begin < count;
	}
	for (size_t i = 0; commands && i < count; i++)
		if (!commands[i] &&
		    asprintf(&commands[i], "[%s]", leaves[i].member->process.name) < 0) {
			commands[i] = NULL;
			whole = false;
		}
	if (commands && whole)
		return commands;
	nsh_tree_commands_free(commands, count);
	return NULL;
}

void nsh_tree_commands_free(char **commands, size_t count)
{
	for (size_t i = 0; commands && i < count; i++)
		free(commands[i]);
	free(commands);
}
