// SPDX-License-Identifier: MIT
//
// Sets: that chance is fair in every encoding (seeded, so the results repeat), that a walk passes
// each member once however full a bucket is, and what SSCAN promises while the set changes.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datatypes/set.h"
#include "datatypes/set_internal.h"
#include "datatypes/str.h"
#include "tests/lib/chance.h"
#include "tests/lib/type_fixture.h"

static struct type_fixture fixture;
#define CTX (&fixture.ctx)

static int open_fixture(void **state)
{
    (void)state;
    type_fixture_open(&fixture, 14);
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    type_fixture_close(&fixture);
    return 0;
}

// Members are the decimal numbers below n, so that tests can count by them.
static struct value numbers(size_t n, enum set_body_kind kind)
{
    struct type_limits *limits = &fixture.limits;
    size_t intset = kind == SET_BODY_INTSET ? n : 0, packed = kind == SET_BODY_PACKED ? n : 0;
    atomic_store_explicit(&limits->set_max_intset_entries, intset, memory_order_relaxed);
    atomic_store_explicit(&limits->set_max_packed_entries, packed, memory_order_relaxed);
    struct value v;
    assert_int_equal(set_new(CTX, NULL, 0, 0, &v), STATUS_OK);
    for (size_t i = 0; i < n; i++) {
        char text[STR_I64_MAX];
        bool added;
        assert_int_equal(set_add(CTX, v, text, str_format_i64((int64_t)i, text), &added),
                         STATUS_OK);
    }
    assert_int_equal(set_body_kind(set_body(value_pointer(v))), kind);
    return v;
}

static size_t number_of(const struct set_member *member)
{
    int64_t n = -1;
    assert_true(str_parse_i64(member->data, member->len, &n));
    return (size_t)n;
}

static void test_set_random_is_uniform(void **state)
{
    (void)state;
    enum { N = 100, DRAWS = 100000 };
    for (int kind = SET_BODY_INTSET; kind <= SET_BODY_DICT; kind++) {
        struct value v = numbers(N, (enum set_body_kind)kind);
        unsigned frequency[N] = {0};
        for (int i = 0; i < DRAWS; i++) {
            struct set_member member;
            set_random(CTX, v, &member);
            frequency[number_of(&member)]++;
        }
        assert_uniform(frequency, N, "random");
        set_free(v);
    }
}

static void mark(const struct set_member *member, void *arg)
{
    unsigned *mask = arg;
    assert_int_equal(*mask >> number_of(member) & 1, 0);
    *mask |= 1U << number_of(member);
}

// Every choice of k of N members must be equally likely, not just every member.
static void test_set_choices_are_uniform(void **state)
{
    (void)state;
    enum { N = 6, TRIALS = 8000 };
    for (int popping = 0; popping < 2; popping++) {
        for (int kind = SET_BODY_INTSET; kind <= SET_BODY_DICT; kind++) {
            for (size_t k = 1; k < N; k++) {
                struct value v = numbers(N, (enum set_body_kind)kind);
                unsigned frequency[1 << N] = {0}, choices[1 << N], cells = 0;
                for (int i = 0; i < TRIALS; i++) {
                    unsigned mask = 0;
                    if (popping) {
                        struct value copy;
                        assert_int_equal(set_copy(CTX, v, &copy), STATUS_OK);
                        assert_int_equal(set_pop(CTX, copy, k, mark, &mask), STATUS_OK);
                        assert_int_equal(set_count(copy), N - k);
                        set_free(copy);
                    } else {
                        assert_int_equal(set_sample(CTX, v, k, mark, &mask), STATUS_OK);
                    }
                    assert_int_equal(__builtin_popcount(mask), k);
                    frequency[mask]++;
                    if (i % 1000 == 0)
                        type_fixture_drain(&fixture);
                }
                for (unsigned mask = 0; mask < 1U << N; mask++)
                    if (__builtin_popcount(mask) == (int)k)
                        choices[cells++] = frequency[mask];
                assert_uniform(choices, cells, popping ? "pop" : "sample");
                set_free(v);
            }
        }
    }
}

static void count_seen(const struct set_member *member, void *arg)
{
    unsigned char *seen = arg;
    seen[number_of(member)]++;
}

