// SPDX-License-Identifier: MIT
//
// DEBUG over the wire. Digests and lengths are those of redis-server 7.0.15.
#include "tests/lib/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/strbuf.h"

#define ARITY(name) "-ERR wrong number of arguments for '" name "' command"
#define NO_WORD(name)                                                                              \
    "-ERR unknown subcommand or wrong number of arguments for '" name "'. Try DEBUG HELP."

static void test_debug(void **state)
{
    struct wire *w = *state;

    expect(w, ARITY("debug"), "DEBUG");
    expect(w, "-ERR unknown subcommand or wrong number of arguments for 'foo'. Try DEBUG HELP.",
           "DEBUG foo");
    expect(w, "-ERR unknown subcommand or wrong number of arguments for 'SLEEP'. Try DEBUG HELP.",
           "DEBUG SLEEP");
    expect(w, "OK", "DEBUG SLEEP 0");
    expect(w, "OK", "DEBUG SLEEP -1");
    expect(w, "OK", "DEBUG SLEEP x");
    expect(w, "-ERR", "DEBUG ERROR ERR");
    expect(w, "-FOO bar", "DEBUG ERROR 'FOO bar'");
    expect(w, "- a b  ", "DEBUG ERROR \"\\na\\rb\\r\\n\"");
    expect(w, "OK", "DEBUG QUICKLIST-PACKED-THRESHOLD 100b");
    expect_match(w, "[[]DEBUG <subcommand> *SLEEP*", "DEBUG HELP");
}

// Another connection's commands run while one sleeps, those that stop everybody for a moment
// included.
static void test_debug_sleep_alone(void **state)
{
    struct wire *w = *state;
    struct wire *sleeper = wire_open(wire_server(w), 2);

    wire_send(sleeper, "DEBUG SLEEP 0.3");
    expect(w, "OK", "SET k v");
    expect(w, "OK", "FLUSHALL");
    expect_reply(sleeper, "OK");
    wire_close(sleeper);
}

static void test_debug_protocol(void **state)
{
    struct wire *w = *state;

    expect(w, "\"Hello World\"", "DEBUG PROTOCOL string");
    expect(w, ":12345", "DEBUG PROTOCOL integer");
    expect(w, "\"3.141\"", "DEBUG PROTOCOL double");
    expect(w, "(nil)", "DEBUG PROTOCOL null");
    expect(w, "[:0 :1 :2]", "DEBUG PROTOCOL array");
    expect(w, "[:0 :1 :2]", "DEBUG PROTOCOL set");
    expect(w, "[:0 :0 :1 :1 :2 :0]", "DEBUG PROTOCOL map");
    expect(w, "\"Some real reply following the attribute\"", "DEBUG PROTOCOL attrib");
    expect(w, "-ERR RESP2 is not supported by this command", "DEBUG PROTOCOL push");
    expect(w, "\"This is a verbatim\\nstring\"", "DEBUG PROTOCOL verbatim");
    expect(w, ":1", "DEBUG PROTOCOL true");
    expect(w, ":0", "DEBUG PROTOCOL false");
    expect(w, "\"1234567999999999999999999999999999999\"", "DEBUG PROTOCOL bignum");
    expect_match(w, "-ERR Wrong protocol type name. *", "DEBUG PROTOCOL foo");
}

static void test_debug_protocol3(void **state)
{
    struct wire *w = *state;

    expect(w, ",3.141", "DEBUG PROTOCOL double");
    expect(w, "(nil)", "DEBUG PROTOCOL null");
    expect(w, "~[:0 :1 :2]", "DEBUG PROTOCOL set");
    expect(w, "{:0: #f, :1: #t, :2: #f}", "DEBUG PROTOCOL map");
    expect(w, ">[\"server-cpu-usage\" :42]", "DEBUG PROTOCOL push");
    expect_reply(w, "\"Some real reply following the push reply\"");
    expect(w, "=txt:\"This is a verbatim\\nstring\"", "DEBUG PROTOCOL verbatim");
    expect(w, "#t", "DEBUG PROTOCOL true");
    expect(w, "#f", "DEBUG PROTOCOL false");
    expect(w, "(1234567999999999999999999999999999999", "DEBUG PROTOCOL bignum");
}

