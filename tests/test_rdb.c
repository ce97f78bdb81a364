// SPDX-License-Identifier: MIT
//
// Serialised values: what Redis wrote is read, encodings that only older versions write and such
// that none does are made by hand, and what is written here is read again.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datatypes/hash.h"
#include "datatypes/list.h"
#include "datatypes/mem.h"
#include "datatypes/rdb.h"
#include "datatypes/rdb_load.h"
#include "datatypes/rdb_write.h"
#include "datatypes/set.h"
#include "datatypes/str.h"
#include "datatypes/zset.h"
#include "tests/lib/payload.h"
#include "tests/lib/redis_payloads.h"
#include "tests/lib/type_fixture.h"
#include "tests/lib/value_text.h"

static struct type_fixture fixture;
static struct strbuf payload; // the one being made
static struct strbuf text;    // of the value being looked at

static int setup(void **state)
{
    (void)state;
    type_fixture_open(&fixture, 7);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    type_fixture_close(&fixture);
    return 0;
}

// ---- reading ---------------------------------------------------------------------------------

static enum status load(const char *data, size_t len, struct value *out)
{
    if (!rdb_check(&fixture.ctx, data, len))
        fail_msg("version or checksum");
    return rdb_load(&fixture.ctx, data, len, out);
}

static void begin(enum rdb_type type)
{
    strbuf_clear(&payload);
    payload_byte(&payload, type);
}

// Ends the payload, whose value is to look so; frees the value.
static void expect_loads_at(const char *want, int line)
{
    struct value v;

    payload_end(&payload, RDB_VERSION);
    enum status status = load(payload.data, payload.len, &v);
    if (status != STATUS_OK)
        fail_msg("line %d: status %d instead of %s", line, status, want);
    strbuf_clear(&text);
    value_text(&text, v);
    if (strcmp(text.data, want) != 0)
        fail_msg("line %d: %s instead of %s", line, text.data, want);
    value_free(v);
}
#define expect_loads(want) expect_loads_at(want, __LINE__)

// Ends the payload, which is to be refused.
static void expect_refused_at(int line)
{
    struct value v;

    payload_end(&payload, RDB_VERSION);
    enum status status = load(payload.data, payload.len, &v);
    if (status != STATUS_BAD_DATA)
        fail_msg("line %d: status %d", line, status);
}
#define expect_refused() expect_refused_at(__LINE__)

static void test_redis_payloads(void **state)
{
    (void)state;
    for (size_t i = 0; i < redis_payloads_count; i++) {
        const struct redis_payload *p = &redis_payloads[i];
        struct value v;

        enum status status = load(p->payload.data, p->payload.len, &v);
        if (status != STATUS_OK)
            fail_msg("%s: status %d", p->what, status);
        strbuf_clear(&text);
        value_text(&text, v);
        if (strcmp(text.data, p->value) != 0)
            fail_msg("%s: %s instead of %s", p->what, text.data, p->value);
        assert_true(value_expires_at(v) == NO_EXPIRE);
        value_free(v);
    }
}

static void test_old_lists(void **state)
{
    (void)state;
    begin(RDB_LIST);
    payload_length(&payload, 3);
    PAYLOAD_TEXT(&payload, "a");
    PAYLOAD_TEXT(&payload, "");
    payload_byte(&payload, 0xc1); // an integer of 16 bits
    payload_number(&payload, (uint64_t)-300, 2);
    expect_loads("[\"a\" \"\" \"-300\"]");
    begin(RDB_LIST_ZIPLIST);
    payload_ziplist(&payload, "a 0 12 13 -1 127 -128 128 32767 -32768 32768 8388607 -8388608 "
                              "8388608 2147483647 2147483648 -9223372036854775808 _ b");
    expect_loads("[\"a\" \"0\" \"12\" \"13\" \"-1\" \"127\" \"-128\" \"128\" \"32767\" \"-32768\" "
                 "\"32768\" \"8388607\" \"-8388608\" \"8388608\" \"2147483647\" \"2147483648\" "
                 "\"-9223372036854775808\" \"\" \"b\"]");
    begin(RDB_LIST_QUICKLIST);
    payload_length(&payload, 3);
    payload_ziplist(&payload, "a 1");
    payload_ziplist(&payload, "");
    payload_ziplist(&payload, "c");
    expect_loads("[\"a\" \"1\" \"c\"]");
    begin(RDB_LIST_QUICKLIST_2);
    payload_length(&payload, 3);
    payload_length(&payload, RDB_NODE_PACKED);
    payload_listpack(&payload, "a 4095 -4096 4096");
    payload_length(&payload, RDB_NODE_PLAIN);
    PAYLOAD_TEXT(&payload, "plain");
    payload_length(&payload, RDB_NODE_PACKED);
    payload_listpack(&payload, "");
    expect_loads("[\"a\" \"4095\" \"-4096\" \"4096\" \"plain\"]");
}

