// SPDX-License-Identifier: MIT
//
// LOCK over the wire, with clients that really wait: one makes the union of large sets, which holds
// their keys for long, others want to change the result or a source meanwhile.
#include "tests/lib/wire.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARITY(sub) "-ERR wrong number of arguments for 'lock|" sub "' command"

enum { BATCH = 500, ROUNDS_MS = 30000 };

static const char *const modes[] = {"8", "0"}; // the observer needs a thread that does not wait

struct fixture {
    struct test_server *server;
    struct wire *observer, *holder, *writer, *reader;
};

// Gives each connection a thread of its own.
static int setup(void **state)
{
    static int mode;
    struct fixture *f = calloc(1, sizeof *f);
    const char *args[] = {"--connection-threads", modes[mode++ % 2], NULL};

    f->server = server_start(args);
    f->observer = wire_open(f->server, 3);
    f->holder = wire_open(f->server, 2);
    f->writer = wire_open(f->server, 2);
    f->reader = wire_open(f->server, 2);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    wire_close(f->observer);
    wire_close(f->holder);
    wire_close(f->writer);
    wire_close(f->reader);
    server_stop(f->server);
    free(f);
    return 0;
}

// Makes a set of so many members that those of no other key share.
static void fill(struct wire *w, const char *key)
{
    char line[BATCH * 24];

    int members = server_sanitized() ? 5000 : 60000;

    for (int i = 0; i < members; i += BATCH) {
        size_t n = (size_t)snprintf(line, sizeof line, "SADD %s", key);
        for (int j = i; j < i + BATCH; j++)
            n += (size_t)snprintf(line + n, sizeof line - n, " %s-member-%d", key, j);
        assert_int_equal(wire_int(w, "%s", line), BATCH);
    }
}

// Contends for `dest` and `a` until the observer's command is answered as the pattern says.
static void contend_until(struct fixture *f, const char *pattern, const char *command)
{
    int64_t limit_ms = wire_clock_ms() + ROUNDS_MS;
    char last[4096] = "";
    bool seen = false;

    while (!seen) {
        if (wire_clock_ms() > limit_ms)
            fail_msg("%s: never %s; at last %s", command, pattern, last);
        wire_send(f->holder, "SUNIONSTORE dest a b");
        wire_send(f->writer, "SADD dest x");
        wire_send(f->reader, "SMEMBERS dest2");
        wire_send(f->reader, "SADD a a-member-0");
        for (int i = 0; i < 20 && !seen; i++) {
            snprintf(last, sizeof last, "%s", wire_run(f->observer, "%s", command));
            seen = fnmatch(pattern, last, 0) == 0;
        }
        wire_reply(f->holder);
        wire_reply(f->writer);
        wire_reply(f->reader);
        wire_reply(f->reader);
    }
}

static int64_t client_id(struct wire *w)
{
    return wire_int(w, "CLIENT ID");
}

static void test_waiters(void **state)
{
    struct fixture *f = *state;
    char pattern[512];

    fill(f->holder, "a");
    fill(f->holder, "b");
    expect(f->observer, "[]", "LOCK WAITERS");
    expect(f->observer, "[]", "LOCK TOP");
    // The result is written by the one and wanted by the other ...
    snprintf(pattern, sizeof pattern,
             "*{\"key\": \"dest\", \"db\": :0, \"holders\": [[]{\"client-id\": :%lld, \"command\": "
             "\"sunionstore\", \"class\": \"key-write\"}], \"waiters\": [[]{\"client-id\": :%lld, "
             "\"command\": \"sadd\", \"class\": \"key-write\", \"waited-us\": :*}]}*",
             (long long)client_id(f->holder), (long long)client_id(f->writer));
    contend_until(f, pattern, "LOCK WAITERS");
    // ... and a source is read.
    snprintf(pattern, sizeof pattern,
             "*{\"key\": \"a\", \"db\": :0, \"holders\": [[]{\"client-id\": :%lld, \"command\": "
             "\"sunionstore\", \"class\": \"key-read\"}], \"waiters\": [[]{\"client-id\": :%lld, "
             "\"command\": \"sadd\", \"class\": \"key-write\", \"waited-us\": :*}]}*",
             (long long)client_id(f->holder), (long long)client_id(f->reader));
    contend_until(f, pattern, "LOCK WAITERS");
    expect(f->observer, "[]", "LOCK WAITERS");

    // Both are among the most waited for, and nothing else is.
    expect_match(f->observer,
                 "[[]{\"key\": \"*\", \"db\": :0, \"waits\": :*, \"wait-time-us\": :*, "
                 "\"max-wait-us\": :*, \"error-us\": :0}*{\"key\": *}]",
                 "LOCK TOP");
    expect_match(f->observer, "*{\"key\": \"dest\", *", "LOCK TOP");
    expect_match(f->observer, "*{\"key\": \"a\", *", "LOCK TOP 2");
    assert_null(strstr(wire_run(f->observer, "LOCK TOP 1"), "}, {"));
}

