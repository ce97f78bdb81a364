// SPDX-License-Identifier: MIT
#define LOCKS_UNRANKED // this file is below the ranks
#include "locks/mutex.h"

#include "locks/handover.h"
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

// The park token: whether the waiter was woken before and found the mutex taken, and, above that
// bit, wait.served_ns.
enum { TOKEN_PASSED_OVER = 1, TOKEN_SERVED_SHIFT = 1 };
_Static_assert(sizeof(uintptr_t) >= sizeof(int64_t), "the park token has room for a time");

struct wait {
    struct mutex *mutex;
    int64_t served_ns; // when the thread handed the mutex over, before it came back; 0: it did not
    bool passed_over;  // woken once already
    bool counted;      // as a spinner
    bool gives_way;    // to those who wait: it has handed the mutex over
    struct spin spin;
    struct lock_wait stats;
};

// Takes the mutex if it is free.
static bool take(struct wait *wait)
{
    struct mutex *mutex = wait->mutex;
    if (!wait->counted)
        return mutex_try_lock(mutex);
    uint8_t state = atomic_load_explicit(&mutex->state, memory_order_relaxed);
    while (!(state & MUTEX_LOCKED)) {
        uint8_t taken = (uint8_t)((state | MUTEX_LOCKED) - MUTEX_SPINNER);
        // Acquire: as in mutex_try_lock().
        if (atomic_compare_exchange_weak_explicit(&mutex->state, &state, taken,
                                                  memory_order_acquire, memory_order_relaxed)) {
            wait->counted = false;
            return true;
        }
    }
    return false;
}

// Counts the waiter as a spinner, if there is room. Relaxed: as the bit, the number says nothing
// about the data.
static void try_count(struct wait *wait)
{
    struct mutex *mutex = wait->mutex;
    uint8_t state = atomic_load_explicit(&mutex->state, memory_order_relaxed);
    while (!wait->counted && state / MUTEX_SPINNER < spin_long_most())
        wait->counted = atomic_compare_exchange_weak_explicit(
            &mutex->state, &state, (uint8_t)(state + MUTEX_SPINNER), memory_order_relaxed,
            memory_order_relaxed);
}

// Spends one round of waiting. False: it is time to park.
static bool spin(struct wait *wait)
{
    if (wait->gives_way)
        return false;
    uint8_t state = atomic_load_explicit(&wait->mutex->state, memory_order_relaxed);
    if (!wait->counted && !(state & MUTEX_PARKED) && !spin_is_long(&wait->spin))
        return spin_wait(&wait->spin);
    try_count(wait);
    return wait->counted && spin_wait_long(&wait->spin);
}

// Under the bucket lock: announces a waiter, unless the mutex has become free.
static bool announce_waiter(void *arg)
{
    struct wait *wait = arg;
    struct mutex *mutex = wait->mutex;
    if (!wait->counted)
        return mutex_announce_waiter_locked(mutex);
    uint8_t state = atomic_load_explicit(&mutex->state, memory_order_relaxed);
    while (state & MUTEX_LOCKED) {
        uint8_t parked = (uint8_t)((state | MUTEX_PARKED) - MUTEX_SPINNER);
        if (atomic_compare_exchange_weak_explicit(&mutex->state, &state, parked,
                                                  memory_order_relaxed, memory_order_relaxed)) {
            wait->counted = false;
            return true;
        }
    }
    return false;
}

