// SPDX-License-Identifier: MIT
// The concurrent dictionary under threads. The table grows and shrinks all the time; meanwhile
// - keys that stay are found by every lookup and passed by every scan,
// - a key that one thread alone changes is there exactly when that thread has put it there,
// - of several threads that insert one key, one wins; of several that remove a node, one.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "datatypes/dict.h"
#include "datatypes/dict_internal.h"
#include "datatypes/siphash.h"
#include "datatypes/rng.h"
#include "locks/cpu.h"
#include "locks/epoch.h"

enum {
    THREADS = 4,
    STAYING = 200,   // ids [0, STAYING): never removed
    CONTESTED = 200, // then those that all threads change
    OWNED = 1500,    // then so many for each thread alone
    ALIVE = 0x11fe,
    DEAD = 0xdead
};
#define FIRST_OWNED (STAYING + CONTESTED)
#define DURATION_NS 1200000000

struct node {
    uint64_t id;
    uint32_t mark;
};

static void node_key(const void *ptr, const char **key, size_t *nkey)
{
    *key = (const char *)&((const struct node *)ptr)->id;
    *nkey = sizeof(uint64_t);
}

static const struct dict_type type = {node_key};
static struct siphash_seed seed;
static struct epoch *domain;
static struct dict *dict;
static int64_t deadline;
static _Atomic unsigned failures;
static _Atomic bool growing; // which way the table goes at present

struct worker {
    pthread_t thread;
    struct epoch_thread *et;
    struct rng rng;
    size_t finds, scans;
    size_t resizes;             // how often it has found another number of buckets
    int64_t balance[CONTESTED]; // inserts less removes that this thread has won
    struct node *own[OWNED];    // what this thread has put in, or NULL
    unsigned index;
};

