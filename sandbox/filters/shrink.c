/* SPDX-License-Identifier: MIT */
/*
 * libseccomp makes three instructions of every condition on an argument: load, mask, compare. What is here knows
 * how many conditions on one word, with one answer, are said at once:
 *
 *	a is one of these bits, or has several        a & BITS
 *	one of these bits is set and another is not   not a & OTHER, and a & BITS
 *	a bit is set and one of these is not          not (a & (BIT | BITS)) == (BIT | BITS), and a & BIT
 *	a is a number from here to there              a >= FIRST, not a > LAST
 *
 * and that nothing is to be asked of a word under a mask of 0. Its search for a call's number asks for each number; here
 * it is a search for the range, as numbers next to each other often have one answer.
 *
 * The new program is written behind the old one's back: a jump's targets are places of the old program until the
 * end (place), or of the new one (here), and are resolved when all is written. A conditional jump of classic BPF
 * reaches 255 instructions; should one not be enough the program stays as it was.
 */
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/filters/answer.h"
#include "sandbox/filters/shrink.h"

#define LOAD (BPF_LD | BPF_W | BPF_ABS)
#define MASK (BPF_ALU | BPF_AND | BPF_K)
#define ALWAYS (BPF_JMP | BPF_JA)
#define EQUAL (BPF_JMP | BPF_JEQ | BPF_K)
#define ABOVE (BPF_JMP | BPF_JGT | BPF_K)
#define FROM (BPF_JMP | BPF_JGE | BPF_K)
#define SET (BPF_JMP | BPF_JSET | BPF_K)
#define ANSWER (BPF_RET | BPF_K)

#define ROOM BPF_MAXINSNS
#define WHOLE 0xffffffffU

struct step {
	uint16_t code;
	uint32_t k;
	int yes; /* of a jump: a place, or here(...) */
	int no;
};

struct text {
	struct step at[ROOM];
	int len;
};

/* (a & mask) == value */
struct test {
	uint32_t mask;
	uint32_t value;
};

/* Tests of one word that follow each other: all go to yes, and when none holds it goes to no. */
struct chain {
	uint32_t word;
	struct test tests[ROOM];
	int count;
	int yes;
	int no;
	int end; /* behind the last instruction */
};

static void __attribute__((noreturn)) fail(const char *why)
{
	fprintf(stderr, "make-filters: %s\n", why);
	exit(1);
}

static bool is_jump(uint16_t code)
{
	return BPF_CLASS(code) == BPF_JMP;
}

static bool is_single(uint32_t bits)
{
	return bits && !(bits & (bits - 1));
}

/* A place of the new program, told from those of the old one. */
static int here(int at)
{
	return -1 - at;
}

static void read_text(struct text *text, const struct sock_filter *code, unsigned len)
{
	text->len = (int)len;
	for (int i = 0; i < text->len; i++) {
		struct step *step = &text->at[i];

		*step = (struct step){.code = code[i].code, .k = code[i].k};
		if (step->code == ALWAYS)
			step->yes = step->no = i + 1 + (int)code[i].k;
		else if (is_jump(step->code)) {
			step->yes = i + 1 + code[i].jt;
			step->no = i + 1 + code[i].jf;
		}
	}
}

/* What is at the place needs nothing that was loaded before. */
static bool begins(const struct text *text, int at)
{
	return text->at[at].code == LOAD || text->at[at].code == ANSWER;
}

static bool is_target(const struct text *text, int at)
{
	for (int i = 0; i < at; i++) {
		const struct step *step = &text->at[i];

		if (is_jump(step->code) && i + 1 != at && (step->yes == at || step->no == at))
			return true;
	}
	return false;
}

/*
 * One test at *at, which is moved behind it. A test that has no mask of its own has that of the one before, whose
 * masked word is still there.
 */
static bool read_test(const struct text *text, int *at, bool first, uint32_t *word,
		      struct test *test, const struct step **jump)
{
	const struct step *step = &text->at[*at];
	int begin = *at;

