// SPDX-License-Identifier: MIT
// Key locks in a table whose entries come and go: writers, readers, placeholders, removals, threads
// that sleep and callbacks that wait, all on few keys. At no time do two hold one key, whichever
// entries stand for it; nobody touches a freed entry (ASan); nobody sleeps for ever (the test
// ends).
#include "locks/keylock.h"

#include "locks/epoch.h"
#include "tests/lib/lock_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define KEYS 4

struct entry {
    struct keylock lock;
    int key;
};

static struct epoch *epoch;
static struct entry *_Atomic table[KEYS];
// By key, not by entry: what a key's lock protects across entries. The sums are no atomics, so
// TSan sees any holder that is not ordered after the one before it.
static long sums[KEYS];
static _Atomic int writers[KEYS], readers[KEYS];
static _Atomic long writes, removals, placeholders, slept_held, slept_retry, queued, withdrawn,
    gave_up;
static _Atomic long errors;

// ---- one worker -------------------------------------------------------------------------------

struct worker {
    struct epoch_thread *epoch;
    bool slept;
};

static void leave_epoch(void *arg)
{
    struct worker *worker = arg;
    worker->slept = true;
    epoch_exit(worker->epoch);
}

static void enter_epoch(void *arg)
{
    struct worker *worker = arg;
    epoch_enter(worker->epoch);
}

static const struct keylock_hooks hooks = {leave_epoch, enter_epoch};

// The entry of a key, made if missing; a new one is held already if *made is set.
static struct entry *find_or_make(int key, enum keylock_mode mode, bool *made)
{
    *made = false;
    struct entry *entry = LOAD(table[key]);
    if (entry != NULL)
        return entry;
    struct entry *fresh = calloc(1, sizeof(*fresh));
    fresh->key = key;
    keylock_init(&fresh->lock, mode == KEYLOCK_WRITE);
    if (mode == KEYLOCK_READ && !keylock_try(&fresh->lock, KEYLOCK_READ))
        COUNT(errors);
    if (atomic_compare_exchange_strong_explicit(&table[key], &entry, fresh, memory_order_acq_rel,
                                                memory_order_acquire)) {
        COUNT(placeholders);
        *made = true;
        return fresh;
    }
    free(fresh);
    return entry;
}

static struct entry *lock_key(struct worker *worker, int key, enum keylock_mode mode)
{
    for (;;) {
        bool made;
        struct entry *entry = find_or_make(key, mode, &made);
        if (made)
            return entry;
        worker->slept = false;
        enum keylock_result result = keylock_lock(&entry->lock, mode, &hooks, worker);
        if (worker->slept)
            COUNT(*(result == KEYLOCK_HELD ? &slept_held : &slept_retry));
        if (result == KEYLOCK_HELD)
            return entry;
    }
}

// A connection: its waiter, and what its wake function has been told (-1: nothing yet).
struct connection {
    struct park_waiter waiter;
    _Atomic int told;
};

static void tell(struct park_waiter *waiter, uintptr_t token)
{
    struct connection *connection = (struct connection *)waiter;
    STORE(connection->told, (int)keylock_wake_result(token));
}

// Outside the epoch, as a loop is while its connections wait.
static enum keylock_result wait_or_cancel(struct worker *worker, struct connection *connection)
{
    epoch_exit(worker->epoch);
    bool impatient = test_random() % 4 == 0;
    for (int turns = 0; LOAD(connection->told) < 0; turns++) {
        sched_yield();
        if (!impatient || turns < 3)
            continue;
        epoch_enter(worker->epoch);
        bool cancelled = keylock_cancel(&connection->waiter);
        if (cancelled) {
            COUNT(withdrawn);
            return KEYLOCK_QUEUED; // in the epoch, and no longer waiting
        }
        epoch_exit(worker->epoch);
        impatient = false;
    }
    epoch_enter(worker->epoch);
    return (enum keylock_result)LOAD(connection->told);
}

// NULL: the connection has lost interest.
static struct entry *lock_key_async(struct worker *worker, int key, enum keylock_mode mode)
{
    for (;;) {
        bool made;
        struct entry *entry = find_or_make(key, mode, &made);
        if (made)
            return entry;
        struct connection *connection = calloc(1, sizeof(*connection));
        connection->waiter.wake = tell;
        STORE(connection->told, -1);
        enum keylock_result result = keylock_lock_async(&entry->lock, mode, &connection->waiter);
        if (result == KEYLOCK_QUEUED) {
            COUNT(queued);
            result = wait_or_cancel(worker, connection);
        }
        free(connection);
        if (result == KEYLOCK_HELD)
            return entry;
        if (result == KEYLOCK_QUEUED)
            return NULL;
        if (test_random() % 4 == 0) {
            entry = LOAD(table[key]);
            if (entry != NULL)
                keylock_pass_on(&entry->lock);
            COUNT(gave_up);
            return NULL;
        }
    }
}

static void linger(void)
{
    uint64_t dice = test_random() % 64;
    if (dice < 4)
        sched_yield();
    else if (dice == 5)
        sleep_ns(20000);
}

