/* SPDX-License-Identifier: MIT */
/*
 * The id of a session, which is also that of the incident when there is none: what a user is shown
 * and what the log has are the same.
 */
#ifndef NSSHELL_ID_H
#define NSSHELL_ID_H

#include <stdbool.h>

/* 64 random bits in hexadecimal digits. */
#define NSH_ID_LEN 16

/*
 * Makes a new id. It only has to be told apart from others: where the kernel has no randomness yet
 * (getrandom(2)) it is made of the clock and the process id.
 */
void nsh_id_make(char id[NSH_ID_LEN + 1]);

/* Whether text is of that form. */
bool nsh_id_ok(const char *text);

#endif
