// SPDX-License-Identifier: MIT
//
// Strings: numbers as text, where each text lives, APPEND and SETRANGE against a plain buffer, and
// allocation failure at every step.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datatypes/mem.h"
#include "datatypes/str.h"
#include "tests/lib/type_fixture.h"

static struct type_fixture fixture;
#define CTX (&fixture.ctx)

static int open_fixture(void **state)
{
    (void)state;
    type_fixture_open(&fixture, 11);
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    type_fixture_close(&fixture);
    return 0;
}

static struct value make(const char *data, size_t len, int64_t expires_at_ms)
{
    struct value v;
    assert_int_equal(str_new(data, len, expires_at_ms, &v), STATUS_OK);
    return v;
}

static void assert_holds(struct value v, const char *data, size_t len)
{
    struct str_view view;
    str_view(v, &view);
    assert_int_equal(view.len, len);
    assert_int_equal(str_len(v), len);
    if (len > 0)
        assert_memory_equal(view.data, data, len);
}

// What a key does with the result of a change: the old word goes when another took its place.
static void replace(struct value *held, struct value now)
{
    if (now.bits != held->bits)
        value_retire(CTX, *held);
    *held = now;
}

static void test_str_canonical_integers_parse(void **state)
{
    (void)state;
    static const int64_t numbers[] = {0,
                                      1,
                                      -1,
                                      9,
                                      10,
                                      -10,
                                      INT16_MAX,
                                      INT16_MIN,
                                      INT32_MAX,
                                      INT32_MIN,
                                      INT64_MAX,
                                      INT64_MIN,
                                      INT64_MAX - 1,
                                      INT64_MIN + 1,
                                      INT64_C(1) << 59};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char text[32], mine[STR_I64_MAX];
        size_t len = (size_t)snprintf(text, sizeof text, "%" PRId64, numbers[i]);
        int64_t n = 0;
        assert_int_equal(str_format_i64(numbers[i], mine), len);
        assert_memory_equal(mine, text, len);
        assert_true(str_parse_i64(text, len, &n));
        assert_true(n == numbers[i]);
    }
    for (int i = 0; i < 100000; i++) {
        int64_t number = (int64_t)(rng_next(&fixture.rng) >> rng_below(&fixture.rng, 64));
        number = i % 2 ? -number : number;
        char text[STR_I64_MAX];
        int64_t n = 0;
        assert_true(str_parse_i64(text, str_format_i64(number, text), &n));
        assert_true(n == number);
    }
}

static void test_str_other_text_does_not_parse(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "-",
                                        "+1",
                                        "01",
                                        "00",
                                        "-0",
                                        "-01",
                                        " 1",
                                        "1 ",
                                        "1.0",
                                        "1e3",
                                        "0x1",
                                        "--1",
                                        "a",
                                        "9223372036854775808",
                                        "-9223372036854775809",
                                        "18446744073709551616",
                                        "99999999999999999999",
                                        "-99999999999999999999",
                                        "92233720368547758070"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int64_t n;
        if (str_parse_i64(texts[i], strlen(texts[i]), &n))
            fail_msg("\"%s\" was taken for the integer %" PRId64, texts[i], n);
        struct value v = make(texts[i], strlen(texts[i]), NO_EXPIRE);
        assert_int_equal(str_to_i64(v, &n), STATUS_NOT_INTEGER);
        assert_holds(v, texts[i], strlen(texts[i]));
        value_free(v);
    }
    int64_t n;
    assert_false(str_parse_i64("1\0002", 3, &n));
}

