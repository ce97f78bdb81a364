// SPDX-License-Identifier: MIT
#define LOCKS_UNRANKED // tests what is below the ranks
#include "locks/mutex.h"

#include "locks/parking_lot.h"
#include "locks/spin.h"
#include "tests/lib/lock_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct mutex mutex;
static _Atomic int entered;
static int order[8]; // who got in, under the mutex

static int state_of(void)
{
    return atomic_load_explicit(&mutex.state, memory_order_relaxed);
}

static int setup(void **state)
{
    (void)state;
    mutex_init(&mutex);
    STORE(entered, 0);
    return 0;
}

static void *enter(void *arg)
{
    mutex_lock(&mutex);
    order[COUNT(entered)] = (int)(intptr_t)arg;
    mutex_unlock(&mutex);
    return NULL;
}

static void *enter_fairly(void *arg)
{
    mutex_lock(&mutex);
    order[COUNT(entered)] = (int)(intptr_t)arg;
    mutex_unlock_fair(&mutex);
    return NULL;
}

static void test_is_one_byte_and_starts_free(void **state)
{
    (void)state;
    static struct mutex fresh = MUTEX_INIT;
    assert_int_equal(sizeof(fresh), 1);
    assert_false(mutex_is_locked(&fresh));
    assert_true(mutex_try_lock(&fresh));
    mutex_unlock(&fresh);
}

static void test_try_lock_fails_when_held(void **state)
{
    (void)state;
    mutex_lock(&mutex);
    assert_true(mutex_is_locked(&mutex));
    assert_int_equal(state_of(), MUTEX_LOCKED);
    assert_false(mutex_try_lock(&mutex));
    mutex_unlock(&mutex);
    assert_int_equal(state_of(), 0);
    assert_true(mutex_try_lock(&mutex));
    mutex_unlock_fair(&mutex);
    assert_int_equal(state_of(), 0);
}

static void test_deadline_passes_and_leaves_no_trace(void **state)
{
    (void)state;
    mutex_lock(&mutex);
    int64_t deadline = clock_monotonic_ns() + 2 * NS_PER_MS;
    assert_false(mutex_lock_until(&mutex, deadline));
    assert_true(clock_monotonic_ns() >= deadline);
    assert_int_equal(state_of(), MUTEX_LOCKED);
    mutex_unlock(&mutex);
    assert_true(mutex_lock_until(&mutex, 0)); // a free mutex needs no waiting
    mutex_unlock(&mutex);
}

static void test_waiter_parks_and_gets_in(void **state)
{
    (void)state;
    static struct group group;
    mutex_lock(&mutex);
    group_start(&group, 1, enter, NULL);
    assert_true(WAIT_UNTIL(state_of() == (MUTEX_LOCKED | MUTEX_PARKED)));
    assert_int_equal(LOAD(entered), 0);
    mutex_unlock(&mutex);
    group_join(&group);
    assert_int_equal(LOAD(entered), 1);
    assert_int_equal(state_of(), 0);
}

static void test_free_with_waiters_can_be_taken(void **state)
{
    (void)state;
    // The state between an unlock and the arrival of the woken waiter, others being parked.
    atomic_store_explicit(&mutex.state, MUTEX_PARKED, memory_order_relaxed);
    assert_false(mutex_is_locked(&mutex));
    assert_true(mutex_try_lock(&mutex));
    assert_int_equal(state_of(), MUTEX_LOCKED | MUTEX_PARKED);
    mutex_unlock(&mutex); // finds the queue empty
    assert_int_equal(state_of(), 0);
}

// Fair unlocks hand the mutex through the queue in order. Each thread is parked before the next
// starts: its arrival is seen as a waiter more in the queue.
static size_t queued;
static enum unpark_choice count_only(void *arg, uintptr_t park_token)
{
    (void)arg, (void)park_token;
    queued++;
    return UNPARK_SKIP;
}

static uintptr_t no_token(void *arg, struct unpark_result result)
{
    (void)arg, (void)result;
    return 0;
}

static size_t waiters(void)
{
    queued = 0;
    unpark_filter(&mutex, count_only, no_token, NULL);
    return queued;
}

