// SPDX-License-Identifier: MIT
//
// What the locks count about waiting: each kind, hand-overs, starvation, the histogram, and that
// nothing is counted where nobody waits.
#define LOCKS_UNRANKED // tests what is below the ranks
#include "locks/keylock.h"
#include "locks/mutex.h"
#include "locks/rwlock.h"
#include "locks/stats.h"
#include "tests/lib/lock_test.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct lock_parameters usual;

static struct lock_summary read_kind(enum lock_kind kind)
{
    struct lock_summary sum;
    lock_stats_read(1u << kind, &sum);
    return sum;
}

static uint64_t waiters(enum lock_kind kind)
{
    return read_kind(kind).waiters;
}

static struct lock_summary read_all(void)
{
    struct lock_summary sum;
    lock_stats_read(LOCK_KINDS_ALL, &sum);
    return sum;
}

// Every contended lock parks at once, and nothing was counted yet.
static int setup(void **state)
{
    (void)state;
    usual = lock_tuning_get();
    spinning_set(false);
    lock_stats_reset();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    lock_tuning_set(&usual);
    STORE(lock_tuning.starvation_ms, 100);
    return 0;
}

static struct mutex mutex;
static struct rwlock rwlock;
static struct keylock key;

static void *use_mutex(void *arg)
{
    mutex_lock(&mutex);
    mutex_unlock(&mutex);
    return arg;
}

static void *use_rwlock_read(void *arg)
{
    rwlock_lock_read(&rwlock);
    rwlock_unlock_read(&rwlock);
    return arg;
}

static void *use_rwlock_write(void *arg)
{
    rwlock_lock_write(&rwlock);
    rwlock_unlock_write(&rwlock);
    return arg;
}

// As the keyspace does it: one wait, however many calls.
static void use_key(enum keylock_mode mode)
{
    struct lock_wait stats = {0};
    while (!keylock_try(&key, mode))
        if (keylock_lock_slow(&key, mode, NULL, NULL, &stats) == KEYLOCK_HELD)
            break;
    keylock_unlock(&key, mode);
    lock_wait_ends(&stats);
}

static void *use_key_read(void *arg)
{
    use_key(KEYLOCK_READ);
    return arg;
}

static void *use_key_write(void *arg)
{
    use_key(KEYLOCK_WRITE);
    return arg;
}

// Nothing of any kind was counted but the waits of this one.
static void assert_only_waits(enum lock_kind kind, uint64_t waits)
{
    struct lock_summary one = read_kind(kind), all = read_all();
    assert_int_equal(one.waits, waits);
    assert_int_equal(all.waits, waits);
    assert_int_equal(all.waiters, 0);
    assert_true(one.wait_ns > 0);
    assert_true(one.max_ns > 0 && one.max_ns <= one.wait_ns);
    assert_true(one.p50_ns > 0 && one.p50_ns <= one.p99_ns && one.p99_ns <= one.max_ns);
}

static void test_nothing_without_waiting(void **state)
{
    (void)state;
    use_mutex(NULL);
    use_rwlock_read(NULL);
    use_rwlock_write(NULL);
    use_key_read(NULL);
    use_key_write(NULL);
    rwlock_lock_upgradable(&rwlock);
    rwlock_upgrade(&rwlock);
    rwlock_unlock_write(&rwlock);
    struct lock_summary all = read_all();
    assert_int_equal(all.waits, 0);
    assert_int_equal(all.spins, 0);
    assert_int_equal(all.wait_ns, 0);
    assert_int_equal(all.max_ns, 0);
    assert_int_equal(all.p99_ns, 0);
}

static void test_mutex(void **state)
{
    (void)state;
    struct group group = {0};
    mutex_lock(&mutex);
    group_start(&group, 3, use_mutex, NULL);
    assert_true(WAIT_UNTIL(waiters(LOCK_KIND_MUTEX) == 3));
    assert_int_equal(read_kind(LOCK_KIND_MUTEX).waits, 0); // not over yet
    mutex_unlock(&mutex);
    group_join(&group);
    assert_only_waits(LOCK_KIND_MUTEX, 3);
}

