// SPDX-License-Identifier: MIT
//
// Sorted set commands that deal with single members, and those that walk without an order. Ranges
// are in zset_range.c, ZPOPMIN and its kin in zset_pop.c, several sets at a time in zset_combine.c.
#include "datatypes/zset.h"

#include <math.h>

#include "datatypes/rng.h"
#include "resp/digits.h"
#include "resp/double.h"
#include "server/engine/cmd.h"
#include "server/engine/scan_page.h"
#include "server/engine/work.h"
#include "server/engine/zset_add.h"
#include "server/engine/zset_span.h"

static bool find(struct cmd_ctx *c, struct value zset, int arg, struct zset_place *place)
{
    return zset_find(zset, c->argv[arg].data, c->argv[arg].len, place);
}

// ---- ZADD, ZINCRBY ----------------------------------------------------------------------------

static int parse_zadd_flags(struct cmd_ctx *c, struct zset_add *add, bool *ch)
{
    int arg = 2;

    for (; arg < c->argc; arg++) {
        if (cmd_arg_is(c, arg, "nx"))
            add->nx = true;
        else if (cmd_arg_is(c, arg, "xx"))
            add->xx = true;
        else if (cmd_arg_is(c, arg, "gt"))
            add->gt = true;
        else if (cmd_arg_is(c, arg, "lt"))
            add->lt = true;
        else if (cmd_arg_is(c, arg, "ch"))
            *ch = true;
        else if (cmd_arg_is(c, arg, "incr"))
            add->incr = true;
        else
            break;
    }
    return arg;
}

// NULL when the flags and the number of pairs go together, else the error.
static const char *zadd_conflict(const struct zset_add *add, int npairs)
{
    if (add->nx && add->xx)
        return "XX and NX options at the same time are not compatible";
    if (add->nx + add->gt + add->lt > 1)
        return "GT, LT, and/or NX options at the same time are not compatible";
    if (add->incr && npairs > 1)
        return "INCR option supports a single increment-element pair";
    return NULL;
}

// Reads the arguments. False: an error was replied.
static bool parse_zadd(struct cmd_ctx *c, struct zset_add *add, bool *ch)
{
    int arg = parse_zadd_flags(c, add, ch), rest = c->argc - arg;

    if (rest == 0 || rest % 2 != 0) {
        cmd_reply_syntax(c);
        return false;
    }
    const char *conflict = zadd_conflict(add, rest / 2);
    if (conflict != NULL) {
        reply_error(c->reply, conflict);
        return false;
    }
    if (!zset_add_reserve(add, rest / 2))
        return false;
    for (; arg < c->argc; arg += 2) {
        double score;
        cmd_step(c, 1);
        if (!cmd_arg_double(c, arg, &score))
            return false;
        zset_add_pair(add, score, arg + 1);
    }
    return true;
}

static void zadd(struct cmd_ctx *c, bool incr)
{
    struct zset_add add;
    bool ch = false;

    zset_add_init(&add, c);
    add.incr = incr;
    if (parse_zadd(c, &add, &ch) && zset_add_run(&add)) {
        if (!add.incr)
            reply_int(c->reply, ch ? add.added + add.updated : add.added);
        else if (add.applied)
            reply_double(c->reply, add.score);
        else
            reply_null(c->reply);
    }
    zset_add_free(&add);
}

/* ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member [...]  -> number added; with CH number
 * changed; with INCR the new score or nil */
static void cmd_zadd(struct cmd_ctx *c)
{
    zadd(c, false);
}

/* ZINCRBY key increment member  -> the new score */
static void cmd_zincrby(struct cmd_ctx *c)
{
    zadd(c, true);
}

// ---- ZREM -------------------------------------------------------------------------------------

// Removes the arguments from 2 on from a set that may be changed.
static enum status remove_args(struct cmd_ctx *c, struct value set, int64_t *removed)
{
    struct zset_place place;
    enum status status = STATUS_OK;