static void test_debug_active_expire(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "DEBUG SET-ACTIVE-EXPIRE 0");
    expect(w, "OK", "SET gone v PX 1");
    wait_until(strcmp(wire_run(w, "GET gone"), "(nil)") == 0, 10000);
    expect(w, "OK", "SET gone2 v PX 1");
    expect(w, "OK", "DEBUG SLEEP 0.3"); // three rounds of housekeeping
    expect_match(w, ":[12]", "DBSIZE");
    expect(w, "OK", "DEBUG SET-ACTIVE-EXPIRE 1");
    wait_until(strcmp(wire_run(w, "DBSIZE"), ":0") == 0, 10000);
}

// ---- DEBUG OBJECT -----------------------------------------------------------------------------

#define ADDRESS "Value at:0x[0-9a-f]* "

static void test_object(void **state)
{
    struct wire *w = *state;

    expect(w, "-ERR no such key", "DEBUG OBJECT none");
    expect(w, NO_WORD("OBJECT"), "DEBUG OBJECT");
    expect(w, NO_WORD("object"), "DEBUG object k k");
    expect(w, "OK", "SET k hello");
    expect_match(w,
                 ADDRESS "refcount:1 encoding:embstr serializedlength:6 lru:* lru_seconds_idle:0",
                 "DEBUG OBJECT k");
    expect(w, "OK", "SET k 12345");
    expect_match(w, ADDRESS "refcount:1 encoding:int serializedlength:3 lru:*", "DEBUG OBJECT k");
    expect(w, "OK", "SET k 7");
    expect_match(w, ADDRESS "refcount:2147483647 encoding:int serializedlength:2 lru:*",
                 "DEBUG OBJECT k");
    expect(w, ":0", "SETBIT m 8000 1");
    expect_match(w, ADDRESS "*encoding:raw serializedlength:1003 lru:*", "DEBUG OBJECT m");
    expect(w, ":2", "SADD e a b");
    expect_match(w, ADDRESS "*serializedlength:5 lru:*", "DEBUG OBJECT e");
    expect(w, ":2", "HSET h a 1 b 2");
    expect_match(w, ADDRESS "*encoding:listpack serializedlength:9 lru:*", "DEBUG OBJECT h");
    expect(w, ":2", "ZADD z 1 a 2 b");
    expect_match(w, ADDRESS "*encoding:listpack serializedlength:21 lru:*", "DEBUG OBJECT z");
    expect(w, "OK", "SET gone v PX 1");
    wait_until(strncmp(wire_run(w, "DEBUG OBJECT gone"), "-ERR no such key", 16) == 0, 10000);
}

static void test_object_of_a_list(void **state)
{
    struct wire *w = *state;

    expect(w, ":4", "RPUSH l a b c d");
    expect_match(w,
                 ADDRESS "refcount:1 encoding:quicklist serializedlength:9 lru:* "
                         "lru_seconds_idle:0 ql_nodes:1 ql_avg_node:4.00 ql_listpack_max:-2 "
                         "ql_compressed:0 ql_uncompressed_size:[0-9]*",
                 "DEBUG OBJECT l");
    expect(w, "OK", "CONFIG SET list-max-listpack-size 3");
    expect(w, ":3", "RPUSH m a b c");
    expect(w, ":5", "RPUSH m d e");
    expect_match(w, "* ql_nodes:2 ql_avg_node:2.50 ql_listpack_max:3 *", "DEBUG OBJECT m");
    expect(w, "OK", "CONFIG SET list-max-listpack-size -2");
}

