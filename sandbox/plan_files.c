/* SPDX-License-Identifier: MIT */
/*
 * The session's own small files, and those of the machine's that tell of other users.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "nsshell/field.h"
#include "nsshell/id.h"
#include "nsshell/limits.h"
#include "sandbox/build.h"
#include "sandbox/frame.h"
#include "sandbox/path.h"
#include "sandbox/resolver.h"

/* A limit, not what it takes: some small files and a copy of /etc/hosts, which can be large. */
#define SESSION_SIZE "64m"

/* One folder by two names: which of them is a link is for the distribution to say. */
static const char mail_folders[][16] = {"/var/mail", "/var/spool/mail"};

/* Where logins are recorded. sshd, login and PAM modules write there, as root and in the frame. */
static const char records[][20] = {
	"/run/utmp",        "/var/log/wtmp", "/var/log/btmp",    "/var/log/lastlog",
	"/var/log/faillog", "/run/faillock", "/var/lib/lastlog", "/var/lib/wtmpdb",
};
#define N_RECORDS (sizeof(records) / sizeof(*records))

/* What of those says who else is there or was: files of which an empty one is understood, and folders. */
static const char record_files[][20] = {"/run/utmp", "/var/log/wtmp", "/var/log/btmp",
					"/var/log/lastlog", "/var/log/faillog"};
/* systemd and logind tell all who ask over the system bus, command lines of others' processes too. */
static const char record_folders[][24] = {
	"/run/systemd/sessions", "/run/systemd/users",   "/run/systemd/transient",
	"/run/systemd/seats",    "/run/systemd/inhibit", "/run/dbus",
	"/run/faillock",         "/var/lib/lastlog",     "/var/lib/wtmpdb",
};

/* Where those that were put away (logrotate(8)) are beside the present ones: wtmp.1, btmp-20260101. */
#define ROTATED_FOLDER "/var/log"
static const char rotated[][8] = {"wtmp", "btmp"};

static bool hides_others(const struct builder *b)
{
	return nsh_policy_number(b->session->policy, NSH_KEY_VIEW_OTHERS) == NSH_OTHERS_HIDDEN;
}

bool nsh_files_are_others(const char *path)
{
	for (size_t i = 0; i < sizeof(mail_folders) / sizeof(*mail_folders); i++)
		if (nsh_path_around(mail_folders[i], path))
			return true;
	for (size_t i = 0; i < sizeof(record_folders) / sizeof(*record_folders); i++)
		if (nsh_path_around(record_folders[i], path))
			return true;
	return false;
}

bool nsh_files_is_mailbox(const char *path, const char *user)
{
	for (size_t i = 0; i < sizeof(mail_folders) / sizeof(*mail_folders); i++) {
		const char *below = nsh_path_below(mail_folders[i], path);

		if (below && !strcmp(below, user))
			return true;
	}
	return false;
}

static void add_policy_files(struct builder *b)
{
	size_t len;
	char *files = nsh_policy_write_files(b->session->policy, &len);

	if (!files)
		nsh_build_no_memory(b);
	else
		nsh_build_file(b, "files", 0444, files, len);
	free(files);
}

/* The source and the terminal are what whoever logs in has said: the form holds whatever they are. */
static void add_login(struct builder *b)
{
	static const struct nsh_login unknown = {.service = "", .source = ""};
	const struct nsh_login *login = b->session->login ? b->session->login : &unknown;
	struct nsh_line line = {0};

	nsh_login_write(&line, login);
	nsh_build_file(b, "login", 0444, line.text, line.len);
}

/* On top of a frame what the frame's files say, as its policy is all that was read for the shell. */
static void copy_origin(struct builder *b)
{
	nsh_build_copy(b, "login", NSH_FRAME_FOLDER "/login");
	nsh_build_copy(b, "files", NSH_FRAME_FOLDER "/files");
}

/* Where the login came from and which files its policy is made of: nobody can be asked later. */
static void add_origin(struct builder *b)
{
	if (b->session->stage == NSH_STAGE_SHELL) {
		copy_origin(b);
		return;
	}
	add_policy_files(b);
	if (b->session->stage == NSH_STAGE_FRAME)
		add_login(b);
}

