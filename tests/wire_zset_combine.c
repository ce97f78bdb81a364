// SPDX-License-Identifier: MIT
//
// Union, intersection and difference of sorted sets over the wire. Replies were compared with
// redis-server 7.0.15.
#include "tests/lib/wire.h"

#include <stdio.h>
#include <string.h>

#define WRONGTYPE "-WRONGTYPE Operation against a key holding the wrong kind of value"
#define NOT_INT   "-ERR value is not an integer or out of range"
#define SYNTAX    "-ERR syntax error"

#define ARITY(name)  "-ERR wrong number of arguments for '" name "' command"
#define NO_KEY(name) "-ERR at least 1 input key is needed for '" name "' command"

static void fill(struct wire *w)
{
    expect(w, ":3", "ZADD a 1 x 2 y 3 z");
    expect(w, ":3", "ZADD b 10 y 20 z 30 w");
    expect(w, ":2", "SADD s y v");
    expect(w, "OK", "SET str x");
}

static void test_zunion(void **state)
{
    struct wire *w = *state;

    fill(w);
    expect(w, "[\"x\" \"y\" \"z\" \"w\"]", "ZUNION 2 a b");
    expect(w, "[\"x\" \"1\" \"y\" \"12\" \"z\" \"23\" \"w\" \"30\"]", "ZUNION 2 a b WITHSCORES");
    expect(w, "[\"x\" \"2\" \"y\" \"4\" \"z\" \"6\"]", "ZUNION 2 a a WITHSCORES");
    expect(w, "[\"v\" \"1\" \"x\" \"1\" \"y\" \"3\" \"z\" \"3\"]", "ZUNION 2 a s WITHSCORES");
    expect(w, "[\"v\" \"5\" \"y\" \"5\"]", "ZUNION 1 s weights 5 withscores");
    expect(w, "[\"x\" \"y\" \"z\"]", "ZUNION 3 none a none2");
    expect(w, "[]", "ZUNION 1 none");
    expect(w, "[\"w\" \"-30\" \"z\" \"-17\" \"y\" \"-8\" \"x\" \"1\"]",
           "ZUNION 2 a b WEIGHTS 1 -1 WITHSCORES");
    expect(w, "[\"x\" \"2\" \"y\" \"9\" \"w\" \"15\" \"z\" \"16\"]",
           "ZUNION 2 a b WEIGHTS 2 0.5 WITHSCORES AGGREGATE SUM");
    expect(w, "[\"x\" \"1\" \"y\" \"2\" \"z\" \"3\" \"w\" \"30\"]",
           "ZUNION 2 a b AGGREGATE MIN WITHSCORES");
    expect(w, "[\"x\" \"1\" \"y\" \"10\" \"z\" \"20\" \"w\" \"30\"]",
           "ZUNION 2 a b aggregate max WITHSCORES");
}

static void test_zinter(void **state)
{
    struct wire *w = *state;

    fill(w);
    expect(w, "[\"y\" \"z\"]", "ZINTER 2 a b");
    expect(w, "[\"y\" \"12\" \"z\" \"23\"]", "ZINTER 2 a b WITHSCORES");
    expect(w, "[\"y\" \"13\"]", "ZINTER 3 a b s WITHSCORES");
    expect(w, "[\"x\" \"2\" \"y\" \"4\" \"z\" \"6\"]", "ZINTER 2 a a WITHSCORES");
    expect(w, "[\"y\" \"2\" \"z\" \"3\"]", "ZINTER 2 b a AGGREGATE MIN WITHSCORES");
    expect(w, "[\"y\" \"30\" \"z\" \"60\"]", "ZINTER 2 a b WEIGHTS 2 3 AGGREGATE MAX WITHSCORES");
    expect(w, "[]", "ZINTER 2 a none");
    expect(w, "[]", "ZINTER 1 none");
    expect(w, ":2", "ZINTERCARD 2 a b");
    expect(w, ":1", "ZINTERCARD 2 a b LIMIT 1");
    expect(w, ":2", "ZINTERCARD 2 a b limit 0");
    expect(w, ":2", "ZINTERCARD 2 a b LIMIT 1 LIMIT 10");
    expect(w, ":1", "ZINTERCARD 2 a s");
    expect(w, ":0", "ZINTERCARD 2 a none");
    expect(w, ":3", "ZINTERCARD 1 a");
}

