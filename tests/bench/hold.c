/* SPDX-License-Identifier: MIT */
/*
 * hold COUNT PROGRAM ARG...: so many sessions that stay.
 *
 * Starts them one after the other. Each writes a byte when its shell is there, and reads its standard input
 * until that ends. Prints for each the nanoseconds from posix_spawn(3) to that byte, and "there" when all are;
 * ends them with its own standard input. A session that is not there after ten seconds ends all.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

#define PATIENCE_MS 10000

static int input[2];
static int output[2];

static int64_t start(const posix_spawn_file_actions_t *files, char **argv)
{
	struct pollfd said = {.fd = output[0], .events = POLLIN};
	int64_t began = now();
	pid_t pid;
	char byte;

	if (posix_spawn(&pid, argv[0], files, NULL, argv, environ) != 0)
		return -1;
	if (poll(&said, 1, PATIENCE_MS) != 1 || read(output[0], &byte, 1) != 1)
		return -1;
	return now() - began;
}

static int start_all(long count, char **argv)
{
	posix_spawn_file_actions_t files;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, input[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, output[1], STDOUT_FILENO);
	for (long i = 0; i < count; i++) {
		int64_t time = start(&files, argv);

		if (time < 0)
			return -1;
		printf("%lld\n", (long long)time);
	}
	puts("there");
	return fflush(stdout);
}

int main(int argc, char **argv)
{
	char byte;
	int failed;

	if (argc < 3 || pipe2(input, O_CLOEXEC) < 0 || pipe2(output, O_CLOEXEC) < 0)
		return 2;
	failed = start_all(atol(argv[1]), argv + 2) != 0;
	if (!failed)
		failed = read(STDIN_FILENO, &byte, 1) != 0;
	close(input[1]);
	while (wait(NULL) > 0)
		;
	return failed;
}
