// SPDX-License-Identifier: MIT
//
// The request parser: what it makes of well-formed and hostile bytes, that no split of the bytes
// changes the answer, and that memory follows the bytes received.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "resp/request.h"
#include "tests/lib/parsing.h"

// ---- what is parsed into what ----------------------------------------------------------------

struct sample {
    struct bytes in;
    const char *out;
};

#define SAMPLE(in, out)                                                                            \
    {                                                                                              \
        {in, sizeof(in) - 1}, out                                                                  \
    }

#define MULTIBULK_LENGTH "!Protocol error: invalid multibulk length"
#define BULK_LENGTH      "!Protocol error: invalid bulk length"
#define EXPECTED         "!Protocol error: expected '$', got "
#define UNBALANCED       "!Protocol error: unbalanced quotes in request"

// Each answer is redis-server 7.0.15's but two: it waits for more after a NUL in a length line, and
// its limit on the number of arguments is INT_MAX.
static const struct sample corpus[] = {
    SAMPLE("", ""),
    SAMPLE("*1\r\n$4\r\nPING\r\n", "[PING]"),
    SAMPLE("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nhello\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
           "[SET|k|hello][GET|k]"),
    SAMPLE("*2\r\n$0\r\n\r\n$0\r\n\r\n", "[|]"),
    SAMPLE("*2\r\n$4\r\nECHO\r\n$9\r\n\r\n*1\r\n$\xff\xfe\r\n", "[ECHO|\r\n*1\r\n$\xff\xfe]"),
    SAMPLE("*2\r\n$4\r\nECHO\r\n$12\r\nhello world!\r\n", "[ECHO|hello world!]"),
    SAMPLE(
        "*11\r\n$1\r\n0\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n$1\r\n5\r\n$1\r\n6\r\n$1\r\n"
        "7\r\n$1\r\n8\r\n$1\r\n9\r\n$1\r\na\r\n",
        "[0|1|2|3|4|5|6|7|8|9|a]"),
    SAMPLE("*0\r\n*-1\r\n*-5\r\n*1\r\n$4\r\nPING\r\n", "[PING]"),
    SAMPLE("*1\r\n$4\r\nPI", "..."),
    SAMPLE("*2\r\n", "..."),
    SAMPLE("*2\r", "..."),
    // What follows a CR, and what follows a bulk string, is skipped unread.
    SAMPLE("*1\rx$4\rxPINGxxPING\r\n", "[PING][PING]"),
    // Malformed lengths.
    SAMPLE("*\r\n", MULTIBULK_LENGTH),
    SAMPLE("*01\r\n$4\r\nPING\r\n", MULTIBULK_LENGTH),
    SAMPLE("*+1\r\n", MULTIBULK_LENGTH),
    SAMPLE("* 1\r\n", MULTIBULK_LENGTH),
    SAMPLE("*1 \r\n", MULTIBULK_LENGTH),
    SAMPLE("*-0\r\n", MULTIBULK_LENGTH),
    SAMPLE("*--1\r\n", MULTIBULK_LENGTH),
    SAMPLE("*1a\r\n", MULTIBULK_LENGTH),
    SAMPLE("*1\0\r\n", MULTIBULK_LENGTH),
    SAMPLE("*2147483648\r\n", MULTIBULK_LENGTH),
    SAMPLE("*1048577\r\n", MULTIBULK_LENGTH),
    SAMPLE("*4294967297\r\n$4\r\nPING\r\n", MULTIBULK_LENGTH),
    SAMPLE("*18446744073709551617\r\n$4\r\nPING\r\n", MULTIBULK_LENGTH),
    SAMPLE("*99999999999999999999999999\r\n", MULTIBULK_LENGTH),
    SAMPLE("*-99999999999999999999999999\r\n", MULTIBULK_LENGTH),
    SAMPLE("*1\r\n$-1\r\n", BULK_LENGTH),
    SAMPLE("*1\r\n$\r\n", BULK_LENGTH),
    SAMPLE("*1\r\n$04\r\nPING\r\n", BULK_LENGTH),
    SAMPLE("*1\r\n$4x\r\n", BULK_LENGTH),
    SAMPLE("*1\r\n$00\r\nPING\r\n", BULK_LENGTH),
    SAMPLE("*1\r\n$1x1\r\nPING\r\n", BULK_LENGTH),
    SAMPLE("*1\r\n:4\r\nPING\r\n", EXPECTED "':'"),
    SAMPLE("*1\r\n$536870913\r\n", BULK_LENGTH),
    SAMPLE("*1\r\n$536870912\r\n", "..."),
    SAMPLE("*1\r\n$9223372036854775807\r\n", BULK_LENGTH),
    SAMPLE("*1\r\n$9223372036854775808\r\n", BULK_LENGTH),
    SAMPLE("*1\r\n$18446744073709551620\r\nPING\r\n", BULK_LENGTH),
    SAMPLE("*1\r\nfoo\r\n", EXPECTED "'f'"),
    SAMPLE("*1\r\n\r\n", EXPECTED "'\r'"),
    SAMPLE("*1\r\n:5\r\n", EXPECTED "':'"),
    SAMPLE("*1\r\n*1\r\n$1\r\nx\r\n", EXPECTED "'*'"),
    SAMPLE("*1\r\n$4\r\nPING*1\r\n$4\r\nPING\r\n", "[PING][$4][PING]"),
    SAMPLE("*2\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n", EXPECTED "'*'"),
    SAMPLE("*1\r\n$4\r\nPING\r\n*x\r\n*1\r\n$4\r\nPING\r\n", "[PING]" MULTIBULK_LENGTH),
    // Inline lines.
    SAMPLE("PING\r\n", "[PING]"),
    SAMPLE("PING\n", "[PING]"),
    SAMPLE("PING\r\r\n", "[PING]"),
    SAMPLE("\r\n\n  \r\n\t\nPING\r\n", "[PING]"),
    SAMPLE("  set  key\tvalue  \r\n", "[set|key|value]"),
    SAMPLE("ECHO a\rb\r\n", "[ECHO|a|b]"),
    SAMPLE("\x0b\x0cPING\r\n", "[PING]"),
    SAMPLE("ECHO \x0b"
           "a\x0b"
           "b\r\n",
           "[ECHO|a\x0b"
           "b]"),
    SAMPLE("ECHO \"\" ''\r\n", "[ECHO||]"),
    SAMPLE("ECHO \"a b\" 'c d'\r\n", "[ECHO|a b|c d]"),
    SAMPLE("ECHO \"a\\x41\\x4g\\n\\r\\t\\b\\a\\\"\\\\\\q\"\r\n", "[ECHO|aAx4g\n\r\t\b\a\"\\q]"),
    SAMPLE("ECHO \"\\xfF\\x\"\r\n", "[ECHO|\xffx]"),
    SAMPLE("ECHO 'a\\'b\\n\\'\r\n", UNBALANCED),
    SAMPLE("ECHO 'a\\'b\\n\"'\n", "[ECHO|a'b\\n\"]"),
    SAMPLE("ECHO a\"b c\" d'e'\r\n", "[ECHO|ab c|de]"),
    SAMPLE("ECHO a\\\r\n", "[ECHO|a\\]"),
    SAMPLE("ECHO \"a\"b\r\n", UNBALANCED),
    SAMPLE("ECHO 'a''b'\r\n", UNBALANCED),
    SAMPLE("ECHO \"abc\r\n", UNBALANCED),
    SAMPLE("ECHO 'abc\r\n", UNBALANCED),
    SAMPLE("ECHO \"a\\\r\n", UNBALANCED),
    SAMPLE("ECHO \"\\x4\r\n", UNBALANCED),
    SAMPLE("PING", "..."),
    SAMPLE("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n",
           "[1|2|3|4|5|6|7|8|9|10|11|12|13|14|15|16|17]"),
    // Both kinds mixed.
    SAMPLE("PING\r\n*1\r\n$4\r\nPING\r\n\r\nECHO 'x y'\n*2\r\n$4\r\nECHO\r\n$1\r\nz\r\nPING\r\n",
           "[PING][PING][ECHO|x y][ECHO|z][PING]"),
};

