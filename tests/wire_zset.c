// SPDX-License-Identifier: MIT
//
// Sorted set commands over the wire: those that deal with members, scan, pick and pop. Ranges are
// in wire_zset_range.c, several sets at a time in wire_zset_combine.c. Replies were compared with
// redis-server 7.0.15.
#include "tests/lib/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRONGTYPE "-WRONGTYPE Operation against a key holding the wrong kind of value"
#define NOT_INT   "-ERR value is not an integer or out of range"
#define NOT_FLOAT "-ERR value is not a valid float"
#define SYNTAX    "-ERR syntax error"

#define ARITY(name) "-ERR wrong number of arguments for '" name "' command"

enum { BATCH = 250, NAME_CHARS = 32 };

// Adds members m<from> .. m<to - 1> with their numbers as scores.
static void fill(struct wire *w, const char *key, int from, int to)
{
    static char names[BATCH][NAME_CHARS], scores[BATCH][NAME_CHARS];
    struct bytes args[2 + 2 * BATCH] = {BYTES("ZADD"), bytes_of(key)};

    while (from < to) {
        int n = 0;
        char want[32];
        for (; n < BATCH && from < to; n++, from++) {
            snprintf(names[n], sizeof names[n], "m%d", from);
            snprintf(scores[n], sizeof scores[n], "%d", from);
            args[2 + 2 * n] = bytes_of(scores[n]);
            args[3 + 2 * n] = bytes_of(names[n]);
        }
        snprintf(want, sizeof want, ":%d", n);
        expect_argv(w, want, 2 + 2 * n, args);
    }
}

// The keys of tests that go through both encodings.
static const struct {
    const char *key, *encoding;
    int count;
} KINDS[] = {{"packed", "\"listpack\"", 100}, {"index", "\"skiplist\"", 1000}};
enum { NKINDS = sizeof KINDS / sizeof KINDS[0] };

static void fill_kinds(struct wire *w)
{
    for (int i = 0; i < NKINDS; i++) {
        fill(w, KINDS[i].key, 0, KINDS[i].count);
        expect(w, KINDS[i].encoding, "OBJECT ENCODING %s", KINDS[i].key);
    }
}

// ---- ZADD -------------------------------------------------------------------------------------

static void test_zadd(void **state)
{
    struct wire *w = *state;

    expect(w, ":1", "ZADD z 1 a");
    expect(w, ":0", "ZADD z 2 a");
    expect(w, "\"2\"", "ZSCORE z a");
    expect(w, ":2", "ZADD z 1 b 3 c 5 a");
    expect(w, "[\"b\" \"1\" \"c\" \"3\" \"a\" \"5\"]", "ZRANGE z 0 -1 WITHSCORES");
    expect(w, ":1", "ZADD z 1 d 2 d 3 d"); // the last score counts
    expect(w, "\"3\"", "ZSCORE z d");
    expect(w, ":1", "ZADD z 0 ''");
    expect(w, ":1", "ZADD z 0 \"\\x00\\r\\n\\xff\"");
    expect(w, "[\"\" \"\\x00\\r\\n\\xff\"]", "ZRANGE z 0 1");
    expect(w, "zset", "TYPE z");
    expect(w, "OK", "SET str x");
    expect(w, WRONGTYPE, "ZADD str 1 a");
    expect(w, WRONGTYPE, "ZADD str XX 1 a");
    expect(w, ARITY("zadd"), "ZADD z 1");
    expect(w, SYNTAX, "ZADD z 1 a 2");
    expect(w, SYNTAX, "ZADD z NX XX");
    expect(w, SYNTAX, "ZADD z NX 1");
    expect(w, NOT_FLOAT, "ZADD z x a");
    expect(w, NOT_FLOAT, "ZADD z 1 new x a");
    expect(w, NOT_FLOAT, "ZADD str x a"); // before the type is looked at
    expect(w, "(nil)", "ZSCORE z new");   // all or nothing
}

