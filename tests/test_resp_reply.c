// SPDX-License-Identifier: MIT
//
// The reply writer: each type byte for byte in both protocols, deferred headers, marks, the
// buffer's life, error counting and allocation failure.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "resp/reply.h"

// ---- helpers ---------------------------------------------------------------------------------

static struct {
    size_t calls;
    size_t fail_from; // the first call that fails, counted from 1; 0: none
} hook;

static void *hooked_resize(void *ptr, size_t size)
{
    hook.calls++;
    return hook.fail_from != 0 && hook.calls >= hook.fail_from ? NULL : realloc(ptr, size);
}

static void reply_open(struct reply *r, int protocol)
{
    reply_init(r, protocol);
    r->resize = hooked_resize;
    hook.calls = hook.fail_from = 0;
}

// What was written is exactly `expected`; it is dropped.
static void expect_bytes(struct reply *r, const char *expected, size_t len)
{
    assert_false(r->failed);
    if (r->len != len || (len > 0 && memcmp(r->data, expected, len) != 0)) {
        print_error("got %.*s\n", (int)r->len, r->data);
    }
    assert_int_equal(r->len, len);
    if (len > 0) {
        assert_memory_equal(r->data, expected, len);
    }
    reply_clear(r);
    assert_int_equal(r->len, 0);
}

#define EXPECT(r, literal) expect_bytes(r, literal, sizeof(literal) - 1)

// Runs `write` (an expression on r) in both protocols.
#define EXPECT_BOTH(write, resp2, resp3)                                                           \
    do {                                                                                           \
        struct reply both, *r = &both;                                                             \
        reply_open(r, 2);                                                                          \
        write;                                                                                     \
        EXPECT(r, resp2);                                                                          \
        r->protocol = 3;                                                                           \
        write;                                                                                     \
        EXPECT(r, resp3);                                                                          \
        reply_free(r);                                                                             \
    } while (0)
#define EXPECT_SAME(write, text) EXPECT_BOTH(write, text, text)

// ---- types -----------------------------------------------------------------------------------

static void test_reply_plain_types(void **state)
{
    (void)state;
    EXPECT_SAME(reply_ok(r), "+OK\r\n");
    EXPECT_SAME(reply_simple(r, "QUEUED"), "+QUEUED\r\n");
    EXPECT_SAME(reply_simple(r, ""), "+\r\n");
    EXPECT_SAME(reply_int(r, 0), ":0\r\n");
    EXPECT_SAME(reply_int(r, 9), ":9\r\n");
    EXPECT_SAME(reply_int(r, 10), ":10\r\n");
    EXPECT_SAME(reply_int(r, -1), ":-1\r\n");
    EXPECT_SAME(reply_int(r, INT64_MAX), ":9223372036854775807\r\n");
    EXPECT_SAME(reply_int(r, INT64_MIN), ":-9223372036854775808\r\n");
    EXPECT_SAME(reply_raw(r, ":5\r\n", 4), ":5\r\n");
    EXPECT_SAME(reply_raw(r, NULL, 0), "");
}

static void test_reply_bulk(void **state)
{
    (void)state;
    EXPECT_SAME(reply_bulk(r, "hello", 5), "$5\r\nhello\r\n");
    EXPECT_SAME(reply_bulk(r, NULL, 0), "$0\r\n\r\n");
    EXPECT_SAME(reply_bulk(r, "a\0\r\n", 4), "$4\r\na\0\r\n\r\n");
    EXPECT_SAME(reply_bulk(r, "0123456789", 10), "$10\r\n0123456789\r\n");
    EXPECT_SAME(reply_bulk_str(r, "text"), "$4\r\ntext\r\n");
    EXPECT_SAME(reply_bulk_i64(r, -12), "$3\r\n-12\r\n");
    EXPECT_SAME(reply_bulk_bytes(r, BYTES("by")), "$2\r\nby\r\n");
    EXPECT_SAME(memcpy(reply_bulk_space(r, 3), "abc", 3), "$3\r\nabc\r\n");
}

static void test_reply_types_that_differ(void **state)
{
    (void)state;
    EXPECT_BOTH(reply_null(r), "$-1\r\n", "_\r\n");
    EXPECT_BOTH(reply_null_array(r), "*-1\r\n", "_\r\n");
    EXPECT_BOTH(reply_bool(r, true), ":1\r\n", "#t\r\n");
    EXPECT_BOTH(reply_bool(r, false), ":0\r\n", "#f\r\n");
    EXPECT_BOTH(reply_verbatim(r, "txt", "Some", 4), "$4\r\nSome\r\n", "=8\r\ntxt:Some\r\n");
    EXPECT_BOTH(reply_verbatim(r, "mkd", "", 0), "$0\r\n\r\n", "=4\r\nmkd:\r\n");
    EXPECT_BOTH(reply_bignum(r, "-1234567999999999999999", 23),
                "$23\r\n-1234567999999999999999\r\n", "(-1234567999999999999999\r\n");
}

