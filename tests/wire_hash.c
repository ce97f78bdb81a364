// SPDX-License-Identifier: MIT
//
// Hash commands over the wire: every command, option and error, in both encodings.
#include "tests/lib/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRONGTYPE "-WRONGTYPE Operation against a key holding the wrong kind of value"
#define NOT_INT   "-ERR value is not an integer or out of range"
#define NOT_FLOAT "-ERR value is not a valid float"
#define SYNTAX    "-ERR syntax error"

#define ARITY(name) "-ERR wrong number of arguments for '" name "' command"

#define COUNT_RANGE                                                                                \
    "-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"

enum { BATCH = 250, NAME_CHARS = 32 };

// Sets fields f<from> .. f<to - 1> to v<the same number>.
static void fill(struct wire *w, const char *key, int from, int to)
{
    static char names[BATCH][2][NAME_CHARS];
    struct bytes args[2 + 2 * BATCH] = {BYTES("HSET"), bytes_of(key)};

    while (from < to) {
        int n = 0;
        char want[32];
        for (; n < BATCH && from < to; n++, from++) {
            snprintf(names[n][0], NAME_CHARS, "f%d", from);
            snprintf(names[n][1], NAME_CHARS, "v%d", from);
            args[2 + 2 * n] = bytes_of(names[n][0]);
            args[3 + 2 * n] = bytes_of(names[n][1]);
        }
        snprintf(want, sizeof want, ":%d", n);
        expect_argv(w, want, 2 + 2 * n, args);
    }
}

// The keys of tests that go through both encodings.
static const struct {
    const char *key, *encoding;
    int count;
} KINDS[] = {{"packed", "\"listpack\"", 100}, {"dict", "\"hashtable\"", 1000}};
enum { NKINDS = sizeof KINDS / sizeof KINDS[0] };

static void fill_kinds(struct wire *w)
{
    for (int i = 0; i < NKINDS; i++) {
        fill(w, KINDS[i].key, 0, KINDS[i].count);
        expect(w, KINDS[i].encoding, "OBJECT ENCODING %s", KINDS[i].key);
    }
}

// ---- setting, getting, removing ---------------------------------------------------------------

static void test_hset(void **state)
{
    struct wire *w = *state;

    expect(w, ":2", "HSET h a 1 b 2");
    expect(w, ":0", "HSET h a 3");
    expect(w, ":1", "HSET h a 4 c 5 a 6");
    expect(w, ":1", "HSET h d 1 d 2 d 3");
    expect(w, "[\"a\" \"6\" \"b\" \"2\" \"c\" \"5\" \"d\" \"3\"]", "HGETALL h");
    expect(w, "OK", "HMSET h b 7 e 8");
    expect(w, "[\"6\" \"7\" \"8\"]", "HMGET h a b e");
    expect(w, "OK", "HMSET fresh x y");
    expect(w, "\"y\"", "HGET fresh x");
    expect(w, ":1", "HSET bin \"\\x00\\r\\n\\xff\" \"\\x01\\x00\"");
    expect(w, ":1", "HSET bin '' ''");
    expect(w, "\"\\x01\\x00\"", "HGET bin \"\\x00\\r\\n\\xff\"");
    expect(w, "\"\"", "HGET bin ''");
    expect(w, "hash", "TYPE bin");
    expect(w, "OK", "SET str x");
    expect(w, WRONGTYPE, "HSET str a 1");
    expect(w, WRONGTYPE, "HMSET str a 1");
    expect(w, WRONGTYPE, "HSET str a 1 b 2");
    expect(w, ARITY("hset"), "HSET h");
    expect(w, ARITY("hset"), "HSET h a");
    expect(w, ARITY("hset"), "HSET h a 1 b");
    expect(w, ARITY("hset"), "HSET str a 1 b"); // before the type
    expect(w, ARITY("hmset"), "HMSET h a");
    expect(w, ARITY("hmset"), "HMSET h a 1 b");
    expect(w, ":0", "EXISTS none");
}

static void test_hsetnx(void **state)
{
    struct wire *w = *state;

    expect(w, ":1", "HSETNX h a 1");
    expect(w, ":0", "HSETNX h a 2");
    expect(w, "\"1\"", "HGET h a");
    fill_kinds(w);
    for (int i = 0; i < NKINDS; i++) {
        expect(w, ":0", "HSETNX %s f5 new", KINDS[i].key);
        expect(w, ":1", "HSETNX %s g new", KINDS[i].key);
        expect(w, "[\"v5\" \"new\"]", "HMGET %s f5 g", KINDS[i].key);
    }
    expect(w, "OK", "SET str x");
    expect(w, WRONGTYPE, "HSETNX str a 1");
    expect(w, ARITY("hsetnx"), "HSETNX h a");
    expect(w, ARITY("hsetnx"), "HSETNX h a 1 b 2");
}

