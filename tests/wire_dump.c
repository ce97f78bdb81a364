// SPDX-License-Identifier: MIT
//
// DUMP and RESTORE over the wire: every option and error, every type, payloads of redis-server, and
// payloads that are long.
#include "tests/lib/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/lib/payload.h"
#include "tests/lib/redis_payloads.h"

#define BUSY       "-BUSYKEY Target key name already exists."
#define BAD_TTL    "-ERR Invalid TTL value, must be >= 0"
#define BAD_IDLE   "-ERR Invalid IDLETIME value, must be >= 0"
#define BAD_FREQ   "-ERR Invalid FREQ value, must be >= 0 and <= 255"
#define BAD_FOOTER "-ERR DUMP payload version or checksum are wrong"
#define BAD_FORMAT "-ERR Bad data format"
#define NOT_INT    "-ERR value is not an integer or out of range"
#define SYNTAX     "-ERR syntax error"

#define ARITY(name) "-ERR wrong number of arguments for '" name "' command"

// As an argument of the one-liners: what SET k 10 is dumped as, by redis-server, too.
#define TEN "\"\\x00\\xc0\\n\\n\\x00n\\x9fWE\\x0e\\xaec\\xbb\""

enum { ARGS_MAX = 16 };

static void expect_restore_at(struct wire *w, const char *want, const char *key, const char *ttl,
                              struct bytes payload, const char *options, int line)
{
    struct bytes argv[ARGS_MAX] = {BYTES("RESTORE"), bytes_of(key), bytes_of(ttl), payload};
    char copy[128], *rest = copy;
    int argc = 4;

    snprintf(copy, sizeof copy, "%s", options);
    for (char *word = strtok_r(NULL, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        argv[argc++] = bytes_of(word);
    wire_expect_argv_at(w, want, argc, argv, __FILE__, line);
}
#define expect_restore(w, want, key, ttl, payload, options)                                        \
    expect_restore_at(w, want, key, ttl, payload, options, __LINE__)

// The payload of a key, to be freed.
static struct bytes dump(struct wire *w, const char *key)
{
    size_t len;
    const char *text = wire_text(w, &len, "DUMP %s", key);
    char *copy = malloc(len);

    assert_non_null(copy);
    memcpy(copy, text, len);
    return (struct bytes){copy, len};
}

static void dump_free(struct bytes payload)
{
    free((char *)(uintptr_t)payload.data);
}

// ---- options and errors -----------------------------------------------------------------------

static void test_dump(void **state)
{
    struct wire *w = *state;

    expect(w, "(nil)", "DUMP none");
    expect(w, "OK", "SET k 10");
    expect(w, TEN, "DUMP k");
    expect(w, ":1", "PEXPIRE k 99999");
    expect(w, TEN, "DUMP k"); // says nothing about expire times
    expect(w, "OK", "SET k ''");
    expect(w, "\"\\x00\\x00\\n\\x00]\\x9b\\\\@\\x0f\\x7f\\xa2\\xda\"", "DUMP k");
    expect(w, "OK", "SET k hello");
    expect(w, "\"\\x00\\x05hello\\n\\x00cr\\xdfve4 \\n\"", "DUMP k");
    expect(w, ARITY("dump"), "DUMP");
    expect(w, ARITY("dump"), "DUMP k k");
}

static void test_restore(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "RESTORE k 0 " TEN);
    expect(w, "\"10\"", "GET k");
    expect(w, ":-1", "TTL k");
    expect(w, BUSY, "RESTORE k 0 " TEN);
    expect(w, "OK", "RESTORE k 0 " TEN " REPLACE");
    expect(w, ":2", "SADD s a b");
    expect(w, "OK", "RESTORE s 0 " TEN " replace");
    expect(w, "string", "TYPE s");
    expect(w, ":11", "INCR k");
    expect(w, ARITY("restore"), "RESTORE");
    expect(w, ARITY("restore"), "RESTORE k");
    expect(w, ARITY("restore"), "RESTORE k 0");
}

static void test_restore_errors(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "SET k old PX 99999");
    expect(w, SYNTAX, "RESTORE k 0 " TEN " x");
    expect(w, SYNTAX, "RESTORE k 0 " TEN " REPLACE IDLETIME");
    expect(w, SYNTAX, "RESTORE k 0 " TEN " REPLACE FREQ");
    expect(w, SYNTAX, "RESTORE k 0 " TEN " REPLACE IDLETIME 5 FREQ 5");
    expect(w, SYNTAX, "RESTORE k 0 " TEN " REPLACE FREQ 5 IDLETIME 5");
    expect(w, NOT_INT, "RESTORE k 0 " TEN " IDLETIME x");
    expect(w, BAD_IDLE, "RESTORE k 0 " TEN " IDLETIME -1");
    expect(w, NOT_INT, "RESTORE k 0 " TEN " FREQ 1.5");
    expect(w, BAD_FREQ, "RESTORE k 0 " TEN " FREQ -1");
    expect(w, BAD_FREQ, "RESTORE k 0 " TEN " FREQ 256");
    // Options come before the key, the key before the time, the time before the payload.
    expect(w, BAD_FREQ, "RESTORE k -1 x FREQ 256");
    expect(w, BUSY, "RESTORE k x x");
    expect(w, NOT_INT, "RESTORE k x x REPLACE");
    expect(w, BAD_TTL, "RESTORE k -1 x REPLACE");
    expect(w, BAD_TTL, "RESTORE k -1 x REPLACE ABSTTL");
    expect(w, BAD_FOOTER, "RESTORE k 0 x REPLACE");
    expect(w, BAD_FOOTER, "RESTORE k 0 '' REPLACE");
    expect(w, BAD_FOOTER, "RESTORE none 0 xxxxxxxxxxxx");
    expect(w, "\"old\"", "GET k");
    expect_match(w, ":9????", "PTTL k");
    expect(w, ":0", "EXISTS none");
}

