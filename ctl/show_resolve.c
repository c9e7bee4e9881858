/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl show: resolving, as the session helper does, or nsshell alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/account.h"
#include "ctl/command.h"
#include "ctl/complaints.h"
#include "ctl/show.h"
#include "nsshell/login.h"
#include "nsshell/paths.h"

struct reading {
	struct nsh_shown *shown;
	struct nsh_findings findings;
};

static char *copy(struct nsh_shown *shown, const char *text)
{
	char *made = text ? strdup(text) : NULL;

	shown->failed |= text && !made;
	return made;
}

static void take_setting(void *data, const struct nsh_seen *seen)
{
	struct nsh_shown *shown = ((struct reading *)data)->shown;
	struct nsh_shown_value *grown =
		reallocarray(shown->values, shown->n_values + 1, sizeof(*grown));

	if (!grown) {
		shown->failed = true;
		return;
	}
	shown->values = grown;
	grown[shown->n_values++] = (struct nsh_shown_value){
		.id = seen->id,
		.text = copy(shown, seen->text),
		.file = copy(shown, seen->file),
		.line = seen->line,
		.lock_file = copy(shown, seen->lock_file),
		.lock_line = seen->lock_line,
	};
}

static void take_complaint(void *data, const struct nsh_complaint *complaint)
{
	nsh_finding_take(&((struct reading *)data)->findings, complaint);
}

static void say(struct nsh_shown *shown, enum nsh_shown_verdict verdict, const char *why)
{
	shown->verdict = verdict;
	snprintf(shown->why, sizeof(shown->why), "%s", why);
}

static void take_decision(struct nsh_shown *shown, enum nsh_decision decision,
			  const struct nsh_err *why)
{
	static const enum nsh_shown_verdict verdicts[] = {
		[NSH_DECIDED_OPEN] = NSH_SHOWN_OPEN,
		[NSH_DECIDED_REFUSED] = NSH_SHOWN_REFUSED,
		[NSH_DECIDED_FRAME] = NSH_SHOWN_FRAME,
		[NSH_DECIDED_NSSHELL] = NSH_SHOWN_SESSION,
	};

	say(shown, verdicts[decision], why->text);
}

/* nsshell has no frame where the module leaves it alone, and cannot tell what the module went by. */
static void judge_framed(struct nsh_shown *shown)
{
	struct nsh_err why = {0};
	struct nsh_err alone = {0};
	enum nsh_decision decision = nsh_login_decide(&shown->policy, &shown->user, &why);

	if (decision == NSH_DECIDED_OPEN && nsh_account_has_nsshell(shown->user.shell) &&
	    nsh_account_decide_alone(&shown->user, &alone) == NSH_DECIDED_REFUSED)
		take_decision(shown, NSH_DECIDED_REFUSED, &alone);
	else
		take_decision(shown, decision, &why);
}

/* Without the module nothing but the login shell confines anybody, and so only those who have nsshell. */
static void judge_alone(struct nsh_shown *shown)
{
	struct nsh_err why = {0};
	enum nsh_decision decision;

	if (!nsh_account_has_nsshell(shown->user.shell)) {
		say(shown, NSH_SHOWN_OPEN,
		    "the login shell is not nsshell, and without the PAM module nothing else "
		    "confines");
		return;
	}
	decision = nsh_login_decide_alone(&shown->policy, &shown->user, &why);
	take_decision(shown, decision, &why);
}

static void judge(struct nsh_shown *shown)
{
	struct nsh_err err;

	if (shown->user.uid == 0)
		say(shown, NSH_SHOWN_OPEN, "user id 0 is never confined");
	else if (shown->login)
		judge_framed(shown);
	else
		judge_alone(shown);
	if (nsh_hostname_make(&shown->policy, &shown->user, shown->hostname, &err) == 0)
		return;
	shown->hostname[0] = '\0';
	if (shown->verdict == NSH_SHOWN_FRAME || shown->verdict == NSH_SHOWN_SESSION)
		say(shown, NSH_SHOWN_REFUSED, err.text);
}

static int resolve(struct nsh_shown *shown, struct reading *reading)
{
	const struct nsh_observer observer = {
		.data = reading, .complaint = take_complaint, .setting = take_setting};
	const struct nsh_place place = {
		.folder = NSH_POLICY_FOLDER, .owner = nsh_account_root(), .observer = &observer};
	struct nsh_err err;
	int ret = nsh_policy_load(&shown->policy, &place, &shown->user, shown->login, &err);

	if (ret == 0)
		return NSH_CTL_OK;
	nsh_findings_print(&reading->findings, stderr);
	return reading->findings.count ? NSH_CTL_FAILED : nsh_complain_err(&err);
}

int nsh_shown_make(struct nsh_shown *shown, const char *name, const struct nsh_login *login)
{
	struct reading reading = {.shown = shown};
	struct nsh_err err;
	int ret;

	*shown = (struct nsh_shown){.login = login};
	if (nsh_account_find(&shown->user, name, &err) < 0)
		return nsh_complain_err(&err);
	ret = resolve(shown, &reading);
	nsh_findings_free(&reading.findings);
	if (ret != NSH_CTL_OK)
		return ret;
	if (shown->failed)
		return nsh_complain("out of memory");
	judge(shown);
	return NSH_CTL_OK;
}

void nsh_shown_free(struct nsh_shown *shown)
{
	for (size_t i = 0; i < shown->n_values; i++) {
		free(shown->values[i].text);
		free(shown->values[i].file);
		free(shown->values[i].lock_file);
	}
	free(shown->values);
	nsh_policy_free(&shown->policy);
	nsh_user_free(&shown->user);
	*shown = (struct nsh_shown){0};
}

const char *nsh_shown_verdict_name(enum nsh_shown_verdict verdict)
{
	static const char *const names[] = {
		[NSH_SHOWN_OPEN] = "open",
		[NSH_SHOWN_REFUSED] = "refused",
		[NSH_SHOWN_FRAME] = "frame",
		[NSH_SHOWN_SESSION] = "session",
	};

	return names[verdict];
}

const char *nsh_shown_file(const char *file)
{
	static const char folder[] = NSH_POLICY_FOLDER "/";

	return !strncmp(file, folder, sizeof(folder) - 1) ? file + sizeof(folder) - 1 : file;
}

bool nsh_shown_is_last(const struct nsh_shown *shown, size_t i)
{
	const struct nsh_shown_value *value = &shown->values[i];

	if (value->lock_file)
		return false;
	for (size_t j = i + 1; j < shown->n_values; j++)
		if (shown->values[j].id == value->id && !shown->values[j].lock_file)
			return false;
	return true;
}