// Asserting is for the main thread; the others count, and say what it was the first few times.
#define CHECK(cond, ...)                                                                           \
    do {                                                                                           \
        if (!(cond) && atomic_fetch_add_explicit(&failures, 1, memory_order_relaxed) < 5) {        \
            fprintf(stderr, "%s:%d: %s: ", __func__, __LINE__, #cond);                             \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fputc('\n', stderr);                                                                   \
        }                                                                                          \
    } while (0)

static struct node *make_node(uint64_t id)
{
    struct node *n = malloc(sizeof *n);
    if (!n)
        abort();
    *n = (struct node){id, ALIVE};
    return n;
}

static void free_node(void *ptr)
{
    struct node *n = ptr;
    CHECK(n->mark == ALIVE, "id %lu freed twice", (unsigned long)n->id);
    n->mark = DEAD;
    free(n);
}

static void drop_node(void *node, void *arg)
{
    (void)arg;
    free_node(node);
}

static uint64_t hash_of(uint64_t id)
{
    return dict_hash(dict, (const char *)&id, sizeof id);
}

static struct node *find(uint64_t id)
{
    struct node *n = dict_find(dict, hash_of(id), (const char *)&id, sizeof id);
    CHECK(!n || (n->id == id && n->mark == ALIVE), "id %lu", (unsigned long)id);
    return n;
}

static bool insert(struct worker *w, struct node *n)
{
    void *existing;
    enum status s = dict_insert(dict, w->et, hash_of(n->id), n, &existing);
    CHECK(s == STATUS_OK, "status %d", s);
    if (!existing)
        return true;
    CHECK(((struct node *)existing)->id == n->id, "id %lu", (unsigned long)n->id);
    return false;
}

static bool remove_node(struct worker *w, struct node *n)
{
    if (!dict_remove(dict, w->et, hash_of(n->id), n))
        return false;
    epoch_retire(w->et, n, free_node, sizeof *n);
    return true;
}

// ---- interference ------------------------------------------------------------------------------
// In a debug build the dictionary lets us in between its steps: there a thread now and then gives
// way to the others, which widens windows of a few instructions.
#ifdef KL_DEBUG
static _Thread_local struct rng way_rng;

static void give_way(void)
{
    if (rng_below(&way_rng, 512) == 0)
        sched_yield();
}

static void interfere(struct worker *w)
{
    rng_seed(&way_rng, rng_next(&w->rng));
    dict_on_read = dict_on_write = give_way;
}
#else
static void interfere(struct worker *w)
{
    (void)w;
}
#endif

// ---- what the threads do -----------------------------------------------------------------------
static void look_for_staying(struct worker *w)
{
    uint64_t id = rng_below(&w->rng, STAYING);
    w->finds++;
    CHECK(find(id), "staying id %lu is missing; %zu buckets", (unsigned long)id,
          dict_buckets(dict));
}

static void change_contested(struct worker *w)
{
    uint64_t k = rng_below(&w->rng, CONTESTED), id = STAYING + k;
    if (rng_below(&w->rng, 2)) {
        struct node *n = make_node(id);
        if (insert(w, n))
            w->balance[k]++;
        else
            free(n);
    } else {
        struct node *n = find(id);
        if (n && remove_node(w, n))
            w->balance[k]--;
    }
}

static void change_own(struct worker *w, bool put)
{
    uint64_t k = rng_below(&w->rng, OWNED), id = FIRST_OWNED + w->index * OWNED + k;
    struct node *old = w->own[k];
    CHECK(find(id) == old, "own id %lu, before", (unsigned long)id);
    if (put && !old) {
        w->own[k] = make_node(id);
        CHECK(insert(w, w->own[k]), "own id %lu is there already", (unsigned long)id);
    } else if (put) {
        w->own[k] = make_node(id);
        dict_replace(dict, w->et, hash_of(id), old, w->own[k]);
        epoch_retire(w->et, old, free_node, sizeof *old);
    } else if (old) {
        CHECK(remove_node(w, old), "own id %lu is not there", (unsigned long)id);
        w->own[k] = NULL;
    }
    CHECK(find(id) == w->own[k], "own id %lu, after", (unsigned long)id);
}

static void see(void *node, void *arg)
{
    struct node *n = node;
    CHECK(n->mark == ALIVE, "scanned id %lu", (unsigned long)n->id);
    if (n->id < STAYING)
        ((unsigned char *)arg)[n->id] = 1;
}

// A whole scan, one section a call as a server would do it.
static void scan_all(struct worker *w)
{
    unsigned char seen[STAYING] = {0};
    uint64_t cursor = 0;
    do {
        epoch_enter(w->et);
        cursor = dict_scan(dict, cursor, see, seen);
        epoch_exit(w->et);
    } while (cursor != 0);
    for (int i = 0; i < STAYING; i++)
        CHECK(seen[i], "staying id %d was not scanned", i);
    w->scans++;
}

static void draw(struct worker *w)
{
    struct node *n = dict_random(dict, &w->rng);
    CHECK(n, "no random node");
    CHECK(!n || n->mark == ALIVE, "random id %lu", (unsigned long)n->id);
}

static void *write_shared(void *arg)
{
    struct worker *w = arg;
    interfere(w);
    while (clock_monotonic_ns() < deadline) {
        bool up = atomic_load_explicit(&growing, memory_order_relaxed);
        for (int i = 0; i < 100; i++) {
            epoch_enter(w->et);
            look_for_staying(w);
            change_own(w, rng_below(&w->rng, 32) != 0 ? up : !up);
            change_contested(w);
            if (i % 8 == 0)
                draw(w);
            epoch_exit(w->et);
        }
        epoch_poll(w->et, 100);
        // Each turns the tide now and then; what matters is that it turns.
        if (rng_below(&w->rng, 80) == 0)
            atomic_store_explicit(&growing, !up, memory_order_relaxed);
    }
    return NULL;
}

static void *read_only(void *arg)
{
    struct worker *w = arg;
    size_t buckets = 0;
    interfere(w);
    while (clock_monotonic_ns() < deadline) {
        for (int i = 0; i < 200; i++) {
            size_t now = dict_buckets(dict);
            w->resizes += now != buckets;
            buckets = now;
            epoch_enter(w->et);
            for (int k = 0; k < 10; k++)
                look_for_staying(w);
            draw(w);
            epoch_exit(w->et);
        }
        scan_all(w);
    }
    return NULL;
}

// The one writer of an owned dictionary: up to 1500 guests come and go at random speed.
static void *write_owned(void *arg)
{
    struct worker *w = arg;
    interfere(w);
    for (bool up = true; clock_monotonic_ns() < deadline; up = !up) {
        size_t changes = rng_below(&w->rng, 3 * OWNED);
        for (size_t i = 0; i < changes; i++) {
            epoch_enter(w->et);
            change_own(w, rng_below(&w->rng, 64) != 0 ? up : !up);
            epoch_exit(w->et);
        }
        epoch_poll(w->et, 1000);
    }
    return NULL;
}

// ---- the cases ---------------------------------------------------------------------------------
// A participant whose changes are counted in the same stripe as those of the others.
static struct epoch_thread *register_in_first_stripe(void)
{
    struct epoch_thread *et[STRIPES];
    unsigned chosen = 0;
    for (unsigned i = 0; i < STRIPES; i++) {
        et[i] = epoch_register(domain);
        assert_non_null(et[i]);
        if (epoch_thread_index(et[i]) % STRIPES == 0)
            chosen = i;
    }
    for (unsigned i = 0; i < STRIPES; i++)
        if (i != chosen)
            epoch_unregister(et[i]);
    return et[chosen];
}

static struct worker *start(enum dict_mode mode, void *(*role)(void *w), void *(*others)(void *w),
                            unsigned nothers)
{
    struct worker *w = calloc(THREADS, sizeof *w);
    assert_non_null(w);
    siphash_seed_random(&seed);
    domain = epoch_create();
    dict = dict_create(&type, mode, &seed);
    assert_non_null(domain);
    assert_non_null(dict);
    atomic_store_explicit(&failures, 0, memory_order_relaxed);
    atomic_store_explicit(&growing, true, memory_order_relaxed);
    for (unsigned i = 0; i < THREADS; i++) {
        w[i].index = i;
        rng_seed_random(&w[i].rng);
        w[i].et = register_in_first_stripe();
    }
    epoch_enter(w[0].et);
    for (uint64_t id = 0; id < STAYING; id++)
        assert_true(insert(&w[0], make_node(id)));
    epoch_exit(w[0].et);
    deadline = clock_monotonic_ns() + DURATION_NS;
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(
            pthread_create(&w[i].thread, NULL, i < THREADS - nothers ? role : others, &w[i]), 0);
    return w;
}

static void finish(struct worker *w, bool scanned)
{
    size_t present = STAYING, finds = 0, scans = 0, resizes = 0;
    for (int i = 0; i < THREADS; i++)
        pthread_join(w[i].thread, NULL);

    epoch_enter(w[0].et);
    for (uint64_t id = 0; id < STAYING; id++)
        assert_non_null(find(id));
    for (uint64_t k = 0; k < CONTESTED; k++) {
        int64_t balance = 0;
        for (int i = 0; i < THREADS; i++)
            balance += w[i].balance[k];
        assert_int_equal(balance, find(STAYING + k) != NULL);
        present += (size_t)balance;
    }
    for (unsigned i = 0; i < THREADS; i++) {
        for (uint64_t k = 0; k < OWNED; k++) {
            assert_ptr_equal(find(FIRST_OWNED + i * OWNED + k), w[i].own[k]);
            present += w[i].own[k] != NULL;
        }
        finds += w[i].finds;
        scans += w[i].scans;
        resizes += w[i].resizes;
    }
    assert_int_equal(dict_count(dict), present);
    epoch_exit(w[0].et);
    assert_int_equal(failures, 0);
    // The test has tested something.
    if (scanned) {
        assert_in_range(finds, 1000, SIZE_MAX);
        assert_in_range(scans, 4, SIZE_MAX);
        print_message("%zu finds, %zu scans, %zu resizes seen\n", finds, scans, resizes);
        assert_in_range(resizes, 50, SIZE_MAX);
    }
    epoch_drain(w[0].et);
    assert_int_equal(epoch_pending_count(domain), 0);
    dict_free(dict, drop_node, NULL);
    for (int i = 0; i < THREADS; i++)
        epoch_unregister(w[i].et);
    epoch_destroy(domain);
    free(w);
}

static void test_dict_many_writers(void **state)
{
    (void)state;
    finish(start(DICT_SHARED, write_shared, NULL, 0), false);
}

static void test_dict_writers_and_readers(void **state)
{
    (void)state;
    finish(start(DICT_SHARED, write_shared, read_only, THREADS / 2), true);
}

static void test_dict_one_writer_and_readers(void **state)
{
    (void)state;
    finish(start(DICT_OWNED, write_owned, read_only, THREADS - 1), true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dict_many_writers),
        cmocka_unit_test(test_dict_writers_and_readers),
        cmocka_unit_test(test_dict_one_writer_and_readers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
