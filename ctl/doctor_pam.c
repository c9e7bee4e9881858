/* SPDX-License-Identifier: MIT */
/*
 * The doctor on PAM: which services have the module in their session lines, whether what it says counts there, and
 * whether it stands where it has to (pam_nsshell(8)).
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/account.h"
#include "ctl/admins.h"
#include "ctl/doctor.h"
#include "ctl/pam_stack.h"
#include "nsshell/login.h"
#include "nsshell/paths.h"

enum place { ANYWHERE, FIRST };

/* What lets users in, where it is installed. */
static const struct service {
	const char *name;
	const char *what;
	enum place place;
	enum nsh_service known; /* NSH_SERVICE_COUNT: nobody else asks */
} services[] = {
	{"sshd", "sftp and forwarding by sshd itself", ANYWHERE, NSH_SERVICE_SSHD},
	{"login", "logins on terminals", ANYWHERE, NSH_SERVICE_COUNT},
	{"su", "su to the user", ANYWHERE, NSH_SERVICE_COUNT},
	{"su-l", "su - to the user", ANYWHERE, NSH_SERVICE_COUNT},
	{"sudo", "sudo -u", FIRST, NSH_SERVICE_COUNT},
	{"sudo-i", "sudo -i -u", FIRST, NSH_SERVICE_COUNT},
	{"cron", "jobs of cron", ANYWHERE, NSH_SERVICE_CRON},
	{"crond", "jobs of cron", ANYWHERE, NSH_SERVICE_CRON},
	{"atd", "jobs of at", ANYWHERE, NSH_SERVICE_ATD},
	{"doas", "doas -u", ANYWHERE, NSH_SERVICE_COUNT},
	{"gdm-password", "logins on the desktop", ANYWHERE, NSH_SERVICE_COUNT},
	{"gdm-autologin", "logins on the desktop", ANYWHERE, NSH_SERVICE_COUNT},
	{"gdm-fingerprint", "logins on the desktop", ANYWHERE, NSH_SERVICE_COUNT},
	{"gdm-smartcard", "logins on the desktop", ANYWHERE, NSH_SERVICE_COUNT},
	{"lightdm", "logins on the desktop", ANYWHERE, NSH_SERVICE_COUNT},
	{"lightdm-autologin", "logins on the desktop", ANYWHERE, NSH_SERVICE_COUNT},
	{"sddm", "logins on the desktop", ANYWHERE, NSH_SERVICE_COUNT},
	{"sddm-autologin", "logins on the desktop", ANYWHERE, NSH_SERVICE_COUNT},
	{"xrdp-sesman", "logins on the desktop", ANYWHERE, NSH_SERVICE_COUNT},
	{"cockpit", "logins in the browser", ANYWHERE, NSH_SERVICE_COUNT},
	{"vsftpd", "FTP", ANYWHERE, NSH_SERVICE_COUNT},
	{"proftpd", "FTP", ANYWHERE, NSH_SERVICE_COUNT},
	{"other", "services without a file of their own", ANYWHERE, NSH_SERVICE_COUNT},
};

/* These need the machine's view, or make what the frame has to show. */
static const char *const before_us[] = {
	"pam_keyinit.so",   "pam_mkhomedir.so", "pam_oddjob_mkhomedir.so", "pam_mount.so",
	"pam_namespace.so", "pam_ecryptfs.so",  "pam_fscrypt.so",          "pam_zfs_key.so",
};

struct examined {
	struct nsh_doctor *doctor;
	const struct service *service;
	const struct nsh_pam_stack *stack;
	size_t at;                       /* the module's line; of several, the first one decides */
	char exempt_group[NSH_PAM_WORD]; /* "" when there is none */
	bool fine;
};

static void find(struct examined *examined, enum nsh_doctor_level level, const char *text,
		 const char *advice)
{
	const struct nsh_pam_line *line = &examined->stack->lines[examined->at];

	nsh_find(examined->doctor, level, "pam", "%s: %s:%u: %s", examined->service->name,
		 line->file, line->number, text);
	nsh_advise(examined->doctor, "%s", advice);
	examined->fine = false;
}

