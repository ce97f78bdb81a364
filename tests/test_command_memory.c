// SPDX-License-Identifier: MIT
//
// Commands on values that run out of memory at each of their allocations in turn: they must answer
// an error and have changed nothing; with enough memory the same command then works as ever.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datatypes/mem.h"
#include "tests/lib/starved.h"

// Adds format(from) .. format(to - 1); the format has one %d.
static void fill(const char *key, const char *format, int from, int to)
{
    for (int i = from; i < to; i++) {
        char member[64];
        snprintf(member, sizeof member, format, i);
        assert_int_equal(inproc_int(starved, "SADD %s %s", key, member), 1);
    }
}

static void test_strings_without_memory(void **state)
{
    char command[512];

    (void)state;
    snprintf(command, sizeof command, "SET a %s", LONG_A);
    assert_true(run_short_of_memory(command, "+OK\r\n") >= 2); // the entry and the value
    snprintf(command, sizeof command, "SET a %s KEEPTTL GET", LONG_B);
    assert_true(run_short_of_memory(command, NULL) >= 1);
    run_short_of_memory("APPEND a tail", ":78\r\n"); // may fit in what is there
    snprintf(command, sizeof command, "APPEND a %s", LONG_A);
    assert_true(run_short_of_memory(command, NULL) >= 1);
    assert_true(run_short_of_memory("SETRANGE a 0 x", ":152\r\n") >= 1);
    assert_true(run_short_of_memory("SETRANGE b 3 x", ":4\r\n") >= 1);
    assert_true(run_short_of_memory("SET c 9000000000000000000", "+OK\r\n") >= 1);
    assert_true(run_short_of_memory("INCR c", ":9000000000000000001\r\n") >= 1);
    assert_true(run_short_of_memory("INCRBYFLOAT c 1.5", NULL) >= 1);
    assert_true(run_short_of_memory("SETEX d 100 short", "+OK\r\n") >= 1);
    assert_true(run_short_of_memory("GETSET d text-of-16-bytes", "$5\r\nshort\r\n") >= 1);
    assert_true(run_short_of_memory("GETEX d EX 50", "$16\r\ntext-of-16-bytes\r\n") >= 1);
    assert_true(run_short_of_memory("LCS a d", NULL) >= 1);
    // The wrong type is found out before anything is allocated.
    assert_int_equal(
        run_short_of_memory(
            "SADD b x", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"),
        0);
}

static void test_mset_without_memory(void **state)
{
    char command[1024];

    (void)state;
    snprintf(command, sizeof command, "MSET a %s b %s a %s c 1 d %s", LONG_A, LONG_B, LONG_B,
             LONG_A);
    assert_true(run_short_of_memory(command, "+OK\r\n") >= 8);
    assert_true(run_short_of_memory(command, "+OK\r\n") >= 4);
    inproc_run(starved, "FLUSHALL");
    snprintf(command, sizeof command, "MSETNX a %s b %s", LONG_A, LONG_B);
    assert_true(run_short_of_memory(command, ":1\r\n") >= 4);
}

static void test_sadd_without_memory(void **state)
{
    char command[1024];

    (void)state;
    assert_true(run_short_of_memory("SADD a 1 2 3", ":3\r\n") >= 3);
    run_short_of_memory("SADD a 4", ":1\r\n"); // may fit in what is there
    assert_true(run_short_of_memory("SADD a 5 100000 6 7", ":4\r\n") >= 3);
    assert_true(run_short_of_memory("SADD a x y x 9", ":3\r\n") >= 3);
    snprintf(command, sizeof command, "SADD a z %s w z 10", LONG_A); // becomes a dictionary
    assert_true(run_short_of_memory(command, ":4\r\n") >= 10);
    fill("b", "member:%d", 0, 300);
    assert_true(run_short_of_memory("SADD b new1 member:1 new2 new1 new3 new4", ":4\r\n") >= 4);
    assert_int_equal(inproc_int(starved, "PEXPIRE b 100000"), 1);
    assert_true(run_short_of_memory("SADD b new5 new6", ":2\r\n") >= 2);
}

static void test_srem_without_memory(void **state)
{
    (void)state;
    fill("a", "%d", 0, 100);
    fill("b", "m%d", 0, 100);
    fill("c", "member:%d", 0, 300);
    assert_true(run_short_of_memory("SREM a 1", ":1\r\n") >= 1);
    assert_true(run_short_of_memory("SREM a 2 3 nothing 4 2", ":3\r\n") >= 4);
    assert_true(run_short_of_memory("SREM b m1", ":1\r\n") >= 1);
    assert_true(run_short_of_memory("SREM b m2 m3 m2 m4", ":3\r\n") >= 4);
    assert_int_equal(run_short_of_memory("SREM c member:2 member:3 member:4", ":3\r\n"), 0);
}

static void test_smove_without_memory(void **state)
{
    char command[128];

    (void)state;
    fill("a", "%d", 0, 100);
    fill("b", "m%d", 0, 100);
    fill("c", "member:%d", 0, 300);
    static const struct {
        const char *from, *to, *member;
    } moves[] = {
        {"a", "d", "1"},        {"a", "b", "2"},        {"a", "c", "3"},
        {"b", "a", "m4"},       {"b", "c", "m5"},       {"c", "a", "member:6"},
        {"c", "b", "member:7"}, {"c", "d", "member:8"}, {"d", "a", "1"},
    };
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        const char *from = moves[i].from, *to = moves[i].to, *member = moves[i].member;
        snprintf(command, sizeof command, "SMOVE %s %s %s", from, to, member);
        run_short_of_memory(command, ":1\r\n");
        assert_int_equal(inproc_int(starved, "SISMEMBER %s %s", from, member), 0);
        assert_int_equal(inproc_int(starved, "SISMEMBER %s %s", to, member), 1);
    }
    assert_int_equal(inproc_int(starved, "SADD d last"), 1);
    assert_true(run_short_of_memory("SMOVE d c last", ":1\r\n") >= 1);
    assert_int_equal(inproc_int(starved, "EXISTS d"), 1);
}

