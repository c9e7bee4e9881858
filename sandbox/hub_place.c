/* SPDX-License-Identifier: MIT */
/*
 * Where a user's hub is found.
 *
 * With PAM: a record lock of the hub's on one byte of a file of root's, the byte of the user's id, tells which process it
 * is (F_GETLK), and goes with that process. What it listens on is in a tmpfs of its own that is mounted nowhere; root
 * gets there through the hub's /proc/PID/fd. There is nothing to be left behind, no room in /run is needed, and no user
 * has a way to any of it.
 *
 * Standalone: a name of the kernel's (unix(7), "abstract"). Anybody can take it; whose it is the kernel says, and
 * what comes from there is looked at again (sandbox/door.c). In a session that has the machine's network a process of the
 * same user can reach the name too, and could have later logins join what an older policy has made: hub and logins believe
 * nobody who is in a PID namespace below their own. Who has sent a message the kernel says with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "nsshell/plan.h"
#include "sandbox/hub_protocol.h"
#include "sandbox/path.h"

/* All of a user's logins can come in one moment. */
#define BACKLOG 4096

/* The hub's files that others find: its file system, and with it the socket. */
#define FOLDER_FD (NSH_HUB_FIRST_FD + 1)
#define SOCKET_NAME "socket"

static int failed(struct nsh_err *err, const char *what)
{
	return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "the user's hub: %s", what);
}

/* A name without a file; the length has to be given, as it has no NUL. */
static socklen_t name_abstract(struct sockaddr_un *address, uid_t uid)
{
	int len = snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1, "%s/%u",
			   NSH_SESSION_FOLDER, uid);

	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
}

/* flags: O_CREAT for who becomes a hub; else -ENOENT says that there never was one. */
static int open_file(int flags, struct nsh_err *err)
{
	struct stat st;
	int fd = open(NSH_HUB_FILE, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | flags, 0600);

	if (fd < 0)
		return failed(err, NSH_HUB_FILE);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == 0 && !(st.st_mode & 077))
		return fd;
	close(fd);
	return nsh_err_set(err, NSH_REASON_MACHINE, -EPERM,
			   "%s: is not a file that only root can open", NSH_HUB_FILE);
}

static int make_file(struct nsh_err *err)
{
	char folder[] = NSH_HUB_FILE;
	int ret;

	*strrchr(folder, '/') = '\0';
	ret = nsh_path_secure_folder(folder, err);
	return ret < 0 ? ret : open_file(O_CREAT, err);
}

static struct flock byte_of(uid_t uid)
{
	return (struct flock){
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)uid, .l_len = 1};
}

/* Its process id, or 0. */
static pid_t find_hub(int file, uid_t uid)
{
	struct flock lock = byte_of(uid);

	if (fcntl(file, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK || lock.l_pid <= 0)
		return 0;
	return lock.l_pid;
}

static int make_socket(struct nsh_err *err)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	return fd < 0 ? failed(err, "socket") : fd;
}

/* Who has the name, or stops the hub, can keep others waiting: for a connection already. */
static bool limit_waits(int socket)
{
	const struct timeval most = {.tv_sec = NSH_HUB_WAIT_MS / 1000};

	return setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most)) == 0 &&
	       setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most)) == 0;
}

static int not_connected(struct nsh_err *err)
{
	/* That is what the kernel says at the end of SO_SNDTIMEO. */
	if (errno == EAGAIN)
		errno = ETIMEDOUT;
	return failed(err, "connect");
}

/* Whom it is connected with. Of root's, as the number could be another process's by now. */
static bool is_by(int socket, uid_t uid, pid_t *process)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return false;
	*process = peer.pid;
	return peer.uid == uid;
}

/*
 * In a session a process has a number more: pidfd_open(2) tells, which asks nobody whether it may be looked at, as hidepid=
 * (proc(5)) would. Returns 0 where it is outside, -ESRCH where it is gone, -EPERM else.
 */
static int check_outside(pid_t process)
{
	static const char title[] = "NSpid:\t";
	NSH_CLOSE int fd = process > 0 ? pidfd_open(process, 0) : -1;
	NSH_FREE char *line = NULL;
	size_t room = 0;
	char path[64];
	int ret = -EPERM;
	FILE *in;

	if (fd < 0)
		return process > 0 && errno == ESRCH ? -ESRCH : -EPERM;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	in = fopen(path, "re");
	if (!in)
		return -EPERM;
	while (getline(&line, &room, in) > 0) {
		const char *numbers = line + strlen(title);

		if (strncmp(line, title, strlen(title)) != 0)
			continue;
		if (!strcmp(numbers, "-1\n"))
			ret = -ESRCH;
		else if (numbers[strspn(numbers, "0123456789")] == '\n')
			ret = 0;
	}
	fclose(in);
	return ret;
}

static bool is_gone(int code)
{
	return code == ENOENT || code == ECONNREFUSED || code == ESRCH || code == ENOTDIR ||
	       code == ENOTSOCK || code == EPROTOTYPE || code == EACCES;
}

