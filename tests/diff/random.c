// SPDX-License-Identifier: MIT
//
// Commands whose replies are chance, and iterations: compared by what must hold of them.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tests/diff/compare.h"
#include "tests/diff/pair.h"

enum { ALL = 1000000, STEPS_MAX = 100000 };
#define KEPT "\"\\x01kept\"" // a key that no command names

static void add_argument(struct strbuf *line, struct bytes argument)
{
    strbuf_add(line, " ", 1);
    strbuf_add_quoted(line, argument.data, argument.len);
}

// Runs a command with this argument between two texts.
static void run_with(struct wire *w, const char *start, struct bytes argument, const char *rest)
{
    struct strbuf line = {0};

    strbuf_addf(&line, "%s", start);
    add_argument(&line, argument);
    strbuf_addf(&line, "%s", rest);
    wire_run(w, "%s", line.data);
    strbuf_free(&line);
}

// What the command may choose from, in its own form: all of it, asked of redis-server.
static void ask_for_all(struct wire *redis, const struct diff_command *command, struct strbuf *all)
{
    struct strbuf line = {0};

    strbuf_clear(all);
    if (command->argc < 2) {
        return;
    }
    strbuf_addf(&line, "%s", command->row->rule == DIFF_POP ? "SRANDMEMBER" : command->row->name);
    add_argument(&line, command->argv[1]);
    strbuf_addf(&line, " %d", ALL);
    for (int i = 3; i < command->argc; i++) {
        add_argument(&line, command->argv[i]);
    }
    strbuf_addf(all, "%s", wire_run(redis, "%s", line.data));
    strbuf_free(&line);
}

static struct diff_elements choices(const struct diff_command *command, struct bytes text)
{
    struct diff_elements all = diff_elements(text);

    if (command->argc > 3) {
        diff_join_pairs(&all);
    }
    return all;
}

// A single reply as a list of one.
static void make_single(struct diff_elements *elements, struct bytes text)
{
    elements->items = malloc(sizeof(text));
    assert_non_null(elements->items);
    elements->items[0] = text;
    elements->n = 1;
}

static bool chosen_well(const struct diff_command *command, struct bytes keylot, struct bytes redis,
                        const struct strbuf *all)
{
    struct diff_elements of_keylot = choices(command, keylot), of_redis = choices(command, redis),
                         of_all = choices(command, (struct bytes){all->data, all->len});
    bool repeating = command->argc > 2 && command->argv[2].len && *command->argv[2].data == '-';
    bool good = of_keylot.n == of_redis.n && *keylot.data == *redis.data;

    if (of_keylot.n < 0) {
        good = good && *keylot.data == '"';
        make_single(&of_keylot, keylot);
    }
    diff_sort(&of_all);
    diff_sort(&of_keylot);
    for (int i = 0; i < of_keylot.n; i++) {
        good = good && diff_contains(&of_all, of_keylot.items[i]);
    }
    if (!repeating) {
        int n = of_keylot.n;

        diff_drop_duplicates(&of_keylot);
        good = good && of_keylot.n == n;
    }
    free(of_keylot.items);
    free(of_redis.items);
    free(of_all.items);
    return good;
}

// Brings back the set that redis-server popped from, and removes what Keylot popped.
static void pop_the_same(struct wire *redis, const struct diff_command *command,
                         struct bytes popped)
{
    struct diff_elements members = diff_elements(popped);
    struct strbuf line = {0};

    if (members.n < 0) {
        make_single(&members, popped);
    }
    if (members.n > 0) {
        run_with(redis, "RENAME " KEPT, command->argv[1], "");
        strbuf_addf(&line, "SREM");
        add_argument(&line, command->argv[1]);
        for (int i = 0; i < members.n; i++) {
            strbuf_addf(&line, " %.*s", (int)members.items[i].len, members.items[i].data);
        }
        wire_run(redis, "%s", line.data);
        strbuf_free(&line);
    }
    free(members.items);
}

static bool key_exists(struct wire *redis, const char *quoted)
{
    return wire_int(redis, "EXISTS %s", quoted) == 1;
}

bool diff_run_random(struct wire *const wires[DIFF_SIDES], const struct diff_command *command,
                     struct diff_difference *difference)
{
    struct wire *redis = wires[DIFF_REDIS];
    bool pop = command->row->rule == DIFF_POP && command->argc > 1, good;
    struct strbuf all = {0}, keylot_text = {0}, redis_text = {0};

