// SPDX-License-Identifier: MIT
//
// Sorted sets: ranks and ranges, walking, picking at random. Everything here is in terms of ranks:
// a range of scores or members becomes a span of them, whose size is known before it is walked.
//
// The packed encoding has no links backwards. A walk downwards notes the offsets of the next few
// entries in one walk upwards, so it reads the blob once for every ZSET_ITER_OFFSETS entries.
#include <assert.h>
#include <string.h>

#include "datatypes/mem.h"
#include "datatypes/rng.h"
#include "datatypes/zset_internal.h"

enum {
    SAMPLE_WALK_PART = 3, // more than 1/3 of a set is sampled by walking it, less by drawing
    DRAW_WORK = 4,        // for each member that is drawn, see type_step()
};

static void member_from_entry(struct zset_member *m, const struct packed_zset_entry *e)
{
    *m = (struct zset_member){e->member, e->len, e->score};
}

static void member_from_pos(struct zset_member *m, const struct rank_pos *pos)
{
    zset_node_member(rank_pos_node(pos, &m->score), &m->data, &m->len);
}

// ---- ranks -----------------------------------------------------------------------------------

size_t zset_rank(struct value v, const struct zset_place *place)
{
    uint64_t body = zset_body(value_pointer(v));
    struct packed_view view;
    struct packed_zset_entry e;
    size_t rank = 0;

    if (zset_body_kind(body) == ZSET_BODY_INDEX) {
        const struct zset_index *index = zset_body_pointer(body);
        return rank_tree_rank(&index->tree, place->score, place->node);
    }
    view = packed_blob_view(zset_body_pointer(body));
    for (size_t at = 0; at < place->offset; rank++)
        at = packed_zset_next(&view, at, &e);
    return rank;
}

void zset_at(struct value v, size_t rank, struct zset_member *out)
{
    struct zset_iter iter;
    zset_iter_init(&iter, v, rank, false);
    bool there = zset_iter_next(&iter);
    assert(there);
    (void)there;
    *out = iter.member;
}

// ---- ranges ----------------------------------------------------------------------------------

static bool entry_below(const struct packed_zset_entry *e, const struct rank_bound *b)
{
    if (b->kind == RANK_BY_SCORE)
        return b->inclusive ? e->score <= b->score : e->score < b->score;
    size_t shared = e->len < b->len ? e->len : b->len;
    int order = shared == 0 ? 0 : memcmp(e->member, b->member, shared);
    if (order == 0)
        return b->inclusive ? e->len <= b->len : e->len < b->len;
    return order < 0;
}

// Number of members below the bound.
static size_t below(uint64_t body, const struct rank_bound *b)
{
    struct packed_view view;
    struct packed_zset_entry e;
    size_t rank = 0;

    if (zset_body_kind(body) == ZSET_BODY_INDEX)
        return rank_tree_below(&((const struct zset_index *)zset_body_pointer(body))->tree, b);
    if (zset_body_kind(body) == ZSET_BODY_NONE)
        return 0;
    view = packed_blob_view(zset_body_pointer(body));
    for (size_t at = 0; at < view.nbytes; rank++) {
        at = packed_zset_next(&view, at, &e);
        if (!entry_below(&e, b))
            break;
    }
    return rank;
}

static struct zset_span span_between(size_t first, size_t end)
{
    return (struct zset_span){first, end > first ? end - first : 0};
}

struct zset_span zset_score_span(struct value v, const struct zset_score_range *range)
{
    uint64_t body = zset_body(value_pointer(v));
    struct rank_bound min = {
        .kind = RANK_BY_SCORE, .inclusive = range->min_open, .score = range->min};
    struct rank_bound max = {
        .kind = RANK_BY_SCORE, .inclusive = !range->max_open, .score = range->max};

    return span_between(below(body, &min), below(body, &max));
}

// Members below a bound of bytes; the bound's own member counts as below when `inclusive`.
static size_t below_lex(struct value v, const struct zset_lex_bound *bound, bool inclusive)
{
    struct rank_bound b = {
        .kind = RANK_BY_MEMBER, .inclusive = inclusive, .member = bound->data, .len = bound->len};

    if (bound->end == ZSET_LEX_MEMBER)
        return below(zset_body(value_pointer(v)), &b);
    return bound->end == ZSET_LEX_LOWEST ? 0 : zset_count(v);
}

struct zset_span zset_lex_span(struct value v, const struct zset_lex_range *range)
{
    return span_between(below_lex(v, &range->min, range->min.open),
                        below_lex(v, &range->max, !range->max.open));
}

// ---- iterator --------------------------------------------------------------------------------

// Notes where the entries of the window that iter->rank - 1 lies in begin, up to that one.
static void note_offsets(struct zset_iter *iter, const struct packed_view *view)
{
    size_t first = (iter->rank - 1) / ZSET_ITER_OFFSETS * ZSET_ITER_OFFSETS, offset = 0;
    struct packed_zset_entry e;

    for (size_t i = 0; i < iter->rank; i++) {
        if (i >= first)
            iter->offsets[i - first] = (uint32_t)offset;
        offset = packed_zset_next(view, offset, &e);
    }
}