    for (int i = 2; i < c->argc && status == STATUS_OK; i++) {
        if (find(c, set, i, &place)) {
            status = zset_remove(c->types, set, &place);
            *removed += status == STATUS_OK;
        }
        cmd_step(c, 4);
    }
    return status;
}

static bool has_any(struct cmd_ctx *c, struct value set)
{
    struct zset_place place;

    for (int i = 2; i < c->argc; i++) {
        if (find(c, set, i, &place))
            return true;
        cmd_step(c, 1);
    }
    return false;
}

static enum status zrem(struct cmd_ctx *c, struct value old, int64_t *removed)
{
    bool aside = c->argc > 3 && zset_is_compact(old);
    struct value set = old;
    enum status status = STATUS_OK;

    if (!has_any(c, old))
        return STATUS_OK;
    if (aside)
        status = value_copy(c->types, old, &set);
    else
        key_mutable(c, 0);
    if (status != STATUS_OK)
        return status;
    status = remove_args(c, set, removed);
    bool keep = status == STATUS_OK && zset_count(set) > 0;
    if (aside && keep)
        key_set(c, 0, set);
    else if (aside)
        value_free(set);
    if (status == STATUS_OK && !keep)
        key_delete(c, 0);
    return status;
}

/* ZREM key member [member ...]  -> number removed */
static void cmd_zrem(struct cmd_ctx *c)
{
    struct value set;
    int64_t removed = 0;
    enum status status = STATUS_OK;

    if (!key_get_type(c, 0, TYPE_ZSET, &set))
        return;
    if (!value_is_none(set))
        status = zrem(c, set, &removed);
    if (status == STATUS_OK)
        reply_int(c->reply, removed);
    else
        cmd_reply_status(c, status);
}

// ---- looking ----------------------------------------------------------------------------------

/* ZCARD key */
static void cmd_zcard(struct cmd_ctx *c)
{
    struct value set;

    if (key_get_type(c, 0, TYPE_ZSET, &set))
        reply_int(c->reply, value_is_none(set) ? 0 : (int64_t)zset_count(set));
}

static void reply_score(struct cmd_ctx *c, struct value set, int arg)
{
    struct zset_place place;

    if (!value_is_none(set) && find(c, set, arg, &place))
        reply_double(c->reply, place.score);
    else
        reply_null(c->reply);
}

/* ZSCORE key member */
static void cmd_zscore(struct cmd_ctx *c)
{
    struct value set;

    if (key_get_type(c, 0, TYPE_ZSET, &set))
        reply_score(c, set, 2);
}

/* ZMSCORE key member [member ...]  -> a score or nil for each */
static void cmd_zmscore(struct cmd_ctx *c)
{
    struct value set;

    if (!key_get_type(c, 0, TYPE_ZSET, &set))
        return;
    reply_array(c->reply, (size_t)c->argc - 2);
    for (int i = 2; i < c->argc && cmd_step(c, 1); i++)
        reply_score(c, set, i);
}

static void zrank(struct cmd_ctx *c, bool down)
{
    struct zset_place place;
    struct value set;

    if (!key_get_type(c, 0, TYPE_ZSET, &set))
        return;
    if (value_is_none(set) || !find(c, set, 2, &place)) {
        reply_null(c->reply);
        return;
    }
    size_t rank = zset_rank(set, &place);
    reply_int(c->reply, (int64_t)(down ? zset_count(set) - 1 - rank : rank));
}

/* ZRANK key member */
static void cmd_zrank(struct cmd_ctx *c)
{
    zrank(c, false);
}

/* ZREVRANK key member */
static void cmd_zrevrank(struct cmd_ctx *c)
{
    zrank(c, true);
}

// ---- ZSCAN ------------------------------------------------------------------------------------

struct zscan_page {
    struct scan_page *page;
    bool compact;
};

// A score as ZSCAN writes it: as elsewhere, but a whole number in a small set never with an
// exponent, as in Redis, which keeps these as integers.
static void reply_scanned_score(struct reply *reply, double score, bool compact)
{
    const double MOST = 4611686018427387904.0; // 2^62
    char text[DOUBLE_CHARS];

    if (compact && fabs(score) <= MOST && score == (double)(int64_t)score)
        reply_bulk_i64(reply, (int64_t)score);
    else
        reply_bulk(reply, text, double_format(score, text));
}

