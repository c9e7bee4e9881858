/* SPDX-License-Identifier: MIT */
/*
 * The hub's life: one event after the other, until there is neither login nor sandbox.
 *
 * It trusts the logins, which are root's, and believes nothing of what PID 1 of a sandbox says but that it is empty. It
 * never waits for anybody: what cannot be sent at once is not sent, and its other side asks again.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "nsshell/clock.h"
#include "nsshell/limits.h"
#include "nsshell/memory.h"
#include "nsshell/message.h"
#include "nsshell/pass.h"
#include "sandbox/hub_protocol.h"

/* How long a hub waits for the login that has started it, in milliseconds. */
#define FIRST_MS 10000

/* A sleep of the machine is noticed after this long, as poll(2) does not count it. */
#define LOOK_MS 60000

/* From asking a sandbox to end to SIGKILL. PID 1 takes up to four seconds. */
#define END_MS 10000

/* PID 1 ends shells at runtime_max, and has the time for it; what has no shell is ended by the hub after that. */
#define AFTER_MS 10000

/* From one signal to a login's process to the next. */
#define STEP_MS 3000

/* Who makes a sandbox and is stopped, or hangs, is let go after this long, so that others can make it. */
#define MAKE_MS 30000

/* More than can be waiting for a sandbox are let go at once: nobody is to be read when whoever has written is long gone. */
#define CLIENTS_MAX 1024

struct sandbox {
	unsigned number; /* names it here; from 1 */
	struct nsh_hub_terms terms;
	char id[NSH_ID_LEN + 1];
	char cgroup[NSH_CGROUP_MAX];
	int parts[NSH_HUB_PARTS];
	size_t n_parts;
	int init;  /* the socket to PID 1, or -1 */
	int outer; /* a pidfd, likewise */
	int64_t since;
	int64_t alone;   /* since when there is no login; 0: there is one */
	int times_alone; /* tells what PID 1 says of this time from what it says of an earlier one */
	int64_t kill; /* when SIGKILL is due; 0: it has not been asked to end, and logins can join it */
};

struct login {
	int process;   /* a pidfd */
	int presence;  /* of its sessions (nsshell/frame.h), or -1 */
	bool has_left; /* the process has ended, and a session has not */
	pid_t pid;
	unsigned sandbox; /* number, or 0 */
	bool stale;
	int64_t since;
	int64_t end; /* when the next signal is due; 0: never */
	int signals; /* as many as it was sent */
	char text[512];
};

/* Somebody who is connected. */
struct client {
	int socket;
	struct nsh_hub_request request; /* while it waits for a sandbox, or makes it */
	int process;                    /* a pidfd; -1: it waits for nothing */
	int64_t end;                    /* it makes one: when it is let go; else 0 */
	bool stale;                     /* makes it beside one of another policy */
	unsigned login;                 /* 1 + index, of who makes one */
};

struct hub {
	const struct nsh_hub_place *place;
	int listener;
	struct sandbox *sandboxes;
	size_t n_sandboxes;
	struct login *logins;
	size_t n_logins;
	struct client *clients;
	size_t n_clients;
	struct pollfd *polled;
	size_t room;
	unsigned last; /* number of a sandbox */
	int64_t first; /* as long as nobody has come: when to give up */
	struct nsh_idle idle;
};

/* Without memory a hub cannot keep its word; its end is that of all its sandboxes. */
static void *grow(void *array, size_t count, size_t size)
{
	void *grown = reallocarray(array, count, size);

	if (!grown)
		_exit(1);
	return grown;
}

/* Sandboxes */

static struct sandbox *find_sandbox(struct hub *hub, unsigned number)
{
	for (size_t i = 0; number && i < hub->n_sandboxes; i++)
		if (hub->sandboxes[i].number == number)
			return &hub->sandboxes[i];
	return NULL;
}

/* The newest that logins can join, of just that policy or (NULL) of any. */
static struct sandbox *find_open(struct hub *hub, const uint64_t *policy)
{
	struct sandbox *found = NULL;

	for (size_t i = 0; i < hub->n_sandboxes; i++) {
		struct sandbox *sandbox = &hub->sandboxes[i];

		if (!sandbox->kill && (!policy || sandbox->terms.policy == *policy) &&
		    (!found || sandbox->number > found->number))
			found = sandbox;
	}
	return found;
}

static void tell(const struct sandbox *sandbox, enum nsh_message_kind kind, int value)
{
	const struct nsh_message message = {.kind = kind, .value = value};

	if (sandbox->init >= 0)
		nsh_pass_send(sandbox->init, &message, sizeof(message), NULL, 0, MSG_DONTWAIT);
}

