// SPDX-License-Identifier: MIT
//
// Walking a database without stopping anybody: KEYS, SCAN, RANDOMKEY. Names that the engine passes
// stay valid to the end of the command, whatever happens to the keys meanwhile.
#include <string.h>

#include "datatypes/mem.h"
#include "resp/bytes.h"
#include "resp/digits.h"
#include "server/engine/cmd.h"
#include "server/engine/glob.h"
#include "server/engine/scan_args.h"

enum { SCAN_INLINE_NAMES = 64 }; // names that SCAN gathers without allocating

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
    } while (cursor != 0);
    reply_deferred_array(c->reply, length, walk.n);
}

// Names that one SCAN answers. They are gathered because the cursor comes first in the reply.
struct scan_names {
    const struct scan_args *args;
    uint64_t seen; // keys passed, those that the filter refuses included
    size_t n, cap;
    bool failed; // an allocation failed
    struct bytes *names;
    struct bytes inline_names[SCAN_INLINE_NAMES];
};

static bool names_grow(struct scan_names *list)
{
    size_t cap = list->cap * 2;
    bool was_inline = list->names == list->inline_names;
    struct bytes *grown = mem_realloc(was_inline ? NULL : list->names, cap * sizeof(*grown));

    if (!grown)
        return false;
    if (was_inline)
        memcpy(grown, list->inline_names, sizeof(list->inline_names));
    list->names = grown;
    list->cap = cap;
    return true;
}

// Whether the options ask for the key.
static bool scan_wants(const struct scan_args *args, struct bytes name, struct value v)
{
    return scan_args_match(args, name.data, name.len) &&
           (!args->by_type || bytes_equal_nocase(args->type, value_type_name(v)));
}

static void scan_visit(struct bytes name, struct value v, void *arg)
{
    struct scan_names *list = arg;

    list->seen++;
    if (list->failed || !scan_wants(list->args, name, v))
        return;
    if (list->n == list->cap && !names_grow(list)) {
        list->failed = true;
        return;
    }
    list->names[list->n++] = name;
}

/* SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]  -> [next cursor, [key ...]] */
static void cmd_scan(struct cmd_ctx *c)
{
    struct scan_args args;
    struct scan_names list = {.args = &args, .cap = SCAN_INLINE_NAMES};
    char cursor[DIGITS_MAX];

    if (!scan_args_cursor(c, 1, &args) || !scan_args_options_typed(c, 2, &args))
        return;
    list.names = list.inline_names;
    uint64_t steps = scan_args_steps(&args);
    do {
        args.cursor = db_scan(c, c->db, args.cursor, scan_visit, &list);
    } while (args.cursor != 0 && --steps > 0 && list.seen < args.count && !list.failed);

    if (list.failed) {
        cmd_reply_status(c, STATUS_NO_MEMORY);
    } else {
        reply_array(c->reply, 2);
        reply_bulk(c->reply, cursor, digits_write_u64(cursor, args.cursor));
        reply_array(c->reply, list.n);
        for (size_t i = 0; i < list.n; i++)
            reply_bulk(c->reply, list.names[i].data, list.names[i].len);
    }
    if (list.names != list.inline_names)
        mem_free(list.names);
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
     .tips = "request_policy:all_shards nondeterministic_output_order"},
    {"randomkey", 1, NO_KEYS, LOCK_NONE, CMD_KEYSPACE | CMD_READONLY, cmd_randomkey, "", "1.0.0",
     "Names a random key of the selected database.",
     .tips = "request_policy:all_shards nondeterministic_output"},
    {"scan", -2, NO_KEYS, LOCK_NONE, CMD_KEYSPACE | CMD_READONLY, cmd_scan,
     "cursor [MATCH pattern] [COUNT count] [TYPE type]", "2.8.0",
     "Lists the keys of the selected database in steps.",
     .tips = "nondeterministic_output request_policy:special"},
    COMMANDS_END,
};
// clang-format on
