// SPDX-License-Identifier: MIT
//
// Commands that wait, for a key or on a worker thread, beside connections of the same thread that
// do not: there is one connection thread in all of these tests.
#include "tests/lib/wire.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 1000, MEMBER_CHARS = 100, LIMIT_MS = 30000 };

struct fixture {
    struct test_server *server;
    struct wire *a, *b, *c;
    int members; // of the set "big", whose reply is many times what sockets and buffers hold
};

static void fill_big(struct fixture *f)
{
    char *line = malloc((size_t)BATCH * (MEMBER_CHARS + 1) + 64);

    assert_non_null(line);
    for (int i = 0; i < f->members; i += BATCH) {
        size_t n = (size_t)sprintf(line, "SADD big");
        for (int j = 0; j < BATCH; j++) {
            n += (size_t)sprintf(line + n, " %0*d", MEMBER_CHARS, i + j);
        }
        expect(f->a, ":1000", "%s", line);
    }
    free(line);
}

static int start(void **state, const char *const *args)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    f->server = server_start(args);
    f->a = wire_open(f->server, 2);
    f->b = wire_open(f->server, 2);
    f->c = wire_open(f->server, 2);
    f->members = server_sanitized() ? 100 * BATCH : 300 * BATCH;
    fill_big(f);
    *state = f;
    return 0;
}

static int setup(void **state)
{
    static const char *const args[] = {"--connection-threads", "1", NULL};

    return start(state, args);
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    wire_close(f->a);
    wire_close(f->b);
    wire_close(f->c);
    if (f->server) {
        server_stop(f->server);
    }
    free(f);
    return 0;
}

// Has `w` ask for the whole of "big" and read no more than the beginning: the command is then on a
// worker thread with the read lock, and stays there.
static void hold_big(struct fixture *f, struct wire *w)
{
    char header[32], want[32];
    size_t n = (size_t)snprintf(want, sizeof want, "*%d\r\n", f->members);

    wire_send(w, "SMEMBERS big");
    assert_int_equal(wire_read_raw(w, header, n), n);
    assert_memory_equal(header, want, n);
}

// Reads the rest.
static void read_rest(struct fixture *f, struct wire *w)
{
    size_t left = (size_t)f->members * (MEMBER_CHARS + 8); // "$100\r\n" member "\r\n"
    char *members = malloc(left);

    assert_non_null(members);
    assert_int_equal(wire_read_raw(w, members, left), left);
    assert_memory_equal(members, "$100\r\n0", 7);
    assert_memory_equal(members + left - 2, "\r\n", 2);
    free(members);
}

// A writer of the key waits, other connections of its thread and other keys do not, and neither do
// readers of the key; its pipeline goes on in order when the key is free.
static void test_parked_writer_holds_up_nobody(void **state)
{
    struct fixture *f = *state;
    int64_t parked = wire_info(f->c, "locks", "commands_parked");

    hold_big(f, f->a);
    assert_true(wire_send_literal(f->b, "SADD big new\r\nSISMEMBER big new\r\nSADD other x\r\n"));
    wait_until(wire_info(f->c, "locks", "commands_parked") == parked + 1, LIMIT_MS);
    // The reader does not read, so it is soon waited for no more: what follows may come after that.
    expect(f->c, ":1", "SADD another y");
    expect_match(f->c, ":*", "SCARD big");
    expect_reply(f->b, ":1");
    expect_reply(f->b, ":1");
    expect_reply(f->b, ":1");
    read_rest(f, f->a);
    expect(f->a, "PONG", "PING");
}

// Has `w` write-lock the key "held" until release_key(), on a worker thread.
static void hold_key(struct fixture *f, struct wire *w)
{
    int64_t keys = wire_int(f->c, "DBSIZE");

    assert_true(wire_send_literal(w, "MULTI\r\nSADD held x\r\nDEBUG SLEEP 1000\r\nEXEC\r\n"));
    // A key that is missing gets its entry, which is counted, when it is locked.
    wait_until(wire_int(f->c, "DBSIZE") == keys + 1, LIMIT_MS);
}

// Its client goes, which wakes the sleeper; `*w` is a new connection.
static void release_key(struct fixture *f, struct wire **w)
{
    wire_abort(*w);
    *w = wire_open(f->server, 2);
    wait_until(wire_info(f->c, "locks", "commands_moved_running") == 0, LIMIT_MS);
}

