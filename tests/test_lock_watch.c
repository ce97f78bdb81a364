// SPDX-License-Identifier: MIT
//
// Who holds a key and who waits for it, as LOCK WAITERS sees it; the sketch behind LOCK TOP.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>

#include "datatypes/mem.h"
#include "locks/epoch.h"
#include "server/engine/cmd.h"
#include "server/engine/entry.h"
#include "server/engine/exec.h"
#include "server/engine/keyspace.h"
#include "tests/lib/check.h"
#include "tests/lib/inproc.h"

enum { NKEYS = 10 }; // more than a thread publishes on its line

struct fixture {
    struct inproc p;
    struct inproc_client *c;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    inproc_open(&f->p);
    f->c = inproc_client_new(&f->p);
    for (int i = 0; i < NKEYS; i++)
        inproc_run(f->c, "SET k%d v", i);
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

static struct dict *keyspace_of(struct fixture *f)
{
    return atomic_load_explicit(&f->p.store->dbs[0].dict, memory_order_acquire);
}

static uint64_t hash_of(struct fixture *f, const char *key)
{
    return dict_hash(keyspace_of(f), key, strlen(key));
}

static uint64_t id_of(struct fixture *f, int i)
{
    char key[16];
    snprintf(key, sizeof key, "k%d", i);
    return lock_watch_id(hash_of(f, key), 0);
}

// The keylock of a key, which the test takes and gives back as nobody's command would.
static struct keylock *lock_of(struct fixture *f, const char *key)
{
    struct entry *e = dict_find(keyspace_of(f), hash_of(f, key), key, strlen(key));
    assert_non_null(e);
    return &e->lock;
}

struct background {
    struct inproc *p;
    const char *command;
    char reply[256];
    _Atomic uint64_t client_id;
    pthread_t thread;
};

static void *background_main(void *arg)
{
    struct background *b = arg;
    struct inproc_client *c = inproc_client_new(b->p);
    atomic_store_explicit(&b->client_id, c->client.id, memory_order_relaxed);
    snprintf(b->reply, sizeof b->reply, "%s", inproc_run(c, "%s", b->command));
    inproc_client_free(c);
    return NULL;
}

static void background_start(struct background *b, struct fixture *f, const char *command)
{
    *b = (struct background){.p = &f->p, .command = command};
    assert_int_equal(pthread_create(&b->thread, NULL, background_main, b), 0);
}

static void background_join(struct background *b, const char *reply)
{
    pthread_join(b->thread, NULL);
    assert_string_equal(b->reply, reply);
}

static uint64_t client_of(struct background *b)
{
    return atomic_load_explicit(&b->client_id, memory_order_relaxed);
}

// Waits until so many threads sleep on keys and returns them; mem_free().
static struct lock_waiter *await_waiters(struct fixture *f, int want)
{
    struct lock_waiter *waiters;
    int64_t limit_ns = clock_monotonic_ns() + 20 * INT64_C(1000000000);
    int n;

