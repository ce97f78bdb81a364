// SPDX-License-Identifier: MIT
//
// SLOWLOG over the wire. Replies and errors were compared with redis-server 7.0.15.
#include "tests/lib/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARITY(sub) "-ERR wrong number of arguments for 'slowlog|" sub "' command"
#define COUNT      "-ERR count should be greater than or equal to -1"

enum { ARGS_MAX = 200 };

// Logs every command from here on; until then none is.
static void log_all(struct wire *w)
{
    expect(w, "OK", "CONFIG SET slowlog-log-slower-than -1 slowlog-max-len 128");
    expect(w, "OK", "SLOWLOG RESET");
    expect(w, "OK", "CONFIG SET slowlog-log-slower-than 0");
    expect(w, "OK", "SLOWLOG RESET");
}

// Ends the logging, so that what was logged can be looked at.
static void log_none(struct wire *w)
{
    expect(w, "OK", "CONFIG SET slowlog-log-slower-than -1");
}

static void test_default_is_ten_milliseconds(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "CONFIG SET slowlog-log-slower-than 10000 slowlog-max-len 128");
    expect(w, "OK", "SLOWLOG RESET");
    expect(w, "OK", "DEBUG SLEEP 0.02");
    expect_match(w,
                 "[[][[]:* :* :[2-9]???* [[]\"DEBUG\" \"SLEEP\" \"0.02\"] \"127.0.0.1:*\" \"\"]*",
                 "SLOWLOG GET -1");
    int64_t len = wire_int(w, "SLOWLOG LEN");
    assert_in_range(len, 1, 5); // on a busy machine others may have been slow
    expect(w, "OK", "SLOWLOG RESET");
    expect_match(w, "[[]*]", "SLOWLOG GET");
}

// GET's entry of a command that was logged alone, from its arguments on; the rest is not the same
// every time.
#define expect_logged(w, args)                                                                     \
    expect_match(w, "[[][[]:* :* :* [[]" args "] \"127.0.0.1:*\" *]]", "SLOWLOG GET 1")

static void test_get_entry(void **state)
{
    struct wire *w = *state;

    log_all(w);
    expect(w, "OK", "CLIENT SETNAME bob");
    expect(w, "OK", "SET k v");
    expect_match(w, "[[][[]:* :1??????* :* [[]\"SET\" \"k\" \"v\"] \"127.0.0.1:*\" \"bob\"]]",
                 "SLOWLOG GET 1");
    expect_match(w, "[[][[]:* :* :* [[]\"SLOWLOG\" \"GET\" \"1\"]*",
                 "SLOWLOG GET 1"); // logs itself
    expect(w, "OK", "CLIENT SETNAME ''");
    expect(w, "OK", "SET k v");
    expect_match(w, "*\"SET\" \"k\" \"v\"] \"127.0.0.1:*\" \"\"]]", "SLOWLOG GET 1");
    log_none(w);
}

static void test_get_counts(void **state)
{
    struct wire *w = *state;

    log_all(w);
    for (int i = 0; i < 14; i++)
        expect_match(w, "*", "ECHO %d", i);
    log_none(w);
    expect(w, ":15", "SLOWLOG LEN"); // RESET, too
    expect_match(w, "[[][[]:* :* :* [[]\"ECHO\" \"13\"]*\"ECHO\" \"4\"]*]", "SLOWLOG GET"); // ten
    const char *ten = wire_run(w, "SLOWLOG GET");
    assert_null(strstr(ten, "\"ECHO\" \"3\""));
    expect_match(w, "*\"ECHO\" \"0\"*\"SLOWLOG\" \"RESET\"*", "SLOWLOG GET -1");
    expect_match(w, "*\"ECHO\" \"0\"*\"SLOWLOG\" \"RESET\"*", "SLOWLOG GET 1000");
    expect(w, "[]", "SLOWLOG GET 0");
    expect(w, COUNT, "SLOWLOG GET -2");
    expect(w, COUNT, "SLOWLOG GET x");
    expect(w, COUNT, "SLOWLOG GET 1.5");
    expect(w, COUNT, "SLOWLOG GET 9223372036854775808");
}

