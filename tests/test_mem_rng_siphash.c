// SPDX-License-Identifier: MIT
// The memory layer, the random generator and the keyed hash.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "datatypes/siphash.h"
#include "datatypes/mem.h"
#include "datatypes/rng.h"

static void test_mem_blocks_are_aligned_and_writable(void **state)
{
    (void)state;
    for (size_t n = 0; n < 5000; n = n * 2 + 1) {
        unsigned char *p = mem_alloc(n);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % (n >= 16 ? 16 : 8), 0);
        assert_true(mem_usable(p) >= n);
        assert_true(mem_good_size(n) >= n);
        memset(p, 0x5a, n);
        unsigned char *q = mem_realloc(p, n + 100);
        assert_non_null(q);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(q[i], 0x5a);
        mem_free(q);
    }
    mem_free(NULL);
    assert_int_equal(mem_usable(NULL), 0);
}

static void test_mem_zeroed_blocks_are_zero(void **state)
{
    (void)state;
    for (size_t n = 1; n < 300000; n = n * 3) {
        unsigned char *p = mem_alloc(n), *zero, *line;
        assert_non_null(p);
        memset(p, 0xff, n);
        mem_free(p); // so that the next one is likely to be used memory
        zero = mem_zalloc(n);
        line = mem_zalloc_aligned(64, n);
        assert_non_null(zero);
        assert_non_null(line);
        assert_int_equal((uintptr_t)line % 64, 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(zero[i] | line[i], 0);
        mem_free(zero);
        mem_free(line);
    }
}

static void test_mem_counts_bytes(void **state)
{
    (void)state;
    size_t before = mem_used(), nbytes = (size_t)64 << 20;
    char *p = mem_alloc(nbytes);
    assert_non_null(p);
    assert_true(mem_used() >= before + nbytes);
    memset(p, 1, nbytes);
    assert_true(mem_resident() >= nbytes);
    mem_free(p);
    assert_true(mem_used() < before + nbytes);
    assert_true(strlen(mem_allocator()) > 0);
}

static void test_mem_fails_on_request(void **state)
{
    (void)state;
    mem_fail_after(2);
    void *a = mem_alloc(8), *b = mem_zalloc(8);
    assert_non_null(a);
    assert_non_null(b);
    assert_null(mem_alloc(8));
    assert_null(mem_zalloc(8));
    assert_null(mem_zalloc_aligned(64, 64));
    assert_null(mem_realloc(a, 1000)); // and the old block stays
    mem_fail_after(-1);
    assert_non_null(a = mem_realloc(a, 1000));
    mem_free(a);
    mem_free(b);
}

static void test_rng_repeats_from_a_seed(void **state)
{
    (void)state;
    struct rng a, b, c;
    rng_seed(&a, 42);
    rng_seed(&b, 42);
    rng_seed(&c, 43);
    int same = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t x = rng_next(&a);
        assert_int_equal(x, rng_next(&b));
        same += x == rng_next(&c);
    }
    assert_int_equal(same, 0);
    rng_seed_random(&a);
    rng_seed_random(&b);
    assert_int_not_equal(rng_next(&a), rng_next(&b));
}

// The first outputs for the state 1, 2, 3, 4, worked out by hand from the published recurrence.
static void test_rng_is_xoshiro256starstar(void **state)
{
    (void)state;
    struct rng r = {{1, 2, 3, 4}};
    assert_int_equal(rng_next(&r), 11520);
    assert_int_equal(rng_next(&r), 0);
    assert_int_equal(rng_next(&r), 1509978240);
}

static void test_rng_below_is_uniform(void **state)
{
    (void)state;
    enum { CELLS = 10, DRAWS = 100000 };
    struct rng r;
    unsigned seen[CELLS] = {0};
    rng_seed(&r, 7);
    for (int i = 0; i < DRAWS; i++) {
        uint64_t x = rng_below(&r, CELLS);
        assert_in_range(x, 0, CELLS - 1);
        seen[x]++;
    }
    double chi2 = 0, expect = (double)DRAWS / CELLS;
    for (int i = 0; i < CELLS; i++)
        chi2 += (seen[i] - expect) * (seen[i] - expect) / expect;
    assert_true(chi2 < 27.9); // 9 degrees of freedom, p = 0.001
    // A bound where a plain modulus would favour the lower third.
    uint64_t big = UINT64_MAX / 4 * 3;
    unsigned low = 0;
    for (int i = 0; i < DRAWS; i++)
        low += rng_below(&r, big) < big / 3;
    assert_in_range(low, DRAWS / 3 - 700, DRAWS / 3 + 700);
    assert_int_equal(rng_below(&r, 1), 0);
}

// Reference values: the hash of CPython 3.11, which is SipHash-1-3, with PYTHONHASHSEED 0 (a zero
// key) and 7 (the key below). Message of n bytes: 0, 1, 2, ...
static void test_siphash_is_siphash_1_3(void **state)
{
    (void)state;
    static const size_t size[] = {1, 7, 8, 9, 15, 16, 31, 100};
    static const uint64_t key0[] = {0x68a914128e01e473, 0x2f098ab0c751325a, 0xead411e67ebe2eea,
                                    0x75927f9d95124362, 0xf30eb725bb91c9ea, 0x8972188433a5c5b7,
                                    0x169739443111d49b, 0x1c6a66e1506e7908};
    static const uint64_t key7[] = {0x7e255bf0210f9775, 0x987cfd95990dd34b, 0x8450991e34fe08de,
                                    0xa0a0a12bd6c44f35, 0x1517e7dc54a43f5b, 0x642bba6a6c24ebf5,
                                    0xadf091e03303fd2d, 0x3b5b8bb533e125e3};
    struct siphash_seed zero = {0, 0}, seven = {0x12c874a1806f0e3d, 0x470a89d2f9d2784f};
    unsigned char text[100];
    for (int i = 0; i < 100; i++)
        text[i] = (unsigned char)i;
    for (int i = 0; i < 8; i++) {
        assert_int_equal(siphash_bytes(&zero, text, size[i]), key0[i]);
        assert_int_equal(siphash_bytes(&seven, text, size[i]), key7[i]);
    }
}

static void test_siphash_seeds_differ(void **state)
{
    (void)state;
    struct siphash_seed a, b;
    siphash_seed_random(&a);
    siphash_seed_random(&b);
    assert_int_not_equal(a.k0, b.k0);
    assert_int_not_equal(siphash_bytes(&a, "key", 3), siphash_bytes(&b, "key", 3));
    assert_int_not_equal(siphash_bytes(&a, "", 0), siphash_bytes(&b, "", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mem_blocks_are_aligned_and_writable),
        cmocka_unit_test(test_mem_zeroed_blocks_are_zero),
        cmocka_unit_test(test_mem_counts_bytes),
        cmocka_unit_test(test_mem_fails_on_request),
        cmocka_unit_test(test_rng_repeats_from_a_seed),
        cmocka_unit_test(test_rng_is_xoshiro256starstar),
        cmocka_unit_test(test_rng_below_is_uniform),
        cmocka_unit_test(test_siphash_is_siphash_1_3),
        cmocka_unit_test(test_siphash_seeds_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
