// SPDX-License-Identifier: MIT
// What each thread holds and waits for, in debug builds: rank.c keeps the records, deadlock.c looks
// at those of other threads. Nobody else includes this.
#pragma once

#ifdef KL_DEBUG

#include "locks/rank.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

enum { HELD_MAX = 16 };

struct rank_entry {
    const void *lock;
    const struct lock_site *site;
    enum lock_hold holds;  // NONE: only waits for it
    enum lock_hold wanted; // NONE: does not wait
    enum lock_hold before; // while it waits: what it holds if that fails
    bool timed;            // the wait ends by itself
};

struct rank_state {
    int tid;
    uint64_t changes; // grows with each change of the entries
    int n;
    struct rank_entry entries[HELD_MAX]; // oldest first
};

// Never freed; the record of an ended thread is used again. `state` is changed by the owner alone,
// with `guard`, so the owner reads it without and others with it.
struct rank_thread {
    struct rank_thread *next; // fixed
    _Atomic bool in_use;
    atomic_flag guard;
    struct rank_state state;
    unsigned nbuckets; // of the parking lot, locked; the owner's
    const void *highest_bucket;
};

// The calling thread's record.
struct rank_thread *rank_self(void);
// The newest record; the list only grows.
struct rank_thread *rank_threads(void);
// A copy of a thread's state.
void rank_look(struct rank_thread *, struct rank_state *out);
// Prints the thread with what it holds and waits for.
void rank_print(FILE *, const struct rank_state *);

static inline bool lock_holds_conflict(enum lock_hold a, enum lock_hold b)
{
    if (a == HOLD_NONE || b == HOLD_NONE)
        return false;
    return a == HOLD_WRITE || b == HOLD_WRITE || (a == HOLD_UPGRADABLE && b == HOLD_UPGRADABLE);
}

#endif
