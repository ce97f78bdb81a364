// SPDX-License-Identifier: MIT
// The parking lot: wait queues for anything that has an address.
//
// A lock that keeps its own queue is large. Here a lock is a few bits, and who waits for it stands
// in one global hash table, keyed by the lock's address, in memory that the waiters bring along.
// A lock nobody waits for therefore costs nothing but its bits.
//
//   table -> bucket 0   lock, fairness timer, head -> waiter(A) -> waiter(B) -> waiter(A)
//            bucket 1   lock, fairness timer, head -> (none)
//            ...        one cache line each
//
// Two kinds of waiter stand in the same queues:
//   - a thread, in park(): its waiter lives on its stack and it sleeps on a futex;
//   - a callback, after park_async(): the caller owns the waiter, and its wake function runs when
//     its turn comes. That is how a connection waits without blocking its thread.
//
// Invariants
//   1. Each address belongs to one bucket. Whether to park is decided (validate) under that
//      bucket's lock, and so is whom to wake: no wake-up falls between the two.
//   2. Waiters of one address leave the queue in the order they came, unless a filter skips them or
//      one says that it goes before others (goes_before).
//   3. A waiter is in a queue, or its wake has been decided, or it belongs to its owner. From the
//      first state it goes to the second (a wake) or the third (timeout, cancel), once, under the
//      bucket lock.
//   4. A decided wake is delivered after the bucket lock is released, exactly once, and then the
//      waiter is not touched again.
//   5. Bucket locks are the innermost locks of the process: nothing else is taken under one, except
//      by growth and requeue, which take further bucket locks in ascending order.
//   6. Tables are never freed: a thread may still wait for a bucket lock of an older one. Each is
//   at
//      least twice its predecessor, so all old ones together are smaller than the current one.
//
// Concurrency: every function may be called from any thread at any time. Callbacks documented as
// "under the bucket lock" must be short and must not park, unpark, allocate or take a lock.
//
// Memory order: what a thread did before it unparked a waiter happens before what the waiter does
// when park() returns or wake() runs. Callbacks under the bucket lock of one address happen in
// one order.
//
// The scheme is that of WebKit's ParkingLot (https://webkit.org/blog/6161/locking-in-webkit/) and
// of the Rust crate parking_lot_core. Differences: callback waiters, and waiters on the stack, so
// that a before_sleep callback may itself use locks that park.
#pragma once

#include "locks/futex.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// One who waits. Fields belong to the parking lot while it is queued or being woken, except the
// two that the owner of a callback waiter sets beforehand: wake, and whatever encloses the struct.
struct park_waiter {
    struct park_waiter *next; // in its bucket's queue, then in the list of those to wake
    _Atomic uintptr_t key;    // the address waited for; 0: not in a queue
    uintptr_t park_token;     // what the waiter tells whoever wakes it, or goes before it
    uintptr_t unpark_token;   // what the waker tells the waiter
    // Runs once, on the thread that unparks, with no bucket lock held but inside the unlock of that
    // thread's caller: be brief, do not block. NULL marks a sleeping thread. From here on the
    // waiter is the owner's again, and may be freed or parked anew.
    void (*wake)(struct park_waiter *waiter, uintptr_t token);
};

struct park_ops {
    // Under the bucket lock: false cancels parking.
    bool (*validate)(void *arg);
    // Under the bucket lock: whether the newcomer goes before a waiter of the same address with
    // this park token. It passes the last waiters of whom that is so, up to the first of whom it is
    // not. NULL: it goes behind all. park() only.
    bool (*goes_before)(void *arg, uintptr_t park_token);
    // Once queued, with no lock held, just before sleeping. NULL: nothing. park() only.
    void (*before_sleep)(void *arg);
    // Under the bucket lock, when a waiter left the queue by itself (timeout). addr is where it
    // last stood (a requeue may have moved it), was_last: nobody waits there any more.
    // NULL: nothing. park() only.
    void (*timed_out)(void *arg, const void *addr, bool was_last);
    // In debug builds, about once a second while the thread sleeps, on that thread, with no lock
    // held. NULL: nothing. park() only.
    void (*still_asleep)(void *arg);
};

enum park_status {
    PARK_UNPARKED,  // woken; .token is the waker's
    PARK_INVALID,   // validate said no
    PARK_TIMED_OUT, // the deadline passed
};

struct park_result {
    enum park_status status;
    uintptr_t token;
};

// Sleeps on addr until unparked or until deadline_ns (CLOCK_MONOTONIC, DEADLINE_NONE: no end).
// A wake that was decided before the timeout could take effect wins.
struct park_result park(const void *addr, const struct park_ops *ops, void *arg,
                        uintptr_t park_token, int64_t deadline_ns);

// Queues the waiter on addr and returns at once. False: validate said no and nothing was queued.
// waiter->wake must be set; it may run before this call has returned.
bool park_async(const void *addr, struct park_waiter *waiter, bool (*validate)(void *arg),
                void *arg, uintptr_t park_token);

// Takes a callback waiter out of its queue. True: it was queued, wake will not run, and cancelled
// (may be NULL) ran under the bucket lock as timed_out does. False: its wake has been decided, and
// has run or will run soon: the owner must keep the waiter until then.
// The waiter must have been queued since its last wake or cancel.
bool park_cancel(struct park_waiter *waiter,
                 void (*cancelled)(void *arg, const void *addr, bool was_last), void *arg);

struct unpark_result {
    size_t unparked;      // how many will be woken
    size_t requeued;      // how many were moved
    bool have_more;       // others still wait on the (first) address
    uintptr_t park_token; // of the last one that will be woken
    bool be_fair;         // it is time to hand the lock over; only set when somebody will be woken
};

// Wakes the first waiter of addr, if any. callback runs under the bucket lock, also when nobody
// waits, and returns the token for the one woken.
struct unpark_result unpark_one(const void *addr,
                                uintptr_t (*callback)(void *arg, struct unpark_result result),
                                void *arg);

// Wakes all waiters of addr with the token; returns how many.
size_t unpark_all(const void *addr, uintptr_t token);

enum unpark_choice {
    UNPARK_WAKE, // wake this one, go on
    UNPARK_SKIP, // leave this one, go on
    UNPARK_STOP, // leave this one and all behind it
};

// Asks filter about each waiter of addr, in order, then runs callback; both under the bucket
// lock. All chosen are woken with the token that callback returns.
struct unpark_result unpark_filter(const void *addr,
                                   enum unpark_choice (*filter)(void *arg, uintptr_t park_token),
                                   uintptr_t (*callback)(void *arg, struct unpark_result result),
                                   void *arg);

// How many to wake and, of those that remain, how many to move. SIZE_MAX: all. {0, 0}: leave all.
struct requeue_plan {
    size_t wake;
    size_t requeue;
};

// Under the bucket locks of both addresses: asks plan, wakes the first waiters of from, moves the
// next ones to the end of the queue of to, then runs callback for the token. from != to.
// .have_more speaks of from.
struct unpark_result unpark_requeue(const void *from, const void *to,
                                    struct requeue_plan (*plan)(void *arg),
                                    uintptr_t (*callback)(void *arg, struct unpark_result result),
                                    void *arg);

// Announces that so many more callback waiters may be queued at once, so that the table grows with
// them. Threads count themselves. Never fails: without memory the table stays small, and slower.
void parking_lot_reserve(size_t waiters);
void parking_lot_unreserve(size_t waiters);

// Number of buckets at this moment, for statistics and tests.
size_t parking_lot_buckets(void);