static bool has_login(const struct hub *hub, const struct sandbox *sandbox)
{
	for (size_t i = 0; i < hub->n_logins; i++)
		if (hub->logins[i].sandbox == sandbox->number)
			return true;
	return false;
}

static void ask_to_end(struct sandbox *sandbox)
{
	if (sandbox->kill)
		return;
	sandbox->kill = nsh_boot_ms() + END_MS;
	tell(sandbox, MESSAGE_END, 0);
}

/* There is no PID 1 to it any more. Logins whose sandbox has ended end too: they could do nothing in it. */
static void remove_sandbox(struct hub *hub, struct sandbox *sandbox)
{
	for (size_t i = 0; i < hub->n_logins; i++) {
		struct login *login = &hub->logins[i];

		if (login->sandbox != sandbox->number)
			continue;
		login->sandbox = 0;
		if (!hub->place->standalone)
			nsh_clock_sooner(&login->end, nsh_boot_ms() + STEP_MS);
	}
	nsh_pass_close(sandbox->parts, sandbox->n_parts);
	nsh_pass_close(&sandbox->init, 1);
	nsh_pass_close(&sandbox->outer, 1);
	*sandbox = hub->sandboxes[--hub->n_sandboxes];
}

/* A frame without PID 1 is gone with the last login. */
static void left(struct hub *hub, struct sandbox *sandbox)
{
	if (sandbox->init < 0) {
		remove_sandbox(hub, sandbox);
		return;
	}
	sandbox->alone = nsh_boot_ms();
	if (sandbox->terms.shared == NSH_LIFETIME_LINGER && !sandbox->kill)
		tell(sandbox, MESSAGE_ALONE, ++sandbox->times_alone);
	else
		ask_to_end(sandbox);
}

static void came(struct sandbox *sandbox)
{
	if (sandbox->alone)
		tell(sandbox, MESSAGE_ALONE, 0);
	sandbox->alone = 0;
}

static void listen_init(struct hub *hub, struct sandbox *sandbox)
{
	struct nsh_message message;
	int fds[NSH_PASS_MAX];
	size_t n_fds;
	int ret = nsh_pass_receive(sandbox->init, &message, sizeof(message), fds, &n_fds,
				   MSG_DONTWAIT, NULL);

	if (ret == -EAGAIN || ret == -EINTR)
		return;
	nsh_pass_close(fds, n_fds);
	if (ret != 1)
		remove_sandbox(hub, sandbox);
	else if (message.kind == MESSAGE_EMPTY && sandbox->alone &&
		 message.value == sandbox->times_alone)
		ask_to_end(sandbox);
}

static int64_t linger_end(const struct sandbox *sandbox)
{
	return sandbox->alone && sandbox->terms.linger_ms && !sandbox->kill
		       ? sandbox->alone + sandbox->terms.linger_ms
		       : 0;
}

static void look_at_sandbox(struct sandbox *sandbox, int64_t now)
{
	int64_t end = linger_end(sandbox);

	if (end && now >= end)
		ask_to_end(sandbox);
	if (!sandbox->kill || now < sandbox->kill)
		return;
	/* Its end is that of PID 1, whatever state that is in. */
	pidfd_send_signal(sandbox->outer, SIGKILL, NULL, 0);
	sandbox->kill = now + END_MS;
}

/* Logins */

static unsigned add_login(struct hub *hub, const struct nsh_hub_request *request, int process)
{
	int64_t now = nsh_boot_ms();
	struct login *login;

	hub->logins = grow(hub->logins, hub->n_logins + 1, sizeof(*hub->logins));
	login = &hub->logins[hub->n_logins++];
	*login = (struct login){
		.process = process, .presence = -1, .pid = request->process, .since = now};
	memcpy(login->text, request->login, sizeof(login->text));
	if (request->terms.runtime_ms && !hub->place->standalone)
		login->end = now + request->terms.runtime_ms + AFTER_MS;
	return (unsigned)hub->n_logins;
}

/* Who makes a sandbox knows its login by its place. */
static void remove_login(struct hub *hub, size_t i)
{
	struct sandbox *sandbox = find_sandbox(hub, hub->logins[i].sandbox);

	close(hub->logins[i].process);
	if (hub->logins[i].presence >= 0)
		close(hub->logins[i].presence);
	hub->logins[i] = hub->logins[--hub->n_logins];
	for (size_t j = 0; j < hub->n_clients; j++) {
		if (hub->clients[j].login == i + 1)
			hub->clients[j].login = 0;
		else if (hub->clients[j].login == hub->n_logins + 1)
			hub->clients[j].login = (unsigned)i + 1;
	}
	if (sandbox && !has_login(hub, sandbox))
		left(hub, sandbox);
}

