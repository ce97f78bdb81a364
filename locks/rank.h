// SPDX-License-Identifier: MIT
// Lock ranks: the order in which one thread may take locks (README.md), checked in debug builds.
//
// Two threads that each hold one lock and wait for the other's wait for ever, if both came at the
// wrong moment, which is rare. That they take the two in different orders is seen each time. So
// each lock has a rank, and each rank names the ranks that may be held by who waits for it, all of
// them before it in the list below: no path leads back.
//
// A mutex or rwlock is declared with its rank, once, and used as ever:
//
//     MUTEX(RANK_THREADS) threads_lock;
//     ...
//     mutex_lock(&store->threads_lock);
//
// Without KL_DEBUG that declares a struct mutex and calls a function, and nothing of this file is
// left. With it the rank is part of the lock's type, which costs no room in the lock, and the
// function is wrapped in a macro that keeps a record of what the thread holds. A struct mutex
// without a rank does not compile there.
//
// Invariants of the record
//   1. What a thread holds is on its record, from after the acquisition until before the release.
//   2. What it waits for is, from before the call until after it.
//   3. Only the thread itself changes its record; others may look (deadlock.c).
//
// What ends the process, after a message that names the locks and the places:
//   - a wait for a lock that may not be taken while another one is held, whether or not the lock
//     is free at that moment; trying without waiting is always allowed;
//   - a wait for a lock that the thread holds already;
//   - the release of a lock that it does not hold in that way;
//   - the end of a thread that holds a lock.
//
// Locks of keys are not on the record, since they belong to commands rather than threads; what is
// checked is that a thread that may wait for one holds none of the others. Among themselves they
// are ordered by keyspace_lock().
#pragma once

#include <stdbool.h>

// In the order in which they may be taken; rank.c has the exact table.
enum lock_rank {
    RANK_EXPIRE = 1,       // one runner of active expiry; only tried
    RANK_EXCLUSIVE,        // one closer of the gate
    RANK_KEY,              // the lock of a key
    RANK_DICT_RESIZE,      // one resizer of a dictionary; only tried
    RANK_DICT_BUCKET,      // a bucket of a dictionary
    RANK_DICT_BUCKET_HIGH, // for its resizer: the higher one of two
    RANK_STREAM,           // what a worker thread has replied
    RANK_WORKERS,          // the queue of the worker threads
    RANK_THREADS,          // the list of threads
    RANK_CLIENTS,          // the clients of one thread
    RANK_INBOX,            // what other threads have for a connection thread
    RANK_DEFERRED,         // commands that wait for the gate to open
    RANK_LAZYFREE,         // what is to be freed in slices
    RANK_WATCH,            // who watches a key
    RANK_ERRORS,           // the counts of errors
    RANK_RATES,            // the samples of rates
    RANK_CONFIG,           // the configuration
    RANK_LOCK_VIEW,        // what a thread waits for
    RANK_HOT_KEYS,         // the sketch of hot keys
    RANK_SLOWLOG,          // the list of slow commands
    RANK_PARKING_LOT,      // a bucket of the parking lot
    LOCK_RANKS
};

#ifdef KL_DEBUG

// The type of a lock with a rank. The second member has no elements, and its type knows the rank.
#define RANKED(type, rank)                                                                         \
    union {                                                                                        \
        type lock;                                                                                 \
        char rank_of[0][rank];                                                                     \
    }
#define RANK_OF(l) ((enum lock_rank)sizeof((l)->rank_of[0]))

// A place in the source that names a lock.
struct lock_site {
    const char *lock, *file;
    int line;
    enum lock_rank rank;
};

#define LOCK_SITE(name, rank_)                                                                     \
    ({                                                                                             \
        static const struct lock_site site_ = {name, __FILE__, __LINE__, rank_};                   \
        &site_;                                                                                    \
    })

