// SPDX-License-Identifier: MIT
// The concurrent dictionary on one thread, in both modes, against simple models.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datatypes/dict.h"
#include "datatypes/dict_internal.h"
#include "datatypes/siphash.h"
#include "datatypes/mem.h"
#include "datatypes/rng.h"
#include "locks/epoch.h"

struct node {
    uint64_t id; // the key is its bytes, as many as `len`
    uint32_t len;
    uint32_t seen; // by scans
};

static void node_key(const void *ptr, const char **key, size_t *nkey)
{
    const struct node *n = ptr;
    *key = (const char *)&n->id;
    *nkey = n->len;
}

#ifdef KL_DEBUG // the sanitizers make it slow
enum { N = 100000, SCANS = 8 };
#else
enum { N = 1000000, SCANS = 40 };
#endif

static const struct dict_type type = {node_key};
static const struct siphash_seed seed = {0x0123456789abcdef, 0xfedcba9876543210};
static const enum dict_mode modes[] = {DICT_OWNED, DICT_SHARED};

static struct epoch *domain;
static struct epoch_thread *et;
static struct rng rng;

static int setup(void **state)
{
    (void)state;
    rng_seed(&rng, 20);
    domain = epoch_create();
    et = epoch_register(domain);
    epoch_enter(et);
    return domain && et ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    epoch_exit(et);
    epoch_drain(et);
    assert_int_equal(epoch_pending_count(domain), 0);
    assert_int_equal(epoch_leaked_bytes(domain), 0);
    epoch_unregister(et);
    epoch_destroy(domain);
    return 0;
}

// Lets what has been retired go.
static void quiesce(void)
{
    epoch_exit(et);
    epoch_poll(et, SIZE_MAX);
    epoch_enter(et);
}

static struct node make_node(uint64_t id)
{
    return (struct node){.id = id, .len = sizeof id};
}

static uint64_t hash_of(const struct dict *d, const struct node *n)
{
    return dict_hash(d, (const char *)&n->id, n->len);
}

static void *find(const struct dict *d, uint64_t id)
{
    return dict_find(d, dict_hash(d, (const char *)&id, sizeof id), (const char *)&id, sizeof id);
}

static void must_insert(struct dict *d, struct node *n)
{
    void *existing = n;
    assert_int_equal(dict_insert(d, et, hash_of(d, n), n, &existing), STATUS_OK);
    assert_ptr_equal(existing, NULL);
}

static void must_remove(struct dict *d, struct node *n)
{
    assert_true(dict_remove(d, et, hash_of(d, n), n));
}

static struct node *make_nodes(size_t n)
{
    struct node *nodes = malloc(n * sizeof *nodes);
    assert_non_null(nodes);
    for (size_t i = 0; i < n; i++)
        nodes[i] = make_node(i);
    return nodes;
}

static void shuffle(struct node **p, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = rng_below(&rng, i);
        struct node *t = p[i - 1];
        p[i - 1] = p[j];
        p[j] = t;
    }
}

// ---- geometry ----------------------------------------------------------------------------------
static void test_dict_segments_hold_each_bucket_once(void **state)
{
    (void)state;
    size_t k = 0, offset = 0;
    for (uint64_t i = 0; i < 400000; i++) {
        size_t at, segment = segment_of(i, &at);
        assert_int_equal(segment, k);
        assert_int_equal(at, offset);
        if (++offset == segment_size(k)) {
            k++;
            offset = 0;
        }
    }
}

static void test_dict_index_splits_one_bucket_at_a_time(void **state)
{
    (void)state;
    for (int round = 0; round < 20000; round++) {
        uint64_t hash = rng_next(&rng), n = 2 + rng_below(&rng, 1 << 16);
        uint64_t now = index_of(hash, n), next = index_of(hash, n + 1);
        assert_true(now < n);
        unsigned bits = bucket_bits(now, n);
        assert_int_equal(hash & ((UINT64_C(1) << bits) - 1), now);
        if (next != now) {
            assert_int_equal(next, n);
            assert_int_equal(now, n - (UINT64_C(1) << log2_floor(n)));
            assert_int_equal(bucket_bits(next, n + 1), bits + 1);
        }
    }
}

// ---- against a model ---------------------------------------------------------------------------
enum { UNIVERSE = 6000 };

