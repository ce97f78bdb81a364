// SPDX-License-Identifier: MIT
#include "datatypes/dict_iter.h"

#include "datatypes/dict.h"
#include "datatypes/mem.h"
#include "datatypes/type_ctx.h"

// ---- walking ---------------------------------------------------------------------------------

void dict_iter_init(struct dict_iter *iter, const struct dict *dict)
{
    iter->dict = dict;
    iter->cursor = 0;
    iter->skip = 0;
    iter->next = iter->end = 0;
    iter->last = false;
}

struct collector {
    struct dict_iter *iter;
    size_t seen; // nodes of the bucket so far
};

static void collect(void *node, void *arg)
{
    struct collector *c = arg;
    struct dict_iter *iter = c->iter;
    if (c->seen++ >= iter->skip && iter->end < DICT_ITER_NODES)
        iter->nodes[iter->end++] = node;
}

// Loads the nodes of the next bucket that has some. A bucket with more nodes than there is room for
// is visited again and its first nodes skipped: their order is the same while nothing changes.
static bool refill(struct dict_iter *iter)
{
    iter->next = iter->end = 0;
    while (iter->end == 0 && !iter->last) {
        struct collector c = {.iter = iter};
        uint64_t cursor = dict_scan(iter->dict, iter->cursor, collect, &c);
        if (c.seen > iter->skip + (size_t)iter->end) {
            iter->skip += iter->end;
            continue;
        }
        iter->cursor = cursor;
        iter->skip = 0;
        iter->last = cursor == 0;
    }
    return iter->end > 0;
}

const void *dict_iter_next(struct dict_iter *iter)
{
    if (iter->next == iter->end && !refill(iter))
        return NULL;
    return iter->nodes[iter->next++];
}

// ---- drawing ---------------------------------------------------------------------------------

// A small open-addressing table of pointers with at least twice as many slots as will be used.
struct seen {
    const void **slots;
    size_t mask;
};

static bool seen_add(struct seen *seen, const void *node)
{
    // Nodes are 8-byte aligned, so the low bits say nothing; the multiplication spreads the others.
    size_t i = (uintptr_t)node / 8 * UINT64_C(0x9e3779b97f4a7c15) >> 20 & seen->mask;
    while (seen->slots[i] != NULL) {
        if (seen->slots[i] == node)
            return false;
        i = (i + 1) & seen->mask;
    }
    seen->slots[i] = node;
    return true;
}

enum status dict_draw(struct type_ctx *ctx, const struct dict *dict, size_t n,
                      void (*fn)(const void *node, void *arg), void *arg)
{
    size_t nslots = 8;
    while (nslots < 2 * n)
        nslots *= 2;
    struct seen seen = {mem_zalloc(nslots * sizeof(void *)), nslots - 1};
    if (seen.slots == NULL)
        return STATUS_NO_MEMORY;

    while (n > 0) {
        const void *node = dict_random(dict, ctx->rng);
        if (!seen_add(&seen, node))
            continue;
        fn(node, arg);
        type_step(ctx, DICT_DRAW_WORK);
        n--;
    }
    mem_free(seen.slots);
    return STATUS_OK;
}

// ---- memory ----------------------------------------------------------------------------------

size_t dict_memory_with_nodes(const struct dict *dict, size_t samples)
{
    struct dict_iter iter;
    const void *node;
    size_t seen = 0, nbytes = 0;

    dict_iter_init(&iter, dict);
    while ((samples == 0 || seen < samples) && (node = dict_iter_next(&iter)) != NULL) {
        nbytes += mem_usable(node);
        seen++;
    }
    size_t nodes =
        seen > 0 ? (size_t)((double)nbytes / (double)seen * (double)dict_count(dict)) : 0;
    return dict_memory(dict) + nodes;
}
