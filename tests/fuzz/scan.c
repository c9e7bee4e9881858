/* SPDX-License-Identifier: MIT */
/*
 * Policy files as bytes: what the scan admits is plain, and libiniparser reads the very same of it.
 */
#include <sys/mman.h>

#include "conf/ini.h"
#include "conf/scan.h"
#include "tests/fuzz/fuzz.h"

static bool is_name(const char *text)
{
	return *text && !text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_")];
}

static void check_value(const char *value)
{
	size_t len = strlen(value);

	REQUIRE(!strpbrk(value, ";#\"'\\\r\n"));
	REQUIRE(!len || (!strchr(" \t", value[0]) && !strchr(" \t", value[len - 1])));
}

static void check_entries(const struct nsh_scan *scan)
{
	unsigned line = 0;

	for (size_t i = 0; i < scan->count; i++) {
		const struct nsh_entry *entry = &scan->entries[i];

		REQUIRE(entry->line > line);
		line = entry->line;
		REQUIRE(is_name(entry->section));
		if (entry->key) {
			REQUIRE(is_name(entry->key));
			check_value(entry->value);
		}
	}
}

static int file_of(const char *text, size_t len)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("policy", MFD_CLOEXEC);
	REQUIRE(fd >= 0 && ftruncate(fd, 0) == 0);
	REQUIRE(pwrite(fd, text, len, 0) == (ssize_t)len);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = file_of((const char *)data, size);
	char *text = malloc(size + 1);
	struct nsh_err err = {0};
	struct nsh_scan scan;
	unsigned line;
	int ret;

	REQUIRE(text);
	memcpy(text, data, size);
	text[size] = '\0';
	ret = nsh_scan(&scan, text, size, &err);
	if (ret < 0) {
		fuzz_refused(ret, &err);
	} else {
		check_entries(&scan);
		REQUIRE(nsh_ini_confirm(fd, &scan, &line, &err) == 0);
		nsh_scan_free(&scan);
	}
	free(text);
	return 0;
}
