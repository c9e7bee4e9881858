/* SPDX-License-Identifier: MIT */
/*
 * spawn [-n ROUNDS] [-s SECONDS] [-p PAUSE] [-f PATH] [-e] ::: PROGRAM ARG... ::: PROGRAM ARG...
 *
 * How long programs take. Each round runs every program once, in an order of its own, and prints a line of
 * nanoseconds from posix_spawn(3) to waitpid(2), in the order of the arguments. Before each run it waits
 * PAUSE microseconds: what the kernel still has to clean up after one program must not be counted to the
 * next. After SECONDS no further round is begun. A program that does not end with 0 ends all.
 *
 * -f PATH: each program has PATH open as file 9, from its beginning.
 * -e: only the end is measured, from the time that the program has written (last.c) to waitpid(2).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

#define MAX_PROGRAMS 16
#define WARM_UP 5
#define GIVEN_FILE 9

static char **programs[MAX_PROGRAMS];
static int count;
static long rounds = 1;
static long seconds = 60;
static useconds_t pause_us;
static int end_only;
static posix_spawn_file_actions_t files;
static int last_words[2];

static int64_t run(char **argv)
{
	int64_t start = now();
	int64_t end;
	int status;
	pid_t pid;

	if (posix_spawn(&pid, argv[0], &files, NULL, argv, environ) != 0)
		return -1;
	waitpid(pid, &status, 0);
	end = now();
	if (status != 0)
		return -1;
	if (end_only && read(last_words[0], &start, sizeof(start)) != sizeof(start))
		return -1;
	return end - start;
}

static void shuffle(int *order)
{
	for (int i = count - 1; i > 0; i--) {
		int other = (int)(random() % (i + 1));
		int kept = order[i];

		order[i] = order[other];
		order[other] = kept;
	}
}

static void round_of_all(int64_t *times)
{
	static int order[MAX_PROGRAMS] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

	shuffle(order);
	for (int i = 0; i < count; i++) {
		if (pause_us)
			usleep(pause_us);
		times[order[i]] = run(programs[order[i]]);
	}
}

/* Says which program has failed, if one has. */
static int check(FILE *out, const int64_t *times)
{
	for (int i = 0; i < count; i++)
		if (times[i] < 0)
			return fprintf(out, "failed: %s\n", programs[i][0]), -1;
	return 0;
}

static void print(FILE *out, const int64_t *times)
{
	for (int i = 0; i < count; i++)
		fprintf(out, "%lld%c", (long long)times[i], i < count - 1 ? ' ' : '\n');
}

static void find_programs(char **argv)
{
	for (; *argv && count < MAX_PROGRAMS; argv++) {
		if (strcmp(*argv, ":::") != 0)
			continue;
		*argv = NULL;
		programs[count++] = argv + 1;
	}
}

static int find_options(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "+n:s:p:f:e")) != -1) {
		if (option == 'n')
			rounds = atol(optarg);
		else if (option == 's')
			seconds = atol(optarg);
		else if (option == 'p')
			pause_us = (useconds_t)atol(optarg);
		else if (option == 'f')
			posix_spawn_file_actions_addopen(&files, GIVEN_FILE, optarg, O_RDONLY, 0);
		else if (option == 'e')
			end_only = 1;
		else
			return -1;
	}
	return 0;
}

/* The figures go where standard output was; the programs have /dev/null. */
static FILE *take_output(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);

	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	return fdopen(out, "w");
}

static int take_last_words(void)
{
	return pipe2(last_words, O_CLOEXEC | O_NONBLOCK) < 0 ||
	       posix_spawn_file_actions_adddup2(&files, last_words[1], STDOUT_FILENO) != 0;
}

int main(int argc, char **argv)
{
	int64_t times[MAX_PROGRAMS];
	FILE *out = take_output();
	int64_t end;

	posix_spawn_file_actions_init(&files);
	if (find_options(argc, argv) < 0 || (end_only && take_last_words()))
		return 2;
	find_programs(argv + optind);
	end = now() + seconds * INT64_C(1000000000);
	for (long i = -WARM_UP; i < rounds && now() < end; i++) {
		round_of_all(times);
		if (check(out, times) < 0)
			break;
		if (i >= 0)
			print(out, times);
	}
	return fclose(out) != 0;
}
