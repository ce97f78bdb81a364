// SPDX-License-Identifier: MIT
//
// Active expiry: the index of what expires next, alone and beside threads that note times while it
// grows, and the cycle that removes keys, however they came by their time.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "datatypes/dict.h"
#include "datatypes/mem.h"
#include "datatypes/rng.h"
#include "locks/cpu.h"
#include "locks/epoch.h"
#include "resp/request.h"
#include "server/engine/entry.h"
#include "server/engine/exec.h"
#include "server/engine/expire.h"
#include "server/engine/expire_index.h"
#include "server/engine/keyspace.h"
#include "tests/lib/inproc.h"
#include "tests/lib/preempt.h"

// ---- the index --------------------------------------------------------------------------------

enum { BASE = 1000000, TICK = 64 };

static struct epoch *domain;
static struct epoch_thread *reader;
static struct expire_index *index_;

static int open_index(void **state)
{
    (void)state;
    domain = epoch_create();
    reader = epoch_register(domain);
    index_ = expire_index_create(BASE);
    assert_non_null(index_);
    epoch_enter(reader);
    return 0;
}

static int close_index(void **state)
{
    (void)state;
    epoch_exit(reader);
    expire_index_free(index_);
    epoch_unregister(reader);
    epoch_destroy(domain);
    return 0;
}

// Makes the table fit.
static void fit(size_t nkeys)
{
    while (!expire_index_fit(index_, reader, nkeys)) {
    }
}

// Takes all groups that are due; returns how many, the first ones in `groups`.
static size_t take_all(int64_t now_ms, uint32_t *groups, size_t max)
{
    size_t n = 0;
    bool end;

    do {
        uint32_t some[16];
        size_t got = expire_index_take(index_, now_ms, some, 16, &end);
        for (size_t i = 0; i < got; i++, n++) {
            if (n < max)
                groups[n] = some[i];
        }
    } while (!end);
    return n;
}

static void test_times_come(void **state)
{
    uint32_t group;

    (void)state;
    assert_int_equal(take_all(BASE + 100 * TICK, NULL, 0), 0);
    expire_index_note(index_, 5, BASE + 1000 * TICK);
    assert_int_equal(take_all(BASE + 1000 * TICK, NULL, 0), 0); // not in this tick
    assert_int_equal(take_all(BASE + 1001 * TICK, &group, 1), 1);
    assert_int_equal(group, 5);
    assert_int_equal(take_all(BASE + 5000 * TICK, NULL, 0), 0); // taken is taken
    // The earliest counts, and the groups are told apart by the low bits.
    expire_index_note(index_, (7 << 20) + 9, BASE + 9000 * TICK);
    expire_index_note(index_, (3 << 20) + 9, BASE + 8000 * TICK);
    expire_index_note(index_, (5 << 20) + 9, BASE + 9000 * TICK);
    assert_int_equal(take_all(BASE + 7000 * TICK, NULL, 0), 0);
    assert_int_equal(take_all(BASE + 8001 * TICK, &group, 1), 1);
    assert_int_equal(group, 9);
}

static void test_times_far_away(void **state)
{
    (void)state;
    expire_index_note(index_, 1, INT64_MAX);
    expire_index_note(index_, 2, 0); // long past
    expire_index_note(index_, 3, INT64_MIN);
    assert_int_equal(take_all(BASE + 2 * TICK, NULL, 0), 2);
    assert_int_equal(take_all(BASE + (INT64_C(1) << 37), NULL, 0), 0); // four years
    assert_int_equal(take_all(INT64_MAX, NULL, 0), 1);
}

