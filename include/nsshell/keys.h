/* SPDX-License-Identifier: MIT */
/*
 * The policy's keys: the one table from which the parser, the checks, the resolved policy, the man
 * page's test and the sample file's test are made. To add a key: a line here, its operation in
 * sandbox/ or its use in shell/, its test, its place in nsshell.conf(5).
 *
 * Columns: name, section, key, type, default, choices (enum types only), help.
 * A default must be a valid value of its type. Only keys that work stand here.
 */
#ifndef NSSHELL_KEYS_H
#define NSSHELL_KEYS_H

#include <stdbool.h>

#define NSH_KEYS(X)                                                                                \
	X(POLICY_LOCKED, "policy", "locked", KEYS, "", "", "keys that no later file can override") \
	X(POLICY_REQUIRE_PAM, "policy", "require_pam", ENUM, "no", "no|yes",                       \
	  "whether a login without the PAM module's frame is refused")                             \
	X(MATCH_USER, "match", "user", NAMES, "", "",                                              \
	  "users whom this file is for (match.d only)")                                            \
	X(MATCH_GROUP, "match", "group", GROUPS, "", "",                                           \
	  "groups whose members this file is for (match.d only)")                                  \
	X(MATCH_SERVICE, "match", "service", NAMES, "", "",                                        \
	  "PAM services that this file is for (match.d only)")                                     \
	X(MATCH_SOURCE, "match", "source", SOURCES, "", "",                                        \
	  "addresses that this file is for logins from (match.d only)")                            \
	X(SESSION_CONFINE, "session", "confine", ENUM, "auto", "auto|yes|no|deny",                 \
	  "whether logins get a session of their own, or none at all")                             \
	X(SESSION_HOSTNAME, "session", "hostname", HOSTNAME, "%u-%h", "",                          \
	  "template of the session's host name")                                                   \
	X(SESSION_CONTACT, "session", "contact", TEXT, "", "", "whom users are told to ask")       \
	X(SESSION_LIFETIME, "session", "lifetime", ENUM, "session", "session|user|linger",         \
	  "whether each login has a sandbox of its own, or all of a user's share one")             \
	X(SESSION_LINGER_MAX, "session", "linger_max", TIME, "none", "",                           \
	  "how long a lingering sandbox stays without a login")                                    \
	X(SESSION_STALE, "session", "stale", ENUM, "new", "join|refuse|new",                       \
	  "what a login gets whose policy is not that of the shared sandbox")                      \
	X(SESSION_MAX_SESSIONS, "session", "max_sessions", NUMBER, "none", "",                     \
	  "how many logins a user may have at a time")                                             \
	X(SESSION_RUNTIME_MAX, "session", "runtime_max", TIME, "none", "",                         \
	  "how long a session may last")                                                           \
	X(SESSION_IDLE_MAX, "session", "idle_max", TIME, "none", "",                               \
	  "how long a session may go without input on its terminals")                              \
	X(SHELL_PROGRAM, "shell", "program", PATH, "/bin/bash", "",                                \
	  "the shell that runs in the session")                                                    \
	X(SHELL_UMASK, "shell", "umask", UMASK, "keep", "", "the shell's umask")                   \
	X(IDENTITY_UID, "identity", "uid", ENUM, "keep", "keep|root",                              \
	  "the user id that is seen inside")                                                       \
	X(IDENTITY_SUBIDS, "identity", "subids", ENUM, "no", "no|yes",                             \
	  "whether the account's subordinate ids can be used inside")                              \
	X(VIEW_TMP, "view", "tmp", ENUM, "private", "private|host",                                \
	  "whose /tmp, /var/tmp, /dev/shm, /run/user and the like the session sees")               \
	X(VIEW_TMP_SIZE, "view", "tmp_size", MEMORY, "25%", "",                                    \
	  "how much memory what is written to them, and an ephemeral home, may take")              \
	X(VIEW_HOMES, "view", "homes", PATHS, "/home", "",                                         \
	  "folders that hold homes; others' homes in them are hidden")                             \
	X(VIEW_HOME, "view", "home", ENUM, "keep", "keep|ephemeral",                               \
	  "whether what is changed in the home outlives the session")                              \
	X(VIEW_OTHERS, "view", "others", ENUM, "hidden", "hidden|host",                            \
	  "whether the records of others' logins, their mail, and the system bus are seen")        \
	X(VIEW_HIDE, "view", "hide", OPTIONAL_PATHS, "", "", "files and folders that are hidden")  \
	X(VIEW_READ_ONLY, "view", "read_only", READ_ONLY, "", "",                                  \
	  "files and folders that cannot be written; \"system\" is all but what is the session's") \
	X(VIEW_WRITABLE, "view", "writable", OPTIONAL_PATHS, "", "",                               \
	  "files and folders that stay writable in what is read-only")                             \
	X(VIEW_BIND, "view", "bind", BINDS, "", "", "files and folders that are shown elsewhere")  \
	X(VIEW_ROOT, "view", "root", ROOT, "/", "", "the folder that is the session's root")       \
	X(VIEW_DEV, "view", "dev", ENUM, "minimal", "minimal|host", "whose /dev the session sees") \
	X(NETWORK_MODE, "network", "mode", ENUM, "host", "host|none|nat",                          \
	  "the machine's network, none, or one behind pasta(1)")                                   \
	X(NETWORK_PUBLISH, "network", "publish", PORTS, "", "",                                    \
	  "TCP ports of the machine's loopback that lead into the session")                        \
	X(LIMITS_MEMORY_MAX, "limits", "memory_max", MEMORY, "keep", "",                           \
	  "memory of the login, with what it writes to /tmp")                                      \
	X(LIMITS_TASKS_MAX, "limits", "tasks_max", COUNT, "keep", "",                              \
	  "processes and threads of the login")                                                    \
	X(LIMITS_CPU_MAX, "limits", "cpu_max", PERCENT, "keep", "",                                \
	  "processor time of the login; 100% is one processor")                                    \
	X(LIMITS_NOFILE, "limits", "nofile", COUNT, "keep", "", "open files of a process")         \
	X(LIMITS_NPROC, "limits", "nproc", COUNT, "keep", "",                                      \
	  "processes and threads in the session's user namespace")                                 \
	X(LIMITS_CORE, "limits", "core", SIZE, "keep", "", "size of a core file")                  \
	X(LIMITS_FSIZE, "limits", "fsize", SIZE, "keep", "", "size of a file that is written")     \
	X(SECURITY_SECCOMP, "security", "seccomp", ENUM, "default", "default|strict|off",          \
	  "which system calls the session can make")                                               \
	X(SECURITY_ARCHITECTURES, "security", "architectures", ENUM, "native", "native|all",       \
	  "whether 32-bit programs run")                                                           \
	X(SECURITY_NESTED_USERNS, "security", "nested_userns", ENUM, "no", "no|yes",               \
	  "whether user namespaces can be made in the session")                                    \
	X(SECURITY_NO_NEW_PRIVS, "security", "no_new_privs", ENUM, "yes", "no|yes",                \
	  "whether set-user-ID programs and the like have no effect")                              \
	X(ENV_SET, "env", "set", ASSIGNMENTS, "", "", "environment variables to set")              \
	X(ENV_UNSET, "env", "unset", VARIABLES, "", "", "environment variables to remove")         \
	X(ENV_KEEP, "env", "keep", VARIABLES, "*", "",                                             \
	  "environment variables that are taken over from outside")

