// SPDX-License-Identifier: MIT
#define LOCKS_UNRANKED // this file is below the ranks
#include "locks/mutex.h"

#include "locks/parking_lot.h"
#include "locks/spin.h"
#include "locks/stats.h"

#include <assert.h>

bool mutex_announce_waiter_locked(struct mutex *mutex)
{
    uint8_t state = atomic_load_explicit(&mutex->state, memory_order_relaxed);
    while (state & MUTEX_LOCKED)
        // Relaxed: the holder's unlock sees PARKED because both change the same byte, and meets
        // the queue under the bucket lock.
        if (atomic_compare_exchange_weak_explicit(&mutex->state, &state,
                                                  (uint8_t)(state | MUTEX_PARKED),
                                                  memory_order_relaxed, memory_order_relaxed))
            return true;
    return false;
}

// Relaxed here and below: the bit says nothing about the data.
void mutex_mark_parked_locked(struct mutex *mutex)
{
    atomic_fetch_or_explicit(&mutex->state, MUTEX_PARKED, memory_order_relaxed);
}

void mutex_forget_parked_locked(struct mutex *mutex)
{
    atomic_fetch_and_explicit(&mutex->state, (uint8_t)~MUTEX_PARKED, memory_order_relaxed);
}

struct wait {
    struct mutex *mutex;
    bool passed_over; // woken once already: the park token
    struct spin spin;
    struct lock_wait stats;
};

// Under the bucket lock: announces a waiter, unless the mutex has become free.
static bool announce_waiter(void *arg)
{
    const struct wait *wait = arg;
    return mutex_announce_waiter_locked(wait->mutex);
}

static void before_sleep(void *arg)
{
    struct wait *wait = arg;
    lock_wait_sleeps(&wait->stats, &wait->spin);
}

// Under the bucket lock: the last waiter has given up.
static void waiter_gave_up(void *arg, const void *addr, bool was_last)
{
    (void)addr;
    const struct wait *wait = arg;
    if (was_last)
        mutex_forget_parked_locked(wait->mutex);
}

// Spins and sleeps until the mutex is ours or the deadline has passed.
static bool wait_for_mutex(struct wait *wait, int64_t deadline_ns)
{
    static const struct park_ops ops = {
        .validate = announce_waiter, .before_sleep = before_sleep, .timed_out = waiter_gave_up};
    struct mutex *mutex = wait->mutex;
    for (;;) {
        if (mutex_try_lock(mutex))
            return true;
        // Others are parked: spinning would only help to overtake them.
        uint8_t state = atomic_load_explicit(&mutex->state, memory_order_relaxed);
        if (!(state & MUTEX_PARKED) && spin_wait(&wait->spin))
            continue;
        struct park_result result = park(mutex, &ops, wait, wait->passed_over, deadline_ns);
        if (result.status == PARK_TIMED_OUT)
            return false;
        if (result.status == PARK_UNPARKED && result.token == MUTEX_TOKEN_HANDED_OVER) {
            assert(mutex_is_locked(mutex));
            wait->stats.handed_over = true;
            return true; // still LOCKED, for us; park() has ordered it after the last holder
        }
        // Whoever was woken only to find it taken again has waited long enough.
        if (result.status == PARK_UNPARKED)
            wait->passed_over = true;
        spin_reset(&wait->spin);
    }
}

bool mutex_lock_slow(struct mutex *mutex, int64_t deadline_ns)
{
    struct wait wait = {.mutex = mutex, .stats = {.kind = LOCK_KIND_MUTEX}};
    bool locked = wait_for_mutex(&wait, deadline_ns);
    lock_wait_ends_after(&wait.stats, &wait.spin);
    return locked;
}

struct release {
    struct mutex *mutex;
    bool fair;
};

// Under the bucket lock. The state is LOCKED, perhaps PARKED, and PARKED cannot come or go now, so
// plain stores suffice: everybody else's compare-and-swap on a locked byte only adds PARKED.
static uintptr_t let_go(void *arg, struct unpark_result result)
{
    const struct release *release = arg;
    uint8_t parked = result.have_more ? MUTEX_PARKED : 0;
    bool passed_over = result.park_token != 0;
    bool hand_over = result.unparked > 0 && (release->fair || result.be_fair || passed_over);
    // Release: as in mutex_unlock(). For a hand-over the wake-up itself orders the next holder.
    atomic_store_explicit(&release->mutex->state,
                          (uint8_t)(hand_over ? MUTEX_LOCKED | parked : parked),
                          memory_order_release);
    return hand_over ? MUTEX_TOKEN_HANDED_OVER : MUTEX_TOKEN_TRY_AGAIN;
}

void mutex_unlock_slow(struct mutex *mutex, bool fair)
{
    assert(mutex_is_locked(mutex));
    struct release release = {mutex, fair};
    unpark_one(mutex, let_go, &release);
}