// What the payload says is wrong though its checksum is right.
static void test_bad_format(void **state)
{
    static const char *const bodies[] = {"",         "\xff",      "\x02\x02\x01x\x01x",
                                         "\x02\x01", "\x14\x01x", "\x06\x01x"};
    static const size_t lens[] = {0, 1, 6, 2, 3, 3};
    struct wire *w = *state;
    struct strbuf p = {NULL, 0, 0};

    expect(w, ":2", "RPUSH k a b");
    expect(w, ":1", "PEXPIRE k 99999");
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        strbuf_clear(&p);
        strbuf_add(&p, bodies[i], lens[i]);
        payload_end(&p, 10);
        expect_restore(w, BAD_FORMAT, "k", "0", ((struct bytes){p.data, p.len}), "REPLACE");
        expect_restore(w, BAD_FORMAT, "none", "0", ((struct bytes){p.data, p.len}), "");
    }
    for (unsigned version = 9; version < 12; version++) {
        strbuf_clear(&p);
        strbuf_add(&p, "\0\1x", 3);
        payload_end(&p, version);
        expect_restore(w, version <= 10 ? "OK" : BAD_FOOTER,
                       version == 9    ? "v9"
                       : version == 10 ? "v10"
                                       : "v11",
                       "0", ((struct bytes){p.data, p.len}), "");
    }
    strbuf_free(&p);
    expect(w, "[\"a\" \"b\"]", "LRANGE k 0 -1");
    expect_match(w, ":9????", "PTTL k");
    expect(w, ":0", "EXISTS none v11");
    expect(w, "[\"x\" \"x\"]", "MGET v9 v10");
}