static void zscan_visit(const struct zset_member *m, void *arg)
{
    struct zscan_page *to = arg;

    if (!scan_page_wants(to->page, m->data, m->len))
        return;
    reply_bulk(&to->page->items, m->data, m->len);
    reply_scanned_score(&to->page->items, m->score, to->compact);
    to->page->n += 2;
}

static uint64_t zscan_step(struct value v, uint64_t cursor, struct scan_page *page)
{
    struct zscan_page to = {page, zset_is_compact(v)};

    return zset_scan(v, cursor, zscan_visit, &to);
}

/* ZSCAN key cursor [MATCH pattern] [COUNT count]  -> [next cursor, [member, score ...]] */
static void cmd_zscan(struct cmd_ctx *c)
{
    scan_page_of_key(c, TYPE_ZSET, zscan_step);
}

// ---- ZRANDMEMBER ------------------------------------------------------------------------------

struct random_reply {
    struct cmd_ctx *c;
    size_t n;
    bool scores, begun;
};

// The header comes with the first member: until then the command may still fail.
static void reply_picked(const struct zset_member *m, void *arg)
{
    struct random_reply *to = arg;

    if (!to->begun)
        zset_reply_header(to->c->reply, to->n, to->scores);
    to->begun = true;
    zset_reply_member(to->c, m, to->scores);
}

// Replies `n` members, the same one any number of times.
static void reply_with_repetition(struct cmd_ctx *c, struct value set, uint64_t n, bool scores)
{
    size_t count = zset_count(set);
    struct zset_member m;

    zset_reply_header(c->reply, n, scores);
    // A reply that is too long fails, and the connection is closed for it.
    for (uint64_t i = 0; i < n && !c->reply->failed; i++) {
        zset_at(set, rng_below(c->types->rng, count), &m);
        zset_reply_member(c, &m, scores);
        if (!cmd_step(c, 4))
            return;
    }
}

static void reply_distinct(struct cmd_ctx *c, struct value set, size_t n, bool scores)
{
    struct random_reply to = {.c = c, .n = n, .scores = scores};
    enum status status = zset_sample(c->types, set, n, reply_picked, &to);

    if (status != STATUS_OK)
        cmd_reply_status(c, status);
}

// Reads [count [WITHSCORES]]; false: an error was replied.
static bool parse_zrandmember(struct cmd_ctx *c, int64_t *n, bool *scores)
{
    *scores = c->argc == 4 && cmd_arg_is(c, 3, "withscores");
    if (!cmd_arg_i64(c, 2, n))
        return false;
    if (*n == INT64_MIN) {
        reply_errorf(c->reply, "value is out of range, value must between %lld and %lld",
                     -(long long)INT64_MAX, (long long)INT64_MAX);
        return false;
    }
    if (c->argc > 3 && !*scores) {
        cmd_reply_syntax(c);
        return false;
    }
    if (*scores && (*n < -INT64_MAX / 2 || *n > INT64_MAX / 2)) {
        reply_error(c->reply, "value is out of range");
        return false;
    }
    return true;
}

static void zrandmember_count(struct cmd_ctx *c)
{
    struct value set;
    bool scores;
    int64_t n;

    if (!parse_zrandmember(c, &n, &scores) || !key_get_type(c, 0, TYPE_ZSET, &set))
        return;
    size_t count = value_is_none(set) ? 0 : zset_count(set);
    if (count == 0 || n == 0) {
        reply_empty_array(c->reply);
    } else if (n < 0) {
        reply_with_repetition(c, set, (uint64_t)-n, scores);
    } else if ((uint64_t)n >= count) {
        zset_reply_header(c->reply, count, scores);
        zset_reply_span(c, set, (struct zset_span){0, count}, true, scores); // Redis's order
    } else {
        reply_distinct(c, set, (size_t)n, scores);
    }
}

