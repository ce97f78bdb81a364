// SPDX-License-Identifier: MIT
//
// SORT and SORT_RO over the wire: every option and error, on all three types.
#include "tests/lib/wire.h"

#include <stdio.h>
#include <string.h>

#define WRONGTYPE  "-WRONGTYPE Operation against a key holding the wrong kind of value"
#define NOT_INT    "-ERR value is not an integer or out of range"
#define NOT_DOUBLE "-ERR One or more scores can't be converted into double"
#define SYNTAX     "-ERR syntax error"

static void test_numbers(void **state)
{
    struct wire *w = *state;

    expect(w, "[]", "SORT none");
    expect(w, ":6", "RPUSH l 3 10 -1 2.5 1e1 0x2");
    expect(w, "[\"-1\" \"0x2\" \"2.5\" \"3\" \"10\" \"1e1\"]", "SORT l");
    expect(w, "[\"1e1\" \"10\" \"3\" \"2.5\" \"0x2\" \"-1\"]", "sort l desc");
    expect(w, "[\"-1\" \"0x2\" \"2.5\" \"3\" \"10\" \"1e1\"]", "SORT l DESC ASC");
    expect(w, ":3", "SADD s 9 -3 100");
    expect(w, "[\"-3\" \"9\" \"100\"]", "SORT_RO s");
    expect(w, ":3", "ZADD z 1 30 2 20 3 10");
    expect(w, "[\"10\" \"20\" \"30\"]", "SORT z");
    expect(w, "[\"3\" \"10\" \"-1\" \"2.5\" \"1e1\" \"0x2\"]", "LRANGE l 0 -1");
}

// What strtod() reads is a number, and nothing else.
static void test_what_is_a_number(void **state)
{
    struct wire *w = *state;

    expect(w, ":3", "RPUSH l 1 \"\" \" 0.5\"");
    expect(w, "[\"\" \" 0.5\" \"1\"]", "SORT l");
    expect(w, ":4", "RPUSH l inf");
    expect(w, "[\"inf\" \"1\" \" 0.5\" \"\"]", "SORT l DESC");
    expect(w, ":1", "RPUSH a 7x");
    expect(w, NOT_DOUBLE, "SORT a");
    expect(w, NOT_DOUBLE, "SORT a STORE l");
    expect(w, ":4", "LLEN l");
    expect(w, ":1", "RPUSH b nan");
    expect(w, NOT_DOUBLE, "SORT b");
    expect(w, ":1", "RPUSH c 1e400");
    expect(w, NOT_DOUBLE, "SORT c");
    expect(w, ":1", "RPUSH long 0%0100d", 7);
    expect(w, ":2", "RPUSH long 5");
    expect(w, "[\"5\"]", "SORT long LIMIT 0 1");
}

static void test_alpha(void **state)
{
    struct wire *w = *state;

    expect(w, ":6", "RPUSH l abcdefghij b abcdefghi a \"\" abcdefgh");
    expect(w, NOT_DOUBLE, "SORT l");
    expect(w, "[\"\" \"a\" \"abcdefgh\" \"abcdefghi\" \"abcdefghij\" \"b\"]", "SORT l ALPHA");
    expect(w, "[\"b\" \"abcdefghij\"]", "SORT l ALPHA DESC LIMIT 0 2");
    expect(w, ":3", "SADD s 10 9 100");
    expect(w, "[\"10\" \"100\" \"9\"]", "SORT s ALPHA");
}

static void test_limit(void **state)
{
    struct wire *w = *state;

    expect(w, ":5", "RPUSH l 5 4 3 2 1");
    expect(w, "[\"2\" \"3\"]", "SORT l LIMIT 1 2");
    expect(w, "[\"1\" \"2\"]", "SORT l LIMIT -3 2");
    expect(w, "[\"4\" \"5\"]", "SORT l LIMIT 3 100");
    expect(w, "[\"4\" \"5\"]", "SORT l LIMIT 3 -1");
    expect(w, "[]", "SORT l LIMIT 5 1");
    expect(w, "[]", "SORT l LIMIT 0 0");
    expect(w, "[]", "SORT l LIMIT 9223372036854775807 9223372036854775807");
    expect(w, NOT_INT, "SORT l LIMIT a 1");
    expect(w, NOT_INT, "SORT l LIMIT 1 a");
    expect(w, SYNTAX, "SORT l LIMIT 1");
}