static void test_hget(void **state)
{
    struct wire *w = *state;

    fill_kinds(w);
    for (int i = 0; i < NKINDS; i++) {
        const char *key = KINDS[i].key;
        char want[NAME_CHARS];

        for (int n = 0; n < KINDS[i].count; n += 7) {
            snprintf(want, sizeof want, "\"v%d\"", n);
            expect(w, want, "HGET %s f%d", key, n);
        }
        expect(w, "(nil)", "HGET %s f", key);
        expect(w, "(nil)", "HGET %s ''", key);
        expect(w, "[\"v1\" (nil) \"v2\" \"v1\"]", "HMGET %s f1 x f2 f1", key);
        expect(w, ":1", "HEXISTS %s f99", key);
        expect(w, ":0", "HEXISTS %s f99x", key);
        expect(w, ":3", "HSTRLEN %s f99", key);
        expect(w, ":0", "HSTRLEN %s x", key);
        assert_int_equal(wire_int(w, "HLEN %s", key), KINDS[i].count);
    }
    expect(w, "(nil)", "HGET none f");
    expect(w, "[(nil) (nil)]", "HMGET none f g");
    expect(w, ":0", "HEXISTS none f");
    expect(w, ":0", "HSTRLEN none f");
    expect(w, ":0", "HLEN none");
}

static void test_look_up_errors(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "SET str x");
    expect(w, WRONGTYPE, "HGET str f");
    expect(w, WRONGTYPE, "HMGET str f g");
    expect(w, WRONGTYPE, "HEXISTS str f");
    expect(w, WRONGTYPE, "HSTRLEN str f");
    expect(w, WRONGTYPE, "HLEN str");
    expect(w, ":1", "HSET h f v");
    expect(w, WRONGTYPE, "GET h");
    expect(w, WRONGTYPE, "SADD h x");
    expect(w, ARITY("hget"), "HGET h");
    expect(w, ARITY("hget"), "HGET h f g");
    expect(w, ARITY("hmget"), "HMGET h");
    expect(w, ARITY("hexists"), "HEXISTS h");
    expect(w, ARITY("hexists"), "HEXISTS h f g");
    expect(w, ARITY("hstrlen"), "HSTRLEN h");
    expect(w, ARITY("hstrlen"), "HSTRLEN h f g");
    expect(w, ARITY("hlen"), "HLEN");
    expect(w, ARITY("hlen"), "HLEN h f");
}

static void test_hdel(void **state)
{
    struct wire *w = *state;

    expect(w, ":3", "HSET h a 1 b 2 c 3");
    expect(w, ":1", "HDEL h a");
    expect(w, ":0", "HDEL h a nothing");
    expect(w, ":2", "HDEL h nothing c b c");
    expect(w, ":0", "EXISTS h");
    expect(w, ":0", "HDEL h a");
    fill_kinds(w);
    for (int i = 0; i < NKINDS; i++) {
        const char *key = KINDS[i].key;

        for (int n = 0; n < KINDS[i].count - 4; n++)
            expect(w, ":1", "HDEL %s f%d", key, n);
        expect(w, KINDS[i].encoding, "OBJECT ENCODING %s", key);
        assert_int_equal(wire_int(w, "HLEN %s", key), 4);
        int last = KINDS[i].count - 1;
        expect(w, ":4", "HDEL %s x f%d f%d f%d y f%d f%d z", key, last, last - 1, last - 2,
               last - 3, last - 4);
        expect(w, ":0", "EXISTS %s", key);
    }
    expect(w, ":0", "DBSIZE");
    expect(w, "OK", "SET str x");
    expect(w, WRONGTYPE, "HDEL str a");
    expect(w, ARITY("hdel"), "HDEL h");
}

