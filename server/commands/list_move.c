// SPDX-License-Identifier: MIT
//
// List commands of several keys: LMOVE and RPOPLPUSH take from one list and give to another, LMPOP
// takes from the first list that has something.
#include <string.h>

#include "datatypes/list.h"
#include "datatypes/mem.h"
#include "server/engine/cmd.h"
#include "server/engine/list_ops.h"
#include "server/engine/work.h"

enum { ROTATE_COPY = 256 }; // longest element that is rotated without allocating

// ---- LMOVE ------------------------------------------------------------------------------------

// Moves an element within the list of key 0, through a copy, because pushing may move its bytes.
static enum status rotate(struct cmd_ctx *c, struct value list, struct bytes element,
                          enum chunk_side from, enum chunk_side to)
{
    char small[ROTATE_COPY], *copy = small;

    if (from == to || list_count(list) == 1) {
        key_set(c, 0, list); // as it is, but for WATCH a move is a change
        return STATUS_OK;
    }
    if (element.len > sizeof small && !(copy = mem_alloc(element.len)))
        return STATUS_NO_MEMORY;
    if (element.len > 0)
        memcpy(copy, element.data, element.len);
    enum status status = list_ops_push(c, 0, list, to, &(struct bytes){copy, element.len}, 1);
    if (status == STATUS_OK)
        list_ops_drop(c, 0, list, from, 1);
    if (copy != small)
        mem_free(copy);
    return status;
}

// Moves an element from the list of key 0 to that of key 1, if any, and replies it. The reply comes
// between the two halves, when nothing can fail any more and the element is still there.
static void move(struct cmd_ctx *c, enum chunk_side from, enum chunk_side to)
{
    struct value source, destination;
    struct chunk_element element;
    enum status status;

    source = key_get(c, 0);
    if (value_is_none(source)) {
        reply_null(c->reply);
        return;
    }
    if (!key_get_type(c, 0, TYPE_LIST, &source) || !key_get_type(c, 1, TYPE_LIST, &destination))
        return;
    bool same = source.bits == destination.bits;
    list_end(source, from, &element);
    struct bytes bytes = {element.data, element.len};
    if (same)
        status = rotate(c, source, bytes, from, to);
    else
        status = list_ops_push(c, 1, destination, to, &bytes, 1);
    if (status != STATUS_OK) {
        cmd_reply_status(c, status);
        return;
    }
    if (same)
        list_end(source, to, &element);
    cmd_reply_bulk(c, element.data, element.len);
    if (!same)
        list_ops_drop(c, 0, source, from, 1);
}

// The element is copied and replied.
static uint64_t move_work(struct cmd_ctx *c, enum chunk_side from)
{
    struct value source = key_peek(c, 0);

    if (value_type(source) != TYPE_LIST || list_count(source) == 0)
        return 1;
    return 2 * list_ops_range_work(c, source, from == CHUNK_FRONT ? 0 : list_count(source) - 1, 1);
}

/* LMOVE source destination LEFT | RIGHT LEFT | RIGHT  -> the element or nil */
static void cmd_lmove(struct cmd_ctx *c)
{
    enum chunk_side from, to;

    if (list_ops_side(c, 3, &from) && list_ops_side(c, 4, &to))
        move(c, from, to);
    else
        cmd_reply_syntax(c);
}

static uint64_t work_lmove(struct cmd_ctx *c)
{
    enum chunk_side from;

    return list_ops_side(c, 3, &from) ? move_work(c, from) : 1;
}

/* RPOPLPUSH source destination  -> the element or nil */
static void cmd_rpoplpush(struct cmd_ctx *c)
{
    move(c, CHUNK_BACK, CHUNK_FRONT);
}

static uint64_t work_rpoplpush(struct cmd_ctx *c)
{
    return move_work(c, CHUNK_BACK);
}

// ---- LMPOP ------------------------------------------------------------------------------------

struct lmpop_args {
    int64_t count;
    enum chunk_side side;
};

// Reads the arguments of LMPOP; returns the error's text or NULL.
static const char *parse_lmpop(const struct cmd_ctx *c, struct lmpop_args *args)
{
    static const char SYNTAX[] = "syntax error";
    int64_t n;

    *args = (struct lmpop_args){.count = 1};
    if (!bytes_to_i64(c->argv[1], &n) || n <= 0)
        return "numkeys should be greater than 0";
    if (n > c->argc - 2)
        return SYNTAX;
    int where = 2 + (int)n;
    if (where == c->argc || !list_ops_side(c, where, &args->side))
        return SYNTAX;
    if (where + 1 == c->argc)
        return NULL;
    if (where + 3 > c->argc || !cmd_arg_is(c, where + 1, "count"))
        return SYNTAX;
    if (!bytes_to_i64(c->argv[where + 2], &args->count) || args->count <= 0)
        return "count should be greater than 0";
    return where + 3 == c->argc ? NULL : SYNTAX; // COUNT only once
}

/* LMPOP numkeys key [key ...] LEFT | RIGHT [COUNT count]  -> [key, [element ...]] or nil */
static void cmd_lmpop(struct cmd_ctx *c)
{
    struct lmpop_args args;
    const char *error = parse_lmpop(c, &args);
    struct value list;

    if (error) {
        reply_error(c->reply, error);
        return;
    }
    for (int i = 0; i < c->nkeys; i++) {
        if (!key_get_type(c, i, TYPE_LIST, &list))
            return;
        if (value_is_none(list))
            continue;
        reply_array(c->reply, 2);
        reply_bulk_bytes(c->reply, key_name(c, i));
        list_ops_pop(c, i, list, args.side, (size_t)args.count);
        return;
    }
    reply_null_array(c->reply);
}

static uint64_t work_lmpop(struct cmd_ctx *c)
{
    struct lmpop_args args;

    if (parse_lmpop(c, &args))
        return 1;
    for (int i = 0; i < c->nkeys; i++) {
        struct value list = key_peek(c, i);
        if (value_type(list) != TYPE_LIST || list_count(list) == 0)
            continue;
        size_t count = list_count(list);
        size_t n = (uint64_t)args.count < count ? (size_t)args.count : count;
        size_t first = args.side == CHUNK_FRONT ? 0 : count - n;
        return (uint64_t)c->argc + list_ops_range_work(c, list, first, n);
    }
    return (uint64_t)c->argc;
}

// clang-format off
COMMANDS(list_move) = {
    {"lmove", 5, KEYS(1, 2, 1), LOCK_WRITE, CMD_DENYOOM | CMD_LOOK_AGAIN, cmd_lmove,
     "source destination <LEFT | RIGHT> <LEFT | RIGHT>", "6.2.0",
     "Moves an element from one list to another.",
     .key_use = "RW access delete", .rest_use = "RW insert", .work = work_lmove},
    {"lmpop", -4, NO_KEYS, LOCK_WRITE, CMD_LOOK_AGAIN, cmd_lmpop,
     "numkeys key [key ...] <LEFT | RIGHT> [COUNT count]", "7.0.0",
     "Takes elements from the first of several lists that has some.",
     .numkeys = 1, .key_use = "RW access delete", .work = work_lmpop},
    {"rpoplpush", 3, KEYS(1, 2, 1), LOCK_WRITE, CMD_DENYOOM | CMD_LOOK_AGAIN, cmd_rpoplpush,
     "source destination", "1.2.0", "Moves the last element of a list to the front of another.",
     .key_use = "RW access delete", .rest_use = "RW insert", .work = work_rpoplpush},
    COMMANDS_END,
};
// clang-format on
