// SPDX-License-Identifier: MIT
//
// Commands from several threads on few keys, in process: what must hold whatever the interleaving.
// Run under ThreadSanitizer and AddressSanitizer as well.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "locks/epoch.h"
#include "datatypes/mem.h"
#include "tests/lib/check.h"
#include "tests/lib/crew.h"

enum { THREADS = 4 };

// Sanitizers make everything ten times slower; interleavings do not need the numbers.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { SCALE = 1 };
#else
enum { SCALE = 8 };
#endif

// ---- each member that was added is popped exactly once ----------------------------------------

enum { MEMBERS = 4000 * SCALE };

static _Atomic unsigned char popped_times[THREADS][MEMBERS];

static bool pop_one(struct worker *w)
{
    int64_t id = inproc_bulk_int(w->c, -1, "SPOP set");

    if (id < 0)
        return false;
    check(id < THREADS * MEMBERS);
    check_int(atomic_fetch_add(&popped_times[id / MEMBERS][id % MEMBERS], 1), 0);
    return true;
}

static void add_and_pop(struct worker *w)
{
    for (int i = 0; i < MEMBERS; i++) {
        check_int(inproc_int(w->c, "SADD set %d", w->index * MEMBERS + i), 1);
        if (rng_below(&w->rng, 4) != 0)
            pop_one(w);
        int64_t card = inproc_int(w->c, "SCARD set");
        check(card >= 0 && card <= THREADS * MEMBERS);
        if (rng_below(&w->rng, 200) == 0)
            check_str_prefix(inproc_run(w->c, "SMEMBERS set"), "*");
    }
}

static void test_each_member_is_popped_once(void **state)
{
    (void)state;
    struct crew crew = {0};
    void (*work[THREADS])(struct worker *) = {add_and_pop, add_and_pop, add_and_pop, add_and_pop};

    inproc_open(&crew.p);
    memset(popped_times, 0, sizeof popped_times);
    run_crew(&crew, THREADS, work);
    struct worker last = {.crew = &crew, .c = inproc_client_new(&crew.p)};
    while (pop_one(&last)) {
    }
    for (int t = 0; t < THREADS; t++) {
        for (int i = 0; i < MEMBERS; i++)
            check_int(atomic_load(&popped_times[t][i]), 1);
    }
    check_int(inproc_int(last.c, "EXISTS set"), 0);
    inproc_client_free(last.c);
    inproc_close(&crew.p);
}

// ---- a deleted key never has two holders: no increment is lost --------------------------------

static void increment(struct worker *w)
{
    for (int i = 0; i < 10000 * SCALE; i++) {
        inproc_int(w->c, "INCR counter");
        atomic_fetch_add_explicit(&w->crew->added, 1, memory_order_relaxed);
        if (rng_below(&w->rng, 8) == 0)
            atomic_fetch_add_explicit(&w->crew->popped, inproc_bulk_int(w->c, 0, "GETDEL counter"),
                                      memory_order_relaxed);
    }
}

static void test_no_increment_is_lost_to_deletes(void **state)
{
    (void)state;
    struct crew crew = {0};
    void (*work[THREADS])(struct worker *) = {increment, increment, increment, increment};

    inproc_open(&crew.p);
    run_crew(&crew, THREADS, work);
    struct inproc_client *c = inproc_client_new(&crew.p);
    int64_t left = inproc_bulk_int(c, 0, "GETDEL counter");
    check_int(atomic_load(&crew.popped) + left, atomic_load(&crew.added));
    inproc_client_free(c);
    inproc_close(&crew.p);
}

// ---- multi-key writes happen at one instant for readers without a lock ------------------------

static void set_both(struct worker *w)
{
    for (int i = 1; i <= 10000 * SCALE; i++) {
        if (i % 64 == 0)
            inproc_int(w->c, "DEL left right");
        check_str(inproc_run(w->c, "MSET left %d right %d", i, i), "+OK\r\n");
    }
    done_working(w);
}