// A transaction waits for the keys of all its commands before the first one runs, and waits like
// any other command.
static void test_parked_transaction(void **state)
{
    struct fixture *f = *state;
    int64_t parked = wire_info(f->c, "locks", "commands_parked");

    hold_big(f, f->a);
    assert_true(wire_send_literal(f->b, "MULTI\r\nSADD t1 x\r\nSADD big one\r\nSADD t2 x\r\n"
                                        "SCARD t1\r\nEXEC\r\nEXISTS t1 t2\r\n"));
    expect_reply(f->b, "OK");
    for (int i = 0; i < 4; i++) {
        expect_reply(f->b, "QUEUED");
    }
    wait_until(wire_info(f->c, "locks", "commands_parked") == parked + 1, LIMIT_MS);
    expect(f->c, ":1", "SADD another z");
    read_rest(f, f->a);
    expect_reply(f->b, "[:1 :1 :1 :1]");
    expect_reply(f->b, ":2");
    expect(f->c, ":2", "DEL t1 t2");
    expect(f->c, ":1", "SREM big one");
    expect(f->c, ":1", "DEL another");
}

// Its client goes meanwhile: nothing of it has happened.
static void test_parked_transaction_without_client(void **state)
{
    struct fixture *f = *state;
    int64_t parked = wire_info(f->c, "locks", "commands_parked");
    struct wire *w = wire_open(f->server, 2);

    expect(w, "PONG", "PING"); // it is among the connected
    int64_t clients = wire_info(f->c, "clients", "connected_clients");

    hold_key(f, f->a);
    assert_true(wire_send_literal(w, "MULTI\r\nSADD t1 x\r\nSADD held one\r\nEXEC\r\n"));
    wait_until(wire_info(f->c, "locks", "commands_parked") == parked + 1, LIMIT_MS);
    wire_abort(w);
    wait_until(wire_info(f->c, "clients", "connected_clients") == clients - 1, LIMIT_MS);
    expect(f->c, ":0", "EXISTS t1");
    release_key(f, &f->a);
    expect(f->c, ":0", "SISMEMBER held one");
    expect(f->c, ":0", "EXISTS t1");
    expect(f->c, ":1", "DEL held");
}

// A long command makes a long transaction: it runs on a worker, and its loop goes on.
static void test_long_transaction(void **state)
{
    struct fixture *f = *state;
    int64_t begun = wire_commands_begun(f->c);

    assert_true(wire_send_literal(f->a, "MULTI\r\nSCARD big\r\nDEBUG SLEEP 1000\r\nEXEC\r\n"));
    wait_until(wire_commands_begun(f->c) > begun, LIMIT_MS);
    expect(f->b, "PONG", "PING");
    expect_match(f->c, ":*", "SCARD big");
    release_key(f, &f->a);
    expect(f->b, ":1", "SADD big two");
    expect(f->b, ":1", "SREM big two");
}

// A transaction has all commands in flight end only where it must, which makes them write their
// replies to memory: for SORT with BY, whose keys are not known, and not for any other.
static void test_sort_in_a_transaction_leaves_others_alone(void **state)
{
    struct fixture *f = *state;

    expect(f->b, ":3", "RPUSH numbers 3 1 2");
    expect(f->b, "OK", "SET weight_1 9");
    hold_big(f, f->a);
    expect(f->b, "OK", "MULTI");
    expect(f->b, "QUEUED", "SORT numbers LIMIT 0 2 DESC");
    expect(f->b, "QUEUED", "SORT numbers STORE sorted");
    expect(f->b, "[[\"3\" \"2\"] :3]", "EXEC");
    assert_int_equal(wire_info(f->c, "locks", "commands_moved_running"), 1);
    expect(f->b, "OK", "MULTI");
    expect(f->b, "QUEUED", "SORT numbers BY weight_*");
    expect(f->b, "[[\"2\" \"3\" \"1\"]]", "EXEC");
    wait_until(wire_info(f->c, "locks", "commands_moved_running") == 0, LIMIT_MS);
    read_rest(f, f->a);
}

// What a command on a worker thread has not been read of is bounded, as long as nobody needs its
// key.
static void test_reply_waits_for_its_reader(void **state)
{
    struct fixture *f = *state;
    long before = server_status_kb(f->server, "VmHWM");

    for (int i = 0; i < 3; i++) {
        hold_big(f, f->a);
        expect(f->c, ":1", "EXISTS big");
        read_rest(f, f->a);
    }
    if (!server_sanitized()) {
        assert_in_range(server_status_kb(f->server, "VmHWM"), 1, before + 16 * 1024);
    }
}

