/* SPDX-License-Identifier: MIT */
/*
 * Starting pasta(1).
 *
 * It is told the namespace as its standard input, as it closes all other files. It writes its process id, when
 * all is configured, to its standard output, and what goes wrong to standard error; both are one pipe.
 *
 * The kernel clears the signal for the parent's end when a process gains capabilities (prctl(2)), so the
 * user namespace is joined before it is set, and pasta is told not to join one itself.
 */
#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "nsshell/child.h"
#include "nsshell/cleanup.h"
#include "nsshell/clock.h"
#include "nsshell/item.h"
#include "nsshell/nat.h"
#include "nsshell/printable.h"
#include "nsshell/user.h"
#include "sandbox/capabilities.h"
#include "sandbox/pasta.h"

/* Longest time for it to configure the network, in milliseconds. */
#define START_MS 10000

/* Two for each port, and some that are always there. A line of the policy has at most 1000 bytes. */
#define ARGUMENTS_MAX 1100

struct arguments {
	char *at[ARGUMENTS_MAX + 1];
	size_t count;
};

static void add(struct arguments *arguments, const char *text)
{
	if (arguments->count < ARGUMENTS_MAX)
		arguments->at[arguments->count++] = (char *)text;
}

/*
 * Each port has an option of its own: of several in one, pasta leaves out what it cannot have. It takes the same
 * port for one address only (as of 2023), and IPv4's is the one that everybody tries. False without memory.
 */
static bool add_port(struct arguments *arguments, const struct nsh_publish *publish)
{
	char *text;

	if (asprintf(&text, "127.0.0.1/%u:%u", publish->outside, publish->inside) < 0)
		return false;
	add(arguments, "-t");
	add(arguments, text);
	return true;
}

/*
 * Since October 2024 what comes to a published port goes to the session's address, where a server that has the loopback
 * alone does not hear it, unless pasta is told. Older ones cannot be told: the program has its own text for --help.
 */
static int add_loopback(struct arguments *arguments, struct nsh_err *err)
{
	static const char option[] = "--host-lo-to-ns-lo";
	NSH_FREE char *program = NULL;
	size_t len;
	int ret = nsh_database_read(NSH_PASTA_PATH, &program, &len, err);

	if (ret == 0 && memmem(program, len, option, sizeof(option) - 1))
		add(arguments, option);
	return ret;
}

static int add_ports(struct arguments *arguments, const char *list, struct nsh_err *err)
{
	struct nsh_publish publish;
	struct nsh_item item;

	if (!*list) {
		add(arguments, "-t");
		add(arguments, "none");
		return 0;
	}
	while (nsh_list_next(&list, &item))
		if (!nsh_publish_parse(&publish, &item) || !add_port(arguments, &publish))
			return nsh_err_sys(err, NSH_REASON_MACHINE, -ENOMEM, "pasta");
	return add_loopback(arguments, err);
}

/* Nothing of the machine's loopback is to be had but what the policy publishes and a resolver there. */
static int make_arguments(struct arguments *arguments, const struct nsh_policy *policy,
			  const struct nsh_resolver *resolver, struct nsh_err *err)
{
	static const char always[][20] = {
		NSH_PASTA_PATH, "--foreground",
		"--quiet",      "--config-net",
		"--no-map-gw",  "--no-dhcp",
		"--no-dhcpv6",  "--no-ra",
		"-u",           "none",
		"-T",           "none",
		"-U",           "none",
		"--netns-only", "--no-netns-quit",
		"--netns",      "/proc/self/fd/0",
		"--pid",        "/proc/self/fd/1",
	};

	for (size_t i = 0; i < sizeof(always) / sizeof(*always); i++)
		add(arguments, always[i]);
	if (resolver->ipv4) {
		add(arguments, "--dns-forward");
		add(arguments, NSH_RESOLVER_IPV4);
	}
	if (resolver->ipv6) {
		add(arguments, "--dns-forward");
		add(arguments, NSH_RESOLVER_IPV6);
	}
	return add_ports(arguments, nsh_policy_text(policy, NSH_KEY_NETWORK_PUBLISH), err);
}

static void __attribute__((noreturn)) fail(const char *what)
{
	dprintf(STDERR_FILENO, "%s: %s\n", what, strerror(errno));
	_exit(1);
}

