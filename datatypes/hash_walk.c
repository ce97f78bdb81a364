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
    struct packed_view view = packed_blob_view(hash_packed(iter->hash));
    struct packed_text record[2];

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

size_t hash_bytes(struct value v)
{
    struct hash_iter iter;
    size_t nbytes = 0;

    if (hash_is_packed(v))
        return packed_blob_view(hash_packed(v)).nbytes;
    hash_iter_init(&iter, v);
    while (hash_iter_next(&iter))
        nbytes += iter.pair.nfield + iter.pair.nvalue;
    return nbytes;
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
    assert(hash_count(v) > 0);

    if (!hash_is_packed(v)) {
        hash_node_pair(dict_random(hash_dict(v), ctx->rng), out);
        return;
    }
    struct packed_view view = packed_blob_view(hash_packed(v));
    packed_at(&hash_layout, &view, rng_below(ctx->rng, view.count), record);
    hash_pair_of(out, record);
}

static void sample_by_walk(struct type_ctx *ctx, struct value v, size_t count, size_t n,
                           void (*fn)(const struct hash_pair *, void *arg), void *arg)
{
    struct hash_iter iter;

    hash_iter_init(&iter, v);
    for (size_t left = count; n > 0 && hash_iter_next(&iter); left--) {
        type_step(ctx, 1);
        if (!rng_select(ctx->rng, left, n))
            continue;
        fn(&iter.pair, arg);
        n--;
    }
}

struct draw {
    void (*fn)(const struct hash_pair *, void *arg);
    void *arg;
};

static void draw_node(const void *node, void *arg)
{
    const struct draw *draw = arg;
    struct hash_pair pair;
    hash_node_pair(node, &pair);
    draw->fn(&pair, draw->arg);
}

enum status hash_sample(struct type_ctx *ctx, struct value v, size_t n,
                        void (*fn)(const struct hash_pair *, void *arg), void *arg)
{
    size_t count = hash_count(v);

    n = n < count ? n : count;
    if (!hash_is_packed(v) && n <= count / SAMPLE_WALK_PART) {
        struct draw draw = {fn, arg};
        return dict_draw(ctx, hash_dict(v), n, draw_node, &draw);
    }
    sample_by_walk(ctx, v, count, n, fn, arg);
    return STATUS_OK;
}
