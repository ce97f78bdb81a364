// SPDX-License-Identifier: MIT
//
// Giving memory back in slices, as the engine does it: which commands leave work behind, how it is
// counted, and who does it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "locks/epoch.h"
#include "server/engine/reclaim.h"
#include "tests/lib/check.h"
#include "tests/lib/inproc.h"

enum { BIG = 2000, BATCH = 100 };

struct fixture {
    struct inproc p;
    struct inproc_client *c;
};

static int wanted; // calls of the store's hook

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    inproc_open(&f->p);
    f->c = inproc_client_new(&f->p);
    wanted = 0;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    inproc_client_free(f->c);
    inproc_close(&f->p);
    free(f);
    return 0;
}

static void make_big(struct fixture *f, const char *key)
{
    for (int i = 0; i < BIG; i += BATCH) {
        char line[BATCH * 16];
        size_t n = 0;
        for (int j = i; j < i + BATCH; j++)
            n += (size_t)snprintf(line + n, sizeof line - n, " member:%d", j);
        check_int(inproc_int(f->c, "SADD %s%s", key, line), BATCH);
    }
}

static int64_t pending(const struct fixture *f)
{
    return (int64_t)atomic_load_explicit(&f->p.store->lazyfree.pending, memory_order_acquire);
}

static int64_t freed(const struct fixture *f)
{
    return (int64_t)atomic_load_explicit(&f->p.store->lazyfree.freed, memory_order_relaxed);
}

// Frees everything slice by slice; returns how many there were.
static int free_in_slices(struct fixture *f)
{
    int n = 1;
    epoch_drain(f->c->thread->epoch);
    while (store_reclaim_step(f->p.store, 0))
        n++;
    return n;
}

static void test_commands_that_drop_a_big_value(void **state)
{
    struct fixture *f = *state;
    static const char *const commands[] = {
        "DEL big",
        "UNLINK big",
        "SET big text",
        "RENAME small big",
        "COPY small big REPLACE",
        "PEXPIRE big 0",
        "GETDEL big",
        "SUNIONSTORE big small small2",
        "SINTERSTORE big small none",
        "SDIFFSTORE big small none",
        "SPOP big 2000",
        "SPOP big 1999",
    };

    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        int64_t before = freed(f);
        inproc_run(f->c, "FLUSHALL SYNC");
        make_big(f, "big");
        inproc_run(f->c, "SADD small a b c");
        inproc_run(f->c, "SADD small2 d");
        const char *reply = inproc_run(f->c, "%s", commands[i]);
        if (strncmp(commands[i], "GETDEL", 6) == 0) { // the one that leaves it alone
            check_str_prefix(reply, "-WRONGTYPE");
            check_int(pending(f), 0);
            continue;
        }
        check(reply[0] != '-');
        check_int(pending(f), 1);
        check(free_in_slices(f) > BIG / 100);
        check_int(pending(f), 0);
        check_int(freed(f) - before, 1);
    }
}

static void test_expired_value(void **state)
{
    struct fixture *f = *state;

    make_big(f, "big");
    inproc_int(f->c, "PEXPIRE big 1");
    for (int i = 0; i < 60 * 1000 && freed(f) == 0; i++) { // active expiry finds it
        struct timespec moment = {0, 1000 * 1000};
        nanosleep(&moment, NULL);
        inproc_settle(f->c);
    }
    check_int(freed(f), 1);
    check_int(pending(f), 0);
}