// A number behind `name` in INFO locks.
static long long info(struct wire *w, const char *name)
{
    char start[64];
    snprintf(start, sizeof start, "\n%s", name);
    const char *text = wire_text(w, NULL, "INFO locks"), *at = strstr(text, start);

    if (!at)
        fail_msg("no %s in %s", name, text);
    return strtoll(at + strlen(start), NULL, 10);
}

static void test_stats(void **state)
{
    struct fixture *f = *state;

    expect_match(f->observer,
                 "{\"mutex\": {\"waits\": :*, \"spins\": :*, \"handoffs\": :*, \"starved\": :*, "
                 "\"waiters\": :*, \"wait-time-us\": :*, \"p50-us\": :*, \"p99-us\": :*, "
                 "\"max-us\": :*}, \"rwlock-read\": {*}, \"rwlock-write\": {*}, \"key-read\": "
                 "{*}, \"key-write\": {*}}",
                 "LOCK STATS");
    fill(f->holder, "a");
    fill(f->holder, "b");
    assert_int_equal(info(f->observer, "lockstat_key_write:waits="), 0);
    expect(f->observer, "OK", "CONFIG SET lock-starvation-ms 1");
    contend_until(f, "*\"key-write\": {\"waits\": :[1-9]*, \"starved\": :[1-9]*", "LOCK STATS");
    assert_true(info(f->observer, "lockstat_key_write:waits=") > 0);
    assert_true(info(f->observer, "lock_waits:") > 0);
    assert_true(info(f->observer, "lock_wait_time_us:") >= 1000);
    assert_true(info(f->observer, "thread_starvation_count:") > 0);
    assert_true(info(f->observer, "lock_wait_p99_us:") >= 1000);
    assert_true(info(f->observer, "P99_latency:") >= 1000);
    assert_int_equal(info(f->observer, "lock_waiters:"), 0);

    expect(f->observer, "OK", "LOCK RESET");
    expect(f->observer, "[]", "LOCK TOP");
    assert_int_equal(info(f->observer, "lockstat_key_write:waits="), 0);
    assert_int_equal(info(f->observer, "thread_starvation_count:"), 0);
    contend_until(f, "*\"key-write\": {\"waits\": :[1-9]*", "LOCK STATS");
    expect(f->observer, "OK", "CONFIG RESETSTAT");
    expect(f->observer, "[]", "LOCK TOP");
    assert_int_equal(info(f->observer, "lockstat_key_write:waits="), 0);
}

static void test_words(void **state)
{
    struct wire *w = ((struct fixture *)*state)->holder;

    expect(w, "-ERR wrong number of arguments for 'lock' command", "LOCK");
    expect(w, "-ERR unknown subcommand 'foo'. Try LOCK HELP.", "LOCK foo");
    expect_match(w, "[[]LOCK <subcommand> *WAITERS*", "LOCK HELP");
    expect(w, ARITY("stats"), "LOCK STATS x");
    expect(w, ARITY("waiters"), "LOCK WAITERS x");
    expect(w, ARITY("reset"), "LOCK RESET x");
    expect(w, ARITY("help"), "LOCK HELP x");
    expect(w, "-ERR syntax error", "LOCK TOP 1 2");
    expect(w, "-ERR count must be positive", "LOCK TOP 0");
    expect(w, "-ERR count must be positive", "LOCK TOP -1");
    expect(w, "-ERR count must be positive", "LOCK TOP x");
    expect(w, "[]", "lock top 9223372036854775807");
    expect(w, "OK", "LOCK reset");
    expect_match(w, "*\"mutex\" [[]\"waits\" :*", "LOCK STATS"); // a map in RESP2
    expect_match(w, "*admin*", "COMMAND INFO lock|waiters");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    // Each twice: setup() alternates between the modes.
    const struct CMUnitTest tests[] = {
        TEST(test_waiters), TEST(test_waiters), TEST(test_stats),
        TEST(test_stats),   TEST(test_words),   TEST(test_words),
    };
    return cmocka_run_group_tests_name("wire_lock (connection-threads 8, 0)", tests, NULL, NULL);
}
