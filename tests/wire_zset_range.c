// SPDX-License-Identifier: MIT
//
// Ranges of sorted sets over the wire: by rank, score and bytes, counted, removed and stored.
// Replies were compared with redis-server 7.0.15.
#include "tests/lib/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRONGTYPE  "-WRONGTYPE Operation against a key holding the wrong kind of value"
#define NOT_INT    "-ERR value is not an integer or out of range"
#define NOT_FLOATS "-ERR min or max is not a float"
#define NOT_LEX    "-ERR min or max not valid string range item"
#define SYNTAX     "-ERR syntax error"

#define ARITY(name) "-ERR wrong number of arguments for '" name "' command"

static const char *const LIMIT_RANK =
    "-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX";
static const char *const SCORES_LEX =
    "-ERR syntax error, WITHSCORES not supported in combination with BYLEX";

// Small sets in both encodings: the tests below run once with each.
enum { ENCODINGS = 2 };
static void use_encoding(struct wire *w, int encoding)
{
    expect(w, "OK", "FLUSHALL");
    expect(w, "OK", "CONFIG SET zset-max-listpack-entries %d", encoding == 0 ? 128 : 0);
    expect(w, "OK", "SET str x");
}

static void fill(struct wire *w)
{
    expect(w, ":6", "ZADD z -inf a 1 b 2 c 2 d 3.5 e inf f");
    expect(w, ":6", "ZADD l 0 a 0 b 0 bb 0 c 0 d 0 ''");
}

static void done(struct wire *w)
{
    expect(w, "OK", "CONFIG SET zset-max-listpack-entries 128");
}

// ---- by rank ----------------------------------------------------------------------------------

static void test_zrange_by_rank(void **state)
{
    struct wire *w = *state;

    for (int encoding = 0; encoding < ENCODINGS; encoding++) {
        use_encoding(w, encoding);
        fill(w);
        expect(w, "[\"a\" \"b\" \"c\" \"d\" \"e\" \"f\"]", "ZRANGE z 0 -1");
        expect(w, "[\"b\" \"c\"]", "ZRANGE z 1 2");
        expect(w, "[\"b\" \"1\" \"c\" \"2\"]", "ZRANGE z 1 2 WITHSCORES");
        expect(w, "[\"e\" \"f\"]", "ZRANGE z -2 -1");
        expect(w, "[\"a\"]", "ZRANGE z -100 0");
        expect(w, "[]", "ZRANGE z 6 10");
        expect(w, "[]", "ZRANGE z 3 2");
        expect(w, "[]", "ZRANGE z -1 -2");
        expect(w, "[\"f\"]", "ZRANGE z 5 9223372036854775807");
        expect(w, "[]", "ZRANGE z -9223372036854775808 -9223372036854775808");
        expect(w, "[\"f\" \"e\"]", "ZRANGE z 0 1 REV");
        expect(w, "[\"b\" \"1\" \"a\" \"-inf\"]", "ZRANGE z -2 -1 WITHSCORES rev");
        expect(w, "[\"f\" \"e\" \"d\" \"c\" \"b\" \"a\"]", "ZREVRANGE z 0 -1");
        expect(w, "[\"e\" \"3.5\"]", "ZREVRANGE z 1 1 WITHSCORES");
        expect(w, "[]", "ZREVRANGE z 6 7");
        expect(w, "[]", "ZRANGE none 0 -1");
        expect(w, "[]", "ZREVRANGE none 0 -1 WITHSCORES");
    }
    expect(w, NOT_INT, "ZRANGE z x 1");
    expect(w, NOT_INT, "ZRANGE z 1 1.5");
    expect(w, NOT_INT, "ZRANGE none 0 9223372036854775808");
    expect(w, NOT_INT, "ZREVRANGE z ( 1");
    expect(w, SYNTAX, "ZRANGE z 0 1 WHAT");
    expect(w, SYNTAX, "ZREVRANGE z 0 1 REV");
    expect(w, SYNTAX, "ZREVRANGE z 0 1 BYSCORE");
    expect(w, SYNTAX, "ZRANGE z 0 1 LIMIT 0");
    expect(w, LIMIT_RANK, "ZRANGE z 0 1 LIMIT 0 1");
    expect(w, LIMIT_RANK, "ZREVRANGE z x 1 LIMIT 0 1");
    expect(w, "[\"a\"]", "ZRANGE z 0 0 LIMIT 5 -1"); // -1 is as good as none
    expect(w, NOT_INT, "ZRANGE z 0 1 LIMIT x 1");
    expect(w, WRONGTYPE, "ZRANGE str 0 1");
    expect(w, WRONGTYPE, "ZREVRANGE str 0 1");
    expect(w, ARITY("zrange"), "ZRANGE z 0");
    expect(w, ARITY("zrevrange"), "ZREVRANGE z 0");
    done(w);
}

