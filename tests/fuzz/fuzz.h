/* SPDX-License-Identifier: MIT */
/*
 * What the fuzz targets share. Each target is one file with LLVMFuzzerTestOneInput(); what must hold
 * for every input stands in REQUIRE(), and ends the process when it does not.
 *
 * Most inputs are texts of several parts, so that a person can read and write them.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nsshell/err.h"

/* What libFuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* What it offers. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__,          \
				#condition);                                                       \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* The line between two parts of an input. */
#define FUZZ_SEPARATOR "\n===\n"

/* What of an input is still to be read. */
struct fuzz_input {
	const char *at; /* NULL when nothing is left */
	size_t len;
};

static inline struct fuzz_input fuzz_input(const uint8_t *data, size_t size)
{
	return (struct fuzz_input){.at = (const char *)data, .len = size};
}

/* Cuts off what comes before the separator. Returns false, and an empty part, when nothing is left. */
static inline bool fuzz_cut(struct fuzz_input *input, const char *separator,
			    struct fuzz_input *part)
{
	const char *end;

	*part = (struct fuzz_input){.at = "", .len = 0};
	if (!input->at)
		return false;
	end = input->len ? memmem(input->at, input->len, separator, strlen(separator)) : NULL;
	*part = *input;
	if (end) {
		part->len = (size_t)(end - input->at);
		input->at = end + strlen(separator);
		input->len -= part->len + strlen(separator);
	} else {
		input->at = NULL;
	}
	return true;
}

/* The same as a text that ends at the first NUL; it is malloc'ed for the caller. */
static inline char *fuzz_text(struct fuzz_input *input, const char *separator)
{
	struct fuzz_input part;
	char *text;

	fuzz_cut(input, separator, &part);
	text = strndup(part.at, part.len);
	REQUIRE(text);
	return text;
}

/* A refusal has a code and says why. */
static inline void fuzz_refused(int code, const struct nsh_err *err)
{
	REQUIRE(code < 0);
	REQUIRE(err->text[0]);
	REQUIRE(memchr(err->text, '\0', sizeof(err->text)));
}

/* A folder of this process's own, in $TMPDIR, which tests/fuzz/run makes and removes. */
static inline const char *fuzz_folder(void)
{
	static char folder[128];
	const char *parent = getenv("TMPDIR");

	if (!folder[0]) {
		snprintf(folder, sizeof(folder), "%s/XXXXXX", parent ? parent : "/dev/shm");
		REQUIRE(mkdtemp(folder));
	}
	return folder;
}

#endif
