// SPDX-License-Identifier: MIT
#include "locks/keylock.h"

#include "locks/spin.h"
#include "tests/lib/lock_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define READERS(n) ((n) * (uint32_t)KEYLOCK_READER)

static struct keylock lock;
static uint32_t usual_fairness_us;

static uint32_t word(void)
{
    return atomic_load_explicit(&lock.word, memory_order_relaxed);
}

// A callback waiter that notes what it was told.
struct note {
    struct park_waiter waiter;
    bool woken;
    enum keylock_result told;
};

static void note_wake(struct park_waiter *waiter, uintptr_t token)
{
    struct note *note = (struct note *)waiter;
    note->woken = true;
    note->told = keylock_wake_result(token);
}

static void queue(struct note *note, enum keylock_mode mode)
{
    *note = (struct note){.waiter.wake = note_wake};
    assert_int_equal(keylock_lock_async(&lock, mode, &note->waiter), KEYLOCK_QUEUED);
    assert_true(word() & KEYLOCK_PARKED);
}

static bool told(const struct note *note, enum keylock_result result)
{
    return note->woken && note->told == result;
}

static void must_lock(enum keylock_mode mode)
{
    assert_int_equal(keylock_lock(&lock, mode, NULL, NULL), KEYLOCK_HELD);
}

// Hand-over by the timer: off for as long as a test takes, or at every unlock.
static void set_fairness(bool always)
{
    STORE(lock_tuning.fairness_us, always ? 0 : UINT32_MAX);
    // The bucket may not have started its timer, or keep a time drawn under the old interval.
    for (;;) {
        struct note note;
        must_lock(KEYLOCK_WRITE);
        queue(&note, KEYLOCK_WRITE);
        keylock_unlock(&lock, KEYLOCK_WRITE);
        bool handed_over = told(&note, KEYLOCK_HELD);
        if (handed_over)
            keylock_unlock(&lock, KEYLOCK_WRITE);
        if (handed_over == always)
            break;
    }
}

static int setup(void **state)
{
    (void)state;
    keylock_init(&lock, false);
    set_fairness(false);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    STORE(lock_tuning.fairness_us, usual_fairness_us);
    return word() == 0 || word() == KEYLOCK_DEAD ? 0 : -1;
}

static void test_modes_exclude_each_other(void **state)
{
    (void)state;
    assert_int_equal(sizeof(lock), 4);
    assert_true(keylock_try(&lock, KEYLOCK_READ));
    assert_true(keylock_try(&lock, KEYLOCK_READ));
    assert_int_equal(word(), READERS(2));
    assert_false(keylock_try(&lock, KEYLOCK_WRITE));
    keylock_unlock(&lock, KEYLOCK_READ);
    keylock_unlock(&lock, KEYLOCK_READ);
    assert_int_equal(word(), 0);
    assert_true(keylock_try(&lock, KEYLOCK_WRITE));
    assert_int_equal(word(), KEYLOCK_WRITER);
    assert_false(keylock_try(&lock, KEYLOCK_WRITE));
    assert_false(keylock_try(&lock, KEYLOCK_READ));
    keylock_unlock(&lock, KEYLOCK_WRITE);
    assert_int_equal(word(), 0);
}

static void test_placeholder_is_born_held(void **state)
{
    (void)state;
    keylock_init(&lock, true);
    assert_false(keylock_try(&lock, KEYLOCK_READ));
    keylock_unlock(&lock, KEYLOCK_WRITE);
    assert_int_equal(word(), 0);
}

static void test_writer_at_the_front_is_told_to_retry(void **state)
{
    (void)state;
    struct note first, second;
    must_lock(KEYLOCK_WRITE);
    queue(&first, KEYLOCK_WRITE);
    queue(&second, KEYLOCK_WRITE);
    keylock_unlock(&lock, KEYLOCK_WRITE);
    assert_true(told(&first, KEYLOCK_RETRY));
    assert_false(second.woken);
    // Free, but not forgotten: whoever takes it wakes the second.
    assert_int_equal(word(), KEYLOCK_PARKED);
    assert_false(keylock_try(&lock, KEYLOCK_READ));
    must_lock(KEYLOCK_READ);
    assert_int_equal(word(), READERS(1) | KEYLOCK_PARKED);
    keylock_unlock(&lock, KEYLOCK_READ);
    assert_true(told(&second, KEYLOCK_RETRY));
    assert_int_equal(word(), 0);
}