// Longer than one block of the order, and walked downwards in the packed encoding.
static void test_long_walks(void **state)
{
    struct wire *w = *state;
    static const int counts[] = {100, 1000};

    for (size_t i = 0; i < 2; i++) {
        char *up, *down;
        expect(w, "OK", "FLUSHALL");
        for (int n = 0; n < counts[i]; n++)
            assert_int_equal(wire_int(w, "ZADD z %d %06d", n, n), 1);
        up = strdup(wire_run(w, "ZRANGE z 0 -1"));
        down = strdup(wire_run(w, "ZRANGE z 0 -1 REV"));
        for (int n = 0; n < counts[i]; n++) {
            assert_int_equal(atoi(up + 2 + n * 9), n);
            assert_int_equal(atoi(down + 2 + n * 9), counts[i] - 1 - n);
        }
        assert_string_equal(down, wire_run(w, "ZREVRANGEBYSCORE z +inf -inf"));
        assert_string_equal(up, wire_run(w, "ZRANGEBYSCORE z 0 (100000"));
        free(up);
        free(down);
    }
}

// ---- by score ---------------------------------------------------------------------------------

static void test_zrange_by_score(void **state)
{
    struct wire *w = *state;

    for (int encoding = 0; encoding < ENCODINGS; encoding++) {
        use_encoding(w, encoding);
        fill(w);
        expect(w, "[\"a\" \"b\" \"c\" \"d\" \"e\" \"f\"]", "ZRANGEBYSCORE z -inf +inf");
        expect(w, "[\"b\" \"c\" \"d\" \"e\"]", "ZRANGEBYSCORE z (-inf (inf");
        expect(w, "[\"c\" \"d\"]", "ZRANGEBYSCORE z 2 2");
        expect(w, "[]", "ZRANGEBYSCORE z (2 2");
        expect(w, "[]", "ZRANGEBYSCORE z 2 (2");
        expect(w, "[]", "ZRANGEBYSCORE z 3 1");
        expect(w, "[\"e\" \"3.5\"]", "ZRANGEBYSCORE z (2 (1e10 WITHSCORES");
        expect(w, "[\"c\" \"2\"]", "ZRANGEBYSCORE z 1 5 limit 1 1 withscores");
        expect(w, "[\"d\" \"e\"]", "ZRANGEBYSCORE z 1 5 LIMIT 2 -1");
        expect(w, "[\"d\" \"e\"]", "ZRANGEBYSCORE z 1 5 LIMIT 2 -7");
        expect(w, "[]", "ZRANGEBYSCORE z 1 5 LIMIT 4 1");
        expect(w, "[]", "ZRANGEBYSCORE z 1 5 LIMIT -1 10");
        expect(w, "[]", "ZRANGEBYSCORE z 1 5 LIMIT 0 0");
        expect(w, "[\"b\"]", "ZRANGEBYSCORE z 1 5 LIMIT 2 1 LIMIT 0 1"); // the last counts
        expect(w, "[\"e\" \"d\" \"c\"]", "ZREVRANGEBYSCORE z 4 (1");
        expect(w, "[\"d\" \"2\" \"c\" \"2\"]", "ZREVRANGEBYSCORE z 4 1 WITHSCORES LIMIT 1 2");
        expect(w, "[\"e\" \"d\"]", "ZRANGE z 4 1 BYSCORE REV LIMIT 0 2");
        expect(w, "[\"b\" \"1\"]", "ZRANGE z 0 (2 withscores byscore");
        expect(w, "[\"b\"]", "ZRANGEBYSCORE z ' 1' 1"); // as strtod() reads it
        expect(w, "[\"b\"]", "ZRANGEBYSCORE z '' (0x2");
        expect(w, ":1", "ZCOUNT z ( (2");
        expect(w, ":6", "ZCOUNT z -inf +inf");
        expect(w, ":2", "ZCOUNT z 2 2");
        expect(w, ":3", "ZCOUNT z 1 (3.5");
        expect(w, ":0", "ZCOUNT z 5 1");
    }
    expect(w, "[]", "ZRANGEBYSCORE none 1 2");
    expect(w, ":0", "ZCOUNT none 1 2");
    static const char *const bad[] = {"x", "nan", "(nan", "((1", "1x", "[1", "1 "};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        expect(w, NOT_FLOATS, "ZRANGEBYSCORE z '%s' 1", bad[i]);
        expect(w, NOT_FLOATS, "ZREVRANGEBYSCORE z 1 '%s'", bad[i]);
        expect(w, NOT_FLOATS, "ZRANGE z '%s' 1 BYSCORE", bad[i]);
        expect(w, NOT_FLOATS, "ZCOUNT none 1 '%s'", bad[i]);
    }
    expect(w, "[\"f\"]", "ZRANGEBYSCORE z 1e400 +inf"); // too large is infinite here
    expect(w, ":0", "ZCOUNT z %0300d 0", 1);
    expect(w, NOT_INT, "ZRANGEBYSCORE z 1 2 LIMIT x 1");
    expect(w, NOT_INT, "ZRANGEBYSCORE z 1 2 LIMIT 1 9223372036854775808");
    expect(w, SYNTAX, "ZRANGEBYSCORE z 1 2 LIMIT 1");
    expect(w, SYNTAX, "ZRANGEBYSCORE z 1 2 REV");
    expect(w, SYNTAX, "ZRANGE z 1 2 BYSCORE BYLEX");
    expect(w, WRONGTYPE, "ZRANGEBYSCORE str 1 2");
    expect(w, WRONGTYPE, "ZCOUNT str 1 2");
    expect(w, ARITY("zrangebyscore"), "ZRANGEBYSCORE z 1");
    expect(w, ARITY("zrevrangebyscore"), "ZREVRANGEBYSCORE z 1");
    expect(w, ARITY("zcount"), "ZCOUNT z 1 2 3");
    done(w);
}