// By a second, by days, and further than the index can tell times apart.
static void test_clock_is_set_back(void **state)
{
    static const int64_t BACK_TO[] = {BASE + 1000 * TICK, BASE, BASE - (INT64_C(1) << 33),
                                      BASE - (INT64_C(1) << 40), INT64_MIN + 1000000};

    (void)state;
    assert_int_equal(take_all(BASE + 1015 * TICK, NULL, 0), 0);
    for (size_t i = 0; i < sizeof BACK_TO / sizeof *BACK_TO; i++) {
        bool coarse = BACK_TO[i] < BASE - (INT64_C(1) << 36);
        expire_index_note(index_, 7, BACK_TO[i] + 10 * TICK);
        assert_int_equal(take_all(BACK_TO[i] + TICK, NULL, 0), coarse ? 1 : 0);
        if (!coarse)
            assert_int_equal(take_all(BACK_TO[i] + 11 * TICK, NULL, 0), 1);
    }
}

// One pass a tick is enough.
static void test_passes_are_rare(void **state)
{
    (void)state;
    expire_index_note(index_, 1, BASE);
    assert_int_equal(take_all(BASE + 10 * TICK, NULL, 0), 1);
    expire_index_note(index_, 1, BASE);
    assert_int_equal(take_all(BASE + 10 * TICK + TICK - 1, NULL, 0), 0);
    assert_int_equal(take_all(BASE + 11 * TICK, NULL, 0), 1);
}

static void test_size_follows_the_keys(void **state)
{
    (void)state;
    assert_int_equal(expire_index_bits(index_), EXPIRE_INDEX_MIN_BITS);
    fit(512);
    assert_int_equal(expire_index_bits(index_), EXPIRE_INDEX_MIN_BITS);
    fit(1000000);
    unsigned bits = expire_index_bits(index_);
    assert_true(1000000 >> bits >= 4 && 1000000 >> bits < 8);
    fit(1000000 / 3); // not for every change
    fit(1000000 * 21 / 20);
    assert_int_equal(expire_index_bits(index_), bits);
    fit(0);
    assert_int_equal(expire_index_bits(index_), EXPIRE_INDEX_MIN_BITS);
    mem_fail_after(0);
    fit(1000000);
    mem_fail_after(-1);
    assert_int_equal(expire_index_bits(index_), EXPIRE_INDEX_MIN_BITS);
}

// Times move with their groups, to larger and to smaller tables.
static void test_times_survive_another_size(void **state)
{
    enum { NOTES = 5000 };
    static uint32_t groups[1 << 20];
    struct rng rng;
    uint64_t hashes[NOTES];

    (void)state;
    rng_seed(&rng, 3);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < NOTES; i++) {
            hashes[i] = rng_next(&rng);
            expire_index_note(index_, hashes[i], BASE + 100);
        }
        fit(rng_below(&rng, 4000000));
        fit(rng_below(&rng, 4000000));
        uint64_t mask = (UINT64_C(1) << expire_index_bits(index_)) - 1;
        size_t n = take_all(BASE + (10 + round) * 10 * TICK, groups, 1 << 20);
        static bool due[1 << 20];
        memset(due, 0, sizeof due);
        for (size_t i = 0; i < n; i++)
            due[groups[i]] = true;
        for (int i = 0; i < NOTES; i++)
            assert_true(due[hashes[i] & mask]);
    }
}

// ---- threads that note beside the one that takes ----------------------------------------------

// Sanitizers make everything ten times slower; interleavings do not need the numbers.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { NOTERS = 3, KEYS_EACH = 40000, ROUNDS = 2 };
#else
enum { NOTERS = 3, KEYS_EACH = 200000, ROUNDS = 10 };
#endif

// A published key: its time, or 0.
static _Atomic int64_t key_times[NOTERS][KEYS_EACH];
static uint64_t key_hashes[NOTERS][KEYS_EACH];
static _Atomic int noters_left;

static void *note_keys(void *arg)
{
    int me = (int)(intptr_t)arg;
    struct epoch_thread *thread = epoch_register(domain);

    for (int i = 0; i < KEYS_EACH; i++) {
        epoch_enter(thread);
        atomic_store_explicit(&key_times[me][i], BASE + 1, memory_order_release);
        expire_index_note(index_, key_hashes[me][i], BASE + 1);
        epoch_exit(thread);
    }
    atomic_fetch_sub_explicit(&noters_left, 1, memory_order_release);
    epoch_unregister(thread);
    return NULL;
}