// What was read first can only be older than what is read second (or was deleted in between).
static void read_both(struct worker *w)
{
    while (still_working(w)) {
        bool left_first = rng_below(&w->rng, 2);
        int64_t a = inproc_bulk_int(w->c, INT64_MAX, "GET %s", left_first ? "left" : "right");
        int64_t b = inproc_bulk_int(w->c, INT64_MAX, "GET %s", left_first ? "right" : "left");
        if (a != INT64_MAX)
            check(b >= a);
    }
}

static void test_mset_is_one_instant_for_get(void **state)
{
    (void)state;
    struct crew crew = {.working = 1};
    void (*work[])(struct worker *) = {set_both, read_both, read_both};

    inproc_open(&crew.p);
    run_crew(&crew, 3, work);
    inproc_close(&crew.p);
}

// ---- a transaction happens at one instant for readers without a lock ---------------------------

// Long enough that a reader who has copied it meets another state of the key.
enum { PADDED = 4000 };

static char odd_value[PADDED + 1], even_value[PADDED + 1];

// Whatever the transaction does in between, it leaves a value that begins with 'e' and has an even
// length.
static void rewrite(struct worker *w)
{
    for (int i = 0; i < 4000 * SCALE; i++) {
        inproc_run(w->c, "MULTI");
        switch (rng_below(&w->rng, 4)) {
        case 0:
            inproc_run(w->c, "SET key %s", odd_value);
            inproc_run(w->c, "SET key %s", even_value);
            break;
        case 1:
            inproc_run(w->c, "DEL key");
            inproc_run(w->c, "SET key %s", even_value);
            break;
        case 2:
            inproc_run(w->c, "APPEND key x");
            inproc_run(w->c, "APPEND key x");
            break;
        default:
            inproc_run(w->c, "RENAME key other");
            inproc_run(w->c, "APPEND other x");
            inproc_run(w->c, "SET key %s", even_value);
        }
        check_str_prefix(inproc_run(w->c, "EXEC"), "*");
    }
    done_working(w);
}

static void read_even(struct worker *w)
{
    while (still_working(w)) {
        const char *reply = inproc_run(w->c, "GET key");
        check_str_prefix(reply, "$");
        check_int(strtol(reply + 1, NULL, 10) % 2, 0);
        check(strchr(reply, '\n')[1] == 'e');
    }
}

static void test_a_transaction_is_one_instant_for_get(void **state)
{
    (void)state;
    struct crew crew = {.working = 1};
    void (*work[])(struct worker *) = {rewrite, read_even, read_even};

    memset(odd_value, 'o', PADDED - 1);
    memset(even_value, 'e', PADDED);
    inproc_open(&crew.p);
    struct inproc_client *c = inproc_client_new(&crew.p);
    check_str(inproc_run(c, "SET key %s", even_value), "+OK\r\n");
    run_crew(&crew, 3, work);
    inproc_client_free(c);
    inproc_close(&crew.p);
}

// The same for a collection that a transaction changes, carries away and brings back.
static void carry(struct worker *w)
{
    for (int i = 0; i < 2000 * SCALE; i++) {
        inproc_run(w->c, "MULTI");
        inproc_run(w->c, "SADD home a");
        inproc_run(w->c, "RENAME home away");
        inproc_run(w->c, "SADD away b");
        inproc_run(w->c, "SREM away a b");
        inproc_run(w->c, i % 2 ? "RENAME away home" : "COPY away home");
        inproc_run(w->c, "DEL away");
        check_str_prefix(inproc_run(w->c, "EXEC"), "*6\r\n:1\r\n+OK\r\n:1\r\n:2\r\n");
    }
    done_working(w);
}

static void read_home(struct worker *w)
{
    while (still_working(w)) {
        check_int(inproc_int(w->c, "SCARD home"), 3);
        check_str(inproc_run(w->c, "SMISMEMBER home 1 a b"), "*3\r\n:1\r\n:0\r\n:0\r\n");
        check_int(inproc_int(w->c, "EXISTS away"), 0);
    }
}

