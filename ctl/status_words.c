/* SPDX-License-Identifier: MIT */
/*
 * A policy in plain words.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/status_words.h"
#include "nsshell/size.h"

static void say(struct nsh_words *words, const char *area, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void say(struct nsh_words *words, const char *area, const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (!text || words->count == NSH_WORDS_MAX) {
		free(text);
		return;
	}
	words->at[words->count].area = area;
	words->at[words->count++].text = text;
}

/* Says it of a key that has a value. */
static void say_list(struct nsh_words *words, const char *area, const struct nsh_policy *policy,
		     enum nsh_key_id id, const char *what)
{
	if (*nsh_policy_text(policy, id))
		say(words, area, "%s: %s", what, nsh_policy_text(policy, id));
}

static void say_limit(struct nsh_words *words, const struct nsh_policy *policy, enum nsh_key_id id,
		      const char *what)
{
	const char *text = nsh_policy_text(policy, id);

	if (!nsh_size_is_kept(text))
		say(words, "limits", "%s: at most %s", what, text);
}

static void say_files(struct nsh_words *words, const struct nsh_policy *policy)
{
	if (nsh_policy_has_other_root(policy))
		say(words, "files", "the whole system is another one than the machine's");
	if (nsh_policy_number(policy, NSH_KEY_VIEW_TMP) == NSH_TMP_PRIVATE)
		say(words, "files",
		    "/tmp, /var/tmp and /dev/shm are the session's own, and gone when it ends");
	else
		say(words, "files", "/tmp, /var/tmp and /dev/shm are the machine's");
	say_list(words, "files", policy, NSH_KEY_VIEW_HOMES, "homes of others are hidden in");
	if (nsh_policy_number(policy, NSH_KEY_VIEW_HOME) == NSH_HOME_EPHEMERAL)
		say(words, "files", "what is changed in the home is lost when the session ends");
	say_list(words, "files", policy, NSH_KEY_VIEW_HIDE, "hidden");
	say_list(words, "files", policy, NSH_KEY_VIEW_READ_ONLY, "read-only");
	say_list(words, "files", policy, NSH_KEY_VIEW_WRITABLE, "writable all the same");
	say_list(words, "files", policy, NSH_KEY_VIEW_BIND, "shown elsewhere");
	if (nsh_policy_number(policy, NSH_KEY_VIEW_DEV) == NSH_DEV_MINIMAL)
		say(words, "files", "/dev has no disks and no terminals of others");
	if (nsh_policy_number(policy, NSH_KEY_VIEW_OTHERS) == NSH_OTHERS_HIDDEN)
		say(words, "files",
		    "records of others' logins, their mail, and the system bus are hidden");
}

static void say_network(struct nsh_words *words, const struct nsh_policy *policy)
{
	static const char *const modes[] = {
		[NSH_NETWORK_HOST] = "the machine's",
		[NSH_NETWORK_NONE] = "none: only the session's own loopback",
		[NSH_NETWORK_NAT] = "connections go out, and the loopback is the session's own",
	};

	say(words, "network", "%s", modes[nsh_policy_number(policy, NSH_KEY_NETWORK_MODE)]);
	say_list(words, "network", policy, NSH_KEY_NETWORK_PUBLISH,
		 "ports of the machine's loopback that lead into the session");
}

static void say_processes(struct nsh_words *words, const struct nsh_policy *policy)
{
	static const char *const lifetimes[] = {
		[NSH_LIFETIME_SESSION] = "only the session's own are seen; all end with the shell",
		[NSH_LIFETIME_USER] = ("only those of the account's logins are seen; all end with "
				       "the last login"),
		[NSH_LIFETIME_LINGER] = ("only those of the account's logins are seen; they go on "
					 "when the last login has ended"),
	};

	say(words, "processes", "%s",
	    lifetimes[nsh_policy_number(policy, NSH_KEY_SESSION_LIFETIME)]);
	if (nsh_policy_number(policy, NSH_KEY_IDENTITY_UID) == NSH_UID_ROOT)
		say(words, "processes", "the user id is 0, without root's powers");
	if (nsh_policy_number(policy, NSH_KEY_SECURITY_NO_NEW_PRIVS) == NSH_YES)
		say(words, "processes", "sudo and the like have no effect");
}

static void say_calls(struct nsh_words *words, const struct nsh_policy *policy)
{
	static const char *const filters[] = {
		[NSH_SECCOMP_DEFAULT] = "those that no login needs are refused",
		[NSH_SECCOMP_STRICT] = "only a list of known ones is allowed",
		[NSH_SECCOMP_OFF] = "all",
	};

	say(words, "system calls", "%s",
	    filters[nsh_policy_number(policy, NSH_KEY_SECURITY_SECCOMP)]);
	if (nsh_policy_number(policy, NSH_KEY_SECURITY_ARCHITECTURES) == NSH_ARCHITECTURES_NATIVE &&
	    nsh_policy_number(policy, NSH_KEY_SECURITY_SECCOMP) != NSH_SECCOMP_OFF)
		say(words, "system calls", "programs of other architectures (32 bits) do not run");
	if (nsh_policy_number(policy, NSH_KEY_SECURITY_NESTED_USERNS) == NSH_NO)
		say(words, "system calls", "no user namespaces, so no containers");
}

void nsh_words_make(struct nsh_words *words, const struct nsh_policy *policy)
{
	say_files(words, policy);
	say_network(words, policy);
	say_processes(words, policy);
	say_calls(words, policy);
	say_limit(words, policy, NSH_KEY_LIMITS_MEMORY_MAX, "memory of the login");
	say_limit(words, policy, NSH_KEY_LIMITS_TASKS_MAX, "processes and threads of the login");
	say_limit(words, policy, NSH_KEY_LIMITS_CPU_MAX, "processor time, 100% is one processor");
	say_limit(words, policy, NSH_KEY_LIMITS_NOFILE, "open files of a process");
	say_limit(words, policy, NSH_KEY_LIMITS_NPROC, "processes and threads of the session");
	say_limit(words, policy, NSH_KEY_LIMITS_CORE, "a core file");
	say_limit(words, policy, NSH_KEY_LIMITS_FSIZE, "a file");
	if (nsh_policy_number(policy, NSH_KEY_VIEW_TMP) == NSH_TMP_PRIVATE ||
	    nsh_policy_number(policy, NSH_KEY_VIEW_HOME) == NSH_HOME_EPHEMERAL)
		say_limit(words, policy, NSH_KEY_VIEW_TMP_SIZE,
			  "what is written to /tmp and the like");
}

void nsh_words_free(struct nsh_words *words)
{
	for (size_t i = 0; i < words->count; i++)
		free(words->at[i].text);
	*words = (struct nsh_words){0};
}
