// SPDX-License-Identifier: MIT
//
// Damaged payloads: every truncation and every other value of every byte, with the checksum made
// right again, so that the decoders see them. Whatever comes out is no value or a whole one. The
// bytes end where the readable memory ends, so that reading beyond them is seen in every build.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "datatypes/crc64.h"
#include "datatypes/mem.h"
#include "datatypes/rdb.h"
#include "datatypes/rdb_load.h"
#include "datatypes/rdb_write.h"
#include "tests/lib/payload.h"
#include "tests/lib/redis_payloads.h"
#include "tests/lib/server.h"
#include "tests/lib/type_fixture.h"
#include "tests/lib/value_text.h"

enum { GUARDED_BYTES = 1 << 16, CORPUS_MAX = 64, ALLOCATIONS_MAX = 1000 };

static struct type_fixture fixture;
static char *guarded_end; // the first byte that may not be read

// Values without their footers.
static struct {
    char name[64];
    struct strbuf value;
} corpus[CORPUS_MAX];
static size_t ncorpus;

// ---- the corpus ------------------------------------------------------------------------------

static struct strbuf *add(const char *name)
{
    assert_true(ncorpus < CORPUS_MAX);
    snprintf(corpus[ncorpus].name, sizeof corpus[ncorpus].name, "%s", name);
    return &corpus[ncorpus++].value;
}

static struct strbuf *add_type(const char *name, enum rdb_type type)
{
    struct strbuf *p = add(name);

    payload_byte(p, type);
    return p;
}