// Ids rise by one, also across RESET.
static void test_ids(void **state)
{
    struct wire *w = *state;

    log_all(w);
    expect(w, "OK", "SET k 1");
    expect(w, "OK", "SET k 2");
    log_none(w);
    long first = strtol(wire_run(w, "SLOWLOG GET 1") + 3, NULL, 10);
    char want[128];
    snprintf(want, sizeof want, "[[][[]:%ld *[[]:%ld *[[]:%ld *", first, first - 1, first - 2);
    expect_match(w, want, "SLOWLOG GET 3");
    expect(w, "OK", "SLOWLOG RESET");
    expect(w, "OK", "CONFIG SET slowlog-log-slower-than 0");
    log_none(w);
    snprintf(want, sizeof want, "[[][[]:%ld :*]", first + 1);
    expect_match(w, want, "SLOWLOG GET -1");
}

static void test_reset(void **state)
{
    struct wire *w = *state;

    log_all(w);
    expect(w, "OK", "SET k v");
    expect(w, "OK", "SLOWLOG RESET");
    expect(w, ":1", "SLOWLOG LEN"); // RESET itself
    log_none(w);
    expect(w, "OK", "SLOWLOG RESET");
    expect(w, ":0", "SLOWLOG LEN");
    expect(w, "[]", "SLOWLOG GET");
    expect(w, "OK", "SLOWLOG RESET");
}

// EXISTS with n keys, so n + 1 arguments; the log's text of them.
static void expect_arguments(struct wire *w, int n, const char *end)
{
    static char names[ARGS_MAX][8];
    struct bytes args[ARGS_MAX] = {BYTES("EXISTS")};
    char want[4096], *at = want;

    at += sprintf(at, "[[][[]:* :* :* [[]\"EXISTS\"");
    for (int i = 1; i <= n; i++) {
        snprintf(names[i], sizeof names[i], "k%d", i);
        args[i] = bytes_of(names[i]);
        if (i < 31)
            at += sprintf(at, " \"%s\"", names[i]);
    }
    sprintf(at, "%s] \"127.0.0.1:*", end);
    expect_argv(w, ":0", n + 1, args);
    expect_match(w, want, "SLOWLOG GET 1");
}

static void test_many_arguments_are_cut_off(void **state)
{
    struct wire *w = *state;

    log_all(w);
    expect_arguments(w, 30, "");
    expect_arguments(w, 31, " \"k31\""); // 32 are shown
    expect_arguments(w, 32, " \"... (2 more arguments)\"");
    expect_arguments(w, 150, " \"... (120 more arguments)\"");
    log_none(w);
}

static void test_long_arguments_are_cut_off(void **state)
{
    struct wire *w = *state;
    static const struct {
        int len;
        const char *end;
    } cases[] = {
        {127, ""}, {128, ""}, {129, "... (1 more bytes)"}, {100128, "... (100000 more bytes)"}};

    log_all(w);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = malloc((size_t)cases[i].len + 1), want[512];
        memset(text, 'x', (size_t)cases[i].len);
        text[cases[i].len] = '\0';
        const struct bytes args[] = {BYTES("GET"), bytes_of(text)};
        expect_argv(w, "(nil)", 2, args);
        snprintf(want, sizeof want,
                 "[[][[]:* :* :* [[]\"GET\" \"%.128s%s\"] \"127.0.0.1:*\" \"\"]]", text,
                 cases[i].end);
        expect_match(w, want, "SLOWLOG GET 1");
        free(text);
    }
    log_none(w);
}