static void test_expire_times(void **state)
{
    struct wire *w = *state;
    long long now_ms = (long long)time(NULL) * 1000;

    expect(w, "OK", "RESTORE k 99999 " TEN);
    expect_match(w, ":9????", "PTTL k");
    expect(w, "OK", "RESTORE k 0 " TEN " REPLACE");
    expect(w, ":-1", "TTL k");
    expect(w, "OK", "RESTORE k %lld " TEN " REPLACE ABSTTL", now_ms + 500000);
    char want[32];
    snprintf(want, sizeof want, ":%lld", now_ms + 500000);
    expect(w, want, "PEXPIRETIME k");
    expect(w, "OK", "RESTORE k 0 " TEN " REPLACE ABSTTL");
    expect(w, ":-1", "TTL k");
    // A time that has been: the key goes, or does not come.
    expect(w, "OK", "RESTORE none 1000 " TEN " ABSTTL");
    expect(w, ":0", "EXISTS none");
    expect(w, "OK", "RESTORE k 1000 " TEN " ABSTTL REPLACE");
    expect(w, ":0", "EXISTS k");
    expect(w, ":0", "DBSIZE");
    // But not when the payload is no good.
    expect(w, "OK", "SET k x");
    expect(w, BAD_FOOTER, "RESTORE k 1000 x ABSTTL REPLACE");
    expect(w, ":1", "EXISTS k");
    // Farther away than can be counted is far away.
    expect(w, "OK", "RESTORE k 9223372036854775807 " TEN " REPLACE");
    expect(w, ":9223372036854775807", "PEXPIRETIME k");
    expect(w, "OK", "RESTORE k 20 " TEN " REPLACE");
    wait_until(wire_int(w, "EXISTS k") == 0, WIRE_LIMIT_MS);
    expect(w, "OK", "RESTORE k 0 " TEN); // not busy any more
}

static void test_idle_times(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "RESTORE k 0 " TEN " IDLETIME 1000");
    expect_match(w, ":100[0-5]", "OBJECT IDLETIME k");
    expect(w, "OK", "RESTORE k 0 " TEN " REPLACE");
    expect_match(w, ":[0-5]", "OBJECT IDLETIME k");
    expect(w, "OK", "RESTORE k 0 " TEN " REPLACE idletime 0");
    expect_match(w, ":[0-5]", "OBJECT IDLETIME k");
    expect(w, "OK", "RESTORE k 0 " TEN " REPLACE IDLETIME 9223372036854775807");
    assert_true(wire_int(w, "OBJECT IDLETIME k") > 1000000);
    expect(w, "\"10\"", "GET k");
    expect_match(w, ":[0-5]", "OBJECT IDLETIME k");
    expect(w, "OK", "RESTORE k 0 " TEN " REPLACE freq 255");
    expect(w, "OK", "RESTORE k 0 " TEN " REPLACE FREQ 0 ABSTTL");
}

static void test_command_info(void **state)
{
    struct wire *w = *state;

    expect(w,
           "[[\"dump\" :2 [readonly] :1 :1 :1 [@keyspace @read @slow] [\"nondeterministic_output\"]"
           " [[\"flags\" [RO access] \"begin_search\" [\"type\" \"index\" \"spec\" [\"index\" :1]] "
           "\"find_keys\" [\"type\" \"range\" \"spec\" [\"lastkey\" :0 \"keystep\" :1 \"limit\" "
           ":0]]]] []]]",
           "COMMAND INFO dump");
    expect(w,
           "[[\"restore\" :-4 [write denyoom] :1 :1 :1 [@keyspace @write @slow @dangerous] [] "
           "[[\"flags\" [OW update] \"begin_search\" [\"type\" \"index\" \"spec\" [\"index\" :1]] "
           "\"find_keys\" [\"type\" \"range\" \"spec\" [\"lastkey\" :0 \"keystep\" :1 \"limit\" "
           ":0]]]] []]]",
           "COMMAND INFO restore");
    expect_match(w, "*\"since\" \"2.6.0\" \"group\" \"generic\"*", "COMMAND DOCS dump");
    expect_match(w, "*\"since\" \"2.6.0\" \"group\" \"generic\"*", "COMMAND DOCS restore");
}

static void test_transactions(void **state)
{
    struct wire *w = *state;

    expect(w, "OK", "SET k 1");
    expect(w, "OK", "MULTI");
    expect(w, "QUEUED", "SET k 10");
    expect(w, "QUEUED", "DUMP k");
    expect(w, "QUEUED", "RESTORE k 0 " TEN);
    expect(w, "QUEUED", "RESTORE other 0 " TEN);
    expect(w, "QUEUED", "GET other");
    expect(w, "[OK " TEN " " BUSY " OK \"10\"]", "EXEC");
    expect(w, "OK", "WATCH other");
    expect(w, "OK", "RESTORE other 0 " TEN " REPLACE");
    expect(w, "OK", "MULTI");
    expect(w, "QUEUED", "PING");
    expect(w, "(nil-array)", "EXEC");
}

