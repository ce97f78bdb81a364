// SPDX-License-Identifier: MIT
//
// String commands over the wire: every command, option and error.
#include "tests/lib/wire.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define WRONGTYPE "-WRONGTYPE Operation against a key holding the wrong kind of value"
#define NOT_INT   "-ERR value is not an integer or out of range"
#define SYNTAX    "-ERR syntax error"
#define TOO_LONG  "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"

#define ARITY(name)    "-ERR wrong number of arguments for '" name "' command"
#define BAD_TIME(name) "-ERR invalid expire time in '" name "' command"

// Fails the test unless the key's remaining time is in (from, to].
static void expect_pttl(struct wire *w, const char *key, int64_t from, int64_t to)
{
    int64_t ms = wire_int(w, "PTTL %s", key);
    assert_in_range(ms, (uint64_t)from + 1, (uint64_t)to);
}

static void test_set_get(void **state)
{
    struct wire *w = *state;

    expect(w, "(nil)", "GET k");
    expect(w, "OK", "SET k hello");
    expect(w, "\"hello\"", "GET k");
    expect(w, "OK", "set k ''");
    expect(w, "\"\"", "get k");
    expect(w, "OK", "SET k \"\\x00\\xff\\r\\n\"");
    expect(w, "\"\\x00\\xff\\r\\n\"", "GET k");
    expect(w, "OK", "SET '' empty");
    expect(w, "\"empty\"", "GET ''");
    expect(w, ":2", "SADD s a b");
    expect(w, WRONGTYPE, "GET s");
    expect(w, "OK", "SET s now-a-string");
    expect(w, "\"now-a-string\"", "GET s");
    expect(w, ARITY("get"), "GET");
    expect(w, ARITY("get"), "GET a b");
    expect(w, ARITY("set"), "SET a");
}

static void test_values_of_every_size(void **state)
{
    static char text[100000];
    struct wire *w = *state;
    static const size_t sizes[] = {0,  1,  6,  7,   8,   9,    15,   16,   23,   24,    44,
                                   45, 63, 64, 255, 256, 1015, 1016, 1024, 4096, 16384, 99999};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t len;
        memset(text, 'a' + (int)i, sizes[i]);
        struct bytes set[] = {BYTES("SET"), BYTES("k"), {text, sizes[i]}};
        expect_argv(w, "OK", 3, set);
        const char *got = wire_text(w, &len, "GET k");
        assert_int_equal(len, sizes[i]);
        assert_memory_equal(got, text, len);
        assert_int_equal(wire_int(w, "STRLEN k"), sizes[i]);
        expect(w, ":1", "PEXPIRE k 100000");
        assert_int_equal(wire_int(w, "STRLEN k"), sizes[i]);
    }
}

static void test_set_nx_xx(void **state)
{
    struct wire *w = *state;

    expect(w, "(nil)", "SET k v XX");
    expect(w, ":0", "EXISTS k");
    expect(w, "OK", "SET k v NX");
    expect(w, "(nil)", "SET k w nx");
    expect(w, "\"v\"", "GET k");
    expect(w, "OK", "SET k w xx");
    expect(w, "\"w\"", "GET k");
    expect(w, "OK", "SET k x XX XX");
    expect(w, SYNTAX, "SET k v NX XX");
    expect(w, SYNTAX, "SET k v XX NX");
    expect(w, SYNTAX, "SET k v WHAT");
    expect(w, SYNTAX, "SET k v PERSIST");
    expect(w, ":1", "SADD s a");
    expect(w, "(nil)", "SET s v NX");
    expect(w, "OK", "SET s v XX");
}

static void test_set_get_option(void **state)
{
    struct wire *w = *state;

    expect(w, "(nil)", "SET k 1 GET");
    expect(w, "\"1\"", "SET k 2 GET");
    expect(w, "\"2\"", "SET k 3 NX GET");
    expect(w, "\"2\"", "GET k");
    expect(w, "(nil)", "SET new 1 NX GET");
    expect(w, "\"1\"", "GET new");
    expect(w, "(nil)", "SET none 1 XX GET");
    expect(w, ":0", "EXISTS none");
    expect(w, "\"1\"", "SET new 2 XX GET EX 100");
    expect_pttl(w, "new", 90000, 100000);
    expect(w, ":1", "SADD s a");
    expect(w, WRONGTYPE, "SET s 1 GET");
    expect(w, WRONGTYPE, "SET s 1 NX GET");
    expect(w, ":1", "SCARD s");
}