static void test_str_lives_where_it_fits(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum value_kind kind;
        const char *encoding;
    } rows[] = {
        {"0", VALUE_INT, "int"},
        {"-17", VALUE_INT, "int"},
        {"576460752303423487", VALUE_INT, "int"},
        {"576460752303423488", VALUE_STR, "int"},
        {"-576460752303423488", VALUE_INT, "int"},
        {"-576460752303423489", VALUE_STR, "int"},
        {"9223372036854775807", VALUE_STR, "int"},
        {"9223372036854775808", VALUE_STR, "embstr"},
        {"", VALUE_TINY, "embstr"},
        {"seven77", VALUE_TINY, "embstr"},
        {"eight888", VALUE_STR, "embstr"},
        {"01", VALUE_TINY, "embstr"},
        {"12345678901234567890123456789012345678901234", VALUE_STR, "embstr"},
        {"123456789012345678901234567890123456789012345", VALUE_STR, "raw"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t len = strlen(rows[i].text);
        struct value v = make(rows[i].text, len, NO_EXPIRE);
        assert_int_equal(value_kind(v), rows[i].kind);
        assert_string_equal(value_encoding(v), rows[i].encoding);
        assert_holds(v, rows[i].text, len);

        struct value timed = make(rows[i].text, len, 5000);
        assert_int_equal(value_kind(timed), VALUE_STR_TTL);
        assert_string_equal(value_encoding(timed), rows[i].encoding);
        assert_int_equal(value_expires_at(timed), 5000);
        assert_holds(timed, rows[i].text, len);
        value_free(v);
        value_free(timed);
    }
}

static void test_str_keeps_every_byte(void **state)
{
    (void)state;
    static char bytes[70000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7);
    for (size_t len = 0; len <= sizeof bytes; len = len < 300 || len % 1000 ? len + 1 : len + 700) {
        struct value v = make(bytes, len, NO_EXPIRE), copy;
        assert_holds(v, bytes, len);
        assert_int_equal(value_copy(CTX, v, &copy), STATUS_OK);
        value_free(v);
        assert_holds(copy, bytes, len);
        value_free(copy);
        if (len >= 1100 && len < 65000) // the long middle is all alike
            len = 65000;
    }
}

static void test_str_from_i64_is_its_text(void **state)
{
    (void)state;
    static const int64_t numbers[] = {0, -5, INT64_MAX, INT64_MIN, INT64_C(1) << 59};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        for (int timed = 0; timed < 2; timed++) {
            char text[STR_I64_MAX];
            size_t len = str_format_i64(numbers[i], text);
            struct value v;
            int64_t n = 1;
            assert_int_equal(str_from_i64(numbers[i], timed ? 77 : NO_EXPIRE, &v), STATUS_OK);
            assert_holds(v, text, len);
            assert_int_equal(str_to_i64(v, &n), STATUS_OK);
            assert_true(n == numbers[i]);
            assert_string_equal(value_encoding(v), "int");
            assert_int_equal(value_expires_at(v), timed ? 77 : NO_EXPIRE);
            value_free(v);
        }
    }
}

static void test_str_wastes_no_memory(void **state)
{
    (void)state;
    assert_int_equal(value_memory(make("1234567", 7, NO_EXPIRE), 0), 0);
#ifndef KL_LIBC_MALLOC // size classes of the real allocator
    static const struct {
        size_t len;
        int64_t expires_at_ms;
        size_t nbytes;
    } rows[] = {{8, NO_EXPIRE, 16},  {16, NO_EXPIRE, 32},   {16, 9, 32}, {24, NO_EXPIRE, 32},
                {40, NO_EXPIRE, 48}, {100, NO_EXPIRE, 112}, {0, 9, 16}};
    char text[128];
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct value v = make(text, rows[i].len, rows[i].expires_at_ms);
        assert_int_equal(value_memory(v, 0), rows[i].nbytes);
        value_free(v);
    }
#endif
}

