// SPDX-License-Identifier: MIT
//
// The redis-server that Keylot is compared with: a child of the test program, on a port of its own
// of the loopback interface, without a configuration file and without persistence.
//
// The program is redis-server in PATH, or redis-check-rdb of the same package as redis-cli, which
// is the same program and acts by the name it is called by; KL_REDIS_SERVER names another.
#pragma once

#include <stdbool.h>

struct diff_peer;

// NULL when there is no such program. Fails the running test when it does not start.
struct diff_peer *diff_peer_start(void);
int diff_peer_port(const struct diff_peer *);
// Ends it and frees the struct.
void diff_peer_stop(struct diff_peer *);
