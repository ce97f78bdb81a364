// SPDX-License-Identifier: MIT
//
// The checker of histories itself: what it must accept, what it must reject and how it explains
// that, and its agreement with trying every order. The model of the keyspace is compared with the
// server.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/inproc.h"
#include "tests/lib/kv_model.h"
#include "tests/lib/linear_load.h"
#include "tests/lib/linear_tear.h"
#include "tests/lib/linearize.h"
#include "tests/lib/reply_text.h"

enum { CLIENTS = 6, OPS = 512 };

// A line of a history. returned -1: no reply came.
struct line {
    int client;
    int64_t called, returned;
    const char *commands, *reply;
};

static struct history *history;
static struct strbuf report;

static int setup(void **state)
{
    (void)state;
    history = history_new(CLIENTS, OPS);
    strbuf_clear(&report);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    history_free(history);
    strbuf_free(&report);
    return 0;
}

static void record(const struct line *line)
{
    history_add(history_log(history, line->client), line->called, line->returned, line->commands,
                line->reply);
}

static enum linear_verdict verdict_of(const struct line *lines, int n,
                                      const struct linear_limits *limits)
{
    history_clear(history);
    strbuf_clear(&report);
    for (int i = 0; i < n; i++)
        record(&lines[i]);
    return linearize(history, &kv_model, limits, &report);
}

static void expect_verdict(const struct line *lines, int n, enum linear_verdict expected)
{
    enum linear_verdict verdict = verdict_of(lines, n, NULL);

    if (verdict != expected)
        fprintf(stderr, "%s\n", report.len ? report.data : "accepted");
    assert_int_equal(verdict, expected);
}

#define ACCEPTED(...)                                                                              \
    do {                                                                                           \
        static const struct line lines_[] = {__VA_ARGS__};                                         \
        expect_verdict(lines_, sizeof lines_ / sizeof lines_[0], LINEAR_OK);                       \
    } while (0)
#define REJECTED(...)                                                                              \
    do {                                                                                           \
        static const struct line lines_[] = {__VA_ARGS__};                                         \
        expect_verdict(lines_, sizeof lines_ / sizeof lines_[0], LINEAR_VIOLATION);                \
    } while (0)

// ---- one key ------------------------------------------------------------------------------------

static void test_a_write_happens_while_it_is_in_flight(void **state)
{
    (void)state;
    // Seen or not by whoever overlaps it, in any order of their calls.
    ACCEPTED({0, 10, 50, "SET k a", "OK"}, {1, 5, 20, "GET k", "\"a\""},
             {2, 20, 30, "GET k", "(nil)"});
    ACCEPTED({0, 10, 50, "SET k a", "OK"}, {1, 20, 30, "GET k", "\"a\""},
             {2, 40, 60, "GET k", "\"a\""});
    // What meets at one moment overlaps.
    ACCEPTED({0, 10, 20, "SET k a", "OK"}, {1, 20, 30, "GET k", "(nil)"});
    // Not before its call, and not after its return.
    REJECTED({0, 10, 50, "SET k a", "OK"}, {1, 1, 9, "GET k", "\"a\""});
    REJECTED({0, 10, 20, "SET k a", "OK"}, {1, 21, 30, "GET k", "(nil)"});
}

static void test_stale_reads(void **state)
{
    (void)state;
    REJECTED({0, 1, 2, "SET k a", "OK"}, {0, 3, 4, "SET k b", "OK"}, {1, 5, 6, "GET k", "\"a\""});
    // Once somebody has seen the new value, nobody sees the old one.
    REJECTED({0, 1, 2, "SET k a", "OK"}, {0, 10, 50, "SET k b", "OK"},
             {1, 15, 20, "GET k", "\"b\""}, {2, 25, 30, "GET k", "\"a\""});
    ACCEPTED({0, 1, 2, "SET k a", "OK"}, {0, 10, 50, "SET k b", "OK"},
             {1, 15, 26, "GET k", "\"b\""}, {2, 25, 30, "GET k", "\"a\""});
    // Two writers at once: all must agree on who was last.
    REJECTED({0, 1, 20, "SET k a", "OK"}, {1, 1, 20, "SET k b", "OK"},
             {2, 30, 31, "GET k", "\"a\""}, {3, 32, 33, "GET k", "\"b\""});
}

static void test_lost_updates(void **state)
{
    (void)state;
    REJECTED({0, 1, 10, "INCR n", ":1"}, {1, 5, 15, "INCR n", ":1"});
    ACCEPTED({0, 1, 10, "INCR n", ":2"}, {1, 5, 15, "INCR n", ":1"});
    REJECTED({0, 1, 10, "APPEND k x", ":1"}, {1, 5, 15, "APPEND k y", ":2"},
             {2, 20, 30, "GET k", "\"yx\""});
    REJECTED({0, 1, 10, "SETNX k a", ":1"}, {1, 5, 15, "SETNX k b", ":1"});
    REJECTED({0, 1, 2, "SET k a", "OK"}, {0, 3, 10, "GETDEL k", "\"a\""},
             {1, 5, 15, "GETDEL k", "\"a\""});
}

static void test_orders_that_take_a_search(void **state)
{
    (void)state;
    // The order of the calls is not the order of things: c, then b, then a.
    ACCEPTED({0, 1, 30, "GETSET k a", "\"b\""}, {1, 2, 30, "GETSET k b", "\"c\""},
             {2, 3, 30, "GETSET k c", "(nil)"}, {3, 31, 32, "GET k", "\"a\""});
    REJECTED({0, 1, 30, "GETSET k a", "\"b\""}, {1, 2, 30, "GETSET k b", "\"c\""},
             {2, 3, 30, "GETSET k c", "\"a\""});
    // Each reader saw a different pair of five writes in flight.
    ACCEPTED({0, 1, 90, "SET k a", "OK"}, {1, 1, 90, "SET k b", "OK"}, {2, 1, 90, "SET k c", "OK"},
             {3, 1, 90, "SET k d", "OK"}, {4, 2, 10, "GET k", "\"c\""},
             {4, 11, 12, "GET k", "\"a\""}, {5, 11, 14, "GET k", "\"d\""},
             {4, 15, 16, "GET k", "\"b\""}, {5, 91, 92, "GET k", "\"b\""});
    REJECTED({0, 1, 90, "SET k a", "OK"}, {1, 1, 90, "SET k b", "OK"}, {4, 2, 10, "GET k", "\"a\""},
             {4, 11, 12, "GET k", "\"b\""}, {4, 13, 14, "GET k", "\"a\""});
}

