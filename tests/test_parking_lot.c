// SPDX-License-Identifier: MIT
#include "locks/parking_lot.h"

#include "locks/spin.h"
#include "tests/lib/lock_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

// A callback waiter that notes when and with what it was woken.
struct note {
    struct park_waiter waiter;
    int woken; // 1: first of the test, 2: second ...; 0: not yet
    uintptr_t token;
};

static int wakes; // so far in this test
static _Atomic int asleep, awake;

static void note_wake(struct park_waiter *waiter, uintptr_t token)
{
    struct note *note = (struct note *)waiter;
    note->woken = ++wakes;
    note->token = token;
}

static bool yes(void *arg)
{
    (void)arg;
    return true;
}

static bool no(void *arg)
{
    (void)arg;
    return false;
}

static void queue(struct note *note, const void *addr, uintptr_t park_token)
{
    *note = (struct note){.waiter.wake = note_wake};
    assert_true(park_async(addr, &note->waiter, yes, NULL, park_token));
}

static int setup(void **state)
{
    (void)state;
    wakes = 0;
    STORE(asleep, 0);
    STORE(awake, 0);
    return 0;
}

static struct unpark_result seen; // by the last callback
static uintptr_t give_token(void *arg, struct unpark_result result)
{
    seen = result;
    return *(uintptr_t *)arg;
}

static void test_park_invalid_returns_at_once(void **state)
{
    (void)state;
    char lock = 0;
    struct park_ops ops = {.validate = no};
    assert_int_equal(park(&lock, &ops, NULL, 0, DEADLINE_NONE).status, PARK_INVALID);
    struct park_waiter waiter = {.wake = note_wake};
    assert_false(park_async(&lock, &waiter, no, NULL, 0));
    assert_int_equal(unpark_all(&lock, 0), 0);
}

struct timeout_log {
    int slept, timed_out;
    bool was_last;
    const void *addr;
};

static void log_sleep(void *arg)
{
    ((struct timeout_log *)arg)->slept++;
}

static void log_timeout(void *arg, const void *addr, bool was_last)
{
    struct timeout_log *log = arg;
    log->timed_out++;
    log->was_last = was_last;
    log->addr = addr;
}

static void test_timeout_leaves_the_queue(void **state)
{
    (void)state;
    char lock = 0;
    struct timeout_log log = {0};
    struct park_ops ops = {.validate = yes, .before_sleep = log_sleep, .timed_out = log_timeout};
    int64_t deadline = clock_monotonic_ns() + 2 * NS_PER_MS;
    assert_int_equal(park(&lock, &ops, &log, 0, deadline).status, PARK_TIMED_OUT);
    assert_true(clock_monotonic_ns() >= deadline);
    assert_int_equal(log.slept, 1);
    assert_int_equal(log.timed_out, 1);
    assert_true(log.was_last);
    assert_ptr_equal(log.addr, &lock);

    struct note other;
    queue(&other, &lock, 0);
    assert_int_equal(park(&lock, &ops, &log, 0, 0).status, PARK_TIMED_OUT);
    assert_false(log.was_last);
    assert_int_equal(unpark_all(&lock, 0), 1);
}

// Two addresses of one bucket in the smallest table, found by trying: waiters of the one must not
// be taken for waiters of the other. 1000 addresses over 64 buckets collide for certain.
static void test_queues_are_first_in_first_out_by_address(void **state)
{
    (void)state;
    static char locks[1000];
    static struct note notes[1000][2];
    for (size_t i = 0; i < 1000; i++)
        queue(&notes[i][0], &locks[i], 0);
    for (size_t i = 0; i < 1000; i++)
        queue(&notes[i][1], &locks[i], 0);
    for (size_t i = 1000; i-- > 0;) {
        uintptr_t token = i + 1;
        struct unpark_result result = unpark_one(&locks[i], give_token, &token);
        assert_int_equal(result.unparked, 1);
        assert_true(result.have_more);
        assert_int_equal(notes[i][0].token, i + 1);
        assert_int_equal(notes[i][0].woken, wakes);
        assert_int_equal(notes[i][1].woken, 0);
    }
    for (size_t i = 0; i < 1000; i++) {
        uintptr_t token = 7;
        assert_false(unpark_one(&locks[i], give_token, &token).have_more);
        assert_int_equal(notes[i][1].token, 7);
    }
    assert_int_equal(wakes, 2000);
}