static void test_str_append_matches_a_buffer(void **state)
{
    (void)state;
    static char model[200000], piece[600];
    for (int round = 0; round < 60; round++) {
        int64_t expires_at_ms = round % 3 == 0 ? 123456 : NO_EXPIRE;
        size_t start = rng_below(&fixture.rng, 60), len = start, got = 0;
        for (size_t i = 0; i < start; i++)
            model[i] = (char)('0' + rng_below(&fixture.rng, 10));
        struct value held = make(model, start, expires_at_ms), now;
        for (int step = 0; step < 200; step++) {
            size_t n = rng_below(&fixture.rng, step % 10 == 9 ? sizeof piece : 12);
            for (size_t i = 0; i < n; i++)
                piece[i] = (char)rng_next(&fixture.rng);
            struct str_view before;
            str_view(held, &before);
            assert_int_equal(str_append(CTX, held, piece, n, &now, &got), STATUS_OK);
            // A reader that looked before still sees what it saw.
            assert_int_equal(before.len, len);
            assert_memory_equal(before.data, model, len);
            memcpy(model + len, piece, n);
            len += n;
            assert_int_equal(got, len);
            replace(&held, now);
            assert_holds(held, model, len);
            assert_int_equal(value_expires_at(held), expires_at_ms);
            assert_string_equal(value_encoding(held), "raw");
        }
        value_retire(CTX, held);
    }
}

static void test_str_append_to_nothing_is_set(void **state)
{
    (void)state;
    struct value v;
    size_t len;
    assert_int_equal(str_append(CTX, VALUE_ABSENT, "12", 2, &v, &len), STATUS_OK);
    assert_int_equal(len, 2);
    assert_string_equal(value_encoding(v), "int");
    assert_int_equal(str_append(CTX, VALUE_ABSENT, NULL, 0, &v, &len), STATUS_OK);
    assert_int_equal(len, 0);
    assert_int_equal(value_kind(v), VALUE_TINY);
}

static void test_str_append_moves_rarely(void **state)
{
    (void)state;
    struct value held = make("0", 1, NO_EXPIRE), now;
    size_t len, moves = 0;
    for (int i = 0; i < 3000000; i++) {
        assert_int_equal(str_append(CTX, held, "x", 1, &now, &len), STATUS_OK);
        moves += now.bits != held.bits;
        replace(&held, now);
    }
    assert_int_equal(str_len(held), 3000001);
    assert_in_range(moves, 15, 25);
    value_free(held);
}

static void test_str_set_range_matches_a_buffer(void **state)
{
    (void)state;
    static char model[4000], piece[300];
    for (int round = 0; round < 300; round++) {
        memset(model, 0, sizeof model);
        struct value held = VALUE_ABSENT, now;
        size_t len = 0, got = 0;
        if (round % 2) {
            len = rng_below(&fixture.rng, 60);
            memset(model, '7', len);
            held = make(model, len, round % 4 == 1 ? 99 : NO_EXPIRE);
        }
        int64_t expires_at_ms = value_expires_at(held);
        for (int step = 0; step < 30; step++) {
            size_t n = 1 + rng_below(&fixture.rng, step % 3 ? 8 : sizeof piece);
            size_t at = step % 4 ? rng_below(&fixture.rng, 1500) : len;
            for (size_t i = 0; i < n; i++)
                piece[i] = (char)rng_next(&fixture.rng);
            static char kept[4000];
            struct str_view before = {.len = 0};
            if (!value_is_none(held))
                str_view(held, &before);
            memcpy(kept, model, len);
            assert_int_equal(str_set_range(CTX, held, at, piece, n, &now, &got), STATUS_OK);
            assert_int_equal(before.len, len);
            if (len > 0)
                assert_memory_equal(before.data, kept, len);
            memcpy(model + at, piece, n);
            len = at + n > len ? at + n : len;
            assert_int_equal(got, len);
            replace(&held, now);
            assert_holds(held, model, len);
            assert_int_equal(value_expires_at(held), expires_at_ms);
        }
        value_retire(CTX, held);
        type_fixture_drain(&fixture);
    }
}

