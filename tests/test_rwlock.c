// SPDX-License-Identifier: MIT
#define LOCKS_UNRANKED // tests what is below the ranks
#include "locks/rwlock.h"

#include "locks/parking_lot.h"
#include "locks/spin.h"
#include "tests/lib/lock_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct rwlock lock;
static _Atomic int got_in;

static uint32_t state_of(void)
{
    return atomic_load_explicit(&lock.state, memory_order_relaxed);
}

static int setup(void **state)
{
    (void)state;
    rwlock_init(&lock);
    STORE(got_in, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(state_of(), 0);
    return 0;
}

static void *read_once(void *arg)
{
    (void)arg;
    rwlock_lock_read(&lock);
    COUNT(got_in);
    rwlock_unlock_read(&lock);
    return NULL;
}

static void *write_once(void *arg)
{
    (void)arg;
    rwlock_lock_write(&lock);
    COUNT(got_in);
    rwlock_unlock_write(&lock);
    return NULL;
}

static void *upgrade_once(void *arg)
{
    (void)arg;
    rwlock_lock_upgradable(&lock);
    rwlock_upgrade(&lock);
    COUNT(got_in);
    rwlock_downgrade_to_upgradable(&lock);
    rwlock_unlock_upgradable(&lock);
    return NULL;
}

static void test_holds_exclude_each_other_as_specified(void **state)
{
    (void)state;
    rwlock_lock_read(&lock);
    assert_true(rwlock_try_read(&lock));
    assert_true(rwlock_try_upgradable(&lock));
    assert_int_equal(state_of(), 3 * RWLOCK_READER | RWLOCK_UPGRADABLE);
    assert_false(rwlock_try_upgradable(&lock));
    assert_false(rwlock_try_write(&lock));
    assert_false(rwlock_try_upgrade(&lock));
    rwlock_unlock_read(&lock);
    rwlock_unlock_read(&lock);
    assert_false(rwlock_try_write(&lock));
    assert_true(rwlock_try_upgrade(&lock));
    assert_int_equal(state_of(), RWLOCK_WRITER);
    assert_false(rwlock_try_read(&lock));
    assert_false(rwlock_try_upgradable(&lock));
    assert_false(rwlock_try_write(&lock));
    rwlock_unlock_write(&lock);
    assert_true(rwlock_try_write(&lock));
    rwlock_unlock_write_fair(&lock);
}

static void test_downgrades_keep_the_weaker_hold(void **state)
{
    (void)state;
    rwlock_lock_write(&lock);
    rwlock_downgrade_to_upgradable(&lock);
    assert_int_equal(state_of(), RWLOCK_READER | RWLOCK_UPGRADABLE);
    rwlock_downgrade_upgradable(&lock);
    assert_int_equal(state_of(), RWLOCK_READER);
    rwlock_unlock_read(&lock);
    rwlock_lock_write(&lock);
    rwlock_downgrade(&lock);
    assert_int_equal(state_of(), RWLOCK_READER);
    rwlock_unlock_read(&lock);
    rwlock_lock_upgradable(&lock);
    rwlock_unlock_upgradable_fair(&lock);
}

static int64_t soon(void)
{
    return clock_monotonic_ns() + 2 * NS_PER_MS;
}

static void test_deadlines_pass_and_leave_no_trace(void **state)
{
    (void)state;
    rwlock_lock_write(&lock);
    assert_false(rwlock_lock_read_until(&lock, soon()));
    assert_false(rwlock_lock_upgradable_until(&lock, soon()));
    assert_false(rwlock_lock_write_until(&lock, soon()));
    assert_int_equal(state_of(), RWLOCK_WRITER);
    rwlock_downgrade_to_upgradable(&lock);
    assert_true(rwlock_lock_read_until(&lock, soon()));
    assert_false(rwlock_upgrade_until(&lock, soon())); // a reader stays
    assert_int_equal(state_of(), 2 * RWLOCK_READER | RWLOCK_UPGRADABLE);
    assert_false(rwlock_lock_write_until(&lock, soon()));
    rwlock_unlock_read(&lock);
    assert_true(rwlock_upgrade_until(&lock, soon()));
    rwlock_unlock_write(&lock);
    rwlock_lock_read(&lock);
    assert_false(rwlock_lock_write_until(&lock, soon())); // gives WRITER back
    assert_int_equal(state_of(), RWLOCK_READER);
    rwlock_unlock_read(&lock);
}

static void test_waiting_writer_keeps_new_readers_out(void **state)
{
    (void)state;
    static struct group group;
    rwlock_lock_read(&lock);
    group_start(&group, 1, write_once, NULL);
    assert_true(WAIT_UNTIL(state_of() == (RWLOCK_READER | RWLOCK_WRITER | RWLOCK_DRAIN_PARKED)));
    assert_false(rwlock_try_read(&lock));
    group_start(&group, 2, read_once, NULL);
    assert_true(WAIT_UNTIL(state_of() & RWLOCK_PARKED));
    assert_int_equal(LOAD(got_in), 0);
    rwlock_unlock_read(&lock);
    group_join(&group);
    assert_int_equal(LOAD(got_in), 3);
}

// Readers that parked behind a writer whose time ran out must not sleep on.
static _Atomic bool gave_up;
static void *write_briefly(void *arg)
{
    (void)arg;
    if (rwlock_lock_write_until(&lock, clock_monotonic_ns() + 50 * NS_PER_MS))
        rwlock_unlock_write(&lock);
    STORE(gave_up, true);
    return NULL;
}

static void test_writer_that_gives_up_lets_readers_in(void **state)
{
    (void)state;
    static struct group group;
    rwlock_lock_read(&lock);
    group_start(&group, 1, write_briefly, NULL);
    assert_true(WAIT_UNTIL((state_of() & RWLOCK_WRITER) || LOAD(gave_up)));
    group_start(&group, 3, read_once, NULL);
    assert_true(WAIT_UNTIL(LOAD(got_in) == 3)); // while the read hold stays
    rwlock_unlock_read(&lock);
    group_join(&group);
}

static void test_upgrader_waits_for_readers_only(void **state)
{
    (void)state;
    static struct group group;
    rwlock_lock_read(&lock);
    group_start(&group, 1, upgrade_once, NULL);
    assert_true(WAIT_UNTIL(state_of() & RWLOCK_DRAIN_PARKED));
    group_start(&group, 1, write_once, NULL);
    group_start(&group, 1, upgrade_once, NULL);
    assert_true(WAIT_UNTIL(state_of() & RWLOCK_PARKED));
    assert_int_equal(LOAD(got_in), 0);
    rwlock_unlock_read(&lock);
    group_join(&group);
    assert_int_equal(LOAD(got_in), 3);
}

static void test_each_release_wakes_those_that_then_fit(void **state)
{
    (void)state;
    static struct group group;
    rwlock_lock_write(&lock);
    group_start(&group, 4, read_once, NULL);
    assert_true(WAIT_UNTIL(state_of() & RWLOCK_PARKED));
    rwlock_downgrade(&lock); // readers may come in beside us
    assert_true(WAIT_UNTIL(LOAD(got_in) == 4));
    group_join(&group);
    rwlock_unlock_read(&lock);

    rwlock_lock_upgradable(&lock);
    group_start(&group, 1, write_once, NULL);
    assert_true(WAIT_UNTIL(state_of() & RWLOCK_PARKED));
    rwlock_downgrade_upgradable(&lock); // the writer takes its bit and drains us
    assert_true(WAIT_UNTIL(state_of() & RWLOCK_WRITER));
    rwlock_unlock_read(&lock);
    group_join(&group);
    assert_int_equal(LOAD(got_in), 5);
}

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
    unpark_filter(&lock, count_only, no_token, NULL);
    return queued;
}