static void test_spop_without_memory(void **state)
{
    static const char *const keys[] = {"a", "b", "c"};

    (void)state;
    fill("a", "%d", 0, 100);
    fill("b", "m%d", 0, 100);
    fill("c", "member:%d", 0, 300);
    for (int i = 0; i < 3; i++) {
        char command[64];
        snprintf(command, sizeof command, "SPOP %s", keys[i]);
        run_short_of_memory(command, NULL);
        snprintf(command, sizeof command, "SPOP %s 50", keys[i]);
        run_short_of_memory(command, NULL);
        snprintf(command, sizeof command, "SRANDMEMBER %s 10", keys[i]);
        run_short_of_memory(command, NULL);
        snprintf(command, sizeof command, "SPOP %s 1000", keys[i]);
        run_short_of_memory(command, NULL);
        assert_int_equal(inproc_int(starved, "EXISTS %s", keys[i]), 0);
    }
}

static void test_algebra_without_memory(void **state)
{
    (void)state;
    fill("a", "%d", 0, 60);
    fill("b", "%d", 40, 90);
    fill("c", "m%d", 0, 130);
    assert_true(run_short_of_memory("SUNIONSTORE d a b c", ":220\r\n") >= 220);
    assert_true(run_short_of_memory("SINTERSTORE d a b", ":20\r\n") >= 2);
    assert_true(run_short_of_memory("SDIFFSTORE d a b", ":40\r\n") >= 2);
    assert_int_equal(inproc_int(starved, "PEXPIRE c 1000000"), 1);
    assert_int_equal(inproc_int(starved, "SADD d m1 m2"), 2);
    assert_true(run_short_of_memory("SDIFFSTORE d c none none none none d", ":128\r\n") >= 100);
    assert_true(run_short_of_memory("SUNION a b c", NULL) >= 220);
    assert_true(run_short_of_memory("SDIFF c none none none none a", NULL) >= 100);
    assert_int_equal(run_short_of_memory("SINTER a b", NULL), 0);
}

// ---- bitmaps and HyperLogLogs ----------------------------------------------------------------