static void check(struct bytes in, const size_t *cuts, const struct request_limits *limits,
                  const char *expected)
{
    char *got = parsing_cut(in, cuts, limits);

    if (strcmp(got, expected) != 0) {
        print_error("input %.*s, first cut at %zu\n", (int)in.len, in.data, cuts[0]);
    }
    assert_string_equal(got, expected);
    free(got);
}

static void test_request_corpus_whole(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(corpus) / sizeof(*corpus); i++) {
        check(corpus[i].in, &corpus[i].in.len, &parsing_usual, corpus[i].out);
    }
}

static void test_request_corpus_every_pair_of_cuts(void **state)
{
    size_t i, cuts[3];

    (void)state;
    for (i = 0; i < sizeof(corpus) / sizeof(*corpus); i++) {
        cuts[2] = corpus[i].in.len;
        for (cuts[0] = 1; cuts[0] < cuts[2]; cuts[0]++) {
            for (cuts[1] = cuts[0]; cuts[1] < cuts[2]; cuts[1]++) {
                check(corpus[i].in, cuts, &parsing_usual, corpus[i].out);
            }
        }
    }
}

static void test_request_corpus_bytewise(void **state)
{
    size_t cuts[256];
    size_t i;

    (void)state;
    for (i = 0; i < 256; i++) {
        cuts[i] = i + 1;
    }
    for (i = 0; i < sizeof(corpus) / sizeof(*corpus); i++) {
        assert_true(corpus[i].in.len < 256);
        check(corpus[i].in, cuts, &parsing_usual, corpus[i].out);
    }
}

