/* SPDX-License-Identifier: MIT */
/*
 * The session's own network.
 */
#ifndef SANDBOX_NETWORK_H
#define SANDBOX_NETWORK_H

#include "nsshell/err.h"

/*
 * Brings up the loopback of the network namespace that the process is in, over which it has
 * CAP_NET_ADMIN.
 */
int nsh_network_loopback(struct nsh_err *err);

#endif
