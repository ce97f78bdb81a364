// SPDX-License-Identifier: MIT
// Statistics of waiting for locks: how often, how long, who got the lock handed over, who starved.
//
// Nothing is counted where a lock is free: only the slow paths come here. A wait is counted when it
// is over, by the thread that waited, in one of a few stripes of counters, so that threads that
// wait for different locks do not meet on a cache line. Whoever asks adds the stripes up.
//
// Kinds are told apart, locks are not: the most-waited keys are the engine's business
// (server/engine/hot_keys.h), which knows their names.
//
// The time of a wait begins where its pause instructions end, that is with its first yield, or with
// its sleep if it does not yield; a clock before that would cost as much as the spinning. A wait
// that ended in a timeout counts as any other. Sleeping on a condition variable is not waiting for
// a lock; nor is what follows in the mutex's queue, if a notification has moved the sleeper there.
//
// Memory order: all relaxed. A reader may see the count of a wait before its time, or the reverse.
#pragma once

#include "locks/spin.h"

#include <stdbool.h>
#include <stdint.h>

enum lock_kind {
    LOCK_KIND_MUTEX,
    LOCK_KIND_RWLOCK_READ,
    LOCK_KIND_RWLOCK_WRITE, // upgradable holds, too
    LOCK_KIND_KEY_READ,
    LOCK_KIND_KEY_WRITE,
    LOCK_KINDS,
};

// One acquisition in its slow path; zero-initialised but for the kind. Belongs to one thread at a
// time. May span several calls of a lock function, as long as it takes to get what is wanted.
struct lock_wait {
    enum lock_kind kind;
    bool spun;        // at least one round
    bool handed_over; // the lock came by hand-over
    int64_t begun_ns; // 0: has not slept
};

// Before each sleep. The first one begins the wait and makes it one of the current waiters.
void lock_wait_sleeps(struct lock_wait *wait, const struct spin *spin);
// The acquisition is over, one way or the other: counts it as a wait, as one that only spun, or not
// at all. Returns the ns waited, 0 if it has not slept. The struct is ready for the next.
int64_t lock_wait_ends(struct lock_wait *wait);

// The end of a wait whose spinning is described by `spin`.
static inline int64_t lock_wait_ends_after(struct lock_wait *wait, const struct spin *spin)
{
    wait->spun |= spin->round > 0 || spin->repeats > 0;
    return lock_wait_ends(wait);
}

// One or several kinds summed.
struct lock_summary {
    uint64_t waits;    // acquisitions that slept
    uint64_t spins;    // acquisitions that spun and did not sleep; with many threads a few less
    uint64_t handoffs; // waits that ended in a hand-over
    uint64_t starved;  // waits longer than lock_tuning.starvation_ms
    uint64_t waiters;  // asleep now
    uint64_t wait_ns;  // of all waits together
    uint64_t p50_ns, p99_ns, max_ns; // of one wait; p50 and p99 are at most a quarter too high
};

#define LOCK_KINDS_ALL ((1u << LOCK_KINDS) - 1)

// Adds up the kinds whose bits (1 << kind) are set.
void lock_stats_read(unsigned kinds, struct lock_summary *out);
// "mutex", "rwlock-read" ...
const char *lock_kind_name(enum lock_kind kind);
// Back to zero, but for the current waiters. Counts that arrive meanwhile may or may not survive.
void lock_stats_reset(void);