// How a lock is held; each excludes WRITE, and UPGRADABLE another UPGRADABLE. A mutex is written.
enum lock_hold { HOLD_NONE, HOLD_READ, HOLD_UPGRADABLE, HOLD_WRITE };

enum rank_patience { RANK_WAITS, RANK_WAITS_TIMED, RANK_TRIES };

const char *lock_rank_name(enum lock_rank);
// Whether a thread that holds the one may wait for the other.
bool lock_rank_allows(enum lock_rank held, enum lock_rank wanted);

// The wrappers of the lock functions, each around one call: rank_taken(rwlock_try_read(
// rank_wait(...))). Those that get a lock return it.
//
// The caller is about to take the lock: checks the order, unless it only tries.
void *rank_wait(void *lock, const struct lock_site *, enum lock_hold, enum rank_patience);
// The caller has an upgradable hold, and is about to make it one for writing.
void *rank_wait_upgrade(void *lock, const struct lock_site *, enum rank_patience);
// The caller holds the lock for writing, and is about to lend it: it holds it again afterwards,
// whatever the success.
void *rank_lend(void *lock, const struct lock_site *);
// The attempt is over. Returns `success`.
bool rank_taken(bool success);
// The caller is about to turn its hold into a weaker one (HOLD_NONE: to release it).
void *rank_lessen(void *lock, const struct lock_site *, enum lock_hold from, enum lock_hold to);

// The same with the type of the lock, and the place of the macro's use; then whole wrappers of a
// function f.
#define RANK_WAIT(l, rank, hold, patience)                                                         \
    ((__typeof__(&(l)->lock))rank_wait(&(l)->lock, LOCK_SITE(#l, rank), hold, patience))
#define RANK_WAIT_UPGRADE(l, patience)                                                             \
    ((__typeof__(&(l)->lock))rank_wait_upgrade(&(l)->lock, LOCK_SITE(#l, RANK_OF(l)), patience))
#define RANK_LEND(l) ((__typeof__(&(l)->lock))rank_lend(&(l)->lock, LOCK_SITE(#l, RANK_OF(l))))
#define RANK_LESSEN(l, from, to)                                                                   \
    ((__typeof__(&(l)->lock))rank_lessen(&(l)->lock, LOCK_SITE(#l, RANK_OF(l)), from, to))

#define RANK_TRY(f, l, hold) rank_taken((f)(RANK_WAIT(l, RANK_OF(l), hold, RANK_TRIES)))
#define RANK_LOCK_AS(f, l, rank, hold)                                                             \
    ((f)(RANK_WAIT(l, rank, hold, RANK_WAITS)), (void)rank_taken(true))
#define RANK_LOCK(f, l, hold) RANK_LOCK_AS(f, l, RANK_OF(l), hold)
#define RANK_LOCK_UNTIL(f, l, hold, deadline_ns)                                                   \
    rank_taken((f)(RANK_WAIT(l, RANK_OF(l), hold, RANK_WAITS_TIMED), deadline_ns))
#define RANK_UNLOCK(f, l, hold) (f)(RANK_LESSEN(l, hold, HOLD_NONE))

// What follows wants no wait, but may come to one: checks as if it did.
#define rank_may_wait(rank) rank_may_wait_at(LOCK_SITE("a lock", rank))
void rank_may_wait_at(const struct lock_site *);

// For rwlock.c: the calling thread, which waits to write, keeps new readers out already.
void rank_drains(const void *lock);

// For parking_lot.c: a bucket is about to be locked; has been unlocked. Several are locked in
// ascending order of address, and nothing else under one.
void rank_bucket_wait(const void *bucket);
void rank_bucket_drop(void);

#else

#define RANKED(type, rank) type

static inline void rank_may_wait(enum lock_rank rank)
{
    (void)rank;
}

static inline void rank_drains(const void *lock)
{
    (void)lock;
}

static inline void rank_bucket_wait(const void *bucket)
{
    (void)bucket;
}

static inline void rank_bucket_drop(void)
{
}

#endif
