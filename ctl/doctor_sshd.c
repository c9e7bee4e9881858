/* SPDX-License-Identifier: MIT */
/*
 * The doctor on sshd: what its own configuration says for this user (sshd -T).
 */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/doctor.h"
#include "ctl/spawn.h"
#include "ctl/sshd.h"

struct asked {
	struct nsh_doctor *doctor;
	const char *text; /* lines "keyword value" */
	bool has_module;
	bool own_network;
};

static void check_pam(struct asked *asked)
{
	if (nsh_sshd_is(asked->text, "usepam", "yes")) {
		nsh_find(asked->doctor, NSH_LEVEL_OK, "sshd", "UsePAM yes");
		return;
	}
	asked->has_module = asked->doctor->has_module[NSH_SERVICE_SSHD] = false;
	nsh_find(asked->doctor, NSH_LEVEL_FAIL, "sshd",
		 "UsePAM no: sshd asks no PAM module, and sftp and forwarding are not confined");
	nsh_advise(asked->doctor, "UsePAM yes in sshd_config(5)");
}

static const char *rc_too(const struct asked *asked)
{
	return nsh_sshd_is(asked->text, "permituserrc", "no")
		       ? ""
		       : ", also in the shell that runs ~/.ssh/rc, outside of nsshell's";
}

static void check_environment(struct asked *asked)
{
	if (nsh_sshd_is(asked->text, "permituserenvironment", "no")) {
		nsh_find(asked->doctor, NSH_LEVEL_OK, "sshd", "PermitUserEnvironment no");
		return;
	}
	nsh_find(asked->doctor, NSH_LEVEL_WARN, "sshd",
		 "PermitUserEnvironment is not no: users set variables of sshd's own processes%s",
		 rc_too(asked));
	nsh_advise(asked->doctor,
		   "PermitUserEnvironment no, or PermitUserRC no and X11Forwarding no");
}

