// SPDX-License-Identifier: MIT
#include "tests/diff/pair.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/diff/compare.h"
#include "tests/diff/deviations.h"

enum { BATCH = 64, EXPIRED_US = 6000, SETTLE_MS = 3000 };

// The first connection speaks RESP2, the second RESP3.
static int protocol_of(int connection)
{
    return connection == 1 ? 3 : 2;
}

void diff_pair_open(struct diff_pair *pair, const struct wire_mode *mode, struct diff_peer *redis)
{
    *pair = (struct diff_pair){.mode = mode, .redis = redis};
    pair->keylot = server_start(mode->args);
    for (int i = 0; i <= DIFF_CONNECTIONS; i++) {
        for (int side = 0; side < DIFF_SIDES; side++) {
            struct wire *w =
                wire_dial(side == DIFF_KEYLOT ? server_port(pair->keylot) : diff_peer_port(redis));

            assert_non_null(w);
            *(i < DIFF_CONNECTIONS ? &pair->wires[side][i] : &pair->looking[side]) = w;
        }
    }
    for (const char *const *command = mode->commands; *command; command++) {
        expect(pair->looking[DIFF_KEYLOT], "OK", "%s", *command);
    }
}

void diff_pair_close(struct diff_pair *pair)
{
    for (int side = 0; side < DIFF_SIDES; side++) {
        for (int i = 0; i < DIFF_CONNECTIONS; i++) {
            wire_close(pair->wires[side][i]);
        }
        wire_close(pair->looking[side]);
    }
    for (int i = 0; i < DIFF_CONNECTIONS; i++) {
        free(pair->queued[i]);
    }
    server_stop(pair->keylot);
}

void diff_difference_free(struct diff_difference *difference)
{
    strbuf_free(&difference->keylot);
    strbuf_free(&difference->redis);
}

bool diff_found(struct diff_difference *difference, const char *keylot, const char *redis)
{
    strbuf_clear(&difference->keylot);
    strbuf_addf(&difference->keylot, "%s", keylot);
    strbuf_clear(&difference->redis);
    strbuf_addf(&difference->redis, "%s", redis);
    return true;
}

const char *diff_reply(struct wire *w)
{
    const char *text = wire_reply(w);

    return text ? text : "(closed)";
}

// Brings both servers to the same empty beginning.
static void reset(struct diff_pair *pair, bool small_limits)
{
    static const char *const LIMITS[][2] = {
        {"hash-max-listpack-entries 512", "hash-max-listpack-entries 6"},
        {"hash-max-listpack-value 64", "hash-max-listpack-value 20"},
        {"set-max-intset-entries 512", "set-max-intset-entries 6"},
        {"zset-max-listpack-entries 128", "zset-max-listpack-entries 6"},
        {"zset-max-listpack-value 64", "zset-max-listpack-value 20"},
        {"list-max-listpack-size -2", "list-max-listpack-size 3"},
        {"hll-sparse-max-bytes 3000", "hll-sparse-max-bytes 3000"},
    };
    enum { NLIMITS = sizeof(LIMITS) / sizeof(LIMITS[0]) };

    for (int side = 0; side < DIFF_SIDES; side++) {
        for (int i = 0; i < DIFF_CONNECTIONS; i++) {
            wire_send(pair->wires[side][i], "DISCARD");
            wire_send(pair->wires[side][i], "HELLO %d", protocol_of(i));
            wire_send(pair->wires[side][i], "UNWATCH");
            wire_send(pair->wires[side][i], "SELECT 0");
            wire_send(pair->wires[side][i], "CLIENT SETNAME ''");
        }
        for (size_t i = 0; i < NLIMITS; i++) {
            wire_send(pair->looking[side], "CONFIG SET %s", LIMITS[i][small_limits]);
        }
    }
    for (int side = 0; side < DIFF_SIDES; side++) {
        for (int i = 0; i < DIFF_CONNECTIONS; i++) {
            diff_reply(pair->wires[side][i]); // an error, if there was nothing to discard
            wire_protocol(pair->wires[side][i], protocol_of(i));
            diff_reply(pair->wires[side][i]);
            expect_reply(pair->wires[side][i], "OK");
            expect_reply(pair->wires[side][i], "OK");
            expect_reply(pair->wires[side][i], "OK");
        }
        for (size_t i = 0; i < NLIMITS; i++) {
            expect_reply(pair->looking[side], "OK");
        }
        expect(pair->looking[side], "OK", "FLUSHALL");
    }
    for (int i = 0; i < DIFF_CONNECTIONS; i++) {
        pair->queueing[i] = false;
        pair->protocol[i] = protocol_of(i);
    }
}

