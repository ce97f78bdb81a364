// SPDX-License-Identifier: MIT
//
// Hash commands that walk a hash or pick from it at random.
#include "datatypes/hash.h"
#include "server/engine/cmd.h"
#include "server/engine/scan_page.h"
#include "server/engine/work.h"

enum { SHORT_WORK = 512 }; // bytes that may come to no more than so many units are not counted

// Work that each of a few pairs is, its bytes included: the mean of a packed hash, the most in a
// dictionary.
static uint64_t work_of_pair(struct value hash)
{
    return 1 + work_of_bytes(hash_is_packed(hash) ? hash_bytes(hash) / hash_count(hash)
                                                  : 2 * hash_longest(hash));
}

// ---- walking ----------------------------------------------------------------------------------

// Replies the whole hash without a header.
static void reply_walk(struct cmd_ctx *c, struct value hash, bool fields, bool values)
{
    struct hash_iter it;

    hash_iter_init(&it, hash);
    while (hash_iter_next(&it)) {
        if (fields)
            cmd_reply_bulk(c, it.pair.field, it.pair.nfield);
        if (values)
            cmd_reply_bulk(c, it.pair.value, it.pair.nvalue);
        if (!cmd_step(c, 1))
            return;
    }
}

// The pairs, and their bytes. Those of a dictionary are counted with the key locked, if there are
// long ones: it then has not many pairs, or was long without them.
static uint64_t work_whole(struct cmd_ctx *c)
{
    struct value hash = key_peek(c, 0);

    if (value_type(hash) != TYPE_HASH)
        return 1;
    uint64_t n = hash_count(hash);
    bool may_be_long = n * (work_of_pair(hash) - 1) > SHORT_WORK;
    bool counted = hash_is_packed(hash) || (may_be_long && keys_locked(c));
    return counted ? n + work_of_bytes(hash_bytes(hash)) : n;
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

static uint64_t hscan_step(struct value v, uint64_t cursor, struct scan_page *page)
{
    return hash_scan(v, cursor, hscan_visit, page);
}

/* HSCAN key cursor [MATCH pattern] [COUNT count]  -> [next cursor, [field, value ...]] */
static void cmd_hscan(struct cmd_ctx *c)
{
    scan_page_of_key(c, TYPE_HASH, hscan_step);
}

// ---- chance -----------------------------------------------------------------------------------

struct randfield {
    struct cmd_ctx *c;
    uint64_t n; // pairs that will be replied
    bool with_values, begun;
};

static void reply_pair(const struct hash_pair *pair, void *arg)
{
    struct randfield *r = arg;
    struct cmd_ctx *c = r->c;
    bool nested = r->with_values && c->reply->protocol >= 3; // else pairs lie flat in the one array

    // The header comes with the first pair: until then the command may still fail.
    if (!r->begun)
        reply_array(c->reply, r->with_values && !nested ? 2 * r->n : r->n);
    r->begun = true;
    if (nested)
        reply_array(c->reply, 2);
    cmd_reply_bulk(c, pair->field, pair->nfield);
    if (r->with_values)
        cmd_reply_bulk(c, pair->value, pair->nvalue);
}

// What drawing a pair is.
static uint64_t work_of_draw(struct value hash)
{
    return hash_is_packed(hash) ? 1 + hash_count(hash) / HASH_FIELDS_PER_UNIT : DICT_DRAW_WORK;
}

// The same pair any number of times.
static void reply_with_repetition(struct randfield *r, struct value hash)
{
    uint64_t each = work_of_draw(hash);
    struct hash_pair pair;

    // A reply that is too long fails, and the connection is closed for it.
    for (uint64_t i = 0; i < r->n && !r->c->reply->failed && cmd_step(r->c, each); i++) {
        hash_random(r->c->types, hash, &pair);
        reply_pair(&pair, r);
    }
}

static void reply_all(struct randfield *r, struct value hash)
{
    struct hash_iter it;

    hash_iter_init(&it, hash);
    while (hash_iter_next(&it) && cmd_step(r->c, 1))
        reply_pair(&it.pair, r);
}

static void reply_distinct(struct randfield *r, struct value hash)
{
    enum status status = hash_sample(r->c->types, hash, r->n, reply_pair, r);

    if (status != STATUS_OK)
        cmd_reply_status(r->c, status);
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
    size_t count = value_is_none(hash) ? 0 : hash_count(hash);
    r.n = n < 0 ? (uint64_t)-n : (uint64_t)n < count ? (uint64_t)n : count;
    if (count == 0 || n == 0)
        reply_empty_array(c->reply);
    else if (n < 0)
        reply_with_repetition(&r, hash);
    else if (r.n == count)
        reply_all(&r, hash);
    else
        reply_distinct(&r, hash);
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

static uint64_t work_hrandfield(struct cmd_ctx *c)
{
    struct value hash = key_peek(c, 0);
    uint64_t work;
    int64_t n;

    if (c->argc < 3 || !bytes_to_i64(c->argv[2], &n) || value_type(hash) != TYPE_HASH)
        return 1;
    size_t count = hash_count(hash);
    uint64_t wanted = n < 0 ? -(uint64_t)n : (uint64_t)n < count ? (uint64_t)n : count;
    uint64_t each = work_of_pair(hash);
    if (n < 0)
        each += work_of_draw(hash);
    return __builtin_mul_overflow(wanted, each, &work) ? UINT64_MAX : work;
}

// clang-format off
COMMANDS(hash_walk) = {
    {"hgetall", 2, KEYS(1, 1, 1), LOCK_READ, CMD_LOOK_AGAIN, cmd_hgetall, "key", "2.0.0",
     "Returns all fields of a hash and their values.",
     .tips = "nondeterministic_output_order", .work = work_whole},
    {"hkeys", 2, KEYS(1, 1, 1), LOCK_READ, CMD_LOOK_AGAIN, cmd_hkeys, "key", "2.0.0",
     "Returns all fields of a hash.",
     .tips = "nondeterministic_output_order", .work = work_whole},
    {"hrandfield", -2, KEYS(1, 1, 1), LOCK_READ, 0, cmd_hrandfield, "key [count [WITHVALUES]]",
     "6.2.0", "Returns random fields of a hash.",
     .tips = "nondeterministic_output", .work = work_hrandfield},
    {"hscan", -3, KEYS(1, 1, 1), LOCK_READ, 0, cmd_hscan,
     "key cursor [MATCH pattern] [COUNT count]", "2.8.0",
     "Lists the fields of a hash and their values in steps.",
     .tips = "nondeterministic_output", .work = scan_args_work},
    {"hvals", 2, KEYS(1, 1, 1), LOCK_READ, CMD_LOOK_AGAIN, cmd_hvals, "key", "2.0.0",
     "Returns all values of a hash.",
     .tips = "nondeterministic_output_order", .work = work_whole},
    COMMANDS_END,
};
// clang-format on