static void test_set_expire(void **state)
{
    struct wire *w = *state;
    long now = (long)time(NULL);

    expect(w, "OK", "SET k v EX 100");
    expect_pttl(w, "k", 90000, 100000);
    expect(w, "OK", "SET k v PX 50000");
    expect_pttl(w, "k", 40000, 50000);
    expect(w, "OK", "SET k v EXAT %ld", now + 200);
    expect_pttl(w, "k", 190000, 201000);
    expect(w, "OK", "SET k v PXAT %ld000", now + 300);
    expect_pttl(w, "k", 290000, 301000);
    expect(w, "OK", "SET k w KEEPTTL");
    expect_pttl(w, "k", 290000, 301000);
    expect(w, "\"w\"", "GET k");
    expect(w, "OK", "SET k v");
    expect(w, ":-1", "PTTL k");
    expect(w, "OK", "SET fresh v KEEPTTL");
    expect(w, ":-1", "PTTL fresh");
    expect(w, "OK", "SET k v EX 10 EX 20");
    expect_pttl(w, "k", 15000, 20000);
    expect(w, ":1", "SADD s a");
    expect(w, ":1", "PEXPIRE s 70000");
    expect(w, "OK", "SET s text KEEPTTL");
    expect_pttl(w, "s", 60000, 70000);
}

static void test_set_expire_in_the_past(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "SET k v EXAT 1");
    expect(w, ":0", "EXISTS k");
    expect(w, "OK", "SET k v");
    expect(w, "OK", "SET k w PXAT 1");
    expect(w, "(nil)", "GET k");
    expect(w, "OK", "SET k v");
    expect(w, "\"v\"", "SET k w GET PXAT 1");
    expect(w, "(nil)", "GET k");
    expect(w, "OK", "SET k v PX 1");
    wait_until(wire_int(w, "EXISTS k") == 0, 5000);
    expect(w, "OK", "SET k v NX");
}

static void test_set_expire_errors(void **state)
{
    struct wire *w = *state;

    expect(w, BAD_TIME("set"), "SET k v EX 0");
    expect(w, BAD_TIME("set"), "SET k v EX -1");
    expect(w, BAD_TIME("set"), "SET k v PX 0");
    expect(w, BAD_TIME("set"), "SET k v EXAT 0");
    expect(w, BAD_TIME("set"), "SET k v PXAT -5");
    expect(w, BAD_TIME("set"), "SET k v EX 9223372036854775807");
    expect(w, BAD_TIME("set"), "SET k v EX 9223372036854775");
    expect(w, BAD_TIME("set"), "SET k v PX 9223372036854775807");
    expect(w, BAD_TIME("set"), "SET k v EXAT 9223372036854776");
    expect(w, NOT_INT, "SET k v EX abc");
    expect(w, NOT_INT, "SET k v EX 1.5");
    expect(w, NOT_INT, "SET k v PX 9223372036854775808");
    expect(w, SYNTAX, "SET k v EX");
    expect(w, SYNTAX, "SET k v EX 1 PX 1");
    expect(w, SYNTAX, "SET k v PX 1 EXAT 1");
    expect(w, SYNTAX, "SET k v KEEPTTL EX 1");
    expect(w, SYNTAX, "SET k v EX 1 KEEPTTL");
    expect(w, SYNTAX, "SET k v GET EX abc XYZ");
    expect(w, ":0", "EXISTS k");
}

