/* SPDX-License-Identifier: MIT */
/*
 * A login and its user's hub: finding it, starting it, asking.
 *
 * A hub that is about to end, or was killed, does not answer; then there is another one to be found or started. None of
 * that can happen once the hub has said something.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "nsshell/clock.h"
#include "nsshell/field.h"
#include "nsshell/pass.h"
#include "nsshell/sandbox.h"
#include "nsshell/size.h"
#include "sandbox/capabilities.h"
#include "sandbox/hub_protocol.h"
#include "nsshell/keeper.h"

/* Between one attempt and the next, at first and at last. */
#define STEP_NS 1000000L
#define STEP_MAX_NS 50000000L

static bool is_shared(const struct nsh_policy *policy)
{
	return nsh_policy_number(policy, NSH_KEY_SESSION_LIFETIME) != NSH_LIFETIME_SESSION;
}

/* Standalone there is nothing but shells of nsshell's, which see to their runtime_max themselves. */
bool nsh_hub_is_needed(const struct nsh_policy *policy, bool standalone)
{
	return is_shared(policy) ||
	       strcmp(nsh_policy_text(policy, NSH_KEY_SESSION_MAX_SESSIONS), "none") != 0 ||
	       (!standalone &&
		nsh_time_of(nsh_policy_text(policy, NSH_KEY_SESSION_RUNTIME_MAX)) > 0);
}

/* What does not change the sandbox. */
static bool is_of_login(const struct nsh_key *key)
{
	switch (key->id) {
	case NSH_KEY_SESSION_CONFINE:
	case NSH_KEY_SESSION_CONTACT:
	case NSH_KEY_SESSION_LINGER_MAX:
	case NSH_KEY_SESSION_STALE:
	case NSH_KEY_SESSION_MAX_SESSIONS:
		return true;
	default:
		return !strcmp(key->section, "policy") || nsh_key_is_match(key);
	}
}

/* FNV-1a. It is the administrator who writes what is compared: nobody looks for two that are alike. */
static uint64_t digest(uint64_t sum, const char *text)
{
	do
		sum = (sum ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	while (*text++);
	return sum;
}

/* What a sandbox is made of. */
static uint64_t digest_login(const struct nsh_policy *policy, const struct nsh_user *user)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);
	char group[16];

	snprintf(group, sizeof(group), "%u", user->gid);
	sum = digest(digest(digest(sum, user->home), user->shell), group);

	for (int i = 0; i < NSH_KEY_COUNT; i++)
		if (!is_of_login(&nsh_keys[i]))
			sum = digest(sum, policy->settings[i].text);
	return sum;
}

static struct nsh_hub_terms make_terms(const struct nsh_policy *policy, const struct nsh_user *user)
{
	const char *most = nsh_policy_text(policy, NSH_KEY_SESSION_MAX_SESSIONS);

	return (struct nsh_hub_terms){
		.policy = digest_login(policy, user),
		.linger_ms = nsh_time_of(nsh_policy_text(policy, NSH_KEY_SESSION_LINGER_MAX)),
		.runtime_ms = nsh_time_of(nsh_policy_text(policy, NSH_KEY_SESSION_RUNTIME_MAX)),
		.shared = (uint32_t)nsh_policy_number(policy, NSH_KEY_SESSION_LIFETIME),
		.stale = (uint32_t)nsh_policy_number(policy, NSH_KEY_SESSION_STALE),
		.max_sessions = (uint32_t)strtoul(most, NULL, 10),
	};
}

/* Starting one */

/* Root's stays root, as no user is to end it, and nothing else is to be done by it than ending what is the user's. */
static int settle_root(struct nsh_err *err)
{
	struct nsh_capabilities own = {
		{{.effective = CAP_TO_MASK(CAP_KILL), .permitted = CAP_TO_MASK(CAP_KILL)}}};

	/* Other helpers have to find its files in /proc. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) == 0 && nsh_capabilities_set(&own) == 0 &&
	    prctl(PR_SET_DUMPABLE, 1L, 0L, 0L, 0L) == 0)
		return 0;
	return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "the user's hub: give up privileges");
}

struct starting {
	const struct nsh_hub_place *place;
	const struct nsh_policy *policy;
};

static int prepare(void *data, struct nsh_err *err)
{
	const struct starting *starting = data;
	int listener = nsh_hub_listen(starting->place, err);
	int ret;

	if (listener < 0)
		return listener;
	/* The user's own has no power either. */
	ret = starting->place->standalone
		      ? nsh_privileges_drop_outside(starting->policy, false, err)
		      : settle_root(err);
	return ret < 0 ? ret : listener;
}