static void test_zadd_options(void **state)
{
    struct wire *w = *state;

    expect(w, ":0", "ZADD z XX 1 a");
    expect(w, ":0", "EXISTS z");
    expect(w, ":1", "ZADD z NX 10 a");
    expect(w, ":1", "ZADD z nx 11 a 1 b");
    expect(w, "[\"10\" \"1\"]", "ZMSCORE z a b");
    expect(w, ":0", "ZADD z xx 12 a 1 c");
    expect(w, "[\"12\" (nil)]", "ZMSCORE z a c");
    expect(w, ":0", "ZADD z GT 11 a");
    expect(w, ":1", "ZADD z GT CH 13 a");
    expect(w, ":0", "ZADD z LT CH 13 a");
    expect(w, ":1", "ZADD z LT CH 12.5 a");
    expect(w, "\"12.5\"", "ZSCORE z a");
    expect(w, ":1", "ZADD z GT 1 d"); // adds all the same
    expect(w, ":0", "ZADD z GT XX 1 e");
    expect(w, ":2", "ZADD z CH 1 f 2 d 12.5 a");
    expect(w, ":1", "ZADD z CH XX 3 d 12.5 a 1 g");
    expect(w, ":0", "ZADD z CH CH ch 3 d");
    expect(w, "-ERR XX and NX options at the same time are not compatible", "ZADD z XX NX 1 a");
    const char *gt = "-ERR GT, LT, and/or NX options at the same time are not compatible";
    expect(w, gt, "ZADD z GT LT 1 a");
    expect(w, gt, "ZADD z NX GT 1 a");
    expect(w, gt, "ZADD z LT NX 1 a");
}

static void test_zadd_incr(void **state)
{
    struct wire *w = *state;

    expect(w, "\"5\"", "ZADD z INCR 5 a");
    expect(w, "\"7.5\"", "ZADD z INCR 2.5 a");
    expect(w, "(nil)", "ZADD z NX INCR 1 a");
    expect(w, "(nil)", "ZADD z XX INCR 1 b");
    expect(w, "(nil)", "ZADD none XX INCR 1 b");
    expect(w, "(nil)", "ZADD z GT INCR -1 a");
    expect(w, "(nil)", "ZADD z LT INCR 0 a");
    expect(w, "(nil)", "ZADD z GT INCR 0 a");
    expect(w, "\"6.5\"", "ZADD z LT INCR -1 a");
    expect(w, "\"6.5\"", "ZADD z INCR 0 a");
    expect(w, "-ERR INCR option supports a single increment-element pair", "ZADD z INCR 1 a 2 b");
    expect(w, "\"inf\"", "ZADD z INCR inf a");
    expect(w, "-ERR resulting score is not a number (NaN)", "ZADD z INCR -inf a");
    expect(w, "\"inf\"", "ZSCORE z a");
    expect(w, ":0", "EXISTS none");
}

static void test_zincrby(void **state)
{
    struct wire *w = *state;

    expect(w, "\"1\"", "ZINCRBY z 1 a");
    expect(w, "\"3.5\"", "ZINCRBY z 2.5 a");
    expect(w, "\"-1.5\"", "ZINCRBY z -5 a");
    expect(w, "\"-inf\"", "ZINCRBY z -inf a");
    expect(w, "-ERR resulting score is not a number (NaN)", "ZINCRBY z inf a");
    expect(w, NOT_FLOAT, "ZINCRBY z x a");
    expect(w, NOT_FLOAT, "ZINCRBY z nan a");
    expect(w, NOT_FLOAT, "ZINCRBY z '' a");
    expect(w, SYNTAX, "ZINCRBY z nx a"); // as in Redis, a word of ZADD
    expect(w, "OK", "SET str x");
    expect(w, WRONGTYPE, "ZINCRBY str 1 a");
    expect(w, ARITY("zincrby"), "ZINCRBY z 1");
    expect(w, ARITY("zincrby"), "ZINCRBY z 1 a b");
}