static void test_hand_over(void **state)
{
    (void)state;
    struct group group = {0};
    mutex_lock(&mutex);
    group_start(&group, 1, use_mutex, NULL);
    assert_true(WAIT_UNTIL(waiters(LOCK_KIND_MUTEX) == 1));
    mutex_unlock_fair(&mutex);
    group_join(&group);
    assert_only_waits(LOCK_KIND_MUTEX, 1);
    assert_int_equal(read_kind(LOCK_KIND_MUTEX).handoffs, 1);
}

static void *lock_until_soon(void *arg)
{
    *(bool *)arg = mutex_lock_until(&mutex, clock_monotonic_ns() + NS_PER_MS);
    return NULL;
}

static void test_timeout_is_a_wait(void **state)
{
    (void)state;
    struct group group = {0};
    bool locked = true;
    mutex_lock(&mutex);
    group_start(&group, 1, lock_until_soon, &locked);
    group_join(&group);
    mutex_unlock(&mutex);
    assert_false(locked);
    assert_only_waits(LOCK_KIND_MUTEX, 1);
    assert_int_equal(read_kind(LOCK_KIND_MUTEX).handoffs, 0);
}

static void test_rwlock(void **state)
{
    (void)state;
    struct group group = {0};
    rwlock_lock_write(&rwlock);
    group_start(&group, 2, use_rwlock_read, NULL);
    assert_true(WAIT_UNTIL(waiters(LOCK_KIND_RWLOCK_READ) == 2));
    rwlock_unlock_write(&rwlock);
    group_join(&group);
    assert_only_waits(LOCK_KIND_RWLOCK_READ, 2);

    lock_stats_reset();
    rwlock_lock_read(&rwlock); // the writer waits for this reader to leave
    group_start(&group, 1, use_rwlock_write, NULL);
    assert_true(WAIT_UNTIL(waiters(LOCK_KIND_RWLOCK_WRITE) == 1));
    rwlock_unlock_read(&rwlock);
    group_join(&group);
    assert_only_waits(LOCK_KIND_RWLOCK_WRITE, 1);
}

static void *use_upgraded(void *arg)
{
    rwlock_lock_upgradable(&rwlock);
    rwlock_upgrade(&rwlock);
    rwlock_unlock_write(&rwlock);
    return arg;
}

static void test_upgrade(void **state)
{
    (void)state;
    struct group group = {0};
    rwlock_lock_read(&rwlock);
    group_start(&group, 1, use_upgraded, NULL);
    assert_true(WAIT_UNTIL(waiters(LOCK_KIND_RWLOCK_WRITE) == 1));
    rwlock_unlock_read(&rwlock);
    group_join(&group);
    assert_only_waits(LOCK_KIND_RWLOCK_WRITE, 1);

    lock_stats_reset();
    rwlock_lock_write(&rwlock);
    group_start(&group, 1, use_upgraded, NULL);
    assert_true(WAIT_UNTIL(waiters(LOCK_KIND_RWLOCK_WRITE) == 1));
    rwlock_unlock_write(&rwlock);
    group_join(&group);
    assert_only_waits(LOCK_KIND_RWLOCK_WRITE, 1);
}

static void test_key(void **state)
{
    (void)state;
    struct group group = {0};
    keylock_init(&key, true);
    group_start(&group, 2, use_key_read, NULL);
    assert_true(WAIT_UNTIL(waiters(LOCK_KIND_KEY_READ) == 2));
    keylock_unlock(&key, KEYLOCK_WRITE);
    group_join(&group);
    assert_only_waits(LOCK_KIND_KEY_READ, 2);
    assert_int_equal(read_kind(LOCK_KIND_KEY_READ).handoffs, 2); // readers always get it so

    lock_stats_reset();
    assert_true(keylock_try(&key, KEYLOCK_READ));
    group_start(&group, 1, use_key_write, NULL);
    assert_true(WAIT_UNTIL(waiters(LOCK_KIND_KEY_WRITE) == 1));
    keylock_unlock(&key, KEYLOCK_READ);
    group_join(&group);
    assert_only_waits(LOCK_KIND_KEY_WRITE, 1);
}