// Takes groups and "expires" the published keys in them until nothing is left to be noted. As any
// group may be taken before a key of it is published, each key must make it due again.
static void test_nothing_is_lost_beside_threads(void **state)
{
    pthread_t threads[NOTERS];
    struct rng rng;
    int64_t now = BASE + 10 * TICK;
    bool last = false;
    // The keys by the low bits of their hash, as a database has them.
    enum { LOW_BITS = 10 };
    static struct {
        int by, n;
    } keys[1 << LOW_BITS][NOTERS * KEYS_EACH / (1 << LOW_BITS) * 2];
    static int nkeys[1 << LOW_BITS];

    (void)state;
    rng_seed(&rng, 5);
    memset(nkeys, 0, sizeof nkeys);
    for (int t = 0; t < NOTERS; t++) {
        for (int i = 0; i < KEYS_EACH; i++) {
            uint64_t low = rng_below(&rng, 1 << LOW_BITS);
            key_hashes[t][i] = low;
            keys[low][nkeys[low]].by = t;
            keys[low][nkeys[low]++].n = i;
            atomic_store_explicit(&key_times[t][i], 0, memory_order_relaxed);
        }
    }
    epoch_exit(reader);
    atomic_store_explicit(&noters_left, NOTERS, memory_order_relaxed);
    for (int t = 0; t < NOTERS; t++)
        assert_int_equal(pthread_create(&threads[t], NULL, note_keys, (void *)(intptr_t)t), 0);
    while (!last) {
        last = atomic_load_explicit(&noters_left, memory_order_acquire) == 0;
        epoch_enter(reader);
        // 64 to 1024 groups, back and forth.
        fit(rng_below(&rng, 2) ? 1 : 5000);
        uint32_t mask = (UINT32_C(1) << expire_index_bits(index_)) - 1, groups[16];
        bool end = false;
        now += TICK;
        while (!end) {
            size_t n = expire_index_take(index_, now, groups, 16, &end);
            for (size_t g = 0; g < n; g++) {
                for (uint32_t low = groups[g]; low < 1 << LOW_BITS; low += mask + 1) {
                    for (int k = 0; k < nkeys[low]; k++)
                        atomic_exchange_explicit(&key_times[keys[low][k].by][keys[low][k].n], 0,
                                                 memory_order_acquire);
                }
            }
        }
        epoch_exit(reader);
        epoch_poll(reader, 16);
    }
    for (int t = 0; t < NOTERS; t++)
        pthread_join(threads[t], NULL);
    epoch_enter(reader);
    for (int t = 0; t < NOTERS; t++) {
        for (int i = 0; i < KEYS_EACH; i++)
            assert_int_equal(atomic_load_explicit(&key_times[t][i], memory_order_relaxed), 0);
    }
}

// ---- threads that note while the size changes -------------------------------------------------

enum { ROUND_BITS = 16, SMALLER = 500000, LARGER = 4000000, PREEMPT_US = 200 };

static _Atomic int round_begun, round_left;

// Each group gets one time in a round, so a time that is lost is missed.
static void *note_in_rounds(void *arg)
{
    uint32_t me = (uint32_t)(uintptr_t)arg;
    struct epoch_thread *thread = epoch_register(domain);
    struct preemption preemption;

    preempt_begin(&preemption, PREEMPT_US);
    for (int round = 1; round <= ROUNDS; round++) {
        while (atomic_load_explicit(&round_begun, memory_order_acquire) < round)
            sched_yield();
        for (uint64_t group = me; group < 1 << ROUND_BITS; group += NOTERS) {
            epoch_enter(thread);
            expire_index_note(index_, group | group << (ROUND_BITS + me), BASE);
            epoch_exit(thread);
        }
        atomic_fetch_sub_explicit(&round_left, 1, memory_order_release);
    }
    preempt_end(&preemption);
    epoch_unregister(thread);
    return NULL;
}