static void check_control(struct examined *examined)
{
	char text[512];

	if (!nsh_pam_is_binding(&examined->stack->lines[examined->at]))
		find(examined, NSH_LEVEL_FAIL,
		     "a session that the module refuses goes on unconfined",
		     "make it \"session required " NSH_PAM_MODULE "\"");
	for (size_t i = 0; i < examined->at; i++) {
		const struct nsh_pam_line *line = &examined->stack->lines[i];

		if (!nsh_pam_skips(examined->stack, i, examined->at))
			continue;
		snprintf(text, sizeof(text), "%s:%u (%s %s) can have the module left out",
			 line->file, line->number, line->control, line->module);
		find(examined, NSH_LEVEL_FAIL, text,
		     "put the module in front of that line, or make that "
		     "line required");
	}
}

static void check_order(struct examined *examined)
{
	bool limits = nsh_doctor_has_limits(examined->doctor);
	char text[512];

	if (nsh_pam_find(examined->stack, examined->at, "pam_systemd.so") < examined->stack->count)
		find(examined, limits ? NSH_LEVEL_FAIL : NSH_LEVEL_WARN,
		     "pam_systemd comes after the module and takes the login out of its limits",
		     "put the module behind pam_systemd (Debian: behind common-session)");
	for (size_t i = 0; i < sizeof(before_us) / sizeof(*before_us); i++) {
		if (nsh_pam_find(examined->stack, examined->at, before_us[i]) ==
		    examined->stack->count)
			continue;
		snprintf(text, sizeof(text),
			 "%s comes after the module, and then works in the frame", before_us[i]);
		find(examined, NSH_LEVEL_WARN, text, "put the module behind it");
	}
	if (examined->service->place == FIRST && examined->at > 0)
		find(examined, NSH_LEVEL_WARN,
		     "it is not the first session line: sudo goes on when an earlier one fails too",
		     "make it the first session line");
}

/*
 * nsshell does not know who is exempt: as their login shell it confines them without the module, or refuses where the
 * policy asks for what the module makes, or goes by what only PAM tells.
 */
static void check_exempt(struct examined *examined, const char *group)
{
	const struct nsh_user *user = examined->doctor->user;
	struct nsh_err why = {0};
	enum nsh_decision decision = nsh_doctor_has_nsshell(examined->doctor)
					     ? nsh_account_decide_alone(user, &why)
					     : NSH_DECIDED_OPEN;
	bool refused = decision == NSH_DECIDED_REFUSED;
	char text[NSH_ERR_MAX + 512];

	snprintf(text, sizeof(text), "%.128s is in exempt_group %.128s, %s%s", user->name, group,
		 refused                           ? "and nsshell refuses them without the module: "
		 : decision == NSH_DECIDED_NSSHELL ? "and confined by nsshell alone"
						   : "and never confined",
		 refused ? why.text : "");
	find(examined, refused ? NSH_LEVEL_FAIL : NSH_LEVEL_WARN, text,
	     "take the user out of the group, or give them an ordinary login shell");
}

static void tell_members(const struct examined *examined, const struct group *group)
{
	char text[512];
	int len = snprintf(text, sizeof(text), "exempt_group %.128s:", group->gr_name);

	for (char **member = group->gr_mem; *member && len < (int)sizeof(text); member++)
		len += snprintf(text + len, sizeof(text) - (size_t)len, " %s", *member);
	nsh_find(examined->doctor, NSH_LEVEL_OK, "pam", "%s: %s%s", examined->service->name, text,
		 *group->gr_mem ? "" : " nobody by its list of members");
}

static void check_exempt_group(struct examined *examined, const char *name)
{
	const struct nsh_user *user = examined->doctor->user;
	const struct group *group = getgrnam(name);
	char text[512];

	if (!group) {
		snprintf(text, sizeof(text), "exempt_group %.128s: there is no such group", name);
		find(examined, NSH_LEVEL_WARN, text,
		     "make the group, for those who shall get in "
		     "whatever the policy says");
	} else if (user && nsh_account_in_group(user, name)) {
		check_exempt(examined, name);
	} else if (!user) {
		tell_members(examined, group);
	}
}

