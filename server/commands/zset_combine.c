// SPDX-License-Identifier: MIT
//
// Sorted set commands that combine several sets: union, intersection, difference. The result is
// built aside. Where it is stored it takes its key's place in one store, so no reader sees a part
// of it; else it is replied in order.
#include "datatypes/mem.h"
#include "datatypes/zset.h"
#include "server/engine/cmd.h"
#include "server/engine/work.h"
#include "server/engine/zset_algebra.h"
#include "server/engine/zset_span.h"

enum {
    INLINE_OPERANDS = 16, // that are listed without allocating
    WORK_PER_MEMBER = 8,
};

// What a command asks for.
struct combine {
    struct cmd_ctx *c;
    enum zset_operation operation;
    bool store;      // key 0 is the destination
    bool only_count; // ZINTERCARD
    bool scores;     // WITHSCORES
    enum zset_aggregate how;
    int64_t limit; // of ZINTERCARD; 0: none
    int numkeys;   // the argument
    struct zset_operand *operands;
    size_t n;
    struct zset_operand few[INLINE_OPERANDS];
};

// ---- reading the arguments; each replies the error and returns false --------------------------

// How many operands there are.
static bool parse_count(struct combine *q)
{
    struct cmd_ctx *c = q->c;
    int64_t n;

    if (!cmd_arg_i64(c, q->numkeys, &n))
        return false;
    if (n < 1) {
        reply_errorf(c->reply, "at least 1 input key is needed for '%s' command",
                     c->cmd->full_name);
        return false;
    }
    if (n > c->argc - q->numkeys - 1) {
        cmd_reply_syntax(c);
        return false;
    }
    q->n = (size_t)n;
    return true;
}

static bool load_operands(struct combine *q)
{
    q->operands = q->few;
    if (q->n > INLINE_OPERANDS)
        q->operands = mem_alloc(q->n * sizeof *q->operands);
    if (q->operands == NULL) {
        cmd_reply_status(q->c, STATUS_NO_MEMORY);
        return false;
    }
    for (size_t i = 0; i < q->n; i++) {
        struct value v = key_get(q->c, (int)i + q->store);
        if (!value_is_none(v) && value_type(v) != TYPE_ZSET && value_type(v) != TYPE_SET) {
            cmd_reply_wrongtype(q->c);
            return false;
        }
        q->operands[i] = (struct zset_operand){v, 1};
    }
    return true;
}

static bool parse_weights(struct combine *q, int arg)
{
    for (size_t i = 0; i < q->n; i++) {
        if (!bytes_to_double(q->c->argv[arg + (int)i], &q->operands[i].weight)) {
            reply_error(q->c->reply, "weight value is not a float");
            return false;
        }
    }
    return true;
}

static bool parse_aggregate(struct combine *q, int arg)
{
    static const char *const words[] = {[ZSET_SUM] = "sum", [ZSET_MIN] = "min", [ZSET_MAX] = "max"};

    for (int i = 0; i < 3; i++) {
        if (cmd_arg_is(q->c, arg, words[i])) {
            q->how = (enum zset_aggregate)i;
            return true;
        }
    }
    cmd_reply_syntax(q->c);
    return false;
}

// Reads one option at `arg`; returns the arguments it took, 0 after an error.
static int parse_option(struct combine *q, int arg)
{
    struct cmd_ctx *c = q->c;
    int left = c->argc - arg;
    bool adds_up = q->operation != ZSET_DIFF && !q->only_count;

    if (adds_up && (size_t)left > q->n && cmd_arg_is(c, arg, "weights"))
        return parse_weights(q, arg + 1) ? 1 + (int)q->n : 0;
    if (adds_up && left >= 2 && cmd_arg_is(c, arg, "aggregate"))
        return parse_aggregate(q, arg + 1) ? 2 : 0;
    if (!q->store && !q->only_count && cmd_arg_is(c, arg, "withscores")) {
        q->scores = true;
        return 1;
    }
    if (q->only_count && left >= 2 && cmd_arg_is(c, arg, "limit")) {
        return cmd_arg_i64_range(c, arg + 1, 0, INT64_MAX, &q->limit, "LIMIT can't be negative")
                   ? 2
                   : 0;
    }
    cmd_reply_syntax(c);
    return 0;
}

// Reads the whole command. False: an error was replied. combine_free() in either case.
static bool combine_init(struct combine *q, struct cmd_ctx *c, enum zset_operation operation,
                         bool only_count)
{
    *q = (struct combine){.c = c, .operation = operation, .only_count = only_count};
    q->numkeys = c->cmd->row->numkeys;
    q->store = c->cmd->row->keys.first != 0;
    q->operands = q->few;
    if (!parse_count(q) || !load_operands(q))
        return false;
    for (int arg = q->numkeys + 1 + (int)q->n, taken; arg < c->argc; arg += taken) {
        taken = parse_option(q, arg);
        if (taken == 0)
            return false;
    }
    return true;
}