// An integer that is counted up stays where it is.
static void test_object_in_place(void **state)
{
    struct wire *w = *state;
    char before[64];

    expect(w, "OK", "SET k 20000");
    snprintf(before, sizeof before, "%.40s", wire_run(w, "DEBUG OBJECT k"));
    *strchr(strchr(before, ' ') + 1, ' ') = '\0';
    expect(w, ":20001", "INCR k");
    assert_memory_equal(wire_run(w, "DEBUG OBJECT k"), before, strlen(before));
}

// Looking is no use of the key.
static void test_object_idle(void **state)
{
    struct wire *w = *state;
    const char *line;

    expect(w, "OK", "SET k v");
    size_t len;
    const char *dump = wire_text(w, &len, "DUMP k");
    char *payload = malloc(len);
    assert_non_null(payload);
    memcpy(payload, dump, len);
    struct bytes restore[] = {BYTES("RESTORE"), BYTES("old"),      BYTES("0"),
                              {payload, len},   BYTES("IDLETIME"), BYTES("5000")};
    expect_argv(w, "OK", 6, restore);
    free(payload);
    for (int i = 0; i < 2; i++) {
        line = strstr(wire_run(w, "DEBUG OBJECT old"), "lru_seconds_idle:");
        assert_non_null(line);
        assert_in_range(atoi(line + sizeof "lru_seconds_idle:" - 1), 4999, 5060);
    }
    assert_in_range(wire_int(w, "OBJECT IDLETIME old"), 4999, 5060);
    int old_lru = atoi(strstr(wire_run(w, "DEBUG OBJECT old"), "lru:") + 4);
    int new_lru = atoi(strstr(wire_run(w, "DEBUG OBJECT k"), "lru:") + 4);
    assert_in_range((new_lru - old_lru) & 0xffffff, 4930, 5060);
}

// ---- DEBUG DIGEST-VALUE -----------------------------------------------------------------------

#define ZEROS "0000000000000000000000000000000000000000"

static void test_digest_value(void **state)
{
    // clang-format off
    static const struct {
        const char *command, *key, *digest;
    } ROWS[] = {
        {"SET s hello", "s", "36b23a1456b2dce2c3ed252c456761301dba8060"},
        {"SET i 12345", "i", "e1cf90774e995ae03de66e8109dc5cb9d9c2dc83"},
        {"SET e ''", "e", "8b3447c33a834b810e3e181b6fd6a2ee1020921c"},
        {"SETBIT m 80000 1", "m", "ff3c2f78404051d832df7c0936d21a2758383f23"},
        {"SET t hello PX 100000", "t", "d037c4eb8a8b36b602fbced4000daeab0714c1e3"},
        {"RPUSH l a 1 -3 '' 99999999999999", "l", "0a2e8b6fbd7d3483ad7f4aa041654d66b546ebcc"},
        {"RPUSH r 99999999999999 '' -3 1 a", "r", "319279b37f69cfcea04e8f7af78ed544c0dcffa5"},
        {"SADD n 3 1 2", "n", "2a462a3f51a1db89738ebbeef0c47ce1bbc85246"},
        {"SADD e2 a b 1 ''", "e2", "32ca885544b2f45e4eddd831da79e6594fd92e64"},
        {"HSET h a 1 b 2 '' x", "h", "3b1c9e5ebe5c121cf5bf50d25dcc636f29a61f99"},
        {"ZADD z 1 a 2.5 b -2 c inf d 0.1 e", "z", "18f41c165322c26e24d7d1dbaf2939e8396a3f07"},
    };
    // clang-format on
    struct wire *w = *state;
    char want[64];

    for (int large = 0; large < 2; large++) {
        // As dictionaries, and lists of many blocks, the values have the same digests.
        expect(w, "OK",
               "CONFIG SET set-max-intset-entries %d hash-max-listpack-entries %d "
               "zset-max-listpack-entries %d list-max-listpack-size %d",
               large ? 0 : 512, large ? 0 : 512, large ? 0 : 128, large ? 1 : -2);
        expect(w, "OK", "FLUSHALL");
        for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
            wire_run(w, "%s", ROWS[i].command);
            snprintf(want, sizeof want, "[%s]", ROWS[i].digest);
            expect(w, want, "DEBUG DIGEST-VALUE %s", ROWS[i].key);
        }
    }
    expect(w,
           "[36b23a1456b2dce2c3ed252c456761301dba8060 " ZEROS
           " 36b23a1456b2dce2c3ed252c456761301dba8060]",
           "DEBUG digest-value s none s");
    expect(w, "[]", "DEBUG DIGEST-VALUE");
    expect(w, ":1", "PERSIST t");
    expect(w, "[36b23a1456b2dce2c3ed252c456761301dba8060]", "DEBUG DIGEST-VALUE t");
    expect(w, "OK", "SET gone v PX 1");
    wait_until(strcmp(wire_run(w, "DEBUG DIGEST-VALUE gone"), "[" ZEROS "]") == 0, 10000);
}