// Under the bucket lock. Of those who have handed the mutex over and come back, the one that did so
// first goes first, although it comes later: often it was the thread that it woke that kept it from
// coming, on its own CPU, and one to whom that happens again and again would lose a part of its
// turns. Nobody waits for more than one turn of each thread that passes: its next hand-over is
// later than theirs. Who has not handed the mutex over before is not passed at all.
static bool served_before(void *arg, uintptr_t park_token)
{
    const struct wait *wait = arg;
    int64_t served_ns = (int64_t)(park_token >> TOKEN_SERVED_SHIFT);
    return wait->served_ns != 0 && wait->served_ns < served_ns;
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
    static const struct park_ops ops = {.validate = announce_waiter,
                                        .goes_before = served_before,
                                        .before_sleep = before_sleep,
                                        .timed_out = waiter_gave_up};
    struct mutex *mutex = wait->mutex;
    for (;;) {
        if (take(wait))
            return true;
        if (spin(wait))
            continue;
        uintptr_t token = (uintptr_t)wait->served_ns << TOKEN_SERVED_SHIFT |
                          (wait->passed_over ? TOKEN_PASSED_OVER : 0);
        struct park_result result = park(mutex, &ops, wait, token, deadline_ns);
        if (result.status == PARK_TIMED_OUT)
            return false;
        if (result.status == PARK_UNPARKED && result.token == MUTEX_TOKEN_HANDED_OVER) {
            assert(mutex_is_locked(mutex));
            wait->stats.handed_over = true;
            return true; // still LOCKED, for us; park() has ordered it after the last holder
        }
        // Whoever was woken only to find it taken again has waited long enough.
        if (result.status == PARK_UNPARKED)
            wait->passed_over = wait->counted = true;
        wait->gives_way = false;
        spin_reset(&wait->spin);
    }
}

static bool lock_in_time(struct wait *wait, int64_t deadline_ns)
{
    bool locked = wait_for_mutex(wait, deadline_ns);
    if (wait->stats.begun_ns != 0)
        handover_slept();
    lock_wait_ends_after(&wait->stats, &wait->spin);
    return locked;
}

bool mutex_lock_slow(struct mutex *mutex, int64_t deadline_ns)
{
    struct wait wait = {.mutex = mutex, .stats = {.kind = LOCK_KIND_MUTEX}};
    wait.served_ns = handover_made_last(mutex);
    wait.gives_way = wait.served_ns != 0;
    return lock_in_time(&wait, deadline_ns);
}

void mutex_lock_woken(struct mutex *mutex)
{
    struct wait wait = {.mutex = mutex, .counted = true, .stats = {.kind = LOCK_KIND_MUTEX}};
    (void)lock_in_time(&wait, DEADLINE_NONE);
}

struct release {
    struct mutex *mutex;
    bool hand_over; // wanted, or made so by a waiter that was passed over
};

// Under the bucket lock, so that PARKED neither comes nor goes: only the number of spinners
// changes.
static uintptr_t let_go(void *arg, struct unpark_result result)
{
    struct release *release = arg;
    struct mutex *mutex = release->mutex;
    bool woken = result.unparked > 0, passed_over = result.park_token & TOKEN_PASSED_OVER;
    release->hand_over = woken && (release->hand_over || passed_over);
    if (release->hand_over)
        handover_made(mutex); // now: once awake, the waiter may take this CPU
    uint8_t state = atomic_load_explicit(&mutex->state, memory_order_relaxed), next;
    do {
        next = (uint8_t)(state & ~(MUTEX_LOCKED | MUTEX_PARKED));
        if (result.have_more)
            next |= MUTEX_PARKED;
        if (release->hand_over)
            next |= MUTEX_LOCKED;
        else if (woken)
            next += MUTEX_SPINNER;
        // Release: as in mutex_unlock(). For a hand-over the wake-up itself orders the next holder.
    } while (!atomic_compare_exchange_weak_explicit(&mutex->state, &state, next,
                                                    memory_order_release, memory_order_relaxed));
    return release->hand_over ? MUTEX_TOKEN_HANDED_OVER : MUTEX_TOKEN_TRY_AGAIN;
}

void mutex_unlock_slow(struct mutex *mutex, bool fair)
{
    assert(mutex_is_locked(mutex));
    uint8_t state = atomic_load_explicit(&mutex->state, memory_order_relaxed);
    if (state & MUTEX_PARKED && handover_due(state < MUTEX_SPINNER))
        fair = true;
    while (!(state & MUTEX_PARKED) || (state >= MUTEX_SPINNER && !fair))
        // Release: as in mutex_unlock().
        if (atomic_compare_exchange_weak_explicit(&mutex->state, &state,
                                                  (uint8_t)(state & ~MUTEX_LOCKED),
                                                  memory_order_release, memory_order_relaxed))
            return;
    struct release release = {mutex, fair};
    unpark_one(mutex, let_go, &release);
}