/* What says of a session what it is, for those who are in it. */
void nsh_files_make(struct builder *b)
{
	size_t len;
	char *policy = nsh_policy_write(b->session->policy, &len);

	nsh_build_put(b, &nsh_build_path(b, NSH_OP_TMPFS, b->folder)->text,
		      "mode=0755,size=" SESSION_SIZE);
	if (!policy)
		nsh_build_no_memory(b);
	else
		nsh_build_file(b, "policy", 0444, policy, len);
	free(policy);
	nsh_build_file(b, "id", 0444, b->session->id, NSH_ID_LEN);
	if (b->session->stage != NSH_STAGE_FRAME)
		nsh_build_put(b, &nsh_build_own(b, NSH_OP_LINK, "session")->text, "%s",
			      b->session->id);
	if (b->session->counted)
		nsh_build_own(b, NSH_OP_FIFO, NSH_FRAME_PRESENCE)->mode = 0422;
	add_origin(b);
	if (*nsh_policy_text(b->session->policy, NSH_KEY_VIEW_HIDE)) {
		nsh_build_file(b, "empty-file", 0, "", 0);
		nsh_build_own(b, NSH_OP_FOLDER, "empty-folder")->mode = 0;
	}
}

/* What the machine is called is said by its own file. On top of a frame the name is the session's already. */
static bool is_machines_name(struct builder *b)
{
	struct utsname machine;

	if (b->session->stage == NSH_STAGE_SHELL)
		return false;
	if (uname(&machine) == 0)
		return !strcmp(machine.nodename, b->session->hostname);
	nsh_build_fail(b, nsh_err_sys(b->err, NSH_REASON_MACHINE, -errno, "uname"));
	return false;
}

/* The name first, so that it wins over what the machine's own file says of it. */
static void add_hosts(struct builder *b)
{
	const char *name = b->session->hostname;
	int label = (int)strcspn(name, ".");
	struct nsh_op *op = nsh_build_own(b, NSH_OP_FILE, "hosts");

	if (is_machines_name(b))
		nsh_build_text(b, op, "%s", "");
	else if (name[label])
		nsh_build_text(b, op, "127.0.1.1\t%s %.*s\n", name, label, name);
	else
		nsh_build_text(b, op, "127.0.1.1\t%s\n", name);
	nsh_build_put(b, &op->source, "%s/etc/hosts", b->root);
	op->mode = 0444;
	op = nsh_build_own(b, NSH_OP_FILE, "hostname");
	nsh_build_text(b, op, "%s\n", name);
	op->mode = 0444;
}

/* Behind pasta(1) a resolver of the machine's loopback has an address of its own. */
static void put_resolvers(struct builder *b, struct nsh_op *op)
{
	struct nsh_resolver resolver;

	if (nsh_resolver_read(&resolver) < 0) {
		nsh_build_no_memory(b);
		return;
	}
	nsh_build_text(b, op, "%s", resolver.text);
	nsh_resolver_free(&resolver);
}

static void add_resolver(struct builder *b)
{
	bool behind_nat =
		nsh_policy_number(b->session->policy, NSH_KEY_NETWORK_MODE) == NSH_NETWORK_NAT;
	struct nsh_op *op;

	if (!behind_nat && !b->root[0])
		return;
	op = nsh_build_own(b, NSH_OP_FILE, "resolv.conf");
	op->mode = 0444;
	/* In a frame the file is the session's already. */
	if (behind_nat && b->session->stage != NSH_STAGE_SHELL)
		put_resolvers(b, op);
	else
		nsh_build_put(b, &op->source, "/etc/resolv.conf");
	nsh_build_bind_own(b, "resolv.conf", "/etc/resolv.conf");
}

/* Who the user is in a [view] root that has accounts of its own: theirs come after the user's. */
static void add_accounts(struct builder *b)
{
	const struct nsh_user *user = b->session->user;
	char path[PATH_MAX];
	struct nsh_op *op;

	if (nsh_build_inside(b, "/etc/passwd", path)) {
		op = nsh_build_own(b, NSH_OP_FILE, "passwd");
		nsh_build_text(b, op, "%s:x:%u:%u::%s:%s\n", user->name, user->uid, user->gid,
			       user->home,
			       nsh_policy_text(b->session->policy, NSH_KEY_SHELL_PROGRAM));
		nsh_build_put(b, &op->source, "%s", path);
		op->mode = 0444;
		nsh_build_bind_own(b, "passwd", "/etc/passwd");
	}
}

/* Groups of which nobody knows the name stay numbers. */
static void write_group(FILE *out, gid_t gid, const char *user)
{
	struct nsh_err ignored;
	char *name;

	if (nsh_group_name(gid, &name, &ignored) < 0)
		return;
	fprintf(out, "%s:x:%u:%s\n", name, gid, user);
	free(name);
}