static void test_types_and_errors(void **state)
{
    (void)state;
    ACCEPTED({0, 1, 20, "SADD k m", "-WRONGTYPE"}, {1, 1, 20, "SET k a", "OK"},
             {2, 21, 22, "TYPE k", "string"});
    REJECTED({0, 1, 2, "SADD k m", "-WRONGTYPE"}, {1, 3, 20, "SET k a", "OK"});
    REJECTED({0, 1, 2, "RENAME a b", "OK"});
    ACCEPTED({0, 1, 2, "RENAME a b", "-ERR"}, {0, 3, 4, "INCR n", ":1"},
             {0, 5, 6, "APPEND n x", ":2"}, {0, 7, 8, "INCR n", "-ERR"});
}

// ---- several keys -------------------------------------------------------------------------------

static void test_half_seen_writes(void **state)
{
    (void)state;
    REJECTED({0, 1, 2, "MSET x a y a", "OK"}, {0, 10, 50, "MSET x b y b", "OK"},
             {1, 15, 20, "GET x", "\"b\""}, {1, 25, 30, "GET y", "\"a\""});
    ACCEPTED({0, 1, 2, "MSET x a y a", "OK"}, {0, 10, 50, "MSET x b y b", "OK"},
             {1, 15, 20, "GET x", "\"a\""}, {1, 25, 30, "GET y", "\"b\""});
    REJECTED({0, 10, 50, "MSET x b y b", "OK"}, {1, 15, 20, "MGET x y", "[\"b\" (nil)]"});
    // Neither name, or both, while it is renamed.
    REJECTED({0, 1, 2, "SET x a", "OK"}, {0, 10, 50, "RENAME x y", "OK"},
             {1, 15, 20, "EXISTS x y", ":0"});
    REJECTED({0, 1, 2, "SET x a", "OK"}, {0, 10, 50, "RENAME x y", "OK"},
             {1, 15, 20, "GET y", "\"a\""}, {1, 25, 30, "GET x", "\"a\""});
    REJECTED({0, 1, 2, "SADD x m", ":1"}, {0, 10, 50, "SMOVE x y m", ":1"},
             {1, 15, 20, "SISMEMBER x m", ":0"}, {1, 25, 30, "SISMEMBER y m", ":0"});
    // A copy of what was never there.
    REJECTED({0, 1, 20, "MSET x a y a", "OK"}, {1, 1, 20, "MSET x b y b", "OK"},
             {2, 1, 20, "COPY x z", ":1"}, {3, 30, 31, "MGET x y z", "[\"a\" \"b\" \"a\"]"});
    // Keys that have nothing to do with each other only by way of a third.
    REJECTED({0, 1, 2, "MSET x 1 y 1", "OK"}, {0, 3, 4, "MSET y 2 z 2", "OK"},
             {1, 5, 6, "MGET x z", "[(nil) \"2\"]"});
}

static void test_flushall_takes_everything_at_once(void **state)
{
    (void)state;
    ACCEPTED({0, 1, 2, "SET x a", "OK"}, {0, 3, 4, "SET y a", "OK"}, {1, 10, 50, "FLUSHALL", "OK"},
             {0, 15, 20, "GET x", "\"a\""}, {0, 25, 30, "GET y", "(nil)"});
    REJECTED({0, 1, 2, "SET x a", "OK"}, {0, 3, 4, "SET y a", "OK"}, {1, 10, 50, "FLUSHALL", "OK"},
             {0, 15, 20, "GET x", "(nil)"}, {0, 25, 30, "GET y", "\"a\""});
}

static void test_transactions_are_one_instant(void **state)
{
    (void)state;
    ACCEPTED({0, 10, 50, "SET x 1\nINCR x\nGET x", "[OK :2 \"2\"]"}, {1, 15, 20, "GET x", "(nil)"},
             {1, 25, 30, "GET x", "\"2\""});
    REJECTED({0, 10, 50, "SET x 1\nINCR x", "[OK :2]"}, {1, 15, 20, "GET x", "\"1\""});
    REJECTED({0, 10, 50, "INCR x\nINCR x", "[:1 :2]"}, {1, 10, 50, "INCR x\nINCR x", "[:2 :3]"});
    // One that was called off has not happened; one without a reply may have.
    ACCEPTED({0, 10, 50, "SET x 1\nSET y 1", "(nil)"}, {1, 60, 70, "MGET x y", "[(nil) (nil)]"});
    REJECTED({0, 10, 50, "SET x 1\nSET y 1", "(nil)"}, {1, 60, 70, "MGET x y", "[\"1\" \"1\"]"});
    ACCEPTED({0, 10, -1, "SET x 1\nSET y 1", NULL}, {1, 60, 70, "MGET x y", "[\"1\" \"1\"]"});
    REJECTED({0, 10, -1, "SET x 1\nSET y 1", NULL}, {1, 60, 70, "MGET x y", "[\"1\" (nil)]"});
}

// ---- chance -------------------------------------------------------------------------------------