static void test_old_hashes(void **state)
{
    (void)state;
    begin(RDB_HASH_ZIPMAP);
    payload_zipmap(&payload, "f 1 g two empty _ h x");
    expect_loads("{\"empty\": \"\" \"f\": \"1\" \"g\": \"two\" \"h\": \"x\"}");
    begin(RDB_HASH_ZIPLIST);
    payload_ziplist(&payload, "f 1 7 two");
    expect_loads("{\"7\": \"two\" \"f\": \"1\"}");
    begin(RDB_HASH_LISTPACK);
    payload_listpack(&payload, "f 1 7 two");
    expect_loads("{\"7\": \"two\" \"f\": \"1\"}");
}

static void test_old_zsets(void **state)
{
    (void)state;
    begin(RDB_ZSET);
    payload_length(&payload, 4);
    PAYLOAD_TEXT(&payload, "high");
    payload_byte(&payload, 254);
    PAYLOAD_TEXT(&payload, "low");
    payload_byte(&payload, 255);
    PAYLOAD_TEXT(&payload, "b");
    PAYLOAD_TEXT(&payload, "1.5e3");
    PAYLOAD_TEXT(&payload, "a");
    PAYLOAD_TEXT(&payload, "-2");
    expect_loads("(\"low\": -inf \"a\": -2 \"b\": 1500 \"high\": inf)");
    begin(RDB_ZSET_ZIPLIST); // in any order
    payload_ziplist(&payload, "b 20000 a -1 c 0.25 d inf");
    expect_loads("(\"a\": -1 \"c\": 0.25 \"b\": 20000 \"d\": inf)");
    begin(RDB_ZSET_LISTPACK);
    payload_listpack(&payload, "a 1 3 1");
    expect_loads("(\"3\": 1 \"a\": 1)");
}

static void test_compressed_texts(void **state)
{
    static char letters[100000];

    (void)state;
    memset(letters, 'x', sizeof letters);
    begin(RDB_STRING);
    payload_lzf(&payload, letters, sizeof letters);
    payload_end(&payload, RDB_VERSION);
    struct value v;
    struct str_view view;
    assert_int_equal(load(payload.data, payload.len, &v), STATUS_OK);
    str_view(v, &view);
    assert_int_equal(view.len, sizeof letters);
    assert_memory_equal(view.data, letters, sizeof letters);
    value_free(v);

    begin(RDB_HASH); // two at a time, and of different lengths
    payload_length(&payload, 2);
    payload_lzf(&payload, "fffffffffffffffffffffffff", 25);
    payload_lzf(&payload, "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv", 40);
    payload_lzf(&payload, "gggggggggggggggggggggggggggggg", 30);
    payload_lzf(&payload, "wwwwwwwwwwwwwwwwwwwwww", 22);
    expect_loads("{\"fffffffffffffffffffffffff\": \"vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv\" "
                 "\"gggggggggggggggggggggggggggggg\": \"wwwwwwwwwwwwwwwwwwwwww\"}");
}

