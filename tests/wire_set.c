// SPDX-License-Identifier: MIT
//
// Set commands over the wire: every command, option and error, and every encoding.
#include "tests/lib/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRONGTYPE "-WRONGTYPE Operation against a key holding the wrong kind of value"
#define NOT_INT   "-ERR value is not an integer or out of range"
#define SYNTAX    "-ERR syntax error"

#define ARITY(name) "-ERR wrong number of arguments for '" name "' command"

enum { BATCH = 500, NAME_CHARS = 32 };

// Adds format(from) .. format(to - 1) to a set; the format has one %d.
static void fill(struct wire *w, const char *key, const char *format, int from, int to)
{
    static char names[BATCH][NAME_CHARS];
    struct bytes args[2 + BATCH] = {BYTES("SADD"), bytes_of(key)};

    while (from < to) {
        int n = 0;
        char want[32];
        for (; n < BATCH && from < to; n++, from++) {
            snprintf(names[n], sizeof names[n], format, from);
            args[2 + n] = bytes_of(names[n]);
        }
        snprintf(want, sizeof want, ":%d", n);
        expect_argv(w, want, 2 + n, args);
    }
}

// The keys of tests that go through every encoding: integers, packed, a dictionary of each.
static const struct {
    const char *key, *format;
    int count;
} KINDS[] = {
    {"ints", "%d", 100},
    {"packed", "m%d", 100},
    {"dict", "member:%d", 1000},
    {"intdict", "%d", 1000},
};
enum { NKINDS = sizeof KINDS / sizeof KINDS[0] };

static void fill_kinds(struct wire *w)
{
    for (int i = 0; i < NKINDS; i++)
        fill(w, KINDS[i].key, KINDS[i].format, 0, KINDS[i].count);
}

// ---- one set ----------------------------------------------------------------------------------

static void test_sadd_srem(void **state)
{
    struct wire *w = *state;

    expect(w, ":0", "SCARD s");
    expect(w, ":2", "SADD s a b");
    expect(w, ":0", "SADD s a");
    expect(w, ":1", "SADD s b c b c");
    expect(w, ":3", "SCARD s");
    expect(w, ":1", "SREM s a nothing a");
    expect(w, ":0", "SREM s a");
    expect(w, ":0", "SREM none a b");
    expect(w, ":2", "SREM s b c");
    expect(w, ":0", "EXISTS s");
    expect(w, ":1", "SADD s ''");
    expect(w, ":1", "SISMEMBER s ''");
    expect(w, ":1", "SADD s \"\\x00\\r\\n\\xff\"");
    expect_sorted(w, "[\"\" \"\\x00\\r\\n\\xff\"]", "SMEMBERS s");
    expect(w, ":1", "SREM s ''");
    expect(w, ":1", "SREM s \"\\x00\\r\\n\\xff\"");
    expect(w, ":0", "EXISTS s");
    expect(w, ":2", "SADD twice x x y x");
    expect(w, "OK", "SET str x");
    expect(w, WRONGTYPE, "SADD str a");
    expect(w, WRONGTYPE, "SREM str a");
    expect(w, ARITY("sadd"), "SADD s");
    expect(w, ARITY("srem"), "SREM s");
}

static void test_expire_time_stays(void **state)
{
    struct wire *w = *state;

    expect(w, ":3", "SADD s 1 2 3");
    expect(w, ":1", "PEXPIRE s 100000");
    expect(w, ":3", "SADD s a b c");
    expect(w, ":2", "SREM s a b");
    expect_match(w, ":[0-9]*", "PTTL s");
    assert_in_range(wire_int(w, "PTTL s"), 90000, 100000);
    expect(w, ":4", "SUNIONSTORE s s none");
    expect(w, ":-1", "PTTL s");
}

static void test_expired_sets_are_gone(void **state)
{
    struct wire *w = *state;

    expect(w, ":2", "SADD s a b");
    expect(w, ":1", "SADD t c");
    expect(w, ":1", "PEXPIRE s 1");
    expect(w, ":1", "PEXPIRE t 1");
    wait_until(wire_int(w, "EXISTS s t") == 0, 5000);
    expect(w, ":0", "SCARD s");
    expect(w, "[]", "SUNION s t");
    expect(w, ":0", "SREM s a");
    expect(w, ":1", "SADD s x");
    expect(w, ":-1", "PTTL s");
    expect(w, ":1", "SMOVE s t x");
    expect(w, "[\"x\"]", "SMEMBERS t");
    expect(w, ":-1", "PTTL t");
}

