// SPDX-License-Identifier: MIT
#define LOCKS_UNRANKED // tests what is below the ranks
#include "locks/condvar.h"

#include "locks/parking_lot.h"
#include "tests/lib/lock_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct mutex mutex;
static struct condvar condvar;
static int waiting, woken; // under the mutex
static int order[16];

static int setup(void **state)
{
    (void)state;
    mutex_init(&mutex);
    condvar_init(&condvar);
    waiting = woken = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return LOAD(condvar.mutex) == NULL && LOAD(mutex.state) == 0 ? 0 : -1;
}

static void *wait_once(void *arg)
{
    mutex_lock(&mutex);
    waiting++;
    condvar_wait(&condvar, &mutex);
    order[woken++] = (int)(intptr_t)arg;
    mutex_unlock(&mutex);
    return NULL;
}

static int locked_get(const int *value)
{
    mutex_lock(&mutex);
    int copy = *value;
    mutex_unlock(&mutex);
    return copy;
}

// `waiting` rises under the mutex, which its waiter releases only when it is queued.
static void start_waiters(struct group *group, int n)
{
    for (int i = 0; i < n; i++) {
        group_start(group, 1, wait_once, (void *)(intptr_t)i);
        assert_true(WAIT_UNTIL(locked_get(&waiting) == i + 1));
    }
}

static void test_notify_without_waiters_does_nothing(void **state)
{
    (void)state;
    condvar_notify_one(&condvar);
    condvar_notify_all(&condvar);
    static struct condvar fresh = CONDVAR_INIT;
    condvar_notify_all(&fresh);
}

static void test_notify_one_wakes_in_order(void **state)
{
    (void)state;
    static struct group group;
    start_waiters(&group, 4);
    for (int i = 0; i < 4; i++) {
        assert_ptr_equal(LOAD(condvar.mutex), &mutex);
        condvar_notify_one(&condvar);
        assert_true(WAIT_UNTIL(locked_get(&woken) == i + 1));
        assert_int_equal(order[i], i);
    }
    group_join(&group);
}

static void test_notify_all_wakes_all(void **state)
{
    (void)state;
    static struct group group;
    start_waiters(&group, 8);
    condvar_notify_all(&condvar);
    group_join(&group);
    assert_int_equal(woken, 8);
}

// The notifier holds the mutex: all are moved to its queue, and nobody runs until it is released.
static void test_notify_all_under_the_mutex_moves_all(void **state)
{
    (void)state;
    static struct group group;
    start_waiters(&group, 8);
    mutex_lock(&mutex);
    condvar_notify_all(&condvar);
    assert_null(LOAD(condvar.mutex));
    assert_int_equal(unpark_all(&condvar, 0), 0);
    assert_int_equal(LOAD(mutex.state), MUTEX_LOCKED | MUTEX_PARKED);
    assert_int_equal(woken, 0);
    mutex_unlock_fair(&mutex);
    group_join(&group);
    assert_int_equal(woken, 8);
}

static void test_deadline_passes_with_the_mutex_held(void **state)
{
    (void)state;
    mutex_lock(&mutex);
    int64_t deadline = clock_monotonic_ns() + 2 * NS_PER_MS;
    assert_false(condvar_wait_until(&condvar, &mutex, deadline));
    assert_true(clock_monotonic_ns() >= deadline);
    assert_true(mutex_is_locked(&mutex));
    assert_null(LOAD(condvar.mutex));
    mutex_unlock(&mutex);
}

// One that was notified, moved to the mutex's queue, and whose deadline passes there: it was
// notified, and leaves no mark on the mutex.
static _Atomic int notified;
static void *wait_briefly(void *arg)
{
    mutex_lock(&mutex);
    waiting++;
    if (condvar_wait_until(&condvar, &mutex, *(int64_t *)arg))
        COUNT(notified);
    mutex_unlock(&mutex);
    return NULL;
}

static void test_deadline_passes_after_the_move(void **state)
{
    (void)state;
    static struct group group;
    int64_t deadline = clock_monotonic_ns() + 100 * NS_PER_MS;
    group_start(&group, 1, wait_briefly, &deadline);
    assert_true(WAIT_UNTIL(locked_get(&waiting) == 1));
    mutex_lock(&mutex);
    condvar_notify_all(&condvar);
    bool in_time = LOAD(mutex.state) & MUTEX_PARKED;
    // It leaves the queue of the mutex, and queues there once more, for the mutex itself.
    while (clock_monotonic_ns() < deadline + NS_PER_MS)
        sched_yield();
    mutex_unlock(&mutex);
    group_join(&group);
    if (in_time)
        assert_int_equal(LOAD(notified), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_notify_without_waiters_does_nothing),
        TEST(test_notify_one_wakes_in_order),
        TEST(test_notify_all_wakes_all),
        TEST(test_notify_all_under_the_mutex_moves_all),
        TEST(test_deadline_passes_with_the_mutex_held),
        TEST(test_deadline_passes_after_the_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
