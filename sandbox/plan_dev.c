/* SPDX-License-Identifier: MIT */
/*
 * /dev with what every program needs, and /sys of the session's own network.
 *
 * The pseudo-terminals are of a new instance: the session's are nobody else's, and nobody else's are the
 * session's. Only its own terminal is the machine's, and keeps its name: programs compare what that name
 * leads to with what they have open (ttyname(3)). A name in the new instance exists as long as its
 * terminal is open, so the terminal of that number is opened, for no use, and covered. That is for low numbers: it takes
 * all terminals below, of which the machine has not many. Others are shown under another name.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nsshell/door.h"
#include "sandbox/build.h"
#include "sandbox/path.h"

static const char devices[][8] = {"null", "zero", "full", "random", "urandom", "tty"};

static const char links[][2][16] = {
	{"ptmx", "pts/ptmx"},          {"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"},
	{"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"},
};

static bool is_minimal(const struct builder *b)
{
	return nsh_policy_number(b->session->policy, NSH_KEY_VIEW_DEV) == NSH_DEV_MINIMAL;
}

static bool is_taken(const char *name)
{
	for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++)
		if (!strcmp(name, devices[i]))
			return true;
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		if (!strcmp(name, links[i][0]))
			return true;
	return !strcmp(name, "pts") || !strcmp(name, "shm") || !strcmp(name, "log");
}

/* The number of a pseudo-terminal by its name below /dev, or -1. */
static int pts_number(const char *name)
{
	const char *digits = name && !strncmp(name, "pts/", 4) ? name + 4 : "";
	size_t len = strspn(digits, "0123456789");

	return len && len < 8 && !digits[len] ? (int)strtol(digits, NULL, 10) : -1;
}

/* A terminal of another kind, as that of a console. */
static bool is_console(const char *name)
{
	return name && *name && !strchr(name, '/') && !is_taken(name);
}

static bool has_terminal(const struct builder *b)
{
	const char *name = b->session->terminal;

	return pts_number(name) >= 0 || is_console(name);
}

/* Before anything becomes read-only, so that mesg(1) works. */
void nsh_dev_hold(struct builder *b)
{
	char path[PATH_MAX];

	if (!is_minimal(b) || !has_terminal(b))
		return;
	b->terminal_slot = nsh_build_slot(b);
	snprintf(path, sizeof(path), "/dev/%s", b->session->terminal);
	nsh_build_hold(b, path, b->terminal_slot, false);
}

static struct nsh_op *add_placeholder(struct builder *b, enum nsh_op_kind kind, const char *name)
{
	struct nsh_op *op = nsh_build_add(b, kind);

	nsh_build_put(b, &op->path, "%s/dev/%s", b->folder, name);
	op->mode = kind == NSH_OP_FOLDER ? 0755 : 0;
	return op;
}

static void add_link(struct builder *b, const char *name, const char *target)
{
	struct nsh_op *op = nsh_build_add(b, NSH_OP_LINK);

	nsh_build_put(b, &op->path, "%s/dev/%s", b->folder, name);
	nsh_build_put(b, &op->text, "%s", target);
}

/* Where systemd runs, the log is reached by a link, as on the machine. */
static void link_log(struct builder *b)
{
	char target[PATH_MAX];
	ssize_t len = readlink("/dev/log", target, sizeof(target) - 1);

	if (len <= 0)
		return;
	target[len] = '\0';
	add_link(b, "log", target);
}

static void add_placeholders(struct builder *b)
{
	nsh_build_own(b, NSH_OP_FOLDER, "dev")->mode = 0755;
	for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++)
		add_placeholder(b, NSH_OP_FILE, devices[i]);
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		add_link(b, links[i][0], links[i][1]);
	link_log(b);
	add_placeholder(b, NSH_OP_FOLDER, "pts");
	add_placeholder(b, NSH_OP_FOLDER, "shm");
	if (is_console(b->session->terminal))
		add_placeholder(b, NSH_OP_FILE, b->session->terminal);
	if (b->session->shared) {
		add_placeholder(b, NSH_OP_FILE, NSH_PLACE_LOCK);
		add_placeholder(b, NSH_OP_PLACES, NSH_PLACE_TERMINAL)->number = NSH_PLACES;
		if (b->session->stage == NSH_STAGE_WHOLE)
			add_placeholder(b, NSH_OP_PLACES, NSH_PLACE_AGENT)->number = NSH_PLACES;
	}
}