static void test_spop_gives_a_member_once(void **state)
{
    (void)state;
    REJECTED({0, 1, 2, "SADD s a b", ":2"}, {0, 10, 20, "SPOP s", "\"a\""},
             {1, 10, 20, "SPOP s", "\"a\""});
    ACCEPTED({0, 1, 2, "SADD s a b", ":2"}, {0, 10, 20, "SPOP s", "\"b\""},
             {1, 10, 20, "SPOP s", "\"a\""}, {2, 10, 20, "SPOP s", "(nil)"});
    REJECTED({0, 1, 2, "SADD s a b", ":2"}, {0, 10, 20, "SPOP s", "(nil)"});
    REJECTED({0, 1, 2, "SADD s a b", ":2"}, {0, 10, 20, "SPOP s", "\"c\""});
    ACCEPTED({0, 1, 2, "SADD s a b c", ":3"}, {0, 10, 20, "SPOP s 2", "[\"c\" \"a\"]"},
             {1, 30, 31, "SMEMBERS s", "[\"b\"]"});
    REJECTED({0, 1, 2, "SADD s a b c", ":3"}, {0, 10, 20, "SPOP s 2", "[\"a\" \"a\"]"});
    REJECTED({0, 1, 2, "SADD s a b c", ":3"}, {0, 10, 20, "SPOP s 2", "[\"a\"]"});
    REJECTED({0, 1, 2, "SADD s a", ":1"}, {0, 3, 4, "SRANDMEMBER s", "\"b\""});
}

static void test_unordered_replies(void **state)
{
    (void)state;
    ACCEPTED({0, 1, 2, "SADD s b a", ":2"}, {0, 3, 4, "SADD t c b", ":2"},
             {0, 5, 6, "SMEMBERS s", "[\"b\" \"a\"]"},
             {0, 7, 8, "SUNION s t", "[\"b\" \"c\" \"a\"]"}, {0, 9, 10, "SINTER s t", "[\"b\"]"},
             {0, 11, 12, "SDIFF s t", "[\"a\"]"});
    REJECTED({0, 1, 2, "SADD s b a", ":2"}, {0, 5, 6, "SMEMBERS s", "[\"b\"]"});
    REJECTED({0, 1, 2, "SADD s b a", ":2"}, {0, 3, 4, "SMISMEMBER s a c", "[:0 :1]"});
}

// ---- hashes -------------------------------------------------------------------------------------

static void test_hashes(void **state)
{
    (void)state;
    ACCEPTED({0, 1, 2, "HSET h b 1 a 2", ":2"}, {0, 3, 4, "HSET h b 3 c 4", ":1"},
             {0, 5, 6, "HGETALL h", "[\"b\" \"3\" \"c\" \"4\" \"a\" \"2\"]"},
             {0, 7, 8, "HMGET h a x c", "[\"2\" (nil) \"4\"]"},
             {0, 9, 10, "HKEYS h", "[\"b\" \"a\" \"c\"]"},
             {0, 11, 12, "HVALS h", "[\"2\" \"3\" \"4\"]"}, {0, 13, 14, "HDEL h a x", ":1"},
             {0, 15, 16, "HLEN h", ":2"}, {0, 17, 18, "HSETNX h b 5", ":0"},
             {0, 19, 20, "HINCRBY h c 5", ":9"}, {0, 21, 22, "HSTRLEN h c", ":1"},
             {0, 23, 24, "HDEL h b c", ":2"}, {0, 25, 26, "TYPE h", "none"});
    // What belongs together stays together in a reply without an order.
    REJECTED({0, 1, 2, "HSET h a 1 b 2", ":2"},
             {0, 3, 4, "HGETALL h", "[\"a\" \"2\" \"b\" \"1\"]"});
    // A field twice.
    REJECTED({0, 1, 2, "HSET h a 1 b 2", ":2"},
             {0, 3, 4, "HGETALL h", "[\"a\" \"1\" \"a\" \"1\" \"b\" \"2\"]"});
    REJECTED({0, 1, 2, "HSET h a x", ":1"}, {0, 3, 4, "HINCRBY h a 1", ":1"});
    ACCEPTED({0, 1, 2, "HSET h a x", ":1"}, {0, 3, 4, "HINCRBY h a 1", "-ERR"},
             {0, 5, 6, "LLEN h", "-WRONGTYPE"}, {0, 7, 8, "TYPE h", "hash"});
}

static void test_hashes_half_changed(void **state)
{
    (void)state;
    // Two fields of one HSET.
    REJECTED({0, 10, 50, "HSET h a 1 b 1", ":2"}, {1, 15, 20, "HGET h a", "\"1\""},
             {1, 25, 30, "HGET h b", "(nil)"});
    REJECTED({0, 10, 50, "HSET h a 1 b 1", ":2"}, {1, 15, 20, "HLEN h", ":1"});
    REJECTED({0, 1, 2, "HSET h a 1 b 1", ":2"}, {0, 10, 50, "HSET h a 2 b 2", ":0"},
             {1, 15, 20, "HMGET h a b", "[\"2\" \"1\"]"});
    // The count is published before the field.
    REJECTED({0, 10, 50, "HSET h a 1", ":1"}, {1, 15, 20, "HLEN h", ":1"},
             {1, 25, 30, "HEXISTS h a", ":0"});
    // Lost updates.
    REJECTED({0, 10, 50, "HINCRBY h n 1", ":1"}, {1, 15, 20, "HINCRBY h n 1", ":1"});
    REJECTED({0, 10, 50, "HSET h a 1", ":1"}, {1, 10, 50, "HSET h b 1", ":1"},
             {2, 60, 61, "HGETALL h", "[\"b\" \"1\"]"});
    REJECTED({0, 10, 50, "HSETNX h a 1", ":1"}, {1, 10, 50, "HSETNX h a 2", ":1"});
    REJECTED({0, 1, 2, "HSET h a 1", ":1"}, {0, 10, 50, "HDEL h a", ":1"},
             {1, 10, 50, "HDEL h a", ":1"});
}

// ---- lists --------------------------------------------------------------------------------------