static void test_unpark_of_nobody_runs_the_callback(void **state)
{
    (void)state;
    char lock = 0;
    uintptr_t token = 1;
    seen.unparked = 99;
    unpark_one(&lock, give_token, &token);
    assert_int_equal(seen.unparked, 0);
    assert_false(seen.have_more);
    assert_false(seen.be_fair);
}

static void test_unpark_all_spares_other_addresses(void **state)
{
    (void)state;
    static char locks[2];
    struct note notes[4];
    for (size_t i = 0; i < 4; i++)
        queue(&notes[i], &locks[i % 2], 0);
    assert_int_equal(unpark_all(&locks[0], 5), 2);
    assert_int_equal(notes[0].woken, 1);
    assert_int_equal(notes[2].woken, 2);
    assert_int_equal(notes[2].token, 5);
    assert_int_equal(wakes, 2);
    assert_int_equal(unpark_all(&locks[1], 5), 2);
}

// Tokens: 0 skip, 1 wake, 2 stop.
static enum unpark_choice by_token(void *arg, uintptr_t park_token)
{
    (void)arg;
    return park_token == 0 ? UNPARK_SKIP : park_token == 1 ? UNPARK_WAKE : UNPARK_STOP;
}

static void test_filter_wakes_skips_and_stops(void **state)
{
    (void)state;
    char lock = 0;
    const uintptr_t tokens[] = {1, 0, 1, 2, 1};
    struct note notes[5];
    for (size_t i = 0; i < 5; i++)
        queue(&notes[i], &lock, tokens[i]);
    uintptr_t token = 3;
    struct unpark_result result = unpark_filter(&lock, by_token, give_token, &token);
    assert_int_equal(result.unparked, 2);
    assert_true(result.have_more);
    assert_int_equal(notes[0].woken, 1);
    assert_int_equal(notes[1].woken, 0);
    assert_int_equal(notes[2].woken, 2);
    assert_int_equal(notes[4].woken, 0);
    // The queue is intact: those who stayed leave in order, and the tail still takes newcomers.
    struct note late;
    queue(&late, &lock, 0);
    assert_int_equal(unpark_all(&lock, 0), 4);
    assert_int_equal(notes[1].woken, 3);
    assert_int_equal(notes[3].woken, 4);
    assert_int_equal(notes[4].woken, 5);
    assert_int_equal(late.woken, 6);
}

static void test_cancel_removes_or_comes_too_late(void **state)
{
    (void)state;
    char lock = 0;
    struct note notes[3];
    for (size_t i = 0; i < 3; i++)
        queue(&notes[i], &lock, 0);
    struct timeout_log log = {0};
    assert_true(park_cancel(&notes[2].waiter, log_timeout, &log)); // the tail
    assert_int_equal(log.timed_out, 1);
    assert_false(log.was_last);
    assert_true(park_cancel(&notes[0].waiter, NULL, NULL)); // the head
    assert_int_equal(unpark_all(&lock, 0), 1);
    assert_int_equal(notes[1].woken, 1);
    assert_false(park_cancel(&notes[1].waiter, NULL, NULL));
    queue(&notes[0], &lock, 0);
    assert_true(park_cancel(&notes[0].waiter, log_timeout, &log));
    assert_true(log.was_last);
    assert_int_equal(wakes, 1);
}

static struct note *cancel_me;
static bool cancelled;
static void cancel_other(struct park_waiter *waiter, uintptr_t token)
{
    (void)waiter, (void)token;
    cancelled = park_cancel(&cancel_me->waiter, NULL, NULL);
}

static void test_cancel_between_decision_and_wake_fails(void **state)
{
    (void)state;
    char lock = 0;
    struct note first = {.waiter.wake = cancel_other}, second;
    assert_true(park_async(&lock, &first.waiter, yes, NULL, 0));
    queue(&second, &lock, 0);
    cancel_me = &second;
    cancelled = true;
    assert_int_equal(unpark_all(&lock, 9), 2);
    assert_false(cancelled);
    assert_int_equal(second.token, 9);
}

// A waiter may park itself anew from its own wake function.
static char again_lock;
static int again_left;
static void park_again(struct park_waiter *waiter, uintptr_t token)
{
    (void)token;
    if (again_left-- > 0)
        park_async(&again_lock, waiter, yes, NULL, 0);
}

static void test_wake_function_may_park_again(void **state)
{
    (void)state;
    struct park_waiter waiter = {.wake = park_again};
    again_left = 3;
    assert_true(park_async(&again_lock, &waiter, yes, NULL, 0));
    for (int i = 0; i < 4; i++)
        assert_int_equal(unpark_all(&again_lock, 0), 1);
    assert_int_equal(unpark_all(&again_lock, 0), 0);
}