/* Variables that have a program run other code. */
static bool is_dangerous(const char *pattern)
{
	static const char *const names[] = {
		"LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT",  "BASH_ENV",
		"ENV",        "GCONV_PATH",      "PATH",      "IFS",
		"PYTHONPATH", "PERL5LIB",        "SHELLOPTS", "LOCPATH"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (fnmatch(pattern, names[i], 0) == 0)
			return true;
	return false;
}

static void check_accepted(struct asked *asked)
{
	const char *at = asked->text;
	char patterns[512];
	bool found = false;
	char *saved;

	while (nsh_sshd_next(&at, "acceptenv", patterns, sizeof(patterns)))
		for (char *pattern = strtok_r(patterns, " ", &saved); pattern;
		     pattern = strtok_r(NULL, " ", &saved)) {
			if (!is_dangerous(pattern))
				continue;
			found = true;
			nsh_find(asked->doctor, NSH_LEVEL_WARN, "sshd",
				 "AcceptEnv %s lets clients choose what programs of sshd's load%s",
				 pattern, rc_too(asked));
			nsh_advise(asked->doctor, "AcceptEnv LANG LC_*");
		}
	if (!found)
		nsh_find(asked->doctor, NSH_LEVEL_OK, "sshd", "AcceptEnv has nothing dangerous");
}

/* What is forced here comes before what a key forces. */
static bool is_forced(const struct asked *asked, char *value, size_t size)
{
	const char *at = asked->text;

	return nsh_sshd_next(&at, "forcecommand", value, size) && strcasecmp(value, "none") != 0;
}

static void check_sftp(struct asked *asked)
{
	const char *at = asked->text;
	char value[512];

	if (is_forced(asked, value, sizeof(value)))
		return;
	while (nsh_sshd_next(&at, "subsystem", value, sizeof(value))) {
		if (strncasecmp(value, "sftp ", 5) != 0)
			continue;
		if (asked->has_module) {
			nsh_find(asked->doctor, NSH_LEVEL_OK, "sshd", "%s",
				 strstr(value, "internal-sftp")
					 ? "internal-sftp is confined by the frame"
					 : "sftp is started through the login shell");
		} else if (strstr(value, "internal-sftp")) {
			nsh_find(asked->doctor, NSH_LEVEL_WARN, "sshd",
				 "internal-sftp is not confined: sshd lacks the PAM module");
			nsh_advise(asked->doctor, "pam_nsshell.so in PAM's file, or no Subsystem");
		} else {
			nsh_find(asked->doctor, NSH_LEVEL_WARN, "sshd",
				 "a user whose key has command=\"internal-sftp\" has sshd's own "
				 "sftp, "
				 "which is not confined: sshd lacks the PAM module");
			nsh_advise(asked->doctor,
				   "pam_nsshell.so in PAM's file, no Subsystem, or a ForceCommand");
		}
	}
}

static const struct forwarding {
	const char *keyword;
	const char *name;
	bool network; /* goes around [network] mode */
} forwardings[] = {
	{"allowtcpforwarding", "AllowTcpForwarding", true},
	{"permittunnel", "PermitTunnel", true},
	{"allowstreamlocalforwarding", "AllowStreamLocalForwarding", false},
	{"x11forwarding", "X11Forwarding", false},
	{"allowagentforwarding", "AllowAgentForwarding", false},
};

/* With the module all of it happens in the frame. */
static void check_forwarding(struct asked *asked)
{
	bool found = false;

	for (size_t i = 0; !asked->has_module && i < sizeof(forwardings) / sizeof(*forwardings);
	     i++) {
		const struct forwarding *forwarding = &forwardings[i];
		bool around = forwarding->network && asked->own_network;

		if (nsh_sshd_is(asked->text, forwarding->keyword, "no") ||
		    nsh_sshd_is(asked->text, "disableforwarding", "yes"))
			continue;
		found = true;
		nsh_find(asked->doctor, around ? NSH_LEVEL_FAIL : NSH_LEVEL_WARN, "sshd",
			 "%s is not no, and not confined without the PAM module%s",
			 forwarding->name, around ? ": it goes around network.mode" : "");
		nsh_advise(asked->doctor, "pam_nsshell.so in PAM's file, or DisableForwarding yes");
	}
	if (!found)
		nsh_find(asked->doctor, NSH_LEVEL_OK, "sshd", "forwarding is %s",
			 asked->has_module ? "confined by the frame" : "off");
}

static void check_forced(struct asked *asked)
{
	const char *at = asked->text;
	char value[512];

	if (nsh_sshd_next(&at, "chrootdirectory", value, sizeof(value)) &&
	    strcasecmp(value, "none") != 0) {
		nsh_find(asked->doctor, NSH_LEVEL_FAIL, "sshd",
			 "ChrootDirectory %s: nsshell refuses to start in a chroot", value);
		nsh_advise(asked->doctor, "use [view] root = %s instead", value);
	}
	if (!is_forced(asked, value, sizeof(value)))
		return;
	if (strncmp(value, "internal-sftp", 13) != 0) {
		nsh_find(asked->doctor, NSH_LEVEL_OK, "sshd",
			 "ForceCommand %s: run by the login shell, in its session", value);
	} else if (asked->has_module) {
		nsh_find(asked->doctor, NSH_LEVEL_OK, "sshd",
			 "ForceCommand %s: sshd's own work, in the frame", value);
	} else {
		nsh_find(asked->doctor, NSH_LEVEL_WARN, "sshd",
			 "ForceCommand %s: not confined, as sshd lacks the PAM module", value);
		nsh_advise(asked->doctor, "pam_nsshell.so in PAM's file");
	}
}

static void check_all(struct nsh_doctor *doctor, const char *text)
{
	struct asked asked = {
		.doctor = doctor,
		.text = text,
		.has_module = doctor->has_module[NSH_SERVICE_SSHD],
		.own_network = nsh_doctor_number(doctor, NSH_KEY_NETWORK_MODE, NSH_NETWORK_HOST) !=
			       NSH_NETWORK_HOST,
	};

	check_pam(&asked);
	check_environment(&asked);
	check_accepted(&asked);
	check_sftp(&asked);
	check_forwarding(&asked);
	check_forced(&asked);
}

static void take_answer(struct nsh_doctor *doctor, char *text, bool is_said)
{
	doctor->sshd_text = text;
	doctor->sshd_state = is_said ? NSH_SSHD_SAID : NSH_SSHD_SILENT;
	doctor->out_of_memory |= !text;
	if (text && !is_said)
		text[strcspn(text, "\n")] = '\0';
}

/* Once. */
static void ask(struct nsh_doctor *doctor)
{
	char path[NSH_PROGRAM_MAX];
	struct nsh_output output;
	struct nsh_err err;

	if (doctor->sshd_state != NSH_SSHD_UNASKED)
		return;
	if (!nsh_program_find(doctor->sshd, path)) {
		doctor->sshd_state = NSH_SSHD_ABSENT;
		return;
	}
	if (nsh_sshd_ask(&output, doctor->sshd, doctor->sshd_config, doctor->user, &err) < 0)
		take_answer(doctor, strdup(err.text), false);
	else
		take_answer(doctor, output.text, output.status == 0);
}

void nsh_doctor_sshd_service(struct nsh_doctor *doctor, char *name, size_t size)
{
	const char *at;

	ask(doctor);
	at = doctor->sshd_text;
	if (doctor->sshd_state != NSH_SSHD_SAID || !at ||
	    !nsh_sshd_next(&at, "pamservicename", name, size))
		snprintf(name, size, "sshd");
}

void nsh_doctor_sshd(struct nsh_doctor *doctor)
{
	ask(doctor);
	if (doctor->sshd_state == NSH_SSHD_ABSENT) {
		nsh_find(doctor, NSH_LEVEL_OK, "sshd", "not installed");
	} else if (doctor->sshd_text && doctor->sshd_state == NSH_SSHD_SAID) {
		check_all(doctor, doctor->sshd_text);
	} else if (doctor->sshd_text) {
		nsh_find_unknown(doctor, "sshd", "its configuration", doctor->sshd_text);
		nsh_advise(doctor, "run this as root; sshd -t says what is wrong");
	}
}
