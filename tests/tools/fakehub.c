/* SPDX-License-Identifier: MIT */
/*
 * fakehub NAME ANSWER [gone]: what a user could put in the place of a standalone hub (sandbox/hub_place.c, NAME without its NUL).
 *
 * Prints a line when it listens, and gives everybody the same answer for ever: "nothing" at all, "short", another
 * "protocol", or that the login joins what it is handed: "devices", "sockets", too "few" or "many" files, its "own" namespaces,
 * or namespaces that were made in a "nested" user namespace. "counted": it says that it
 * is only counted. With "gone" it waits for a SIGUSR1, and then who has called listen(2) ends and a child goes on.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "nsshell/door.h"
#include "nsshell/pass.h"
#include "sandbox/hub_protocol.h"

static const char *const kinds[NSH_DOOR_PARTS] = {
	[NSH_DOOR_USER] = "user",   [NSH_DOOR_UTS] = "uts",       [NSH_DOOR_IPC] = "ipc",
	[NSH_DOOR_NETWORK] = "net", [NSH_DOOR_CGROUP] = "cgroup", [NSH_DOOR_PID] = "pid",
	[NSH_DOOR_MOUNT] = "mnt",
};

static void __attribute__((noreturn)) die(const char *what)
{
	perror(what);
	exit(1);
}

static int listen_at(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = strlen(name);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	memcpy(address.sun_path + 1, name, len);
	if (bind(fd, (struct sockaddr *)&address,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len)) < 0 ||
	    listen(fd, 99) < 0)
		die(name);
	return fd;
}

static void open_namespaces(int *fds)
{
	char path[64];

	for (int i = 0; i < NSH_DOOR_PARTS; i++) {
		snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[i]);
		fds[i] = open(path, O_RDONLY);
		if (fds[i] < 0)
			die(path);
	}
}

/* With a PID 1 in it, as a sandbox has. */
static void make_nested(void)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP |
		    CLONE_NEWPID | CLONE_NEWNS) < 0)
		die("unshare");
}

static int make_files(const char *answer, int *fds)
{
	if (!strcmp(answer, "own") || !strcmp(answer, "nested")) {
		open_namespaces(fds);
		return NSH_DOOR_PARTS;
	}
	for (int i = 0; i < NSH_PASS_MAX; i++)
		fds[i] = !strcmp(answer, "sockets") ? socket(AF_UNIX, SOCK_STREAM, 0)
						    : open("/dev/null", O_RDWR);
	return !strcmp(answer, "few") ? 2 : !strcmp(answer, "many") ? NSH_PASS_MAX : NSH_DOOR_PARTS;
}

static void reply(int to, const char *answer, const int *fds, int n_fds)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(NSH_PASS_MAX * sizeof(int))];
	} control = {0};
	struct nsh_hub_reply text = {.protocol = NSH_HUB_PROTOCOL, .kind = NSH_HUB_SAYS_JOIN};
	struct iovec part = {.iov_base = &text, .iov_len = sizeof(text)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	memset(text.id, 'a', NSH_ID_LEN);
	text.protocol += !strcmp(answer, "protocol");
	if (!strcmp(answer, "short"))
		part.iov_len = 3;
	if (!strcmp(answer, "counted")) {
		text.kind = NSH_HUB_SAYS_COUNTED;
		n_fds = 0;
	}
	if (n_fds) {
		control.head.cmsg_len = CMSG_LEN((size_t)n_fds * sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.head), fds, (size_t)n_fds * sizeof(int));
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE((size_t)n_fds * sizeof(int));
	}
	sendmsg(to, &message, MSG_NOSIGNAL);
}

static void go_on_in_child(void)
{
	sigset_t wanted;
	int number;

	sigemptyset(&wanted);
	sigaddset(&wanted, SIGUSR1);
	sigwait(&wanted, &number);
	if (fork() != 0)
		_exit(0);
}

static void block_signal(void)
{
	sigset_t wanted;

	sigemptyset(&wanted);
	sigaddset(&wanted, SIGUSR1);
	sigprocmask(SIG_BLOCK, &wanted, NULL);
}

int main(int argc, char **argv)
{
	int fds[NSH_PASS_MAX];
	char question[8192];
	int listener;
	int n_fds;

	if (argc != 3 && argc != 4)
		return 2;
	block_signal();
	listener = listen_at(argv[1]);
	if (!strcmp(argv[2], "nested"))
		make_nested();
	n_fds = make_files(argv[2], fds);
	/* What it starts from here on is in the new PID namespace. */
	if (!strcmp(argv[2], "nested") && fork() == 0)
		for (;;)
			pause();
	puts("listens");
	fflush(stdout);
	if (argc == 4)
		go_on_in_child();
	for (;;) {
		int to = accept(listener, NULL, NULL);

		if (to >= 0 && recv(to, question, sizeof(question), 0) > 0 &&
		    strcmp(argv[2], "nothing") != 0)
			reply(to, argv[2], fds, n_fds);
	}
}
