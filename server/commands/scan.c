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

enum {
    SCAN_DEFAULT_COUNT = 10,
    SCAN_STEPS_PER_COUNT =
        10,                 // steps tried for each key wanted, so that a sparse table ends a call
    SCAN_INLINE_NAMES = 64, // names gathered without allocating
};

struct scan_filter {
    bool by_name, by_type;
    struct bytes pattern, type;
};

static bool filter_passes(const struct scan_filter *filter, struct bytes name, struct value v)
{
    if (filter->by_name && !glob_match(filter->pattern, name, false))
        return false;
    return !filter->by_type || bytes_equal_nocase(filter->type, value_type_name(v));
}

// The last MATCH counts; one that every name matches is none.
static void filter_by_name(struct scan_filter *filter, struct bytes pattern)
{
    filter->pattern = pattern;
    filter->by_name = !bytes_equal(pattern, BYTES("*"));
}

struct keys_walk {
    struct cmd_ctx *c;
    struct scan_filter filter;
    size_t n;
};

static void keys_visit(struct bytes name, struct value v, void *arg)
{
    struct keys_walk *walk = arg;

    if (!filter_passes(&walk->filter, name, v))
        return;
    reply_bulk(walk->c->reply, name.data, name.len);
    walk->n++;
}

/* KEYS pattern */
static void cmd_keys(struct cmd_ctx *c)
{
    struct keys_walk walk = {.c = c};
    size_t length = reply_deferred_begin(c->reply);
    uint64_t cursor = 0;

    filter_by_name(&walk.filter, c->argv[1]);
    do {
        cursor = db_scan(c, c->db, cursor, keys_visit, &walk);
    } while (cursor != 0);
    reply_deferred_array(c->reply, length, walk.n);
}

// A cursor as strtoul reads one: an optional sign, digits, nothing else; empty is 0. Clients send
// back what they got, so this only has to refuse what Redis refuses.
static bool parse_cursor(struct bytes text, uint64_t *cursor)
{
    bool negative = text.len > 0 && text.data[0] == '-';
    size_t i = negative || (text.len > 0 && text.data[0] == '+') ? 1 : 0;
    uint64_t n = 0;

    if (i > 0 && text.len == i)
        return false;
    for (; i < text.len; i++) {
        unsigned digit = (unsigned char)text.data[i] - (unsigned)'0';
        if (digit > 9 || __builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, digit, &n))
            return false;
    }
    *cursor = negative ? -n : n;
    return true;
}

struct scan_args {
    uint64_t cursor, count;
    struct scan_filter filter;
};

static bool parse_scan(struct cmd_ctx *c, struct scan_args *args)
{
    *args = (struct scan_args){.count = SCAN_DEFAULT_COUNT};
    if (!parse_cursor(c->argv[1], &args->cursor)) {
        reply_error(c->reply, "invalid cursor");
        return false;
    }
    for (int i = 2; i < c->argc; i += 2) {
        bool has_value = i + 1 < c->argc;
        int64_t count;

        if (has_value && cmd_arg_is(c, i, "count")) {
            if (!cmd_arg_i64(c, i + 1, &count))
                return false;
            if (count < 1) {
                cmd_reply_syntax(c);
                return false;
            }
            args->count = (uint64_t)count;
        } else if (has_value && cmd_arg_is(c, i, "match")) {
            filter_by_name(&args->filter, c->argv[i + 1]);
        } else if (has_value && cmd_arg_is(c, i, "type")) {
            args->filter.type = c->argv[i + 1];
            args->filter.by_type = true;
        } else {
            cmd_reply_syntax(c);
            return false;
        }
    }
    return true;
}

// Names that one SCAN answers. They are gathered because the cursor comes first in the reply.
struct scan_names {
    const struct scan_filter *filter;
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

static void scan_visit(struct bytes name, struct value v, void *arg)
{
    struct scan_names *list = arg;

    list->seen++;
    if (list->failed || !filter_passes(list->filter, name, v))
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
    struct scan_names list = {.filter = &args.filter, .cap = SCAN_INLINE_NAMES};
    char cursor[DIGITS_MAX];
    uint64_t steps;

    if (!parse_scan(c, &args))
        return;
    list.names = list.inline_names;
    if (__builtin_mul_overflow(args.count, SCAN_STEPS_PER_COUNT, &steps))
        steps = UINT64_MAX;
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
     "1.0.0", "Lists the keys whose names match a pattern."},
    {"randomkey", 1, NO_KEYS, LOCK_NONE, CMD_KEYSPACE | CMD_READONLY, cmd_randomkey, "", "1.0.0",
     "Names a random key of the selected database."},
    {"scan", -2, NO_KEYS, LOCK_NONE, CMD_KEYSPACE | CMD_READONLY, cmd_scan,
     "cursor [MATCH pattern] [COUNT count] [TYPE type]", "2.8.0",
     "Lists the keys of the selected database in steps."},
    COMMANDS_END,
};
// clang-format on
