// SPDX-License-Identifier: MIT
//
// HyperLogLogs: against an array of registers, at the change from sparse to dense, the error of the
// estimate, strings that redis-server 7.0.15 made, and strings that make no sense.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datatypes/hll.h"
#include "datatypes/rng.h"

enum { SPARSE_MAX = 3000, ROOM = SPARSE_MAX + 16 };

static struct rng rng;

static struct hll_place random_place(void)
{
    uint64_t element = rng_next(&rng);
    return hll_place((const char *)&element, sizeof element);
}

static unsigned sparse_get(const char *data, size_t len, unsigned reg)
{
    struct hll_spot spot;
    assert_true(hll_sparse_find(data, len, reg, &spot));
    return spot.rank;
}

static void test_place(void **state)
{
    (void)state;
    // From the strings that redis-server makes of them.
    static const struct {
        const char *element;
        unsigned reg, rank;
    } rows[] = {
        {"", 5938, 2},          {"a", 12711, 2},
        {"seven77", 12955, 1},  {"eight888", 1834, 2},
        {"nine-nine", 8059, 3}, {"the longest of these elements, to have many words", 991, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct hll_place place = hll_place(rows[i].element, strlen(rows[i].element));
        assert_int_equal(place.reg, rows[i].reg);
        assert_int_equal(place.rank, rows[i].rank);
    }
    for (int i = 0; i < 10000; i++) {
        struct hll_place place = random_place();
        assert_in_range(place.reg, 0, HLL_REGISTERS - 1);
        assert_in_range(place.rank, 1, 51);
    }
}

static void test_dense_registers(void **state)
{
    char *dense = calloc(1, HLL_DENSE_BYTES);
    uint8_t model[HLL_REGISTERS] = {0}, merged[HLL_REGISTERS] = {0};

    (void)state;
    assert_non_null(dense);
    for (int i = 0; i < 100000; i++) {
        unsigned reg = (unsigned)rng_below(&rng, HLL_REGISTERS);
        if (i % 1000 == 0)
            reg = HLL_REGISTERS - 1;
        model[reg] = (uint8_t)rng_below(&rng, 64);
        hll_dense_put(dense, reg, model[reg]);
        assert_int_equal(hll_dense_get(dense, reg), model[reg]);
    }
    for (unsigned reg = 0; reg < HLL_REGISTERS; reg++)
        assert_int_equal(hll_dense_get(dense, reg), model[reg]);
    assert_true(hll_merge(merged, dense, HLL_DENSE_BYTES));
    assert_memory_equal(merged, model, sizeof model);
    free(dense);
}

// Every run is as it should be, and they add up.
static void check_sparse(const char *data, size_t len, const uint8_t model[HLL_REGISTERS])
{
    unsigned reg = 0;
    struct hll_run run;

    for (size_t at = HLL_HEADER_BYTES; at < len; at += run.nbytes) {
        run = hll_sparse_run(data, len, at);
        assert_in_range(run.nregs, 1, HLL_REGISTERS - reg);
        for (unsigned i = 0; i < run.nregs; i++, reg++)
            assert_int_equal(model[reg], run.rank);
    }
    assert_int_equal(reg, HLL_REGISTERS);
}

static void test_sparse_against_registers(void **state)
{
    char *sparse = malloc(ROOM), *dense = malloc(HLL_DENSE_BYTES);

    (void)state;
    assert_non_null(sparse);
    assert_non_null(dense);
    for (int round = 0; round < 20; round++) {
        uint8_t model[HLL_REGISTERS] = {0}, merged[HLL_REGISTERS] = {0};
        size_t len = HLL_EMPTY_BYTES;
        int changes = 0;

        hll_sparse_init(sparse);
        for (;; changes++) {
            struct hll_place place = random_place();
            struct hll_spot spot;
            size_t before = len;
            if (round % 2) // close together, so that runs are joined
                place = (struct hll_place){place.reg % 1200, 1 + place.rank % 3};
            assert_true(hll_sparse_find(sparse, len, place.reg, &spot));
            assert_int_equal(spot.rank, model[place.reg]);
            if (spot.rank >= place.rank) {
                if (changes > 3000)
                    break;
                continue;
            }
            if (!hll_sparse_raise(sparse, &len, &spot, place, SPARSE_MAX)) {
                assert_int_equal(len, before);
                break;
            }
            assert_true(len <= before + HLL_SPARSE_GROWTH && len <= SPARSE_MAX);
            model[place.reg] = (uint8_t)place.rank;
            if (changes % 50 == 0)
                check_sparse(sparse, len, model);
        }
        assert_true(changes > 500);
        check_sparse(sparse, len, model);
        assert_true(hll_valid(sparse, len));
        assert_true(hll_merge(merged, sparse, len));
        assert_memory_equal(merged, model, sizeof model);

        uint64_t counts[3];
        assert_true(hll_sparse_to_dense(sparse, len, dense));
        assert_true(hll_valid(dense, HLL_DENSE_BYTES) && hll_is_dense(dense));
        for (unsigned reg = 0; reg < HLL_REGISTERS; reg++)
            assert_int_equal(hll_dense_get(dense, reg), model[reg]);
        assert_true(hll_count(sparse, len, &counts[0]));
        assert_true(hll_count(dense, HLL_DENSE_BYTES, &counts[1]));
        counts[2] = hll_count_registers(model);
        assert_int_equal(counts[0], counts[1]);
        assert_int_equal(counts[0], counts[2]);
    }
    free(sparse);
    free(dense);
}

static void test_runs_are_joined(void **state)
{
    char sparse[64];
    size_t len = HLL_EMPTY_BYTES;
    struct hll_spot spot;

    (void)state;
    hll_sparse_init(sparse);
    for (unsigned reg = 100; reg < 108; reg++) {
        assert_true(hll_sparse_find(sparse, len, reg, &spot));
        assert_true(hll_sparse_raise(sparse, &len, &spot, (struct hll_place){reg, 5}, 64));
    }
    // 100 zeros, twice four registers in one byte each, the rest zeros.
    assert_int_equal(len, HLL_HEADER_BYTES + 2 + 2 + 2);
    assert_int_equal(sparse_get(sparse, len, 107), 5);
    assert_int_equal(sparse_get(sparse, len, 108), 0);
    // The second register of a run of four: three runs, nothing to join.
    assert_true(hll_sparse_find(sparse, len, 101, &spot));
    assert_true(hll_sparse_raise(sparse, &len, &spot, (struct hll_place){101, 32}, 64));
    assert_int_equal(len, HLL_HEADER_BYTES + 2 + 4 + 2);
    assert_int_equal(sparse_get(sparse, len, 100), 5);
    assert_int_equal(sparse_get(sparse, len, 101), 32);
    assert_int_equal(sparse_get(sparse, len, 102), 5);
}

static void test_cache(void **state)
{
    char sparse[HLL_EMPTY_BYTES];
    uint64_t count = 1;

    (void)state;
    hll_sparse_init(sparse);
    assert_true(hll_cached(sparse, &count));
    assert_int_equal(count, 0);
    hll_cache(sparse, 0x123456789abc);
    assert_true(hll_cached(sparse, &count));
    assert_int_equal(count, 0x123456789abc);
    assert_memory_equal(sparse + 8, "\xbc\x9a\x78\x56\x34\x12\x00\x00", 8);
    hll_uncache(sparse);
    assert_false(hll_cached(sparse, &count));
    assert_memory_equal(sparse + 8, "\xbc\x9a\x78\x56\x34\x12\x00\x80", 8);
}

static void test_error_of_the_estimate(void **state)
{
    const double sigma = 1.04 / sqrt(HLL_REGISTERS);
    double squares = 0;
    int n = 0;

    (void)state;
    for (int round = 0; round < 10; round++) {
        uint8_t registers[HLL_REGISTERS] = {0};
        int64_t next = 10;
        for (int64_t i = 1; i <= 300000; i++) {
            struct hll_place place = random_place();
            if (registers[place.reg] < place.rank)
                registers[place.reg] = (uint8_t)place.rank;
            if (i != next)
                continue;
            double error = (double)hll_count_registers(registers) / (double)i - 1;
            if (fabs(error) > 5 * sigma && fabs(error) * (double)i > 1.5)
                fail_msg("%lld of them are off by %.4f", (long long)i, error);
            if (i >= 1000) {
                squares += error * error;
                n++;
            }
            next = next * 3 / 2;
        }
    }
    assert_true(sqrt(squares / n) < 1.3 * sigma);
    assert_true(sqrt(squares / n) > 0.3 * sigma); // or these are not estimates at all
}

// Some counts by redis-server 7.0.15 of elements e0, e1, ...
static void test_counts_of_redis(void **state)
{
    static const struct {
        int n;
        uint64_t count;
    } rows[] = {
        {1, 1},       {2, 2},        {3, 3},         {10, 10},         {100, 100},
        {1000, 1008}, {10000, 9973}, {30000, 29797}, {100000, 100853}, {300000, 303182},
    };
    uint8_t registers[HLL_REGISTERS] = {0};
    int i = 0;

    (void)state;
    assert_int_equal(hll_count_registers(registers), 0);
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        for (; i < rows[r].n; i++) {
            char text[16];
            struct hll_place place = hll_place(text, (size_t)snprintf(text, sizeof text, "e%d", i));
            if (registers[place.reg] < place.rank)
                registers[place.reg] = (uint8_t)place.rank;
        }
        assert_int_equal(hll_count_registers(registers), rows[r].count);
    }
}

