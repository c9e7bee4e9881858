/* SPDX-License-Identifier: MIT */
/*
 * The machine's resolv.conf for a session behind pasta. A resolver of the machine's loopback is asked through
 * an address of ours, which pasta answers for the first one of a family only; all else stays as it is.
 */
#include "tests/unit/unit.h"

#include "sandbox/resolver.h"

struct sample {
	const char *text;
	const char *becomes;
	const char *servers;
	bool ipv4;
	bool ipv6;
};

static const struct sample samples[] = {
	{"", "", "", false, false},
	{"nameserver 192.0.2.1\n", "nameserver 192.0.2.1\n", "nameserver 192.0.2.1\n", false,
	 false},
	{"nameserver 127.0.0.53\noptions edns0\nsearch a b\n",
	 "nameserver 169.254.1.1\noptions edns0\nsearch a b\n", "nameserver 127.0.0.53\n", true,
	 false},
	{"nameserver\t127.1.2.3 \n", "nameserver 169.254.1.1\n", "nameserver 127.1.2.3\n", true,
	 false},
	{"nameserver ::1", "nameserver fd00::53\n", "nameserver ::1\n", false, true},
	/* Both families, each with its first. */
	{"nameserver 127.0.0.1\nnameserver ::1\n", "nameserver 169.254.1.1\nnameserver fd00::53\n",
	 "nameserver 127.0.0.1\nnameserver ::1\n", true, true},
	{"nameserver 127.0.0.1\nnameserver 2001:db8::1\n",
	 "nameserver 169.254.1.1\nnameserver 2001:db8::1\n",
	 "nameserver 127.0.0.1\nnameserver 2001:db8::1\n", true, false},
	/* Only the first: pasta knows no other. */
	{"nameserver 192.0.2.1\nnameserver 127.0.0.1\n", "nameserver 192.0.2.1\n",
	 "nameserver 192.0.2.1\n", false, false},
	{"nameserver 127.0.0.1\nnameserver 127.0.0.2\n", "nameserver 169.254.1.1\n",
	 "nameserver 127.0.0.1\n", true, false},
	{"nameserver 127.0.0.1\nnameserver 192.0.2.1\n",
	 "nameserver 169.254.1.1\nnameserver 192.0.2.1\n", "nameserver 127.0.0.1\n", true, false},
	/* What is no address of a family, and what is no nameserver, is passed on. */
	{"nameserver fe80::1%eth0\nnameserver 127.1\n",
	 "nameserver fe80::1%eth0\nnameserver 127.1\n", "", false, false},
	{"# nameserver 127.0.0.1\nnameservers 127.0.0.1\nnameserver",
	 "# nameserver 127.0.0.1\nnameservers 127.0.0.1\nnameserver\n", "", false, false},
	{"\n\nnameserver 10.0.0.1\r\n", "\n\nnameserver 10.0.0.1\n", "nameserver 10.0.0.1\n", false,
	 false},
};

static void test_samples(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
		struct nsh_resolver resolver;

		assert_int_equal(nsh_resolver_parse(&resolver, samples[i].text), 0);
		assert_string_equal(resolver.text, samples[i].becomes);
		assert_string_equal(resolver.servers, samples[i].servers);
		assert_int_equal(resolver.ipv4, samples[i].ipv4);
		assert_int_equal(resolver.ipv6, samples[i].ipv6);
		nsh_resolver_free(&resolver);
	}
}

/* An address that is longer than any can be is none, and does no harm. */
static void test_long(void **state)
{
	char text[4096] = "nameserver ";
	struct nsh_resolver resolver;

	(void)state;
	memset(text + strlen(text), '1', sizeof(text) - strlen(text) - 1);
	assert_int_equal(nsh_resolver_parse(&resolver, text), 0);
	assert_memory_equal(resolver.text, text, strlen(text));
	assert_false(resolver.ipv4 || resolver.ipv6);
	nsh_resolver_free(&resolver);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