static void test_lists(void **state)
{
    (void)state;
    ACCEPTED({0, 1, 2, "RPUSH l a b", ":2"}, {0, 3, 4, "LPUSH l c d", ":4"},
             {0, 5, 6, "LRANGE l 0 -1", "[\"d\" \"c\" \"a\" \"b\"]"},
             {0, 7, 8, "LRANGE l -2 9", "[\"a\" \"b\"]"}, {0, 9, 10, "LRANGE l 3 1", "[]"},
             {0, 11, 12, "LINDEX l -1", "\"b\""}, {0, 13, 14, "LINDEX l 4", "(nil)"},
             {0, 15, 16, "LSET l 1 a", "OK"}, {0, 17, 18, "LREM l -1 a", ":1"},
             {0, 19, 20, "LRANGE l 0 -1", "[\"d\" \"a\" \"b\"]"},
             {0, 21, 22, "LINSERT l AFTER a e", ":4"}, {0, 23, 24, "LTRIM l 1 2", "OK"},
             {0, 25, 26, "LRANGE l 0 -1", "[\"a\" \"e\"]"}, {0, 27, 28, "RPOP l", "\"e\""},
             {0, 29, 30, "LPOP l 5", "[\"a\"]"}, {0, 31, 32, "LPOP l 5", "(nil)"},
             {0, 33, 34, "LPUSHX l a", ":0"}, {0, 35, 36, "LSET l 0 a", "-ERR"},
             {0, 37, 38, "EXISTS l", ":0"});
    REJECTED({0, 1, 2, "RPUSH l a b", ":2"}, {0, 3, 4, "LRANGE l 0 -1", "[\"b\" \"a\"]"});
    REJECTED({0, 1, 2, "RPUSH l a b a b a", ":5"}, {0, 3, 4, "LREM l 2 a", ":2"},
             {0, 5, 6, "LRANGE l 0 -1", "[\"a\" \"b\" \"b\"]"});
    // Each client's elements in the order in which it pushed them.
    REJECTED({0, 1, 2, "RPUSH l a", ":1"}, {0, 3, 10, "RPUSH l b", ":2"},
             {1, 3, 10, "RPUSH l c", ":3"}, {2, 20, 21, "LRANGE l 0 -1", "[\"b\" \"a\" \"c\"]"});
    ACCEPTED({0, 3, 10, "RPUSH l b", ":2"}, {1, 3, 10, "RPUSH l c", ":1"},
             {2, 20, 21, "LRANGE l 0 -1", "[\"c\" \"b\"]"});
}

static void test_lists_half_changed(void **state)
{
    (void)state;
    // An element is popped once, and none is left out.
    REJECTED({0, 1, 2, "RPUSH l a b", ":2"}, {0, 10, 50, "LPOP l", "\"a\""},
             {1, 10, 50, "LPOP l", "\"a\""});
    REJECTED({0, 1, 2, "RPUSH l a b c", ":3"}, {0, 10, 20, "LPOP l", "\"b\""});
    REJECTED({0, 10, 50, "RPUSH l a b", ":2"}, {1, 15, 20, "LLEN l", ":1"});
    REJECTED({0, 10, 50, "RPUSH l a", ":1"}, {1, 10, 50, "RPUSH l b", ":1"});
    // The count before the element.
    REJECTED({0, 10, 50, "RPUSH l a", ":1"}, {1, 15, 20, "LLEN l", ":1"},
             {1, 25, 30, "LINDEX l 0", "(nil)"});
    // LMOVE: in one list or the other, always, and in one only.
    REJECTED({0, 1, 2, "RPUSH l a", ":1"}, {0, 10, 50, "LMOVE l m LEFT RIGHT", "\"a\""},
             {1, 15, 20, "EXISTS l m", ":0"});
    REJECTED({0, 1, 2, "RPUSH l a", ":1"}, {0, 10, 50, "LMOVE l m LEFT RIGHT", "\"a\""},
             {1, 15, 20, "LLEN m", ":1"}, {1, 25, 30, "LLEN l", ":1"});
    ACCEPTED({0, 1, 2, "RPUSH l a b", ":2"}, {0, 10, 50, "LMOVE l m RIGHT LEFT", "\"b\""},
             {1, 15, 20, "LRANGE l 0 -1", "[\"a\" \"b\"]"}, {1, 25, 30, "LINDEX m 0", "\"b\""},
             {1, 60, 61, "RPOPLPUSH l m", "\"a\""}, {1, 70, 71, "LRANGE m 0 -1", "[\"a\" \"b\"]"});
    // Within one list it is never short of one.
    REJECTED({0, 1, 2, "RPUSH l a b", ":2"}, {0, 10, 50, "LMOVE l l LEFT RIGHT", "\"a\""},
             {1, 15, 20, "LRANGE l 0 -1", "[\"b\"]"});
    ACCEPTED({0, 1, 2, "RPUSH l a b", ":2"}, {0, 10, 50, "LMOVE l l LEFT RIGHT", "\"a\""},
             {1, 15, 20, "LRANGE l 0 -1", "[\"b\" \"a\"]"});
    ACCEPTED({0, 1, 2, "SET l a", "OK"}, {0, 3, 4, "LMOVE m l LEFT LEFT", "(nil)"},
             {0, 5, 6, "RPUSH m a", ":1"}, {0, 7, 8, "LMOVE m l LEFT LEFT", "-WRONGTYPE"},
             {0, 9, 10, "LLEN m", ":1"});
}

// ---- sorted sets --------------------------------------------------------------------------------

