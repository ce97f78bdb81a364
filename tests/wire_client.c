// SPDX-License-Identifier: MIT
//
// CLIENT over the wire. Every text was compared with redis-server 7.0.15 (SETINFO and NO-TOUCH:
// with what 7.2 documents).
#include "tests/lib/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYNTAX     "-ERR syntax error"
#define ARITY(sub) "-ERR wrong number of arguments for 'client|" sub "' command"
#define BAD_NAME   "-ERR Client names cannot contain spaces, newlines or special characters."

static void test_names(void **state)
{
    struct wire *w = *state;

    expect(w, "(nil)", "CLIENT GETNAME");
    expect(w, "OK", "CLIENT SETNAME bull:bzI=");
    expect(w, "\"bull:bzI=\"", "CLIENT GETNAME");
    expect_match(w, "*name=bull:bzI= *", "CLIENT INFO");
    expect(w, BAD_NAME, "CLIENT SETNAME 'a b'");
    expect(w, BAD_NAME, "CLIENT SETNAME \"a\\n\"");
    expect(w, BAD_NAME, "CLIENT SETNAME \"\\xff\"");
    expect(w, "\"bull:bzI=\"", "CLIENT GETNAME");
    expect(w, "OK", "CLIENT SETNAME ''");
    expect(w, "(nil)", "CLIENT GETNAME");
    expect(w, ARITY("setname"), "CLIENT SETNAME");
    expect(w, ARITY("getname"), "CLIENT GETNAME x");
}

static void test_setinfo(void **state)
{
    struct wire *w = *state;

    expect_match(w, "*resp=2\\\\n\"", "CLIENT INFO");
    expect(w, "OK", "CLIENT SETINFO LIB-NAME ioredis");
    expect(w, "OK", "client setinfo lib-ver 5.11.1");
    expect_match(w, "*resp=2 lib-name=ioredis lib-ver=5.11.1\\\\n\"", "CLIENT INFO");
    expect(w, "-ERR Unrecognized option 'foo'", "CLIENT SETINFO foo x");
    expect(w, "-ERR lib-name cannot contain spaces, newlines or special characters.",
           "CLIENT SETINFO lib-name 'a b'");
    expect(w, "-ERR lib-ver cannot contain spaces, newlines or special characters.",
           "CLIENT SETINFO lib-ver 'a b'");
    expect(w, ARITY("setinfo"), "CLIENT SETINFO lib-name");
    expect(w, "-ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT HELP.",
           "CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type external-ip");
    expect(w, "-ERR unknown subcommand 'PAUSE'. Try CLIENT HELP.", "CLIENT PAUSE 1");
    expect(w, "-ERR wrong number of arguments for 'client' command", "CLIENT");
}

// Where the line of client `id` begins in what CLIENT LIST answered, or NULL.
static const char *find_line(const char *list, int64_t id)
{
    char begin[64];
    size_t n = (size_t)snprintf(begin, sizeof begin, "id=%lld ", (long long)id);

    for (const char *line = list; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, begin, n) == 0)
            return line;
    }
    return NULL;
}

static void test_info_fields(void **state)
{
    // The fields of Redis 7.0's line, in their order.
    static const char *const FIELDS[] = {
        "id",        "addr",     "laddr",     "fd",   "name", "age",   "idle",
        "flags",     "db",       "sub",       "psub", "ssub", "multi", "qbuf",
        "qbuf-free", "argv-mem", "multi-mem", "rbs",  "rbp",  "obl",   "oll",
        "omem",      "tot-mem",  "events",    "cmd",  "user", "redir", "resp"};
    struct wire *w = *state;
    const char *at = wire_text(w, NULL, "CLIENT INFO");

    for (size_t i = 0; i < sizeof FIELDS / sizeof *FIELDS; i++) {
        size_t n = strlen(FIELDS[i]);
        if (strncmp(at, FIELDS[i], n) != 0 || at[n] != '=')
            fail_msg("field %zu should be %s: %s", i, FIELDS[i], at);
        at += strcspn(at, " \n");
        at += *at == ' ';
    }
    assert_string_equal(at, "\n");
    expect_match(w, "\"id=* addr=127.0.0.1:* laddr=127.0.0.1:* flags=N *cmd=client|info *",
                 "CLIENT INFO");
    expect(w, ARITY("info"), "CLIENT INFO x");
    expect(w, ARITY("id"), "CLIENT ID x");
}

