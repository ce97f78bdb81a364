// SPDX-License-Identifier: MIT
//
// The model of sorted set commands. A sorted set is its members in the order of their scores and
// then of their bytes, each with its score behind it. Scores are integers that a double tells
// apart.
#include "tests/lib/kv_command.h"

#include <string.h>

#include "tests/lib/check.h"

enum { MEMBERS_MAX = KV_ITEMS_MAX / 2 };
#define SCORE_MAX (INT64_C(1) << 53)

struct scored {
    struct bytes member;
    int64_t score;
};

// A sorted set that is being made.
struct zset {
    struct scored members[MEMBERS_MAX];
    int n;
};

static int64_t score_of(struct bytes text)
{
    int64_t n;

    check(kv_integer(text, &n));
    return n;
}

// ---- members ------------------------------------------------------------------------------------

// Index of the member, -1: there is none.
static int find(const struct zset *z, struct bytes member)
{
    for (int i = 0; i < z->n; i++) {
        if (bytes_equal(z->members[i].member, member))
            return i;
    }
    return -1;
}

static void remove_at(struct zset *z, int at, int n)
{
    z->n -= n;
    memmove(&z->members[at], &z->members[at + n], (size_t)(z->n - at) * sizeof *z->members);
}

static bool take_out(struct zset *z, struct bytes member)
{
    int at = find(z, member);

    if (at >= 0)
        remove_at(z, at, 1);
    return at >= 0;
}

static bool goes_before(const struct scored *a, const struct scored *b)
{
    return a->score != b->score ? a->score < b->score : bytes_compare(a->member, b->member) < 0;
}

static void put(struct zset *z, struct bytes member, int64_t score)
{
    struct scored new = {member, score};
    int at = 0;

    take_out(z, member);
    check(score < SCORE_MAX && score > -SCORE_MAX && z->n < MEMBERS_MAX);
    while (at < z->n && goes_before(&z->members[at], &new))
        at++;
    memmove(&z->members[at + 1], &z->members[at], (size_t)(z->n - at) * sizeof new);
    z->members[at] = new;
    z->n++;
}

// ---- values -------------------------------------------------------------------------------------

static void read_value(const struct kv_value *v, struct zset *z)
{
    z->n = v->n / 2;
    for (int i = 0; i < z->n; i++)
        z->members[i] = (struct scored){v->items[2 * i], score_of(v->items[2 * i + 1])};
}

// False: replied WRONGTYPE.
static bool get(struct kv_run *r, struct zset *z)
{
    const struct kv_value *v = kv_get_type(r, 0, KV_ZSET);

    if (v)
        read_value(v, z);
    return v != NULL;
}

static void store(struct kv_run *r, const struct zset *z)
{
    char text[MEMBERS_MAX][KV_INTEGER_CHARS];
    struct bytes items[KV_ITEMS_MAX];

    for (int i = 0; i < z->n; i++) {
        items[2 * i] = z->members[i].member;
        items[2 * i + 1] = kv_integer_text(z->members[i].score, text[i]);
    }
    kv_put(r, 0, KV_ZSET, items, 2 * z->n);
}

static void reply_score(struct kv_run *r, int64_t score)
{
    char text[KV_INTEGER_CHARS];

    kv_reply_bulk(r, kv_integer_text(score, text));
}

// n members from `first` on, forwards or backwards.
static void reply_members(struct kv_run *r, const struct zset *z, int first, int n, bool backwards,
                          bool with_scores)
{
    strbuf_addf(r->reply, "[");
    for (int i = 0; i < n; i++) {
        const struct scored *s = &z->members[backwards ? first - i : first + i];
        strbuf_addf(r->reply, i ? " " : "");
        kv_reply_bulk(r, s->member);
        if (with_scores) {
            strbuf_addf(r->reply, " ");
            reply_score(r, s->score);
        }
    }
    strbuf_addf(r->reply, "]");
}

// ---- writes -------------------------------------------------------------------------------------

enum option { NX = 1, XX = 2, CH = 4, INCR = 8 };

