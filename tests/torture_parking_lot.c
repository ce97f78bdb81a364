// SPDX-License-Identifier: MIT
// The parking lot under many threads: no wake-up is lost or delivered twice, whatever races with
// it.
#include "locks/parking_lot.h"

#include "tests/lib/lock_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

// ---- a semaphore made of park and unpark_one --------------------------------------------------

#define SEM_ROUNDS 20000

static _Atomic int permits, sem_waiters;

static bool no_permit(void *arg)
{
    (void)arg;
    // Announce first, look second; the poster does it the other way round. Seq_cst on all four
    // accesses: one of the two sees the other.
    atomic_fetch_add_explicit(&sem_waiters, 1, memory_order_seq_cst);
    if (atomic_load_explicit(&permits, memory_order_seq_cst) <= 0)
        return true;
    atomic_fetch_sub_explicit(&sem_waiters, 1, memory_order_seq_cst);
    return false;
}

static uintptr_t one_less(void *arg, struct unpark_result result)
{
    (void)arg;
    if (result.unparked > 0)
        atomic_fetch_sub_explicit(&sem_waiters, 1, memory_order_seq_cst);
    return 0;
}

static void sem_take(void)
{
    static const struct park_ops ops = {.validate = no_permit};
    for (;;) {
        int n = atomic_load_explicit(&permits, memory_order_seq_cst);
        while (n > 0)
            if (atomic_compare_exchange_weak_explicit(&permits, &n, n - 1, memory_order_seq_cst,
                                                      memory_order_seq_cst))
                return;
        park(&permits, &ops, NULL, 0, DEADLINE_NONE);
    }
}

static void sem_give(void)
{
    atomic_fetch_add_explicit(&permits, 1, memory_order_seq_cst);
    if (atomic_load_explicit(&sem_waiters, memory_order_seq_cst) > 0)
        unpark_one(&permits, one_less, NULL);
}

static void *take_many(void *arg)
{
    (void)arg;
    for (int i = 0; i < SEM_ROUNDS; i++)
        sem_take();
    return NULL;
}

static void *give_many(void *arg)
{
    (void)arg;
    for (int i = 0; i < SEM_ROUNDS; i++) {
        if (test_random() % 16 == 0)
            sched_yield();
        sem_give();
    }
    return NULL;
}

// A lost wake-up leaves a taker asleep, and the test hangs.
static void test_no_wakeup_is_lost(void **state)
{
    (void)state;
    static struct group group;
    group_start(&group, 4, take_many, NULL);
    group_start(&group, 4, give_many, NULL);
    group_join(&group);
    assert_int_equal(LOAD(permits), 0);
    assert_int_equal(LOAD(sem_waiters), 0);
}

// ---- timeouts against unparks -------------------------------------------------------------------

static char spots[4];
static _Atomic size_t woken, timed_out, delivered;
static _Atomic bool stop;

static bool go_on(void *arg)
{
    (void)arg;
    return !LOAD(stop);
}

static void *park_briefly(void *arg)
{
    (void)arg;
    static const struct park_ops ops = {.validate = go_on};
    while (!LOAD(stop)) {
        int64_t deadline = clock_monotonic_ns() + (int64_t)(test_random() % 100000);
        switch (park(&spots[test_random() % 4], &ops, NULL, 0, deadline).status) {
        case PARK_UNPARKED:
            COUNT(woken);
            break;
        case PARK_TIMED_OUT:
            COUNT(timed_out);
            break;
        case PARK_INVALID:
            break;
        }
    }
    return NULL;
}

static uintptr_t zero_token(void *arg, struct unpark_result result)
{
    (void)arg, (void)result;
    return 0;
}

static struct requeue_plan one_and_some(void *arg)
{
    (void)arg;
    return (struct requeue_plan){.wake = test_random() % 2, .requeue = test_random() % 3};
}

static void *unpark_briefly(void *arg)
{
    (void)arg;
    while (!LOAD(stop)) {
        size_t i = test_random() % 4;
        size_t n;
        switch (test_random() % 4) {
        case 0:
            n = unpark_all(&spots[i], 0);
            break;
        case 1:
            n = unpark_requeue(&spots[i], &spots[(i + 1) % 4], one_and_some, zero_token, NULL)
                    .unparked;
            break;
        default:
            n = unpark_one(&spots[i], zero_token, NULL).unparked;
        }
        atomic_fetch_add_explicit(&delivered, n, memory_order_relaxed);
        if (test_random() % 4 == 0)
            sleep_ns(20000);
    }
    return NULL;
}