static void check_order(void *(*body)(void *))
{
    static struct group group;
    STORE(entered, 0);
    mutex_lock(&mutex);
    for (size_t i = 0; i < 8; i++) {
        group_start(&group, 1, body, (void *)(intptr_t)i);
        assert_true(WAIT_UNTIL(waiters() == i + 1));
    }
    if (body == enter)
        mutex_unlock(&mutex);
    else
        mutex_unlock_fair(&mutex);
    // Handed over, never free in between, until the last has left.
    if (mutex_try_lock(&mutex)) {
        assert_int_equal(LOAD(entered), 8);
        mutex_unlock(&mutex);
    }
    group_join(&group);
    for (int i = 0; i < 8; i++)
        assert_int_equal(order[i], i);
}

static void test_fair_unlock_hands_over_in_order(void **state)
{
    (void)state;
    check_order(enter_fairly);
}

// Three threads hand the mutex on, and the first two come back in the other order.
enum { FIRST, SECOND, THIRD, NEWCOMER };
static _Atomic int leaving; // threads below this one give the mutex back
static _Atomic bool returning[THIRD];

static void *hold_twice(void *arg)
{
    int self = (int)(intptr_t)arg;
    mutex_lock(&mutex);
    order[COUNT(entered)] = self;
    bool met = WAIT_UNTIL(LOAD(leaving) > self);
    mutex_unlock_fair(&mutex);
    if (met && self < THIRD && WAIT_UNTIL(LOAD(returning[self])))
        enter_fairly(arg);
    return NULL;
}

static void check_return(bool newcomer, const int *want, int n)
{
    static struct group group;
    STORE(leaving, 0);
    STORE(returning[FIRST], false);
    STORE(returning[SECOND], false);
    mutex_lock(&mutex);
    for (int i = FIRST; i <= THIRD; i++) {
        group_start(&group, 1, hold_twice, (void *)(intptr_t)i);
        assert_true(WAIT_UNTIL(waiters() == (size_t)i + 1));
    }
    mutex_unlock_fair(&mutex);
    STORE(leaving, THIRD);
    assert_true(WAIT_UNTIL(LOAD(entered) == THIRD + 1));
    STORE(returning[SECOND], true);
    assert_true(WAIT_UNTIL(waiters() == 1));
    if (newcomer) {
        group_start(&group, 1, enter_fairly, (void *)(intptr_t)NEWCOMER);
        assert_true(WAIT_UNTIL(waiters() == 2));
    }
    STORE(returning[FIRST], true);
    assert_true(WAIT_UNTIL(waiters() == 2U + newcomer));
    STORE(leaving, NEWCOMER);
    group_join(&group);
    assert_int_equal(LOAD(entered), THIRD + 1 + n);
    assert_memory_equal(order + THIRD + 1, want, (size_t)n * sizeof(*want));
}

static void test_who_handed_over_first_is_served_first(void **state)
{
    (void)state;
    check_return(false, (int[]){FIRST, SECOND}, 2);
}

static void test_who_comes_anew_is_not_passed(void **state)
{
    (void)state;
    check_return(true, (int[]){SECOND, NEWCOMER, FIRST}, 3);
}

static void test_unlock_hands_over_when_the_timer_says_so(void **state)
{
    (void)state;
    uint32_t usual = LOAD(lock_tuning.fairness_us);
    STORE(lock_tuning.fairness_us, 0);
    check_order(enter_fairly); // starts the bucket's timer
    check_order(enter);
    STORE(lock_tuning.fairness_us, usual);
}

#ifdef KL_DEBUG
static _Atomic bool stolen;

// Takes the mutex that an unlock has freed, before the waiter chosen is woken.
static void steal(enum lock_point point)
{
    if (point == LOCK_POINT_BEFORE_WAKE && mutex_try_lock(&mutex))
        STORE(stolen, true);
}

static void *hand_back_and_enter(void *arg)
{
    mutex_lock(&mutex);
    (void)WAIT_UNTIL(waiters() == 1);
    mutex_unlock_fair(&mutex);
    return enter(arg);
}