static int order[4]; // who wrote, under the lock

static void *write_in_order(void *arg)
{
    rwlock_lock_write(&lock);
    order[COUNT(got_in)] = (int)(intptr_t)arg;
    rwlock_unlock_write_fair(&lock);
    return NULL;
}

static void test_fair_unlock_hands_over_in_order(void **state)
{
    (void)state;
    static struct group group;
    rwlock_lock_write(&lock);
    for (size_t i = 0; i < 4; i++) {
        group_start(&group, 1, write_in_order, (void *)(intptr_t)i);
        assert_true(WAIT_UNTIL(waiters() == i + 1));
    }
    rwlock_unlock_write_fair(&lock);
    if (rwlock_try_write(&lock)) { // free only once the others have been in
        assert_int_equal(LOAD(got_in), 4);
        rwlock_unlock_write(&lock);
    }
    group_join(&group);
    for (int i = 0; i < 4; i++)
        assert_int_equal(order[i], i);
}

static void test_unlock_hands_over_when_the_timer_says_so(void **state)
{
    (void)state;
    static struct group group;
    uint32_t usual = LOAD(lock_tuning.fairness_us);
    STORE(lock_tuning.fairness_us, 0);
    for (int round = 0; round < 2; round++) { // the first starts the bucket's timer
        STORE(got_in, 0);
        rwlock_lock_upgradable(&lock);
        group_start(&group, 1, write_once, NULL);
        assert_true(WAIT_UNTIL(waiters() == 1));
        rwlock_unlock_upgradable(&lock);
        if (rwlock_try_upgradable(&lock)) {
            assert_true(round == 0 || LOAD(got_in) == 1);
            rwlock_unlock_upgradable(&lock);
        }
        group_join(&group);
    }
    STORE(lock_tuning.fairness_us, usual);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_holds_exclude_each_other_as_specified),
        TEST(test_downgrades_keep_the_weaker_hold),
        TEST(test_deadlines_pass_and_leave_no_trace),
        TEST(test_waiting_writer_keeps_new_readers_out),
        TEST(test_writer_that_gives_up_lets_readers_in),
        TEST(test_upgrader_waits_for_readers_only),
        TEST(test_each_release_wakes_those_that_then_fit),
        TEST(test_fair_unlock_hands_over_in_order),
        TEST(test_unlock_hands_over_when_the_timer_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