// Commands of one connection answer in order, whichever thread ran them.
static void test_order_across_threads(void **state)
{
    struct fixture *f = *state;
    char want[32];

    snprintf(want, sizeof want, ":%d", f->members);
    assert_true(wire_send_literal(
        f->a, "SET k 1\r\nSUNIONSTORE copy big\r\nSCARD copy\r\nINCR k\r\nSINTERCARD 2 big copy\r\n"
              "APPEND k 0\r\nDEL copy\r\nEXISTS copy\r\nSUNIONSTORE copy big k\r\nGET k\r\n"));
    expect_reply(f->a, "OK");
    expect_reply(f->a, want);
    expect_reply(f->a, want);
    expect_reply(f->a, ":2");
    expect_reply(f->a, want);
    expect_reply(f->a, ":2");
    expect_reply(f->a, ":1");
    expect_reply(f->a, ":0");
    expect_reply(f->a, "-WRONGTYPE Operation against a key holding the wrong kind of value");
    expect_reply(f->a, "\"20\"");
}

// A client that goes while its command only reads takes the command along.
static void test_reading_command_is_cancelled(void **state)
{
    struct fixture *f = *state;
    int64_t cancelled = wire_info(f->c, "locks", "commands_moved_cancelled");
    struct wire *gone = wire_open(f->server, 2);

    hold_big(f, gone);
    wire_close(gone);
    wait_until(wire_info(f->c, "locks", "commands_moved_cancelled") == cancelled + 1, LIMIT_MS);
    wait_until(wire_info(f->c, "clients", "connected_clients") == 3, LIMIT_MS);
    expect(f->c, ":1", "SADD big free-again");
}

// CLIENT KILL of a client whose command waits for a key: the command does not happen.
static void test_parked_command_is_killed(void **state)
{
    struct fixture *f = *state;
    struct wire *gone = wire_open(f->server, 2);
    long long id = wire_int(gone, "CLIENT ID");
    int64_t parked = wire_info(f->c, "locks", "commands_parked");

    expect(f->c, "OK", "CONFIG SET client-output-buffer-limit \"normal 0 0 0\"");
    hold_big(f, f->a);
    wire_send(gone, "DEL big");
    wait_until(wire_info(f->c, "locks", "commands_parked") == parked + 1, LIMIT_MS);
    expect(f->c, ":1", "CLIENT KILL ID %lld", id);
    expect_closed(gone);
    wire_close(gone);
    read_rest(f, f->a);
    expect_match(f->c, ":?*", "SCARD big");
}

// A peer that closes its sending side behind the request still gets the whole reply.
static void test_half_closed_peer_is_answered(void **state)
{
    struct fixture *f = *state;
    struct wire *w = wire_open(f->server, 2);
    char header[32], want[32];
    size_t n = (size_t)snprintf(want, sizeof want, "*%d\r\n", f->members);

    wire_send(w, "SMEMBERS big");
    wire_shutdown(w);
    assert_int_equal(wire_read_raw(w, header, n), n);
    assert_memory_equal(header, want, n);
    read_rest(f, w);
    expect_closed(w);
    wire_close(w);
}

// CLIENT REPLY OFF silences commands on worker threads as well.
static void test_silent_client(void **state)
{
    struct fixture *f = *state;

    assert_true(wire_send_literal(f->a, "CLIENT REPLY OFF\r\nSMEMBERS big\r\nCLIENT REPLY ON\r\n"));
    expect_reply(f->a, "OK");
    assert_true(wire_send_literal(f->a, "CLIENT REPLY SKIP\r\nSMEMBERS big\r\nPING\r\n"));
    expect_reply(f->a, "PONG");
}

// Commands of any shape that hold keys on a worker are known to whole-keyspace operations, also
// those whose keys are counted by an argument.
static void test_commands_with_keys_are_in_flight(void **state)
{
    static const char *const commands[] = {"SUNION big", "ZUNION 1 big"};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        struct wire *w = wire_open(f->server, 2);
        char first;

        wire_send(w, "%s", commands[i]);
        assert_int_equal(wire_read_raw(w, &first, 1), 1);
        assert_int_equal(first, '*');
        assert_int_equal(wire_info(f->c, "locks", "commands_in_flight"), 1);
        wire_close(w);
        wait_until(wire_info(f->c, "locks", "commands_in_flight") == 0, LIMIT_MS);
    }
    wire_send(f->a, "KEYS *"); // has none
    expect_reply(f->a, "[\"big\"]");
    assert_int_equal(wire_info(f->c, "locks", "commands_in_flight"), 0);
}