static void test_a_transaction_is_one_instant_for_scard(void **state)
{
    (void)state;
    struct crew crew = {.working = 1};
    void (*work[])(struct worker *) = {carry, read_home, read_home};

    inproc_open(&crew.p);
    struct inproc_client *c = inproc_client_new(&crew.p);
    check_int(inproc_int(c, "SADD home 1 2 3"), 3);
    run_crew(&crew, 3, work);
    // No section was left open: readers need no lock.
    int64_t before = store_sum(crew.p.store, offsetof(struct thread_stats, read_retries));
    check_int(inproc_int(c, "SCARD home"), 3);
    check_int(store_sum(crew.p.store, offsetof(struct thread_stats, read_retries)), before);
    inproc_client_free(c);
    inproc_close(&crew.p);
}

// ---- WATCH sees every change --------------------------------------------------------------------

// Reads, adds one, writes, if nobody else did meanwhile.
static void add_watching(struct worker *w)
{
    for (int i = 0; i < 2000 * SCALE; i++) {
        inproc_run(w->c, "WATCH sum");
        int64_t n = inproc_bulk_int(w->c, 0, "GET sum");
        inproc_run(w->c, "MULTI");
        inproc_run(w->c, "SET sum %d", (int)n + 1);
        if (inproc_run(w->c, "EXEC")[1] == '1')
            atomic_fetch_add_explicit(&w->crew->added, 1, memory_order_relaxed);
    }
}

// The same that deletes: 0 is no key.
static void add_or_take(struct worker *w)
{
    for (int i = 0; i < 2000 * SCALE; i++) {
        inproc_run(w->c, "WATCH sum");
        int64_t n = inproc_bulk_int(w->c, 0, "GET sum");
        inproc_run(w->c, "MULTI");
        inproc_run(w->c, rng_below(&w->rng, 2) ? "DEL sum" : "RENAME sum gone");
        if (inproc_run(w->c, "EXEC")[1] == '1')
            atomic_fetch_add_explicit(&w->crew->popped, n, memory_order_relaxed);
    }
}

static void test_watch_misses_no_change(void **state)
{
    (void)state;
    struct crew crew = {0};
    void (*work[])(struct worker *) = {add_watching, add_watching, add_watching, add_or_take};

    inproc_open(&crew.p);
    run_crew(&crew, THREADS, work);
    struct inproc_client *c = inproc_client_new(&crew.p);
    int64_t left = inproc_bulk_int(c, 0, "GET sum");
    check(atomic_load(&crew.added) > 0);
    check_int(atomic_load(&crew.popped) + left, atomic_load(&crew.added));
    inproc_client_free(c);
    inproc_close(&crew.p);
}

// ---- a change of several members happens at one instant ---------------------------------------

static void add_and_remove_trio(struct worker *w)
{
    const char *keys[] = {"trio:int", "trio:packed", "trio:dict"};
    const char *trios[] = {"1 2 3", "a b c", "a b c"};

    for (int i = 0; i < 300; i++) // the third one is a dictionary
        inproc_int(w->c, "SADD trio:dict filler:%d", i);
    for (int i = 0; i < 4000 * SCALE; i++) {
        int k = (int)rng_below(&w->rng, 3);
        check_int(inproc_int(w->c, "SADD %s %s", keys[k], trios[k]), 3);
        check_int(inproc_int(w->c, "SREM %s %s", keys[k], trios[k]), 3);
    }
    done_working(w);
}

static void read_trio(struct worker *w)
{
    while (still_working(w)) {
        const char *reply = inproc_run(w->c, "SMISMEMBER trio:int 1 2 3");
        check(!strcmp(reply, "*3\r\n:0\r\n:0\r\n:0\r\n") ||
              !strcmp(reply, "*3\r\n:1\r\n:1\r\n:1\r\n"));
        reply = inproc_run(w->c, "SMISMEMBER trio:packed a b c");
        check(!strcmp(reply, "*3\r\n:0\r\n:0\r\n:0\r\n") ||
              !strcmp(reply, "*3\r\n:1\r\n:1\r\n:1\r\n"));
        reply = inproc_run(w->c, "SMISMEMBER trio:dict a b c");
        check(!strcmp(reply, "*3\r\n:0\r\n:0\r\n:0\r\n") ||
              !strcmp(reply, "*3\r\n:1\r\n:1\r\n:1\r\n"));
        int64_t card = inproc_int(w->c, "SCARD trio:packed");
        check(card == 0 || card == 3);
        card = inproc_int(w->c, "SCARD trio:int");
        check(card == 0 || card == 3);
    }
}