// ---- by bytes ---------------------------------------------------------------------------------

static void test_zrange_by_lex(void **state)
{
    struct wire *w = *state;

    for (int encoding = 0; encoding < ENCODINGS; encoding++) {
        use_encoding(w, encoding);
        fill(w);
        expect(w, "[\"\" \"a\" \"b\" \"bb\" \"c\" \"d\"]", "ZRANGEBYLEX l - +");
        expect(w, "[]", "ZRANGEBYLEX l + -");
        expect(w, "[]", "ZRANGEBYLEX l + +");
        expect(w, "[]", "ZRANGEBYLEX l - -");
        expect(w, "[\"b\" \"bb\"]", "ZRANGEBYLEX l [b (c");
        expect(w, "[\"bb\" \"c\"]", "ZRANGEBYLEX l (b [c");
        expect(w, "[\"a\" \"b\"]", "ZRANGEBYLEX l ( [b");
        expect(w, "[\"\" \"a\"]", "ZRANGEBYLEX l [ (b");
        expect(w, "[\"b\"]", "ZRANGEBYLEX l [b [b");
        expect(w, "[]", "ZRANGEBYLEX l (b [b");
        expect(w, "[]", "ZRANGEBYLEX l [c [b");
        expect(w, "[\"b\" \"bb\"]", "ZRANGEBYLEX l [a + LIMIT 1 2");
        expect(w, "[\"d\" \"c\" \"bb\"]", "ZREVRANGEBYLEX l + (b");
        expect(w, "[\"c\"]", "ZREVRANGEBYLEX l [c - LIMIT 0 1");
        expect(w, "[\"c\" \"bb\"]", "ZRANGE l (d (b REV BYLEX");
        expect(w, ":6", "ZLEXCOUNT l - +");
        expect(w, ":2", "ZLEXCOUNT l (a (c");
        expect(w, ":0", "ZLEXCOUNT l + -");
    }
    expect(w, "[]", "ZRANGEBYLEX none - +");
    expect(w, ":0", "ZLEXCOUNT none - +");
    static const char *const bad[] = {"x", "", "+a", "-a", "1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        expect(w, NOT_LEX, "ZRANGEBYLEX l '%s' +", bad[i]);
        expect(w, NOT_LEX, "ZREVRANGEBYLEX l + '%s'", bad[i]);
        expect(w, NOT_LEX, "ZLEXCOUNT none - '%s'", bad[i]);
    }
    expect(w, SCORES_LEX, "ZRANGE l - + BYLEX WITHSCORES");
    expect(w, SCORES_LEX, "ZRANGEBYLEX l - + WITHSCORES");
    expect(w, WRONGTYPE, "ZRANGEBYLEX str - +");
    expect(w, WRONGTYPE, "ZLEXCOUNT str - +");
    expect(w, ARITY("zrangebylex"), "ZRANGEBYLEX l -");
    expect(w, ARITY("zrevrangebylex"), "ZREVRANGEBYLEX l -");
    expect(w, ARITY("zlexcount"), "ZLEXCOUNT l -");
    done(w);
}

// ---- removing ---------------------------------------------------------------------------------