static void test_zsets(void **state)
{
    (void)state;
    ACCEPTED(
        {0, 1, 2, "ZADD z 2 b 10 a -1 c", ":3"}, {0, 3, 4, "ZADD z CH 2 a 2 b 5 d", ":2"},
        {0, 5, 6, "ZRANGE z 0 -1 WITHSCORES", "[\"c\" \"-1\" \"a\" \"2\" \"b\" \"2\" \"d\" \"5\"]"},
        {0, 7, 8, "ZRANK z b", ":2"}, {0, 9, 10, "ZREVRANK z b", ":1"},
        {0, 11, 12, "ZADD z NX 7 a", ":0"}, {0, 13, 14, "ZADD z XX 7 x", ":0"},
        {0, 15, 16, "ZADD z XX INCR 7 x", "(nil)"}, {0, 17, 18, "ZINCRBY z 4 d", "\"9\""},
        {0, 19, 20, "ZMSCORE z d x", "[\"9\" (nil)]"}, {0, 21, 22, "ZCOUNT z -1 2", ":3"},
        {0, 23, 24, "ZPOPMIN z", "[\"c\" \"-1\"]"},
        {0, 25, 26, "ZPOPMAX z 2", "[\"d\" \"9\" \"b\" \"2\"]"},
        {0, 27, 28, "ZREMRANGEBYRANK z 0 -1", ":1"}, {0, 29, 30, "ZPOPMIN z", "[]"},
        {0, 31, 32, "TYPE z", "none"});
    REJECTED({0, 1, 2, "ZADD z 1 b 1 a", ":2"}, {0, 3, 4, "ZRANGE z 0 -1", "[\"b\" \"a\"]"});
    REJECTED({0, 1, 2, "ZADD z 10 a 9 b", ":2"}, {0, 3, 4, "ZPOPMIN z", "[\"a\" \"10\"]"});
    REJECTED({0, 1, 2, "ZADD z 1 a", ":1"}, {0, 3, 4, "ZSCORE z a", "\"2\""});
}

static void test_zsets_half_changed(void **state)
{
    (void)state;
    REJECTED({0, 10, 50, "ZADD z 1 a 1 b", ":2"}, {1, 15, 20, "ZCARD z", ":1"});
    REJECTED({0, 1, 2, "ZADD z 1 a 1 b", ":2"}, {0, 10, 50, "ZADD z 2 a 2 b", ":0"},
             {1, 15, 20, "ZMSCORE z a b", "[\"2\" \"1\"]"});
    // Neither out of its place nor out of both while it gets another score.
    REJECTED({0, 1, 2, "ZADD z 1 a 5 b", ":2"}, {0, 10, 50, "ZADD z 9 a", ":0"},
             {1, 15, 20, "ZRANGE z 0 -1 WITHSCORES", "[\"b\" \"5\"]"});
    REJECTED({0, 1, 2, "ZADD z 1 a 5 b", ":2"}, {0, 10, 50, "ZADD z 9 a", ":0"},
             {1, 15, 20, "ZSCORE z a", "\"9\""}, {1, 25, 30, "ZRANK z a", ":0"});
    REJECTED({0, 10, 50, "ZINCRBY z 1 a", "\"1\""}, {1, 10, 50, "ZINCRBY z 1 a", "\"1\""});
    REJECTED({0, 1, 2, "ZADD z 1 a 2 b", ":2"}, {0, 10, 50, "ZPOPMIN z", "[\"a\" \"1\"]"},
             {1, 10, 50, "ZPOPMIN z", "[\"a\" \"1\"]"});
    REJECTED({0, 10, 50, "ZADD z 1 a", ":1"}, {1, 15, 20, "ZCARD z", ":1"},
             {1, 25, 30, "ZSCORE z a", "(nil)"});
}

static void test_zsets_are_combined_at_one_instant(void **state)
{
    (void)state;
    ACCEPTED({0, 1, 2, "ZADD x 1 a 2 b", ":2"}, {0, 3, 4, "SADD y b c", ":2"},
             {0, 5, 6, "ZUNIONSTORE z 2 x y", ":3"},
             {0, 7, 8, "ZRANGE z 0 -1 WITHSCORES", "[\"a\" \"1\" \"c\" \"1\" \"b\" \"3\"]"},
             {0, 9, 10, "ZINTERSTORE x 2 x x", ":2"}, {0, 11, 12, "ZSCORE x b", "\"4\""},
             {0, 13, 14, "ZINTERSTORE y 2 x q", ":0"}, {0, 15, 16, "EXISTS y", ":0"});
    // Of one source before a transaction and of the other one after it.
    REJECTED({0, 1, 2, "ZADD x 1 a\nZADD y 1 a", "[:1 :1]"},
             {0, 10, 50, "ZADD x 2 a\nZADD y 2 a", "[:0 :0]"},
             {1, 10, 50, "ZUNIONSTORE z 2 x y", ":1"}, {2, 60, 61, "ZSCORE z a", "\"3\""});
    // The old destination is gone before the new one is there.
    REJECTED({0, 1, 2, "ZADD x 1 a\nZADD z 1 b", "[:1 :1]"}, {1, 10, 50, "ZUNIONSTORE z 1 x", ":1"},
             {2, 15, 20, "EXISTS z", ":0"});
    // Through its sources it has to do with other keys.
    REJECTED({0, 1, 2, "ZADD x 1 a", ":1"}, {0, 3, 4, "ZUNIONSTORE z 1 x", ":0"});
}

static void test_every_type_has_its_looks(void **state)
{
    (void)state;
    REJECTED({0, 1, 2, "HSET h f v", ":1"}, {0, 3, 4, "RPUSH l b a", ":2"},
             {0, 5, 6, "ZADD z 1 m", ":1"}, {0, 7, 8, "SADD s m", ":1"},
             {0, 9, 10, "SET k v", "OK"}, {0, 20, 21, "EXISTS h l z s k", ":4"});
    assert_non_null(strstr(report.data, "h={\"f\":\"v\"} l=[\"b\" \"a\"] z=(\"m\":\"1\") "
                                        "s={\"m\"} k=\"v\""));
}

// ---- lost replies and pipelines -----------------------------------------------------------------

