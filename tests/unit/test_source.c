/* SPDX-License-Identifier: MIT */
/*
 * Where a login comes from. Promise 1: what is not understood is an error and never a guess, and
 * promise 2: PAM_RHOST can be what somebody's name service says, so a name decides nothing.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>

#include "conf/source.h"

static struct nsh_source parse(const char *text)
{
	struct nsh_source source;
	struct nsh_err err = {0};

	if (nsh_source_parse(&source, text, strlen(text), &err) < 0)
		fail_msg("\"%s\": %s", text, err.text);
	return source;
}

static struct nsh_source come_from(const char *rhost)
{
	struct nsh_source source;
	struct nsh_err err = {0};

	if (nsh_source_of_login(&source, rhost, &err) < 0)
		fail_msg("\"%s\": %s", rhost, err.text);
	return source;
}

struct pair {
	const char *pattern;
	const char *rhost;
};

static bool fits(const struct pair *pair)
{
	struct nsh_source pattern = parse(pair->pattern);
	struct nsh_source source = come_from(pair->rhost);

	return nsh_source_has(&pattern, &source);
}

static void test_inside(void **state)
{
	static const struct pair pairs[] = {
		{"10.0.0.1", "10.0.0.1"},
		{"10.0.0.1/32", "10.0.0.1"},
		{"10.0.0.0/31", "10.0.0.1"},
		{"10.0.0.0/8", "10.255.255.255"},
		{"10.128.0.0/9", "10.128.0.0"},
		{"128.0.0.0/1", "255.255.255.255"},
		{"0.0.0.0/0", "203.0.113.9"},
		{"0.0.0.0", "0.0.0.0"},
		{"255.255.255.255", "255.255.255.255"},
		/* A server that listens on both sees the mapped form. */
		{"10.0.0.0/8", "::ffff:10.0.0.1"},
		{"::ffff:10.0.0.1", "10.0.0.1"},
		{"::ffff:10.0.0.0/104", "10.0.0.1"},
		{"::ffff:0.0.0.0/96", "10.0.0.1"},
		{"::ffff:a00:0/104", "::FFFF:10.1.2.3"},
		{"2001:db8::/32", "2001:db8:ffff::1"},
		{"2001:db8::1", "2001:0DB8:0:0:0:0:0:1"},
		{"2001:db8::1/128", "2001:db8::1"},
		{"2001:db8::/127", "2001:db8::1"},
		{"8000::/1", "fe80::1"},
		{"::/0", "::"},
		{"::1", "::1"},
		{"fe80::/10", "fe80::1%eth0"},
		{"fe80::1", "fe80::1%eth0"},
		{"local", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		if (!fits(&pairs[i]))
			fail_msg("%s has not \"%s\"", pairs[i].pattern, pairs[i].rhost);
}