static void take_streams(int netns, int out)
{
	if (dup2(netns, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(out, STDERR_FILENO) < 0 || close_range(STDERR_FILENO + 1, ~0U, 0) < 0)
		_exit(1);
}

static _Noreturn void run_pasta(const struct arguments *arguments,
				const struct nsh_pasta_start *start, int out, pid_t parent)
{
	static char *const nothing[] = {NULL};
	static const int needed[] = {CAP_NET_ADMIN, CAP_SYS_ADMIN};
	struct nsh_err err;

	/* It opens the pipe anew, as the user, for its process id. */
	if (start->user && fchown(out, start->user->uid, start->user->gid) < 0)
		_exit(1);
	if (start->prepare && start->prepare(start, &err) < 0) {
		dprintf(out, "%s\n", err.text);
		_exit(1);
	}
	if (!start->prepare && setns(start->userns, CLONE_NEWUSER) < 0)
		fail("join the user namespace");
	take_streams(start->netns, out);
	/* pasta does not start without SIGPIPE. */
	nsh_child_reset_signals();
	if (nsh_capabilities_keep(needed, 2) < 0)
		fail("keep capabilities");
	if (prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0L, 0L, 0L) < 0 || getppid() != parent)
		_exit(1);
	execve(NSH_PASTA_PATH, arguments->at, nothing);
	fail(NSH_PASTA_PATH);
}

static bool is_number(const char *line)
{
	size_t digits = strspn(line, "0123456789");

	return digits && line[digits] == '\n';
}

/* The last line says it: a process id when all is well. Returns 1, 0 for not yet. */
static int is_ready(const char *text)
{
	while (text) {
		if (is_number(text))
			return 1;
		text = strchr(text, '\n');
		text += text != NULL;
	}
	return 0;
}

/* Reads until the process id is there. Returns 1, or 0 when that will not be. */
static int await_ready(int fd, char *text, size_t size)
{
	int64_t end = nsh_now_ms() + START_MS;
	size_t len = 0;

	while (len < size - 1 && nsh_await(fd, POLLIN, end) > 0) {
		ssize_t got = read(fd, text + len, size - 1 - len);

		if (got <= 0)
			break;
		len += (size_t)got;
		text[len] = '\0';
		if (is_ready(text))
			return 1;
	}
	return 0;
}

/* What it says, on one line, without what it says of a missing syslog. */
static void make_reason(char *text)
{
	char *out = text;
	char *line = text;

	while (*line) {
		size_t len = strcspn(line, "\n");
		char *next = line + len + (line[len] == '\n');

		if (len && strncmp(line, "Failed to send ", 15) != 0) {
			if (out != text)
				*out++ = ' ';
			memmove(out, line, len);
			out += len;
		}
		line = next;
	}
	*out = '\0';
	nsh_make_printable(text);
}

int nsh_pasta_await(const struct nsh_pasta *pasta, struct nsh_err *err)
{
	char text[NSH_ERR_MAX / 2] = "";
	bool ready = await_ready(pasta->said, text, sizeof(text));

	close(pasta->said);
	if (ready)
		return 0;
	nsh_child_end(pasta->pid);
	make_reason(text);
	return nsh_err_set(err, NSH_REASON_NAMESPACES, -EIO, "network.mode = nat: %s: %s",
			   NSH_PASTA_PATH, *text ? text : "did not say that it is ready");
}

int nsh_pasta_spawn(struct nsh_pasta *pasta, const struct nsh_pasta_start *start,
		    struct nsh_err *err)
{
	struct arguments arguments = {0};
	pid_t parent = getpid();
	int ret;

	if (access(NSH_PASTA_PATH, X_OK) < 0)
		return nsh_err_sys(err, NSH_REASON_NAMESPACES, -errno,
				   "network.mode = nat: %s (package passt)", NSH_PASTA_PATH);
	ret = make_arguments(&arguments, start->policy, start->resolver, err);
	if (ret < 0)
		return ret;
	pasta->pid = nsh_child_start(&pasta->said, err);
	if (pasta->pid == 0)
		run_pasta(&arguments, start, pasta->said, parent);
	return pasta->pid < 0 ? pasta->pid : 0;
}

int nsh_nat_start(const struct nsh_policy *policy, int userns, int netns, struct nsh_err *err)
{
	struct nsh_resolver resolver;
	struct nsh_pasta_start start = {
		.policy = policy, .resolver = &resolver, .userns = userns, .netns = netns};
	struct nsh_pasta pasta = {0};
	int ret = nsh_resolver_read(&resolver);

	if (ret < 0)
		return nsh_err_sys(err, NSH_REASON_MACHINE, ret, "/etc/resolv.conf");
	ret = nsh_pasta_spawn(&pasta, &start, err);
	nsh_resolver_free(&resolver);
	return ret < 0 ? ret : nsh_pasta_await(&pasta, err);
}
