// SPDX-License-Identifier: MIT
//
// DEL UNLINK EXISTS TYPE TOUCH RENAME RENAMENX COPY MOVE OBJECT DBSIZE FLUSHDB FLUSHALL SWAPDB over
// the wire. Every text was compared with redis-server 7.0.15.
#include "tests/lib/wire.h"

#include <stdio.h>
#include <string.h>

#define SYNTAX     "-ERR syntax error"
#define NOT_INT    "-ERR value is not an integer or out of range"
#define OUT_OF_INT "-ERR value is out of range, value must between -2147483648 and 2147483647"
#define DB_RANGE   "-ERR DB index is out of range"
#define SAME       "-ERR source and destination objects are the same"
#define NO_KEY     "-ERR no such key"

static void expect_arity(struct wire *w, const char *name, const char *command)
{
    char want[128];

    snprintf(want, sizeof(want), "-ERR wrong number of arguments for '%s' command", name);
    expect(w, want, "%s", command);
}

static void test_del(void **state)
{
    struct wire *w = *state;

    expect(w, ":0", "DEL nokey");
    expect(w, "OK", "MSET a 1 b 2 c 3");
    expect(w, ":3", "SADD s x y z");
    expect(w, ":3", "DEL a nokey b s a");
    expect(w, "(nil)", "GET a");
    expect(w, ":0", "SCARD s");
    expect(w, ":1", "EXISTS c");
    expect(w, ":1", "DBSIZE");
    expect(w, "OK", "SET \"bin\\x00\\r\\n\\xff\" v");
    expect(w, ":1", "DEL \"bin\\x00\\r\\n\\xff\"");
    expect(w, "OK", "SET \"\" v");
    expect(w, ":1", "DEL \"\"");
    expect(w, ":1", "DBSIZE");
    expect_arity(w, "del", "DEL");
}

static void test_unlink(void **state)
{
    struct wire *w = *state;

    expect(w, ":0", "UNLINK nokey");
    expect(w, "OK", "MSET a 1 b 2 c 3");
    expect(w, ":2", "UNLINK a nokey b a");
    expect(w, ":1", "DBSIZE");
    expect_arity(w, "unlink", "UNLINK");
}

// A key may be made, deleted and made again as another type.
static void test_del_frees_the_name(void **state)
{
    struct wire *w = *state;

    for (int i = 0; i < 200; i++) {
        expect(w, "OK", "SET k v");
        expect(w, ":1", "DEL k");
        expect(w, ":1", "SADD k v");
        expect(w, "set", "TYPE k");
        expect(w, ":1", "UNLINK k");
        expect(w, ":0", "EXISTS k");
    }
    expect(w, ":0", "DBSIZE");
}

static void test_del_many(void **state)
{
    enum { N = 2000 };
    static char names[N][16];
    static struct bytes argv[2 * N + 1];
    struct wire *w = *state;

    for (int i = 0; i < N; i++)
        snprintf(names[i], sizeof(names[i]), "k%d", i);
    argv[0] = BYTES("MSET");
    for (int i = 0; i < N; i++) {
        argv[1 + 2 * i] = bytes_of(names[i]);
        argv[2 + 2 * i] = BYTES("v");
    }
    expect_argv(w, "OK", 2 * N + 1, argv);
    argv[0] = BYTES("EXISTS");
    for (int i = 0; i < N; i++)
        argv[1 + i] = bytes_of(names[i]);
    expect_argv(w, ":2000", N + 1, argv);
    argv[0] = BYTES("DEL");
    expect_argv(w, ":2000", N + 1, argv);
    expect_argv(w, ":0", N + 1, argv);
    expect(w, ":0", "DBSIZE");
}

static void test_exists_and_touch(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "SET a 1");
    expect(w, ":1", "SADD s m");
    expect(w, ":1", "EXISTS a");
    expect(w, ":0", "EXISTS nokey");
    expect(w, ":4", "EXISTS a s nokey a s");
    expect(w, ":1", "TOUCH a");
    expect(w, ":3", "TOUCH a s nokey a");
    expect(w, ":0", "TOUCH nokey");
    expect_arity(w, "exists", "EXISTS");
    expect_arity(w, "touch", "TOUCH");
}

