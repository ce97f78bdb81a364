// SPDX-License-Identifier: MIT
//
// Bits of byte strings against a model that looks at one bit at a time.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datatypes/bits.h"
#include "datatypes/mem.h"
#include "datatypes/rng.h"

static struct rng rng;

static bool model_bit(const char *data, uint64_t at)
{
    return (unsigned char)data[at / 8] & (0x80 >> at % 8);
}

// Fills the bytes, densely, thinly or all alike.
static void fill(char *data, size_t len)
{
    uint64_t kind = rng_below(&rng, 4);

    memset(data, kind == 0 ? 0 : 0xff, len);
    for (size_t i = 0; i < len; i++) {
        if (kind == 3 || rng_below(&rng, 50) == 0)
            data[i] = (char)rng_next(&rng);
    }
}

// A block of exactly that size, so that a read beyond it is seen by ASan.
static char *block(size_t len)
{
    char *data = malloc(len > 0 ? len : 1);
    assert_non_null(data);
    fill(data, len);
    return data;
}

static void test_count_and_find(void **state)
{
    (void)state;
    for (int round = 0; round < 3000; round++) {
        size_t len = rng_below(&rng, 120);
        char *data = block(len);
        uint64_t count = 0, first[2] = {len * 8, len * 8};

        for (uint64_t at = len * 8; at-- > 0;) {
            bool bit = model_bit(data, at);
            count += bit;
            first[bit] = at;
        }
        assert_int_equal(bits_count(data, len), count);
        assert_int_equal(bits_find(data, len, false), first[0]);
        assert_int_equal(bits_find(data, len, true), first[1]);
        free(data);
    }
}

static void test_combine(void **state)
{
    (void)state;
    for (int round = 0; round < 2000; round++) {
        size_t len = rng_below(&rng, 100);
        char *to = block(len), *from = block(len), *before = malloc(len + 1);
        enum bits_op op = (enum bits_op)rng_below(&rng, 4);

        assert_non_null(before);
        memcpy(before, to, len);
        bits_combine(op, to, from, len);
        for (uint64_t at = 0; at < len * 8; at++) {
            bool a = model_bit(before, at), b = model_bit(from, at);
            bool want = op == BITS_AND   ? a && b
                        : op == BITS_OR  ? a || b
                        : op == BITS_XOR ? a != b
                                         : !b;
            assert_int_equal(model_bit(to, at), want);
        }
        free(to);
        free(from);
        free(before);
    }
}

static struct bits_type random_type(void)
{
    struct bits_type type = {.is_signed = rng_below(&rng, 2)};
    type.width = 1 + (unsigned)rng_below(&rng, type.is_signed ? 64 : 63);
    return type;
}

static uint64_t model_get(const char *data, size_t len, uint64_t at, struct bits_type type)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < type.width; i++) {
        bool bit = (at + i) / 8 < len && model_bit(data, at + i);
        if (i == 0 && bit && type.is_signed)
            n = ~UINT64_C(0);
        n = n << 1 | bit;
    }
    return n;
}

static void test_get_and_put(void **state)
{
    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct bits_type type = random_type();
        size_t len = 9 + rng_below(&rng, 12);
        char *data = block(len), before[32];
        uint64_t at = rng_below(&rng, len * 8 - type.width + 1), value = rng_next(&rng);

        assert_int_equal(bits_get(data, len, at, type), model_get(data, len, at, type));
        uint64_t beyond = at + rng_below(&rng, 100);
        assert_int_equal(bits_get(data, len, beyond, type), model_get(data, len, beyond, type));

        memcpy(before, data, len);
        bits_put(data, at, type, value);
        for (uint64_t i = 0; i < len * 8; i++) {
            bool inside = i >= at && i < at + type.width;
            bool want = inside ? value >> (type.width - 1 - (i - at)) & 1 : model_bit(before, i);
            assert_int_equal(model_bit(data, i), want);
        }
        free(data);
    }
}

// A number close to the type's limits, or anything.
static int64_t telling_number(struct bits_type type)
{
    uint64_t edge = UINT64_C(1) << (type.width - 1), spread = rng_below(&rng, 5);

    switch (rng_below(&rng, 5)) {
    case 0:
        return (int64_t)(edge - 2 + spread);
    case 1:
        return (int64_t)(-edge - 2 + spread);
    case 2:
        return (int64_t)(2 * edge - 2 + spread);
    case 3:
        return (int64_t)spread - 2;
    default:
        return (int64_t)rng_next(&rng);
    }
}

static void test_add_within_the_type(void **state)
{
    (void)state;
    for (int round = 0; round < 200000; round++) {
        struct bits_type type = random_type();
        __int128 max = ((__int128)1 << (type.is_signed ? type.width - 1 : type.width)) - 1;
        __int128 min = type.is_signed ? -max - 1 : 0;
        __int128 range = (__int128)1 << type.width;
        __int128 value = (__int128)telling_number(type) % (max + 1);
        int64_t by = telling_number(type);
        uint64_t got = 12345;

        if (value < min)
            value = -value;
        __int128 sum = value + by, wrapped = ((sum - min) % range + range) % range + min;
        bool overflows = sum < min || sum > max;

        assert_int_equal(bits_add(type, (uint64_t)value, by, BITS_WRAP, &got), overflows);
        assert_int_equal(got, (uint64_t)wrapped);
        assert_int_equal(bits_add(type, (uint64_t)value, by, BITS_SATURATE, &got), overflows);
        assert_int_equal(got, (uint64_t)(sum > max ? max : sum < min ? min : sum));
        got = 12345;
        assert_int_equal(bits_add(type, (uint64_t)value, by, BITS_FAIL, &got), overflows);
        assert_int_equal(got, overflows ? 12345 : (uint64_t)sum);
    }
}

// SET gives numbers that the type cannot hold.
static void test_add_nothing_to_what_does_not_fit(void **state)
{
    const struct bits_type i8 = {true, 8}, u8 = {false, 8};
    static const struct {
        int64_t value;
        bool is_signed;
        int64_t wrapped, saturated;
    } rows[] = {
        {128, true, -128, 127},
        {-129, true, 127, -128},
        {1000, true, -24, 127},
        {256, false, 0, 255},
        {-1, false, 255, 255},
        {INT64_MAX, true, -1, 127},
        {INT64_MIN, false, 0, 255},
        {INT64_MIN, true, 0, 127}, // so does Redis: see bits.c
        {INT64_MIN + 127, true, 127, 127},
        {INT64_MIN + 128, true, -128, -128},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bits_type type = rows[i].is_signed ? i8 : u8;
        uint64_t got;
        assert_true(bits_add(type, (uint64_t)rows[i].value, 0, BITS_WRAP, &got));
        assert_int_equal((int64_t)got, rows[i].wrapped);
        assert_true(bits_add(type, (uint64_t)rows[i].value, 0, BITS_SATURATE, &got));
        assert_int_equal((int64_t)got, rows[i].saturated);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_count_and_find),
        cmocka_unit_test(test_combine),
        cmocka_unit_test(test_get_and_put),
        cmocka_unit_test(test_add_within_the_type),
        cmocka_unit_test(test_add_nothing_to_what_does_not_fit),
    };
    rng_seed(&rng, 7);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