	if (step->code == LOAD) {
		if (!first && step->k != *word)
			return false;
		*word = step->k;
		test->mask = WHOLE;
		step++;
		if (step->code == MASK) {
			test->mask = step->k;
			step++;
		}
	} else if (first) {
		return false;
	}
	if (step->code != EQUAL)
		return false;
	test->value = step->k;
	*jump = step;
	*at = (int)(step - text->at) + 1;
	for (int i = begin + !!first; i < *at; i++)
		if (is_target(text, i))
			return false;
	return true;
}

static void read_chain(const struct text *text, int at, struct chain *chain)
{
	struct test test = {0};
	const struct step *jump;

	chain->count = 0;
	chain->end = at;
	while (read_test(text, &at, !chain->count, &chain->word, &test, &jump) &&
	       (!chain->count || jump->yes == chain->yes)) {
		chain->tests[chain->count++] = test;
		chain->yes = jump->yes;
		chain->no = jump->no;
		chain->end = at;
		if (jump->no != at)
			break;
	}
}

static struct step *put(struct text *out, uint16_t code, uint32_t k)
{
	if (out->len == ROOM)
		fail("a filter is too long");
	out->at[out->len] = (struct step){.code = code, .k = k};
	return &out->at[out->len++];
}

static void put_jump(struct text *out, uint16_t code, uint32_t k, int yes, int no)
{
	struct step *step = put(out, code, k);

	step->yes = yes;
	step->no = no;
}

/* No test holds so far: on to what is put next. */
static int next(const struct text *out)
{
	return here(out->len + 1);
}

static bool has_bits(const struct test *test)
{
	return is_single(test->value) && is_single(test->mask ^ test->value);
}

/* Whether it is such a test with that bit set, or with that bit not set. */
static bool has_bit(const struct test *test, uint32_t bit, bool set)
{
	return has_bits(test) && (set ? test->value : test->mask ^ test->value) == bit;
}

/* Takes these tests out, and returns the other bits of them. */
static uint32_t take_bits(struct chain *chain, uint32_t bit, bool set)
{
	uint32_t others = 0;
	int kept = 0;

	for (int i = 0; i < chain->count; i++) {
		struct test test = chain->tests[i];

		if (has_bit(&test, bit, set))
			others |= test.mask ^ bit;
		else
			chain->tests[kept++] = test;
	}
	chain->count = kept;
	return others;
}

static int count_bits(const struct chain *chain, uint32_t bit, bool set)
{
	int count = 0;

	for (int i = 0; i < chain->count; i++)
		count += has_bit(&chain->tests[i], bit, set);
	return count;
}

static void put_bits(struct text *out, struct chain *chain, uint32_t bit, bool set)
{
	uint32_t others = take_bits(chain, bit, set);
	int behind;

	put(out, LOAD, chain->word);
	if (set) {
		behind = here(out->len + 3);
		put(out, MASK, bit | others);
		put_jump(out, EQUAL, bit | others, behind, next(out));
		put_jump(out, SET, bit, chain->yes, behind);
	} else {
		behind = here(out->len + 2);
		put_jump(out, SET, bit, behind, next(out));
		put_jump(out, SET, others, chain->yes, behind);
	}
}

/* The largest groups first; a group of two is no shorter than its tests. */
static void put_groups(struct text *out, struct chain *chain)
{
	for (;;) {
		int best = 2;
		uint32_t bit = 0;
		bool set = false;

		for (int i = 0; i < 64; i++) {
			int count = count_bits(chain, 1U << i / 2, i % 2);

			if (count > best) {
				best = count;
				bit = 1U << i / 2;
				set = i % 2;
			}
		}
		if (!bit)
			return;
		put_bits(out, chain, bit, set);
	}
}

/* Any of these bits. */
static void put_set(struct text *out, struct chain *chain)
{
	uint32_t bits = 0;
	int kept = 0;

	for (int i = 0; i < chain->count; i++)
		if (is_single(chain->tests[i].mask) &&
		    chain->tests[i].mask == chain->tests[i].value)
			bits |= chain->tests[i].value;
		else
			chain->tests[kept++] = chain->tests[i];
	chain->count = kept;
	if (!bits)
		return;
	put(out, LOAD, chain->word);
	put_jump(out, SET, bits, chain->yes, next(out));
}