// ---- every type -------------------------------------------------------------------------------

static void test_redis_payloads(void **state)
{
    struct wire *w = *state;

    for (size_t i = 0; i < redis_payloads_count; i++) {
        const struct redis_payload *p = &redis_payloads[i];
        char first = p->value[0];

        expect_restore(w, "OK", "k", "0", p->payload, "REPLACE");
        if (first == '"')
            expect(w, p->value, "GET k");
        else if (first == '[')
            expect(w, p->value, "LRANGE k 0 -1");
        else
            assert_true(wire_int(w, "%s k",
                                 first == '('            ? "ZCARD"
                                 : strchr(p->value, ':') ? "HLEN"
                                                         : "SCARD") >= 3);
    }
    expect_restore(w, "OK", "z", "0", redis_payloads[redis_payloads_count - 1].payload, "");
    expect(w, "[\"low\" \"-inf\" \"3\" \"-3\" \"one\" \"1\" \"x\" \"1.5\" \"high\" \"inf\"]",
           "ZRANGE z 0 -1 WITHSCORES");
}

// Keys of every type and encoding, filled by these commands: key, then the words of each element.
static const struct {
    const char *key, *command, *element; // with the element's number, twice
    const char *read;                    // with the key; what has no order is sorted
} KINDS[] = {
    {"ints", "SADD", " %d", "SMEMBERS"},
    {"set", "SADD", " member:%d", "SMEMBERS"},
    {"hash", "HSET", " field:%d value:%d", "HGETALL"},
    {"list", "RPUSH", " %d element:%d", "LRANGE"},
    {"zset", "ZADD", " %d.25 member:%d", "ZRANGE"},
};
enum { NKINDS = sizeof KINDS / sizeof KINDS[0] };

static void fill(struct wire *w, int from, int to)
{
    struct strbuf line = {NULL, 0, 0};

    for (int i = 0; i < NKINDS; i++) {
        strbuf_clear(&line);
        strbuf_addf(&line, "%s %s", KINDS[i].command, KINDS[i].key);
        for (int n = from; n < to; n++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
            strbuf_addf(&line, KINDS[i].element, n * 37 - 1000, n * 37 - 1000);
#pragma GCC diagnostic pop
        }
        expect_match(w, ":*", "%s", line.data);
    }
    strbuf_free(&line);
}

// Restores a key as "copy", which must then have the same of everything; `want` is what the key is
// read as.
static void copy_by_dump(struct wire *w, const char *key, const char *range, const char *read)
{
    struct bytes payload = dump(w, key), again;
    char *want = strdup(wire_run(w, "%s %s%s", read, key, range));
    char *encoding = strdup(wire_run(w, "OBJECT ENCODING %s", key));

    expect_restore(w, "OK", "copy", "0", payload, "REPLACE");
    expect(w, encoding, "OBJECT ENCODING copy");
    if (*range) { // has an order
        expect(w, want, "%s copy%s", read, range);
        again = dump(w, "copy");
        assert_int_equal(again.len, payload.len);
        assert_memory_equal(again.data, payload.data, payload.len);
        dump_free(again);
    } else {
        assert_int_equal(strlen(wire_run(w, "%s copy", read)), strlen(want));
    }
    free(want);
    free(encoding);
    dump_free(payload);
}

static void check_members(struct wire *w)
{
    for (int i = 0; i < NKINDS; i++) {
        bool ordered = KINDS[i].command[0] == 'R' || KINDS[i].command[0] == 'Z';
        const char *range = !ordered                     ? ""
                            : KINDS[i].command[0] == 'R' ? " 0 -1"
                                                         : " 0 -1 WITHSCORES";
        copy_by_dump(w, KINDS[i].key, range, KINDS[i].read);
        if (strcmp(KINDS[i].read, "SMEMBERS") == 0)
            expect(w, "[]", "SDIFF copy %s", KINDS[i].key);
        if (strcmp(KINDS[i].read, "HGETALL") == 0)
            expect(w, "[\"value:-963\" \"value:-889\"]", "HMGET copy field:-963 field:-889");
    }
}