static void check_passed_over(void *(*body)(void *))
{
    enum { TRIES = 10, NEVER_US = 100000000 };
    static struct group group;
    uint32_t usual = LOAD(lock_tuning.fairness_us);
    STORE(lock_tuning.fairness_us, NEVER_US);
    STORE(stolen, false);
    // The first unlock may find that a hand-over is due since the last test; then there is none to
    // steal from.
    for (int i = 0; i < TRIES && !LOAD(stolen); i++) {
        STORE(entered, 0);
        mutex_lock(&mutex);
        group_start(&group, 1, body, NULL);
        assert_true(WAIT_UNTIL(waiters() == 1));
        if (body == hand_back_and_enter) {
            mutex_unlock_fair(&mutex);
            mutex_lock(&mutex);
            assert_true(WAIT_UNTIL(waiters() == 1));
        }
        lock_testpoint_set(steal);
        mutex_unlock(&mutex);
        lock_testpoint_set(NULL);
        if (LOAD(stolen)) {
            assert_int_equal(LOAD(entered), 0);
            assert_true(WAIT_UNTIL(waiters() == 1));
            mutex_unlock(&mutex);
            if (mutex_try_lock(&mutex)) {
                assert_int_equal(LOAD(entered), 1);
                mutex_unlock(&mutex);
            }
        }
        group_join(&group);
    }
    STORE(lock_tuning.fairness_us, usual);
    assert_true(LOAD(stolen));
}

// One who was woken and found the mutex taken again gets it from the next unlock, long before the
// clock says so.
static void test_waiter_is_passed_over_once_only(void **state)
{
    (void)state;
    check_passed_over(enter);
}

// Who has handed the mutex over and comes back has not been passed over yet.
static void test_who_comes_back_may_be_passed_over(void **state)
{
    (void)state;
    check_passed_over(hand_back_and_enter);
}

static void unlock_it(void)
{
    mutex_unlock(&mutex);
}

// The unlock falls between the decision to park and the queue: nobody would wake us there.
static void test_unlock_just_before_queueing_is_seen(void **state)
{
    (void)state;
    mutex_lock(&mutex);
    interfere_at(LOCK_POINT_BEFORE_QUEUE, unlock_it);
    assert_true(mutex_lock_until(&mutex, clock_monotonic_ns() + LIMIT_NS));
    assert_int_equal(state_of(), MUTEX_LOCKED);
    mutex_unlock(&mutex);
}

static void *enter_in_time(void *arg)
{
    if (mutex_lock_until(&mutex, *(int64_t *)arg))
        mutex_unlock(&mutex);
    COUNT(entered);
    return NULL;
}

static struct group late;
static void wait_for_timeout(void)
{
    group_join(&late);
}

// The only waiter gives up between the unlock's decision to wake it and the queue.
static void test_timeout_just_before_unpark_is_seen(void **state)
{
    (void)state;
    mutex_lock(&mutex);
    int64_t deadline = clock_monotonic_ns() + 20 * NS_PER_MS;
    group_start(&late, 1, enter_in_time, &deadline);
    assert_true(WAIT_UNTIL((state_of() & MUTEX_PARKED) || LOAD(entered)));
    interfere_at(LOCK_POINT_BEFORE_UNPARK, wait_for_timeout);
    mutex_unlock(&mutex);
    lock_testpoint_set(NULL);
    group_join(&late);
    assert_int_equal(state_of(), 0);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_is_one_byte_and_starts_free, setup),
        cmocka_unit_test_setup(test_try_lock_fails_when_held, setup),
        cmocka_unit_test_setup(test_deadline_passes_and_leaves_no_trace, setup),
        cmocka_unit_test_setup(test_waiter_parks_and_gets_in, setup),
        cmocka_unit_test_setup(test_free_with_waiters_can_be_taken, setup),
        cmocka_unit_test_setup(test_fair_unlock_hands_over_in_order, setup),
        cmocka_unit_test_setup(test_who_handed_over_first_is_served_first, setup),
        cmocka_unit_test_setup(test_who_comes_anew_is_not_passed, setup),
        cmocka_unit_test_setup(test_unlock_hands_over_when_the_timer_says_so, setup),
#ifdef KL_DEBUG
        cmocka_unit_test_setup(test_waiter_is_passed_over_once_only, setup),
        cmocka_unit_test_setup(test_who_comes_back_may_be_passed_over, setup),
        cmocka_unit_test_setup(test_unlock_just_before_queueing_is_seen, setup),
        cmocka_unit_test_setup(test_timeout_just_before_unpark_is_seen, setup),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
