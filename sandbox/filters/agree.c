/* SPDX-License-Identifier: MIT */
/*
 * That two programs of a filter give the same answers, tried with every number that either could tell apart:
 * all system calls of all tables, and for those of which an argument is looked at, in all words that are,
 * each constant of the programs with its neighbours, each bit alone, missing and together with each other, and
 * some that mean nothing.
 */
#include <linux/audit.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "sandbox/filters/answer.h"
#include "sandbox/filters/shrink.h"

#define WORDS (sizeof(struct seccomp_data) / 4)
#define FIRST_ARGUMENT (offsetof(struct seccomp_data, args) / 4)
#define NUMBERS 1024
#define X32 0x40000000U

struct values {
	uint32_t at[4096];
	unsigned count;
	unsigned constants; /* those are first */
};

struct pair {
	struct program one;
	struct program other;
	struct values values;
};

static const uint32_t tables[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386,  AUDIT_ARCH_AARCH64,
				  AUDIT_ARCH_ARM,    AUDIT_ARCH_S390X, 0};

static void add_value(struct values *values, uint32_t value)
{
	for (unsigned i = 0; i < values->count; i++)
		if (values->at[i] == value)
			return;
	if (values->count < sizeof(values->at) / sizeof(*values->at))
		values->at[values->count++] = value;
}

static void add_constants(struct values *values, const struct program *program)
{
	for (unsigned i = 0; i < program->len; i++) {
		uint32_t k = program->code[i].k;
		uint16_t code = program->code[i].code;

		if (BPF_CLASS(code) != BPF_JMP && BPF_CLASS(code) != BPF_ALU)
			continue;
		for (uint32_t near = k - 1; near != k + 2; near++)
			add_value(values, near);
		add_value(values, ~k);
	}
}

static void add_bits(struct values *values)
{
	for (int i = 0; i < 32; i++)
		for (int j = 0; j <= i; j++) {
			add_value(values, 1U << i | 1U << j);
			add_value(values, ~(1U << i | 1U << j));
		}
	add_value(values, 0);
	add_value(values, ~0U);
	srand(1);
	for (int i = 0; i < 64; i++)
		add_value(values, (uint32_t)rand() << 1 ^ (uint32_t)rand());
}

/* Returns the words that were looked at. */
static uint32_t compare(const struct pair *pair, const struct seccomp_data *call)
{
	uint32_t loaded = 0;

	if (program_answer(&pair->one, call, &loaded) ==
	    program_answer(&pair->other, call, &loaded))
		return loaded;
	fprintf(stderr, "make-filters: a shrunk filter answers otherwise: table %#x, call %d\n",
		call->arch, call->nr);
	exit(1);
}

static void set_word(struct seccomp_data *call, unsigned word, uint32_t value)
{
	memcpy((char *)call + 4 * (size_t)word, &value, sizeof(value));
}

/* All values in one word, with some in each of the others. */
static void try_words(const struct pair *pair, struct seccomp_data call, unsigned word,
		      uint32_t words)
{
	static const uint32_t few[] = {0, 1, 16, 0xdeadbeef};

	for (unsigned i = 0; i < pair->values.count; i++) {
		set_word(&call, word, pair->values.at[i]);
		compare(pair, &call);
		for (unsigned other = FIRST_ARGUMENT; other < WORDS; other++) {
			struct seccomp_data with = call;

			if (other == word || !(words & 1U << other))
				continue;
			for (size_t j = 0; j < sizeof(few) / sizeof(*few); j++) {
				set_word(&with, other, few[j]);
				compare(pair, &with);
			}
		}
	}
}

/* Which words there are shows by and by: some are looked at only when another has a value. */
static uint32_t find_words(const struct pair *pair, struct seccomp_data call)
{
	uint32_t words = compare(pair, &call);

	for (unsigned word = FIRST_ARGUMENT; word < WORDS; word++)
		for (unsigned i = 0; (words & 1U << word) && i < pair->values.count; i++) {
			set_word(&call, word, pair->values.at[i]);
			words |= compare(pair, &call);
		}
	return words;
}

static void try_pairs(const struct pair *pair, struct seccomp_data call, uint32_t words)
{
	for (unsigned first = FIRST_ARGUMENT; first < WORDS; first++)
		for (unsigned second = first + 1; second < WORDS; second++) {
			if (!(words & 1U << first) || !(words & 1U << second))
				continue;
			for (unsigned i = 0; i < pair->values.constants; i++)
				for (unsigned j = 0; j < pair->values.constants; j += 3) {
					set_word(&call, first, pair->values.at[i]);
					set_word(&call, second, pair->values.at[j]);
					compare(pair, &call);
				}
		}
}

static void try_call(const struct pair *pair, uint32_t table, uint32_t number)
{
	struct seccomp_data call = {.nr = (int)number, .arch = table};
	uint32_t words = find_words(pair, call);

	for (unsigned word = FIRST_ARGUMENT; word < WORDS; word++)
		if (words & 1U << word)
			try_words(pair, call, word, words);
	try_pairs(pair, call, words);
}

void must_agree(const struct sock_filter *one, unsigned one_len, const struct sock_filter *other,
		unsigned other_len)
{
	static struct pair pair;

	pair = (struct pair){.one = {one, one_len}, .other = {other, other_len}};
	add_constants(&pair.values, &pair.one);
	add_constants(&pair.values, &pair.other);
	pair.values.constants = pair.values.count;
	add_bits(&pair.values);
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		for (uint32_t number = 0; number < NUMBERS; number++) {
			try_call(&pair, tables[i], number);
			try_call(&pair, tables[i], X32 + number);
		}
		for (unsigned j = 0; j < pair.values.count; j++)
			try_call(&pair, tables[i], pair.values.at[j]);
	}
}
