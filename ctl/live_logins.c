/* SPDX-License-Identifier: MIT */
/*
 * What hubs know of sessions: their logins, and when they end.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/live.h"
#include "ctl/live_make.h"
#include "nsshell/hub.h"

static void free_login(struct nsh_live_login *login)
{
	free(login->service);
	free(login->source);
	free(login->tty);
}

void nsh_live_free_logins(struct nsh_live *live)
{
	for (size_t i = 0; i < live->n_logins; i++)
		free_login(&live->logins[i]);
	free(live->logins);
}

static int add_login(struct nsh_live *live, const struct nsh_hub_entry *entry)
{
	struct nsh_live_login *grown =
		reallocarray(live->logins, live->n_logins + 1, sizeof(*grown));
	struct nsh_live_login *login;

	if (!grown)
		return -ENOMEM;
	live->logins = grown;
	login = &live->logins[live->n_logins++];
	*login = (struct nsh_live_login){
		.process = entry->process,
		.since = entry->since,
		.end = entry->end,
		.stale = entry->stale,
	};
	nsh_live_take_login(entry->login, &login->service, &login->source, &login->tty);
	return 0;
}

/* Whom a hub speaks of: root's of those with a frame, a user's own of those without. */
static bool is_of(const struct nsh_live *live, const struct nsh_hub_place *place)
{
	return live->uid == place->uid && live->framed != place->standalone;
}

/* One that is only counted stands in a session of its own, of which the hub knows nothing. */
static struct nsh_live *find_live(struct nsh_lives *lives, const struct nsh_hub_place *place,
				  const struct nsh_hub_entry *entry)
{
	for (size_t i = 0; i < lives->count; i++) {
		struct nsh_live *live = &lives->at[i];

		if (is_of(live, place) &&
		    (*entry->id ? !strcmp(live->id, entry->id)
				: nsh_live_member(live, entry->process) != NULL))
			return live;
	}
	return NULL;
}

static int take_entry(struct nsh_lives *lives, const struct nsh_hub_place *place,
		      const struct nsh_hub_entry *entry)
{
	struct nsh_live *live = find_live(lives, place, entry);

	if (!live)
		return 0;
	if (entry->process)
		return add_login(live, entry);
	live->in_hub = true;
	live->end = entry->end;
	live->is_open = entry->open;
	live->lifetime = entry->lifetime;
	return 0;
}

static int by_since(const void *a, const void *b)
{
	const struct nsh_live_login *one = a;
	const struct nsh_live_login *other = b;

	if (one->since != other->since)
		return one->since < other->since ? -1 : 1;
	return (one->process > other->process) - (one->process < other->process);
}

static bool has_source(const struct nsh_live *live, size_t before, const char *source)
{
	for (size_t i = 0; i < before; i++)
		if (live->logins[i].source && !strcmp(live->logins[i].source, source))
			return true;
	return false;
}

/* Where its logins are from, each place once, and not only that of the login that has made it. */
static void find_from(struct nsh_live *live)
{
	char *from = NULL;
	size_t len;
	FILE *out = open_memstream(&from, &len);

	if (!out)
		return;
	for (size_t i = 0; i < live->n_logins; i++) {
		const char *source = live->logins[i].source;

		if (source && *source && !has_source(live, i, source))
			fprintf(out, "%s%s", ftell(out) ? ", " : "", source);
	}
	if (fclose(out) < 0 || !*from) {
		free(from);
		from = NULL;
	}
	free(live->from);
	live->from = from;
}

/* From inside a session with a network of its own a user's hub is not found, as if there was none. */
static void finish(struct nsh_lives *lives, const struct nsh_hub_place *place, bool found)
{
	for (size_t i = 0; i < lives->count; i++) {
		struct nsh_live *live = &lives->at[i];

		if (!is_of(live, place))
			continue;
		live->asked = found || !place->standalone;
		if (live->n_logins)
			qsort(live->logins, live->n_logins, sizeof(*live->logins), by_since);
		if (live->in_hub && live->framed)
			find_from(live);
	}
}

static int ask(struct nsh_lives *lives, const struct nsh_hub_place *place, struct nsh_err *err)
{
	struct nsh_hub_entry *entries = NULL;
	size_t count = 0;
	int ret = nsh_hub_list(place, &entries, &count, err);

	for (size_t i = 0; i < count && ret == 0; i++)
		if (take_entry(lives, place, &entries[i]) < 0)
			ret = nsh_err_sys(err, NSH_REASON_MACHINE, -ENOMEM, "logins");
	if (ret == 0)
		finish(lives, place, count > 0);
	free(entries);
	return ret;
}

int nsh_lives_ask(struct nsh_lives *lives, struct nsh_err *err)
{
	struct nsh_hub_place place = {.standalone = !lives->all};
	int last = 0;
	int ret;

	for (size_t i = 0; i < lives->count; i++) {
		const struct nsh_live *live = &lives->at[i];
		bool met = false;

		place.uid = live->uid;
		/* In a session that shows another user id the hub's name cannot be told. */
		if (!is_of(live, &place) || (place.standalone && place.uid == 0))
			continue;
		for (size_t j = 0; j < i; j++)
			met |= is_of(&lives->at[j], &place);
		ret = met ? 0 : ask(lives, &place, err);
		last = ret < 0 ? ret : last;
	}
	return last;
}

/*
 * Without the hub: those whose shells are seen, where there is nothing but shells. A shared sandbox that no hub knows has
 * a hub all the same, of another version, or has lost it.
 */
int nsh_live_count_logins(const struct nsh_live *live)
{
	bool shared = false;

	for (size_t i = 0; i < live->n_shells; i++)
		shared |= live->shells[i].shared;
	if (live->in_hub || live->n_logins)
		return (int)live->n_logins;
	if (!live->framed && live->n_shells)
		return shared ? (int)live->n_joined : 1;
	if (shared)
		return -1;
	return live->asked || live->n_shells ? 1 : -1;
}