static void test_scores_as_redis_writes_them(void **state)
{
    struct wire *w = *state;
    static const char *const pairs[][2] = {
        {"1", "1"},
        {"+1", "1"},
        {"1.0", "1"},
        {"1e2", "100"},
        {"0x10", "16"},
        {"-0", "0"},
        {"0.1", "0.10000000000000001"},
        {"3.14159", "3.1415899999999999"},
        {"1e17", "1e+17"},
        {"99999999999999999", "1e+17"},
        {"12345678901234567", "12345678901234568"},
        {"1e300", "1.0000000000000001e+300"},
        {"5e-324", "4.9406564584124654e-324"},
        {"inf", "inf"},
        {"+Infinity", "inf"},
        {"-inf", "-inf"},
    };

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char want[64];
        snprintf(want, sizeof want, "\"%s\"", pairs[i][1]);
        expect(w, ":1", "ZADD z%zu %s m", i, pairs[i][0]);
        expect(w, want, "ZSCORE z%zu m", i);
    }
    static const char *const bad[] = {"nan", " 1", "1 ", "1x", "", "1e400", "--1", "(1", "1\\x00"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect(w, NOT_FLOAT, "ZADD bad \"%s\" m", bad[i]);
    expect(w, ":0", "EXISTS bad");
    expect(w, "OK", "CONFIG SET zset-max-listpack-entries 0"); // a large set keeps zero's sign
    expect(w, ":1", "ZADD large -0 m");
    expect(w, "\"-0\"", "ZSCORE large m");
    expect(w, "OK", "CONFIG SET zset-max-listpack-entries 128");
}

// ---- ZREM, expiry, encodings ------------------------------------------------------------------

static void test_zrem(void **state)
{
    struct wire *w = *state;

    expect(w, ":0", "ZREM none a b");
    expect(w, ":3", "ZADD z 1 a 2 b 3 c");
    expect(w, ":1", "ZREM z a nothing a");
    expect(w, ":0", "ZREM z a");
    expect(w, ":2", "ZREM z b c b");
    expect(w, ":0", "EXISTS z");
    fill_kinds(w);
    for (int i = 0; i < NKINDS; i++) {
        for (int n = 0; n < KINDS[i].count; n += 2) {
            int both = n + 1 < KINDS[i].count - 10 ? 2 : 1;
            expect(w, both == 2 ? ":2" : ":1", "ZREM %s m%d %s%d", KINDS[i].key, n,
                   both == 2 ? "m" : "x", n + 1);
        }
        assert_int_equal(wire_int(w, "ZCARD %s", KINDS[i].key), 5);
        expect(w, KINDS[i].encoding, "OBJECT ENCODING %s", KINDS[i].key);
    }
    expect(w, "OK", "SET str x");
    expect(w, WRONGTYPE, "ZREM str a");
    expect(w, ARITY("zrem"), "ZREM z");
}

static void test_expire_time_stays(void **state)
{
    struct wire *w = *state;

    expect(w, ":3", "ZADD z 1 a 2 b 3 c");
    expect(w, ":1", "PEXPIRE z 100000");
    expect(w, ":2", "ZADD z 4 d 5 e 6 a");
    expect(w, ":2", "ZREM z a b");
    expect(w, "[\"c\" \"3\"]", "ZPOPMIN z");
    expect(w, "\"5\"", "ZINCRBY z 1 d");
    assert_in_range(wire_int(w, "PTTL z"), 90000, 100000);
    expect(w, ":2", "ZUNIONSTORE z 1 z");
    expect(w, ":-1", "PTTL z");
    expect(w, ":1", "PEXPIRE z 1");
    wait_until(wire_int(w, "EXISTS z") == 0, 5000);
    expect(w, "(nil)", "ZSCORE z d");
    expect(w, ":0", "ZCARD z");
    expect(w, ":0", "ZADD z XX 1 d");
    expect(w, ":1", "ZADD z 1 d");
    expect(w, ":-1", "PTTL z");
}