enum nsh_key_id {
#define X(id, section, key, type, preset, choices, help) NSH_KEY_##id,
	NSH_KEYS(X)
#undef X
		NSH_KEY_COUNT
};

/* The types of values. All values are text; nsh_value_check() says what each type admits. */
enum nsh_type {
	NSH_TYPE_ENUM,           /* one of the choices */
	NSH_TYPE_PATH,           /* absolute, without ".", "..", "//" and an ending "/" */
	NSH_TYPE_PATHS,          /* comma list of paths */
	NSH_TYPE_OPTIONAL_PATHS, /* likewise; a leading "-" marks one that may be absent */
	NSH_TYPE_READ_ONLY,      /* likewise; an item can be "system" */
	NSH_TYPE_BINDS,          /* comma list of [-]SRC:DST[:ro], both paths */
	NSH_TYPE_ROOT,           /* a path, or "/" */
	NSH_TYPE_PORTS,          /* comma list of PORT[:PORT], 1 to 65535 */
	NSH_TYPE_COUNT,          /* "keep", or a number of at least NSH_COUNT_MIN */
	NSH_TYPE_SIZE,           /* "keep", or a size (nsshell/size.h) */
	NSH_TYPE_MEMORY,         /* "keep", a size of at least NSH_MEMORY_MIN, or 1% to 100% */
	NSH_TYPE_PERCENT,        /* "keep", or 1% to 100000% */
	NSH_TYPE_NUMBER,         /* "none", or 1 to NSH_NUMBER_MAX */
	NSH_TYPE_TIME,           /* "none", or a time (nsshell/size.h) */
	NSH_TYPE_UMASK,          /* "keep", or three or four octal digits up to 0777 */
	NSH_TYPE_HOSTNAME,       /* text with %u %h %g %i %% */
	NSH_TYPE_TEXT,           /* printable, at most NSH_TEXT_MAX bytes */
	NSH_TYPE_NAMES,          /* comma list of names, "!" excludes, "*" is all */
	NSH_TYPE_GROUPS,         /* likewise, and names may have blanks */
	NSH_TYPE_SOURCES, /* likewise of addresses, ADDRESS/PREFIX and "local", see conf/source.h */
	NSH_TYPE_VARIABLES,   /* comma list of variable names, with an ending "*" for any ending */
	NSH_TYPE_ASSIGNMENTS, /* comma list of NAME=value */
	NSH_TYPE_KEYS,        /* comma list of section.key */
};