static void test_round_trips(void **state)
{
    struct wire *w = *state;

    fill(w, 1, 4);
    check_members(w);
    fill(w, 4, 60);
    check_members(w);
    for (int from = 60; from < 1500; from += 240)
        fill(w, from, from + 240);
    check_members(w);
    expect(w, "OK", "SET str '%0*d'", 200000, 7);
    copy_by_dump(w, "str", "", "GET");
    expect(w, ":200000", "STRLEN copy");
    expect(w, "\"07\"", "GETRANGE copy -2 -1");
}

// ---- long ones --------------------------------------------------------------------------------

enum { BATCH = 1000, MEMBER_CHARS = 100 };

static void fill_big(struct wire *w, int members)
{
    struct strbuf line = {NULL, 0, 0};

    for (int i = 0; i < members; i += BATCH) {
        strbuf_clear(&line);
        strbuf_addf(&line, "SADD big");
        for (int j = 0; j < BATCH; j++)
            strbuf_addf(&line, " %0*d", MEMBER_CHARS, i + j);
        expect(w, ":1000", "%s", line.data);
    }
    strbuf_free(&line);
}

// The payload of "big" begins before it is all made, and others go on meanwhile: readers of the key
// too, while a writer waits. It is one state of the set.
static void test_long_dump(void **state)
{
    int members = server_sanitized() ? 60 * BATCH : 300 * BATCH;
    size_t nbytes = 1 + 5 + (size_t)members * (2 + MEMBER_CHARS) + 10; // a length of 100 takes two
    char header[32], want[32];
    size_t n = (size_t)snprintf(want, sizeof want, "$%zu\r\n", nbytes);
    static const char *const args[] = {"--connection-threads", "1", NULL};
    struct test_server *server = server_start(args);
    struct wire *a = wire_open(server, 2), *b = wire_open(server, 2), *c = wire_open(server, 2);

    (void)state;
    fill_big(a, members);
    wire_send(a, "DUMP big");
    assert_int_equal(wire_read_raw(a, header, n), n);
    assert_memory_equal(header, want, n);
    wire_send(b, "SADD big new"); // waits until it is written, or the reader was waited for
    expect(c, ":1", "SISMEMBER big %0*d", MEMBER_CHARS, members - 1);
    expect(c, "PONG", "PING");
    char *payload = malloc(nbytes + 2);
    assert_non_null(payload);
    assert_int_equal(wire_read_raw(a, payload, nbytes + 2), nbytes + 2);
    assert_memory_equal(payload + nbytes, "\r\n", 2);
    expect_reply(b, ":1");
    expect(c, "OK", "SET other x");
    struct bytes restore[] = {BYTES("RESTORE"), BYTES("copy"), BYTES("0"), {payload, nbytes}};
    wire_send_argv(a, 4, restore);
    expect(c, "\"x\"", "GET other");
    expect_reply(a, "OK");
    snprintf(want, sizeof want, ":%d", members);
    expect(a, want, "SCARD copy");
    expect(a, "[\"new\"]", "SDIFF big copy");
    payload[nbytes - 1] ^= 1;
    expect_argv(a, BUSY, 4, restore);
    restore[1] = BYTES("none");
    expect_argv(a, BAD_FOOTER, 4, restore);
    free(payload);
    // A client that goes in the middle leaves the key free.
    wire_send(b, "DUMP big");
    assert_int_equal(wire_read_raw(b, header, n), n);
    wire_abort(b);
    expect(a, ":1", "SREM big new");
    wire_close(a);
    wire_close(c);
    server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(test_dump),         WIRE_TEST(test_restore),      WIRE_TEST(test_restore_errors),
        WIRE_TEST(test_bad_format),   WIRE_TEST(test_expire_times), WIRE_TEST(test_idle_times),
        WIRE_TEST(test_command_info), WIRE_TEST(test_transactions), WIRE_TEST(test_redis_payloads),
        WIRE_TEST(test_round_trips),
    };
    const struct CMUnitTest alone[] = {cmocka_unit_test(test_long_dump)};
    int failed = run_modes(tests);

    return failed + cmocka_run_group_tests(alone, NULL, NULL);
}