struct model {
    struct dict *d;
    struct node *live[UNIVERSE]; // the node in the table, or NULL
    size_t count;
};

static void model_toggle(struct model *m, uint64_t id, struct node *copies, bool insert)
{
    struct node *old = m->live[id];
    uint64_t hash = dict_hash(m->d, (const char *)&id, sizeof id);
    if (insert) {
        // Two copies of each key, so that a duplicate is another node.
        struct node *n = &copies[2 * id + (old == &copies[2 * id])];
        void *existing = n;
        assert_int_equal(dict_insert(m->d, et, hash, n, &existing), STATUS_OK);
        assert_ptr_equal(existing, old);
        if (!old) {
            m->live[id] = n;
            m->count++;
        }
    } else {
        struct node *wrong = &copies[2 * id + (old == &copies[2 * id])];
        assert_false(dict_remove(m->d, et, hash, wrong));
        assert_int_equal(dict_remove(m->d, et, hash, old ? old : &copies[2 * id]), old != NULL);
        m->count -= old != NULL;
        m->live[id] = NULL;
    }
}

static void model_replace(struct model *m, uint64_t id, struct node *copies)
{
    struct node *old = m->live[id];
    if (!old)
        return;
    struct node *new = &copies[2 * id + (old == &copies[2 * id])];
    dict_replace(m->d, et, hash_of(m->d, old), old, new);
    m->live[id] = new;
}

static void model_check(const struct model *m)
{
    assert_int_equal(dict_count(m->d), m->count);
    for (uint64_t id = 0; id < UNIVERSE; id++)
        assert_ptr_equal(find(m->d, id), m->live[id]);
}

static void test_dict_matches_a_model(void **state)
{
    (void)state;
    static struct node copies[2 * UNIVERSE];
    for (uint64_t i = 0; i < 2 * UNIVERSE; i++)
        copies[i] = make_node(i / 2);
    for (int mode = 0; mode < 2; mode++) {
        static struct model m;
        m = (struct model){.d = dict_create(&type, modes[mode], &seed)};
        assert_non_null(m.d);
        // In each phase inserts are 9, 5, 1, 8, 0 of 10 changes, so that the table grows and
        // shrinks.
        static const unsigned inserts[] = {9, 5, 1, 8, 0};
        for (int phase = 0; phase < 5; phase++) {
            for (int i = 0; i < 30000; i++) {
                uint64_t id = rng_below(&rng, UNIVERSE), dice = rng_below(&rng, 10);
                if (rng_below(&rng, 20) == 0)
                    model_replace(&m, id, copies);
                else
                    model_toggle(&m, id, copies, dice < inserts[phase]);
                id = rng_below(&rng, UNIVERSE);
                assert_ptr_equal(find(m.d, id), m.live[id]);
                if (i % 100 == 0)
                    quiesce();
            }
            model_check(&m);
        }
        dict_free(m.d, NULL, NULL);
    }
}

static void test_dict_keys_of_any_length(void **state)
{
    (void)state;
    struct dict *d = dict_create(&type, DICT_OWNED, &seed);
    struct node n[9];
    for (uint32_t len = 0; len < 9; len++) {
        n[len] = (struct node){.id = 0, .len = len}; // all zero bytes, told apart by length alone
        must_insert(d, &n[len]);
    }
    for (uint32_t len = 0; len < 9; len++) {
        uint64_t hash = hash_of(d, &n[len]);
        dict_prefetch(d, hash);
        assert_ptr_equal(dict_find(d, hash, "\0\0\0\0\0\0\0\0", len), &n[len]);
    }
    dict_free(d, NULL, NULL);
}

