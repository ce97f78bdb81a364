// SPDX-License-Identifier: MIT
//
// Commands on keys whatever they hold: deleting, testing, renaming, copying and moving.
#include <limits.h>

#include "resp/bytes.h"
#include "server/engine/cmd.h"
#include "server/engine/store.h"
#include "server/engine/work.h"

#define SAME_OBJECT_ERROR "source and destination objects are the same"
#define NO_KEY_ERROR      "no such key"
#define DB_RANGE_ERROR    "DB index is out of range"
#define INT_RANGE_ERROR   "value is out of range, value must between -2147483648 and 2147483647"

// The database that argument `arg` names; replies the error of an index that is none.
static bool parse_db(struct cmd_ctx *c, int arg, int *db)
{
    int64_t index;

    if (!cmd_arg_i64(c, arg, &index))
        return false;
    if (index < INT_MIN || index > INT_MAX) {
        reply_error(c->reply, INT_RANGE_ERROR);
        return false;
    }
    if (index < 0 || index >= c->store->ndbs) {
        reply_error(c->reply, DB_RANGE_ERROR);
        return false;
    }
    *db = (int)index;
    return true;
}

// The same for getkeys functions, which leave the error to the handler.
static bool peek_db(const struct cmd_ctx *c, int arg, int *db)
{
    int64_t index;

    if (!bytes_to_i64(c->argv[arg], &index) || index < 0 || index >= c->store->ndbs)
        return false;
    *db = (int)index;
    return true;
}

/* DEL key [key ...]  -> number of keys deleted.
 * UNLINK is the same: memory of what is deleted is always given back later. */
static void cmd_del(struct cmd_ctx *c)
{
    int64_t deleted = 0;

    for (int i = 0; i < c->nkeys; i++, cmd_step(c, 1))
        deleted += key_delete(c, i);
    reply_int(c->reply, deleted);
}

/* EXISTS key [key ...]  -> number of arguments that name a key */
static void cmd_exists(struct cmd_ctx *c)
{
    int64_t present = 0;

    for (int i = 0; i < c->nkeys && cmd_step(c, 1); i++)
        present += !value_is_none(key_peek(c, i));
    reply_int(c->reply, present);
}

/* TOUCH key [key ...]  -> the same, counting as a use of the keys */
static void cmd_touch(struct cmd_ctx *c)
{
    int64_t present = 0;

    for (int i = 0; i < c->nkeys && cmd_step(c, 1); i++)
        present += !value_is_none(key_get(c, i));
    reply_int(c->reply, present);
}

/* TYPE key */
static void cmd_type(struct cmd_ctx *c)
{
    reply_simple(c->reply, value_type_name(key_peek(c, 0)));
}

enum rename_result { RENAMED, RENAME_NO_KEY, RENAME_SAME_KEY, RENAME_OCCUPIED };

static enum rename_result rename_key(struct cmd_ctx *c, bool only_if_new)
{
    if (value_is_none(key_get(c, 0)))
        return RENAME_NO_KEY;
    if (bytes_equal(key_name(c, 0), key_name(c, 1)))
        return RENAME_SAME_KEY;
    if (only_if_new && !value_is_none(key_peek(c, 1)))
        return RENAME_OCCUPIED;
    key_set(c, 1, key_take(c, 0));
    return RENAMED;
}

/* RENAME key newkey */
static void cmd_rename(struct cmd_ctx *c)
{
    if (rename_key(c, false) == RENAME_NO_KEY)
        reply_error(c->reply, NO_KEY_ERROR);
    else
        reply_ok(c->reply);
}

/* RENAMENX key newkey  -> 1 renamed, 0 newkey exists */
static void cmd_renamenx(struct cmd_ctx *c)
{
    enum rename_result result = rename_key(c, true);

    if (result == RENAME_NO_KEY)
        reply_error(c->reply, NO_KEY_ERROR);
    else
        reply_int(c->reply, result == RENAMED);
}

struct copy_args {
    int db; // of the destination
    bool replace;
};

// Reads COPY's options. Without `reply_errors` (c is then asking for the keys only) it stays
// silent.
static bool parse_copy(struct cmd_ctx *c, struct copy_args *args, bool reply_errors)
{
    *args = (struct copy_args){.db = c->db};
    for (int i = 3; i < c->argc; i++) {
        if (cmd_arg_is(c, i, "replace")) {
            args->replace = true;
        } else if (cmd_arg_is(c, i, "db") && i + 1 < c->argc) {
            i++;
            if (reply_errors ? !parse_db(c, i, &args->db) : !peek_db(c, i, &args->db))
                return false;
        } else {
            if (reply_errors)
                cmd_reply_syntax(c);
            return false;
        }
    }
    return true;
}

