// SPDX-License-Identifier: MIT
//
// COMMAND over the wire. Texts and forms were compared with redis-server 7.0.15; flags of single
// commands stand for all, since they come from the same rows.
#include "tests/lib/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYNTAX     "-ERR syntax error"
#define ARITY(sub) "-ERR wrong number of arguments for 'command|" sub "' command"

#define GET_SPEC                                                                                   \
    "[\"flags\" [RO access] \"begin_search\" [\"type\" \"index\" \"spec\" [\"index\" :1]] "        \
    "\"find_keys\" [\"type\" \"range\" \"spec\" [\"lastkey\" :0 \"keystep\" :1 \"limit\" :0]]]"
#define GET_INFO "[\"get\" :2 [readonly fast] :1 :1 :1 [@read @string @fast] [] [" GET_SPEC "] []]"

static void test_info(void **state)
{
    struct wire *w = *state;

    expect(w, "[" GET_INFO "]", "COMMAND INFO GET");
    expect(w, "[(nil) " GET_INFO " (nil) (nil) (nil)]",
           "COMMAND INFO nosuch get config|nosuch nosuch|x get|x");
    expect(w,
           "[[\"config|get\" :-3 [admin noscript loading stale] :0 :0 :0 [@admin @slow @dangerous] "
           "[] [] []]]",
           "COMMAND INFO config|GET");
    expect_match(w, "[[][[]\"config\" :-2 [[][]] :0 :0 :0 [[]@slow] *[[]\"config|set\" :-4 *",
                 "COMMAND INFO config");
    expect_match(w, "[[][[]\"mset\" :-3 [[]write denyoom] :1 :-1 :2 *", "COMMAND INFO mset");
    expect_match(w,
                 "*movablekeys*[[]\"flags\" [[]RO access] *\"index\" :1]]*\"keynum\" \"spec\" "
                 "[[]\"keynumidx\" :0 \"firstkey\" :1 \"keystep\" :1]]]]*",
                 "COMMAND INFO sintercard");
    expect_match(w, "*movablekeys*[[]\"flags\" [[]RW access delete] *\"index\" :1]]*\"keynum\" *",
                 "COMMAND INFO lmpop");
    expect_match(w,
                 "*[[]OW update] *\"index\" :1]]*\"lastkey\" :0 *[[]RO access] *\"index\" :2]]*"
                 "\"lastkey\" :-1 *",
                 "COMMAND INFO sunionstore");
    expect_match(w, "*\"index\" :1]]*\"lastkey\" :0 *\"index\" :2]]*\"lastkey\" :0 *",
                 "COMMAND INFO rename");
}

static void test_info_resp3(void **state)
{
    struct wire *w = *state;

    expect(w,
           "[[\"get\" :2 ~[readonly fast] :1 :1 :1 ~[@read @string @fast] ~[] ~[{\"flags\": ~[RO "
           "access], \"begin_search\": {\"type\": \"index\", \"spec\": {\"index\": :1}}, "
           "\"find_keys\": {\"type\": \"range\", \"spec\": {\"lastkey\": :0, \"keystep\": :1, "
           "\"limit\": :0}}}] ~[]] (nil)]",
           "COMMAND INFO get nosuch");
}

// COMMAND, COMMAND COUNT, COMMAND LIST and COMMAND INFO tell of the same commands.
static void test_all(void **state)
{
    struct wire *w = *state;
    int64_t count = wire_int(w, "COMMAND COUNT");
    char *all = strdup(wire_run(w, "COMMAND"));

    assert_true(count >= 50);
    assert_non_null(all);
    assert_string_equal(all, wire_run(w, "COMMAND INFO"));
    for (const char *const *name = (const char *const[]){"get", "sadd", "client|list", "debug",
                                                         "memory|usage", "object|help", NULL};
         *name; name++) {
        char quoted[64];
        snprintf(quoted, sizeof quoted, "[\"%s\" :", *name);
        if (!strstr(all, quoted))
            fail_msg("COMMAND does not tell of %s", *name);
        snprintf(quoted, sizeof quoted, "\"%s\"", *name);
        if (!strstr(wire_run(w, "COMMAND LIST"), quoted))
            fail_msg("COMMAND LIST does not name %s", *name);
    }
    free(all);
    expect(w, ARITY("count"), "COMMAND COUNT x");
    expect(w, "-ERR unknown subcommand 'foo'. Try COMMAND HELP.", "COMMAND foo");
    expect_match(w, "[[]COMMAND <subcommand> *GETKEYS*", "COMMAND HELP");
}