static void remove_entry(struct worker *worker, struct entry *entry)
{
    STORE(table[entry->key], NULL);
    keylock_kill(&entry->lock);
    epoch_retire(worker->epoch, entry, free, sizeof(*entry));
    COUNT(removals);
}

// Whoever holds a live key finds its own entry in the table.
static void check_current(const struct entry *entry)
{
    if (LOAD(table[entry->key]) != entry)
        COUNT(errors);
}

static void write_and_leave(struct worker *worker, struct entry *entry, bool last)
{
    int key = entry->key;
    check_current(entry);
    if (COUNT(writers[key]) != 0 || LOAD(readers[key]) != 0)
        COUNT(errors);
    sums[key]++;
    COUNT(writes);
    linger();
    atomic_fetch_sub_explicit(&writers[key], 1, memory_order_relaxed);
    if (last)
        remove_entry(worker, entry);
    else
        keylock_unlock(&entry->lock, KEYLOCK_WRITE);
}

static void read_and_leave(struct worker *worker, struct entry *entry, bool last)
{
    int key = entry->key;
    check_current(entry);
    COUNT(readers[key]);
    long before = sums[key];
    linger();
    if (LOAD(writers[key]) != 0 || sums[key] != before)
        COUNT(errors);
    atomic_fetch_sub_explicit(&readers[key], 1, memory_order_relaxed);
    if (!last)
        keylock_unlock(&entry->lock, KEYLOCK_READ);
    else if (keylock_release_last(&entry->lock))
        remove_entry(worker, entry);
}

static void use_one(struct worker *worker)
{
    uint64_t dice = test_random() >> 16;
    int key = (int)(dice % KEYS);
    enum keylock_mode mode = dice / 8 % 2 ? KEYLOCK_READ : KEYLOCK_WRITE;
    struct entry *entry =
        dice / 16 % 4 == 0 ? lock_key_async(worker, key, mode) : lock_key(worker, key, mode);
    bool last = dice / 64 % 4 == 0;
    if (entry == NULL)
        return;
    if (mode == KEYLOCK_READ)
        read_and_leave(worker, entry, last);
    else
        write_and_leave(worker, entry, last);
}

// Two keys in order, as a multi-key command takes them.
static void use_two(struct worker *worker)
{
    int low = (int)(test_random() % (KEYS - 1));
    int high = low + 1 + (int)(test_random() % (uint64_t)(KEYS - 1 - low));
    struct entry *first = lock_key(worker, low, KEYLOCK_WRITE);
    struct entry *second = lock_key(worker, high, KEYLOCK_WRITE);
    keylock_set_mutating(&first->lock);
    keylock_set_mutating(&second->lock);
    write_and_leave(worker, first, test_random() % 2);
    write_and_leave(worker, second, test_random() % 2);
}

static void *work(void *arg)
{
    int rounds = *(int *)arg;
    struct worker worker = {.epoch = epoch_register(epoch)};
    if (worker.epoch == NULL)
        abort();
    for (int i = 0; i < rounds; i++) {
        epoch_enter(worker.epoch);
        if (test_random() % 8 == 0)
            use_two(&worker);
        else
            use_one(&worker);
        epoch_exit(worker.epoch);
        if (i % 16 == 0)
            epoch_poll(worker.epoch, 64);
    }
    epoch_unregister(worker.epoch);
    return NULL;
}

static int setup(void **state)
{
    (void)state;
    epoch = epoch_create();
    for (int key = 0; key < KEYS; key++) {
        sums[key] = 0;
        STORE(table[key], NULL);
    }
    _Atomic long *counters[] = {&writes, &removals,  &placeholders, &slept_held, &slept_retry,
                                &queued, &withdrawn, &gave_up,      &errors};
    for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++)
        STORE(*counters[i], 0);
    delays_set(true);
    return epoch == NULL;
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
    epoch_destroy(epoch);
    return 0;
}

// What is left over is free, and nobody is queued on it.
static void check_and_clear_table(void)
{
    long sum = 0;
    for (int key = 0; key < KEYS; key++) {
        struct entry *entry = LOAD(table[key]);
        sum += sums[key];
        if (entry == NULL)
            continue;
        assert_int_equal(LOAD(entry->lock.word), 0);
        free(entry);
    }
    assert_int_equal(sum, LOAD(writes));
}

static void run(size_t threads, int rounds)
{
    run_threads(threads, work, &rounds);
    assert_int_equal(LOAD(errors), 0);
    check_and_clear_table();
    // The cases the test exists for have come up.
    assert_true(LOAD(removals) > 0 && LOAD(placeholders) >= LOAD(removals));
    assert_true(LOAD(queued) > 0 && LOAD(slept_retry) > 0 && LOAD(slept_held) > 0);
}

static void test_one_holder_a_key_with_few_threads(void **state)
{
    (void)state;
    run(6, 20000);
}

static void test_one_holder_a_key_with_128_threads(void **state)
{
    (void)state;
    run(128, 400);
    assert_true(LOAD(withdrawn) > 0 && LOAD(gave_up) > 0);
}

