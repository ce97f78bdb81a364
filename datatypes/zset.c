// SPDX-License-Identifier: MIT
//
// Sorted sets
//
//     struct zset (32 bytes)
//     +0  expires_at_ms, seq     struct object
//     +16 body                   pointer | kind ----> packed_zset   a few, in order   packed_zset.h
//     +24 count                                       zset_index ─┬─> dict            dict.h
//                                                     (none)      └─> rank_tree       rank_tree.h
//                                                                     both of struct zset_node
//
// A sorted set is a packed blob until a member does not fit or a limit of struct type_limits is
// passed, then an index, and stays one. Redis calls them listpack and skiplist.
//
// Invariants
// 1. The handle never moves; body and kind are one word, so a reader never takes one for the other.
// 2. What a packed blob has published never changes. An index is changed in place: its dictionary
//    as dict.h allows with lock-free readers (DICT_OWNED: the key's write lock makes the writer the
//    only one), the score of a node by one store, its tree without regard to them, because they
//    never look there. A body or node that is replaced or removed is retired, not freed.
// 3. Every node of an index is in its dictionary and, under its score, in its tree.
// 4. `count`, the body and the scores are several words: a reader may see one changed and another
//    not. All their stores lie in the write section, and the reader's check of object.seq throws
//    such an answer away.
// 5. A function that returns STATUS_NO_MEMORY has published nothing: it allocates all it needs
//    first.
//
// Concurrency: as zset.h says for each function. [free] functions only follow words loaded with
// acquire, and every store they can see is a release (value.h, rule 4).
#include "datatypes/zset.h"

#include <assert.h>

#include "datatypes/lazyfree.h"
#include "datatypes/mem.h"
#include "datatypes/zset_internal.h"
#include "locks/epoch.h"

_Static_assert(sizeof(struct zset) == 32, "the handle is one small block");

enum { COPY_WORK = 4 }; // for each member of an index, see type_step()

// ---- nodes and indexes -----------------------------------------------------------------------

struct zset_node *zset_node_new(const char *member, size_t len, double score)
{
    struct zset_node *node = mem_alloc(sizeof *node + packed_text_size(len));
    if (node == NULL)
        return NULL;
    zset_node_set_score(node, score);
    packed_text_write(node->text, member, len);
    return node;
}

static const struct dict_type members = {.key = zset_node_member};

struct zset_index *zset_index_new(struct type_ctx *ctx)
{
    struct zset_index *index = mem_alloc(sizeof *index);
    if (index == NULL)
        return NULL;
    rank_tree_init(&index->tree);
    index->dict = dict_create(&members, DICT_OWNED, ctx->seed);
    if (index->dict != NULL)
        return index;
    mem_free(index);
    return NULL;
}

enum status zset_index_add(struct type_ctx *ctx, struct zset_index *index, uint64_t hash,
                           const char *member, size_t len, double score)
{
    struct zset_node *node = zset_node_new(member, len, score);
    void *existing = NULL;

    if (node == NULL)
        return STATUS_NO_MEMORY;
    // The tree first: what it cannot keep is private still, and taking a node out never fails.
    if (!rank_tree_insert(&index->tree, score, node)) {
        mem_free(node);
        return STATUS_NO_MEMORY;
    }
    enum status status = dict_insert(index->dict, ctx->epoch, hash, node, &existing);
    assert(existing == NULL);
    if (status != STATUS_OK) {
        rank_tree_remove(&index->tree, score, node);
        mem_free(node);
    } else {
        dict_note_length(index->dict, len);
    }
    return status;
}

// Takes a node that has left the tree out of the dictionary, too.
static void dict_drop(struct type_ctx *ctx, struct zset_index *index, uint64_t hash,
                      struct zset_node *node)
{
    bool removed = dict_remove(index->dict, ctx->epoch, hash, node);
    assert(removed);
    (void)removed;
    lazyfree_retire_block(ctx->epoch, node);
}

// ---- the body word ---------------------------------------------------------------------------

