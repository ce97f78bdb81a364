// SPDX-License-Identifier: MIT
// A model of the parking lot for the explorer: the functions of locks/parking_lot.h as its header
// promises them, with a queue and a bucket lock for each address. Simpler than the real one, which
// tests/test_model_lot.c explores for itself: two addresses never share a bucket, both bucket locks
// of a requeue are taken in one step, and be_fair is chosen both ways.
//
// What surrounds it is modelled, too: spin_wait() says yes and no, and waits are not counted.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "tests/model/explore.h"

enum { LOT_ADDRESSES = 4 };

// What explore_saw() may note of a scenario's parking.
enum lot_event {
    LOT_SLEPT,
    LOT_INVALID, // validate said no
    LOT_TIMED_OUT,
    LOT_TIMED_OUT_LATE, // the deadline passed, but the wake was decided
    LOT_FAIR,           // a clock said so
    LOT_HANDED_OVER,    // a lock says so
    LOT_EVENTS,
};

// A set of them.
#define LOT_SAW(event) (UINT64_C(1) << (event))

// Empty queues for these addresses, ended by NULL. For a scenario's begin.
void lot_open(const void *const *addresses);
struct explore_region lot_region(void);
// How many wait on the address, and whether its bucket lock is free.
size_t lot_waiters(const void *address);
bool lot_quiet(const void *address);
// From here on be_fair is never set, and no thread's own interval is ever over. lot_open() ends it.
void lot_never_fair(void);
void lot_never_due(bool never);
// Runs before each sleep for a lock, on the thread that is about to sleep. lot_open() clears it.
void lot_on_sleep(void (*hook)(void));