static void test_encodings(void **state)
{
    struct wire *w = *state;

    fill(w, "z", 0, 128);
    expect(w, "\"listpack\"", "OBJECT ENCODING z");
    expect(w, ":0", "ZADD z 5 m1");
    expect(w, "\"listpack\"", "OBJECT ENCODING z");
    expect(w, ":1", "ZADD z 5 more");
    expect(w, "\"skiplist\"", "OBJECT ENCODING z");
    expect(w, ":129", "ZREMRANGEBYRANK z 0 -1");
    expect(w, ":1", "ZADD l 1 %065d", 0);
    expect(w, "\"skiplist\"", "OBJECT ENCODING l");
    expect(w, "OK", "CONFIG SET zset-max-ziplist-entries 3 zset-max-ziplist-value 2");
    expect(w, "[\"zset-max-listpack-entries\" \"3\"]", "CONFIG GET zset-max-listpack-entries");
    expect(w, "[\"zset-max-listpack-value\" \"2\"]", "CONFIG GET zset-max-listpack-value");
    expect(w, ":3", "ZADD s 1 a 2 b 3 c");
    expect(w, "\"listpack\"", "OBJECT ENCODING s");
    expect(w, ":3", "ZRANGESTORE t s 0 -1");
    expect(w, "\"listpack\"", "OBJECT ENCODING t");
    expect(w, ":1", "ZADD s 4 d");
    expect(w, "\"skiplist\"", "OBJECT ENCODING s");
    expect(w, ":4", "ZUNIONSTORE t 1 s");
    expect(w, "\"skiplist\"", "OBJECT ENCODING t");
    expect(w, ":2", "ZRANGESTORE t s 0 1");
    expect(w, "\"listpack\"", "OBJECT ENCODING t");
    expect(w, ":1", "COPY s u");
    expect(w, "\"skiplist\"", "OBJECT ENCODING u");
    expect(w, "[\"a\" \"b\" \"c\" \"d\"]", "ZRANGE u 0 -1");
    expect(w, "OK", "CONFIG SET zset-max-listpack-entries 128 zset-max-listpack-value 64");
    assert_in_range(wire_int(w, "MEMORY USAGE s SAMPLES 0"), 100, 5000);
    expect(w, "OK", "RENAME u v");
    expect(w, "\"2\"", "ZSCORE v b");
    expect_sorted(w, "[\"l\" \"s\" \"t\" \"v\"]", "KEYS *");
    const char *found = wire_run(w, "SCAN 0 TYPE zset COUNT 1000");
    assert_non_null(strstr(found, "\"v\""));
}

// ---- looking ----------------------------------------------------------------------------------

static void test_lookups(void **state)
{
    struct wire *w = *state;

    fill_kinds(w);
    for (int i = 0; i < NKINDS; i++) {
        const char *key = KINDS[i].key;
        assert_int_equal(wire_int(w, "ZCARD %s", key), KINDS[i].count);
        for (int n = 0; n < KINDS[i].count; n += 7) {
            char want[32];
            snprintf(want, sizeof want, "\"%d\"", n);
            expect(w, want, "ZSCORE %s m%d", key, n);
            assert_int_equal(wire_int(w, "ZRANK %s m%d", key, n), n);
            assert_int_equal(wire_int(w, "ZREVRANK %s m%d", key, n), KINDS[i].count - 1 - n);
        }
        expect(w, "[(nil) \"3\" (nil) \"0\"]", "ZMSCORE %s none m3 '' m0", key);
        expect(w, "(nil)", "ZSCORE %s nothing", key);
        expect(w, "(nil)", "ZRANK %s nothing", key);
        expect(w, "(nil)", "ZREVRANK %s nothing", key);
    }
    expect(w, "(nil)", "ZSCORE none a");
    expect(w, "[(nil) (nil)]", "ZMSCORE none a b");
    expect(w, ":0", "ZCARD none");
    expect(w, "(nil)", "ZRANK none a");
    expect(w, "OK", "SET str x");
    static const char *const names[] = {"ZSCORE", "ZMSCORE", "ZRANK", "ZREVRANK"};
    for (int i = 0; i < 4; i++)
        expect(w, WRONGTYPE, "%s str a", names[i]);
    expect(w, WRONGTYPE, "ZCARD str");
    expect(w, ARITY("zscore"), "ZSCORE z");
    expect(w, ARITY("zscore"), "ZSCORE z a b");
    expect(w, ARITY("zmscore"), "ZMSCORE z");
    expect(w, ARITY("zrank"), "ZRANK z a WITHSCORE");
    expect(w, ARITY("zrevrank"), "ZREVRANK z");
    expect(w, ARITY("zcard"), "ZCARD z z");
}