static void look_at_login(struct login *login, int64_t now)
{
	static const int signals[] = {SIGHUP, SIGTERM, SIGKILL};

	if (!login->end || now < login->end)
		return;
	pidfd_send_signal(login->process, signals[login->signals], NULL, 0);
	if (login->signals < 2)
		login->signals++;
	login->end = now + STEP_MS;
}

/* Clients */

static void remove_client(struct hub *hub, size_t i)
{
	struct client *client = &hub->clients[i];
	unsigned login = client->login;

	close(client->socket);
	if (client->process >= 0)
		close(client->process);
	*client = hub->clients[--hub->n_clients];
	if (login)
		remove_login(hub, login - 1);
}

static void reply(const struct client *client, enum nsh_hub_reply_kind kind,
		  const struct sandbox *sandbox, bool stale)
{
	struct nsh_hub_reply answer = {.protocol = NSH_HUB_PROTOCOL, .kind = kind, .stale = stale};
	bool joins = kind == NSH_HUB_SAYS_JOIN && sandbox;

	if (sandbox) {
		memcpy(answer.id, sandbox->id, sizeof(sandbox->id));
		memcpy(answer.cgroup, sandbox->cgroup, sizeof(sandbox->cgroup));
	}
	nsh_pass_send(client->socket, &answer, sizeof(answer), joins ? sandbox->parts : NULL,
		      joins ? sandbox->n_parts : 0, MSG_DONTWAIT);
}

static bool is_being_made(const struct hub *hub)
{
	for (size_t i = 0; i < hub->n_clients; i++)
		if (hub->clients[i].end)
			return true;
	return false;
}

/* The login is known from here on; its pidfd is the list's. */
static unsigned take_login(struct hub *hub, struct client *client)
{
	unsigned login = add_login(hub, &client->request, client->process);

	client->process = -1;
	return login;
}

static void join(struct hub *hub, struct client *client, struct sandbox *sandbox)
{
	unsigned number = take_login(hub, client);
	struct login *login = &hub->logins[number - 1]; /* the array has moved */

	login->sandbox = sandbox->number;
	login->stale = client->stale;
	login->end = 0;
	if (sandbox->terms.runtime_ms && !hub->place->standalone)
		login->end = sandbox->since + sandbox->terms.runtime_ms + AFTER_MS;
	sandbox->terms.linger_ms = client->request.terms.linger_ms;
	came(sandbox);
	reply(client, NSH_HUB_SAYS_JOIN, sandbox, client->stale);
}

/* Returns whether there is a sandbox for it, or an answer. One of its own policy is that, whichever is newer. */
static bool settle(struct hub *hub, struct client *client)
{
	const struct nsh_hub_terms *terms = &client->request.terms;
	struct sandbox *sandbox = find_open(hub, &terms->policy);
	struct sandbox *other = sandbox ? NULL : find_open(hub, NULL);

	if (other && terms->stale == NSH_STALE_REFUSE) {
		reply(client, NSH_HUB_SAYS_STALE, other, true);
		nsh_pass_close(&client->process, 1);
		return true;
	}
	client->stale = other != NULL;
	if (other && terms->stale == NSH_STALE_JOIN)
		sandbox = other;
	if (sandbox)
		join(hub, client, sandbox);
	return sandbox != NULL;
}

/* Whoever can have an answer now gets it; one of the others makes what they wait for. */
static void serve(struct hub *hub)
{
	for (size_t i = 0; i < hub->n_clients; i++) {
		struct client *client = &hub->clients[i];

		if (client->process < 0 || is_being_made(hub))
			continue;
		if (settle(hub, client))
			continue;
		client->end = nsh_boot_ms() + MAKE_MS;
		client->login = take_login(hub, client);
		reply(client, NSH_HUB_SAYS_MAKE, NULL, client->stale);
	}
}

static bool has_ended(int process)
{
	struct pollfd polled = {.fd = process, .events = POLLIN};

	return poll(&polled, 1, 0) > 0;
}

/* Whether anybody has the pipe open for writing: what they could have written is nothing to be read. */
static bool is_present(int presence)
{
	char text[4096];

	return presence >= 0 && read(presence, text, sizeof(text)) != 0;
}