static void test_membership(void **state)
{
    struct wire *w = *state;

    fill_kinds(w);
    for (int i = 0; i < NKINDS; i++) {
        const char *key = KINDS[i].key;
        char member[NAME_CHARS];

        assert_int_equal(wire_int(w, "SCARD %s", key), KINDS[i].count);
        for (int n = 0; n < KINDS[i].count; n += 7) {
            snprintf(member, sizeof member, KINDS[i].format, n);
            assert_int_equal(wire_int(w, "SISMEMBER %s %s", key, member), 1);
        }
        expect(w, ":0", "SISMEMBER %s nothing", key);
        expect(w, ":0", "SISMEMBER %s -1", key);
        expect(w, ":0", "SISMEMBER %s 01", key);
        expect(w, "[:0 :1 :0 :1]", "SMISMEMBER %s none %s '' %s", key, member, member);
    }
    expect(w, ":0", "SISMEMBER none a");
    expect(w, "[:0 :0]", "SMISMEMBER none a b");
    expect(w, "OK", "SET str x");
    expect(w, WRONGTYPE, "SISMEMBER str a");
    expect(w, WRONGTYPE, "SMISMEMBER str a");
    expect(w, WRONGTYPE, "SCARD str");
    expect(w, ARITY("sismember"), "SISMEMBER s");
    expect(w, ARITY("sismember"), "SISMEMBER s a b");
    expect(w, ARITY("smismember"), "SMISMEMBER s");
    expect(w, ARITY("scard"), "SCARD");
}

static void test_smembers(void **state)
{
    struct wire *w = *state;

    expect(w, "[]", "SMEMBERS none");
    expect(w, ":4", "SADD s 3 -1 20 1");
    expect(w, "[\"-1\" \"1\" \"3\" \"20\"]", "SMEMBERS s");
    expect(w, ":1", "SADD s x");
    expect_sorted(w, "[\"-1\" \"1\" \"20\" \"3\" \"x\"]", "SMEMBERS s");
    expect(w, ":3", "SADD big 9223372036854775807 -9223372036854775808 70000");
    expect(w, "[\"-9223372036854775808\" \"70000\" \"9223372036854775807\"]", "SMEMBERS big");
    expect(w, "OK", "SET str x");
    expect(w, WRONGTYPE, "SMEMBERS str");
    expect(w, ARITY("smembers"), "SMEMBERS");
}

static void test_encodings(void **state)
{
    struct wire *w = *state;

    fill(w, "i", "%d", 0, 512);
    expect(w, "\"intset\"", "OBJECT ENCODING i");
    expect(w, ":1", "SADD i 512");
    expect(w, "\"hashtable\"", "OBJECT ENCODING i");
    expect(w, ":513", "SCARD i");
    expect(w, ":2", "SADD s 1 a");
    expect(w, "\"hashtable\"", "OBJECT ENCODING s");
    expect(w, ":1", "SREM s a");
    expect(w, "\"hashtable\"", "OBJECT ENCODING s");
    expect(w, ":1", "SADD t 1");
    expect(w, "\"intset\"", "OBJECT ENCODING t");
    expect(w, ":1", "SUNIONSTORE u s t");
    expect(w, "\"intset\"", "OBJECT ENCODING u");
}

static void test_srem_everything(void **state)
{
    struct wire *w = *state;

    fill_kinds(w);
    for (int i = 0; i < NKINDS; i++) {
        for (int n = 0; n < KINDS[i].count; n++) {
            char member[NAME_CHARS];
            snprintf(member, sizeof member, KINDS[i].format, n);
            assert_int_equal(wire_int(w, "SREM %s %s", KINDS[i].key, member), 1);
        }
        expect(w, ":0", "EXISTS %s", KINDS[i].key);
    }
    expect(w, ":0", "DBSIZE");
}

