// SPDX-License-Identifier: MIT
//
// How sets go. A small one is freed in one piece. Of a large one the handle's memory becomes an
// item of the queue of lazyfree.h, and the dictionary is taken apart in slices.
#include "datatypes/lazyfree.h"
#include "datatypes/mem.h"
#include "datatypes/set_internal.h"
#include "locks/epoch.h"

enum { RETIRE_SAMPLES = 16 }; // members looked at to estimate how much memory is retired

static void node_free(void *node, void *arg)
{
    (void)arg;
    mem_free(node);
}

void set_dict_free(struct dict *dict)
{
    dict_free(dict, node_free, NULL);
}

void set_body_free(uint64_t body)
{
    if (set_body_kind(body) == SET_BODY_DICT)
        set_dict_free(set_body_pointer(body));
    else
        mem_free(set_body_pointer(body));
}

static void free_handle(void *handle)
{
    struct set *s = handle;
    set_body_free(set_body(s));
    mem_free(s);
}

void set_free(struct value v)
{
    free_handle(value_pointer(v));
}

// ---- in slices -------------------------------------------------------------------------------

// What the handle's memory is used for when the set is dead.
struct dead_set {
    struct lazyfree_item item;
    struct dict *dict;
};

_Static_assert(sizeof(struct dead_set) <= sizeof(struct set), "a dead set fits its handle");

static void node_free_lazily(void *node, void *lazyfree)
{
    lazyfree_free(lazyfree, node);
}

static bool free_slice(struct lazyfree_item *item, struct lazyfree *lf)
{
    struct dead_set *dead = (struct dead_set *)item;

    if (dict_free_step(dead->dict, LAZYFREE_SLICE, node_free_lazily, lf))
        return true;
    mem_free(dead);
    lazyfree_done(lf, 1);
    return false;
}

static bool has_many_nodes(const struct set *s)
{
    return set_body_kind(set_body(s)) == SET_BODY_DICT && set_own_count(s) > LAZYFREE_NODES;
}

// Queues a large set that nobody else can see; one object.
static void bury(void *handle, void *lazyfree)
{
    uint64_t body = set_body(handle);
    void *pointer = set_body_pointer(body);

    if (set_body_kind(body) == SET_BODY_DICT) {
        struct dead_set *dead = handle;
        *dead = (struct dead_set){{NULL, free_slice}, pointer};
        lazyfree_add(lazyfree, &dead->item);
    } else {
        mem_free(handle);
        lazyfree_add_block(lazyfree, pointer);
    }
}

bool set_free_lazily(struct lazyfree *lf, struct value v)
{
    bool large =
        has_many_nodes(value_pointer(v)) || set_memory(v, RETIRE_SAMPLES) >= LAZYFREE_BYTES;
    if (large)
        bury(value_pointer(v), lf);
    else
        set_free(v);
    return large;
}

void set_retire(struct type_ctx *ctx, struct value v)
{
    size_t nbytes = set_memory(v, RETIRE_SAMPLES);
    bool large = has_many_nodes(value_pointer(v)) || nbytes >= LAZYFREE_BYTES;
    if (large && epoch_reclaimer(ctx->epoch) != NULL)
        lazyfree_retire(ctx->epoch, value_pointer(v), bury, nbytes);
    else
        epoch_retire(ctx->epoch, value_pointer(v), free_handle, nbytes);
}

static void free_dict_body(void *dict)
{
    set_dict_free(dict);
}

// A dictionary goes as a set of its own would, and so in slices when it is large, if there is
// memory for the handle.
static void retire_dict_body(struct type_ctx *ctx, uint64_t body, size_t count)
{
    struct set *s = set_handle_new(NO_EXPIRE, body, count);
    if (s != NULL)
        set_retire(ctx, value_make(VALUE_SET, s));
    else
        epoch_retire(ctx->epoch, set_body_pointer(body), free_dict_body,
                     set_body_memory(body, RETIRE_SAMPLES));
}

void set_body_retire(struct type_ctx *ctx, uint64_t body, size_t count)
{
    if (set_body_kind(body) == SET_BODY_DICT)
        retire_dict_body(ctx, body, count);
    else
        lazyfree_retire_block(ctx->epoch, set_body_pointer(body));
}
