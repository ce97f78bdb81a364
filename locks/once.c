// SPDX-License-Identifier: MIT
#include "locks/once.h"

#include "locks/parking_lot.h"
#include "locks/spin.h"

// Under the bucket lock: announces a waiter, unless there is nothing to wait for any more.
static bool announce_waiter(void *arg)
{
    struct once *once = arg;
    uint8_t state = atomic_load_explicit(&once->state, memory_order_relaxed);
    while (state & ONCE_RUNNING)
        // Relaxed: whoever leaves RUNNING sees PARKED because both are in one byte, and meets the
        // queue under the bucket lock.
        if (atomic_compare_exchange_weak_explicit(&once->state, &state,
                                                  (uint8_t)(state | ONCE_PARKED),
                                                  memory_order_relaxed, memory_order_relaxed))
            return true;
    return false;
}

// The caller has made the state RUNNING.
static bool run(struct once *once, bool (*fn)(void *arg), void *arg)
{
    bool done = fn(arg);
    // Release: publishes what fn did, also what it left behind when it failed.
    uint8_t before =
        atomic_exchange_explicit(&once->state, done ? ONCE_DONE : 0, memory_order_release);
    // By its address only: the memory may be gone, now that it is done.
    if (before & ONCE_PARKED)
        unpark_all(once, 0);
    return done;
}

bool once_run_slow(struct once *once, bool (*fn)(void *arg), void *arg)
{
    static const struct park_ops ops = {.validate = announce_waiter};
    struct spin spin = {0};
    for (;;) {
        uint8_t state = 0;
        // Acquire on success: sees what a failed attempt left; on failure: as once_done().
        if (atomic_compare_exchange_strong_explicit(&once->state, &state, ONCE_RUNNING,
                                                    memory_order_acquire, memory_order_acquire))
            return run(once, fn, arg);
        if (state == ONCE_DONE)
            return true;
        if (!spin_wait(&spin))
            park(once, &ops, once, 0, DEADLINE_NONE);
    }
}