static void test_setnx_setex(void **state)
{
    struct wire *w = *state;

    expect(w, ":1", "SETNX k a");
    expect(w, ":0", "SETNX k b");
    expect(w, "\"a\"", "GET k");
    expect(w, ":1", "SADD s a");
    expect(w, ":0", "SETNX s b");
    expect(w, "OK", "SETEX k 100 b");
    expect_pttl(w, "k", 90000, 100000);
    expect(w, "\"b\"", "GET k");
    expect(w, "OK", "PSETEX k 5000 c");
    expect_pttl(w, "k", 0, 5000);
    expect(w, "OK", "SETEX s 100 was-a-set");
    expect(w, BAD_TIME("setex"), "SETEX k 0 v");
    expect(w, BAD_TIME("psetex"), "PSETEX k -1 v");
    expect(w, NOT_INT, "SETEX k x v");
    expect(w, NOT_INT, "PSETEX k '' v");
    expect(w, ARITY("setex"), "SETEX k 1");
    expect(w, ARITY("psetex"), "PSETEX k 1 v w");
    expect(w, ARITY("setnx"), "SETNX k");
    expect(w, "\"c\"", "GET k");
}

static void test_getset_getdel(void **state)
{
    struct wire *w = *state;

    expect(w, "(nil)", "GETSET k a");
    expect(w, ":1", "PEXPIRE k 100000");
    expect(w, "\"a\"", "GETSET k b");
    expect(w, ":-1", "PTTL k");
    expect(w, "\"b\"", "GETDEL k");
    expect(w, "(nil)", "GETDEL k");
    expect(w, ":0", "EXISTS k");
    expect(w, ":1", "SADD s a");
    expect(w, WRONGTYPE, "GETSET s b");
    expect(w, WRONGTYPE, "GETDEL s");
    expect(w, ":1", "SCARD s");
    expect(w, ARITY("getset"), "GETSET k");
    expect(w, ARITY("getdel"), "GETDEL");
}

static void test_getex(void **state)
{
    struct wire *w = *state;
    long now = (long)time(NULL);

    expect(w, "(nil)", "GETEX k");
    expect(w, "(nil)", "GETEX k EX abc");
    expect(w, "(nil)", "GETEX k EX -1");
    expect(w, SYNTAX, "GETEX k NX");
    expect(w, "OK", "SET k 12345");
    expect(w, "\"12345\"", "GETEX k");
    expect(w, ":-1", "PTTL k");
    expect(w, "\"12345\"", "GETEX k EX 100");
    expect_pttl(w, "k", 90000, 100000);
    expect(w, "\"12345\"", "GETEX k PX 50000");
    expect_pttl(w, "k", 40000, 50000);
    expect(w, "\"12345\"", "GETEX k");
    expect_pttl(w, "k", 40000, 50000);
    expect(w, "\"12345\"", "GETEX k EXAT %ld", now + 200);
    expect_pttl(w, "k", 190000, 201000);
    expect(w, "\"12345\"", "GETEX k PXAT %ld000", now + 300);
    expect_pttl(w, "k", 290000, 301000);
    expect(w, "\"12345\"", "GETEX k persist");
    expect(w, ":-1", "PTTL k");
    expect(w, "\"12345\"", "GETEX k PERSIST");
    expect(w, BAD_TIME("getex"), "GETEX k EX 0");
    expect(w, BAD_TIME("getex"), "GETEX k PXAT -1");
    expect(w, BAD_TIME("getex"), "GETEX k EX 9223372036854775807");
    expect(w, NOT_INT, "GETEX k EX abc");
    expect(w, SYNTAX, "GETEX k EX");
    expect(w, SYNTAX, "GETEX k EX 1 PX 1");
    expect(w, SYNTAX, "GETEX k EX 1 PERSIST");
    expect(w, SYNTAX, "GETEX k KEEPTTL");
    expect(w, SYNTAX, "GETEX k GET");
    expect(w, ":-1", "PTTL k");
    expect(w, "\"12345\"", "GETEX k EXAT 1");
    expect(w, ":0", "EXISTS k");
    expect(w, ":1", "SADD s a");
    expect(w, WRONGTYPE, "GETEX s");
    expect(w, WRONGTYPE, "GETEX s EX abc");
    expect(w, SYNTAX, "GETEX s EX");
}