static bool is_gone(const struct login *login)
{
	return has_ended(login->process) && !is_present(login->presence);
}

/* A session of the login's can outlive the process, and counts; which has nobody any more to be told that it is over. */
static void leave(struct login *login)
{
	login->has_left = true;
	login->end = 0;
}

/* One that has just ended, and is still to be removed, is in nobody's way. */
static bool is_full(const struct hub *hub, unsigned most)
{
	size_t count = 0;

	if (!most || hub->n_logins + hub->n_clients < most)
		return false;
	for (size_t i = 0; i < hub->n_clients; i++)
		count += hub->clients[i].process >= 0;
	for (size_t i = 0; i < hub->n_logins; i++)
		count += !is_gone(&hub->logins[i]);
	return count >= most;
}

static void enter(struct hub *hub, struct client *client, int process)
{
	const struct nsh_hub_terms *terms = &client->request.terms;

	if (is_full(hub, terms->max_sessions)) {
		reply(client, NSH_HUB_SAYS_FULL, NULL, false);
		close(process);
		return;
	}
	client->process = process;
	if (terms->shared != NSH_LIFETIME_SESSION)
		return;
	take_login(hub, client);
	reply(client, NSH_HUB_SAYS_COUNTED, NULL, false);
}

static void take_sandbox(struct hub *hub, struct client *client,
			 const struct nsh_hub_request *request, const int *fds)
{
	const struct nsh_hub_terms *terms = &client->request.terms;
	struct sandbox *sandbox;

	hub->sandboxes = grow(hub->sandboxes, hub->n_sandboxes + 1, sizeof(*hub->sandboxes));
	sandbox = &hub->sandboxes[hub->n_sandboxes++];
	*sandbox = (struct sandbox){
		.number = ++hub->last,
		.terms = *terms,
		.n_parts = request->n_parts,
		.init = request->has_init ? fds[request->n_parts] : -1,
		.outer = request->has_init ? fds[request->n_parts + 1] : -1,
		.since = nsh_boot_ms(),
	};
	memcpy(sandbox->id, request->id, sizeof(sandbox->id));
	memcpy(sandbox->cgroup, request->cgroup, sizeof(sandbox->cgroup));
	memcpy(sandbox->parts, fds, request->n_parts * sizeof(int));
	client->end = 0;
	if (client->login)
		hub->logins[client->login - 1].sandbox = sandbox->number;
	client->login = 0;
	reply(client, NSH_HUB_SAYS_TAKEN, NULL, false);
	/* The login that it was made for can have ended already. */
	if (!has_login(hub, sandbox))
		left(hub, sandbox);
}

static int64_t sandbox_end(const struct sandbox *sandbox)
{
	int64_t end = linger_end(sandbox);

	if (sandbox->terms.runtime_ms)
		nsh_clock_sooner(&end, sandbox->since + sandbox->terms.runtime_ms);
	return end;
}

static bool write_sandbox(int file, const struct sandbox *sandbox)
{
	struct nsh_hub_entry entry = {.lifetime = (int32_t)sandbox->terms.shared,
				      .open = !sandbox->kill,
				      .since = sandbox->since,
				      .end = sandbox_end(sandbox),
				      .linger_end = linger_end(sandbox)};

	memcpy(entry.id, sandbox->id, sizeof(entry.id));
	return write(file, &entry, sizeof(entry)) == (ssize_t)sizeof(entry);
}

static bool write_login(int file, const struct login *login, const struct sandbox *sandbox)
{
	struct nsh_hub_entry entry = {.process = login->pid,
				      .stale = login->stale,
				      .since = login->since,
				      .end = login->end};

	if (sandbox)
		memcpy(entry.id, sandbox->id, sizeof(entry.id));
	memcpy(entry.login, login->text, sizeof(entry.login));
	return write(file, &entry, sizeof(entry)) == (ssize_t)sizeof(entry);
}

/* Returns false when there is no list. */
static bool list(struct hub *hub, const struct client *client)
{
	const struct nsh_hub_reply answer = {.protocol = NSH_HUB_PROTOCOL,
					     .kind = NSH_HUB_SAYS_LIST};
	NSH_CLOSE int file = memfd_create(NSH_HUB_NAME, MFD_CLOEXEC);
	bool ok = file >= 0;

	for (size_t i = 0; i < hub->n_sandboxes && ok; i++)
		ok = write_sandbox(file, &hub->sandboxes[i]);
	for (size_t i = 0; i < hub->n_logins && ok; i++)
		ok = write_login(file, &hub->logins[i], find_sandbox(hub, hub->logins[i].sandbox));
	return ok &&
	       nsh_pass_send(client->socket, &answer, sizeof(answer), &file, 1, MSG_DONTWAIT) == 0;
}