static void add_old_encodings(void)
{
    static const char words[] = "a 1 bb 300 ccc -70000 dddd 5000000000 _ 8000000";
    struct strbuf *p;

    payload_ziplist(add_type("a list in a ziplist", RDB_LIST_ZIPLIST), words);
    payload_ziplist(add_type("a hash in a ziplist", RDB_HASH_ZIPLIST), words);
    payload_ziplist(add_type("a sorted set in a ziplist", RDB_ZSET_ZIPLIST), words);
    payload_zipmap(add_type("a hash in a zipmap", RDB_HASH_ZIPMAP), words);
    p = add_type("a quicklist of ziplists", RDB_LIST_QUICKLIST);
    payload_length(p, 2);
    payload_ziplist(p, "a b 1");
    payload_ziplist(p, "c");
    p = add_type("a linked list", RDB_LIST);
    payload_length(p, 3);
    PAYLOAD_TEXT(p, "a");
    payload_lzf(p, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", 33);
    PAYLOAD_TEXT(p, "c");
    p = add_type("a sorted set with decimal scores", RDB_ZSET);
    payload_length(p, 3);
    PAYLOAD_TEXT(p, "a");
    PAYLOAD_TEXT(p, "1.5");
    PAYLOAD_TEXT(p, "b");
    payload_byte(p, 254);
    PAYLOAD_TEXT(p, "c");
    PAYLOAD_TEXT(p, "-1e10");
}

static bool put_to_buffer(void *arg, const char *data, size_t len)
{
    strbuf_add(arg, data, len);
    return true;
}

static void write_value(struct strbuf *out, struct value v)
{
    struct rdb_writer w = {.put = put_to_buffer, .arg = out};
    struct rdb_walk walk;

    rdb_walk_init(&walk, v);
    while (rdb_walk_next(&walk, &w)) {
    }
    rdb_flush(&w);
}

// What Redis wrote, and the same values as they are written here.
static void add_redis_payloads(void)
{
    for (size_t i = 0; i < redis_payloads_count; i++) {
        const struct redis_payload *p = &redis_payloads[i];
        struct value v;
        char name[128];

        strbuf_add(add(p->what), p->payload.data, p->payload.len - RDB_FOOTER_BYTES);
        assert_int_equal(rdb_load(&fixture.ctx, p->payload.data, p->payload.len, &v), STATUS_OK);
        snprintf(name, sizeof name, "%s, written here", p->what);
        write_value(add(name), v);
        value_free(v);
    }
}

// ---- loading ---------------------------------------------------------------------------------

// The bytes with a footer, at the end of what may be read.
static const char *guarded(const char *value, size_t len)
{
    char *at = guarded_end - len - RDB_FOOTER_BYTES;
    uint64_t crc;

    assert_true(len + RDB_FOOTER_BYTES <= GUARDED_BYTES);
    memcpy(at, value, len);
    at[len] = RDB_VERSION;
    at[len + 1] = 0;
    crc = crc64(0, at, len + 2);
    memcpy(at + len + 2, &crc, sizeof crc);
    return at;
}

// A value that was loaded is whole: it is written and read again as the same.
static void check_whole(const char *name, struct value v)
{
    static struct strbuf written, before, after;
    struct value again;

    strbuf_clear(&written);
    strbuf_clear(&before);
    strbuf_clear(&after);
    write_value(&written, v);
    value_text(&before, v);
    payload_end(&written, RDB_VERSION);
    if (value_weight(v) == 0 ||
        rdb_load(&fixture.ctx, written.data, written.len, &again) != STATUS_OK)
        fail_msg("%s: loaded as %s", name, before.data);
    value_text(&after, again);
    assert_string_equal(after.data, before.data);
    value_free(again);
}

// Loads damaged bytes; true when there is a value in them.
static bool try_load(const char *name, const char *value, size_t len)
{
    const char *payload = guarded(value, len);
    struct value v;

    if (!rdb_check(&fixture.ctx, payload, len + RDB_FOOTER_BYTES))
        fail_msg("%s: checksum", name);
    enum status status = rdb_load(&fixture.ctx, payload, len + RDB_FOOTER_BYTES, &v);
    rdb_load_work(&fixture.limits, payload, len + RDB_FOOTER_BYTES);
    if (status == STATUS_OK) {
        check_whole(name, v);
        value_free(v);
    } else if (status != STATUS_BAD_DATA) {
        fail_msg("%s: status %d", name, status);
    }
    return status == STATUS_OK;
}

static void test_truncations(void **state)
{
    (void)state;
    for (size_t i = 0; i < ncorpus; i++) {
        const struct strbuf *value = &corpus[i].value;
        assert_true(try_load(corpus[i].name, value->data, value->len));
        for (size_t len = 0; len < value->len; len++) {
            if (try_load(corpus[i].name, value->data, len))
                fail_msg("%s: %zu bytes of %zu are a value", corpus[i].name, len, value->len);
        }
    }
}

static void test_other_bytes(void **state)
{
    size_t step = server_sanitized() ? 13 : 1, tried = 0, good = 0;

    (void)state;
    for (size_t i = 0; i < ncorpus; i++) {
        struct strbuf *value = &corpus[i].value;
        for (size_t at = 0; at < value->len; at++) {
            char before = value->data[at];
            for (size_t x = 1; x < 256; x += step, tried++) {
                value->data[at] = (char)(before ^ (char)x);
                good += try_load(corpus[i].name, value->data, value->len);
            }
            value->data[at] = before;
        }
        type_fixture_drain(&fixture);
    }
    print_message("%zu tried, %zu are values\n", tried, good);
    assert_true(good > 0 && good < tried);
}

// A byte taken out, or one more, anywhere: lengths and what they are of no longer agree.
static void test_shifted_bytes(void **state)
{
    static char copy[GUARDED_BYTES];

    (void)state;
    for (size_t i = 0; i < ncorpus; i++) {
        const struct strbuf *value = &corpus[i].value;
        for (size_t at = 0; at < value->len; at++) {
            memcpy(copy, value->data, at);
            memcpy(copy + at, value->data + at + 1, value->len - at - 1);
            try_load(corpus[i].name, copy, value->len - 1);
            memcpy(copy, value->data, at);
            copy[at] = (char)at;
            memcpy(copy + at + 1, value->data + at, value->len - at);
            try_load(corpus[i].name, copy, value->len + 1);
        }
    }
}

static void test_no_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < ncorpus; i++) {
        size_t len = corpus[i].value.len;
        const char *payload = guarded(corpus[i].value.data, len);
        enum status status = STATUS_NO_MEMORY;
        struct value v;

        for (long n = 0; status != STATUS_OK; n++) {
            assert_true(n < ALLOCATIONS_MAX);
            mem_fail_after(n);
            status = rdb_load(&fixture.ctx, payload, len + RDB_FOOTER_BYTES, &v);
            mem_fail_after(-1);
            assert_true(status == STATUS_OK || status == STATUS_NO_MEMORY);
        }
        value_free(v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truncations),
        cmocka_unit_test(test_other_bytes),
        cmocka_unit_test(test_shifted_bytes),
        cmocka_unit_test(test_no_memory),
    };
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, GUARDED_BYTES + page, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (pages == MAP_FAILED || mprotect(pages + GUARDED_BYTES, page, PROT_NONE) != 0)
        return 1;
    guarded_end = pages + GUARDED_BYTES;
    type_fixture_open(&fixture, 7);
    add_old_encodings();
    add_redis_payloads();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    type_fixture_close(&fixture);
    for (size_t i = 0; i < ncorpus; i++)
        strbuf_free(&corpus[i].value);
    return failed;
}