static void test_bitmaps_without_memory(void **state)
{
    (void)state;
    assert_true(run_short_of_memory("SETBIT a 7 1", ":0\r\n") >= 2); // the entry and the value
    assert_true(run_short_of_memory("SETBIT a 6 1", ":0\r\n") >= 1);
    assert_true(run_short_of_memory("SETBIT a 20000 1", ":0\r\n") >= 1); // in place from now on
    assert_int_equal(inproc_int(starved, "PEXPIRE a 100000"), 1);
    assert_int_equal(run_short_of_memory("SETBIT a 6 0", ":1\r\n"), 0);
    assert_true(run_short_of_memory("SETBIT a 200000 1", ":0\r\n") >= 1);
    assert_true(run_short_of_memory("SETRANGE a 2 x", ":25001\r\n") >= 1);
    assert_true(run_short_of_memory("BITFIELD b SET u8 0 65 GET u8 0", NULL) >= 2);
    assert_true(run_short_of_memory("BITFIELD b OVERFLOW FAIL INCRBY u8 #3 256", NULL) >= 1);
    assert_int_equal(run_short_of_memory("BITFIELD b GET u8 0 GET u8 1", NULL), 0);
    assert_true(run_short_of_memory("BITOP NOT c b", ":4\r\n") >= 2);
    assert_true(run_short_of_memory("BITOP XOR c a b", ":25001\r\n") >= 1);
    assert_true(run_short_of_memory("BITOP OR c b b b b b b b b b b b b b b b b b b b b", NULL) >=
                2);
    assert_int_equal(run_short_of_memory("BITOP OR c d d", ":0\r\n"), 1); // a placeholder for d
    assert_int_equal(run_short_of_memory("GETBIT a 1", NULL), 0);
    assert_int_equal(run_short_of_memory("BITCOUNT a", NULL), 0);
    assert_int_equal(run_short_of_memory("BITPOS a 1", NULL), 0);
    assert_int_equal(run_short_of_memory("BITFIELD_RO a GET u8 0", NULL), 0);
}

static void test_hyperloglogs_without_memory(void **state)
{
    static const char EMPTY_HLL[18] = {'H', 'Y', 'L', 'L', 1, [15] = (char)0x80, 0x7f, (char)0xff};
    static char command[1 << 14];
    size_t used = (size_t)sprintf(command, "PFADD b");

    (void)state;
    assert_true(run_short_of_memory("PFADD a x y z", ":1\r\n") >= 2);
    assert_true(run_short_of_memory("PFADD a 1 2 3 x", ":1\r\n") >= 1);
    assert_int_equal(run_short_of_memory("PFADD a 1 2 3 x", ":0\r\n"), 0);
    assert_true(run_short_of_memory("PFCOUNT a", ":6\r\n") >= 1); // which it keeps
    assert_int_equal(run_short_of_memory("PFCOUNT a", ":6\r\n"), 0);
    inproc_run(starved, "CONFIG SET hll-sparse-max-bytes 1000");
    for (int i = 0; i < 900; i++)
        used += (size_t)sprintf(command + used, " e%d", i);
    assert_true(run_short_of_memory(command, ":1\r\n") >= 10); // grows, and becomes dense
    inproc_run(starved, "CONFIG SET hll-sparse-max-bytes 3000");
    assert_true(run_short_of_memory("PFADD b f1 f2 f3 f4 f5 f6", ":1\r\n") >= 1); // in place now
    assert_int_equal(run_short_of_memory("PFADD b g1 g2 g3 g4 g5 g6", ":1\r\n"), 0);
    assert_true(run_short_of_memory("PFMERGE c a", "+OK\r\n") >= 2);
    assert_true(run_short_of_memory("PFMERGE a b c d", "+OK\r\n") >= 2);
    assert_true(run_short_of_memory("PFDEBUG TODENSE c", ":1\r\n") >= 1);
    assert_int_equal(run_short_of_memory("PFCOUNT a b c", NULL), 0);
    assert_int_equal(run_short_of_memory("PFDEBUG ENCODING c", NULL), 0);
    // One that was made by SET becomes a string of its own even if nothing is added.
    size_t len;
    struct bytes set[] = {BYTES("SET"), BYTES("e"), {EMPTY_HLL, sizeof EMPTY_HLL}};
    assert_string_equal(inproc_argv(starved, 3, set, &len), "+OK\r\n");
    assert_true(run_short_of_memory("PFADD e", ":0\r\n") >= 1);
    assert_int_equal(run_short_of_memory("PFADD e", ":0\r\n"), 0);
}