// Scans a whole set into the set `out` of members and scores; returns the number of steps.
static int scan_all(struct wire *w, const char *key, const char *options)
{
    uint64_t cursor = 0;
    int steps = 0;

    do {
        char *copy =
            strdup(wire_run(w, "ZSCAN %s %llu%s", key, (unsigned long long)cursor, options));
        char *end;
        assert_memory_equal(copy, "[\"", 2);
        cursor = strtoull(copy + 2, &end, 10);
        assert_memory_equal(end, "\" [", 3);
        copy[strlen(copy) - 2] = '\0'; // the closing brackets
        if (end[3] != '\0')
            wire_run(w, "SADD out %s", end + 3);
        free(copy);
        steps++;
    } while (cursor != 0);
    return steps;
}

static void test_zscan(void **state)
{
    struct wire *w = *state;

    fill_kinds(w);
    for (int i = 0; i < NKINDS; i++) {
        int steps = scan_all(w, KINDS[i].key, "");
        assert_int_equal(wire_int(w, "SCARD out"), 2 * KINDS[i].count);
        assert_true(KINDS[i].count < 500 ? steps == 1 : steps > 10);
        expect(w, ":1", "DEL out");
        scan_all(w, KINDS[i].key, " count 7 match *[13579]");
        assert_int_equal(wire_int(w, "SCARD out"), KINDS[i].count); // half, with scores
        expect(w, ":1", "DEL out");
    }
    expect(w, "[\"0\" [\"m42\" \"42\"]]", "ZSCAN packed 0 MATCH m42");
    expect(w, "[\"0\" []]", "ZSCAN packed 0 MATCH nothing");
    expect(w, "[\"0\" []]", "ZSCAN none 0 WHAT");
    // In a small set a whole number has no exponent.
    expect(w, ":3", "ZADD z 1e17 a 0.1 b 1e20 c");
    expect(w,
           "[\"0\" [\"b\" \"0.10000000000000001\" \"a\" \"100000000000000000\" \"c\" \"1e+20\"]]",
           "ZSCAN z 0");
    expect(w, "OK", "SET str x");
    expect(w, "-ERR invalid cursor", "ZSCAN z x");
    expect(w, WRONGTYPE, "ZSCAN str 0 WHAT");
    expect(w, SYNTAX, "ZSCAN z 0 WHAT");
    expect(w, SYNTAX, "ZSCAN z 0 COUNT 0");
    expect(w, NOT_INT, "ZSCAN z 0 COUNT x");
    expect(w, ARITY("zscan"), "ZSCAN z");
}

// ---- ZRANDMEMBER ------------------------------------------------------------------------------

static void test_zrandmember(void **state)
{
    struct wire *w = *state;

    expect(w, "(nil)", "ZRANDMEMBER none");
    expect(w, "[]", "ZRANDMEMBER none 5");
    expect(w, "[]", "ZRANDMEMBER none -5 WITHSCORES");
    expect(w, ":1", "ZADD one 1.5 x");
    expect(w, "\"x\"", "ZRANDMEMBER one");
    expect(w, "[\"x\"]", "ZRANDMEMBER one 100");
    expect(w, "[\"x\" \"1.5\"]", "ZRANDMEMBER one 1 withscores");
    expect(w, "[\"x\" \"x\" \"x\"]", "ZRANDMEMBER one -3");
    expect(w, "[\"x\" \"1.5\" \"x\" \"1.5\"]", "ZRANDMEMBER one -2 WITHSCORES");
    expect(w, "[]", "ZRANDMEMBER one 0");
    expect(w, NOT_INT, "ZRANDMEMBER one x");
    expect(w, NOT_INT, "ZRANDMEMBER one 9223372036854775808");
    expect(w, SYNTAX, "ZRANDMEMBER one 1 WHAT");
    expect(w, SYNTAX, "ZRANDMEMBER one 1 WITHSCORES 2");
    expect(w, "-ERR value is out of range", "ZRANDMEMBER one 9223372036854775807 WITHSCORES");
    expect(w,
           "-ERR value is out of range, value must between -9223372036854775807 and "
           "9223372036854775807",
           "ZRANDMEMBER one -9223372036854775808");
    expect(w, "OK", "SET str x");
    expect(w, WRONGTYPE, "ZRANDMEMBER str");
    expect(w, WRONGTYPE, "ZRANDMEMBER str 2");
    expect(w, ARITY("zrandmember"), "ZRANDMEMBER");
}

