// SPDX-License-Identifier: MIT
//
// Byte strings, integers and floating point numbers as text.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "resp/bytes.h"
#include "resp/digits.h"
#include "resp/double.h"

static void test_bytes_compare(void **state)
{
    (void)state;
    assert_true(bytes_equal(BYTES("a\0b"), BYTES("a\0b")));
    assert_false(bytes_equal(BYTES("a\0b"), BYTES("a\0c")));
    assert_false(bytes_equal(BYTES("a"), BYTES("ab")));
    assert_true(bytes_equal(BYTES(""), (struct bytes){NULL, 0}));
    assert_true(bytes_compare(BYTES("a"), BYTES("ab")) < 0);
    assert_true(bytes_compare(BYTES("b"), BYTES("ab")) > 0);
    assert_true(bytes_compare(BYTES("a\xff"), BYTES("a\x01")) > 0);
    assert_int_equal(bytes_compare(BYTES("ab"), bytes_of("ab")), 0);
    assert_int_equal(bytes_compare(BYTES(""), (struct bytes){NULL, 0}), 0);
}

static void test_bytes_equal_nocase(void **state)
{
    (void)state;
    assert_true(bytes_equal_nocase(BYTES("GeT"), "get"));
    assert_true(bytes_equal_nocase(BYTES("get"), "get"));
    assert_false(bytes_equal_nocase(BYTES("gets"), "get"));
    assert_false(bytes_equal_nocase(BYTES("ge"), "get"));
    assert_true(bytes_equal_nocase(BYTES(""), ""));
    // '[' and '{' differ in the bit that tells the cases of letters apart.
    assert_false(bytes_equal_nocase(BYTES("["), "{"));
    assert_false(bytes_equal_nocase(BYTES("get\0"), "get"));
}

static void test_bytes_to_i64(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {
        {"0", 0},
        {"7", 7},
        {"-1", -1},
        {"10", 10},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
        {"-9223372036854775807", -INT64_MAX},
    };
    static const char *const bad[] = {
        "",
        "-",
        "+1",
        "-0",
        "00",
        "01",
        "-01",
        " 1",
        "1 ",
        "1.0",
        "1e3",
        "0x1",
        "a",
        "1a",
        "--1",
        "9223372036854775808",
        "1\n",
        "-9223372036854775809",
        "18446744073709551616",
        "99999999999999999999",
        "184467440737095516160",
    };
    int64_t value;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
        value = 42;
        assert_true(bytes_to_i64(bytes_of(good[i].text), &value));
        assert_int_equal(value, good[i].value);
    }
    for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        value = 42;
        if (bytes_to_i64(bytes_of(bad[i]), &value)) {
            fail_msg("\"%s\" was read as %" PRId64, bad[i], value);
        }
        assert_int_equal(value, 42);
    }
    assert_false(bytes_to_i64(BYTES("1\0"), &value));
    assert_false(bytes_to_i64((struct bytes){NULL, 0}, &value));
}

static void test_bytes_to_u64(void **state)
{
    uint64_t value = 42;

    (void)state;
    assert_true(bytes_to_u64(BYTES("18446744073709551615"), &value));
    assert_true(value == UINT64_MAX);
    assert_false(bytes_to_u64(BYTES("18446744073709551616"), &value));
    assert_false(bytes_to_u64(BYTES("-1"), &value));
    assert_true(value == UINT64_MAX);
}

// Every number of digits, at both ends, and around them; against printf.
static void test_digits_write(void **state)
{
    char mine[DIGITS_MAX + 1], theirs[32];
    uint64_t power = 1, value;
    int digits, delta;
    size_t len;

    (void)state;
    for (digits = 1; digits <= 20; digits++, power *= 10) {
        for (delta = -2; delta <= 2; delta++) {
            value = power + (uint64_t)(int64_t)delta;
            sprintf(theirs, "%" PRIu64, value);
            len = digits_write_u64(mine, value);
            mine[len] = '\0';
            assert_string_equal(mine, theirs);
            assert_int_equal(digits_count(value), len);
            sprintf(theirs, "%" PRId64, (int64_t)value);
            mine[digits_write_i64(mine, (int64_t)value)] = '\0';
            assert_string_equal(mine, theirs);
        }
    }
    for (value = 0; value < 20000; value++) {
        sprintf(theirs, "%" PRIu64, value);
        mine[digits_write_u64(mine, value)] = '\0';
        assert_string_equal(mine, theirs);
    }
    mine[digits_write_i64(mine, INT64_MIN)] = '\0';
    assert_string_equal(mine, "-9223372036854775808");
}