static void test_expire_time_stays(void **state)
{
    struct wire *w = *state;

    fill_kinds(w);
    for (int i = 0; i < NKINDS; i++) {
        const char *key = KINDS[i].key;

        expect(w, ":1", "PEXPIRE %s 100000", key);
        expect(w, ":0", "HSET %s f1 another", key);
        expect(w, ":2", "HSET %s n1 1 n2 2 f3 3", key);
        expect(w, ":3", "HDEL %s f1 n1 f4", key);
        expect(w, ":5", "HINCRBY %s n 5", key);
        expect(w, "\"5.5\"", "HINCRBYFLOAT %s n 0.5", key);
        expect(w, ":1", "HSETNX %s n3 x", key);
        assert_in_range(wire_int(w, "PTTL %s", key), 90000, 100000);
        expect(w, ":1", "PERSIST %s", key);
        expect(w, ":-1", "PTTL %s", key);
        expect(w, ":1", "PEXPIRE %s 1", key);
        wait_until(wire_int(w, "EXISTS %s", key) == 0, 5000);
        expect(w, ":0", "HLEN %s", key);
        expect(w, "(nil)", "HGET %s f2", key);
        expect(w, ":1", "HINCRBY %s f2 1", key);
        expect(w, ":-1", "PTTL %s", key);
    }
    fill(w, "h", 0, 512);
    expect(w, ":1", "PEXPIRE h 100000");
    expect(w, ":1", "HSET h one-more x"); // becomes a dictionary
    expect(w, "\"hashtable\"", "OBJECT ENCODING h");
    assert_in_range(wire_int(w, "PTTL h"), 90000, 100000);
}

static void test_encodings(void **state)
{
    static char text[70];
    struct wire *w = *state;
    struct bytes args[4] = {BYTES("HSET"), BYTES("h"), BYTES("f"), {text, 64}};

    fill(w, "big", 0, 512);
    expect(w, "\"listpack\"", "OBJECT ENCODING big");
    expect(w, ":0", "HSET big f1 x");
    expect(w, "\"listpack\"", "OBJECT ENCODING big");
    expect(w, ":1", "HSET big f512 v512");
    expect(w, "\"hashtable\"", "OBJECT ENCODING big");
    expect(w, ":1", "HDEL big f512");
    expect(w, "\"hashtable\"", "OBJECT ENCODING big");
    memset(text, 'x', sizeof text);
    expect_argv(w, ":1", 4, args);
    expect(w, "\"listpack\"", "OBJECT ENCODING h");
    args[3].len = 65;
    expect_argv(w, ":0", 4, args);
    expect(w, "\"hashtable\"", "OBJECT ENCODING h");
    expect(w, ":65", "HSTRLEN h f");
    expect(w, ":1", "DEL h");
    args[2] = args[3];
    args[3] = BYTES("v");
    expect_argv(w, ":1", 4, args);
    expect(w, "\"hashtable\"", "OBJECT ENCODING h");
    expect(w, ":2", "HSET small a 1 b 2");
    expect(w, "OK", "CONFIG SET hash-max-listpack-entries 1");
    expect(w, "\"listpack\"", "OBJECT ENCODING small"); // until it is changed
    expect(w, ":0", "HSET small a 1");
    expect(w, "\"hashtable\"", "OBJECT ENCODING small");
    expect(w, "OK", "CONFIG SET hash-max-ziplist-entries 512 hash-max-ziplist-value 3");
    expect(w, ":1", "HSET short f 1234");
    expect(w, "\"hashtable\"", "OBJECT ENCODING short");
    expect(w, "[\"hash-max-listpack-value\" \"3\"]", "CONFIG GET hash-max-listpack-value");
    expect(w, "OK", "CONFIG SET hash-max-listpack-value 1kb");
    expect(w, "[\"hash-max-listpack-value\" \"1024\"]", "CONFIG GET hash-max-listpack-value");
    expect(w, "OK", "CONFIG SET hash-max-listpack-value 64");
}

// Hashes that are alike share the names of their fields, which shows in what they take only.
static void test_field_names(void **state)
{
    struct wire *w = *state;
    enum { ALIKE = 100 };
    static const char FIELDS[] = "first-name Ada last-name Lovelace date-of-birth 1815-12-10";

    for (int i = 0; i < ALIKE; i++)
        expect(w, ":3", "HSET person:%d %s", i, FIELDS);
    assert_true(wire_int(w, "MEMORY USAGE person:99") < wire_int(w, "MEMORY USAGE person:0"));
    for (int i = 0; i < ALIKE; i += ALIKE - 1) {
        expect(
            w,
            "[\"first-name\" \"Ada\" \"last-name\" \"Lovelace\" \"date-of-birth\" \"1815-12-10\"]",
            "HGETALL person:%d", i);
        expect(w, "\"1815-12-10\"", "HGET person:%d date-of-birth", i);
        expect(w, "(nil)", "HGET person:%d date-of-death", i);
        expect(w, ":0", "HSET person:%d last-name King", i);
        expect(w, ":1", "HDEL person:%d first-name", i);
    }
    expect(w, ":1", "COPY person:99 copy");
    expect(w, "[\"last-name\" \"King\" \"date-of-birth\" \"1815-12-10\"]", "HGETALL copy");
    const char *known = strstr(wire_text(w, NULL, "INFO memory"), "hash_field_names:");
    assert_non_null(known);
    assert_true(atoi(known + strlen("hash_field_names:")) >= 3);
}

