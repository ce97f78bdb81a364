// SPDX-License-Identifier: MIT
//
// KEYS, SCAN and RANDOMKEY over the wire. Every text was compared with redis-server 7.0.15.
#include "tests/lib/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYNTAX     "-ERR syntax error"
#define NOT_INT    "-ERR value is not an integer or out of range"
#define BAD_CURSOR "-ERR invalid cursor"

enum { EXPIRED = 20000 };

static void test_keys(void **state)
{
    struct wire *w = *state;

    expect(w, "[]", "KEYS *");
    expect(w, "OK", "MSET firstname Jack lastname Stuntman age 35");
    expect(w, ":1", "SADD aset m");
    expect_sorted(w, "[\"firstname\" \"lastname\"]", "KEYS *name*");
    expect_sorted(w, "[\"age\" \"aset\" \"firstname\" \"lastname\"]", "KEYS *");
    expect_sorted(w, "[\"age\" \"aset\" \"firstname\" \"lastname\"]", "KEYS **");
    expect(w, "[\"age\"]", "KEYS a??");
    expect(w, "[\"age\"]", "KEYS age");
    expect(w, "[]", "KEYS nokey");
    expect(w, "[]", "KEYS AGE");
    expect(w, "[]", "KEYS ''");
    expect_sorted(w, "[\"age\" \"aset\"]", "KEYS a[gs]e*");
    expect(w, "[\"age\"]", "KEYS a[^s]*");
    expect(w, "OK", "SET '' empty");
    expect(w, "[\"\"]", "KEYS ''");
    expect(w, "OK", "SELECT 8");
    expect(w, "OK", "SET '' empty"); // a name that `*` lists, but that no other pattern matches
    expect(w, "[\"\"]", "KEYS *");
    expect(w, "[]", "KEYS **");
    expect(w, "[\"0\" []]", "SCAN 0 MATCH **");
    expect(w, "[\"0\" [\"\"]]", "SCAN 0 MATCH *");
    expect(w, "OK", "FLUSHDB");
    expect(w, "OK", "SELECT 0");
    expect(w, "OK", "SET \"b\\x00\\n\\xff\" v");
    expect(w, "[\"b\\x00\\n\\xff\"]", "KEYS b*");
    expect(w, "[\"b\\x00\\n\\xff\"]", "KEYS \"b\\x00??\"");
    expect(w, "OK", "SET st*r v");
    expect(w, "[\"st*r\"]", "KEYS st\\*r");
    expect(w, "OK", "SELECT 1");
    expect(w, "[]", "KEYS *");
    expect(w, "-ERR wrong number of arguments for 'keys' command", "KEYS");
    expect(w, "-ERR wrong number of arguments for 'keys' command", "KEYS a b");
}

static void test_randomkey(void **state)
{
    struct wire *w = *state;
    bool seen[3] = {false};

    expect(w, "(nil)", "RANDOMKEY");
    expect(w, "OK", "SET a 1");
    expect(w, "\"a\"", "RANDOMKEY");
    expect(w, "OK", "MSET b 1 c 1");
    for (int i = 0; i < 10000 && !(seen[0] && seen[1] && seen[2]); i++) {
        const char *name = wire_text(w, NULL, "RANDOMKEY");
        assert_in_range(name[0], 'a', 'c');
        seen[name[0] - 'a'] = true;
    }
    assert_true(seen[0] && seen[1] && seen[2]);
    expect(w, ":3", "DEL a b c");
    expect(w, "(nil)", "RANDOMKEY");
    // One key among thousands that have expired and were not removed yet.
    expect(w, "OK", "DEBUG SET-ACTIVE-EXPIRE 0");
    expect(w, "OK", "SET a 1");
    for (int i = 0; i < EXPIRED; i++)
        wire_send(w, "SET expired:%d v PX 1", i);
    for (int i = 0; i < EXPIRED; i++)
        assert_string_equal(wire_reply(w), "OK");
    wait_until(wire_int(w, "EXISTS expired:%d", EXPIRED - 1) == 0, 5000);
    for (int i = 0; i < 100; i++)
        expect(w, "\"a\"", "RANDOMKEY");
    expect(w, "OK", "FLUSHALL");
    expect(w, "OK", "DEBUG SET-ACTIVE-EXPIRE 1");
    expect(w, "-ERR wrong number of arguments for 'randomkey' command", "RANDOMKEY x");
}