// Lengths may be written longer than they need, and the length at the end of an entry changes its
// size where Redis changes it.
static void test_lengths(void **state)
{
    static const size_t ends[] = {63,   64,    125,   126,     4094,    4095,       4096,
                                  4097, 16377, 16378, 2097145, 2097146, 2097146 + 1};

    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct chunk_element e;
        struct value v;
        begin(RDB_LIST_QUICKLIST_2);
        payload_length(&payload, 1);
        payload_length(&payload, RDB_NODE_PACKED);
        payload_listpack_long(&payload, ends[i]);
        payload_end(&payload, RDB_VERSION);
        assert_int_equal(load(payload.data, payload.len, &v), STATUS_OK);
        list_end(v, CHUNK_FRONT, &e);
        assert_int_equal(e.len, ends[i]);
        value_free(v);
    }
    begin(RDB_STRING);
    payload_byte(&payload, RDB_LEN_64_BITS);
    strbuf_add(&payload, "\0\0\0\0\0\0\0\2ab", 10);
    expect_loads("\"ab\"");
    begin(RDB_STRING);
    payload_byte(&payload, RDB_LEN_32_BITS);
    strbuf_add(&payload, "\0\0\0\2ab", 6);
    expect_loads("\"ab\"");
    begin(RDB_STRING);
    strbuf_add(&payload,
               "\x40\x02"
               "ab",
               4);
    expect_loads("\"ab\"");
}

// ---- refusing --------------------------------------------------------------------------------

static void test_versions(void **state)
{
    (void)state;
    for (unsigned version = 0; version < 300; version++) {
        begin(RDB_STRING);
        PAYLOAD_TEXT(&payload, "x");
        payload_end(&payload, version);
        assert_int_equal(rdb_check(&fixture.ctx, payload.data, payload.len),
                         version <= RDB_VERSION);
    }
    begin(RDB_STRING);
    PAYLOAD_TEXT(&payload, "x");
    payload_end(&payload, RDB_VERSION);
    for (size_t len = 0; len < payload.len; len++)
        assert_false(rdb_check(&fixture.ctx, payload.data, len));
    for (size_t i = 0; i < payload.len * 8; i++) {
        payload.data[i / 8] ^= (char)(1 << i % 8);
        assert_false(rdb_check(&fixture.ctx, payload.data, payload.len));
        payload.data[i / 8] ^= (char)(1 << i % 8);
    }
}

static void test_unknown_types(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        bool known = type <= 5 || (type >= 9 && type <= 14) || (type >= 16 && type <= 18);
        if (known)
            continue;
        begin((enum rdb_type)type);
        payload_listpack(&payload, "a b"); // 20 is such a set, of Redis 7.2
        expect_refused();
    }
    strbuf_clear(&payload);
    payload_end(&payload, RDB_VERSION);
    struct value v;
    assert_int_equal(load(payload.data, payload.len, &v), STATUS_BAD_DATA);
}

static void test_empty_collections(void **state)
{
    static const enum rdb_type counted[] = {RDB_LIST,
                                            RDB_SET,
                                            RDB_ZSET,
                                            RDB_HASH,
                                            RDB_ZSET_2,
                                            RDB_LIST_QUICKLIST,
                                            RDB_LIST_QUICKLIST_2};

    (void)state;
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
        begin(counted[i]);
        payload_length(&payload, 0);
        expect_refused();
    }
    for (enum rdb_type type = RDB_LIST_ZIPLIST; type <= RDB_HASH_ZIPLIST; type++) {
        if (type == RDB_SET_INTSET)
            continue;
        begin(type);
        payload_ziplist(&payload, "");
        expect_refused();
    }
    for (enum rdb_type type = RDB_HASH_LISTPACK; type <= RDB_ZSET_LISTPACK; type++) {
        begin(type);
        payload_listpack(&payload, "");
        expect_refused();
    }
    begin(RDB_HASH_ZIPMAP);
    payload_zipmap(&payload, "");
    expect_refused();
    begin(RDB_SET_INTSET);
    PAYLOAD_TEXT(&payload, "\2\0\0\0\0\0\0\0");
    expect_refused();
    begin(RDB_LIST_QUICKLIST); // of nothing but empty nodes
    payload_length(&payload, 2);
    payload_ziplist(&payload, "");
    payload_ziplist(&payload, "");
    expect_refused();
}