static void test_debug_without_memory(void **state)
{
    (void)state;
    inproc_run(starved, "HSET h field value");
    assert_true(run_short_of_memory("DEBUG ERROR WRONG", "-WRONG\r\n") >= 1);
    assert_int_equal(run_short_of_memory("DEBUG DIGEST-VALUE h", NULL), 0);
    assert_int_equal(run_short_of_memory("DEBUG OBJECT h", NULL), 0);
}

// Pushes elements that fill several chunks of three.
static void fill_list(const char *key, int n)
{
    for (int i = 0; i < n; i++)
        assert_int_equal(inproc_int(starved, "RPUSH %s element:%d", key, i), i + 1);
}

static void test_push_without_memory(void **state)
{
    (void)state;
    assert_true(run_short_of_memory("RPUSH a 1 2 3", ":3\r\n") >= 3);
    assert_true(run_short_of_memory("LPUSH a some more elements and many of them", ":10\r\n") >= 1);
    assert_true(run_short_of_memory("RPUSHX a some more elements and many of them", NULL) >= 1);
    inproc_run(starved, "CONFIG SET list-max-listpack-size 3");
    assert_true(run_short_of_memory("LPUSH b 1 2 3 4 5 6 7 8 9 10", ":10\r\n") >= 6);
    assert_true(run_short_of_memory("RPUSH b 1 2 3 4 5 6 7 8 9 10", ":20\r\n") >= 3);
    assert_true(run_short_of_memory("COPY b c", ":1\r\n") >= 9);
    inproc_run(starved, "CONFIG SET list-max-listpack-size -2");
}

static void test_list_changes_without_memory(void **state)
{
    (void)state;
    inproc_run(starved, "CONFIG SET list-max-listpack-size 3");
    fill_list("a", 30);
    assert_true(run_short_of_memory("LINSERT a BEFORE element:7 new", ":31\r\n") >= 1);
    assert_true(
        run_short_of_memory("LSET a 10 a-much-longer-element-than-there-was-in-any-chunk-of-"
                            "three-that-has-room-for-little-more",
                            "+OK\r\n") >= 1);
    assert_true(run_short_of_memory("LMOVE a b LEFT RIGHT", "$9\r\nelement:0\r\n") >= 3);
    assert_true(run_short_of_memory("RPOPLPUSH a c", "$10\r\nelement:29\r\n") >= 3);
    char command[600];
    memset(command, 'x', sizeof command);
    memcpy(command, "RPUSH a ", 8);
    command[sizeof command - 1] = '\0';
    assert_true(run_short_of_memory(command, ":30\r\n") >= 1);
    assert_true(run_short_of_memory("LMOVE a a RIGHT LEFT", NULL) >= 2); // through a copy
    assert_int_equal(run_short_of_memory("LREM a 0 element:5", ":1\r\n"), 0);
    assert_int_equal(run_short_of_memory("LTRIM a 2 -3", "+OK\r\n"), 0);
    assert_int_equal(run_short_of_memory("LPOP a 20", NULL), 0);
    assert_int_equal(run_short_of_memory("LMPOP 2 d b LEFT", NULL), 1); // a placeholder for d
    assert_int_equal(inproc_int(starved, "EXISTS b d"), 0);
    inproc_run(starved, "CONFIG SET list-max-listpack-size -2");
}

// ---- sorted sets -----------------------------------------------------------------------------

// Adds members m<from> .. m<to - 1> with their numbers as scores.
static void zfill(const char *key, int from, int to)
{
    for (int i = from; i < to; i++)
        assert_int_equal(inproc_int(starved, "ZADD %s %d m%d", key, i, i), 1);
}

