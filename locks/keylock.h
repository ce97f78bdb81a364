// SPDX-License-Identifier: MIT
// The lock of one key: a word in the key's dictionary entry, for many readers or one writer.
//
// What sets it apart from rwlock.h is that it dies. An entry is removed from the dictionary and
// freed while threads wait for its lock; they must then look the key up anew, and find either
// nothing or another entry with another lock. Making a second lock for a key while somebody still
// waits for the first is the classic error of tables of locks. Here it cannot happen: only the
// holder removes the entry, and it kills the word, which sends every waiter back to the lookup.
//
// The word
//
//   31                                4     3      2        1       0
//   +---------------------------------+------+----------+--------+--------+
//   |        number of readers        | DEAD | MUTATING | WRITER | PARKED |
//   +---------------------------------+------+----------+--------+--------+
//
//   state                     word                      how it is left
//   free                      0                         either mode is taken by one CAS
//   free, waiters remain      PARKED                    whoever comes takes it and keeps PARKED
//   read by n                 n * READER                readers join and leave by one CAS
//   read by n, waiters        n * READER | PARKED       new readers queue; the last one out wakes
//   written                   WRITER                    one CAS to 0
//   written, waiters          WRITER | PARKED           the unlock wakes, under the bucket lock
//   written, half done        WRITER | MUTATING [| P.]  as written; unlock and kill clear MUTATING
//   dead                      DEAD                      never
//
// Invariants
//   1. PARKED is set and cleared only under the parking lot's bucket lock of the word; whenever
//   that
//      is free, PARKED is set exactly if somebody is queued on the word.
//   2. WRITER excludes readers. MUTATING implies WRITER. DEAD stands alone.
//   3. Nobody queues on a word that is free or dead. So a queue always has a holder ahead of it, or
//      a woken waiter that owes the word a visit (see KEYLOCK_RETRY).
//   4. A held word with PARKED becomes free only under the bucket lock.
//   5. Only the write holder kills. So the word of a holder, and of a waiter still queued, is
//   alive.
//
// Queueing: one queue for both modes, first come, first served. When the word becomes free, the
// front decides. Readers at the front get it handed over, all up to the first writer: they run
// together, and a reader woken to compete might find itself behind that writer again. A writer at
// the front is only woken, and competes with running threads for the freed word, which is what
// keeps throughput up; but when the bucket's fairness timer says so (about every half
// millisecond) it gets the word handed over, so it waits for a bounded number of holders.
//
// Memory lifetime: the word may be freed a grace period after keylock_kill() returned. Functions
// marked "epoch" need the caller inside an epoch (or a holder of the word); the others need not,
// since the caller holds the lock, and they touch the word no more once it is released.
//
// Lock order: a thread that waits here holds no mutex. Several keys are locked in ascending
// (hash, key bytes). See README.md.
#pragma once

#include "locks/parking_lot.h"
#include "locks/stats.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct keylock {
    _Atomic uint32_t word;
};

enum keylock_bits {
    KEYLOCK_PARKED = 1,
    KEYLOCK_WRITER = 2,
    KEYLOCK_MUTATING = 4,
    KEYLOCK_DEAD = 8,
    KEYLOCK_READER = 16, // one reader; the count is in the bits from here up
};

enum keylock_mode { KEYLOCK_READ, KEYLOCK_WRITE };

enum keylock_result {
    KEYLOCK_HELD,   // the caller holds the lock, and the entry is alive
    KEYLOCK_RETRY,  // look the key up again: the word is dead or freed, or it was only our turn
    KEYLOCK_QUEUED, // keylock_lock_async() only: the waiter's wake function will run
};

// What surrounds a sleep: the caller leaves its epoch before it and enters again afterwards.
// before_sleep and still_asleep may use locks; none may use the key lock waited for.
struct keylock_hooks {
    void (*before_sleep)(void *arg);
    void (*after_sleep)(void *arg);
    void (*still_asleep)(void *arg); // in debug builds, about once a second; NULL: nothing
};

// Before the entry is published. With write_held the creator holds it from the start: the
// placeholder of a key that a command may be about to create.
static inline void keylock_init(struct keylock *lock, bool write_held)
{
    // Relaxed: the release store that publishes the entry orders it.
    atomic_store_explicit(&lock->word, write_held ? KEYLOCK_WRITER : 0, memory_order_relaxed);
}

// Takes the lock if that needs no waiting. Epoch. False: contended (perhaps only by another reader
// arriving at the same instant) or dead.
static inline bool keylock_try(struct keylock *lock, enum keylock_mode mode)
{
    uint32_t word = 0, taken = mode == KEYLOCK_READ ? KEYLOCK_READER : KEYLOCK_WRITER;
    // Guess that it is free, rather than look first: a load right after the last unlock of this
    // thread would wait for it, which is half the price of the pair.
    // Acquire: sees what earlier writers published, and for a writer that earlier readers are done.
    if (__builtin_expect(atomic_compare_exchange_strong_explicit(
                             &lock->word, &word, taken, memory_order_acquire, memory_order_relaxed),
                         1))
        return true;
    if (mode == KEYLOCK_WRITE || (word & (KEYLOCK_PARKED | KEYLOCK_WRITER | KEYLOCK_DEAD)))
        return false;
    return atomic_compare_exchange_strong_explicit(&lock->word, &word, word + KEYLOCK_READER,
                                                   memory_order_acquire, memory_order_relaxed);
}