void zset_iter_init(struct zset_iter *iter, struct value v, size_t rank, bool down)
{
    uint64_t body = zset_body(value_pointer(v));
    struct packed_view view;
    struct packed_zset_entry e;

    iter->body = body;
    iter->down = down;
    if (zset_body_kind(body) == ZSET_BODY_INDEX) {
        const struct zset_index *index = zset_body_pointer(body);
        rank_tree_at(&index->tree, rank, &iter->pos);
        return;
    }
    if (zset_body_kind(body) == ZSET_BODY_NONE)
        return;
    view = packed_blob_view(zset_body_pointer(body));
    iter->offset = 0;
    if (down) {
        iter->rank = rank < view.count ? rank + 1 : 0;
        if (iter->rank > 0)
            note_offsets(iter, &view);
        return;
    }
    for (; rank > 0 && iter->offset < view.nbytes; rank--)
        iter->offset = packed_zset_next(&view, iter->offset, &e);
}

static bool packed_next(struct zset_iter *iter)
{
    struct packed_view view;
    struct packed_zset_entry e;

    view = packed_blob_view(zset_body_pointer(iter->body));
    if (!iter->down) {
        if (iter->offset >= view.nbytes)
            return false;
        iter->offset = packed_zset_next(&view, iter->offset, &e);
    } else {
        if (iter->rank == 0)
            return false;
        iter->rank--;
        packed_zset_next(&view, iter->offsets[iter->rank % ZSET_ITER_OFFSETS], &e);
        if (iter->rank > 0 && iter->rank % ZSET_ITER_OFFSETS == 0)
            note_offsets(iter, &view);
    }
    member_from_entry(&iter->member, &e);
    return true;
}

bool zset_iter_next(struct zset_iter *iter)
{
    switch (zset_body_kind(iter->body)) {
    case ZSET_BODY_PACKED:
        return packed_next(iter);
    case ZSET_BODY_INDEX:
        if (iter->pos.leaf == NULL)
            return false;
        member_from_pos(&iter->member, &iter->pos);
        if (iter->down)
            rank_pos_prev(&iter->pos);
        else
            rank_pos_next(&iter->pos);
        return true;
    case ZSET_BODY_NONE:
        break;
    }
    return false;
}

// ---- scan ------------------------------------------------------------------------------------

struct scan {
    void (*fn)(const struct zset_member *, void *arg);
    void *arg;
};

static void scan_node(void *node, void *arg)
{
    struct scan *scan = arg;
    struct zset_member m = {.score = zset_node_score(node)};
    zset_node_member(node, &m.data, &m.len);
    scan->fn(&m, scan->arg);
}

uint64_t zset_scan(struct value v, uint64_t cursor,
                   void (*fn)(const struct zset_member *, void *arg), void *arg)
{
    uint64_t body = zset_body(value_pointer(v));
    struct zset_iter iter;

    if (zset_body_kind(body) == ZSET_BODY_INDEX) {
        const struct zset_index *index = zset_body_pointer(body);
        struct scan scan = {fn, arg};
        return dict_scan(index->dict, cursor, scan_node, &scan);
    }
    // Whatever the cursor says: another set may have taken the key's place since it was handed out.
    zset_iter_init(&iter, v, 0, false);
    while (zset_iter_next(&iter))
        fn(&iter.member, arg);
    return 0;
}

// ---- sampling --------------------------------------------------------------------------------

// Selection sampling (Knuth, TAOCP vol. 2, 3.4.2, algorithm S): a member is taken with probability
// (still wanted) / (still to come).
static void sample_by_walk(struct type_ctx *ctx, struct value v, size_t n,
                           void (*fn)(const struct zset_member *, void *arg), void *arg)
{
    struct zset_iter iter;

    zset_iter_init(&iter, v, 0, false);
    for (size_t left = zset_count(v); n > 0 && zset_iter_next(&iter); left--) {
        type_step(ctx, 1);
        if (n < left && rng_below(ctx->rng, left) >= n)
            continue;
        fn(&iter.member, arg);
        n--;
    }
}

// A small open-addressing table of ranks + 1 with at least twice as many slots as will be used.
struct seen {
    size_t *slots;
    size_t mask;
};

static bool seen_add(struct seen *seen, size_t rank)
{
    size_t i = rank * UINT64_C(0x9e3779b97f4a7c15) >> 20 & seen->mask;

    for (; seen->slots[i] != 0; i = (i + 1) & seen->mask) {
        if (seen->slots[i] == rank + 1)
            return false;
    }
    seen->slots[i] = rank + 1;
    return true;
}

static enum status sample_by_draw(struct type_ctx *ctx, struct value v, size_t n,
                                  void (*fn)(const struct zset_member *, void *arg), void *arg)
{
    size_t nslots = 8, count = zset_count(v);

    while (nslots < 2 * n)
        nslots *= 2;
    struct seen seen = {mem_zalloc(nslots * sizeof *seen.slots), nslots - 1};
    if (seen.slots == NULL)
        return STATUS_NO_MEMORY;
    while (n > 0) {
        struct zset_member m;
        size_t rank = rng_below(ctx->rng, count);
        if (!seen_add(&seen, rank))
            continue;
        zset_at(v, rank, &m);
        fn(&m, arg);
        type_step(ctx, DRAW_WORK);
        n--;
    }
    mem_free(seen.slots);
    return STATUS_OK;
}

enum status zset_sample(struct type_ctx *ctx, struct value v, size_t n,
                        void (*fn)(const struct zset_member *, void *arg), void *arg)
{
    size_t count = zset_count(v);

    n = n < count ? n : count;
    if (!zset_is_compact(v) && n <= count / SAMPLE_WALK_PART)
        return sample_by_draw(ctx, v, n, fn, arg);
    sample_by_walk(ctx, v, n, fn, arg);
    return STATUS_OK;
}