static struct requeue_plan plan;
static struct requeue_plan get_plan(void *arg)
{
    (void)arg;
    return plan;
}

static void check_requeue(const char *from, const char *to)
{
    wakes = 0;
    struct note notes[5], there;
    queue(&there, to, 0);
    for (size_t i = 0; i < 5; i++)
        queue(&notes[i], from, 0);
    plan = (struct requeue_plan){.wake = 1, .requeue = 2};
    uintptr_t token = 4;
    struct unpark_result result = unpark_requeue(from, to, get_plan, give_token, &token);
    assert_int_equal(result.unparked, 1);
    assert_int_equal(result.requeued, 2);
    assert_true(result.have_more);
    assert_int_equal(notes[0].woken, 1);
    assert_int_equal(notes[0].token, 4);
    // A moved waiter is cancelled where it now stands.
    struct timeout_log log = {0};
    assert_true(park_cancel(&notes[2].waiter, log_timeout, &log));
    assert_ptr_equal(log.addr, to);
    assert_int_equal(unpark_all(to, 0), 2);
    assert_int_equal(there.woken, 2);
    assert_int_equal(notes[1].woken, 3);
    plan = (struct requeue_plan){0};
    result = unpark_requeue(from, to, get_plan, give_token, &token);
    assert_int_equal(result.unparked + result.requeued, 0);
    assert_true(result.have_more);
    plan = (struct requeue_plan){.wake = 0, .requeue = SIZE_MAX};
    result = unpark_requeue(from, to, get_plan, give_token, &token);
    assert_int_equal(result.requeued, 2);
    assert_false(result.have_more);
    assert_int_equal(unpark_all(from, 0), 0);
    assert_int_equal(unpark_all(to, 0), 2);
    assert_int_equal(notes[3].woken, 4);
    assert_int_equal(notes[4].woken, 5);
}

// With pairs enough, both cases come up: two buckets, and both addresses in one.
static void test_requeue_moves_in_order(void **state)
{
    (void)state;
    static char locks[2000];
    for (size_t i = 0; i < 1000; i++)
        check_requeue(&locks[i], &locks[1999 - i]);
}

static void test_growth_keeps_queues(void **state)
{
    (void)state;
    static char locks[300];
    static struct note notes[900];
    for (size_t i = 0; i < 900; i++)
        queue(&notes[i], &locks[i % 300], 0);
    size_t before = parking_lot_buckets();
    parking_lot_reserve(before); // three buckets a waiter: more than there are
    assert_true(parking_lot_buckets() >= 2 * before);
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(unpark_all(&locks[i], 0), 3);
        assert_true(notes[i].woken < notes[i + 300].woken);
        assert_true(notes[i + 300].woken < notes[i + 600].woken);
    }
    parking_lot_unreserve(before);
}

static bool fair_once(const void *addr)
{
    struct note note;
    uintptr_t token = 0;
    queue(&note, addr, 0);
    return unpark_one(addr, give_token, &token).be_fair;
}

static void test_fairness_timer_follows_its_interval(void **state)
{
    (void)state;
    char lock = 0;
    uint32_t usual = LOAD(lock_tuning.fairness_us);
    STORE(lock_tuning.fairness_us, 0);
    fair_once(&lock); // starts the bucket's timer
    for (int i = 0; i < 20; i++)
        assert_true(fair_once(&lock));
    STORE(lock_tuning.fairness_us, UINT32_MAX); // a random time up to over two hours
    fair_once(&lock);
    int fair = 0;
    for (int i = 0; i < 20; i++)
        fair += fair_once(&lock);
    assert_int_equal(fair, 0);
    // A shorter interval counts at once, not only when the long one has passed.
    STORE(lock_tuning.fairness_us, 0);
    assert_true(fair_once(&lock));
    STORE(lock_tuning.fairness_us, usual);
}

static char meeting;
static void about_to_sleep(void *arg)
{
    (void)arg;
    COUNT(asleep);
}

static void *sleeper(void *arg)
{
    struct park_ops ops = {.validate = yes, .before_sleep = about_to_sleep};
    struct park_result result = park(&meeting, &ops, NULL, 0, DEADLINE_NONE);
    if (result.status == PARK_UNPARKED && result.token == *(uintptr_t *)arg)
        COUNT(awake);
    return NULL;
}

