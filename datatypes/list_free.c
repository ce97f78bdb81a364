// SPDX-License-Identifier: MIT
//
// How lists go. A short one is freed in one piece. Of a long one the handle's memory becomes an
// item of the queue of lazyfree.h, and the chunks are freed in slices. Nobody reads inside a list
// without its key's lock, so the grace period is for the handle alone.
#include "datatypes/lazyfree.h"
#include "datatypes/list_internal.h"
#include "datatypes/mem.h"
#include "locks/epoch.h"

enum { RETIRE_SAMPLES = 1000 }; // elements looked at to estimate how much memory is retired

void list_handle_free(struct list *l)
{
    size_t n = list_chunks(l);

    for (size_t i = 0; i < n; i++)
        mem_free(list_chunk(l, i));
    mem_free(list_chain(l));
    mem_free(l);
}

static void free_handle(void *handle)
{
    list_handle_free(handle);
}

void list_free(struct value v)
{
    list_handle_free(value_pointer(v));
}

void list_chunk_drop(struct type_ctx *ctx, struct chunk *c)
{
    if (mem_usable(c) < LAZYFREE_BYTES)
        mem_free(c); // nobody reads it without the lock, so it need not be retired
    else
        lazyfree_retire_block(ctx->epoch, c);
}

// ---- in slices -------------------------------------------------------------------------------

// What the handle's memory is used for when the list is dead.
struct dead_list {
    struct lazyfree_item item;
    struct list_chain *chain; // links[begin .. end) are left
};

_Static_assert(sizeof(struct dead_list) <= sizeof(struct list), "a dead list fits its handle");

static bool free_slice(struct lazyfree_item *item, struct lazyfree *lf)
{
    struct dead_list *dead = (struct dead_list *)item;
    struct list_chain *chain = dead->chain;

    for (int i = 0; i < LAZYFREE_SLICE && chain->begin < chain->end; i++)
        lazyfree_free(lf, chain->links[--chain->end].chunk);
    if (chain->begin < chain->end)
        return true;
    mem_free(chain);
    mem_free(dead);
    lazyfree_done(lf, 1);
    return false;
}

static bool is_large(const struct list *l, size_t nbytes)
{
    return list_chunks(l) > LAZYFREE_NODES || nbytes >= LAZYFREE_BYTES;
}

// Queues a large list that nobody else can see; one object.
static void bury(void *handle, void *lazyfree)
{
    struct list_chain *chain = list_chain(handle);

    if (chain != NULL) {
        struct dead_list *dead = handle;
        *dead = (struct dead_list){{NULL, free_slice}, chain};
        lazyfree_add(lazyfree, &dead->item);
    } else {
        void *chunk = list_body_pointer(list_body(handle));
        mem_free(handle);
        lazyfree_add_block(lazyfree, chunk);
    }
}

bool list_free_lazily(struct lazyfree *lf, struct value v)
{
    bool large = is_large(value_pointer(v), list_memory(v, RETIRE_SAMPLES));

    if (large)
        bury(value_pointer(v), lf);
    else
        list_free(v);
    return large;
}

void list_retire(struct type_ctx *ctx, struct value v)
{
    size_t nbytes = list_memory(v, RETIRE_SAMPLES);

    if (is_large(value_pointer(v), nbytes) && epoch_reclaimer(ctx->epoch) != NULL)
        lazyfree_retire(ctx->epoch, value_pointer(v), bury, nbytes);
    else
        epoch_retire(ctx->epoch, value_pointer(v), free_handle, nbytes);
}