static void test_fairness_hands_over_to_the_writer(void **state)
{
    (void)state;
    struct note first, second;
    set_fairness(true);
    must_lock(KEYLOCK_WRITE);
    queue(&first, KEYLOCK_WRITE);
    queue(&second, KEYLOCK_WRITE);
    keylock_unlock(&lock, KEYLOCK_WRITE);
    assert_true(told(&first, KEYLOCK_HELD));
    assert_int_equal(word(), KEYLOCK_WRITER | KEYLOCK_PARKED);
    keylock_unlock(&lock, KEYLOCK_WRITE);
    assert_true(told(&second, KEYLOCK_HELD));
    assert_int_equal(word(), KEYLOCK_WRITER);
    keylock_unlock(&lock, KEYLOCK_WRITE);
}

static void test_readers_at_the_front_get_it_together(void **state)
{
    (void)state;
    struct note readers[3], writer, behind;
    must_lock(KEYLOCK_WRITE);
    for (int i = 0; i < 3; i++)
        queue(&readers[i], KEYLOCK_READ);
    queue(&writer, KEYLOCK_WRITE);
    queue(&behind, KEYLOCK_READ);
    keylock_unlock(&lock, KEYLOCK_WRITE);
    for (int i = 0; i < 3; i++)
        assert_true(told(&readers[i], KEYLOCK_HELD));
    assert_false(writer.woken);
    assert_false(behind.woken);
    assert_int_equal(word(), READERS(3) | KEYLOCK_PARKED);
    for (int i = 0; i < 3; i++)
        keylock_unlock(&lock, KEYLOCK_READ);
    assert_true(told(&writer, KEYLOCK_RETRY));
    assert_false(behind.woken);
    must_lock(KEYLOCK_WRITE);
    keylock_unlock(&lock, KEYLOCK_WRITE);
    assert_true(told(&behind, KEYLOCK_HELD));
    assert_int_equal(word(), READERS(1));
    keylock_unlock(&lock, KEYLOCK_READ);
}

static void test_new_readers_queue_behind_a_writer(void **state)
{
    (void)state;
    struct note writer, reader;
    must_lock(KEYLOCK_READ);
    queue(&writer, KEYLOCK_WRITE);
    assert_false(keylock_try(&lock, KEYLOCK_READ));
    queue(&reader, KEYLOCK_READ);
    keylock_unlock(&lock, KEYLOCK_READ);
    assert_true(told(&writer, KEYLOCK_RETRY));
    assert_false(reader.woken);
    must_lock(KEYLOCK_WRITE);
    keylock_unlock(&lock, KEYLOCK_WRITE);
    assert_true(told(&reader, KEYLOCK_HELD));
    keylock_unlock(&lock, KEYLOCK_READ);
}

static void test_kill_sends_all_waiters_away(void **state)
{
    (void)state;
    struct note notes[4];
    must_lock(KEYLOCK_WRITE);
    for (int i = 0; i < 4; i++)
        queue(&notes[i], i % 2 ? KEYLOCK_READ : KEYLOCK_WRITE);
    keylock_set_mutating(&lock);
    keylock_kill(&lock);
    for (int i = 0; i < 4; i++)
        assert_true(told(&notes[i], KEYLOCK_RETRY));
    assert_int_equal(word(), KEYLOCK_DEAD);
    assert_true(keylock_dead(&lock));
    assert_false(keylock_mutating(&lock));
    assert_false(keylock_try(&lock, KEYLOCK_READ));
    assert_false(keylock_try(&lock, KEYLOCK_WRITE));
    assert_int_equal(keylock_lock(&lock, KEYLOCK_READ, NULL, NULL), KEYLOCK_RETRY);
    assert_int_equal(keylock_lock_async(&lock, KEYLOCK_WRITE, &notes[0].waiter), KEYLOCK_RETRY);
}

