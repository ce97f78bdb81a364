// SPDX-License-Identifier: MIT
//
// SLOWLOG: the commands that took longest, waiting included. GET answers in Redis's form; DETAILS,
// which Redis does not have, tells where the time went.
#include "server/engine/slowlog.h"
#include "server/engine/cmd.h"
#include "server/engine/store.h"

enum { SHOWN_DEFAULT = 10 };

static void reply_args(struct cmd_ctx *c, const struct slowlog_entry *e)
{
    reply_array(c->reply, (size_t)e->argc);
    for (int i = 0; i < e->argc; i++)
        reply_bulk_bytes(c->reply, e->argv[i]);
}

static void reply_entry(struct cmd_ctx *c, const struct slowlog_entry *e)
{
    reply_array(c->reply, 6);
    reply_int(c->reply, (int64_t)e->id);
    reply_int(c->reply, e->unix_s);
    reply_int(c->reply, e->us);
    reply_args(c, e);
    reply_bulk_str(c->reply, e->addr);
    reply_bulk_bytes(c->reply, e->name);
}

static void reply_field(struct cmd_ctx *c, const char *name, int64_t value)
{
    reply_bulk_str(c->reply, name);
    reply_int(c->reply, value);
}

static void reply_text(struct cmd_ctx *c, const char *name, struct bytes text)
{
    reply_bulk_str(c->reply, name);
    reply_bulk_bytes(c->reply, text);
}

static void reply_details(struct cmd_ctx *c, const struct slowlog_entry *e)
{
    reply_map(c->reply, 12);
    reply_field(c, "id", (int64_t)e->id);
    reply_field(c, "time", e->unix_s);
    reply_field(c, "duration-us", e->us);
    reply_field(c, "lock-wait-us", e->lock_wait_us);
    reply_field(c, "queued-us", e->queued_us);
    reply_bulk_str(c->reply, "on-worker");
    reply_bool(c->reply, e->on_worker);
    reply_text(c, "command", bytes_of(e->cmd->full_name));
    reply_bulk_str(c->reply, "arguments");
    reply_args(c, e);
    reply_field(c, "db", e->db);
    reply_field(c, "client-id", (int64_t)e->client_id);
    reply_text(c, "client-addr", bytes_of(e->addr));
    reply_text(c, "client-name", e->name);
}

// Replies the newest entries, each by `fn`.
static void reply_newest(struct cmd_ctx *c,
                         void (*fn)(struct cmd_ctx *, const struct slowlog_entry *))
{
    struct slowlog_entry **entries;
    int64_t max = SHOWN_DEFAULT;

    if (c->argc > 3) {
        reply_errorf(c->reply,
                     "unknown subcommand or wrong number of arguments for '%.*s'. Try SLOWLOG "
                     "HELP.",
                     bytes_precision(c->argv[1]), c->argv[1].data);
        return;
    }
    if (c->argc == 3 && !cmd_arg_i64_range(c, 2, -1, INT64_MAX, &max,
                                           "count should be greater than or equal to -1"))
        return;
    ptrdiff_t n = slowlog_get(c->store, max, &entries);
    if (n < 0) {
        cmd_reply_status(c, STATUS_NO_MEMORY);
        return;
    }
    reply_array(c->reply, (size_t)n);
    for (ptrdiff_t i = 0; i < n; i++)
        fn(c, entries[i]);
    slowlog_put(c->store, entries, n);
}

static void cmd_slowlog_get(struct cmd_ctx *c)
{
    reply_newest(c, reply_entry);
}

static void cmd_slowlog_details(struct cmd_ctx *c)
{
    reply_newest(c, reply_details);
}

static void cmd_slowlog_len(struct cmd_ctx *c)
{
    reply_int(c->reply, (int64_t)slowlog_len(c->store));
}

static void cmd_slowlog_reset(struct cmd_ctx *c)
{
    slowlog_reset(c->store);
    reply_ok(c->reply);
}

static void cmd_slowlog_help(struct cmd_ctx *c)
{
    static const char *const LINES[] = {
        "DETAILS [<count>]",
        "    As GET, but maps that also tell how long the command waited for locks of keys and for",
        "    a worker thread, and whether it ran on one.",
        "GET [<count>]",
        "    The newest entries (default: 10, -1: all), newest first. Each is made of:",
        "    id, unix time, microseconds, array of arguments, client's address, client's name",
        "LEN",
        "    The number of entries.",
        "RESET",
        "    Remove all entries.",
        NULL,
    };
    cmd_reply_help(c, LINES);
}

enum {
    MANAGE = CMD_ADMIN | CMD_LOADING | CMD_STALE,
    HELP = CMD_LOADING | CMD_STALE,
};

// clang-format off
static const struct command subcommands[] = {
    {"details", -2, NO_KEYS, LOCK_NONE, MANAGE, cmd_slowlog_details, "[count]", "7.0.0",
     "The newest entries of the slow log, and where the time of each went.",
     .tips = "request_policy:all_nodes nondeterministic_output"},
    {"get", -2, NO_KEYS, LOCK_NONE, MANAGE, cmd_slowlog_get, "[count]", "2.2.12",
     "The newest entries of the slow log.",
     .tips = "request_policy:all_nodes nondeterministic_output"},
    {"help", 2, NO_KEYS, LOCK_NONE, HELP, cmd_slowlog_help, "", "6.2.0",
     "Lists the subcommands."},
    {"len", 2, NO_KEYS, LOCK_NONE, MANAGE, cmd_slowlog_len, "", "2.2.12",
     "The number of entries in the slow log.",
     .tips = "request_policy:all_nodes response_policy:agg_sum nondeterministic_output"},
    {"reset", 2, NO_KEYS, LOCK_NONE, MANAGE, cmd_slowlog_reset, "", "2.2.12",
     "Removes all entries of the slow log.",
     .tips = "request_policy:all_nodes response_policy:all_succeeded"},
    COMMANDS_END,
};

COMMANDS(slowlog) = {
    {"slowlog", -2, NO_KEYS, LOCK_NONE, 0, NULL, "", "2.2.12",
     "A container of commands about the slow log.", .subcommands = subcommands},
    COMMANDS_END,
};
// clang-format on
