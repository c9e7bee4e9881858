/* SPDX-License-Identifier: MIT */
/*
 * Texts of others: names, paths and what programs say can hold anything.
 */
#ifndef NSSHELL_PRINTABLE_H
#define NSSHELL_PRINTABLE_H

/*
 * Makes text safe for a terminal and a line of a log, in place: control characters (those of 8 bits too), marks that turn
 * around what follows them and what is not valid UTF-8 become "?".
 */
void nsh_make_printable(char *text);

#endif