static void add_terminals(struct builder *b, const char *dev)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/pts", dev);
	nsh_build_path(b, NSH_OP_TERMINALS, path)->number = pts_number(b->session->terminal);
	if (!has_terminal(b))
		return;
	snprintf(path, sizeof(path), "%s/%s", dev, b->session->terminal);
	nsh_build_show(b, path, b->terminal_slot);
	if (b->ret == 0)
		nsh_build_put(b, &b->plan->ops[b->plan->count - 1].source, "%s/%s0", dev,
			      NSH_PLACE_TERMINAL);
}

/* The machine's /dev is still reached through the slot when it is covered. */
static void add_devices(struct builder *b, const char *dev)
{
	unsigned old = nsh_build_slot(b);
	unsigned shm = nsh_build_slot(b);
	char path[PATH_MAX];

	if (nsh_build_find(b, "/dev/shm", path))
		nsh_build_hold(b, path, shm, true);
	nsh_build_path(b, NSH_OP_MARK, "/dev")->slot = old;
	snprintf(path, sizeof(path), "%s/dev", b->folder);
	nsh_build_bind(b, path, dev, false);
	for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++) {
		struct nsh_op *op = nsh_build_add(b, NSH_OP_DEVICE);

		nsh_build_put(b, &op->path, "%s/%s", dev, devices[i]);
		nsh_build_put(b, &op->text, "%s", devices[i]);
		op->slot = old;
	}
	snprintf(path, sizeof(path), "%s/shm", dev);
	nsh_build_show(b, path, shm);
	add_terminals(b, dev);
}

/* The machine's, as it is, in another root. */
static void show_host(struct builder *b, const char *dev)
{
	unsigned slot = nsh_build_slot(b);

	nsh_build_hold(b, "/dev", slot, false);
	nsh_build_show(b, dev, slot);
}

/* The machine's POSIX queues, which whoever opens them there has whatever IPC namespace it is in. */
static void cover_queues(struct builder *b, const char *dev)
{
	char source[PATH_MAX];
	char path[PATH_MAX];

	if (nsh_lists_frame_hides(b, "/dev/mqueue"))
		return;
	nsh_build_own(b, NSH_OP_FOLDER, "no-queues")->mode = 0555;
	snprintf(source, sizeof(source), "%s/no-queues", b->folder);
	snprintf(path, sizeof(path), "%s/mqueue", dev);
	nsh_build_bind(b, source, path, true);
}

void nsh_dev_make(struct builder *b)
{
	char dev[PATH_MAX];

	if (!nsh_build_needed(b, "/dev", dev))
		return;
	if (is_minimal(b)) {
		add_placeholders(b);
		add_devices(b, dev);
		return;
	}
	if (b->root[0])
		show_host(b, dev);
	cover_queues(b, dev);
}

/* The machine's /sys shows the machine's network. What programs ask there about cgroups stays. */
void nsh_dev_make_sys(struct builder *b)
{
	char path[PATH_MAX];
	unsigned slot;

	if (b->root[0] ||
	    nsh_policy_number(b->session->policy, NSH_KEY_NETWORK_MODE) == NSH_NETWORK_HOST)
		return;
	slot = nsh_build_slot(b);
	if (nsh_build_find(b, "/sys/fs/cgroup", path))
		nsh_build_hold(b, path, slot, true);
	nsh_build_path(b, NSH_OP_SYS, "/sys");
	nsh_build_show(b, "/sys/fs/cgroup", slot);
}