static void test_kill_without_waiters(void **state)
{
    (void)state;
    assert_false(keylock_dead(&lock));
    must_lock(KEYLOCK_WRITE);
    keylock_kill(&lock);
    assert_int_equal(word(), KEYLOCK_DEAD);
}

static void test_release_last_turns_the_last_reader_into_the_writer(void **state)
{
    (void)state;
    struct note writer;
    must_lock(KEYLOCK_READ);
    must_lock(KEYLOCK_READ);
    queue(&writer, KEYLOCK_WRITE);
    assert_false(keylock_release_last(&lock));
    assert_int_equal(word(), READERS(1) | KEYLOCK_PARKED);
    assert_true(keylock_release_last(&lock));
    assert_int_equal(word(), KEYLOCK_WRITER | KEYLOCK_PARKED);
    assert_false(writer.woken);
    keylock_kill(&lock);
    assert_true(told(&writer, KEYLOCK_RETRY));
}

static void test_mutating_lasts_until_unlock(void **state)
{
    (void)state;
    struct note reader;
    must_lock(KEYLOCK_WRITE);
    assert_false(keylock_mutating(&lock));
    keylock_set_mutating(&lock);
    assert_true(keylock_mutating(&lock));
    keylock_unlock(&lock, KEYLOCK_WRITE);
    assert_false(keylock_mutating(&lock));
    assert_int_equal(word(), 0);
    // The same with somebody waiting.
    must_lock(KEYLOCK_WRITE);
    keylock_set_mutating(&lock);
    queue(&reader, KEYLOCK_READ);
    assert_true(keylock_mutating(&lock));
    keylock_unlock(&lock, KEYLOCK_WRITE);
    assert_int_equal(word(), READERS(1));
    keylock_unlock(&lock, KEYLOCK_READ);
}

static void test_cancel_clears_parked_with_the_last(void **state)
{
    (void)state;
    struct note first, second;
    must_lock(KEYLOCK_WRITE);
    queue(&first, KEYLOCK_WRITE);
    queue(&second, KEYLOCK_READ);
    assert_true(keylock_cancel(&first.waiter));
    assert_int_equal(word(), KEYLOCK_WRITER | KEYLOCK_PARKED);
    assert_true(keylock_cancel(&second.waiter));
    assert_int_equal(word(), KEYLOCK_WRITER);
    keylock_unlock(&lock, KEYLOCK_WRITE);
    assert_false(first.woken || second.woken);
    assert_false(keylock_cancel(&first.waiter));
}

static void test_cancelled_writer_lets_readers_behind_it_in(void **state)
{
    (void)state;
    struct note writer, readers[2], last;
    must_lock(KEYLOCK_READ);
    queue(&writer, KEYLOCK_WRITE);
    queue(&readers[0], KEYLOCK_READ);
    queue(&readers[1], KEYLOCK_READ);
    queue(&last, KEYLOCK_WRITE);
    assert_true(keylock_cancel(&writer.waiter));
    assert_true(told(&readers[0], KEYLOCK_HELD));
    assert_true(told(&readers[1], KEYLOCK_HELD));
    assert_false(last.woken);
    assert_int_equal(word(), READERS(3) | KEYLOCK_PARKED);
    for (int i = 0; i < 3; i++)
        keylock_unlock(&lock, KEYLOCK_READ);
    assert_true(told(&last, KEYLOCK_RETRY));
}

static void test_pass_on_wakes_the_next(void **state)
{
    (void)state;
    struct note first, second;
    must_lock(KEYLOCK_WRITE);
    queue(&first, KEYLOCK_WRITE);
    queue(&second, KEYLOCK_WRITE);
    keylock_unlock(&lock, KEYLOCK_WRITE);
    assert_true(told(&first, KEYLOCK_RETRY));
    keylock_pass_on(&lock); // the first does not want it any more
    assert_true(told(&second, KEYLOCK_RETRY));
    assert_int_equal(word(), 0);
    keylock_pass_on(&lock);
    assert_int_equal(word(), 0);
    // Nothing is woken past a holder: its unlock will do it.
    must_lock(KEYLOCK_WRITE);
    queue(&first, KEYLOCK_WRITE);
    keylock_pass_on(&lock);
    assert_false(first.woken);
    keylock_unlock(&lock, KEYLOCK_WRITE);
    assert_true(first.woken);
}