    while ((n = lock_watch_waiters(f->p.store, &waiters)) != want) {
        mem_free(waiters);
        if (clock_monotonic_ns() > limit_ns)
            fail_msg("%d threads wait, not %d", n, want);
        sched_yield();
    }
    return waiters;
}

static void assert_party(const struct lock_party *party, uint64_t client, const char *cmd,
                         bool write)
{
    assert_int_equal(party->client_id, client);
    assert_string_equal(party->cmd->full_name, cmd);
    assert_int_equal(party->write, write);
}

static void test_waiters_of_one_key(void **state)
{
    struct fixture *f = *state;
    struct background set, members;
    struct lock_party holders[4];

    inproc_run(f->c, "SADD s a");
    epoch_enter(f->c->thread->epoch);
    struct keylock *lock = lock_of(f, "s");
    assert_true(keylock_try(lock, KEYLOCK_WRITE));
    epoch_exit(f->c->thread->epoch);
    background_start(&set, f, "SADD s b");
    struct lock_waiter *w = await_waiters(f, 1);
    assert_party(&w[0].party, client_of(&set), "sadd", true);
    assert_int_equal(w[0].len, 1);
    assert_memory_equal(w[0].name, "s", 1);
    assert_int_equal(w[0].db, 0);
    assert_true(w[0].waited_ns >= 0);
    assert_true(w[0].id == lock_watch_id(hash_of(f, "s"), 0));
    mem_free(w);

    background_start(&members, f, "SMEMBERS s");
    w = await_waiters(f, 2); // the longest first
    assert_party(&w[0].party, client_of(&set), "sadd", true);
    assert_party(&w[1].party, client_of(&members), "smembers", false);
    // No command holds the key: the test does, behind the engine's back.
    assert_int_equal(lock_watch_holders(f->p.store, w[0].id, holders, 4), 0);
    mem_free(w);
    keylock_unlock(lock, KEYLOCK_WRITE);
    background_join(&set, ":1\r\n");
    pthread_join(members.thread, NULL);
    mem_free(await_waiters(f, 0));

    struct hot_key hot[HOT_KEYS];
    assert_int_equal(hot_keys_top(&f->p.store->hot_keys, hot, HOT_KEYS), 1);
    assert_int_equal(hot[0].waits, 2);
    assert_int_equal(hot[0].len, 1);
    assert_memory_equal(hot[0].name, "s", 1);
    assert_true(hot[0].wait_ns > 0 && hot[0].max_ns > 0 && hot[0].max_ns <= hot[0].wait_ns);
}

// The key of k0 .. k9 that is locked last, or first.
static int extreme_key(struct fixture *f, bool last)
{
    int found = 0;
    for (int i = 1; i < NKEYS; i++) {
        char key[16], best[16];
        snprintf(key, sizeof key, "k%d", i);
        snprintf(best, sizeof best, "k%d", found);
        if ((hash_of(f, key) > hash_of(f, best)) == last)
            found = i;
    }
    return found;
}

// A command that has nine of its ten keys and sleeps on the last holds the nine.
static void test_holder_that_waits_itself(void **state)
{
    struct fixture *f = *state;
    struct background mset, get;
    struct lock_party holders[4];
    int last = extreme_key(f, true), first = extreme_key(f, false);
    char key[16], command[64];

    snprintf(key, sizeof key, "k%d", last);
    epoch_enter(f->c->thread->epoch);
    struct keylock *lock = lock_of(f, key);
    assert_true(keylock_try(lock, KEYLOCK_WRITE));
    epoch_exit(f->c->thread->epoch);
    background_start(&mset, f, "MSET k0 1 k1 1 k2 1 k3 1 k4 1 k5 1 k6 1 k7 1 k8 1 k9 1");
    struct lock_waiter *w = await_waiters(f, 1);
    assert_true(w[0].id == id_of(f, last));
    mem_free(w);
    for (int i = 0; i < NKEYS; i++) {
        int n = lock_watch_holders(f->p.store, id_of(f, i), holders, 4);
        assert_int_equal(n, i == last ? 0 : 1);
        if (n)
            assert_party(&holders[0], client_of(&mset), "mset", true);
    }
    snprintf(command, sizeof command, "APPEND k%d x", first);
    background_start(&get, f, command);
    mem_free(await_waiters(f, 2));
    keylock_unlock(lock, KEYLOCK_WRITE);
    background_join(&mset, "+OK\r\n");
    background_join(&get, ":2\r\n");
    for (int i = 0; i < NKEYS; i++)
        assert_int_equal(lock_watch_holders(f->p.store, id_of(f, i), holders, 4), 0);
}

// ---- a command that is held in the middle of running -------------------------------------------

static void expect_held(struct fixture *f, int nkeys, const char *cmd, bool write)
{
    struct lock_party holders[4];

    for (int i = 0; i < NKEYS; i++) {
        int n = lock_watch_holders(f->p.store, id_of(f, i), holders, 4);
        assert_int_equal(n, i < nkeys);
        if (n)
            assert_party(&holders[0], f->c->client.id, cmd, write);
        // The same name in another database is another key.
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        assert_int_equal(
            lock_watch_holders(f->p.store, lock_watch_id(hash_of(f, key), 1), holders, 4), 0);
    }
}

// Locks k0 .. k(n-1) as the dispatcher does for a command, looks, and unlocks.
static void hold_and_look(struct fixture *f, int nkeys, const char *name)
{
    char keys[NKEYS][16];
    struct bytes argv[1 + 2 * NKEYS] = {bytes_of(name)};
    struct thread *thread = f->c->thread;
    struct cmd_ctx c = {
        .store = thread->store,
        .thread = thread,
        .client = &f->c->client,
        .reply = &f->c->client.reply,
        .types = &thread->types,
        .cmd = registry_find(bytes_of(name)),
        .argc = 1 + nkeys,
        .argv = argv,
        .keys = thread->keys,
        .hint = &(struct exec_hint){0},
    };
    int step = c.cmd->row->keys.step;

    c.argc = 1 + nkeys * step;
    for (int i = 0; i < nkeys; i++) {
        snprintf(keys[i], sizeof keys[i], "k%d", i);
        argv[1 + i * step] = bytes_of(keys[i]);
    }
    exec_begin(thread);
    atomic_store_explicit(&f->c->client.last_cmd, c.cmd, memory_order_relaxed);
    assert_int_equal(keyspace_collect(&c), STATUS_OK);
    assert_int_equal(keyspace_lock(&c), LOCK_OUTCOME_HELD);
    expect_held(f, nkeys, name, command_writes(c.cmd));
    keyspace_unlock(&c);
    keyspace_forget(&c);
    exec_end(thread);
    expect_held(f, 0, name, false);
}

static void test_holders(void **state)
{
    struct fixture *f = *state;

    for (int n = 1; n <= NKEYS; n++) {
        hold_and_look(f, n, "mget");
        hold_and_look(f, n, "mset");
        hold_and_look(f, n, "del");
    }
}

// ---- the sketch -------------------------------------------------------------------------------

static void test_top_is_sorted_and_bounded(void **state)
{
    struct hot_keys *h = calloc(1, sizeof *h);
    struct hot_key top[HOT_KEYS];
    char name[300];

    (void)state;
    assert_non_null(h);
    // One key is waited for through all of it, a thousand others once each.
    for (uint64_t i = 1; i <= 1000; i++) {
        snprintf(name, sizeof name, "key%d", (int)i);
        hot_keys_count(h, i * 4, 3, bytes_of(name), 10);
        hot_keys_count(h, UINT64_MAX, 5, BYTES("hot"), 20);
    }
    assert_int_equal(hot_keys_top(h, top, HOT_KEYS), HOT_KEYS);
    assert_int_equal(top[0].len, 3);
    assert_memory_equal(top[0].name, "hot", 3);
    assert_int_equal(top[0].db, 5);
    assert_int_equal(top[0].waits, 1000);
    assert_int_equal(top[0].wait_ns, 20000);
    assert_int_equal(top[0].max_ns, 20);
    assert_int_equal(top[0].error_ns, 0);
    for (int i = 1; i < HOT_KEYS; i++) {
        assert_true(top[i].wait_ns <= top[i - 1].wait_ns);
        assert_int_equal(top[i].wait_ns - top[i].error_ns, 10);
        assert_int_equal(top[i].waits, 1);
    }
    assert_int_equal(hot_keys_top(h, top, 1), 1);
    hot_keys_reset(h);
    assert_int_equal(hot_keys_top(h, top, HOT_KEYS), 0);
    memset(name, 'x', sizeof name);
    hot_keys_count(h, 4, 0, (struct bytes){name, sizeof name}, 1);
    hot_keys_count(h, 8, 0, BYTES(""), 2);
    assert_int_equal(hot_keys_top(h, top, HOT_KEYS), 2);
    assert_int_equal(top[0].len, 0);
    assert_int_equal(top[1].len, KEY_SHOWN_CHARS);
    free(h);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_waiters_of_one_key),
        TEST(test_holder_that_waits_itself),
        TEST(test_holders),
        cmocka_unit_test(test_top_is_sorted_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
