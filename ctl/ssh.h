/* SPDX-License-Identifier: MIT */
/*
 * What scp, sftp, rsync and git ask of ssh(1), when they are told to use another program. Pure.
 */
#ifndef CTL_SSH_H
#define CTL_SSH_H

#include <stdbool.h>

struct nsh_ssh_request {
	const char *host;
	const char *user; /* NULL when it is not said */
	bool subsystem;   /* command is the name of one */
	char *command; /* the words that follow the host with blanks between them; owned; NULL for a login shell */
};

/*
 * Takes a command line of ssh(1) apart; argv[0] is not looked at. Options of ssh's that change nothing here are passed
 * over with their arguments. 0, and the caller frees command; -EINVAL for what ssh would not understand, -ENOMEM.
 */
int nsh_ssh_parse(struct nsh_ssh_request *request, int argc, char *const *argv);

/* A command of several words as ssh(1) makes it of them: a shell takes them apart again. malloc'ed; NULL without memory. */
char *nsh_ssh_join(int n_words, char *const *words);

#endif