static size_t index_memory(const struct zset_index *index, size_t samples)
{
    size_t seen = 0, nbytes = 0, count = index->tree.count;
    struct rank_pos pos;

    for (rank_tree_at(&index->tree, 0, &pos); pos.leaf != NULL && (samples == 0 || seen < samples);
         rank_pos_next(&pos)) {
        double score;
        nbytes += mem_usable(rank_pos_node(&pos, &score));
        seen++;
    }
    size_t nodes = seen > 0 ? (size_t)((double)nbytes / (double)seen * (double)count) : 0;
    return mem_usable(index) + dict_memory(index->dict) + rank_tree_memory(&index->tree) + nodes;
}

size_t zset_body_memory(uint64_t body, size_t samples)
{
    if (zset_body_kind(body) == ZSET_BODY_NONE)
        return 0;
    if (zset_body_kind(body) == ZSET_BODY_INDEX)
        return index_memory(zset_body_pointer(body), samples);
    return mem_usable(zset_body_pointer(body));
}

// Writer's loads: only the writer stores these words.
static uint64_t own_body(const struct zset *z)
{
    return atomic_load_explicit(&z->body, memory_order_relaxed);
}

static size_t own_count(const struct zset *z)
{
    return atomic_load_explicit(&z->count, memory_order_relaxed);
}

// Release, as every store that lock-free readers load (value.h, rule 4).
static void publish_count(struct zset *z, size_t count)
{
    atomic_store_explicit(&z->count, count, memory_order_release);
}

// Publishes a body with its count and retires the one before, unless it is the same.
static void publish(struct type_ctx *ctx, struct zset *z, uint64_t body, size_t count)
{
    uint64_t old = own_body(z);

    if (body != old)
        atomic_store_explicit(&z->body, body, memory_order_release);
    publish_count(z, count);
    if (body == old || zset_body_kind(old) == ZSET_BODY_NONE)
        return;
    // An index is never replaced: it was a packed blob.
    lazyfree_retire_block(ctx->epoch, zset_body_pointer(old));
}

struct zset *zset_handle_new(int64_t expires_at_ms, uint64_t body, size_t count)
{
    struct zset *z = mem_alloc(sizeof *z);
    if (z == NULL)
        return NULL;
    atomic_init(&z->object.expires_at_ms, expires_at_ms);
    atomic_init(&z->object.seq, 0);
    atomic_init(&z->body, body);
    atomic_init(&z->count, count);
    return z;
}

enum status zset_new(struct type_ctx *ctx, struct value *out)
{
    (void)ctx;
    struct zset *z = zset_handle_new(NO_EXPIRE, 0, 0);
    if (z == NULL)
        return STATUS_NO_MEMORY;
    *out = value_make(VALUE_ZSET, z);
    return STATUS_OK;
}

// ---- looking up ------------------------------------------------------------------------------

bool zset_find(struct value v, const char *member, size_t len, struct zset_place *place)
{
    uint64_t body = zset_body(value_pointer(v));
    struct packed_view view;
    const struct zset_index *index;

    place->found = false;
    switch (zset_body_kind(body)) {
    case ZSET_BODY_PACKED:
        view = packed_blob_view(zset_body_pointer(body));
        place->found = packed_zset_find(&view, member, len, &place->offset, &place->score);
        break;
    case ZSET_BODY_INDEX:
        index = zset_body_pointer(body);
        place->hash = dict_hash(index->dict, member, len);
        place->node = dict_find(index->dict, place->hash, member, len);
        place->found = place->node != NULL;
        if (place->found)
            place->score = zset_node_score(place->node);
        break;
    case ZSET_BODY_NONE:
        break;
    }
    return place->found;
}

size_t zset_count(struct value v)
{
    const struct zset *z = value_pointer(v);
    return atomic_load_explicit(&z->count, memory_order_acquire);
}