// More pairs than fit the handler's stack, repeated, into each encoding and into nothing.
static void test_hset_many_arguments(void **state)
{
    enum { PAIRS = 3000 };
    static char names[PAIRS][NAME_CHARS];
    static struct bytes args[2 + 2 * PAIRS];
    struct wire *w = *state;

    for (int i = 0; i < PAIRS; i++) {
        snprintf(names[i], NAME_CHARS, "%d", i / 2);
        args[2 + 2 * i] = bytes_of(names[i]);
        args[3 + 2 * i] = i % 2 ? bytes_of(names[i]) : BYTES("first");
    }
    fill(w, "packed", 0, 100);
    fill(w, "dict", 0, 1000);
    args[0] = BYTES("HSET");
    for (int i = 0; i < 3; i++) {
        static const char *const keys[] = {"packed", "dict", "fresh"};
        static const int counts[] = {100, 1000, 0};
        args[1] = bytes_of(keys[i]);
        expect_argv(w, ":1500", 2 + 2 * PAIRS, args);
        expect_argv(w, ":0", 2 + 2 * PAIRS, args);
        assert_int_equal(wire_int(w, "HLEN %s", keys[i]), counts[i] + PAIRS / 2);
        expect(w, "[\"0\" \"1499\"]", "HMGET %s 0 1499", keys[i]);
        expect(w, counts[i] ? "\"v99\"" : "(nil)", "HGET %s f99", keys[i]);
    }
    args[0] = BYTES("HDEL");
    args[1] = BYTES("fresh");
    expect_argv(w, ":1500", 2 + 2 * PAIRS, args);
    expect(w, ":0", "EXISTS fresh");
}

// ---- numbers ----------------------------------------------------------------------------------

static void test_hincrby(void **state)
{
    struct wire *w = *state;

    expect(w, ":5", "HINCRBY h n 5");
    expect(w, ":-2", "HINCRBY h n -7");
    expect(w, "\"-2\"", "HGET h n");
    expect(w, ":4", "HSET h text abc max 9223372036854775807 zero 01 empty ''");
    expect(w, "-ERR hash value is not an integer", "HINCRBY h text 1");
    expect(w, "-ERR hash value is not an integer", "HINCRBY h zero 1");
    expect(w, "-ERR hash value is not an integer", "HINCRBY h empty 1");
    expect(w, "-ERR increment or decrement would overflow", "HINCRBY h max 1");
    expect(w, ":-1", "HINCRBY h max -9223372036854775808");
    expect(w, "-ERR increment or decrement would overflow", "HINCRBY h max -9223372036854775808");
    expect(w, NOT_INT, "HINCRBY h n 1.5");
    expect(w, NOT_INT, "HINCRBY h n x");
    expect(w, NOT_INT, "HINCRBY h n ''");
    expect(w, NOT_INT, "HINCRBY h n 9223372036854775808");
    expect(w, "\"-2\"", "HGET h n");
    fill_kinds(w);
    for (int i = 0; i < NKINDS; i++) {
        for (int n = 1; n <= 20; n++)
            assert_int_equal(wire_int(w, "HINCRBY %s counter 1", KINDS[i].key), n);
        expect(w, "-ERR hash value is not an integer", "HINCRBY %s f1 1", KINDS[i].key);
    }
    expect(w, "OK", "SET str x");
    expect(w, WRONGTYPE, "HINCRBY str n 1");
    expect(w, NOT_INT, "HINCRBY str n x");
    expect(w, NOT_INT, "HINCRBY none n x");
    expect(w, ":0", "EXISTS none");
    expect(w, ARITY("hincrby"), "HINCRBY h n");
    expect(w, ARITY("hincrby"), "HINCRBY h n 1 2");
}