// ---- replies ----------------------------------------------------------------------------------

static void enqueue(struct diff_pair *pair, int connection, const struct diff_row *row)
{
    int n = pair->nqueued[connection]++;

    // Grows at each power of two.
    if ((n & (n - 1)) == 0) {
        pair->queued[connection] =
            realloc(pair->queued[connection], (n ? 2 * (size_t)n : 1) * sizeof(*pair->queued[0]));
        assert_non_null(pair->queued[connection]);
    }
    pair->queued[connection][n] = row;
}

// Which protocol the next replies are expected to be in; ANY: either, or both.
enum { ANY = 0 };

static void expect_protocol(struct diff_pair *pair, int connection, int protocol)
{
    for (int side = 0; side < DIFF_SIDES; side++) {
        wire_protocol(pair->wires[side][connection], protocol);
    }
}

static void speak(struct diff_pair *pair, int connection, int protocol)
{
    pair->protocol[connection] = protocol;
    expect_protocol(pair, connection, protocol);
}

static bool is_hello(const struct diff_row *row)
{
    return row->rule == DIFF_GREETING;
}

// Whether the reply may be of another protocol than those before, or of both: of HELLO, which may
// be in a transaction.
static bool may_switch(const struct diff_pair *pair, const struct diff_command *command)
{
    int connection = command->connection;

    if (pair->queueing[connection] && strcmp(command->row->name, "EXEC") == 0) {
        for (int i = 0; i < pair->nqueued[connection]; i++) {
            if (is_hello(pair->queued[connection][i])) {
                return true;
            }
        }
    }
    return is_hello(command->row);
}

// The protocol that the reply of HELLO names, if it is no error.
static void follow_hello(struct diff_pair *pair, int connection, const char *reply)
{
    const char *field = strstr(reply, "\"proto\"");

    if (field && (*reply == '[' || *reply == '{')) {
        speak(pair, connection, atoi(strpbrk(field + strlen("\"proto\""), "0123456789")));
    }
}

// The same in the array of an EXEC that was just replied.
static void follow_queued(struct diff_pair *pair, int connection)
{
    const struct strbuf *elements;
    size_t n = wire_elements(pair->wires[DIFF_REDIS][connection], &elements);

    for (size_t i = 0; i < n && i < (size_t)pair->nqueued[connection]; i++) {
        if (is_hello(pair->queued[connection][i])) {
            follow_hello(pair, connection, elements[i].data);
        }
    }
}

// Follows the connection in and out of transactions by what Redis replied.
static void follow(struct diff_pair *pair, const struct diff_command *command, const char *reply)
{
    int connection = command->connection;
    const char *name = command->row->name;

    if (strcmp(reply, "QUEUED") == 0) {
        enqueue(pair, connection, command->row);
    } else if (strcmp(name, "MULTI") == 0 && strcmp(reply, "OK") == 0) {
        pair->queueing[connection] = true;
        pair->nqueued[connection] = 0;
    } else if (strcmp(name, "EXEC") == 0 ||
               (strcmp(name, "DISCARD") == 0 && strcmp(reply, "OK") == 0)) {
        if (pair->queueing[connection] && strcmp(name, "EXEC") == 0) {
            follow_queued(pair, connection);
        }
        pair->queueing[connection] = false;
    } else if (strcmp(name, "RESET") == 0 && strcmp(reply, "RESET") == 0) {
        pair->queueing[connection] = false;
        speak(pair, connection, 2);
    } else if (is_hello(command->row)) {
        follow_hello(pair, connection, reply);
    }
}

static bool agree(const struct diff_row *row, struct bytes keylot, struct bytes redis)
{
    return diff_agree(row->rule, keylot, redis) || diff_deviates(row, keylot.data, redis.data);
}

// The replies in the array of an EXEC, each by the rule of its command.
static bool transactions_agree(struct diff_pair *pair, int connection)
{
    const struct strbuf *a, *b;
    size_t n = wire_elements(pair->wires[DIFF_KEYLOT][connection], &a);

    if (n != wire_elements(pair->wires[DIFF_REDIS][connection], &b) ||
        n != (size_t)pair->nqueued[connection]) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!agree(pair->queued[connection][i], (struct bytes){a[i].data, a[i].len},
                   (struct bytes){b[i].data, b[i].len})) {
            return false;
        }
    }
    return true;
}

static bool compare_replies(struct diff_pair *pair, const struct diff_command *command,
                            struct diff_difference *difference)
{
    const char *keylot, *redis;
    bool same;

