/* SPDX-License-Identifier: MIT */
/*
 * The doctor's checks. Each is a small function of one concern that adds what it has found; all of them stand in the
 * table of ctl/doctor.c. What could not be looked at is a warning, and never ok.
 */
#ifndef CTL_DOCTOR_H
#define CTL_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "nsshell/err.h"
#include "nsshell/policy.h"
#include "nsshell/user.h"

enum nsh_doctor_level { NSH_LEVEL_OK, NSH_LEVEL_WARN, NSH_LEVEL_FAIL };

struct nsh_doctor_finding {
	enum nsh_doctor_level level;
	const char *area; /* one word */
	char *text;       /* tamed; owned, as is the next */
	char *advice;     /* what to do; may be NULL */
};

/* PAM services that others' checks ask about. */
enum nsh_service {
	NSH_SERVICE_SSHD,
	NSH_SERVICE_CRON,
	NSH_SERVICE_ATD,
	NSH_SERVICE_SYSTEMD_USER,
	NSH_SERVICE_COUNT
};

struct nsh_doctor {
	/* Where to look; tests have folders of their own. */
	const char *pam_folder;
	const char *sshd;
	const char *sshd_config; /* NULL: its own */

	const struct nsh_user *user; /* whom it is about; NULL: the machine alone */
	struct nsh_user somebody;    /* the same, or an account without a name */
	struct nsh_policy policy;    /* somebody's for sshd, if valid */
	struct nsh_err policy_error;
	bool has_policy;
	bool enables; /* whether nsshell is to become the user's login shell */

	/* What sshd says of its configuration (sshd -T), once it has been asked. */
	enum { NSH_SSHD_UNASKED, NSH_SSHD_ABSENT, NSH_SSHD_SILENT, NSH_SSHD_SAID } sshd_state;
	char *sshd_text; /* owned; of the one that is silent, why */

	/* Found out by the checks of PAM for those that come later. */
	bool has_module[NSH_SERVICE_COUNT];

	struct nsh_doctor_finding *findings; /* owned, in the order in which they were found */
	size_t n_findings;
	bool out_of_memory;
};

/* Adds a finding. */
void nsh_find(struct nsh_doctor *doctor, enum nsh_doctor_level level, const char *area,
	      const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Adds to the latest what to do about it. */
void nsh_advise(struct nsh_doctor *doctor, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A warning that something could not be looked at. */
void nsh_find_unknown(struct nsh_doctor *doctor, const char *area, const char *what,
		      const char *why);

/* Reads the policy and makes all checks; those of the user too if there is one. */
void nsh_doctor_examine(struct nsh_doctor *doctor);

/* Does that, and tells whether there is no failure. */
bool nsh_doctor_finds_fit(struct nsh_doctor *doctor);

void nsh_doctor_free(struct nsh_doctor *doctor);

/* Prints those that are at least that bad. */
void nsh_doctor_print(const struct nsh_doctor *doctor, enum nsh_doctor_level least);

/* The value of an enum key of the policy; preset when there is none. */
int nsh_doctor_number(const struct nsh_doctor *doctor, enum nsh_key_id id, int preset);

/* Whether [view] hide names the path or a folder above it. */
bool nsh_doctor_hides(const struct nsh_doctor *doctor, const char *path);

/* Whether nsshell is the user's login shell, or is to become it. */
bool nsh_doctor_has_nsshell(const struct nsh_doctor *doctor);

/* Whether the policy asks for limits of a login. */
bool nsh_doctor_has_limits(const struct nsh_doctor *doctor);

/* Not 0 where AppArmor keeps user namespaces from programs without a profile that grants them. */
#define NSH_APPARMOR_SWITCH "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"

/* What the kernel says to who asks for a session's namespaces: 0, or -errno. */
int nsh_doctor_try_namespaces(struct nsh_err *err);

/* Of the machine. */
void nsh_doctor_kernel(struct nsh_doctor *doctor);
void nsh_doctor_modules(struct nsh_doctor *doctor);
void nsh_doctor_proc(struct nsh_doctor *doctor);
void nsh_doctor_namespaces(struct nsh_doctor *doctor);
void nsh_doctor_files(struct nsh_doctor *doctor);
void nsh_doctor_shells(struct nsh_doctor *doctor);
void nsh_doctor_policy(struct nsh_doctor *doctor);
void nsh_doctor_pam(struct nsh_doctor *doctor);
/* The line that a PAM file lacks. */
const char *nsh_doctor_pam_line(void);
/* The name of sshd's PAM file: "sshd", or from OpenSSH 9.8 on what PAMServiceName says. */
void nsh_doctor_sshd_service(struct nsh_doctor *doctor, char *name, size_t size);
void nsh_doctor_sshd(struct nsh_doctor *doctor);

/* Of the user. */
void nsh_doctor_unframed(struct nsh_doctor *doctor);
void nsh_doctor_account(struct nsh_doctor *doctor);
void nsh_doctor_home(struct nsh_doctor *doctor);
void nsh_doctor_program(struct nsh_doctor *doctor);
void nsh_doctor_subids(struct nsh_doctor *doctor);
void nsh_doctor_limits(struct nsh_doctor *doctor);
void nsh_doctor_network(struct nsh_doctor *doctor);
void nsh_doctor_jobs(struct nsh_doctor *doctor);
void nsh_doctor_processes(struct nsh_doctor *doctor);
void nsh_doctor_groups(struct nsh_doctor *doctor);
void nsh_doctor_sudo(struct nsh_doctor *doctor);
void nsh_doctor_sockets(struct nsh_doctor *doctor);
void nsh_doctor_keys(struct nsh_doctor *doctor);

#endif
