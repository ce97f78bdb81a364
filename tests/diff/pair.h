// SPDX-License-Identifier: MIT
//
// Keylot and redis-server side by side, with connections to both: of the two that commands are sent
// on, the first begins with RESP2 and the second with RESP3. A third looks at what the commands
// left behind.
#pragma once

#include <stdbool.h>

#include "tests/diff/generate.h"
#include "tests/diff/peer.h"
#include "tests/lib/strbuf.h"
#include "tests/lib/wire.h"

enum diff_side { DIFF_KEYLOT, DIFF_REDIS, DIFF_SIDES };

struct diff_pair {
    const struct wire_mode *mode;
    struct test_server *keylot;
    struct diff_peer *redis;
    struct wire *wires[DIFF_SIDES][DIFF_CONNECTIONS], *looking[DIFF_SIDES];
    int protocol[DIFF_CONNECTIONS];
    // Rules of the commands that a connection has queued behind MULTI.
    bool queueing[DIFF_CONNECTIONS];
    const struct diff_row **queued[DIFF_CONNECTIONS];
    int nqueued[DIFF_CONNECTIONS];
};

// Starts Keylot in that mode beside a redis-server that runs already.
void diff_pair_open(struct diff_pair *, const struct wire_mode *, struct diff_peer *);
void diff_pair_close(struct diff_pair *);

struct diff_difference {
    int at; // index of the command; as many as there are commands: the data differ
    struct strbuf keylot, redis;
};

// Empties both servers, runs the commands and compares replies and what is left at the end. True
// when there is a difference; the struct is empty at first and reused by further calls.
bool diff_run(struct diff_pair *, const struct diff_sequence *, struct diff_difference *);
void diff_difference_free(struct diff_difference *);

// ---- between pair.c, random.c and state.c

// Runs a command that is replied to differently each time, on one connection of both.
bool diff_run_random(struct wire *const wires[DIFF_SIDES], const struct diff_command *,
                     struct diff_difference *);
// Has each server read what the other one serialises.
bool diff_run_exchange(struct wire *const wires[DIFF_SIDES], const struct diff_command *,
                       struct diff_difference *);
// Runs a command whose reply nobody is to hear.
bool diff_run_silent(struct wire *const wires[DIFF_SIDES], const struct diff_command *,
                     struct diff_difference *);
// Iterates to the end.
bool diff_run_scan(struct wire *const wires[DIFF_SIDES], const struct diff_command *,
                   struct diff_difference *);
// Compares all databases.
bool diff_states_differ(struct wire *const looking[DIFF_SIDES], struct diff_difference *);
// The reply, or "(closed)".
const char *diff_reply(struct wire *);
bool diff_found(struct diff_difference *, const char *keylot, const char *redis);
