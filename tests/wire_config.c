// SPDX-License-Identifier: MIT
//
// CONFIG over the wire: what the commands add to the configuration, which has tests of its own
// (test_config.c). Every text was compared with redis-server 7.0.15.
#include "tests/lib/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARITY(sub) "-ERR wrong number of arguments for 'config|" sub "' command"

static void test_get(void **state)
{
    struct wire *w = *state;

    expect(w, "[\"databases\" \"16\"]", "CONFIG GET databases");
    expect(w, "[\"databases\" \"16\"]", "CONFIG GET DATA*s databases");
    expect(w, "[]", "CONFIG GET nosuch");
    expect_match(w, "*\"timeout\" \"0\"*", "CONFIG GET *");
    // redis-benchmark asks for these two first.
    expect(w, "[\"save\" \"\"]", "CONFIG GET save");
    expect(w, "[\"appendonly\" \"no\"]", "CONFIG GET appendonly");
    expect(w, ARITY("get"), "CONFIG GET");
}

static void test_get_resp3(void **state)
{
    struct wire *w = *state;

    expect(w, "{\"databases\": \"16\"}", "CONFIG GET databases");
    expect_sorted(w, "{\"databases\": \"16\", \"timeout\": \"0\"}", "CONFIG GET timeout databases");
    expect(w, "{}", "CONFIG GET nosuch");
}

static void test_set(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "CONFIG SET set-max-intset-entries 3");
    expect(w, "[\"set-max-intset-entries\" \"3\"]", "CONFIG GET set-max-intset-entries");
    expect(w, ":4", "SADD s 1 2 3 4");
    expect_match(w, "\"[lh]*\"", "OBJECT ENCODING s"); // no longer an intset
    expect(w, "OK", "CONFIG SET set-max-intset-entries 512 timeout 100");
    expect(w, "[\"timeout\" \"100\"]", "CONFIG GET timeout");
    expect(w, "OK", "CONFIG SET TIMEOUT 0");
}

static void test_set_errors(void **state)
{
    struct wire *w = *state;

    expect(w, ARITY("set"), "CONFIG SET");
    expect(w, ARITY("set"), "CONFIG SET timeout");
    expect(w, "-ERR syntax error", "CONFIG SET timeout 1 hz");
    expect(w, "-ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'",
           "CONFIG SET nosuch 1");
    expect(
        w,
        "-ERR CONFIG SET failed (possibly related to argument 'databases') - can't set immutable "
        "config",
        "CONFIG SET databases 4");
    expect(w,
           "-ERR CONFIG SET failed (possibly related to argument 'maxclients') - argument couldn't "
           "be parsed into an integer",
           "CONFIG SET maxclients x");
    expect(w,
           "-ERR CONFIG SET failed (possibly related to argument 'timeout') - duplicate parameter",
           "CONFIG SET timeout 1 timeout 2");
    // All or none.
    expect_match(w, "-ERR *'maxclients'*", "CONFIG SET timeout 77 maxclients x");
    expect(w, "[\"timeout\" \"0\"]", "CONFIG GET timeout");
}

static void test_others(void **state)
{
    struct wire *w = *state;

    expect(w, "-ERR The server is running without a config file", "CONFIG REWRITE");
    expect(w, ARITY("rewrite"), "CONFIG REWRITE x");
    expect(w, "OK", "CONFIG RESETSTAT");
    expect(w, ARITY("resetstat"), "CONFIG RESETSTAT x");
    expect(w, "-ERR unknown subcommand 'foo'. Try CONFIG HELP.", "CONFIG foo");
    expect(w, "-ERR wrong number of arguments for 'config' command", "CONFIG");
    expect_match(w, "[[]CONFIG <subcommand> *RESETSTAT*", "CONFIG HELP");
}

