/* SPDX-License-Identifier: MIT */
/* tasks COUNT: has so many idle threads, says so with a line, and ends with its standard input. */
#define _GNU_SOURCE
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *wait_for_ever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

int main(int argc, char **argv)
{
	pthread_attr_t small;
	pthread_t thread;
	char byte;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, PTHREAD_STACK_MIN);
	for (long i = argc > 1 ? atol(argv[1]) : 0; i > 0; i--)
		if (pthread_create(&thread, &small, wait_for_ever, NULL) != 0)
			return 1;
	puts("there");
	fflush(stdout);
	_exit(read(STDIN_FILENO, &byte, 1) != 0);
}
