/* SPDX-License-Identifier: MIT */
/*
 * Finding sessions.
 *
 * One walk through /proc. A namespace is held open from when it is first met to the end of the walk, so that its number
 * cannot become another's; each is looked at once. Then: a PID namespace belongs to the session that the one around it
 * belongs to, or else its PID 1; a process to that of its PID namespace, or else that of its mount namespace. So
 * what users mount in namespaces that they have made inside a session changes nothing.
 *
 * Several threads walk (ctl/crowd.c). They look at processes and namespaces without a lock, and take it for what they add.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/account.h"
#include "ctl/crowd.h"
#include "ctl/live.h"
#include "ctl/live_make.h"
#include "nsshell/cleanup.h"
#include "nsshell/field.h"
#include "nsshell/limits.h"
#include "nsshell/sight.h"

/* So many open files are left to the threads, which need no more than eight each, and to the program. */
#define FILES_LEFT 64

static int no_memory(struct nsh_err *err)
{
	return nsh_err_sys(err, NSH_REASON_MACHINE, -ENOMEM, "sessions");
}

struct space *nsh_space_find(const struct walk *walk, uint64_t inode)
{
	struct space *space = walk->buckets[inode % BUCKETS];

	while (space && space->inode != inode)
		space = space->next;
	return space;
}

/* Where the number of a namespace stands: without opening, for those that are known already. */
static uint64_t number_of(int process, const char *name)
{
	char text[64];
	ssize_t len = readlinkat(process, name, text, sizeof(text) - 1);
	const char *at;

	if (len < 0)
		return 0;
	text[len] = '\0';
	at = strchr(text, '[');
	return at ? strtoull(at + 1, NULL, 10) : 0;
}

static uint64_t inode_of(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 ? st.st_ino : 0;
}

/* That of the PID namespace around this one, as far as it may be known. */
static uint64_t parent_of(int fd)
{
	NSH_CLOSE int parent = fd < 0 ? -1 : ioctl(fd, NS_GET_PARENT);

	return inode_of(parent);
}

/* With the lock. Takes fd when there was none of that number yet, and it is to be held. NULL without memory. */
static struct space *add_space_locked(struct walk *walk, int fd, uint64_t inode, uint64_t parent)
{
	struct space *space = nsh_space_find(walk, inode);

	if (space)
		return space;
	space = calloc(1, sizeof(*space));
	if (!space)
		return NULL;
	*space = (struct space){
		.inode = inode,
		.parent = parent,
		.fd = fd < walk->most ? fd : -1,
		.session = NO_SESSION,
	};
	space->next = walk->buckets[inode % BUCKETS];
	walk->buckets[inode % BUCKETS] = space;
	return space;
}

static struct space *add_space(struct walk *walk, int fd, uint64_t inode, uint64_t parent)
{
	struct space *space;

	pthread_mutex_lock(&walk->lock);
	space = add_space_locked(walk, fd, inode, parent);
	pthread_mutex_unlock(&walk->lock);
	return space;
}

static struct space *known_space(struct walk *walk, uint64_t inode)
{
	struct space *space;

	pthread_mutex_lock(&walk->lock);
	space = nsh_space_find(walk, inode);
	pthread_mutex_unlock(&walk->lock);
	return space;
}

/*
 * NULL when it may not be looked at, or the process has ended. Only what is nested has another around it that could be a
 * session's.
 */
static struct space *take_space(struct walk *walk, int process, const char *name, bool nested)
{
	uint64_t inode = number_of(process, name);
	struct space *space = inode ? known_space(walk, inode) : NULL;
	int fd;

	if (!inode || space)
		return space;
	fd = openat(process, name, O_RDONLY | O_CLOEXEC);
	inode = inode_of(fd);
	space = inode ? add_space(walk, fd, inode, nested ? parent_of(fd) : 0) : NULL;
	if (fd >= 0 && !(space && space->fd == fd))
		close(fd);
	return space;
}

/* Whose the frame is: the machine's name for the user, in root's words. */
static bool take_account(struct nsh_live *live, const char *account)
{
	const char *end = account ? strstr(account, ":x:") : NULL;

	if (!end || !isdigit((unsigned char)end[3]))
		return false;
	live->uid = (uid_t)strtoul(end + 3, NULL, 10);
	live->user = strndup(account, (size_t)(end - account));
	return live->user != NULL;
}

static char *copy_field(const struct nsh_field *field)
{
	return strndup(field->text, field->len);
}