static void test_type(void **state)
{
    struct wire *w = *state;

    expect(w, "none", "TYPE nokey");
    expect(w, "OK", "SET a 1");
    expect(w, "string", "TYPE a");
    expect(w, "OK", "SET a 1 EX 100");
    expect(w, "string", "TYPE a");
    expect(w, ":1", "SADD s m");
    expect(w, "set", "TYPE s");
    expect_arity(w, "type", "TYPE");
    expect_arity(w, "type", "TYPE a b");
}

static void test_rename(void **state)
{
    struct wire *w = *state;

    expect(w, NO_KEY, "RENAME nokey b");
    expect(w, NO_KEY, "RENAME nokey nokey");
    expect(w, "OK", "SET a 1");
    expect(w, "OK", "RENAME a b");
    expect(w, ":0", "EXISTS a");
    expect(w, "\"1\"", "GET b");
    expect(w, "OK", "RENAME b b");
    expect(w, "\"1\"", "GET b");
    // Over another key, of another type; the expire time is the source's.
    expect(w, ":2", "SADD s x y");
    expect(w, ":1", "EXPIREAT s 33177117420");
    expect(w, "OK", "RENAME b s");
    expect(w, "\"1\"", "GET s");
    expect(w, ":-1", "TTL s");
    expect(w, ":1", "EXPIREAT s 33177117420");
    expect(w, "OK", "SET t 2");
    expect(w, "OK", "RENAME s t");
    expect(w, ":33177117420", "EXPIRETIME t");
    expect(w, "\"1\"", "GET t");
    expect(w, ":3", "SADD set a b c");
    expect(w, "OK", "RENAME set set2");
    expect(w, ":1", "SISMEMBER set2 b");
    expect(w, ":1", "SADD set2 d");
    expect(w, ":4", "SCARD set2");
    expect(w, ":2", "DBSIZE");
    expect_arity(w, "rename", "RENAME a");
    expect_arity(w, "rename", "RENAME a b c");
}

static void test_renamenx(void **state)
{
    struct wire *w = *state;

    expect(w, NO_KEY, "RENAMENX nokey b");
    expect(w, NO_KEY, "RENAMENX nokey nokey");
    expect(w, "OK", "SET a 1");
    expect(w, ":0", "RENAMENX a a");
    expect(w, ":1", "RENAMENX a b");
    expect(w, "OK", "SET a 2");
    expect(w, ":0", "RENAMENX a b");
    expect(w, "\"2\"", "GET a");
    expect(w, "\"1\"", "GET b");
    expect(w, ":1", "DEL b");
    expect(w, ":1", "PEXPIREAT a 33177117420000");
    expect(w, ":1", "RENAMENX a b");
    expect(w, ":33177117420", "EXPIRETIME b");
    expect_arity(w, "renamenx", "RENAMENX a");
}

static void test_copy(void **state)
{
    struct wire *w = *state;

    expect(w, ":0", "COPY nokey b");
    expect(w, "OK", "SET a 1");
    expect(w, ":1", "COPY a b");
    expect(w, "\"1\"", "GET b");
    expect(w, ":2", "INCR a");
    expect(w, "\"1\"", "GET b");
    expect(w, ":0", "COPY a b");
    expect(w, "\"1\"", "GET b");
    expect(w, ":1", "COPY a b REPLACE");
    expect(w, "\"2\"", "GET b");
    expect(w, ":1", "EXPIREAT a 33177117420");
    expect(w, ":1", "COPY a c replace");
    expect(w, ":33177117420", "EXPIRETIME c");
    expect(w, ":1", "PERSIST a");
    expect(w, ":33177117420", "EXPIRETIME c");
    // What is replaced may be of another type and have an expire time.
    expect(w, ":3", "SADD s x y z");
    expect(w, ":1", "COPY s c REPLACE");
    expect(w, ":-1", "TTL c");
    expect(w, ":1", "SREM s x");
    expect_sorted(w, "[\"x\" \"y\" \"z\"]", "SMEMBERS c");
    expect(w, ":0", "COPY nokey c REPLACE");
    expect(w, ":3", "SCARD c");
    expect_arity(w, "copy", "COPY a");
}

