// SPDX-License-Identifier: MIT
//
// Which commands are run on worker threads: those that are long by the estimates of their rows, and
// no others. There is one connection thread.
#include "tests/lib/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct test_server *server;
    struct wire *a, *c; // for commands, and to ask about them
};

static const char *const NONE[] = {NULL};

static int setup(void **state)
{
    static const char *const args[] = {"--connection-threads", "1", NULL};
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    f->server = server_start(args);
    f->a = wire_open(f->server, 2);
    f->c = wire_open(f->server, 2);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    wire_close(f->a);
    wire_close(f->c);
    server_stop(f->server);
    free(f);
    return 0;
}

// Runs a command, whatever it replies, and tells whether it ran on a worker thread.
static bool moves(struct fixture *f, const char *command)
{
    int64_t begun = wire_commands_begun(f->c);
    const char *reply = wire_run(f->a, "%s", command);

    if (reply[0] == '-') {
        fail_msg("%s: %s", command, reply);
    }
    return wire_commands_begun(f->c) > begun;
}

// Sends a command whose last argument is a text of that length, and gets its reply.
static void send_text(struct fixture *f, int argc, struct bytes *argv, size_t len)
{
    char *text = malloc(len);

    assert_non_null(text);
    memset(text, 't', len);
    argv[argc - 1] = (struct bytes){text, len};
    wire_send_argv(f->a, argc, argv);
    assert_int_not_equal(wire_reply(f->a)[0], '-');
    free(text);
}

static void push_text(struct fixture *f, const char *key, size_t len)
{
    struct bytes argv[] = {BYTES("RPUSH"), bytes_of(key), BYTES("")};
    send_text(f, 3, argv, len);
}

// None of `shorts` and all of `longs` are run on a worker thread.
static void expect_moved(struct fixture *f, const char *const *shorts, const char *const *longs)
{
    for (; *shorts; shorts++) {
        if (moves(f, *shorts))
            fail_msg("%s was moved", *shorts);
    }
    for (; *longs; longs++) {
        if (!moves(f, *longs))
            fail_msg("%s was not moved", *longs);
    }
}

// A list of a few elements is a short one, unless these are long, which shows when it is locked.
static void test_long_elements_are_moved(void **state)
{
    static const char *const shorts[] = {
        "LRANGE list 0 1", "LINDEX list 1",   "LPOP list",
        "LPOP list 2",     "LSET list 0 a",   "LMOVE list to LEFT LEFT",
        "LPOS list b",     "LTRIM list 1 -1", NULL};
    static const char *const longs[] = {"LRANGE list 6 8",
                                        "LINDEX list -1",
                                        "LRANGE list 0 -1",
                                        "LMPOP 2 none list RIGHT",
                                        "LMOVE list to RIGHT LEFT",
                                        "RPOP list",
                                        "RPOPLPUSH list to",
                                        "RPOP list 2",
                                        NULL};
    enum { LEN = 3 << 20 };
    struct fixture *f = *state;

    for (int i = 0; i < 10; i++) {
        expect_match(f->a, ":*", "RPUSH list short");
    }
    expect_match(f->a, ":*", "RPUSH list b");
    for (int i = 0; i < 6; i++) {
        push_text(f, "list", LEN);
    }
    expect_moved(f, shorts, NONE);
    expect(f->a, ":12", "LLEN list"); // 6 short ones are left, and the long ones
    expect_moved(f, NONE, longs);
    expect(f->a, ":6", "LLEN list");
    expect(f->a, ":3", "LLEN to");
}

static void set_field(struct fixture *f, const char *key, const char *field, size_t len)
{
    struct bytes argv[] = {BYTES("HSET"), bytes_of(key), bytes_of(field), BYTES("")};
    send_text(f, 4, argv, len);
}

// A hash of a few fields is a short one, unless their values are long; so is one that has had a
// long one, and a packed one that is walked a few times.
static void test_long_fields_are_moved(void **state)
{
    static const char *const shorts[] = {"HGET h short1",
                                         "HMGET h short1 short2",
                                         "HSTRLEN h long0",
                                         "HSCAN p 0",
                                         "HRANDFIELD p 20",
                                         "HGETALL p",
                                         "HGETALL had",
                                         "HVALS had",
                                         "HGET had short1",
                                         "HMGET had a b short1",
                                         "HMGET p a b c",
                                         "HRANDFIELD p",
                                         NULL};
    static const char *const longs[] = {"HGET h long0",
                                        "HMGET h short1 long1",
                                        "HGETALL h",
                                        "HVALS h",
                                        "HSCAN h 0 COUNT 100",
                                        "HRANDFIELD h 5 WITHVALUES",
                                        "HRANDFIELD h -1000 WITHVALUES",
                                        "HRANDFIELD p -20000",
                                        NULL};
    enum { LEN = 3 << 20 };
    struct fixture *f = *state;

    for (int i = 0; i < 100; i++) {
        expect(f->a, ":1", "HSET h short%d v", i);
        expect(f->a, ":1", "HSET had short%d v", i);
        expect(f->a, ":1", "HSET p short%d v", i);
    }
    set_field(f, "h", "long0", LEN);
    set_field(f, "h", "long1", LEN);
    set_field(f, "had", "long", LEN);
    expect(f->a, ":1", "HDEL had long");
    expect_moved(f, shorts, longs);
}

