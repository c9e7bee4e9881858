/* SPDX-License-Identifier: MIT */
/*
 * The module's arguments.
 */
#include <string.h>

#include "pam_module/module_arguments.h"

static const char *value_of(const char *argument, const char *name)
{
	size_t len = strlen(name);

	return strncmp(argument, name, len) == 0 && argument[len] == '=' ? argument + len + 1
									 : NULL;
}

static bool read_timeout(const char *text, int *seconds)
{
	int value = 0;
	size_t len = strspn(text, "0123456789");

	if (!len || len > 3 || text[len])
		return false;
	for (; *text; text++)
		value = value * 10 + (*text - '0');
	*seconds = value;
	return value >= 1 && value <= NSH_TIMEOUT_MAX;
}

static bool read_one(struct nsh_arguments *arguments, const char *argument)
{
	const char *group = value_of(argument, "exempt_group");
	const char *timeout = value_of(argument, "timeout");

	if (group && *group) {
		arguments->exempt_group = group;
		return true;
	}
	if (timeout)
		return read_timeout(timeout, &arguments->timeout);
	if (strcmp(argument, "debug") != 0)
		return false;
	arguments->debug = true;
	return true;
}

void nsh_arguments_read(struct nsh_arguments *arguments, int argc, const char **argv)
{
	*arguments = (struct nsh_arguments){.timeout = NSH_TIMEOUT_DEFAULT};
	for (int i = 0; i < argc; i++)
		if (!read_one(arguments, argv[i]) && !arguments->invalid)
			arguments->invalid = argv[i];
	if (arguments->timeout < 1 || arguments->timeout > NSH_TIMEOUT_MAX)
		arguments->timeout = NSH_TIMEOUT_DEFAULT;
}
