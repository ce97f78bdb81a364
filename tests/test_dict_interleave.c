// SPDX-License-Identifier: MIT
// The dictionary's races, played through step by step. In debug builds it calls back between the
// steps of a lookup or scan, where this test grows and shrinks the table, and after each store of a
// change, where it looks whether everything can still be found. So windows of a few instructions
// are met every time, by chance of a fixed seed and not of the scheduler.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#ifdef KL_DEBUG

#include <pthread.h>

#include "datatypes/dict.h"
#include "datatypes/dict_internal.h"
#include "datatypes/siphash.h"
#include "datatypes/rng.h"
#include "locks/epoch.h"

// One guest in four collides with others in the low 9 bits of the hash: long chains.
enum { STAYING = 60, GUESTS = 900, TOTAL = STAYING + GUESTS };

// One thread has nothing to show to the thread sanitizer, which makes it slow.
#ifdef __SANITIZE_THREAD__
enum { LOOK_AT_ONE_IN = 32, LOOKUPS = 500, SCANS = 8, TIDES = 100 };
#else
enum { LOOK_AT_ONE_IN = 4, LOOKUPS = 4000, SCANS = 60, TIDES = 2000 };
#endif

struct node {
    uint64_t id;
    bool in, seen;
};

static void node_key(const void *ptr, const char **key, size_t *nkey)
{
    *key = (const char *)&((const struct node *)ptr)->id;
    *nkey = sizeof(uint64_t);
}

static const struct dict_type type = {node_key};
static const struct siphash_seed seed = {3, 5};
static const enum dict_mode modes[] = {DICT_OWNED, DICT_SHARED};

static struct node nodes[TOTAL];
static size_t guests; // nodes[STAYING .. STAYING + guests) are in the table
static struct node *in_flux;
static struct dict *d;
static struct epoch *domain;
static struct epoch_thread *et;
static struct rng rng;

static uint64_t hash_of(const struct node *n)
{
    return dict_hash(d, (const char *)&n->id, sizeof n->id);
}

static void *find(const struct node *n)
{
    return dict_find(d, hash_of(n), (const char *)&n->id, sizeof n->id);
}

static void put(struct node *n)
{
    void *existing;
    in_flux = n;
    assert_int_equal(dict_insert(d, et, hash_of(n), n, &existing), STATUS_OK);
    assert_null(existing);
    n->in = true;
    in_flux = NULL;
}

static void take(struct node *n)
{
    in_flux = n;
    n->in = false;
    assert_true(dict_remove(d, et, hash_of(n), n));
    in_flux = NULL;
}

static void set_guests(size_t target)
{
    for (; guests < target; guests++)
        put(&nodes[STAYING + guests]);
    for (; guests > target; guests--)
        take(&nodes[STAYING + guests - 1]);
}

static void open_table(enum dict_mode mode)
{
    rng_seed(&rng, 1);
    domain = epoch_create();
    et = epoch_register(domain);
    d = dict_create(&type, mode, &seed);
    assert_non_null(d);
    guests = 0;
    uint64_t id = 0;
    for (int i = 0; i < TOTAL; i++, id++) {
        nodes[i] = (struct node){.id = id};
        while (i % 4 == 0 && hash_of(&nodes[i]) % 512 != 77)
            nodes[i].id = ++id;
    }
    epoch_enter(et);
    for (int i = 0; i < STAYING; i++)
        put(&nodes[i]);
}

static void close_table(void)
{
    dict_on_read = dict_on_write = NULL;
    epoch_exit(et);
    epoch_drain(et);
    dict_free(d, NULL, NULL);
    epoch_unregister(et);
    epoch_destroy(domain);
}

// ---- a reader between the stores of a writer ---------------------------------------------------
static size_t looks;

static void look_at_everything(void)
{
    if (rng_below(&rng, LOOK_AT_ONE_IN) != 0)
        return;
    looks++;
    for (int i = 0; i < TOTAL; i++) {
        if (&nodes[i] == in_flux)
            continue;
        void *found = find(&nodes[i]);
        assert_ptr_equal(found, nodes[i].in ? &nodes[i] : NULL);
    }
}