// ---- the mutating mark ------------------------------------------------------------------------

#define PAIR_WRITES 20000

static struct keylock pair[2];
static _Atomic long values[2];
static _Atomic bool pair_done;

static void *write_pair(void *arg)
{
    (void)arg;
    for (int i = 0; i < PAIR_WRITES; i++) {
        for (int k = 0; k < 2; k++)
            while (keylock_lock(&pair[k], KEYLOCK_WRITE, NULL, NULL) != KEYLOCK_HELD)
                ;
        for (int k = 0; k < 2; k++)
            keylock_set_mutating(&pair[k]);
        // Either value first.
        for (int k = 0; k < 2; k++)
            atomic_fetch_add_explicit(&values[(k + i) % 2], 1, memory_order_release);
        for (int k = 0; k < 2; k++)
            keylock_unlock(&pair[k], KEYLOCK_WRITE);
    }
    return NULL;
}

static long read_value(int k)
{
    long value;
    if (!keylock_mutating(&pair[k])) {
        value = LOAD(values[k]);
        if (!keylock_mutating(&pair[k]))
            return value;
    }
    while (keylock_lock(&pair[k], KEYLOCK_READ, NULL, NULL) != KEYLOCK_HELD)
        ;
    value = LOAD(values[k]);
    keylock_unlock(&pair[k], KEYLOCK_READ);
    return value;
}

// Two reads in a row: the second must not be older than the first, in either order of keys.
static void *read_pair(void *arg)
{
    (void)arg;
    while (!LOAD(pair_done)) {
        int k = (int)(test_random() % 2);
        long first = read_value(k);
        long second = read_value(1 - k);
        if (second < first)
            COUNT(errors);
    }
    return NULL;
}

static void test_readers_without_lock_see_no_half_of_a_pair(void **state)
{
    (void)state;
    static struct group group;
    struct group inner = {0};
    keylock_init(&pair[0], false);
    keylock_init(&pair[1], false);
    STORE(values[0], 0);
    STORE(values[1], 0);
    STORE(pair_done, false);
    group_start(&group, 2, read_pair, NULL);
    group_start(&inner, 2, write_pair, NULL);
    group_join(&inner);
    STORE(pair_done, true);
    group_join(&group);
    assert_int_equal(LOAD(errors), 0);
    assert_int_equal(LOAD(values[0]), 2 * PAIR_WRITES);
    assert_int_equal(LOAD(pair[0].word) | LOAD(pair[1].word), 0);
}

// ---- fairness ---------------------------------------------------------------------------------

#define VICTIM_TURNS 20

static struct keylock busy;
static _Atomic bool victim_done;

static void *hog(void *arg)
{
    enum keylock_mode mode = *(enum keylock_mode *)arg;
    bool owes_visit = false;
    while (!LOAD(victim_done)) {
        owes_visit = keylock_lock(&busy, mode, NULL, NULL) != KEYLOCK_HELD;
        if (owes_visit)
            continue;
        int64_t until = clock_monotonic_ns() + 20000;
        while (clock_monotonic_ns() < until)
            cpu_pause();
        keylock_unlock(&busy, mode);
    }
    if (owes_visit)
        keylock_pass_on(&busy);
    return NULL;
}

static void *victim(void *arg)
{
    enum keylock_mode mode = *(enum keylock_mode *)arg;
    for (int i = 0; i < VICTIM_TURNS;) {
        if (keylock_lock(&busy, mode, NULL, NULL) != KEYLOCK_HELD)
            continue;
        i++;
        keylock_unlock(&busy, mode);
        sleep_ns(100000);
    }
    STORE(victim_done, true);
    return NULL;
}

// Hogs that leave no gap: only hand-overs let the victim in.
static void check_victim_gets_in(enum keylock_mode hogs, enum keylock_mode hogged)
{
    static struct group group;
    delays_set(false);
    keylock_init(&busy, false);
    STORE(victim_done, false);
    group_start(&group, 3, hog, &hogs);
    group_start(&group, 1, victim, &hogged);
    bool done = WAIT_UNTIL(LOAD(victim_done));
    STORE(victim_done, true);
    group_join(&group);
    assert_true(done);
    assert_int_equal(LOAD(busy.word), 0);
}

static void test_writers_starve_neither_mode(void **state)
{
    (void)state;
    check_victim_gets_in(KEYLOCK_WRITE, KEYLOCK_WRITE);
    check_victim_gets_in(KEYLOCK_WRITE, KEYLOCK_READ);
}

static void test_readers_do_not_starve_a_writer(void **state)
{
    (void)state;
    check_victim_gets_in(KEYLOCK_READ, KEYLOCK_WRITE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TORTURE(test_one_holder_a_key_with_few_threads),
        TORTURE(test_one_holder_a_key_with_128_threads),
        TORTURE(test_readers_without_lock_see_no_half_of_a_pair),
        TORTURE(test_writers_starve_neither_mode),
        TORTURE(test_readers_do_not_starve_a_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
