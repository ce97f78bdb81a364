// SPDX-License-Identifier: MIT
//
// MEMORY: what keys and the server occupy.
#include "datatypes/mem.h"
#include "server/engine/client.h"
#include "server/engine/cmd.h"
#include "server/engine/entry.h"
#include "server/engine/rates.h"
#include "server/engine/store.h"

enum {
    USAGE_SAMPLES = 5,   // members of a collection that MEMORY USAGE looks at
    DICT_SLOT_BYTES = 8, // what an entry takes in the keyspace's table, at least
};

// The key's own entry, without its value.
static size_t entry_size(struct bytes key)
{
    size_t nbytes = sizeof(struct entry) + key.len;

    if (key.len >= ENTRY_LONG_KEY)
        nbytes += sizeof(uint32_t);
    return mem_good_size(nbytes) + DICT_SLOT_BYTES;
}

static void cmd_memory_usage(struct cmd_ctx *c)
{
    int64_t samples = USAGE_SAMPLES;

    for (int i = 3; i < c->argc; i += 2) {
        if (!cmd_arg_is(c, i, "samples") || i + 1 == c->argc) {
            cmd_reply_syntax(c);
            return;
        }
        if (!cmd_arg_i64(c, i + 1, &samples))
            return;
        if (samples < 0) {
            cmd_reply_syntax(c);
            return;
        }
    }
    struct value v = key_peek(c, 0);
    if (value_is_none(v))
        reply_null(c->reply);
    else
        reply_int(c->reply,
                  (int64_t)(entry_size(key_name(c, 0)) + value_memory(v, (size_t)samples)));
}

// ---- MEMORY STATS -----------------------------------------------------------------------------

static void add_client_memory(struct client *client, void *arg)
{
    int64_t *sum = arg;
    *sum += (int64_t)atomic_load_explicit(&client->memory, memory_order_relaxed);
}

static void reply_field(struct cmd_ctx *c, const char *name, int64_t value)
{
    reply_bulk_str(c->reply, name);
    reply_int(c->reply, value);
}

static void reply_ratio(struct cmd_ctx *c, const char *name, double value)
{
    reply_bulk_str(c->reply, name);
    reply_double(c->reply, value);
}

static void cmd_memory_stats(struct cmd_ctx *c)
{
    int64_t used = (int64_t)mem_used(), resident = (int64_t)mem_resident(), clients = 0, keys = 0;
    int64_t startup = (int64_t)rates_memory_startup(c->store);
    int64_t peak = (int64_t)rates_memory_peak(c->store);

    client_each(c->store, add_client_memory, &clients);
    for (int db = 0; db < c->store->ndbs; db++)
        keys += (int64_t)db_size(c->store, db);
    int64_t overhead = startup + clients;
    int64_t dataset = used > overhead ? used - overhead : 0;
    int64_t grown = used > startup ? used - startup : 0;

    reply_map(c->reply, 13);
    reply_field(c, "peak.allocated", peak);
    reply_field(c, "total.allocated", used);
    reply_field(c, "startup.allocated", startup);
    reply_field(c, "clients.normal", clients);
    reply_field(c, "overhead.total", overhead);
    reply_field(c, "keys.count", keys);
    reply_field(c, "keys.bytes-per-key", keys ? grown / keys : 0);
    reply_field(c, "dataset.bytes", dataset);
    reply_ratio(c, "dataset.percentage", grown ? 100.0 * (double)dataset / (double)grown : 0);
    reply_ratio(c, "peak.percentage", peak ? 100.0 * (double)used / (double)peak : 0);
    reply_field(c, "allocator.allocated", used);
    reply_field(c, "allocator.resident", resident);
    reply_ratio(c, "allocator-rss.ratio", used ? (double)resident / (double)used : 0);
}

static void cmd_memory_help(struct cmd_ctx *c)
{
    static const char *const LINES[] = {
        "STATS",
        "    Where the server's memory goes.",
        "USAGE <key> [SAMPLES <count>]",
        "    Bytes that <key> and its value occupy. Of a collection <count> members are looked",
        "    at (default: 5, 0: all).",
        NULL,
    };
    cmd_reply_help(c, LINES);
}

// clang-format off
static const struct command subcommands[] = {
    {"help", 2, NO_KEYS, LOCK_NONE, CMD_LOADING | CMD_STALE, cmd_memory_help, "", "4.0.0",
     "Lists the subcommands."},
    {"stats", 2, NO_KEYS, LOCK_NONE, 0, cmd_memory_stats, "", "4.0.0",
     "Where the server's memory goes.",
     .tips = "nondeterministic_output request_policy:all_shards response_policy:special"},
    {"usage", -3, KEYS(2, 2, 1), LOCK_READ, 0, cmd_memory_usage, "key [SAMPLES count]", "4.0.0",
     "The bytes that a key and its value occupy.",
     .key_use = "RO"},
    COMMANDS_END,
};

COMMANDS(memory) = {
    {"memory", -2, NO_KEYS, LOCK_NONE, 0, NULL, "", "4.0.0",
     "A container of commands about memory.", .subcommands = subcommands},
    COMMANDS_END,
};