static int by_value(const void *one, const void *other)
{
	uint32_t a = ((const struct test *)one)->value;
	uint32_t b = ((const struct test *)other)->value;

	return a < b ? -1 : a > b;
}

static void put_range(struct text *out, const struct chain *chain, uint32_t first, uint32_t last)
{
	if (last - first < 2) {
		for (uint32_t value = first; value != last + 1; value++)
			put_jump(out, EQUAL, value, chain->yes, next(out));
		return;
	}
	put_jump(out, FROM, first, next(out), here(out->len + 2));
	put_jump(out, ABOVE, last, next(out), chain->yes);
}

/* Whole words: numbers that follow each other are a range. */
static void put_numbers(struct text *out, struct chain *chain)
{
	const struct test *numbers = chain->tests;
	int count = chain->count;

	if (!count)
		return;
	qsort(chain->tests, (size_t)count, sizeof(*numbers), by_value);
	put(out, LOAD, chain->word);
	for (int first = 0, i = 0; i < count; i++)
		if (i + 1 == count || numbers[i + 1].value != numbers[i].value + 1) {
			put_range(out, chain, numbers[first].value, numbers[i].value);
			first = i + 1;
		}
}

/* What has a mask and is of no group stays as it is. */
static void put_rest(struct text *out, struct chain *chain)
{
	int kept = 0;

	for (int i = 0; i < chain->count; i++) {
		struct test test = chain->tests[i];

		if (test.mask == WHOLE) {
			chain->tests[kept++] = test;
			continue;
		}
		put(out, LOAD, chain->word);
		put(out, MASK, test.mask);
		put_jump(out, EQUAL, test.value, chain->yes, next(out));
	}
	chain->count = kept;
}

/* A word under a mask of 0 is 0. */
static bool put_known(struct text *out, const struct chain *chain)
{
	if (chain->count != 1 || chain->tests[0].mask != 0)
		return false;
	put_jump(out, ALWAYS, 0, chain->tests[0].value ? chain->no : chain->yes, 0);
	return true;
}

/* What comes next needs nothing, or the whole word, which is what is left of numbers. */
static bool goes_on(const struct text *text, const struct chain *chain)
{
	return begins(text, chain->no) || chain->tests[chain->count - 1].mask == WHOLE;
}

/* The shorter form of the chain at the place, when it has one; returns where the old program goes on. */
static int put_chain(struct text *out, const struct text *text, int at)
{
	static struct chain chain;
	int before = out->len;

	read_chain(text, at, &chain);
	if (!chain.count || !begins(text, chain.yes) || !goes_on(text, &chain))
		return at;
	if (put_known(out, &chain))
		return chain.end;
	put_set(out, &chain);
	put_groups(out, &chain);
	put_rest(out, &chain);
	put_numbers(out, &chain);
	put_jump(out, ALWAYS, 0, chain.no, 0);
	if (out->len - before < chain.end - at)
		return chain.end;
	out->len = before;
	return at;
}

/* Numbers from first on, up to the next range, go to one place. */
struct range {
	uint32_t first;
	int place;
};

#define NOWHERE INT_MAX

/* As many numbers are asked for one after the other. */
#define FEW 4

struct search {
	struct range ranges[ROOM + 1];
	int count;
	bool seen[ROOM];
};

static bool asks(const struct step *step)
{
	return step->code == EQUAL || step->code == ABOVE || step->code == FROM;
}

/* What is not yet known about the number is asked here: another load of it changes nothing. */
static bool is_of_search(const struct step *step)
{
	return asks(step) || step->code == ALWAYS || (step->code == LOAD && step->k == 0);
}

static void add_first(struct search *search, uint32_t first)
{
	if (search->count < ROOM)
		search->ranges[search->count++].first = first;
}

static void add_firsts(struct search *search, const struct step *step)
{
	if (step->code == EQUAL || step->code == FROM)
		add_first(search, step->k);
	if ((step->code == EQUAL || step->code == ABOVE) && step->k != WHOLE)
		add_first(search, step->k + 1);
}

