// SPDX-License-Identifier: MIT
//
// Several threads that run commands in one process, each through a client of its own.
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "datatypes/rng.h"
#include "tests/lib/inproc.h"

struct crew {
    struct inproc p;
    pthread_barrier_t start;
    _Atomic int working;           // threads of the kind that decides when it is over
    _Atomic int64_t added, popped; // for what they count together
};

struct worker {
    struct crew *crew;
    int index;
    struct rng rng;
    struct inproc_client *c;
    void (*work)(struct worker *);
};

// Runs one function on each of n <= 16 threads and waits for them.
void run_crew(struct crew *, int n, void (*const *work)(struct worker *));

// For those who go on as long as others work: acquire, so that they see what was done last.
bool still_working(struct worker *);
void done_working(struct worker *);
