// SPDX-License-Identifier: MIT
#include "locks/once.h"

#include "tests/lib/lock_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct once once;
static int made;             // by fn, no atomic: TSan watches it
static int attempts_to_fail; // fn returns false that often
static _Atomic int seen_made, failures;
static _Atomic bool started, go_on;

static int setup(void **state)
{
    (void)state;
    once = (struct once)ONCE_INIT;
    made = attempts_to_fail = 0;
    STORE(seen_made, 0);
    STORE(failures, 0);
    STORE(started, false);
    STORE(go_on, false);
    return 0;
}

static bool make(void *arg)
{
    (void)arg;
    if (attempts_to_fail > 0) {
        attempts_to_fail--;
        return false;
    }
    made++;
    return true;
}

static void test_runs_once(void **state)
{
    (void)state;
    assert_int_equal(sizeof(once), 1);
    assert_false(once_done(&once));
    assert_true(once_run(&once, make, NULL));
    assert_true(once_done(&once));
    assert_true(once_run(&once, make, NULL));
    assert_int_equal(made, 1);
}

static void test_failure_leaves_it_undone(void **state)
{
    (void)state;
    attempts_to_fail = 2;
    assert_false(once_run(&once, make, NULL));
    assert_false(once_done(&once));
    assert_false(once_run(&once, make, NULL));
    assert_true(once_run(&once, make, NULL));
    assert_int_equal(made, 1);
}

static bool make_slowly(void *arg)
{
    STORE(started, true);
    while (!LOAD(go_on))
        sched_yield();
    return make(arg);
}

static void *call(void *arg)
{
    (void)arg;
    if (!once_run(&once, make_slowly, NULL))
        COUNT(failures);
    else if (made == 1)
        COUNT(seen_made);
    return NULL;
}

static uint8_t state_of(void)
{
    return atomic_load_explicit(&once.state, memory_order_relaxed);
}

static void run_with_sleepers(void)
{
    static struct group group;
    group_start(&group, 1, call, NULL);
    assert_true(WAIT_UNTIL(LOAD(started)));
    group_start(&group, 15, call, NULL);
    assert_true(WAIT_UNTIL(state_of() == (ONCE_RUNNING | ONCE_PARKED)));
    STORE(go_on, true);
    group_join(&group);
    assert_int_equal(made, 1);
}

static void test_others_sleep_until_done(void **state)
{
    (void)state;
    run_with_sleepers();
    assert_int_equal(LOAD(seen_made), 16);
}

// When the one that runs fails, one of the sleepers tries.
static void test_a_sleeper_tries_after_failure(void **state)
{
    (void)state;
    attempts_to_fail = 3;
    run_with_sleepers();
    assert_int_equal(LOAD(failures), 3);
    assert_int_equal(LOAD(seen_made), 13);
}

static void *call_freely(void *arg)
{
    (void)arg;
    if (once_run(&once, make, NULL) && made == 1)
        COUNT(seen_made);
    return NULL;
}

static void test_many_races_for_the_first(void **state)
{
    delays_set(true);
    for (int i = 0; i < 200; i++) {
        setup(state);
        run_threads(8, call_freely, NULL);
        assert_int_equal(LOAD(seen_made), 8);
    }
    delays_set(false);
}

#ifdef KL_DEBUG
static void fail_elsewhere(void)
{
    STORE(once.state, 0);
}

// The attempt of another ends between our decision to sleep and the queue.
static void test_end_just_before_queueing_is_seen(void **state)
{
    (void)state;
    STORE(once.state, ONCE_RUNNING);
    interfere_at(LOCK_POINT_BEFORE_QUEUE, fail_elsewhere);
    assert_true(once_run(&once, make, NULL));
    assert_int_equal(made, 1);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_runs_once, setup),
        cmocka_unit_test_setup(test_failure_leaves_it_undone, setup),
        cmocka_unit_test_setup(test_others_sleep_until_done, setup),
        cmocka_unit_test_setup(test_a_sleeper_tries_after_failure, setup),
#ifdef KL_DEBUG
        cmocka_unit_test_setup(test_end_just_before_queueing_is_seen, setup),
#endif
        cmocka_unit_test_setup(test_many_races_for_the_first, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
