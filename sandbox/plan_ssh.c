/* SPDX-License-Identifier: MIT */
/*
 * What ssh(1) reads from root or the user alone: the files that the machine's configuration includes (ssh_config(5),
 * Include). Root is not in a session's user namespace and its files are nobody's there, so ssh, and with it scp, sftp and
 * git, would end with "Bad owner or permissions". The session has copies, which are the user's and cannot be written.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "nsshell/folder.h"
#include "sandbox/build.h"
#include "sandbox/path.h"

#define FOLDER "/etc/ssh/ssh_config.d"
#define OWN_FOLDER "ssh_config.d"

/* What Fedora's and RHEL's file in that folder includes in turn. */
#define POLICY_FILE "/etc/crypto-policies/back-ends/openssh.config"
#define OWN_POLICY_FILE "ssh_config.policy"

struct copies {
	struct builder *b;
	const char *folder; /* of the machine's */
	int fd;
	size_t count;
};

/* What is no file, or not for the user to read, is not for the user's ssh either. */
static bool is_readable(int fd, const char *name)
{
	struct stat st;

	return fstatat(fd, name, &st, 0) == 0 && S_ISREG(st.st_mode) &&
	       faccessat(fd, name, R_OK, AT_EACCESS) == 0;
}

static void add_copy(struct builder *b, const char *own, const char *folder, const char *name)
{
	struct nsh_op *op = nsh_build_own(b, NSH_OP_FILE, own);

	nsh_build_text(b, op, "%s", "");
	nsh_build_put(b, &op->source, "%s%s", folder, name);
	op->mode = 0444;
}

static int copy_name(const char *name, void *data)
{
	struct copies *copies = data;
	char own[sizeof(OWN_FOLDER) + 1 + NAME_MAX];

	if (name[0] == '.' || !is_readable(copies->fd, name) ||
	    snprintf(own, sizeof(own), OWN_FOLDER "/%s", name) >= (int)sizeof(own))
		return 0;
	if (copies->count++ == 0)
		nsh_build_own(copies->b, NSH_OP_FOLDER, OWN_FOLDER)->mode = 0555;
	add_copy(copies->b, own, copies->folder, name);
	return copies->b->ret;
}

/* A bind of the policy's stays what the policy has made it. */
static bool is_bound(const struct builder *b, const char *path)
{
	for (size_t i = 0; i < b->n_places; i++) {
		const char *place = b->places[i].path;

		if (b->places[i].key == NSH_KEY_VIEW_BIND &&
		    (!strcmp(place, path) || nsh_path_below(place, path) ||
		     nsh_path_below(path, place)))
			return true;
	}
	return false;
}

static void copy_folder(struct builder *b)
{
	char path[PATH_MAX];
	char folder[PATH_MAX + 1];
	NSH_CLOSE int fd = -1;
	struct copies copies = {.b = b, .folder = folder};
	int ret;

	if (!nsh_build_inside(b, FOLDER, path) || is_bound(b, path))
		return;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	snprintf(folder, sizeof(folder), "%s/", path);
	copies.fd = fd;
	ret = nsh_folder_each(fd, copy_name, &copies);
	if (ret < 0 && b->ret == 0)
		nsh_build_fail(b, nsh_err_sys(b->err, NSH_REASON_VIEW, ret, "%s", path));
	if (copies.count)
		nsh_build_bind_own(b, OWN_FOLDER, FOLDER);
}

static void copy_policy_file(struct builder *b)
{
	char path[PATH_MAX];

	if (!nsh_build_inside(b, POLICY_FILE, path) || is_bound(b, path) ||
	    !is_readable(AT_FDCWD, path))
		return;
	add_copy(b, OWN_POLICY_FILE, "", path);
	nsh_build_bind_own(b, OWN_POLICY_FILE, POLICY_FILE);
}

void nsh_ssh_make(struct builder *b)
{
	copy_folder(b);
	copy_policy_file(b);
}