static void test_smove(void **state)
{
    struct wire *w = *state;

    expect(w, ":3", "SADD a 1 2 3");
    expect(w, ":1", "SADD b x");
    expect(w, ":1", "SMOVE a b 1");
    expect(w, "[\"2\" \"3\"]", "SMEMBERS a");
    expect_sorted(w, "[\"1\" \"x\"]", "SMEMBERS b");
    expect(w, ":0", "SMOVE a b 1");
    expect(w, ":1", "SADD b 2");
    expect(w, ":1", "SMOVE a b 2");
    expect(w, ":3", "SCARD b");
    expect(w, ":1", "SMOVE a fresh 3");
    expect(w, ":0", "EXISTS a");
    expect(w, "[\"3\"]", "SMEMBERS fresh");
    expect(w, ":0", "SMOVE none b x");
    expect(w, ":1", "SMOVE b b x");
    expect(w, ":0", "SMOVE b b nothing");
    expect(w, ":3", "SCARD b");
    expect(w, ":0", "SMOVE b none2 nothing");
    expect(w, ":0", "EXISTS none2");
    expect(w, "OK", "SET str x");
    expect(w, ":0", "SMOVE none str x");
    expect(w, WRONGTYPE, "SMOVE str b x");
    expect(w, WRONGTYPE, "SMOVE b str x");
    expect(w, WRONGTYPE, "SMOVE b str nothing");
    expect(w, ARITY("smove"), "SMOVE a b");
    expect(w, ":1", "SISMEMBER b x");
}

static void test_smove_encodings(void **state)
{
    struct wire *w = *state;

    fill_kinds(w);
    for (int i = 0; i < NKINDS; i++) {
        for (int n = 0; n < KINDS[i].count; n++) {
            char member[NAME_CHARS];
            snprintf(member, sizeof member, KINDS[i].format, n);
            expect(w, ":1", "SMOVE %s to:%d %s", KINDS[i].key, i, member);
        }
        expect(w, ":0", "EXISTS %s", KINDS[i].key);
        assert_int_equal(wire_int(w, "SCARD to:%d", i), KINDS[i].count);
    }
}

// ---- chance -----------------------------------------------------------------------------------

static void test_spop_one(void **state)
{
    struct wire *w = *state;

    expect(w, "(nil)", "SPOP none");
    fill_kinds(w);
    for (int i = 0; i < NKINDS; i++) {
        for (int left = KINDS[i].count; left > 0; left--) {
            char member[NAME_CHARS];
            size_t len;
            assert_int_equal(wire_int(w, "SCARD %s", KINDS[i].key), left);
            snprintf(member, sizeof member, "%s", wire_text(w, &len, "SPOP %s", KINDS[i].key));
            assert_int_equal(wire_int(w, "SISMEMBER %s %s", KINDS[i].key, member), 0);
            assert_int_equal(wire_int(w, "SADD popped:%d %s", i, member), 1);
        }
        expect(w, ":0", "EXISTS %s", KINDS[i].key);
        assert_int_equal(wire_int(w, "SCARD popped:%d", i), KINDS[i].count);
    }
    expect(w, "OK", "SET str x");
    expect(w, WRONGTYPE, "SPOP str");
    expect(w, WRONGTYPE, "SPOP str 3");
    expect(w, ARITY("spop"), "SPOP");
    expect(w, SYNTAX, "SPOP s 1 2");
}

static void test_spop_count(void **state)
{
    struct wire *w = *state;
    static const int counts[] = {1, 2, 17, 60};

    expect(w, "[]", "SPOP none 3");
    expect(w, "[]", "SPOP none 0");
    fill_kinds(w);
    for (int i = 0; i < NKINDS; i++) {
        int left = KINDS[i].count;
        expect(w, "[]", "SPOP %s 0", KINDS[i].key);
        for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
            wire_run(w, "SPOP %s %d", KINDS[i].key, counts[k]);
            left -= counts[k];
            assert_int_equal(wire_int(w, "SCARD %s", KINDS[i].key), left);
        }
        wire_run(w, "SPOP %s %d", KINDS[i].key, left + 1);
        expect(w, ":0", "EXISTS %s", KINDS[i].key);
    }
    expect(w, ":3", "SADD s a b c");
    expect_sorted(w, "[\"a\" \"b\" \"c\"]", "SPOP s 9223372036854775807");
    expect(w, ":0", "EXISTS s");
    expect(w, ":3", "SADD s 1 2 3");
    expect_sorted(w, "[\"1\" \"2\" \"3\"]", "SPOP s 3");
    expect(w, "-ERR value is out of range, must be positive", "SPOP s -1");
    expect(w, "-ERR value is out of range, must be positive", "SPOP s x");
    expect(w, "-ERR value is out of range, must be positive", "SPOP s 9223372036854775808");
}