static void set_text(struct wire *w, const char *key, char fill, size_t len)
{
    char *text = malloc(len);
    struct bytes argv[] = {BYTES("SET"), {key, strlen(key)}, {text, len}};

    assert_non_null(text);
    memset(text, fill, len);
    expect_argv(w, "OK", 3, argv);
    free(text);
}

// What a command replies of a string that it takes away is the string, however long the reply takes
// and whatever becomes of the memory of strings that are gone.
static void test_replied_string_is_not_freed(void **state)
{
    static const char *const commands[] = {"GETSET text y",       "SET text y GET",
                                           "SET text y GET PX 1", "GETEX text EXAT 1",
                                           "GETEX text EX 100",   "GETDEL text"};
    enum { LEN = 16 << 20 };
    struct fixture *f = *state;
    char *got = malloc(LEN + 2);

    assert_non_null(got);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char header[16];

        set_text(f->c, "text", 'x', LEN);
        wire_send(f->a, "%s", commands[i]);
        assert_int_equal(wire_read_raw(f->a, header, 11), 11);
        assert_memory_equal(header, "$16777216\r\n", 11);
        wait_until(wire_info(f->c, "keylot", "retired_objects") == 0, LIMIT_MS);
        set_text(f->c, "other", 'z', LEN);
        assert_int_equal(wire_read_raw(f->a, got, LEN + 2), LEN + 2);
        for (size_t at = 0; at < LEN; at++) {
            if (got[at] != 'x') {
                fail_msg("%s: byte %zu is %02x", commands[i], at, (unsigned char)got[at]);
            }
        }
        expect(f->c, ":1", "DEL other");
    }
    free(got);
}

// However many members a command asks for, others are served.
static void test_endless_command(void **state)
{
    static const char *const commands[] = {
        "ZRANDMEMBER z -9223372036854775807", "ZRANDMEMBER z -4611686018427387904",
        "SRANDMEMBER big -9223372036854775807", "HRANDFIELD h -9223372036854775807",
        "HRANDFIELD h -4611686018427387903 WITHVALUES"};
    struct fixture *f = *state;

    expect(f->c, ":1", "ZADD z 1 a");
    expect(f->c, ":1", "HSET h a b");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        struct wire *gone = wire_open(f->server, 2);
        char first;
        wire_send(gone, "%s", commands[i]);
        assert_int_equal(wire_read_raw(gone, &first, 1), 1);
        assert_int_equal(wire_info(f->c, "locks", "commands_moved_running"), 1);
        wire_close(gone);
        wait_until(wire_info(f->c, "locks", "commands_moved_running") == 0, LIMIT_MS);
    }
}

// A second long command gets a thread of its own although the first one's has hardly woken up.
static void test_long_commands_run_side_by_side(void **state)
{
    struct fixture *f = *state;
    const size_t len = server_sanitized() ? 60000 : 200000;
    int64_t threads = wire_info(f->c, "keylot", "registered_threads");
    char want[32];

    set_text(f->c, "text", 'x', len);
    expect(f->c, ":1", "COPY text other");
    expect(f->c, "OK", "CONFIG SET proto-max-bulk-len 1000gb"); // which limits LCS
    snprintf(want, sizeof want, ":%zu", len);
    wire_send(f->a, "LCS text other LEN");
    wire_send(f->b, "LCS text other LEN");
    expect_reply(f->a, want);
    expect_reply(f->b, want);
    assert_int_equal(wire_info(f->c, "keylot", "registered_threads"), threads + 1);
}

// The time of DEBUG SLEEP ends when its client goes.
static void test_sleep_is_cancelled(void **state)
{
    struct fixture *f = *state;
    struct wire *gone = wire_open(f->server, 2);
    int64_t id = wire_int(gone, "CLIENT ID");

    wire_send(gone, "DEBUG SLEEP 1000");
    wait_until(wire_info(f->c, "locks", "commands_moved_running") == 1, LIMIT_MS);
    expect(f->c, ":1", "CLIENT KILL ID %lld", (long long)id);
    expect_closed(gone);
    wait_until(wire_info(f->c, "locks", "commands_moved_running") == 0, LIMIT_MS);
    wire_close(gone);
}