static void test_zremrange(void **state)
{
    struct wire *w = *state;

    for (int encoding = 0; encoding < ENCODINGS; encoding++) {
        use_encoding(w, encoding);
        fill(w);
        expect(w, ":0", "ZREMRANGEBYRANK z 6 7");
        expect(w, ":2", "ZREMRANGEBYRANK z 1 2");
        expect(w, "[\"a\" \"d\" \"e\" \"f\"]", "ZRANGE z 0 -1");
        expect(w, ":1", "ZREMRANGEBYSCORE z (2 4");
        expect(w, ":0", "ZREMRANGEBYSCORE z 3 1");
        expect(w, ":1", "ZREMRANGEBYRANK z -1 -1");
        expect(w, ":2", "ZREMRANGEBYSCORE z -inf +inf");
        expect(w, ":0", "EXISTS z");
        expect(w, ":2", "ZREMRANGEBYLEX l (a (c");
        expect(w, ":0", "ZREMRANGEBYLEX l + -");
        expect(w, "[\"\" \"a\" \"c\" \"d\"]", "ZRANGE l 0 -1");
        expect(w, ":4", "ZREMRANGEBYLEX l - +");
        expect(w, ":0", "EXISTS l");
    }
    expect(w, ":0", "ZREMRANGEBYRANK none 0 -1");
    expect(w, ":0", "ZREMRANGEBYSCORE none 0 1");
    expect(w, ":0", "ZREMRANGEBYLEX none - +");
    expect(w, NOT_INT, "ZREMRANGEBYRANK none 0 x");
    expect(w, NOT_FLOATS, "ZREMRANGEBYSCORE str x 1");
    expect(w, NOT_LEX, "ZREMRANGEBYLEX str x +");
    expect(w, WRONGTYPE, "ZREMRANGEBYRANK str 0 1");
    expect(w, WRONGTYPE, "ZREMRANGEBYSCORE str 0 1");
    expect(w, WRONGTYPE, "ZREMRANGEBYLEX str - +");
    expect(w, ARITY("zremrangebyrank"), "ZREMRANGEBYRANK z 0");
    expect(w, ARITY("zremrangebyscore"), "ZREMRANGEBYSCORE z 0");
    expect(w, ARITY("zremrangebylex"), "ZREMRANGEBYLEX z -");
    done(w);
}

static void test_zremrange_of_many(void **state)
{
    struct wire *w = *state;

    for (int n = 0; n < 3000; n++)
        assert_int_equal(wire_int(w, "ZADD z %d m%d", n, n), 1);
    expect(w, ":2000", "ZREMRANGEBYSCORE z 500 (2500");
    expect(w, ":1000", "ZCARD z");
    expect(w, "[\"m499\" \"m2500\"]", "ZRANGE z 499 500");
    expect(w, "(nil)", "ZSCORE z m1000");
    expect(w, ":998", "ZREMRANGEBYRANK z 1 -2");
    expect(w, "[\"m0\" \"m2999\"]", "ZRANGE z 0 -1");
}

// ---- ZRANGESTORE ------------------------------------------------------------------------------

// Where Redis gathers the result in a small set until that is full, -0 becomes 0.
static void test_zrangestore_minus_zero(void **state)
{
    static const struct {
        const char *range, *want;
    } ROWS[] = {
        {"-inf +inf BYSCORE", "[\"a\" \"0\" \"b\" \"0\" \"c\" \"-0\" \"d\" \"-0\"]"},
        {"+inf -inf BYSCORE REV", "[\"a\" \"-0\" \"b\" \"-0\" \"c\" \"0\" \"d\" \"0\"]"},
        {"- + BYLEX", "[\"a\" \"0\" \"b\" \"0\" \"c\" \"-0\" \"d\" \"-0\"]"},
        {"0 -1", "[\"a\" \"-0\" \"b\" \"-0\" \"c\" \"-0\" \"d\" \"-0\"]"},
        {"0 -1 REV", "[\"a\" \"-0\" \"b\" \"-0\" \"c\" \"-0\" \"d\" \"-0\"]"},
        {"0 1", "[\"a\" \"0\" \"b\" \"0\"]"},
    };
    struct wire *w = *state;

    expect(w, "OK", "CONFIG SET zset-max-listpack-entries 0");
    expect(w, ":4", "ZADD z -0 a -0 b -0 c -0 d");
    expect(w, "OK", "CONFIG SET zset-max-listpack-entries 2");
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        wire_int(w, "ZRANGESTORE to z %s", ROWS[i].range);
        expect(w, ROWS[i].want, "ZRANGE to 0 -1 WITHSCORES");
    }
    // A long member ends the small set as well.
    expect(w, "OK", "CONFIG SET zset-max-listpack-entries 128 zset-max-listpack-value 0");
    expect(w, ":4", "ZADD y -0 a -0 b -0 long -0 m");
    expect(w, "OK", "CONFIG SET zset-max-listpack-value 3");
    expect(w, ":4", "ZRANGESTORE to y 0 -1 REV");
    expect(w, "[\"a\" \"-0\" \"b\" \"-0\" \"long\" \"-0\" \"m\" \"0\"]",
           "ZRANGE to 0 -1 WITHSCORES");
    expect(w, "OK", "CONFIG SET zset-max-listpack-value 64");
}