static void test_list(void **state)
{
    struct wire *w = *state;

    expect_sorted(w,
                  "[\"config\" \"config|get\" \"config|help\" \"config|resetstat\" "
                  "\"config|rewrite\" \"config|set\"]",
                  "COMMAND LIST FILTERBY PATTERN CONFIG*");
    expect(w, "[\"smembers\"]", "COMMAND LIST FILTERBY pattern sm[e]*");
    expect(w, "[]", "COMMAND LIST FILTERBY PATTERN nosuch*");
    expect(w, "[]", "COMMAND LIST FILTERBY MODULE foo");
    expect(w, "[]", "COMMAND LIST FILTERBY ACLCAT foo");
    expect_match(w, "*\"sadd\"*", "COMMAND LIST FILTERBY ACLCAT SET");
    const char *connection = wire_run(w, "COMMAND LIST FILTERBY ACLCAT connection");
    assert_non_null(strstr(connection, "\"client|kill\""));
    assert_null(strstr(connection, "\"client\""));
    assert_null(strstr(connection, "\"get\""));
    expect(w, SYNTAX, "COMMAND LIST foo");
    expect(w, SYNTAX, "COMMAND LIST FILTERBY");
    expect(w, SYNTAX, "COMMAND LIST FILTERBY PATTERN");
    expect(w, SYNTAX, "COMMAND LIST FILTERBY foo bar");
    expect(w, SYNTAX, "COMMAND LIST FILTERBY PATTERN x y");
}

static void test_list_resp3(void **state)
{
    struct wire *w = *state;

    expect(w, "[\"smembers\"]", "COMMAND LIST FILTERBY PATTERN smem*");
    expect(w, "[]", "COMMAND LIST FILTERBY MODULE foo");
}

static void test_docs(void **state)
{
    struct wire *w = *state;

    expect_match(w,
                 "[[]\"sadd\" [[]\"summary\" \"*.\" \"since\" \"1.0.0\" \"group\" \"set\" "
                 "\"arguments\" [[][[]\"name\" \"key\" \"type\" \"key\" \"key_spec_index\" :0] "
                 "[[]\"name\" \"member\" \"type\" \"string\" \"flags\" [[]multiple]]]]]",
                 "COMMAND DOCS sadd");
    expect_match(w, "[[]\"dbsize\" * \"group\" \"server\"]]", "COMMAND DOCS dbsize");
    expect_match(w, "[[]\"ttl\" * \"group\" \"generic\" *", "COMMAND DOCS ttl");
    expect_match(w,
                 "*[[]\"name\" \"nx\" \"type\" \"oneof\" \"flags\" [[]optional] \"arguments\" "
                 "[[][[]\"name\" \"nx\" \"type\" \"pure-token\" \"token\" \"NX\"] *",
                 "COMMAND DOCS set");
    expect_match(w, "*\"name\" \"newkey\" \"type\" \"key\" \"key_spec_index\" :1]*",
                 "COMMAND DOCS rename");
    expect_match(w,
                 "*\"destination\" \"type\" \"key\" \"key_spec_index\" :0]*\"key_spec_index\" :1 *",
                 "COMMAND DOCS sunionstore");
    expect_match(w, "[[]\"config\" *\"subcommands\" [[]\"config|get\" [[]\"summary\" *",
                 "COMMAND DOCS config");
    expect_match(w, "[[]\"config|get\" [[]*", "COMMAND DOCS config|get");
    expect(w, "[]", "COMMAND DOCS nosuch config|nosuch");
    expect_match(w, "[[]*\"client|kill\" [[]*\"sadd\" [[]*\"get\" [[]*", "COMMAND DOCS");
}

static void test_docs_resp3(void **state)
{
    struct wire *w = *state;

    expect_match(w,
                 "{\"sadd\": {\"summary\": \"*.\", \"since\": \"1.0.0\", \"group\": \"set\", "
                 "\"arguments\": [[]{\"name\": \"key\", \"type\": \"key\", \"key_spec_index\": :0} "
                 "{\"name\": \"member\", \"type\": \"string\", \"flags\": ~[[]multiple]}]}}",
                 "COMMAND DOCS sadd nosuch");
    expect(w, "{}", "COMMAND DOCS nosuch");
    expect_match(w, "{*\"get\": {*", "COMMAND DOCS");
}