static void test_by(void **state)
{
    struct wire *w = *state;

    expect(w, ":4", "RPUSH l a b c d");
    expect(w, "OK", "MSET w_a 3 w_b 1 w_c 2");
    expect(w, "[\"d\" \"b\" \"c\" \"a\"]", "SORT l BY w_*"); // without a weight: 0
    expect(w, "[\"d\" \"b\" \"c\" \"a\"]", "SORT l BY w_* ALPHA");
    expect(w, "[\"a\" \"c\" \"b\" \"d\"]", "SORT l BY w_* ALPHA DESC");
    expect(w, "[\"b\" \"c\"]", "SORT l BY w_* LIMIT 1 2");
    expect(w, ":1", "HSET o_a->x f 1");
    expect(w, ":1", "HSET o_a f 9");
    expect(w, ":1", "HSET o_b f 8");
    expect(w, ":1", "HSET o_c f->g 7");
    expect(w, "[\"c\" \"d\" \"b\" \"a\"]", "SORT l BY o_*->f");
    expect(w, "[\"a\" \"b\" \"d\" \"c\"]", "SORT l BY o_*->f->g");
    expect(w, "OK", "SET w_d text");
    expect(w, NOT_DOUBLE, "SORT l BY w_*");
    expect(w, ":1", "DEL w_d");
    expect(w, ":1", "RPUSH w_d list"); // no string: as if it was not there
    expect(w, "[\"d\" \"b\" \"c\" \"a\"]", "SORT l BY w_*");
    expect(w, "[\"a\" \"b\" \"c\" \"d\"]", "SORT l BY w_*->f");
    expect(w, "OK", "SET w_b 9 PX 1");
    wait_until(wire_int(w, "EXISTS w_b") == 0, 5000);
    expect(w, "[\"b\" \"d\" \"c\" \"a\"]", "SORT l BY w_*");
}

// A pattern without '*' asks for the order that there is.
static void test_by_nothing(void **state)
{
    struct wire *w = *state;

    expect(w, ":4", "RPUSH l c a d b");
    expect(w, "[\"c\" \"a\" \"d\" \"b\"]", "SORT l BY nosort");
    expect(w, "[\"b\" \"d\" \"a\" \"c\"]", "SORT l BY nosort DESC");
    expect(w, "[\"a\" \"d\"]", "SORT l BY nosort LIMIT 1 2");
    expect(w, "[\"d\" \"a\"]", "SORT l BY nosort DESC LIMIT 1 2");
    expect(w, "[]", "SORT l BY nosort LIMIT 4 2");
    expect(w, "[\"c\" \"a\" \"d\" \"b\"]", "SORT l BY nosort BY w_*");
    expect(w, ":4", "ZADD z 4 a 3 b 2 c 1 d");
    expect(w, "[\"d\" \"c\" \"b\" \"a\"]", "SORT z BY \"\"");
    expect(w, "[\"b\" \"c\"]", "SORT z BY nosort DESC LIMIT 1 2");
    expect(w, "[]", "SORT z BY nosort DESC LIMIT 7 2");
    expect(w, ":3", "SADD s x y z");
    expect_sorted(w, "[\"x\" \"y\" \"z\"]", "SORT s BY nosort");
    expect(w, ":2", "SORT s BY nosort LIMIT 1 2 STORE d"); // what is stored is sorted nevertheless
    expect(w, "[\"y\" \"z\"]", "LRANGE d 0 -1");
}