/* ZRANDMEMBER key [count [WITHSCORES]]  -> a member or nil; with count an array, with repetitions
 * when negative */
static void cmd_zrandmember(struct cmd_ctx *c)
{
    struct zset_member m;
    struct value set;

    if (c->argc > 2) {
        zrandmember_count(c);
    } else if (key_get_type(c, 0, TYPE_ZSET, &set)) {
        if (value_is_none(set)) {
            reply_null(c->reply);
            return;
        }
        zset_at(set, rng_below(c->types->rng, zset_count(set)), &m);
        reply_bulk(c->reply, m.data, m.len);
    }
}

// Members that ZRANDMEMBER will reply.
static uint64_t work_zrandmember(struct cmd_ctx *c)
{
    uint64_t work;
    int64_t n;

    // One member is looked at once the set is locked and known anyway: it may be long.
    if (c->argc < 3 || !bytes_to_i64(c->argv[2], &n))
        return keys_locked(c) ? work_of_elements(c, key_peek(c, 0), 1) : 1;
    if (n >= 0)
        return work_of_elements(c, key_peek(c, 0), (uint64_t)n);
    work = work_of_draws(c, key_peek(c, 0), -(uint64_t)n);
    return __builtin_mul_overflow(work, 4, &work) ? UINT64_MAX : work;
}

// clang-format off
COMMANDS(zset) = {
    {"zadd", -4, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_FAST, cmd_zadd,
     "key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]", "1.2.0",
     "Adds members to a sorted set or changes their scores.",
     .key_use = "RW update", .work = work_args, .member = 3},
    {"zcard", 2, KEYS(1, 1, 1), LOCK_NONE, CMD_FAST, cmd_zcard, "key", "1.2.0",
     "Returns the number of members of a sorted set.",
     .key_use = "RO"},
    {"zincrby", 4, KEYS(1, 1, 1), LOCK_WRITE, CMD_DENYOOM | CMD_FAST, cmd_zincrby,
     "key increment member", "1.2.0", "Adds to the score of a member of a sorted set.",
     .member = 3},
    {"zmscore", -3, KEYS(1, 1, 1), LOCK_NONE, CMD_FAST, cmd_zmscore, "key member [member ...]",
     "6.2.0", "Returns the scores of several members of a sorted set.",
     .work = work_args, .member = 2},
    {"zrandmember", -2, KEYS(1, 1, 1), LOCK_READ, CMD_LOOK_AGAIN, cmd_zrandmember, "key [count [WITHSCORES]]",
     "6.2.0", "Returns random members of a sorted set.",
     .tips = "nondeterministic_output", .work = work_zrandmember},
    {"zrank", 3, KEYS(1, 1, 1), LOCK_READ, CMD_FAST, cmd_zrank, "key member", "2.0.0",
     "Returns the rank of a member of a sorted set, from the lowest score.",
     .member = 2},
    {"zrem", -3, KEYS(1, 1, 1), LOCK_WRITE, CMD_FAST, cmd_zrem, "key member [member ...]", "1.2.0",
     "Removes members from a sorted set.",
     .key_use = "RW delete", .work = work_args, .member = 2},
    {"zrevrank", 3, KEYS(1, 1, 1), LOCK_READ, CMD_FAST, cmd_zrevrank, "key member", "2.0.0",
     "Returns the rank of a member of a sorted set, from the highest score.",
     .member = 2},
    {"zscan", -3, KEYS(1, 1, 1), LOCK_READ, 0, cmd_zscan,
     "key cursor [MATCH pattern] [COUNT count]", "2.8.0",
     "Lists the members of a sorted set and their scores in steps.",
     .tips = "nondeterministic_output", .work = scan_args_work},
    {"zscore", 3, KEYS(1, 1, 1), LOCK_NONE, CMD_FAST, cmd_zscore, "key member", "1.2.0",
     "Returns the score of a member of a sorted set.",
     .member = 2},
    COMMANDS_END,
};
// clang-format on