static void test_zrandmember_distinct(void **state)
{
    struct wire *w = *state;

    fill_kinds(w);
    for (int i = 0; i < NKINDS; i++) {
        for (int n = 1; n < KINDS[i].count; n += KINDS[i].count / 7) {
            char *words = strdup(wire_run(w, "ZRANDMEMBER %s %d", KINDS[i].key, n) + 1);
            words[strlen(words) - 1] = '\0'; // the closing bracket
            assert_int_equal(wire_int(w, "SADD picked %s", words), n);
            assert_int_equal(wire_int(w, "ZINTERCARD 2 picked %s", KINDS[i].key), n);
            expect(w, ":1", "DEL picked");
            free(words);
        }
        expect_match(w, "[[]\"m[0-9]*\"]", "ZRANDMEMBER %s -50", KINDS[i].key);
        expect_match(w, "\"m[0-9]*\"", "ZRANDMEMBER %s", KINDS[i].key);
    }
}

// ---- popping ----------------------------------------------------------------------------------

static void test_zpop(void **state)
{
    struct wire *w = *state;

    expect(w, "[]", "ZPOPMIN none");
    expect(w, "[]", "ZPOPMAX none 3");
    expect(w, ":4", "ZADD z 1 a 2 b 2 c 3.5 d");
    expect(w, "[]", "ZPOPMIN z 0");
    expect(w, "[\"a\" \"1\"]", "ZPOPMIN z");
    expect(w, "[\"d\" \"3.5\"]", "ZPOPMAX z 1");
    expect(w, "[\"c\" \"2\" \"b\" \"2\"]", "ZPOPMAX z 9223372036854775807");
    expect(w, ":0", "EXISTS z");
    fill_kinds(w);
    for (int i = 0; i < NKINDS; i++) {
        const char *key = KINDS[i].key;
        char want[64];
        expect(w, "[\"m0\" \"0\" \"m1\" \"1\" \"m2\" \"2\"]", "ZPOPMIN %s 3", key);
        snprintf(want, sizeof want, "[\"m%d\" \"%d\"]", KINDS[i].count - 1, KINDS[i].count - 1);
        expect(w, want, "ZPOPMAX %s", key);
        assert_int_equal(wire_int(w, "ZCARD %s", key), KINDS[i].count - 4);
        wire_run(w, "ZPOPMIN %s %d", key, KINDS[i].count - 5);
        snprintf(want, sizeof want, "[\"m%d\"]", KINDS[i].count - 2);
        expect(w, want, "ZRANGE %s 0 -1", key);
        wire_run(w, "ZPOPMAX %s", key);
        expect(w, ":0", "EXISTS %s", key);
    }
    expect(w, "-ERR value is out of range, must be positive", "ZPOPMIN z -1");
    expect(w, "-ERR value is out of range, must be positive", "ZPOPMAX z x");
    expect(w, SYNTAX, "ZPOPMIN z 1 2");
    expect(w, "OK", "SET str x");
    expect(w, WRONGTYPE, "ZPOPMIN str");
    expect(w, WRONGTYPE, "ZPOPMAX str 0");
    expect(w, ARITY("zpopmin"), "ZPOPMIN");
}

