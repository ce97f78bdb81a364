// SPDX-License-Identifier: MIT
//
// Walking a database without stopping anybody: KEYS, SCAN, RANDOMKEY. Names that the engine passes
// stay valid to the end of the step (cmd_step), whatever happens to the keys meanwhile.
#include "resp/bytes.h"
#include "server/engine/cmd.h"
#include "server/engine/glob.h"
#include "server/engine/scan_page.h"
#include "server/engine/work.h"

enum { KEYS_PER_BUCKET = 4 }; // or so: what a step of a walk is counted for

struct keys_walk {
    struct cmd_ctx *c;
    struct bytes pattern;
    bool all; // every name matches the pattern
    size_t n;
};

static void keys_visit(struct bytes name, struct value v, void *arg)
{
    struct keys_walk *walk = arg;

    (void)v;
    if (!walk->all && !glob_match(walk->pattern, name, false))
        return;
    reply_bulk(walk->c->reply, name.data, name.len);
    walk->n++;
}

/* KEYS pattern */
static void cmd_keys(struct cmd_ctx *c)
{
    struct keys_walk walk = {
        .c = c, .pattern = c->argv[1], .all = bytes_equal(c->argv[1], BYTES("*"))};
    size_t length = reply_deferred_begin(c->reply);
    uint64_t cursor = 0;

    do {
        cursor = db_scan(c, c->db, cursor, keys_visit, &walk);
    } while (cursor != 0 && cmd_step(c, KEYS_PER_BUCKET));
    reply_deferred_array(c->reply, length, walk.n);
}

static uint64_t keys_work(struct cmd_ctx *c)
{
    return db_size(c->store, c->db);
}

// Names are copied, because a long walk lets keys go whose names it has passed.
static void scan_visit(struct bytes name, struct value v, void *arg)
{
    struct scan_page *page = arg;
    const struct scan_args *args = page->args;

    if (!scan_page_wants(page, name.data, name.len) ||
        (args->by_type && !bytes_equal_nocase(args->type, value_type_name(v))))
        return;
    reply_bulk(&page->items, name.data, name.len);
    page->n++;
}

/* SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]  -> [next cursor, [key ...]] */
static void cmd_scan(struct cmd_ctx *c)
{
    struct scan_args args;
    struct scan_page page;

    if (!scan_args_cursor(c, 1, &args) || !scan_args_options_typed(c, 2, &args))
        return;
    scan_page_init(&page, c, &args);
    uint64_t cursor = args.cursor, steps = scan_args_steps(&args);
    do {
        cursor = db_scan(c, c->db, cursor, scan_visit, &page);
    } while (cursor != 0 && --steps > 0 && page.seen < args.count && !page.items.failed &&
             cmd_step(c, KEYS_PER_BUCKET));
    scan_page_reply(&page, c, cursor);
}

/* RANDOMKEY */
static void cmd_randomkey(struct cmd_ctx *c)
{
    struct bytes name;

    if (db_random_key(c, &name))
        reply_bulk(c->reply, name.data, name.len);
    else
        reply_null(c->reply);
}

// clang-format off
COMMANDS(scan) = {
    {"keys", 2, NO_KEYS, LOCK_NONE, CMD_KEYSPACE | CMD_READONLY | CMD_DANGEROUS, cmd_keys, "pattern",
     "1.0.0", "Lists the keys whose names match a pattern.",
     .tips = "request_policy:all_shards nondeterministic_output_order",
     .work = keys_work},
    {"randomkey", 1, NO_KEYS, LOCK_NONE, CMD_KEYSPACE | CMD_READONLY, cmd_randomkey, "", "1.0.0",
     "Names a random key of the selected database.",
     .tips = "request_policy:all_shards nondeterministic_output"},
    {"scan", -2, NO_KEYS, LOCK_NONE, CMD_KEYSPACE | CMD_READONLY, cmd_scan,
     "cursor [MATCH pattern] [COUNT count] [TYPE type]", "2.8.0",
     "Lists the keys of the selected database in steps.",
     .tips = "nondeterministic_output request_policy:special",
     .work = scan_args_work},
    COMMANDS_END,
};
// clang-format on
