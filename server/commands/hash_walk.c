// SPDX-License-Identifier: MIT
//
// Hash commands that walk a hash or pick from it at random.
#include "datatypes/hash.h"
#include "server/engine/cmd.h"
#include "server/engine/scan_page.h"
#include "server/engine/work.h"

// ---- walking ----------------------------------------------------------------------------------

// Replies the whole hash without a header.
static void reply_walk(struct cmd_ctx *c, struct value hash, bool fields, bool values)
{
    struct hash_iter it;

    hash_iter_init(&it, hash);
    while (hash_iter_next(&it)) {
        if (fields)
            reply_bulk(c->reply, it.pair.field, it.pair.nfield);
        if (values)
            reply_bulk(c->reply, it.pair.value, it.pair.nvalue);
        if (!cmd_step(c, 1))
            return;
    }
}

/* HGETALL key */
static void cmd_hgetall(struct cmd_ctx *c)
{
    struct value hash;

    if (!key_get_type(c, 0, TYPE_HASH, &hash))
        return;
    reply_map(c->reply, value_is_none(hash) ? 0 : hash_count(hash));
    if (!value_is_none(hash))
        reply_walk(c, hash, true, true);
}

static void reply_half(struct cmd_ctx *c, bool fields)
{
    struct value hash;

    if (!key_get_type(c, 0, TYPE_HASH, &hash))
        return;
    reply_array(c->reply, value_is_none(hash) ? 0 : hash_count(hash));
    if (!value_is_none(hash))
        reply_walk(c, hash, fields, !fields);
}

/* HKEYS key */
static void cmd_hkeys(struct cmd_ctx *c)
{
    reply_half(c, true);
}

/* HVALS key */
static void cmd_hvals(struct cmd_ctx *c)
{
    reply_half(c, false);
}

static void hscan_visit(const struct hash_pair *pair, void *arg)
{
    struct scan_page *page = arg;

    if (!scan_page_wants(page, pair->field, pair->nfield))
        return;
    reply_bulk(&page->items, pair->field, pair->nfield);
    reply_bulk(&page->items, pair->value, pair->nvalue);
    page->n += 2;
}

/* HSCAN key cursor [MATCH pattern] [COUNT count]  -> [next cursor, [field, value ...]] */
static void cmd_hscan(struct cmd_ctx *c)
{
    struct scan_args args;
    struct scan_page page;
    struct value hash;
    uint64_t cursor = 0;

    if (!scan_args_cursor(c, 2, &args) || !key_get_type(c, 0, TYPE_HASH, &hash))
        return;
    if (!value_is_none(hash) && !scan_args_options(c, 3, &args))
        return;
    scan_page_init(&page, c, &args);
    if (!value_is_none(hash)) {
        uint64_t steps = scan_args_steps(&args);
        cursor = args.cursor;
        do {
            size_t seen = page.seen;
            cursor = hash_scan(hash, cursor, hscan_visit, &page);
            if (!cmd_step(c, page.seen - seen))
                break;
        } while (cursor != 0 && --steps > 0 && page.seen < args.count);
    }
    scan_page_reply(&page, c, cursor);
}

// ---- chance -----------------------------------------------------------------------------------

struct randfield {
    struct cmd_ctx *c;
    bool with_values;
};

// In RESP2 pairs lie flat in the one array.
static void reply_header(const struct randfield *r, uint64_t n)
{
    bool flat = r->with_values && r->c->reply->protocol < 3;

    reply_array(r->c->reply, flat ? 2 * n : n);
}

static bool reply_pair(const struct hash_pair *pair, void *arg)
{
    const struct randfield *r = arg;

    if (r->with_values && r->c->reply->protocol >= 3)
        reply_array(r->c->reply, 2);
    reply_bulk(r->c->reply, pair->field, pair->nfield);
    if (r->with_values)
        reply_bulk(r->c->reply, pair->value, pair->nvalue);
    return cmd_step(r->c, 1);
}

// Replies `n` pairs, the same one any number of times.
static void reply_with_repetition(struct randfield *r, struct value hash, uint64_t n)
{
    struct hash_pair pair;

    reply_header(r, n);
    // A reply that is too long fails, and the connection is closed for it.
    for (uint64_t i = 0; i < n && !r->c->reply->failed; i++) {
        hash_random(r->c->types, hash, &pair);
        if (!reply_pair(&pair, r))
            return;
    }
}