static void test_nothing_is_lost_to_another_size(void **state)
{
    pthread_t threads[NOTERS];
    int64_t now = BASE + 10 * TICK;

    (void)state;
    epoch_exit(reader);
    atomic_store_explicit(&round_begun, 0, memory_order_relaxed);
    for (uintptr_t t = 0; t < NOTERS; t++)
        assert_int_equal(pthread_create(&threads[t], NULL, note_in_rounds, (void *)t), 0);
    for (int round = 1; round <= ROUNDS; round++) {
        atomic_store_explicit(&round_left, NOTERS, memory_order_relaxed);
        atomic_store_explicit(&round_begun, round, memory_order_release);
        do {
            epoch_enter(reader);
            fit(LARGER);
            fit(SMALLER);
            epoch_exit(reader);
            epoch_poll(reader, 16);
        } while (atomic_load_explicit(&round_left, memory_order_acquire) > 0);
        epoch_enter(reader);
        fit(SMALLER);
        assert_int_equal(expire_index_bits(index_), ROUND_BITS);
        now += TICK;
        assert_int_equal(take_all(now, NULL, 0), 1 << ROUND_BITS);
        epoch_exit(reader);
    }
    for (int t = 0; t < NOTERS; t++)
        pthread_join(threads[t], NULL);
    epoch_enter(reader);
}

// ---- the cycle --------------------------------------------------------------------------------

static struct inproc store;
static struct inproc_client *client;

static int open_store(void **state)
{
    (void)state;
    inproc_open(&store);
    client = inproc_client_new(&store);
    return 0;
}

static int close_store(void **state)
{
    (void)state;
    inproc_settle(client);
    inproc_client_free(client);
    inproc_close(&store);
    return 0;
}

static void cycle(int64_t budget_ms)
{
    expire_cycle(client->thread, clock_monotonic_ns() + budget_ms * 1000000);
}

// Runs the cycle, nothing else, until the database has that many keys left.
static void expect_left(int64_t want, int limit_ms)
{
    int64_t end = clock_monotonic_ns() + limit_ms * INT64_C(1000000);

    while (inproc_int(client, "DBSIZE") != want) {
        if (clock_monotonic_ns() > end)
            fail_msg("%d keys are left instead of %d", (int)inproc_int(client, "DBSIZE"),
                     (int)want);
        cycle(5);
        usleep(5000);
    }
}

static void test_every_way_to_get_a_time(void **state)
{
    (void)state;
    inproc_run(client, "SET set v PX 150");
    inproc_run(client, "SET number 12 PX 150");
    inproc_run(client, "SET expire v");
    inproc_run(client, "PEXPIRE expire 150");
    inproc_run(client, "SADD collection a b c");
    inproc_run(client, "PEXPIRE collection 150");
    inproc_run(client, "SET sooner v EX 1000");
    inproc_run(client, "PEXPIRE sooner 150");
    inproc_run(client, "RPUSH list a");
    inproc_run(client, "EXPIRE list 1000");
    inproc_run(client, "PEXPIRE list 150"); // changed in place
    inproc_run(client, "SET old v PX 150");
    inproc_run(client, "RENAME old renamed");
    inproc_run(client, "SET original v PX 150");
    inproc_run(client, "COPY original copy");
    inproc_run(client, "SET kept v PX 150");
    inproc_run(client, "SET kept w KEEPTTL");
    inproc_run(client, "SET appended v PX 150");
    inproc_run(client, "APPEND appended www");
    inproc_run(client, "SET again v EX 1000");
    inproc_run(client, "SET again v PX 150");
    inproc_run(client, "SETEX later 1000 v");
    inproc_run(client, "SET persistent v PX 150");
    inproc_run(client, "PERSIST persistent");
    inproc_run(client, "SET longer v PX 150");
    inproc_run(client, "EXPIRE longer 1000");
    inproc_run(client, "SET replaced v PX 150");
    inproc_run(client, "SET replaced v");
    assert_int_equal(inproc_int(client, "DBSIZE"), 16);
    cycle(5);
    assert_int_equal(inproc_int(client, "DBSIZE"), 16);
    expect_left(4, 5000);
    assert_int_equal(inproc_int(client, "EXISTS later persistent longer replaced"), 4);
}