static void test_zdiff(void **state)
{
    struct wire *w = *state;

    fill(w);
    expect(w, "[\"x\"]", "ZDIFF 2 a b");
    expect(w, "[\"x\" \"1\"]", "ZDIFF 2 a b WITHSCORES");
    expect(w, "[\"x\" \"1\" \"z\" \"3\"]", "ZDIFF 2 a s WITHSCORES");
    expect(w, "[\"v\" \"1\"]", "ZDIFF 2 s a WITHSCORES");
    expect(w, "[]", "ZDIFF 2 a a");
    expect(w, "[]", "ZDIFF 2 none a");
    expect(w, "[\"x\" \"y\" \"z\"]", "ZDIFF 3 a none none");
    expect(w, "[\"x\" \"y\" \"z\"]", "ZDIFF 1 a");
}

// Infinite scores and weights: what is no number counts as 0.
static void test_no_numbers(void **state)
{
    struct wire *w = *state;

    expect(w, ":2", "ZADD p inf m 0 n");
    expect(w, ":2", "ZADD q -inf m 0 n");
    expect(w, "[\"m\" \"0\" \"n\" \"0\"]", "ZUNION 2 p q WITHSCORES");
    expect(w, "[\"m\" \"0\" \"n\" \"0\"]", "ZINTER 2 p q WITHSCORES");
    expect(w, "[\"m\" \"0\" \"n\" \"0\"]", "ZUNION 1 p WEIGHTS 0 WITHSCORES");
    expect(w, "[\"n\" \"0\" \"m\" \"inf\"]", "ZUNION 1 p WEIGHTS inf WITHSCORES");
    expect(w, "[\"m\" \"-inf\" \"n\" \"0\"]", "ZINTER 2 p q AGGREGATE MIN WITHSCORES");
}

static void test_store(void **state)
{
    struct wire *w = *state;

    fill(w);
    expect(w, ":4", "ZUNIONSTORE d 2 a b");
    expect(w, "[\"x\" \"1\" \"y\" \"12\" \"z\" \"23\" \"w\" \"30\"]", "ZRANGE d 0 -1 WITHSCORES");
    expect(w, ":1", "PEXPIRE d 100000");
    expect(w, ":2", "ZINTERSTORE d 2 a b WEIGHTS 1 2 AGGREGATE MAX");
    expect(w, ":-1", "PTTL d");
    expect(w, "[\"y\" \"20\" \"z\" \"40\"]", "ZRANGE d 0 -1 WITHSCORES");
    expect(w, ":1", "ZDIFFSTORE d 2 a b");
    expect(w, "[\"x\" \"1\"]", "ZRANGE d 0 -1 WITHSCORES");
    expect(w, ":2", "ZUNIONSTORE d 1 s");
    expect(w, "zset", "TYPE d");
    expect(w, ":0", "ZINTERSTORE d 2 a none");
    expect(w, ":0", "EXISTS d");
    expect(w, ":0", "ZUNIONSTORE d 1 none");
    expect(w, ":0", "ZDIFFSTORE d 2 none a");
    expect(w, ":4", "ZUNIONSTORE a 2 a b"); // onto an operand
    expect(w, ":3", "ZINTERSTORE b 2 b a");
    expect(w, "[\"y\" \"22\" \"z\" \"43\" \"w\" \"60\"]", "ZRANGE b 0 -1 WITHSCORES");
    expect(w, ":0", "ZDIFFSTORE a 2 a a");
    expect(w, ":0", "EXISTS a");
    expect(w, ":3", "ZUNIONSTORE str 1 b"); // whatever was there
    expect(w, "zset", "TYPE str");
}