// ---- growth ------------------------------------------------------------------------------------
static void test_dict_grows_and_shrinks_back(void **state)
{
    (void)state;
    struct node *nodes = make_nodes(N);
    for (int mode = 0; mode < 2; mode++) {
        struct dict *d = dict_create(&type, modes[mode], &seed);
        size_t start = dict_memory(d), used = mem_used(), step = 64;
        for (size_t i = 0; i < N; i++) {
            must_insert(d, &nodes[i]);
            if (i % 256 == 0)
                quiesce();
            if (modes[mode] == DICT_OWNED && i + 1 == step) {
                // At most 16 bytes a node; where few of them had bad luck, a line more.
                assert_in_range(dict_memory(d), 0, 16 * step + 64);
                step += step / 8;
            }
        }
        assert_int_equal(dict_count(d), N);
        assert_in_range(dict_buckets(d), N / 5 - 1500, N / 5 + 1);
        for (size_t i = 0; i < 2 * N; i++)
            assert_ptr_equal(find(d, i), i < N ? &nodes[i] : NULL);
        for (size_t i = 0; i < N; i++) {
            must_remove(d, &nodes[i]);
            if (i % 256 == 0)
                quiesce();
        }
        assert_int_equal(dict_count(d), 0);
        assert_in_range(dict_memory(d), start, start + 1024);
        epoch_exit(et);
        epoch_drain(et);
        epoch_enter(et);
        assert_in_range(mem_used(), 0,
                        used + (2 << 20)); // what the allocator's own caches may hold
        dict_free(d, NULL, NULL);
    }
    free(nodes);
}

// Keys whose hashes agree in the low 16 bits: one chain, however large the table is.
static void test_dict_long_chains(void **state)
{
    (void)state;
    enum { CHAIN = 100, OTHERS = 20000 };
    static struct node chain[CHAIN];
    struct node *order[CHAIN], *others = make_nodes(OTHERS);
    for (int mode = 0; mode < 2; mode++) {
        struct dict *d = dict_create(&type, modes[mode], &seed);
        for (uint64_t id = UINT64_C(1) << 40, n = 0; n < CHAIN; id++)
            if ((uint16_t)dict_hash(d, (const char *)&id, sizeof id) == 0x1234) {
                order[n] = &chain[n];
                chain[n++] = make_node(id);
            }
        shuffle(order, CHAIN);
        for (int i = 0; i < CHAIN; i++)
            must_insert(d, order[i]);
        for (int i = 0; i < OTHERS; i++)
            must_insert(d, &others[i]);
        for (int i = 0; i < CHAIN; i++)
            assert_ptr_equal(find(d, chain[i].id), &chain[i]);
        for (int i = 0; i < OTHERS; i++)
            must_remove(d, &others[i]);
        shuffle(order, CHAIN);
        for (int i = 0; i < CHAIN; i++) {
            must_remove(d, order[i]);
            assert_null(find(d, order[i]->id));
            for (int j = i + 1; j < CHAIN; j++)
                assert_ptr_equal(find(d, order[j]->id), order[j]);
        }
        assert_int_equal(dict_count(d), 0);
        dict_free(d, NULL, NULL);
        quiesce();
    }
    free(others);
}

// ---- scanning ----------------------------------------------------------------------------------
static void note_seen(void *node, void *arg)
{
    ((struct node *)node)->seen++;
    (*(size_t *)arg)++;
}

static void test_dict_scan_passes_each_node_once(void **state)
{
    (void)state;
    for (size_t n = 0; n < 20000; n = n * 3 + 1) {
        struct node *nodes = make_nodes(n);
        struct dict *d = dict_create(&type, DICT_SHARED, &seed);
        for (size_t i = 0; i < n; i++)
            must_insert(d, &nodes[i]);
        size_t calls = 0, passed = 0;
        uint64_t cursor = 0;
        do {
            cursor = dict_scan(d, cursor, note_seen, &passed);
            calls++;
        } while (cursor != 0);
        assert_int_equal(calls, dict_buckets(d));
        assert_int_equal(passed, n);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(nodes[i].seen, 1);
        dict_free(d, NULL, NULL);
        free(nodes);
        quiesce();
    }
}

// Any number may come from a client as a cursor; scanning on from it ends.
static void test_dict_scan_takes_any_cursor(void **state)
{
    (void)state;
    struct node *nodes = make_nodes(1000);
    struct dict *d = dict_create(&type, DICT_SHARED, &seed);
    for (size_t i = 0; i < 1000; i++)
        must_insert(d, &nodes[i]);
    for (int round = 0; round < 200; round++) {
        uint64_t cursor = round == 0 ? UINT64_MAX : rng_next(&rng) >> rng_below(&rng, 64);
        size_t passed = 0, calls = 0;
        do {
            cursor = dict_scan(d, cursor, note_seen, &passed);
            assert_in_range(++calls, 1, dict_buckets(d));
        } while (cursor != 0);
    }
    dict_free(d, NULL, NULL);
    free(nodes);
}