static void test_zadd_without_memory(void **state)
{
    char command[1024];

    (void)state;
    assert_true(run_short_of_memory("ZADD a 1 x 2 y 3 x", ":2\r\n") >= 3);
    assert_true(run_short_of_memory("ZADD a 0 w", ":1\r\n") >= 1);
    assert_true(run_short_of_memory("ZADD a CH 5 x 7 new 6 y 8 new", ":4\r\n") >= 3);
    assert_true(run_short_of_memory("ZINCRBY a 100000.5 w", NULL) >= 1);
    snprintf(command, sizeof command, "ZADD a CH 1 x 5 %s 6 z", LONG_A); // becomes an index
    assert_true(run_short_of_memory(command, ":3\r\n") >= 10);
    zfill("b", 0, 300);
    assert_int_equal(inproc_int(starved, "PEXPIRE b 100000"), 1);
    assert_true(
        run_short_of_memory("ZADD b 5 new1 7 m3 -1 new2 1e3 m4 2 m3 9 new1 1 new3", ":3\r\n") >= 3);
    // Each of these moves members about, and what was moved must be moved back.
    for (int i = 0; i < 40; i++) {
        snprintf(command, sizeof command, "ZADD b CH %d.5 m%d %d.5 m%d %d.25 m%d 9 n%d", i * 7, i,
                 300 - i * 7, i + 100, 150 - i, i + 200, i);
        run_short_of_memory(command, ":4\r\n");
    }
}

// Many members move to where the tree needs new blocks, out of blocks that would have been merged.
static void test_zadd_takes_much_back(void **state)
{
    static char command[1 << 15], want[16];
    size_t used = (size_t)sprintf(command, "ZADD a CH");
    int failures;

    (void)state;
    zfill("a", 0, 300);
    for (int i = 20; i < 290; i++)
        used += (size_t)sprintf(command + used, " %d m%d", 1000 + i, i);
    for (int i = 0; i < 80; i++)
        used += (size_t)sprintf(command + used, " %d n%d", 2000 + i, i);
    for (int i = 20; i < 290; i += 3) // twice, and some back to where they were
        used += (size_t)sprintf(command + used, " %d m%d", i % 2 ? i : 3000 + i, i);
    snprintf(want, sizeof want, ":%d\r\n", 270 + 80 + 90);
    failures = run_short_of_memory(command, want);
    assert_true(failures >= 80);
    for (int i = 0; i < 300; i++)
        assert_true(inproc_int(starved, "ZRANK a m%d", i) >= 0);
    assert_int_equal(inproc_int(starved, "ZREM a m20 m289 n0 n79"), 4);
    assert_int_equal(inproc_int(starved, "ZCOUNT a -inf +inf"), 376);
}

static void test_zrem_without_memory(void **state)
{
    (void)state;
    zfill("a", 0, 100);
    zfill("c", 0, 300);
    assert_true(run_short_of_memory("ZREM a m1", ":1\r\n") >= 1);
    assert_true(run_short_of_memory("ZREM a m2 m3 nothing m4 m2", ":3\r\n") >= 4);
    assert_true(run_short_of_memory("ZREMRANGEBYSCORE a 10 20", ":11\r\n") >= 1);
    assert_true(run_short_of_memory("ZREMRANGEBYRANK a 0 5", ":6\r\n") >= 1);
    assert_true(run_short_of_memory("ZPOPMIN a", NULL) >= 1);
    assert_true(run_short_of_memory("ZPOPMAX a 10", NULL) >= 1);
    assert_true(run_short_of_memory("ZMPOP 2 none a MIN COUNT 3", NULL) >= 1);
    assert_int_equal(run_short_of_memory("ZREM c m2 m3 m4", ":3\r\n"), 0);
    assert_int_equal(run_short_of_memory("ZREMRANGEBYSCORE c 100 150", ":51\r\n"), 0);
    assert_int_equal(run_short_of_memory("ZPOPMIN c 50", NULL), 0);
}