static void test_twice_the_same(void **state)
{
    (void)state;
    begin(RDB_SET);
    payload_length(&payload, 3);
    PAYLOAD_TEXT(&payload, "a");
    PAYLOAD_TEXT(&payload, "7");
    payload_byte(&payload, RDB_TEXT_INT8); // the same as a number
    payload_byte(&payload, 7);
    expect_refused();
    begin(RDB_HASH);
    payload_length(&payload, 2);
    for (int i = 0; i < 4; i++)
        PAYLOAD_TEXT(&payload, "a");
    expect_refused();
    begin(RDB_ZSET);
    payload_length(&payload, 2);
    for (int i = 0; i < 4; i++)
        PAYLOAD_TEXT(&payload, "1");
    expect_refused();
    begin(RDB_ZSET_2);
    payload_length(&payload, 2);
    for (int i = 0; i < 2; i++) {
        PAYLOAD_TEXT(&payload, "m");
        payload_number(&payload, 0, 8);
    }
    expect_refused();
    for (int i = 0; i < 4; i++) {
        begin(i < 2 ? RDB_HASH_LISTPACK : RDB_ZSET_LISTPACK);
        payload_listpack(&payload, i % 2 ? "a 1 b 2 a 3" : "a 1 b 2 a 1");
        expect_refused();
        begin(i < 2 ? RDB_HASH_ZIPLIST : RDB_ZSET_ZIPLIST);
        payload_ziplist(&payload, i % 2 ? "a 1 b 2 a 3" : "a 1 b 2 a 1");
        expect_refused();
    }
    begin(RDB_HASH_ZIPMAP);
    payload_zipmap(&payload, "a 1 b 2 a 3");
    expect_refused();
}

// A field without a value, a member without a score.
static void test_odd_blobs(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        begin(i < 2 ? RDB_HASH_LISTPACK : RDB_ZSET_LISTPACK);
        payload_listpack(&payload, i % 2 ? "a 1 b" : "a");
        expect_refused();
        begin(i < 2 ? RDB_HASH_ZIPLIST : RDB_ZSET_ZIPLIST);
        payload_ziplist(&payload, i % 2 ? "a 1 b" : "a");
        expect_refused();
    }
    begin(RDB_HASH_ZIPMAP);
    payload_zipmap(&payload, "a 1 b");
    expect_refused();
}

static void test_bad_scores(void **state)
{
    static const char *const blobs[] = {"a nan", "a x", "a 1x", "a _", "b 1 a -nan", "a 1..2"};
    static const uint64_t nans[] = {0x7ff8000000000000, 0xfff8000000000000, 0x7ff0000000000001};

    (void)state;
    for (size_t i = 0; i < sizeof blobs / sizeof *blobs; i++) {
        begin(RDB_ZSET_LISTPACK);
        payload_listpack(&payload, blobs[i]);
        expect_refused();
        begin(RDB_ZSET_ZIPLIST);
        payload_ziplist(&payload, blobs[i]);
        expect_refused();
    }
    for (size_t i = 0; i < sizeof nans / sizeof *nans; i++) {
        begin(RDB_ZSET_2);
        payload_length(&payload, 1);
        PAYLOAD_TEXT(&payload, "m");
        payload_number(&payload, nans[i], 8);
        expect_refused();
    }
    begin(RDB_ZSET);
    payload_length(&payload, 1);
    PAYLOAD_TEXT(&payload, "m");
    payload_byte(&payload, 253);
    expect_refused();
    begin(RDB_ZSET);
    payload_length(&payload, 1);
    PAYLOAD_TEXT(&payload, "m");
    PAYLOAD_TEXT(&payload, "nan");
    expect_refused();
    begin(RDB_ZSET);
    payload_length(&payload, 1);
    PAYLOAD_TEXT(&payload, "m");
    PAYLOAD_TEXT(&payload, "1\0");
    expect_refused();
}