static void test_hincrbyfloat(void **state)
{
    struct wire *w = *state;

    expect(w, "\"10.5\"", "HINCRBYFLOAT h n 10.50");
    expect(w, "\"10.6\"", "HINCRBYFLOAT h n 0.1");
    expect(w, "\"5.6\"", "HINCRBYFLOAT h n -5");
    expect(w, "\"0\"", "HINCRBYFLOAT h n -5.6");
    expect(w, ":4", "HSET h sci 5.0e3 text abc space ' 1' inf inf");
    expect(w, "\"5200\"", "HINCRBYFLOAT h sci 2.0e2");
    expect(w, "\"5200\"", "HGET h sci");
    expect(w, ":5201", "HINCRBY h sci 1");
    expect(w, "-ERR hash value is not a float", "HINCRBYFLOAT h text 1");
    expect(w, "-ERR hash value is not a float", "HINCRBYFLOAT h space 1");
    expect(w, "-ERR increment would produce NaN or Infinity", "HINCRBYFLOAT h inf 1");
    expect(w, "-ERR value is NaN or Infinity", "HINCRBYFLOAT h n inf");
    expect(w, "-ERR value is NaN or Infinity", "HINCRBYFLOAT h n -inf");
    expect(w, NOT_FLOAT, "HINCRBYFLOAT h n nan");
    expect(w, NOT_FLOAT, "HINCRBYFLOAT h n x");
    expect(w, NOT_FLOAT, "HINCRBYFLOAT h n ''");
    expect(w, NOT_FLOAT, "HINCRBYFLOAT h n ' 1'");
    fill_kinds(w);
    for (int i = 0; i < NKINDS; i++) {
        expect(w, "\"0.5\"", "HINCRBYFLOAT %s n 0.5", KINDS[i].key);
        expect(w, "\"1\"", "HINCRBYFLOAT %s n 0.5", KINDS[i].key);
    }
    expect(w, "OK", "SET str x");
    expect(w, WRONGTYPE, "HINCRBYFLOAT str n 1");
    expect(w, NOT_FLOAT, "HINCRBYFLOAT str n x");
    expect(w, "-ERR value is NaN or Infinity", "HINCRBYFLOAT str n inf");
    expect(w, ARITY("hincrbyfloat"), "HINCRBYFLOAT h n");
}

// ---- walking ----------------------------------------------------------------------------------

static void test_walks(void **state)
{
    struct wire *w = *state;

    expect(w, ":3", "HSET h a 1 b 2 c 3");
    expect(w, "[\"a\" \"1\" \"b\" \"2\" \"c\" \"3\"]", "HGETALL h");
    expect(w, "[\"a\" \"b\" \"c\"]", "HKEYS h");
    expect(w, "[\"1\" \"2\" \"3\"]", "HVALS h");
    expect(w, "[]", "HGETALL none");
    expect(w, "[]", "HKEYS none");
    expect(w, "[]", "HVALS none");
    expect(w, "OK", "CONFIG SET hash-max-listpack-entries 0");
    expect(w, ":3", "HSET d a 1 b 2 c 3");
    expect(w, "OK", "CONFIG SET hash-max-listpack-entries 512");
    expect(w, "\"hashtable\"", "OBJECT ENCODING d");
    expect_sorted(w, "[\"1\" \"2\" \"3\" \"a\" \"b\" \"c\"]", "HGETALL d");
    expect_sorted(w, "[\"a\" \"b\" \"c\"]", "HKEYS d");
    expect_sorted(w, "[\"1\" \"2\" \"3\"]", "HVALS d");
    expect(w, "OK", "SET str x");
    expect(w, WRONGTYPE, "HGETALL str");
    expect(w, WRONGTYPE, "HKEYS str");
    expect(w, WRONGTYPE, "HVALS str");
    expect(w, ARITY("hgetall"), "HGETALL");
    expect(w, ARITY("hkeys"), "HKEYS h x");
    expect(w, ARITY("hvals"), "HVALS");
}

// Sends the words of a reply such as ["a" "b"] as the arguments of a command; returns its answer.
static int64_t send_reply(struct wire *w, const char *command, const char *reply)
{
    char *words = strdup(reply + 1);
    int64_t answer;

    words[strlen(words) - 1] = '\0'; // the closing bracket
    answer = wire_int(w, "%s %s", command, words);
    free(words);
    return answer;
}

// What the walks reply of a large hash makes the same hash again.
static void test_walks_of_both_encodings(void **state)
{
    struct wire *w = *state;

    fill_kinds(w);
    for (int i = 0; i < NKINDS; i++) {
        const char *key = KINDS[i].key;
        int count = KINDS[i].count;
        char digest[NAME_CHARS];

        assert_int_equal(send_reply(w, "HSET again", wire_run(w, "HGETALL %s", key)), count);
        assert_int_equal(wire_int(w, "HLEN again"), count);
        snprintf(digest, sizeof digest, "\"v%d\"", count - 1);
        expect(w, digest, "HGET again f%d", count - 1);
        assert_int_equal(send_reply(w, "SADD fields", wire_run(w, "HKEYS %s", key)), count);
        assert_int_equal(send_reply(w, "SADD values", wire_run(w, "HVALS %s", key)), count);
        assert_int_equal(send_reply(w, "HDEL again", wire_run(w, "HKEYS %s", key)), count);
        expect(w, ":1", "SISMEMBER values v%d", count / 2);
        expect(w, ":2", "DEL fields values again");
    }
}

