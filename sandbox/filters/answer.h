/* SPDX-License-Identifier: MIT */
/*
 * What a filter's program answers: an interpreter of the instructions that they consist of. For what makes
 * the filters and for their test; the kernel has its own.
 */
#ifndef SANDBOX_FILTERS_ANSWER_H
#define SANDBOX_FILTERS_ANSWER_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct program {
	const struct sock_filter *code;
	unsigned len;
};

/* All words of a call are at multiples of 4. */
static inline uint32_t load_word(const struct seccomp_data *data, uint32_t at)
{
	uint32_t word;

	if (at % 4 != 0 || at > sizeof(*data) - 4)
		abort();
	memcpy(&word, (const char *)data + at, sizeof(word));
	return word;
}

static inline bool jump_holds(const struct sock_filter *jump, uint32_t a)
{
	switch (BPF_OP(jump->code)) {
	case BPF_JEQ:
		return a == jump->k;
	case BPF_JGT:
		return a > jump->k;
	case BPF_JGE:
		return a >= jump->k;
	case BPF_JSET:
		return (a & jump->k) != 0;
	}
	abort();
}

/* *loaded gets a bit for each word that was looked at. Ends the process where the program is none. */
static inline uint32_t program_answer(const struct program *program,
				      const struct seccomp_data *data, uint32_t *loaded)
{
	uint32_t a = 0;

	for (unsigned at = 0; at < program->len; at++) {
		const struct sock_filter *now = &program->code[at];

		switch (now->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			a = load_word(data, now->k);
			*loaded |= 1U << now->k / 4;
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= now->k;
			break;
		case BPF_JMP | BPF_JA:
			at += now->k;
			break;
		case BPF_RET | BPF_K:
			return now->k;
		default:
			if (BPF_CLASS(now->code) != BPF_JMP)
				abort();
			at += jump_holds(now, a) ? now->jt : now->jf;
		}
	}
	abort();
}

#endif
