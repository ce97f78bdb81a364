// SPDX-License-Identifier: MIT
//
// Commands on a range of a sorted set. Every range, whether of ranks, scores or members, is turned
// into a span of ranks first: so its size is known before the walk, and counting is all there is to
// ZCOUNT.
#include "datatypes/zset.h"
#include "datatypes/zset_build.h"
#include "server/engine/cmd.h"
#include "server/engine/work.h"
#include "server/engine/zset_bound.h"
#include "server/engine/zset_span.h"

enum {
    ORDER_SLICE = 256, // members of ZRANGESTORE's result put in order between two steps
    LOOK_FROM = 1024,  // members from which on it pays to look how many a range has
};

#define NOT_INTEGER "value is not an integer or out of range"
#define NOT_FLOATS  "min or max is not a float"
#define NOT_LEX     "min or max not valid string range item"
#define SYNTAX      "syntax error"

enum range_by { BY_ANY, BY_RANK, BY_SCORE, BY_LEX };
enum range_order { ORDER_ANY, ORDER_UP, ORDER_DOWN };

// What a command says of its range.
struct range {
    enum range_by by;
    bool down;
    bool scores;           // WITHSCORES
    int64_t offset, count; // LIMIT; a negative count is no limit
    int64_t start, stop;   // by rank
    struct zset_score_range score;
    struct zset_lex_range lex;
};

// ---- reading the arguments; each returns NULL or the error ------------------------------------

static const char *parse_ends(const struct cmd_ctx *c, int min, int max, struct range *r)
{
    switch (r->by) {
    case BY_SCORE:
        return zset_parse_score_range(c->argv[min], c->argv[max], &r->score) ? NULL : NOT_FLOATS;
    case BY_LEX:
        return zset_parse_lex_range(c->argv[min], c->argv[max], &r->lex) ? NULL : NOT_LEX;
    default:
        return bytes_to_i64(c->argv[min], &r->start) && bytes_to_i64(c->argv[max], &r->stop)
                   ? NULL
                   : NOT_INTEGER;
    }
}

// The options from argument `arg` on. What r->by and `order` say already may not be said again.
static const char *parse_options(const struct cmd_ctx *c, int arg, bool store,
                                 enum range_order order, struct range *r)
{
    enum range_by by = r->by;

    r->down = order == ORDER_DOWN;
    r->count = -1;
    for (; arg < c->argc; arg++) {
        if (!store && cmd_arg_is(c, arg, "withscores")) {
            r->scores = true;
        } else if (arg + 2 < c->argc && cmd_arg_is(c, arg, "limit")) {
            if (!bytes_to_i64(c->argv[arg + 1], &r->offset) ||
                !bytes_to_i64(c->argv[arg + 2], &r->count))
                return NOT_INTEGER;
            arg += 2;
        } else if (order == ORDER_ANY && cmd_arg_is(c, arg, "rev")) {
            order = ORDER_DOWN;
            r->down = true;
        } else if (by == BY_ANY && cmd_arg_is(c, arg, "bylex")) {
            r->by = by = BY_LEX;
        } else if (by == BY_ANY && cmd_arg_is(c, arg, "byscore")) {
            r->by = by = BY_SCORE;
        } else {
            return SYNTAX;
        }
    }
    if (by == BY_ANY)
        r->by = BY_RANK;
    if (r->by == BY_RANK && r->count != -1)
        return "syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX";
    if (r->by == BY_LEX && r->scores)
        return "syntax error, WITHSCORES not supported in combination with BYLEX";
    return NULL;
}

// Of a command whose range begins at argument `first`; downwards the higher end comes first.
static const char *parse_range(const struct cmd_ctx *c, int first, bool store, enum range_by by,
                               enum range_order order, struct range *r)
{
    *r = (struct range){.by = by};
    const char *error = parse_options(c, first + 2, store, order, r);
    bool swapped = r->down && r->by != BY_RANK;

    return error ? error : parse_ends(c, first + swapped, first + !swapped, r);
}

// ---- from a range to a span -------------------------------------------------------------------

static struct zset_span rank_span(size_t count, const struct range *r)
{
    int64_t n = (int64_t)count, start = r->start, stop = r->stop;

    start = start < 0 ? start + n : start;
    stop = stop < 0 ? stop + n : stop;
    start = start < 0 ? 0 : start;
    if (start > stop || start >= n)
        return (struct zset_span){0, 0};
    stop = stop >= n ? n - 1 : stop;
    size_t first = (size_t)(r->down ? n - 1 - stop : start);
    return (struct zset_span){first, (size_t)(stop - start + 1)};
}