// Scans a whole hash into the hash `out`; returns the number of steps. `options` begins with a
// blank.
static int scan_all(struct wire *w, const char *key, const char *options)
{
    uint64_t cursor = 0;
    int steps = 0;

    do {
        char *copy =
            strdup(wire_run(w, "HSCAN %s %llu%s", key, (unsigned long long)cursor, options));
        char *end;
        assert_memory_equal(copy, "[\"", 2);
        cursor = strtoull(copy + 2, &end, 10);
        assert_memory_equal(end, "\" [", 3);
        copy[strlen(copy) - 1] = '\0';
        if (strcmp(end + 2, "[]") != 0)
            send_reply(w, "HSET out", end + 2);
        free(copy);
        steps++;
    } while (cursor != 0);
    return steps;
}

static void test_hscan(void **state)
{
    struct wire *w = *state;

    fill_kinds(w);
    for (int i = 0; i < NKINDS; i++) {
        int steps = scan_all(w, KINDS[i].key, "");
        assert_int_equal(wire_int(w, "HLEN out"), KINDS[i].count);
        expect(w, "[\"v0\" \"v99\"]", "HMGET out f0 f99");
        assert_true(KINDS[i].count < 500 ? steps == 1 : steps > 10);
        expect(w, ":1", "DEL out");
        steps = scan_all(w, KINDS[i].key, " COUNT 100000");
        assert_int_equal(steps, 1);
        assert_int_equal(wire_int(w, "HLEN out"), KINDS[i].count);
        expect(w, ":1", "DEL out");
        scan_all(w, KINDS[i].key, " count 7 match *[13579]");
        assert_int_equal(wire_int(w, "HLEN out"), KINDS[i].count / 2);
        expect(w, ":1", "DEL out");
    }
    expect(w, "[\"0\" []]", "HSCAN packed 0 MATCH nothing");
    expect(w, "[\"0\" []]", "HSCAN packed 0 MATCH v42"); // not of the values
    expect(w, "[\"0\" [\"f42\" \"v42\"]]", "HSCAN packed 0 MATCH f42");
}

static void test_hscan_errors(void **state)
{
    struct wire *w = *state;

    expect(w, "[\"0\" []]", "HSCAN none \"\\x00\""); // a number ends at a zero byte

    expect(w, ":1", "HSET h f v");
    expect(w, "OK", "SET str x");
    expect(w, "[\"0\" []]", "HSCAN none 0");
    expect(w, "[\"0\" []]", "HSCAN none 0 WHAT");
    expect(w, "[\"0\" []]", "HSCAN none 7 COUNT x");
    expect(w, "-ERR invalid cursor", "HSCAN none x");
    expect(w, "-ERR invalid cursor", "HSCAN str ' 1'");
    expect(w, "-ERR invalid cursor", "HSCAN h 18446744073709551616");
    expect(w, WRONGTYPE, "HSCAN str 0 WHAT");
    expect(w, SYNTAX, "HSCAN h 0 WHAT");
    expect(w, SYNTAX, "HSCAN h 0 COUNT");
    expect(w, SYNTAX, "HSCAN h 0 COUNT 0");
    expect(w, SYNTAX, "HSCAN h 0 COUNT -1");
    expect(w, SYNTAX, "HSCAN h 0 MATCH");
    expect(w, SYNTAX, "HSCAN h 0 NOVALUES");
    expect(w, NOT_INT, "HSCAN h 0 COUNT x");
    expect(w, "[\"0\" [\"f\" \"v\"]]", "HSCAN h 0 MATCH * COUNT 1 MATCH f COUNT 5");
    expect(w, ARITY("hscan"), "HSCAN h");
}

// ---- chance -----------------------------------------------------------------------------------