static void test_scan_small(void **state)
{
    struct wire *w = *state;

    expect(w, "[\"0\" []]", "SCAN 0");
    expect(w, "OK", "SET a 1");
    expect(w, "[\"0\" [\"a\"]]", "SCAN 0 COUNT 1000");
    expect(w, "[\"0\" [\"a\"]]", "SCAN 0 COUNT 1000 MATCH a");
    expect(w, "[\"0\" [\"a\"]]", "SCAN 0 MATCH * COUNT 1000");
    expect(w, "[\"0\" []]", "SCAN 0 MATCH A COUNT 1000");
    expect(w, "[\"0\" []]", "SCAN 0 MATCH a MATCH b COUNT 1000");
    expect(w, "[\"0\" [\"a\"]]", "SCAN 0 match b match * count 1000");
    expect(w, "[\"0\" [\"a\"]]", "SCAN 0 COUNT 9223372036854775807");
    expect(w, ":1", "SADD s m");
    expect(w, "[\"0\" [\"s\"]]", "SCAN 0 TYPE set COUNT 1000");
    expect(w, "[\"0\" [\"a\"]]", "SCAN 0 TYPE STRING COUNT 1000");
    expect(w, "[\"0\" []]", "SCAN 0 TYPE zset COUNT 1000");
    expect(w, "[\"0\" []]", "SCAN 0 TYPE nonsense COUNT 1000");
    expect(w, "[\"0\" []]", "SCAN 0 TYPE '' COUNT 1000");
    expect(w, "[\"0\" []]", "SCAN 0 TYPE set MATCH a COUNT 1000");
    expect(w, "OK", "SELECT 1");
    expect(w, "[\"0\" []]", "SCAN 0 COUNT 1000");
}

static void test_scan_errors(void **state)
{
    static const char *const bad[] = {"x",
                                      "5x",
                                      "+",
                                      "-",
                                      " 5",
                                      "\"\\t5\"",
                                      "--5",
                                      "0x10",
                                      "1.5",
                                      "5 ",
                                      "18446744073709551616",
                                      "-18446744073709551616"};
    static const char *const good[] = {"''",
                                       "00",
                                       "+0",
                                       "-0",
                                       "18446744073709551615",
                                       "-18446744073709551615",
                                       "+5",
                                       "4611686018427387904"};
    struct wire *w = *state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        bool quoted = bad[i][0] == '"';
        expect(w, BAD_CURSOR, quoted ? "SCAN %s" : "SCAN '%s'", bad[i]);
    }
    // Cursors that no SCAN answered are harmless.
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        expect_match(w, "\\[\"*\" \\[\\]\\]", "SCAN %s", good[i]);
    expect(w, BAD_CURSOR, "SCAN x COUNT 0 foo");
    expect(w, SYNTAX, "SCAN 0 COUNT 0");
    expect(w, SYNTAX, "SCAN 0 COUNT -5");
    expect(w, SYNTAX, "SCAN 0 COUNT");
    expect(w, SYNTAX, "SCAN 0 MATCH");
    expect(w, SYNTAX, "SCAN 0 TYPE");
    expect(w, SYNTAX, "SCAN 0 foo");
    expect(w, SYNTAX, "SCAN 0 foo bar");
    expect(w, SYNTAX, "SCAN 0 COUNT 5 MATCH");
    expect(w, NOT_INT, "SCAN 0 COUNT x");
    expect(w, NOT_INT, "SCAN 0 COUNT 9223372036854775808");
    expect(w, NOT_INT, "SCAN 0 COUNT 1.5 foo");
    expect(w, "-ERR wrong number of arguments for 'scan' command", "SCAN");
}

// ---- whole scans --------------------------------------------------------------------------------

enum { SCAN_KEYS = 3000, SCAN_NAMES = 20000 };

// Counts how often each key "key:<i>" was answered by one whole scan.
struct tour {
    unsigned short times[SCAN_NAMES];
    unsigned calls, answered;
};

// Reads ["cursor" ["key:1" ...]], counts the keys and returns the cursor.
static uint64_t tour_read(struct tour *tour, const char *reply)
{
    uint64_t cursor;
    const char *p = reply;

    assert_int_equal(strncmp(p, "[\"", 2), 0);
    cursor = strtoull(p + 2, NULL, 10);
    while ((p = strstr(p, "\"key:")) != NULL) {
        unsigned long i = strtoul(p + 5, NULL, 10);
        assert_in_range(i, 0, SCAN_NAMES - 1);
        tour->times[i]++;
        tour->answered++;
        p += 5;
    }
    tour->calls++;
    assert_true(tour->calls < 1000000);
    return cursor;
}

static void fill(struct wire *w, int first, int end)
{
    for (int i = first; i < end; i++)
        wire_send(w, "SET key:%d v", i);
    for (int i = first; i < end; i++)
        expect_reply(w, "OK");
}

static void remove_keys(struct wire *w, int first, int end)
{
    for (int i = first; i < end; i++)
        wire_send(w, "DEL key:%d", i);
    for (int i = first; i < end; i++)
        assert_non_null(wire_reply(w));
}

static void expect_each_once(const struct tour *tour, int first, int end)
{
    for (int i = first; i < end; i++) {
        if (tour->times[i] != 1)
            print_error("key:%d answered %u times\n", i, tour->times[i]);
        assert_int_equal(tour->times[i], 1);
    }
}

static void expect_each(const struct tour *tour, int first, int end)
{
    for (int i = first; i < end; i++) {
        if (tour->times[i] == 0)
            print_error("key:%d was not answered\n", i);
        assert_true(tour->times[i] > 0);
    }
}