// The table grows and shrinks by any amount between two calls; nodes that stay are passed once.
static void test_dict_scan_guarantee_across_resizing(void **state)
{
    (void)state;
    enum { STAY = 500, GUESTS = 30000 };
    struct node *nodes = make_nodes(STAY + GUESTS);
    for (int round = 0; round < SCANS; round++) {
        struct dict *d = dict_create(&type, modes[round % 2], &seed);
        size_t passed = 0, guests = round % 3 ? 0 : rng_below(&rng, GUESTS);
        for (size_t i = 0; i < STAY + guests; i++)
            must_insert(d, &nodes[i]);
        for (size_t i = 0; i < STAY; i++)
            nodes[i].seen = 0;
        uint64_t cursor = 0;
        do {
            cursor = dict_scan(d, cursor, note_seen, &passed);
            size_t target =
                rng_below(&rng, 8) ? guests : rng_below(&rng, GUESTS >> rng_below(&rng, 9));
            for (; guests < target; guests++)
                must_insert(d, &nodes[STAY + guests]);
            for (; guests > target; guests--)
                must_remove(d, &nodes[STAY + guests - 1]);
            quiesce();
        } while (cursor != 0);
        for (size_t i = 0; i < STAY; i++)
            if (nodes[i].seen != 1)
                fail_msg("round %d: node %zu was passed %zu times", round, i,
                         (size_t)nodes[i].seen);
        dict_free(d, NULL, NULL);
    }
    free(nodes);
}

// ---- random nodes ------------------------------------------------------------------------------
static double chi_square(struct dict *d, size_t n, size_t draws, struct node *nodes)
{
    for (size_t i = 0; i < n; i++)
        nodes[i].seen = 0;
    for (size_t i = 0; i < draws; i++) {
        struct node *node = dict_random(d, &rng);
        assert_non_null(node);
        node->seen++;
    }
    double chi2 = 0, expect = (double)draws / (double)n;
    for (size_t i = 0; i < n; i++)
        chi2 += (nodes[i].seen - expect) * (nodes[i].seen - expect) / expect;
    return chi2;
}

static void test_dict_random_is_uniform(void **state)
{
    (void)state;
    enum { MOST = 20000 };
    struct node *nodes = make_nodes(MOST);
    static const size_t sizes[] = {1, 2, 13, 100, 1000};
    for (int mode = 0; mode < 2; mode++)
        for (int k = 0; k < 5; k++)
            for (int shrunk = 0; shrunk < 2; shrunk++) {
                size_t n = sizes[k], df = n - 1;
                struct dict *d = dict_create(&type, modes[mode], &seed);
                assert_null(dict_random(d, &rng));
                for (size_t i = 0; i < (shrunk ? MOST : n); i++)
                    must_insert(d, &nodes[i]);
                for (size_t i = MOST; shrunk && i > n; i--)
                    must_remove(d, &nodes[i - 1]);
                // Mean df, deviation sqrt(2 df): ten-odd per mille beyond this by chance.
                double limit = (double)df + 4.0 * (df < 4 ? 4.0 : 1.5 * (double)df / 4.7 + 4.0);
                if (df >= 100)
                    limit = (double)df + 3.5 * (df == 999 ? 44.7 : 14.1);
                double chi2 = chi_square(d, n, n * 100, nodes);
                if (chi2 > limit)
                    fail_msg("%zu nodes: chi-square %f, limit %f", n, chi2, limit);
                dict_free(d, NULL, NULL);
                quiesce();
            }
    free(nodes);
}

// ---- memory that is not there ------------------------------------------------------------------
static void test_dict_create_without_memory(void **state)
{
    (void)state;
    for (int mode = 0; mode < 2; mode++)
        for (long n = 0;; n++) {
            mem_fail_after(n);
            struct dict *d = dict_create(&type, modes[mode], &seed);
            mem_fail_after(-1);
            if (d) {
                assert_int_equal(n, modes[mode] == DICT_SHARED ? 4 : 3);
                dict_free(d, NULL, NULL);
                break;
            }
        }
}