static void test_hrandfield(void **state)
{
    struct wire *w = *state;

    expect(w, "(nil)", "HRANDFIELD none");
    expect(w, "[]", "HRANDFIELD none 5");
    expect(w, "[]", "HRANDFIELD none -5 WITHVALUES");
    expect(w, ":1", "HSET one f v");
    expect(w, "\"f\"", "HRANDFIELD one");
    expect(w, "[\"f\"]", "HRANDFIELD one 1");
    expect(w, "[\"f\"]", "HRANDFIELD one 9223372036854775807");
    expect(w, "[\"f\" \"v\"]", "HRANDFIELD one 100 withvalues");
    expect(w, "[\"f\" \"f\" \"f\"]", "HRANDFIELD one -3");
    expect(w, "[\"f\" \"v\" \"f\" \"v\"]", "HRANDFIELD one -2 WITHVALUES");
    expect(w, "[]", "HRANDFIELD one 0");
    expect(w, "[]", "HRANDFIELD one 0 WITHVALUES");
    expect(w, ":3", "HSET h a 1 b 2 c 3");
    expect_sorted(w, "[\"a\" \"b\" \"c\"]", "HRANDFIELD h 3");
    expect_sorted(w, "[\"1\" \"2\" \"3\" \"a\" \"b\" \"c\"]", "HRANDFIELD h 4 WITHVALUES");
}

static void test_hrandfield_errors(void **state)
{
    struct wire *w = *state;

    expect(w, ":1", "HSET h f v");
    expect(w, "OK", "SET str x");
    expect(w, NOT_INT, "HRANDFIELD h x");
    expect(w, NOT_INT, "HRANDFIELD h 9223372036854775808");
    expect(w, COUNT_RANGE, "HRANDFIELD h -9223372036854775808");
    expect(w, "-ERR value is out of range", "HRANDFIELD h 4611686018427387904 WITHVALUES");
    expect(w, "-ERR value is out of range", "HRANDFIELD h -4611686018427387904 WITHVALUES");
    expect(w, "[\"f\" \"v\"]", "HRANDFIELD h 4611686018427387903 WITHVALUES");
    expect(w, SYNTAX, "HRANDFIELD h 1 VALUES");
    expect(w, SYNTAX, "HRANDFIELD h 1 WITHVALUES x");
    expect(w, NOT_INT, "HRANDFIELD str x WHAT");
    expect(w, SYNTAX, "HRANDFIELD str 1 WHAT");
    expect(w, WRONGTYPE, "HRANDFIELD str");
    expect(w, WRONGTYPE, "HRANDFIELD str 2 WITHVALUES");
    expect(w, ARITY("hrandfield"), "HRANDFIELD");
}

static void test_hrandfield_distinct(void **state)
{
    struct wire *w = *state;

    fill_kinds(w);
    for (int i = 0; i < NKINDS; i++) {
        const char *key = KINDS[i].key;

        for (int n = 1; n <= KINDS[i].count; n += KINDS[i].count / 7) {
            const char *reply = wire_run(w, "HRANDFIELD %s %d", key, n);
            assert_int_equal(send_reply(w, "SADD picked", reply), n);
            reply = wire_run(w, "HRANDFIELD %s %d WITHVALUES", key, n);
            assert_int_equal(send_reply(w, "HSET pairs", reply), n);
            expect(w, ":2", "DEL picked pairs");
        }
        send_reply(w, "HSET pairs", wire_run(w, "HRANDFIELD %s -50 WITHVALUES", key));
        int64_t npairs = wire_int(w, "HLEN pairs");
        assert_in_range(npairs, 20, 50);
        // All of them are fields of the hash, and have its values.
        assert_int_equal(send_reply(w, "SADD values", wire_run(w, "HVALS pairs")), npairs);
        assert_int_equal(send_reply(w, "SREM values", wire_run(w, "HVALS %s", key)), npairs);
        assert_int_equal(send_reply(w, "HDEL pairs", wire_run(w, "HKEYS %s", key)), npairs);
        expect(w, ":0", "EXISTS pairs");
    }
}

// A reply without an end is cut off at the output buffer's limit, and its connection with it.
static void test_hrandfield_without_end(void **state)
{
    static char unused[16 * 1024 * 1024];
    struct wire *w = *state;
    struct wire *other = wire_open(wire_server(w), 2);

    expect(w, "OK", "CONFIG SET client-output-buffer-limit 'normal 1mb 0 0'");
    expect(w, ":1", "HSET h field value");
    wire_send(other, "HRANDFIELD h -4611686018427387903 WITHVALUES");
    // It is sent as it is read, and would be for ever.
    assert_int_equal(wire_read_raw(other, unused, sizeof unused), sizeof unused);
    wire_close(other);
    expect(w, ":1", "HDEL h field"); // its lock is free again
    expect(w, "OK", "CONFIG SET client-output-buffer-limit 'normal 1gb 256mb 60'");
}

// ---- commands of all types --------------------------------------------------------------------