// Takes long, on a worker thread.
static void test_digest_of_a_large_value(void **state)
{
    enum { ELEMENTS = 300000, PIECE = 1000 };
    struct wire *w = *state;

    for (int i = 0; i < ELEMENTS; i += PIECE) {
        struct strbuf line = {0};

        strbuf_addf(&line, "RPUSH l");
        for (int k = i; k < i + PIECE; k++)
            strbuf_addf(&line, " %d", k);
        assert_int_equal(wire_int(w, "%s", line.data), i + PIECE);
        strbuf_free(&line);
    }
    expect(w, "[95c37c63b4da8ee695b0c62605960b855f7bab34]", "DEBUG DIGEST-VALUE l");

    // Who goes away in the middle leaves the key free.
    struct wire *other = wire_open(wire_server(w), 2);
    wire_send(other, "DEBUG DIGEST-VALUE l l l l l l l l");
    wire_close(other);
    expect(w, ":300001", "RPUSH l x");
    expect_match(w, "* ql_avg_node:*", "DEBUG OBJECT l");
}

// Behind MULTI they see what came before, and lock their keys with the others.
static void test_in_a_transaction(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "MULTI");
    expect(w, "QUEUED", "SET s hello");
    expect(w, "QUEUED", "DEBUG DIGEST-VALUE s none");
    expect(w, "QUEUED", "DEBUG OBJECT s");
    expect(w, "QUEUED", "DEBUG OBJECT none");
    expect_match(w,
                 "[[]OK [[]36b23a1456b2dce2c3ed252c456761301dba8060 " ZEROS "] " ADDRESS
                 "* -ERR no such key]",
                 "EXEC");
    // With everybody else outside.
    expect(w, "OK", "MULTI");
    expect(w, "QUEUED", "FLUSHALL");
    expect(w, "QUEUED", "DEBUG DIGEST-VALUE s");
    expect(w, "[OK [" ZEROS "]]", "EXEC");
}

// COMMAND tells nothing of the keys.
static void test_command_info(void **state)
{
    struct wire *w = *state;

    expect(w,
           "[[\"debug\" :-2 [admin noscript loading stale] :0 :0 :0 [@admin @slow @dangerous] [] "
           "[] []]]",
           "COMMAND INFO debug");
    expect(w, "-ERR The command has no key arguments", "COMMAND GETKEYS DEBUG OBJECT k");
    expect(w, "-ERR The command has no key arguments", "COMMAND GETKEYS DEBUG DIGEST-VALUE k");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(test_debug),
        WIRE_TEST(test_debug_sleep_alone),
        WIRE_TEST(test_debug_protocol),
        WIRE_TEST3(test_debug_protocol3),
        WIRE_TEST(test_debug_active_expire),
        WIRE_TEST(test_object),
        WIRE_TEST(test_object_of_a_list),
        WIRE_TEST(test_object_in_place),
        WIRE_TEST(test_object_idle),
        WIRE_TEST(test_digest_value),
        WIRE_TEST(test_digest_of_a_large_value),
        WIRE_TEST(test_in_a_transaction),
        WIRE_TEST(test_command_info),
    };
    return run_modes(tests);
}
