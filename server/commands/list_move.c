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

    if (from == to || list_count(list) == 1)
        return STATUS_OK;
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

// Moves an element from the list of key 0 to that of key 1, if any, and replies it.
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
    list_end(source, from, &element);
    struct bytes bytes = {element.data, element.len};
    size_t mark = reply_mark(c->reply);
    reply_bulk_bytes(c->reply, bytes);
    if (source.bits == destination.bits)
        status = rotate(c, source, bytes, from, to);
    else
        status = list_ops_push(c, 1, destination, to, &bytes, 1);
    if (status != STATUS_OK) {
        reply_truncate(c->reply, mark);
        cmd_reply_status(c, status);
    } else if (source.bits != destination.bits) {
        list_ops_drop(c, 0, source, from, 1);
    }
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

/* RPOPLPUSH source destination  -> the element or nil */
static void cmd_rpoplpush(struct cmd_ctx *c)
{
    move(c, CHUNK_BACK, CHUNK_FRONT);
}

// ---- LMPOP ------------------------------------------------------------------------------------

struct lmpop_args {
    int64_t nkeys, count;
    enum chunk_side side;
};

// Reads the arguments of LMPOP; returns the error's text or NULL. The number of keys is good
// whenever it is more than 0.
static const char *parse_lmpop(const struct cmd_ctx *c, struct lmpop_args *args)
{
    static const char SYNTAX[] = "syntax error";
    int64_t n;

    *args = (struct lmpop_args){.count = 1};
    if (!bytes_to_i64(c->argv[1], &n) || n <= 0)
        return "numkeys should be greater than 0";
    if (n > c->argc - 2)
        return SYNTAX;
    args->nkeys = n;
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

static void lmpop_keys(struct cmd_ctx *c)
{
    struct lmpop_args args;

    (void)parse_lmpop(c, &args); // the handler answers the error
    for (int i = 0; i < args.nkeys; i++) {
        if (cmd_add_key(c, 2 + i, c->db, LOCK_WRITE) < 0)
            return;
    }
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

    if (parse_lmpop(c, &args) || args.count == 1)
        return (uint64_t)c->argc;
    uint64_t all = work_all_keys(c);
    return (uint64_t)c->argc + ((uint64_t)args.count < all ? (uint64_t)args.count : all);
}

// clang-format off
COMMANDS(list_move) = {
    {"lmove", 5, KEYS(1, 2, 1), LOCK_WRITE, CMD_DENYOOM, cmd_lmove,
     "source destination <LEFT | RIGHT> <LEFT | RIGHT>", "6.2.0",
     "Moves an element from one list to another.",
     .key_use = "RW access delete", .rest_use = "RW insert"},
    {"lmpop", -4, NO_KEYS, LOCK_WRITE, 0, cmd_lmpop,
     "numkeys key [key ...] <LEFT | RIGHT> [COUNT count]", "7.0.0",
     "Takes elements from the first of several lists that has some.",
     .getkeys = lmpop_keys, .key_use = "RW access delete", .work = work_lmpop},
    {"rpoplpush", 3, KEYS(1, 2, 1), LOCK_WRITE, CMD_DENYOOM, cmd_rpoplpush, "source destination",
     "1.2.0", "Moves the last element of a list to the front of another.",
     .key_use = "RW access delete", .rest_use = "RW insert"},
    COMMANDS_END,
};
// clang-format on