// A waiter that is woken to look the key up again and then sleeps again has waited once.
static void *use_key_twice(void *arg)
{
    struct keylock *words = arg;
    struct lock_wait stats = {0};
    enum keylock_result first = keylock_lock_slow(&words[0], KEYLOCK_WRITE, NULL, NULL, &stats);
    int64_t begun_ns = stats.begun_ns;
    enum keylock_result second = keylock_lock_slow(&words[1], KEYLOCK_READ, NULL, NULL, &stats);
    bool right = first == KEYLOCK_RETRY && second == KEYLOCK_HELD && begun_ns != 0 &&
                 stats.begun_ns == begun_ns;
    // Both calls must be of one kind; that they are not here tells the two apart.
    stats.kind = LOCK_KIND_KEY_WRITE;
    lock_wait_ends(&stats);
    return right ? words : NULL;
}

static void test_key_looked_up_again(void **state)
{
    (void)state;
    struct keylock words[2];
    pthread_t thread;
    void *right = NULL;
    keylock_init(&words[0], true);
    keylock_init(&words[1], true);
    assert_int_equal(pthread_create(&thread, NULL, use_key_twice, words), 0);
    assert_true(WAIT_UNTIL(waiters(LOCK_KIND_KEY_WRITE) == 1));
    keylock_kill(&words[0]);
    assert_true(WAIT_UNTIL(LOAD(words[1].word) & KEYLOCK_PARKED));
    assert_int_equal(read_all().waits, 0);
    assert_int_equal(read_all().waiters, 1);
    keylock_unlock(&words[1], KEYLOCK_WRITE);
    pthread_join(thread, &right);
    assert_ptr_equal(right, words);
    assert_only_waits(LOCK_KIND_KEY_WRITE, 1);
}

static void test_starvation(void **state)
{
    (void)state;
    for (int starved = 0; starved <= 1; starved++) {
        struct group group = {0};
        lock_stats_reset();
        STORE(lock_tuning.starvation_ms, starved ? 0 : UINT32_MAX);
        mutex_lock(&mutex);
        group_start(&group, 1, use_mutex, NULL);
        assert_true(WAIT_UNTIL(waiters(LOCK_KIND_MUTEX) == 1));
        mutex_unlock(&mutex);
        group_join(&group);
        assert_int_equal(read_kind(LOCK_KIND_MUTEX).starved, starved);
    }
}

// Holds the mutex until the other thread must have met it held, as often as it takes.
static void *try_to_spin(void *arg)
{
    (void)arg;
    for (int i = 0; i < 1000 && read_kind(LOCK_KIND_MUTEX).spins == 0; i++) {
        mutex_lock(&mutex);
        sched_yield();
        mutex_unlock(&mutex);
    }
    return NULL;
}

static void test_spinning(void **state)
{
    (void)state;
    if (cpu_count_online() == 1)
        skip(); // nobody spins there
    struct lock_parameters eager = {1u << 30, 0, 1u << 30, 500};
    lock_tuning_set(&eager);
    assert_true(WAIT_UNTIL((run_threads(2, try_to_spin, NULL), read_all().spins > 0)));
    assert_int_equal(read_all().waits, 0);
    assert_int_equal(read_all().wait_ns, 0);
}

// A wait of about so long, without waiting.
static void pretend(enum lock_kind kind, int64_t ns, bool handed_over)
{
    struct lock_wait wait = {.kind = kind, .handed_over = handed_over};
    struct spin spin = {.yielding_ns = clock_monotonic_ns() - ns};
    lock_wait_sleeps(&wait, &spin);
    lock_wait_ends(&wait);
}

// The percentile is not below the wait it stands for, and at most a quarter above (and some for
// what this thread takes to pretend).
static void assert_about(uint64_t found_ns, int64_t ns)
{
    if (found_ns < (uint64_t)ns || found_ns > (uint64_t)ns * 2)
        fail_msg("%lld ns found, about %lld expected", (long long)found_ns, (long long)ns);
}