static void test_set_sample_and_pop_of_a_large_set(void **state)
{
    (void)state;
    enum { N = 20000 };
    static const size_t picks[] = {0, 1, 1000, N / 3, N / 3 + 1, N / 2, N - N / 5, N - 1, N, N + 5};
    static unsigned char seen[N];
    for (int kind = SET_BODY_INTSET; kind <= SET_BODY_DICT; kind += 2) {
        struct value v = numbers(N, (enum set_body_kind)kind);
        for (size_t i = 0; i < sizeof picks / sizeof *picks; i++) {
            size_t n = picks[i] < N ? picks[i] : N, sampled = 0, popped = 0;
            memset(seen, 0, sizeof seen);
            assert_int_equal(set_sample(CTX, v, picks[i], count_seen, seen), STATUS_OK);
            for (size_t j = 0; j < N; j++) {
                assert_in_range(seen[j], 0, 1);
                sampled += seen[j];
            }
            assert_int_equal(sampled, n);

            struct value copy;
            struct set_iter iter;
            assert_int_equal(set_copy(CTX, v, &copy), STATUS_OK);
            memset(seen, 0, sizeof seen);
            assert_int_equal(set_pop(CTX, copy, picks[i], count_seen, seen), STATUS_OK);
            assert_int_equal(set_count(copy), N - n);
            for (size_t j = 0; j < N; j++)
                popped += seen[j];
            assert_int_equal(popped, n);
            set_iter_init(&iter, copy);
            while (set_iter_next(&iter)) // what stays was not popped
                count_seen(&iter.member, seen);
            for (size_t j = 0; j < N; j++)
                assert_int_equal(seen[j], 1);
            set_retire(CTX, copy);
            type_fixture_drain(&fixture);
        }
        set_free(v);
    }
}

static void test_set_walk_passes_full_buckets(void **state)
{
    (void)state;
    enum { N = 100000 }; // among so many buckets some hold more nodes than an iterator
    static unsigned char seen[N];
    memset(seen, 0, sizeof seen);
    struct value v = numbers(N, SET_BODY_DICT);
    struct set_iter iter;
    set_iter_init(&iter, v);
    while (set_iter_next(&iter))
        count_seen(&iter.member, seen);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(seen[i], 1);
    set_free(v);
}

// Members that stay are returned although others come and go, the table grows and shrinks, and SPOP
// replaces it.
static void test_set_scan_returns_what_stays(void **state)
{
    (void)state;
    enum { N = 3000, STAY = 300 };
    for (int round = 0; round < 20; round++) {
        static unsigned char seen[N], popped[N];
        struct value v = numbers(STAY, SET_BODY_DICT);
        uint64_t cursor = 0;
        bool growing = round % 2;
        memset(seen, 0, sizeof seen);
        memset(popped, 0, sizeof popped);
        do {
            cursor = set_scan(v, cursor, count_seen, seen);
            for (int i = 0; i < 40; i++) {
                char text[STR_I64_MAX];
                size_t n = STAY + rng_below(&fixture.rng, N - STAY);
                size_t len = str_format_i64((int64_t)n, text);
                bool changed;
                if (growing)
                    assert_int_equal(set_add(CTX, v, text, len, &changed), STATUS_OK);
                else
                    assert_int_equal(set_remove(CTX, v, text, len, &changed), STATUS_OK);
            }
            if (rng_below(&fixture.rng, 30) == 0)
                growing = !growing;
            if (round % 3 == 2 && rng_below(&fixture.rng, 60) == 0)
                assert_int_equal(
                    set_pop(CTX, v, set_count(v) - set_count(v) / 6, count_seen, popped),
                    STATUS_OK);
            type_fixture_drain(&fixture);
        } while (cursor != 0 && set_count(v) > 0);
        for (size_t i = 0; i < STAY && cursor == 0; i++)
            if (!popped[i])
                assert_in_range(seen[i], 1, 100);
        set_free(v);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        TEST(test_set_random_is_uniform),
        TEST(test_set_choices_are_uniform),
        TEST(test_set_sample_and_pop_of_a_large_set),
        TEST(test_set_walk_passes_full_buckets),
        TEST(test_set_scan_returns_what_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