/* Notes where ranges begin. Returns false when something else than a search uses the number. */
static bool look_at_search(const struct text *text, int at, struct search *search)
{
	const struct step *step = &text->at[at];

	if (search->seen[at])
		return true;
	search->seen[at] = true;
	if (!is_of_search(step))
		return begins(text, at);
	if (step->code == LOAD)
		return look_at_search(text, at + 1, search);
	if (step->code == ALWAYS)
		return look_at_search(text, step->yes, search);
	add_firsts(search, step);
	return look_at_search(text, step->yes, search) && look_at_search(text, step->no, search);
}

static int find(const struct text *text, int at, uint32_t number)
{
	for (;;) {
		const struct step *step = &text->at[at];
		struct sock_filter jump = {.code = step->code, .k = step->k};

		if (!is_of_search(step))
			return at;
		if (step->code == LOAD)
			at++;
		else if (step->code == ALWAYS)
			at = step->yes;
		else
			at = jump_holds(&jump, number) ? step->yes : step->no;
	}
}

static int by_first(const void *one, const void *other)
{
	uint32_t a = ((const struct range *)one)->first;
	uint32_t b = ((const struct range *)other)->first;

	return a < b ? -1 : a > b;
}

static void find_ranges(const struct text *text, int at, struct search *search)
{
	int kept = 0;

	add_first(search, 0);
	qsort(search->ranges, (size_t)search->count, sizeof(*search->ranges), by_first);
	for (int i = 0; i < search->count; i++) {
		struct range range = {search->ranges[i].first, 0};

		range.place = find(text, at, range.first);
		if (!kept || search->ranges[kept - 1].place != range.place)
			search->ranges[kept++] = range;
	}
	search->count = kept;
	search->ranges[kept].first = 0;
}

/* Behind the last range stands one that begins at 0. */
static bool is_number(const struct range *range)
{
	return range->first + 1 == range[1].first;
}

/* Whether all ranges go to one place but for a few single numbers; these are then asked for one by one. */
static bool are_few(const struct range *ranges, int count, int *other)
{
	int numbers = 0;

	*other = NOWHERE;
	for (int i = 0; i < count; i++) {
		if (is_number(&ranges[i]) && ranges[i].place != *other)
			numbers++;
		else if (*other == NOWHERE)
			*other = ranges[i].place;
		else if (ranges[i].place != *other)
			return false;
	}
	return numbers <= FEW && *other != NOWHERE;
}

static int put_few(struct text *out, const struct range *ranges, int count, int other)
{
	int at = out->len;

	for (int i = 0; i < count; i++)
		if (ranges[i].place != other)
			put_jump(out, EQUAL, ranges[i].first, ranges[i].place, next(out));
	out->at[out->len - 1].no = other;
	return here(at);
}

/* Returns where the search among count ranges begins: a place, when there is one range. */
static int put_search(struct text *out, const struct range *ranges, int count)
{
	int half = count / 2;
	int at = out->len;
	int other;
	int yes;
	int no;

	if (count == 1)
		return ranges->place;
	if (are_few(ranges, count, &other))
		return put_few(out, ranges, count, other);
	put_jump(out, FROM, ranges[half].first, 0, 0);
	no = put_search(out, ranges, half);
	yes = put_search(out, ranges + half, count - half);
	out->at[at].yes = yes;
	out->at[at].no = no;
	return here(at);
}

/* Answers are as short as the jumps to them, and near. */
static void copy_answers(struct text *out, const struct text *text, int from)
{
	int copies[ROOM] = {0};
	int end = out->len;

	for (int i = from; i < end; i++) {
		int *sides[] = {&out->at[i].yes, &out->at[i].no};

		for (int side = 0; side < 2; side++) {
			int place = *sides[side];

			if (place < 0 || text->at[place].code != ANSWER)
				continue;
			if (!copies[place]) {
				copies[place] = out->len;
				put(out, ANSWER, text->at[place].k);
			}
			*sides[side] = here(copies[place]);
		}
	}
}

