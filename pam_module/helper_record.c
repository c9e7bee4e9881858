/* SPDX-License-Identifier: MIT */
/*
 * The one line that the log has of a session.
 */
#include <stdio.h>
#include <sys/stat.h>
#include <syslog.h>

#include "nsshell/field.h"
#include "pam_module/helper_record.h"

static const char *const names[] = {
	[NSH_VERDICT_IGNORE] = "ignore",
	[NSH_VERDICT_DENY] = "deny",
	[NSH_VERDICT_CONFINE] = "confine",
};

static void put_files(struct nsh_line *line, const struct nsh_policy *policy)
{
	char list[NSH_FIELD_MAX] = "";
	size_t len = 0;

	for (size_t i = 0; i < policy->n_files && len < sizeof(list); i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", i ? "," : "",
					policy->files[i]);
	nsh_field_text(line, "policy", list);
}

static unsigned long number_of(int namespace)
{
	struct stat st;

	return fstat(namespace, &st) == 0 ? (unsigned long)st.st_ino : 0;
}

static void put_session(struct nsh_line *line, const struct verdict *verdict)
{
	nsh_field_plain(line, "confined_by", "%s", verdict->confined_by);
	if (verdict->confined.joined)
		nsh_field_plain(line, "joined", "yes");
	else
		nsh_field_text(line, "hostname", verdict->confined.hostname);
	if (verdict->confined.stale)
		nsh_field_plain(line, "stale", "%s", verdict->confined.joined ? "joined" : "new");
	nsh_field_plain(line, "namespaces", "mnt:%lu,uts:%lu,user:%lu",
			number_of(verdict->confined.frame.mount),
			number_of(verdict->confined.frame.uts),
			number_of(verdict->confined.frame.user));
	if (verdict->confined.cgroup.path[0])
		nsh_field_text(line, "cgroup", verdict->confined.cgroup.path);
}

static void put_all(struct nsh_line *line, const struct verdict *verdict,
		    const struct request *request)
{
	const struct nsh_user *user = &request->user;

	nsh_field_plain(line, "session", "%s", verdict->id);
	nsh_field_plain(line, "verdict", "%s", names[verdict->kind]);
	nsh_field_text(line, "user", user->name ? user->name : "");
	nsh_field_plain(line, "uid", "%u", user->uid);
	nsh_field_text(line, "service", request->login.service);
	nsh_field_text(line, "rhost", request->login.source);
	nsh_field_text(line, "tty", request->login.tty);
	nsh_field_text(line, "shell", user->shell ? user->shell : "");
	put_files(line, &verdict->policy);
	if (verdict->kind == NSH_VERDICT_CONFINE)
		put_session(line, verdict);
	if (verdict->kind == NSH_VERDICT_DENY)
		nsh_field_plain(line, "kind", "%s", nsh_reason_name(verdict->err.reason));
	nsh_field_text(line, "reason", verdict->err.text);
}

void nsh_record_open(void)
{
	openlog("nsshell-session", LOG_PID | LOG_NDELAY, LOG_AUTHPRIV);
}

void nsh_record(const struct verdict *verdict, const struct request *request)
{
	struct nsh_line line = {0};

	put_all(&line, verdict, request);
	syslog(verdict->kind == NSH_VERDICT_DENY ? LOG_NOTICE : LOG_INFO, "%s", line.text);
}
