// SPDX-License-Identifier: MIT
//
// Hashes: walking (HGETALL, HSCAN) and picking at random (HRANDFIELD).
#include <assert.h>

#include "datatypes/hash_internal.h"
#include "datatypes/rng.h"

// A dictionary is walked to sample more than 1/3 of it: below that drawing repeats itself rarely.
enum { SAMPLE_WALK_PART = 3 };

// ---- iterator --------------------------------------------------------------------------------

void hash_iter_init(struct hash_iter *iter, struct value v)
{
    iter->hash = v;
    iter->offset = 0;
    if (!hash_is_packed(v))
        dict_iter_init(&iter->nodes, hash_dict(v));
}

static bool packed_iter_next(struct hash_iter *iter)
{
    struct packed_text record[2];
    struct packed_view view;

    packed_view(hash_packed(iter->hash), &view);
    if (iter->offset >= view.nbytes)
        return false;
    iter->offset = packed_next(&hash_layout, &view, iter->offset, record);
    hash_pair_of(&iter->pair, record);
    return true;
}

bool hash_iter_next(struct hash_iter *iter)
{
    if (hash_is_packed(iter->hash))
        return packed_iter_next(iter);
    const void *node = dict_iter_next(&iter->nodes);
    if (node != NULL)
        hash_node_pair(node, &iter->pair);
    return node != NULL;
}

// ---- scan ------------------------------------------------------------------------------------

struct scan {
    void (*fn)(const struct hash_pair *, void *arg);
    void *arg;
};

static void scan_node(void *node, void *arg)
{
    struct scan *scan = arg;
    struct hash_pair pair;
    hash_node_pair(node, &pair);
    scan->fn(&pair, scan->arg);
}

uint64_t hash_scan(struct value v, uint64_t cursor, void (*fn)(const struct hash_pair *, void *arg),
                   void *arg)
{
    struct hash_iter iter;

    if (!hash_is_packed(v)) {
        struct scan scan = {fn, arg};
        return dict_scan(hash_dict(v), cursor, scan_node, &scan);
    }
    // Whatever the cursor says: another hash may have taken the key's place since it was handed
    // out.
    hash_iter_init(&iter, v);
    while (hash_iter_next(&iter))
        fn(&iter.pair, arg);
    return 0;
}

// ---- chance ----------------------------------------------------------------------------------

void hash_random(struct type_ctx *ctx, struct value v, struct hash_pair *out)
{
    struct packed_text record[2];
    struct packed_view view;
    assert(hash_count(v) > 0);

    if (!hash_is_packed(v)) {
        hash_node_pair(dict_random(hash_dict(v), ctx->rng), out);
        return;
    }
    packed_view(hash_packed(v), &view);
    packed_at(&hash_layout, &view, rng_below(ctx->rng, view.count), record);
    hash_pair_of(out, record);
}

static void sample_by_walk(struct type_ctx *ctx, struct value v, size_t count, size_t n,
                           bool (*fn)(const struct hash_pair *, void *arg), void *arg)
{
    struct hash_iter iter;

    hash_iter_init(&iter, v);
    for (size_t left = count; n > 0 && hash_iter_next(&iter); left--) {
        if (!rng_select(ctx->rng, left, n))
            continue;
        if (!fn(&iter.pair, arg))
            return;
        n--;
    }
}

struct draw {
    bool (*fn)(const struct hash_pair *, void *arg);
    void *arg;
};

static bool draw_node(const void *node, void *arg)
{
    const struct draw *draw = arg;
    struct hash_pair pair;
    hash_node_pair(node, &pair);
    return draw->fn(&pair, draw->arg);
}

enum status hash_sample(struct type_ctx *ctx, struct value v, size_t n,
                        bool (*fn)(const struct hash_pair *, void *arg), void *arg)
{
    size_t count = hash_count(v);

    n = n < count ? n : count;
    if (!hash_is_packed(v) && n <= count / SAMPLE_WALK_PART) {
        struct draw draw = {fn, arg};
        return dict_draw(hash_dict(v), ctx->rng, n, draw_node, &draw);
    }
    sample_by_walk(ctx, v, count, n, fn, arg);
    return STATUS_OK;
}
