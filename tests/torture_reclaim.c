// SPDX-License-Identifier: MIT
//
// Large sets come and go under several threads, while others free them in slices: everything that
// was counted as pending is freed, once. Run under ThreadSanitizer and AddressSanitizer as well.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>

#include "datatypes/mem.h"
#include "datatypes/rng.h"
#include "locks/epoch.h"
#include "server/engine/reclaim.h"
#include "tests/lib/check.h"
#include "tests/lib/inproc.h"

enum { MAKERS = 3, FREERS = 3, KEYS = 4, BIG = 200 };

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { ROUNDS = 400 };
#else
enum { ROUNDS = 4000 };
#endif

static struct inproc store;
static pthread_barrier_t start;
static _Atomic bool stop;
static _Atomic int64_t wanted, steps;

static void want(struct kl_store *s, void *arg)
{
    (void)s;
    (void)arg;
    atomic_fetch_add_explicit(&wanted, 1, memory_order_relaxed);
}

static void add_members(struct inproc_client *c, int key, int from)
{
    char line[BIG * 10];
    size_t n = 0;

    for (int i = from; i < from + BIG; i++)
        n += (size_t)snprintf(line + n, sizeof line - n, " m:%d", i);
    inproc_run(c, "SADD k%d%s", key, line);
}

static void drop(struct inproc_client *c, struct rng *rng, int key)
{
    switch (rng_below(rng, 8)) {
    case 0:
        inproc_run(c, "SET k%d text", key);
        inproc_run(c, "DEL k%d", key);
        break;
    case 1:
        inproc_run(c, "RENAME k%d k%d", key, (key + 1) % KEYS);
        break;
    case 2:
        inproc_run(c, "SUNIONSTORE k%d k0 k1", key);
        break;
    case 3:
        inproc_run(c, "SPOP k%d %d", key, BIG);
        break;
    case 4:
        inproc_run(c, "PEXPIRE k%d 1", key);
        break;
    case 5:
        inproc_run(c, "FLUSHALL ASYNC");
        break;
    default:
        inproc_run(c, "UNLINK k%d", key);
        break;
    }
}

static void *make_and_drop(void *arg)
{
    struct inproc_client *c = inproc_client_new(&store);
    struct rng rng;

    rng_seed(&rng, (uint64_t)(uintptr_t)arg);
    pthread_barrier_wait(&start);
    for (int i = 0; i < ROUNDS; i++) {
        int key = (int)rng_below(&rng, KEYS);
        add_members(c, key, (int)rng_below(&rng, 3) * BIG);
        inproc_run(c, "SISMEMBER k%d m:5", key); // a reader without a lock
        if (rng_below(&rng, 2))
            drop(c, &rng, key);
        if (rng_below(&rng, 20) == 0)
            store_cron(c->thread, 100);
    }
    inproc_client_free(c);
    return NULL;
}

static void *free_slices(void *arg)
{
    int64_t budget_us = (int64_t)(uintptr_t)arg; // 0: slice by slice

    pthread_barrier_wait(&start);
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        if (!store_reclaim_step(store.store, budget_us))
            sched_yield();
        atomic_fetch_add_explicit(&steps, 1, memory_order_relaxed);
    }
    return NULL;
}

static void run(void)
{
    pthread_t makers[MAKERS], freers[FREERS];

    atomic_store_explicit(&stop, false, memory_order_relaxed);
    pthread_barrier_init(&start, NULL, MAKERS + FREERS);
    for (uintptr_t i = 0; i < MAKERS; i++)
        check_int(pthread_create(&makers[i], NULL, make_and_drop, (void *)(i + 1)), 0);
    for (uintptr_t i = 0; i < FREERS; i++)
        check_int(pthread_create(&freers[i], NULL, free_slices, (void *)(i * 50)), 0);
    for (int i = 0; i < MAKERS; i++)
        pthread_join(makers[i], NULL);
    atomic_store_explicit(&stop, true, memory_order_relaxed);
    for (int i = 0; i < FREERS; i++)
        pthread_join(freers[i], NULL);
    pthread_barrier_destroy(&start);
}

static void test_everything_is_freed_once(void **state)
{
    (void)state;
    inproc_open(&store);
    store.store->reclaim_wanted = want;
    run();
    struct inproc_client *c = inproc_client_new(&store);
    inproc_run(c, "FLUSHALL ASYNC");
    inproc_settle(c);
    struct lazyfree *lf = &store.store->lazyfree;
    check_int((int64_t)atomic_load_explicit(&lf->pending, memory_order_acquire), 0);
    check(atomic_load_explicit(&lf->freed, memory_order_relaxed) > ROUNDS / 2);
    check(atomic_load_explicit(&wanted, memory_order_relaxed) > 0);
    check(atomic_load_explicit(&steps, memory_order_relaxed) > 0);
    check_int((int64_t)epoch_pending_count(store.store->epoch), 0);
    inproc_client_free(c);
    inproc_close(&store);
}

// The same, closed in the middle of it: what is pending goes with the store.
static void test_close_with_work_left(void **state)
{
    (void)state;
    inproc_open(&store);
    store.store->reclaim_wanted = want; // so that cron frees nothing
    run();
    inproc_close(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_is_freed_once),
        cmocka_unit_test(test_close_with_work_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
