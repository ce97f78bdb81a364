// SPDX-License-Identifier: MIT
// Mutexes under many threads: exclusion, timeouts, lifetime, and that nobody starves.
#define LOCKS_UNRANKED // tests what is below the ranks
#include "locks/mutex.h"

#include "locks/spin.h"
#include "tests/lib/lock_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct mutex mutex;
static long total;         // under the mutex, and no atomic: TSan watches it
static _Atomic long taken; // how often it was incremented

static int setup(void **state)
{
    (void)state;
    mutex_init(&mutex);
    total = 0;
    STORE(taken, 0);
    delays_set(true);
    return 0;
}

static int setup_no_spinning(void **state)
{
    spinning_set(false);
    return setup(state);
}

static int teardown(void **state)
{
    (void)state;
    delays_set(false);
    spinning_set(true);
    return LOAD(mutex.state) == 0 ? 0 : -1;
}

static void *increment(void *arg)
{
    int rounds = *(int *)arg;
    for (int i = 0; i < rounds; i++) {
        mutex_lock(&mutex);
        total++;
        if (test_random() % 64 == 0)
            sched_yield(); // be preempted as a holder
        if (i % 16 == 0)
            mutex_unlock_fair(&mutex);
        else
            mutex_unlock(&mutex);
    }
    return NULL;
}

static void test_excludes_with_few_threads(void **state)
{
    (void)state;
    int rounds = 20000;
    run_threads(4, increment, &rounds);
    assert_int_equal(total, 4 * rounds);
}

static void test_excludes_with_128_threads(void **state)
{
    (void)state;
    int rounds = 300;
    run_threads(128, increment, &rounds);
    assert_int_equal(total, 128 * rounds);
}

static void *increment_in_time(void *arg)
{
    int rounds = *(int *)arg;
    for (int i = 0; i < rounds; i++) {
        bool got =
            i % 8 == 0
                ? mutex_try_lock(&mutex)
                : mutex_lock_until(&mutex, clock_monotonic_ns() + (int64_t)(test_random() % 50000));
        if (!got)
            continue;
        total++;
        COUNT(taken);
        if (test_random() % 8 == 0)
            sleep_ns(10000);
        mutex_unlock(&mutex);
    }
    return NULL;
}

static void test_timeouts_race_unlocks(void **state)
{
    (void)state;
    int rounds = 1000;
    run_threads(16, increment_in_time, &rounds);
    assert_int_equal(total, LOAD(taken));
    assert_true(total < 16 * rounds); // some did time out
}

// The mutex lives in memory that the last user frees: an unlock must not touch it afterwards.
struct shared {
    struct mutex mutex;
    int users;
};

static void *use_and_free(void *arg)
{
    struct shared *shared = arg;
    mutex_lock(&shared->mutex);
    bool last = --shared->users == 0;
    mutex_unlock(&shared->mutex);
    if (last)
        free(shared);
    return NULL;
}

static void test_last_user_may_free(void **state)
{
    (void)state;
    static struct group group;
    for (int i = 0; i < 1000; i++) {
        struct shared *shared = calloc(1, sizeof(*shared));
        shared->users = 4;
        group_start(&group, 4, use_and_free, shared);
        group_join(&group);
    }
}

// A hog that frees the mutex only to take it again; the victim must get its turns, and by
// hand-over.
#define VICTIM_TURNS 20

static _Atomic bool victim_done;

static void *hog(void *arg)
{
    (void)arg;
    while (!LOAD(victim_done)) {
        mutex_lock(&mutex);
        int64_t until = clock_monotonic_ns() + 20000;
        while (clock_monotonic_ns() < until)
            cpu_pause();
        total++;
        mutex_unlock(&mutex);
    }
    return NULL;
}

static void *victim(void *arg)
{
    (void)arg;
    for (int i = 0; i < VICTIM_TURNS; i++) {
        mutex_lock(&mutex);
        COUNT(taken);
        mutex_unlock(&mutex);
        sleep_ns(100000);
    }
    STORE(victim_done, true);
    return NULL;
}

static void test_hog_does_not_starve_others(void **state)
{
    (void)state;
    static struct group group;
    delays_set(false);
    STORE(victim_done, false);
    group_start(&group, 3, hog, NULL);
    group_start(&group, 1, victim, NULL);
    bool done = WAIT_UNTIL(LOAD(victim_done));
    STORE(victim_done, true);
    group_join(&group);
    assert_true(done);
    assert_int_equal(LOAD(taken), VICTIM_TURNS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TORTURE(test_excludes_with_few_threads),  TORTURE(test_excludes_with_128_threads),
        TORTURE(test_timeouts_race_unlocks),      TORTURE(test_last_user_may_free),
        TORTURE(test_hog_does_not_starve_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