static void test_lost_replies(void **state)
{
    (void)state;
    // It may have happened at once, later, or not at all ...
    ACCEPTED({0, 1, -1, "SET k a", NULL}, {1, 5, 6, "GET k", "\"a\""});
    ACCEPTED({0, 1, -1, "SET k a", NULL}, {1, 5, 6, "GET k", "(nil)"},
             {1, 900, 901, "GET k", "\"a\""});
    ACCEPTED({0, 1, -1, "SET k a", NULL}, {1, 5, 6, "GET k", "(nil)"});
    // ... but once, not before its call, and not be undone.
    REJECTED({0, 1, -1, "SET k a", NULL}, {1, 5, 6, "GET k", "\"a\""}, {1, 7, 8, "GET k", "(nil)"});
    REJECTED({0, 10, -1, "SET k a", NULL}, {1, 5, 6, "GET k", "\"a\""});
    REJECTED({0, 1, -1, "INCR n", NULL}, {1, 5, 6, "GET n", "\"1\""}, {1, 7, 8, "GET n", "\"2\""});
    // The client goes on over another connection, whether it happened or not.
    ACCEPTED({0, 1, -1, "SET k a", NULL}, {0, 5, 6, "SET k b", "OK"}, {0, 7, 8, "GET k", "\"a\""});
    // Chance that nobody was told of.
    ACCEPTED({0, 1, 2, "SADD s a b c", ":3"}, {0, 3, -1, "SPOP s", NULL},
             {1, 5, 6, "SMEMBERS s", "[\"c\" \"a\"]"});
    ACCEPTED({0, 1, 2, "SADD s a b c", ":3"}, {0, 3, -1, "SPOP s 2", NULL},
             {1, 5, 6, "SMEMBERS s", "[\"c\"]"});
    REJECTED({0, 1, 2, "SADD s a b c", ":3"}, {0, 3, -1, "SPOP s 2", NULL},
             {1, 5, 6, "SMEMBERS s", "[\"c\" \"a\"]"});
}

static void test_pipelines_keep_their_order(void **state)
{
    (void)state;
    ACCEPTED({0, 1, 20, "SET x a", "OK"}, {0, 1, 21, "GET x", "\"a\""});
    REJECTED({0, 1, 20, "SET x a", "OK"}, {0, 1, 21, "GET x", "(nil)"});
    // Across keys as well.
    REJECTED({0, 1, 30, "SET x a", "OK"}, {0, 1, 30, "SET y a", "OK"}, {1, 5, 10, "GET y", "\"a\""},
             {1, 15, 20, "GET x", "(nil)"});
    REJECTED({1, 0, 0, "SET x a", "OK"}, {0, 1, 20, "SET x b", "OK"}, {0, 1, 30, "GET z", "(nil)"},
             {0, 1, 40, "DEL x", ":1"}, {1, 5, 10, "GET x", "(nil)"},
             {1, 11, 12, "GET x", "\"b\""});
}

// ---- limits and reports -------------------------------------------------------------------------

static void test_a_limit_is_no_pass(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {0, 1, 90, "APPEND k a", ":3"}, {1, 1, 90, "APPEND k b", ":2"},
        {2, 1, 90, "APPEND k c", ":1"}, {3, 1, 90, "APPEND k d", ":4"},
        {4, 1, 90, "APPEND k e", ":5"}, {5, 91, 92, "GET k", "\"cbade\""},
    };
    struct linear_limits few_steps = {.steps = 10}, little_memory = {.nbytes = 1};

    assert_int_equal(verdict_of(lines, 6, NULL), LINEAR_OK);
    assert_int_equal(verdict_of(lines, 6, &few_steps), LINEAR_UNDECIDED);
    assert_non_null(strstr(report.data, "Undecided: 6 operations"));
    assert_int_equal(verdict_of(lines, 6, &little_memory), LINEAR_UNDECIDED);
}

// Twelve keys with five clients at once on each, and the first order that is tried is wrong for
// every key: together far beyond the limit.
static void test_keys_are_checked_apart(void **state)
{
    enum { KEYS = 12, WRITERS = 5 };
    struct linear_limits limits = {.steps = 1000};
    struct history *wide = history_new(KEYS * WRITERS, KEYS + 1);
    char line[64];

    (void)state;
    for (int key = 0; key < KEYS; key++) {
        for (int i = 0; i < WRITERS; i++) {
            snprintf(line, sizeof line, "SET k%d %d", key, i);
            history_add(history_log(wide, key * WRITERS + i), 1, 90, line, "OK");
        }
        snprintf(line, sizeof line, "GET k%d", key);
        history_add(history_log(wide, 0), 100 + 2 * key, 101 + 2 * key, line, "\"0\"");
    }
    assert_int_equal(linearize(wide, &kv_model, &limits, &report), LINEAR_OK);
    // One more operation ties them together.
    history_add(history_log(wide, 1), 200, 201, "FLUSHALL", "OK");
    assert_int_equal(linearize(wide, &kv_model, &limits, &report), LINEAR_UNDECIDED);
    history_free(wide);
}

static void test_the_report_shows_what_matters(void **state)
{
    (void)state;
    REJECTED({0, 1000, 2000, "SET x old", "OK"}, {0, 3000, 4000, "SET y old", "OK"},
             {3, 3500, 4500, "GET x", "\"old\""}, {0, 10000, 50000, "MSET x new y new", "OK"},
             {2, 12000, 14000, "STRLEN x", ":3"}, {1, 15000, 20000, "GET x", "\"new\""},
             {2, 15000, 40000, "SET z other", "OK"}, {1, 25000, 30000, "GET y", "\"old\""},
             {3, 60000, 61000, "SET y later", "OK"});
    assert_string_equal(
        report.data,
        "Not linearizable: no order of these operations explains their replies (3 of 8 on these "
        "keys; microseconds; [called, returned]).\n"
        "before x=\"old\" y=\"old\"\n"
        "   1. client 0 [     0.00     40.00] MSET x new y new -> OK\n"
        "   2. client 1 [     5.00     10.00] GET x -> \"new\"\n"
        "   3. client 1 [    15.00     20.00] GET y -> \"old\"   <-- fits nowhere\n");
}