    if (may_switch(pair, command)) {
        expect_protocol(pair, command->connection, ANY);
    }
    keylot = diff_reply(pair->wires[DIFF_KEYLOT][command->connection]);
    redis = diff_reply(pair->wires[DIFF_REDIS][command->connection]);
    same = agree(command->row, bytes_of(keylot), bytes_of(redis));
    expect_protocol(pair, command->connection, pair->protocol[command->connection]);
    if (!same && pair->queueing[command->connection] && strcmp(command->row->name, "EXEC") == 0) {
        same = transactions_agree(pair, command->connection);
    }
    follow(pair, command, redis);
    return !same && diff_found(difference, keylot, redis);
}

// ---- running ----------------------------------------------------------------------------------

static void send_to_both(struct diff_pair *pair, const struct diff_command *command)
{
    struct strbuf line = {0};

    if (command->form != DIFF_ARRAY) {
        diff_add_line(&line, command->form, command->argc, command->argv);
    }
    for (int side = 0; side < DIFF_SIDES; side++) {
        struct wire *w = pair->wires[side][command->connection];

        if (command->form == DIFF_ARRAY) {
            wire_send_argv(w, command->argc, command->argv);
        } else {
            wire_send_raw(w, line.data, line.len);
        }
    }
    strbuf_free(&line);
}

static bool alone(const struct diff_command *command)
{
    return command->row->rule >= DIFF_SCAN;
}

// Asks again as long as it takes, within limits.
static bool run_until_settled(struct diff_pair *pair, const struct diff_command *command,
                              struct diff_difference *difference)
{
    int64_t end = wire_clock_ms() + SETTLE_MS;

    for (;;) {
        send_to_both(pair, command);
        if (!compare_replies(pair, command, difference)) {
            return false;
        }
        if (wire_clock_ms() > end) {
            return true;
        }
        usleep(1000);
    }
}

static bool run_alone(struct diff_pair *pair, const struct diff_command *command,
                      struct diff_difference *difference)
{
    struct wire *wires[DIFF_SIDES] = {pair->wires[DIFF_KEYLOT][command->connection],
                                      pair->wires[DIFF_REDIS][command->connection]};
    bool differ;

    // Such a command would be queued, and its reply come elsewhere.
    if (pair->queueing[command->connection]) {
        return false;
    }
    switch (command->row->rule) {
    case DIFF_SCAN:
        return diff_run_scan(wires, command, difference);
    case DIFF_SILENT:
        return diff_run_silent(wires, command, difference);
    case DIFF_EXCHANGED:
        return diff_run_exchange(wires, command, difference);
    case DIFF_SETTLES:
        return run_until_settled(pair, command, difference);
    case DIFF_EXPIRING:
        send_to_both(pair, command);
        differ = compare_replies(pair, command, difference);
        usleep(EXPIRED_US);
        return differ;
    default:
        return diff_run_random(wires, command, difference);
    }
}

// Runs the pipeline of commands from..to - 1, of one connection.
static bool run_batch(struct diff_pair *pair, const struct diff_sequence *sequence, int from,
                      int to, struct diff_difference *difference)
{
    for (int i = from; i < to; i++) {
        send_to_both(pair, &sequence->commands[i]);
    }
    for (difference->at = from; difference->at < to; difference->at++) {
        if (compare_replies(pair, &sequence->commands[difference->at], difference)) {
            // So that the connections are good for a next run.
            for (int i = difference->at + 1; i < to; i++) {
                expect_protocol(pair, sequence->commands[i].connection, ANY);
                diff_reply(pair->wires[DIFF_KEYLOT][sequence->commands[i].connection]);
                diff_reply(pair->wires[DIFF_REDIS][sequence->commands[i].connection]);
            }
            return true;
        }
    }
    return false;
}

bool diff_run(struct diff_pair *pair, const struct diff_sequence *sequence,
              struct diff_difference *difference)
{
    int to;

    reset(pair, sequence->small_limits);
    for (int from = 0; from < sequence->n; from = to) {
        const struct diff_command *command = &sequence->commands[from];

        to = from + 1;
        if (alone(command)) {
            difference->at = from;
            if (run_alone(pair, command, difference)) {
                return true;
            }
            continue;
        }
        while (to < sequence->n && to - from < BATCH && !alone(&sequence->commands[to]) &&
               sequence->commands[to].connection == command->connection) {
            to++;
        }
        if (run_batch(pair, sequence, from, to, difference)) {
            return true;
        }
    }
    difference->at = sequence->n;
    return diff_states_differ(pair->looking, difference);
}