static void test_validity(void **state)
{
    char *dense = calloc(1, HLL_DENSE_BYTES + 1);

    (void)state;
    assert_non_null(dense);
    memcpy(dense, "HYLL", 4);
    assert_true(hll_valid(dense, HLL_DENSE_BYTES));
    assert_false(hll_valid(dense, HLL_DENSE_BYTES - 1));
    assert_false(hll_valid(dense, HLL_DENSE_BYTES + 1));
    dense[4] = 1;
    assert_true(hll_valid(dense, HLL_HEADER_BYTES));
    assert_false(hll_valid(dense, HLL_HEADER_BYTES - 1));
    dense[4] = 2;
    assert_false(hll_valid(dense, HLL_DENSE_BYTES));
    dense[4] = (char)0xff;
    assert_false(hll_valid(dense, HLL_DENSE_BYTES));
    dense[4] = 0;
    dense[0] = 'h';
    assert_false(hll_valid(dense, HLL_DENSE_BYTES));
    free(dense);
}

// Registers that no element can cause make no sensible count, and no undefined one.
static void test_impossible_registers(void **state)
{
    uint8_t registers[HLL_REGISTERS];

    (void)state;
    memset(registers, 63, sizeof registers);
    assert_int_equal(hll_count_registers(registers), UINT64_C(1) << 63);
    memset(registers, 51, sizeof registers);
    assert_int_equal(hll_count_registers(registers), UINT64_C(1) << 63);
}