static void test_srandmember(void **state)
{
    struct wire *w = *state;

    expect(w, "(nil)", "SRANDMEMBER none");
    expect(w, "[]", "SRANDMEMBER none 5");
    expect(w, "[]", "SRANDMEMBER none -5");
    expect(w, ":1", "SADD one x");
    expect(w, "\"x\"", "SRANDMEMBER one");
    expect(w, "[\"x\"]", "SRANDMEMBER one 1");
    expect(w, "[\"x\"]", "SRANDMEMBER one 100");
    expect(w, "[\"x\" \"x\" \"x\"]", "SRANDMEMBER one -3");
    expect(w, "[]", "SRANDMEMBER one 0");
    expect(w, ":3", "SADD s 1 2 3");
    expect_sorted(w, "[\"1\" \"2\" \"3\"]", "SRANDMEMBER s 3");
    expect_sorted(w, "[\"1\" \"2\" \"3\"]", "SRANDMEMBER s 9223372036854775807");
    expect(w, NOT_INT, "SRANDMEMBER s x");
    expect(w, NOT_INT, "SRANDMEMBER s 9223372036854775808");
    expect(w,
           "-ERR value is out of range, value must between -9223372036854775807 and "
           "9223372036854775807",
           "SRANDMEMBER s -9223372036854775808");
    expect(w, SYNTAX, "SRANDMEMBER s 1 2");
    expect(w, ARITY("srandmember"), "SRANDMEMBER");
    expect(w, "OK", "SET str x");
    expect(w, WRONGTYPE, "SRANDMEMBER str");
    expect(w, WRONGTYPE, "SRANDMEMBER str 2");
    expect(w, NOT_INT, "SRANDMEMBER str x");
    expect(w, ":3", "SCARD s");
}

// Sends the words of a reply such as ["a" "b"] as members of a SADD; returns how many were new.
static int64_t add_reply(struct wire *w, const char *key, const char *reply)
{
    char *words = strdup(reply + 1);
    int64_t added;

    words[strlen(words) - 1] = '\0'; // the closing bracket
    added = wire_int(w, "SADD %s %s", key, words);
    free(words);
    return added;
}

static void test_srandmember_distinct(void **state)
{
    struct wire *w = *state;

    fill_kinds(w);
    for (int i = 0; i < NKINDS; i++) {
        for (int n = 1; n < KINDS[i].count; n += KINDS[i].count / 7) {
            const char *reply = wire_run(w, "SRANDMEMBER %s %d", KINDS[i].key, n);
            assert_int_equal(add_reply(w, "picked", reply), n);
            assert_int_equal(wire_int(w, "SINTERCARD 2 picked %s", KINDS[i].key), n);
            expect(w, ":1", "DEL picked");
        }
        add_reply(w, "picked", wire_run(w, "SRANDMEMBER %s -50", KINDS[i].key));
        assert_int_equal(wire_int(w, "SDIFFSTORE out picked %s", KINDS[i].key), 0);
        expect(w, ":1", "DEL picked");
    }
}

// A reply without an end is cut off at the output buffer's limit, and its connection with it.
static void test_srandmember_without_end(void **state)
{
    static char unused[16 * 1024 * 1024];
    struct wire *w = *state;
    struct wire *other = wire_open(wire_server(w), 2);

    expect(w, "OK", "CONFIG SET client-output-buffer-limit 'normal 1mb 0 0'");
    expect(w, ":1", "SADD s member");
    wire_send(other, "SRANDMEMBER s -9223372036854775807");
    // It is sent as it is read, and would be for ever.
    assert_int_equal(wire_read_raw(other, unused, sizeof unused), sizeof unused);
    wire_close(other);
    expect(w, ":1", "SREM s member"); // its lock is free again
    expect(w, "OK", "CONFIG SET client-output-buffer-limit 'normal 1gb 256mb 60'");
}

// ---- SSCAN ------------------------------------------------------------------------------------

