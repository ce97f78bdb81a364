// SPDX-License-Identifier: MIT
//
// Several clients that run the random commands of linear_load.h in many short rounds, each of which
// must be linearizable (linearize.h). Over the wire, with pipelines and with connections that are
// dropped before the reply, or in process, where threads meet more often and a timer takes the
// processor from each of them. After each round all keys are read, so that what a round left behind
// counts as well.
//
// To show that it finds something, a crew may also run a command as a store would that does not
// lock: in pieces.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tests/lib/linear_load.h"
#include "tests/lib/strbuf.h"

struct inproc;
struct test_server;

enum {
    LINEAR_CREW_CLIENTS = 6, // at most
    LINEAR_CREW_OPS = 256,   // of a client in a round, at most
};

// How it runs. Over the wire a round is short, because all its operations overlap; in process it is
// long, or the threads would not meet before it is over.
struct linear_plan {
    enum linear_mix mix;
    int nclients, rounds, ops;
    int depth;        // longest pipeline
    bool lossy;       // drop connections
    const char *torn; // in process: a command of linear_tear.h that is run in pieces, or NULL
    uint64_t seed;
};

// Runs until a round is not as it must be, and returns the number of that round, its report
// appended; -1: all were good. With clients of the store in process, or else of the server.
int linear_crew_run(const struct linear_plan *, struct inproc *, struct test_server *,
                    struct strbuf *report);