// A packed hash is walked for each field that is named, and copied for each that is removed.
static void test_many_fields_are_moved(void **state)
{
    enum { FIELDS = 500 };
    static const struct {
        const char *command;
        bool value; // one behind each field
    } longs[] = {{"HSET h", true}, {"HMSET h", true}, {"HMGET h", false}, {"HDEL h", false}};
    struct fixture *f = *state;
    static char line[FIELDS * 32];

    for (size_t i = 0; i < sizeof longs / sizeof *longs; i++) {
        size_t n = (size_t)sprintf(line, "%s", longs[i].command);
        for (int j = 0; j < FIELDS; j++) {
            n += (size_t)sprintf(line + n, longs[i].value ? " f%d v" : " f%d", j);
        }
        if (!moves(f, line)) {
            fail_msg("%s with %d fields was not moved", longs[i].command, FIELDS);
        }
        if (i == 0) {
            expect(f->a, "\"listpack\"", "OBJECT ENCODING h");
        }
    }
    expect(f->a, ":0", "EXISTS h");
}

// What range of scores is a long one shows when the set is locked.
static void test_long_ranges_are_moved(void **state)
{
    static const char *const shorts[] = {"ZRANGEBYSCORE z 10 20",
                                         "ZRANGE z 20 10 BYSCORE REV",
                                         "ZRANGEBYLEX z - (a",
                                         "ZREMRANGEBYSCORE z 30 40",
                                         "ZRANGESTORE to z 50 60 BYSCORE",
                                         "ZREMRANGEBYLEX z - (a",
                                         "ZREVRANGEBYSCORE z 90 80",
                                         "ZRANGE z 0 -1 BYSCORE LIMIT 0 9",
                                         "ZREVRANGEBYLEX z (a -",
                                         "ZRANGEBYSCORE z (10 +inf LIMIT 5 20",
                                         NULL};
    static const char *const longs[] = {
        "ZRANGEBYSCORE z 100 +inf",         "ZRANGE z +inf 100 BYSCORE REV", "ZRANGEBYLEX z - +",
        "ZRANGESTORE to z 100 inf BYSCORE", "ZREMRANGEBYSCORE z 100 +inf",   NULL};
    enum { SCORES = 20000, PER_COMMAND = 1000 };
    struct fixture *f = *state;
    static char line[PER_COMMAND * 16 + 16];

    for (int i = 0; i < SCORES; i += PER_COMMAND) {
        size_t n = (size_t)sprintf(line, "ZADD z");
        for (int j = i; j < i + PER_COMMAND; j++) {
            n += (size_t)sprintf(line + n, " %d m%d", j, j);
        }
        expect(f->a, ":1000", "%s", line);
    }
    expect_moved(f, shorts, longs);
    expect(f->a, ":89", "ZCARD z");
}

// Likewise how many places there are around another.
static void test_long_geo_searches_are_moved(void **state)
{
    static const char *const shorts[] = {"GEOSEARCH g FROMLONLAT 20 0 BYRADIUS 2 km",
                                         "GEOSEARCH g FROMMEMBER m10 BYBOX 2 2 km ASC",
                                         "GEORADIUS g 20 0 2 km STORE to",
                                         "GEORADIUSBYMEMBER g m100 2 km WITHCOORD",
                                         "GEOSEARCHSTORE to g FROMMEMBER m10 BYRADIUS 2 km",
                                         "GEOSEARCH g FROMLONLAT 20 60 BYRADIUS 200 km",
                                         NULL};
    static const char *const longs[] = {"GEOSEARCH g FROMLONLAT 20 0 BYRADIUS 20000 km",
                                        "GEOSEARCH g FROMMEMBER m10 BYBOX 20000 20 km ASC COUNT 9",
                                        "GEORADIUS g 20 0 9000 km STORE to",
                                        "GEORADIUSBYMEMBER_RO g m100 9000 km",
                                        "GEOSEARCHSTORE to g FROMMEMBER m10 BYRADIUS 9000 km",
                                        NULL};
    enum { PLACES = 20000, PER_COMMAND = 1000 };
    struct fixture *f = *state;
    static char line[PER_COMMAND * 24 + 16];

    for (int i = 0; i < PLACES; i += PER_COMMAND) {
        size_t n = (size_t)sprintf(line, "GEOADD g");
        for (int j = i; j < i + PER_COMMAND; j++) {
            n += (size_t)sprintf(line + n, " %d.%03d 0 m%d", j / 400, j * 5 / 2 % 1000, j);
        }
        expect(f->a, ":1000", "%s", line);
    }
    expect_moved(f, shorts, longs);
    expect(f->a, ":20000", "ZCARD to");
}