static void test_zset_algebra_without_memory(void **state)
{
    (void)state;
    zfill("a", 0, 60);
    zfill("b", 40, 190);
    assert_true(run_short_of_memory("ZUNIONSTORE d 2 a b", ":190\r\n") >= 190);
    assert_true(run_short_of_memory("ZINTERSTORE d 2 a b", ":20\r\n") >= 20);
    assert_true(run_short_of_memory("ZDIFFSTORE d 2 a b", ":40\r\n") >= 40);
    assert_true(run_short_of_memory("ZRANGESTORE d b 0 9", ":10\r\n") >= 10);
    assert_true(run_short_of_memory("ZUNION 2 a b", NULL) >= 190);
    assert_true(run_short_of_memory("ZRANDMEMBER b 10", NULL) >= 1);
    assert_int_equal(run_short_of_memory("ZRANGE b 0 -1", NULL), 0);
}

// Places in a row along the equator.
static void gfill(const char *key, int n)
{
    for (int i = 0; i < n; i++)
        assert_int_equal(inproc_int(starved, "GEOADD %s %d.5 0.5 m%d", key, i, i), 1);
}

static void test_geo_without_memory(void **state)
{
    (void)state;
    assert_true(run_short_of_memory("GEOADD a 1 2 x 3 4 y 5 6 x", ":2\r\n") >= 3);
    assert_true(run_short_of_memory("GEOADD a CH 1 2 x 3.5 4 y 7 8 z", ":3\r\n") >= 1);
    gfill("b", 150);
    assert_true(run_short_of_memory("GEOADD b CH 100 0 m1 1 1 new 120 1 m2", ":3\r\n") >= 1);
    assert_int_equal(inproc_int(starved, "PEXPIRE b 100000"), 1);
    assert_true(run_short_of_memory("GEOSEARCH b FROMLONLAT 50 0 BYRADIUS 5000 km ASC WITHDIST",
                                    NULL) >= 1);
    assert_true(run_short_of_memory("GEOSEARCH b FROMMEMBER m50 BYBOX 9000 10 km", NULL) >= 1);
    assert_true(run_short_of_memory("GEORADIUS b 50 0 5000 km COUNT 20 WITHCOORD", NULL) >= 1);
    assert_true(run_short_of_memory("GEORADIUS_RO b 50 0 5000 km COUNT 20 ANY", NULL) >= 1);
    assert_true(run_short_of_memory("GEORADIUS b 50 0 1000 km STORE d", ":18\r\n") >= 18);
    assert_true(
        run_short_of_memory("GEORADIUSBYMEMBER b m60 5000 km COUNT 9 STOREDIST d", ":9\r\n") >= 9);
    assert_true(
        run_short_of_memory("GEOSEARCHSTORE d b FROMMEMBER m60 BYBOX 500 500 km", ":5\r\n") >= 5);
    assert_true(run_short_of_memory("GEORADIUS b 50 0 1000 km STORE b", ":18\r\n") >= 18);
    assert_int_equal(run_short_of_memory("GEOPOS b m50 m60 none", NULL), 0);
    assert_int_equal(run_short_of_memory("GEODIST b m50 m51 km", NULL), 0);
}

// ---- hashes ----------------------------------------------------------------------------------

// Two hashes of `n` fields f<i> with values v<i>: "a" and, of that many more, "b".
static void fill_hashes(int n)
{
    for (int i = 0; i < 4 * n; i++) {
        if (i < n)
            assert_int_equal(inproc_int(starved, "HSET a f%d v%d", i, i), 1);
        assert_int_equal(inproc_int(starved, "HSET b f%d v%d", i, i), 1);
    }
}