// Scans a whole set into the set `out`; returns the number of steps. `options` begins with a blank.
static int scan_all(struct wire *w, const char *key, const char *options)
{
    uint64_t cursor = 0;
    int steps = 0;

    do {
        char *copy =
            strdup(wire_run(w, "SSCAN %s %llu%s", key, (unsigned long long)cursor, options));
        char *end;
        assert_memory_equal(copy, "[\"", 2);
        cursor = strtoull(copy + 2, &end, 10);
        assert_memory_equal(end, "\" [", 3);
        copy[strlen(copy) - 1] = '\0';
        if (strcmp(end + 2, "[]") != 0)
            add_reply(w, "out", end + 2);
        free(copy);
        steps++;
    } while (cursor != 0);
    return steps;
}

static void test_sscan(void **state)
{
    struct wire *w = *state;

    fill_kinds(w);
    for (int i = 0; i < NKINDS; i++) {
        int steps = scan_all(w, KINDS[i].key, "");
        assert_int_equal(wire_int(w, "SCARD out"), KINDS[i].count);
        assert_int_equal(wire_int(w, "SDIFFSTORE rest %s out", KINDS[i].key), 0);
        assert_true(KINDS[i].count < 500 ? steps == 1 : steps > 10);
        expect(w, ":1", "DEL out");
        steps = scan_all(w, KINDS[i].key, " COUNT 100000");
        assert_int_equal(steps, 1);
        assert_int_equal(wire_int(w, "SCARD out"), KINDS[i].count);
        expect(w, ":1", "DEL out");
        scan_all(w, KINDS[i].key, " count 7 match *[13579]");
        assert_int_equal(wire_int(w, "SCARD out"), KINDS[i].count / 2);
        expect(w, ":1", "DEL out");
    }
    expect(w, "[\"0\" []]", "SSCAN ints 0 MATCH nothing");
    expect(w, "[\"0\" [\"42\"]]", "SSCAN ints 0 MATCH 42");
}

static void test_sscan_errors(void **state)
{
    struct wire *w = *state;

    expect(w, ":1", "SADD s 1");
    expect(w, "OK", "SET str x");
    expect(w, "[\"0\" []]", "SSCAN none 0");
    expect(w, "[\"0\" []]", "SSCAN none 0 WHAT");
    expect(w, "[\"0\" []]", "SSCAN none 0 COUNT x");
    expect(w, "-ERR invalid cursor", "SSCAN none x");
    expect(w, "-ERR invalid cursor", "SSCAN str ' 1'");
    expect(w, "-ERR invalid cursor", "SSCAN s 1x");
    expect(w, "-ERR invalid cursor", "SSCAN s 18446744073709551616");
    expect(w, WRONGTYPE, "SSCAN str 0 WHAT");
    expect(w, SYNTAX, "SSCAN s 0 WHAT");
    expect(w, SYNTAX, "SSCAN s 0 COUNT");
    expect(w, SYNTAX, "SSCAN s 0 COUNT 0");
    expect(w, SYNTAX, "SSCAN s 0 COUNT -1");
    expect(w, SYNTAX, "SSCAN s 0 MATCH");
    expect(w, SYNTAX, "SSCAN s 0 TYPE set");
    expect(w, NOT_INT, "SSCAN s 0 COUNT x");
    expect(w, "[\"0\" [\"1\"]]", "SSCAN s 0 MATCH * COUNT 1 MATCH 1 COUNT 5");
    expect(w, ARITY("sscan"), "SSCAN s");
}

// ---- intersection, union, difference ----------------------------------------------------------

static void test_algebra(void **state)
{
    struct wire *w = *state;

    expect(w, ":4", "SADD a 1 2 3 4");
    expect(w, ":3", "SADD b 3 4 5");
    expect(w, ":3", "SADD c 4 5 x");
    expect(w, "[\"3\" \"4\"]", "SINTER a b");
    expect(w, "[\"4\"]", "SINTER a b c");
    expect(w, "[\"1\" \"2\" \"3\" \"4\"]", "SINTER a");
    expect(w, "[\"1\" \"2\" \"3\" \"4\"]", "SINTER a a a");
    expect(w, "[]", "SINTER a none");
    expect(w, "[]", "SINTER none");
    expect(w, "[\"1\" \"2\" \"3\" \"4\" \"5\"]", "SUNION a b");
    expect_sorted(w, "[\"1\" \"2\" \"3\" \"4\" \"5\" \"x\"]", "SUNION a none b c a");
    expect(w, "[]", "SUNION none none2");
    expect(w, "[\"1\" \"2\"]", "SDIFF a b");
    expect(w, "[\"1\" \"2\"]", "SDIFF a c b none");
    expect_sorted(w, "[\"x\"]", "SDIFF c a b");
    expect(w, "[\"1\" \"2\" \"3\" \"4\"]", "SDIFF a");
    expect(w, "[\"1\" \"2\" \"3\" \"4\"]", "SDIFF a none");
    expect(w, "[]", "SDIFF a b a");
    expect(w, "[]", "SDIFF none a");
    expect(w, ":2", "SINTERCARD 2 a b");
    expect(w, ":1", "SINTERCARD 3 a b c");
    expect(w, ":1", "SINTERCARD 2 a b LIMIT 1");
    expect(w, ":2", "SINTERCARD 2 a b limit 0");
    expect(w, ":2", "SINTERCARD 2 a b LIMIT 1 LIMIT 10");
    expect(w, ":0", "SINTERCARD 2 a none");
    expect(w, ":4", "SINTERCARD 1 a");
}

