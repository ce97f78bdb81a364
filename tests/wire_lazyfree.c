// SPDX-License-Identifier: MIT
//
// What is large is freed in the background, whatever the command that drops it: seen from outside
// only in INFO.
#include "tests/lib/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 500, BIG = 5000, LIMIT_MS = 20000 };

static void make_big(struct wire *w, const char *key)
{
    char line[BATCH * 16];

    for (int i = 0; i < BIG; i += BATCH) {
        size_t n = (size_t)snprintf(line, sizeof line, "SADD %s", key);
        for (int j = i; j < i + BATCH; j++)
            n += (size_t)snprintf(line + n, sizeof line - n, " member:%d", j);
        assert_int_equal(wire_int(w, "%s", line), BATCH);
    }
}

// Waits until nothing is pending; `n` objects must have been freed by then.
static void expect_freed(struct wire *w, long n)
{
    wait_until(wire_info(w, "memory", "lazyfree_pending_objects") == 0, LIMIT_MS);
    assert_int_equal(wire_info(w, "memory", "lazyfreed_objects"), n);
}

static void test_lazyfree_by_every_command(void **state)
{
    struct wire *w = *state;
    static const struct {
        const char *command, *reply;
    } drops[] = {
        {"DEL big", ":1"},
        {"UNLINK big", ":1"},
        {"SET big text", "OK"},
        {"MSET big text other text", "OK"},
        {"RENAME small big", "OK"},
        {"COPY small big REPLACE", ":1"},
        {"SUNIONSTORE big small none", ":3"},
        {"SINTERSTORE big small none", ":0"},
        {"EXPIRE big -1", ":1"},
    };

    expect(w, "OK", "CONFIG RESETSTAT");
    for (size_t i = 0; i < sizeof drops / sizeof *drops; i++) {
        expect(w, ":0", "EXISTS big small");
        make_big(w, "big");
        expect(w, ":3", "SADD small a b c");
        expect(w, drops[i].reply, drops[i].command);
        expect_freed(w, (long)i + 1);
        wire_run(w, "DEL big small other");
    }
}

static void test_lazyfree_by_expiry(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "CONFIG RESETSTAT");
    make_big(w, "seen");
    make_big(w, "unseen");
    expect(w, ":1", "PEXPIRE unseen 1"); // the walk in the background finds it
    wait_until(wire_info(w, "memory", "lazyfreed_objects") == 1, LIMIT_MS);
    expect(w, "OK", "DEBUG SET-ACTIVE-EXPIRE 0");
    expect(w, ":1", "PEXPIRE seen 1");
    wait_until(wire_int(w, "EXISTS seen") == 0, LIMIT_MS);
    expect(w, ":0", "SREM seen x"); // a writer finds it
    expect_freed(w, 2);
    expect(w, "OK", "DEBUG SET-ACTIVE-EXPIRE 1");
}

static void test_lazyfree_of_long_strings(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "CONFIG RESETSTAT");
    expect(w, ":4000000", "SETRANGE text 3999999 x");
    expect(w, "OK", "SET text short");
    expect_freed(w, 1);
    expect(w, ":100000", "SETRANGE text 99999 x");
    expect(w, ":1", "DEL text");
    expect_freed(w, 1); // not large
}

static void test_lazyfree_of_databases(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "CONFIG RESETSTAT");
    make_big(w, "big");
    expect(w, "OK", "MSET a 1 b 2");
    expect(w, "OK", "SELECT 1");
    make_big(w, "big");
    expect(w, "OK", "FLUSHALL ASYNC");
    expect(w, ":0", "DBSIZE");
    expect_freed(w, 4);
    make_big(w, "big");
    expect(w, "OK", "FLUSHDB SYNC");
    expect_freed(w, 4);
}

// A list of many chunks, and a sorted set that is an index.
static void make_list_and_zset(struct wire *w)
{
    char line[BATCH * 152];

    for (int i = 0; i < 10 * BATCH; i += BATCH) {
        size_t n = (size_t)snprintf(line, sizeof line, "RPUSH list");
        for (int j = i; j < i + BATCH; j++)
            n += (size_t)snprintf(line + n, sizeof line - n, " %0150d", j);
        assert_int_equal(wire_int(w, "%s", line), i + BATCH);
        n = (size_t)snprintf(line, sizeof line, "ZADD zset");
        for (int j = i; j < i + BATCH; j++)
            n += (size_t)snprintf(line + n, sizeof line - n, " %d member:%d", j, j);
        assert_int_equal(wire_int(w, "%s", line), BATCH);
    }
}

static void make_hash(struct wire *w)
{
    char line[BATCH * 32];

    for (int i = 0; i < 10 * BATCH; i += BATCH) {
        size_t n = (size_t)snprintf(line, sizeof line, "HSET hash");
        for (int j = i; j < i + BATCH; j++)
            n += (size_t)snprintf(line + n, sizeof line - n, " field:%d %d", j, j);
        assert_int_equal(wire_int(w, "%s", line), BATCH);
    }
}

static void push_long_elements(struct wire *w, const char *key, int elements)
{
    const size_t len = 2000000;
    struct bytes argv[] = {BYTES("RPUSH"), bytes_of(key), {calloc(1, len), len}};

    assert_non_null(argv[2].data);
    for (int i = 1; i <= elements; i++) {
        char want[16];
        snprintf(want, sizeof want, ":%d", i);
        expect_argv(w, want, 3, argv);
    }
    free((void *)(uintptr_t)argv[2].data);
}