static void mark(void *node, void *arg)
{
    (void)arg;
    ((struct node *)node)->seen = true;
}

static void scan_everything(void)
{
    if (rng_below(&rng, LOOK_AT_ONE_IN) != 0)
        return;
    looks++;
    for (int i = 0; i < TOTAL; i++)
        nodes[i].seen = false;
    uint64_t cursor = 0;
    do
        cursor = dict_scan(d, cursor, mark, NULL);
    while (cursor != 0);
    for (int i = 0; i < TOTAL; i++)
        if (&nodes[i] != in_flux)
            assert_int_equal(nodes[i].seen, nodes[i].in);
}

static void look_after_each_store(void (*look)(void))
{
    for (int mode = 0; mode < 2; mode++) {
        open_table(modes[mode]);
        looks = 0;
        dict_on_write = look;
        set_guests(GUESTS);
        for (int i = 0; i < 200; i++) { // chains lose and gain overflow buckets
            struct node *n = &nodes[STAYING + rng_below(&rng, GUESTS)];
            take(n);
            put(n);
        }
        set_guests(0);
        assert_in_range(looks, 50, SIZE_MAX);
        close_table();
    }
}

static void test_dict_lookups_half_way_through_changes(void **state)
{
    (void)state;
    look_after_each_store(look_at_everything);
}

static void test_dict_scans_half_way_through_changes(void **state)
{
    (void)state;
    look_after_each_store(scan_everything);
}

// ---- writers between the steps of a reader -----------------------------------------------------
static unsigned rarely; // a change at one in so many steps

static void change_something(void)
{
    if (rng_below(&rng, rarely) != 0)
        return;
    void (*hook)(void) = dict_on_read;
    dict_on_read = NULL;
    struct node *left[GUESTS];
    size_t n = dict_buckets(d), nleft = 0;
    switch (rng_below(&rng, 5)) {
    case 0: // away and back to the same number of buckets, if it can be had
        set_guests(guests + rng_below(&rng, GUESTS - guests + 1));
        while (guests > 0 && dict_buckets(d) > n)
            set_guests(guests - 1);
        break;
    case 1: // anywhere
        set_guests(rng_below(&rng, GUESTS + 1));
        break;
    case 2: // a little up
        set_guests(guests + 12 < GUESTS ? guests + 1 + rng_below(&rng, 12) : GUESTS);
        break;
    case 3: // a little down
        set_guests(guests > 12 ? guests - 1 - rng_below(&rng, 12) : 0);
        break;
    default: // overflow buckets go and come, and nothing else happens
        for (size_t i = 0; i < guests / 3; i++) {
            struct node *g = &nodes[STAYING + rng_below(&rng, guests)];
            if (!g->in)
                continue;
            take(g);
            if (rng_below(&rng, 2))
                put(g);
            else
                left[nleft++] = g;
        }
        while (nleft > 0)
            put(left[--nleft]);
    }
    dict_on_read = hook;
}

static void quiesce(void)
{
    epoch_exit(et);
    epoch_poll(et, SIZE_MAX);
    epoch_enter(et);
}

static void test_dict_changes_half_way_through_lookups(void **state)
{
    (void)state;
    for (int mode = 0; mode < 2; mode++) {
        open_table(modes[mode]);
        for (int i = 0; i < LOOKUPS; i++) {
            rarely = 2u << rng_below(&rng, 4);
            struct node *n = &nodes[rng_below(&rng, STAYING)];
            dict_on_read = change_something;
            void *found = find(n);
            dict_on_read = NULL;
            assert_ptr_equal(found, n);
            quiesce();
        }
        close_table();
    }
}

static void test_dict_changes_half_way_through_scans(void **state)
{
    (void)state;
    for (int mode = 0; mode < 2; mode++) {
        open_table(modes[mode]);
        for (int round = 0; round < SCANS; round++) {
            for (int i = 0; i < STAYING; i++)
                nodes[i].seen = false;
            rarely = 16u << rng_below(&rng, 4);
            uint64_t cursor = 0;
            do {
                dict_on_read = change_something;
                cursor = dict_scan(d, cursor, mark, NULL);
                dict_on_read = NULL;
                quiesce();
            } while (cursor != 0);
            for (int i = 0; i < STAYING; i++)
                assert_true(nodes[i].seen);
        }
        close_table();
    }
}