// Half of the sleepers wake and exit while the others still wait.
static void test_threads_sleep_wake_and_exit(void **state)
{
    (void)state;
    static struct group group;
    uintptr_t token = 11;
    group_start(&group, 8, sleeper, &token);
    assert_true(WAIT_UNTIL(LOAD(asleep) == 8));
    assert_int_equal(LOAD(awake), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(unpark_one(&meeting, give_token, &token).unparked, 1);
    assert_true(WAIT_UNTIL(LOAD(awake) == 4));
    assert_int_equal(unpark_all(&meeting, token), 4);
    group_join(&group);
    assert_int_equal(LOAD(awake), 8);
}

// Sleepers with numbers: the smaller goes before the larger; number 0 neither passes nor is passed.
static char ordered;
static bool goes_before(void *arg, uintptr_t park_token)
{
    uintptr_t own = *(const uintptr_t *)arg;
    return own != 0 && own < park_token;
}

static void *ordered_sleeper(void *arg)
{
    struct park_ops ops = {
        .validate = yes, .goes_before = goes_before, .before_sleep = about_to_sleep};
    park(&ordered, &ops, arg, *(uintptr_t *)arg, DEADLINE_NONE);
    return NULL;
}

static void check_ordered(const uintptr_t *want, size_t n)
{
    static struct group group;
    static uintptr_t come[] = {6, 0, 9, 7, 8, 3, 10};
    STORE(asleep, 0);
    for (size_t i = 0; i < n; i++) {
        group_start(&group, 1, ordered_sleeper, &come[i]);
        assert_true(WAIT_UNTIL(LOAD(asleep) == (int)i + 1));
    }
    struct note last;
    queue(&last, &ordered, 11);
    uintptr_t token = 1;
    for (size_t i = 0; i < n; i++)
        assert_int_equal(unpark_one(&ordered, give_token, &token).park_token, want[i]);
    assert_int_equal(last.woken, 0);
    assert_int_equal(unpark_one(&ordered, give_token, &token).park_token, 11);
    assert_false(seen.have_more);
    group_join(&group);
}

static void test_newcomers_may_go_before_others(void **state)
{
    (void)state;
    static const uintptr_t all[] = {6, 0, 3, 7, 8, 9, 10}, four[] = {6, 0, 7, 9};
    check_ordered(all, 7);
    check_ordered(four, 4);
    // The same beside strangers: 1000 addresses leave no bucket without some.
    static char locks[1000];
    static struct note strangers[1000];
    for (size_t i = 0; i < 1000; i++)
        queue(&strangers[i], &locks[i], 12);
    check_ordered(all, 7);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(unpark_all(&locks[i], 0), 1);
}

static void park_elsewhere(void *arg)
{
    char other = 0;
    struct park_ops ops = {.validate = yes};
    *(enum park_status *)arg = park(&other, &ops, NULL, 0, 0).status;
}

static void test_before_sleep_may_park(void **state)
{
    (void)state;
    char lock = 0;
    enum park_status inner = PARK_INVALID;
    struct park_ops ops = {.validate = yes, .before_sleep = park_elsewhere};
    assert_int_equal(park(&lock, &ops, &inner, 0, 0).status, PARK_TIMED_OUT);
    assert_int_equal(inner, PARK_TIMED_OUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_park_invalid_returns_at_once, setup),
        cmocka_unit_test_setup(test_timeout_leaves_the_queue, setup),
        cmocka_unit_test_setup(test_queues_are_first_in_first_out_by_address, setup),
        cmocka_unit_test_setup(test_unpark_of_nobody_runs_the_callback, setup),
        cmocka_unit_test_setup(test_unpark_all_spares_other_addresses, setup),
        cmocka_unit_test_setup(test_filter_wakes_skips_and_stops, setup),
        cmocka_unit_test_setup(test_cancel_removes_or_comes_too_late, setup),
        cmocka_unit_test_setup(test_cancel_between_decision_and_wake_fails, setup),
        cmocka_unit_test_setup(test_wake_function_may_park_again, setup),
        cmocka_unit_test_setup(test_requeue_moves_in_order, setup),
        cmocka_unit_test_setup(test_newcomers_may_go_before_others, setup),
        cmocka_unit_test_setup(test_growth_keeps_queues, setup),
        cmocka_unit_test_setup(test_fairness_timer_follows_its_interval, setup),
        cmocka_unit_test_setup(test_threads_sleep_wake_and_exit, setup),
        cmocka_unit_test_setup(test_before_sleep_may_park, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