static void test_many_keys(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "MSET a 1 b 2 c ''");
    expect(w, ":1", "SADD s x");
    expect(w, "[\"1\" \"2\" \"\" (nil) (nil) \"1\"]", "MGET a b c none s a");
    expect(w, "[(nil)]", "MGET none");
    expect(w, "OK", "MSET a x a y");
    expect(w, "\"y\"", "GET a");
    expect(w, "OK", "MSET s string");
    expect(w, "\"string\"", "GET s");
    expect(w, ":1", "PEXPIRE a 100000");
    expect(w, "OK", "MSET a z");
    expect(w, ":-1", "PTTL a");
    expect(w, ":0", "MSETNX new 1 a 2");
    expect(w, ":0", "EXISTS new");
    expect(w, ":1", "MSETNX new 1 new 2 newer 3");
    expect(w, "[\"2\" \"3\"]", "MGET new newer");
    expect(w, ARITY("mset"), "MSET a");
    expect(w, ARITY("mset"), "MSET a 1 b");
    expect(w, ARITY("msetnx"), "MSETNX a 1 b");
    expect(w, ARITY("mget"), "MGET");
    expect(w, "\"z\"", "GET a");
}

static void test_mset_of_thousands(void **state)
{
    enum { PAIRS = 3000 };
    static char names[PAIRS][16];
    static struct bytes args[1 + 2 * PAIRS];
    struct wire *w = *state;

    args[0] = BYTES("MSET");
    for (int i = 0; i < PAIRS; i++) {
        size_t len = (size_t)snprintf(names[i], sizeof names[i], "key:%d", i);
        args[1 + 2 * i] = args[2 + 2 * i] = (struct bytes){names[i], len};
    }
    expect_argv(w, "OK", 1 + 2 * PAIRS, args);
    assert_int_equal(wire_int(w, "DBSIZE"), PAIRS);
    expect(w, "[\"key:0\" \"key:1500\" \"key:2999\"]", "MGET key:0 key:1500 key:2999");
    args[0] = BYTES("MSETNX");
    expect_argv(w, ":0", 1 + 2 * PAIRS, args);
    expect(w, "OK", "FLUSHALL");
    expect_argv(w, ":1", 1 + 2 * PAIRS, args);
    assert_int_equal(wire_int(w, "DBSIZE"), PAIRS);
}

static void test_incr(void **state)
{
    struct wire *w = *state;

    expect(w, ":1", "INCR n");
    expect(w, ":11", "INCRBY n 10");
    expect(w, ":10", "DECR n");
    expect(w, ":-90", "DECRBY n 100");
    expect(w, ":-80", "DECRBY n -10");
    expect(w, ":-1", "DECR fresh");
    expect(w, "\"-80\"", "GET n");
    expect(w, ":1", "PEXPIRE n 100000");
    expect(w, ":-79", "INCR n");
    expect_pttl(w, "n", 90000, 100000);
    expect(w, "OK", "SET n 9223372036854775806");
    expect(w, ":9223372036854775807", "INCR n");
    expect(w, "-ERR increment or decrement would overflow", "INCR n");
    expect(w, "\"9223372036854775807\"", "GET n");
    expect(w, "OK", "SET n -9223372036854775808");
    expect(w, "-ERR increment or decrement would overflow", "DECR n");
    expect(w, "-ERR increment or decrement would overflow", "INCRBY n -1");
    expect(w, ":-1", "INCRBY n 9223372036854775807");
    expect(w, "-ERR decrement would overflow", "DECRBY n -9223372036854775808");
    expect(w, ":9223372036854775806", "DECRBY n -9223372036854775807");
}

static void test_incr_errors(void **state)
{
    struct wire *w = *state;
    static const char *const bad[] = {
        "' 1'", "'1 '", "01", "+1", "-0", "''", "1.0", "abc", "0x1", "1e3", "9223372036854775808"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        expect(w, "OK", "SET k %s", bad[i]);
        expect(w, NOT_INT, "INCR k");
        expect(w, NOT_INT, "INCRBY n %s", bad[i]);
        expect(w, NOT_INT, "DECRBY n %s", bad[i]);
    }
    expect(w, ":0", "EXISTS n");
    expect(w, ":1", "SADD s 1");
    expect(w, WRONGTYPE, "INCR s");
    expect(w, WRONGTYPE, "DECRBY s 1");
    expect(w, NOT_INT, "INCRBY s x");
    expect(w, ARITY("incr"), "INCR");
    expect(w, ARITY("incrby"), "INCRBY n");
}