static void run(void *data, int listener)
{
	const struct starting *starting = data;

	nsh_hub_run(starting->place, listener);
}

/* Returns -EBUSY when there is one by now. */
static int start(const struct nsh_hub_login *login, struct nsh_err *err)
{
	struct starting starting = {.place = &login->place, .policy = login->policy};
	const struct nsh_keeper keeper = {
		.what = "the user's hub",
		.reason = NSH_REASON_MACHINE,
		.name = NSH_HUB_NAME,
		.orphan = true,
		.alone = true,
		.prepare = prepare,
		.wait = run,
		.data = &starting,
	};

	return nsh_keeper_start(&keeper, err);
}

/* Asking */

struct answer {
	struct nsh_hub_reply reply;
	int fds[NSH_PASS_MAX];
	size_t n_fds;
	pid_t sender;
};

static void close_files(struct answer *answer)
{
	nsh_pass_close(answer->fds, answer->n_fds);
	answer->n_fds = 0;
}

/* It says nothing more, or says it to somebody else: -EAGAIN. There are no files on error. */
static int receive(int socket, struct answer *answer)
{
	int ret = nsh_pass_receive(socket, &answer->reply, sizeof(answer->reply), answer->fds,
				   &answer->n_fds, 0, &answer->sender);

	if (ret == 1 && answer->reply.protocol == NSH_HUB_PROTOCOL)
		return 0;
	if (ret == 1) {
		close_files(answer);
		return -EPROTO;
	}
	/* That is what the kernel says at the end of SO_RCVTIMEO. */
	if (ret == -EAGAIN)
		return -ETIMEDOUT;
	return ret == 0 || ret == -ECONNRESET || ret == -EPIPE ? -EAGAIN : ret;
}

struct asking {
	const struct nsh_hub_request *request;
	struct answer answer;
};

static int ask(struct asking *asking, int socket, int process)
{
	int ret = nsh_pass_send(socket, asking->request, sizeof(*asking->request), &process, 1, 0);

	if (ret == -EPIPE || ret == -ECONNRESET)
		return -EAGAIN;
	return ret < 0 ? ret : receive(socket, &asking->answer);
}

static int explain(int code, struct nsh_err *err)
{
	if (code == -EAGAIN)
		code = -ETIMEDOUT;
	return nsh_err_sys(err, NSH_REASON_MACHINE, code, "the user's hub");
}

/* What comes from a session is no answer. */
static int ask_checked(struct asking *asking, const struct nsh_hub_place *place, int socket,
		       int process, struct nsh_err *err)
{
	int ret = ask(asking, socket, process);

	if (ret < 0)
		return ret == -EAGAIN ? ret : explain(ret, err);
	ret = nsh_hub_check(place, asking->answer.sender, err);
	if (ret < 0)
		close_files(&asking->answer);
	return ret;
}

/* Returns -EAGAIN when there is to be another attempt. hub->socket is the connection. */
static int attempt(struct nsh_hub *hub, const struct nsh_hub_login *login, struct asking *asking,
		   int process, struct nsh_err *err)
{
	int ret = hub->socket = nsh_hub_connect(&login->place, &hub->pid, err);

	if (ret == -ENOENT) {
		ret = start(login, err);
		hub->started |= ret >= 0;
		/* Somebody else's came first. */
		return ret < 0 && ret != -EBUSY ? ret : -EAGAIN;
	}
	if (ret >= 0)
		ret = nsh_hub_check(&login->place, hub->pid, err);
	if (ret == 0)
		ret = ask_checked(asking, &login->place, hub->socket, process, err);
	if (ret == -EAGAIN)
		nsh_hub_close(hub);
	return ret;
}