// Threads: the hooks surround the sleep, and only a sleep.
static _Atomic int left_epoch, entered_epoch, got_it, sent_away;

static void leave_epoch(void *arg)
{
    COUNT(*(_Atomic int *)arg);
}

static void enter_epoch(void *arg)
{
    (void)arg;
    COUNT(entered_epoch);
}

static const struct keylock_hooks hooks = {leave_epoch, enter_epoch};

static void *lock_once(void *arg)
{
    enum keylock_mode mode = *(enum keylock_mode *)arg;
    for (;;) {
        if (keylock_lock(&lock, mode, &hooks, &left_epoch) == KEYLOCK_HELD) {
            COUNT(got_it);
            keylock_unlock(&lock, mode);
            return NULL;
        }
        if (keylock_dead(&lock)) { // this test's word outlives its death
            COUNT(sent_away);
            return NULL;
        }
    }
}

static void test_sleeping_threads_leave_the_epoch(void **state)
{
    (void)state;
    static struct group group;
    enum keylock_mode write = KEYLOCK_WRITE, read = KEYLOCK_READ;
    assert_int_equal(keylock_lock(&lock, KEYLOCK_WRITE, &hooks, &left_epoch), KEYLOCK_HELD);
    assert_int_equal(LOAD(left_epoch), 0);
    group_start(&group, 2, lock_once, &write);
    group_start(&group, 2, lock_once, &read);
    assert_true(WAIT_UNTIL(LOAD(left_epoch) == 4));
    assert_int_equal(LOAD(entered_epoch), 0);
    keylock_unlock(&lock, KEYLOCK_WRITE);
    group_join(&group);
    assert_int_equal(LOAD(got_it), 4);
    assert_int_equal(LOAD(left_epoch), LOAD(entered_epoch));
}

static void test_killed_under_sleeping_threads(void **state)
{
    (void)state;
    static struct group group;
    enum keylock_mode write = KEYLOCK_WRITE, read = KEYLOCK_READ;
    STORE(left_epoch, 0);
    STORE(sent_away, 0);
    must_lock(KEYLOCK_WRITE);
    group_start(&group, 3, lock_once, &write);
    group_start(&group, 3, lock_once, &read);
    assert_true(WAIT_UNTIL(LOAD(left_epoch) == 6));
    keylock_kill(&lock);
    group_join(&group);
    assert_int_equal(LOAD(sent_away), 6);
}

#ifdef KL_DEBUG
// What others do between a decision in a slow path and the bucket lock.
static void unlock_it(void)
{
    keylock_unlock(&lock, KEYLOCK_WRITE);
}

static void kill_it(void)
{
    keylock_kill(&lock);
}

static void test_unlock_just_before_queueing_is_seen(void **state)
{
    (void)state;
    struct note note = {.waiter.wake = note_wake};
    must_lock(KEYLOCK_WRITE);
    interfere_at(LOCK_POINT_BEFORE_QUEUE, unlock_it);
    assert_int_equal(keylock_lock_async(&lock, KEYLOCK_WRITE, &note.waiter), KEYLOCK_HELD);
    interfere_at(LOCK_POINT_BEFORE_QUEUE, unlock_it);
    must_lock(KEYLOCK_READ);
    keylock_unlock(&lock, KEYLOCK_READ);
}

static void test_kill_just_before_queueing_is_seen(void **state)
{
    (void)state;
    must_lock(KEYLOCK_WRITE);
    interfere_at(LOCK_POINT_BEFORE_QUEUE, kill_it);
    assert_int_equal(keylock_lock(&lock, KEYLOCK_WRITE, NULL, NULL), KEYLOCK_RETRY);
}