static void test_binary_arguments(void **state)
{
    struct wire *w = *state;

    log_all(w);
    const struct bytes args[] = {BYTES("SET"), BYTES("a\0\r\n\xff"), BYTES("")};
    expect_argv(w, "OK", 3, args);
    const char *logged = wire_run(w, "SLOWLOG GET 1");
    assert_non_null(strstr(logged, "[\"SET\" \"a\\x00\\r\\n\\xff\" \"\"]"));
    log_none(w);
}

// As the client wrote them, whatever became of the command; but not what was no command at all.
static void test_what_is_logged(void **state)
{
    struct wire *w = *state;

    log_all(w);
    expect(w, ":1", "saDD s x");
    expect_logged(w, "\"saDD\" \"s\" \"x\"");
    expect_match(w, "-WRONGTYPE*", "INCR s");
    expect_logged(w, "\"INCR\" \"s\"");
    expect(w, "OK", "SET k v");
    expect_match(w, "-ERR unknown command*", "nosuch a");
    expect_match(w, "-ERR wrong number*", "GET");
    expect_match(w, "-ERR unknown subcommand*", "CLIENT nosuch");
    expect_logged(w, "\"SET\" \"k\" \"v\"");
    log_none(w);
}

static void test_passwords_are_hidden(void **state)
{
    struct wire *w = *state;

    log_all(w);
    expect_match(w, "-ERR*", "AUTH secret");
    expect_logged(w, "\"AUTH\" \"(redacted)\"");
    expect_match(w, "OK", "AUTH default secret");
    expect_logged(w, "\"AUTH\" \"(redacted)\" \"(redacted)\"");
    expect_match(w, "-WRONGPASS*", "HELLO 2 AUTH joe secret SETNAME n");
    expect_logged(w, "\"HELLO\" \"2\" \"AUTH\" \"(redacted)\" \"(redacted)\" \"SETNAME\" \"n\"");
    expect_match(w, "-ERR*", "CONFIG SET timeout 0 requirepass secret");
    expect_logged(w, "\"CONFIG\" \"SET\" \"timeout\" \"0\" \"requirepass\" \"(redacted)\"");
    expect_match(w, "-ERR*", "CONFIG SET masterauth secret");
    expect_logged(w, "\"CONFIG\" \"SET\" \"masterauth\" \"(redacted)\"");
    log_none(w);
}

static void test_max_len_changes_at_run_time(void **state)
{
    struct wire *w = *state;

    log_all(w);
    for (int i = 0; i < 20; i++)
        expect_match(w, "*", "ECHO %d", i);
    expect(w, ":21", "SLOWLOG LEN");
    expect(w, "OK", "CONFIG SET slowlog-max-len 3");
    expect(w, ":3", "SLOWLOG LEN");
    expect_match(w, "[[][[]*\"SLOWLOG\" \"LEN\"*\"CONFIG\"*\"SLOWLOG\" \"LEN\"*]",
                 "SLOWLOG GET -1");
    expect(w, "OK", "CONFIG SET slowlog-max-len 0");
    expect(w, ":0", "SLOWLOG LEN");
    expect(w, "[]", "SLOWLOG GET");
    expect(w, "OK", "CONFIG SET slowlog-max-len 200");
    for (int i = 0; i < 150; i++)
        expect_match(w, "*", "ECHO %d", i);
    expect(w, ":151", "SLOWLOG LEN");
    expect(w, "OK", "CONFIG SET slowlog-max-len 1 slowlog-log-slower-than -1");
    expect(w, ":1", "SLOWLOG LEN"); // although nothing is added any more (Redis waits for that)
    expect_match(w, "[[][[]*\"SLOWLOG\" \"LEN\"*]", "SLOWLOG GET");
    expect(w, "OK", "CONFIG SET slowlog-max-len 128");
}