// Runs until both outcomes have been common.
static void test_timeout_and_unpark_agree_on_one_outcome(void **state)
{
    (void)state;
    static struct group group;
    STORE(stop, false);
    group_start(&group, 12, park_briefly, NULL);
    group_start(&group, 3, unpark_briefly, NULL);
    bool enough = WAIT_UNTIL(LOAD(woken) > 2000 && LOAD(timed_out) > 500);
    STORE(stop, true);
    group_join(&group);
    assert_true(enough);
    assert_int_equal(LOAD(woken), LOAD(delivered));
}

// ---- callback waiters: cancel against wake ----------------------------------------------------

#define CALLBACK_ROUNDS 10000

struct turn {
    struct park_waiter waiter;
    _Atomic int wakes;
};

static _Atomic size_t cancels, wakes, errors;

static void count_wake(struct park_waiter *waiter, uintptr_t token)
{
    struct turn *turn = (struct turn *)waiter;
    if (token != 42)
        COUNT(errors);
    // Release: the owner that sees the count may reuse the memory.
    atomic_fetch_add_explicit(&turn->wakes, 1, memory_order_release);
}

static void *queue_and_cancel(void *arg)
{
    (void)arg;
    for (int i = 0; i < CALLBACK_ROUNDS; i++) {
        // From the heap, so that ASan sees a touch after the last wake.
        struct turn *turn = calloc(1, sizeof(*turn));
        turn->waiter.wake = count_wake;
        park_async(&spots[test_random() % 4], &turn->waiter, go_on, NULL, 0);
        for (uint64_t n = test_random() % 4; n > 0; n--)
            sched_yield();
        if (park_cancel(&turn->waiter, NULL, NULL)) {
            COUNT(cancels);
            if (LOAD(turn->wakes) != 0)
                COUNT(errors);
        } else {
            while (LOAD(turn->wakes) == 0)
                sched_yield();
            COUNT(wakes);
        }
        free(turn);
    }
    return NULL;
}

static void *wake_them(void *arg)
{
    (void)arg;
    while (!LOAD(stop)) {
        atomic_fetch_add_explicit(&delivered, unpark_all(&spots[test_random() % 4], 42),
                                  memory_order_relaxed);
        sched_yield();
    }
    return NULL;
}

static void test_cancel_and_wake_agree_on_one_outcome(void **state)
{
    (void)state;
    static struct group owners, wakers;
    STORE(stop, false);
    STORE(delivered, 0);
    group_start(&wakers, 2, wake_them, NULL);
    group_start(&owners, 6, queue_and_cancel, NULL);
    group_join(&owners);
    STORE(stop, true);
    group_join(&wakers);
    assert_int_equal(LOAD(errors), 0);
    assert_int_equal(LOAD(cancels) + LOAD(wakes), 6 * CALLBACK_ROUNDS);
    assert_int_equal(LOAD(wakes), LOAD(delivered));
    assert_true(LOAD(cancels) > 0 && LOAD(wakes) > 0);
}

// ---- growth -----------------------------------------------------------------------------------

// The table grows under traffic, by threads that come, park and go, and by reservations.
static void *grow_and_go(void *arg)
{
    static const struct park_ops ops = {.validate = go_on};
    park(&spots[0], &ops, NULL, 0, clock_monotonic_ns() + NS_PER_MS);
    parking_lot_reserve(*(size_t *)arg);
    return NULL;
}

static void test_growth_under_traffic(void **state)
{
    (void)state;
    static struct group group, guests;
    STORE(stop, false);
    STORE(permits, 0);
    size_t before = parking_lot_buckets();
    size_t share = before / 64; // of 200 guests: three times as many waiters as buckets
    group_start(&group, 4, take_many, NULL);
    group_start(&group, 4, give_many, NULL);
    for (int i = 0; i < 20; i++) {
        group_start(&guests, 10, grow_and_go, &share);
        group_join(&guests);
    }
    group_join(&group);
    assert_int_equal(LOAD(permits), 0);
    assert_true(parking_lot_buckets() >= 4 * before);
    parking_lot_unreserve(200 * share);
}

static int setup(void **state)
{
    (void)state;
    STORE(permits, 0);
    STORE(woken, 0);
    STORE(timed_out, 0);
    STORE(delivered, 0);
    STORE(cancels, 0);
    STORE(wakes, 0);
    delays_set(true);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    delays_set(false);
    spinning_set(true);
    return 0;
}

static int setup_no_spinning(void **state)
{
    spinning_set(false);
    return setup(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TORTURE(test_no_wakeup_is_lost),
        TORTURE(test_timeout_and_unpark_agree_on_one_outcome),
        TORTURE(test_cancel_and_wake_agree_on_one_outcome),
        TORTURE(test_growth_under_traffic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
