// SPDX-License-Identifier: MIT
//
// Set commands that combine several sets: intersection, union, difference. A result that is stored
// is built aside and takes its key's place in one store, so no reader sees a part of it.
#include "datatypes/mem.h"
#include "datatypes/set.h"
#include "server/engine/cmd.h"
#include "server/engine/set_algebra.h"
#include "server/engine/set_reply.h"
#include "server/engine/work.h"

enum { INLINE_SETS = 32 }; // operands that are listed without allocating

struct operands {
    struct value *sets;
    size_t n;
    struct value few[INLINE_SETS];
};

// Collects the sets of the keys from `first` on; false: an error was replied and there is nothing
// to free.
static bool operands_init(struct operands *o, struct cmd_ctx *c, int first)
{
    o->sets = o->few;
    o->n = (size_t)(c->nkeys - first);
    if (o->n > INLINE_SETS) {
        o->sets = mem_alloc(o->n * sizeof *o->sets);
        if (!o->sets) {
            cmd_reply_status(c, STATUS_NO_MEMORY);
            return false;
        }
    }
    for (size_t i = 0; i < o->n; i++) {
        if (!key_get_type(c, first + (int)i, TYPE_SET, &o->sets[i])) {
            if (o->sets != o->few)
                mem_free(o->sets);
            return false;
        }
    }
    return true;
}

static void operands_free(struct operands *o)
{
    if (o->sets != o->few)
        mem_free(o->sets);
}

struct reply_taker {
    struct reply *reply;
    size_t n;
};

static bool take_to_reply(const char *member, size_t len, void *arg)
{
    struct reply_taker *to = arg;

    reply_bulk(to->reply, member, len);
    to->n++;
    return true;
}

// Makes `result` (private, or absent) the value of key 0 and replies its size.
static void store_result(struct cmd_ctx *c, enum status status, struct value result)
{
    if (status != STATUS_OK) {
        cmd_reply_status(c, status);
    } else if (value_is_none(result)) {
        key_delete(c, 0);
        reply_int(c->reply, 0);
    } else {
        size_t count = set_count(result); // the set is the key's from key_set() on
        key_set(c, 0, result);
        reply_int(c->reply, (int64_t)count);
    }
}

/* SINTER key [key ...] */
static void cmd_sinter(struct cmd_ctx *c)
{
    struct reply_taker to = {.reply = c->reply};
    struct operands o;

    if (!operands_init(&o, c, 0))
        return;
    size_t at = reply_deferred_begin(c->reply);
    set_inter(c, o.sets, o.n, take_to_reply, &to);
    reply_deferred_set(c->reply, at, to.n);
    operands_free(&o);
}

/* SINTERSTORE destination key [key ...]  -> size of the result */
static void cmd_sinterstore(struct cmd_ctx *c)
{
    struct set_builder b = {.types = c->types, .set = VALUE_ABSENT, .status = STATUS_OK};
    struct operands o;

    if (!operands_init(&o, c, 1))
        return;
    set_inter(c, o.sets, o.n, set_builder_take, &b);
    operands_free(&o);
    store_result(c, b.status, b.set);
}

static bool parse_sintercard(struct cmd_ctx *c, int64_t *limit)
{
    int64_t numkeys;

    *limit = 0;
    if (!cmd_arg_i64_range(c, 1, 1, INT64_MAX, &numkeys, "numkeys should be greater than 0"))
        return false;
    if (numkeys > c->argc - 2) {
        reply_error(c->reply, "Number of keys can't be greater than number of args");
        return false;
    }
    for (int i = 2 + (int)numkeys; i < c->argc; i += 2) {
        if (!cmd_arg_is(c, i, "limit") || i + 1 == c->argc) {
            cmd_reply_syntax(c);
            return false;
        }
        if (!cmd_arg_i64_range(c, i + 1, 0, INT64_MAX, limit, "LIMIT can't be negative"))
            return false;
    }
    return true;
}

struct limited_count {
    int64_t n, limit; // limit 0: none
};

static bool take_to_count(const char *member, size_t len, void *arg)
{
    struct limited_count *count = arg;

    (void)member;
    (void)len;
    return ++count->n != count->limit;
}

/* SINTERCARD numkeys key [key ...] [LIMIT limit]  -> size of the intersection, at most the limit */
static void cmd_sintercard(struct cmd_ctx *c)
{
    struct limited_count count = {.n = 0};
    struct operands o;

    if (!parse_sintercard(c, &count.limit) || !operands_init(&o, c, 0))
        return;
    set_inter(c, o.sets, o.n, take_to_count, &count);
    operands_free(&o);
    reply_int(c->reply, count.n);
}

