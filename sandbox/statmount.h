/* SPDX-License-Identifier: MIT */
/*
 * statmount(2) and listmount(2) (Linux 6.8), which are newer than Debian 12's headers. The names are the kernel's.
 */
#ifndef SANDBOX_STATMOUNT_H
#define SANDBOX_STATMOUNT_H

#include <stdint.h>
#include <sys/syscall.h>

#ifndef SYS_statmount
#define SYS_statmount 457
#endif
#ifndef SYS_listmount
#define SYS_listmount 458
#endif
#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x4000U
#endif

#define NSH_STATMOUNT_SB_BASIC 1U
#define NSH_STATMOUNT_MNT_BASIC 2U
#define NSH_STATMOUNT_FS_TYPE 32U

/* struct mnt_id_req. */
struct nsh_mount_question {
	uint32_t size;
	uint32_t spare;
	uint64_t mount;
	uint64_t wanted; /* of listmount: after which mount to go on */
	uint64_t mounts; /* the mount namespace; Linux 6.11 */
};

/* struct statmount, as far as it is of use. */
struct nsh_mount_answer {
	uint32_t size;
	uint32_t options;
	uint64_t given;
	uint32_t device[2];
	uint64_t magic;
	uint32_t super;
	uint32_t type; /* where in texts it stands */
	uint64_t ids[2];
	uint32_t old_ids[2];
	uint64_t attributes;
	uint64_t more[55];
	char texts[256];
};

_Static_assert(sizeof(struct nsh_mount_question) == 32, "mnt_id_req");
_Static_assert(sizeof(struct nsh_mount_answer) == 512 + 256, "statmount");

#endif
