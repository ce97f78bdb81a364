// SPDX-License-Identifier: MIT
// Reader-writer locks under many threads: exclusion in all modes and transitions, with timeouts.
#define LOCKS_UNRANKED // tests what is below the ranks
#include "locks/rwlock.h"

#include "tests/lib/lock_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct rwlock lock;
static long a, b; // equal whenever no writer is inside; no atomics: TSan watches them
static _Atomic int readers, upgradables, writers;
static _Atomic long writes, errors, gave_up;
static _Atomic bool writer_done;

static int setup(void **state)
{
    (void)state;
    rwlock_init(&lock);
    a = b = 0;
    STORE(writes, 0);
    STORE(errors, 0);
    STORE(gave_up, 0);
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
    return LOAD(lock.state) == 0 ? 0 : -1;
}

static void leave(_Atomic int *count)
{
    atomic_fetch_sub_explicit(count, 1, memory_order_relaxed);
}

static void pause_inside(void)
{
    if (test_random() % 32 == 0)
        sched_yield();
}

static void read_inside(void)
{
    COUNT(readers);
    if (a != b || LOAD(writers) != 0)
        COUNT(errors);
    pause_inside();
    leave(&readers);
}

static void write_inside(void)
{
    if (COUNT(writers) != 0 || LOAD(readers) != 0 || LOAD(upgradables) != 0)
        COUNT(errors);
    a++;
    pause_inside();
    b++;
    COUNT(writes);
    leave(&writers);
}

static void upgradable_inside(void)
{
    if (COUNT(upgradables) != 0)
        COUNT(errors);
    if (a != b || LOAD(writers) != 0)
        COUNT(errors);
    pause_inside();
    leave(&upgradables);
}

// Deadline: none, or soon.
static int64_t some_deadline(bool timed)
{
    return timed ? clock_monotonic_ns() + (int64_t)(test_random() % 50000) : -1;
}

static void use_upgradable(bool timed)
{
    if (!rwlock_lock_upgradable_until(&lock, some_deadline(timed))) {
        COUNT(gave_up);
        return;
    }
    upgradable_inside();
    if (test_random() % 4 == 0) {
        rwlock_downgrade_upgradable(&lock);
        read_inside();
        rwlock_unlock_read(&lock);
    } else if (rwlock_upgrade_until(&lock, some_deadline(timed))) {
        write_inside();
        if (test_random() % 2) {
            rwlock_unlock_write(&lock);
            return;
        }
        rwlock_downgrade_to_upgradable(&lock);
        upgradable_inside();
        rwlock_unlock_upgradable(&lock);
    } else {
        COUNT(gave_up);
        upgradable_inside();
        rwlock_unlock_upgradable_fair(&lock);
    }
}

static void use_write(bool timed)
{
    if (!rwlock_lock_write_until(&lock, some_deadline(timed))) {
        COUNT(gave_up);
        return;
    }
    write_inside();
    switch (test_random() % 4) {
    case 0:
        rwlock_downgrade(&lock);
        read_inside();
        rwlock_unlock_read(&lock);
        break;
    case 1:
        rwlock_unlock_write_fair(&lock);
        break;
    default:
        rwlock_unlock_write(&lock);
    }
}

static void use_read(bool timed)
{
    if (!rwlock_lock_read_until(&lock, some_deadline(timed))) {
        COUNT(gave_up);
        return;
    }
    read_inside();
    rwlock_unlock_read(&lock);
}

struct load {
    int rounds;
    bool timed;
};

static void *use(void *arg)
{
    const struct load *load = arg;
    for (int i = 0; i < load->rounds; i++) {
        uint64_t dice = test_random() % 8;
        if (dice == 0)
            use_upgradable(load->timed);
        else if (dice < 3)
            use_write(load->timed);
        else
            use_read(load->timed);
    }
    return NULL;
}

static void run(size_t threads, struct load load)
{
    run_threads(threads, use, &load);
    assert_int_equal(LOAD(errors), 0);
    assert_int_equal(a, LOAD(writes));
    assert_int_equal(b, LOAD(writes));
    if (load.timed)
        assert_true(LOAD(gave_up) > 0);
}

static void test_excludes_with_few_threads(void **state)
{
    (void)state;
    run(4, (struct load){.rounds = 40000});
}

static void test_excludes_with_128_threads(void **state)
{
    (void)state;
    run(128, (struct load){.rounds = 600});
}

static void test_timeouts_race_unlocks(void **state)
{
    (void)state;
    run(16, (struct load){.rounds = 3000, .timed = true});
}

// Readers that overlap without a gap must not keep a writer out.
static void *read_until_done(void *arg)
{
    (void)arg;
    while (!LOAD(writer_done))
        use_read(false);
    return NULL;
}

static void *write_some(void *arg)
{
    (void)arg;
    for (int i = 0; i < 2000; i++)
        use_write(false);
    STORE(writer_done, true);
    return NULL;
}

static void test_readers_do_not_starve_a_writer(void **state)
{
    (void)state;
    static struct group group;
    group_start(&group, 8, read_until_done, NULL);
    group_start(&group, 1, write_some, NULL);
    bool done = WAIT_UNTIL(LOAD(writer_done));
    STORE(writer_done, true);
    group_join(&group);
    assert_true(done);
    assert_int_equal(LOAD(errors), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TORTURE(test_excludes_with_few_threads),
        TORTURE(test_excludes_with_128_threads),
        TORTURE(test_timeouts_race_unlocks),
        TORTURE(test_readers_do_not_starve_a_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