// All samples that end cleanly, behind each other, in chunks of every size.
static void test_request_corpus_as_one_stream(void **state)
{
    struct strbuf in = {0}, out = {0};
    size_t *cuts;
    size_t i, chunk;

    (void)state;
    for (i = 0; i < sizeof(corpus) / sizeof(*corpus); i++) {
        const char *end = corpus[i].out;

        if (strchr(end, '!') == NULL && strstr(end, "...") == NULL) {
            strbuf_add(&in, corpus[i].in.data, corpus[i].in.len);
            strbuf_addf(&out, "%s", end);
        }
    }
    // "hello world!" has an exclamation mark, so at least that sample is out; most are in.
    assert_true(in.len > 400);
    cuts = calloc(in.len + 1, sizeof(*cuts));
    assert_non_null(cuts);
    for (chunk = 1; chunk <= in.len; chunk++) {
        for (i = 0; i <= in.len / chunk; i++) {
            cuts[i] = (i + 1) * chunk < in.len ? (i + 1) * chunk : in.len;
        }
        check((struct bytes){in.data, in.len}, cuts, &parsing_usual, out.data);
    }
    free(cuts);
    free(in.data);
    free(out.data);
}

// ---- limits ----------------------------------------------------------------------------------

static void test_request_limits_before_auth(void **state)
{
    static const struct sample samples[] = {
        SAMPLE("*10\r\n", "..."),
        SAMPLE("*11\r\n", "!Protocol error: unauthenticated multibulk length"),
        SAMPLE("*2147483648\r\n", MULTIBULK_LENGTH),
        SAMPLE("*10\r\n$16384\r\n", "..."),
        SAMPLE("*10\r\n$16385\r\n", "!Protocol error: unauthenticated bulk length"),
        SAMPLE("*10\r\n$-1\r\n", BULK_LENGTH),
        SAMPLE("1 2 3 4 5 6 7 8 9 10 11 12\n", "[1|2|3|4|5|6|7|8|9|10|11|12]"),
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
        check(samples[i].in, &samples[i].in.len, &parsing_before_auth, samples[i].out);
    }
}

