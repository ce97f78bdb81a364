// SPDX-License-Identifier: MIT
//
// How sorted sets go. A small one is freed in one piece. Of a large one the handle's memory becomes
// an item of the queue of lazyfree.h, and the index is taken apart in slices.
#include "datatypes/lazyfree.h"
#include "datatypes/mem.h"
#include "datatypes/zset_internal.h"
#include "locks/epoch.h"

enum { RETIRE_SAMPLES = 16 }; // members looked at to estimate how much memory is retired

static void node_free(void *node, void *arg)
{
    (void)arg;
    mem_free(node);
}

// Frees about `budget` nodes through free_node; true while something is left. The tree first: it
// only borrows what the dictionary's walk frees.
static bool index_free_step(struct zset_index *index, size_t budget,
                            void (*free_node)(void *node, void *arg), void *arg)
{
    if (rank_tree_free_step(&index->tree, budget) ||
        dict_free_step(index->dict, budget, free_node, arg))
        return true;
    mem_free(index);
    return false;
}

void zset_index_free(struct zset_index *index)
{
    index_free_step(index, SIZE_MAX, node_free, NULL);
}

void zset_index_discard(struct type_ctx *ctx, struct zset_index *index)
{
    while (index_free_step(index, LAZYFREE_SLICE, node_free, NULL))
        type_step(ctx, LAZYFREE_SLICE);
}

void zset_body_free(uint64_t body)
{
    if (zset_body_kind(body) == ZSET_BODY_INDEX)
        zset_index_free(zset_body_pointer(body));
    else
        mem_free(zset_body_pointer(body));
}

static void free_handle(void *handle)
{
    zset_body_free(zset_body(handle));
    mem_free(handle);
}

void zset_free(struct value v)
{
    free_handle(value_pointer(v));
}

// ---- in slices -------------------------------------------------------------------------------

// What the handle's memory is used for when the set is dead.
struct dead_zset {
    struct lazyfree_item item;
    struct zset_index *index;
};

_Static_assert(sizeof(struct dead_zset) <= sizeof(struct zset), "a dead set fits its handle");

static void node_free_lazily(void *node, void *lazyfree)
{
    lazyfree_free(lazyfree, node);
}

static bool free_slice(struct lazyfree_item *item, struct lazyfree *lf)
{
    struct dead_zset *dead = (struct dead_zset *)item;

    if (index_free_step(dead->index, LAZYFREE_SLICE, node_free_lazily, lf))
        return true;
    mem_free(dead);
    lazyfree_done(lf, 1);
    return false;
}

static bool is_large(struct value v, size_t nbytes)
{
    bool is_index = zset_body_kind(zset_body(value_pointer(v))) == ZSET_BODY_INDEX;

    return (is_index && zset_count(v) > LAZYFREE_NODES) || nbytes >= LAZYFREE_BYTES;
}

// Queues a large set that nobody else can see; one object.
static void bury(void *handle, void *lazyfree)
{
    uint64_t body = zset_body(handle);
    void *pointer = zset_body_pointer(body);

    if (zset_body_kind(body) == ZSET_BODY_INDEX) {
        struct dead_zset *dead = handle;
        *dead = (struct dead_zset){{NULL, free_slice}, pointer};
        lazyfree_add(lazyfree, &dead->item);
    } else {
        mem_free(handle);
        lazyfree_add_block(lazyfree, pointer);
    }
}

bool zset_free_lazily(struct lazyfree *lf, struct value v)
{
    bool large = is_large(v, zset_memory(v, RETIRE_SAMPLES));

    if (large)
        bury(value_pointer(v), lf);
    else
        zset_free(v);
    return large;
}

void zset_retire(struct type_ctx *ctx, struct value v)
{
    size_t nbytes = zset_memory(v, RETIRE_SAMPLES);

    if (is_large(v, nbytes) && epoch_reclaimer(ctx->epoch) != NULL)
        lazyfree_retire(ctx->epoch, value_pointer(v), bury, nbytes);
    else
        epoch_retire(ctx->epoch, value_pointer(v), free_handle, nbytes);
}