static void test_hset_without_memory(void **state)
{
    char command[1024];

    (void)state;
    assert_true(run_short_of_memory("HSET c f v", ":1\r\n") >= 2); // the entry and the block
    assert_true(run_short_of_memory("HSET d f v g w f x", ":2\r\n") >= 2);
    fill_hashes(150); // b is a dictionary
    assert_int_equal(inproc_int(starved, "PEXPIRE b 1000000"), 1);
    assert_true(run_short_of_memory("HSET a f1 other", ":0\r\n") >= 1);
    assert_true(run_short_of_memory("HSET a f1 x n1 y f2 z n1 w", ":1\r\n") >= 3);
    run_short_of_memory("HSETNX a n2 y", ":1\r\n"); // may fit in what is there
    assert_true(run_short_of_memory("HSET b f1 other", ":0\r\n") >= 1);
    assert_true(run_short_of_memory("HSET b f1 x n1 y f2 z n1 w n2 v f1 u", ":2\r\n") >= 6);
    assert_true(run_short_of_memory("HSETNX b n3 y", ":1\r\n") >= 1);
    assert_true(run_short_of_memory("HINCRBY b n 5", ":5\r\n") >= 1);
    run_short_of_memory("HINCRBYFLOAT a n 0.5", "$3\r\n0.5\r\n");
    snprintf(command, sizeof command, "HSET a z %s f1 short q r", LONG_A); // becomes a dictionary
    assert_true(run_short_of_memory(command, ":2\r\n") >= 150);
    snprintf(command, sizeof command, "HSET d z %s", LONG_A);
    assert_true(run_short_of_memory(command, ":1\r\n") >= 4);
}

// Many fields at once: of a dictionary the old values are put back, in a packed hash and where none
// was the change is made aside.
static void test_hset_takes_much_back(void **state)
{
    static char command[1 << 15];

    (void)state;
    fill_hashes(150); // b is a dictionary of 600
    for (int i = 0; i < 2; i++) {
        size_t used = (size_t)sprintf(command, "HMSET %s", i ? "a" : "b");
        for (int f = 50; f < 250; f++)
            used += (size_t)sprintf(command + used, " f%d x%d n%d y", f % 200, f, f / 2);
        int failures = run_short_of_memory(command, "+OK\r\n");
        assert_true(failures >= (i ? 2 : 200));
    }
    assert_int_equal(inproc_int(starved, "HLEN b"), 700);
    assert_int_equal(inproc_int(starved, "HLEN a"), 300);
    assert_string_equal(inproc_run(starved, "HMGET b f199 f0 f250"),
                        "*3\r\n$4\r\nx199\r\n$4\r\nx200\r\n$4\r\nv250\r\n");
    assert_true(run_short_of_memory("HSET b f1 1 f2 2 f1 3 q 4 f1 5 q 6 r 7", ":2\r\n") >= 7);
    assert_int_equal(inproc_int(starved, "HDEL b f1 f2 q r n25 nothing"), 5);
}

static void test_hdel_without_memory(void **state)
{
    (void)state;
    fill_hashes(150);
    assert_true(run_short_of_memory("HDEL a f1", ":1\r\n") >= 1);
    assert_true(run_short_of_memory("HDEL a f2 f3 nothing f4 f2", ":3\r\n") >= 3);
    assert_int_equal(run_short_of_memory("HDEL b f2 f3 f4", ":3\r\n"), 0);
    assert_true(run_short_of_memory("COPY b d", ":1\r\n") >= 150);
}

// Nothing but a sample of a dictionary needs memory to walk.
static void test_hash_walks_without_memory(void **state)
{
    static const char *const none[] = {"HGETALL b",       "HKEYS b",
                                       "HVALS a",         "HMGET b f1 f2 nothing f3",
                                       "HRANDFIELD a 10", "HRANDFIELD b -10 WITHVALUES",
                                       "HRANDFIELD b",    "HRANDFIELD b 590 WITHVALUES",
                                       "HGET b f1",       "HRANDFIELD b 1000"};

    (void)state;
    fill_hashes(150);
    assert_true(run_short_of_memory("HRANDFIELD b 10", NULL) >= 1);
    assert_true(run_short_of_memory("HRANDFIELD b 100 WITHVALUES", NULL) >= 1);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(run_short_of_memory(none[i], NULL), 0);
    run_short_of_memory("HSCAN a 0", NULL);
    run_short_of_memory("HSCAN b 0 COUNT 100", NULL);
}

// ---- DUMP and RESTORE -------------------------------------------------------------------------