static void test_outside(void **state)
{
	static const struct pair pairs[] = {
		{"10.0.0.1", "10.0.0.2"},
		{"10.0.0.0/31", "10.0.0.2"},
		{"10.0.0.0/8", "11.0.0.0"},
		{"10.0.0.0/8", "9.255.255.255"},
		{"128.0.0.0/1", "127.255.255.255"},
		/* All of IPv4 is one 2^96th of IPv6. */
		{"0.0.0.0/0", "::1"},
		{"0.0.0.0/0", "::10.0.0.1"},
		{"10.0.0.0/8", "a00::1"},
		{"2001:db8::/32", "2001:db9::1"},
		{"2001:db8::/127", "2001:db8::2"},
		{"8000::/1", "7fff::1"},
		{"2001:db8::/32", "10.0.0.1"},
		/* No address is local, not even one of this machine's, and nothing local has one. */
		{"local", "127.0.0.1"},
		{"local", "::1"},
		{"local", "0.0.0.0"},
		{"0.0.0.0/0", ""},
		{"::/0", ""},
		{"::/0", "10.0.0.1"},
		{"::/64", "::ffff:10.0.0.1"},
		{"0.0.0.0", ""},
		{"::", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		if (fits(&pairs[i]))
			fail_msg("%s has \"%s\"", pairs[i].pattern, pairs[i].rhost);
}

static bool fits_with_bit_flipped(const struct nsh_source *pattern, const char *rhost, int bit)
{
	struct nsh_source source = come_from(rhost);

	source.address[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
	return nsh_source_has(pattern, &source);
}

/* Each prefix length: its last bit counts, and the one behind it does not. */
static void test_each_prefix(void **state)
{
	static const struct {
		const char *zero;
		int first; /* bit of the address's own form */
	} families[] = {{"0.0.0.0", 96}, {"::", 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		for (int end = families[i].first; end <= 128; end++) {
			struct nsh_source pattern;
			char text[64];

			snprintf(text, sizeof(text), "%s/%d", families[i].zero,
				 end - families[i].first);
			pattern = parse(text);
			if (end > families[i].first)
				assert_false(
					fits_with_bit_flipped(&pattern, families[i].zero, end - 1));
			if (end < 128)
				assert_true(fits_with_bit_flipped(&pattern, families[i].zero, end));
		}
}

/* An address with its last bit set is right with its whole length and wrong with any other. */
static void test_bits_behind_the_prefix(void **state)
{
	static const struct {
		const char *address;
		int width;
	} families[] = {{"10.0.0.1", 32}, {"2001:db8::1", 128}, {"::ffff:10.0.0.1", 128}};

	(void)state;
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		for (int bits = 0; bits <= families[i].width; bits++) {
			struct nsh_source source;
			struct nsh_err err = {0};
			char text[64];
			int ret;

			snprintf(text, sizeof(text), "%s/%d", families[i].address, bits);
			ret = nsh_source_parse(&source, text, strlen(text), &err);
			assert_int_equal(ret, bits == families[i].width ? 0 : -EINVAL);
			if (ret < 0)
				assert_says(&err, "has bits set behind its prefix");
		}
}

struct bad {
	const char *text;
	const char *says;
};

static void expect_refused(const struct bad *bad)
{
	struct nsh_source source;
	struct nsh_err err = {0};

	if (nsh_source_parse(&source, bad->text, strlen(bad->text), &err) != -EINVAL)
		fail_msg("\"%s\" was taken", bad->text);
	assert_says(&err, bad->says);
	assert_says(&err, bad->text);
	assert_int_equal(err.reason, NSH_REASON_POLICY);
}

static void test_refused(void **state)
{
	static const struct bad bads[] = {
		{"", "is neither"},
		{" ", "is neither"},
		{"*", "is neither"},
		{"!10.0.0.1", "is neither"},
		{"Local", "is neither"},
		{"locally", "is neither"},
		{"local/8", "is neither"},
		{"localhost", "is neither"},
		{"host.example.org", "is neither"},
		{"1.2.3", "is neither"},
		{"1.2.3.4.5", "is neither"},
		{"1.2.3.", "is neither"},
		{".1.2.3", "is neither"},
		{"1..2.3", "is neither"},
		{"16909060", "is neither"},
		{"0x1.2.3.4", "is neither"},
		{"010.0.0.1", "is neither"},
		{"10.0.0.01", "is neither"},
		{"256.0.0.1", "is neither"},
		{"-1.0.0.1", "is neither"},
		{"+1.0.0.1", "is neither"},
		{" 10.0.0.1", "is neither"},
		{"10.0.0.1 ", "is neither"},
		{"10.0.0.1\n", "is neither"},
		{"10.0.0.1:22", "is neither"},
		{"[::1]", "is neither"},
		{":", "is neither"},
		{":::", "is neither"},
		{"1::2::3", "is neither"},
		{"1:2:3:4:5:6:7", "is neither"},
		{"1:2:3:4:5:6:7:8:9", "is neither"},
		{"12345::", "is neither"},
		{"g::", "is neither"},
		{"::1.2.3", "is neither"},
		{"::1.2.3.256", "is neither"},
		{"fe80::1%eth0", "is neither"},
		{"/", "is neither"},
		{"/8", "is neither"},
		{"\xff\xfe", "is neither"},
		{"10.0.0.0/", "has no valid prefix"},
		{"10.0.0.0/33", "has no valid prefix"},
		{"10.0.0.0/128", "has no valid prefix"},
		{"10.0.0.0/-8", "has no valid prefix"},
		{"10.0.0.0/+8", "has no valid prefix"},
		{"10.0.0.0/ 8", "has no valid prefix"},
		{"10.0.0.0/8 ", "has no valid prefix"},
		{"10.0.0.0/08", "has no valid prefix"},
		{"10.0.0.0/00", "has no valid prefix"},
		{"10.0.0.0/0x8", "has no valid prefix"},
		{"10.0.0.0/8/8", "has no valid prefix"},
		{"10.0.0.0//8", "has no valid prefix"},
		{"10.0.0.0/255.0.0.0", "has no valid prefix"},
		{"10.0.0.0/4294967304", "has no valid prefix"},
		{"::/129", "has no valid prefix"},
		{"::/999", "has no valid prefix"},
		{"::/1280", "has no valid prefix"},
		{"10.0.0.1/8", "has bits set behind its prefix"},
		{"10.0.0.1/0", "has bits set behind its prefix"},
		{"2001:db8::1/64", "has bits set behind its prefix"},
		{"::ffff:1.2.3.4/96", "has bits set behind its prefix"},
		{"::ffff:0:0/95", "has bits set behind its prefix"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bads) / sizeof(*bads); i++)
		expect_refused(&bads[i]);
}

/* A zero behind the length is not looked at, nor anything else. */
static void test_length_counts(void **state)
{
	struct nsh_source source;
	struct nsh_err err;

	(void)state;
	assert_int_equal(nsh_source_parse(&source, "10.0.0.0/8, rest", 10, &err), 0);
	assert_int_equal(source.bits, 104);
	assert_int_equal(nsh_source_parse(&source, "local, rest", 5, &err), 0);
	assert_true(source.local);
	assert_int_equal(nsh_source_parse(&source, "10.0.0.1", 3, &err), -EINVAL);
}

/* The longest that there is, 49 characters, and everything that is longer than it. */
static void test_long(void **state)
{
	static const char longest[] = "0000:0000:0000:0000:0000:ffff:255.255.255.255/128";
	static char text[100001];
	struct nsh_source source;
	struct nsh_err err = {0};

	(void)state;
	assert_int_equal(parse(longest).bits, 128);
	assert_true(fits(&(struct pair){longest, "255.255.255.255"}));
	memset(text, '1', sizeof(text) - 1);
	for (size_t len = 1; len < sizeof(text); len += len < 200 ? 1 : 9973) {
		assert_int_equal(nsh_source_parse(&source, text, len, &err), -EINVAL);
		assert_true(strlen(err.text) < NSH_ERR_MAX);
	}
	assert_int_equal(nsh_source_of_login(&source, text, &err), -EINVAL);
}

/* With "UseDNS yes" sshd gives a name, which whoever owns the address has chosen. */
static void test_names(void **state)
{
	static const char *const names[] = {
		"host.example.org",
		"localhost",
		"local",
		"UNKNOWN",
		"-",
		" ",
		"%",
		"%eth0",
		"10.0.0.1 ",
		" 10.0.0.1",
		"10.0.0.0/8",
		"10.0.0.1\n",
		"10.0.0.1:1",
		"[::1]",
		"1.2.3",
		"010.0.0.1",
		"10.0.0.1.evil",
		"::1.evil",
		"fe80::1 %x",
		"\xff",
		"0000:0000:0000:0000:0000:ffff:255.255.255.255.evil.example",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct nsh_source source;
		struct nsh_err err = {0};

		if (nsh_source_of_login(&source, names[i], &err) != -EINVAL)
			fail_msg("\"%s\" was taken", names[i]);
		assert_says(&err, names[i]);
		assert_says(&err, "UseDNS no");
	}
}

/* A zone belongs to IPv6 (RFC 4007). */
static void test_zone(void **state)
{
	struct nsh_source source;
	struct nsh_err err = {0};

	(void)state;
	assert_true(fits(&(struct pair){"fe80::1", "fe80::1%a-very-long-name-of-an-interface-"
						   "that-is-longer-than-any-address"}));
	assert_int_equal(nsh_source_of_login(&source, "10.0.0.1%eth0", &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inside),      cmocka_unit_test(test_outside),
		cmocka_unit_test(test_each_prefix), cmocka_unit_test(test_bits_behind_the_prefix),
		cmocka_unit_test(test_refused),     cmocka_unit_test(test_length_counts),
		cmocka_unit_test(test_long),        cmocka_unit_test(test_names),
		cmocka_unit_test(test_zone),
	};

	return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