static void test_algebra_store(void **state)
{
    struct wire *w = *state;

    expect(w, ":4", "SADD a 1 2 3 4");
    expect(w, ":3", "SADD b 3 4 5");
    expect(w, ":2", "SINTERSTORE d a b");
    expect(w, "[\"3\" \"4\"]", "SMEMBERS d");
    expect(w, "\"intset\"", "OBJECT ENCODING d");
    expect(w, ":1", "PEXPIRE d 100000");
    expect(w, ":5", "SUNIONSTORE d a b");
    expect(w, ":-1", "PTTL d");
    expect(w, "[\"1\" \"2\" \"3\" \"4\" \"5\"]", "SMEMBERS d");
    expect(w, ":2", "SDIFFSTORE d a b");
    expect(w, "[\"1\" \"2\"]", "SMEMBERS d");
    expect(w, ":0", "SINTERSTORE d a none");
    expect(w, ":0", "EXISTS d");
    expect(w, ":0", "SUNIONSTORE d none none2");
    expect(w, ":0", "SDIFFSTORE d none a");
    expect(w, ":0", "EXISTS d");
    expect(w, "OK", "SET str x");
    expect(w, ":2", "SINTERSTORE str a b");
    expect(w, "set", "TYPE str");
}

// A difference is encoded as any set with these members, whichever way it was found and whatever
// the first set is.
static void test_difference_encodings(void **state)
{
    struct wire *w = *state;

    expect(w, ":3", "SADD h 1 2 x");
    expect(w, ":1", "SREM h x");
    expect(w, "\"hashtable\"", "OBJECT ENCODING h");
    expect(w, ":2", "SDIFFSTORE d h none");
    expect(w, "\"intset\"", "OBJECT ENCODING d");
    expect(w, ":2", "SDIFFSTORE d h none none2 none3");
    expect(w, "\"intset\"", "OBJECT ENCODING d");
    expect(w, ":4", "SADD i 1 2 3 4");
    expect(w, ":1", "PEXPIRE i 100000");
    expect(w, ":1", "SADD four 4");
    expect(w, "OK", "CONFIG SET set-max-intset-entries 3");
    expect(w, ":3", "SDIFFSTORE d i four");
    expect(w, "\"intset\"", "OBJECT ENCODING d");
    expect(w, ":3", "SDIFFSTORE d i four four four"); // which began with all four
    expect(w, "\"hashtable\"", "OBJECT ENCODING d");
    expect(w, ":-1", "PTTL d");
    expect(w, "OK", "CONFIG SET set-max-intset-entries 512");
}

static void test_algebra_onto_itself(void **state)
{
    struct wire *w = *state;

    expect(w, ":4", "SADD a 1 2 3 4");
    expect(w, ":3", "SADD b 3 4 5");
    expect(w, ":1", "PEXPIRE a 100000");
    expect(w, ":5", "SUNIONSTORE a a b");
    expect(w, ":-1", "PTTL a");
    expect(w, ":3", "SINTERSTORE b a b");
    expect(w, ":2", "SDIFFSTORE a a b");
    expect(w, "[\"1\" \"2\"]", "SMEMBERS a");
    expect(w, ":0", "SDIFFSTORE a a a");
    expect(w, ":0", "EXISTS a");
    expect(w, ":3", "SUNIONSTORE b b");
}

