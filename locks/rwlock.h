// SPDX-License-Identifier: MIT
// A reader-writer lock of four bytes, with one upgradable reader.
//
// Readers share; a writer is alone; an upgradable reader shares with readers but not with another
// of its kind, and can become the writer without letting another writer in between.
//
// The word
//
//   31                            4      3         2            1           0
//   +-----------------------------+--------+------------+--------------+--------+
//   |      number of readers      | WRITER | UPGRADABLE | DRAIN_PARKED | PARKED |
//   +-----------------------------+--------+------------+--------------+--------+
//
//   hold         its bits               may be taken unless
//   read         READER                 WRITER
//   upgradable   READER | UPGRADABLE    WRITER or UPGRADABLE
//   write        WRITER                 WRITER or UPGRADABLE; then waits until no readers are left
//
// A writer thus takes its bit first, which keeps new readers out, and lets those inside drain:
// readers can delay it, not starve it. Two queues in the parking lot: those who wait for WRITER or
// UPGRADABLE to go are parked at the word's address, the one writer that drains a byte behind.
//
// Invariants
//   1. PARKED is set and cleared only under the bucket lock of the word's address, DRAIN_PARKED
//      under that of the address one byte on. When the bucket lock is free, a waiter in the queue
//      implies the bit.
//   2. WRITER excludes UPGRADABLE. DRAIN_PARKED implies WRITER.
//   3. While WRITER is set, readers only leave.
//   4. Whoever takes WRITER or UPGRADABLE away wakes the queue of PARKED; whoever takes the number
//      of readers to 0 under DRAIN_PARKED wakes the drainer.
//
// Fairness: as in mutex.h, an unlock now and then (or unlock_*_fair always) hands the lock over to
// those at the front of the queue instead of letting them compete.
//
// All deadlines are CLOCK_MONOTONIC in ns, negative: none; false means that it passed first.
// Nothing is recursive: a reader that takes a second read hold can wait for ever behind a writer.
//
// Everywhere but in the locks themselves and their tests a lock is a RWLOCK(rank), see rank.h.
#pragma once

#include "locks/rank.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct rwlock {
    _Atomic uint32_t state;
};

#define RWLOCK_INIT                                                                                \
    {                                                                                              \
        0                                                                                          \
    }

enum rwlock_bits {
    RWLOCK_PARKED = 1,
    RWLOCK_DRAIN_PARKED = 2,
    RWLOCK_UPGRADABLE = 4,
    RWLOCK_WRITER = 8,
    RWLOCK_READER = 16,
};

// For memory that RWLOCK_INIT cannot reach. Zeroed memory is a free lock, too.
static inline void rwlock_init(struct rwlock *lock)
{
    // Relaxed: publishing the memory that contains the lock orders it.
    atomic_store_explicit(&lock->state, 0, memory_order_relaxed);
}

// Cold paths, called by the functions below only.
bool rwlock_lock_read_slow(struct rwlock *lock, int64_t deadline_ns);
void rwlock_unlock_read_slow(struct rwlock *lock);
bool rwlock_lock_write_slow(struct rwlock *lock, int64_t deadline_ns);
void rwlock_unlock_write_slow(struct rwlock *lock, bool fair);

// ---- reading ---------------------------------------------------------------------------------

static inline bool rwlock_try_read(struct rwlock *lock)
{
    uint32_t state = atomic_load_explicit(&lock->state, memory_order_relaxed);
    while (!(state & RWLOCK_WRITER))
        // Acquire: sees what earlier writers did.
        if (atomic_compare_exchange_weak_explicit(&lock->state, &state, state + RWLOCK_READER,
                                                  memory_order_acquire, memory_order_relaxed))
            return true;
    return false;
}

static inline bool rwlock_lock_read_until(struct rwlock *lock, int64_t deadline_ns)
{
    return __builtin_expect(rwlock_try_read(lock), 1) || rwlock_lock_read_slow(lock, deadline_ns);
}

static inline void rwlock_lock_read(struct rwlock *lock)
{
    (void)rwlock_lock_read_until(lock, -1);
}

static inline void rwlock_unlock_read(struct rwlock *lock)
{
    // Release: keeps this reader's loads before the next writer's stores.
    uint32_t before = atomic_fetch_sub_explicit(&lock->state, RWLOCK_READER, memory_order_release);
    uint32_t last = RWLOCK_READER | RWLOCK_DRAIN_PARKED;
    uint32_t mask = ~(uint32_t)(RWLOCK_READER - 1) | RWLOCK_DRAIN_PARKED;
    if (__builtin_expect((before & mask) == last, 0))
        rwlock_unlock_read_slow(lock);
}

// ---- writing ---------------------------------------------------------------------------------

static inline bool rwlock_try_write(struct rwlock *lock)
{
    uint32_t state = atomic_load_explicit(&lock->state, memory_order_relaxed);
    while (!(state & ~(uint32_t)RWLOCK_PARKED))
        // Acquire: sees what earlier holders did.
        if (atomic_compare_exchange_weak_explicit(&lock->state, &state, state | RWLOCK_WRITER,
                                                  memory_order_acquire, memory_order_relaxed))
            return true;
    return false;
}

static inline bool rwlock_lock_write_until(struct rwlock *lock, int64_t deadline_ns)
{
    uint32_t expected = 0;
    if (__builtin_expect(atomic_compare_exchange_weak_explicit(&lock->state, &expected,
                                                               RWLOCK_WRITER, memory_order_acquire,
                                                               memory_order_relaxed),
                         1))
        return true;
    return rwlock_lock_write_slow(lock, deadline_ns);
}