static struct note first_writer, second_writer;

static void swap_writer_for_reader(void)
{
    assert_true(keylock_cancel(&first_writer.waiter));
    must_lock(KEYLOCK_READ);
    queue(&second_writer, KEYLOCK_WRITE);
}

static void just_cancel(void)
{
    assert_true(keylock_cancel(&first_writer.waiter));
}

// The last reader comes to wake a writer, but meanwhile another reader has come in past it.
static void test_reader_joining_just_before_unpark_is_seen(void **state)
{
    (void)state;
    must_lock(KEYLOCK_READ);
    queue(&first_writer, KEYLOCK_WRITE);
    interfere_at(LOCK_POINT_BEFORE_UNPARK, swap_writer_for_reader);
    keylock_unlock(&lock, KEYLOCK_READ);
    assert_int_equal(word(), READERS(1) | KEYLOCK_PARKED);
    assert_false(second_writer.woken);
    keylock_unlock(&lock, KEYLOCK_READ);
    assert_true(told(&second_writer, KEYLOCK_RETRY));
}

static void test_cancel_just_before_unpark_is_seen(void **state)
{
    (void)state;
    for (int mode = KEYLOCK_READ; mode <= KEYLOCK_WRITE; mode++) {
        must_lock((enum keylock_mode)mode);
        queue(&first_writer, KEYLOCK_WRITE);
        interfere_at(LOCK_POINT_BEFORE_UNPARK, just_cancel);
        keylock_unlock(&lock, (enum keylock_mode)mode);
        assert_int_equal(word(), 0);
    }
    must_lock(KEYLOCK_WRITE);
    queue(&first_writer, KEYLOCK_WRITE);
    interfere_at(LOCK_POINT_BEFORE_UNPARK, just_cancel);
    keylock_kill(&lock);
    assert_int_equal(word(), KEYLOCK_DEAD);
}

static void release_last(void)
{
    assert_true(keylock_release_last(&lock));
}

// Readers are to join the one that reads, which becomes the writer at that very moment.
static void test_release_last_while_readers_are_let_in(void **state)
{
    (void)state;
    struct note reader;
    must_lock(KEYLOCK_READ);
    queue(&first_writer, KEYLOCK_WRITE);
    queue(&reader, KEYLOCK_READ);
    interfere_at(LOCK_POINT_SETTLE, release_last);
    assert_true(keylock_cancel(&first_writer.waiter));
    assert_int_equal(word(), KEYLOCK_WRITER);
    assert_true(told(&reader, KEYLOCK_RETRY));
    keylock_unlock(&lock, KEYLOCK_WRITE);
}
#endif

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    usual_fairness_us = LOAD(lock_tuning.fairness_us);
    const struct CMUnitTest tests[] = {
        TEST(test_modes_exclude_each_other),
        TEST(test_placeholder_is_born_held),
        TEST(test_writer_at_the_front_is_told_to_retry),
        TEST(test_fairness_hands_over_to_the_writer),
        TEST(test_readers_at_the_front_get_it_together),
        TEST(test_new_readers_queue_behind_a_writer),
        TEST(test_kill_sends_all_waiters_away),
        TEST(test_kill_without_waiters),
        TEST(test_release_last_turns_the_last_reader_into_the_writer),
        TEST(test_mutating_lasts_until_unlock),
        TEST(test_cancel_clears_parked_with_the_last),
        TEST(test_cancelled_writer_lets_readers_behind_it_in),
        TEST(test_pass_on_wakes_the_next),
#ifdef KL_DEBUG
        TEST(test_unlock_just_before_queueing_is_seen),
        TEST(test_kill_just_before_queueing_is_seen),
        TEST(test_reader_joining_just_before_unpark_is_seen),
        TEST(test_cancel_just_before_unpark_is_seen),
        TEST(test_release_last_while_readers_are_let_in),
#endif
        TEST(test_sleeping_threads_leave_the_epoch),
        TEST(test_killed_under_sleeping_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