static int option_of(const struct kv_run *r, int arg)
{
    static const char *const NAMES[] = {"nx", "xx", "ch", "incr"};

    for (int i = 0; i < 4; i++) {
        if (kv_arg_is(r, arg, NAMES[i]))
            return 1 << i;
    }
    return 0;
}

// ZADD and ZINCRBY of one member; false: an option forbids it.
static bool add(struct zset *z, int options, struct bytes member, int64_t score, int64_t *added,
                int64_t *changed)
{
    int at = find(z, member);

    if (options & (at < 0 ? XX : NX))
        return false;
    if (at >= 0 && options & INCR)
        score += z->members[at].score;
    *added += at < 0;
    *changed += at >= 0 && z->members[at].score != score;
    put(z, member, score);
    return true;
}

// ZADD key [NX|XX] [CH] [INCR] score member [score member ...]
static void run_zadd(struct kv_run *r)
{
    int options = 0, option, arg = 2;
    int64_t added = 0, changed = 0;
    bool done = false;
    struct zset z;

    if (!get(r, &z))
        return;
    for (; (option = option_of(r, arg)) != 0; arg++)
        options |= option;
    for (; arg < r->argc; arg += 2)
        done = add(&z, options, r->argv[arg + 1], score_of(r->argv[arg]), &added, &changed);
    store(r, &z);
    if (!(options & INCR))
        kv_reply_int(r, options & CH ? added + changed : added);
    else if (done)
        reply_score(r, z.members[find(&z, r->argv[r->argc - 1])].score);
    else
        kv_reply_nil(r);
}

static void run_zincrby(struct kv_run *r)
{
    int64_t added = 0, changed = 0;
    struct zset z;

    if (!get(r, &z))
        return;
    add(&z, INCR, r->argv[3], score_of(r->argv[2]), &added, &changed);
    store(r, &z);
    reply_score(r, z.members[find(&z, r->argv[3])].score);
}

static void run_zrem(struct kv_run *r)
{
    int64_t removed = 0;
    struct zset z;

    if (!get(r, &z))
        return;
    for (int i = 2; i < r->argc; i++)
        removed += take_out(&z, r->argv[i]);
    store(r, &z);
    kv_reply_int(r, removed);
}

static void run_zremrangebyrank(struct kv_run *r)
{
    struct zset z;
    int first;

    if (!get(r, &z))
        return;
    int n = kv_range(r, 2, z.n, &first);
    if (n > 0)
        remove_at(&z, first, n);
    store(r, &z);
    kv_reply_int(r, n);
}

// ZPOPMIN and ZPOPMAX key [count]
static void pop(struct kv_run *r, bool from_end)
{
    int64_t count = 1;
    struct zset z;

    if (!get(r, &z))
        return;
    check(r->argc == 2 || (kv_integer(r->argv[2], &count) && count >= 0));
    int n = count < z.n ? (int)count : z.n;
    reply_members(r, &z, from_end ? z.n - 1 : 0, n, from_end, true);
    remove_at(&z, from_end ? z.n - n : 0, n);
    store(r, &z);
}

static void run_zpopmin(struct kv_run *r)
{
    pop(r, false);
}

static void run_zpopmax(struct kv_run *r)
{
    pop(r, true);
}

// ---- reads --------------------------------------------------------------------------------------

static void run_zcard(struct kv_run *r)
{
    struct zset z;

    if (get(r, &z))
        kv_reply_int(r, z.n);
}

static void reply_score_of(struct kv_run *r, const struct zset *z, struct bytes member)
{
    int at = find(z, member);

    if (at < 0)
        kv_reply_nil(r);
    else
        reply_score(r, z->members[at].score);
}

static void run_zscore(struct kv_run *r)
{
    struct zset z;

    if (get(r, &z))
        reply_score_of(r, &z, r->argv[2]);
}

static void run_zmscore(struct kv_run *r)
{
    struct zset z;

    if (!get(r, &z))
        return;
    strbuf_addf(r->reply, "[");
    for (int i = 2; i < r->argc; i++) {
        strbuf_addf(r->reply, i > 2 ? " " : "");
        reply_score_of(r, &z, r->argv[i]);
    }
    strbuf_addf(r->reply, "]");
}