static void test_reply_aggregates(void **state)
{
    (void)state;
    EXPECT_SAME(reply_array(r, 0), "*0\r\n");
    EXPECT_SAME(reply_array(r, 123456), "*123456\r\n");
    EXPECT_SAME(reply_empty_array(r), "*0\r\n");
    EXPECT_BOTH(reply_map(r, 7), "*14\r\n", "%7\r\n");
    EXPECT_BOTH(reply_map(r, 0), "*0\r\n", "%0\r\n");
    EXPECT_BOTH(reply_set(r, 12), "*12\r\n", "~12\r\n");
    EXPECT_BOTH(reply_push(r, 3), "*3\r\n", ">3\r\n");
    EXPECT_BOTH(assert_int_equal(reply_attribute(r, 1), r->protocol == 3), "", "|1\r\n");
}

static void test_reply_doubles(void **state)
{
    (void)state;
    EXPECT_BOTH(reply_double(r, 1.5), "$3\r\n1.5\r\n", ",1.5\r\n");
    EXPECT_BOTH(reply_double(r, 16), "$2\r\n16\r\n", ",16\r\n");
    EXPECT_BOTH(reply_double(r, 0.1), "$19\r\n0.10000000000000001\r\n", ",0.10000000000000001\r\n");
    EXPECT_BOTH(reply_double(r, INFINITY), "$3\r\ninf\r\n", ",inf\r\n");
    EXPECT_BOTH(reply_double(r, -INFINITY), "$4\r\n-inf\r\n", ",-inf\r\n");
    EXPECT_BOTH(reply_double(r, 1e17), "$5\r\n1e+17\r\n", ",1e+17\r\n");
    EXPECT_BOTH(reply_double(r, 4.9406564584124654e-324), "$23\r\n4.9406564584124654e-324\r\n",
                ",4.9406564584124654e-324\r\n");
    EXPECT_SAME(reply_human_long_double(r, 2.25L), "$4\r\n2.25\r\n");
    EXPECT_BOTH(reply_long_double(r, 13.36138933897018433L), "$20\r\n13.36138933897018433\r\n",
                ",13.36138933897018433\r\n");
}

// ---- errors ----------------------------------------------------------------------------------

static void test_reply_errors(void **state)
{
    (void)state;
    EXPECT_SAME(reply_error(r, "syntax error"), "-ERR syntax error\r\n");
    EXPECT_SAME(reply_error(r, "-WRONGTYPE Operation"), "-WRONGTYPE Operation\r\n");
    EXPECT_SAME(reply_error(r, "a\r\nb\nc\rd\r\n\r\n"), "-ERR a  b c d\r\n");
    EXPECT_SAME(reply_error(r, ""), "-ERR \r\n");
    EXPECT_SAME(reply_errorf(r, "bad '%s' of %d", "x\ny", 7), "-ERR bad 'x y' of 7\r\n");
    EXPECT_SAME(reply_errorf(r, "-%s text", "CODE"), "-CODE text\r\n");
    EXPECT_SAME(reply_errorf(r, "%s", "-NOAUTH go"), "-NOAUTH go\r\n");
}

static void test_reply_errorf_of_any_length(void **state)
{
    char text[3001], expected[3100];
    struct reply r;
    size_t len;

    (void)state;
    reply_open(&r, 2);
    for (len = 0; len < sizeof(text); len++) {
        memset(text, 'x', len);
        text[len] = '\0';
        sprintf(expected, "-ERR %s\r\n", text);
        reply_errorf(&r, "%s", text);
        expect_bytes(&r, expected, len + 7);
    }
    reply_free(&r);
}

