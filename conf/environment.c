/* SPDX-License-Identifier: MIT */
/*
 * The environment of the session's shell. It is the user's as much as the shell is: it is handed
 * on, and nothing in nsshell acts on it.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/value.h"
#include "nsshell/list.h"
#include "nsshell/environment.h"

const char *nsh_environment_get(char *const *environment, const char *name)
{
	size_t len = strlen(name);

	for (; environment && *environment; environment++)
		if (!strncmp(*environment, name, len) && (*environment)[len] == '=')
			return *environment + len + 1;
	return NULL;
}

static bool list_assigns(const char *list, const char *name, size_t len)
{
	struct nsh_item item;

	while (nsh_list_next(&list, &item))
		if (item.len > len && item.text[len] == '=' && !memcmp(item.text, name, len))
			return true;
	return false;
}

/* The user's bus is in the machine's /run/user, and a program that is told of it asks for no other. */
static bool leads_nowhere(const struct nsh_policy *policy, const char *variable)
{
	static const char bus[] = "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/";

	return !strncmp(variable, bus, strlen(bus)) &&
	       nsh_policy_number(policy, NSH_KEY_VIEW_TMP) == NSH_TMP_PRIVATE;
}

static bool is_kept(const struct nsh_policy *policy, const char *variable)
{
	size_t len = strcspn(variable, "=");

	if (leads_nowhere(policy, variable))
		return false;
	if (nsh_variables_have(NSH_OWN_VARIABLES, variable, len) ||
	    nsh_variables_have(nsh_policy_text(policy, NSH_KEY_ENV_UNSET), variable, len) ||
	    list_assigns(nsh_policy_text(policy, NSH_KEY_ENV_SET), variable, len))
		return false;
	return nsh_variables_have(nsh_policy_text(policy, NSH_KEY_ENV_KEEP), variable, len) ||
	       nsh_variables_have("HOME, LOGNAME, PATH, TERM, USER", variable, len);
}

static size_t count_variables(char *const *environment)
{
	size_t count = 0;

	while (environment && environment[count])
		count++;
	return count;
}

/* Returns false without memory. */
static bool add_assignments(char **environment, size_t *n, const char *list)
{
	struct nsh_item item;

	while (nsh_list_next(&list, &item)) {
		char *copy = strndup(item.text, item.len);

		if (!copy)
			return false;
		environment[(*n)++] = copy;
	}
	return true;
}

static bool add_own(char **environment, size_t *n, const struct nsh_policy *policy,
		    const char *session_id)
{
	const char *shell = nsh_policy_text(policy, NSH_KEY_SHELL_PROGRAM);

	return asprintf(&environment[(*n)++], "SHELL=%s", shell) >= 0 &&
	       asprintf(&environment[(*n)++], "NSSHELL_SESSION=%s", session_id) >= 0 &&
	       asprintf(&environment[(*n)++], "container=nsshell") >= 0;
}

char **nsh_environment_make(const struct nsh_policy *policy, char *const *outside,
			    const char *session_id)
{
	const char *set = nsh_policy_text(policy, NSH_KEY_ENV_SET);
	size_t room = count_variables(outside) + nsh_list_count(set) +
		      nsh_list_count(NSH_OWN_VARIABLES) + 1;
	char **environment = calloc(room, sizeof(*environment));
	size_t n = 0;

	if (!environment)
		return NULL;
	for (; outside && *outside; outside++)
		if (is_kept(policy, *outside))
			environment[n++] = *outside;
	if (add_assignments(environment, &n, set) && add_own(environment, &n, policy, session_id))
		return environment;
	free(environment);
	return NULL;
}