static void test_incrbyfloat(void **state)
{
    struct wire *w = *state;

    expect(w, "\"10.5\"", "INCRBYFLOAT f 10.50");
    expect(w, "\"10.6\"", "INCRBYFLOAT f 0.1");
    expect(w, "\"5.6\"", "INCRBYFLOAT f -5");
    expect(w, "\"200005.59999999999999432\"", "INCRBYFLOAT f 2.0e5");
    expect(w, "\"200005.59999999999999432\"", "GET f");
    expect(w, ":1", "PEXPIRE f 100000");
    expect(w, "\"200006.59999999999999432\"", "INCRBYFLOAT f 1");
    expect_pttl(w, "f", 90000, 100000);
    expect(w, "OK", "SET f 3");
    expect(w, "\"4\"", "INCRBYFLOAT f 1.0");
    expect(w, "\"embstr\"", "OBJECT ENCODING f"); // a text, whole number or not
    expect(w, ":1", "OBJECT REFCOUNT f");
    expect(w, "\"0\"", "INCRBYFLOAT f -4");
    expect(w, "\"17179869185.5\"", "INCRBYFLOAT g 17179869185.5");
    expect(w, "\"100000000000000000000\"", "INCRBYFLOAT h 1e20");
    expect(w, "\"0.00000000000000001\"", "INCRBYFLOAT i 1e-17");
    expect(w, "-ERR value is not a valid float", "INCRBYFLOAT f abc");
    expect(w, "-ERR value is not a valid float", "INCRBYFLOAT f ''");
    expect(w, "-ERR value is not a valid float", "INCRBYFLOAT f ' 1'");
    expect(w, "-ERR value is not a valid float", "INCRBYFLOAT f nan");
    expect(w, "-ERR increment would produce NaN or Infinity", "INCRBYFLOAT f inf");
    expect(w, "-ERR increment would produce NaN or Infinity", "INCRBYFLOAT f -inf");
    expect(w, "OK", "SET t text");
    expect(w, "-ERR value is not a valid float", "INCRBYFLOAT t 1");
    expect(w, ":1", "SADD s 1");
    expect(w, WRONGTYPE, "INCRBYFLOAT s x");
    expect(w, "\"0\"", "GET f");
}

static void test_append_strlen(void **state)
{
    struct wire *w = *state;

    expect(w, ":0", "STRLEN k");
    expect(w, ":5", "APPEND k hello");
    expect(w, ":5", "APPEND k ''");
    expect(w, ":11", "APPEND k ' world'");
    expect(w, "\"hello world\"", "GET k");
    expect(w, ":11", "STRLEN k");
    expect(w, ":0", "APPEND empty ''");
    expect(w, ":1", "EXISTS empty");
    expect(w, "OK", "SET n 12");
    expect(w, ":4", "APPEND n 34");
    expect(w, ":1235", "INCR n");
    expect(w, ":1", "PEXPIRE n 100000");
    expect(w, ":5", "APPEND n 6");
    expect_pttl(w, "n", 90000, 100000);
    for (int i = 0; i < 300; i++)
        assert_int_equal(wire_int(w, "APPEND long 0123456789"), 10 * (i + 1));
    expect(w, "\"8901\"", "GETRANGE long 1998 2001");
    expect(w, ":1", "SADD s a");
    expect(w, WRONGTYPE, "APPEND s x");
    expect(w, WRONGTYPE, "STRLEN s");
    expect(w, ARITY("append"), "APPEND k");
    expect(w, ARITY("strlen"), "STRLEN");
}