/* nsshell reads the policy itself. */
static bool gets_in(const char *shell)
{
	return !nsh_account_runs_nothing(shell) && !nsh_account_has_nsshell(shell);
}

static bool is_anybody_primary(gid_t gid)
{
	const struct passwd *account;
	bool found = false;

	setpwent();
	while (!found && (account = getpwent()))
		found = account->pw_gid == gid && account->pw_uid && gets_in(account->pw_shell);
	endpwent();
	return found;
}

/* Some groups have members that are programs' accounts. All accounts are asked for only where that is the last hope. */
static bool has_way_back(const char *name)
{
	const struct group *group = *name ? getgrnam(name) : NULL;
	const struct passwd *account;
	gid_t gid;

	if (!group)
		return false;
	gid = group->gr_gid;
	for (char **member = group->gr_mem; *member; member++) {
		account = getpwnam(*member);
		if (account && account->pw_uid && gets_in(account->pw_shell))
			return true;
	}
	return is_anybody_primary(gid);
}

/* Of sshd alone: whoever comes back over ssh can mend the rest. */
static void check_way_back(const struct examined *examined)
{
	const char *name = examined->exempt_group;

	if (examined->service->known != NSH_SERVICE_SSHD || has_way_back(name) ||
	    nsh_admins_root_remains())
		return;
	nsh_find(examined->doctor, NSH_LEVEL_WARN, "pam",
		 "%s: one error in nsshell.conf refuses everybody: %s%s, and root cannot log in",
		 examined->service->name,
		 *name ? "nobody with an ordinary shell is in exempt_group " : "no exempt_group",
		 name);
	nsh_advise(examined->doctor, *name ? "gpasswd -a ADMIN %s" : "%s, and put somebody into it",
		   *name ? name : "exempt_group=adm behind the module");
}

static bool is_timeout(const char *text)
{
	long value = strtol(text, NULL, 10);

	return *text && !text[strspn(text, "0123456789")] && value >= 1 && value <= 600;
}

/* What the module does not know is an error, and nobody but the exempt gets in. */
static void check_arguments(struct examined *examined)
{
	const char *at = examined->stack->lines[examined->at].arguments;
	char word[NSH_PAM_WORD];
	char text[sizeof(word) + 64];

	while (nsh_pam_next_argument(&at, word)) {
		if (!strncmp(word, "exempt_group=", 13) && word[13]) {
			snprintf(examined->exempt_group, sizeof(examined->exempt_group), "%s",
				 word + 13);
			check_exempt_group(examined, word + 13);
			continue;
		}
		if (!strcmp(word, "debug") ||
		    (!strncmp(word, "timeout=", 8) && is_timeout(word + 8)))
			continue;
		snprintf(text, sizeof(text), "the argument %s is none: there will be no session",
			 word);
		find(examined, NSH_LEVEL_FAIL, text, "see pam_nsshell(8)");
	}
}

/* Whether libpam finds the module by its name: one that every machine has is beside it. */
static bool is_among_libpams(void)
{
	char path[] = NSH_MODULE_PATH;

	memcpy(strrchr(path, '/'), "/pam_unix.so", sizeof("/pam_unix.so"));
	return access(path, F_OK) == 0;
}

/* A "-" before the type lets libpam pass over a module that is not there. */
static void check_module(struct examined *examined)
{
	const char *path = examined->stack->lines[examined->at].module;
	char text[512];

	if (!strcmp(path, NSH_MODULE_PATH))
		return;
	if (path[0] != '/') {
		if (!is_among_libpams())
			find(examined, NSH_LEVEL_WARN,
			     "libpam has its modules elsewhere than " NSH_MODULE_PATH
			     ": without one there, too, there will be no session",
			     "write " NSH_MODULE_PATH);
		return;
	}
	snprintf(text, sizeof(text), "%s is %s", path,
		 access(path, R_OK) < 0 ? "not there: there will be no session"
					: "another one than " NSH_MODULE_PATH);
	find(examined, access(path, R_OK) < 0 ? NSH_LEVEL_FAIL : NSH_LEVEL_WARN, text,
	     "write " NSH_PAM_MODULE " or " NSH_MODULE_PATH);
}