/* Texts end, and there are as many files as there should be. */
static bool is_sound(struct nsh_hub_request *request, size_t n_fds)
{
	request->login[sizeof(request->login) - 1] = '\0';
	request->cgroup[sizeof(request->cgroup) - 1] = '\0';
	request->id[sizeof(request->id) - 1] = '\0';
	if (request->protocol != NSH_HUB_PROTOCOL)
		return false;
	switch (request->kind) {
	case NSH_HUB_ENTER:
	case NSH_HUB_COUNT:
		return n_fds == 1;
	case NSH_HUB_MADE:
		return request->n_parts <= NSH_HUB_PARTS && request->has_init <= 1 &&
		       n_fds == request->n_parts + 2 * request->has_init;
	}
	return request->kind == NSH_HUB_LIST && n_fds == 0;
}

static void take_presence(struct hub *hub, const struct client *client, int presence)
{
	for (size_t i = hub->n_logins; i-- > 0;) {
		struct login *login = &hub->logins[i];

		if (login->pid == client->request.process && login->presence < 0) {
			login->presence = presence;
			return;
		}
	}
	close(presence);
}

/* Returns false when it is to be let go. */
static bool obey(struct hub *hub, struct client *client, const struct nsh_hub_request *request,
		 const int *fds, bool believed)
{
	if (request->kind == NSH_HUB_LIST)
		return list(hub, client);
	if (!believed)
		return false;
	if (request->kind == NSH_HUB_COUNT && client->request.kind == NSH_HUB_ENTER) {
		take_presence(hub, client, fds[0]);
		return true;
	}
	if (request->kind == NSH_HUB_MADE) {
		if (client->end)
			take_sandbox(hub, client, request, fds);
		return !client->end && client->request.kind == NSH_HUB_ENTER;
	}
	if (client->request.kind)
		return false;
	client->request = *request;
	enter(hub, client, fds[0]);
	return true;
}

/*
 * A login of another version has come: that one finds no hub from here on, and starts its own. This one sees to what it
 * has, to the end.
 */
static void retire(struct hub *hub)
{
	if (hub->listener < 0)
		return;
	close(hub->listener);
	hub->listener = -1;
	nsh_hub_unlist(hub->place);
}

/* Returns false when the client is gone. */
static bool listen_client(struct hub *hub, struct client *client)
{
	struct nsh_hub_request request = {0};
	int fds[NSH_PASS_MAX];
	size_t n_fds;
	pid_t sender;
	int ret = nsh_pass_receive(client->socket, &request, sizeof(request), fds, &n_fds,
				   MSG_DONTWAIT, &sender);
	bool believed;

	if (ret == -EAGAIN || ret == -EINTR)
		return true;
	believed = nsh_hub_is_believed(hub->place, sender);
	if ((ret == -EPROTO || (ret == 1 && request.protocol != NSH_HUB_PROTOCOL)) && believed &&
	    request.kind == NSH_HUB_ENTER)
		retire(hub);
	if (ret == 1 && is_sound(&request, n_fds) && obey(hub, client, &request, fds, believed))
		return true;
	nsh_pass_close(fds, n_fds);
	return false;
}