static void test_errors(void **state)
{
    struct wire *w = *state;
    static const char *const names[] = {"ZUNION", "ZINTER", "ZDIFF"};

    fill(w);
    expect(w, ":1", "ZADD d 1 keep");
    for (int i = 0; i < 3; i++) {
        expect(w, WRONGTYPE, "%s 2 a str", names[i]);
        expect(w, WRONGTYPE, "%s 2 none str WHAT", names[i]); // before the options
        expect(w, WRONGTYPE, "%sSTORE d 2 a str", names[i]);
        expect(w, NOT_INT, "%s x a", names[i]);
        expect(w, NOT_INT, "%sSTORE d 1.5 a", names[i]);
        expect(w, SYNTAX, "%s 2 a", names[i]);
        expect(w, SYNTAX, "%s 9223372036854775807 a", names[i]);
        expect(w, SYNTAX, "%sSTORE d 2 a", names[i]);
        expect(w, SYNTAX, "%s 1 a b", names[i]);
        expect(w, SYNTAX, "%sSTORE d 1 a WITHSCORES", names[i]);
        expect(w, SYNTAX, "%s 1 a LIMIT 1", names[i]);
    }
    for (int i = 0; i < 2; i++) {
        expect(w, SYNTAX, "%s 2 a b WEIGHTS 1", names[i]);
        expect(w, SYNTAX, "%s 1 a WEIGHTS 1 2", names[i]);
        expect(w, SYNTAX, "%s 1 a AGGREGATE", names[i]);
        expect(w, SYNTAX, "%s 1 a AGGREGATE AVG", names[i]);
        expect(w, "-ERR weight value is not a float", "%s 1 a WEIGHTS x", names[i]);
        expect(w, "-ERR weight value is not a float", "%sSTORE d 1 a WEIGHTS nan", names[i]);
    }
    expect(w, SYNTAX, "ZDIFF 1 a WEIGHTS 1");
    expect(w, SYNTAX, "ZDIFF 1 a AGGREGATE SUM");
    expect(w, "[\"keep\"]", "ZRANGE d 0 -1");
    expect(w, NO_KEY("zunion"), "ZUNION 0 a");
    expect(w, NO_KEY("zinterstore"), "ZINTERSTORE d -1 a");
    expect(w, NO_KEY("zdiff"), "ZDIFF 0 a");
    expect(w, NO_KEY("zintercard"), "ZINTERCARD 0 a");
    expect(w, SYNTAX, "ZINTERCARD 1 a WITHSCORES");
    expect(w, SYNTAX, "ZINTERCARD 1 a WEIGHTS 1");
    expect(w, SYNTAX, "ZINTERCARD 1 a LIMIT");
    expect(w, "-ERR LIMIT can't be negative", "ZINTERCARD 1 a LIMIT -1");
    expect(w, "-ERR LIMIT can't be negative", "ZINTERCARD 1 a LIMIT x");
    expect(w, WRONGTYPE, "ZINTERCARD 1 str LIMIT -1");
    expect(w, ARITY("zunion"), "ZUNION 1");
    expect(w, ARITY("zinterstore"), "ZINTERSTORE d 1");
    expect(w, ARITY("zintercard"), "ZINTERCARD 1");
}

// Rows that count their keys: what COMMAND makes of them.
static void test_counted_keys(void **state)
{
    struct wire *w = *state;

    expect(w, "[\"a\" \"b\"]", "COMMAND GETKEYS zunion 2 a b WEIGHTS 1 2");
    expect(w, "[\"d\" \"a\" \"b\"]", "COMMAND GETKEYS zunionstore d 2 a b");
    expect(w, "[[\"d\" [OW update]] [\"a\" [RO access]] [\"d\" [RO access]]]",
           "COMMAND GETKEYSANDFLAGS zinterstore d 2 a d");
    expect(w, "-ERR Invalid arguments specified for command", "COMMAND GETKEYS zunion 2 a");
    expect(w, "-ERR Invalid arguments specified for command", "COMMAND GETKEYS zunionstore d 0 a");
    expect_match(w,
                 "*\"zunionstore\" :-4 [[]write denyoom movablekeys] :1 :1 :1 *[[]OW update] *"
                 "\"index\" :1]]*\"lastkey\" :0 *[[]RO access] *\"index\" :2]]*\"type\" "
                 "\"keynum\" \"spec\" [[]\"keynumidx\" :0 \"firstkey\" :1 \"keystep\" :1]]*",
                 "COMMAND INFO zunionstore");
    expect_match(w, "*[[]readonly movablekeys] :0 :0 :0 [[]@read @sortedset @slow]*\"keynum\"*",
                 "COMMAND INFO zdiff");
}

