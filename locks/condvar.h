// SPDX-License-Identifier: MIT
// A condition variable for struct mutex, 8 bytes.
//
// Invariants
//   1. `mutex` is the one mutex of all who wait, NULL while nobody waits. It is set and cleared
//   only
//      under the parking lot's bucket lock of the condition variable.
//   2. A waiter is queued before it releases the mutex, so a notification by anybody who takes the
//      mutex after that finds it.
//
// Notifying all wakes at most one waiter: the others are moved to the queue of the mutex, where
// each unlock wakes the next, instead of all waking up to fight for a mutex that only one can have.
// If the mutex is held at that moment, as it often is by the notifier, even the first one is moved.
//
// Wake-ups are never spurious, but the condition may have changed again before the woken thread has
// the mutex back: wait in a loop. All waiters of one condition variable at a time use one mutex.
// A waiter that has returned, or is about to, does not touch the condition variable, so who
// notified the last of them may free it.
#pragma once

#include "locks/mutex.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct condvar {
    struct mutex *_Atomic mutex;
};

#define CONDVAR_INIT                                                                               \
    {                                                                                              \
        NULL                                                                                       \
    }

// For memory that CONDVAR_INIT cannot reach.
static inline void condvar_init(struct condvar *condvar)
{
    // Relaxed: publishing the memory that contains it orders it.
    atomic_store_explicit(&condvar->mutex, NULL, memory_order_relaxed);
}

// Releases the mutex, waits for a notification or the deadline (CLOCK_MONOTONIC, ns; negative:
// none), and takes the mutex again. The caller holds the mutex, before and after, whatever the
// result. False: the deadline came first.
bool condvar_wait_until(struct condvar *condvar, struct mutex *mutex, int64_t deadline_ns);

static inline void condvar_wait(struct condvar *condvar, struct mutex *mutex)
{
    (void)condvar_wait_until(condvar, mutex, -1);
}

void condvar_notify_one_slow(struct condvar *condvar);
void condvar_notify_all_slow(struct condvar *condvar, struct mutex *mutex);

// Wakes the longest waiter, if any. Who changed the condition under the mutex may notify after the
// unlock as well as before.
static inline void condvar_notify_one(struct condvar *condvar)
{
    // Relaxed: a waiter that must be found set it before it released the mutex that the notifier
    // has held since.
    if (atomic_load_explicit(&condvar->mutex, memory_order_relaxed) != NULL)
        condvar_notify_one_slow(condvar);
}

// Wakes all who wait, one after the other as they get the mutex.
static inline void condvar_notify_all(struct condvar *condvar)
{
    struct mutex *mutex = atomic_load_explicit(&condvar->mutex, memory_order_relaxed);
    if (mutex != NULL)
        condvar_notify_all_slow(condvar, mutex);
}

#if defined(KL_DEBUG) && !defined(LOCKS_UNRANKED)
#define condvar_wait(condvar, m) ((condvar_wait)(condvar, RANK_LEND(m)), (void)rank_taken(true))
#define condvar_wait_until(condvar, m, deadline_ns)                                                \
    rank_taken((condvar_wait_until)(condvar, RANK_LEND(m), deadline_ns))
#endif
