/* SPDX-License-Identifier: MIT */
/*
 * All processes, looked at by several threads at once.
 *
 * What the kernel makes of /proc/PID takes 40 us for each process, nearly all of it in the kernel and without a lock that
 * others need: so it takes half of the time on two processors. Threads end before anybody forks.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl/crowd.h"

#define THREADS_MAX 4

/* For fewer processes no other thread is begun. */
#define CROWD 256

/* So many processes are taken at once: those of a session mostly have numbers next to each other. */
#define PORTION 32

struct crowd {
	nsh_crowd_fn *look;
	void *data;
	pid_t *pids;
	size_t count;
	atomic_size_t next;
	atomic_int failed; /* -errno */
};

static int add(struct crowd *crowd, size_t *room, pid_t pid)
{
	pid_t *grown;

	if (crowd->count == *room) {
		*room = *room ? 2 * *room : 1024;
		grown = reallocarray(crowd->pids, *room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		crowd->pids = grown;
	}
	crowd->pids[crowd->count++] = pid;
	return 0;
}

/*
 * When the kernel makes the table of open files larger it waits for all processors, 10 ms or more, if there are threads
 * that share it. So it is made as large as can be needed while there are none; if that fails it only takes longer.
 */
static void make_room(int fd, size_t most)
{
	int last = fcntl(fd, F_DUPFD_CLOEXEC, (int)most);

	if (last >= 0)
		close(last);
}

static int list(struct crowd *crowd)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	size_t room = 0;
	int ret = 0;

	if (!proc)
		return -errno;
	while (ret == 0 && (entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]))
			ret = add(crowd, &room, (pid_t)strtol(entry->d_name, NULL, 10));
	if (ret == 0)
		make_room(dirfd(proc), 2 * crowd->count);
	closedir(proc);
	return ret;
}

static void *work(void *data)
{
	struct crowd *crowd = data;
	size_t at;

	while ((at = atomic_fetch_add(&crowd->next, PORTION)) < crowd->count) {
		for (size_t i = at; i < at + PORTION && i < crowd->count; i++) {
			int ret = crowd->failed ? crowd->failed
						: crowd->look(crowd->data, crowd->pids[i]);

			if (ret < 0)
				crowd->failed = ret;
		}
	}
	return NULL;
}

/* Besides the own one. */
static size_t count_threads(size_t n_processes)
{
	cpu_set_t processors;
	size_t count = 1;

	if (sched_getaffinity(0, sizeof(processors), &processors) == 0)
		count = (size_t)CPU_COUNT(&processors);
	if (count > THREADS_MAX)
		count = THREADS_MAX;
	return n_processes < CROWD ? 0 : count - 1;
}

int nsh_crowd_walk(nsh_crowd_fn *look, void *data)
{
	struct crowd crowd = {.look = look, .data = data};
	pthread_t threads[THREADS_MAX];
	size_t begun = 0;
	size_t wanted;
	int ret = list(&crowd);

	if (ret == 0) {
		wanted = count_threads(crowd.count);
		/* With fewer, or none, it only takes longer. */
		while (begun < wanted && pthread_create(&threads[begun], NULL, work, &crowd) == 0)
			begun++;
		work(&crowd);
		while (begun)
			pthread_join(threads[--begun], NULL);
		ret = crowd.failed;
	}
	free(crowd.pids);
	return ret;
}