static void test_lazyfree_of_lists_and_sorted_sets(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "CONFIG RESETSTAT");
    make_list_and_zset(w);
    expect(w, ":1", "DEL list");
    expect_freed(w, 1);
    expect(w, ":1", "DEL zset");
    expect_freed(w, 2);
    push_long_elements(w, "one", 1);
    expect(w, ":1", "DEL one");
    expect_freed(w, 3);
    push_long_elements(w, "two", 2); // the list and each of its elements
    expect(w, ":1", "DEL two");
    expect_freed(w, 6);
    expect(w, ":3", "RPUSH list a b c");
    expect(w, ":1", "ZADD zset 1 a");
    expect(w, ":2", "DEL list zset");
    expect_freed(w, 6); // not large
}

// Huge members that leave a collection which stays, by whichever way.
static void test_lazyfree_of_long_members(void **state)
{
    struct wire *w = *state;
    const size_t len = 2000000;
    char *text = calloc(1, len);
    struct bytes zadd[] = {BYTES("ZADD"), BYTES("zset"), BYTES("1"), {text, len}};
    struct bytes zrem[] = {BYTES("ZREM"), BYTES("zset"), {text, len}};

    assert_non_null(text);
    expect(w, "OK", "CONFIG RESETSTAT");
    expect(w, ":1", "ZADD zset 0 small");
    expect_argv(w, ":1", 4, zadd);
    expect_argv(w, ":1", 3, zrem);
    expect_freed(w, 1);
    push_long_elements(w, "list", 3);
    expect(w, ":5", "RPUSH list a b");
    expect(w, "OK", "LTRIM list 1 -1");
    expect_freed(w, 2);
    expect(w, "OK", "LSET list 0 short"); // what stays takes a small block
    expect_freed(w, 3);
    assert_in_range(wire_int(w, "MEMORY USAGE list SAMPLES 0"), len, len + len / 4);
    expect(w, "OK", "LSET list 1 short");
    expect_freed(w, 4);
    assert_in_range(wire_int(w, "MEMORY USAGE list SAMPLES 0"), 1, 20000);
    free(text);
}

// As a whole, with long values each of which is an object of its own, and values that leave a hash
// which stays.
static void test_lazyfree_of_hashes(void **state)
{
    struct wire *w = *state;
    const size_t len = 2000000;
    char *text = calloc(1, len);
    struct bytes hset[] = {BYTES("HSET"), BYTES("hash"),  BYTES("long1"),
                           {text, len},   BYTES("long2"), {text, len}};

    assert_non_null(text);
    expect(w, "OK", "CONFIG RESETSTAT");
    make_hash(w);
    expect(w, ":1", "DEL hash");
    expect_freed(w, 1);
    expect_argv(w, ":2", 6, hset);
    expect(w, ":1", "DEL hash");
    expect_freed(w, 4);
    expect_argv(w, ":2", 6, hset);
    expect(w, ":0", "HSET hash long1 short");
    expect_freed(w, 5);
    expect(w, ":1", "HDEL hash long2");
    expect_freed(w, 6);
    assert_in_range(wire_int(w, "MEMORY USAGE hash SAMPLES 0"), 1, 20000);
    expect(w, ":1", "DEL hash");
    expect_freed(w, 6); // not large
    free(text);
}

// What was deleted is freed although the only worker thread is busy with something else.
static void test_lazyfree_beside_a_long_command(void **state)
{
    struct wire *w = *state, *other = wire_open(wire_server(w), 2);

    expect(w, "OK", "CONFIG RESETSTAT");
    make_big(w, "big");
    wire_send(other, "DEBUG SLEEP 1000");
    wait_until(wire_info(w, "memory", "lazyfreed_objects") == 0 &&
                   strstr(wire_text(w, NULL, "INFO locks"), "commands_moved_running:1"),
               LIMIT_MS);
    expect(w, ":1", "DEL big");
    expect_freed(w, 1);
    wire_abort(other);
}

// Values of every type in a database that is flushed in the background, each counted once.
static void test_flushed_values_of_every_type(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "CONFIG RESETSTAT");
    make_list_and_zset(w);
    make_hash(w);
    push_long_elements(w, "one", 1);
    expect(w, ":3", "RPUSH short a b c");
    expect(w, ":1", "ZADD small 1 a");
    expect(w, ":1", "HSET few f v");
    expect(w, "OK", "SET text abc");
    expect(w, "OK", "FLUSHALL ASYNC");
    expect(w, ":0", "DBSIZE");
    expect_freed(w, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(test_lazyfree_by_every_command),
        WIRE_TEST(test_lazyfree_by_expiry),
        WIRE_TEST(test_lazyfree_of_long_strings),
        WIRE_TEST(test_lazyfree_of_databases),
        WIRE_TEST(test_flushed_values_of_every_type),
        WIRE_TEST(test_lazyfree_of_lists_and_sorted_sets),
        WIRE_TEST(test_lazyfree_of_hashes),
        WIRE_TEST(test_lazyfree_of_long_members),
        WIRE_TEST(test_lazyfree_beside_a_long_command),
    };
    return run_modes(tests);
}