// Cuts what LIMIT leaves out of a span, which begins at its top when it is walked downwards. As
// unsigned numbers, a negative offset skips everything and a negative count is no limit.
static struct zset_span limit_span(struct zset_span span, const struct range *r)
{
    size_t skip = (uint64_t)r->offset > span.n ? span.n : (size_t)r->offset;
    size_t n = span.n - skip;
    size_t take = (uint64_t)r->count > n ? n : (size_t)r->count;

    if (!r->down)
        return (struct zset_span){span.first + skip, take};
    return (struct zset_span){span.first + n - take, take};
}

static struct zset_span span_of(struct value set, const struct range *r)
{
    switch (r->by) {
    case BY_SCORE:
        return limit_span(zset_score_span(set, &r->score), r);
    case BY_LEX:
        return limit_span(zset_lex_span(set, &r->lex), r);
    default:
        return rank_span(zset_count(set), r);
    }
}

// The members of the range, for the work of a row. Of a large set they are counted once it is
// locked; until then they are taken for few.
static uint64_t range_work(struct cmd_ctx *c, int key, const struct range *r)
{
    struct value set = key_peek(c, key);

    if (value_type(set) != TYPE_ZSET)
        return 1;
    uint64_t count = zset_count(set);
    if (r->by == BY_RANK)
        return 1 + work_of_elements(c, set, rank_span(count, r).n);
    uint64_t most = limit_span((struct zset_span){0, count}, r).n;
    if (most >= LOOK_FROM)
        most = keys_locked(c) ? span_of(set, r).n : 0;
    return 1 + work_of_elements(c, set, most);
}

// ---- ZRANGE and its older forms ---------------------------------------------------------------

static void zrange(struct cmd_ctx *c, enum range_by by, enum range_order order)
{
    struct range r;
    struct value set;
    const char *error = parse_range(c, 2, false, by, order, &r);

    if (error) {
        reply_error(c->reply, error);
        return;
    }
    if (!key_get_type(c, 0, TYPE_ZSET, &set))
        return;
    struct zset_span span = {0, 0};
    if (!value_is_none(set))
        span = span_of(set, &r);
    zset_reply_header(c->reply, span.n, r.scores);
    zset_reply_span(c, set, span, r.down, r.scores);
}

/* ZRANGE key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES] */
static void cmd_zrange(struct cmd_ctx *c)
{
    zrange(c, BY_ANY, ORDER_ANY);
}

/* ZREVRANGE key start stop [WITHSCORES] */
static void cmd_zrevrange(struct cmd_ctx *c)
{
    zrange(c, BY_RANK, ORDER_DOWN);
}

/* ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count] */
static void cmd_zrangebyscore(struct cmd_ctx *c)
{
    zrange(c, BY_SCORE, ORDER_UP);
}

/* ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count] */
static void cmd_zrevrangebyscore(struct cmd_ctx *c)
{
    zrange(c, BY_SCORE, ORDER_DOWN);
}

/* ZRANGEBYLEX key min max [LIMIT offset count] */
static void cmd_zrangebylex(struct cmd_ctx *c)
{
    zrange(c, BY_LEX, ORDER_UP);
}

/* ZREVRANGEBYLEX key max min [LIMIT offset count] */
static void cmd_zrevrangebylex(struct cmd_ctx *c)
{
    zrange(c, BY_LEX, ORDER_DOWN);
}

static uint64_t work_range(struct cmd_ctx *c, int first, enum range_by by, enum range_order order)
{
    struct range r;

    return parse_range(c, first, first == 3, by, order, &r) ? 1 : range_work(c, first - 2, &r);
}

static uint64_t work_zrange(struct cmd_ctx *c)
{
    return work_range(c, 2, BY_ANY, ORDER_ANY);
}

static uint64_t work_zrevrange(struct cmd_ctx *c)
{
    return work_range(c, 2, BY_RANK, ORDER_DOWN);
}

static uint64_t work_by_score(struct cmd_ctx *c)
{
    return work_range(c, 2, BY_SCORE, ORDER_ANY);
}

static uint64_t work_by_lex(struct cmd_ctx *c)
{
    return work_range(c, 2, BY_LEX, ORDER_ANY);
}

// ---- ZRANGESTORE ------------------------------------------------------------------------------

// Whether the first members that are found make a small set, which has no -0. Redis gathers them in
// one until it is full, unless it knows from the start that they are too many.
static bool begins_small(const struct type_limits *limits, const struct range *r, size_t n)
{
    return r->by != BY_RANK ||
           n <= atomic_load_explicit(&limits->zset_max_packed_entries, memory_order_relaxed);
}