static void test_sadd_of_several_is_one_instant(void **state)
{
    (void)state;
    struct crew crew = {.working = 1};
    void (*work[])(struct worker *) = {add_and_remove_trio, read_trio, read_trio};

    inproc_open(&crew.p);
    run_crew(&crew, 3, work);
    inproc_close(&crew.p);
}

// ---- crossed key orders neither deadlock nor lose anything ------------------------------------

enum { TOKENS = 16 };

// Moves tokens between three sets in every direction; no one is ever lost or doubled.
static void move_tokens(struct worker *w)
{
    for (int i = 0; i < 5000 * SCALE; i++) {
        int from = (int)rng_below(&w->rng, 3), to = (int)rng_below(&w->rng, 3);
        inproc_int(w->c, "SMOVE bag:%d bag:%d token:%d", from, to, (int)rng_below(&w->rng, TOKENS));
        switch (rng_below(&w->rng, 16)) {
        case 1: // all tokens at one instant: the sources are read-locked together
            check_int(inproc_int(w->c, "SUNIONSTORE whole:%d bag:2 bag:0 bag:1", w->index), TOKENS);
            break;
        case 2:
            inproc_run(w->c, "RENAME whole:%d whole:%d", (int)rng_below(&w->rng, THREADS),
                       w->index);
            break;
        case 3:
            inproc_int(w->c, "DEL whole:%d whole:%d", (int)rng_below(&w->rng, THREADS), w->index);
            break;
        default:
            break;
        }
    }
}

static void test_crossed_orders(void **state)
{
    (void)state;
    struct crew crew = {0};
    void (*work[THREADS])(struct worker *) = {move_tokens, move_tokens, move_tokens, move_tokens};

    inproc_open(&crew.p);
    struct inproc_client *c = inproc_client_new(&crew.p);
    for (int i = 0; i < TOKENS; i++)
        inproc_int(c, "SADD bag:%d token:%d", i % 3, i);
    run_crew(&crew, THREADS, work);
    check_int(inproc_int(c, "SCARD bag:0") + inproc_int(c, "SCARD bag:1") +
                  inproc_int(c, "SCARD bag:2"),
              TOKENS);
    inproc_client_free(c);
    inproc_close(&crew.p);
}

// ---- everything at once, with whole-keyspace operations ---------------------------------------