static void test_request_limits_given_by_the_caller(void **state)
{
    static const struct request_limits small = {10, REQUEST_MAX_INLINE, 3, true};

    (void)state;
    check(BYTES("*1\r\n$10\r\n0123456789\r\n"), (size_t[]){99}, &small, "[0123456789]");
    check(BYTES("*1\r\n$11\r\n"), (size_t[]){99}, &small, BULK_LENGTH);
    check(BYTES("*1\r\n$11\r\n0123456789a\r\n"), (size_t[]){99}, &small, BULK_LENGTH);
    check(BYTES("*3\r\n"), (size_t[]){99}, &small, "...");
    check(BYTES("*4\r\n"), (size_t[]){99}, &small, MULTIBULK_LENGTH);
    check(BYTES("*4\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n"), (size_t[]){99}, &small,
          MULTIBULK_LENGTH);
}

// `prefix`, then `count` times `fill`, then `suffix`; parsed whole, in reads of 1000 bytes, and
// with the last byte of the filling alone.
static void check_long_line(const char *prefix, size_t count, char fill, const char *suffix,
                            const char *expected)
{
    size_t before = strlen(prefix), len = before + count + strlen(suffix);
    char *in = malloc(len + 1);
    size_t cuts[100], i;

    assert_non_null(in);
    memcpy(in, prefix, before);
    memset(in + before, fill, count);
    memcpy(in + before + count, suffix, strlen(suffix) + 1);
    for (i = 0; i < 100; i++) {
        cuts[i] = (i + 1) * 1000;
    }
    check((struct bytes){in, len}, &len, &parsing_usual, expected);
    check((struct bytes){in, len}, cuts, &parsing_usual, expected);
    cuts[0] = before + count - 1;
    cuts[1] = before + count;
    cuts[2] = len;
    check((struct bytes){in, len}, cuts, &parsing_usual, expected);
    free(in);
}

static void test_request_too_long_lines(void **state)
{
    static char expected[REQUEST_MAX_INLINE + 3];

    (void)state;
    // The longest line there may be, then one byte more, with and without its end.
    memset(expected, 'E', sizeof(expected) - 1);
    expected[0] = '[';
    expected[sizeof(expected) - 2] = ']';
    check_long_line("", REQUEST_MAX_INLINE, 'E', "", "...");
    check_long_line("", REQUEST_MAX_INLINE, 'E', "\n", expected);
    check_long_line("", REQUEST_MAX_INLINE + 1, 'E', "", "!Protocol error: too big inline request");
    check_long_line("", REQUEST_MAX_INLINE + 1, 'E', "\n",
                    "!Protocol error: too big inline request");
    check_long_line("*", REQUEST_MAX_INLINE - 1, '1', "", "...");
    check_long_line("*", REQUEST_MAX_INLINE - 1, '1', "\r\n", MULTIBULK_LENGTH);
    check_long_line("*", REQUEST_MAX_INLINE, '1', "\r\n",
                    "!Protocol error: too big mbulk count string");
    check_long_line("*1\r\n$", REQUEST_MAX_INLINE - 1, '1', "\r\n", BULK_LENGTH);
    check_long_line("*1\r\n$", REQUEST_MAX_INLINE, '1', "",
                    "!Protocol error: too big bulk count string");
    check_long_line("*1\r\n", REQUEST_MAX_INLINE + 1, 'x', "\r\n",
                    "!Protocol error: too big bulk count string");
}

// ---- the buffer ------------------------------------------------------------------------------