static bool fits_small(const struct type_limits *limits, size_t n, size_t len)
{
    return n < atomic_load_explicit(&limits->zset_max_packed_entries, memory_order_relaxed) &&
           len <= atomic_load_explicit(&limits->zset_max_packed_value, memory_order_relaxed);
}

// A private sorted set of a span, which is that of the range; *out VALUE_ABSENT when it is empty,
// after a failure and when the client has gone.
static enum status copy_span(struct cmd_ctx *c, struct value set, struct zset_span span,
                             const struct range *r, struct value *out)
{
    bool small = begins_small(c->types->limits, r, span.n);
    struct zset_build b;
    struct zset_iter it;

    *out = VALUE_ABSENT;
    if (span.n == 0)
        return STATUS_OK;
    enum status status = zset_build_begin(&b, c->types);
    if (status != STATUS_OK)
        return status;
    zset_iter_init(&it, set, r->down ? span.first + span.n - 1 : span.first, r->down);
    for (size_t i = 0; status == STATUS_OK && i < span.n && zset_iter_next(&it); i++) {
        double score = it.member.score;
        small = small && fits_small(c->types->limits, i, it.member.len);
        if (small && score == 0)
            score = 0; // not -0
        status = zset_build_add(&b, it.member.data, it.member.len, score, ZSET_SUM);
        cmd_step(c, 4);
    }
    while (status == STATUS_OK && zset_build_order(&b, ORDER_SLICE))
        cmd_step(c, 4 * ORDER_SLICE);
    if (status == STATUS_OK)
        return zset_build_finish(&b, true, out);
    zset_build_abort(&b);
    return status;
}

/* ZRANGESTORE dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]  -> number stored */
static void cmd_zrangestore(struct cmd_ctx *c)
{
    struct range r;
    struct value set, result = VALUE_ABSENT;
    const char *error = parse_range(c, 3, true, BY_ANY, ORDER_ANY, &r);

    if (error) {
        reply_error(c->reply, error);
        return;
    }
    if (!key_get_type(c, 1, TYPE_ZSET, &set))
        return;
    struct zset_span span = {0, 0};
    if (!value_is_none(set))
        span = span_of(set, &r);
    enum status status = copy_span(c, set, span, &r, &result);
    if (status != STATUS_OK) {
        cmd_reply_status(c, status);
        return;
    }
    key_set(c, 0, result);
    reply_int(c->reply, (int64_t)span.n);
}

static uint64_t work_zrangestore(struct cmd_ctx *c)
{
    return 8 * work_range(c, 3, BY_ANY, ORDER_ANY);
}

// ---- ZCOUNT, ZLEXCOUNT, ZREMRANGEBY... --------------------------------------------------------

// The span that arguments 2 and 3 stand for in the sorted set of key 0; an absent one has an empty
// span. False: an error was replied.
static bool plain_span(struct cmd_ctx *c, enum range_by by, struct value *set,
                       struct zset_span *span)
{
    struct range r = {.by = by, .count = -1};
    const char *error = parse_ends(c, 2, 3, &r);

    *span = (struct zset_span){0, 0};
    if (error) {
        reply_error(c->reply, error);
        return false;
    }
    if (!key_get_type(c, 0, TYPE_ZSET, set))
        return false;
    if (!value_is_none(*set))
        *span = span_of(*set, &r);
    return true;
}

static void zcount(struct cmd_ctx *c, enum range_by by)
{
    struct zset_span span;
    struct value set;

    if (plain_span(c, by, &set, &span))
        reply_int(c->reply, (int64_t)span.n);
}

/* ZCOUNT key min max */
static void cmd_zcount(struct cmd_ctx *c)
{
    zcount(c, BY_SCORE);
}

/* ZLEXCOUNT key min max */
static void cmd_zlexcount(struct cmd_ctx *c)
{
    zcount(c, BY_LEX);
}

static void zremrange(struct cmd_ctx *c, enum range_by by)
{
    struct zset_span span;
    struct value set;

    if (!plain_span(c, by, &set, &span))
        return;
    enum status status = zset_remove_span(c, 0, set, span);
    if (status == STATUS_OK)
        reply_int(c->reply, (int64_t)span.n);
    else
        cmd_reply_status(c, status);
}

/* ZREMRANGEBYRANK key start stop  -> number removed */
static void cmd_zremrangebyrank(struct cmd_ctx *c)
{
    zremrange(c, BY_RANK);
}