static void intset(unsigned width, uint32_t count, const char *integers, size_t nbytes)
{
    struct strbuf blob = {NULL, 0, 0};

    payload_number(&blob, width, 4);
    payload_number(&blob, count, 4);
    strbuf_add(&blob, integers, nbytes);
    begin(RDB_SET_INTSET);
    payload_text(&payload, blob.data, blob.len);
    strbuf_free(&blob);
}

static void test_bad_intsets(void **state)
{
    (void)state;
    intset(2, 3, "\1\0\2\0\3\0", 6);
    expect_loads("{\"1\" \"2\" \"3\"}");
    intset(2, 2, "\xff\xff\2\0", 4);
    expect_loads("{\"-1\" \"2\"}");
    intset(2, 3, "\1\0\3\0\2\0", 6); // not in order
    expect_refused();
    intset(2, 3, "\1\0\2\0\2\0", 6);
    expect_refused();
    intset(2, 2, "\1\0\xff\xff", 4);
    expect_refused();
    intset(2, 4, "\1\0\2\0\3\0", 6);
    expect_refused();
    intset(2, 2, "\1\0\2\0\3\0", 6);
    expect_refused();
    intset(3, 2, "\1\0\0\2\0\0", 6);
    expect_refused();
    intset(0, 0, "", 0);
    expect_refused();
    intset(8, UINT32_MAX, "\1\0\2\0\3\0\0\0", 8);
    expect_refused();
}

// Counts and lengths that nothing stands behind: refused before anything is allocated.
static void test_absurd_claims(void **state)
{
    static const uint64_t claims[] = {4,          64,         UINT32_MAX,         UINT64_C(1) << 32,
                                      1ull << 60, 1ull << 63, UINT64_MAX / 2 + 1, UINT64_MAX};
    static const enum rdb_type counted[] = {RDB_LIST,
                                            RDB_SET,
                                            RDB_ZSET,
                                            RDB_HASH,
                                            RDB_ZSET_2,
                                            RDB_LIST_QUICKLIST,
                                            RDB_LIST_QUICKLIST_2};

    (void)state;
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++) {
        for (size_t t = 0; t < sizeof counted / sizeof *counted; t++) {
            begin(counted[t]);
            payload_length(&payload, claims[i]);
            PAYLOAD_TEXT(&payload, "a");
            mem_fail_after(0);
            expect_refused();
            mem_fail_after(-1);
        }
        begin(RDB_STRING);
        payload_length(&payload, claims[i]);
        strbuf_add(&payload, "abc", 3);
        mem_fail_after(0);
        expect_refused();
        mem_fail_after(-1);
        begin(RDB_STRING); // compressed, of a length that three bytes cannot make
        payload_byte(&payload, RDB_TEXT_LZF);
        payload_length(&payload, 3);
        payload_length(&payload, claims[i] < 300 ? 3 * 88 + 88 : claims[i]);
        strbuf_add(&payload, "\1ab", 3);
        mem_fail_after(0);
        expect_refused();
        mem_fail_after(-1);
        begin(RDB_STRING); // and of a compressed length that is not there
        payload_byte(&payload, RDB_TEXT_LZF);
        payload_length(&payload, claims[i]);
        payload_length(&payload, 5);
        strbuf_add(&payload, "\1ab", 3);
        mem_fail_after(0);
        expect_refused();
        mem_fail_after(-1);
    }
}