static inline void rwlock_lock_write(struct rwlock *lock)
{
    (void)rwlock_lock_write_until(lock, -1);
}

static inline void rwlock_unlock_write(struct rwlock *lock)
{
    uint32_t expected = RWLOCK_WRITER;
    // Release: publishes what this writer did.
    if (__builtin_expect(!atomic_compare_exchange_strong_explicit(&lock->state, &expected, 0,
                                                                  memory_order_release,
                                                                  memory_order_relaxed),
                         0))
        rwlock_unlock_write_slow(lock, false);
}

// As rwlock_unlock_write(), but those at the front of the queue get the lock for certain.
static inline void rwlock_unlock_write_fair(struct rwlock *lock)
{
    uint32_t expected = RWLOCK_WRITER;
    if (!atomic_compare_exchange_strong_explicit(&lock->state, &expected, 0, memory_order_release,
                                                 memory_order_relaxed))
        rwlock_unlock_write_slow(lock, true);
}

// ---- upgradable reading ----------------------------------------------------------------------

bool rwlock_try_upgradable(struct rwlock *lock);
bool rwlock_lock_upgradable_until(struct rwlock *lock, int64_t deadline_ns);
void rwlock_unlock_upgradable(struct rwlock *lock);
void rwlock_unlock_upgradable_fair(struct rwlock *lock);

static inline void rwlock_lock_upgradable(struct rwlock *lock)
{
    (void)rwlock_lock_upgradable_until(lock, -1);
}

// From an upgradable hold to a write hold. On false the upgradable hold remains.
bool rwlock_try_upgrade(struct rwlock *lock);
bool rwlock_upgrade_until(struct rwlock *lock, int64_t deadline_ns);

static inline void rwlock_upgrade(struct rwlock *lock)
{
    (void)rwlock_upgrade_until(lock, -1);
}

// From the stronger hold to the weaker, without a moment in between. Never waits.
void rwlock_downgrade(struct rwlock *lock);               // write -> read
void rwlock_downgrade_to_upgradable(struct rwlock *lock); // write -> upgradable
void rwlock_downgrade_upgradable(struct rwlock *lock);    // upgradable -> read

// ---- ranks -----------------------------------------------------------------------------------

#define RWLOCK(rank) RANKED(struct rwlock, rank)

#if defined(KL_DEBUG) && !defined(LOCKS_UNRANKED)
#define rwlock_init(l)                 (rwlock_init)(&(l)->lock)
#define rwlock_try_read(l)             RANK_TRY(rwlock_try_read, l, HOLD_READ)
#define rwlock_lock_read(l)            RANK_LOCK(rwlock_lock_read, l, HOLD_READ)
#define rwlock_lock_read_until(l, ns)  RANK_LOCK_UNTIL(rwlock_lock_read_until, l, HOLD_READ, ns)
#define rwlock_unlock_read(l)          RANK_UNLOCK(rwlock_unlock_read, l, HOLD_READ)
#define rwlock_try_write(l)            RANK_TRY(rwlock_try_write, l, HOLD_WRITE)
#define rwlock_lock_write(l)           RANK_LOCK(rwlock_lock_write, l, HOLD_WRITE)
#define rwlock_lock_write_until(l, ns) RANK_LOCK_UNTIL(rwlock_lock_write_until, l, HOLD_WRITE, ns)
#define rwlock_unlock_write(l)         RANK_UNLOCK(rwlock_unlock_write, l, HOLD_WRITE)
#define rwlock_unlock_write_fair(l)    RANK_UNLOCK(rwlock_unlock_write_fair, l, HOLD_WRITE)
#define rwlock_try_upgradable(l)       RANK_TRY(rwlock_try_upgradable, l, HOLD_UPGRADABLE)
#define rwlock_lock_upgradable(l)      RANK_LOCK(rwlock_lock_upgradable, l, HOLD_UPGRADABLE)
#define rwlock_lock_upgradable_until(l, ns)                                                        \
    RANK_LOCK_UNTIL(rwlock_lock_upgradable_until, l, HOLD_UPGRADABLE, ns)
#define rwlock_unlock_upgradable(l) RANK_UNLOCK(rwlock_unlock_upgradable, l, HOLD_UPGRADABLE)
#define rwlock_unlock_upgradable_fair(l)                                                           \
    RANK_UNLOCK(rwlock_unlock_upgradable_fair, l, HOLD_UPGRADABLE)
#define rwlock_try_upgrade(l) rank_taken((rwlock_try_upgrade)(RANK_WAIT_UPGRADE(l, RANK_TRIES)))
#define rwlock_upgrade(l)                                                                          \
    ((rwlock_upgrade)(RANK_WAIT_UPGRADE(l, RANK_WAITS)), (void)rank_taken(true))
#define rwlock_upgrade_until(l, ns)                                                                \
    rank_taken((rwlock_upgrade_until)(RANK_WAIT_UPGRADE(l, RANK_WAITS_TIMED), ns))
#define rwlock_downgrade(l) (rwlock_downgrade)(RANK_LESSEN(l, HOLD_WRITE, HOLD_READ))
#define rwlock_downgrade_to_upgradable(l)                                                          \
    (rwlock_downgrade_to_upgradable)(RANK_LESSEN(l, HOLD_WRITE, HOLD_UPGRADABLE))
#define rwlock_downgrade_upgradable(l)                                                             \
    (rwlock_downgrade_upgradable)(RANK_LESSEN(l, HOLD_UPGRADABLE, HOLD_READ))
#endif