/* ZREMRANGEBYSCORE key min max  -> number removed */
static void cmd_zremrangebyscore(struct cmd_ctx *c)
{
    zremrange(c, BY_SCORE);
}

/* ZREMRANGEBYLEX key min max  -> number removed */
static void cmd_zremrangebylex(struct cmd_ctx *c)
{
    zremrange(c, BY_LEX);
}

static uint64_t work_zremrange(struct cmd_ctx *c, enum range_by by)
{
    struct range r = {.by = by, .count = -1};

    return parse_ends(c, 2, 3, &r) ? 1 : 4 * range_work(c, 0, &r);
}

static uint64_t work_zremrangebyrank(struct cmd_ctx *c)
{
    return work_zremrange(c, BY_RANK);
}

static uint64_t work_zremrangebyscore(struct cmd_ctx *c)
{
    return work_zremrange(c, BY_SCORE);
}

static uint64_t work_zremrangebylex(struct cmd_ctx *c)
{
    return work_zremrange(c, BY_LEX);
}

// clang-format off
COMMANDS(zset_range) = {
    {"zcount", 4, KEYS(1, 1, 1), LOCK_READ, CMD_FAST, cmd_zcount, "key min max", "2.0.0",
     "Counts the members of a sorted set within a range of scores."},
    {"zlexcount", 4, KEYS(1, 1, 1), LOCK_READ, CMD_FAST, cmd_zlexcount, "key min max", "2.8.9",
     "Counts the members of a sorted set within a range of bytes."},
    {"zrange", -4, KEYS(1, 1, 1), LOCK_READ, CMD_LOOK_AGAIN, cmd_zrange,
     "key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]", "1.2.0",
     "Returns the members of a sorted set within a range.",
     .work = work_zrange},
    {"zrangebylex", -4, KEYS(1, 1, 1), LOCK_READ, CMD_LOOK_AGAIN, cmd_zrangebylex,
     "key min max [LIMIT offset count]", "2.8.9",
     "Returns the members of a sorted set within a range of bytes.",
     .work = work_by_lex},
    {"zrangebyscore", -4, KEYS(1, 1, 1), LOCK_READ, CMD_LOOK_AGAIN, cmd_zrangebyscore,
     "key min max [WITHSCORES] [LIMIT offset count]", "1.0.5",
     "Returns the members of a sorted set within a range of scores.",
     .work = work_by_score},
    {"zrangestore", -5, KEYS(1, 2, 1), LOCK_WRITE,
     CMD_DENYOOM | CMD_READ_REST | CMD_LOOK_AGAIN, cmd_zrangestore,
     "dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]", "6.2.0",
     "Stores the members of a sorted set within a range.",
     .work = work_zrangestore},
    {"zremrangebylex", 4, KEYS(1, 1, 1), LOCK_WRITE, CMD_LOOK_AGAIN, cmd_zremrangebylex, "key min max", "2.8.9",
     "Removes the members of a sorted set within a range of bytes.",
     .key_use = "RW delete", .work = work_zremrangebylex},
    {"zremrangebyrank", 4, KEYS(1, 1, 1), LOCK_WRITE, 0, cmd_zremrangebyrank, "key start stop",
     "2.0.0", "Removes the members of a sorted set within a range of ranks.",
     .key_use = "RW delete", .work = work_zremrangebyrank},
    {"zremrangebyscore", 4, KEYS(1, 1, 1), LOCK_WRITE, CMD_LOOK_AGAIN, cmd_zremrangebyscore, "key min max",
     "1.2.0", "Removes the members of a sorted set within a range of scores.",
     .key_use = "RW delete", .work = work_zremrangebyscore},
    {"zrevrange", -4, KEYS(1, 1, 1), LOCK_READ, 0, cmd_zrevrange, "key start stop [WITHSCORES]",
     "1.2.0", "Returns the members of a sorted set within a range of ranks, from the highest.",
     .work = work_zrevrange},
    {"zrevrangebylex", -4, KEYS(1, 1, 1), LOCK_READ, CMD_LOOK_AGAIN, cmd_zrevrangebylex,
     "key max min [LIMIT offset count]", "2.8.9",
     "Returns the members of a sorted set within a range of bytes, from the highest.",
     .work = work_by_lex},
    {"zrevrangebyscore", -4, KEYS(1, 1, 1), LOCK_READ, CMD_LOOK_AGAIN, cmd_zrevrangebyscore,
     "key max min [WITHSCORES] [LIMIT offset count]", "2.2.0",
     "Returns the members of a sorted set within a range of scores, from the highest.",
     .work = work_by_score},
    COMMANDS_END,
};
// clang-format on