static void copy_keys(struct cmd_ctx *c)
{
    struct copy_args args;

    // After a syntax error the handler answers; COMMAND GETKEYS wants the keys all the same.
    if (!parse_copy(c, &args, false))
        args.db = c->db;
    if (cmd_add_key(c, 1, c->db, LOCK_READ) >= 0)
        cmd_add_key(c, 2, args.db, LOCK_WRITE);
}

/* COPY source destination [DB index] [REPLACE]  -> 1 copied, 0 no source or destination exists */
static void cmd_copy(struct cmd_ctx *c)
{
    struct copy_args args;
    struct value source, copy;

    if (!parse_copy(c, &args, true))
        return;
    if (args.db == c->db && bytes_equal(c->argv[1], c->argv[2])) {
        reply_error(c->reply, SAME_OBJECT_ERROR);
        return;
    }
    source = key_get(c, 0);
    if (value_is_none(source) || (!args.replace && !value_is_none(key_peek(c, 1)))) {
        reply_int(c->reply, 0);
        return;
    }
    enum status status = value_copy(c->types, source, &copy);
    if (status != STATUS_OK) {
        cmd_reply_status(c, status);
        return;
    }
    key_set(c, 1, copy);
    reply_int(c->reply, 1);
}

static void move_keys(struct cmd_ctx *c)
{
    int db;

    if (cmd_add_key(c, 1, c->db, LOCK_WRITE) >= 0 && peek_db(c, 2, &db) && db != c->db)
        cmd_add_key(c, 1, db, LOCK_WRITE);
}

/* MOVE key db  -> 1 moved, 0 no such key or one of that name there */
static void cmd_move(struct cmd_ctx *c)
{
    int db;

    if (!parse_db(c, 2, &db))
        return;
    if (db == c->db) {
        reply_error(c->reply, SAME_OBJECT_ERROR);
        return;
    }
    bool movable = !value_is_none(key_get(c, 0)) && value_is_none(key_peek(c, 1));
    if (movable)
        key_set(c, 1, key_take(c, 0));
    reply_int(c->reply, movable);
}

// clang-format off
COMMANDS(generic) = {
    {"copy", -3, KEYS(1, 2, 1), LOCK_WRITE, CMD_KEYSPACE | CMD_DENYOOM | CMD_LOOK_AGAIN, cmd_copy,
     "source destination [DB destination-db] [REPLACE]", "6.2.0",
     "Copies a key's value to another key, also of another database.", .getkeys = copy_keys,
     .key_use = "RO access", .rest_use = "OW update",
     .work = work_all_keys},
    {"del", -2, KEYS(1, -1, 1), LOCK_WRITE, CMD_KEYSPACE, cmd_del, "key [key ...]", "1.0.0",
     "Deletes keys.",
     .key_use = "RM delete", .tips = "request_policy:multi_shard response_policy:agg_sum",
     .work = work_args},
    {"exists", -2, KEYS(1, -1, 1), LOCK_NONE, CMD_KEYSPACE | CMD_FAST, cmd_exists,
     "key [key ...]", "1.0.0", "Counts which of the keys exist.",
     .key_use = "RO", .tips = "request_policy:multi_shard response_policy:agg_sum",
     .work = work_args},
    {"move", 3, KEYS(1, 1, 1), LOCK_WRITE, CMD_KEYSPACE | CMD_FAST, cmd_move, "key db", "1.0.0",
     "Moves a key to another database.", .getkeys = move_keys},
    {"rename", 3, KEYS(1, 2, 1), LOCK_WRITE, CMD_KEYSPACE, cmd_rename, "key newkey", "1.0.0",
     "Gives a key another name, replacing what had it.",
     .key_use = "RW access delete", .rest_use = "OW update"},
    {"renamenx", 3, KEYS(1, 2, 1), LOCK_WRITE, CMD_KEYSPACE | CMD_FAST, cmd_renamenx,
     "key newkey", "1.0.0", "Gives a key another name unless that is taken.",
     .key_use = "RW access delete", .rest_use = "OW insert"},
    {"touch", -2, KEYS(1, -1, 1), LOCK_NONE, CMD_KEYSPACE | CMD_FAST, cmd_touch,
     "key [key ...]", "3.2.1", "Counts which of the keys exist, as a use of them.",
     .key_use = "RO", .tips = "request_policy:multi_shard response_policy:agg_sum",
     .work = work_args},
    {"type", 2, KEYS(1, 1, 1), LOCK_NONE, CMD_KEYSPACE | CMD_FAST, cmd_type, "key", "1.0.0",
     "Names the type of a key's value.",
     .key_use = "RO"},
    {"unlink", -2, KEYS(1, -1, 1), LOCK_WRITE, CMD_KEYSPACE | CMD_FAST, cmd_del,
     "key [key ...]", "4.0.0", "Deletes keys, giving their memory back in the background.",
     .key_use = "RM delete", .tips = "request_policy:multi_shard response_policy:agg_sum",
     .work = work_args},
    COMMANDS_END,
};
// clang-format on