static void test_algebra_errors(void **state)
{
    struct wire *w = *state;
    static const char *const names[] = {"SINTER", "SUNION", "SDIFF"};

    expect(w, ":1", "SADD s 1");
    expect(w, ":1", "SADD d keep");
    expect(w, "OK", "SET str x");
    for (int i = 0; i < 3; i++) {
        expect(w, WRONGTYPE, "%s s str", names[i]);
        expect(w, WRONGTYPE, "%s str s", names[i]);
        expect(w, WRONGTYPE, "%s none str", names[i]);
        expect(w, WRONGTYPE, "%sSTORE d s str", names[i]);
        expect(w, WRONGTYPE, "%sSTORE d none str", names[i]);
        expect(w, WRONGTYPE, "%sSTORE str str s", names[i]);
    }
    expect(w, "[\"keep\"]", "SMEMBERS d");
    expect(w, ARITY("sinter"), "SINTER");
    expect(w, ARITY("sunionstore"), "SUNIONSTORE d");
    expect(w, ARITY("sdiff"), "SDIFF");
    expect(w, ARITY("sintercard"), "SINTERCARD 1");
    expect(w, "-ERR numkeys should be greater than 0", "SINTERCARD 0 s");
    expect(w, "-ERR numkeys should be greater than 0", "SINTERCARD -1 s");
    expect(w, "-ERR numkeys should be greater than 0", "SINTERCARD x s");
    expect(w, "-ERR Number of keys can't be greater than number of args", "SINTERCARD 2 s");
    expect(w, "-ERR Number of keys can't be greater than number of args",
           "SINTERCARD 9223372036854775807 s");
    expect(w, "-ERR LIMIT can't be negative", "SINTERCARD 1 s LIMIT -1");
    expect(w, "-ERR LIMIT can't be negative", "SINTERCARD 1 s LIMIT x");
    expect(w, SYNTAX, "SINTERCARD 1 s LIMIT");
    expect(w, SYNTAX, "SINTERCARD 1 s s");
    expect(w, SYNTAX, "SINTERCARD 1 str WHAT 1");
    expect(w, WRONGTYPE, "SINTERCARD 2 s str");
    expect(w, WRONGTYPE, "SINTERCARD 2 none str");
}

// Large operands of different encodings; both ways of taking a difference.
static void test_algebra_large(void **state)
{
    struct wire *w = *state;

    fill(w, "ints", "%d", 0, 400);
    fill(w, "many", "%d", 200, 3000);
    fill(w, "names", "m%d", 0, 2000);
    fill(w, "few", "m%d", 1990, 2010);
    assert_int_equal(wire_int(w, "SINTERCARD 2 ints many"), 200);
    assert_int_equal(wire_int(w, "SINTERSTORE d many ints"), 200);
    assert_int_equal(wire_int(w, "SINTERCARD 2 d ints"), 200);
    assert_int_equal(wire_int(w, "SUNIONSTORE d ints many"), 3000);
    assert_int_equal(wire_int(w, "SUNIONSTORE d d names few"), 5010);
    assert_int_equal(wire_int(w, "SDIFFSTORE e d names"), 3010);
    assert_int_equal(wire_int(w, "SDIFFSTORE e d few none none none few"), 4990);
    assert_int_equal(wire_int(w, "SINTERCARD 2 e few"), 0);
    assert_int_equal(wire_int(w, "SDIFFSTORE e names few few few few few"), 1990);
    expect(w, "\"hashtable\"", "OBJECT ENCODING e");
    expect(w, ":1", "PEXPIRE names 100000");
    assert_int_equal(wire_int(w, "SDIFFSTORE e names few few few few few"), 1990);
    expect(w, ":-1", "PTTL e");
    assert_int_equal(wire_int(w, "SDIFFSTORE e names few none"), 1990);
    assert_int_equal(wire_int(w, "SCARD names"), 2000);
}

// More sets than fit on the handler's stack.
static void test_algebra_many_sets(void **state)
{
    enum { SETS = 100 };
    static char names[SETS][NAME_CHARS];
    struct bytes args[1 + SETS];
    struct wire *w = *state;

    for (int i = 0; i < SETS; i++) {
        int len = snprintf(names[i], sizeof names[i], "s%d", i);
        args[1 + i] = (struct bytes){names[i], (size_t)len};
        expect(w, ":2", "SADD s%d %d %d", i, i, i + 1);
    }
    args[0] = BYTES("SUNIONSTORE");
    expect_argv(w, ":100", 1 + SETS, args);
    expect(w, "\"intset\"", "OBJECT ENCODING s0");
    expect(w, ":1", "SADD s0 0");
    args[0] = BYTES("SINTER");
    expect_argv(w, "[]", 1 + SETS, args);
    args[0] = BYTES("SDIFF");
    expect_argv(w, "[\"0\"]", 1 + SETS, args);
    expect(w, "OK", "SET s99 string");
    expect_argv(w, WRONGTYPE, 1 + SETS, args);
}