void nsh_live_take_login(const char *login, char **service, char **source, char **tty)
{
	struct nsh_field field;

	while (login && nsh_field_next(&login, &field) == 1) {
		if (nsh_field_is(&field, "service") && !*service)
			*service = copy_field(&field);
		else if (nsh_field_is(&field, "rhost") && !*source)
			*source = copy_field(&field);
		else if (nsh_field_is(&field, "tty") && !*tty)
			*tty = copy_field(&field);
	}
}

static char *take(char **text)
{
	char *taken = *text;

	*text = NULL;
	return taken;
}

/* The name service is asked once for each user. */
static char *name_of(const struct nsh_lives *lives, uid_t uid)
{
	for (size_t i = lives->count; i-- > 0;)
		if (lives->at[i].uid == uid && !lives->at[i].framed)
			return strdup(lives->at[i].user);
	return strdup(nsh_account_name(uid));
}

static bool make_live(const struct nsh_lives *lives, struct nsh_live *live, struct nsh_sight *sight)
{
	*live = (struct nsh_live){.framed = sight->framed, .uid = sight->owner};
	memcpy(live->id, sight->id, sizeof(live->id));
	if (sight->framed ? !take_account(live, sight->account)
			  : !(live->user = name_of(lives, sight->owner)))
		return false;
	nsh_live_take_login(sight->login, &live->service, &live->source, &live->login_tty);
	/* In another root it is not the frame itself that tells. */
	live->framed |= live->service != NULL;
	live->files = take(&sight->files);
	live->cgroup = sight->framed ? take(&sight->cgroup) : NULL;
	live->hostname = sight->hostname ? take(&sight->hostname) : strdup("");
	if (live->hostname)
		live->hostname[strcspn(live->hostname, "\n")] = '\0';
	return true;
}

/* The frame's words count more than those of a shell's own folder. */
static void merge(struct nsh_live *live, struct nsh_live *other)
{
	if (other->framed && other->cgroup && !live->cgroup)
		live->cgroup = take(&other->cgroup);
	if (other->service && !live->service) {
		live->framed = true;
		live->service = take(&other->service);
		live->source = take(&other->source);
		live->login_tty = take(&other->login_tty);
	}
	nsh_live_free(other);
}

static int find_live(const struct nsh_lives *lives, const struct nsh_live *wanted)
{
	for (size_t i = 0; i < lives->count; i++)
		if (lives->at[i].uid == wanted->uid && !strcmp(lives->at[i].id, wanted->id))
			return (int)i;
	return NO_SESSION;
}

/* Returns the session's index, NO_SESSION, or -ENOMEM. */
static int add_live(struct walk *walk, struct nsh_sight *sight)
{
	struct nsh_lives *lives = walk->lives;
	struct nsh_live *grown;
	struct nsh_live live;
	int found;

	if (!make_live(lives, &live, sight)) {
		nsh_live_free(&live);
		return NO_SESSION;
	}
	found = find_live(lives, &live);
	if (found >= 0) {
		merge(&lives->at[found], &live);
		return found;
	}
	grown = reallocarray(lives->at, lives->count + 1, sizeof(*grown));
	if (!grown) {
		nsh_live_free(&live);
		return -ENOMEM;
	}
	lives->at = grown;
	lives->at[lives->count] = live;
	return (int)lives->count++;
}

/* The own namespace is looked at once. */
static bool begin_look(struct walk *walk, struct space *space)
{
	bool wanted;

	pthread_mutex_lock(&walk->lock);
	wanted = space->session == NO_SESSION && !space->is_empty;
	space->is_empty = space->inode == walk->own_mount;
	pthread_mutex_unlock(&walk->lock);
	return wanted;
}

static int end_look(struct walk *walk, struct space *space, struct nsh_sight *sight)
{
	int ret;

	pthread_mutex_lock(&walk->lock);
	space->session = ret = add_live(walk, sight);
	pthread_mutex_unlock(&walk->lock);
	return ret == -ENOMEM ? ret : 0;
}

/* Of a namespace other than the own one every process is asked, until one is not in a chroot. */
static int look(struct walk *walk, struct space *space, int process)
{
	struct nsh_sight sight;
	int ret = 0;

	if (!begin_look(walk, space) || !nsh_sight_take(&sight, process, space->fd, walk->root))
		return 0;
	if (walk->all || sight.framed || sight.owner == walk->uid)
		ret = end_look(walk, space, &sight);
	nsh_sight_free(&sight);
	return ret;
}