static void test_copy_large_values(void **state)
{
    struct wire *w = *state;
    int64_t members = 0;

    for (int i = 0; i < 2000; i++)
        members += wire_int(w, "SADD s member:%d", i);
    assert_int_equal(members, 2000);
    expect(w, ":1", "COPY s s2");
    expect(w, ":1", "SADD s2 other");
    expect(w, ":2000", "SCARD s");
    expect(w, ":2001", "SCARD s2");
    expect(w, ":1", "DEL s");
    expect(w, ":1", "SISMEMBER s2 member:1999");
    expect(w, "OK", "SET big x");
    expect(w, ":100000", "SETRANGE big 99999 y");
    expect(w, ":1", "COPY big big2");
    expect(w, ":100001", "APPEND big z");
    expect(w, ":100000", "STRLEN big2");
}

static void test_copy_between_databases(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "SET a 1");
    expect(w, ":1", "COPY a a DB 1");
    expect(w, ":0", "COPY a a DB 1");
    expect(w, ":1", "COPY a a DB 1 REPLACE");
    expect(w, ":1", "COPY a b REPLACE DB 1");
    expect(w, "OK", "SELECT 1");
    expect(w, "\"1\"", "GET a");
    expect(w, ":2", "DBSIZE");
    expect(w, ":0", "COPY a a DB 0");
    expect(w, "OK", "SELECT 0");
    // The last DB counts, also back to the own one.
    expect(w, ":1", "COPY a c DB 1 DB 0");
    expect(w, "\"1\"", "GET c");
    expect(w, "\"1\"", "GET a");
}

static void test_copy_errors(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "SET a 1");
    expect(w, SAME, "COPY a a");
    expect(w, SAME, "COPY a a DB 0 REPLACE");
    expect(w, SAME, "COPY nokey nokey");
    expect(w, SYNTAX, "COPY a b foo");
    expect(w, SYNTAX, "COPY a b DB");
    expect(w, SYNTAX, "COPY a b REPLACE DB");
    expect(w, NOT_INT, "COPY a b DB x");
    expect(w, NOT_INT, "COPY a b DB 9223372036854775808");
    expect(w, OUT_OF_INT, "COPY a b DB 2147483648");
    expect(w, DB_RANGE, "COPY a b DB 16");
    expect(w, DB_RANGE, "COPY a b DB -1");
    expect(w, DB_RANGE, "COPY a b DB 99 foo");
    expect(w, SYNTAX, "COPY a b foo DB 99");
    expect(w, DB_RANGE, "COPY a b DB 3 DB 99");
    expect(w, ":1", "DBSIZE");
}

static void test_move(void **state)
{
    struct wire *w = *state;

    expect(w, ":0", "MOVE nokey 1");
    expect(w, "OK", "SET a 1 EXAT 33177117420");
    expect(w, ":1", "MOVE a 1");
    expect(w, ":0", "EXISTS a");
    expect(w, ":0", "DBSIZE");
    expect(w, "OK", "SET a 2");
    expect(w, ":0", "MOVE a 1");
    expect(w, "\"2\"", "GET a");
    expect(w, "OK", "SELECT 1");
    expect(w, "\"1\"", "GET a");
    expect(w, ":33177117420", "EXPIRETIME a");
    expect(w, ":2", "SADD s x y");
    expect(w, ":1", "MOVE s 0");
    expect(w, "OK", "SELECT 0");
    expect(w, ":2", "SCARD s");
    expect(w, SAME, "MOVE a 0");
    expect(w, SAME, "MOVE nokey 0");
    expect(w, NOT_INT, "MOVE a x");
    expect(w, OUT_OF_INT, "MOVE a 2147483648");
    expect(w, DB_RANGE, "MOVE a 16");
    expect(w, DB_RANGE, "MOVE a -1");
    expect_arity(w, "move", "MOVE a");
    expect_arity(w, "move", "MOVE a 1 2");
}