static void reply_rank(struct kv_run *r, bool from_end)
{
    struct zset z;

    if (!get(r, &z))
        return;
    int at = find(&z, r->argv[2]);
    if (at < 0)
        kv_reply_nil(r);
    else
        kv_reply_int(r, from_end ? z.n - 1 - at : at);
}

static void run_zrank(struct kv_run *r)
{
    reply_rank(r, false);
}

static void run_zrevrank(struct kv_run *r)
{
    reply_rank(r, true);
}

// ZCOUNT with integers for bounds.
static void run_zcount(struct kv_run *r)
{
    int64_t min = score_of(r->argv[2]), max = score_of(r->argv[3]), n = 0;
    struct zset z;

    if (!get(r, &z))
        return;
    for (int i = 0; i < z.n; i++)
        n += z.members[i].score >= min && z.members[i].score <= max;
    kv_reply_int(r, n);
}

// ZRANGE key start stop [WITHSCORES]
static void run_zrange(struct kv_run *r)
{
    struct zset z;
    int first;

    if (!get(r, &z))
        return;
    int n = kv_range(r, 2, z.n, &first);
    reply_members(r, &z, first, n, false, kv_arg_is(r, 4, "withscores"));
}

// ---- several ------------------------------------------------------------------------------------

// A source of ZUNIONSTORE and ZINTERSTORE: of a set each member has the score 1.
static bool get_source(struct kv_run *r, int i, struct zset *z)
{
    const struct kv_value *v = kv_get(r, i);

    if (v->type != KV_SET) {
        v = kv_get_type(r, i, KV_ZSET);
        if (v)
            read_value(v, z);
        return v != NULL;
    }
    z->n = 0;
    for (int k = 0; k < v->n; k++)
        put(z, v->items[k], 1);
    return true;
}

// Scores of a member in several sources add up.
static void combine(struct zset *z, const struct zset *with, bool intersect)
{
    struct zset sum = {.n = 0};

    for (int i = 0; i < with->n; i++) {
        const struct scored *s = &with->members[i];
        int at = find(z, s->member);
        if (at >= 0 || !intersect)
            put(&sum, s->member, s->score + (at >= 0 ? z->members[at].score : 0));
    }
    for (int i = 0; i < z->n && !intersect; i++) {
        if (find(with, z->members[i].member) < 0)
            put(&sum, z->members[i].member, z->members[i].score);
    }
    *z = sum;
}

// ZUNIONSTORE and ZINTERSTORE destination numkeys key [key ...]
static void store_combination(struct kv_run *r, bool intersect)
{
    struct zset z, with;

    for (int i = 1; i < r->nkeys; i++) {
        if (!get_source(r, i, i == 1 ? &z : &with))
            return;
        if (i > 1)
            combine(&z, &with, intersect);
    }
    store(r, &z);
    kv_reply_int(r, z.n);
}

static void run_zunionstore(struct kv_run *r)
{
    store_combination(r, false);
}

static void run_zinterstore(struct kv_run *r)
{
    store_combination(r, true);
}

const struct kv_command kv_zset_commands[] = {
    {"zadd", 1, 1, 1, 0, run_zadd},
    {"zcard", 1, 1, 1, KV_READ, run_zcard},
    {"zcount", 1, 1, 1, KV_READ, run_zcount},
    {"zincrby", 1, 1, 1, 0, run_zincrby},
    {"zinterstore", 1, 1, 1, 0, run_zinterstore, 2},
    {"zmscore", 1, 1, 1, KV_READ, run_zmscore},
    {"zpopmax", 1, 1, 1, 0, run_zpopmax},
    {"zpopmin", 1, 1, 1, 0, run_zpopmin},
    {"zrange", 1, 1, 1, KV_READ, run_zrange},
    {"zrank", 1, 1, 1, KV_READ, run_zrank},
    {"zrem", 1, 1, 1, 0, run_zrem},
    {"zremrangebyrank", 1, 1, 1, 0, run_zremrangebyrank},
    {"zrevrank", 1, 1, 1, KV_READ, run_zrevrank},
    {"zscore", 1, 1, 1, KV_READ, run_zscore},
    {"zunionstore", 1, 1, 1, 0, run_zunionstore, 2},
    {NULL},
};