static void test_setrange(void **state)
{
    struct wire *w = *state;

    expect(w, ":0", "SETRANGE k 0 ''");
    expect(w, ":0", "SETRANGE k 1000 ''");
    expect(w, ":0", "EXISTS k");
    expect(w, ":5", "SETRANGE k 2 abc");
    expect(w, "\"\\x00\\x00abc\"", "GET k");
    expect(w, ":5", "SETRANGE k 0 xy");
    expect(w, ":5", "SETRANGE k 7 ''");
    expect(w, "\"xyabc\"", "GET k");
    expect(w, ":8", "SETRANGE k 4 1234");
    expect(w, "\"xyab1234\"", "GET k");
    expect(w, "OK", "SET n 1234");
    expect(w, ":4", "SETRANGE n 1 x");
    expect(w, "\"1x34\"", "GET n");
    expect(w, ":1", "PEXPIRE n 100000");
    expect(w, ":4", "SETRANGE n 1 2");
    expect_pttl(w, "n", 90000, 100000);
    expect(w, ":1235", "INCR n");
    expect(w, "-ERR offset is out of range", "SETRANGE k -1 x");
    expect(w, "-ERR offset is out of range", "SETRANGE k -1 ''");
    expect(w, NOT_INT, "SETRANGE k x y");
    expect(w, TOO_LONG, "SETRANGE k 536870912 x");
    expect(w, TOO_LONG, "SETRANGE k 536870911 xy");
    expect(w, TOO_LONG, "SETRANGE none 9223372036854775807 x");
    expect(w, ":1", "SADD s a");
    expect(w, WRONGTYPE, "SETRANGE s 0 x");
    expect(w, WRONGTYPE, "SETRANGE s 0 ''");
    expect(w, ARITY("setrange"), "SETRANGE k 0");
}

static void test_getrange(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "SET k 'This is a string'");
    for (int old = 0; old < 2; old++) {
        const char *name = old ? "SUBSTR" : "GETRANGE";
        expect(w, "\"This\"", "%s k 0 3", name);
        expect(w, "\"ing\"", "%s k -3 -1", name);
        expect(w, "\"This is a string\"", "%s k 0 -1", name);
        expect(w, "\"string\"", "%s k 10 100", name);
        expect(w, "\"T\"", "%s k -100 0", name);
        expect(w, "\"T\"", "%s k 0 -100", name);
        expect(w, "\"\"", "%s k -1 -100", name);
        expect(w, "\"\"", "%s k -20 -25", name);
        expect(w, "\"T\"", "%s k -25 -20", name);
        expect(w, "\"\"", "%s k 5 3", name);
        expect(w, "\"\"", "%s k 100 200", name);
        expect(w, "\"This is a string\"", "%s k -9223372036854775808 9223372036854775807", name);
        expect(w, "\"\"", "%s none 0 -1", name);
        expect(w, NOT_INT, "%s k a 1", name);
        expect(w, NOT_INT, "%s k 1 a", name);
    }
    expect(w, "OK", "SET n 12345");
    expect(w, "\"234\"", "GETRANGE n 1 3");
    expect(w, "OK", "SET e ''");
    expect(w, "\"\"", "GETRANGE e 0 -1");
    expect(w, ":1", "SADD s a");
    expect(w, WRONGTYPE, "GETRANGE s 0 1");
    expect(w, NOT_INT, "GETRANGE s x 1");
    expect(w, ARITY("getrange"), "GETRANGE k 0");
    expect(w, ARITY("substr"), "SUBSTR k 0");
}

static void test_lcs(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "MSET a ohmytext b mynewtext n 12345 e ''");
    expect(w, "\"mytext\"", "LCS a b");
    expect(w, ":6", "LCS a b LEN");
    expect(w, ":6", "LCS a b len minmatchlen 5 withmatchlen");
    expect(w, "\"mytext\"", "LCS a b MINMATCHLEN 5 WITHMATCHLEN");
    expect(w, "[\"matches\" [[[:4 :7] [:5 :8]] [[:2 :3] [:0 :1]]] \"len\" :6]", "LCS a b IDX");
    expect(w, "[\"matches\" [[[:4 :7] [:5 :8]]] \"len\" :6]", "LCS a b IDX MINMATCHLEN 4");
    expect(w, "[\"matches\" [[[:4 :7] [:5 :8] :4] [[:2 :3] [:0 :1] :2]] \"len\" :6]",
           "LCS a b withmatchlen idx minmatchlen -1");
    expect(w, "[\"matches\" [] \"len\" :6]", "LCS a b IDX MINMATCHLEN 5");
    expect(w, "[\"matches\" [] \"len\" :0]", "LCS a none IDX");
    expect(w, "\"\"", "LCS a none");
    expect(w, "\"\"", "LCS e e");
    expect(w, ":0", "LCS none none2 LEN");
    expect(w, "\"12345\"", "LCS n n");
    expect(w, "[\"matches\" [[[:0 :4] [:0 :4] :5]] \"len\" :5]", "LCS n n IDX WITHMATCHLEN");
}