// Operations on whole databases wait for commands that hold keys, and let none begin meanwhile.
static void test_flush_beside_waiting_commands(void **state)
{
    struct fixture *f = *state;

    hold_big(f, f->a);
    wire_send(f->b, "FLUSHALL");
    expect(f->c, ":1", "SADD other x");
    read_rest(f, f->a);
    expect_reply(f->b, "OK");
    expect(f->c, ":0", "EXISTS big");
}

// A command that had to let the gate close begins again from the start, with nothing left of what
// its connection did before.
static void test_deferred_command_starts_over(void **state)
{
    struct fixture *f = *state;
    struct wire *flusher = wire_open(f->server, 2);
    char want[32];

    snprintf(want, sizeof want, ":%d", f->members);
    assert_true(wire_send_literal(f->b, "SUNIONSTORE elsewhere big\r\nPING\r\n"));
    expect_reply(f->b, want);
    expect_reply(f->b, "PONG");
    hold_big(f, f->a);
    int64_t begun = wire_commands_begun(f->c);
    wire_send(flusher, "FLUSHALL");
    // Soon the rest of the reply is written to memory, and FLUSHALL goes on; until then SADD is
    // deferred.
    wait_until(wire_commands_begun(f->c) > begun, LIMIT_MS);
    assert_true(wire_send_literal(f->b, "SADD big new\r\nSADD small x\r\n"));
    expect_reply(flusher, "OK");
    read_rest(f, f->a);
    expect_reply(f->b, ":1");
    expect_reply(f->b, ":1");
    // It came before the flush or after it; in the latter case it is where it is looked for.
    expect(f->c, wire_int(f->c, "EXISTS big") ? "[\"big\"]" : "[]", "KEYS big");
    wire_close(flusher);
}

// A pipeline that is stopped in the middle, by the end of the server, is answered as far as it has
// come.
static void test_end_in_the_middle_of_a_pipeline(void **state)
{
    struct fixture *f = *state;
    int64_t parked = wire_info(f->c, "locks", "commands_parked");

    hold_big(f, f->a);
    assert_true(wire_send_literal(f->b, "SADD big 1\r\nSADD s 1\r\nSADD s 2\r\nSADD s 3\r\n"));
    wait_until(wire_info(f->c, "locks", "commands_parked") == parked + 1, LIMIT_MS);
    assert_true(wire_send_literal(f->b, "SADD s 4\r\n"));
    assert_int_equal(kill(server_pid(f->server), SIGTERM), 0);
    for (int i = 0; i < 4; i++) {
        expect_reply(f->b, ":1");
    }
    read_rest(f, f->a);
    assert_int_equal(server_wait(f->server, LIMIT_MS), 0);
    f->server = NULL;
}

// The server ends while one command is parked and another one's client does not read.
static void test_shutdown_beside_waiting_commands(void **state)
{
    struct fixture *f = *state;
    int64_t parked = wire_info(f->c, "locks", "commands_parked");

    hold_big(f, f->a);
    wire_send(f->b, "SADD big new");
    wait_until(wire_info(f->c, "locks", "commands_parked") == parked + 1, LIMIT_MS);
}

// SLOWLOG tells where a command ran and how long it waited.
static void test_slowlog_tells(void **state)
{
    struct fixture *f = *state;

    expect(f->c, "OK", "CONFIG SET slowlog-log-slower-than 0");
    (void)wire_int(f->a, "SUNIONSTORE copy big");
    expect(f->c, "OK", "CONFIG SET slowlog-log-slower-than -1");
    expect_match(f->c, "*\"on-worker\" :1 \"command\" \"sunionstore\"*", "SLOWLOG DETAILS 10");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_parked_writer_holds_up_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parked_transaction, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parked_transaction_without_client, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_transaction, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sort_in_a_transaction_leaves_others_alone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_reply_waits_for_its_reader, setup, teardown),
        cmocka_unit_test_setup_teardown(test_order_across_threads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reading_command_is_cancelled, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parked_command_is_killed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_half_closed_peer_is_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_silent_client, setup, teardown),
        cmocka_unit_test_setup_teardown(test_commands_with_keys_are_in_flight, setup, teardown),
        cmocka_unit_test_setup_teardown(test_replied_string_is_not_freed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_endless_command, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_commands_run_side_by_side, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sleep_is_cancelled, setup, teardown),
        cmocka_unit_test_setup_teardown(test_flush_beside_waiting_commands, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deferred_command_starts_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_end_in_the_middle_of_a_pipeline, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shutdown_beside_waiting_commands, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slowlog_tells, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