// One change in three meets an allocator that gives 0, 1 or 2 more blocks. Inserts may fail and
// then change nothing; removes never fail; nothing is lost.
static void test_dict_changes_without_memory(void **state)
{
    (void)state;
    enum { SOME = 5000 };
    struct node *nodes = make_nodes(SOME);
    static bool in[SOME];
    for (int mode = 0; mode < 2; mode++) {
        struct dict *d = dict_create(&type, modes[mode], &seed);
        size_t failures = 0, count = 0;
        memset(in, 0, sizeof in);
        for (int i = 0; i < 200000; i++) {
            size_t id = rng_below(&rng, SOME);
            bool grow = rng_below(&rng, 10) < (i / 50000 % 2 ? 2u : 8u);
            void *existing = &nodes[id];
            mem_fail_after(rng_below(&rng, 3) ? (long)rng_below(&rng, 3) : -1);
            if (grow) {
                enum status s = dict_insert(d, et, hash_of(d, &nodes[id]), &nodes[id], &existing);
                mem_fail_after(-1);
                if (s == STATUS_OK) {
                    assert_ptr_equal(existing, in[id] ? &nodes[id] : NULL);
                    count += !in[id];
                    in[id] = true;
                } else {
                    assert_int_equal(s, STATUS_NO_MEMORY);
                    assert_null(existing);
                    assert_false(in[id]);
                    failures++;
                }
            } else {
                bool removed = dict_remove(d, et, hash_of(d, &nodes[id]), &nodes[id]);
                mem_fail_after(-1);
                assert_int_equal(removed, in[id]);
                count -= removed;
                in[id] = false;
            }
            assert_int_equal(dict_count(d), count);
            if (i % 1000 == 0) {
                for (size_t k = 0; k < SOME; k++)
                    assert_ptr_equal(find(d, k), in[k] ? &nodes[k] : NULL);
                quiesce();
            }
        }
        assert_in_range(failures, 100, 100000); // the test did test something
        dict_free(d, NULL, NULL);
    }
    free(nodes);
}

// ---- freeing -----------------------------------------------------------------------------------
static void count_node(void *node, void *arg)
{
    ((struct node *)node)->seen++;
    ++*(size_t *)arg;
}

static void test_dict_free_in_steps(void **state)
{
    (void)state;
    enum { SOME = 10000 };
    struct node *nodes = make_nodes(SOME);
    struct dict *d = dict_create(&type, DICT_SHARED, &seed);
    for (size_t i = 0; i < SOME; i++)
        must_insert(d, &nodes[i]);
    size_t freed = 0, before = 0, steps = 0;
    while (dict_free_step(d, 100, count_node, &freed)) {
        assert_in_range(freed - before, 1, 130);
        before = freed;
        steps++;
    }
    assert_int_equal(freed, SOME);
    assert_in_range(steps, SOME / 130, SOME);
    for (size_t i = 0; i < SOME; i++)
        assert_int_equal(nodes[i].seen, 1);
    dict_free(NULL, NULL, NULL);
    free(nodes);
}

// Bounds of what texts take: never too low, at most twice too high, and no sum wraps around.
static void test_lengths_are_bounded(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 2, 255, 256, 257, 1 << 20, SIZE_MAX / 2, SIZE_MAX};
    struct dict *d = dict_create(&type, DICT_OWNED, &seed);

    assert_int_equal(dict_longest(d), 0);
    dict_note_length(d, 0);
    assert_int_equal(dict_bytes_most(d, 1000), 0);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        dict_note_length(d, lengths[i]);
        dict_note_length(d, 1);
        assert_true(dict_longest(d) >= lengths[i]);
        assert_true(dict_longest(d) / 2 < lengths[i]);
        assert_true(dict_bytes_most(d, 3) >= dict_longest(d));
    }
    assert_true(dict_bytes_most(d, 2) == SIZE_MAX);
    dict_free(d, NULL, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_lengths_are_bounded),
        TEST(test_dict_segments_hold_each_bucket_once),
        TEST(test_dict_index_splits_one_bucket_at_a_time),
        TEST(test_dict_matches_a_model),
        TEST(test_dict_keys_of_any_length),
        TEST(test_dict_grows_and_shrinks_back),
        TEST(test_dict_long_chains),
        TEST(test_dict_scan_passes_each_node_once),
        TEST(test_dict_scan_takes_any_cursor),
        TEST(test_dict_scan_guarantee_across_resizing),
        TEST(test_dict_random_is_uniform),
        TEST(test_dict_create_without_memory),
        TEST(test_dict_changes_without_memory),
        TEST(test_dict_free_in_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