    if (command->row->rule != DIFF_ANY_KEY) {
        ask_for_all(redis, command, &all);
    }
    if (pop) {
        run_with(redis, "COPY", command->argv[1], " " KEPT " REPLACE");
    }
    for (int side = 0; side < DIFF_SIDES; side++) {
        wire_send_argv(wires[side], command->argc, command->argv);
    }
    strbuf_addf(&keylot_text, "%s", diff_reply(wires[DIFF_KEYLOT]));
    strbuf_addf(&redis_text, "%s", diff_reply(redis));
    struct bytes of_keylot = {keylot_text.data, keylot_text.len},
                 of_redis = {redis_text.data, redis_text.len};
    bool chosen = *of_redis.data == '"' || *of_redis.data == '[' || *of_redis.data == '~';

    if (!chosen) {
        good = bytes_compare(of_keylot, of_redis) == 0;
    } else if (command->row->rule == DIFF_ANY_KEY) {
        good = *of_keylot.data == '"' && key_exists(redis, of_keylot.data);
    } else {
        good = chosen_well(command, of_keylot, of_redis, &all);
    }
    if (pop && chosen && good) {
        pop_the_same(redis, command, of_keylot);
    }
    if (pop) {
        wire_run(redis, "DEL " KEPT);
    }
    if (!good) {
        diff_found(difference, keylot_text.data, redis_text.data);
    }
    strbuf_free(&all);
    strbuf_free(&keylot_text);
    strbuf_free(&redis_text);
    return !good;
}

// ---- DUMP and RESTORE -------------------------------------------------------------------------

static void read_payload(struct wire *w, struct bytes key, struct strbuf *payload)
{
    struct strbuf line = {0};
    const char *data;
    size_t len;

    strbuf_addf(&line, "DUMP");
    add_argument(&line, key);
    data = wire_text(w, &len, "%s", line.data);
    strbuf_clear(payload);
    strbuf_add(payload, data, len);
    strbuf_free(&line);
}

bool diff_run_exchange(struct wire *const wires[DIFF_SIDES], const struct diff_command *command,
                       struct diff_difference *difference)
{
    struct strbuf payload[DIFF_SIDES] = {{0}}, reply[DIFF_SIDES] = {{0}};
    bool same, both;

    for (int side = 0; side < DIFF_SIDES; side++) {
        wire_send_argv(wires[side], command->argc, command->argv);
        strbuf_addf(&reply[side], "%s", diff_reply(wires[side]));
    }
    both = *reply[DIFF_KEYLOT].data == '"' && *reply[DIFF_REDIS].data == '"';
    if (both) {
        for (int side = 0; side < DIFF_SIDES; side++) {
            read_payload(wires[side], command->argv[1], &payload[side]);
        }
        for (int side = 0; side < DIFF_SIDES; side++) {
            const struct strbuf *other = &payload[1 - side];
            struct bytes restore[] = {BYTES("RESTORE"),
                                      command->argv[1],
                                      BYTES("0"),
                                      {other->data, other->len},
                                      BYTES("REPLACE")};

            wire_send_argv(wires[side], 5, restore);
            strbuf_clear(&reply[side]);
            strbuf_addf(&reply[side], "%s", diff_reply(wires[side]));
        }
    }
    same = strcmp(reply[DIFF_KEYLOT].data, reply[DIFF_REDIS].data) == 0;
    if (!same) {
        diff_found(difference, reply[DIFF_KEYLOT].data, reply[DIFF_REDIS].data);
    }
    for (int side = 0; side < DIFF_SIDES; side++) {
        strbuf_free(&payload[side]);
        strbuf_free(&reply[side]);
    }
    return !same;
}

// ---- CLIENT REPLY -----------------------------------------------------------------------------

bool diff_run_silent(struct wire *const wires[DIFF_SIDES], const struct diff_command *command,
                     struct diff_difference *difference)
{
    enum { WORDS = 3 };
    const char *heard[DIFF_SIDES];

