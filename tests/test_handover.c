// SPDX-License-Identifier: MIT
// A thread's own interval between hand-overs: with means of nothing and of over an hour, so that no
// test depends on how fast it runs.
#include "locks/handover.h"

#include "tests/lib/lock_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { CALLS = 1000, LOOK_MOST = 64 };

static uint32_t usual_us;

static int setup(void **state)
{
    (void)state;
    usual_us = LOAD(lock_tuning.fairness_us);
    STORE(lock_tuning.fairness_us, UINT32_MAX);
    handover_slept();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    STORE(lock_tuning.fairness_us, usual_us);
    return 0;
}

static int count_due(bool look, int calls)
{
    int due = 0;
    for (int i = 0; i < calls; i++)
        due += handover_due(look);
    return due;
}

static void test_not_due_before_the_interval_is_over(void **state)
{
    (void)state;
    assert_int_equal(count_due(true, CALLS), 0);
    assert_int_equal(count_due(false, CALLS), 0);
}

static void test_always_due_without_an_interval(void **state)
{
    (void)state;
    STORE(lock_tuning.fairness_us, 0);
    assert_int_equal(count_due(true, CALLS), CALLS);
}

static void test_shorter_interval_counts_at_once(void **state)
{
    (void)state;
    STORE(lock_tuning.fairness_us, 0);
    assert_true(handover_due(true));
    // The thread that has slept since is not late.
    STORE(lock_tuning.fairness_us, UINT32_MAX);
    handover_slept();
    assert_false(handover_due(true));
}

// Short holds make the looks rare, and not more than that.
static void test_looks_now_and_then(void **state)
{
    (void)state;
    assert_int_equal(count_due(false, CALLS), 0);
    STORE(lock_tuning.fairness_us, 0);
    int due = count_due(false, LOOK_MOST);
    assert_in_range(due, 1, LOOK_MOST - 1);
}

static void test_last_hand_over_is_told_once(void **state)
{
    (void)state;
    static const int lock, other;
    int64_t before = clock_monotonic_ns();
    handover_made(&lock);
    assert_int_equal(handover_made_last(&other), 0);
    assert_in_range(handover_made_last(&lock), before, clock_monotonic_ns());
    assert_int_equal(handover_made_last(&lock), 0);
    handover_made(&lock);
    handover_made(&other);
    assert_int_equal(handover_made_last(&lock), 0);
    assert_int_not_equal(handover_made_last(&other), 0);
}

static void test_intervals_have_their_mean(void **state)
{
    (void)state;
    enum { MEAN_US = 1000, DRAWS = 10000 };
    uint32_t seed = 1;
    int64_t sum = 0, most = 0;
    for (int i = 0; i < DRAWS; i++) {
        int64_t ns = handover_interval_ns(&seed, MEAN_US);
        sum += ns;
        most = ns > most ? ns : most;
    }
    assert_in_range(sum / DRAWS, 950 * HANDOVER_NS_PER_US, 1050 * HANDOVER_NS_PER_US);
    assert_in_range(most, 1900 * HANDOVER_NS_PER_US, 2000 * HANDOVER_NS_PER_US);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_not_due_before_the_interval_is_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_always_due_without_an_interval, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shorter_interval_counts_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_looks_now_and_then, setup, teardown),
        cmocka_unit_test(test_last_hand_over_is_told_once),
        cmocka_unit_test(test_intervals_have_their_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