size_t zset_bytes_most(struct value v, size_t n)
{
    uint64_t body = zset_body(value_pointer(v));
    const void *pointer = zset_body_pointer(body);

    switch (zset_body_kind(body)) {
    case ZSET_BODY_PACKED:
        return packed_blob_view(pointer).nbytes;
    case ZSET_BODY_INDEX:
        return dict_bytes_most(((const struct zset_index *)pointer)->dict, n);
    case ZSET_BODY_NONE:
        break;
    }
    return 0;
}

uint64_t zset_prefetch(struct value v, const char *member, size_t len)
{
    uint64_t body = zset_body(value_pointer(v)), hash;
    const struct zset_index *index = zset_body_pointer(body);

    if (zset_body_kind(body) != ZSET_BODY_INDEX)
        return 0;
    hash = dict_hash(index->dict, member, len);
    dict_prefetch(index->dict, hash);
    return hash;
}

void zset_prefetch_member(struct value v, uint64_t hash)
{
    uint64_t body = zset_body(value_pointer(v));
    const struct zset_index *index = zset_body_pointer(body);

    if (zset_body_kind(body) == ZSET_BODY_INDEX)
        dict_prefetch_node(index->dict, hash);
}

bool zset_is_compact(struct value v)
{
    return zset_body_kind(zset_body(value_pointer(v))) != ZSET_BODY_INDEX;
}

// ---- adding and changing ---------------------------------------------------------------------

static size_t limit_of(const _Atomic size_t *limit)
{
    return atomic_load_explicit(limit, memory_order_relaxed); // any recent value serves
}

bool zset_packed_may_hold(const struct type_limits *limits, size_t count, size_t longest,
                          size_t nbytes)
{
    return count <= limit_of(&limits->zset_max_packed_entries) &&
           longest <= limit_of(&limits->zset_max_packed_value) && nbytes <= PACKED_MAX_BYTES;
}

// An index of every member of a packed blob but the one at offset `without`, and of `add`; NULL
// without memory.
static struct zset_index *index_from_packed(struct type_ctx *ctx, const struct packed_view *view,
                                            size_t without, const struct packed_zset_entry *add)
{
    struct zset_index *index = zset_index_new(ctx);
    struct packed_zset_entry e;
    size_t next;

    if (index == NULL)
        return NULL;
    for (size_t at = 0; at <= view->nbytes; at = next) {
        if (at == view->nbytes)
            e = *add;
        next = at < view->nbytes ? packed_zset_next(view, at, &e) : at + 1;
        if (at == without)
            continue;
        uint64_t hash = dict_hash(index->dict, e.member, e.len);
        if (zset_index_add(ctx, index, hash, e.member, e.len, e.score) != STATUS_OK) {
            zset_index_free(index);
            return NULL;
        }
    }
    return index;
}

static enum status put_in_packed(struct type_ctx *ctx, struct zset *z,
                                 const struct zset_place *place,
                                 const struct packed_zset_entry *add)
{
    struct packed_blob *ps = zset_body_pointer(own_body(z));
    struct packed_view view;
    struct packed_zset_entry old;
    size_t from = place->found ? place->offset : SIZE_MAX, to = from;

    view = packed_blob_view(ps);
    size_t count = view.count + !place->found;
    size_t nbytes = view.nbytes + packed_zset_entry_size(add);
    // Redis looks at the limits only when a member comes.
    if (place->found ? nbytes > PACKED_MAX_BYTES
                     : !zset_packed_may_hold(ctx->limits, count, add->len, nbytes)) {
        const struct zset_index *index = index_from_packed(ctx, &view, from, add);
        if (index == NULL)
            return STATUS_NO_MEMORY;
        publish(ctx, z, zset_body_make(ZSET_BODY_INDEX, index), count);
        return STATUS_OK;
    }
    if (place->found)
        to = packed_zset_next(&view, from, &old);
    ps = packed_zset_change(ps, place->found ? from : 0, place->found ? to : 0, place->found, add);
    if (ps == NULL)
        return STATUS_NO_MEMORY;
    publish(ctx, z, zset_body_make(ZSET_BODY_PACKED, ps), count);
    return STATUS_OK;
}