static void mixed(struct worker *w)
{
    for (int i = 0; i < 6000 * SCALE; i++) {
        int key = (int)rng_below(&w->rng, 4);
        switch (rng_below(&w->rng, 24)) {
        case 0:
            inproc_run(w->c, "FLUSHALL");
            break;
        case 1:
            inproc_run(w->c, "FLUSHDB ASYNC");
            break;
        case 2:
            inproc_run(w->c, "SWAPDB 0 1");
            break;
        case 3:
            inproc_run(w->c, "SCAN 0 COUNT 100");
            break;
        case 4:
            inproc_run(w->c, "KEYS *");
            break;
        case 5:
            inproc_run(w->c, "RENAME k%d k%d", key, (int)rng_below(&w->rng, 4));
            break;
        case 6:
            inproc_run(w->c, "COPY k%d k%d DB 1", key, (int)rng_below(&w->rng, 4));
            break;
        case 7:
            inproc_run(w->c, "MOVE k%d 1", key);
            break;
        case 8:
            inproc_run(w->c, "SET k%d %d PX %d", key, i, 1 + (int)rng_below(&w->rng, 3));
            break;
        case 9:
            inproc_run(w->c, "APPEND k%d abcdefgh", key);
            break;
        case 10:
            inproc_run(w->c, "SETRANGE k%d %d xyz", key, (int)rng_below(&w->rng, 50));
            break;
        case 11:
            inproc_run(w->c, "GET k%d", key);
            break;
        case 12:
            inproc_run(w->c, "PEXPIRE k%d %d", key, (int)rng_below(&w->rng, 5));
            break;
        case 13:
            inproc_run(w->c, "MGET k0 k1 k2 k3");
            break;
        case 14:
            inproc_run(w->c, "DEL k0 k1");
            break;
        case 15:
            inproc_run(w->c, "SPOP k%d 2", key);
            break;
        case 16:
            inproc_run(w->c, "SUNIONSTORE k%d k0 k1", key);
            break;
        case 17:
            inproc_run(w->c, "SINTER k%d k0", key);
            break;
        case 18:
            inproc_run(w->c, "RANDOMKEY");
            break;
        case 19:
            check(inproc_int(w->c, "DBSIZE") >= 0);
            break;
        case 20:
            store_cron(w->c->thread, 100);
            break;
        case 21:
            inproc_run(w->c, "TTL k%d", key);
            break;
        case 22:
            inproc_run(w->c, "SREM k%d %d", key, (int)rng_below(&w->rng, 9));
            break;
        default:
            inproc_run(w->c, "SADD k%d %d m%d", key, i % 9, i % 300);
            break;
        }
    }
}

static void test_mixed_load(void **state)
{
    (void)state;
    struct crew crew = {0};
    void (*work[THREADS])(struct worker *) = {mixed, mixed, mixed, mixed};

    inproc_open(&crew.p);
    run_crew(&crew, THREADS, work);
    struct inproc_client *c = inproc_client_new(&crew.p);
    inproc_run(c, "FLUSHALL");
    check_int(inproc_int(c, "DBSIZE"), 0);
    inproc_client_free(c);
    inproc_close(&crew.p);
}

// ---- memory of keys and their locks goes back -------------------------------------------------

static void create_and_delete(struct worker *w)
{
    for (int i = 0; i < 30000 * SCALE; i++) {
        inproc_run(w->c, "SET key:%d:%d some-value-that-is-boxed", w->index, i);
        check_int(inproc_int(w->c, "DEL key:%d:%d", w->index, i), 1);
        inproc_run(w->c, "SADD shared %d", (int)rng_below(&w->rng, 4));
        inproc_run(w->c, "DEL shared");
        if (i % 1000 == 0)
            store_cron(w->c->thread, 1000);
    }
}

static void test_memory_returns_to_its_start(void **state)
{
    (void)state;
    struct crew crew = {0};
    void (*work[THREADS])(struct worker *) = {create_and_delete, create_and_delete,
                                              create_and_delete, create_and_delete};

    inproc_open(&crew.p);
    struct inproc_client *c = inproc_client_new(&crew.p);
    run_crew(&crew, THREADS, work); // brings caches, tables and thread records to their size
    inproc_settle(c);
    size_t before = mem_used();
    run_crew(&crew, THREADS, work);
    inproc_settle(c);
    check_int((int64_t)epoch_pending_count(crew.p.store->epoch), 0);
    check_int(inproc_int(c, "DBSIZE"), 0);
    size_t after = mem_used();
    if (after > before + 256 * 1024)
        check_int((int64_t)after, (int64_t)before);
    inproc_client_free(c);
    inproc_close(&crew.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_member_is_popped_once),
        cmocka_unit_test(test_no_increment_is_lost_to_deletes),
        cmocka_unit_test(test_mset_is_one_instant_for_get),
        cmocka_unit_test(test_a_transaction_is_one_instant_for_get),
        cmocka_unit_test(test_a_transaction_is_one_instant_for_scard),
        cmocka_unit_test(test_watch_misses_no_change),
        cmocka_unit_test(test_sadd_of_several_is_one_instant),
        cmocka_unit_test(test_crossed_orders),
        cmocka_unit_test(test_mixed_load),
        cmocka_unit_test(test_memory_returns_to_its_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