// All answers are redis-server 7.0.15's.
static void test_bytes_to_double(void **state)
{
    static const struct {
        const char *text;
        double value;
    } good[] = {
        {"0", 0},
        {"1", 1},
        {"-1", -1},
        {"+5", 5},
        {"007", 7},
        {"1.5", 1.5},
        {".5", .5},
        {"5.", 5},
        {"1e3", 1000},
        {"0x10", 16},
        {"0x1p-2", .25},
        {"inf", INFINITY},
        {"-inf", -INFINITY},
        {"INFINITY", INFINITY},
        {"1e-310", 1e-310},
        {"5e-324", 5e-324},
        {"123456789012345", 123456789012345.0},
        {"9007199254740993", 9007199254740992.0},
        {"-999999999999999", -999999999999999.0},
        {"0.1", 0.1},
        {"999999999999999999", 1e18},
        {"9999999999999999999", 1e19},
        {"-900719925474099301", -900719925474099301.0},
    };
    static const char *const bad[] = {
        "",   "-",     "+",      ".",      " 1", "1 ",  "\t1", "nan",  "-nan", "NaN(1)",
        "1e", "1e400", "-1e400", "1e-400", "0x", "1,5", "--1", "1.5x", "e5",
    };
    double value;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
        value = 42;
        assert_true(bytes_to_double(bytes_of(good[i].text), &value));
        if (value != good[i].value) {
            fail_msg("\"%s\" was read as %.17g", good[i].text, value);
        }
    }
    for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        value = 42;
        if (bytes_to_double(bytes_of(bad[i]), &value)) {
            fail_msg("\"%s\" was read as %.17g", bad[i], value);
        }
        assert_true(value == 42);
    }
    assert_false(bytes_to_double(BYTES("1\0"), &value));
    assert_false(bytes_to_double(BYTES("1.5\0"), &value));
    assert_false(bytes_to_double((struct bytes){NULL, 0}, &value));
    // The sign of zero is kept.
    assert_true(bytes_to_double(BYTES("-0"), &value) && value == 0 && signbit(value));
    // Only the bytes given are read: a digit behind the end is not part of the number.
    assert_true(bytes_to_double((struct bytes){"1.59", 3}, &value));
    assert_true(value == 1.5);
}

static void test_bytes_to_double_long_text(void **state)
{
    static const size_t lengths[] = {100, 255, 256, 257, 600, 6000};
    char text[6001];
    double value;
    size_t i;

    (void)state;
    memset(text, '0', sizeof(text));
    for (i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
        text[lengths[i] - 1] = '1';
        assert_true(bytes_to_double((struct bytes){text, lengths[i]}, &value));
        assert_true(value == 1);
        text[lengths[i] - 1] = 'x';
        assert_false(bytes_to_double((struct bytes){text, lengths[i]}, &value));
        text[lengths[i] - 1] = '0';
    }
}

static void test_bytes_to_long_double(void **state)
{
    static const char *const bad[] = {"", " 1", "1 ", "nan", "1e5000", "1e-5000", "x", "1e"};
    char text[DOUBLE_INPUT_CHARS];
    long double value = 42;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_false(bytes_to_long_double(bytes_of(bad[i]), &value));
        assert_true(value == 42);
    }
    assert_true(bytes_to_long_double(BYTES("3.0e3"), &value) && value == 3000);
    assert_true(bytes_to_long_double(BYTES("0x10"), &value) && value == 16);
    assert_true(bytes_to_long_double(BYTES("-inf"), &value) && isinf(value));
    assert_true(bytes_to_long_double(BYTES("1e400"), &value) && value == 1e400L);
    assert_true(bytes_to_long_double(BYTES("0.1"), &value) && value == 0.1L);
    memset(text, '0', sizeof(text));
    assert_true(bytes_to_long_double((struct bytes){text, sizeof(text) - 1}, &value));
    assert_false(bytes_to_long_double((struct bytes){text, sizeof(text)}, &value));
}

// Against printf, which is the definition; the integer path must not be told apart.
static void test_double_format(void **state)
{
    static const double values[] = {
        0,
        -0.0,
        1,
        -1,
        1.5,
        0.1,
        -0.1,
        100,
        1e14,
        999999999999999,
        -999999999999999,
        1e15,
        -1e15,
        1e15 + 1,
        1e16,
        1e17,
        123456789012345680,
        1e100,
        -1e100,
        5e-324,
        DBL_MAX,
        DBL_MIN,
        1e-5,
        3.141592653589793,
        9007199254740992,
        2.5e-10,
        -123.456,
    };
    char mine[DOUBLE_CHARS + 1], theirs[64];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(values) / sizeof(*values); i++) {
        sprintf(theirs, "%.17g", values[i]);
        mine[double_format(values[i], mine)] = '\0';
        assert_string_equal(mine, theirs);
    }
    mine[double_format(INFINITY, mine)] = '\0';
    assert_string_equal(mine, "inf");
    mine[double_format(-INFINITY, mine)] = '\0';
    assert_string_equal(mine, "-inf");
    mine[double_format(NAN, mine)] = '\0';
    assert_string_equal(mine, "nan");
}

static void test_double_format_long(void **state)
{
    static const struct {
        long double value;
        const char *text;
    } samples[] = {
        {0, "0"},
        {-0.0L, "0"},
        {1.5L, "1.5"},
        {3200, "3200"},
        {0.1L, "0.1"},
        {-2.25L, "-2.25"},
        {1e20L, "100000000000000000000"},
        {1e-17L, "0.00000000000000001"},
        {-1e-18L, "0"},
        {10.50L, "10.5"},
        {INFINITY, "inf"},
        {-INFINITY, "-inf"},
        {13.36138933897018433L, "13.36138933897018433"},
    };
    static char text[DOUBLE_LONG_CHARS];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
        text[double_format_long(samples[i].value, text)] = '\0';
        assert_string_equal(text, samples[i].text);
    }
    // The longest there is fits: 1 sign, 4933 digits.
    assert_int_equal(double_format_long(-LDBL_MAX, text), 4934);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_compare),
        cmocka_unit_test(test_bytes_equal_nocase),
        cmocka_unit_test(test_bytes_to_i64),
        cmocka_unit_test(test_bytes_to_u64),
        cmocka_unit_test(test_digits_write),
        cmocka_unit_test(test_bytes_to_double),
        cmocka_unit_test(test_bytes_to_double_long_text),
        cmocka_unit_test(test_bytes_to_long_double),
        cmocka_unit_test(test_double_format),
        cmocka_unit_test(test_double_format_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