/* Until a hub has answered. At once after the first, which has started it, as a rule. */
static int talk(struct nsh_hub *hub, const struct nsh_hub_login *login, struct asking *asking,
		int process, struct nsh_err *err)
{
	struct timespec step = {.tv_nsec = STEP_NS};
	int64_t end = nsh_now_ms() + NSH_HUB_WAIT_MS;
	int ret = attempt(hub, login, asking, process, err);

	if (ret == -EAGAIN)
		ret = attempt(hub, login, asking, process, err);
	while (ret == -EAGAIN && nsh_now_ms() < end) {
		nanosleep(&step, NULL);
		if (step.tv_nsec < STEP_MAX_NS)
			step.tv_nsec *= 2;
		ret = attempt(hub, login, asking, process, err);
	}
	return ret == -EAGAIN ? explain(ret, err) : ret;
}

static int obey(struct nsh_hub *hub, struct asking *asking, struct nsh_err *err)
{
	struct answer *answer = &asking->answer;
	const struct nsh_hub_reply *reply = &answer->reply;

	hub->stale = reply->stale;
	if (answer->n_fds > (reply->kind == NSH_HUB_SAYS_JOIN ? NSH_HUB_PARTS : 0)) {
		close_files(answer);
		return explain(-EPROTO, err);
	}
	switch (reply->kind) {
	case NSH_HUB_SAYS_COUNTED:
		hub->answer = NSH_HUB_COUNTED;
		return 0;
	case NSH_HUB_SAYS_MAKE:
		hub->answer = NSH_HUB_MAKE;
		return 0;
	case NSH_HUB_SAYS_JOIN:
		hub->answer = NSH_HUB_JOIN;
		memcpy(hub->id, reply->id, sizeof(hub->id));
		memcpy(hub->cgroup, reply->cgroup, sizeof(hub->cgroup));
		memcpy(hub->parts, answer->fds, answer->n_fds * sizeof(int));
		return 0;
	case NSH_HUB_SAYS_FULL:
		return nsh_err_set(err, NSH_REASON_SESSIONS, -EUSERS, "session.max_sessions = %u",
				   asking->request->terms.max_sessions);
	case NSH_HUB_SAYS_STALE:
		return nsh_err_set(
			err, NSH_REASON_STALE, -ESTALE,
			"session.stale = refuse, and the sandbox %s is of another policy",
			reply->id);
	}
	return explain(-EPROTO, err);
}

static void note_login(struct nsh_hub_request *request, const struct nsh_login *login)
{
	struct nsh_line line = {0};

	if (login)
		nsh_login_write(&line, login);
	memcpy(request->login, line.text, sizeof(request->login) - 1); /* it reads as cut */
}

static void clear(struct nsh_hub *hub)
{
	*hub = (struct nsh_hub){.socket = -1, .started = hub->started};
	for (int i = 0; i < NSH_HUB_PARTS; i++)
		hub->parts[i] = -1;
}

int nsh_hub_enter(struct nsh_hub *hub, const struct nsh_hub_login *login, struct nsh_err *err)
{
	struct nsh_hub_request request = {
		.protocol = NSH_HUB_PROTOCOL,
		.kind = NSH_HUB_ENTER,
		.terms = make_terms(login->policy, login->user),
		.process = login->process,
	};
	struct asking asking = {.request = &request};
	NSH_CLOSE int process = login->process > 0 ? pidfd_open(login->process, 0) : -1;
	int ret;

	hub->started = false;
	clear(hub);
	if (process < 0)
		return nsh_err_set(
			err, NSH_REASON_MACHINE, -ESRCH,
			"the user's hub: the process that opens the session cannot be told");
	note_login(&request, login->login);
	ret = talk(hub, login, &asking, process, err);
	return ret < 0 ? ret : obey(hub, &asking, err);
}

int nsh_hub_made(struct nsh_hub *hub, const struct nsh_hub_made *made, struct nsh_err *err)
{
	struct nsh_hub_request request = {
		.protocol = NSH_HUB_PROTOCOL,
		.kind = NSH_HUB_MADE,
		.n_parts = (uint32_t)made->n_parts,
		.has_init = made->init >= 0,
	};
	NSH_CLOSE int outer = made->init >= 0 ? pidfd_open(made->outer, 0) : -1;
	struct answer answer;
	int borrowed[NSH_PASS_MAX];
	size_t n_borrowed = made->n_parts;
	int ret;

	if (made->init >= 0 && outer < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, -errno, "the user's hub");
	snprintf(request.id, sizeof(request.id), "%s", made->id);
	snprintf(request.cgroup, sizeof(request.cgroup), "%s", made->cgroup);
	memcpy(borrowed, made->parts, n_borrowed * sizeof(int));
	borrowed[n_borrowed++] = made->init;
	borrowed[n_borrowed++] = outer;
	ret = nsh_pass_send(hub->socket, &request, sizeof(request), borrowed, n_borrowed, 0);
	if (ret == 0)
		ret = receive(hub->socket, &answer);
	if (ret < 0)
		return explain(ret, err);
	close_files(&answer);
	return answer.reply.kind == NSH_HUB_SAYS_TAKEN ? 0 : explain(-EPROTO, err);
}

