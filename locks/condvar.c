// SPDX-License-Identifier: MIT
#define LOCKS_UNRANKED // this file is below the ranks
#include "locks/condvar.h"

#include "locks/parking_lot.h"

#include <assert.h>

struct wait {
    struct condvar *condvar;
    struct mutex *mutex;
    bool moved; // to the mutex's queue, by a notification
};

// Under the bucket lock of the condition variable, as all that touches condvar->mutex. The lock
// orders it: relaxed.
static bool join(void *arg)
{
    const struct wait *wait = arg;
    struct mutex *used = atomic_load_explicit(&wait->condvar->mutex, memory_order_relaxed);
    assert(used == NULL || used == wait->mutex);
    (void)used;
    atomic_store_explicit(&wait->condvar->mutex, wait->mutex, memory_order_relaxed);
    return true;
}

static void release_mutex(void *arg)
{
    const struct wait *wait = arg;
    mutex_unlock(wait->mutex);
}

static void gave_up(void *arg, const void *addr, bool was_last)
{
    struct wait *wait = arg;
    wait->moved = addr != wait->condvar;
    if (!was_last)
        return;
    if (wait->moved) // then the bucket is the mutex's, and the condition variable may be gone
        mutex_forget_parked_locked(wait->mutex);
    else
        atomic_store_explicit(&wait->condvar->mutex, NULL, memory_order_relaxed);
}

bool condvar_wait_until(struct condvar *condvar, struct mutex *mutex, int64_t deadline_ns)
{
    static const struct park_ops ops = {
        .validate = join, .before_sleep = release_mutex, .timed_out = gave_up};
    struct wait wait = {.condvar = condvar, .mutex = mutex};
    struct park_result result = park(condvar, &ops, &wait, 0, deadline_ns);
    // A waiter moved to the mutex's queue is woken by an unlock, which may have handed it over.
    if (result.status != PARK_UNPARKED || result.token == MUTEX_TOKEN_NOTIFIED)
        mutex_lock(mutex);
    else if (result.token == MUTEX_TOKEN_TRY_AGAIN)
        mutex_lock_woken(mutex);
    return result.status == PARK_UNPARKED || wait.moved;
}

static uintptr_t one_woken(void *arg, struct unpark_result result)
{
    struct condvar *condvar = arg;
    if (result.unparked > 0 && !result.have_more)
        atomic_store_explicit(&condvar->mutex, NULL, memory_order_relaxed);
    return MUTEX_TOKEN_NOTIFIED;
}

void condvar_notify_one_slow(struct condvar *condvar)
{
    unpark_one(condvar, one_woken, condvar);
}

struct notification {
    struct condvar *condvar;
    struct mutex *mutex;
};

// Under both bucket locks.
static struct requeue_plan plan_all(void *arg)
{
    const struct notification *all = arg;
    // Others may have notified all already, and new waiters with another mutex come: not ours.
    if (atomic_load_explicit(&all->condvar->mutex, memory_order_relaxed) != all->mutex)
        return (struct requeue_plan){0};
    atomic_store_explicit(&all->condvar->mutex, NULL, memory_order_relaxed);
    // Held: its unlock will wake the first. Free: the first one woken takes it and wakes the next.
    bool held = mutex_announce_waiter_locked(all->mutex);
    return (struct requeue_plan){.wake = held ? 0 : 1, .requeue = SIZE_MAX};
}

static uintptr_t all_moved(void *arg, struct unpark_result result)
{
    const struct notification *all = arg;
    if (result.unparked > 0 && result.requeued > 0)
        mutex_mark_parked_locked(all->mutex);
    return MUTEX_TOKEN_NOTIFIED;
}

void condvar_notify_all_slow(struct condvar *condvar, struct mutex *mutex)
{
    struct notification all = {condvar, mutex};
    unpark_requeue(condvar, mutex, plan_all, all_moved, &all);
}