static void test_sadd_many_arguments(void **state)
{
    enum { MEMBERS = 5000 };
    static char names[MEMBERS][NAME_CHARS];
    static struct bytes args[2 + MEMBERS];
    struct wire *w = *state;

    args[0] = BYTES("SADD");
    args[1] = BYTES("s");
    for (int i = 0; i < MEMBERS; i++) {
        int len = snprintf(names[i], sizeof names[i], "%d", i / 2);
        args[2 + i] = (struct bytes){names[i], (size_t)len};
    }
    expect_argv(w, ":2500", 2 + MEMBERS, args);
    expect_argv(w, ":0", 2 + MEMBERS, args);
    args[0] = BYTES("SREM");
    expect_argv(w, ":2500", 2 + MEMBERS, args);
    expect(w, ":0", "EXISTS s");
    args[0] = BYTES("SADD");
    expect(w, ":1", "SADD s x");
    expect_argv(w, ":2500", 2 + MEMBERS, args);
    expect(w, ":2501", "SCARD s");
}

// ---- RESP3 ------------------------------------------------------------------------------------

static void test_resp3(void **state)
{
    struct wire *w = *state;

    expect(w, "~[]", "SMEMBERS none");
    expect(w, ":2", "SADD s 1 2");
    expect(w, ":2", "SADD t 2 3");
    expect(w, "~[\"1\" \"2\"]", "SMEMBERS s");
    expect(w, "~[\"2\"]", "SINTER s t");
    expect(w, "~[]", "SINTER s none");
    expect(w, "~[\"1\" \"2\" \"3\"]", "SUNION s t");
    expect(w, "~[]", "SUNION none");
    expect(w, "~[\"1\"]", "SDIFF s t");
    expect(w, "~[]", "SDIFF none");
    expect(w, "~[]", "SPOP none 1");
    expect(w, "~[]", "SPOP s 0");
    expect(w, "(nil)", "SPOP none");
    expect(w, "(nil)", "SRANDMEMBER none");
    expect(w, "[]", "SRANDMEMBER none 1");
    expect_sorted(w, "[\"1\" \"2\"]", "SRANDMEMBER s 2");
    expect(w, "[:1 :0]", "SMISMEMBER s 1 3");
    expect(w, ":1", "SISMEMBER s 1");
    expect(w, "[\"0\" [\"1\" \"2\"]]", "SSCAN s 0");
    expect_sorted(w, "~[\"1\" \"2\"]", "SPOP s 5");
    expect_raw(w, "SMEMBERS t\r\n", "~2\r\n$1\r\n2\r\n$1\r\n3\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(test_sadd_srem),
        WIRE_TEST(test_expire_time_stays),
        WIRE_TEST(test_expired_sets_are_gone),
        WIRE_TEST(test_membership),
        WIRE_TEST(test_smembers),
        WIRE_TEST(test_encodings),
        WIRE_TEST(test_srem_everything),
        WIRE_TEST(test_smove),
        WIRE_TEST(test_smove_encodings),
        WIRE_TEST(test_spop_one),
        WIRE_TEST(test_spop_count),
        WIRE_TEST(test_srandmember),
        WIRE_TEST(test_srandmember_distinct),
        WIRE_TEST(test_srandmember_without_end),
        WIRE_TEST(test_sscan),
        WIRE_TEST(test_sscan_errors),
        WIRE_TEST(test_algebra),
        WIRE_TEST(test_algebra_store),
        WIRE_TEST(test_difference_encodings),
        WIRE_TEST(test_algebra_onto_itself),
        WIRE_TEST(test_algebra_errors),
        WIRE_TEST(test_algebra_large),
        WIRE_TEST(test_algebra_many_sets),
        WIRE_TEST(test_sadd_many_arguments),
        WIRE_TEST3(test_resp3),
    };
    return run_modes(tests);
}