static void test_request_pipeline_of_100k(void **state)
{
    static const size_t reads[] = {1, 7, 4096, 16384, 1000000};
    enum { REQUESTS = 100000 };
    struct request_parser p;
    struct bytes *argv;
    const char *error;
    char *in = malloc(REQUESTS * 64), key[16], value[16];
    size_t len = 0, at, nbytes, r, warm = 0;
    int argc, seen;
    char *space;

    (void)state;
    assert_non_null(in);
    for (seen = 0; seen < REQUESTS; seen++) {
        snprintf(key, sizeof(key), "k%d", seen);
        snprintf(value, sizeof(value), "%d", seen * 7);
        len += (size_t)sprintf(in + len, "*3\r\n$3\r\nSET\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n",
                               strlen(key), key, strlen(value), value);
    }
    for (r = 0; r < sizeof(reads) / sizeof(*reads); r++) {
        parsing_open(&p);
        seen = 0;
        for (at = 0; at < len; at += nbytes) {
            assert_int_equal(request_reserve(&p, 16384, &space, &nbytes), REQUEST_READY);
            assert_true(nbytes >= 16384);
            nbytes = nbytes < reads[r] ? nbytes : reads[r];
            nbytes = nbytes < len - at ? nbytes : len - at;
            memcpy(space, in + at, nbytes);
            request_commit(&p, nbytes);
            while (request_next(&p, &parsing_usual, &argc, &argv, &error) == REQUEST_READY) {
                assert_int_equal(argc, 3);
                snprintf(key, sizeof(key), "k%d", seen);
                snprintf(value, sizeof(value), "%d", seen * 7);
                assert_true(bytes_equal(argv[1], bytes_of(key)));
                assert_true(bytes_equal(argv[2], bytes_of(value)));
                if (++seen == 2000) {
                    warm = parsing_hook.calls;
                }
            }
        }
        assert_int_equal(seen, REQUESTS);
        assert_int_equal(request_pending(&p), 0);
        // No allocation in steady state.
        assert_int_equal(parsing_hook.calls, warm);
        request_free(&p);
    }
    free(in);
}

// 1 GB and 1 M arguments announced, and hardly anything sent.
static void test_request_memory_follows_bytes_not_promises(void **state)
{
    static const struct request_limits huge = {(size_t)4 << 30, REQUEST_MAX_INLINE,
                                               REQUEST_MAX_ARGS, true};
    static const char bulk[] = "*1\r\n$1073741824\r\n", args[] = "*1048576\r\n";
    struct strbuf t = {0};
    struct request_parser p;
    size_t sent, nbytes;
    char *space;
    int i;

    (void)state;
    parsing_open(&p);
    parsing_feed(&p, bulk, sizeof(bulk) - 1, 16384);
    assert_true(parsing_drain(&p, &huge, &t));
    for (sent = 0; sent < 3000000; sent += 1000) {
        assert_int_equal(request_reserve(&p, 16384, &space, &nbytes), REQUEST_READY);
        memset(space, 'x', 1000);
        request_commit(&p, 1000);
        assert_true(parsing_drain(&p, &huge, &t));
        assert_in_range(request_memory(&p), sent, 2 * sent + 40000);
    }
    request_free(&p);

    parsing_open(&p);
    parsing_feed(&p, args, sizeof(args) - 1, 16384);
    assert_true(parsing_drain(&p, &parsing_usual, &t));
    assert_in_range(request_memory(&p), 0, 20000);
    for (i = 0; i < 1000; i++) {
        parsing_feed(&p, "$0\r\n\r\n", 6, 16384);
        assert_true(parsing_drain(&p, &parsing_usual, &t));
    }
    assert_int_equal(t.len, 0);
    assert_in_range(request_memory(&p), 1000 * sizeof(struct bytes), 100000);
    request_free(&p);
    free(t.data);
}

// Sends an ECHO of `size` bytes in reads as large as the parser wants them; `behind` follows.
static void send_big(struct request_parser *p, size_t size, const char *behind, struct strbuf *t)
{
    size_t sent = 0, total = size + 2, nbytes, i;
    char header[64];
    char *space;

    sprintf(header, "*2\r\n$4\r\nECHO\r\n$%zu\r\n", size);
    parsing_feed(p, header, strlen(header), 16384);
    assert_true(parsing_drain(p, &parsing_usual, t));
    while (sent < total) {
        assert_int_equal(request_reserve(p, 16384, &space, &nbytes), REQUEST_READY);
        // Never beyond the end of the argument.
        assert_true(nbytes >= 16384 || nbytes == total - sent);
        nbytes = nbytes < total - sent ? nbytes : total - sent;
        for (i = 0; i < nbytes; i++) {
            space[i] = "abcdefghijklmnopqrstuvwxyz"[(sent + i) % 26];
        }
        request_commit(p, nbytes);
        sent += nbytes;
        assert_in_range(request_memory(p), 0, total + 16384 + 1024);
        if (sent == total) {
            parsing_feed(p, behind, strlen(behind), 16);
        }
        assert_true(parsing_drain(p, &parsing_usual, t));
    }
}