static void test_str_length_is_limited(void **state)
{
    (void)state;
    struct value v = make("12345678", 8, NO_EXPIRE), out = VALUE_ABSENT;
    size_t len = 0;
    atomic_store_explicit(&fixture.limits.max_string_bytes, 10, memory_order_relaxed);
    assert_int_equal(str_append(CTX, v, "abc", 3, &out, &len), STATUS_TOO_LONG);
    assert_int_equal(str_append(CTX, v, "abc", SIZE_MAX - 2, &out, &len), STATUS_TOO_LONG);
    assert_int_equal(str_set_range(CTX, v, 10, "a", 1, &out, &len), STATUS_TOO_LONG);
    assert_int_equal(str_set_range(CTX, v, SIZE_MAX, "a", 1, &out, &len), STATUS_TOO_LONG);
    assert_int_equal(str_set_range(CTX, v, 0, "a", SIZE_MAX, &out, &len), STATUS_TOO_LONG);
    assert_int_equal(str_new("", STR_MAX_BYTES + 1, NO_EXPIRE, &out), STATUS_TOO_LONG);
    assert_true(value_is_none(out));
    assert_holds(v, "12345678", 8);
    assert_int_equal(str_append(CTX, v, "ab", 2, &out, &len), STATUS_OK);
    assert_holds(out, "12345678ab", 10);
    value_free(v);
    value_free(out);
}

static void test_str_survives_without_memory(void **state)
{
    (void)state;
    struct value out = VALUE_ABSENT;
    size_t len = 999;
    struct value texts[] = {make("1234567", 7, NO_EXPIRE),
                            make("123456789 123456789", 19, NO_EXPIRE), make("x", 1, 5)};
    mem_fail_after(0);
    enum status made = str_new("more than seven bytes", 21, NO_EXPIRE, &out);
    enum status timed = str_new("1", 1, 1, &out);
    enum status number = str_from_i64(INT64_MAX, NO_EXPIRE, &out);
    mem_fail_after(-1);
    assert_int_equal(made, STATUS_NO_MEMORY);
    assert_int_equal(timed, STATUS_NO_MEMORY);
    assert_int_equal(number, STATUS_NO_MEMORY);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct value v = texts[i];
        mem_fail_after(0);
        enum status append = str_append(CTX, v, "abcdefghijklmnop", 16, &out, &len);
        enum status range = str_set_range(CTX, v, 0, "a", 1, &out, &len);
        enum status copy = value_copy(CTX, v, &out);
        mem_fail_after(-1);
        assert_int_equal(append, STATUS_NO_MEMORY);
        assert_int_equal(range, STATUS_NO_MEMORY);
        assert_int_equal(copy, i == 0 ? STATUS_OK : STATUS_NO_MEMORY);
        assert_int_equal(len, 999);
        value_free(v);
    }
}

// ---- bytes changed one by one -----------------------------------------------------------------

// What a key does to change some bytes of its string: at `at` they become `text`.
static void edit(struct value *held, size_t at, const char *text)
{
    struct str_edit e;
    size_t len = strlen(text);

    assert_int_equal(str_edit_prepare(CTX, *held, at + len, &e), STATUS_OK);
    assert_int_equal(e.in_place, e.word.bits == held->bits);
    if (e.in_place)
        object_write_begin(value_object(e.word));
    str_edit_begin(&e);
    for (size_t i = 0; i < len; i++)
        str_put(&e.bytes[at + i], (uint8_t)text[i]);
    if (e.in_place)
        object_write_end(value_object(e.word));
    replace(held, e.word);
}

