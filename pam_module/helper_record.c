/* SPDX-License-Identifier: MIT */
/*
 * The one line that the log has of a session.
 *
 * Names, addresses and reasons can hold what somebody chose: no character of theirs ends a field, a
 * line, or acts on a terminal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>

#include "nsshell/cleanup.h"
#include "pam_module/helper_record.h"

static const char *const names[] = {
	[NSH_VERDICT_IGNORE] = "ignore",
	[NSH_VERDICT_DENY] = "deny",
	[NSH_VERDICT_CONFINE] = "confine",
};

static void put_text(FILE *out, const char *key, const char *text)
{
	fprintf(out, " %s=\"", key);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		putc(c < ' ' || c == 0x7f || c == '"' || c == '\\' ? '?' : c, out);
	}
	putc('"', out);
}

static void put_files(FILE *out, const struct nsh_policy *policy)
{
	char list[2048] = "";
	size_t len = 0;

	for (size_t i = 0; i < policy->n_files && len < sizeof(list); i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", i ? "," : "",
					policy->files[i]);
	put_text(out, "policy", list);
}

static void put_namespace(FILE *out, const char *separator, const char *name, int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0)
		fprintf(out, "%s%s:%lu", separator, name, (unsigned long)st.st_ino);
}

static void put_session(FILE *out, const struct verdict *verdict)
{
	fprintf(out, " confined_by=%s", verdict->confined_by);
	put_text(out, "hostname", verdict->hostname);
	put_namespace(out, " namespaces=", "mnt", verdict->frame.mount);
	put_namespace(out, ",", "user", verdict->frame.user);
}

static void put_all(FILE *out, const struct verdict *verdict, const struct request *request)
{
	const struct nsh_user *user = &request->user;

	fprintf(out, "session=%s verdict=%s", verdict->id, names[verdict->kind]);
	put_text(out, "user", user->name ? user->name : "");
	fprintf(out, " uid=%u", user->uid);
	put_text(out, "service", request->login.service);
	put_text(out, "rhost", request->login.source);
	put_text(out, "tty", request->tty);
	put_text(out, "shell", user->shell ? user->shell : "");
	put_files(out, &verdict->policy);
	if (verdict->kind == NSH_VERDICT_CONFINE)
		put_session(out, verdict);
	put_text(out, "reason", verdict->err.text);
}

void nsh_record_open(void)
{
	openlog("nsshell-session", LOG_PID | LOG_NDELAY, LOG_AUTHPRIV);
}

void nsh_record(const struct verdict *verdict, const struct request *request)
{
	NSH_FREE char *line = NULL;
	size_t len;
	FILE *out = open_memstream(&line, &len);

	if (!out)
		return;
	put_all(out, verdict, request);
	if (fclose(out) != 0)
		return;
	syslog(verdict->kind == NSH_VERDICT_DENY ? LOG_NOTICE : LOG_INFO, "%s", line);
}