static void test_zmpop(void **state)
{
    struct wire *w = *state;

    expect(w, "(nil-array)", "ZMPOP 2 none none2 MIN");
    expect(w, ":4", "ZADD b 1 a 2 b 3 c 4 d");
    expect(w, "[\"b\" [[\"a\" \"1\"]]]", "ZMPOP 3 none b b MIN");
    expect(w, "[\"b\" [[\"d\" \"4\"] [\"c\" \"3\"]]]", "ZMPOP 1 b max count 2");
    expect(w, "[\"b\" [[\"b\" \"2\"]]]", "ZMPOP 1 b MIN COUNT 10");
    expect(w, ":0", "EXISTS b");
    expect(w, "OK", "SET str x");
    expect(w, WRONGTYPE, "ZMPOP 2 none str MIN");
    expect(w, ":1", "ZADD a 1 x");
    expect(w, "[\"a\" [[\"x\" \"1\"]]]", "ZMPOP 2 a str MIN"); // the second is not looked at
    expect(w, "-ERR numkeys should be greater than 0", "ZMPOP 0 a MIN");
    expect(w, "-ERR numkeys should be greater than 0", "ZMPOP x a MIN");
    expect(w, "-ERR numkeys should be greater than 0", "ZMPOP -1 a MIN");
    expect(w, SYNTAX, "ZMPOP 2 a MIN");
    expect(w, SYNTAX, "ZMPOP 9223372036854775807 a MIN");
    expect(w, SYNTAX, "ZMPOP 1 a MIDDLE");
    expect(w, SYNTAX, "ZMPOP 1 a MIN COUNT");
    expect(w, SYNTAX, "ZMPOP 1 a MIN COUNT 1 COUNT 2");
    expect(w, SYNTAX, "ZMPOP 1 a MIN 1");
    expect(w, "-ERR count should be greater than 0", "ZMPOP 1 a MIN COUNT 0");
    expect(w, "-ERR count should be greater than 0", "ZMPOP 1 a MIN COUNT x");
    expect(w, ARITY("zmpop"), "ZMPOP 1 a");
    expect(w, "[\"a\" \"b\"]", "COMMAND GETKEYS zmpop 2 a b MIN");
}

// ---- many arguments, RESP3 --------------------------------------------------------------------

static void test_zadd_many_arguments(void **state)
{
    struct wire *w = *state;

    fill(w, "z", 0, 5000);
    assert_int_equal(wire_int(w, "ZCARD z"), 5000);
    expect(w, ":10", "ZADD z 1 n1 2 n2 3 n3 4 n4 5 n5 6 n6 7 n7 8 n8 9 n9 10 n10 1 m1");
    expect(w, ":4", "ZADD z CH 7 n1 7 n2 2.5 n3 2.5 n3 3 n3"); // n3 changes twice
    expect(w, "\"3\"", "ZSCORE z n3");
}

static void test_resp3(void **state)
{
    struct wire *w = *state;

    expect(w, ":3", "ZADD z 1 a 2.5 b inf c");
    expect(w, ",2.5", "ZSCORE z b");
    expect(w, "[,1 (nil) ,inf]", "ZMSCORE z a none c");
    expect(w, ",3.5", "ZINCRBY z 1 b");
    expect(w, ",4.5", "ZADD z INCR 1 b");
    expect(w, "(nil)", "ZADD z NX INCR 1 b");
    expect(w, "(nil)", "ZSCORE z none");
    expect(w, "(nil)", "ZRANK z none");
    expect(w, "[[\"c\" ,inf] [\"b\" ,4.5] [\"a\" ,1]]", "ZRANDMEMBER z 5 WITHSCORES");
    expect(w, "[\"0\" [\"a\" \"1\" \"b\" \"4.5\" \"c\" \"inf\"]]", "ZSCAN z 0");
    expect(w, "[\"a\" ,1]", "ZPOPMIN z");
    expect(w, "[[\"c\" ,inf]]", "ZPOPMAX z 1");
    expect(w, "[\"z\" [[\"b\" ,4.5]]]", "ZMPOP 1 z MIN");
    expect(w, "(nil)", "ZMPOP 1 z MIN");
    expect(w, "[]", "ZPOPMIN z");
    expect(w, "[]", "ZPOPMIN z 5");
    expect_raw(w, "ZADD y 1.5 m\r\n", ":1\r\n");
    expect_raw(w, "ZSCORE y m\r\n", ",1.5\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(test_zadd),
        WIRE_TEST(test_zadd_options),
        WIRE_TEST(test_zadd_incr),
        WIRE_TEST(test_zincrby),
        WIRE_TEST(test_scores_as_redis_writes_them),
        WIRE_TEST(test_zrem),
        WIRE_TEST(test_expire_time_stays),
        WIRE_TEST(test_encodings),
        WIRE_TEST(test_lookups),
        WIRE_TEST(test_zscan),
        WIRE_TEST(test_zrandmember),
        WIRE_TEST(test_zrandmember_distinct),
        WIRE_TEST(test_zpop),
        WIRE_TEST(test_zmpop),
        WIRE_TEST(test_zadd_many_arguments),
        WIRE_TEST3(test_resp3),
    };
    return run_modes(tests);
}
