/* SPDX-License-Identifier: MIT */
/*
 * What ssh(1) reads from root or the user alone: the files that the machine's configuration includes (ssh_config(5),
 * Include). Root is not in a session's user namespace and its files are nobody's there, so ssh, and with it scp, sftp and
 * git, would end with "Bad owner or permissions". The session has copies, which are the user's and cannot be written.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsshell/cleanup.h"
#include "nsshell/folder.h"
#include "sandbox/build.h"

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

/* What is not there or not for the user, the user's ssh would not have read. Without an answer there is no session. */
static void fail_unless_absent(struct builder *b, const char *name)
{
	if (!nsh_build_is_absent(-errno) && b->ret == 0)
		nsh_build_fail(b, nsh_err_sys(b->err, NSH_REASON_VIEW, -errno, "%s", name));
}

static bool is_readable(struct builder *b, int fd, const char *name)
{
	struct stat st;

	if (fstatat(fd, name, &st, 0) == 0 &&
	    (!S_ISREG(st.st_mode) || faccessat(fd, name, R_OK, AT_EACCESS) == 0))
		return S_ISREG(st.st_mode);
	fail_unless_absent(b, name);
	return false;
}

static int copy_name(const char *name, void *data)
{
	struct copies *copies = data;
	char own[sizeof(OWN_FOLDER) + 1 + NAME_MAX];
	char source[PATH_MAX];

	if (name[0] == '.' || !is_readable(copies->b, copies->fd, name))
		return copies->b->ret;
	if (snprintf(own, sizeof(own), OWN_FOLDER "/%s", name) >= (int)sizeof(own) ||
	    snprintf(source, sizeof(source), "%s/%s", copies->folder, name) >= (int)sizeof(source))
		return 0;
	if (copies->count++ == 0)
		nsh_build_own(copies->b, NSH_OP_FOLDER, OWN_FOLDER)->mode = 0555;
	nsh_build_copy(copies->b, own, source);
	return copies->b->ret;
}

/* A bind of the policy's stays what the policy has made it. */
static void copy_folder(struct builder *b)
{
	char path[PATH_MAX];
	NSH_CLOSE int fd = -1;
	struct copies copies = {.b = b, .folder = path};
	int ret;

	if (!nsh_build_inside(b, FOLDER, path) || nsh_lists_bind(b, path))
		return;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		fail_unless_absent(b, path);
		return;
	}
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

	if (!nsh_build_inside(b, POLICY_FILE, path) || nsh_lists_bind(b, path) ||
	    !is_readable(b, AT_FDCWD, path))
		return;
	nsh_build_copy(b, OWN_POLICY_FILE, path);
	nsh_build_bind_own(b, OWN_POLICY_FILE, POLICY_FILE);
}

void nsh_ssh_make(struct builder *b)
{
	copy_folder(b);
	copy_policy_file(b);
}
