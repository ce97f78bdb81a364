// SPDX-License-Identifier: MIT
//
// Commands that take the lowest or highest members out of a sorted set.
#include "datatypes/zset.h"
#include "server/engine/cmd.h"
#include "server/engine/work.h"
#include "server/engine/zset_span.h"

enum pop_end { POP_MIN, POP_MAX };

// Replies the lowest or highest `n` > 0 members, each as a pair when `pairs`, else two elements,
// and removes them. The caller has begun a reply at `mark` that is to hold them.
static void pop_span(struct cmd_ctx *c, int key, struct value set, size_t n, enum pop_end end,
                     bool pairs, size_t mark)
{
    struct zset_span span = {end == POP_MIN ? 0 : zset_count(set) - n, n};
    bool compact = zset_is_compact(set);
    struct zset_iter it;

    zset_iter_init(&it, set, end == POP_MIN ? 0 : zset_count(set) - 1, end == POP_MAX);
    for (size_t i = 0; i < n && zset_iter_next(&it); i++) {
        if (pairs)
            reply_array(c->reply, 2);
        reply_bulk(c->reply, it.member.data, it.member.len);
        reply_double(c->reply, it.member.score);
        if (!compact) // nothing is sent of a reply that may have to be taken back
            cmd_step(c, 1);
    }
    enum status status = zset_remove_span(c, key, set, span);
    if (status != STATUS_OK) { // from a compact set only
        reply_truncate(c->reply, mark);
        cmd_reply_status(c, status);
    }
}

static size_t at_most(struct value set, int64_t n)
{
    size_t count = zset_count(set);
    return (uint64_t)n < count ? (size_t)n : count;
}

// ---- ZPOPMIN, ZPOPMAX -------------------------------------------------------------------------

static void zpop(struct cmd_ctx *c, enum pop_end end)
{
    struct value set;
    int64_t n = 1;
    bool pairs = c->argc == 3 && c->reply->protocol >= 3;

    if (c->argc > 3) {
        cmd_reply_syntax(c);
        return;
    }
    if (c->argc == 3 &&
        !cmd_arg_i64_range(c, 2, 0, INT64_MAX, &n, "value is out of range, must be positive"))
        return;
    if (!key_get_type(c, 0, TYPE_ZSET, &set))
        return;
    if (value_is_none(set) || n == 0) {
        reply_empty_array(c->reply);
        return;
    }
    size_t mark = reply_mark(c->reply), taken = at_most(set, n);
    reply_array(c->reply, pairs ? taken : 2 * taken);
    pop_span(c, 0, set, taken, end, pairs, mark);
}

/* ZPOPMIN key [count]  -> [member, score ...] */
static void cmd_zpopmin(struct cmd_ctx *c)
{
    zpop(c, POP_MIN);
}

/* ZPOPMAX key [count]  -> [member, score ...] */
static void cmd_zpopmax(struct cmd_ctx *c)
{
    zpop(c, POP_MAX);
}

static uint64_t work_zpop(struct cmd_ctx *c)
{
    int64_t n;

    // One member is looked at once the set is locked and known anyway: it may be long.
    if (c->argc != 3 || !bytes_to_i64(c->argv[2], &n) || n < 0)
        return keys_locked(c) ? work_of_elements(c, key_peek(c, 0), 1) : 1;
    return 4 * work_of_elements(c, key_peek(c, 0), (uint64_t)n);
}

// ---- ZMPOP ------------------------------------------------------------------------------------

// Reads numkeys and what follows the keys; false: an error was replied.
static bool parse_zmpop(struct cmd_ctx *c, enum pop_end *end, int64_t *n)
{
    int64_t numkeys;
    bool counted = false;

    *n = 1;
    if (!cmd_arg_i64_range(c, 1, 1, INT64_MAX, &numkeys, "numkeys should be greater than 0"))
        return false;
    int arg = numkeys < c->argc - 2 ? 2 + (int)numkeys : c->argc;
    if (arg < c->argc && cmd_arg_is(c, arg, "min")) {
        *end = POP_MIN;
    } else if (arg < c->argc && cmd_arg_is(c, arg, "max")) {
        *end = POP_MAX;
    } else {
        cmd_reply_syntax(c);
        return false;
    }
    for (arg++; arg < c->argc; arg += 2) {
        if (counted || !cmd_arg_is(c, arg, "count") || arg + 1 == c->argc) {
            cmd_reply_syntax(c);
            return false;
        }
        counted = true;
        if (!cmd_arg_i64_range(c, arg + 1, 1, INT64_MAX, n, "count should be greater than 0"))
            return false;
    }
    return true;
}

/* ZMPOP numkeys key [key ...] <MIN | MAX> [COUNT count]  -> [key, [[member, score] ...]] of the
 * first set that is there, or nil */
static void cmd_zmpop(struct cmd_ctx *c)
{
    enum pop_end end;
    struct value set;
    int64_t n;

    if (!parse_zmpop(c, &end, &n))
        return;
    for (int i = 0; i < c->nkeys; i++) {
        if (!key_get_type(c, i, TYPE_ZSET, &set))
            return;
        if (value_is_none(set))
            continue;
        size_t mark = reply_mark(c->reply), taken = at_most(set, n);
        reply_array(c->reply, 2);
        reply_bulk_bytes(c->reply, key_name(c, i));
        reply_array(c->reply, taken);
        pop_span(c, i, set, taken, end, true, mark);
        return;
    }
    reply_null_array(c->reply);
}

static uint64_t work_zmpop(struct cmd_ctx *c)
{
    int64_t n;

    for (int i = 0; i < c->nkeys; i++) {
        struct value set = key_peek(c, i);
        if (value_type(set) != TYPE_ZSET)
            continue;
        // COUNT comes last.
        if (!cmd_arg_is(c, c->argc - 2, "count") || !bytes_to_i64(c->argv[c->argc - 1], &n) ||
            n < 0)
            n = 1;
        return 4 * work_of_elements(c, set, (uint64_t)n);
    }
    return 1;
}

// clang-format off
COMMANDS(zset_pop) = {
    {"zmpop", -4, NO_KEYS, LOCK_WRITE, 0, cmd_zmpop,
     "numkeys key [key ...] <MIN | MAX> [COUNT count]", "7.0.0",
     "Takes the lowest or highest members out of the first sorted set that has any.",
     .numkeys = 1, .key_use = "RW access delete", .work = work_zmpop},
    {"zpopmax", -2, KEYS(1, 1, 1), LOCK_WRITE, CMD_FAST | CMD_LOOK_AGAIN, cmd_zpopmax, "key [count]", "5.0.0",
     "Takes the members with the highest scores out of a sorted set.",
     .key_use = "RW access delete", .work = work_zpop},
    {"zpopmin", -2, KEYS(1, 1, 1), LOCK_WRITE, CMD_FAST | CMD_LOOK_AGAIN, cmd_zpopmin, "key [count]", "5.0.0",
     "Takes the members with the lowest scores out of a sorted set.",
     .key_use = "RW access delete", .work = work_zpop},
    COMMANDS_END,
};
// clang-format on
