/* SPDX-License-Identifier: MIT */
/*
 * Operations in words. Not linked into what makes sessions.
 */
#include <stdio.h>
#include <stdlib.h>

#include "nsshell/preview.h"

/* As enum nsh_op_kind has them. */
static const struct {
	char name[12];
	char help[72];
} kinds[] = {
	[NSH_OP_SLAVE] = {"slave", "keep what is mounted from here on from being seen outside"},
	[NSH_OP_IDMAP] = {"idmap", "map user and group id"},
	[NSH_OP_LOOPBACK] = {"loopback", "bring up the network's loopback"},
	[NSH_OP_HOLD] = {"hold", "hold what is there, before it is covered"},
	[NSH_OP_MARK] = {"mark", "remember the folder that devices come from"},
	[NSH_OP_SOCKET] = {"socket", "hold the user's socket, before it is covered"},
	[NSH_OP_FREEZE] = {"freeze", "make all that is mounted read-only"},
	[NSH_OP_THAW] = {"thaw", "make what is mounted there writable again"},
	[NSH_OP_READ_ONLY] = {"read_only", "make it read-only"},
	[NSH_OP_TMPFS] = {"tmpfs", "a new file system in memory"},
	[NSH_OP_FOLDER] = {"folder", "make a folder"},
	[NSH_OP_FILE] = {"file", "make a file"},
	[NSH_OP_PLACES] = {"places", "make names for the terminals of logins to come"},
	[NSH_OP_LINK] = {"link", "make a symbolic link"},
	[NSH_OP_FIFO] = {"fifo", "make a named pipe"},
	[NSH_OP_BIND] = {"bind", "show something of the session's own there"},
	[NSH_OP_DEVICE] = {"device", "show a device there"},
	[NSH_OP_HIDE] = {"hide", "cover it with something empty"},
	[NSH_OP_SHOW] = {"show", "show there what is held"},
	[NSH_OP_REOPEN] = {"reopen", "show there what is held, in a folder made for it"},
	[NSH_OP_OVERLAY] = {"overlay", "put a layer in memory over what is held"},
	[NSH_OP_PIN] = {"pin", "show a namespace there"},
	[NSH_OP_SEAL] = {"seal", "make the file system read-only from here on"},
	[NSH_OP_TERMINALS] = {"terminals", "new pseudo-terminals"},
	[NSH_OP_SYS] = {"sys", "a new /sys of the session's network"},
	[NSH_OP_PROC] = {"proc", "a new /proc"},
	[NSH_OP_NO_USERNS] = {"no_userns", "no further user namespaces"},
	[NSH_OP_ENTER] = {"enter", "make it the root"},
	[NSH_OP_HOSTNAME] = {"hostname", "set the host name"},
};

const char *nsh_op_name(enum nsh_op_kind kind)
{
	return (size_t)kind < sizeof(kinds) / sizeof(*kinds) ? kinds[kind].name : "";
}

const char *nsh_op_help(enum nsh_op_kind kind)
{
	return (size_t)kind < sizeof(kinds) / sizeof(*kinds) ? kinds[kind].help : "";
}

/* What an operation shows was put into its slot by an earlier one. */
static const char *held_in(const struct nsh_plan *plan, const struct nsh_op *op)
{
	for (const struct nsh_op *at = op; at-- > plan->ops;)
		if (at->slot == op->slot && at->path &&
		    (at->kind == NSH_OP_HOLD || at->kind == NSH_OP_MARK ||
		     at->kind == NSH_OP_SOCKET))
			return at->path;
	return "";
}

static void write_ids(FILE *out, const struct nsh_op *op)
{
	fprintf(out, "uid %u to %u, gid %u to %u, setgroups denied", op->outside[0], op->inside[0],
		op->outside[1], op->inside[1]);
}

static void write_detail(FILE *out, const struct nsh_plan *plan, const struct nsh_op *op)
{
	switch (op->kind) {
	case NSH_OP_IDMAP:
		write_ids(out, op);
		break;
	case NSH_OP_SHOW:
	case NSH_OP_REOPEN:
	case NSH_OP_OVERLAY:
		fprintf(out, "%s%s", held_in(plan, op), op->read_only ? ", read-only" : "");
		break;
	case NSH_OP_DEVICE:
		fprintf(out, "%s/%s", held_in(plan, op), op->text ? op->text : "");
		break;
	case NSH_OP_FOLDER:
		fprintf(out, "mode %04o%s", op->mode, op->of_owner ? ", the user's" : "");
		break;
	case NSH_OP_FILE:
		fprintf(out, "mode %04o, %zu bytes%s%s", op->mode, op->len,
			op->source ? " and a copy of " : "", op->source ? op->source : "");
		break;
	case NSH_OP_PLACES:
		fprintf(out, "%d of them", op->number);
		break;
	case NSH_OP_TERMINALS:
		if (op->number >= 0)
			fprintf(out, "without %d", op->number);
		break;
	default:
		fprintf(out, "%s%s", op->source ? op->source : "", op->text ? op->text : "");
	}
	if (op->no_exec)
		fprintf(out, ", nothing in it can be executed");
	if (op->optional)
		fprintf(out, " (if it is there)");
}

char *nsh_op_detail(const struct nsh_plan *plan, const struct nsh_op *op)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	write_detail(out, plan, op);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}