static void test_scan_whole(void **state)
{
    static const int counts[] = {1, 10, 37, 1000, 100000};
    struct wire *w = *state;

    fill(w, 0, SCAN_KEYS);
    for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
        static struct tour tour;
        uint64_t cursor = 0;

        memset(&tour, 0, sizeof(tour));
        do {
            cursor = tour_read(
                &tour, wire_run(w, "SCAN %llu COUNT %d", (unsigned long long)cursor, counts[c]));
        } while (cursor != 0);
        // Nothing changed meanwhile, so each key comes exactly once.
        expect_each_once(&tour, 0, SCAN_KEYS);
        assert_int_equal(tour.answered, SCAN_KEYS);
        if (counts[c] == 100000)
            assert_int_equal(tour.calls, 1);
        if (counts[c] == 10)
            assert_in_range(tour.calls, 10, SCAN_KEYS);
    }
}

static void test_keys_whole(void **state)
{
    static struct tour tour;
    struct wire *w = *state;
    char reply[16] = "[\"0\" ";

    fill(w, 0, SCAN_KEYS);
    expect(w, "OK", "SET other v");
    memset(&tour, 0, sizeof(tour));
    const char *keys = wire_run(w, "KEYS key:*");
    char *both = malloc(strlen(reply) + strlen(keys) + 2);
    assert_non_null(both);
    sprintf(both, "%s%s]", reply, keys);
    assert_int_equal(tour_read(&tour, both), 0);
    free(both);
    expect_each_once(&tour, 0, SCAN_KEYS);
    assert_int_equal(tour.answered, SCAN_KEYS);
}

static void test_scan_match_and_type_whole(void **state)
{
    static struct tour tour;
    struct wire *w = *state;
    uint64_t cursor = 0;
    unsigned sets = 0;

    fill(w, 0, SCAN_KEYS);
    for (int i = 0; i < 50; i++)
        expect(w, ":1", "SADD set:%d m", i);
    memset(&tour, 0, sizeof(tour));
    do {
        cursor =
            tour_read(&tour, wire_run(w, "SCAN %llu MATCH key:12*", (unsigned long long)cursor));
    } while (cursor != 0);
    for (int i = 0; i < SCAN_KEYS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%d", i);
        assert_int_equal(tour.times[i], strncmp(name, "12", 2) == 0);
    }
    do {
        const char *reply = wire_run(w, "SCAN %llu TYPE set COUNT 100", (unsigned long long)cursor);
        cursor = strtoull(reply + 2, NULL, 10);
        assert_null(strstr(reply, "\"key:"));
        for (const char *p = reply; (p = strstr(p, "\"set:")) != NULL; p++)
            sets++;
    } while (cursor != 0);
    assert_int_equal(sets, 50);
}

// Keys that are there all the time are answered, while the table grows to many times its size and
// shrinks again between the calls, and others come and go.
static void test_scan_across_growth(void **state)
{
    static struct tour tour;
    struct wire *w = *state;
    uint64_t cursor = 0;
    int top = SCAN_KEYS;

    fill(w, 0, SCAN_KEYS);
    memset(&tour, 0, sizeof(tour));
    do {
        cursor = tour_read(&tour, wire_run(w, "SCAN %llu COUNT 50", (unsigned long long)cursor));
        if (top < SCAN_NAMES) {
            fill(w, top, top + 500);
            top += 500;
        }
    } while (cursor != 0);
    expect_each(&tour, 0, SCAN_KEYS);
}

static void test_scan_across_shrinking(void **state)
{
    static struct tour tour;
    struct wire *w = *state;
    uint64_t cursor = 0;
    int top = SCAN_NAMES;

    fill(w, 0, SCAN_NAMES);
    memset(&tour, 0, sizeof(tour));
    do {
        cursor = tour_read(&tour, wire_run(w, "SCAN %llu COUNT 100", (unsigned long long)cursor));
        if (top > 100) {
            int next = top - 1000 > 100 ? top - 1000 : 100;
            remove_keys(w, next, top);
            top = next;
        }
    } while (cursor != 0);
    expect_each(&tour, 0, 100);
}

static void test_resp3(void **state)
{
    struct wire *w = *state;

    expect(w, "[]", "KEYS *");
    expect(w, "(nil)", "RANDOMKEY");
    expect(w, "OK", "SET a 1");
    expect(w, "[\"a\"]", "KEYS *");
    expect(w, "[\"0\" [\"a\"]]", "SCAN 0 COUNT 1000");
    expect(w, "\"a\"", "RANDOMKEY");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(test_keys),
        WIRE_TEST(test_randomkey),
        WIRE_TEST(test_scan_small),
        WIRE_TEST(test_scan_errors),
        WIRE_TEST(test_scan_whole),
        WIRE_TEST(test_keys_whole),
        WIRE_TEST(test_scan_match_and_type_whole),
        WIRE_TEST(test_scan_across_growth),
        WIRE_TEST(test_scan_across_shrinking),
        WIRE_TEST3(test_resp3),
    };

    return run_modes(tests);
}