static void test_reply_counts_errors(void **state)
{
    struct reply r;
    size_t mark;

    (void)state;
    reply_open(&r, 2);
    assert_int_equal(r.nerrors, 0);
    assert_string_equal(r.error_code, "");
    reply_ok(&r);
    assert_int_equal(r.nerrors, 0);
    reply_error(&r, "-WRONGTYPE Operation");
    assert_int_equal(r.nerrors, 1);
    assert_string_equal(r.error_code, "WRONGTYPE");
    mark = reply_mark(&r);
    reply_errorf(&r, "no such %s", "key");
    assert_int_equal(r.nerrors, 2);
    assert_string_equal(r.error_code, "ERR");
    reply_truncate(&r, mark);
    assert_int_equal(r.nerrors, 2);
    // The longest code there is room for; a longer one, and one without a text, count as ERR.
    reply_error(&r, "-ABCDEFGHIJKLMNOPQRSTUVWXYZ1234 x");
    assert_string_equal(r.error_code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ1234");
    reply_error(&r, "-ABCDEFGHIJKLMNOPQRSTUVWXYZ12345 x");
    assert_string_equal(r.error_code, "ERR");
    reply_error(&r, "-LOADING");
    assert_string_equal(r.error_code, "ERR");
    assert_int_equal(r.nerrors, 5);
    reply_clear(&r);
    assert_int_equal(r.nerrors, 5);
    reply_free(&r);
}

// ---- deferred headers, marks -----------------------------------------------------------------

static void test_reply_deferred(void **state)
{
    static const size_t counts[] = {0, 1, 9, 10, 99, 100, 12345};
    char expected[100000];
    struct reply r;
    size_t i, k, len, at;

    (void)state;
    reply_open(&r, 2);
    for (i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        len = (size_t)sprintf(expected, "+OK\r\n*%zu\r\n", counts[i]);
        reply_ok(&r);
        at = reply_deferred_begin(&r);
        for (k = 0; k < counts[i]; k++) {
            reply_int(&r, (int64_t)(k % 10));
            len += (size_t)sprintf(expected + len, ":%zu\r\n", k % 10);
        }
        reply_deferred_array(&r, at, counts[i]);
        reply_ok(&r);
        len += (size_t)sprintf(expected + len, "+OK\r\n");
        expect_bytes(&r, expected, len);
    }
    reply_free(&r);
}

static void test_reply_deferred_types(void **state)
{
    (void)state;
    EXPECT_BOTH(reply_deferred_map(r, reply_deferred_begin(r), 5), "*10\r\n", "%5\r\n");
    EXPECT_BOTH(reply_deferred_map(r, reply_deferred_begin(r), 50), "*100\r\n", "%50\r\n");
    EXPECT_BOTH(reply_deferred_set(r, reply_deferred_begin(r), 5), "*5\r\n", "~5\r\n");
}

static void test_reply_deferred_nests(void **state)
{
    size_t outer, inner;
    struct reply r;

    (void)state;
    reply_open(&r, 3);
    outer = reply_deferred_begin(&r);
    reply_int(&r, 1);
    inner = reply_deferred_begin(&r);
    reply_int(&r, 2);
    reply_deferred_set(&r, inner, 100);
    inner = reply_deferred_begin(&r);
    reply_deferred_map(&r, inner, 0);
    reply_deferred_array(&r, outer, 1000);
    EXPECT(&r, "*1000\r\n:1\r\n~100\r\n:2\r\n%0\r\n");
    reply_free(&r);
}

// What stands before an open header may be sent and consumed, and the header still finds its place.
static void test_reply_deferred_while_sending(void **state)
{
    struct reply r;
    size_t at, i;

    (void)state;
    reply_open(&r, 2);
    reply_bulk_str(&r, "before");
    assert_int_equal(reply_sendable(&r), 12);
    at = reply_deferred_begin(&r);
    assert_int_equal(reply_sendable(&r), 12);
    reply_consume(&r, 5);
    assert_int_equal(reply_sendable(&r), 7);
    reply_consume(&r, 7);
    assert_int_equal(reply_sendable(&r), 0);
    for (i = 0; i < 1000; i++) {
        reply_ok(&r); // grows, and moves over the dead bytes
    }
    assert_int_equal(reply_sendable(&r), 0);
    reply_deferred_array(&r, at, 1000);
    assert_int_equal(reply_sendable(&r), 7 + 5000);
    assert_memory_equal(r.data, "*1000\r\n+OK\r\n", 12);
    reply_free(&r);
}

static void test_reply_mark_and_truncate(void **state)
{
    struct reply r;
    size_t mark, at;

    (void)state;
    reply_open(&r, 2);
    reply_ok(&r);
    reply_int(&r, 1);
    reply_consume(&r, 5);
    mark = reply_mark(&r);
    at = reply_deferred_begin(&r);
    assert_int_equal(at, mark);
    reply_bulk_str(&r, "gone");
    assert_int_equal(reply_sendable(&r), 4);
    reply_truncate(&r, mark);
    assert_int_equal(reply_sendable(&r), 4);
    reply_int(&r, 2);
    assert_int_equal(reply_sendable(&r), 8);
    EXPECT(&r, ":1\r\n:2\r\n");
    reply_free(&r);
}

// ---- the buffer ------------------------------------------------------------------------------

// Written and consumed in uneven pieces, the stream comes out whole.
static void test_reply_stream_in_pieces(void **state)
{
    size_t written = 0, sent = 0, i, nbytes;
    char block[1000];
    struct reply r;

    (void)state;
    reply_open(&r, 2);
    for (i = 0; sent < 3000000; i++) {
        nbytes = (i * 7919) % sizeof(block) + 1;
        for (size_t k = 0; k < nbytes; k++) {
            block[k] = (char)((written + k) % 251);
        }
        reply_raw(&r, block, nbytes);
        written += nbytes;
        nbytes = (i * 104729) % (r.len + 1);
        for (size_t k = 0; k < nbytes; k++) {
            assert_int_equal((unsigned char)r.data[k], (sent + k) % 251);
        }
        reply_consume(&r, nbytes);
        sent += nbytes;
        assert_int_equal(r.len, written - sent);
        assert_in_range(reply_memory(&r), r.len, 100000);
    }
    assert_in_range(hook.calls, 1, 10);
    reply_free(&r);
}

// A long queue that is sent and filled in small pieces is not moved for each piece.
static void test_reply_long_queue_is_rarely_moved(void **state)
{
    static char queue[60000];
    struct reply r;
    int i, moves = 0;

    (void)state;
    reply_open(&r, 2);
    reply_raw(&r, queue, sizeof(queue));
    for (i = 0; i < 10000; i++) {
        reply_consume(&r, 5);
        reply_ok(&r);
        moves += r.data == r.start;
    }
    assert_int_equal(r.len, sizeof(queue));
    assert_in_range(moves, 0, 3);
    reply_free(&r);
}

static void test_reply_steady_state_allocates_nothing(void **state)
{
    struct reply r;
    int i;

    (void)state;
    reply_open(&r, 2);
    for (i = 0; i < 10000; i++) {
        reply_bulk_str(&r, "some value or other");
        reply_int(&r, i);
        reply_consume(&r, r.len);
    }
    assert_int_equal(hook.calls, 1);
    assert_in_range(reply_memory(&r), 1, 4096);
    reply_free(&r);
}

static void test_reply_gives_memory_back(void **state)
{
    struct reply r;
    int i;

    (void)state;
    reply_open(&r, 2);
    for (i = 0; i < 1000000; i++) {
        reply_bulk_str(&r, "x");
    }
    assert_int_equal(r.len, 7000000);
    assert_in_range(hook.calls, 1, 20);
    assert_in_range(reply_memory(&r), r.len, 3 * r.len);
    reply_consume(&r, r.len);
    assert_int_equal(reply_memory(&r), 0);
    reply_ok(&r);
    reply_trim(&r); // not empty: nothing may happen
    EXPECT(&r, "+OK\r\n");
    reply_trim(&r);
    assert_int_equal(reply_memory(&r), 0);
    reply_ok(&r);
    EXPECT(&r, "+OK\r\n");
    reply_free(&r);
}

static void test_reply_move(void **state)
{
    struct reply a, b;
    size_t mark;

    (void)state;
    reply_open(&a, 2);
    reply_open(&b, 2);
    reply_bulk_str(&b, "one");
    reply_consume(&b, 4);
    mark = reply_mark(&b);
    reply_move(&a, &b); // takes the buffer over, the dead bytes with it
    assert_int_equal(reply_memory(&b), 0);
    assert_int_equal(b.len, 0);
    assert_int_equal(reply_mark(&b), mark); // positions never go back
    reply_int(&b, 2);
    reply_move(&a, &b); // appends
    assert_int_equal(b.len, 0);
    reply_move(&a, &b); // nothing to move
    reply_ok(&a);
    EXPECT(&a, "one\r\n:2\r\n+OK\r\n");
    reply_int(&b, 3);
    EXPECT(&b, ":3\r\n");
    hook.fail_from = 1;
    reply_trim(&b);
    reply_ok(&b);
    assert_true(b.failed);
    assert_false(a.failed);
    reply_move(&a, &b);
    assert_true(a.failed);
    reply_free(&a);
    reply_free(&b);
}

// ---- allocation failure ----------------------------------------------------------------------

static void write_everything(struct reply *r)
{
    static char large[5000];
    size_t at = reply_deferred_begin(r), inner;
    char *space;

    reply_ok(r);
    reply_error(r, "wrong");
    reply_errorf(r, "%s", "wrong");
    reply_bulk(r, large, sizeof(large));
    inner = reply_deferred_begin(r);
    reply_double(r, 0.1);
    reply_human_long_double(r, 0.1L);
    reply_verbatim(r, "txt", large, sizeof(large));
    reply_bignum(r, "1", 1);
    space = reply_bulk_space(r, 3);
    if (space != NULL) {
        memcpy(space, "abc", 3);
    }
    reply_deferred_map(r, inner, 1000000);
    reply_null(r);
    reply_raw(r, large, sizeof(large));
    reply_deferred_array(r, at, 1000000);
}

// What waits never exceeds max_len, the allocation included; sending makes room again.
static void test_reply_maximal_length(void **state)
{
    char text[1000];
    struct reply r;

    (void)state;
    memset(text, 'x', sizeof(text));
    reply_init(&r, 2);
    r.max_len = 10 * sizeof(text);
    for (int i = 0; i < 10; i++) {
        reply_raw(&r, text, sizeof(text));
    }
    assert_false(r.failed);
    assert_int_equal(r.len, r.max_len);
    assert_in_range(reply_memory(&r), r.len, r.max_len);
    reply_consume(&r, 1);
    reply_raw(&r, text, 1);
    assert_false(r.failed);
    reply_raw(&r, text, 1);
    assert_true(r.failed);
    assert_true(r.too_long);
    assert_int_equal(r.len, r.max_len);
    reply_free(&r);
}

// From each allocation on all fail. What was complete before stays, nothing is written after.
static void test_reply_allocation_failure(void **state)
{
    struct reply good, r;
    size_t calls = 1, fail_from, len;

    (void)state;
    reply_open(&good, 3);
    write_everything(&good);
    calls = hook.calls;
    assert_false(good.failed);
    assert_in_range(calls, 3, 20);
    for (fail_from = 1; fail_from <= calls; fail_from++) {
        reply_open(&r, 3);
        hook.fail_from = fail_from;
        write_everything(&r);
        assert_true(r.failed);
        assert_true(r.len < good.len);
        // A later chance to allocate changes nothing, nor does sending the rest.
        hook.fail_from = 0;
        len = r.len;
        reply_ok(&r);
        assert_int_equal(r.len, len);
        reply_consume(&r, len / 2);
        reply_ok(&r);
        assert_int_equal(r.len, len - len / 2);
        reply_truncate(&r, reply_mark(&r) - r.len / 2);
        len = r.len;
        reply_ok(&r);
        assert_int_equal(r.len, len);
        reply_clear(&r);
        reply_ok(&r);
        assert_int_equal(r.len, 0);
        assert_true(r.failed);
        assert_null(reply_bulk_space(&r, 1));
        reply_free(&r);
        assert_false(r.failed);
    }
    reply_free(&good);
}

static void test_reply_refuses_absurd_lengths(void **state)
{
    struct reply r;

    (void)state;
    reply_open(&r, 2);
    reply_ok(&r);
    assert_null(reply_bulk_space(&r, SIZE_MAX - 10));
    assert_true(r.failed);
    assert_int_equal(r.len, 5);
    reply_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reply_plain_types),
        cmocka_unit_test(test_reply_bulk),
        cmocka_unit_test(test_reply_types_that_differ),
        cmocka_unit_test(test_reply_aggregates),
        cmocka_unit_test(test_reply_doubles),
        cmocka_unit_test(test_reply_errors),
        cmocka_unit_test(test_reply_errorf_of_any_length),
        cmocka_unit_test(test_reply_counts_errors),
        cmocka_unit_test(test_reply_deferred),
        cmocka_unit_test(test_reply_deferred_types),
        cmocka_unit_test(test_reply_deferred_nests),
        cmocka_unit_test(test_reply_deferred_while_sending),
        cmocka_unit_test(test_reply_mark_and_truncate),
        cmocka_unit_test(test_reply_stream_in_pieces),
        cmocka_unit_test(test_reply_long_queue_is_rarely_moved),
        cmocka_unit_test(test_reply_steady_state_allocates_nothing),
        cmocka_unit_test(test_reply_gives_memory_back),
        cmocka_unit_test(test_reply_move),
        cmocka_unit_test(test_reply_maximal_length),
        cmocka_unit_test(test_reply_allocation_failure),
        cmocka_unit_test(test_reply_refuses_absurd_lengths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