static int add_entry_locked(struct walk *walk, const struct nsh_member *member)
{
	struct nsh_member *grown;

	if (walk->count == walk->room) {
		walk->room = walk->room ? 2 * walk->room : 256;
		grown = reallocarray(walk->entries, walk->room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		walk->entries = grown;
	}
	walk->entries[walk->count++] = *member;
	return 0;
}

static int add_entry(struct walk *walk, const struct nsh_member *member)
{
	int ret;

	pthread_mutex_lock(&walk->lock);
	ret = add_entry_locked(walk, member);
	pthread_mutex_unlock(&walk->lock);
	return ret;
}

/*
 * What has one number only is in the PID namespace of /proc, which is no session's here. Of a namespace right below that
 * one nothing is to be known of what is around it.
 */
static uint64_t pid_namespace_of(struct walk *walk, int folder, const struct nsh_process *process)
{
	const struct space *space;

	if (process->depth == 1 && walk->own_numbers)
		return walk->own_numbers;
	space = take_space(walk, folder, "ns/pid", process->depth > 2);
	return space ? space->inode : 0;
}

static int take_process(void *data, pid_t pid)
{
	struct walk *walk = data;
	NSH_CLOSE int folder = nsh_process_open(pid);
	struct nsh_member member = {0};
	struct space *mount;
	int ret;

	/* Without open files it is not known who is there, and that is an error. */
	if (folder < 0)
		return folder == -EMFILE || folder == -ENFILE ? folder : 0;
	mount = take_space(walk, folder, "ns/mnt", false);
	if (walk->all && !mount)
		return 0;
	ret = mount ? look(walk, mount, folder) : 0;
	if (ret < 0 || !nsh_process_read(&member.process, folder))
		return ret;
	if (!walk->all && member.process.uid != walk->uid)
		return 0;
	member.mount = mount ? mount->inode : 0;
	member.pid_namespace = pid_namespace_of(walk, folder, &member.process);
	/* root may look, so it has ended meanwhile. */
	if (walk->all && !member.pid_namespace)
		return 0;
	return add_entry(walk, &member);
}

/* Each session has a few. Of what cannot be held there is the number, which mostly does. -errno. */
static int count_held(void)
{
	struct rlimit limit;

	nsh_rlimit_raise_files(&limit);
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -errno;
	if (limit.rlim_cur < FILES_LEFT)
		return -EMFILE;
	return limit.rlim_cur < INT_MAX ? (int)limit.rlim_cur - FILES_LEFT : INT_MAX;
}

static void begin(struct walk *walk, struct nsh_lives *lives)
{
	NSH_CLOSE int own = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct nsh_process self;
	struct stat st;

	*lives = (struct nsh_lives){0};
	*walk = (struct walk){
		.lives = lives,
		.uid = getuid(),
		.all = geteuid() == 0,
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	/* In a user namespace "/" tells who the machine's root is, as in sandbox/frame_open.c. */
	walk->root = stat("/", &st) == 0 ? st.st_uid : 0;
	walk->all &= walk->root == 0;
	lives->all = walk->all;
	walk->own_mount = own < 0 ? 0 : number_of(own, "ns/mnt");
	/* Unless /proc is that of a PID namespace around the own one. */
	if (own >= 0 && nsh_process_read(&self, own) && self.depth == 1)
		walk->own_numbers = number_of(own, "ns/pid");
	walk->most = count_held();
	nsh_sight_prepare();
}

static void end(struct walk *walk)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		while (walk->buckets[i]) {
			struct space *space = walk->buckets[i];

			walk->buckets[i] = space->next;
			if (space->fd >= 0)
				close(space->fd);
			free(space);
		}
	}
	free(walk->entries);
}

int nsh_lives_find(struct nsh_lives *lives, struct nsh_err *err)
{
	struct walk *walk = malloc(sizeof(*walk));
	int ret;

	*lives = (struct nsh_lives){0};
	if (!walk)
		return no_memory(err);
	begin(walk, lives);
	ret = walk->most < 0 ? walk->most : nsh_crowd_walk(take_process, walk);
	if (ret < 0)
		nsh_err_sys(err, NSH_REASON_MACHINE, ret, "/proc");
	else if (nsh_lives_make(walk) < 0)
		ret = no_memory(err);
	end(walk);
	free(walk);
	if (ret < 0)
		nsh_lives_free(lives);
	return ret;
}