static void test_the_report_tells_of_several_states(void **state)
{
    (void)state;
    REJECTED({0, 1000, 3000, "SET x a", "OK"}, {1, 2000, 4000, "SET x b", "OK"},
             {2, 5000, 6000, "GET x", "\"c\""});
    assert_non_null(strstr(report.data, "before x=\"b\"\n    or x=\"a\"\n")
                        ?: strstr(report.data, "before x=\"a\"\n    or x=\"b\"\n"));
}

// An operation that is in flight all the time does not make the report long.
static void test_the_report_begins_late(void **state)
{
    char line[64], reply[32];

    (void)state;
    history_add(history_log(history, 1), 0, 100000, "RENAME a b", "OK");
    history_add(history_log(history, 0), 1, 2, "SET a x", "OK");
    for (int i = 0; i < 50; i++) {
        snprintf(line, sizeof line, "APPEND b %c", 'a' + i % 26);
        snprintf(reply, sizeof reply, ":%d", i < 20 ? i + 1 : i - 18);
        history_add(history_log(history, 0), 10 + 10 * i, 15 + 10 * i, line, reply);
    }
    history_add(history_log(history, 0), 1000, 1001, "GET a", "\"x\"");
    assert_int_equal(linearize(history, &kv_model, NULL, &report), LINEAR_VIOLATION);
    assert_non_null(strstr(report.data, "(17 of 53 on these keys"));
    assert_non_null(strstr(report.data, "   after 1\n   1. client 1 [     0.00    100.00] RENAME"));
    assert_non_null(strstr(report.data, "  17. client 0"));
    assert_non_null(strstr(report.data, "GET a -> \"x\"   <-- fits nowhere\n"));
}

// ---- against trying every order -----------------------------------------------------------------

enum { BRUTE_OPS = 6 };

// Tries every order of what is not done yet.
static bool brute_force(const struct history_op *ops, int n, void *group, unsigned done,
                        const uint64_t *before)
{
    bool complete = true;

    for (int i = 0; i < n; i++)
        complete &= (done & (1u << i)) || ops[i].returned_ns == HISTORY_OPEN;
    if (complete)
        return true;
    for (int i = 0; i < n; i++) {
        uint64_t after[LINEAR_LOAD_KEYS];
        bool may_be_next = !(done & (1u << i));
        for (int k = 0; k < n; k++)
            may_be_next &= (done & (1u << k)) || ops[k].returned_ns >= ops[i].called_ns;
        enum linear_answer answer = LINEAR_NO;
        for (unsigned choice = 0; may_be_next && answer != LINEAR_END; choice++) {
            answer = kv_model.apply(group, i, choice, before, after);
            if (answer == LINEAR_YES && brute_force(ops, n, group, done | 1u << i, after))
                return true;
        }
    }
    return false;
}

static enum linear_verdict verdict_by_brute_force(void)
{
    const struct history_op *list[BRUTE_OPS];
    uint64_t zero[LINEAR_LOAD_KEYS] = {0};
    int n;
    const struct history_op *ops = history_ops(history, &n);

    for (int i = 0; i < n; i++)
        list[i] = &ops[i];
    void *group = kv_model.open(list, n);
    bool found = brute_force(ops, n, group, 0, zero);
    kv_model.close(group);
    return found ? LINEAR_OK : LINEAR_VIOLATION;
}

// Commands whose replies clash often, so that about half of the histories are no good.
static void record_clashing(struct rng *rng)
{
    static const char *const COMMANDS[] = {"SET x 1",      "SET x 2",   "GET x",      "GET x",
                                           "MSET x 3 y 3", "GET y",     "RENAME x y", "INCR y",
                                           "GETDEL x",     "EXISTS x y"};
    static const char *const REPLIES[][4] = {{"OK"},
                                             {"OK"},
                                             {"\"1\"", "\"2\"", "\"3\"", "(nil)"},
                                             {"\"1\"", "\"2\"", "\"3\"", "(nil)"},
                                             {"OK"},
                                             {"\"3\"", "\"4\"", "\"1\"", "(nil)"},
                                             {"OK", "OK", "-ERR"},
                                             {":1", ":2", ":4"},
                                             {"\"1\"", "\"2\"", "\"3\"", "(nil)"},
                                             {":0", ":1", ":2"}};
    int64_t now = 0;

    history_clear(history);
    for (int i = 0; i < BRUTE_OPS; i++) {
        size_t which = rng_below(rng, sizeof COMMANDS / sizeof COMMANDS[0]);
        const char *reply = REPLIES[which][rng_below(rng, 4)];
        now += (int64_t)rng_below(rng, 6);
        // Each a client of its own, so that they may overlap in any way.
        history_add(history_log(history, i), now, now + (int64_t)rng_below(rng, 15),
                    COMMANDS[which], rng_below(rng, 8) ? reply : NULL);
    }
}

static void test_every_order_gives_the_same_verdict(void **state)
{
    int accepted = 0, rounds = 20000;
    struct rng rng;

    (void)state;
    rng_seed(&rng, 1);
    for (int i = 0; i < rounds; i++) {
        record_clashing(&rng);
        enum linear_verdict expected = verdict_by_brute_force();
        strbuf_clear(&report);
        enum linear_verdict verdict = linearize(history, &kv_model, NULL, &report);
        if (verdict != expected)
            fprintf(stderr, "history %d, by brute force %d: %s\n", i, expected, report.data);
        assert_int_equal(verdict, expected);
        accepted += verdict == LINEAR_OK;
    }
    // Both verdicts were really compared.
    assert_in_range(accepted, rounds / 10, rounds - rounds / 10);
}