static void test_get(void **state)
{
    struct wire *w = *state;

    expect(w, ":3", "RPUSH l 2 1 3");
    expect(w, "OK", "MSET v_1 one v_2 two");
    expect(w, ":1", "HSET o_3 f three");
    expect(w, ":1", "HSET o_1 f \"\"");
    expect(w, "[\"one\" \"two\" (nil)]", "SORT l GET v_*");
    expect(w, "[\"1\" \"one\" \"2\" \"two\" \"3\" (nil)]", "SORT_RO l GET # GET v_*");
    expect(w, "[\"\" (nil) \"three\"]", "SORT l GET o_*->f");
    expect(w, "[(nil) (nil) (nil)]", "SORT l GET v");
    expect(w, "[(nil) (nil) (nil)]", "SORT l GET o_*->");
    expect(w, "[(nil) (nil) (nil)]", "SORT l GET o_*");
    expect(w, "[\"two\" \"one\" (nil)]", "SORT l BY nosort GET v_*");
    expect(w, "OK", "SET v_3 3");
    expect(w, "[\"3\"]", "SORT l GET v_* LIMIT 2 1");
}

static void test_store(void **state)
{
    struct wire *w = *state;

    expect(w, ":3", "RPUSH l 3 1 2");
    expect(w, "OK", "SET d text");
    expect(w, ":3", "SORT l STORE d");
    expect(w, "[\"1\" \"2\" \"3\"]", "LRANGE d 0 -1");
    expect(w, ":1", "EXPIRE d 100");
    expect(w, ":2", "SORT l LIMIT 0 2 STORE d");
    expect(w, ":-1", "TTL d");
    expect(w, "OK", "SET v_2 two");
    expect(w, ":6", "SORT l GET # GET v_* STORE d"); // what is not there is an empty element
    expect(w, "[\"1\" \"\" \"2\" \"two\" \"3\" \"\"]", "LRANGE d 0 -1");
    expect(w, ":3", "SORT l DESC STORE l");
    expect(w, "[\"3\" \"2\" \"1\"]", "LRANGE l 0 -1");
    expect(w, ":3", "SORT l BY v_* ALPHA STORE x STORE v_2"); // the last one counts
    expect(w, ":0", "EXISTS x");
    expect(w, "[\"3\" \"1\" \"2\"]", "LRANGE v_2 0 -1");
    expect(w, ":0", "SORT none STORE d");
    expect(w, ":0", "EXISTS d");
    expect(w, ":3", "SORT l STORE d");
    expect(w, ":0", "SORT l LIMIT 3 1 STORE d");
    expect(w, ":0", "EXISTS d");
    expect(w, SYNTAX, "SORT_RO l STORE d");
    expect(w, SYNTAX, "SORT l STORE");
}

static void test_errors(void **state)
{
    struct wire *w = *state;

    expect(w, "-ERR wrong number of arguments for 'sort' command", "SORT");
    expect(w, "-ERR wrong number of arguments for 'sort_ro' command", "SORT_RO");
    expect(w, "OK", "SET s text");
    expect(w, ":1", "HSET h a 1");
    expect(w, WRONGTYPE, "SORT s");
    expect(w, WRONGTYPE, "SORT h STORE d");
    expect(w, SYNTAX, "SORT s BY");
    expect(w, SYNTAX, "SORT s GET");
    expect(w, SYNTAX, "SORT s UP");
    expect(w, SYNTAX, "SORT s ASC GET a LIMIT 1 2 down");
    expect(w, "[\"l\" \"d\"]", "COMMAND GETKEYS SORT l BY w_* GET # STORE d");
    expect(w, "[\"l\" \"d\"]", "COMMAND GETKEYS SORT l what STORE d");
    expect(w, "[\"l\"]", "COMMAND GETKEYS SORT l BY store d");
    expect(w, "[\"l\"]", "COMMAND GETKEYS SORT_RO l BY w_*");
    expect_match(
        w,
        "??\"sort\" :-2 ?write denyoom movablekeys? :1 :1 :1 ?@write @set @sortedset @list "
        "@slow @dangerous? *",
        "COMMAND INFO SORT");
    expect_match(w, "??\"sort_ro\" :-2 ?readonly movablekeys? :1 :1 :1 ?@read @set @sortedset *",
                 "COMMAND INFO SORT_RO");
}