static void accept_client(struct hub *hub)
{
	int socket = accept4(hub->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (socket < 0)
		return;
	if (hub->n_clients >= CLIENTS_MAX || !nsh_hub_may_speak(hub->place, socket)) {
		close(socket);
		return;
	}
	hub->clients = grow(hub->clients, hub->n_clients + 1, sizeof(*hub->clients));
	hub->clients[hub->n_clients++] = (struct client){.socket = socket, .process = -1};
	hub->first = 0;
}

/* The loop */

static void add_polled(struct hub *hub, size_t *n, int fd)
{
	if (*n == hub->room) {
		hub->room = hub->room ? 2 * hub->room : 16;
		hub->polled = grow(hub->polled, hub->room, sizeof(*hub->polled));
	}
	hub->polled[(*n)++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static void add_login_polled(struct hub *hub, size_t *n, const struct login *login)
{
	add_polled(hub, n, login->has_left ? login->presence : login->process);
	/* Its end is told in any case, and what is written into it is nobody's business. */
	if (login->has_left)
		hub->polled[*n - 1].events = 0;
}

/* fd is what was polled for it. */
static void look_for_end(struct hub *hub, int fd)
{
	for (size_t i = 0; i < hub->n_logins; i++) {
		struct login *login = &hub->logins[i];

		if (fd != (login->has_left ? login->presence : login->process))
			continue;
		if (is_gone(login))
			remove_login(hub, i);
		else if (has_ended(login->process))
			leave(login);
		return;
	}
}

static int time_left(const struct hub *hub)
{
	int64_t next = hub->first;
	int64_t left;

	for (size_t i = 0; i < hub->n_sandboxes; i++) {
		nsh_clock_sooner(&next, hub->sandboxes[i].kill);
		nsh_clock_sooner(&next, linger_end(&hub->sandboxes[i]));
	}
	for (size_t i = 0; i < hub->n_logins; i++)
		nsh_clock_sooner(&next, hub->logins[i].end);
	for (size_t i = 0; i < hub->n_clients; i++)
		nsh_clock_sooner(&next, hub->clients[i].end);
	if (!next)
		return -1;
	left = next - nsh_boot_ms();
	return left < 0 ? 0 : left > LOOK_MS ? LOOK_MS : (int)left;
}

/*
 * Backwards, as what is removed is replaced by the last. What is added meanwhile is looked at the next time; the number of
 * a pidfd that was closed meanwhile can be that of one that is new.
 */
static void look_at_all(struct hub *hub, const struct pollfd *polled, size_t n_sandboxes,
			size_t n_clients, size_t n_logins)
{
	const struct pollfd *of_clients = polled + 1 + n_sandboxes;
	const struct pollfd *of_logins = of_clients + n_clients;

	for (size_t i = n_sandboxes; i-- > 0;)
		if (polled[1 + i].revents)
			listen_init(hub, &hub->sandboxes[i]);
	for (size_t i = n_clients; i-- > 0;)
		if (of_clients[i].revents && !listen_client(hub, &hub->clients[i]))
			remove_client(hub, i);
	if (polled[0].revents)
		accept_client(hub);
	serve(hub);
	for (size_t i = n_logins; i-- > 0;)
		if (of_logins[i].revents)
			look_for_end(hub, of_logins[i].fd);
}

static void let_makers_go(struct hub *hub, int64_t now)
{
	size_t before = hub->n_clients;

	for (size_t i = before; i-- > 0;)
		if (hub->clients[i].end && now >= hub->clients[i].end)
			remove_client(hub, i);
	if (hub->n_clients < before)
		serve(hub);
}

static void look_at_clocks(struct hub *hub)
{
	int64_t now = nsh_boot_ms();

	for (size_t i = 0; i < hub->n_sandboxes; i++)
		look_at_sandbox(&hub->sandboxes[i], now);
	for (size_t i = 0; i < hub->n_logins; i++)
		look_at_login(&hub->logins[i], now);
	let_makers_go(hub, now);
}

static void turn(struct hub *hub)
{
	size_t n_sandboxes = hub->n_sandboxes;
	size_t n_clients = hub->n_clients;
	size_t n_logins = hub->n_logins;
	size_t n = 0;
	int ready;

	add_polled(hub, &n, hub->listener);
	for (size_t i = 0; i < n_sandboxes; i++)
		add_polled(hub, &n, hub->sandboxes[i].init);
	for (size_t i = 0; i < n_clients; i++)
		add_polled(hub, &n, hub->clients[i].socket);
	for (size_t i = 0; i < n_logins; i++)
		add_login_polled(hub, &n, &hub->logins[i]);
	ready = nsh_memory_poll(hub->polled, n, time_left(hub), &hub->idle);
	if (ready > 0)
		look_at_all(hub, hub->polled, n_sandboxes, n_clients, n_logins);
	look_at_clocks(hub);
}

static bool is_over(const struct hub *hub)
{
	if (hub->first)
		return nsh_boot_ms() >= hub->first;
	return !hub->n_clients && !hub->n_logins && !hub->n_sandboxes;
}

/* Who has connected and was not listened to any more finds no hub, and starts one. */
void nsh_hub_run(const struct nsh_hub_place *place, int listener)
{
	struct hub hub = {.place = place, .listener = listener, .first = nsh_boot_ms() + FIRST_MS};
	struct rlimit before;

	/* Each login takes some, and two hundred more than most soft limits. It starts nothing that would have them too. */
	nsh_rlimit_raise_files(&before);
	while (!is_over(&hub))
		turn(&hub);
	_exit(0);
}
