// SPDX-License-Identifier: MIT
//
// How hashes go. A small one is freed in one piece. Of a large one in a dictionary the handle's
// memory becomes an item of the queue of lazyfree.h, and the dictionary is taken apart in slices; a
// large packed one is a single block and queued as such.
#include "datatypes/hash_internal.h"
#include "datatypes/lazyfree.h"
#include "datatypes/mem.h"
#include "locks/epoch.h"

enum { RETIRE_SAMPLES = 16 }; // nodes looked at to estimate how much memory is retired

static void node_free(void *node, void *arg)
{
    (void)arg;
    mem_free(node);
}

static void free_dict_hash(void *block)
{
    struct hash *h = block;
    dict_free(h->dict, node_free, NULL);
    mem_free(h);
}

void hash_free(struct value v)
{
    if (hash_is_packed(v))
        mem_free(value_pointer(v));
    else
        free_dict_hash(value_pointer(v));
}

void hash_discard(struct type_ctx *ctx, struct value v)
{
    while (!hash_is_packed(v) && dict_free_step(hash_dict(v), LAZYFREE_SLICE, node_free, NULL))
        type_step(ctx, LAZYFREE_SLICE);
    mem_free(value_pointer(v));
}

// ---- in slices -------------------------------------------------------------------------------

// What the handle's memory is used for when the hash is dead.
struct dead_hash {
    struct lazyfree_item item;
    struct dict *dict;
};

_Static_assert(sizeof(struct dead_hash) <= sizeof(struct hash), "a dead hash fits its handle");

static void node_free_lazily(void *node, void *lazyfree)
{
    lazyfree_free(lazyfree, node);
}

static bool free_slice(struct lazyfree_item *item, struct lazyfree *lf)
{
    struct dead_hash *dead = (struct dead_hash *)item;

    if (dict_free_step(dead->dict, LAZYFREE_SLICE, node_free_lazily, lf))
        return true;
    mem_free(dead);
    lazyfree_done(lf, 1);
    return false;
}

// Queues a large dictionary that nobody else can see; one object.
static void bury_dict(void *handle, void *lazyfree)
{
    struct dict *dict = ((struct hash *)handle)->dict;
    struct dead_hash *dead = handle;

    *dead = (struct dead_hash){{NULL, free_slice}, dict};
    lazyfree_add(lazyfree, &dead->item);
}

static bool is_large(struct value v, size_t nbytes)
{
    return nbytes >= LAZYFREE_BYTES || (!hash_is_packed(v) && hash_count(v) > LAZYFREE_NODES);
}

bool hash_free_lazily(struct lazyfree *lf, struct value v)
{
    bool large = is_large(v, hash_memory(v, RETIRE_SAMPLES));

    if (!large)
        hash_free(v);
    else if (hash_is_packed(v))
        lazyfree_add_block(lf, value_pointer(v));
    else
        bury_dict(value_pointer(v), lf);
    return large;
}

void hash_retire(struct type_ctx *ctx, struct value v)
{
    if (hash_is_packed(v)) {
        lazyfree_retire_block(ctx->epoch, value_pointer(v));
        return;
    }
    size_t nbytes = hash_memory(v, RETIRE_SAMPLES);
    if (is_large(v, nbytes) && epoch_reclaimer(ctx->epoch) != NULL)
        lazyfree_retire(ctx->epoch, value_pointer(v), bury_dict, nbytes);
    else
        epoch_retire(ctx->epoch, value_pointer(v), free_dict_hash, nbytes);
}