static void test_generic_commands(void **state)
{
    struct wire *w = *state;

    fill_kinds(w);
    for (int i = 0; i < NKINDS; i++) {
        const char *key = KINDS[i].key;

        expect(w, "hash", "TYPE %s", key);
        expect(w, ":1", "OBJECT REFCOUNT %s", key);
        assert_in_range(wire_int(w, "MEMORY USAGE %s", key), KINDS[i].count * 8,
                        KINDS[i].count * 100);
        assert_in_range(wire_int(w, "MEMORY USAGE %s SAMPLES 0", key), KINDS[i].count * 8,
                        KINDS[i].count * 100);
        expect(w, ":1", "PEXPIRE %s 100000", key);
        expect(w, ":1", "COPY %s copy", key);
        expect(w, ":1", "HDEL %s f1", key); // of the original only
        expect(w, "\"v1\"", "HGET copy f1");
        expect(w, KINDS[i].encoding, "OBJECT ENCODING copy");
        assert_in_range(wire_int(w, "PTTL copy"), 90000, 100000);
        expect(w, "OK", "RENAME copy moved:%d", i);
        expect(w, "\"v1\"", "HGET moved:%d f1", i);
        expect(w, ":1", "MOVE moved:%d 1", i);
        expect(w, ":0", "HLEN moved:%d", i);
        expect(w, ":1", "UNLINK %s", key);
        expect(w, ":0", "EXISTS %s", key);
    }
    expect(w, ":1", "HSET h f v");
    expect(w, "OK", "SET str x");
    expect(w, "[\"0\" [\"h\"]]", "SCAN 0 COUNT 1000 TYPE hash");
    expect(w, "OK", "SET h overwritten");
    expect(w, "string", "TYPE h");
}

// ---- RESP3 ------------------------------------------------------------------------------------

static void test_resp3(void **state)
{
    struct wire *w = *state;

    expect(w, "{}", "HGETALL none");
    expect(w, "[]", "HKEYS none");
    expect(w, "[]", "HVALS none");
    expect(w, ":2", "HSET h a 1 b 2");
    expect(w, "{\"a\": \"1\", \"b\": \"2\"}", "HGETALL h");
    expect(w, "[\"a\" \"b\"]", "HKEYS h");
    expect(w, "[\"1\" \"2\"]", "HVALS h");
    expect(w, "(nil)", "HGET h x");
    expect(w, "[\"1\" (nil)]", "HMGET h a x");
    expect(w, ":1", "HEXISTS h a");
    expect(w, "\"1.5\"", "HINCRBYFLOAT h a 0.5");
    expect(w, "[\"0\" [\"a\" \"1.5\" \"b\" \"2\"]]", "HSCAN h 0");
    expect(w, "(nil)", "HRANDFIELD none");
    expect(w, "[]", "HRANDFIELD none 2");
    expect(w, "[]", "HRANDFIELD none 2 WITHVALUES");
    expect_sorted(w, "[\"a\" \"b\"]", "HRANDFIELD h 2");
    expect_sorted(w, "[[\"a\" \"1.5\"] [\"b\" \"2\"]]", "HRANDFIELD h 5 WITHVALUES");
    expect(w, ":1", "HDEL h b");
    expect(w, "[\"a\" \"a\"]", "HRANDFIELD h -2");
    expect(w, "[[\"a\" \"1.5\"] [\"a\" \"1.5\"]]", "HRANDFIELD h -2 WITHVALUES");
    expect_raw(w, "HGETALL h\r\n", "%1\r\n$1\r\na\r\n$3\r\n1.5\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(test_hset),
        WIRE_TEST(test_hsetnx),
        WIRE_TEST(test_hget),
        WIRE_TEST(test_look_up_errors),
        WIRE_TEST(test_hdel),
        WIRE_TEST(test_expire_time_stays),
        WIRE_TEST(test_encodings),
        WIRE_TEST(test_field_names),
        WIRE_TEST(test_hset_many_arguments),
        WIRE_TEST(test_hincrby),
        WIRE_TEST(test_hincrbyfloat),
        WIRE_TEST(test_walks),
        WIRE_TEST(test_walks_of_both_encodings),
        WIRE_TEST(test_hscan),
        WIRE_TEST(test_hscan_errors),
        WIRE_TEST(test_hrandfield),
        WIRE_TEST(test_hrandfield_errors),
        WIRE_TEST(test_hrandfield_distinct),
        WIRE_TEST(test_hrandfield_without_end),
        WIRE_TEST(test_generic_commands),
        WIRE_TEST3(test_resp3),
    };
    return run_modes(tests);
}