static enum status put_in_index(struct type_ctx *ctx, struct zset *z,
                                const struct zset_place *place, const char *member, size_t len,
                                double score)
{
    struct zset_index *index = zset_body_pointer(own_body(z));

    if (place->found) {
        if (!rank_tree_move(&index->tree, place->score, score, place->node))
            return STATUS_NO_MEMORY;
        zset_node_set_score(place->node, score);
        return STATUS_OK;
    }
    enum status status = zset_index_add(ctx, index, place->hash, member, len, score);
    if (status == STATUS_OK)
        publish_count(z, own_count(z) + 1);
    return status;
}

// The first member of a set decides nothing but whether it fits.
static enum status put_first(struct type_ctx *ctx, struct zset *z,
                             const struct packed_zset_entry *add)
{
    size_t nbytes = packed_zset_entry_size(add);
    void *pointer;

    if (!zset_packed_may_hold(ctx->limits, 1, add->len, nbytes)) {
        pointer = index_from_packed(ctx, &(struct packed_view){.nbytes = 0}, SIZE_MAX, add);
        if (pointer == NULL)
            return STATUS_NO_MEMORY;
        publish(ctx, z, zset_body_make(ZSET_BODY_INDEX, pointer), 1);
        return STATUS_OK;
    }
    pointer = packed_blob_new(0, nbytes);
    if (pointer == NULL)
        return STATUS_NO_MEMORY;
    packed_zset_push(pointer, add);
    publish(ctx, z, zset_body_make(ZSET_BODY_PACKED, pointer), 1);
    return STATUS_OK;
}

enum status zset_put(struct type_ctx *ctx, struct value v, const struct zset_place *place,
                     const char *member, size_t len, double score)
{
    struct zset *z = value_pointer(v);
    struct packed_zset_entry add = {member, len, score};

    switch (zset_body_kind(own_body(z))) {
    case ZSET_BODY_PACKED:
        return put_in_packed(ctx, z, place, &add);
    case ZSET_BODY_INDEX:
        return put_in_index(ctx, z, place, member, len, score);
    case ZSET_BODY_NONE:
        break;
    }
    return put_first(ctx, z, &add);
}

static struct zset_index *own_index(struct value v)
{
    uint64_t body = own_body(value_pointer(v));

    assert(zset_body_kind(body) == ZSET_BODY_INDEX);
    return zset_body_pointer(body);
}

enum status zset_rescore(struct value v, struct zset_node *node, double to)
{
    if (!rank_tree_insert(&own_index(v)->tree, to, node))
        return STATUS_NO_MEMORY;
    zset_node_set_score(node, to);
    return STATUS_OK;
}

void zset_rescore_keep(struct value v, const struct zset_node *node, double from)
{
    rank_tree_remove(&own_index(v)->tree, from, node);
}

void zset_rescore_undo(struct value v, struct zset_node *node, double from, double to)
{
    rank_tree_remove(&own_index(v)->tree, to, node);
    zset_node_set_score(node, from);
}

// ---- removing --------------------------------------------------------------------------------

// Removes `n` entries in [from, to) from the packed blob of z.
static enum status remove_from_packed(struct type_ctx *ctx, struct zset *z, size_t from, size_t to,
                                      size_t n)
{
    struct packed_blob *ps = zset_body_pointer(own_body(z));
    size_t count = own_count(z) - n;

    if (count == 0) {
        publish(ctx, z, 0, 0);
        return STATUS_OK;
    }
    ps = packed_zset_change(ps, from, to, n, NULL);
    if (ps == NULL)
        return STATUS_NO_MEMORY;
    publish(ctx, z, zset_body_make(ZSET_BODY_PACKED, ps), count);
    return STATUS_OK;
}

enum status zset_remove(struct type_ctx *ctx, struct value v, const struct zset_place *place)
{
    struct zset *z = value_pointer(v);
    uint64_t body = own_body(z);
    assert(place->found);