    if (command->argc <= WORDS) {
        return false;
    }
    for (int side = 0; side < DIFF_SIDES; side++) {
        bool off = toupper((unsigned char)*command->argv[2].data) == 'O';

        wire_send_argv(wires[side], WORDS, command->argv);
        wire_send_argv(wires[side], command->argc - WORDS, command->argv + WORDS);
        wire_send(wires[side], off ? "CLIENT REPLY ON" : "PING heard");
        heard[side] = diff_reply(wires[side]);
    }
    return strcmp(heard[DIFF_KEYLOT], heard[DIFF_REDIS]) != 0 &&
           diff_found(difference, heard[DIFF_KEYLOT], heard[DIFF_REDIS]);
}

// ---- iterations -------------------------------------------------------------------------------

// Appends the elements of a step's reply ["cursor" [...]] to a list that began with its bracket,
// and says where to go on. False: the reply is something else.
static bool take_step(const char *reply, bool pairs, struct strbuf *list, struct strbuf *cursor)
{
    struct diff_elements outer = diff_elements(bytes_of(reply)), inner;
    bool good = outer.n == 2;

    if (good) {
        // Without its quotes.
        strbuf_clear(cursor);
        strbuf_add(cursor, outer.items[0].data + 1, outer.items[0].len - 2);
        inner = diff_elements(outer.items[1]);
        if (pairs) {
            diff_join_pairs(&inner);
        }
        for (int i = 0; i < inner.n; i++) {
            strbuf_addf(list, "%s", list->len > 1 ? " " : "");
            strbuf_add(list, inner.items[i].data, inner.items[i].len);
        }
        free(inner.items);
    }
    free(outer.items);
    return good;
}

// Follows one server's cursors; what is neither error nor list ends the walk, as it was replied.
static void walk(struct wire *w, const struct diff_command *command, int cursor_at,
                 struct strbuf *result)
{
    struct bytes argv[DIFF_ARGS_MAX];
    struct strbuf list = {0}, cursor = {0};
    bool pairs = cursor_at == 2 && strcmp(command->row->name, "SSCAN") != 0;

    memcpy(argv, command->argv, (size_t)command->argc * sizeof(struct bytes));
    strbuf_addf(&list, "[");
    for (int i = 0; i < STEPS_MAX; i++) {
        const char *reply;

        wire_send_argv(w, command->argc, argv);
        reply = diff_reply(w);
        if (!take_step(reply, pairs, &list, &cursor)) {
            strbuf_clear(&list);
            strbuf_addf(&list, "%s", reply);
            break;
        }
        if (strcmp(cursor.data, "0") == 0) {
            strbuf_addf(&list, "]");
            break;
        }
        argv[cursor_at] = (struct bytes){cursor.data, cursor.len};
    }
    strbuf_clear(result);
    strbuf_add(result, list.data, list.len);
    strbuf_free(&list);
    strbuf_free(&cursor);
}

bool diff_run_scan(struct wire *const wires[DIFF_SIDES], const struct diff_command *command,
                   struct diff_difference *difference)
{
    int cursor_at = strcmp(command->row->name, "SCAN") == 0 ? 1 : 2;
    struct strbuf text[DIFF_SIDES] = {{0}};
    struct diff_elements elements[DIFF_SIDES];
    bool good, whole = command->argc > cursor_at && command->argv[cursor_at].len == 1 &&
                       *command->argv[cursor_at].data == '0';

    for (int side = 0; side < DIFF_SIDES; side++) {
        walk(wires[side], command, cursor_at, &text[side]);
        elements[side] = diff_elements((struct bytes){text[side].data, text[side].len});
        diff_sort(&elements[side]);
        diff_drop_duplicates(&elements[side]);
    }
    // From another cursor than 0 on, everybody may return something else.
    good = (!whole && elements[DIFF_KEYLOT].n >= 0 && elements[DIFF_REDIS].n >= 0) ||
           (elements[DIFF_KEYLOT].n >= 0 &&
            diff_elements_equal(&elements[DIFF_KEYLOT], &elements[DIFF_REDIS])) ||
           strcmp(text[DIFF_KEYLOT].data, text[DIFF_REDIS].data) == 0;
    if (!good) {
        diff_found(difference, text[DIFF_KEYLOT].data, text[DIFF_REDIS].data);
    }
    for (int side = 0; side < DIFF_SIDES; side++) {
        free(elements[side].items);
        strbuf_free(&text[side]);
    }
    return !good;
}