static void test_verbatim_in_resp3(void **state)
{
    struct wire *w = *state;

    expect_match(w, "=txt:\"id=*", "CLIENT INFO");
    expect_match(w, "=txt:\"id=*", "CLIENT LIST");
    expect(w, "=txt:\"\"", "CLIENT LIST TYPE pubsub");
}

static void test_list(void **state)
{
    struct wire *w = *state, *a = wire_open(wire_server(w), 2), *b;
    int64_t ids[3] = {wire_int(w, "CLIENT ID"), wire_int(a, "CLIENT ID")};

    b = wire_open(wire_server(w), 3); // ids come in order only to those that come one by one
    ids[2] = wire_int(b, "CLIENT ID");
    assert_true(ids[0] < ids[1] && ids[1] < ids[2]);
    expect(a, "OK", "SELECT 7");
    const char *list = wire_text(w, NULL, "CLIENT LIST");
    const char *lines[] = {find_line(list, ids[0]), find_line(list, ids[1]),
                           find_line(list, ids[2])};
    assert_true(lines[0] && lines[1] && lines[2]);
    assert_true(lines[0] < lines[1] && lines[1] < lines[2]);
    assert_non_null(strstr(lines[0], "cmd=client|list "));
    assert_true(strstr(lines[1], "db=7 ") && strstr(lines[1], "db=7 ") < lines[2]);
    assert_non_null(strstr(lines[2], "resp=3"));
    // By id, in the order asked for.
    list =
        wire_text(w, NULL, "CLIENT LIST ID %lld 999999 %lld", (long long)ids[2], (long long)ids[0]);
    lines[0] = find_line(list, ids[0]);
    assert_ptr_equal(find_line(list, ids[2]), list);
    assert_true(lines[0] > list);
    assert_null(find_line(list, ids[1]));
    list = wire_text(w, NULL, "CLIENT LIST TYPE normal");
    assert_non_null(find_line(list, ids[1]));
    wire_close(a);
    wire_close(b);
    wait_until(!find_line(wire_text(w, NULL, "CLIENT LIST"), ids[1]), 10000);
}

static void test_list_errors(void **state)
{
    struct wire *w = *state;

    expect(w, SYNTAX, "CLIENT LIST foo");
    expect(w, SYNTAX, "CLIENT LIST TYPE");
    expect(w, SYNTAX, "CLIENT LIST TYPE normal x");
    expect(w, SYNTAX, "CLIENT LIST ID");
    expect(w, "-ERR Unknown client type 'foo'", "CLIENT LIST TYPE foo");
    expect(w, "-ERR Invalid client ID", "CLIENT LIST ID 1 a");
    expect(w, "\"\"", "CLIENT LIST ID 0 -5 999999");
    expect(w, "\"\"", "CLIENT LIST TYPE replica");
    expect(w, "\"\"", "CLIENT LIST TYPE master");
}

// The address of a connection as CLIENT INFO tells it ("addr" or "laddr").
static void get_address(struct wire *w, const char *field, char *out, size_t nout)
{
    char key[16];
    snprintf(key, sizeof key, " %s=", field);
    const char *at = strstr(wire_text(w, NULL, "CLIENT INFO"), key);

    assert_non_null(at);
    at += strlen(key);
    snprintf(out, nout, "%.*s", (int)strcspn(at, " "), at);
}

static void test_kill(void **state)
{
    struct wire *w = *state, *a = wire_open(wire_server(w), 2), *b = wire_open(wire_server(w), 2),
                *c = wire_open(wire_server(w), 2);
    char addr[64], laddr[64];
    long long ida = (long long)wire_int(a, "CLIENT ID"), idb = (long long)wire_int(b, "CLIENT ID");

    expect(c, "PONG", "PING"); // the server has accepted it
    get_address(a, "addr", addr, sizeof addr);
    get_address(w, "laddr", laddr, sizeof laddr);
    expect(w, "OK", "CLIENT KILL %s", addr);
    expect_closed(a);
    wait_until(strcmp(wire_run(w, "CLIENT KILL %s", addr), "-ERR No such client") == 0, 10000);
    expect(w, ":0", "CLIENT KILL ID %lld", ida);
    expect(w, ":0", "CLIENT KILL ID %lld ADDR 1.2.3.4:5", idb);
    expect(w, ":0", "CLIENT KILL ID %lld LADDR 1.2.3.4:5", idb);
    expect(w, ":0", "CLIENT KILL ID %lld TYPE pubsub", idb);
    expect(b, "PONG", "PING");
    expect(w, ":1", "CLIENT KILL ID %lld TYPE normal USER default SKIPME yes", idb);
    expect_closed(b);
    // Everybody but me; then everybody, which I am told before I am closed.
    expect_match(w, ":[1-9]*", "CLIENT KILL LADDR %s", laddr);
    expect_closed(c);
    expect_match(w, ":[1-9]*", "CLIENT KILL TYPE normal SKIPME no");
    expect_closed(w);
    wire_close(a);
    wire_close(b);
    wire_close(c);
}