static void test_flushed_databases_count_each_key_once(void **state)
{
    struct fixture *f = *state;

    for (int db = 0; db < 2; db++) {
        inproc_run(f->c, "SELECT %d", db);
        make_big(f, "big1");
        make_big(f, "big2");
        for (int i = 0; i < 500; i++)
            inproc_run(f->c, "SET key:%d some-value-that-is-boxed", i);
        inproc_run(f->c, "SADD small a b c");
    }
    inproc_run(f->c, "FLUSHALL ASYNC");
    check_int(inproc_int(f->c, "DBSIZE"), 0);
    check_int(pending(f), 2 * 503);
    check_int(freed(f), 0);
    int64_t last = pending(f);
    while (store_reclaim_step(f->p.store, 0)) {
        check(pending(f) <= last);
        last = pending(f);
        check_int(pending(f) + freed(f), 2 * 503);
    }
    check_int(pending(f), 0);
    check_int(freed(f), 2 * 503);
}

static void test_flush_sync_leaves_nothing(void **state)
{
    struct fixture *f = *state;

    make_big(f, "big");
    inproc_run(f->c, "FLUSHALL SYNC");
    check_int(pending(f), 0);
    check_int(freed(f), 0);
    check(!store_reclaim_step(f->p.store, 0));
}

static void test_close_with_everything_pending(void **state)
{
    struct fixture *f = *state;

    make_big(f, "big");
    make_big(f, "retired");
    make_big(f, "queued");
    inproc_int(f->c, "DEL queued");
    epoch_drain(f->c->thread->epoch);
    inproc_run(f->c, "SELECT 1");
    make_big(f, "flushed");
    inproc_run(f->c, "FLUSHDB ASYNC");
    inproc_run(f->c, "SELECT 0");
    inproc_int(f->c, "DEL retired");
    check_int(pending(f), 3);
    store_reclaim_step(f->p.store, 0); // one of them half-way
}

static void want(struct kl_store *store, void *arg)
{
    check(arg == &wanted);
    check(store != NULL);
    wanted++;
}

static void test_the_hook_takes_the_work_from_cron(void **state)
{
    struct fixture *f = *state;

    f->p.store->reclaim_wanted = want;
    f->p.store->reclaim_wanted_arg = &wanted;
    make_big(f, "a");
    make_big(f, "b");
    inproc_int(f->c, "DEL a b");
    for (int i = 0; i < 10; i++)
        store_cron(f->c->thread, 1000 * 1000);
    check_int(wanted, 1);
    check_int(pending(f), 2);
    check(free_in_slices(f) > 1);
    check_int(pending(f), 0);
    inproc_run(f->c, "SET k v");
    inproc_run(f->c, "FLUSHALL ASYNC"); // many databases, one call
    check_int(wanted, 2);
}

static void test_cron_does_it_without_a_hook(void **state)
{
    struct fixture *f = *state;

    make_big(f, "a");
    inproc_int(f->c, "DEL a");
    for (int i = 0; i < 10 && pending(f) > 0; i++)
        store_cron(f->c->thread, 1000 * 1000);
    check_int(pending(f), 0);
    check_int(freed(f), 1);
}

// What a thread leaves behind when it goes to sleep is looked after, however many others there are.
static void test_cron_looks_after_every_thread(void **state)
{
    struct fixture *f = *state;
    enum { OTHERS = 20 };
    struct inproc_client *others[OTHERS];

    for (int i = 0; i < OTHERS; i++)
        others[i] = inproc_client_new(&f->p);
    for (int i = 0; i < OTHERS; i++) {
        make_big(f, "a");
        inproc_int(others[i], "DEL a");
    }
    for (int i = 0; i < 10 && pending(f) > 0; i++)
        store_cron(f->c->thread, 1000 * 1000);
    check_int(pending(f), 0);
    check_int(freed(f), OTHERS);
    for (int i = 0; i < OTHERS; i++)
        inproc_client_free(others[i]);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_commands_that_drop_a_big_value),
        TEST(test_expired_value),
        TEST(test_flushed_databases_count_each_key_once),
        TEST(test_flush_sync_leaves_nothing),
        TEST(test_close_with_everything_pending),
        TEST(test_the_hook_takes_the_work_from_cron),
        TEST(test_cron_does_it_without_a_hook),
        TEST(test_cron_looks_after_every_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
