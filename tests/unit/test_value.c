/* SPDX-License-Identifier: MIT */
/*
 * Strict values: what each type of key admits and refuses.
 */
#include <stdio.h>

#include "tests/unit/unit.h"

#include "conf/keys.h"
#include "conf/value.h"
#include "nsshell/list.h"

struct sample {
	enum nsh_key_id key;
	const char *text;
	int number;       /* expected, for good ones */
	const char *says; /* expected, for bad ones */
};

static void test_good(void **state)
{
	static const struct sample samples[] = {
		{NSH_KEY_SESSION_CONFINE, "auto", NSH_CONFINE_AUTO, NULL},
		{NSH_KEY_SESSION_CONFINE, "yes", NSH_CONFINE_YES, NULL},
		{NSH_KEY_SESSION_CONFINE, "no", NSH_CONFINE_NO, NULL},
		{NSH_KEY_SESSION_CONFINE, "deny", NSH_CONFINE_DENY, NULL},
		{NSH_KEY_POLICY_REQUIRE_PAM, "no", NSH_NO, NULL},
		{NSH_KEY_POLICY_REQUIRE_PAM, "yes", NSH_YES, NULL},
		{NSH_KEY_IDENTITY_SUBIDS, "no", NSH_NO, NULL},
		{NSH_KEY_IDENTITY_SUBIDS, "yes", NSH_YES, NULL},
		{NSH_KEY_SHELL_UMASK, "keep", NSH_UMASK_KEEP, NULL},
		{NSH_KEY_SHELL_UMASK, "0027", 027, NULL},
		{NSH_KEY_SHELL_UMASK, "777", 0777, NULL},
		{NSH_KEY_SHELL_PROGRAM, "/bin/sh", 0, NULL},
		{NSH_KEY_SHELL_PROGRAM, "/a/..b/.c/d...", 0, NULL},
		{NSH_KEY_VIEW_HOMES, "", 0, NULL},
		{NSH_KEY_VIEW_HOMES, "/home, /srv/my homes", 0, NULL},
		{NSH_KEY_VIEW_HIDE, "/a,-/b", 0, NULL},
		{NSH_KEY_VIEW_READ_ONLY, "system, /a, -/b", 0, NULL},
		{NSH_KEY_VIEW_BIND, "/a:/b, -/c d:/e:ro", 0, NULL},
		{NSH_KEY_VIEW_ROOT, "/", 0, NULL},
		{NSH_KEY_VIEW_ROOT, "/srv/debian", 0, NULL},
		{NSH_KEY_NETWORK_PUBLISH, "1, 8080:80,65535:65535", 0, NULL},
		{NSH_KEY_SESSION_HOSTNAME, "%u.%h-%g%i%%", 0, NULL},
		{NSH_KEY_MATCH_USER, "*, !root, a.b, Foo_$", 0, NULL},
		{NSH_KEY_MATCH_GROUP, "domain users, !a b", 0, NULL},
		{NSH_KEY_MATCH_SERVICE, "sshd, su-l, !cron, *", 0, NULL},
		{NSH_KEY_MATCH_SOURCE, "10.0.0.0/8, !10.1.2.3, ::1, 2001:db8::/32", 0, NULL},
		{NSH_KEY_MATCH_SOURCE, "local", 0, NULL},
		{NSH_KEY_MATCH_SOURCE, "!local,*", 0, NULL},
		{NSH_KEY_MATCH_SOURCE, "!*", 0, NULL},
		{NSH_KEY_ENV_KEEP, "LC_*, LANG, *", 0, NULL},
		{NSH_KEY_ENV_SET, "A=, B2=c=d e", 0, NULL},
		{NSH_KEY_POLICY_LOCKED, "view.hide, session.confine", 0, NULL},
		{NSH_KEY_MATCH_USER, "*, !guest", 0, NULL},
		{NSH_KEY_MATCH_USER, "!*", 0, NULL},
		{NSH_KEY_LIMITS_FSIZE, "0", 0, NULL},
		{NSH_KEY_ENV_SET, "AB=2, A=3", 0, NULL},
		{NSH_KEY_SESSION_LIFETIME, "session", NSH_LIFETIME_SESSION, NULL},
		{NSH_KEY_SESSION_LIFETIME, "user", NSH_LIFETIME_USER, NULL},
		{NSH_KEY_SESSION_LIFETIME, "linger", NSH_LIFETIME_LINGER, NULL},
		{NSH_KEY_SESSION_STALE, "join", NSH_STALE_JOIN, NULL},
		{NSH_KEY_SESSION_STALE, "refuse", NSH_STALE_REFUSE, NULL},
		{NSH_KEY_SESSION_STALE, "new", NSH_STALE_NEW, NULL},
		{NSH_KEY_SESSION_MAX_SESSIONS, "none", 0, NULL},
		{NSH_KEY_SESSION_MAX_SESSIONS, "1", 0, NULL},
		{NSH_KEY_SESSION_MAX_SESSIONS, "9999", 0, NULL},
		{NSH_KEY_SESSION_LINGER_MAX, "none", 0, NULL},
		{NSH_KEY_SESSION_RUNTIME_MAX, "1s", 0, NULL},
		{NSH_KEY_SESSION_IDLE_MAX, "3650d", 0, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
		struct nsh_err err = {0};
		int number;

		if (nsh_value_check(&nsh_keys[samples[i].key], samples[i].text, &number, &err) < 0)
			fail_msg("\"%s\": %s", samples[i].text, err.text);
		assert_int_equal(number, samples[i].number);
	}
}

static void test_bad(void **state)
{
	static const struct sample samples[] = {
		{NSH_KEY_SESSION_CONFINE, "yellow", 0, "is not one of auto|yes|no"},
		{NSH_KEY_SESSION_CONFINE, "", 0, "is not one of"},
		{NSH_KEY_SESSION_CONFINE, "auto|yes", 0, "is not one of"},
		{NSH_KEY_SESSION_CONFINE, "denied", 0, "is not one of auto|yes|no|deny"},
		{NSH_KEY_POLICY_REQUIRE_PAM, "auto", 0, "is not one of no|yes"},
		{NSH_KEY_POLICY_REQUIRE_PAM, "1", 0, "is not one of no|yes"},
		{NSH_KEY_IDENTITY_SUBIDS, "true", 0, "is not one of no|yes"},
		{NSH_KEY_SESSION_CONFINE, "Yes", 0, "is not one of"},
		{NSH_KEY_SHELL_UMASK, "22", 0, "octal digits"},
		{NSH_KEY_SHELL_UMASK, "0x1f", 0, "octal digits"},
		{NSH_KEY_SHELL_UMASK, "0028", 0, "octal digits"},
		{NSH_KEY_SHELL_UMASK, "1777", 0, "more than 0777"},
		{NSH_KEY_SHELL_UMASK, "-022", 0, "octal digits"},
		{NSH_KEY_SHELL_PROGRAM, "bash", 0, "is not an absolute path"},
		{NSH_KEY_SHELL_PROGRAM, "", 0, "is not an absolute path"},
		{NSH_KEY_SHELL_PROGRAM, "/", 0, "is not an absolute path"},
		{NSH_KEY_SHELL_PROGRAM, "/bin/../bin/sh", 0, "has \".\""},
		{NSH_KEY_SHELL_PROGRAM, "/bin//sh", 0, "has \".\""},
		{NSH_KEY_SHELL_PROGRAM, "/bin/sh/", 0, "has \".\""},
		{NSH_KEY_SHELL_PROGRAM, "/bin/./sh", 0, "has \".\""},
		{NSH_KEY_VIEW_HOMES, "/home,", 0, "ends with a comma"},
		{NSH_KEY_VIEW_HOMES, "/a,,/b", 0, "empty item"},
		{NSH_KEY_VIEW_HOMES, "-/home", 0, "is not an absolute path"},
		{NSH_KEY_VIEW_HIDE, "--/a", 0, "is not an absolute path"},
		{NSH_KEY_SESSION_HOSTNAME, "", 0, "is empty"},
		{NSH_KEY_SESSION_HOSTNAME, "%x", 0, "has a %"},
		{NSH_KEY_SESSION_HOSTNAME, "a%", 0, "has a %"},
		{NSH_KEY_MATCH_USER, "!", 0, "is not a name"},
		{NSH_KEY_MATCH_USER, "a b", 0, "is not a name"},
		{NSH_KEY_MATCH_USER, "*, -guest", 0, "\"-guest\" is not a name"},
		{NSH_KEY_MATCH_USER, "@students", 0, "is not a name"},
		{NSH_KEY_MATCH_USER, "stud*", 0, "is not a name: a \"*\" stands alone"},
		{NSH_KEY_MATCH_USER, "!guest*", 0, "is not a name: a \"*\" stands alone"},
		{NSH_KEY_MATCH_SERVICE, "su*", 0, "is not a name: a \"*\" stands alone"},
		{NSH_KEY_MATCH_GROUP, "%students", 0, "is not a name"},
		{NSH_KEY_LIMITS_FSIZE, "100", 0, "is neither keep nor a size"},
		{NSH_KEY_LIMITS_MEMORY_MAX, "99999999", 0, "is neither keep, nor a size"},
		{NSH_KEY_ENV_SET, "A=1, AB=2, A=3", 0,
		 "\"A=3\" sets a variable that the list sets before"},
		{NSH_KEY_POLICY_LOCKED, "match.user", 0, "is a condition"},
		{NSH_KEY_MATCH_GROUP, "! b", 0, "is not a name"},
		{NSH_KEY_MATCH_GROUP, "a\tb", 0, "is not a name"},
		{NSH_KEY_MATCH_GROUP, "domain users, a/b", 0, "is not a name"},
		{NSH_KEY_MATCH_USER, "../x", 0, "is not a name"},
		{NSH_KEY_MATCH_SERVICE, "a/b", 0, "is not a name"},
		{NSH_KEY_MATCH_SERVICE, "!!sshd", 0, "is not a name"},
		{NSH_KEY_MATCH_SERVICE, "sshd,", 0, "ends with a comma"},
		{NSH_KEY_MATCH_SOURCE, "host.example.org", 0, "is neither an address"},
		{NSH_KEY_MATCH_SOURCE, "10.0.0.0/8, 10.1", 0, "\"10.1\" is neither an address"},
		{NSH_KEY_MATCH_SOURCE, "10.0.0.1/8", 0, "has bits set behind its prefix"},
		{NSH_KEY_MATCH_SOURCE, "10.0.0.0/33", 0, "has no valid prefix"},
		{NSH_KEY_MATCH_SOURCE, "!", 0, "is neither an address"},
		{NSH_KEY_MATCH_SOURCE, "!!local", 0, "is neither an address"},
		{NSH_KEY_MATCH_SOURCE, "! local", 0, "is neither an address"},
		{NSH_KEY_MATCH_SOURCE, "**", 0, "is neither an address"},
		{NSH_KEY_MATCH_SOURCE, "10.*", 0, "is neither an address"},
		{NSH_KEY_MATCH_SOURCE, "10.0.0.0-10.0.0.9", 0, "is neither an address"},
		{NSH_KEY_MATCH_SOURCE, "::1,,local", 0, "empty item"},
		{NSH_KEY_MATCH_SOURCE, "local,", 0, "ends with a comma"},
		{NSH_KEY_ENV_KEEP, "1A", 0, "is not the name"},
		{NSH_KEY_ENV_KEEP, "A*B", 0, "is not the name"},
		{NSH_KEY_ENV_SET, "A", 0, "NAME=value"},
		{NSH_KEY_ENV_SET, "=b", 0, "NAME=value"},
		{NSH_KEY_ENV_SET, "SHELL=/bin/sh", 0, "nsshell sets itself"},
		{NSH_KEY_VIEW_READ_ONLY, "systems", 0, "is not an absolute path"},
		{NSH_KEY_VIEW_READ_ONLY, "-system", 0, "is not an absolute path"},
		{NSH_KEY_VIEW_WRITABLE, "system", 0, "is not an absolute path"},
		{NSH_KEY_VIEW_BIND, "/a", 0, "is not of the form"},
		{NSH_KEY_VIEW_BIND, "/a:/b:rw", 0, "is not of the form"},
		{NSH_KEY_VIEW_BIND, "/a:/b:ro:ro", 0, "is not of the form"},
		{NSH_KEY_VIEW_BIND, "/a:/b:", 0, "is not of the form"},
		{NSH_KEY_VIEW_BIND, "a:/b", 0, "is not an absolute path"},
		{NSH_KEY_VIEW_BIND, "/a:-/b", 0, "is not an absolute path"},
		{NSH_KEY_VIEW_BIND, "/:/b", 0, "is not an absolute path"},
		{NSH_KEY_VIEW_BIND, "/a/../b:/b", 0, "has \".\", \"..\""},
		{NSH_KEY_VIEW_ROOT, "", 0, "is not an absolute path"},
		{NSH_KEY_VIEW_ROOT, "/srv/", 0, "an ending \"/\""},
		{NSH_KEY_NETWORK_PUBLISH, "0", 0, "is not PORT"},
		{NSH_KEY_NETWORK_PUBLISH, "080", 0, "is not PORT"},
		{NSH_KEY_NETWORK_PUBLISH, "65536", 0, "is not PORT"},
		{NSH_KEY_NETWORK_PUBLISH, "80:", 0, "is not PORT"},
		{NSH_KEY_NETWORK_PUBLISH, "80:80:80", 0, "is not PORT"},
		{NSH_KEY_NETWORK_PUBLISH, "127.0.0.1/80", 0, "is not PORT"},
		{NSH_KEY_POLICY_LOCKED, "view.hid", 0, "did you mean view.hide?"},
		{NSH_KEY_POLICY_LOCKED, "zzzzzzzzzzzz", 0, "is not a known section.key"},
		{NSH_KEY_SESSION_LIFETIME, "login", 0, "is not one of session|user|linger"},
		{NSH_KEY_SESSION_LIFETIME, "", 0, "is not one of session|user|linger"},
		{NSH_KEY_SESSION_STALE, "yes", 0, "is not one of join|refuse|new"},
		{NSH_KEY_SESSION_MAX_SESSIONS, "0", 0, "is neither none nor a number"},
		{NSH_KEY_SESSION_MAX_SESSIONS, "10000", 0, "is neither none nor a number"},
		{NSH_KEY_SESSION_MAX_SESSIONS, "4294967297", 0, "is neither none nor a number"},
		{NSH_KEY_SESSION_MAX_SESSIONS, "01", 0, "is neither none nor a number"},
		{NSH_KEY_SESSION_MAX_SESSIONS, "1K", 0, "is neither none nor a number"},
		{NSH_KEY_SESSION_MAX_SESSIONS, "-1", 0, "is neither none nor a number"},
		{NSH_KEY_SESSION_MAX_SESSIONS, "None", 0, "is neither none nor a number"},
		{NSH_KEY_SESSION_MAX_SESSIONS, "", 0, "is neither none nor a number"},
		{NSH_KEY_SESSION_LINGER_MAX, "", 0, "is neither none nor a time"},
		{NSH_KEY_SESSION_RUNTIME_MAX, "0s", 0, "is neither none nor a time"},
		{NSH_KEY_SESSION_RUNTIME_MAX, "8", 0, "is neither none nor a time"},
		{NSH_KEY_SESSION_RUNTIME_MAX, "keep", 0, "is neither none nor a time"},
		{NSH_KEY_SESSION_IDLE_MAX, "3651d", 0, "is neither none nor a time"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
		struct nsh_err err = {0};
		int number;

		if (nsh_value_check(&nsh_keys[samples[i].key], samples[i].text, &number, &err) >= 0)
			fail_msg("\"%s\" was taken", samples[i].text);
		assert_says(&err, samples[i].says);
		assert_int_equal(err.reason, NSH_REASON_POLICY);
	}
}

/* Every default is a valid value of its own key, and every key has help. */
static void test_table(void **state)
{
	(void)state;
	for (int i = 0; i < NSH_KEY_COUNT; i++) {
		struct nsh_err err;
		int number;

		assert_int_equal(nsh_keys[i].id, i);
		assert_int_equal(nsh_value_check(&nsh_keys[i], nsh_keys[i].preset, &number, &err),
				 0);
		assert_true(strlen(nsh_keys[i].help) > 0);
	}
}

/* No part of a name is another key's, and nothing behind the item counts. */
static void test_of_item(void **state)
{
	static const char *const others[] = {"",         "view",       "view.",        "view.roots",
					     "iew.root", ".root",      "view_root",    "VIEW.root",
					     "root",     "view.root ", "tmp.view.root"};

	(void)state;
	for (int i = 0; i < NSH_KEY_COUNT; i++) {
		char name[64];
		size_t len;

		snprintf(name, sizeof(name), "%s.%s, x", nsh_keys[i].section, nsh_keys[i].key);
		len = strcspn(name, ",");
		assert_ptr_equal(nsh_key_of_item(&(struct nsh_item){name, len}), &nsh_keys[i]);
		assert_null(nsh_key_of_item(&(struct nsh_item){name, len + 1}));
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		assert_null(nsh_key_of_item(&(struct nsh_item){others[i], strlen(others[i])}));
}

static void test_nearest(void **state)
{
	(void)state;
	assert_int_equal(nsh_key_nearest("session", "hostnam")->id, NSH_KEY_SESSION_HOSTNAME);
	assert_int_equal(nsh_key_nearest("shell", "hostname")->id, NSH_KEY_SESSION_HOSTNAME);
	assert_int_equal(nsh_key_nearest("veiw", "hiden")->id, NSH_KEY_VIEW_HIDE);
	assert_null(nsh_key_nearest("printing", "queue_name"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),    cmocka_unit_test(test_bad),
		cmocka_unit_test(test_table),   cmocka_unit_test(test_of_item),
		cmocka_unit_test(test_nearest),
	};

	return cmocka_run_group_tests_name("value", tests, NULL, NULL);
}
