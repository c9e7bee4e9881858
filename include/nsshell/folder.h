/* SPDX-License-Identifier: MIT */
/*
 * The names in a folder, without memory of malloc(3)'s: opendir(3) would take 32 KiB.
 */
#ifndef NSSHELL_FOLDER_H
#define NSSHELL_FOLDER_H

/* Returns 0 to go on; anything else ends the walk. name holds until then. */
typedef int nsh_name_fn(const char *name, void *data);

/*
 * Calls act for each name in a folder, "." and ".." among them, in the kernel's order. fd is open for reading, stands at
 * the folder's beginning and stays the caller's. Returns 0, what act has ended it with, or -errno (getdents64(2)).
 */
int nsh_folder_each(int fd, nsh_name_fn *act, void *data);

#endif
