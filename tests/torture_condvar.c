// SPDX-License-Identifier: MIT
// A bounded queue on a mutex and two condition variables: every item arrives once, nobody sleeps
// for ever, whatever mix of notify_one, notify_all and timeouts.
#define LOCKS_UNRANKED // tests what is below the ranks
#include "locks/condvar.h"

#include "tests/lib/lock_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define PRODUCERS 6
#define CONSUMERS 6
#define ITEMS     1000 // of each producer
#define ROOM      4

static struct mutex mutex;
static struct condvar not_full, not_empty;
static int items, taken; // under the mutex
static _Atomic int timeouts;

static int setup(void **state)
{
    (void)state;
    mutex_init(&mutex);
    condvar_init(&not_full);
    condvar_init(&not_empty);
    items = taken = 0;
    STORE(timeouts, 0);
    delays_set(true);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    delays_set(false);
    spinning_set(true);
    return LOAD(not_full.mutex) == NULL && LOAD(not_empty.mutex) == NULL ? 0 : -1;
}

static int setup_no_spinning(void **state)
{
    spinning_set(false);
    return setup(state);
}

static void wait_for(struct condvar *condvar, bool timed)
{
    // Some have no time at all, so that however fast the others are there are timeouts.
    int64_t limit_ns = test_random() % 4 ? (int64_t)(test_random() % 50000) : 0;

    if (!timed)
        condvar_wait(condvar, &mutex);
    else if (!condvar_wait_until(condvar, &mutex, clock_monotonic_ns() + limit_ns))
        COUNT(timeouts);
}

// One item is news for one waiter, but telling all must do no harm.
static void notify(struct condvar *condvar)
{
    if (test_random() % 4 == 0)
        condvar_notify_all(condvar);
    else
        condvar_notify_one(condvar);
}

// Changes `items` by one when there is room for that, and notifies inside or after the mutex.
static void step(struct condvar *mine, struct condvar *theirs, int by, bool timed)
{
    mutex_lock(&mutex);
    while (by > 0 ? items == ROOM : items == 0)
        wait_for(mine, timed);
    items += by;
    taken += by < 0;
    bool inside = test_random() % 2;
    if (inside)
        notify(theirs);
    mutex_unlock(&mutex);
    if (!inside)
        notify(theirs);
}

static void *produce(void *arg)
{
    for (int i = 0; i < ITEMS; i++)
        step(&not_full, &not_empty, 1, *(bool *)arg);
    return NULL;
}

static void *consume(void *arg)
{
    for (int i = 0; i < ITEMS * PRODUCERS / CONSUMERS; i++)
        step(&not_empty, &not_full, -1, *(bool *)arg);
    return NULL;
}

static void run(bool timed)
{
    static struct group group;
    group_start(&group, PRODUCERS, produce, &timed);
    group_start(&group, CONSUMERS, consume, &timed);
    group_join(&group);
    assert_int_equal(items, 0);
    assert_int_equal(taken, ITEMS * PRODUCERS);
    assert_int_equal(LOAD(mutex.state), 0);
}

static void test_no_notification_is_lost(void **state)
{
    (void)state;
    run(false);
}

static void test_timeouts_race_notifications(void **state)
{
    (void)state;
    run(true);
    assert_true(LOAD(timeouts) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TORTURE(test_no_notification_is_lost),
        TORTURE(test_timeouts_race_notifications),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