static void add_groups(struct builder *b)
{
	const struct nsh_user *user = b->session->user;
	char path[PATH_MAX];
	char *text = NULL;
	struct nsh_op *op;
	size_t len;
	FILE *out;

	if (!nsh_build_inside(b, "/etc/group", path))
		return;
	out = open_memstream(&text, &len);
	if (out) {
		write_group(out, user->gid, "");
		for (size_t i = 0; i < user->n_groups; i++)
			if (user->groups[i] != user->gid)
				write_group(out, user->groups[i], user->name);
	}
	if (!out || fclose(out) != 0) {
		nsh_build_no_memory(b);
	} else {
		op = nsh_build_own(b, NSH_OP_FILE, "group");
		nsh_build_text(b, op, "%s", text);
		nsh_build_put(b, &op->source, "%s", path);
		op->mode = 0444;
		nsh_build_bind_own(b, "group", "/etc/group");
	}
	free(text);
}

void nsh_files_make_names(struct builder *b)
{
	add_hosts(b);
	nsh_build_bind_own(b, "hosts", "/etc/hosts");
	nsh_build_bind_own(b, "hostname", "/etc/hostname");
	add_resolver(b);
	if (b->root[0]) {
		add_accounts(b);
		add_groups(b);
	}
}

/* Who the session is for, in the form of passwd(5), and the namespaces that it is to be in. */
void nsh_files_make_frame(struct builder *b)
{
	const struct nsh_user *user = b->session->user;
	struct nsh_op *op = nsh_build_own(b, NSH_OP_FILE, "account");

	nsh_build_text(b, op, "%s:x:%u:%u::%s:%s\n", user->name, user->uid, user->gid, user->home,
		       user->shell);
	op->mode = 0444;
	if (b->session->cgroup->path[0])
		nsh_build_file(b, "cgroup", 0444, b->session->cgroup->path,
			       strlen(b->session->cgroup->path));
	for (int i = 0; i < NSH_DOOR_PARTS && b->session->shared; i++) {
		char name[24];

		snprintf(name, sizeof(name), "door-%s", nsh_door_name(i));
		if (nsh_frame_has_door(i))
			nsh_build_file(b, name, 0444, "", 0);
	}
	nsh_build_file(b, "user", 0444, "", 0);
	nsh_build_own(b, NSH_OP_PIN, "user")->fd = b->session->userns;
	if (b->session->network < 0)
		return;
	nsh_build_file(b, "network", 0444, "", 0);
	nsh_build_own(b, NSH_OP_PIN, "network")->fd = b->session->network;
}

/*
 * Over the system bus everybody can have systemd move a process of theirs from where it is into the control
 * group of their own user@.service (AttachProcessesToUnit), which the login's limits are not for. So the bus is
 * root's alone in the frame: sshd and pam_systemd(8) need it there. The user's own bus leads to
 * user@.service too; with a private /tmp it is not there.
 */
void nsh_files_guard_bus(struct builder *b)
{
	struct nsh_cgroup_limits limits;
	char socket[PATH_MAX];
	char folder[PATH_MAX];
	unsigned slot;

	if (!nsh_cgroup_limits_make(&limits, b->session->policy) || !b->session->cgroup->of_systemd)
		return;
	nsh_build_own(b, NSH_OP_FOLDER, "bus")->mode = 0700;
	if (!b->private_tmp && nsh_build_find(b, "/run/user", folder))
		nsh_build_bind_own(b, "bus", folder);
	if (!nsh_build_find(b, "/run/dbus", folder))
		return;
	if (nsh_build_find(b, "/run/dbus/system_bus_socket", socket)) {
		nsh_build_file(b, "bus/system_bus_socket", 0600, "", 0);
		nsh_build_put(b, &nsh_build_own(b, NSH_OP_BIND, "bus/system_bus_socket")->source,
			      "%s", socket);
	}
	slot = nsh_build_slot(b);
	nsh_build_own(b, NSH_OP_HOLD, "bus")->slot = slot;
	nsh_build_show(b, folder, slot);
}

void nsh_files_hold_records(struct builder *b)
{
	char path[PATH_MAX];

	if (!b->frozen)
		return;
	b->record_slot = b->plan->n_slots;
	for (unsigned i = 0; i < N_RECORDS; i++) {
		unsigned slot = nsh_build_slot(b);

		if (nsh_build_find(b, records[i], path))
			nsh_build_hold(b, path, slot, true);
	}
}