    if (zset_body_kind(body) == ZSET_BODY_PACKED) {
        struct packed_view view;
        struct packed_zset_entry e;
        view = packed_blob_view(zset_body_pointer(body));
        size_t to = packed_zset_next(&view, place->offset, &e);
        return remove_from_packed(ctx, z, place->offset, to, 1);
    }
    struct zset_index *index = zset_body_pointer(body);
    rank_tree_remove(&index->tree, place->score, place->node);
    dict_drop(ctx, index, place->hash, place->node);
    publish_count(z, own_count(z) - 1);
    return STATUS_OK;
}

struct dropper {
    struct type_ctx *ctx;
    struct zset_index *index;
};

static void drop_node(struct zset_node *node, void *arg)
{
    const struct dropper *d = arg;
    const char *member;
    size_t len;
    zset_node_member(node, &member, &len);
    dict_drop(d->ctx, d->index, dict_hash(d->index->dict, member, len), node);
}

enum status zset_remove_range(struct type_ctx *ctx, struct value v, size_t first, size_t n)
{
    struct zset *z = value_pointer(v);
    uint64_t body = own_body(z);

    if (n == 0)
        return STATUS_OK;
    if (zset_body_kind(body) == ZSET_BODY_PACKED) {
        struct packed_view view;
        struct packed_zset_entry e;
        size_t from = 0;
        view = packed_blob_view(zset_body_pointer(body));
        for (; first > 0; first--)
            from = packed_zset_next(&view, from, &e);
        size_t to = from;
        for (size_t i = 0; i < n; i++)
            to = packed_zset_next(&view, to, &e);
        return remove_from_packed(ctx, z, from, to, n);
    }
    struct dropper d = {ctx, zset_body_pointer(body)};
    publish_count(z, own_count(z) - n);
    while (n > 0)
        n -= rank_tree_remove_at(&d.index->tree, first, n, drop_node, &d);
    return STATUS_OK;
}

// ---- parts of value.c ------------------------------------------------------------------------

static struct zset_index *index_copy(struct type_ctx *ctx, const struct zset_index *from)
{
    struct zset_index *index = zset_index_new(ctx);
    struct rank_pos pos;

    if (index == NULL)
        return NULL;
    for (rank_tree_at(&from->tree, 0, &pos); pos.leaf != NULL; rank_pos_next(&pos)) {
        const char *member;
        size_t len;
        double score;
        type_step(ctx, COPY_WORK);
        zset_node_member(rank_pos_node(&pos, &score), &member, &len);
        uint64_t hash = dict_hash(index->dict, member, len);
        if (zset_index_add(ctx, index, hash, member, len, score) != STATUS_OK) {
            zset_index_discard(ctx, index);
            return NULL;
        }
    }
    return index;
}

enum status zset_copy(struct type_ctx *ctx, struct value v, struct value *out)
{
    uint64_t body = zset_body(value_pointer(v));
    enum zset_body_kind kind = zset_body_kind(body);
    void *copy = NULL;

    if (kind == ZSET_BODY_PACKED)
        copy = packed_blob_copy(zset_body_pointer(body), 0);
    else if (kind == ZSET_BODY_INDEX)
        copy = index_copy(ctx, zset_body_pointer(body));
    if (copy == NULL && kind != ZSET_BODY_NONE)
        return STATUS_NO_MEMORY;

    uint64_t copied = zset_body_make(kind, copy);
    struct zset *handle = zset_handle_new(value_expires_at(v), copied, zset_count(v));
    if (handle == NULL) {
        zset_body_free(copied);
        return STATUS_NO_MEMORY;
    }
    *out = value_make(VALUE_ZSET, handle);
    return STATUS_OK;
}

size_t zset_memory(struct value v, size_t samples)
{
    const struct zset *z = value_pointer(v);
    return mem_usable(z) + zset_body_memory(zset_body(z), samples);
}

const char *zset_encoding(struct value v)
{
    return zset_is_compact(v) ? "listpack" : "skiplist";
}