static void check_big(const struct strbuf *t, size_t size)
{
    size_t i;

    assert_true(t->len >= size + 7);
    assert_memory_equal(t->data, "[ECHO|", 6);
    for (i = 0; i < size; i++) {
        assert_int_equal(t->data[6 + i], "abcdefghijklmnopqrstuvwxyz"[i % 26]);
    }
    assert_int_equal(t->data[6 + size], ']');
}

static void test_request_big_argument_and_back(void **state)
{
    enum { SIZE = 8 * 1024 * 1024 + 17 };
    struct strbuf t = {0};
    struct request_parser p;

    (void)state;
    parsing_open(&p);
    send_big(&p, SIZE, "", &t);
    check_big(&t, SIZE);
    assert_int_equal(t.len, SIZE + 7);
    assert_int_equal(request_pending(&p), 0);
    assert_in_range(request_memory(&p), 0, 64 * 1024);
    // Growing doubles: a few dozen calls, not one per read.
    assert_in_range(parsing_hook.calls, 1, 40);
    request_free(&p);
    free(t.data);
}

// The large buffer goes back although half a request, with parsed arguments, is still in it.
static void test_request_shrinks_under_a_half_parsed_request(void **state)
{
    enum { SIZE = 4 * 1024 * 1024 };
    struct strbuf t = {0};
    struct request_parser p;

    (void)state;
    parsing_open(&p);
    send_big(&p, SIZE, "*4\r\n$3\r\nSET\r\n$5\r\nfirst\r\n$6\r\nsecond\r\n$5\r\nth", &t);
    check_big(&t, SIZE);
    assert_in_range(request_memory(&p), 1, 64 * 1024);
    parsing_feed(&p, "ird\r\nPING\r\n", 11, 16);
    assert_true(parsing_drain(&p, &parsing_usual, &t));
    assert_string_equal(t.data + SIZE + 7, "[SET|first|second|third][PING]");
    request_free(&p);
    free(t.data);
}

// A buffer of medium size outlives small pauses, and goes after a longer one.
static void test_request_medium_buffer_goes_after_a_while(void **state)
{
    struct strbuf t = {0};
    struct request_parser p;
    size_t medium;
    int i;

    (void)state;
    parsing_open(&p);
    send_big(&p, 200000, "", &t);
    medium = request_memory(&p);
    assert_true(medium > 200000);
    parsing_feed(&p, "PING\r\n", 6, 16);
    assert_true(parsing_drain(&p, &parsing_usual, &t));
    assert_int_equal(request_memory(&p), medium);
    for (i = 0; i < 20; i++) {
        parsing_feed(&p, "PING\r\n", 6, 16);
        assert_true(parsing_drain(&p, &parsing_usual, &t));
    }
    assert_in_range(request_memory(&p), 0, 64 * 1024);
    request_free(&p);
    free(t.data);
}

static void test_request_args_array_goes_back(void **state)
{
    struct strbuf t = {0};
    struct request_parser p;
    int i;

    (void)state;
    parsing_open(&p);
    parsing_feed(&p, "*100000\r\n", 9, 16384);
    for (i = 0; i < 100000; i++) {
        parsing_feed(&p, "$1\r\nx\r\n", 7, 16384);
        assert_true(parsing_drain(&p, &parsing_usual, &t));
    }
    assert_int_equal(t.len, 200001);
    assert_in_range(request_memory(&p), 0, 64 * 1024);
    parsing_feed(&p, "PING\r\n", 6, 16384);
    assert_true(parsing_drain(&p, &parsing_usual, &t));
    assert_string_equal(t.data + 200001, "[PING]");
    request_free(&p);
    free(t.data);
}