// ---- a reader and a writer, both half way -------------------------------------------------------
// Two threads, of which only the one with the baton runs. At each point it may be passed on, so
// that either can be anywhere when the other goes on. Always the same way, for one seed.
static pthread_mutex_t baton_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t baton_moved = PTHREAD_COND_INITIALIZER;
static int baton; // who runs: 0 the writer, 1 the reader
static bool writer_done;
static size_t lookups, missed, passes;
static _Thread_local int me;

static void pass_baton_and_wait(void)
{
    pthread_mutex_lock(&baton_mutex);
    baton = 1 - me;
    pthread_cond_signal(&baton_moved);
    while (baton != me && !writer_done)
        pthread_cond_wait(&baton_moved, &baton_mutex);
    pthread_mutex_unlock(&baton_mutex);
}

static void maybe_pass(void)
{
    if (rng_below(&rng, 12) == 0) { // the rng belongs to whoever has the baton
        passes++;
        pass_baton_and_wait();
    }
}

// One of the nodes that stay; if there is one, of the bucket that has been split last and where the
// writer may still be at work.
static struct node *interesting_node(void)
{
    uint64_t n = dict_buckets(d), split = n - 1 - (UINT64_C(1) << log2_floor(n - 1));
    size_t start = rng_below(&rng, STAYING);
    for (size_t i = 0; i < STAYING; i++) {
        struct node *node = &nodes[(start + i) % STAYING];
        if (index_of(hash_of(node), n) == split)
            return node;
    }
    return &nodes[start];
}

static void *look_up_staying(void *arg)
{
    struct epoch_thread *mine = arg;
    me = 1;
    pthread_mutex_lock(&baton_mutex);
    while (baton != me && !writer_done)
        pthread_cond_wait(&baton_moved, &baton_mutex);
    pthread_mutex_unlock(&baton_mutex);
    dict_on_read = maybe_pass;
    while (!writer_done) {
        struct node *n = rng_below(&rng, 2) ? interesting_node() : &nodes[rng_below(&rng, STAYING)];
        epoch_enter(mine);
        missed += find(n) != n;
        epoch_exit(mine);
        lookups++;
        maybe_pass();
    }
    return NULL;
}

static void test_dict_reader_and_writer_in_step(void **state)
{
    (void)state;
    for (int mode = 0; mode < 2; mode++) {
        pthread_t reader;
        open_table(modes[mode]);
        struct epoch_thread *its = epoch_register(domain);
        baton = 0;
        writer_done = false;
        lookups = missed = passes = 0;
        assert_int_equal(pthread_create(&reader, NULL, look_up_staying, its), 0);
        dict_on_write = maybe_pass;
        for (int i = 0; i < TIDES; i++) {
            set_guests(rng_below(&rng, GUESTS >> rng_below(&rng, 6)));
            quiesce();
        }
        dict_on_write = NULL;
        pthread_mutex_lock(&baton_mutex);
        writer_done = true; // the reader goes on to its end by itself
        pthread_cond_signal(&baton_moved);
        pthread_mutex_unlock(&baton_mutex);
        pthread_join(reader, NULL);
        epoch_unregister(its);
        assert_int_equal(missed, 0);
        assert_in_range(lookups, 100, SIZE_MAX);
        assert_in_range(passes, 1000, SIZE_MAX);
        close_table();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dict_reader_and_writer_in_step),
        cmocka_unit_test(test_dict_lookups_half_way_through_changes),
        cmocka_unit_test(test_dict_scans_half_way_through_changes),
        cmocka_unit_test(test_dict_changes_half_way_through_lookups),
        cmocka_unit_test(test_dict_changes_half_way_through_scans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void test_dict_interleavings_need_a_debug_build(void **state)
{
    (void)state;
    skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dict_interleavings_need_a_debug_build),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