// Dumps key "a", restores it as "b" beside "a" and then in the place of what "c" holds, each short
// of memory. At least so many allocations are expected.
static void restore_short_of_memory(int allocations)
{
    struct bytes dump[] = {BYTES("DUMP"), BYTES("a")};
    char *payload;
    size_t len;

    assert_int_equal(run_argv_short_of_memory(2, dump, NULL), 0);
    const char *reply = inproc_argv(starved, 2, dump, &len), *bytes = strchr(reply, '\n') + 1;
    len -= (size_t)(bytes - reply) + 2;
    payload = malloc(len);
    assert_non_null(payload);
    memcpy(payload, bytes, len);
    struct bytes restore[] = {
        BYTES("RESTORE"), BYTES("b"), BYTES("0"), {payload, len}, BYTES("REPLACE")};
    inproc_run(starved, "DEL b");
    assert_true(run_argv_short_of_memory(4, restore, "+OK\r\n") >= allocations);
    restore[1] = BYTES("c");
    restore[2] = BYTES("100000");
    inproc_run(starved, "DEL c");
    inproc_run(starved, "RPUSH c what was there");
    assert_true(run_argv_short_of_memory(5, restore, "+OK\r\n") >= allocations - 1);
    free(payload);
}

static void test_restore_without_memory(void **state)
{
    (void)state;
    inproc_run(starved, "SET a 12345678"); // inside the word: its expire time needs a block
    restore_short_of_memory(1);
    inproc_run(starved, "SET a %s", LONG_A);
    restore_short_of_memory(2);
    inproc_run(starved, "DEL a");
    fill("a", "%d", 0, 100);
    restore_short_of_memory(3);
    inproc_run(starved, "DEL a");
    fill("a", "member:%d", 0, 300);
    restore_short_of_memory(300);
    inproc_run(starved, "FLUSHALL");
    fill_hashes(100);
    restore_short_of_memory(2); // the entry and the block
    inproc_run(starved, "RENAME b a");
    inproc_run(starved, "HSET a long %s", LONG_A);
    restore_short_of_memory(100);
    inproc_run(starved, "FLUSHALL");
    fill_list("a", 2000);
    restore_short_of_memory(3);
    inproc_run(starved, "FLUSHALL");
    zfill("a", 0, 50);
    restore_short_of_memory(50);
    zfill("a", 50, 300);
    restore_short_of_memory(300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_strings_without_memory, starved_setup),
        cmocka_unit_test_setup(test_mset_without_memory, starved_setup),
        cmocka_unit_test_setup(test_sadd_without_memory, starved_setup),
        cmocka_unit_test_setup(test_srem_without_memory, starved_setup),
        cmocka_unit_test_setup(test_smove_without_memory, starved_setup),
        cmocka_unit_test_setup(test_spop_without_memory, starved_setup),
        cmocka_unit_test_setup(test_algebra_without_memory, starved_setup),
        cmocka_unit_test_setup(test_bitmaps_without_memory, starved_setup),
        cmocka_unit_test_setup(test_hyperloglogs_without_memory, starved_setup),
        cmocka_unit_test_setup(test_debug_without_memory, starved_setup),
        cmocka_unit_test_setup(test_push_without_memory, starved_setup),
        cmocka_unit_test_setup(test_list_changes_without_memory, starved_setup),
        cmocka_unit_test_setup(test_zadd_without_memory, starved_setup),
        cmocka_unit_test_setup(test_zadd_takes_much_back, starved_setup),
        cmocka_unit_test_setup(test_zrem_without_memory, starved_setup),
        cmocka_unit_test_setup(test_zset_algebra_without_memory, starved_setup),
        cmocka_unit_test_setup(test_geo_without_memory, starved_setup),
        cmocka_unit_test_setup(test_hset_without_memory, starved_setup),
        cmocka_unit_test_setup(test_hset_takes_much_back, starved_setup),
        cmocka_unit_test_setup(test_hdel_without_memory, starved_setup),
        cmocka_unit_test_setup(test_hash_walks_without_memory, starved_setup),
        cmocka_unit_test_setup(test_restore_without_memory, starved_setup),
    };
    starved_open();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    starved_close();
    return failed;
}