static void test_request_trim(void **state)
{
    struct strbuf t = {0};
    struct request_parser p;

    (void)state;
    parsing_open(&p);
    request_trim(&p);
    parsing_feed(&p, "*1\r\n$4\r\nPI", 10, 16384);
    assert_true(parsing_drain(&p, &parsing_usual, &t));
    request_trim(&p); // half a request: nothing may happen
    parsing_feed(&p, "NG\r\n", 4, 16384);
    assert_true(parsing_drain(&p, &parsing_usual, &t));
    request_trim(&p);
    assert_int_equal(request_memory(&p), 0);
    parsing_feed(&p, "*2\r\n", 4, 16384); // only a header: nothing pending, still half a request
    assert_true(parsing_drain(&p, &parsing_usual, &t));
    request_trim(&p);
    parsing_feed(&p, "$1\r\na\r\n", 7, 16384); // an argument parsed, and still nothing behind it
    assert_true(parsing_drain(&p, &parsing_usual, &t));
    request_trim(&p);
    parsing_feed(&p, "$1\r\nb\r\n", 7, 16384);
    assert_true(parsing_drain(&p, &parsing_usual, &t));
    assert_string_equal(t.data, "[PING][a|b]");
    request_free(&p);
    free(t.data);
}

static void test_request_argv_survives_commit(void **state)
{
    struct request_parser p;
    struct bytes *argv;
    const char *error;
    size_t nbytes;
    char *space;
    int argc;

    (void)state;
    parsing_open(&p);
    assert_int_equal(request_reserve(&p, 100, &space, &nbytes), REQUEST_READY);
    memcpy(space, "ECHO first\r\nPI", 14);
    request_commit(&p, 14);
    assert_int_equal(request_next(&p, &parsing_usual, &argc, &argv, &error), REQUEST_READY);
    assert_int_equal(request_pending(&p), 2);
    memcpy(space + 14, "NG\r\n", 4);
    request_commit(&p, 4);
    assert_int_equal(argc, 2);
    assert_true(bytes_equal(argv[1], BYTES("first")));
    assert_int_equal(request_next(&p, &parsing_usual, &argc, &argv, &error), REQUEST_READY);
    assert_true(bytes_equal(argv[0], BYTES("PING")));
    request_free(&p);
}

// After an error nothing is parsed or kept any more.
static void test_request_error_is_final(void **state)
{
    struct strbuf t = {0};
    struct request_parser p;

    (void)state;
    parsing_open(&p);
    parsing_feed(&p, "*1\r\nx\r\nPING\r\n", 13, 16);
    assert_false(parsing_drain(&p, &parsing_usual, &t));
    parsing_feed(&p, "PING\r\n", 6, 16);
    assert_false(parsing_drain(&p, &parsing_usual, &t));
    assert_int_equal(request_pending(&p), 0);
    assert_string_equal(t.data, EXPECTED "'x'" EXPECTED "'x'");
    request_free(&p);
    free(t.data);
}

// Each allocation in turn fails once; the repeated call must go on as if nothing had been.
static void test_request_survives_every_allocation_failure(void **state)
{
    static const char in[] =
        "ECHO 'a b' \"\\x41\" 3 4 5 6 7 8 9 10 11 12\r\n*2\r\n$4\r\nECHO\r\n$70000\r\n";
    static const char behind[] =
        "\r\n*12\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n$1\r\n5\r\n$1\r\n"
        "6\r\n$1\r\n7\r\n$1\r\n8\r\n$1\r\n9\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n";
    struct strbuf expected = {0};
    char *value = malloc(70000);
    size_t fail_at, calls = 1;

    (void)state;
    assert_non_null(value);
    memset(value, 'v', 70000);
    for (fail_at = 0; fail_at <= calls; fail_at++) {
        struct strbuf t = {0};
        struct request_parser p;

        parsing_open(&p);
        parsing_hook.fail_at = fail_at;
        parsing_feed(&p, in, sizeof(in) - 1, 16);
        assert_true(parsing_drain(&p, &parsing_usual, &t));
        parsing_feed(&p, value, 70000, 4096);
        assert_true(parsing_drain(&p, &parsing_usual, &t));
        parsing_feed(&p, behind, sizeof(behind) - 1, 16);
        assert_true(parsing_drain(&p, &parsing_usual, &t));
        if (fail_at == 0) {
            expected = t;
            calls = parsing_hook.calls;
            assert_in_range(calls, 5, 100);
            assert_non_null(strstr(t.data, "[ECHO|a b|A|3|4|5|6|7|8|9|10|11|12]"));
            assert_non_null(strstr(t.data, "v][1|2|3|4|5|6|7|8|9|a|b|c]"));
        } else {
            assert_int_equal(t.len, expected.len);
            assert_memory_equal(t.data, expected.data, t.len);
            free(t.data);
        }
        request_free(&p);
    }
    free(expected.data);
    free(value);
}

