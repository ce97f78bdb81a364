// SPDX-License-Identifier: MIT
//
// The slow log in process: which commands it takes, what it tells of their waiting, and that
// entries outlive the log while somebody shows them. SLOWLOG itself is in wire_slowlog.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>

#include "datatypes/mem.h"
#include "locks/epoch.h"
#include "server/engine/cmd.h"
#include "server/engine/config.h"
#include "server/engine/entry.h"
#include "server/engine/slowlog.h"
#include "server/engine/ticks.h"
#include "tests/lib/check.h"
#include "tests/lib/inproc.h"

struct fixture {
    struct inproc p;
    struct inproc_client *c;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    inproc_open(&f->p);
    f->c = inproc_client_new(&f->p);
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

static void set_limit(struct fixture *f, int64_t us)
{
    inproc_run(f->c, "CONFIG SET slowlog-log-slower-than %lld", (long long)us);
}

// The newest entry, alone; put() gives it back.
static struct slowlog_entry **newest(struct fixture *f)
{
    struct slowlog_entry **entries;
    check_int(slowlog_get(f->p.store, 1, &entries), 1);
    return entries;
}

static void put(struct fixture *f, struct slowlog_entry **entries)
{
    slowlog_put(f->p.store, entries, 1);
}

// What the dispatcher does with a command that has no keys and took so long.
static void add(struct fixture *f, const struct command_entry *cmd, double us)
{
    const struct bytes argv[] = {BYTES("PING")};
    struct cmd_ctx c = {.store = f->p.store,
                        .thread = f->c->thread,
                        .client = &f->c->client,
                        .cmd = cmd,
                        .argc = 1,
                        .argv = argv,
                        .lock_wait_ns = 3000 * 1000};
    struct slowlog_run run = {(uint64_t)ticks_from_us(us), 2000 * 1000, true};
    slowlog_add(&c, &run);
}

static uint64_t limit_ticks(const struct fixture *f)
{
    return atomic_load_explicit(&f->p.config->slowlog_ticks, memory_order_relaxed);
}

static void test_slowlog_limit_in_ticks(void **state)
{
    struct fixture *f = *state;

    static const int64_t limits_us[] = {1, 10000, 3600 * INT64_C(1000000)};
    for (size_t i = 0; i < 3; i++) {
        set_limit(f, limits_us[i]);
        double us = ticks_to_us((int64_t)limit_ticks(f));
        // Not above, so that no slow command is missed, and not far below.
        check(us <= (double)limits_us[i]);
        check(us >= (double)limits_us[i] * 0.9 - 1);
        check(slowlog_wants(f->p.config, limit_ticks(f)));
        check(!slowlog_wants(f->p.config, limit_ticks(f) - 1) || limit_ticks(f) == 0);
    }
    set_limit(f, 0);
    check(slowlog_wants(f->p.config, 0));
    set_limit(f, -1);
    check(!slowlog_wants(f->p.config, UINT64_MAX / 2));
    inproc_run(f->c, "CONFIG SET slowlog-log-slower-than %lld", (long long)INT64_MAX);
    check(!slowlog_wants(f->p.config, UINT64_MAX / 2));
}

static void test_slowlog_takes_slow_commands_only(void **state)
{
    struct fixture *f = *state;
    const struct command_entry *ping = registry_find(BYTES("ping"));

    set_limit(f, 5000000); // so that no command of this test is one by accident
    add(f, ping, 4999000);
    check_int((int64_t)slowlog_len(f->p.store), 0);
    add(f, ping, 5001000);
    check_int((int64_t)slowlog_len(f->p.store), 1);
    set_limit(f, -1);
    add(f, ping, 6000000);
    check_int((int64_t)slowlog_len(f->p.store), 1);
}

static void test_slowlog_skips_commands_that_say_so(void **state)
{
    struct fixture *f = *state;
    struct command_entry entry = *registry_find(BYTES("ping"));
    struct command row = *entry.row;

    row.flags |= CMD_SKIP_SLOWLOG;
    entry.row = &row;
    add(f, &entry, 20000);
    check_int((int64_t)slowlog_len(f->p.store), 0);
}

static void test_slowlog_tells_the_parts(void **state)
{
    struct fixture *f = *state;

    add(f, registry_find(BYTES("ping")), 20000);
    struct slowlog_entry **e = newest(f);
    check(e[0]->us >= 18000 && e[0]->us <= 22000); // the rate of the ticks is measured
    check_int(e[0]->lock_wait_us, 3000);
    check_int(e[0]->queued_us, 2000);
    check(e[0]->on_worker);
    check_str(e[0]->addr, "127.0.0.1:0");
    check_int((int64_t)e[0]->client_id, (int64_t)f->c->client.id);
    put(f, e);
}

// ---- waiting ----------------------------------------------------------------------------------

static void *incr(void *arg)
{
    struct inproc_client *c = inproc_client_new(arg);
    check_int(inproc_int(c, "INCR k"), 8);
    inproc_client_free(c);
    return NULL;
}

static struct entry *find(struct fixture *f, const char *key)
{
    struct dict *dict = atomic_load(&f->p.store->dbs[0].dict);
    return dict_find(dict, dict_hash(dict, key, strlen(key)), key, strlen(key));
}

static void test_slowlog_counts_waiting_for_a_key(void **state)
{
    struct fixture *f = *state;
    pthread_t thread;
    int64_t waits = 0;

    set_limit(f, 1);
    inproc_run(f->c, "SET k 7");
    epoch_enter(f->c->thread->epoch);
    struct entry *e = find(f, "k");
    check(keylock_try(&e->lock, KEYLOCK_WRITE));
    epoch_exit(f->c->thread->epoch);
    check_int(pthread_create(&thread, NULL, incr, &f->p), 0);
    for (int i = 0; i < 60 * 1000 && waits == 0; i++) {
        struct timespec moment = {0, 1000 * 1000};
        nanosleep(&moment, NULL);
        waits = store_sum(f->p.store, offsetof(struct thread_stats, lock_waits));
    }
    check_int(waits, 1);
    struct timespec while_it_sleeps = {0, 20 * 1000 * 1000};
    nanosleep(&while_it_sleeps, NULL);
    keylock_unlock(&e->lock, KEYLOCK_WRITE);
    pthread_join(thread, NULL);

    struct slowlog_entry **logged = newest(f);
    check_str(logged[0]->cmd->full_name, "incr");
    check(logged[0]->lock_wait_us >= 20000);
    check(logged[0]->us >= logged[0]->lock_wait_us);
    check_int(logged[0]->queued_us, 0);
    check(!logged[0]->on_worker);
    put(f, logged);
}

// ---- memory -----------------------------------------------------------------------------------

static void test_slowlog_entries_outlive_the_log(void **state)
{
    struct fixture *f = *state;
    struct slowlog_entry **entries;

    for (int i = 0; i < 5; i++)
        add(f, registry_find(BYTES("ping")), 20000);
    check_int(slowlog_get(f->p.store, -1, &entries), 5);
    slowlog_reset(f->p.store);
    check_int((int64_t)slowlog_len(f->p.store), 0);
    for (int i = 0; i < 5; i++) {
        check_int((int64_t)entries[i]->id, 4 - i);
        check_int(entries[i]->argc, 1);
        check(bytes_equal(entries[i]->argv[0], BYTES("PING")));
    }
    slowlog_put(f->p.store, entries, 5);
    add(f, registry_find(BYTES("ping")), 20000); // left for the end of the store
    struct slowlog_entry **e = newest(f);
    check_int((int64_t)e[0]->id, 5);
    put(f, e);
}

static void test_slowlog_without_memory(void **state)
{
    struct fixture *f = *state;
    struct slowlog_entry **entries;

    mem_fail_after(0);
    add(f, registry_find(BYTES("ping")), 20000);
    ptrdiff_t n = slowlog_get(f->p.store, -1, &entries);
    mem_fail_after(-1);
    check_int(n, -1);
    check_int((int64_t)slowlog_len(f->p.store), 0);
}

// ---- threads ----------------------------------------------------------------------------------

enum { THREADS = 4, ROUNDS = 3000, KEPT = 16 };

static void *log_and_look(void *arg)
{
    struct fixture f = {.p = *(struct inproc *)arg};
    f.c = inproc_client_new(&f.p);
    unsigned index = f.c->thread->index;

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct slowlog_entry **entries;
        inproc_run(f.c, "ECHO text-of-%u", index);
        ptrdiff_t n = slowlog_get(f.p.store, 1 + (int64_t)(i % KEPT), &entries);
        check(n >= 0 && n <= KEPT);
        for (ptrdiff_t k = 0; k < n; k++) {
            check_str_prefix(entries[k]->cmd->full_name, "");
            check(k == 0 || entries[k]->id < entries[k - 1]->id);
            check(entries[k]->argc == 2 || entries[k]->argc == 4);
            check(entries[k]->argv[1].len > 0);
        }
        slowlog_put(f.p.store, entries, n);
        if (i % 50 == index)
            slowlog_reset(f.p.store);
        check(slowlog_len(f.p.store) <= KEPT);
    }
    inproc_client_free(f.c);
    return NULL;
}

static void test_slowlog_under_threads(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[THREADS];

    inproc_run(f->c, "CONFIG SET slowlog-max-len %d", KEPT);
    set_limit(f, 0);
    for (int i = 0; i < THREADS; i++)
        check_int(pthread_create(&threads[i], NULL, log_and_look, &f->p), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    inproc_run(f->c, "PING");
    struct slowlog_entry **e = newest(f);
    check((int64_t)e[0]->id >= THREADS * ROUNDS);
    put(f, e);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_slowlog_limit_in_ticks),
        TEST(test_slowlog_takes_slow_commands_only),
        TEST(test_slowlog_skips_commands_that_say_so),
        TEST(test_slowlog_tells_the_parts),
        TEST(test_slowlog_counts_waiting_for_a_key),
        TEST(test_slowlog_entries_outlive_the_log),
        TEST(test_slowlog_without_memory),
        TEST(test_slowlog_under_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