// Spins, then sleeps. Epoch, on entry and on return; around the sleep it calls the hooks (NULL: the
// word outlives the call for another reason). After KEYLOCK_RETRY the caller must not touch the
// word again, and owes the key a visit: the wake-up may have been meant to pass the lock on. So it
// looks the key up and locks it, or gives up through keylock_pass_on().
//
// `stats` (NULL: counted here, each call for itself) makes one wait of all the calls that it takes
// to get a key. The caller zeroes it, and ends it with lock_wait_ends() once it has the key or has
// given up; it is left alone when the fast path succeeds.
enum keylock_result keylock_lock_slow(struct keylock *lock, enum keylock_mode mode,
                                      const struct keylock_hooks *hooks, void *arg,
                                      struct lock_wait *stats);

static inline enum keylock_result keylock_lock(struct keylock *lock, enum keylock_mode mode,
                                               const struct keylock_hooks *hooks, void *arg)
{
    if (__builtin_expect(keylock_try(lock, mode), 1))
        return KEYLOCK_HELD;
    return keylock_lock_slow(lock, mode, hooks, arg, NULL);
}

// As keylock_lock(), but where that would sleep the caller's waiter (with its wake function set) is
// queued instead and KEYLOCK_QUEUED returned. Epoch; the caller may leave it then. The wake
// function gets a token for keylock_wake_result(). It runs inside another holder's unlock: it may
// note the result and signal its loop, no more. The wait is not counted: the caller may embrace it
// with lock_wait_sleeps() and lock_wait_ends().
enum keylock_result keylock_lock_async(struct keylock *lock, enum keylock_mode mode,
                                       struct park_waiter *waiter);

// KEYLOCK_HELD or KEYLOCK_RETRY, with the meaning (and the debt) they have in keylock_lock_slow().
enum keylock_result keylock_wake_result(uintptr_t token);

// Withdraws a queued waiter. Epoch. True: withdrawn, its wake function will not run. False: it has
// run or is about to, and what it brings (perhaps the lock) must be dealt with.
bool keylock_cancel(struct park_waiter *waiter);

// For who was told KEYLOCK_RETRY and wants the key no more, with the lock found by looking the key
// up again: if it is free while others wait, wakes the next. Epoch. Nothing found: nothing owed.
void keylock_pass_on(struct keylock *lock);

void keylock_unlock_slow(struct keylock *lock, enum keylock_mode mode);

// The caller holds the lock in that mode. Ends keylock_set_mutating().
static inline void keylock_unlock(struct keylock *lock, enum keylock_mode mode)
{
    uint32_t word = mode == KEYLOCK_READ ? KEYLOCK_READER : KEYLOCK_WRITER;
    // Release: publishes what a writer did, and keeps a reader's loads before its leaving. When
    // that is not the whole word (other readers, waiters, MUTATING) the slow path looks closer.
    if (__builtin_expect(!atomic_compare_exchange_strong_explicit(
                             &lock->word, &word, 0, memory_order_release, memory_order_relaxed),
                         0))
        keylock_unlock_slow(lock, mode);
}

// The caller holds the lock for writing and has unlinked the entry. Nobody will ever hold the lock
// again; all who wait are woken with KEYLOCK_RETRY. Afterwards the caller retires the entry.
void keylock_kill(struct keylock *lock);

// For a reader that wants the entry gone: gives up its hold. True: it was the last reader and now
// holds the lock for writing, to unlink the entry and kill the lock (or to unlock it for
// writing). False: others read on, and nothing is held.
bool keylock_release_last(struct keylock *lock);

// The caller holds several keys for writing: from now until the unlock, lock-free readers of this
// key must not look. They take the read lock instead, which waits. Once every key of the command is
// marked, the command may begin to publish: who sees one new value and then looks at another of the
// keys sees the mark there, because values are published with release and read with acquire.
static inline void keylock_set_mutating(struct keylock *lock)
{
    // Relaxed would do, for the reason given above; acq_rel keeps the mark in its place even among
    // stores that are not release, at no cost where read-modify-write is a full barrier anyway.
    atomic_fetch_or_explicit(&lock->word, KEYLOCK_MUTATING, memory_order_acq_rel);
}

// Epoch. Acquire: false orders the reader's following loads after the last multi-key command.
static inline bool keylock_mutating(const struct keylock *lock)
{
    return atomic_load_explicit(&lock->word, memory_order_acquire) & KEYLOCK_MUTATING;
}

// The caller holds the lock. Whether somebody is parked on it; old when it arrives.
static inline bool keylock_awaited(const struct keylock *lock)
{
    return atomic_load_explicit(&lock->word, memory_order_relaxed) & KEYLOCK_PARKED;
}

// Epoch. Acquire: true means that the entry has been unlinked.
static inline bool keylock_dead(const struct keylock *lock)
{
    return atomic_load_explicit(&lock->word, memory_order_acquire) & KEYLOCK_DEAD;
}