static void test_histogram(void **state)
{
    (void)state;
    static const int64_t spans[] = {10 * NS_PER_MS, 333 * NS_PER_MS, 5000 * NS_PER_MS,
                                    3600000 * NS_PER_MS};
    for (size_t i = 0; i < sizeof(spans) / sizeof(*spans); i++) {
        lock_stats_reset();
        for (int n = 0; n < 99; n++)
            pretend(LOCK_KIND_KEY_WRITE, spans[i], false);
        pretend(LOCK_KIND_KEY_WRITE, 10 * spans[i], true);
        struct lock_summary sum = read_kind(LOCK_KIND_KEY_WRITE);
        assert_about(sum.p50_ns, spans[i]);
        assert_about(sum.p99_ns, spans[i]);
        assert_about(sum.max_ns, 10 * spans[i]);
        pretend(LOCK_KIND_KEY_READ, 10 * spans[i], false); // now two of 101 are long
        struct lock_summary all = read_all();
        assert_about(all.p50_ns, spans[i]);
        assert_about(all.p99_ns, 10 * spans[i]);
        assert_int_equal(all.waits, 101);
        assert_int_equal(all.handoffs, 1);
    }
    // Beyond the last bucket nothing is lost.
    lock_stats_reset();
    pretend(LOCK_KIND_MUTEX, INT64_MAX / 2, false);
    assert_true(read_all().p99_ns > 0);
}

static void *pretend_often(void *arg)
{
    for (int i = 0; i < 1000; i++)
        pretend((enum lock_kind)(i % LOCK_KINDS), 1000, i % 2);
    return arg;
}

static void test_many_threads_lose_nothing(void **state)
{
    (void)state;
    run_threads(40, pretend_often, NULL);
    struct lock_summary all = read_all();
    assert_int_equal(all.waits, 40000);
    assert_int_equal(all.handoffs, 20000);
    assert_int_equal(all.waiters, 0);
    assert_int_equal(read_kind(LOCK_KIND_KEY_WRITE).waits, 8000);
}

static void test_reset_keeps_waiters(void **state)
{
    (void)state;
    struct group group = {0};
    pretend(LOCK_KIND_MUTEX, NS_PER_MS, true);
    mutex_lock(&mutex);
    group_start(&group, 1, use_mutex, NULL);
    assert_true(WAIT_UNTIL(waiters(LOCK_KIND_MUTEX) == 1));
    lock_stats_reset();
    struct lock_summary all = read_all();
    assert_int_equal(all.waits, 0);
    assert_int_equal(all.handoffs, 0);
    assert_int_equal(all.wait_ns, 0);
    assert_int_equal(all.max_ns, 0);
    assert_int_equal(all.waiters, 1);
    mutex_unlock(&mutex);
    group_join(&group);
    assert_only_waits(LOCK_KIND_MUTEX, 1);
}

static void test_presets(void **state)
{
    (void)state;
    // In force from the start, before anybody has set anything.
    assert_memory_equal(&usual, &lock_presets[LOCK_PRESET_DEFAULT], sizeof(usual));
    for (int i = 0; i < LOCK_PRESETS; i++) {
        lock_tuning_set(&lock_presets[i]);
        struct lock_parameters now = lock_tuning_get();
        assert_memory_equal(&now, &lock_presets[i], sizeof(now));
    }
    const struct lock_parameters *fast = &lock_presets[LOCK_PRESET_THROUGHPUT];
    const struct lock_parameters *fair = &lock_presets[LOCK_PRESET_FAIRNESS];
    assert_int_equal(fast->spins, 32);
    assert_int_equal(fast->backoff_steps, 8);
    assert_int_equal(fast->yields, 64);
    assert_int_equal(fast->fairness_us, 1000);
    assert_int_equal(fair->spins, 8);
    assert_int_equal(fair->backoff_steps, 2);
    assert_int_equal(fair->yields, 16);
    assert_int_equal(fair->fairness_us, 250);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_without_waiting),
        TEST(test_mutex),
        TEST(test_hand_over),
        TEST(test_timeout_is_a_wait),
        TEST(test_rwlock),
        TEST(test_upgrade),
        TEST(test_key),
        TEST(test_key_looked_up_again),
        TEST(test_starvation),
        TEST(test_spinning),
        TEST(test_histogram),
        TEST(test_many_threads_lose_nothing),
        TEST(test_reset_keeps_waiters),
        TEST(test_presets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