static void test_zrangestore(void **state)
{
    struct wire *w = *state;

    for (int encoding = 0; encoding < ENCODINGS; encoding++) {
        use_encoding(w, encoding);
        fill(w);
        expect(w, ":2", "ZRANGESTORE d z 1 2");
        expect(w, "[\"b\" \"1\" \"c\" \"2\"]", "ZRANGE d 0 -1 WITHSCORES");
        expect(w, ":1", "PEXPIRE d 100000");
        expect(w, ":3", "ZRANGESTORE d z (1 5 BYSCORE");
        expect(w, ":-1", "PTTL d");
        expect(w, "[\"c\" \"d\" \"e\"]", "ZRANGE d 0 -1");
        expect(w, ":2", "ZRANGESTORE d z 5 1 BYSCORE REV LIMIT 1 2");
        expect(w, "[\"c\" \"d\"]", "ZRANGE d 0 -1");
        expect(w, ":3", "ZRANGESTORE d l [b + BYLEX LIMIT 0 3");
        expect(w, "[\"b\" \"bb\" \"c\"]", "ZRANGE d 0 -1");
        expect(w, ":2", "ZRANGESTORE z z 0 1 REV"); // onto itself
        expect(w, "[\"e\" \"f\"]", "ZRANGE z 0 -1");
        expect(w, ":0", "ZRANGESTORE d z 5 6");
        expect(w, ":0", "EXISTS d");
        expect(w, ":1", "ZRANGESTORE str2 z 0 0");
        expect(w, ":0", "ZRANGESTORE str2 none 0 -1");
        expect(w, ":0", "EXISTS str2");
        expect(w, ":2", "ZRANGESTORE str z 0 -1"); // whatever was there
        expect(w, "zset", "TYPE str");
    }
    expect(w, "OK", "SET str x");
    expect(w, WRONGTYPE, "ZRANGESTORE d str 0 -1");
    expect(w, SYNTAX, "ZRANGESTORE d z 0 -1 WITHSCORES");
    expect(w, LIMIT_RANK, "ZRANGESTORE d z 0 -1 LIMIT 0 1");
    expect(w, NOT_INT, "ZRANGESTORE d z 0 x");
    expect(w, NOT_FLOATS, "ZRANGESTORE d z 0 x BYSCORE");
    expect(w, ARITY("zrangestore"), "ZRANGESTORE d z 0");
    done(w);
}

// ---- RESP3 ------------------------------------------------------------------------------------

static void test_resp3(void **state)
{
    struct wire *w = *state;

    expect(w, ":3", "ZADD z 1 a 2.5 b inf c");
    expect(w, "[\"a\" \"b\" \"c\"]", "ZRANGE z 0 -1");
    expect(w, "[[\"a\" ,1] [\"b\" ,2.5]]", "ZRANGE z 0 1 WITHSCORES");
    expect(w, "[[\"c\" ,inf]]", "ZREVRANGE z 0 0 WITHSCORES");
    expect(w, "[[\"b\" ,2.5]]", "ZRANGEBYSCORE z (1 5 WITHSCORES");
    expect(w, "[[\"b\" ,2.5] [\"a\" ,1]]", "ZREVRANGEBYSCORE z 5 1 WITHSCORES");
    expect(w, "[]", "ZRANGE none 0 -1 WITHSCORES");
    expect(w, ":2", "ZCOUNT z 1 3");
    expect_raw(w, "ZRANGE z 1 1 WITHSCORES\r\n", "*1\r\n*2\r\n$1\r\nb\r\n,2.5\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(test_zrange_by_rank),
        WIRE_TEST(test_long_walks),
        WIRE_TEST(test_zrange_by_score),
        WIRE_TEST(test_zrange_by_lex),
        WIRE_TEST(test_zremrange),
        WIRE_TEST(test_zremrange_of_many),
        WIRE_TEST(test_zrangestore_minus_zero),
        WIRE_TEST(test_zrangestore),
        WIRE_TEST3(test_resp3),
    };
    return run_modes(tests);
}