// The four parameters that are in force, from INFO locks.
static void expect_tuning(struct wire *w, const char *want)
{
    char found[128];
    unsigned n[4] = {0};
    const char *text = wire_text(w, NULL, "INFO locks");

    assert_int_equal(sscanf(text,
                            "# Locks lock_spin:%u lock_backoff:%u lock_yield:%u "
                            "lock_fairness_us:%u",
                            &n[0], &n[1], &n[2], &n[3]),
                     4);
    snprintf(found, sizeof found, "%u %u %u %u", n[0], n[1], n[2], n[3]);
    assert_string_equal(found, want);
}

static void test_locks(void **state)
{
    struct wire *w = *state;

    expect_tuning(w, "16 4 32 500");
    expect(w, "OK", "CONFIG SET lock-preset throughput");
    expect_tuning(w, "32 8 64 1000");
    // One by itself wins over the preset, before and after.
    expect(w, "OK", "CONFIG SET lock-yield 40 lock-preset FAIRNESS lock-fairness-us 0");
    expect_tuning(w, "8 2 40 0");
    expect(w, "[\"lock-preset\" \"fairness\"]", "CONFIG GET lock-preset");
    expect(w, "[\"lock-yield\" \"40\"]", "CONFIG GET lock-yield");
    expect(w, "OK", "CONFIG SET lock-preset default lock-yield preset lock-spin 7 lock-backoff 1");
    expect_tuning(w, "7 1 32 0");
    expect(w, "OK", "CONFIG SET lock-spin preset lock-backoff preset lock-fairness-us preset");
    expect_tuning(w, "16 4 32 500");
    expect(w, "OK", "CONFIG SET lock-starvation-ms 1");
    expect(w, "[\"lock-starvation-ms\" \"1\"]", "CONFIG GET lock-starvation-ms");
    expect(w, "OK", "CONFIG SET lock-starvation-ms 100");
    expect(w,
           "-ERR CONFIG SET failed (possibly related to argument 'lock-preset') - argument(s) must "
           "be one of the following: default, throughput, fairness",
           "CONFIG SET lock-spin 1 lock-preset fast");
    expect(
        w,
        "-ERR CONFIG SET failed (possibly related to argument 'lock-backoff') - argument must be "
        "between 0 and 16 inclusive",
        "CONFIG SET lock-spin 1 lock-backoff 17");
    expect_tuning(w, "16 4 32 500");
}

static void test_locks_from_the_start(void **state)
{
    static const char *const args[] = {"--lock-spin", "3", "--lock-preset", "throughput", NULL};
    struct test_server *server = server_start(args);
    struct wire *w = wire_open(server, 2);

    (void)state;
    expect_tuning(w, "3 8 64 1000");
    wire_close(w);
    server_stop(server);
}

// Reads the file into `text`, terminated.
static void read_file(const char *path, char *text, size_t ntext)
{
    FILE *f = fopen(path, "r");

    assert_non_null(f);
    text[fread(text, 1, ntext - 1, f)] = '\0';
    fclose(f);
}

static void test_rewrite(void **state)
{
    char path[] = "/tmp/keylot-wire-config-XXXXXX", text[4096];
    int fd = mkstemp(path);
    static const char BEFORE[] = "# kept\ntimeout 5\n";

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, BEFORE, sizeof BEFORE - 1), sizeof BEFORE - 1);
    close(fd);
    const char *const with_file[] = {path, NULL};
    struct test_server *server = server_start(with_file);
    struct wire *w = wire_open(server, 2);
    expect(w, "[\"timeout\" \"5\"]", "CONFIG GET timeout");
    expect(w, "OK", "CONFIG SET timeout 17");
    expect(w, "OK", "CONFIG REWRITE");
    wire_close(w);
    server_stop(server);
    read_file(path, text, sizeof text);
    assert_non_null(strstr(text, "# kept\n"));
    assert_non_null(strstr(text, "timeout 17\n"));
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(test_get),    WIRE_TEST3(test_get_resp3),
        WIRE_TEST(test_set),    WIRE_TEST(test_set_errors),
        WIRE_TEST(test_others), SERVER_TEST(test_rewrite),
        WIRE_TEST(test_locks),  SERVER_TEST(test_locks_from_the_start),
    };
    return run_modes(tests);
}