// ---- the model against the server ---------------------------------------------------------------

static void run_command(void *c, const char *command)
{
    inproc_run(c, "%s", command);
}

static const char *run_text(struct inproc_client *c, const char *line, struct strbuf *text)
{
    linear_load_each(line, run_command, c);
    strbuf_clear(text);
    reply_text_of_raw(c->client.reply.data, c->client.reply.len, text);
    return text->data;
}

// Random commands one after the other, each given an interval in which some others lie as well. The
// real order explains them; the search must find it or another one.
static void test_the_model_agrees_with_the_server(void **state)
{
    char line[LINEAR_LOAD_LINE];
    struct strbuf text = {0};
    struct linear_load load;
    struct inproc p;

    (void)state;
    inproc_open(&p);
    struct inproc_client *c = inproc_client_new(&p);
    for (int round = 0; round < 400; round++) {
        linear_load_init(&load, (uint64_t)round, round % LINEAR_MIXES, 0, 1 + round % 4);
        inproc_run(c, "FLUSHALL");
        history_clear(history);
        for (int i = 0; i < 60; i++) {
            const char *reply = run_text(c, linear_load_next(&load, line), &text);
            int64_t spread = round % 2 ? 25 : 1;
            history_add(history_log(history, i % CLIENTS), 10 * i - spread, 10 * i + spread, line,
                        reply);
        }
        strbuf_clear(&report);
        enum linear_verdict verdict = linearize(history, &kv_model, NULL, &report);
        if (verdict != LINEAR_OK)
            fprintf(stderr, "round %d: %s\n", round, report.data);
        assert_int_equal(verdict, LINEAR_OK);
    }
    strbuf_free(&text);
    inproc_client_free(c);
    inproc_close(&p);
}

// ---- commands in pieces -------------------------------------------------------------------------

struct torn_client {
    struct inproc_client *c;
    struct strbuf text;
    int pieces;
};

static const char *run_piece(void *arg, const char *command)
{
    struct torn_client *t = arg;

    t->pieces++;
    return run_text(t->c, command, &t->text);
}

// Runs random commands one after the other, those of that name torn.
static void expect_whole(struct torn_client *t, uint64_t seed, enum linear_mix mix,
                         const char *name)
{
    char line[LINEAR_LOAD_LINE];
    struct strbuf torn = {0};
    struct linear_load load;

    linear_load_init(&load, seed, mix, 0, 2);
    inproc_run(t->c, "FLUSHALL");
    history_clear(history);
    for (int i = 0; i < 100; i++) {
        linear_load_next(&load, line);
        strbuf_clear(&torn);
        bool done = linear_tear(name, line, run_piece, t, &torn);
        const char *reply = done ? torn.data : run_text(t->c, line, &t->text);
        history_add(history_log(history, 0), 10 * i, 10 * i + 5, line, reply);
    }
    enum linear_verdict verdict = linearize(history, &kv_model, NULL, &report);
    if (verdict != LINEAR_OK)
        fprintf(stderr, "%s: %s\n", name, report.data);
    assert_int_equal(verdict, LINEAR_OK);
    strbuf_free(&torn);
}

// So what torture_linear finds wrong with them is that others come in between.
static void test_torn_commands_alone_are_as_good_as_whole_ones(void **state)
{
    static const struct {
        const char *name;
        enum linear_mix mix;
    } TORN[] = {
        {"MSET", LINEAR_STRINGS},  {"MGET", LINEAR_STRINGS},  {"SADD", LINEAR_SETS},
        {"HSET", LINEAR_HASHES},   {"HMGET", LINEAR_HASHES},  {"HINCRBY", LINEAR_HASHES},
        {"RPUSH", LINEAR_LISTS},   {"LMOVE", LINEAR_LISTS},   {"ZADD", LINEAR_ZSETS},
        {"ZMSCORE", LINEAR_ZSETS}, {"ZINCRBY", LINEAR_ZSETS},
    };
    struct torn_client t = {0};
    struct inproc p;

    (void)state;
    inproc_open(&p);
    t.c = inproc_client_new(&p);
    for (size_t i = 0; i < sizeof TORN / sizeof TORN[0]; i++) {
        t.pieces = 0;
        for (uint64_t seed = 0; seed < 8; seed++) // readers, writers and both
            expect_whole(&t, seed, TORN[i].mix, TORN[i].name);
        assert_true(t.pieces > 0);
    }
    strbuf_free(&t.text);
    inproc_client_free(t.c);
    inproc_close(&p);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_write_happens_while_it_is_in_flight),
        TEST(test_stale_reads),
        TEST(test_lost_updates),
        TEST(test_orders_that_take_a_search),
        TEST(test_types_and_errors),
        TEST(test_half_seen_writes),
        TEST(test_flushall_takes_everything_at_once),
        TEST(test_transactions_are_one_instant),
        TEST(test_spop_gives_a_member_once),
        TEST(test_unordered_replies),
        TEST(test_hashes),
        TEST(test_hashes_half_changed),
        TEST(test_lists),
        TEST(test_lists_half_changed),
        TEST(test_zsets),
        TEST(test_zsets_half_changed),
        TEST(test_zsets_are_combined_at_one_instant),
        TEST(test_every_type_has_its_looks),
        TEST(test_lost_replies),
        TEST(test_pipelines_keep_their_order),
        TEST(test_a_limit_is_no_pass),
        TEST(test_keys_are_checked_apart),
        TEST(test_the_report_shows_what_matters),
        TEST(test_the_report_tells_of_several_states),
        TEST(test_the_report_begins_late),
        TEST(test_every_order_gives_the_same_verdict),
        TEST(test_the_model_agrees_with_the_server),
        TEST(test_torn_commands_alone_are_as_good_as_whole_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