/* Debian's group for who may read logs, which its package exempts too. */
const char *nsh_doctor_pam_line(void)
{
	return getgrnam("adm") ? "session required " NSH_PAM_MODULE " exempt_group=adm"
			       : "session required " NSH_PAM_MODULE;
}

static void check_lacking(struct nsh_doctor *doctor, const struct service *service)
{
	bool required = service->known == NSH_SERVICE_SSHD &&
			nsh_doctor_number(doctor, NSH_KEY_POLICY_REQUIRE_PAM, NSH_NO) == NSH_YES;

	nsh_find(
		doctor, required ? NSH_LEVEL_FAIL : NSH_LEVEL_WARN, "pam",
		"%s: lacks the module: %s %s", service->name, service->what,
		required
			? "not confined by a frame, and shells refused, as policy.require_pam = yes"
			: "not confined by a frame");
	nsh_advise(doctor, "%s of %s/%s: %s",
		   service->place == FIRST ? "as the first session line" : "at the end",
		   doctor->pam_folder, service->name, nsh_doctor_pam_line());
}

static void check_having(struct nsh_doctor *doctor, const struct service *service,
			 const struct nsh_pam_stack *stack, size_t at)
{
	struct examined examined = {
		.doctor = doctor, .service = service, .stack = stack, .at = at, .fine = true};

	check_control(&examined);
	check_order(&examined);
	check_arguments(&examined);
	check_way_back(&examined);
	check_module(&examined);
	if (examined.fine)
		nsh_find(doctor, NSH_LEVEL_OK, "pam", "%s: has the module, and it counts",
			 service->name);
}

/* Services that are not installed have no file. */
static void check_service(struct nsh_doctor *doctor, const struct service *service)
{
	static struct nsh_pam_stack stack;
	struct nsh_err err;
	int ret = nsh_pam_read(&stack, doctor->pam_folder, service->name, &err);
	size_t at;

	if (ret == -ENOENT)
		return;
	if (ret < 0) {
		nsh_find_unknown(doctor, "pam", service->name, err.text);
		return;
	}
	at = nsh_pam_find(&stack, 0, NSH_PAM_MODULE);
	if (at == stack.count) {
		check_lacking(doctor, service);
		return;
	}
	if (service->known < NSH_SERVICE_COUNT)
		doctor->has_module[service->known] = true;
	check_having(doctor, service, &stack, at);
}

/* sshd asks PAM by another name where its configuration says so. */
static void check_sshd_service(struct nsh_doctor *doctor, const struct service *service)
{
	char name[128];
	struct service asked = *service;

	nsh_doctor_sshd_service(doctor, name, sizeof(name));
	asked.name = name;
	check_service(doctor, &asked);
}

/* The user's systemd serves many logins: with the module it stands in a frame of its own, like a job of cron. */
static void check_systemd_user(struct nsh_doctor *doctor)
{
	static const struct service service = {"systemd-user", "what systemd --user starts",
					       ANYWHERE, NSH_SERVICE_SYSTEMD_USER};
	static struct nsh_pam_stack stack;
	struct nsh_err err;

	if (nsh_pam_read(&stack, doctor->pam_folder, service.name, &err) == 0 &&
	    nsh_pam_find(&stack, 0, NSH_PAM_MODULE) == stack.count)
		nsh_find(doctor, NSH_LEVEL_OK, "pam",
			 "systemd-user: what systemd --user starts is outside of every session");
	else
		check_service(doctor, &service);
}

void nsh_doctor_pam(struct nsh_doctor *doctor)
{
	if (access(doctor->pam_folder, X_OK) < 0) {
		nsh_find_unknown(doctor, "pam", doctor->pam_folder, strerror(errno));
		return;
	}
	for (size_t i = 0; i < sizeof(services) / sizeof(*services); i++)
		if (services[i].known == NSH_SERVICE_SSHD)
			check_sshd_service(doctor, &services[i]);
		else
			check_service(doctor, &services[i]);
	check_systemd_user(doctor);
}
