// SPDX-License-Identifier: MIT
// When a lock is handed over: given to a waiter by the unlock, instead of being left to whoever
// comes first. That keeps everybody's waiting short, and costs a wake-up for which nobody holds the
// lock; so it is the exception, about once in `lock_tuning.fairness_us`.
//
// The parking lot has one clock for each of its queues (parking_lot.c). A thread has one of its own
// as well, for locks with unlocks that do not come to the queue although somebody waits there
// (mutex.c): nothing shared is written for it. But for lock_tuning, all that the functions below
// read and write is the calling thread's own, so they need no lock, and may be called under any.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define HANDOVER_NS_PER_US 1000
// A hold of more than this part of the mean interval ends in a hand-over: one wake-up costs little
// beside it, and each time that a waiter is passed over costs it one such hold more.
#define HANDOVER_LONG_HOLD_PART 4

// A random time, in ns, of the given mean (us): so that users of a lock with a rhythm of their own
// do not fall into step with it. *seed is the caller's, and not 0.
static inline int64_t handover_interval_ns(uint32_t *seed, uint64_t mean_us)
{
    // xorshift32: never 0 from a seed that is not.
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return (int64_t)(mean_us * *seed >> 31) * HANDOVER_NS_PER_US; // 0 .. 2 * mean
}

// At an unlock with somebody in the queue: whether this thread should hand the lock over, because
// its interval is over or because it holds locks for long. Looks at the clock when `look` is set,
// and else only now and then, as often as is worth it.
bool handover_due(bool look);
// The thread has slept for a lock: its interval begins.
void handover_slept(void);

// The thread hands this lock over. To be called before the waiter is woken, who may take the CPU.
// The lock is remembered as an address only, and may go at any time.
void handover_made(const void *lock);
// When it did (CLOCK_MONOTONIC), if that is the last lock that it has handed over, and else 0.
// Tells each time once.
int64_t handover_made_last(const void *lock);