static void test_request_reports_lack_of_memory(void **state)
{
    struct request_parser p;
    struct bytes *argv;
    const char *error;
    size_t nbytes;
    char *space;
    int argc;

    (void)state;
    parsing_open(&p);
    parsing_hook.fail_at = 1;
    assert_int_equal(request_reserve(&p, 16, &space, &nbytes), REQUEST_NO_MEMORY);
    parsing_feed(&p, "PING 'a b'\r\n", 12, 16);
    parsing_hook.fail_at = parsing_hook.calls + 1;
    assert_int_equal(request_next(&p, &parsing_usual, &argc, &argv, &error), REQUEST_NO_MEMORY);
    assert_int_equal(request_pending(&p), 12);
    assert_int_equal(request_next(&p, &parsing_usual, &argc, &argv, &error), REQUEST_READY);
    assert_int_equal(argc, 2);
    assert_true(bytes_equal(argv[1], BYTES("a b")));
    request_free(&p);
}

// All requests of a batch stay valid together, beside one that is half parsed, until the next call.
static void test_batch_stays_valid_beside_a_half_parsed_request(void **state)
{
    static const char stream[] =
        "*2\r\n$3\r\nGET\r\n$1\r\na\r\nPING\r\n*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$5\r\n12";
    struct request requests[PARSING_BATCH];
    struct request_parser p;
    const char *error;
    int n;

    (void)state;
    parsing_open(&p);
    parsing_feed(&p, stream, sizeof(stream) - 1, 16);
    assert_int_equal(request_batch(&p, &parsing_usual, requests, PARSING_BATCH, &n, &error),
                     REQUEST_READY);
    assert_int_equal(n, 2);
    assert_true(bytes_equal(requests[0].argv[1], BYTES("a")));
    assert_true(bytes_equal(requests[1].argv[0], BYTES("PING")));
    assert_int_equal(request_batch(&p, &parsing_usual, requests, PARSING_BATCH, &n, &error),
                     REQUEST_INCOMPLETE);
    parsing_feed(&p, "345\r\n", 5, 16);
    assert_int_equal(request_batch(&p, &parsing_usual, requests, PARSING_BATCH, &n, &error),
                     REQUEST_READY);
    assert_int_equal(n, 1);
    assert_int_equal(requests[0].argc, 3);
    assert_true(bytes_equal(requests[0].argv[0], BYTES("SET")));
    assert_true(bytes_equal(requests[0].argv[2], BYTES("12345")));
    request_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch_stays_valid_beside_a_half_parsed_request),
        cmocka_unit_test(test_request_corpus_whole),
        cmocka_unit_test(test_request_corpus_every_pair_of_cuts),
        cmocka_unit_test(test_request_corpus_bytewise),
        cmocka_unit_test(test_request_corpus_as_one_stream),
        cmocka_unit_test(test_request_limits_before_auth),
        cmocka_unit_test(test_request_limits_given_by_the_caller),
        cmocka_unit_test(test_request_too_long_lines),
        cmocka_unit_test(test_request_pipeline_of_100k),
        cmocka_unit_test(test_request_memory_follows_bytes_not_promises),
        cmocka_unit_test(test_request_big_argument_and_back),
        cmocka_unit_test(test_request_shrinks_under_a_half_parsed_request),
        cmocka_unit_test(test_request_medium_buffer_goes_after_a_while),
        cmocka_unit_test(test_request_args_array_goes_back),
        cmocka_unit_test(test_request_trim),
        cmocka_unit_test(test_request_argv_survives_commit),
        cmocka_unit_test(test_request_error_is_final),
        cmocka_unit_test(test_request_survives_every_allocation_failure),
        cmocka_unit_test(test_request_reports_lack_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
