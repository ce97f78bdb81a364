// SPDX-License-Identifier: MIT
//
// Commands on whole databases: counting, emptying, exchanging.
#include <limits.h>

#include "resp/bytes.h"
#include "server/engine/cmd.h"
#include "server/engine/config.h"
#include "server/engine/store.h"
#include "server/engine/work.h"

/* DBSIZE  -> number of keys in the selected database */
static void cmd_dbsize(struct cmd_ctx *c)
{
    reply_int(c->reply, (int64_t)db_size(c->store, c->db));
}

// Whether the memory is to be freed before the answer; replies the error of an unknown option.
static bool parse_flush(struct cmd_ctx *c, bool *sync)
{
    if (c->argc == 1) {
        *sync = !atomic_load_explicit(&c->store->config->lazyfree_user_flush, memory_order_relaxed);
        return true;
    }
    *sync = cmd_arg_is(c, 1, "sync");
    if (c->argc == 2 && (*sync || cmd_arg_is(c, 1, "async")))
        return true;
    cmd_reply_syntax(c);
    return false;
}

// Empties a database, or all with db -1.
static void flush_command(struct cmd_ctx *c, int db)
{
    bool sync;

    if (!parse_flush(c, &sync))
        return;
    enum status status = db_flush(c, db, sync);
    if (status != STATUS_OK)
        cmd_reply_status(c, status);
    else
        reply_ok(c->reply);
}

/* FLUSHDB [ASYNC | SYNC] */
static void cmd_flushdb(struct cmd_ctx *c)
{
    flush_command(c, c->db);
}

/* FLUSHALL [ASYNC | SYNC] */
static void cmd_flushall(struct cmd_ctx *c)
{
    flush_command(c, -1);
}

// Argument `arg` as an int; replies `error` otherwise.
static bool parse_index(struct cmd_ctx *c, int arg, const char *error, int64_t *index)
{
    if (bytes_to_i64(c->argv[arg], index) && *index >= INT_MIN && *index <= INT_MAX)
        return true;
    reply_error(c->reply, error);
    return false;
}

/* SWAPDB index1 index2 */
static void cmd_swapdb(struct cmd_ctx *c)
{
    int64_t a, b;
    int ndbs = c->store->ndbs;

    if (!parse_index(c, 1, "invalid first DB index", &a) ||
        !parse_index(c, 2, "invalid second DB index", &b))
        return;
    if (a < 0 || a >= ndbs || b < 0 || b >= ndbs) {
        reply_error(c->reply, "DB index is out of range");
        return;
    }
    if (a != b)
        db_swap(c, (int)a, (int)b);
    reply_ok(c->reply);
}

// clang-format off
COMMANDS(database) = {
    {"dbsize", 1, NO_KEYS, LOCK_NONE, CMD_KEYSPACE | CMD_READONLY | CMD_FAST, cmd_dbsize, "",
     "1.0.0", "Counts the keys of the selected database.",
     .tips = "request_policy:all_shards response_policy:agg_sum"},
    {"flushall", -1, NO_KEYS, LOCK_NONE, CMD_KEYSPACE | CMD_WRITE | CMD_DANGEROUS | CMD_EXCLUSIVE,
     cmd_flushall, "[ASYNC | SYNC]", "1.0.0", "Deletes the keys of all databases.",
     .tips = "request_policy:all_shards response_policy:all_succeeded",
     .work = work_exclusive},
    {"flushdb", -1, NO_KEYS, LOCK_NONE, CMD_KEYSPACE | CMD_WRITE | CMD_DANGEROUS | CMD_EXCLUSIVE,
     cmd_flushdb, "[ASYNC | SYNC]", "1.0.0", "Deletes the keys of the selected database.",
     .tips = "request_policy:all_shards response_policy:all_succeeded",
     .work = work_exclusive},
    {"swapdb", 3, NO_KEYS, LOCK_NONE, CMD_KEYSPACE | CMD_WRITE | CMD_FAST | CMD_DANGEROUS | CMD_EXCLUSIVE,
     cmd_swapdb, "index1 index2", "4.0.0", "Exchanges the contents of two databases.",
     .work = work_exclusive},
    COMMANDS_END,
};
// clang-format on
