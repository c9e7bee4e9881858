/* SPDX-License-Identifier: MIT */
/*
 * The variables that a login begins with.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/session_environment.h"

#define LOGIN_DEFS "/etc/login.defs"

/* More than that is no login.defs. */
#define LOGIN_DEFS_MAX 65536

/* HOME, USER, LOGNAME, SHELL, PATH, and the end. */
#define OWN_VARIABLES 6

#define BLANKS " \t"

char *nsh_login_defs_find(const char *text, const char *name)
{
	size_t len = strlen(name);

	while (*text) {
		size_t end = strcspn(text, "\n");
		const char *at = text + strspn(text, BLANKS);

		if (!strncmp(at, name, len) && strchr(BLANKS, at[len]) && at[len]) {
			at += len + strspn(at + len, BLANKS);
			return strndup(at, strcspn(at, BLANKS "\n"));
		}
		text += end + (text[end] == '\n');
	}
	return NULL;
}

static char *read_login_defs(void)
{
	FILE *in = fopen(LOGIN_DEFS, "re");
	char *text = in ? calloc(1, LOGIN_DEFS_MAX) : NULL;

	if (text && fread(text, 1, LOGIN_DEFS_MAX - 1, in) == 0 && ferror(in))
		*text = '\0';
	if (in)
		fclose(in);
	return text;
}

/* "PATH=...", malloc'ed; NULL without memory. */
static char *login_path(void)
{
	char *defs = read_login_defs();
	char *path = defs ? nsh_login_defs_find(defs, "ENV_PATH") : NULL;

	free(defs);
	if (path && !strncmp(path, "PATH=/", 6))
		return path;
	free(path);
	return strdup("PATH=/usr/local/bin:/usr/bin:/bin");
}

static bool is_taken_over(const char *variable)
{
	return !strncmp(variable, "TERM=", 5) || !strncmp(variable, "LANG=", 5) ||
	       !strncmp(variable, "LC_", 3);
}

static bool add(char **environment, size_t *count, const char *name, const char *value)
{
	if (asprintf(&environment[*count], "%s=%s", name, value) < 0)
		environment[*count] = NULL;
	return environment[(*count)++] != NULL;
}

static bool add_login(char **environment, size_t *count, const struct nsh_user *user,
		      const char *shell)
{
	return add(environment, count, "HOME", user->home) &&
	       add(environment, count, "USER", user->name) &&
	       add(environment, count, "LOGNAME", user->name) &&
	       add(environment, count, "SHELL", shell) &&
	       (environment[(*count)++] = login_path()) != NULL;
}

static bool add_own(char **environment, size_t *count)
{
	for (char **at = environ; at && *at; at++)
		if (is_taken_over(*at) && !(environment[(*count)++] = strdup(*at)))
			return false;
	return true;
}

char **nsh_session_environment(const struct nsh_user *user, const char *shell)
{
	size_t room = OWN_VARIABLES;
	size_t count = 0;
	char **made;

	for (char **at = environ; at && *at; at++)
		room++;
	made = calloc(room, sizeof(*made));
	if (made && add_login(made, &count, user, shell) && add_own(made, &count))
		return made;
	nsh_session_environment_free(made);
	return NULL;
}

void nsh_session_environment_free(char **environment)
{
	for (char **at = environment; at && *at; at++)
		free(*at);
	free(environment);
}