// Within a transaction it sees what the commands before it did, and nobody sees half of it.
static void test_in_a_transaction(void **state)
{
    struct wire *w = *state;

    expect(w, ":2", "RPUSH l a b");
    expect(w, "OK", "MULTI");
    expect(w, "QUEUED", "MSET w_a 2 w_b 1");
    expect(w, "QUEUED", "SORT l BY w_* STORE d");
    expect(w, "QUEUED", "LRANGE d 0 -1");
    expect(w, "QUEUED", "SORT l ALPHA DESC");
    expect(w, "QUEUED", "SORT l");
    expect(w, "[OK :2 [\"b\" \"a\"] [\"b\" \"a\"] " NOT_DOUBLE "]", "EXEC");
}

// More keys than are held in place, and elements than are sorted at once.
static void test_many(void **state)
{
    struct wire *w = *state;
    enum { N = 3000 };

    for (int i = 0; i < N; i++) {
        wire_send(w, "RPUSH l %d", i * 7919 % N);
        wire_send(w, "SET w_%d %d", i, N - i);
    }
    for (int i = 0; i < N; i++) {
        char want[16];
        snprintf(want, sizeof want, ":%d", i + 1);
        expect_reply(w, want);
        expect_reply(w, "OK");
    }
    expect(w, ":3000", "SORT l BY w_* STORE by_weight");
    expect(w, ":3000", "SORT l DESC STORE by_number");
    expect(w, "[\"2999\" \"2998\"]", "LRANGE by_weight 0 1");
    expect(w, "[\"2999\" \"2998\"]", "LRANGE by_number 0 1");
    expect(w, "[\"1\" \"0\"]", "LRANGE by_weight -2 -1");
    expect(w, "[\"1\" \"2\" \"3\"]", "SORT by_weight BY w_* GET w_* LIMIT 0 3");
    expect(w, ":1", "EXISTS w_0");
}

// A few of many are found in another way than all are sorted.
static void test_few_of_many(void **state)
{
    struct wire *w = *state;
    static const char *const ORDERS[] = {"ASC",        "DESC",   "ALPHA",
                                         "ALPHA DESC", "BY w_*", "BY w_* DESC"};
    char want[64];

    for (int i = 0; i < 500; i++) {
        snprintf(want, sizeof want, ":%d", i + 1);
        expect(w, want, "RPUSH l %d", 1000000 + i * 3571 % 500 / 2); // each number twice
    }
    for (int i = 0; i < 250; i++)
        expect(w, "OK", "SET w_%d %d", 1000000 + i, i * 17 % 250 / 3);
    for (size_t i = 0; i < sizeof ORDERS / sizeof ORDERS[0]; i++) {
        static const int LIMITS[][2] = {{0, 1}, {0, 20}, {15, 10}, {3, 28}, {495, 20}, {100, 300}};
        expect(w, ":500", "SORT l %s STORE all", ORDERS[i]);
        for (size_t j = 0; j < sizeof LIMITS / sizeof LIMITS[0]; j++) {
            int from = LIMITS[j][0], count = LIMITS[j][1];
            char some[8192];

            snprintf(want, sizeof want, ":%d", count < 500 - from ? count : 500 - from);
            expect(w, want, "SORT l %s LIMIT %d %d STORE few", ORDERS[i], from, count);
            wire_send(w, "LRANGE all %d %d", from, from + count - 1);
            snprintf(some, sizeof some, "%s", wire_reply(w));
            expect(w, some, "LRANGE few 0 -1");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(test_numbers), WIRE_TEST(test_what_is_a_number),
        WIRE_TEST(test_alpha),   WIRE_TEST(test_limit),
        WIRE_TEST(test_by),      WIRE_TEST(test_by_nothing),
        WIRE_TEST(test_get),     WIRE_TEST(test_store),
        WIRE_TEST(test_errors),  WIRE_TEST(test_in_a_transaction),
        WIRE_TEST(test_many),    WIRE_TEST(test_few_of_many),
        WIRE_TEST3(test_get),
    };
    return run_modes(tests);
}