static void combine_free(struct combine *q)
{
    if (q->operands != q->few)
        mem_free(q->operands);
}

// ---- the commands -----------------------------------------------------------------------------

// Makes `result` (private, or absent) the value of key 0 and replies its size.
static void store_result(struct cmd_ctx *c, struct value result)
{
    // The set is the key's from key_set() on.
    int64_t count = value_is_none(result) ? 0 : (int64_t)zset_count(result);

    key_set(c, 0, result);
    reply_int(c->reply, count);
}

static void reply_result(struct cmd_ctx *c, struct value result, bool scores)
{
    struct zset_span all = {0, value_is_none(result) ? 0 : zset_count(result)};

    zset_reply_header(c->reply, all.n, scores);
    zset_reply_span(c, result, all, false, scores);
    if (!value_is_none(result))
        value_retire(c->types, result); // in slices, if it is large
}

static void combine(struct cmd_ctx *c, enum zset_operation operation)
{
    struct combine q;
    struct value result;

    if (combine_init(&q, c, operation, false)) {
        enum status status = zset_combine(c, operation, q.operands, q.n, q.how, q.store, &result);
        if (status != STATUS_OK)
            cmd_reply_status(c, status);
        else if (q.store)
            store_result(c, result);
        else
            reply_result(c, result, q.scores);
    }
    combine_free(&q);
}

/* ZUNION numkeys key [key ...] [WEIGHTS ...] [AGGREGATE ...] [WITHSCORES]
 * ZUNIONSTORE destination numkeys key [key ...] [WEIGHTS ...] [AGGREGATE ...]  -> size */
static void cmd_zunion(struct cmd_ctx *c)
{
    combine(c, ZSET_UNION);
}

/* ZINTER and ZINTERSTORE, likewise */
static void cmd_zinter(struct cmd_ctx *c)
{
    combine(c, ZSET_INTER);
}

/* ZDIFF numkeys key [key ...] [WITHSCORES]
 * ZDIFFSTORE destination numkeys key [key ...]  -> size */
static void cmd_zdiff(struct cmd_ctx *c)
{
    combine(c, ZSET_DIFF);
}

/* ZINTERCARD numkeys key [key ...] [LIMIT limit]  -> size of the intersection, at most the limit */
static void cmd_zintercard(struct cmd_ctx *c)
{
    struct combine q;

    if (combine_init(&q, c, ZSET_INTER, true)) {
        size_t n = zset_inter_count(c, q.operands, q.n, (size_t)q.limit);
        reply_int(c->reply, (int64_t)n);
    }
    combine_free(&q);
}

static uint64_t work_combine(struct cmd_ctx *c)
{
    return WORK_PER_MEMBER * work_all_keys(c);
}

// clang-format off
COMMANDS(zset_combine) = {
    {"zdiff", -3, NO_KEYS, LOCK_READ, 0, cmd_zdiff, "numkeys key [key ...] [WITHSCORES]", "6.2.0",
     "Returns the members of the first sorted set that no other one has.",
     .numkeys = 1, .work = work_combine},
    {"zdiffstore", -4, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_READ_REST, cmd_zdiff,
     "destination numkeys key [key ...]", "6.2.0",
     "Stores the members of the first sorted set that no other one has.",
     .numkeys = 2, .work = work_combine},
    {"zinter", -3, NO_KEYS, LOCK_READ, 0, cmd_zinter,
     "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]",
     "6.2.0", "Returns the members that all sorted sets have.",
     .numkeys = 1, .work = work_combine},
    {"zintercard", -3, NO_KEYS, LOCK_READ, 0, cmd_zintercard,
     "numkeys key [key ...] [LIMIT limit]", "7.0.0",
     "Counts the members that all sorted sets have.",
     .numkeys = 1, .work = work_combine},
    {"zinterstore", -4, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_READ_REST, cmd_zinter,
     "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>]",
     "2.0.0", "Stores the members that all sorted sets have.",
     .numkeys = 2, .work = work_combine},
    {"zunion", -3, NO_KEYS, LOCK_READ, 0, cmd_zunion,
     "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]",
     "6.2.0", "Returns the members that any of the sorted sets has.",
     .numkeys = 1, .work = work_combine},
    {"zunionstore", -4, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_READ_REST, cmd_zunion,
     "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>]",
     "2.0.0", "Stores the members that any of the sorted sets has.",
     .numkeys = 2, .work = work_combine},
    COMMANDS_END,
};
// clang-format on
