/* SPDX-License-Identifier: MIT */
/*
 * nsshellctl list: a session's logins, and its end.
 */
#include <stdio.h>
#include <time.h>

#include "ctl/list.h"
#include "ctl/output.h"
#include "ctl/status_lifetime.h"
#include "nsshell/clock.h"
#include "nsshell/keys.h"

/* What shares with nobody has one. */
static int count_logins(const struct nsh_live *live, const struct nsh_policy_age *age)
{
	int count = nsh_live_count_logins(live);

	return count < 0 && age->lifetime == NSH_LIFETIME_SESSION ? 1 : count;
}

const char *nsh_list_logins_text(char text[NSH_LOGINS_TEXT], const struct nsh_live *live,
				 const struct nsh_policy_age *age)
{
	int count = count_logins(live, age);
	size_t stale = 0;

	if (count < 0)
		return NULL;
	for (size_t i = 0; i < live->n_logins; i++)
		stale += live->logins[i].stale;
	if (stale)
		snprintf(text, NSH_LOGINS_TEXT, "%d, %zu stale", count, stale);
	else
		snprintf(text, NSH_LOGINS_TEXT, "%d", count);
	return text;
}

static json_t *describe_time_left(int64_t end)
{
	int64_t left = end - nsh_boot_ms();

	if (!end)
		return json_null();
	return json_real(left > 0 ? (double)left / 1000 : 0);
}

/* Seconds since the epoch, as the clock stands now. */
static double since_epoch(int64_t boot_ms)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9 -
	       (double)(nsh_boot_ms() - boot_ms) / 1000;
}

static json_t *describe_logins(const struct nsh_live *live)
{
	json_t *logins;

	if (!live->in_hub && !live->n_logins)
		return json_null();
	logins = json_array();
	for (size_t i = 0; i < live->n_logins; i++) {
		const struct nsh_live_login *login = &live->logins[i];

		json_array_append_new(logins,
				      json_pack("{si sf so so so sb so}", "process", login->process,
						"since", since_epoch(login->since), "service",
						nsh_json_text(login->service), "source",
						nsh_json_text(login->source), "tty",
						nsh_json_text(login->tty), "stale", login->stale,
						"ends", describe_time_left(login->end)));
	}
	return logins;
}

/* A hub says what a session's own policy may not tell any more. Standalone it is the user who says it. */
static const char *lifetime_name(const struct nsh_live *live, const struct nsh_policy_age *age)
{
	return nsh_lifetime_name(live->in_hub ? live->lifetime : age->lifetime);
}

/* PID 1 ends what it is PID 1 of; what has none is ended by the hub, login by login. */
static int64_t find_end(const struct nsh_live *live, const struct nsh_policy_age *age)
{
	int64_t end = live->end;

	for (size_t i = 0; i < live->n_shells && age->runtime_ms; i++) {
		const struct nsh_member *init = nsh_live_member(live, live->shells[i].init);

		if (init)
			nsh_clock_sooner(&end,
					 (int64_t)(nsh_ticks_seconds(init->process.start) * 1000) +
						 age->runtime_ms);
	}
	for (size_t i = 0; i < live->n_logins; i++)
		nsh_clock_sooner(&end, live->logins[i].end);
	return end;
}

void nsh_list_describe_logins(json_t *session, const struct nsh_live *live,
			      const struct nsh_policy_age *age)
{
	int count = count_logins(live, age);

	json_object_set_new(session, "lifetime", nsh_json_text(lifetime_name(live, age)));
	json_object_set_new(session, "logins", describe_logins(live));
	json_object_set_new(session, "login_count", count < 0 ? json_null() : json_integer(count));
	json_object_set_new(session, "open",
			    live->in_hub ? json_boolean(live->is_open) : json_null());
	json_object_set_new(session, "ends", describe_time_left(find_end(live, age)));
}
