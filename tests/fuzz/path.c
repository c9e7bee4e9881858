/* SPDX-License-Identifier: MIT */
/*
 * Paths looked up in a tree of links, compared with what the kernel finds (RESOLVE_IN_ROOT).
 *
 * The lines of an input: the path; where the link /link leads; a folder and a path to be compared.
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "sandbox/path.h"
#include "tests/fuzz/fuzz.h"

static const char *const links[][2] = {
	{"up", ".."},        {"down", "a/b"}, {"root", "/"},         {"deep", "/a/../a/b/c"},
	{"loop", "loop"},    {"a/back", "."}, {"a/out", "../../.."}, {"a/b/file", "/file"},
	{"none", "/a/none"},
};

static int tree = -1;
static char root[PATH_MAX];

static void make_tree(void)
{
	REQUIRE(realpath(fuzz_folder(), root));
	tree = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	REQUIRE(tree >= 0 && mkdirat(tree, "a", 0755) == 0 && mkdirat(tree, "a/b", 0755) == 0);
	REQUIRE(mkdirat(tree, "a/b/c", 0755) == 0 && mknodat(tree, "file", S_IFREG, 0) == 0);
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		REQUIRE(symlinkat(links[i][1], tree, links[i][0]) == 0);
	/* One that is somebody else's is never followed. */
	REQUIRE(symlinkat("/a", tree, "theirs") == 0);
	if (geteuid() == 0)
		REQUIRE(fchownat(tree, "theirs", 1, 1, AT_SYMLINK_NOFOLLOW) == 0);
}

/* Where the kernel would go, or "". */
static void ask_kernel(const char *path, char found[PATH_MAX])
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
	int fd = (int)syscall(SYS_openat2, tree, path, &how, sizeof(how));
	char name[64];
	ssize_t len;

	found[0] = '\0';
	if (fd < 0)
		return;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	len = readlink(name, found, PATH_MAX - 1);
	REQUIRE(len > 0);
	found[len] = '\0';
	close(fd);
}

/* No link, ".", ".." or "//" is left, and it is in the root. */
static void check_resolved(const char *out)
{
	size_t len = strlen(root);
	char real[PATH_MAX];

	REQUIRE(!strncmp(out, root, len) && (!out[len] || out[len] == '/'));
	REQUIRE(realpath(out, real) && !strcmp(real, out));
}

static void check_resolve(const char *path)
{
	char expected[PATH_MAX];
	char out[PATH_MAX];
	struct nsh_err err = {0};
	int ret = nsh_path_resolve(root, path, out, &err);

	ask_kernel(path, expected);
	if (ret < 0) {
		fuzz_refused(ret, &err);
		/* Only another's link is refused that the kernel would follow. */
		REQUIRE(!expected[0] || ret == -EPERM || ret == -ENAMETOOLONG || path[0] != '/');
		return;
	}
	check_resolved(out);
	/* The kernel also refuses what goes on behind a file: "/file/..". */
	if (expected[0])
		REQUIRE(!strcmp(out, expected));
}

static void check_below(const char *folder, const char *path)
{
	const char *below = nsh_path_below(folder, path);
	size_t len = strcmp(folder, "/") ? strlen(folder) : 0;

	if (!below) {
		REQUIRE(strncmp(folder, path, len) != 0 || path[len] != '/' || !path[len + 1]);
		return;
	}
	REQUIRE(*below && below == path + len + 1);
	REQUIRE(!nsh_path_below(path, folder) && !nsh_path_below(path, path));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	make_tree();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = fuzz_input(data, size);
	char *texts[4];

	for (int i = 0; i < 4; i++)
		texts[i] = fuzz_text(&input, "\n");
	unlinkat(tree, "link", 0);
	if (texts[1][0] && strlen(texts[1]) < PATH_MAX)
		REQUIRE(symlinkat(texts[1], tree, "link") == 0 || errno == ENAMETOOLONG);
	check_resolve(texts[0]);
	check_below(texts[2], texts[3]);
	for (int i = 0; i < 4; i++)
		free(texts[i]);
	return 0;
}