// Random bytes behind a good header, in a block of exactly that size: ASan sees a read outside.
static void test_hostile_strings(void **state)
{
    char *dense = malloc(HLL_DENSE_BYTES);

    (void)state;
    assert_non_null(dense);
    for (int round = 0; round < 20000; round++) {
        size_t len = HLL_HEADER_BYTES + rng_below(&rng, 60), room = len + HLL_SPARSE_GROWTH;
        char *exact = malloc(len), *roomy = malloc(room);
        uint8_t registers[HLL_REGISTERS] = {0};
        uint64_t count, nregs = 0;
        struct hll_run run;
        struct hll_spot spot;

        assert_non_null(exact);
        assert_non_null(roomy);
        memset(exact, 0, HLL_HEADER_BYTES);
        memcpy(exact, "HYLL\1", 5);
        for (size_t i = HLL_HEADER_BYTES; i < len; i++)
            exact[i] = (char)rng_next(&rng);
        if (round % 2 && len >= HLL_HEADER_BYTES + 2) // right but for what is behind it
            memcpy(exact + HLL_HEADER_BYTES, "\x7f\xff", 2);
        for (size_t at = HLL_HEADER_BYTES; at < len; at += run.nbytes) {
            run = hll_sparse_run(exact, len, at);
            nregs += run.nregs;
        }
        bool adds_up = nregs == HLL_REGISTERS;
        assert_int_equal(hll_count(exact, len, &count), adds_up);
        assert_int_equal(hll_merge(registers, exact, len), adds_up);
        assert_int_equal(hll_sparse_to_dense(exact, len, dense), adds_up);

        struct hll_place place = {(unsigned)rng_below(&rng, HLL_REGISTERS), 32};
        if (round % 3 == 0)
            place.reg = HLL_REGISTERS - 1;
        memcpy(roomy, exact, len);
        if (hll_sparse_find(exact, len, place.reg, &spot) && spot.rank < 32 &&
            hll_sparse_raise(roomy, &len, &spot, place, room)) {
            assert_true(len <= room);
            assert_int_equal(sparse_get(roomy, len, place.reg), 32);
        }
        free(exact);
        free(roomy);
    }
    free(dense);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_place),
        cmocka_unit_test(test_dense_registers),
        cmocka_unit_test(test_sparse_against_registers),
        cmocka_unit_test(test_runs_are_joined),
        cmocka_unit_test(test_cache),
        cmocka_unit_test(test_error_of_the_estimate),
        cmocka_unit_test(test_counts_of_redis),
        cmocka_unit_test(test_validity),
        cmocka_unit_test(test_impossible_registers),
        cmocka_unit_test(test_hostile_strings),
    };
    rng_seed(&rng, 3);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