static void test_object(void **state)
{
    struct wire *w = *state;

    expect(w, "(nil)", "OBJECT ENCODING nokey");
    expect(w, "(nil)", "OBJECT REFCOUNT nokey");
    expect(w, "(nil)", "OBJECT IDLETIME nokey");
    expect(w, "(nil)", "OBJECT FREQ nokey");
    expect(w, "OK", "SET a 12");
    expect_match(w, "-ERR An LFU maxmemory policy is not selected, *", "OBJECT FREQ a");
    expect(w, "\"int\"", "OBJECT ENCODING a");
    expect(w, ":2147483647", "OBJECT REFCOUNT a");
    expect(w, "OK", "SET a 10000");
    expect(w, ":1", "OBJECT REFCOUNT a");
    expect(w, "OK", "SET a 9223372036854775807");
    expect(w, "\"int\"", "OBJECT ENCODING a");
    expect(w, "OK", "SET a 012");
    expect(w, "\"embstr\"", "OBJECT ENCODING a");
    expect(w, ":1", "OBJECT REFCOUNT a");
    expect(w, "OK", "SET a 12345678901234567890123456789012345678901234");
    expect(w, "\"embstr\"", "OBJECT ENCODING a");
    expect(w, "OK", "SET a 123456789012345678901234567890123456789012345");
    expect(w, "\"raw\"", "OBJECT ENCODING a");
    expect(w, "OK", "SET a x");
    expect(w, ":2", "APPEND a y");
    expect(w, "\"raw\"", "OBJECT ENCODING a");
    expect(w, ":3", "SADD s 1 2 3");
    expect(w, "\"intset\"", "object encoding s");
    expect(w, ":1", "OBJECT REFCOUNT s");
    expect(w, ":1", "SADD s x");
    expect(w, "\"hashtable\"", "OBJECT ENCODING s");
    expect(w, ":0", "OBJECT IDLETIME s");
    expect(
        w,
        "-ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note "
        "that when switching between policies at runtime LRU and LFU data will take some time to "
        "adjust.",
        "OBJECT FREQ a");
}

static void test_object_usage(void **state)
{
    struct wire *w = *state;

    expect(w,
           "[OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are: "
           "ENCODING <key>     Return the kind of internal representation used in order to store "
           "the value     associated with a <key>. "
           "FREQ <key>     Return the access frequency index of the <key>. The returned integer is "
           "    proportional to the logarithm of the recent access frequency of the key. "
           "IDLETIME <key>     Return the idle time of the <key>, that is the approximated number "
           "of     seconds elapsed since the last access to the key. "
           "REFCOUNT <key>     Return the number of references of the value associated with the "
           "specified     <key>. HELP     Prints this help.]",
           "OBJECT HELP");
    expect(w, "-ERR unknown subcommand 'foo'. Try OBJECT HELP.", "OBJECT foo");
    expect(w, "-ERR unknown subcommand 'foo'. Try OBJECT HELP.", "OBJECT foo a b c");
    expect_arity(w, "object", "OBJECT");
    expect_arity(w, "object|encoding", "OBJECT ENCODING");
    expect_arity(w, "object|encoding", "OBJECT ENCODING a b");
    expect_arity(w, "object|refcount", "OBJECT REFCOUNT");
    expect_arity(w, "object|idletime", "OBJECT IDLETIME");
    expect_arity(w, "object|freq", "OBJECT FREQ");
    expect_arity(w, "object|help", "OBJECT HELP x");
}

// Looking at a key is no use of it, so its idle time goes on; TOUCH starts it anew.
static void test_idle_time(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "SET a 1");
    wait_until(wire_int(w, "OBJECT IDLETIME a") >= 1, 5000);
    expect(w, ":1", "EXISTS a");
    expect(w, "string", "TYPE a");
    expect(w, ":-1", "TTL a");
    expect(w, "\"int\"", "OBJECT ENCODING a");
    assert_true(wire_int(w, "OBJECT IDLETIME a") >= 1);
    expect(w, ":1", "TOUCH a");
    wait_until(wire_int(w, "OBJECT IDLETIME a") >= 1, 5000); // so it was below once
}