static void test_config(void **state)
{
    struct wire *w = *state;

    expect(w, "[\"slowlog-max-len\" \"128\"]", "CONFIG GET slowlog-max-len");
    expect(w, "OK", "CONFIG SET slowlog-log-slower-than 9223372036854775807");
    expect(w, "[\"slowlog-log-slower-than\" \"9223372036854775807\"]",
           "CONFIG GET slowlog-log-slower-than");
    expect(w,
           "-ERR CONFIG SET failed (possibly related to argument 'slowlog-log-slower-than') - "
           "argument must be between -1 and 9223372036854775807 inclusive",
           "CONFIG SET slowlog-log-slower-than -2");
    expect(w,
           "-ERR CONFIG SET failed (possibly related to argument 'slowlog-log-slower-than') - "
           "argument couldn't be parsed into an integer",
           "CONFIG SET slowlog-log-slower-than x");
    expect(
        w,
        "-ERR CONFIG SET failed (possibly related to argument 'slowlog-max-len') - argument must "
        "be between 0 and 9223372036854775807 inclusive",
        "CONFIG SET slowlog-max-len -1");
}

static void test_errors(void **state)
{
    struct wire *w = *state;

    expect(w, "-ERR wrong number of arguments for 'slowlog' command", "SLOWLOG");
    expect(w, "-ERR unknown subcommand 'foo'. Try SLOWLOG HELP.", "SLOWLOG foo");
    expect(w, "-ERR unknown subcommand or wrong number of arguments for 'GeT'. Try SLOWLOG HELP.",
           "SLOWLOG GeT 1 2");
    expect(w,
           "-ERR unknown subcommand or wrong number of arguments for 'details'. Try SLOWLOG HELP.",
           "SLOWLOG details 1 2");
    expect(w, COUNT, "SLOWLOG DETAILS -2");
    expect(w, ARITY("len"), "SLOWLOG LEN x");
    expect(w, ARITY("reset"), "SLOWLOG RESET x");
    expect(w, ARITY("help"), "SLOWLOG HELP x");
    expect_match(w, "[[]SLOWLOG <subcommand> *GET*LEN*RESET*HELP*Print*]", "SLOWLOG HELP");
}

static void test_details(void **state)
{
    struct wire *w = *state;

    log_all(w);
    expect(w, "OK", "SELECT 3");
    expect(w, "OK", "SET k v");
    expect_match(
        w,
        "[[][[]\"id\" :* \"time\" :1??????* \"duration-us\" :* \"lock-wait-us\" :0 "
        "\"queued-us\" :* \"on-worker\" :[01] \"command\" \"set\" \"arguments\" [[]\"SET\" "
        "\"k\" \"v\"] \"db\" :3 \"client-id\" :* \"client-addr\" \"127.0.0.1:*\" "
        "\"client-name\" \"\"]]",
        "SLOWLOG DETAILS 1");
    log_none(w);
    expect(w, "[]", "SLOWLOG DETAILS 0");
    expect(w, "OK", "SELECT 0");
}

static void test_resp3(void **state)
{
    struct wire *w = *state;

    log_all(w);
    expect(w, "OK", "SET k v");
    expect_match(w, "[[][[]:* :* :* [[]\"SET\" \"k\" \"v\"] \"127.0.0.1:*\" \"\"]]",
                 "SLOWLOG GET 1");
    log_none(w);
    expect_match(w, "[[]{\"id\": :*, *\"on-worker\": #f, \"command\": \"slowlog|get\", *}]",
                 "SLOWLOG DETAILS 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(test_default_is_ten_milliseconds),
        WIRE_TEST(test_get_entry),
        WIRE_TEST(test_get_counts),
        WIRE_TEST(test_ids),
        WIRE_TEST(test_reset),
        WIRE_TEST(test_many_arguments_are_cut_off),
        WIRE_TEST(test_long_arguments_are_cut_off),
        WIRE_TEST(test_binary_arguments),
        WIRE_TEST(test_what_is_logged),
        WIRE_TEST(test_passwords_are_hidden),
        WIRE_TEST(test_max_len_changes_at_run_time),
        WIRE_TEST(test_config),
        WIRE_TEST(test_errors),
        WIRE_TEST(test_details),
        WIRE_TEST3(test_resp3),
    };
    return run_modes(tests);
}
