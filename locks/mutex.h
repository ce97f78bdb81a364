// SPDX-License-Identifier: MIT
// A mutex of one byte: two bits, and in the others the number of spinners.
//
//   LOCKED PARKED
//     0      0     free
//     1      0     held, nobody is parked
//     1      1     held, somebody is parked
//     0      1     free, and spinners are counted while others are parked: one of them or whoever
//                  comes first takes the lock and inherits PARKED
//
// Uncontended lock and unlock are one compare-and-swap each, inline. Waiters spin, then park (see
// parking_lot.h). One who has spun for a while, or finds others parked, spins on only as one of a
// few who are counted, about one for each CPU; the others park. While a spinner is counted, an
// unlock wakes nobody: a thread that runs is not made to wait for one that still has to wake up,
// and those for whom there is no CPU sleep, instead of taking turns with the holder. When nobody is
// counted, an unlock wakes the first waiter, who counts from then on, and competes with whoever
// passes by. (The idea is that of D. Dice, "Malthusian Locks", EuroSys 2017: no more threads
// circulate over a lock than keep it busy. The sleepers' turn comes here by hand-over.)
//
// About every half millisecond of each thread, after a long hold (handover.h), and for a waiter
// that was woken before and found the mutex taken again, the unlock hands the mutex over instead,
// without freeing it: nobody waits for ever. Who has handed it over and comes back goes behind
// those who wait, without spinning; but ahead of those who handed it over later and were back
// earlier, so that threads take turns in one order whatever the scheduler does.
//
// Invariants
// 1. PARKED is set and cleared only under the parking lot's bucket lock of the mutex, and when that
//    is free, a waiter in the queue implies PARKED.
// 2. A counted spinner ceases to be one by taking the mutex, or by joining the queue while the
// mutex
//    is held: so whoever frees it may rely on him.
//
// The memory may be freed as soon as the last unlock has let another thread in that knows it is
// the last user: unlock touches the byte no more once it is free.
//
// Everywhere but in the locks themselves and their tests a mutex is a MUTEX(rank), see rank.h.
#pragma once

#include "locks/rank.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct mutex {
    _Atomic uint8_t state;
};

#define MUTEX_INIT                                                                                 \
    {                                                                                              \
        0                                                                                          \
    }

enum {
    MUTEX_LOCKED = 1,
    MUTEX_PARKED = 2,
    MUTEX_SPINNER = 4, // one of them; there is room for 63
};

// Cold paths, called by the functions below only.
bool mutex_lock_slow(struct mutex *mutex, int64_t deadline_ns);
void mutex_unlock_slow(struct mutex *mutex, bool fair);

// What a waiter is told that is woken. For who parks on a mutex: mutex.c, and condvar.c, whose
// waiters are moved to the mutex's queue.
enum {
    MUTEX_TOKEN_TRY_AGAIN,   // by an unlock: it is counted as a spinner
    MUTEX_TOKEN_HANDED_OVER, // by an unlock: it has the mutex
    MUTEX_TOKEN_NOTIFIED,    // by a condition variable: nothing
};

// For condvar.c: takes the mutex for a waiter that was told MUTEX_TOKEN_TRY_AGAIN.
void mutex_lock_woken(struct mutex *mutex);
// For condvar.c, under the bucket lock of the mutex. The first sets PARKED if the mutex is held and
// says whether it is; the second sets it regardless; the third clears it, when nobody is queued.
bool mutex_announce_waiter_locked(struct mutex *mutex);
void mutex_mark_parked_locked(struct mutex *mutex);
void mutex_forget_parked_locked(struct mutex *mutex);

// For memory that MUTEX_INIT cannot reach. Zeroed memory is a free mutex, too.
static inline void mutex_init(struct mutex *mutex)
{
    // Relaxed: publishing the memory that contains the mutex orders it.
    atomic_store_explicit(&mutex->state, 0, memory_order_relaxed);
}

// Takes the mutex if that needs no waiting.
static inline bool mutex_try_lock(struct mutex *mutex)
{
    uint8_t state = atomic_load_explicit(&mutex->state, memory_order_relaxed);
    while (!(state & MUTEX_LOCKED))
        // Acquire: sees what earlier holders did.
        if (atomic_compare_exchange_weak_explicit(&mutex->state, &state,
                                                  (uint8_t)(state | MUTEX_LOCKED),
                                                  memory_order_acquire, memory_order_relaxed))
            return true;
    return false;
}

// Takes the mutex, waiting until the deadline (CLOCK_MONOTONIC, ns; negative: for ever). False: the
// deadline came first. Not recursive.
static inline bool mutex_lock_until(struct mutex *mutex, int64_t deadline_ns)
{
    uint8_t expected = 0;
    if (__builtin_expect(atomic_compare_exchange_weak_explicit(&mutex->state, &expected,
                                                               MUTEX_LOCKED, memory_order_acquire,
                                                               memory_order_relaxed),
                         1))
        return true;
    return mutex_lock_slow(mutex, deadline_ns);
}

static inline void mutex_lock(struct mutex *mutex)
{
    (void)mutex_lock_until(mutex, -1);
}

// The caller holds the mutex.
static inline void mutex_unlock(struct mutex *mutex)
{
    uint8_t expected = MUTEX_LOCKED;
    // Release: publishes what this holder did.
    if (__builtin_expect(atomic_compare_exchange_strong_explicit(&mutex->state, &expected, 0,
                                                                 memory_order_release,
                                                                 memory_order_relaxed),
                         1))
        return;
    mutex_unlock_slow(mutex, false);
}

// As mutex_unlock(), but a parked waiter gets the mutex for certain. For holders that would take it
// again at once, such as a long job that lets others in between its steps.
static inline void mutex_unlock_fair(struct mutex *mutex)
{
    uint8_t expected = MUTEX_LOCKED;
    if (!atomic_compare_exchange_strong_explicit(&mutex->state, &expected, 0, memory_order_release,
                                                 memory_order_relaxed))
        mutex_unlock_slow(mutex, true);
}

// Whether anybody holds it: for assertions only, since the answer is old when it arrives.
static inline bool mutex_is_locked(const struct mutex *mutex)
{
    return atomic_load_explicit(&mutex->state, memory_order_relaxed) & MUTEX_LOCKED;
}

// ---- ranks -----------------------------------------------------------------------------------

#define MUTEX(rank) RANKED(struct mutex, rank)

// mutex_lock_as() takes the mutex at another rank than its own: the second of two alike, whose
// order something else sees to. LOCKS_UNRANKED is defined by files that use struct mutex as it is.
#if !defined(KL_DEBUG) || defined(LOCKS_UNRANKED)
#define mutex_lock_as(m, rank) mutex_lock(m)
#else
#define mutex_init(m)           (mutex_init)(&(m)->lock)
#define mutex_is_locked(m)      (mutex_is_locked)(&(m)->lock)
#define mutex_try_lock(m)       RANK_TRY(mutex_try_lock, m, HOLD_WRITE)
#define mutex_lock_as(m, rank)  RANK_LOCK_AS(mutex_lock, m, rank, HOLD_WRITE)
#define mutex_lock(m)           RANK_LOCK(mutex_lock, m, HOLD_WRITE)
#define mutex_lock_until(m, ns) RANK_LOCK_UNTIL(mutex_lock_until, m, HOLD_WRITE, ns)
#define mutex_unlock(m)         RANK_UNLOCK(mutex_unlock, m, HOLD_WRITE)
#define mutex_unlock_fair(m)    RANK_UNLOCK(mutex_unlock_fair, m, HOLD_WRITE)
#endif