static void reply_distinct(struct randfield *r, struct value hash, uint64_t n)
{
    size_t mark = reply_mark(r->c->reply), count = hash_count(hash);

    n = n < count ? n : count;
    reply_header(r, n);
    enum status status = hash_sample(r->c->types, hash, n, reply_pair, r);
    if (status != STATUS_OK) {
        reply_truncate(r->c->reply, mark);
        cmd_reply_status(r->c, status);
    }
}

// The count and WITHVALUES of HRANDFIELD; false: an error was replied.
static bool parse_randfield(struct cmd_ctx *c, int64_t *n, struct randfield *r)
{
    if (!cmd_arg_i64(c, 2, n))
        return false;
    if (*n == INT64_MIN) {
        reply_errorf(c->reply, "value is out of range, value must between %lld and %lld",
                     -(long long)INT64_MAX, (long long)INT64_MAX);
        return false;
    }
    r->with_values = c->argc > 3;
    if (c->argc > 4 || (c->argc == 4 && !cmd_arg_is(c, 3, "withvalues"))) {
        cmd_reply_syntax(c);
        return false;
    }
    if (r->with_values && (*n < -(INT64_MAX / 2) || *n > INT64_MAX / 2)) {
        reply_error(c->reply, "value is out of range");
        return false;
    }
    return true;
}

static void hrandfield_count(struct cmd_ctx *c)
{
    struct randfield r = {.c = c};
    struct value hash;
    int64_t n;

    if (!parse_randfield(c, &n, &r) || !key_get_type(c, 0, TYPE_HASH, &hash))
        return;
    if (value_is_none(hash) || n == 0)
        reply_empty_array(c->reply);
    else if (n < 0)
        reply_with_repetition(&r, hash, (uint64_t)-n);
    else
        reply_distinct(&r, hash, (uint64_t)n);
}

/* HRANDFIELD key [count [WITHVALUES]]  -> a field or nil; with count an array, with repetitions
 * when negative */
static void cmd_hrandfield(struct cmd_ctx *c)
{
    struct hash_pair pair;
    struct value hash;

    if (c->argc > 2) {
        hrandfield_count(c);
    } else if (key_get_type(c, 0, TYPE_HASH, &hash)) {
        if (value_is_none(hash)) {
            reply_null(c->reply);
            return;
        }
        hash_random(c->types, hash, &pair);
        reply_bulk(c->reply, pair.field, pair.nfield);
    }
}

static uint64_t hrandfield_work(struct cmd_ctx *c)
{
    uint64_t all;
    int64_t n;

    if (c->argc < 3 || !bytes_to_i64(c->argv[2], &n))
        return 1;
    if (n < 0)
        return 0 - (uint64_t)n;
    all = work_first_key(c);
    return (uint64_t)n < all ? (uint64_t)n : all;
}

// clang-format off
COMMANDS(hash_walk) = {
    {"hgetall", 2, KEYS(1, 1, 1), LOCK_READ, 0, cmd_hgetall, "key", "2.0.0",
     "Returns all fields of a hash and their values.",
     .tips = "nondeterministic_output_order", .work = work_first_key},
    {"hkeys", 2, KEYS(1, 1, 1), LOCK_READ, 0, cmd_hkeys, "key", "2.0.0",
     "Returns all fields of a hash.",
     .tips = "nondeterministic_output_order", .work = work_first_key},
    {"hrandfield", -2, KEYS(1, 1, 1), LOCK_READ, 0, cmd_hrandfield, "key [count [WITHVALUES]]",
     "6.2.0", "Returns random fields of a hash.",
     .tips = "nondeterministic_output", .work = hrandfield_work},
    {"hscan", -3, KEYS(1, 1, 1), LOCK_READ, 0, cmd_hscan,
     "key cursor [MATCH pattern] [COUNT count]", "2.8.0",
     "Lists the fields of a hash and their values in steps.",
     .tips = "nondeterministic_output", .work = scan_args_work},
    {"hvals", 2, KEYS(1, 1, 1), LOCK_READ, 0, cmd_hvals, "key", "2.0.0",
     "Returns all values of a hash.",
     .tips = "nondeterministic_output_order", .work = work_first_key},
    COMMANDS_END,
};
// clang-format on