/* Texts and not pointers, which would be written to, and take memory, in every process. */
struct nsh_key {
	enum nsh_key_id id;
	enum nsh_type type;
	char section[12];
	char key[16];
	char preset[16];  /* the default */
	char choices[24]; /* "a|b|c" for NSH_TYPE_ENUM, else "" */
	char help[96];    /* a phrase for people */
};

/* All keys, indexed by id. */
extern const struct nsh_key nsh_keys[NSH_KEY_COUNT];

/* Enum values are their index in the choices. */
enum { NSH_NO, NSH_YES }; /* of keys with the choices no|yes */
enum { NSH_CONFINE_AUTO, NSH_CONFINE_YES, NSH_CONFINE_NO, NSH_CONFINE_DENY };
enum { NSH_LIFETIME_SESSION, NSH_LIFETIME_USER, NSH_LIFETIME_LINGER };
enum { NSH_STALE_JOIN, NSH_STALE_REFUSE, NSH_STALE_NEW };
enum { NSH_UID_KEEP, NSH_UID_ROOT };
enum { NSH_TMP_PRIVATE, NSH_TMP_HOST };
enum { NSH_HOME_KEEP, NSH_HOME_EPHEMERAL };
enum { NSH_OTHERS_HIDDEN, NSH_OTHERS_HOST };
enum { NSH_DEV_MINIMAL, NSH_DEV_HOST };
enum { NSH_NETWORK_HOST, NSH_NETWORK_NONE, NSH_NETWORK_NAT };
enum { NSH_SECCOMP_DEFAULT, NSH_SECCOMP_STRICT, NSH_SECCOMP_OFF };
enum { NSH_ARCHITECTURES_NATIVE, NSH_ARCHITECTURES_ALL };

/* No session can live with less. */
#define NSH_COUNT_MIN 8
#define NSH_MEMORY_MIN (16 << 20)

#define NSH_NUMBER_MAX 9999

/* Longest value of NSH_TYPE_TEXT, in bytes. */
#define NSH_TEXT_MAX 256

/* A umask of "keep" as a number. */
#define NSH_UMASK_KEEP (-1)

/* Whether it is a condition: of [match], which only files of match.d have, and no policy in the end. */
bool nsh_key_is_match(const struct nsh_key *key);

/* A key that means nothing unless another one has a certain value. */
struct nsh_key_need {
	enum nsh_key_id id;
	const char *harmless; /* the value with which it needs nothing */
	enum nsh_key_id other;
	const char *value;
};
#define NSH_KEY_NEEDS 2
extern const struct nsh_key_need nsh_key_needs[NSH_KEY_NEEDS];

/* Whether these values of the two keys do not go together. */
bool nsh_key_need_fails(const struct nsh_key_need *need, const char *text, const char *other);

/* Returns the key whose "section.key" the item is, or NULL. */
struct nsh_item;
const struct nsh_key *nsh_key_of_item(const struct nsh_item *item);

#endif