/* SUNION key [key ...] */
static void cmd_sunion(struct cmd_ctx *c)
{
    struct operands o;
    struct value result = VALUE_ABSENT;

    if (!operands_init(&o, c, 0))
        return;
    enum status status = set_union(c, o.sets, o.n, &result);
    operands_free(&o);
    if (status != STATUS_OK) {
        cmd_reply_status(c, status);
        return;
    }
    set_reply_whole(c, result);
    if (!value_is_none(result))
        value_retire(c->types, result); // in slices, if it is large
}

/* SUNIONSTORE destination key [key ...]  -> size of the result */
static void cmd_sunionstore(struct cmd_ctx *c)
{
    struct operands o;
    struct value result = VALUE_ABSENT;

    if (!operands_init(&o, c, 1))
        return;
    enum status status = set_union(c, o.sets, o.n, &result);
    operands_free(&o);
    store_result(c, status, result);
}

/* SDIFF key [key ...] */
static void cmd_sdiff(struct cmd_ctx *c)
{
    struct reply_taker to = {.reply = c->reply};
    struct operands o;
    struct value rest;

    if (!operands_init(&o, c, 0))
        return;
    size_t mark = reply_mark(c->reply);
    size_t at = reply_deferred_begin(c->reply);
    enum status status = set_diff(c, o.sets, o.n, take_to_reply, &to, &rest);
    operands_free(&o);
    if (status != STATUS_OK) {
        reply_truncate(c->reply, mark);
        cmd_reply_status(c, status);
        return;
    }
    if (!value_is_none(rest)) {
        to.n = set_count(rest);
        set_reply_members(c, rest);
        value_retire(c->types, rest);
    }
    reply_deferred_set(c->reply, at, to.n);
}

/* SDIFFSTORE destination key [key ...]  -> size of the result */
static void cmd_sdiffstore(struct cmd_ctx *c)
{
    struct set_builder b = {.types = c->types, .set = VALUE_ABSENT, .status = STATUS_OK};
    struct operands o;
    struct value rest;

    if (!operands_init(&o, c, 1))
        return;
    enum status status = set_diff(c, o.sets, o.n, set_builder_take, &b, &rest);
    operands_free(&o);
    if (status == STATUS_OK)
        status = b.status;
    store_result(c, status, value_is_none(rest) ? b.set : rest);
}

// clang-format off
COMMANDS(set_combine) = {
    {"sdiff", -2, KEYS(1, -1, 1), LOCK_READ, 0, cmd_sdiff, "key [key ...]", "1.0.0",
     "Returns the members of the first set that no other one has.",
     .tips = "nondeterministic_output_order",
     .work = work_all_keys},
    {"sdiffstore", -3, KEYS(1, -1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_READ_REST, cmd_sdiffstore,
     "destination key [key ...]", "1.0.0",
     "Stores the members of the first set that no other one has.",
     .work = work_all_keys},
    {"sinter", -2, KEYS(1, -1, 1), LOCK_READ, 0, cmd_sinter, "key [key ...]", "1.0.0",
     "Returns the members that all sets have.",
     .tips = "nondeterministic_output_order",
     .work = work_all_keys},
    {"sintercard", -3, NO_KEYS, LOCK_READ, 0, cmd_sintercard,
     "numkeys key [key ...] [LIMIT limit]", "7.0.0", "Counts the members that all sets have.",
     .numkeys = 1,
     .work = work_all_keys},
    {"sinterstore", -3, KEYS(1, -1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_READ_REST, cmd_sinterstore,
     "destination key [key ...]", "1.0.0", "Stores the members that all sets have.",
     .key_use = "RW update",
     .work = work_all_keys},
    {"sunion", -2, KEYS(1, -1, 1), LOCK_READ, 0, cmd_sunion, "key [key ...]", "1.0.0",
     "Returns the members that any of the sets has.",
     .tips = "nondeterministic_output_order",
     .work = work_all_keys},
    {"sunionstore", -3, KEYS(1, -1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_READ_REST, cmd_sunionstore,
     "destination key [key ...]", "1.0.0", "Stores the members that any of the sets has.",
     .work = work_all_keys},
    COMMANDS_END,
};
// clang-format on