static void test_lcs_errors(void **state)
{
    struct wire *w = *state;
    static const char *const big[] = {"x", "y"};

    expect(w, "-ERR If you want both the length and indexes, please just use IDX.",
           "LCS a b IDX LEN");
    expect(w, SYNTAX, "LCS a b WHAT");
    expect(w, SYNTAX, "LCS a b MINMATCHLEN");
    expect(w, NOT_INT, "LCS a b MINMATCHLEN x");
    expect(w, ARITY("lcs"), "LCS a");
    expect(w, ":1", "SADD s a");
    expect(w, "-ERR The specified keys must contain string values", "LCS a s WHAT");
    expect(w, "-ERR The specified keys must contain string values", "LCS s a");
    for (int i = 0; i < 2; i++)
        expect(w, ":20000", "SETRANGE %s 19999 z", big[i]);
    expect(w, "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
           "LCS x y");
    expect(w, "OK", "SET y 0z");
    expect(w, ":1", "LCS x y LEN");
}

static void test_encodings(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "SET k 12345");
    expect(w, "\"int\"", "OBJECT ENCODING k");
    expect(w, "OK", "SET k 9223372036854775807");
    expect(w, "\"int\"", "OBJECT ENCODING k");
    expect(w, "OK", "SET k short");
    expect(w, "\"embstr\"", "OBJECT ENCODING k");
    expect(w, ":6", "APPEND k x");
    expect(w, "\"raw\"", "OBJECT ENCODING k");
    expect(w, "OK", "SET k 123456789012345678901234567890123456789012345");
    expect(w, "\"raw\"", "OBJECT ENCODING k");
}

// What RESP3 shapes differently.
static void test_resp3(void **state)
{
    struct wire *w = *state;

    expect(w, "(nil)", "GET k");
    expect(w, "(nil)", "SET k v XX");
    expect(w, "OK", "SET k v");
    expect(w, "[\"v\" (nil)]", "MGET k none");
    expect(w, "\"0.5\"", "INCRBYFLOAT f 0.5");
    expect(w, "OK", "MSET a xyz b yz");
    expect(w, "{\"matches\": [[[:1 :2] [:0 :1]]], \"len\": :2}", "LCS a b IDX");
    expect(w, "(nil)", "GETEX none");
    expect(w, "(nil)", "GETDEL none");
    expect(w, "(nil)", "GETSET new v");
}

static void test_resp3_is_resp3(void **state)
{
    struct wire *w = *state;

    expect_raw(w, "GET none\r\n", "_\r\n");
    expect_raw(w, "MGET none\r\n", "*1\r\n_\r\n");
    expect_raw(w, "LCS x y IDX\r\n", "%2\r\n$7\r\nmatches\r\n*0\r\n$3\r\nlen\r\n:0\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(test_set_get),
        WIRE_TEST(test_values_of_every_size),
        WIRE_TEST(test_set_nx_xx),
        WIRE_TEST(test_set_get_option),
        WIRE_TEST(test_set_expire),
        WIRE_TEST(test_set_expire_in_the_past),
        WIRE_TEST(test_set_expire_errors),
        WIRE_TEST(test_setnx_setex),
        WIRE_TEST(test_getset_getdel),
        WIRE_TEST(test_getex),
        WIRE_TEST(test_many_keys),
        WIRE_TEST(test_mset_of_thousands),
        WIRE_TEST(test_incr),
        WIRE_TEST(test_incr_errors),
        WIRE_TEST(test_incrbyfloat),
        WIRE_TEST(test_append_strlen),
        WIRE_TEST(test_setrange),
        WIRE_TEST(test_getrange),
        WIRE_TEST(test_lcs),
        WIRE_TEST(test_lcs_errors),
        WIRE_TEST(test_encodings),
        WIRE_TEST3(test_resp3),
        WIRE_TEST3(test_resp3_is_resp3),
    };
    return run_modes(tests);
}