// ---- large operands, many of them, RESP3 ------------------------------------------------------

static void fill_range(struct wire *w, const char *key, int from, int to)
{
    for (int n = from; n < to; n++)
        assert_int_equal(wire_int(w, "ZADD %s %d m%d", key, n, n), 1);
}

static void test_large(void **state)
{
    struct wire *w = *state;

    fill_range(w, "low", 0, 1200);
    fill_range(w, "high", 1000, 2200);
    fill_range(w, "few", 1190, 1210);
    expect(w, ":2200", "ZUNIONSTORE d 3 high low few");
    expect(w, "\"skiplist\"", "OBJECT ENCODING d");
    expect(w, "\"3570\"", "ZSCORE d m1190");
    expect(w, "\"2000\"", "ZSCORE d m1000");
    expect(w, "\"1200\"", "ZSCORE high m1200");
    expect(w, "[\"m1199\" \"3597\"]", "ZPOPMAX d");
    expect(w, ":200", "ZINTERSTORE d 2 low high");
    expect(w, "[\"m1000\" \"m1001\"]", "ZRANGE d 0 1");
    expect(w, ":10", "ZINTERSTORE d 3 low high few");
    expect(w, "\"listpack\"", "OBJECT ENCODING d");
    expect(w, ":1000", "ZDIFFSTORE d 3 low high few");
    expect(w, "[\"m999\" \"999\"]", "ZPOPMAX d");
    expect(w, ":10", "ZINTERCARD 3 low high few");
    expect(w, ":7", "ZINTERCARD 2 low high LIMIT 7");
}

// More operands than fit on the handler's stack.
static void test_many_operands(void **state)
{
    enum { SETS = 50 };
    struct wire *w = *state;
    char command[2048];
    int at = snprintf(command, sizeof command, "ZUNIONSTORE d %d", SETS);

    for (int i = 0; i < SETS; i++) {
        expect(w, ":2", "ZADD s%d 1 m%d 1 m%d", i, i, i + 1);
        at += snprintf(command + at, sizeof command - (size_t)at, " s%d", i);
    }
    expect(w, ":51", "%s", command);
    expect(w, "[\"m0\" \"1\" \"m50\" \"1\" \"m1\" \"2\"]", "ZRANGE d 0 2 WITHSCORES");
    expect(w, "OK", "SET s49 string");
    expect(w, WRONGTYPE, "%s", command);
}

static void test_resp3(void **state)
{
    struct wire *w = *state;

    fill(w);
    expect(w, "[\"x\" \"y\" \"z\"]", "ZUNION 1 a");
    expect(w, "[[\"x\" ,1] [\"y\" ,2] [\"z\" ,3]]", "ZUNION 1 a WITHSCORES");
    expect(w, "[[\"y\" ,12] [\"z\" ,23]]", "ZINTER 2 a b WITHSCORES");
    expect(w, "[[\"x\" ,1]]", "ZDIFF 2 a b WITHSCORES");
    expect(w, "[]", "ZDIFF 2 a a WITHSCORES");
    expect(w, ":2", "ZINTERCARD 2 a b");
    expect(w, ":4", "ZUNIONSTORE d 2 a b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(test_zunion),       WIRE_TEST(test_zinter), WIRE_TEST(test_zdiff),
        WIRE_TEST(test_no_numbers),   WIRE_TEST(test_store),  WIRE_TEST(test_errors),
        WIRE_TEST(test_counted_keys), WIRE_TEST(test_large),  WIRE_TEST(test_many_operands),
        WIRE_TEST3(test_resp3),
    };
    return run_modes(tests);
}