static void test_getkeys(void **state)
{
    struct wire *w = *state;

    expect(w, "[\"x\"]", "COMMAND GETKEYS get x");
    expect(w, "[\"a\" \"b\"]", "COMMAND GETKEYS MSET a 1 b 2");
    expect(w, "[\"a\" \"b\"]", "COMMAND GETKEYS mset a 1 b");
    expect(w, "[\"a\" \"a\" \"c\"]", "COMMAND GETKEYS sunionstore a a c");
    expect(w, "[\"a\" \"b\"]", "COMMAND GETKEYS sintercard 2 a b c");
    expect(w, "[\"foo\"]", "COMMAND GETKEYS memory usage foo");
    expect(w, "[\"foo\"]", "COMMAND GETKEYS OBJECT encoding foo");
    expect(w, "-ERR Invalid command specified", "COMMAND GETKEYS foo x");
    expect(w, "-ERR Invalid command specified", "COMMAND GETKEYS config foo");
    expect(w, "-ERR Invalid number of arguments specified for command", "COMMAND GETKEYS get x y");
    expect(w, "-ERR The command has no key arguments", "COMMAND GETKEYS ping x");
    expect(w, "-ERR The command has no key arguments", "COMMAND GETKEYS config get x");
    expect(w, "-ERR Invalid arguments specified for command", "COMMAND GETKEYS sintercard x a b c");
    expect(w, "-ERR Invalid arguments specified for command", "COMMAND GETKEYS sintercard 9 a b c");
    expect(w, ARITY("getkeys"), "COMMAND GETKEYS get");
    expect(w, "[[\"a\" [OW update]] [\"b\" [RO access]] [\"c\" [RO access]]]",
           "COMMAND GETKEYSANDFLAGS sunionstore a b c");
    expect(w, "[[\"a\" [RW insert]]]", "COMMAND GETKEYSANDFLAGS sadd a m");
    // What a call does depends on its options.
    expect(w, "[[\"a\" [RW access update]]]", "COMMAND GETKEYSANDFLAGS set a x GET");
    expect(w, "[[\"a\" [OW update]]]", "COMMAND GETKEYSANDFLAGS set a x NX");
    expect(w, "[[\"a\" [RO access]]]", "COMMAND GETKEYSANDFLAGS bitfield a");
    expect(w, "[[\"a\" [RO access]]]", "COMMAND GETKEYSANDFLAGS bitfield a OVERFLOW WRAP GET u8 0");
    expect(w, "[[\"a\" [RW access update]]]",
           "COMMAND GETKEYSANDFLAGS bitfield a GET u8 0 SET u8 0 1");
    expect(w, "[[\"a\" [RW access update]]]", "COMMAND GETKEYSANDFLAGS bitfield a GET u8");
    expect(w, "[[\"a\" [RO access]] [\"b\" [OW update]]]",
           "COMMAND GETKEYSANDFLAGS sort a STORE b");
    expect(w, "[[\"a\" [RW access delete]] [\"b\" [OW update]]]",
           "COMMAND GETKEYSANDFLAGS rename a b");
    expect(w, "[[\"a\" [RM delete]] [\"b\" [RM delete]]]", "COMMAND GETKEYSANDFLAGS del a b");
    expect(w, "-ERR The command has no key arguments", "COMMAND GETKEYSANDFLAGS ping a");
    expect(w, ARITY("getkeysandflags"), "COMMAND GETKEYSANDFLAGS get");
    expect(w, ":0", "EXISTS a x foo"); // nothing was run
}

static void test_tips(void **state)
{
    struct wire *w = *state;

    expect_match(w, "*@slow] [[]\"request_policy:multi_shard\" \"response_policy:agg_sum\"] *",
                 "COMMAND INFO del");
    expect_match(w, "*@slow] [[]] *", "COMMAND INFO lcs");
}

static void test_getkeys_resp3(void **state)
{
    struct wire *w = *state;

    expect(w, "[\"a\" \"b\"]", "COMMAND GETKEYS mset a 1 b 2");
    expect(w, "[[\"a\" ~[RO access]]]", "COMMAND GETKEYSANDFLAGS get a");
}

// More keys than any table of the command's own has.
static void test_getkeys_many(void **state)
{
    enum { KEYS = 5000 };
    struct wire *w = *state;
    static struct bytes argv[3 + KEYS] = {BYTES("COMMAND"), BYTES("GETKEYS"), BYTES("DEL")};
    size_t nwant = KEYS * 4 + 8, at = 0;
    char *want = malloc(nwant);

    assert_non_null(want);
    want[at++] = '[';
    for (int i = 0; i < KEYS; i++) {
        argv[3 + i] = BYTES("k");
        at += (size_t)snprintf(want + at, nwant - at, "%s\"k\"", i ? " " : "");
    }
    snprintf(want + at, nwant - at, "]");
    expect_argv(w, want, 3 + KEYS, argv);
    free(want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(test_info), WIRE_TEST3(test_info_resp3),    WIRE_TEST(test_all),
        WIRE_TEST3(test_all), WIRE_TEST(test_list),           WIRE_TEST3(test_list_resp3),
        WIRE_TEST(test_docs), WIRE_TEST3(test_docs_resp3),    WIRE_TEST(test_getkeys),
        WIRE_TEST(test_tips), WIRE_TEST3(test_getkeys_resp3), WIRE_TEST(test_getkeys_many),
    };
    return run_modes(tests);
}