static void test_bad_compression(void **state)
{
    static const struct {
        const char *bytes;
        size_t nbytes, len;
    } bad[] = {
        {"\1ab", 3, 3},        // longer than it is
        {"\1ab", 3, 1},        // shorter
        {"\2ab", 3, 3},        // a run that goes on behind the end
        {"\x20\1", 2, 3},      // refers to what is before the beginning
        {"\1ab\x20\5", 5, 5},  // the same
        {"\1ab\xe0", 4, 11},   // cut off
        {"\1ab\xe0\1", 5, 11}, // the same
        {"", 0, 0},
        {"", 0, 1},
        {"\1ab", 3, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        begin(RDB_STRING);
        payload_byte(&payload, RDB_TEXT_LZF);
        payload_length(&payload, bad[i].nbytes);
        payload_length(&payload, bad[i].len);
        strbuf_add(&payload, bad[i].bytes, bad[i].nbytes);
        expect_refused();
    }
}

static void test_bytes_behind(void **state)
{
    (void)state;
    for (size_t i = 0; i < redis_payloads_count; i++) {
        struct bytes p = redis_payloads[i].payload;
        strbuf_clear(&payload);
        strbuf_add(&payload, p.data, p.len - RDB_FOOTER_BYTES);
        payload_byte(&payload, 0);
        expect_refused();
    }
}

// ---- writing ---------------------------------------------------------------------------------

static bool put_to_buffer(void *arg, const char *data, size_t len)
{
    strbuf_add(arg, data, len);
    return true;
}

static void write_value(struct rdb_writer *w, struct value v)
{
    struct rdb_walk walk;

    rdb_walk_init(&walk, v);
    while (rdb_walk_next(&walk, w)) {
    }
    rdb_put_footer(w);
}

// Writes the value, with a walk before that counts, and reads it back.
static void expect_round_trip(struct value v)
{
    struct strbuf written = {NULL, 0, 0}, before = {NULL, 0, 0};
    struct rdb_writer count = {.put = NULL};
    struct rdb_writer w = {.put = put_to_buffer, .arg = &written};
    struct value copy;

    write_value(&count, v);
    write_value(&w, v);
    assert_int_equal(count.nbytes, written.len);
    assert_int_equal(load(written.data, written.len, &copy), STATUS_OK);
    value_text(&before, v);
    strbuf_clear(&text);
    value_text(&text, copy);
    assert_string_equal(text.data, before.data);
    assert_string_equal(value_encoding(copy), value_encoding(v));
    strbuf_free(&written);
    strbuf_free(&before);
    value_free(copy);
}

// For a string the bytes are Redis's, unless it would compress.
static void test_writes_strings_as_redis(void **state)
{
    (void)state;
    for (size_t i = 0; i < redis_payloads_count; i++) {
        struct bytes p = redis_payloads[i].payload;
        struct strbuf written = {NULL, 0, 0};
        struct rdb_writer w = {.put = put_to_buffer, .arg = &written};
        struct value v;

        if (p.data[0] != RDB_STRING || (unsigned char)p.data[1] == RDB_TEXT_LZF)
            continue;
        assert_int_equal(load(p.data, p.len, &v), STATUS_OK);
        write_value(&w, v);
        assert_int_equal(written.len, p.len);
        assert_memory_equal(written.data, p.data, p.len);
        value_free(v);
        strbuf_free(&written);
    }
}

static size_t random_text(char *out, size_t size)
{
    uint64_t kind = rng_below(&fixture.rng, 4);
    size_t len = rng_below(&fixture.rng, kind == 0 ? size : 12);

    if (kind < 2) { // a number, of any size
        int64_t n = (int64_t)(rng_next(&fixture.rng) >> rng_below(&fixture.rng, 64));
        return str_format_i64(kind == 0 ? n : -n, out);
    }
    for (size_t i = 0; i < len; i++)
        out[i] = (char)rng_below(&fixture.rng, 256);
    return len;
}

static struct value random_set(size_t n)
{
    struct value v;
    char member[100];
    bool added;

    assert_int_equal(set_new(&fixture.ctx, NULL, 0, 0, &v), STATUS_OK);
    for (size_t i = 0; i < n; i++) {
        size_t len = n % 2 ? random_text(member, sizeof member)
                           : str_format_i64((int64_t)rng_below(&fixture.rng, 1 << 20), member);
        assert_int_equal(set_add(&fixture.ctx, v, member, len, &added), STATUS_OK);
    }
    return v;
}

static struct value random_hash(size_t n)
{
    struct value v = VALUE_ABSENT, next;
    char field[100], value[100];
    bool added;

    for (size_t i = 0; i < n; i++) {
        struct hash_pair pair = {field, random_text(field, n < 10 ? 64 : sizeof field), value,
                                 random_text(value, n < 10 ? 64 : sizeof value)};
        assert_int_equal(hash_set(&fixture.ctx, v, &pair, &next, &added), STATUS_OK);
        if (!value_is_none(v) && v.bits != next.bits)
            value_free(v);
        v = next;
    }
    return v;
}

static struct value random_list(size_t n)
{
    struct value v;
    char element[100];

    assert_int_equal(list_new(&fixture.ctx, 0, CHUNK_BACK, &v), STATUS_OK);
    for (size_t i = 0; i < n; i++) {
        size_t len = random_text(element, sizeof element);
        assert_int_equal(list_push(&fixture.ctx, v, CHUNK_FRONT, element, len), STATUS_OK);
    }
    return v;
}

static struct value random_zset(size_t n)
{
    struct value v;
    char member[100];

    assert_int_equal(zset_new(&fixture.ctx, &v), STATUS_OK);
    for (size_t i = 0; i < n; i++) {
        struct zset_place place;
        size_t len = random_text(member, n < 100 ? 64 : sizeof member);
        double score = (double)(int64_t)rng_next(&fixture.rng) / (double)rng_below(&fixture.rng, 9);
        zset_find(v, member, len, &place);
        if (!place.found && !isnan(score))
            assert_int_equal(zset_put(&fixture.ctx, v, &place, member, len, score), STATUS_OK);
    }
    return v;
}

static void test_round_trips(void **state)
{
    (void)state;
    for (int round = 0; round < 60; round++) {
        static const size_t sizes[] = {1, 2, 3, 10, 127, 128, 129, 512, 513, 2000};
        size_t n = sizes[rng_below(&fixture.rng, sizeof sizes / sizeof *sizes)];
        struct value values[] = {random_set(n), random_hash(n), random_list(n), random_zset(n)};
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
            expect_round_trip(values[i]);
            value_free(values[i]);
        }
        type_fixture_drain(&fixture);
    }
    for (int round = 0; round < 1000; round++) {
        char bytes[100];
        struct value v;
        size_t len = random_text(bytes, sizeof bytes);
        assert_int_equal(str_new(bytes, len, NO_EXPIRE, &v), STATUS_OK);
        expect_round_trip(v);
        value_free(v);
    }
}