void nsh_files_show_records(struct builder *b)
{
	for (unsigned i = 0; i < N_RECORDS && b->frozen; i++)
		nsh_build_add(b, NSH_OP_SHOW)->slot = b->record_slot + i;
}

/* Records that sshd writes stay so in the frame, so it is here that they become read-only. */
static void freeze_records(struct builder *b)
{
	char path[PATH_MAX];

	if (!b->frozen || b->session->stage != NSH_STAGE_SHELL)
		return;
	for (size_t i = 0; i < N_RECORDS; i++)
		if (nsh_build_find(b, records[i], path))
			nsh_build_path(b, NSH_OP_READ_ONLY, path)->optional = true;
}

static bool is_there(struct builder *b, const char *path, mode_t type)
{
	struct stat st;

	if (nsh_lists_frame_hides(b, path))
		return false;
	if (stat(path, &st) == 0)
		return (st.st_mode & S_IFMT) == type;
	if (!nsh_build_is_absent(-errno))
		nsh_build_fail(b, nsh_err_sys(b->err, NSH_REASON_VIEW, -errno, "%s", path));
	return false;
}

/* One's own mailbox stays, under whichever of the folder's names. */
static void cover_mail(struct builder *b)
{
	const char *name = b->session->user->name;
	char folder[PATH_MAX];
	char box[PATH_MAX];
	struct nsh_op *op;
	struct stat st;
	unsigned slot;

	if (!nsh_build_find(b, mail_folders[0], folder) || !strcmp(folder, "/") ||
	    nsh_lists_frame_hides(b, folder) ||
	    snprintf(box, sizeof(box), "%s/%s", folder, name) >= (int)sizeof(box))
		return;
	nsh_build_own(b, NSH_OP_FOLDER, "mail")->mode = 0755;
	if (lstat(box, &st) < 0 || st.st_uid != b->session->user->uid ||
	    !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))) {
		nsh_build_bind_own(b, "mail", folder);
		return;
	}
	slot = nsh_build_slot(b);
	nsh_build_hold(b, box, slot, true);
	op = nsh_build_add(b, S_ISDIR(st.st_mode) ? NSH_OP_FOLDER : NSH_OP_FILE);
	nsh_build_put(b, &op->path, "%s/mail/%s", b->folder, name);
	op->mode = S_ISDIR(st.st_mode) ? 0700 : 0600;
	nsh_build_bind_own(b, "mail", folder);
	nsh_build_show(b, box, slot);
}

static bool is_rotated(const char *name)
{
	for (size_t i = 0; i < sizeof(rotated) / sizeof(*rotated); i++) {
		size_t len = strlen(rotated[i]);

		if (!strncmp(name, rotated[i], len) && (name[len] == '.' || name[len] == '-'))
			return true;
	}
	return false;
}

/* Returns 0, or -errno. */
static int cover_rotated_in(struct builder *b, DIR *folder)
{
	const struct dirent *entry;

	for (errno = 0; (entry = readdir(folder)); errno = 0) {
		char path[sizeof(ROTATED_FOLDER) + sizeof(entry->d_name)];

		snprintf(path, sizeof(path), ROTATED_FOLDER "/%s", entry->d_name);
		if (is_rotated(entry->d_name) && is_there(b, path, S_IFREG))
			nsh_build_bind_own(b, "no-records", path);
	}
	return -errno;
}

static void cover_rotated(struct builder *b)
{
	DIR *folder = opendir(ROTATED_FOLDER);
	int ret = folder ? cover_rotated_in(b, folder) : -errno;

	if (folder)
		closedir(folder);
	else if (nsh_build_is_absent(ret))
		return;
	if (ret < 0)
		nsh_build_fail(b, nsh_err_sys(b->err, NSH_REASON_VIEW, ret, ROTATED_FOLDER));
}

void nsh_files_hide_others(struct builder *b)
{
	if (b->root[0])
		return;
	freeze_records(b);
	if (!hides_others(b))
		return;
	nsh_build_file(b, "no-records", 0444, "", 0);
	nsh_build_own(b, NSH_OP_FOLDER, "no-others")->mode = 0555;
	for (size_t i = 0; i < sizeof(record_files) / sizeof(*record_files); i++)
		if (is_there(b, record_files[i], S_IFREG))
			nsh_build_bind_own(b, "no-records", record_files[i]);
	cover_rotated(b);
	for (size_t i = 0; i < sizeof(record_folders) / sizeof(*record_folders); i++)
		if (is_there(b, record_folders[i], S_IFDIR))
			nsh_build_bind_own(b, "no-others", record_folders[i]);
	cover_mail(b);
}