static void test_str_edit_against_a_buffer(void **state)
{
    enum { MOST = 20000 };
    static char model[MOST + 8];

    (void)state;
    for (int round = 0; round < 60; round++) {
        struct value v = VALUE_ABSENT;
        size_t len = 0, most = round % 3 == 0 ? 900 : MOST;
        int64_t expires_at_ms = NO_EXPIRE;

        memset(model, 0, sizeof model);
        for (int i = 0; i < 200; i++) {
            size_t at = rng_below(&fixture.rng, round % 2 ? len + 50 : most), old_len = len,
                   new_len;
            uint64_t what = rng_below(&fixture.rng, 10);
            struct value out;

            if (at > most - 2)
                at = most - 2;
            if (what == 0 && len > 0 && len < most - 2) {
                assert_int_equal(str_append(CTX, v, "ab", 2, &out, &new_len), STATUS_OK);
                memcpy(model + len, "ab", 2);
                len += 2;
                replace(&v, out);
            } else if (what == 1) {
                assert_int_equal(str_set_range(CTX, v, at, "xy", 2, &out, &new_len), STATUS_OK);
                memcpy(model + at, "xy", 2);
                len = at + 2 > len ? at + 2 : len;
                replace(&v, out);
            } else if (what == 2 && len > 0) {
                expires_at_ms = rng_below(&fixture.rng, 2) ? NO_EXPIRE : 1000 + i;
                assert_int_equal(value_set_expire(CTX, v, expires_at_ms, &out), STATUS_OK);
                replace(&v, out);
            } else {
                size_t cost = str_edit_cost(v, at + 2);
                len = at + 2 > len ? at + 2 : len;
                struct value before = v;
                edit(&v, at, "de");
                memcpy(model + at, "de", 2);
                assert_int_equal(cost, before.bits == v.bits ? len - old_len : len);
                assert_int_equal(value_kind(v) == VALUE_STR_MUTABLE, len >= 1024);
            }
            if (len == 0)
                continue;
            assert_holds(v, model, len);
            assert_int_equal(value_expires_at(v), expires_at_ms);
            assert_int_equal(value_type(v), TYPE_STRING);
            for (int k = 0; k < 20; k++) {
                at = rng_below(&fixture.rng, len + 20);
                assert_int_equal(str_byte(v, at), at < len ? (unsigned char)model[at] : 0);
            }
        }
        struct value copy;
        assert_int_equal(value_copy(CTX, v, &copy), STATUS_OK);
        assert_holds(copy, model, len);
        assert_int_equal(value_expires_at(copy), expires_at_ms);
        value_free(copy);
        value_retire(CTX, v);
    }
}

static void test_str_edit_in_place_costs_no_copy(void **state)
{
    struct value v = VALUE_ABSENT;

    (void)state;
    edit(&v, 5000, "z");
    uint64_t bits = v.bits;
    assert_int_equal(value_kind(v), VALUE_STR_MUTABLE);
    assert_string_equal(value_encoding(v), "raw");
    for (size_t i = 0; i < 5000; i++)
        edit(&v, i, "y");
    assert_int_equal(v.bits, bits);
    assert_int_equal(str_edit_cost(v, 10), 0);
    assert_true(value_is_object(v) && value_is_string(v));

    struct str_edit e;
    mem_fail_after(0);
    assert_int_equal(str_edit_prepare(CTX, v, 10, &e), STATUS_OK);
    assert_int_equal(str_edit_prepare(CTX, v, 50000, &e), STATUS_NO_MEMORY);
    assert_int_equal(str_edit_prepare(CTX, v, STR_MAX_BYTES + 1, &e), STATUS_TOO_LONG);
    mem_fail_after(-1);
    assert_int_equal(str_len(v), 5001);
    value_free(v);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        TEST(test_str_canonical_integers_parse), TEST(test_str_other_text_does_not_parse),
        TEST(test_str_lives_where_it_fits),      TEST(test_str_keeps_every_byte),
        TEST(test_str_from_i64_is_its_text),     TEST(test_str_wastes_no_memory),
        TEST(test_str_append_matches_a_buffer),  TEST(test_str_append_to_nothing_is_set),
        TEST(test_str_append_moves_rarely),      TEST(test_str_set_range_matches_a_buffer),
        TEST(test_str_length_is_limited),        TEST(test_str_survives_without_memory),
        TEST(test_str_edit_against_a_buffer),    TEST(test_str_edit_in_place_costs_no_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