static void test_dbsize_and_flush(void **state)
{
    struct wire *w = *state;

    expect(w, ":0", "DBSIZE");
    expect(w, "OK", "MSET a 1 b 2 c 3");
    expect(w, ":2", "SADD s x y");
    expect(w, ":4", "DBSIZE");
    expect(w, "OK", "SELECT 3");
    expect(w, ":0", "DBSIZE");
    expect(w, "OK", "SET d 4");
    expect(w, "OK", "FLUSHDB");
    expect(w, ":0", "DBSIZE");
    expect(w, "(nil)", "GET d");
    expect(w, "OK", "SET d 4");
    expect(w, "OK", "SELECT 0");
    expect(w, ":4", "DBSIZE");
    expect(w, "OK", "CONFIG RESETSTAT");
    expect(w, "OK", "FLUSHDB ASYNC");
    expect(w, ":0", "DBSIZE");
    wait_until(strstr(wire_text(w, NULL, "INFO memory"), "lazyfree_pending_objects:0"), 5000);
    assert_non_null(strstr(wire_text(w, NULL, "INFO memory"), "lazyfreed_objects:4"));
    expect(w, "OK", "SET a 1");
    expect(w, "OK", "FLUSHDB sync");
    expect(w, ":0", "EXISTS a");
    expect(w, "OK", "FLUSHALL async");
    expect(w, "OK", "SELECT 3");
    expect(w, ":0", "DBSIZE");
    expect(w, "OK", "SET d 4");
    expect(w, "OK", "FLUSHALL SYNC");
    expect(w, "OK", "FLUSHALL");
    expect(w, ":0", "DBSIZE");
    expect(w, SYNTAX, "FLUSHDB foo");
    expect(w, SYNTAX, "FLUSHDB SYNC ASYNC");
    expect(w, SYNTAX, "FLUSHALL foo");
    expect(w, SYNTAX, "FLUSHALL ASYNC ASYNC");
    expect_arity(w, "dbsize", "DBSIZE x");
}

static void test_swapdb(void **state)
{
    struct wire *w = *state;
    struct wire *other = wire_open(wire_server(w), 2);

    expect(w, "OK", "MSET a 0 b 0");
    expect(other, "OK", "SELECT 1");
    expect(other, "OK", "SET a 1");
    expect(w, "OK", "SWAPDB 0 1");
    expect(w, "\"1\"", "GET a");
    expect(w, ":1", "DBSIZE");
    expect(other, "\"0\"", "GET a");
    expect(other, ":2", "DBSIZE");
    expect(w, "OK", "SWAPDB 1 0");
    expect(w, "\"0\"", "GET a");
    expect(w, "OK", "SWAPDB 1 1");
    expect(other, ":1", "DBSIZE");
    expect(w, "-ERR invalid first DB index", "SWAPDB x 1");
    expect(w, "-ERR invalid second DB index", "SWAPDB 0 y");
    expect(w, "-ERR invalid first DB index", "SWAPDB 2147483648 y");
    expect(w, "-ERR invalid second DB index", "SWAPDB 99 -2147483649");
    expect(w, DB_RANGE, "SWAPDB 0 16");
    expect(w, DB_RANGE, "SWAPDB -1 0");
    expect(w, DB_RANGE, "SWAPDB 99 99");
    expect_arity(w, "swapdb", "SWAPDB 0");
    expect_arity(w, "swapdb", "SWAPDB 0 1 2");
    wire_close(other);
}

static void test_resp3(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "SET a 1");
    expect(w, "string", "TYPE a");
    expect(w, "none", "TYPE nokey");
    expect(w, ":1", "EXISTS a");
    expect(w, "(nil)", "OBJECT ENCODING nokey");
    expect(w, "\"int\"", "OBJECT ENCODING a");
    expect(w, ":1", "COPY a b");
    expect(w, "OK", "RENAME a c");
    expect(w, ":1", "RENAMENX c a");
    expect(w, ":1", "MOVE a 1");
    expect(w, ":1", "DEL b");
    expect_raw(w, "OBJECT FREQ nokey\r\n", "_\r\n");
    expect_raw(w, "TYPE nokey\r\n", "+none\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(test_del),
        WIRE_TEST(test_unlink),
        WIRE_TEST(test_del_frees_the_name),
        WIRE_TEST(test_del_many),
        WIRE_TEST(test_exists_and_touch),
        WIRE_TEST(test_type),
        WIRE_TEST(test_rename),
        WIRE_TEST(test_renamenx),
        WIRE_TEST(test_copy),
        WIRE_TEST(test_copy_large_values),
        WIRE_TEST(test_copy_between_databases),
        WIRE_TEST(test_copy_errors),
        WIRE_TEST(test_move),
        WIRE_TEST(test_object),
        WIRE_TEST(test_object_usage),
        WIRE_TEST(test_idle_time),
        WIRE_TEST(test_dbsize_and_flush),
        WIRE_TEST(test_swapdb),
        WIRE_TEST3(test_resp3),
    };

    return run_modes(tests);
}