static void test_other_databases(void **state)
{
    (void)state;
    inproc_run(client, "SELECT 3");
    inproc_run(client, "SET a v PX 150");
    inproc_run(client, "SET b v PX 150");
    inproc_run(client, "SET c v");
    inproc_run(client, "MOVE b 7");
    inproc_run(client, "SWAPDB 3 5");
    inproc_run(client, "SELECT 7");
    expect_left(0, 5000);
    inproc_run(client, "SELECT 5");
    expect_left(1, 5000);
    inproc_run(client, "SET d v PX 10");
    inproc_run(client, "FLUSHALL");
    inproc_run(client, "SET e v PX 10");
    expect_left(0, 5000);
    inproc_run(client, "SELECT 0");
}

// A batch has a clock, by which a key still lives that others have seen go.
static void test_the_clock_of_a_batch_is_too_late(void **state)
{
    static const char *const COMMANDS[][2] = {
        {"GET key", "$-1\r\n"},        {"STRLEN key", ":0\r\n"},  {"EXISTS key other", ":0\r\n"},
        {"SET key w XX", "$-1\r\n"},   {"PERSIST key", ":0\r\n"}, {"RANDOMKEY", "$-1\r\n"},
        {"SDIFF key other", "*0\r\n"}, {"TYPE key", "+none\r\n"}, {"KEYS *", "*0\r\n"},
        {"PTTL key", ":-2\r\n"},       {"COPY key k2", ":0\r\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof COMMANDS / sizeof *COMMANDS; i++) {
        char line[64];
        struct bytes words[4];
        int n = 0;
        char *rest = NULL;

        snprintf(line, sizeof line, "%s", COMMANDS[i][0]);
        for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
            words[n++] = bytes_of(word);
        inproc_run(client, i % 2 ? "SET key v PX 5" : "SET key %d PX 5", 12);
        exec_begin(client->thread);
        usleep(6000);
        reply_clear(&client->client.reply);
        exec_request(&client->client, &(struct request){words, n}, &(struct exec_hint){0});
        exec_end(client->thread);
        reply_raw(&client->client.reply, "", 1);
        assert_string_equal(client->client.reply.data, COMMANDS[i][1]);
    }
}

// Of a key that nobody removes meanwhile.
static struct entry *entry_of(const char *key)
{
    struct dict *dict = atomic_load_explicit(&store.store->dbs[0].dict, memory_order_acquire);
    struct entry *e;

    exec_begin(client->thread);
    e = dict_find(dict, dict_hash(dict, key, strlen(key)), key, strlen(key));
    exec_end(client->thread);
    assert_non_null(e);
    return e;
}

// Between the look at a key and its lock somebody may have given it another value, or time.
static void test_a_key_that_lives_again_stays(void **state)
{
    static const char *const LIVES[] = {"SET key v", "SET key v EX 1000"};

    (void)state;
    for (size_t i = 0; i < sizeof LIVES / sizeof *LIVES; i++) {
        inproc_run(client, "%s", LIVES[i]);
        struct entry *e = entry_of("key");
        exec_begin(client->thread);
        assert_false(keyspace_expire_try(client->thread, 0, e, store_now_ms()));
        exec_end(client->thread);
        assert_int_equal(inproc_int(client, "EXISTS key"), 1);
    }
}

// Whoever has the key need not wait, and it is not forgotten.
static void test_a_locked_key_goes_later(void **state)
{
    (void)state;
    inproc_run(client, "SET key v PX 1");
    struct entry *e = entry_of("key");
    assert_true(keylock_try(&e->lock, KEYLOCK_READ));
    for (int i = 0; i < 30; i++) {
        usleep(10000);
        cycle(5);
        assert_int_equal(inproc_int(client, "DBSIZE"), 1);
    }
    keylock_unlock(&e->lock, KEYLOCK_READ);
    expect_left(0, 5000);
}

// Many keys, most of which expire at different times, beside some that do not.
static void test_many(void **state)
{
    enum { KEYS = 60000, STAY = 2000 };

    (void)state;
    for (int i = 0; i < KEYS; i++) {
        if (i % (KEYS / STAY) == 0)
            inproc_run(client, i % 4 ? "SET s%d v EX 1000" : "SET s%d v", i);
        else
            inproc_run(client, "SET k%d v PX %d", i, 50 + i % 1500);
    }
    expect_left(STAY, 60000);
    inproc_run(client, "FLUSHALL");
    expect_left(0, 5000);
}

static void test_info_tells(void **state)
{
    double share;

    (void)state;
    for (int i = 0; i < 10; i++)
        inproc_run(client, i < 5 ? "SET k%d v PX 1" : "SET k%d v EX 1000", i);
    expect_left(5, 5000);
    const char *info = inproc_run(client, "INFO stats");
    assert_non_null(strstr(info, "\r\nexpired_keys:5\r\n"));
    assert_non_null(strstr(info, "\r\nexpired_time_cap_reached_count:0\r\n"));
    assert_non_null(strstr(info, "\r\nexpire_cycle_cpu_milliseconds:"));
    assert_int_equal(
        sscanf(strstr(info, "\r\nexpired_stale_perc:"), " expired_stale_perc:%lf", &share), 1);
    assert_true(share > 0 && share < 5); // a twentieth of at most all keys
    inproc_run(client, "CONFIG RESETSTAT");
    info = inproc_run(client, "INFO stats");
    assert_non_null(strstr(info, "\r\nexpired_keys:0\r\nexpired_stale_perc:0.00\r\n"));
    // No time at all: it says that it was not enough, and goes on with the next call.
    for (int i = 0; i < 500; i++)
        inproc_run(client, "SET k:%d v PX 1", i);
    usleep(200000);
    cycle(0);
    info = inproc_run(client, "INFO stats");
    assert_non_null(strstr(info, "\r\nexpired_time_cap_reached_count:1\r\n"));
    expect_left(5, 5000);
    assert_non_null(strstr(inproc_run(client, "INFO keyspace"), "db0:keys=5,expires=5,"));
}

// Switched off, it removes nothing, and forgets nothing.
static void test_switched_off(void **state)
{
    (void)state;
    inproc_run(client, "DEBUG SET-ACTIVE-EXPIRE 0");
    inproc_run(client, "SET k v PX 1");
    for (int i = 0; i < 20; i++) {
        usleep(10000);
        cycle(1);
    }
    assert_int_equal(inproc_int(client, "DBSIZE"), 1);
    inproc_run(client, "DEBUG SET-ACTIVE-EXPIRE 1");
    expect_left(0, 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_times_come, open_index, close_index),
        cmocka_unit_test_setup_teardown(test_times_far_away, open_index, close_index),
        cmocka_unit_test_setup_teardown(test_clock_is_set_back, open_index, close_index),
        cmocka_unit_test_setup_teardown(test_passes_are_rare, open_index, close_index),
        cmocka_unit_test_setup_teardown(test_size_follows_the_keys, open_index, close_index),
        cmocka_unit_test_setup_teardown(test_times_survive_another_size, open_index, close_index),
        cmocka_unit_test_setup_teardown(test_nothing_is_lost_beside_threads, open_index,
                                        close_index),
        cmocka_unit_test_setup_teardown(test_nothing_is_lost_to_another_size, open_index,
                                        close_index),
        cmocka_unit_test_setup_teardown(test_every_way_to_get_a_time, open_store, close_store),
        cmocka_unit_test_setup_teardown(test_other_databases, open_store, close_store),
        cmocka_unit_test_setup_teardown(test_the_clock_of_a_batch_is_too_late, open_store,
                                        close_store),
        cmocka_unit_test_setup_teardown(test_a_key_that_lives_again_stays, open_store, close_store),
        cmocka_unit_test_setup_teardown(test_a_locked_key_goes_later, open_store, close_store),
        cmocka_unit_test_setup_teardown(test_many, open_store, close_store),
        cmocka_unit_test_setup_teardown(test_info_tells, open_store, close_store),
        cmocka_unit_test_setup_teardown(test_switched_off, open_store, close_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
