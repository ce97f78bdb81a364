// SPDX-License-Identifier: MIT
//
// PING ECHO SELECT QUIT RESET AUTH HELLO over the wire. Every text was compared with
// redis-server 7.0.15.
#include "tests/lib/wire.h"

#include <stdio.h>

#define ARITY(command) "-ERR wrong number of arguments for '" command "' command"
#define WRONGPASS      "-WRONGPASS invalid username-password pair or user is disabled."
#define BAD_NAME       "-ERR Client names cannot contain spaces, newlines or special characters."

static void test_ping_echo(void **state)
{
    struct wire *w = *state;
    struct bytes echo[] = {BYTES("echo"), BYTES("a\0\r\n\xff")};

    expect(w, "PONG", "PING");
    expect(w, "PONG", "pInG");
    expect(w, "\"hello\"", "PING hello");
    expect(w, "\"\"", "PING ''");
    expect(w, ARITY("ping"), "PING a b");
    expect(w, "\"x\"", "ECHO x");
    expect_argv(w, "\"a\\x00\\r\\n\\xff\"", 2, echo);
    expect(w, ARITY("echo"), "ECHO");
    expect(w, ARITY("echo"), "ECHO a b");
}

static void test_select(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "SELECT 15");
    expect_match(w, "*db=15 *", "CLIENT INFO");
    expect(w, "OK", "SET k v");
    expect(w, "OK", "SELECT 0");
    expect(w, "(nil)", "GET k");
    expect(w, "-ERR DB index is out of range", "SELECT 16");
    expect(w, "-ERR DB index is out of range", "SELECT -1");
    expect(w, "-ERR value is not an integer or out of range", "SELECT a");
    expect(w, "-ERR value is not an integer or out of range", "SELECT ''");
    expect(w, "-ERR value is out of range, value must between -2147483648 and 2147483647",
           "SELECT 99999999999");
    expect(w, ARITY("select"), "SELECT");
    expect_match(w, "*db=0 *", "CLIENT INFO");
}

static void test_quit(void **state)
{
    struct wire *w = *state;

    wire_send_raw(w, "PING\r\nQUIT\r\nSET behind quit\r\n", 30);
    expect_reply(w, "PONG");
    expect_reply(w, "OK");
    expect_closed(w);
    struct wire *other = wire_open(wire_server(w), 2);
    expect(other, "(nil)", "GET behind");
    expect(other, "OK", "QUIT now please");
    expect_closed(other);
    wire_close(other);
}

static void test_auth(void **state)
{
    struct wire *w = *state;

    expect(w,
           "-ERR AUTH <password> called without any password configured for the default user. Are "
           "you sure your configuration is correct?",
           "AUTH secret");
    expect(w, "OK", "AUTH default anything");
    expect(w, WRONGPASS, "AUTH Default x");
    expect(w, WRONGPASS, "AUTH somebody x");
    expect(w, "-ERR syntax error", "AUTH a b c");
    expect(w, ARITY("auth"), "AUTH");
}

static void test_hello_errors(void **state)
{
    struct wire *w = *state;

    expect(w, "-ERR Protocol version is not an integer or out of range", "HELLO a");
    expect(w, "-ERR Protocol version is not an integer or out of range", "HELLO 3x");
    expect(w, "-ERR Protocol version is not an integer or out of range", "HELLO AUTH default x");
    expect(w, "-NOPROTO unsupported protocol version", "HELLO 1");
    expect(w, "-NOPROTO unsupported protocol version", "HELLO 4 SETNAME");
    expect(w, "-ERR Syntax error in HELLO option 'foo'", "HELLO 3 foo");
    expect(w, "-ERR Syntax error in HELLO option 'AUTH'", "HELLO 3 AUTH default");
    expect(w, "-ERR Syntax error in HELLO option 'SETNAME'", "HELLO 3 AUTH default x SETNAME");
    expect(w, BAD_NAME, "HELLO 3 SETNAME 'a b'");
    // What stands before the mistake has happened.
    expect(w, WRONGPASS, "HELLO 3 AUTH somebody x SETNAME name");
    expect(w, "(nil)", "CLIENT GETNAME");
    expect(w, WRONGPASS, "HELLO 3 SETNAME name AUTH somebody x");
    expect(w, "\"name\"", "CLIENT GETNAME");
    expect(w, "-ERR Syntax error in HELLO option 'foo'", "HELLO 3 SETNAME '' foo");
    expect(w, "(nil)", "CLIENT GETNAME");
    // Nothing has changed: neither the name nor the protocol.
    expect(w, "(nil)", "CLIENT GETNAME");
    expect_match(w, "*resp=2*", "CLIENT INFO");
}

static void test_hello_switches(void **state)
{
    struct wire *w = *state;
    char want[256];
    int64_t id = wire_int(w, "CLIENT ID");

    snprintf(want, sizeof want,
             "[\"server\" \"redis\" \"version\" \"7.0.15\" \"proto\" :2 \"id\" :%lld \"mode\" "
             "\"standalone\" \"role\" \"master\" \"modules\" []]",
             (long long)id);
    expect(w, want, "HELLO");
    expect(w, want, "HELLO 2");
    snprintf(want, sizeof want,
             "{\"server\": \"redis\", \"version\": \"7.0.15\", \"proto\": :3, \"id\": :%lld, "
             "\"mode\": \"standalone\", \"role\": \"master\", \"modules\": []}",
             (long long)id);
    wire_send(w, "HELLO 3 AUTH default x SETNAME me");
    wire_protocol(w, 3);
    expect_reply(w, want);
    expect(w, want, "HELLO");
    expect(w, "\"me\"", "CLIENT GETNAME");
    expect(w, "(nil)", "GET nokey"); // the harness refuses RESP2's form of it here
    expect_match(w, "*resp=3*", "CLIENT INFO");
    wire_send(w, "HELLO 2 SETNAME ''");
    wire_protocol(w, 2);
    (void)wire_reply(w);
    expect(w, "(nil)", "CLIENT GETNAME");
}

static void test_reset(void **state)
{
    struct wire *w = *state;

    wire_send(w, "HELLO 3 SETNAME me");
    wire_protocol(w, 3);
    (void)wire_reply(w);
    expect(w, "OK", "SELECT 5");
    expect(w, "OK", "CLIENT NO-EVICT on");
    wire_send(w, "CLIENT REPLY OFF");
    wire_send(w, "PING");
    wire_protocol(w, 2);
    expect(w, "RESET", "RESET");
    expect(w, "(nil)", "CLIENT GETNAME");
    expect_match(w, "*flags=N db=0 *resp=2*", "CLIENT INFO");
    expect(w, ARITY("reset"), "RESET x");
}

static void test_unknown_commands(void **state)
{
    struct wire *w = *state;

    expect(w, "-ERR unknown command 'FOO', with args beginning with: 'bar' 'baz' ", "FOO bar baz");
    expect(w, "-ERR unknown command 'foo', with args beginning with: ", "foo");
    expect(w, "PONG", "PING");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(test_ping_echo),
        WIRE_TEST3(test_ping_echo),
        WIRE_TEST(test_select),
        WIRE_TEST(test_quit),
        WIRE_TEST(test_auth),
        WIRE_TEST(test_hello_errors),
        WIRE_TEST(test_hello_switches),
        WIRE_TEST(test_reset),
        WIRE_TEST(test_unknown_commands),
    };
    return run_modes(tests);
}
