/* SPDX-License-Identifier: MIT */
/* lookup ROUNDS FOLDER NAME: prints the nanoseconds that each of so many look-ups of a user's policy takes. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "nsshell/policy.h"

#define WARM_UP 20

int main(int argc, char **argv)
{
	struct nsh_place place = {.folder = argc > 2 ? argv[2] : NULL};
	struct nsh_user user = {.uid = 1000,
				.gid = 1000,
				.name = argc > 3 ? argv[3] : NULL,
				.home = "/",
				.shell = ""};
	struct nsh_policy policy;
	struct nsh_err err;

	if (argc != 4)
		return 2;
	for (long i = -WARM_UP; i < atol(argv[1]); i++) {
		int64_t start = now();

		if (nsh_policy_load(&policy, &place, &user, NULL, &err) < 0) {
			fprintf(stderr, "%s\n", err.text);
			return 1;
		}
		nsh_policy_free(&policy);
		if (i >= 0)
			printf("%lld\n", (long long)(now() - start));
	}
	return 0;
}