static void test_kill_myself_by_address(void **state)
{
    struct wire *w = *state;
    char addr[64];

    get_address(w, "addr", addr, sizeof addr);
    expect(w, ":0", "CLIENT KILL ADDR %s", addr);
    expect(w, "OK", "CLIENT KILL %s", addr);
    expect_closed(w);
}

static void test_kill_errors(void **state)
{
    struct wire *w = *state;

    expect(w, ARITY("kill"), "CLIENT KILL");
    expect(w, "-ERR No such client", "CLIENT KILL 1.2.3.4:5");
    expect(w, "-ERR No such client", "CLIENT KILL ID");
    expect(w, "-ERR client-id should be greater than 0", "CLIENT KILL ID abc");
    expect(w, "-ERR client-id should be greater than 0", "CLIENT KILL ID 0");
    expect(w, "-ERR client-id should be greater than 0", "CLIENT KILL ID -1");
    expect(w, SYNTAX, "CLIENT KILL ID 3 ADDR");
    expect(w, SYNTAX, "CLIENT KILL FOO bar");
    expect(w, SYNTAX, "CLIENT KILL SKIPME maybe");
    expect(w, "-ERR Unknown client type 'foo'", "CLIENT KILL TYPE foo");
    expect(w, "-ERR No such user 'foo'", "CLIENT KILL USER foo");
    expect(w, ":0", "CLIENT KILL TYPE slave");
    expect(w, ":0", "CLIENT KILL USER default ID 123456");
}

static void test_reply_modes(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "CLIENT REPLY ON");
    wire_send(w, "CLIENT REPLY SKIP");
    wire_send(w, "SET k 1");
    expect(w, "\"1\"", "GET k");
    wire_send(w, "CLIENT REPLY OFF");
    wire_send(w, "SET k 2");
    wire_send(w, "GET k");
    wire_send(w, "CLIENT REPLY foo"); // an error is not answered either
    wire_send(w, "CLIENT REPLY SKIP");
    expect(w, "OK", "CLIENT REPLY ON");
    expect(w, "\"2\"", "GET k");
    wire_send(w, "CLIENT REPLY SKIP");
    expect(w, "OK", "CLIENT REPLY ON");
    expect(w, SYNTAX, "CLIENT REPLY foo");
    expect(w, ARITY("reply"), "CLIENT REPLY");
}

static void test_switches(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "CLIENT NO-EVICT on");
    expect_match(w, "*flags=e db*", "CLIENT INFO");
    expect(w, "OK", "CLIENT NO-TOUCH ON");
    expect_match(w, "*flags=eT db*", "CLIENT INFO");
    expect(w, "OK", "CLIENT NO-EVICT off");
    expect(w, "OK", "CLIENT NO-TOUCH off");
    expect_match(w, "*flags=N db*", "CLIENT INFO");
    expect(w, SYNTAX, "CLIENT NO-EVICT foo");
    expect(w, SYNTAX, "CLIENT NO-TOUCH foo");
    expect_match(w, "[[]CLIENT <subcommand> *KILL*", "CLIENT HELP");
    expect(w, ARITY("help"), "CLIENT HELP x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(test_names),        WIRE_TEST(test_setinfo),
        WIRE_TEST(test_info_fields),  WIRE_TEST3(test_verbatim_in_resp3),
        WIRE_TEST(test_list),         WIRE_TEST(test_list_errors),
        WIRE_TEST(test_kill),         WIRE_TEST(test_kill_myself_by_address),
        WIRE_TEST(test_kill_errors),  WIRE_TEST(test_reply_modes),
        WIRE_TEST3(test_reply_modes), WIRE_TEST(test_switches),
    };
    return run_modes(tests);
}