static void add_text(struct fixture *f, const char *key, const char *score, size_t len)
{
    struct bytes set[] = {BYTES("SADD"), bytes_of(key), BYTES("")};
    struct bytes zset[] = {BYTES("ZADD"), bytes_of(key), bytes_of(score), BYTES("")};

    if (score[0])
        send_text(f, 4, zset, len);
    else
        send_text(f, 3, set, len);
}

// A set or a sorted set of a few members is a short one, unless it has or had long ones.
static void test_long_members_are_moved(void **state)
{
    static const char *const shorts[] = {"SMEMBERS s",
                                         "SPOP s",
                                         "SPOP s 2",
                                         "SRANDMEMBER s",
                                         "SRANDMEMBER s -100",
                                         "SSCAN s 0",
                                         "SINTER s s",
                                         "COPY s copy",
                                         "ZRANGE z 0 -1",
                                         "ZPOPMIN z",
                                         "ZPOPMIN z 2",
                                         "ZRANDMEMBER z",
                                         "ZSCAN z 0",
                                         "ZMPOP 1 z MIN",
                                         "ZRANDMEMBER z -100",
                                         "ZUNION 2 z z",
                                         "COPY z zcopy",
                                         "DUMP s",
                                         "ZRANGE z 0 5 REV",
                                         "SISMEMBER long1 a",
                                         "ZSCORE zlong1 a",
                                         "SCARD long1",
                                         "SREM long1 a",
                                         "ZREM zlong1 a",
                                         NULL};
    static const char *const longs[] = {"SMEMBERS long1",
                                        "SRANDMEMBER long1",
                                        "SRANDMEMBER long1 -100",
                                        "SSCAN long1 0",
                                        "SUNION s long1",
                                        "SUNIONSTORE to long1",
                                        "COPY long1 copied",
                                        "DUMP long1",
                                        "SPOP long1",
                                        "SPOP to 1",
                                        "SPOP copied 20",
                                        "ZRANGE zlong1 0 -1",
                                        "ZRANGEBYSCORE zlong1 1 2",
                                        "ZREVRANGE zlong1 0 0",
                                        "ZRANDMEMBER zlong1",
                                        "ZRANDMEMBER zlong1 -100",
                                        "ZSCAN zlong1 0",
                                        "ZUNION 2 z zlong1",
                                        "ZUNIONSTORE zto 1 zlong1",
                                        "COPY zlong1 zcopied",
                                        "ZMPOP 1 zto MAX",
                                        "ZPOPMAX zlong1",
                                        "ZPOPMAX zcopied 2",
                                        NULL};
    enum { LEN = 3 << 20 };
    struct fixture *f = *state;

    for (int i = 0; i < 20; i++) {
        expect(f->a, ":1", "SADD s member%d", i);
        expect(f->a, ":1", "ZADD z %d member%d", i, i);
    }
    add_text(f, "long1", "", LEN);
    add_text(f, "zlong1", "1", LEN);
    expect_moved(f, shorts, longs);
    expect(f->a, ":0", "EXISTS long1 zlong1 copied zcopied");
}

// Copying a list that has long elements is a long command, which shows when it is locked.
static void test_copy_of_long_elements_is_moved(void **state)
{
    static const char *const shorts[] = {"COPY few copy", NULL};
    static const char *const longs[] = {"COPY list copy REPLACE", NULL};
    struct fixture *f = *state;

    expect(f->a, ":2", "RPUSH few a b");
    push_text(f, "list", 3 << 20);
    expect_moved(f, shorts, longs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_long_elements_are_moved, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_fields_are_moved, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_fields_are_moved, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_ranges_are_moved, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_geo_searches_are_moved, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_members_are_moved, setup, teardown),
        cmocka_unit_test_setup_teardown(test_copy_of_long_elements_is_moved, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
