/* SPDX-License-Identifier: MIT */
/*
 * The doctor on PAM: which services have the module in their session lines, whether what it says counts there, and
 * whether it stands where it has to (pam_nsshell(8)).
 */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/account.h"
#include "ctl/doctor.h"
#include "ctl/pam_stack.h"

#ifndef NSH_MODULE_PATH
#define NSH_MODULE_PATH "/usr/lib/security/pam_nsshell.so"
#endif

#define MODULE "pam_nsshell.so"

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
	{"gdm-password", "logins on the desktop", ANYWHERE, NSH_SERVICE_COUNT},
	{"lightdm", "logins on the desktop", ANYWHERE, NSH_SERVICE_COUNT},
	{"sddm", "logins on the desktop", ANYWHERE, NSH_SERVICE_COUNT},
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
	size_t at; /* the module's line; of several, the first one decides */
	bool fine;
};

static void find(struct examined *examined, enum nsh_level level, const char *text,
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
		     "make it \"session required " MODULE "\"");
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
		snprintf(text, sizeof(text), "%.128s is in exempt_group %.128s, and never confined",
			 user->name, name);
		find(examined, NSH_LEVEL_WARN, text,
		     "take the user out of the group, or leave it so");
	} else if (!user) {
		int len = snprintf(text, sizeof(text), "exempt_group %.128s:", name);

		for (char **member = group->gr_mem; *member && len < (int)sizeof(text); member++)
			len += snprintf(text + len, sizeof(text) - (size_t)len, " %s", *member);
		nsh_find(examined->doctor, NSH_LEVEL_OK, "pam", "%s: %s%s", examined->service->name,
			 text, *group->gr_mem ? "" : " nobody by its list of members");
	}
}

static bool is_timeout(const char *text)
{
	long value = strtol(text, NULL, 10);

	return *text && !text[strspn(text, "0123456789")] && value >= 1 && value <= 600;
}

/* What the module does not know is an error, and nobody but the exempt gets in. */
static void check_arguments(struct examined *examined)
{
	char rest[sizeof(examined->stack->lines[0].arguments)];
	char text[sizeof(rest) + 64];
	char *saved;

	snprintf(rest, sizeof(rest), "%s", examined->stack->lines[examined->at].arguments);
	for (char *word = strtok_r(rest, " \t\r", &saved); word;
	     word = strtok_r(NULL, " \t\r", &saved)) {
		if (!strncmp(word, "exempt_group=", 13) && word[13]) {
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

/* A "-" before the type lets libpam pass over a module that is not there. */
static void check_module(struct examined *examined)
{
	const char *path = examined->stack->lines[examined->at].module;
	char text[512];

	if (path[0] != '/' || !strcmp(path, NSH_MODULE_PATH))
		return;
	snprintf(text, sizeof(text), "%s is %s", path,
		 access(path, R_OK) < 0 ? "not there: there will be no session"
					: "another one than " NSH_MODULE_PATH);
	find(examined, access(path, R_OK) < 0 ? NSH_LEVEL_FAIL : NSH_LEVEL_WARN, text,
	     "write " MODULE " or " NSH_MODULE_PATH);
}

static void check_lacking(struct nsh_doctor *doctor, const struct service *service)
{
	bool required = service->known == NSH_SERVICE_SSHD &&
			nsh_doctor_number(doctor, NSH_KEY_POLICY_REQUIRE_PAM, NSH_NO) == NSH_YES;

	nsh_find(doctor, required ? NSH_LEVEL_FAIL : NSH_LEVEL_WARN, "pam",
		 "%s: lacks the module: %s %s", service->name, service->what,
		 required ? "refused, as policy.require_pam = yes" : "not confined by a frame");
	nsh_advise(doctor, "%s of %s/%s: session required " MODULE,
		   service->place == FIRST ? "as the first session line" : "at the end",
		   doctor->pam_folder, service->name);
}

static void check_having(struct nsh_doctor *doctor, const struct service *service,
			 const struct nsh_pam_stack *stack, size_t at)
{
	struct examined examined = {
		.doctor = doctor, .service = service, .stack = stack, .at = at, .fine = true};

	check_control(&examined);
	check_order(&examined);
	check_arguments(&examined);
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
	at = nsh_pam_find(&stack, 0, MODULE);
	if (at == stack.count) {
		check_lacking(doctor, service);
		return;
	}
	if (service->known < NSH_SERVICE_COUNT)
		doctor->has_module[service->known] = true;
	check_having(doctor, service, &stack, at);
}

/* The user's systemd serves many logins: with the module it stands in a frame of its own, like a job of cron. */
static void check_systemd_user(struct nsh_doctor *doctor)
{
	static struct nsh_pam_stack stack;
	struct nsh_err err;

	if (nsh_pam_read(&stack, doctor->pam_folder, "systemd-user", &err) < 0)
		return;
	if (nsh_pam_find(&stack, 0, MODULE) == stack.count) {
		nsh_find(doctor, NSH_LEVEL_OK, "pam",
			 "systemd-user: what systemd --user starts is outside of every session");
		return;
	}
	nsh_find(doctor, NSH_LEVEL_OK, "pam",
		 "systemd-user: has the module: what systemd --user starts is in a frame");
}

void nsh_doctor_pam(struct nsh_doctor *doctor)
{
	if (access(doctor->pam_folder, X_OK) < 0) {
		nsh_find_unknown(doctor, "pam", doctor->pam_folder, strerror(errno));
		return;
	}
	for (size_t i = 0; i < sizeof(services) / sizeof(*services); i++)
		check_service(doctor, &services[i]);
	check_systemd_user(doctor);
}