static int connect_root(int socket, uid_t uid, pid_t *hub, struct nsh_err *err)
{
	NSH_CLOSE int file = open_file(0, err);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	pid_t peer = 0;

	if (file < 0)
		return file;
	*hub = find_hub(file, uid);
	if (!*hub)
		return -ENOENT;
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/%d/fd/%d/%s", *hub, FOLDER_FD,
		 SOCKET_NAME);
	if (connect(socket, (struct sockaddr *)&address, sizeof(address)) < 0)
		return is_gone(errno) ? -ENOENT : not_connected(err);
	/* The process could have ended before, and its number have become another's. */
	return is_by(socket, 0, &peer) && peer == *hub && find_hub(file, uid) == *hub ? 0 : -ENOENT;
}

static int taken(pid_t process, const char *whose, struct nsh_err *err)
{
	return nsh_err_set(err, NSH_REASON_MACHINE, -EPERM,
			   "the user's hub: process %d, which is %s, has taken its name", process,
			   whose);
}

int nsh_hub_check(const struct nsh_hub_place *place, pid_t hub, struct nsh_err *err)
{
	int ret = place->standalone ? check_outside(hub) : 0;

	if (ret == -ESRCH)
		return -EAGAIN;
	return ret < 0 ? taken(hub, "in a session", err) : 0;
}

/* Messages in both directions tell who has sent them. */
static bool tell_senders(int socket)
{
	const int yes = 1;

	return setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)) == 0;
}

static int connect_standalone(int socket, uid_t uid, pid_t *hub, struct nsh_err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t len = name_abstract(&address, uid);

	if (!tell_senders(socket))
		return failed(err, "socket");
	if (connect(socket, (struct sockaddr *)&address, len) < 0)
		return errno == ECONNREFUSED ? -ENOENT : not_connected(err);
	return is_by(socket, uid, hub) ? 0 : taken(*hub, "another user's", err);
}

int nsh_hub_connect(const struct nsh_hub_place *place, pid_t *hub, struct nsh_err *err)
{
	int socket = make_socket(err);
	int ret;

	if (socket < 0)
		return socket;
	if (!limit_waits(socket))
		ret = failed(err, "socket");
	else
		ret = place->standalone ? connect_standalone(socket, place->uid, hub, err)
					: connect_root(socket, place->uid, hub, err);
	if (ret == 0)
		return socket;
	close(socket);
	return ret;
}

bool nsh_hub_may_speak(const struct nsh_hub_place *place, int socket)
{
	pid_t process;

	if (!is_by(socket, place->standalone ? place->uid : 0, &process))
		return false;
	return !place->standalone || tell_senders(socket);
}

bool nsh_hub_is_believed(const struct nsh_hub_place *place, pid_t sender)
{
	return !place->standalone || check_outside(sender) == 0;
}

/* A file system for one socket, which only this process has. */
static int make_folder(struct nsh_err *err)
{
	NSH_CLOSE int context = fsopen("tmpfs", FSOPEN_CLOEXEC);
	NSH_CLOSE int folder = -1;

	if (context < 0 || fsconfig(context, FSCONFIG_SET_STRING, "mode", "0700", 0) < 0 ||
	    fsconfig(context, FSCONFIG_SET_STRING, "size", "4k", 0) < 0 ||
	    fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return failed(err, "make a file system");
	folder = fsmount(context, FSMOUNT_CLOEXEC,
			 MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (folder < 0 || dup3(folder, FOLDER_FD, O_CLOEXEC) < 0)
		return failed(err, "make a file system");
	return 0;
}

/* The lock comes last: who finds it finds the rest. The file must not be closed again, or the lock is gone. */
static int listen_root(int socket, uid_t uid, struct nsh_err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct flock lock = byte_of(uid);
	int file;
	int ret = make_folder(err);

	if (ret < 0)
		return ret;
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", FOLDER_FD,
		 SOCKET_NAME);
	if (bind(socket, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(socket, BACKLOG) < 0)
		return failed(err, "listen");
	ret = file = make_file(err);
	if (ret < 0)
		return ret;
	if (fcntl(file, F_SETLK, &lock) == 0)
		return 0;
	return errno == EAGAIN || errno == EACCES ? -EBUSY : failed(err, NSH_HUB_FILE);
}

static int listen_standalone(int socket, uid_t uid, struct nsh_err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t len = name_abstract(&address, uid);

	if (bind(socket, (struct sockaddr *)&address, len) < 0)
		return errno == EADDRINUSE ? -EBUSY : failed(err, "bind");
	return listen(socket, BACKLOG) < 0 ? failed(err, "listen") : 0;
}

int nsh_hub_listen(const struct nsh_hub_place *place, struct nsh_err *err)
{
	int socket = make_socket(err);
	int ret;

	if (socket < 0)
		return socket;
	ret = place->standalone ? listen_standalone(socket, place->uid, err)
				: listen_root(socket, place->uid, err);
	if (ret == 0)
		return socket;
	close(socket);
	return ret;
}

/* Standalone the name is the listening socket's. Else closing the file, whichever fd it is, takes all locks off it. */
void nsh_hub_unlist(const struct nsh_hub_place *place)
{
	int fd = place->standalone ? -1 : open(NSH_HUB_FILE, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
}