/* What of the old search is not jumped to from elsewhere is never reached then. */
static bool put_number_search(struct text *out, const struct text *text, int at)
{
	static struct search search;
	const struct step *step = &text->at[at];
	int from;

	search.count = 0;
	memset(search.seen, 0, sizeof(search.seen));
	if (step->code != LOAD || step->k != 0 || !asks(step + 1) ||
	    !look_at_search(text, at, &search))
		return false;
	find_ranges(text, at, &search);
	if (search.count < 2)
		return false;
	put(out, LOAD, 0);
	from = out->len;
	put_search(out, search.ranges, search.count);
	copy_answers(out, text, from);
	return true;
}

/* Where a jump ends that goes to jumps, as far as it reaches. */
static int thread(const struct text *text, int from, int to)
{
	while (text->at[to].code == ALWAYS && text->at[to].yes - from - 1 <= UINT8_MAX)
		to = text->at[to].yes;
	return to;
}

static void resolve(struct text *out, const int *places)
{
	for (int i = 0; i < out->len; i++) {
		struct step *step = &out->at[i];

		if (!is_jump(step->code))
			continue;
		step->yes = step->yes < 0 ? -1 - step->yes : places[step->yes];
		if (step->code != ALWAYS)
			step->no = step->no < 0 ? -1 - step->no : places[step->no];
	}
	for (int i = 0; i < out->len; i++)
		if (is_jump(out->at[i].code)) {
			out->at[i].yes = thread(out, i, out->at[i].yes);
			out->at[i].no = thread(out, i, out->at[i].no);
		}
}

static void reach(const struct text *text, bool *reached)
{
	reached[0] = true;
	for (int i = 0; i < text->len; i++) {
		const struct step *step = &text->at[i];

		if (!reached[i] || step->code == ANSWER)
			continue;
		if (is_jump(step->code))
			reached[step->yes] = true;
		if (is_jump(step->code) && step->code != ALWAYS)
			reached[step->no] = true;
		if (!is_jump(step->code))
			reached[i + 1] = true;
	}
}

/* Leaves out what is never reached, and jumps to where it goes on anyway. */
static void tidy(struct text *text)
{
	static struct text out;
	static int places[ROOM + 1];
	bool reached[ROOM + 1] = {false};

	reach(text, reached);
	out.len = 0;
	for (int i = 0; i < text->len; i++) {
		const struct step *step = &text->at[i];
		int behind = i + 1;

		places[i] = out.len;
		while (behind < text->len && !reached[behind])
			behind++;
		if (reached[i] && !(step->code == ALWAYS && step->yes == behind))
			out.at[out.len++] = *step;
	}
	resolve(&out, places);
	*text = out;
}

static bool reaches(const struct text *text)
{
	for (int i = 0; i < text->len; i++) {
		const struct step *step = &text->at[i];

		if (is_jump(step->code) && step->code != ALWAYS &&
		    (step->yes - i - 1 > UINT8_MAX || step->no - i - 1 > UINT8_MAX))
			return false;
	}
	return true;
}

static void write_code(const struct text *text, struct sock_filter *code)
{
	for (int i = 0; i < text->len; i++) {
		const struct step *step = &text->at[i];

		code[i] = (struct sock_filter){.code = step->code, .k = step->k};
		if (step->code == ALWAYS) {
			code[i].k = (uint32_t)(step->yes - i - 1);
		} else if (is_jump(step->code)) {
			code[i].jt = (uint8_t)(step->yes - i - 1);
			code[i].jf = (uint8_t)(step->no - i - 1);
		}
	}
}

unsigned shrink(struct sock_filter *code, unsigned len)
{
	static struct text text;
	static struct text out;
	static int places[ROOM];

	read_text(&text, code, len);
	out.len = 0;
	for (int at = 0; at < text.len;) {
		int behind;

		places[at] = out.len;
		if (put_number_search(&out, &text, at)) {
			at++;
			continue;
		}
		behind = put_chain(&out, &text, at);
		if (behind == at)
			out.at[out.len++] = text.at[at++];
		at = behind > at ? behind : at;
	}
	resolve(&out, places);
	tidy(&out);
	if (!reaches(&out) || (unsigned)out.len >= len)
		return len;
	write_code(&out, code);
	return (unsigned)out.len;
}