// A long text is handed over in pieces, and no more after a refusal.
struct pieces {
    size_t n, most;
};

static bool take_piece(void *arg, const char *data, size_t len)
{
    struct pieces *p = arg;

    (void)data;
    assert_true(len <= 65536);
    return ++p->n < p->most;
}

static void test_stops(void **state)
{
    static char letters[1 << 20];
    struct value v;

    (void)state;
    memset(letters, 'x', sizeof letters);
    assert_int_equal(str_new(letters, sizeof letters, NO_EXPIRE, &v), STATUS_OK);
    for (size_t most = 1; most < 24; most++) {
        struct pieces pieces = {.most = most};
        struct rdb_writer w = {.put = take_piece, .arg = &pieces};
        write_value(&w, v);
        assert_int_equal(pieces.n, most < 19 ? most : 19); // type and length, 16, 2 of footer
        assert_int_equal(w.stopped, most <= 19);
    }
    value_free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_redis_payloads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_old_lists, setup, teardown),
        cmocka_unit_test_setup_teardown(test_old_hashes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_old_zsets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_compressed_texts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lengths, setup, teardown),
        cmocka_unit_test_setup_teardown(test_versions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown_types, setup, teardown),
        cmocka_unit_test_setup_teardown(test_empty_collections, setup, teardown),
        cmocka_unit_test_setup_teardown(test_twice_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(test_odd_blobs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_scores, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_intsets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_absurd_claims, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_compression, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bytes_behind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_writes_strings_as_redis, setup, teardown),
        cmocka_unit_test_setup_teardown(test_round_trips, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stops, setup, teardown),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    strbuf_free(&payload);
    strbuf_free(&text);
    return failed;
}