int nsh_hub_counted(struct nsh_hub *hub, int presence, struct nsh_err *err)
{
	const struct nsh_hub_request request = {.protocol = NSH_HUB_PROTOCOL,
						.kind = NSH_HUB_COUNT};
	int ret = nsh_pass_send(hub->socket, &request, sizeof(request), &presence, 1, 0);

	return ret < 0 ? explain(ret, err) : 0;
}

const char *nsh_hub_stale_sentence(enum nsh_hub_answer answer)
{
	return answer == NSH_HUB_JOIN ? "this login joins your sandbox, which is of an older policy"
				      : "this login has a new sandbox, as the policy has changed; "
					"an older one goes "
					"on beside it";
}

void nsh_hub_close(struct nsh_hub *hub)
{
	if (hub->socket >= 0)
		close(hub->socket);
	nsh_pass_close(hub->parts, NSH_HUB_PARTS);
	clear(hub);
}

static int read_entries(int file, struct nsh_hub_entry **entries, size_t *count)
{
	struct nsh_hub_entry entry;

	while (pread(file, &entry, sizeof(entry), (off_t)(*count * sizeof(entry))) ==
	       (ssize_t)sizeof(entry)) {
		struct nsh_hub_entry *grown = reallocarray(*entries, *count + 1, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		*entries = grown;
		/* Whoever has written them, texts end. */
		entry.id[sizeof(entry.id) - 1] = '\0';
		entry.login[sizeof(entry.login) - 1] = '\0';
		(*entries)[(*count)++] = entry;
	}
	return 0;
}

/*
 * What comes from a session is no answer, as for logins. In a session nobody outside of it has a number, the hub neither:
 * there it cannot be told, and nothing but what nsshellctl shows the user depends on it.
 */
static int check_teller(const struct nsh_hub_place *place, pid_t sender, struct nsh_err *err)
{
	if (place->standalone && nsh_sandbox_is_inside())
		return 0;
	return nsh_hub_check(place, sender, err);
}

static int take_entries(const struct answer *answer, struct nsh_hub_entry **entries, size_t *count)
{
	if (answer->n_fds != 1 || answer->reply.kind != NSH_HUB_SAYS_LIST)
		return -EPROTO;
	return read_entries(answer->fds[0], entries, count);
}

/* -EAGAIN for one that has just ended. */
static int ask_entries(const struct nsh_hub_place *place, int socket,
		       struct nsh_hub_entry **entries, size_t *count, struct nsh_err *err)
{
	const struct nsh_hub_request request = {.protocol = NSH_HUB_PROTOCOL, .kind = NSH_HUB_LIST};
	struct answer answer;
	int ret = nsh_pass_send(socket, &request, sizeof(request), NULL, 0, 0);

	if (ret == 0)
		ret = receive(socket, &answer);
	if (ret == -EPIPE || ret == -ECONNRESET)
		return -EAGAIN;
	if (ret < 0)
		return ret == -EAGAIN ? ret : explain(ret, err);
	ret = check_teller(place, answer.sender, err);
	if (ret == 0) {
		ret = take_entries(&answer, entries, count);
		ret = ret < 0 ? explain(ret, err) : 0;
	}
	close_files(&answer);
	return ret;
}

int nsh_hub_list(const struct nsh_hub_place *place, struct nsh_hub_entry **entries, size_t *count,
		 struct nsh_err *err)
{
	pid_t hub;
	NSH_CLOSE int socket = nsh_hub_connect(place, &hub, err);
	int ret = socket;

	*entries = NULL;
	*count = 0;
	if (ret >= 0)
		ret = ask_entries(place, socket, entries, count, err);
	/* One that has just ended knows of nobody. */
	return ret == -ENOENT || ret == -EAGAIN ? 0 : ret;
}
