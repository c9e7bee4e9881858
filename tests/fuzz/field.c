/* SPDX-License-Identifier: MIT */
/*
 * Lines of the log: any bytes end the reading somewhere, what is read writes the same again, and a text that was
 * written is read as one field.
 */
#include "nsshell/field.h"
#include "tests/fuzz/fuzz.h"

/* No field is longer than what is left of the line, and reading moves on. */
static void read_any(const char *text)
{
	const char *end = text + strlen(text);
	const char *at = text;
	struct nsh_field field;
	int ret;

	do {
		const char *before = at;

		ret = nsh_field_next(&at, &field);
		REQUIRE(ret == 1 ? at > before && at <= end : at == before);
		REQUIRE(ret != 1 || (field.text >= before && field.text + field.len <= end));
	} while (ret == 1);
	REQUIRE(ret < 0 || at == end);
}

static void read_written(const char *text)
{
	struct nsh_line line = {0};
	const char *at = line.text;
	struct nsh_field field;

	nsh_field_text(&line, "user", text);
	nsh_field_plain(&line, "uid", "7");
	REQUIRE(nsh_field_next(&at, &field) == 1 && nsh_field_is(&field, "user"));
	REQUIRE(nsh_field_next(&at, &field) == 1 && nsh_field_is(&field, "uid"));
	REQUIRE(nsh_field_next(&at, &field) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);

	REQUIRE(text);
	read_any(text);
	read_written(text);
	free(text);
	return 0;
}
